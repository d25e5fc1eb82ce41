"""BM25 against a brute-force BM25, and every filter against a brute-force filter."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pytest
import tantivy
from hypothesis import given, settings
from hypothesis import strategies as st

from pubmed_rag.core.errors import UsageError
from pubmed_rag.core.records import (
    Article,
    Correction,
    Filters,
    Journal,
    MeshHeading,
    PartialDate,
    SearchMode,
    Term,
)
from pubmed_rag.core.store import StoredArticle
from pubmed_rag.core.text import normalise
from pubmed_rag.index.analysis import terms
from pubmed_rag.index.words import TantivyIndex, WordIndex, write_words
from tests.support import Opener, TinyLibrary, article, open_tiny, random_articles

K1, B = 1.2, 0.75


def indexed(directory: Path, articles: Sequence[Article]) -> TantivyIndex:
    write_words(directory, [StoredArticle(key, item) for key, item in enumerate(articles, start=1)])
    return TantivyIndex.open(directory)


class BruteForce:
    """BM25 (Robertson & Zaragoza 2009) as Lucene and tantivy write it, over exact lengths, one field."""

    def __init__(self, documents: Mapping[int, list[str]]) -> None:
        self._counts = {key: Counter(words) for key, words in documents.items()}
        self._lengths = {key: len(words) for key, words in documents.items()}
        self._average = sum(self._lengths.values()) / len(documents)

    def score(self, key: int, query: Sequence[str]) -> float:
        counts, length = self._counts[key], self._lengths[key]
        total = 0.0
        for term in dict.fromkeys(query):
            holding = sum(term in other for other in self._counts.values())
            idf = math.log(1 + (len(self._counts) - holding + 0.5) / (holding + 0.5))
            tf = counts[term]
            total += idf * tf * (K1 + 1) / (tf + K1 * (1 - B + B * length / self._average))
        return total


def test_scores_are_bm25(tmp_path: Path) -> None:
    """Without titles and headings one field is left. Lengths below 40 words are stored exactly by tantivy."""
    chance = Random(3)
    vocabulary = ["aspirin", "stroke", "sepsis", "asthma", "statin", "trial", "zinc"]
    articles = [
        article(str(number), "", " ".join(chance.choices(vocabulary, k=chance.randint(1, 39)))) for number in range(120)
    ]
    index = indexed(tmp_path, articles)
    brute = BruteForce({key: terms(normalise(item.text)) for key, item in enumerate(articles, start=1)})
    for query in ("aspirin", "stroke sepsis", "zinc zinc asthma trial", "trials of statins"):
        expected = {key: brute.score(key, terms(query)) for key in range(1, 121)}
        matching = {key: score for key, score in expected.items() if score > 0}
        hits = index.search(query, 1000, Filters())
        assert hits.total == len(hits.keys) == len(matching)
        got = dict(zip(hits.keys.tolist(), hits.scores.tolist(), strict=True))
        assert got == pytest.approx(matching, abs=2e-4)
        assert hits.scores.tolist() == sorted(hits.scores.tolist(), reverse=True)
        chosen = np.array([5, 77, 1, 120], np.int64)
        assert index.scores_of(query, chosen).tolist() == pytest.approx([expected[int(k)] for k in chosen], abs=2e-4)


def test_titles_and_headings_weigh_on_top_of_the_text(tmp_path: Path) -> None:
    heading = (MeshHeading("Aspirin"),)
    index = indexed(
        tmp_path,
        [
            article("1", "Other.", "Nothing of it."),
            article("2", "Other.", "Aspirin was given."),
            article("3", "Aspirin.", "It was given."),
            article("4", "Other.", "Nothing given.", mesh=heading),
            article("5", "Other.", "Aspirin was given.", keywords=("aspirin",)),
        ],
    )
    hits = index.search("aspirin", 10, Filters())
    assert set(hits.keys.tolist()) == {2, 3, 4, 5}
    scores = dict(zip(hits.keys.tolist(), hits.scores.tolist(), strict=True))
    assert scores[5] > scores[2] > scores[4]
    assert scores[3] > scores[2]


def test_equal_scores_come_by_key_whatever_the_cut_and_the_segment(tmp_path: Path) -> None:
    """Thousands of PubMed records read "Reply." and nothing else; a changed one moves to a newer segment."""
    write_words(tmp_path, [StoredArticle(key, article(str(key), "Reply.")) for key in range(1, 121)])
    write_words(tmp_path, [StoredArticle(key, article(str(key), "Reply.")) for key in (1, 60)], delete=[1, 60])
    index = TantivyIndex.open(tmp_path)
    whole = index.search("reply", 500, Filters()).keys.tolist()
    assert whole == list(range(1, 121))
    for top in (1, 5, 38, 100):
        assert index.search("reply", top, Filters()).keys.tolist() == whole[:top]


def test_query_syntax_is_only_words(tmp_path: Path) -> None:
    index = indexed(tmp_path, [article("1", "Aspirin AND (stroke)."), article("2", "Zinc.")])
    for query in (
        "aspirin AND",
        '"aspirin',
        "title:aspirin",
        "(aspirin",
        "aspirin*",
        "+aspirin -stroke",
        "aspirin^2 ~3",
    ):
        assert 1 in index.search(query, 10, Filters()).keys.tolist(), query
    for nothing in ("the of and", "???", "\u200b", "unheardof"):
        hits = index.search(nothing, 10, Filters())
        assert (hits.total, hits.keys.tolist()) == (0, [])
        assert index.scores_of(nothing, np.array([1, 2], np.int64)).tolist() == [0.0, 0.0]


def test_protocol_is_kept(tmp_path: Path) -> None:
    index: WordIndex = indexed(tmp_path, [article("1", "Aspirin.")])
    assert index.count() == 1
    assert index.scores_of("aspirin", np.empty(0, np.int64)).shape == (0,)


def test_keys_come_in_portions_and_are_remembered(tmp_path: Path) -> None:
    chance = Random(1)
    items = [article(str(key), "Reply.", languages=(chance.choice(("eng", "ger")),)) for key in range(1, 101)]
    write_words(tmp_path, [StoredArticle(key * 3, item) for key, item in enumerate(items, start=1)])
    whole = TantivyIndex.open(tmp_path)
    for portion in (1, 7, 299, 300, 301):
        index = TantivyIndex(tantivy.Index.open(str(tmp_path)), portion)
        for filters in (Filters(), Filters(languages=("eng",)), Filters(ids=("7", "50")), Filters(retracted=True)):
            keys = index.matching(filters)
            assert keys.tolist() == whole.matching(filters).tolist()
            assert keys.tolist() == [3 * key for key, item in enumerate(items, start=1) if passes(item, filters)]
            assert index.matching(filters) is keys
            with pytest.raises(ValueError, match="read-only"):
                keys[:1] = 0


# -- filters -----------------------------------------------------------------------------------------


def with_facts(item: Article, chance: Random) -> Article:
    """The same article with random values in every field that a filter looks at."""
    retracted = chance.random() < 0.2
    types = tuple(
        Term(name)
        for name in chance.sample(["Review", "Randomized Controlled Trial", "Letter"], k=chance.randint(0, 2))
    )
    if retracted and chance.random() < 0.5:
        types += (Term("Retracted Publication", "D016441"),)
        corrections: tuple[Correction, ...] = ()
    else:
        corrections = (Correction("RetractionIn" if retracted else "ErratumIn", "9"),)
    year = chance.choice([None, *range(1990, 2026)])
    entered = chance.choice(
        [None, PartialDate(chance.randint(2000, 2024), chance.randint(1, 12), chance.randint(1, 28))]
    )
    return Article(
        id=item.id,
        pmid=item.pmid,
        title=item.title,
        abstract=item.abstract,
        journal=chance.choice(
            [Journal(), Journal("The Lancet", "Lancet"), Journal("Circulation", "Circ."), Journal(None, "BMJ")]
        ),
        published=PartialDate(year) if chance.random() < 0.8 else PartialDate(raw="undated"),
        published_electronically=chance.choice([None, PartialDate(chance.randint(1995, 2025))]),
        entered=entered,
        publication_types=types,
        mesh=tuple(
            MeshHeading(name) for name in chance.sample(["Heart Failure", "Humans", "Aspirin"], k=chance.randint(0, 3))
        ),
        languages=tuple(chance.sample(["eng", "ger", "fre"], k=chance.randint(0, 2))),
        corrections=corrections,
    )


FACTS = [with_facts(item, Random(number)) for number, item in enumerate(random_articles(150, seed=4))]


def passes(item: Article, filters: Filters) -> bool:
    """What :class:`Filters` promises, written out over the record alone."""

    def any_of(wanted: Sequence[str], held: Sequence[str | None]) -> bool:
        return not wanted or bool({name.casefold() for name in wanted} & {name.casefold() for name in held if name})

    def between(value: Any, low: Any, high: Any) -> bool:
        if low is None and high is None:
            return True
        return value is not None and (low is None or value >= low) and (high is None or value <= high)

    entered = item.entered.iso() if item.entered else None
    return (
        between(item.year, filters.year_from, filters.year_to)
        and between(entered, filters.entered_from, filters.entered_to and f"{filters.entered_to}~")
        and any_of(filters.publication_types, [term.name for term in item.publication_types])
        and any_of(filters.mesh, [heading.name for heading in item.mesh])
        and any_of(filters.journals, [item.journal.title, item.journal.abbreviation])
        and any_of(filters.languages, item.languages)
        and filters.has_abstract in (None, item.has_abstract)
        and filters.retracted in (None, item.is_retracted)
        and (not filters.ids or item.id in filters.ids)
    )


ALONE: dict[str, list[Any]] = {
    "year_from": [1990, 2005, 2026],
    "year_to": [1989, 2005, 2025],
    "entered_from": ["2010", "2010-06", "2012-03-15"],
    "entered_to": ["2010", "2010-06", "2012-03-15"],
    "publication_types": [("Review",), ("review", "LETTER"), ("No Such Type",)],
    "mesh": [("Heart Failure",), ("humans", "aspirin"), ("Heart",)],
    "journals": [("The Lancet",), ("lancet",), ("circ.", "BMJ")],
    "languages": [("eng",), ("GER", "fre")],
    "has_abstract": [True, False],
    "retracted": [True, False],
    "ids": [("1",), ("3", "999", "70"), ("none",)],
}


@pytest.fixture(scope="module")
def facts(tmp_path_factory: pytest.TempPathFactory) -> TinyLibrary:
    return open_tiny(tmp_path_factory.mktemp("facts") / "library", FACTS)


QUERY = "aspirin mortality placebo statin cohort trial stroke"
MATCHING = {
    item.id
    for item in FACTS
    if set(terms(QUERY)) & set(terms(" ".join([item.text, *(heading.name for heading in item.mesh)])))
}


def check(library: TinyLibrary, filters: Filters, top: int = 200) -> None:
    """All three modes return exactly what may be returned, and say how many that are."""
    allowed = {item.id for item in FACTS if passes(item, filters)}
    expected: dict[SearchMode, set[str]] = {"bm25": allowed & MATCHING, "dense": allowed, "hybrid": allowed}
    for mode, ids in expected.items():
        result = library.search(QUERY, mode, top, filters)
        found = [hit.id for hit in result.hits]
        assert len(found) == len(set(found)) == min(top, len(ids)), mode
        assert set(found) <= ids, mode
        assert result.total == len(ids), mode


def test_every_filter_has_cases() -> None:
    assert set(ALONE) == {field.name for field in fields(Filters)}


@pytest.mark.parametrize(("name", "value"), [(name, value) for name, values in ALONE.items() for value in values])
def test_each_filter_alone(facts: TinyLibrary, name: str, value: Any) -> None:
    filters = Filters(**{name: value})
    assert filters.active
    check(facts, filters)
    check(facts, filters, top=3)


def test_no_filter_lets_everything_through(facts: TinyLibrary) -> None:
    check(facts, Filters())
    assert all(passes(item, Filters()) for item in FACTS)


_combinations = st.fixed_dictionaries({}, optional={name: st.sampled_from(values) for name, values in ALONE.items()})


@settings(max_examples=40)
@given(values=_combinations, top=st.sampled_from([1, 7, 200]))
def test_filters_combined(facts: TinyLibrary, values: dict[str, Any], top: int) -> None:
    check(facts, Filters(**values), top)


def test_filters_leave_scores_and_order_alone(facts: TinyLibrary) -> None:
    """A filtered list is the whole list with some left out: statistics are those of the library."""
    filters = Filters(year_from=2005)
    modes: tuple[SearchMode, ...] = ("bm25", "dense")
    for mode in modes:
        everything = facts.search(QUERY, mode, 200)
        filtered = facts.search(QUERY, mode, 200, filters)
        allowed = {item.id for item in FACTS if passes(item, filters)}
        assert [(hit.id, hit.score) for hit in filtered.hits] == [
            (hit.id, hit.score) for hit in everything.hits if hit.id in allowed
        ]


def test_a_range_upside_down_matches_nothing(facts: TinyLibrary) -> None:
    check(facts, Filters(year_from=2010, year_to=2000))


def test_dates_written_with_slashes(facts: TinyLibrary) -> None:
    dashes, slashes = Filters(entered_from="2012-03-15"), Filters(entered_from="2012/03/15")
    assert facts.search(QUERY, "bm25", 200, dashes).hits == facts.search(QUERY, "bm25", 200, slashes).hits


def test_ids_of_test_collections_keep_their_case(tiny: Opener) -> None:
    library = tiny([article("MED-10", "Aspirin.", pmid=None), article("med-10", "Aspirin.", pmid=None)])
    result = library.search("aspirin", "bm25", filters=Filters(ids=("MED-10",)))
    assert [(hit.id, hit.pmid) for hit in result.hits] == [("MED-10", None)]


def test_a_date_that_is_none_is_a_usage_error(tiny: Opener) -> None:
    library = tiny(random_articles(3))
    with pytest.raises(UsageError, match="'last year' is not a date"):
        library.search("aspirin", filters=Filters(entered_from="last year"))
