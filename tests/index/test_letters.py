"""What a query and an article share as written, and what that does to the first candidates."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pubmed_rag.core.records import Article
from pubmed_rag.core.text import normalise
from pubmed_rag.index.fusion import Fusion
from pubmed_rag.index.letters import DEPTH, LettersReranker, Written, WrittenQuery, letter_columns, shared_letters
from pubmed_rag.index.rerank import Candidates
from pubmed_rag.index.search import Searcher
from pubmed_rag.index.sentence_vectors import SentenceBlock
from tests.support import FakeEmbedder, Opener, TinyLibrary, article, open_tiny, random_articles


class NoStatistics:
    def count(self) -> int:
        return 0

    def frequency(self, field: str, term: str) -> int:
        return 0


def pool(query: str, *articles: Article, best: tuple[int, ...] = ()) -> Candidates:
    """Equal first scores; ``best``: the place of each article's sentence that is nearest to the query."""
    blocks: list[SentenceBlock | None] = [None] * len(articles)
    for row, place in enumerate(best):
        ends = np.cumsum([len(part) + 1 for part in articles[row].text.split(". ")])
        spans = np.column_stack([[0, *ends[:-1]], ends]).astype(np.int32)
        blocks[row] = SentenceBlock(row, spans, np.eye(len(spans), dtype=np.float32)[:, [place]])
    zeros = np.zeros(len(articles), np.float32)
    return Candidates(query, np.ones(1, np.float32), zeros, {"bm25": zeros}, list(articles), blocks, NoStatistics())


def order(candidates: Candidates) -> list[str]:
    scores = LettersReranker(1.0).scores(candidates)
    return [candidates.articles[place].id for place in np.argsort(-scores, kind="stable")]


def test_a_gene_is_itself_however_its_hyphen_is_written() -> None:
    il6 = article("6", "Effects of IL-6 on T cells.")
    il2 = article("2", "Effects of IL-2 on T cells.")
    assert order(pool("IL2 and T cells", il6, il2)) == ["2", "6"]
    assert order(pool("IL6 and T cells", il2, il6)) == ["6", "2"]


def test_greek_letters_and_their_names_are_one() -> None:
    alpha, beta = article("1", "TGF-α in fibrosis."), article("2", "TGF-β in fibrosis.")
    assert order(pool("TGF-beta in fibrosis", alpha, beta)) == ["2", "1"]


def test_a_word_spelt_or_put_together_otherwise_still_counts() -> None:
    other = article("1", "Gene expression measured by sequencing.")
    same = article("2", "Gene expression measured by micro-arrays.")
    assert order(pool("microarray expression", other, same)) == ["2", "1"]


def test_the_best_sentence_counts_once_more_where_it_is_known() -> None:
    far = article("1", "Metformin was given. Weight was measured")
    near = article("2", "Weight was given. Metformin was measured")
    query = "metformin"
    assert not shared_letters(pool(query, far, near)).any(), "the same letters in both"
    assert order(pool(query, far, near, best=(1, 1))) == ["2", "1"]


def test_an_article_that_is_gone_stays_where_it_is() -> None:
    gone = Article(id="", title="")
    values = shared_letters(pool("aspirin", gone, article("1", "Aspirin."), article("2", "Ibuprofen.")))
    assert values[0] == 0
    assert values[1] > 0 > values[2]
    assert not shared_letters(pool("aspirin", gone)).any()


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=60), st.lists(st.text(max_size=80), min_size=1, max_size=6))
def test_any_texts_give_shares(query: str, texts: list[str]) -> None:
    columns = letter_columns(WrittenQuery.of(query), [Written.of(normalise(text), text) for text in texts])
    for values in columns.values():
        assert len(values) == len(texts)
        assert all(0 <= value <= 1 + 1e-5 for value in values)
    made = [article(str(number), text or "x") for number, text in enumerate(texts)]
    assert np.isfinite(shared_letters(pool(query, *made))).all()


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> TinyLibrary:
    return open_tiny(tmp_path_factory.mktemp("letters") / "library", random_articles(150, seed=8))


@pytest.mark.parametrize("sentences", [True, False])
def test_letters_set_the_first_candidates_in_order_and_leave_the_rest(library: TinyLibrary, sentences: bool) -> None:
    def found(fusion: Fusion) -> list[str]:
        searcher = Searcher(library.paths, library.store, lambda: FakeEmbedder(), fusion=fusion)
        return [hit.id for hit in searcher.search("aspirin in asthma", top=100, sentences=sentences).hits]

    without, with_letters = found(Fusion(letters=0, pair_letters=0)), found(Fusion())
    assert with_letters != without
    assert set(with_letters[:DEPTH]) == set(without[:DEPTH])
    assert with_letters[DEPTH:] == without[DEPTH:]


def test_ranks_alone_are_fused_without_letters(tiny: Opener) -> None:
    library = tiny(random_articles(60))
    searchers = [
        Searcher(library.paths, library.store, lambda: FakeEmbedder(), fusion=Fusion("rrf", letters=letters))
        for letters in (0.0, 5.0)
    ]
    first, second = ([hit.id for hit in each.search("aspirin", top=30).hits] for each in searchers)
    assert first == second
