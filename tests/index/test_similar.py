"""Similar articles: those about the same, never the article itself, within filters, in a stable order."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest

from pubmed_rag.core.records import Article, Filters, MeshHeading, MeshQualifier
from pubmed_rag.core.store import StoredArticle
from pubmed_rag.index.similar import Similar, best_words, similar
from pubmed_rag.index.vectors import VectorHits, Vectors
from pubmed_rag.index.words import Keys, Scores, TantivyIndex, write_words
from tests.support import FakeEmbedder, article, random_articles

FILLER = random_articles(150, seed=5, first=100)
STATIN = article("1", "Rosuvastatin and cholesterol.", "Rosuvastatin lowers cholesterol. Rosuvastatin was well borne.")
ALIKE = article("2", "Cholesterol under rosuvastatin.", "In adults rosuvastatin lowered cholesterol.")
ASIDE = article("3", "Asthma in children.", "One child took rosuvastatin.")
ARTICLES = [STATIN, ALIKE, ASIDE, *FILLER]


@dataclass
class Plain:
    """Vectors in memory, compared with all."""

    keys: Keys
    matrix: Vectors

    def search(self, vector: Vectors, top: int, allowed: Keys | None = None) -> VectorHits:
        keys = self.keys if allowed is None else np.intersect1d(self.keys, allowed)
        scores = self.scores_of(vector, keys)
        order = np.lexsort((keys, -scores))[:top]
        return VectorHits(keys[order], scores[order])

    def scores_of(self, vector: Vectors, keys: Keys) -> Scores:
        scores: Scores = self.matrix[np.searchsorted(self.keys, keys)] @ vector
        return scores

    def vector_of(self, key: int) -> Vectors | None:
        found = np.flatnonzero(self.keys == key)
        return self.matrix[found[0]] if len(found) else None

    def count(self) -> int:
        return len(self.keys)


@pytest.fixture(scope="module")
def words(tmp_path_factory: pytest.TempPathFactory) -> TantivyIndex:
    directory: Path = tmp_path_factory.mktemp("similar")
    write_words(directory, [StoredArticle(key, item) for key, item in enumerate(ARTICLES, start=1)])
    return TantivyIndex.open(directory)


@pytest.fixture(scope="module")
def vectors() -> Plain:
    matrix = FakeEmbedder().encode_passages([item.text for item in ARTICLES])
    return Plain(np.arange(1, len(ARTICLES) + 1), matrix)


def ids(found: Similar) -> list[str]:
    return [ARTICLES[key - 1].id for key in found.keys.tolist()]


def test_what_is_about_the_same_comes_first(words: TantivyIndex, vectors: Plain) -> None:
    for used in (vectors, None):
        found = similar(1, STATIN, words, used, 10, Filters())
        assert ids(found)[0] == "2"
        assert "1" not in ids(found)
        assert found.scores.tolist() == sorted(found.scores.tolist(), reverse=True)
        assert set(found.components) == ({"bm25", "dense"} if used else {"bm25"})
    assert found.components["bm25"][0] > 0


def test_every_article_but_itself_can_be_found_by_vectors(words: TantivyIndex, vectors: Plain) -> None:
    found = similar(1, STATIN, words, vectors, 1000, Filters())
    assert sorted(found.keys.tolist()) == list(range(2, len(ARTICLES) + 1))
    for key in (1, 50, 152):
        assert key not in similar(key, ARTICLES[key - 1], words, vectors, 1000, Filters()).keys.tolist()


def test_longer_lists_begin_with_shorter_ones(words: TantivyIndex, vectors: Plain) -> None:
    long = similar(1, STATIN, words, vectors, 60, Filters())
    for top in (1, 7, 30):
        short = similar(1, STATIN, words, vectors, top, Filters())
        assert short.keys.tolist() == long.keys.tolist()[:top]
        assert short.scores.tolist() == long.scores.tolist()[:top]


def test_filters_hold(words: TantivyIndex, vectors: Plain) -> None:
    for used in (vectors, None):
        found = similar(1, STATIN, words, used, 10, Filters(ids=("1", "3", "120")))
        assert set(ids(found)) == ({"3", "120"} if used else {"3"})
        assert len(similar(1, STATIN, words, used, 10, Filters(ids=("1",))).keys) == 0


def test_an_article_without_a_vector_goes_by_words(words: TantivyIndex, vectors: Plain) -> None:
    without = Plain(vectors.keys[1:], vectors.matrix[1:])
    assert ids(similar(1, STATIN, words, without, 1, Filters())) == ["2"]
    empty = replace(STATIN, title="", abstract=())
    assert len(similar(1, empty, words, None, 10, Filters()).keys) == 0


def test_best_words_are_those_the_article_is_about(words: TantivyIndex) -> None:
    best = list(best_words(STATIN, words))
    assert best[0] == "rosuvastatin"
    assert all(0 < weight < 1 for weight in best_words(STATIN, words).values())
    heading = MeshHeading("Asthma", qualifiers=(MeshQualifier("drug therapy"),))
    with_heading: Article = replace(STATIN, mesh=(heading,))
    assert "asthma" in best_words(with_heading, words)
    assert "asthma" not in best
    assert not best_words(article("9", "2020 12.", "Unheardof."), words)
