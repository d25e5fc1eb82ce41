"""Boolean searches agree with a brute-force reading of PubMed's rules over the same articles."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import tantivy
from hypothesis import given, settings
from hypothesis import strategies as st

from pubmed_rag.core.errors import IndexMismatchError, PubmedRagError, UsageError
from pubmed_rag.core.records import (
    Article,
    Author,
    Correction,
    Filters,
    Grant,
    MeshHeading,
    MeshQualifier,
    PartialDate,
)
from pubmed_rag.core.records import Term as Name
from pubmed_rag.core.search_tags import FIELDS
from pubmed_rag.core.store import StoredArticle
from pubmed_rag.index.pubmed_ast import Node, Not, Nothing, Or, Range, Term
from pubmed_rag.index.pubmed_compile import flattened
from pubmed_rag.index.pubmed_filters import is_filter
from pubmed_rag.index.pubmed_print import to_translation
from pubmed_rag.index.pubmed_search import BooleanSearch, Sort
from pubmed_rag.index.thesaurus import NoThesaurus
from pubmed_rag.index.word_fields import MOST_BETWEEN
from pubmed_rag.index.words import TantivyIndex, write_words
from pubmed_rag.ingest.formats import read_records
from tests.index.pubmed_matcher import matches
from tests.index.pubmed_world import Families, leaves, trees, world
from tests.index.test_words import ALONE, passes
from tests.support import article, shared_data

TODAY = date(2021, 6, 1)
SORTS: tuple[Sort, ...] = ("relevance", "date", "entered")
ARTICLES = dict(enumerate(world(60), start=1))
LARGER = dict(enumerate(world(400, seed=7), start=1))


def opened(directory: Path, articles: dict[int, Article], *, segments: int = 1) -> BooleanSearch:
    """The articles in ``segments`` segments, as updates leave them."""
    stored = [StoredArticle(key, item) for key, item in articles.items()]
    for part in range(segments):
        write_words(directory, stored[part::segments])
    return BooleanSearch(TantivyIndex.open(directory), Families())


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> BooleanSearch:
    return opened(tmp_path_factory.mktemp("world"), ARTICLES, segments=3)


@pytest.fixture(scope="module")
def larger(tmp_path_factory: pytest.TempPathFactory) -> BooleanSearch:
    return opened(tmp_path_factory.mktemp("larger"), LARGER)


def found(engine: BooleanSearch, tree: Node, filters: Filters | None = None) -> list[int]:
    return list(engine.keys(tree, filters or Filters()).tolist())


def expected(tree: Node, filters: Filters | None = None) -> list[int]:
    return [
        key for key, item in ARTICLES.items() if matches(item, tree, Families()) and passes(item, filters or Filters())
    ]


@settings(max_examples=300)
@given(tree=leaves)
def test_every_kind_of_term_agrees_with_the_brute_force_reading(engine: BooleanSearch, tree: Node) -> None:
    assert found(engine, tree) == expected(tree)


@settings(max_examples=150)
@given(tree=trees)
def test_trees_agree_with_set_algebra(engine: BooleanSearch, tree: Node) -> None:
    wanted = expected(tree)
    assert found(engine, tree) == wanted
    assert engine.count(tree) == len(wanted)


_filters = st.fixed_dictionaries({}, optional={name: st.sampled_from(values) for name, values in ALONE.items()})


@settings(max_examples=80)
@given(tree=trees, values=_filters, top=st.sampled_from((1, 5, 100)))
def test_filters_narrow_every_query_and_every_order(
    engine: BooleanSearch, tree: Node, values: dict[str, Any], top: int
) -> None:
    filters = Filters(**values)
    wanted = expected(tree, filters)
    assert found(engine, tree, filters) == wanted
    for sort in SORTS:
        hits = engine.search(tree, top, filters, sort=sort, today=TODAY)
        assert hits.total == len(wanted)
        assert len(set(hits.keys.tolist())) == len(hits.keys) == min(top, len(wanted))
        assert set(hits.keys.tolist()) <= set(wanted)


@settings(max_examples=60)
@given(tree=trees, top=st.integers(1, 30))
def test_longer_lists_begin_with_shorter_ones(engine: BooleanSearch, tree: Node, top: int) -> None:
    for sort in SORTS:
        long = engine.search(tree, 60, Filters(), sort=sort, today=TODAY)
        short = engine.search(tree, top, Filters(), sort=sort, today=TODAY)
        assert short.keys.tolist() == long.keys.tolist()[:top]
        assert short.scores.tolist() == long.scores.tolist()[:top]
        assert long.scores.tolist() == sorted(long.scores.tolist(), reverse=True)


# -- rules one by one, as the guide states them -------------------------------------------------------


def small(directory: Path, *articles: Article) -> BooleanSearch:
    return opened(directory, dict(enumerate(articles, start=1)))


def test_every_field_of_pubmed_can_be_searched(engine: BooleanSearch) -> None:
    for field in FIELDS:
        tree: Node = Term("2020/01/01" if field.ranges else "heart", field.code)
        assert engine.count(tree) >= 0, field
    with pytest.raises(UsageError, match="'NOPE' cannot be searched"):
        engine.count(Term("heart", "NOPE"))


def test_a_phrase_keeps_to_one_field_and_to_one_value(tmp_path: Path) -> None:
    engine = small(
        tmp_path,
        article("1", "Acute heart", "failure of all kinds.", keywords=("kinds heart", "failure rates")),
        article("2", "A letter.", "Heart-failure, again.", keywords=("one",)),
    )
    for field in ("TIAB", "WORD", "ALL"):
        assert found(engine, Term("heart failure", field)) == [2]
        assert found(engine, Term("acute heart", field)) == [1]
    assert found(engine, Term("heart failure", "TIAB", proximity=MOST_BETWEEN)) == [2]
    assert found(engine, Term("kinds rates", "TIAB", proximity=MOST_BETWEEN)) == []


def test_words_are_not_stemmed_and_accents_and_punctuation_do_not_matter(tmp_path: Path) -> None:
    engine = small(
        tmp_path, article("1", "Sj\u00f6gren's cells: [18F]FDG (T4/T8), \u03b2-catenin."), article("2", "Cell.")
    )
    for text in ("sjogren s", "Sj\u00f6gren's", "[18F]FDG", "18f fdg", "t4/t8", "\u03b2 catenin"):
        assert found(engine, Term(text, "TITL")) == [1], text
    assert found(engine, Term("cell", "TITL")) == [2]
    assert found(engine, Term("cell", "TITL", truncated=True)) == [1, 2]
    assert found(engine, Term("...", "ALL")) == []


def test_truncation_in_the_last_word_of_a_phrase(tmp_path: Path) -> None:
    items = [article(str(number), f"Breast feed{number}ing of {number}.") for number in range(1, 121)]
    engine = small(tmp_path, *items, article("121", "Feeding the breast."))
    assert found(engine, Term("breast feed", "TITL", truncated=True)) == list(range(1, 121))  # more than a handful


def test_proximity_counts_stopwords_and_any_order(tmp_path: Path) -> None:
    engine = small(tmp_path, article("1", "Failure of the heart"), article("2", "Heart failure"), article("3", "Heart"))
    near = [found(engine, Term("heart failure", "TITL", proximity=between)) for between in range(3)]
    assert near == [[2], [2], [1, 2]]
    three = [found(engine, Term("heart the failure", "TITL", proximity=between)) for between in range(2)]
    assert three == [[], [1]]
    assert found(engine, Term("heart heart", "TITL", proximity=5)) == []


def test_proximity_too_wide_for_many_words_says_what_to_do(engine: BooleanSearch) -> None:
    with pytest.raises(UsageError, match="too wide a search for 6 words") as caught:
        engine.count(Term("a b c d e f", "TIAB", proximity=20))
    assert "smaller number" in str(caught.value.remedy)
    assert engine.count(Term("cognitive impairment in multiple sclerosis", "TIAB", proximity=0)) == 0


def test_a_heading_with_hundreds_below_it(tmp_path: Path) -> None:
    class Wide(Families):
        def heading_family(self, name: str) -> tuple[str, ...]:
            return tuple(f"Heading {number}" for number in range(700))

    items = [article(str(n), "T.", mesh=(MeshHeading(f"Heading {n}"),)) for n in range(0, 1400, 10)]
    write_words(tmp_path, [StoredArticle(key, item) for key, item in enumerate(items, start=1)])
    wide = BooleanSearch(TantivyIndex.open(tmp_path), Wide())
    assert wide.count(Term("Heading 0", "MESH")) == 70
    assert wide.count(Term("Heading 0", "MESH", explode=False)) == 1


def test_major_topics_sit_on_heading_or_subheading(tmp_path: Path) -> None:
    therapy, surgery = MeshQualifier("drug therapy", major=True), MeshQualifier("surgery")
    engine = small(
        tmp_path,
        article("1", "T.", mesh=(MeshHeading("Heart Failure", qualifiers=(therapy, surgery)),)),
        article("2", "T.", mesh=(MeshHeading("Heart Failure", qualifiers=(surgery,)), MeshHeading("Rats", major=True))),
    )
    assert found(engine, Term("Heart Diseases", "MAJR")) == [1]
    assert found(engine, Term("Heart Diseases", "MESH", subheading="therapy")) == [1, 2]
    assert found(engine, Term("Heart Diseases", "MAJR", subheading="therapy")) == [1]
    assert found(engine, Term("Heart Diseases", "MESH", subheading="therapy", explode=False)) == []
    assert found(engine, Term("Heart Failure", "MAJR", subheading="surgery")) == []


def test_without_a_vocabulary_names_stand_for_themselves(tmp_path: Path) -> None:
    write_words(tmp_path, [StoredArticle(1, article("1", "T.", mesh=(MeshHeading("Heart Failure"),)))])
    engine = BooleanSearch(TantivyIndex.open(tmp_path), NoThesaurus())
    assert found(engine, Term("heart failure", "MESH")) == [1]
    assert found(engine, Term("Heart Diseases", "MESH")) == []


def test_pharmacological_actions_come_from_the_vocabulary(tmp_path: Path) -> None:
    class Pharmacy(Families):
        def substances(self, action: str) -> tuple[str, ...]:
            return ("Penicillins", "WWOX protein, human") if action == "Anti-Bacterial Agents" else ()

    items = [
        article("1", "T.", mesh=(MeshHeading("Penicillins"),)),
        article("2", "T.", supplementary_concepts=(Name("WWOX protein, human"),)),
        article("3", "T.", mesh=(MeshHeading("Insulin"),)),
    ]
    write_words(tmp_path, [StoredArticle(key, item) for key, item in enumerate(items, start=1)])
    index = TantivyIndex.open(tmp_path)
    assert found(BooleanSearch(index, Pharmacy()), Term("Anti-Bacterial Agents", "PAPX")) == [1, 2]
    assert found(BooleanSearch(index, Families()), Term("Anti-Bacterial Agents", "PAPX")) == []


def test_a_star_in_a_phrase_that_stands_for_too_many_words_is_refused(tmp_path: Path) -> None:
    text = " ".join(f"breast feed{number}" for number in range(20_000))
    engine = small(tmp_path, article("1", text))
    with pytest.raises(UsageError, match="too many words"):
        engine.count(Term("breast feed", "TITL", truncated=True))
    assert found(engine, Term("breast feed12", "TITL", truncated=True)) == [1]
    assert found(engine, Term("feed", "TITL", truncated=True)) == [1]


def test_a_single_date_leaves_later_electronic_dates_out_and_a_range_does_not(tmp_path: Path) -> None:
    engine = small(
        tmp_path,
        article("1", "T.", published=PartialDate(2019, 12), published_electronically=PartialDate(2020, 1, 5)),
        article("2", "T.", published=PartialDate(2021), published_electronically=PartialDate(2020, 1, 5)),
        article("3", "T.", published_electronically=PartialDate(2020, 1, 5)),
    )
    whole_year = ("2020/01/01", "2020/12/31", "PDAT")
    assert found(engine, Range(*whole_year)) == [1, 2, 3]
    assert found(engine, Range(*whole_year, single=True)) == [2, 3]
    assert found(engine, Range("2021/01/01", "2021/01/01", "PDAT")) == [2]  # month and day missing: the first
    assert found(engine, Range("2020", "3000", "PDAT")) == [1, 2, 3]
    for wrong in ("soon", "2020/1/1/1", ""):
        with pytest.raises(UsageError, match="is not a date"):
            engine.count(Range(wrong, "2020", "PDAT"))
    with pytest.raises(UsageError, match="no order"):
        engine.count(Range("1", "2", "VOL"))
    with pytest.raises(UsageError, match="is not a PMID"):
        engine.count(Range("one", "2", "UID"))


@pytest.mark.parametrize(
    ("word", "ids"),
    [
        ("all", [1, 2, 3]),
        ("hasabstract", [1]),
        ("fha", [1]),
        ("hasretractionin", [2]),
        ("pubmed pmc", [2]),
        ("ffrft", [2]),
        ("free full text", [2]),
        ("pubstatusaheadofprint", [3]),
        ("indexingmethod_automated", [3]),
        ("jsubsetim", [1]),
        ("english", [1]),
        ("French", [2]),
        ("alladult", [1]),
        ("adult", [1]),
        ("allChild", []),
        ("randomizedcontrolledtrial", [3]),
        ("clinicaltrial", [3]),
        ("excludepreprints", [1, 2, 3]),
        ("nosuchfilter", []),
    ],
)
def test_filters_by_their_names(tmp_path: Path, word: str, ids: list[int]) -> None:
    engine = small(
        tmp_path,
        article("1", "T.", "A.", mesh=(MeshHeading("Adult"),), citation_subsets=("IM",), languages=("eng",)),
        article("2", "T.", corrections=(Correction("RetractionIn"),), pmcid="PMC1", languages=("fre",)),
        article(
            "3",
            "T.",
            publication_types=(Name("Randomized Controlled Trial"),),
            publication_status="aheadofprint",
            indexing_method="Automated",
        ),
    )
    assert found(engine, Term(word, "FILT")) == ids
    assert is_filter(word) == (word != "nosuchfilter")


def test_identifiers_grants_and_names_of_groups(tmp_path: Path) -> None:
    engine = small(
        tmp_path,
        article(
            "1",
            "T.",
            doi="10.1016/S0140-6736(20)1",
            authors=(Author("Smith", "John", "J", orcid="0000-0002-1825-0097"), Author(collective_name="SPRINT Group")),
            grants=(Grant("R01 HL087651-05", "HL", "NHLBI NIH HHS", "United States"),),
            secondary_source_ids=("GENBANK/AF001892",),
        ),
    )
    for text, field in (
        ("10.1016/S0140-6736(20)1", "AID"),
        ("orcid 0000-0002-1825-0097", "AUID"),
        ("0000-0002-1825-0097", "AUID"),
        ("sprint", "COLN"),
        ("HL087651", "GRNT"),
        ("nhlbi nih hhs", "GRNT"),
        ("genbank/AF001892", "SI"),
        ("GenBank", "SI"),
        ("smith john", "FAUN"),
        ("John Smith", "FAUN"),
        ("sprint group", "WORD"),
        ("10.1016/S0140-6736(20)1", "ALL"),
    ):
        assert found(engine, Term(text, field)) == [1], (text, field)
    assert found(engine, Term("group sprint", "COLN")) == []


# -- order, counts, phrases --------------------------------------------------------------------------


def test_relevance_puts_what_is_about_the_words_first_and_newer_before_older(tmp_path: Path) -> None:
    filler = "Something else was looked at in this very long text about other matters of no concern. " * 3
    engine = small(
        tmp_path,
        article("1", "Other.", filler + "Aspirin.", published=PartialDate(2000)),
        article("2", "Aspirin for aspirin users.", "Aspirin.", published=PartialDate(2000)),
        article("3", "Other.", filler + "Aspirin.", published=PartialDate(2021)),
        *(article(str(n), "Other.", filler, published=PartialDate(2021)) for n in range(4, 30)),
    )
    hits = engine.search(Term("aspirin", "TIAB"), 10, Filters(), today=TODAY)
    assert hits.keys.tolist() == [2, 3, 1]
    assert hits.total == 3


def test_a_star_ranks_by_the_forms_it_stands_for(tmp_path: Path) -> None:
    engine = small(
        tmp_path,
        article("1", "Other.", "Long text about many things and one that was randomised."),
        article("2", "Randomized trial.", "Randomly."),
        article("3", "Other.", "Nothing."),
    )
    hits = engine.search(Term("random", "TIAB", truncated=True), 10, Filters(), today=TODAY)
    assert hits.keys.tolist() == [2, 1]
    assert hits.scores[0] > hits.scores[1] > 0


def test_dropped_words_do_not_count_for_relevance(engine: BooleanSearch, larger: BooleanSearch) -> None:
    plain: Node = Term("heart", "TIAB")
    without = Not(plain, Term("failure", "TIAB"))
    scores = dict(zip(*_scored(larger, plain), strict=True))
    keys, values = _scored(larger, without)
    assert keys
    assert values == [scores[key] for key in keys]
    assert _scored(engine, Nothing("gone")) == ([], [])


def _scored(engine: BooleanSearch, tree: Node) -> tuple[list[int], list[float]]:
    hits = engine.search(tree, 1000, Filters(), today=TODAY)
    return hits.keys.tolist(), hits.scores.tolist()


def test_dates_order_by_day_and_then_by_pmid(tmp_path: Path) -> None:
    day, later = PartialDate(2020, 5, 1), PartialDate(2020, 6, 1)
    engine = small(
        tmp_path,
        article("70", "T.", published=day, entered=later),
        article("8", "T.", published=later, published_electronically=day, entered=day),
        article("900", "T.", published=later, entered=day),
        article("5", "T."),
    )
    everything = Term("t", "TITL")
    assert engine.search(everything, 9, Filters(), sort="date", today=TODAY).keys.tolist() == [3, 1, 2, 4]
    assert engine.search(everything, 9, Filters(), sort="entered", today=TODAY).keys.tolist() == [1, 3, 2, 4]
    assert engine.search(Range("1", "999", "UID"), 9, Filters(), today=TODAY).keys.tolist() == [3, 1, 2, 4]


def test_equal_articles_come_in_one_order_whatever_the_cut_and_the_segment(tmp_path: Path) -> None:
    engine = opened(tmp_path, {key: article(str(key), "Reply.") for key in range(1, 121)}, segments=3)
    whole = engine.search(Term("reply", "TITL"), 500, Filters(), today=TODAY).keys.tolist()
    assert whole == list(range(1, 121))
    for top in (1, 5, 38, 100):
        assert engine.search(Term("reply", "TITL"), top, Filters(), today=TODAY).keys.tolist() == whole[:top]


def test_counts_of_each_clause(engine: BooleanSearch) -> None:
    heart, failure, rats = Term("heart", "TIAB"), Term("failure", "TIAB"), Term("Rats", "MESH")
    tree = Not(Or((Or((heart, failure)), rats)), Range("2018/01/01", "2019/12/31", "PDAT"))
    counts = engine.counts(tree)
    dates = tree.dropped
    assert [(clause.depth, clause.text) for clause in counts] == [
        (depth, to_translation(node))
        for depth, node in (
            (0, flattened(tree)),
            (1, Or((heart, failure, rats))),
            (2, heart),
            (2, failure),
            (2, rats),
            (1, dates),
        )
    ]
    assert counts[0].count == len(expected(tree))
    assert counts[4].count == len(expected(rats))


def test_a_phrase_is_known_where_an_article_has_it(tmp_path: Path) -> None:
    authors = (Author("Smith", "John", "JA"),)
    engine = small(tmp_path, article("1", "Kidney allograft.", "Of a friend.", authors=authors))
    assert engine.phrase_known("FULL", "smith j")
    assert engine.phrase_known("TITL", "kidney")
    assert not engine.phrase_known("TITL", "friend")
    assert engine.phrase_known("MESH", "kidney") is False
    assert engine.phrase_known("ALL", "kidney allograft")
    assert engine.phrase_known("TITL", "Kidney-Allograft")
    assert not engine.phrase_known("ALL", "allograft kidney")
    assert not engine.phrase_known("ALL", "allograft of")


def test_hundreds_of_clauses_one_inside_the_other(engine: BooleanSearch) -> None:
    tree: Node = Term("heart", "TITL")
    for number in range(400):
        tree = Or((tree, Term(f"absent{number}", "TIAB")))
    assert found(engine, tree) == expected(Term("heart", "TITL"))
    assert len(engine.counts(tree)) == 402


def test_an_index_from_before_says_how_to_renew_it() -> None:
    builder = tantivy.SchemaBuilder()
    builder.add_unsigned_field("key", indexed=True, fast=True)
    with pytest.raises(IndexMismatchError, match="before PubMed queries") as caught:
        BooleanSearch(TantivyIndex(tantivy.Index(builder.build())), NoThesaurus())
    assert "index update" in str(caught.value.remedy)


# -- real records --------------------------------------------------------------------------------------


@pytest.mark.slow
def test_real_records_are_found_by_what_stands_in_them(tmp_path: Path) -> None:
    """Every title, heading, author, journal, keyword and date of some 80 real records, against the second reading."""
    records: dict[str, Article] = {}
    for path in sorted(shared_data("pubmed_xml").rglob("*.xml")):
        with contextlib.suppress(PubmedRagError):
            records.update((item.id, item) for item in read_records(path) if isinstance(item, Article))
    items = dict(enumerate(list(records.values())[::3], start=1))
    assert len(items) > 60
    engine = opened(tmp_path, items)
    trees = {tree for item in items.values() for tree in _own_words(item)}
    assert len(trees) > 800
    for tree in sorted(trees, key=repr)[::3]:
        wanted = [key for key, item in items.items() if matches(item, tree, Families())]
        assert found(engine, tree) == wanted, tree


def _own_words(item: Article) -> Iterator[Node]:
    words = item.title.split()
    for field in ("TITL", "TIAB"):
        yield Term(" ".join(words[:3]), field)
        yield Term(" ".join(words[1:2]), field, truncated=True)
        yield Term(" ".join(words[2:5:2]), field, proximity=1)
    for heading in item.mesh:
        for field in ("MESH", "MAJR"):
            yield Term(heading.name, field)
            for qualifier in heading.qualifiers[:1]:
                yield Term(heading.name, field, subheading=qualifier.name)
    for person in item.authors[:3]:
        if person.last_name and person.initials:
            yield Term(f"{person.last_name} {person.initials[0]}", "FULL")
            yield Term(person.last_name, "LAUT")
    for name in (item.journal.title, item.journal.abbreviation, *item.journal.issns):
        yield from (Term(name, "JOUR"),) if name else ()
    for keyword in item.keywords:
        yield Term(keyword, "OTRM")
    for kind in item.publication_types:
        yield Term(kind.name, "PTYP")
    if item.year:
        yield Range(f"{item.year}/01/01", f"{item.year}/12/31", "PDAT", single=True)
        yield Range(f"{item.year}/01/01", f"{item.year}/12/31", "EDAT")
