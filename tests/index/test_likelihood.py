"""What a language model reads of an article, and what its opinion does to the first candidates."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from pubmed_rag.core.errors import UsageError
from pubmed_rag.core.records import Article
from pubmed_rag.index.likelihood import DEPTH, LanguageModel, LikelihoodReranker, read
from pubmed_rag.index.passages import sentences
from pubmed_rag.index.search import Searcher
from pubmed_rag.index.sentence_vectors import SentenceBlock
from pubmed_rag.index.words import Scores
from tests.index.test_letters import pool
from tests.support import TinyLibrary, article, open_tiny, random_articles

QUERY = "aspirin mortality in adults"


class Recaller:
    """Thinks a text likely by the share of its words that it has read before."""

    name = "recaller 1"

    def __init__(self) -> None:
        self.pairs: list[tuple[str, str]] = []

    def mean_log_probabilities(self, pairs: Sequence[tuple[str, str]]) -> Scores:
        self.pairs += pairs
        found = [[word in before.lower() for word in text.lower().split()] for before, text in pairs]
        return np.array([np.mean(words) - 1 for words in found], np.float32)


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> TinyLibrary:
    return open_tiny(tmp_path_factory.mktemp("likelihood") / "library", random_articles(60, seed=5))


def searcher(library: TinyLibrary, model: LanguageModel, *asked: str) -> Searcher:
    names = list(asked)

    def load(name: str) -> LanguageModel:
        assert name == names.pop(0), "each is loaded once"
        return model

    return Searcher(library.paths, library.store, lambda: library.embedder, language_model=load)


def three_sentences() -> Article:
    return article(
        "1", "Aspirin and death", "It was asked. Adults took aspirin. Rain fell. Mortality was lower in adults."
    )


def test_the_best_two_sentences_are_read_in_the_order_of_the_text() -> None:
    """By letters, where no vectors tell."""
    shown = pool("mortality of adults", three_sentences())
    assert read(shown, 0) == "Aspirin and death. Adults took aspirin. Mortality was lower in adults."


def test_vectors_tell_which_sentences_are_best() -> None:
    """The title, nearest of all, is read anyway."""
    text = three_sentences()
    spans = np.array([[passage.start, passage.end] for passage in sentences(text)], np.int32)
    vectors = np.array([[0.9], [0.1], [0.2], [0.8], [0.3]], np.float32)
    shown = replace(pool("mortality of adults", text), blocks=[SentenceBlock(0, spans, vectors)])
    assert read(shown, 0) == "Aspirin and death. Rain fell. Mortality was lower in adults."


def test_a_title_is_read_once_and_stands_alone_where_there_is_no_more() -> None:
    assert read(pool("aspirin", article("1", "Does aspirin help?")), 0) == "Does aspirin help?"


def test_what_makes_the_query_likely_comes_first() -> None:
    model = Recaller()
    shown = pool("statins lower cholesterol", article("1", "Rain in Spain"), article("2", "Statins lower cholesterol"))
    scores = LikelihoodReranker(model, weight=0.5).scores(shown)
    assert scores.tolist() == [-0.5, 0.5]
    assert model.pairs[1] == ("Statins lower cholesterol.\n\nClaim:", " statins lower cholesterol")


def test_an_article_that_is_gone_stays_where_it_is() -> None:
    model = Recaller()
    shown = pool("rain", article("1", "Rain"), Article(id="", title=""), article("3", "Snow"))
    assert LikelihoodReranker(model, weight=1.0).scores(shown).tolist() == [1.0, 0.0, -1.0]
    assert len(model.pairs) == 2
    assert LikelihoodReranker(model).scores(pool("rain")).shape == (0,)


def test_it_looks_at_the_first_few_and_leaves_the_rest(library: TinyLibrary) -> None:
    model = Recaller()
    search = searcher(library, model, "").search
    plain = [hit.id for hit in search(QUERY, top=30).hits]
    found = search(QUERY, top=30, rerank="likelihood").hits
    assert sorted(plain[:DEPTH]) == sorted(hit.id for hit in found[:DEPTH])
    assert plain[DEPTH:] == [hit.id for hit in found[DEPTH:]]
    assert len(model.pairs) == DEPTH
    assert all(text == f" {QUERY}" for _, text in model.pairs)
    for top in (1, 7, 9):
        assert search(QUERY, top=top, rerank="likelihood").hits == found[:top]


def test_models_are_named_and_loaded_once(library: TinyLibrary) -> None:
    found = searcher(library, Recaller(), "", "some/model")
    for _ in range(2):
        assert found.reranker_name("likelihood") == "likelihood recaller 1"
        found.search(QUERY, top=3, rerank="likelihood:some/model")


def test_what_is_refused(library: TinyLibrary) -> None:
    found = searcher(library, Recaller())
    with pytest.raises(UsageError, match="weighted sum"):
        found.search(QUERY, rerank="likelihood", fusion="rrf")
    for name in ("likelihood:", "likelihoods"):
        with pytest.raises(UsageError, match=f"unknown re-ranker '{name}'") as caught:
            found.search(QUERY, rerank=name)
        assert "likelihood:MODEL" in str(caught.value.remedy)
    without = Searcher(library.paths, library.store, lambda: library.embedder)
    with pytest.raises(UsageError, match="no language model"):
        without.search(QUERY, rerank="likelihood")
