"""What a learned ranker looks at, by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pubmed_rag.core.records import Article, MeshHeading, PartialDate, Term
from pubmed_rag.index.ranker_features import feature_names, features
from pubmed_rag.index.rerank import Candidates
from pubmed_rag.index.sentence_vectors import SentenceBlock
from tests.support import article


class Statistics:
    """A collection of 100 articles in which every term is in ten, but for the rare ones."""

    def __init__(self, **rare: int) -> None:
        self._rare = rare

    def count(self) -> int:
        return 100

    def frequency(self, field: str, term: str) -> int:
        assert field == "text"
        return self._rare.get(term, 10)


def idf(found: int) -> float:
    return math.log(1 + (100 - found + 0.5) / (found + 0.5))


def shown(query: str, *articles: Article, blocks: list[SentenceBlock | None] | None = None, **rare: int) -> Candidates:
    n = len(articles)
    scores = np.arange(n, 0, -1).astype(np.float32)
    return Candidates(
        query=query,
        vector=np.array([1, 0], np.float32),
        fused=scores,
        components={"bm25": scores, "dense": scores[::-1].copy()},
        articles=articles,
        blocks=blocks or [None] * n,
        statistics=Statistics(**rare),
    )


def column(candidates: Candidates, name: str) -> list[float]:
    found: list[float] = features(candidates)[:, feature_names().index(name)].tolist()
    return found


def test_shares_of_the_query_weigh_rare_terms_more() -> None:
    candidates = shown(
        "aspirin prevents stroke",
        article("1", "Aspirin.", "It prevents stroke."),
        article("2", "Stroke."),
        article("3", "Zinc."),
        aspirin=1,
    )
    total = idf(1) + 2 * idf(10)
    assert column(candidates, "text_cover") == pytest.approx([1, idf(10) / total, 0])
    assert column(candidates, "title_cover") == pytest.approx([idf(1) / total, idf(10) / total, 0])
    assert column(candidates, "plain_cover") == pytest.approx([1, 1 / 3, 0])
    assert column(candidates, "missing_idf") == pytest.approx([0, idf(1), idf(1)])


def test_best_and_title_sentence_come_from_the_index() -> None:
    one = article("1", "Aspirin.", "Zinc is a metal. Aspirin prevents stroke.")
    text = one.text
    spans = np.array(
        [(text.index(part), text.index(part) + len(part)) for part in ("Aspirin.", "Zinc is", "Aspirin p")]
    )
    spans[1:, 1] = (text.index("Zinc") + len("Zinc is a metal."), len(text))
    block = SentenceBlock(1, spans.astype(np.int32), np.array([[0.2, 0], [0.1, 0], [0.9, 0]], np.float32))
    candidates = shown("aspirin prevents stroke", one, article("2", "Zinc."), blocks=[block, None])
    assert column(candidates, "best_cosine") == pytest.approx([0.9, 0])
    assert column(candidates, "second_cosine") == pytest.approx([0.2, 0])
    assert column(candidates, "title_cosine") == pytest.approx([0.2, 0])
    assert column(candidates, "best_place") == pytest.approx([1, 0])
    assert column(candidates, "best_cover") == pytest.approx([1, 0])
    assert column(candidates, "sentence_cover") == pytest.approx([1, 0])


def test_symbols_are_one_however_written() -> None:
    candidates = shown(
        "TGF-β and IL-2 at 5%",
        article("1", "TGF-beta, IL2 and 5."),
        article("2", "tgfbeta and IL-3."),
        article("3", "Nothing."),
    )
    assert column(candidates, "symbols") == pytest.approx([1, 0, 0])
    assert column(candidates, "query_symbols") == [3, 3, 3]


def test_nearness() -> None:
    far = " ".join(f"filler{number}" for number in range(40))
    candidates = shown(
        "aspirin stroke",
        article("1", "Aspirin stroke."),
        article("2", "Stroke and then aspirin."),
        article("3", f"Aspirin {far} stroke."),
    )
    assert column(candidates, "pairs") == [1, 0, 0]
    assert column(candidates, "near_pairs") == [1, 1, 0]
    assert column(candidates, "span") == pytest.approx([1, 1, 0.5])


def test_words_with_the_same_beginning() -> None:
    candidates = shown("hyperglycaemia", article("1", "Hyperglycemic mice."), article("2", "Hypoxia."))
    assert column(candidates, "prefix_cover") == [1, 0]
    letters = column(candidates, "letters")
    assert letters[0] > letters[1]


def test_facts_of_the_article() -> None:
    one = article(
        "1",
        "Aspirin.",
        published=PartialDate(2000),
        publication_types=(Term("Randomized Controlled Trial"), Term("Systematic Review")),
        mesh=(MeshHeading("Stroke", None, False, ()),),
    )
    candidates = shown("stroke", one, article("2", "Zinc."))
    assert column(candidates, "recency") == [1, 0]
    assert column(candidates, "is_trial") == [1, 0]
    assert column(candidates, "is_review") == [1, 0]
    assert column(candidates, "headings_cover") == [1, 0]


def test_scores_are_relative_to_the_pool() -> None:
    candidates = shown("zinc", article("1", "Zinc."), article("2", "Zinc."), article("3", "Zinc."))
    assert column(candidates, "bm25_z") == pytest.approx([1.2247, 0, -1.2247], abs=1e-3)
    assert column(candidates, "dense_rank") == pytest.approx([1 / 12, 1 / 11, 1 / 10])
    assert column(candidates, "sentence_z") == [0, 0, 0]


@given(st.text(max_size=60), st.lists(st.text(max_size=80), min_size=1, max_size=4))
@settings(max_examples=80, deadline=None)
def test_any_text_gives_numbers(query: str, titles: list[str]) -> None:
    rows = features(shown(query, *(article(str(n), title) for n, title in enumerate(titles))))
    assert rows.shape == (len(titles), len(feature_names()))
    assert rows.dtype == np.float32
    assert np.isfinite(rows).all()
