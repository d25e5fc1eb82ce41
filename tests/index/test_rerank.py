"""A second look at the first candidates."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pubmed_rag.core.errors import UnknownModelError
from pubmed_rag.core.text import normalise
from pubmed_rag.index.ranking import Ranking
from pubmed_rag.index.rerank import Candidates, CrossEncoderReranker, reranked
from pubmed_rag.index.search import Searcher
from pubmed_rag.index.words import Scores
from tests.support import Opener, TinyLibrary, open_tiny, random_articles

QUERY = "aspirin mortality in adults"
MANY = 450


class Backwards:
    """Turns the first candidates round."""

    name = "backwards"

    def __init__(self, depth: int = 10) -> None:
        self.depth = depth
        self.seen: list[Candidates] = []

    def scores(self, candidates: Candidates) -> Scores:
        self.seen.append(candidates)
        return np.arange(len(candidates.articles), dtype=np.float32)


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> TinyLibrary:
    return open_tiny(tmp_path_factory.mktemp("many") / "library", random_articles(MANY, seed=5))


def with_cross(library: TinyLibrary, reranker: Backwards) -> Searcher:
    return Searcher(library.paths, library.store, lambda: library.embedder, cross_encoder=lambda name: reranker)


def test_the_first_are_ordered_anew_and_the_rest_stays(many: TinyLibrary) -> None:
    reranker = Backwards(10)
    plain = [hit.id for hit in many.search(QUERY, "hybrid", MANY).hits]
    hits = with_cross(many, reranker).search(QUERY, top=MANY, rerank="cross:any").hits
    assert [hit.id for hit in hits] == [*reversed(plain[:10]), *plain[10:]]
    scores = [hit.score for hit in hits]
    assert scores == sorted(scores, reverse=True)


def test_what_a_reranker_is_shown(many: TinyLibrary) -> None:
    reranker = Backwards(10)
    with_cross(many, reranker).search(QUERY, top=3, rerank="cross:any")
    (shown,) = reranker.seen
    plain = many.search(QUERY, "hybrid", 10).hits
    assert [article.id for article in shown.articles] == [hit.id for hit in plain]
    assert len(shown.fused) == len(shown.components["bm25"]) > 200, "scores of the whole pool"
    assert shown.statistics.count() == MANY
    assert shown.statistics.frequency("text", "aspirin") > 0
    assert all(block is not None and len(block.vectors) for block in shown.blocks)


def test_paging_is_stable_under_reranking(many: TinyLibrary) -> None:
    searcher = with_cross(many, Backwards(10))
    longest = searcher.search(QUERY, top=MANY, rerank="cross:any").hits
    for top in (1, 9, 11, 300):
        assert searcher.search(QUERY, top=top, rerank="cross:any").hits == longest[:top]


def test_a_reranker_can_be_the_searchers_own(many: TinyLibrary) -> None:
    reranker = Backwards(5)
    searcher = Searcher(
        many.paths, many.store, lambda: many.embedder, rerank="cross:any", cross_encoder=lambda name: reranker
    )
    searcher.search(QUERY, top=3)
    searcher.search(QUERY, top=3, rerank="none")
    searcher.search(QUERY, mode="bm25", top=3)
    assert len(reranker.seen) == 1
    assert searcher.reranker_name("cross:any") == "backwards"
    assert searcher.reranker_name("none") == ""


def test_fewer_candidates_than_a_reranker_looks_at(tiny: Opener) -> None:
    library = tiny(random_articles(4))
    hits = with_cross(library, Backwards(50)).search(QUERY, top=10, rerank="cross:any").hits
    assert len(hits) == 4


def test_reranking_nothing() -> None:
    empty = Ranking(np.empty(0, np.int64), np.empty(0, np.float32), {}, {}, 0)

    def none(n: int) -> Candidates:
        raise AssertionError("there is nothing to show")

    assert reranked(empty, Backwards(), none) is empty


# -- cross-encoders ----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def cross_encoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A BERT of two layers and random weights over the words of the tests, saved as a CrossEncoder."""
    torch = pytest.importorskip("torch")
    import transformers
    from sentence_transformers import CrossEncoder

    bert: Any = transformers  # its types leave out what it makes on demand

    from tests.support import WORDS

    folder = tmp_path_factory.mktemp("cross")
    vocabulary = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", ".", "in", *WORDS]
    (folder / "vocab.txt").write_text("\n".join(vocabulary), encoding="utf-8")
    torch.manual_seed(0)
    model = bert.BertForSequenceClassification(
        bert.BertConfig(
            vocab_size=len(vocabulary),
            hidden_size=16,
            num_hidden_layers=2,
            num_attention_heads=2,
            intermediate_size=32,
            max_position_embeddings=128,
            num_labels=1,
        )
    )
    model.save_pretrained(folder)
    bert.BertTokenizerFast(vocab=str(folder / "vocab.txt"), model_max_length=128).save_pretrained(folder)
    assert CrossEncoder(str(folder), device="cpu") is not None
    return folder


def test_a_cross_encoder_orders_by_its_own_scores(many: TinyLibrary, cross_encoder: Path) -> None:
    hits = many.searcher.search(QUERY, top=50, rerank=f"cross:{cross_encoder}").hits
    assert {hit.id for hit in hits} == {hit.id for hit in many.search(QUERY, "hybrid", 50).hits}
    from sentence_transformers import CrossEncoder

    pairs = [(QUERY, normalise(many.store.get(hit.id).text)) for hit in hits]
    expected = CrossEncoder(str(cross_encoder), device="cpu").predict(pairs, show_progress_bar=False)
    assert [hit.score for hit in hits] == pytest.approx(expected.tolist(), abs=1e-4)
    assert expected.tolist() == sorted(expected.tolist(), reverse=True)


def test_a_cross_encoder_can_be_blended_with_the_first_ranking(many: TinyLibrary, cross_encoder: Path) -> None:
    shown = many.searcher.candidates(QUERY, 20)
    own = CrossEncoderReranker(str(cross_encoder)).scores(shown)
    none = CrossEncoderReranker(str(cross_encoder), blend=0.0).scores(shown)
    assert np.argsort(-none, kind="stable").tolist() == list(range(20))
    half = CrossEncoderReranker(str(cross_encoder), blend=0.5).scores(shown)
    assert np.corrcoef(half, own)[0, 1] > 0
    assert np.corrcoef(half, shown.fused[:20])[0, 1] > 0


def test_a_model_that_is_not_there(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}", encoding="utf-8")
    with pytest.raises(UnknownModelError, match="cannot be loaded as a cross-encoder") as caught:
        CrossEncoderReranker(str(tmp_path))
    assert caught.value.remedy
