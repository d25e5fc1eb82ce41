"""The word index: BM25 over titles, abstracts and headings, and the one place where filters are decided."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, Self

import numpy as np
import numpy.typing as npt
import tantivy

from pubmed_rag.core.errors import UsageError, translate
from pubmed_rag.core.records import Article, Filters
from pubmed_rag.core.store import StoredArticle
from pubmed_rag.core.text import normalise
from pubmed_rag.index.analysis import ANALYZER, analyzer, terms

log = logging.getLogger(__name__)

Keys = npt.NDArray[np.int64]
Scores = npt.NDArray[np.float32]

_WRITER_BYTES = 128_000_000
_FIELD_WEIGHTS = {"text": 1.0, "title": 0.3, "headings": 0.3}
"""Text and title chosen on SciFact's training claims; headings, which it lacks, not measured (docs/search.md)."""
_FIRST_YEAR, _LAST_YEAR = 0, 9999
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


class TantivyIndex:
    """A word index on disk. BM25 with tantivy's fixed k1 = 1.2, b = 0.75."""

    def __init__(self, index: tantivy.Index) -> None:
        self._index = index
        self._schema = index.schema
        self._searcher = index.searcher()

    @classmethod
    def open(cls, directory: Path) -> Self:
        """Open an index for reading. Raises ``ValueError`` if there is none."""
        index = tantivy.Index.open(str(directory))
        index.register_tokenizer(ANALYZER, analyzer())
        return cls(index)

    def search(self, query: str, top: int, filters: Filters) -> WordHits:
        wanted = self._with_filters(self._words(query), filters)
        return self._collect(wanted, top)

    def scores_of(self, query: str, keys: Keys) -> Scores:
        restricted = self._all_of([self._words(query), self._keys_query(keys)])
        hits = self._collect(restricted, max(1, len(keys)))
        scores = np.zeros(len(keys), dtype=np.float32)
        order = np.argsort(keys)
        scores[order[np.searchsorted(keys, hits.keys, sorter=order)]] = hits.scores
        return scores

    def matching(self, filters: Filters) -> Keys:
        query = self._all_of(self._conditions(filters))
        result = self._searcher.search(
            query, max(1, self.count()), count=False, order_by_field="key", order=tantivy.Order.Asc
        )
        return np.fromiter((key for key, _ in result.hits), dtype=np.int64, count=len(result.hits))

    def count(self) -> int:
        return int(self._searcher.num_docs)

    def _collect(self, query: tantivy.Query, top: int) -> WordHits:
        # More than asked, so that equal scores at the cut are broken by key and not by segment layout.
        wanted = top + _TIES
        while True:
            result = self._searcher.search(query, wanted)
            # float32, and to a precision at which the order of summation in a segment no longer shows
            scores: Scores = np.array([score for score, _ in result.hits], dtype=np.float32).round(4)
            if len(scores) < wanted or scores[-1] < scores[top - 1]:
                break
            wanted *= 8
        addresses = [address for _, address in result.hits]
        keys = np.array(self._searcher.fast_field_values("key", addresses), dtype=np.int64)
        order = np.lexsort((keys, -scores))[:top]
        return WordHits(keys[order], scores[order], int(getattr(result, "count", 0) or 0))

    def _words(self, query: str) -> tantivy.Query:
        should = [
            (
                tantivy.Occur.Should,
                tantivy.Query.boost_query(tantivy.Query.term_query(self._schema, name, term), weight),
            )
            for term in dict.fromkeys(terms(normalise(query)))
            for name, weight in _FIELD_WEIGHTS.items()
        ]
        return tantivy.Query.boolean_query(should) if should else tantivy.Query.empty_query()

    def _with_filters(self, query: tantivy.Query, filters: Filters) -> tantivy.Query:
        if not filters.active:
            return query
        return self._all_of([query, tantivy.Query.const_score_query(self._all_of(self._conditions(filters)), 0.0)])

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
                folded = list(values) if name == "id" else [_fold(value) for value in values]
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
        chosen = tantivy.Query.term_set_query(self._schema, "key", [int(key) for key in keys])
        return tantivy.Query.const_score_query(chosen, 0.0)

    def _all_of(self, queries: Sequence[tantivy.Query]) -> tantivy.Query:
        if len(queries) == 1:
            return queries[0]
        return tantivy.Query.boolean_query([(tantivy.Occur.Must, query) for query in queries])


def write_words(directory: Path, articles: Iterable[StoredArticle], *, delete: Sequence[int] = ()) -> None:
    """Add ``articles`` to the index in ``directory`` (made if new), replacing those with the same key.

    One thread and one commit, so that equal input gives an equal index.
    """
    directory.mkdir(parents=True, exist_ok=True)
    try:
        index = tantivy.Index(_schema(), path=str(directory), reuse=True)
        index.register_tokenizer(ANALYZER, analyzer())
        writer = index.writer(_WRITER_BYTES, 1)
        if len(delete):  # by query: a bare term would be taken for a signed number and match nothing
            writer.delete_documents_by_query(tantivy.Query.term_set_query(index.schema, "key", list(delete)))
        for stored in articles:
            writer.add_document(_document(stored))
        writer.commit()
        writer.wait_merging_threads()
    except ValueError as error:
        known = translate(error)
        if known is None:
            raise
        raise known from error


def _schema() -> tantivy.Schema:
    builder = tantivy.SchemaBuilder()
    builder.add_unsigned_field("key", indexed=True, fast=True)
    for name in ("text", "title", "headings"):
        builder.add_text_field(name, tokenizer_name=ANALYZER)
    for name in ("id", "publication_type", "mesh", "journal", "language"):
        builder.add_text_field(name, tokenizer_name="raw", index_option="basic")
    for name in ("year", "entered"):
        builder.add_integer_field(name, indexed=True, fast=True)
    for name in ("has_abstract", "retracted"):
        builder.add_boolean_field(name, indexed=True)
    return builder.build()


def _document(stored: StoredArticle) -> tantivy.Document:
    article = stored.article
    document = tantivy.Document()
    document.add_unsigned("key", stored.key)
    document.add_text("text", normalise(article.text))
    document.add_text("title", normalise(article.title))
    document.add_text("headings", normalise(" ; ".join(_headings(article))))
    document.add_text("id", article.id)
    for name, values in (
        ("publication_type", [term.name for term in article.publication_types]),
        ("mesh", [heading.name for heading in article.mesh]),
        ("journal", [name for name in (article.journal.title, article.journal.abbreviation) if name]),
        ("language", list(article.languages)),
    ):
        for value in values:
            document.add_text(name, _fold(value))
    if article.year is not None:
        document.add_integer("year", article.year)
    entered = _day(article.entered.iso() if article.entered else None, last=False)
    if entered is not None:
        document.add_integer("entered", entered)
    document.add_boolean("has_abstract", article.has_abstract)
    document.add_boolean("retracted", article.is_retracted)
    return document


def _headings(article: Article) -> list[str]:
    return [
        *(heading.name for heading in article.mesh),
        *article.keywords,
        *(chemical.name for chemical in article.chemicals),
        *(concept.name for concept in article.supplementary_concepts),
    ]


def _fold(value: str) -> str:
    return normalise(value).casefold()


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
