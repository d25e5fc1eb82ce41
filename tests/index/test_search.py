"""The one door to retrieval."""

from __future__ import annotations

import os
import threading

import numpy as np
import pytest

from pubmed_rag.core.errors import IndexMismatchError, UnknownArticleError, UsageError
from pubmed_rag.core.records import Correction, Filters, Hit, Journal, PartialDate, SearchMode, SearchResult
from pubmed_rag.core.text import normalise
from pubmed_rag.index.build import BuildOptions
from pubmed_rag.index.fusion import WEIGHTS, weighted_sum, z_scores
from pubmed_rag.index.generation import current_generation
from pubmed_rag.index.passages import sentences
from pubmed_rag.index.search import MODES, Searcher, as_mode
from pubmed_rag.index.words import Scores
from tests.support import FakeEmbedder, Opener, TinyLibrary, article, open_tiny, random_articles

QUERY = "carvedilol mortality in adults with sepsis"
RANKED: tuple[SearchMode, ...] = ("bm25", "dense", "hybrid")
"""Modes that rank whatever shares a word or a meaning; PubMed's wants every word."""


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> TinyLibrary:
    """More articles than one component proposes for fusion."""
    return open_tiny(tmp_path_factory.mktemp("many") / "library", random_articles(260, seed=2))


def ids(result: SearchResult) -> list[str]:
    return [hit.id for hit in result.hits]


def component(hit: Hit, name: str) -> tuple[int | None, float | None]:
    return next((part.rank, part.score) for part in hit.components if part.name == name)


# -- what a result holds -----------------------------------------------------------------------------


def test_a_hit_carries_what_a_list_shows(tiny: Opener) -> None:
    library = tiny(
        [
            article(
                "7",
                "[Aspirin in stroke].",
                "It helped.",
                journal=Journal("The Lancet"),
                published=PartialDate(2001),
                corrections=(Correction("RetractionIn", "8"),),
            ),
            article("D-1", "Zinc.", pmid=None),
        ]
    )
    hit = library.search("aspirin", "bm25").hits[0]
    assert (hit.id, hit.pmid, hit.rank, hit.title) == ("7", "7", 1, "Aspirin in stroke")
    assert (hit.year, hit.journal, hit.retracted) == (2001, "The Lancet", True)
    other = library.search("zinc", "bm25").hits[0]
    assert (other.id, other.pmid, other.year, other.journal, other.retracted) == ("D-1", None, None, None, False)


@pytest.mark.parametrize("mode", RANKED)
def test_ranks_rise_and_scores_fall(many: TinyLibrary, mode: SearchMode) -> None:
    result = many.search(QUERY, mode, 50)
    assert [hit.rank for hit in result.hits] == list(range(1, 51))
    scores = [hit.score for hit in result.hits]
    assert scores == sorted(scores, reverse=True)
    assert len(set(ids(result))) == 50
    assert (result.query, result.mode, result.generation) == (QUERY, mode, "g000001")
    assert result.took_ms >= 0
    assert result.warnings == ()


@pytest.mark.parametrize("mode", ["bm25", "dense"])
def test_a_single_mode_has_one_component_equal_to_the_hit(many: TinyLibrary, mode: SearchMode) -> None:
    for hit in many.search(QUERY, mode, 20).hits:
        assert [part.name for part in hit.components] == [mode]
        assert component(hit, mode) == (hit.rank, hit.score)


def test_dense_scores_are_cosines_of_whole_articles(many: TinyLibrary) -> None:
    vector = many.embedder.encode_queries([QUERY])[0]
    result = many.search(QUERY, "dense", 30)
    texts = [normalise(many.store.get(hit.id).text) for hit in result.hits]
    cosines = many.embedder.encode_queries(texts) @ vector
    assert [hit.score for hit in result.hits] == pytest.approx(cosines.tolist(), abs=1e-3)


def test_hybrid_components_are_exact_whoever_proposed_the_hit(many: TinyLibrary) -> None:
    result = many.search(QUERY, "hybrid", 180)
    bm25 = {hit.id: hit.score for hit in many.search(QUERY, "bm25", 300).hits}
    dense = {hit.id: hit.score for hit in many.search(QUERY, "dense", 300).hits}
    vector = many.embedder.encode_queries([QUERY])[0]
    for hit in result.hits:
        assert component(hit, "bm25")[1] == pytest.approx(bm25.get(hit.id, 0.0), abs=1e-3)
        assert component(hit, "dense")[1] == pytest.approx(dense[hit.id], abs=1e-4)
        vectors = many.embedder.encode_queries([normalise(p.text) for p in sentences(many.store.get(hit.id))])
        assert component(hit, "sentence")[1] == pytest.approx(float((vectors @ vector).max()), abs=0.01)
    for name in ("bm25", "dense", "sentence"):
        by_rank = sorted(((component(hit, name)) for hit in result.hits), key=lambda part: part[0] or 0)
        values = [score for _, score in by_rank]
        assert values == sorted(values, key=lambda score: -(score or 0))


def test_search_and_index_tell_the_weights_and_what_they_were_chosen_on(many: TinyLibrary) -> None:
    mixture = many.search(QUERY, "hybrid").mixture
    assert mixture is not None
    assert set(mixture.weights) == {"bm25", "dense", "sentence", "letters"}
    assert "training claims" in mixture.chosen_on
    assert current_generation(many.paths).manifest.mixture == mixture
    assert many.search(QUERY, "bm25").mixture is None


def test_an_index_without_sentences_fuses_two_components(tiny: Opener) -> None:
    library = tiny([])
    library.store.upsert(random_articles(30))
    library.build(BuildOptions(with_sentences=False))
    result = library.search("aspirin mortality", "hybrid")
    hits, mixture = result.hits, result.mixture
    assert mixture is not None
    assert mixture == current_generation(library.paths).manifest.mixture
    assert set(mixture.weights) == {"bm25", "dense", "letters"}
    assert {tuple(part.name for part in hit.components) for hit in hits} == {("bm25", "dense")}
    assert library.searcher.sentence_vectors().of(1) is None


# -- paging ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", MODES)
def test_a_longer_list_begins_with_the_shorter(many: TinyLibrary, mode: SearchMode) -> None:
    for query in (QUERY, "aspirin", "placebo cohort trial", "insulin obesity children screening"):
        longest = many.search(query, mode, 190)
        for top in (1, 5, 10, 50):
            shorter = many.search(query, mode, top)
            assert shorter.hits == longest.hits[:top]
            assert shorter.total == longest.total


@pytest.mark.parametrize("mode", MODES)
def test_pages_continue_each_other(many: TinyLibrary, mode: SearchMode) -> None:
    query = "aspirin OR placebo" if mode == "pubmed" else QUERY
    whole = many.search(query, mode, 60)
    assert len(whole.hits) == 60
    pages = [many.searcher.search(query, mode=mode, top=20, skip=skip) for skip in (0, 20, 40)]
    assert tuple(hit for page in pages for hit in page.hits) == whole.hits
    assert {page.total for page in pages} == {whole.total}
    assert many.searcher.search(query, mode=mode, skip=10_000).hits == ()


@pytest.mark.parametrize("mode", RANKED)
def test_equal_articles_come_in_the_order_they_were_stored(tiny: Opener, mode: SearchMode) -> None:
    library = tiny(article(f"{900 - number}", "Reply.") for number in range(60))
    assert ids(library.search("reply", mode, 20)) == [str(900 - number) for number in range(20)]


@pytest.mark.parametrize("mode", MODES)
def test_a_search_repeated_is_equal(many: TinyLibrary, mode: SearchMode) -> None:
    fresh = Searcher(many.paths, many.store, lambda: FakeEmbedder())
    assert fresh.search(QUERY, mode=mode, top=50).hits == many.search(QUERY, mode, 50).hits


@pytest.mark.parametrize("mode", RANKED)
def test_more_asked_than_there_is(tiny: Opener, mode: SearchMode) -> None:
    library = tiny([*random_articles(5), article("99", "Unrelated words only.")])
    result = library.search("aspirin bucindolol carvedilol mortality placebo cohort", mode, 1000)
    assert len(result.hits) == result.total
    assert len(set(ids(result))) == len(result.hits)
    if mode != "bm25":
        assert result.total == 6


# -- similar articles, and spelling --------------------------------------------------------------------


def test_similar_articles_leave_out_the_one_asked_about(many: TinyLibrary) -> None:
    result = many.searcher.similar("7", top=20)
    assert len(result.hits) == 20
    assert "7" not in ids(result)
    assert [hit.rank for hit in result.hits] == list(range(1, 21))
    assert {part.name for part in result.hits[0].components} == {"bm25", "dense"}
    assert many.searcher.similar("7", top=5).hits == result.hits[:5]
    with pytest.raises(UnknownArticleError, match="nobody"):
        many.searcher.similar("nobody")


def test_an_article_newer_than_the_index_is_compared_by_its_words(tiny: Opener) -> None:
    library = tiny([*random_articles(20), article("90", "Unmistakable glucagon.", "Unmistakable glucagon again.")])
    library.store.upsert([article("91", "Unmistakable glucagon.", "More of unmistakable glucagon.")])
    result = library.searcher.similar("91", top=3)
    assert "91" not in ids(result)
    assert {part.name for part in result.hits[0].components} == {"bm25"}
    with pytest.raises(UsageError, match="at least 1"):
        library.searcher.similar("91", top=0)


def test_a_misspelt_word_is_answered_with_the_librarys(many: TinyLibrary) -> None:
    assert many.search("carvedilol in sepsis", "bm25").suggestion is None
    for mode in MODES:
        assert many.search("carvedillol in sepsis", mode).suggestion == "carvedilol in sepsis"


# -- what a user may get wrong -----------------------------------------------------------------------


@pytest.mark.parametrize("query", ["", "   ", "\n\t"])
def test_an_empty_query(many: TinyLibrary, query: str) -> None:
    with pytest.raises(UsageError, match="empty"):
        many.search(query)


@pytest.mark.parametrize("top", [0, -3])
def test_top_below_one(many: TinyLibrary, top: int) -> None:
    with pytest.raises(UsageError, match="at least 1"):
        many.search(QUERY, top=top)


def test_an_unknown_mode_names_the_known() -> None:
    with pytest.raises(UsageError, match="unknown mode 'fuzzy'") as caught:
        as_mode("fuzzy")
    assert "bm25, dense, hybrid" in str(caught.value.remedy)
    assert [as_mode(mode) for mode in MODES] == list(MODES)


def test_another_model_than_the_index_was_built_with(many: TinyLibrary) -> None:
    for other in (FakeEmbedder(revision="2"), FakeEmbedder(dimension=32)):
        searcher = Searcher(many.paths, many.store, lambda other=other: other)  # type: ignore[misc]
        modes: tuple[SearchMode, ...] = ("dense", "hybrid")
        for mode in modes:
            with pytest.raises(IndexMismatchError, match=r"built with fake \(1, 64") as caught:
                searcher.search(QUERY, mode=mode)
            assert "pubmed-rag index build" in str(caught.value.remedy)
        assert searcher.search(QUERY, mode="bm25").hits, "words need no model"


def test_words_ask_for_no_model(many: TinyLibrary) -> None:
    def none() -> FakeEmbedder:
        raise AssertionError("the model was loaded")

    assert Searcher(many.paths, many.store, none).search(QUERY, mode="bm25").hits


@pytest.mark.parametrize("mode", RANKED)
def test_queries_without_a_known_word(many: TinyLibrary, mode: SearchMode) -> None:
    for query in ("unheardofword", "the of and", "???", "\u200b"):
        result = many.search(query, mode, 5)
        assert len(result.hits) == (0 if mode == "bm25" else 5)


# -- a library that changes --------------------------------------------------------------------------


def test_an_index_behind_says_so_and_leaves_out_what_is_gone(tiny: Opener) -> None:
    library = tiny(random_articles(30))
    before = library.search("aspirin", "dense", 10)
    gone = ids(before)[0]
    library.store.delete([gone])
    (warning,) = library.search("aspirin", "dense", 10).warnings
    assert "1 change behind" in warning
    assert "pubmed-rag index update" in warning
    for mode in MODES:
        result = library.search("aspirin", mode, 10)
        assert gone not in ids(result)
        assert [hit.rank for hit in result.hits] == list(range(1, len(result.hits) + 1))
    assert len(library.search("aspirin", "dense", 10).hits) == 10
    library.store.upsert(random_articles(2, first=200))
    assert "3 changes behind" in library.search("aspirin", "bm25").warnings[0]
    library.update()
    assert library.search("aspirin", "bm25").warnings == ()


@pytest.mark.parametrize("mode", MODES)
def test_a_searcher_follows_a_switch(tiny: Opener, mode: SearchMode) -> None:
    library = tiny(random_articles(20))
    assert library.search("novelword", mode).generation == "g000001"
    library.store.upsert([article("500", "Novelword novelword.")])
    assert "500" not in ids(library.search("novelword", mode))
    library.update()
    result = library.search("novelword", mode)
    assert (result.hits[0].id, result.generation) == ("500", "g000002")
    library.store.delete(["500"])
    library.update()
    assert "500" not in ids(library.search("novelword", mode))


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs a named pipe")
def test_a_generation_replaced_while_it_is_read_is_no_error(tiny: Opener) -> None:
    """A manifest that is a pipe holds the reader in the middle of loading until the switch has happened."""
    library = tiny(random_articles(20))
    library.build()
    library.paths.current.write_text("g000001\n", encoding="ascii")
    manifest = library.paths.index / "g000001" / "manifest.json"
    manifest.unlink()
    os.mkfifo(manifest)

    def switch() -> None:
        with manifest.open("wb") as pipe:
            library.paths.current.write_text("g000002\n", encoding="ascii")
            pipe.write(b"half a mani")

    thread = threading.Thread(target=switch)
    thread.start()
    result = Searcher(library.paths, library.store, lambda: library.embedder).search("aspirin", mode="bm25")
    thread.join()
    assert result.generation == "g000002"


@pytest.mark.parametrize("mode", MODES)
def test_a_changed_article_appears_once_with_its_new_text(tiny: Opener, mode: SearchMode) -> None:
    library = tiny(random_articles(20))
    library.store.upsert([article("3", "Novelword in asthma.", "Everything else was rewritten.")])
    library.update()
    result = library.search("novelword asthma", mode, 100)
    assert ids(result).count("3") == 1
    assert len(set(ids(result))) == len(result.hits) <= 20
    assert result.hits[0].id == "3"
    assert result.hits[0].title == "Novelword in asthma."


def test_threads_share_a_searcher(many: TinyLibrary) -> None:
    queries = [f"{word} mortality" for word in ("aspirin", "zinc", "sepsis", "statin")]
    expected = [many.search(query, "hybrid", 10).hits for query in queries]
    searcher = Searcher(many.paths, many.store, lambda: many.embedder)
    found: dict[int, list[tuple[Hit, ...]]] = {}

    def work(number: int) -> None:
        found[number] = [searcher.search(query, mode="hybrid", top=10).hits for query in queries]

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [found[number] for number in range(4)] == [expected] * 4


def test_filters_may_let_nothing_through(many: TinyLibrary) -> None:
    for mode in MODES:
        result = many.search(QUERY, mode, 10, Filters(ids=("nobody",)))
        assert (result.total, result.hits) == (0, ())


# -- fusion ------------------------------------------------------------------------------------------


def scores(*values: float) -> Scores:
    return np.array(values, np.float32)


def test_fusion_by_hand() -> None:
    assert z_scores(scores(1, 2, 3)).tolist() == pytest.approx([-1.2247, 0, 1.2247], abs=1e-4)
    assert z_scores(scores(5, 5, 5)).tolist() == [0, 0, 0]
    assert z_scores(scores(7)).tolist() == [0]
    fused = weighted_sum({"bm25": scores(0, 10), "dense": scores(0.4, 0.2)}, {"bm25": 3, "dense": 1})
    assert fused.tolist() == pytest.approx([-0.5, 0.5])
    assert sum(WEIGHTS.values()) == pytest.approx(1)


def test_fusion_of_one_component_keeps_its_order() -> None:
    values = scores(0.3, -0.1, 0.9, 0.2)
    assert np.argsort(weighted_sum({"dense": values})).tolist() == np.argsort(values).tolist()
