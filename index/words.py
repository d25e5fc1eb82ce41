"""The word index: BM25 over titles, abstracts and headings, and the one place where filters are decided."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, Self

import numpy as np
import numpy.typing as npt
import tantivy

from pubmed_rag.core.errors import UsageError, translate
from pubmed_rag.core.records import Filters
from pubmed_rag.core.store import StoredArticle
from pubmed_rag.core.text import normalise
from pubmed_rag.index.analysis import register, terms
from pubmed_rag.index.word_fields import JOURNAL, code_of, document, fold, schema

log = logging.getLogger(__name__)

Keys = npt.NDArray[np.int64]
Scores = npt.NDArray[np.float32]

_WRITER_BYTES = 128_000_000
_FIELD_WEIGHTS = {"text": 1.0, "title": 0.3, "headings": 0.3}
"""Text and title chosen on SciFact's training claims; headings, which it lacks, not measured (docs/search.md)."""
_FIRST_YEAR, _LAST_YEAR = 0, 9999
_PORTION = 1_000_000
_REMEMBERED_KEYS = 20_000_000
"""160 MB: filters recur, and most searches leave out retracted papers."""
_TIES = 20
"""Asked for beyond what is wanted, to see where equal scores end."""


@dataclass(frozen=True, slots=True)
class WordHits:
    """``keys`` (n,) int64 and ``scores`` (n,) float32, BM25, descending; ties by rising key. ``total`` matches."""

    keys: Keys
    scores: Scores
    total: int


class WordIndex(Protocol):
    """What ``index`` needs of an engine for words."""

    def search(self, query: str, top: int, filters: Filters) -> WordHits:
        """The best ``top`` articles for the words of ``query`` among those that pass ``filters``."""

    def scores_of(self, query: str, keys: Keys) -> Scores:
        """BM25 of exactly these articles (n,); 0 where no word matches."""

    def matching(self, filters: Filters) -> Keys:
        """Keys of all articles that pass ``filters``, rising."""

    def count(self) -> int:
        """Number of articles."""

    def frequency(self, field: str, term: str) -> int:
        """How many articles have ``term`` in ``field``."""


class TantivyIndex:
    """A word index on disk. BM25 with tantivy's fixed k1 = 1.2, b = 0.75. ``portion``: keys listed at a time."""

    def __init__(self, index: tantivy.Index, portion: int = _PORTION) -> None:
        self._index = index
        self._schema = index.schema
        self._searcher = index.searcher()
        self._portion = portion
        self._everything: Keys | None = None
        self._remembered: dict[Filters, Keys] = {}
        self._lock = threading.Lock()

    @classmethod
    def open(cls, directory: Path) -> Self:
        """Open an index for reading. Raises ``ValueError`` if there is none."""
        index = tantivy.Index.open(str(directory))
        register(index)
        return cls(index)

    def search(self, query: str, top: int, filters: Filters) -> WordHits:
        wanted = self._with_filters(self.ranked_words(dict.fromkeys(terms(normalise(query)), 1.0)), filters)
        return self.best(wanted, top)

    def scores_of(self, query: str, keys: Keys) -> Scores:
        return self.scores_among(self.ranked_words(dict.fromkeys(terms(normalise(query)), 1.0)), keys)

    def matching(self, filters: Filters) -> Keys:
        with self._lock:
            keys = self._remembered.pop(filters, None)
            if keys is None:
                keys = self.keys_of(self.filtered(filters))
                keys.setflags(write=False)
            self._remembered[filters] = keys
            while len(self._remembered) > 1 and sum(map(len, self._remembered.values())) > _REMEMBERED_KEYS:
                self._remembered.pop(next(iter(self._remembered)))
            return keys

    def count(self) -> int:
        return int(self._searcher.num_docs)

    # -- for whole queries: index/pubmed_search.py composes them, this runs them ------------------------

    @property
    def schema(self) -> tantivy.Schema:
        return self._schema

    def filtered(self, filters: Filters) -> tantivy.Query:
        """All articles that pass ``filters``, without scores."""
        return unscored(self._all_of(self._conditions(filters)))

    def ranked_words(self, words: Mapping[str, float]) -> tantivy.Query:
        """Articles with any of ``words`` (index terms, as ``analysis.terms`` gives them), by BM25 times weight."""
        should = [
            (
                tantivy.Occur.Should,
                tantivy.Query.boost_query(tantivy.Query.term_query(self._schema, name, term), weight * share),
            )
            for term, share in words.items()
            for name, weight in _FIELD_WEIGHTS.items()
        ]
        return tantivy.Query.boolean_query(should) if should else tantivy.Query.empty_query()

    def best(self, query: tantivy.Query, top: int) -> WordHits:
        """The ``top`` articles with the highest scores."""
        # More than asked, so that equal scores at the cut are broken by key and not by segment layout.
        wanted = top + _TIES
        while True:
            result = self._searcher.search(query, wanted)
            # float32, and to a precision at which the order of summation in a segment no longer shows
            scores: Scores = np.array([score for score, _ in result.hits], dtype=np.float32).round(4)
            if len(scores) < wanted or scores[-1] < scores[top - 1]:
                break
            wanted *= 8
        keys = self._keys_at([address for _, address in result.hits])
        order = np.lexsort((keys, -scores))[:top]
        return WordHits(keys[order], scores[order], int(getattr(result, "count", 0) or 0))

    def scores_among(self, query: tantivy.Query, keys: Keys) -> Scores:
        """The score (n,) of exactly these articles; 0 where ``query`` does not match."""
        hits = self.best(self._all_of([query, self._keys_query(keys)]), max(1, len(keys)))
        scores = np.zeros(len(keys), dtype=np.float32)
        order = np.argsort(keys)
        scores[order[np.searchsorted(keys, hits.keys, sorter=order)]] = hits.scores
        return scores

    def latest(self, query: tantivy.Query, top: int, by: str) -> WordHits:
        """The ``top`` articles with the highest number in the field ``by``, which no two articles share.

        The score of the first is 1, of the second 1/2, and so on.
        """
        result = self._searcher.search(query, top, order_by_field=by)
        scores = (1.0 / np.arange(1, len(result.hits) + 1)).astype(np.float32)
        return WordHits(
            self._keys_at([address for _, address in result.hits]), scores, int(getattr(result, "count", 0) or 0)
        )

    def keys_of(self, query: tantivy.Query) -> Keys:
        """Keys of all articles that ``query`` matches, rising."""
        everything = self._all_keys()
        if self.count_of(query) <= len(everything) // 2:
            return self._listed(query)
        # What is not matched is the shorter list, and listing costs half a microsecond an article.
        rest = tantivy.Query.boolean_query(
            [(tantivy.Occur.Must, tantivy.Query.all_query()), (tantivy.Occur.MustNot, query)]
        )
        return np.setdiff1d(everything, self._listed(rest), assume_unique=True)

    def count_of(self, query: tantivy.Query) -> int:
        """How many articles ``query`` matches."""
        result = self._searcher.search(query, 1, order_by_field="key")
        return int(getattr(result, "count", 0) or 0)

    def any_of(self, query: tantivy.Query) -> bool:
        """Whether ``query`` matches any article."""
        return bool(self._searcher.search(query, 1, count=False, order_by_field="key").hits)

    def any_in_journal(self, name: str) -> int | None:
        """The key of an article whose journal has this title, abbreviation or ISSN."""
        query = tantivy.Query.term_query(self._schema, "code", code_of(JOURNAL, name))
        found = self._searcher.search(query, 1, count=False, order_by_field="key").hits
        return int(found[0][0]) if found else None

    def frequency(self, field: str, term: str) -> int:
        """How many articles have ``term`` in ``field``; deleted ones count until they are merged away."""
        return int(self._searcher.doc_freq(field, term))

    def vocabulary(self, field: str, prefix: str, most: int) -> list[tuple[str, int]]:
        """Terms of ``field`` that begin with ``prefix`` and in how many articles they are, most frequent first."""
        return list(self._searcher.terms_with_prefix(field, prefix, limit=most))

    def _all_keys(self) -> Keys:
        if self._everything is None:
            self._everything = self._listed(tantivy.Query.all_query())
        return self._everything

    def _listed(self, query: tantivy.Query) -> Keys:
        """In portions, since a hit takes some 150 bytes on its way to 8."""
        last = self._searcher.search(tantivy.Query.all_query(), 1, count=False, order_by_field="key").hits
        portions = [np.empty(0, np.int64)]
        for first in range(0, last[0][0] + 1 if last else 0, self._portion):
            portion = query
            if last[0][0] >= self._portion:
                within = tantivy.Query.range_query(
                    self._schema, "key", tantivy.FieldType.Unsigned, first, first + self._portion - 1
                )
                portion = self._all_of([query, within])
            hits = self._searcher.search(
                portion, self._portion, count=False, order_by_field="key", order=tantivy.Order.Asc
            ).hits
            portions.append(np.fromiter((key for key, _ in hits), dtype=np.int64, count=len(hits)))
        return np.concatenate(portions)

    def _keys_at(self, addresses: list[tantivy.DocAddress]) -> Keys:
        return np.array(self._searcher.fast_field_values("key", addresses), dtype=np.int64)

    def _with_filters(self, query: tantivy.Query, filters: Filters) -> tantivy.Query:
        if not filters.active:
            return query
        return self._all_of([query, self.filtered(filters)])

    def _conditions(self, filters: Filters) -> list[tantivy.Query]:
        conditions: list[tantivy.Query] = [tantivy.Query.all_query()]
        if filters.year_from is not None or filters.year_to is not None:
            conditions.append(self._between("year", filters.year_from, filters.year_to, _FIRST_YEAR, _LAST_YEAR))
        if filters.entered_from is not None or filters.entered_to is not None:
            conditions.append(
                self._between(
                    "entered", _day(filters.entered_from, last=False), _day(filters.entered_to, last=True), 0, 99991231
                )
            )
        for name, values in (
            ("publication_type", filters.publication_types),
            ("mesh", filters.mesh),
            ("journal", filters.journals),
            ("language", filters.languages),
            ("id", filters.ids),
        ):
            if values:
                folded = list(values) if name == "id" else [fold(value) for value in values]
                conditions.append(tantivy.Query.term_set_query(self._schema, name, folded))
        for name, flag in (("has_abstract", filters.has_abstract), ("retracted", filters.retracted)):
            if flag is not None:
                conditions.append(tantivy.Query.term_query(self._schema, name, flag))
        return conditions

    def _between(self, name: str, low: int | None, high: int | None, lowest: int, highest: int) -> tantivy.Query:
        return tantivy.Query.range_query(
            self._schema,
            name,
            tantivy.FieldType.Integer,
            lowest if low is None else low,
            highest if high is None else high,
        )

    def _keys_query(self, keys: Keys) -> tantivy.Query:
        return unscored(tantivy.Query.term_set_query(self._schema, "key", [int(key) for key in keys]))

    def _all_of(self, queries: Sequence[tantivy.Query]) -> tantivy.Query:
        if len(queries) == 1:
            return queries[0]
        return tantivy.Query.boolean_query([(tantivy.Occur.Must, query) for query in queries])


def unscored(query: tantivy.Query) -> tantivy.Query:
    """The same articles, each with score 0."""
    return tantivy.Query.const_score_query(query, 0.0)


def write_words(directory: Path, articles: Iterable[StoredArticle], *, delete: Sequence[int] = ()) -> None:
    """Add ``articles`` to the index in ``directory`` (made if new), replacing those with the same key.

    One thread and one commit, so that equal input gives an equal index.
    """
    directory.mkdir(parents=True, exist_ok=True)
    try:
        index = tantivy.Index(schema(), path=str(directory), reuse=True)
        register(index)
        writer = index.writer(_WRITER_BYTES, 1)
        if len(delete):  # by query: a bare term would be taken for a signed number and match nothing
            writer.delete_documents_by_query(tantivy.Query.term_set_query(index.schema, "key", list(delete)))
        for stored in articles:
            writer.add_document(document(stored))
        writer.commit()
        writer.wait_merging_threads()
    except ValueError as error:
        known = translate(error)
        if known is None:
            raise
        raise known from error


def _day(date: str | None, *, last: bool) -> int | None:
    """``2020``, ``2020-03`` or ``2020-03-15`` as 20200315; missing parts become the first or last."""
    if date is None:
        return None
    try:
        parts = [int(part) for part in date.replace("/", "-").split("-")]
    except ValueError as error:
        raise UsageError(f"'{date}' is not a date", remedy="write YYYY, YYYY-MM or YYYY-MM-DD") from error
    year, month, day = (*parts, *((99, 99) if last else (0, 0)))[:3]
    return year * 10_000 + month * 100 + day
