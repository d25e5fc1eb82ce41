"""PubMed's Boolean search over the word index: the set a query means, in one of three orders.

*Relevance* follows what is published of PubMed's Best Match (Fiorini et al., PLoS Biology 2018, e2005343): the query
decides the set, ranking never adds to it; articles are ordered by BM25 over text, title and headings of the words that
the query asks for, and newer ones are preferred. Their second stage, learned from clicks, does not exist publicly.
Synonyms that term mapping added count like the words typed: on every other training claim of SciFact (405), mapped and
then ranked over all abstracts, nDCG@10 is 0.714, where only the best word of each concept counts 0.704 to 0.711, and by
the claim's own words 0.727. The weight of recency is a choice and not measured.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from typing import Literal, TypeVar

import tantivy

from pubmed_rag.core.errors import IndexMismatchError, UsageError, translate
from pubmed_rag.core.records import ClauseCount, Filters
from pubmed_rag.core.text import normalise
from pubmed_rag.index.analysis import exact_words, terms
from pubmed_rag.index.pubmed_ast import And, Node, Not, Nothing, Or, Range, Term
from pubmed_rag.index.pubmed_compile import TEXT_FIELDS, Compiler, flattened
from pubmed_rag.index.pubmed_print import to_translation
from pubmed_rag.index.thesaurus import Thesaurus
from pubmed_rag.index.word_fields import DAY_STEP
from pubmed_rag.index.words import Keys, TantivyIndex, WordHits, unscored

Sort = Literal["relevance", "date", "entered"]
T = TypeVar("T")

_WORDS_COUNT = frozenset({"TITL", "TIAB", "OTRM", "WORD", "ALL", "", "MESH", "MAJR", "SUBS", "PTYP"})
"""Fields whose words count for relevance: those that BM25 can see in text, title or headings."""

_AGES = (1, 2, 4, 8, 16)
"""Years. An article gains once for each that it is younger than."""

_GAIN = 0.05
"""Of the summed inverse frequencies of the query's concepts: a new article gains a quarter of a plain match."""

_FORMS = 10
"""For relevance a word with ``*`` stands for its so many most frequent forms, in titles and in abstracts each."""


class BooleanSearch:
    """Runs mapped queries. Raises :class:`IndexMismatchError` for an index made before there were PubMed queries."""

    def __init__(self, words: TantivyIndex, thesaurus: Thesaurus) -> None:
        self._words = words
        self._compiler = Compiler(words.schema, thesaurus)
        try:
            tantivy.Query.term_query(words.schema, "code", "x")
        except ValueError as error:
            raise IndexMismatchError(
                "the index was built before PubMed queries could be run",
                remedy="bring it up to date with 'pubmed-rag index update' (embeddings are kept)",
            ) from error

    def search(self, tree: Node, top: int, filters: Filters, *, sort: Sort = "relevance", today: date) -> WordHits:
        """The first ``top`` articles that match ``tree`` and pass ``filters``, and how many there are.

        ``date``: newest publication first (the earlier of print and electronic), then highest PMID; ``entered``:
        last added to PubMed first. Their scores are 1, 1/2, 1/3 … A longer list begins with the shorter.
        """
        matching = self._matching(tree, filters)
        concepts = [self._spelt_out(concept) for concept in _concepts(tree)] if sort == "relevance" else []
        if sort == "entered":
            return _run(lambda: self._words.latest(matching, top, "by_entered"))
        if not any(concepts):
            return _run(lambda: self._words.latest(matching, top, "by_date"))
        words = dict.fromkeys((word for concept in concepts for word in concept), 1.0)
        optional = [self._words.ranked_words(words), *self._recency(concepts, today)]
        scored = tantivy.Query.boolean_query(
            [(tantivy.Occur.Must, matching), *((tantivy.Occur.Should, query) for query in optional)]
        )
        return _run(lambda: self._words.best(scored, top))

    def keys(self, tree: Node, filters: Filters) -> Keys:
        """The keys of all articles that match, rising."""
        matching = self._matching(tree, filters)
        return _run(lambda: self._words.keys_of(matching))

    def count(self, tree: Node) -> int:
        """How many articles match."""
        query = self._compiler.compile(tree)
        return _run(lambda: self._words.count_of(query))

    def counts(self, tree: Node) -> tuple[ClauseCount, ...]:
        """How many articles each clause matches by itself: the whole, then each part with its parts."""
        return tuple(
            ClauseCount(to_translation(node), self.count(node), depth) for node, depth in _clauses(flattened(tree), 0)
        )

    def phrase_known(self, field_code: str, phrase: str) -> bool:
        """Whether any article has ``phrase`` in the field: what stands here for PubMed's phrase index."""
        words, names = exact_words(phrase), TEXT_FIELDS.get(field_code, ())
        if len(words) == 1 and names:  # the dictionary knows, without a search
            return any(self._words.frequency(name, words[0]) for name in names)
        query = self._compiler.compile(Term(phrase, field_code))
        return _run(lambda: self._words.any_of(query))

    def _matching(self, tree: Node, filters: Filters) -> tantivy.Query:
        query = unscored(self._compiler.compile(tree))
        if not filters.active:
            return query
        return tantivy.Query.boolean_query(
            [(tantivy.Occur.Must, query), (tantivy.Occur.Must, self._words.filtered(filters))]
        )

    def _spelt_out(self, concept: _Concept) -> list[str]:
        words = list(concept.words)
        for prefix in concept.beginnings:
            for field in ("exact_title", "exact_abstract"):
                for form, _ in self._words.vocabulary(field, prefix, _FORMS):
                    words += terms(form)
        return list(dict.fromkeys(words))

    def _recency(self, concepts: list[list[str]], today: date) -> Iterator[tantivy.Query]:
        strength = 0.0
        for words in filter(None, concepts):
            strength += sum(map(self._inverse_frequency, words)) / len(words)
        for age in _AGES:
            first = ((today.year - age) * 10_000 + today.month * 100 + today.day) * DAY_STEP
            newer = tantivy.Query.range_query(
                self._words.schema, "by_date", tantivy.FieldType.Unsigned, first, 10**8 * DAY_STEP
            )
            yield tantivy.Query.const_score_query(newer, _GAIN * strength)

    def _inverse_frequency(self, word: str) -> float:
        """BM25's: ln(1 + (N - n + 0.5) / (n + 0.5)). Of a word that occurs nowhere, 0: it says nothing."""
        held = self._words.frequency("text", word)
        return math.log(1 + max(0.0, self._words.count() - held + 0.5) / (held + 0.5)) if held else 0.0


@dataclass(frozen=True, slots=True)
class _Concept:
    """Index terms, and beginnings of words, that one operand of the query's outermost AND asks for."""

    words: tuple[str, ...]
    beginnings: tuple[str, ...]


def _concepts(tree: Node) -> list[_Concept]:
    whole = flattened(tree)
    while isinstance(whole, Not):
        whole = whole.kept
    return [_wanted(part) for part in (whole.operands if isinstance(whole, And) else (whole,))]


def _wanted(node: Node) -> _Concept:
    words: dict[str, None] = {}
    prefixes: dict[str, None] = {}
    waiting = [node]
    while waiting:
        part = waiting.pop()
        match part:
            case And(operands) | Or(operands):
                waiting += reversed(operands)
            case Not(kept, _):
                waiting.append(kept)
            case Term(text=text, field=field, truncated=truncated) if field in _WORDS_COUNT:
                if truncated:
                    *before, last = exact_words(text) or [""]
                    prefixes.update({last: None} if last else {})
                    text = " ".join(before)
                words.update(dict.fromkeys(terms(normalise(text))))
            case Term() | Range() | Nothing():
                pass
    return _Concept(tuple(words), tuple(prefixes))


def _clauses(node: Node, depth: int) -> Iterator[tuple[Node, int]]:
    yield node, depth
    match node:
        case And(operands) | Or(operands):
            for part in operands:
                yield from _clauses(part, depth + 1)
        case Not(kept, dropped):
            yield from _clauses(kept, depth + 1)
            yield from _clauses(dropped, depth + 1)
        case Term() | Range() | Nothing():
            pass


def _run(search: Callable[[], T]) -> T:
    try:
        return search()
    except ValueError as error:
        known = translate(error)
        if known is not None:
            raise known from error
        if "expansion" in str(error).lower():
            raise UsageError(
                "a word with * at the end of a phrase stands for too many words",
                remedy="write more letters before the *",
            ) from error
        raise
