"""Mode ``pubmed`` through the one door: translation, notes, orders, and what happens without MeSH."""

from __future__ import annotations

from datetime import date

import pytest

from pubmed_rag.core.errors import UsageError
from pubmed_rag.core.mesh import MeshDescriptor
from pubmed_rag.core.mesh_store import build as build_mesh
from pubmed_rag.core.records import Filters, Journal, MeshHeading, PartialDate, SearchResult, Term
from pubmed_rag.index.search import Searcher
from tests.support import FakeEmbedder, Opener, TinyLibrary, article

HEART = Journal("Journal of Heart Studies", "J Heart Stud", issns=("1234-5678",))


@pytest.fixture
def library(tiny: Opener) -> TinyLibrary:
    return tiny(
        [
            article(
                "11",
                "Infarct size after aspirin.",
                "Aspirin made infarcts smaller.",
                mesh=(MeshHeading("Myocardial Infarction", major=True),),
                published=PartialDate(2019, 3),
                entered=PartialDate(2019, 4, 1),
            ),
            article(
                "12",
                "Heart attack in the young.",
                "A heart attack was rare.",
                published=PartialDate(2021),
                entered=PartialDate(2018, 1, 1),
                journal=HEART,
            ),
            article(
                "13",
                "Shock after infarction.",
                "Shock is deadly.",
                mesh=(MeshHeading("Shock, Cardiogenic"),),
                publication_types=(Term("Review", "D016454"),),
                published=PartialDate(2005),
                entered=PartialDate(2005, 1, 1),
            ),
        ]
    )


def with_mesh(library: TinyLibrary) -> None:
    """Three descriptors: a heading with an entry term, one below it, and a stranger."""
    records = [
        MeshDescriptor("D009203", "Myocardial Infarction", ("Heart Attack",), ("C14.907.585.500",)),
        MeshDescriptor("D012770", "Shock, Cardiogenic", (), ("C14.907.585.500.750",)),
        MeshDescriptor("D001249", "Asthma", ("Bronchial Asthma",), ("C08.127.108",)),
    ]
    build_mesh(library.paths.mesh, records, source="made here")


def ids(result: SearchResult) -> list[str]:
    return [hit.id for hit in result.hits]


def test_a_tagged_query_runs_without_mesh_and_says_what_is_missing(library: TinyLibrary) -> None:
    result = library.search("aspirin[tiab] AND 2019[dp]", "pubmed")
    assert ids(result) == ["11"]
    assert result.translation == '"aspirin"[Title/Abstract] AND 2019/01/01:2019/12/31[Date - Publication]'
    assert result.total == 1
    untagged = library.search("heart attack", "pubmed")
    assert ids(untagged) == ["12"]
    assert any("pubmed-rag ingest mesh" in warning for warning in untagged.warnings)


def test_terms_are_mapped_and_exploded_once_there_is_mesh(library: TinyLibrary) -> None:
    assert set(ids(library.search("heart attack", "pubmed"))) == {"12"}
    with_mesh(library)  # found at the next search, without a restart
    mapped = library.search("heart attack", "pubmed")
    assert set(ids(mapped)) == {"11", "12", "13"}
    assert mapped.translation is not None
    assert '"myocardial infarction"[MeSH Terms]' in mapped.translation
    assert mapped.warnings == ()
    assert ids(library.search("heart attack[mh:noexp]", "pubmed")) == ["11"]
    assert ids(library.search('"heart attack"', "pubmed")) == ["12"]


def test_clauses_are_counted_on_request(library: TinyLibrary) -> None:
    assert library.search("aspirin[ti] OR shock[ti]", "pubmed").clauses == ()
    explained = library.searcher.search("aspirin[ti] OR shock[ti]", mode="pubmed", explain=True)
    assert [(clause.count, clause.depth) for clause in explained.clauses] == [(2, 0), (1, 1), (1, 1)]
    assert explained.clauses[1].text == '"aspirin"[Title]'


def test_orders(library: TinyLibrary) -> None:
    def ordered(sort: str) -> list[str]:
        return ids(library.searcher.search("1900:3000[dp]", mode="pubmed", sort=sort))  # type: ignore[arg-type]

    assert ordered("date") == ["12", "11", "13"]
    assert ordered("entered") == ["11", "12", "13"]
    with pytest.raises(UsageError, match="unknown order 'newest'"):
        ordered("newest")
    with pytest.raises(UsageError, match="needs --mode pubmed"):
        library.searcher.search("aspirin", mode="bm25", sort="date")


def test_mistakes_are_refused_with_their_place_or_passed_over(library: TinyLibrary) -> None:
    with pytest.raises(UsageError, match="at character 8"):
        library.search("aspirin[tiabb]", "pubmed")
    result = library.searcher.search("aspirin[tiabb]", mode="pubmed", strict=False)
    assert ids(result) == ["11"]
    assert any("tiabb" in warning for warning in result.warnings)


def test_the_librarys_own_journals_are_known(library: TinyLibrary) -> None:
    with_mesh(library)
    for query in ("journal of heart studies", "J Heart Stud[ta]", "1234-5678[ta]"):
        assert ids(library.search(query, "pubmed")) == ["12"], query


def test_filters_hold_and_relative_dates_count_from_today(library: TinyLibrary) -> None:
    assert ids(library.search("infarct*[tiab]", "pubmed", filters=Filters(publication_types=("review",)))) == ["13"]
    then = Searcher(library.paths, library.store, FakeEmbedder, today=lambda: date(2020, 6, 1))
    assert set(ids(then.search('"last 5 years"[dp]', mode="pubmed"))) == {"11", "12"}
    assert ids(then.search('"last 1 month"[edat]', mode="pubmed")) == []


def test_no_model_is_loaded(library: TinyLibrary) -> None:
    def none() -> FakeEmbedder:
        raise AssertionError("a PubMed query needs no vectors")

    assert Searcher(library.paths, library.store, none).search("aspirin", mode="pubmed").hits
