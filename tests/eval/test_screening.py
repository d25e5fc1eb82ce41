"""Work saved over sampling: by hand, against full simulation of random reading, and at its bounds."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pubmed_rag.core.errors import InputError
from pubmed_rag.eval.collections import Collection, Qrel, Topic
from pubmed_rag.eval.measures import SCREENING, score_collection
from pubmed_rag.eval.screening import as_screening, work_saved
from pubmed_rag.eval.systems import ScoredDoc
from tests.eval.fakes import tiny_collection


def ids(count: int) -> list[str]:
    return [f"d{number}" for number in range(count)]


def test_a_full_ranking_by_hand() -> None:
    # 20 relevant of 100: the 19th stands at rank 30, so 70 need not be read.
    ranked = ids(100)
    relevant = frozenset([*ranked[:18], ranked[29], ranked[90]])
    assert work_saved(ranked, relevant, 100) == pytest.approx(0.70 - 0.05)


def test_the_best_and_the_worst() -> None:
    ranked = ids(100)
    assert work_saved(ranked, frozenset(ranked[:20]), 100) == pytest.approx(0.81 - 0.05)
    assert work_saved(ranked[::-1], frozenset(ranked[:20]), 100) == pytest.approx(0.01 - 0.05)
    assert work_saved(ranked, frozenset(), 100) is None


def test_what_is_left_unranked_is_read_in_random_order() -> None:
    everything = ids(60)
    relevant = frozenset(everything[::6])
    ranked = everything[:13]
    rest = everything[13:]
    chance = random.Random(1)
    total, rounds = 0.0, 4000
    for _ in range(rounds):
        chance.shuffle(rest)
        total += work_saved([*ranked, *rest], relevant, 60) or 0.0
    assert work_saved(ranked, relevant, 60) == pytest.approx(total / rounds, abs=0.005)


@given(st.integers(1, 60), st.integers(1, 60), st.integers(0, 60), st.randoms())
def test_bounds(size: int, relevant: int, returned: int, chance: random.Random) -> None:
    everything = ids(size)
    wanted = frozenset(everything[: min(relevant, size)])
    order = chance.sample(everything, min(returned, size))
    saved = work_saved(order, wanted, size)
    assert saved is not None
    assert -0.05 - 1e-9 <= saved <= 0.95
    if len(order) == size:
        assert saved <= (work_saved(everything, wanted, size) or 0.0) + 1e-9


def test_a_screening_collection_offers_what_was_judged_and_nothing_else() -> None:
    collection = Collection(
        name="s",
        split="train",
        corpus=(),
        topics=(Topic("a", "one"), Topic("b", "two")),
        qrels=(Qrel("a", "3", 0), Qrel("a", "1", 2), Qrel("b", "7", 1), Qrel("b", "8", 0)),
        digest="d",
    )
    screened = as_screening(collection)
    assert [topic.candidates for topic in screened.topics] == [("1", "3"), ("7", "8")]
    assert screened.topics_digest != collection.topics_digest
    rankings = {"a": (ScoredDoc("1", 2.0), ScoredDoc("3", 1.0)), "b": (ScoredDoc("8", 2.0), ScoredDoc("7", 1.0))}
    scores = score_collection(screened, rankings, SCREENING)
    assert tuple(scores.values) == tuple(measure.name for measure in SCREENING.measures)
    assert scores.values["WSS@95"] == pytest.approx((0.45, -0.05))
    assert scores.values["MAP"] == (1.0, 0.5)
    assert scores.values["set recall"] == (1.0, 1.0)


def test_a_set_without_rejections_cannot_be_screened() -> None:
    with pytest.raises(InputError, match="cannot be used for screening"):
        as_screening(tiny_collection())
