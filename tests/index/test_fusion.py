"""Components' scores into one."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pubmed_rag.core.errors import UsageError
from pubmed_rag.index.fusion import (
    LETTERS,
    PAIR_LETTERS,
    PAIR_WEIGHTS,
    RRF_K,
    WEIGHTS,
    Fusion,
    Scale,
    as_fusion_method,
    ranks,
    reciprocal_ranks,
    shared_ranks,
    weighted_sum,
)
from pubmed_rag.index.words import Scores

some_scores = st.lists(st.integers(-50, 50), min_size=1, max_size=30).map(lambda values: np.array(values, np.float32))


def scores(*values: float) -> Scores:
    return np.array(values, np.float32)


def test_reciprocal_ranks_by_hand() -> None:
    fused = reciprocal_ranks({"bm25": scores(3, 9, 1), "dense": scores(0.2, 0.1, 0.9)})
    assert fused.tolist() == pytest.approx([1 / 62 + 1 / 62, 1 / 61 + 1 / 63, 1 / 63 + 1 / 61])
    assert RRF_K == 60
    later = reciprocal_ranks({"bm25": scores(3, 9)}, first=401)
    assert later.tolist() == pytest.approx([1 / 462, 1 / 461])


def test_equal_scores_share_the_best_rank() -> None:
    assert shared_ranks(scores(5, 7, 5, 1)).tolist() == [2, 1, 2, 4]
    assert ranks(scores(5, 7, 5, 1)).tolist() == [2, 1, 3, 4]


@given(some_scores, some_scores)
def test_ranks_do_not_see_by_how_much(first: Scores, second: Scores) -> None:
    n = min(len(first), len(second))
    plain = reciprocal_ranks({"bm25": first[:n], "dense": second[:n]})
    stretched = reciprocal_ranks({"bm25": first[:n] * 3 + 7, "dense": np.exp(second[:n] / 10)})
    assert plain.tolist() == stretched.tolist()


@given(some_scores)
def test_a_scale_makes_its_own_scores_standard(values: Scores) -> None:
    made = Scale.of(values).apply(values)
    assert float(made.mean()) == pytest.approx(0, abs=1e-4)
    assert float(made.std()) == pytest.approx(1 if len(set(values.tolist())) > 1 else 0, abs=1e-3)


def test_later_candidates_are_weighed_on_the_first_ones_scale() -> None:
    first = {"bm25": scores(1, 2, 3), "dense": scores(0.1, 0.5, 0.3)}
    scales = {name: Scale.of(values) for name, values in first.items()}
    together = weighted_sum(first, scales=scales)
    one = weighted_sum({name: values[1:2] for name, values in first.items()}, scales=scales)
    assert one.tolist() == pytest.approx(together[1:2].tolist())


def test_sentences_can_be_left_out() -> None:
    assert Fusion().without_sentences().weights == PAIR_WEIGHTS
    assert Fusion("rrf").without_sentences().method == "rrf"
    assert Fusion().without_sentences().without_sentences() == Fusion().without_sentences()
    assert sum(WEIGHTS.values()) == pytest.approx(1) == sum(PAIR_WEIGHTS.values())


def test_an_unknown_fusion_names_the_known() -> None:
    assert as_fusion_method("rrf") == "rrf"
    with pytest.raises(UsageError, match="unknown fusion 'max'") as caught:
        as_fusion_method("max")
    assert "sum, rrf" in str(caught.value.remedy)


def test_weights_say_what_they_were_chosen_on() -> None:
    mixture = Fusion().mixture()
    assert (mixture.method, dict(mixture.weights)) == ("sum", {**WEIGHTS, "letters": LETTERS})
    assert "training claims" in mixture.chosen_on
    assert Fusion().without_sentences().mixture().weights == {**PAIR_WEIGHTS, "letters": PAIR_LETTERS}
    assert Fusion(weights={"bm25": 0.9, "dense": 0.1}).mixture().chosen_on == "set by the caller"
    ranks_only = Fusion("rrf").mixture()
    assert (ranks_only.method, ranks_only.weights, ranks_only.chosen_on) == ("rrf", {}, "")
