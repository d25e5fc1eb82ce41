"""Candidates, blocks of them, and stable paging to any depth."""

from __future__ import annotations

import pytest

from pubmed_rag.core.errors import UsageError
from pubmed_rag.core.records import Filters, Hit, SearchResult
from pubmed_rag.index.ranking import CANDIDATES
from tests.support import TinyLibrary, open_tiny, random_articles

QUERY = "carvedilol mortality in adults with sepsis"
ALL = 900
"""More than the first two blocks of candidates hold together."""


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> TinyLibrary:
    return open_tiny(tmp_path_factory.mktemp("large") / "library", random_articles(ALL, seed=3))


@pytest.fixture(scope="module")
def everything(large: TinyLibrary) -> tuple[Hit, ...]:
    return large.search(QUERY, "hybrid", ALL).hits


def search(library: TinyLibrary, **how: object) -> SearchResult:
    return library.searcher.search(QUERY, mode="hybrid", **how)  # type: ignore[arg-type]


def test_every_article_comes_once(everything: tuple[Hit, ...]) -> None:
    assert len({hit.id for hit in everything}) == len(everything) == ALL
    assert [hit.rank for hit in everything] == list(range(1, ALL + 1))


@pytest.mark.parametrize("top", [1, 10, 150, 2 * CANDIDATES, 500, 850])
def test_a_longer_list_begins_with_the_shorter_at_any_depth(
    large: TinyLibrary, everything: tuple[Hit, ...], top: int
) -> None:
    assert large.search(QUERY, "hybrid", top).hits == everything[:top]
    assert large.search(QUERY, "dense", top).hits == large.search(QUERY, "dense", ALL).hits[:top]


def test_pages_are_slices(large: TinyLibrary, everything: tuple[Hit, ...]) -> None:
    assert search(large, top=25, skip=395).hits == everything[395:420]


@pytest.mark.parametrize("how", [{}, {"fusion": "rrf"}, {"sentences": False}])
def test_scores_never_rise(large: TinyLibrary, how: dict[str, object]) -> None:
    scores = [hit.score for hit in search(large, top=ALL, **how).hits]
    assert len(scores) == ALL
    assert scores == sorted(scores, reverse=True)


def test_filters_reach_past_the_first_candidates(large: TinyLibrary) -> None:
    wanted = tuple(str(number) for number in range(1, ALL, 45))
    result = large.search(QUERY, "hybrid", 20, Filters(ids=wanted))
    assert {hit.id for hit in result.hits} == set(wanted)
    assert result.total == 20


def test_reciprocal_ranks_are_what_they_say(large: TinyLibrary) -> None:
    for hit in search(large, top=60, fusion="rrf").hits:
        parts = [1 / (60 + part.rank) for part in hit.components if part.rank]
        assert len(parts) == 3
        assert hit.score <= sum(parts) + 1e-3, "equal scores share the best rank"
        assert hit.score == pytest.approx(sum(parts), abs=2e-3)


def test_sentences_can_be_left_out(large: TinyLibrary) -> None:
    names = {part.name for hit in search(large, top=5, sentences=False).hits for part in hit.components}
    assert names == {"bm25", "dense"}


def test_deleted_articles_are_made_up_for(tmp_path_factory: pytest.TempPathFactory) -> None:
    library = open_tiny(tmp_path_factory.mktemp("deleted") / "library", random_articles(120, seed=4))
    first = [hit.id for hit in library.search(QUERY, "hybrid", 60).hits]
    library.store.delete(first[:40])
    found = [hit.id for hit in library.search(QUERY, "hybrid", 30).hits]
    assert len(found) == 30
    assert set(found[:10]) == set(first[40:50]), "what letters set apart is compared anew"
    assert found[10:20] == first[50:]


def test_what_may_be_asked(large: TinyLibrary) -> None:
    with pytest.raises(UsageError, match="unknown fusion"):
        search(large, fusion="borda")
    with pytest.raises(UsageError, match="unknown re-ranker 'best'") as caught:
        search(large, rerank="best")
    assert "learned" in str(caught.value.remedy)
    with pytest.raises(UsageError, match="unknown re-ranker 'cross:'"):
        search(large, rerank="cross:")
    assert search(large, rerank="none").hits == search(large).hits
