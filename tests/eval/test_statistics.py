"""Statistics: exact cases by hand, invariances, and simulated systems without a difference."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pubmed_rag.eval.statistics import (
    Interval,
    bootstrap_interval,
    compare_all,
    detectable,
    holm,
    randomisation_p,
    smallest_p,
    topics_needed,
)


def test_randomisation_is_exact_for_few_topics() -> None:
    # Of the 2^5 sign assignments only all + and all - reach the mean of five equal differences.
    assert randomisation_p([0.1] * 5, seed=0) == 2 / 32
    # |±1 ±2| reaches 1 in every case, 3 in two of four.
    assert randomisation_p([1.0, -2.0], seed=0) == 1.0
    assert randomisation_p([1.0, 2.0], seed=0) == 0.5


def test_topics_without_a_difference_have_no_say() -> None:
    assert randomisation_p([0.1, 0.0, 0.1, 0.0, 0.1], seed=0) == 2 / 8
    assert randomisation_p([0.0, 0.0], seed=0) == 1.0


def test_sampled_p_is_near_the_exact_one_and_never_zero() -> None:
    # 15 equal differences are sampled: 2 of 2^15 assignments reach the mean. 14 are not.
    assert randomisation_p([0.1] * 15, seed=1) == pytest.approx(2 / 2**15, abs=5e-4)
    assert randomisation_p([0.1] * 14, seed=1) == 2 / 2**14
    assert randomisation_p([0.1] * 200, seed=1, resamples=99) == 1 / 100


def test_holm_by_hand() -> None:
    assert holm([0.01, 0.04, 0.03]) == pytest.approx((0.03, 0.06, 0.06))
    assert holm([0.5, 0.9]) == pytest.approx((1.0, 1.0))
    assert holm([]) == ()


@given(st.lists(st.floats(0, 1), max_size=8))
def test_holm_never_makes_p_smaller(p_values: list[float]) -> None:
    adjusted = holm(p_values)
    assert all(raw <= corrected <= 1 for raw, corrected in zip(p_values, adjusted, strict=True))
    order = sorted(range(len(p_values)), key=lambda index: p_values[index])
    assert [adjusted[index] for index in order] == sorted(adjusted)


def test_interval_of_few_or_equal_values() -> None:
    assert bootstrap_interval([0.1, 0.2] * 7, seed=0) is None
    assert bootstrap_interval([0.25] * 15, seed=0) == Interval(0.25, 0.25)


def test_interval_where_hardly_a_topic_differs() -> None:
    interval = bootstrap_interval([0.0] * 99 + [1.0], seed=0)
    assert interval is not None
    assert 0.0 <= interval.low <= 0.01 <= interval.high <= 0.05


def test_interval_is_near_the_t_interval_for_normal_values() -> None:
    values = np.random.default_rng(3).normal(0.2, 1.0, 400)
    interval = bootstrap_interval(values, seed=0)
    assert interval is not None
    half = 1.966 * values.std(ddof=1) / 20
    assert interval.low == pytest.approx(values.mean() - half, abs=0.01)
    assert interval.high == pytest.approx(values.mean() + half, abs=0.01)


def test_a_comparison_by_hand() -> None:
    (comparison,) = compare_all(
        "nDCG@10", {"old": [0.0, 0.2, 0.5, 0.5, 0.5, 0.5], "new": [1.0, 0.1, 0.5, 0.5, 0.5, 0.5]}, seed=0
    )
    assert (comparison.system, comparison.baseline, comparison.topics) == ("new", "old", 6)
    assert comparison.difference == pytest.approx(0.9 / 6)
    assert (comparison.wins, comparison.ties, comparison.losses) == (1, 4, 1)
    differences = np.array([1.0, -0.1, 0, 0, 0, 0])
    assert comparison.effect_size == pytest.approx(differences.mean() / differences.std(ddof=1))
    assert comparison.p == comparison.p_holm == 1.0
    assert comparison.verdict == "no difference shown"


def test_verdicts_follow_the_corrected_test() -> None:
    base = np.random.default_rng(0).uniform(0.2, 0.6, 60).tolist()
    comparisons = compare_all(
        "m", {"base": base, "up": [value * 1.01 + 0.1 for value in base], "same": base[::-1]}, seed=0
    )
    assert [(c.system, c.baseline, c.verdict) for c in comparisons] == [
        ("up", "base", "better"),
        ("same", "base", "no difference shown"),
        ("same", "up", "worse"),
    ]
    assert all(c.p_holm >= c.p for c in comparisons)


def test_few_topics_have_no_interval_and_the_exact_test_decides() -> None:
    base = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7]
    better = [value + 0.1 for value in base]
    mixed = [value + (-0.1 if place == 1 else 0.3) for place, value in enumerate(base)]
    up, both = compare_all(
        "m", {"old": base, "up": better, "mixed": mixed}, seed=0, pairs=[("old", "up"), ("old", "mixed")]
    )
    assert (up.interval, both.interval) == (None, None)
    assert [up.lowest, up.highest] == pytest.approx([0.1, 0.1])
    assert [both.lowest, both.highest] == pytest.approx([-0.1, 0.3])
    # All seven to one side: 2 of 128 ways; with the smallest turned round 4 of 128.
    assert (up.p, both.p) == (2 / 128, 4 / 128)
    assert up.p == smallest_p(7)
    assert (up.p_holm, up.verdict) == (4 / 128, "better")
    assert (both.p_holm, both.verdict) == (4 / 128, "better")
    again = compare_all("m", {"old": base, "a": better, "b": better, "c": better, "d": better}, seed=0)
    assert {c.verdict for c in again} == {"no difference shown"}  # ten comparisons: 10 x 2/128 is above 0.05


def test_the_exact_test_keeps_its_level_on_few_topics() -> None:
    generator = np.random.default_rng(2)
    small = sum(randomisation_p(generator.normal(0, 0.3, 8), seed=0) < 0.05 for _ in range(2000))
    assert 0.03 <= small / 2000 <= 0.06  # 12 of 256 sign assignments lie at or below 0.05: 4.7 %


def test_a_pair_does_not_depend_on_the_others() -> None:
    generator = np.random.default_rng(5)
    values = {name: generator.uniform(size=40).tolist() for name in ("a", "b", "c")}
    (alone,) = compare_all("m", {"a": values["a"], "c": values["c"]}, seed=4)
    among = next(c for c in compare_all("m", values, seed=4) if (c.system, c.baseline) == ("c", "a"))
    assert (alone.interval, alone.p, alone.difference) == (among.interval, among.p, among.difference)


def test_identical_systems() -> None:
    (comparison,) = compare_all("m", {"a": [0.1, 0.5, 0.9] * 5, "b": [0.1, 0.5, 0.9] * 5}, seed=0)
    assert (comparison.p, comparison.interval, comparison.effect_size) == (1.0, Interval(0.0, 0.0), None)
    assert comparison.verdict == "no difference shown"


def test_null_rate_and_coverage_on_simulated_systems() -> None:
    """Two systems that differ by chance only: 5 % of p below 0.05 within 3 standard errors of 2,000
    simulations (1.5 %), and 95 ± 2 % of the intervals hold 0.
    """
    generator = np.random.default_rng(11)
    simulations, topics = 2000, 60
    small = covered = 0
    for seed in range(simulations):
        differences = np.where(generator.random(topics) < 0.4, 0.0, generator.normal(0.0, 0.3, topics))
        small += randomisation_p(differences, seed=seed, resamples=499) <= 0.05
        interval = bootstrap_interval(differences, seed=seed, resamples=499)
        covered += interval is not None and interval.low <= 0.0 <= interval.high
    assert 0.035 <= small / simulations <= 0.065
    assert 0.93 <= covered / simulations <= 0.97


@pytest.mark.parametrize("true", [0.05, -0.12])
def test_coverage_where_there_is_a_difference(true: float) -> None:
    generator = np.random.default_rng(23)
    simulations, covered = 1000, 0
    for seed in range(simulations):
        differences = true + np.where(generator.random(50) < 0.3, 0.0, generator.standard_t(5, 50) * 0.2)
        interval = bootstrap_interval(differences, seed=seed, resamples=499)
        covered += interval is not None and interval.low <= true <= interval.high
    assert 0.93 <= covered / simulations <= 0.97


def test_power_by_hand_and_by_simulation() -> None:
    # (1.95996 + 0.84162) * 0.25 / 0.02 = 35.02 topics' worth, squared.
    assert topics_needed(0.25) == 1227
    assert topics_needed(0.0) is None
    assert detectable(0.25, 1227) == pytest.approx(0.02, abs=1e-5)
    assert detectable(0.0, 50) is None
    generator = np.random.default_rng(5)
    topics = topics_needed(0.2, 0.1) or 0
    found = sum(
        randomisation_p(generator.normal(0.1, 0.2, topics), seed=seed, resamples=499) <= 0.05 for seed in range(600)
    )
    assert 0.72 <= found / 600 <= 0.86


def test_only_the_pairs_that_matter_are_corrected_for() -> None:
    generator = np.random.default_rng(8)
    values = {name: generator.uniform(size=40).tolist() for name in ("a", "b", "c")}
    chosen = compare_all("m", values, seed=0, pairs=[("a", "c")])
    assert [(c.baseline, c.system) for c in chosen] == [("a", "c")]
    assert chosen[0].p_holm == chosen[0].p
