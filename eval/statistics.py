"""How sure a difference between two systems is.

One family of comparisons by one measure: bootstrap interval of the mean difference, paired randomisation
test, Holm's correction. Smucker, Allan and Carterette (CIKM 2007) found these two in agreement on TREC
runs, and the Wilcoxon and sign tests wanting.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from statistics import NormalDist
from typing import Literal, TypeAlias

import numpy as np
import numpy.typing as npt

Values: TypeAlias = npt.NDArray[np.float64]
ComparisonVerdict: TypeAlias = Literal["better", "worse", "no difference shown"]

ALPHA = 0.05
CONFIDENCE = 0.95
RESAMPLES = 10_000
"""Of the bootstrap, and random sign assignments of the test: a p of 0.05 is then right to ±0.004 (2 SE)."""

DIFFERENCE = 0.02
"""The difference of means that power is stated for: smaller ones hardly matter to a reader."""

POWER = 0.8
"""The chance, by convention, with which a study should find a difference that is there (Cohen 1988)."""

FEWEST = 15
"""Topics below which no interval is given, only the range of the single topics. With many ties among 10 topics
one interval in ten is more than 2.6 times as wide as Student's, and single ones hundreds of times; with 15 one in ten
is more than 1.6 times as wide (benchmarks/intervals.py). The exact test needs no such number and stands alone there."""

_EXACT_UP_TO = FEWEST - 1
"""Topics that differ: up to here all 2^n sign assignments are tried, so that p is exact wherever it stands alone."""

_TIE = 1e-9
"""Differences below it are none; values of measures are ratios of small numbers."""

_CHUNK = 1_000


@dataclass(frozen=True, slots=True)
class Interval:
    """Bounds of a confidence interval at :data:`CONFIDENCE`."""

    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Comparison:
    """``system`` against ``baseline`` by ``measure``; ``difference`` is the mean over topics of system minus baseline.

    ``p`` is two-sided; ``p_holm`` is ``p`` adjusted for all comparisons made together. ``wins`` counts the
    topics on which ``system`` was better. ``effect_size`` is Cohen's d for pairs, mean over standard
    deviation (n - 1) of the differences; ``None`` where they do not vary. ``interval`` is ``None`` below
    :data:`FEWEST` topics; ``lowest`` and ``highest``, the differences of the single topics, are always there.
    ``detectable`` is the smallest difference that so many topics show with 80 % power, ``topics_needed`` how
    many topics would show a difference of 0.02; ``None`` where the differences do not vary.
    """

    measure: str
    system: str
    baseline: str
    topics: int
    difference: float
    interval: Interval | None
    p: float
    p_holm: float
    wins: int
    ties: int
    losses: int
    effect_size: float | None
    verdict: ComparisonVerdict
    detectable: float | None = None
    topics_needed: int | None = None
    lowest: float | None = None
    highest: float | None = None


def compare_all(
    measure: str,
    values: Mapping[str, Sequence[float]],
    *,
    seed: int,
    resamples: int = RESAMPLES,
    pairs: Sequence[tuple[str, str]] | None = None,
) -> tuple[Comparison, ...]:
    """Pairs of systems, Holm-corrected together: ``pairs`` of (baseline, system), or every later against every earlier.

    ``values``: per system (n,) in the same order of topics. A pair's figures depend on ``seed`` and on
    the pair alone; only ``p_holm`` and the verdict depend on which other pairs there are.
    """
    raw = [
        _compare(measure, system, baseline, _array(values[system]) - _array(values[baseline]), seed, resamples)
        for baseline, system in (combinations(values, 2) if pairs is None else pairs)
    ]
    return correct_together(raw)


def correct_together(comparisons: Sequence[Comparison]) -> tuple[Comparison, ...]:
    """The same comparisons as one family: ``p_holm`` and verdict anew from each ``p``, whatever they were before."""
    adjusted = holm([comparison.p for comparison in comparisons])
    return tuple(
        replace(comparison, p_holm=p, verdict=_verdict(comparison, p))
        for comparison, p in zip(comparisons, adjusted, strict=True)
    )


def bootstrap_interval(
    values: Sequence[float] | Values, *, seed: int, resamples: int = RESAMPLES, fewest: int = FEWEST
) -> Interval | None:
    """Symmetric studentised bootstrap interval of the mean of ``values`` (n,), one a topic; ``None`` for fewer than
    ``fewest``.

    mean ± q · s, with q the CONFIDENCE quantile of abs(mean* - mean) / s* over resamples: Hall, Journal of
    the Royal Statistical Society B 50 (1988) 35; on topics: Sakai, SIGIR 2006. On simulated differences with
    many ties and long tails it covers 95 % from 50 topics on and a little more below, where the BCa,
    percentile and equal-tailed methods fall to 90 %. Where so few topics differ from the rest that
    resamples often do not vary, the percentile method takes over. Equal values give no width.
    """
    data = _array(values)
    n = len(data)
    if n < fewest:
        return None
    mean, spread = float(data.mean()), float(data.std(ddof=1))
    if spread < _TIE:
        return Interval(mean, mean)
    generator = np.random.default_rng(seed)
    means, spreads = np.empty(resamples), np.empty(resamples)
    for start in range(0, resamples, _CHUNK):
        count = min(_CHUNK, resamples - start)
        sample = data[generator.integers(0, n, size=(count, n))]
        means[start : start + count] = sample.mean(axis=1)
        spreads[start : start + count] = sample.std(axis=1, ddof=1)
    constant = spreads < _TIE
    pivots = np.where(constant, np.inf, np.abs(means - mean) / np.where(constant, 1.0, spreads))
    reach = float(np.sort(pivots)[len(pivots) - 1 - int(len(pivots) * (1.0 - CONFIDENCE))]) * spread
    if np.isfinite(reach):
        return Interval(mean - reach, mean + reach)
    return Interval(*_tails(means))


def randomisation_p(differences: Sequence[float] | Values, *, seed: int, resamples: int = RESAMPLES) -> float:
    """Two-sided p of Fisher's paired randomisation test: had each topic's two values been swapped by a coin,
    how often would the mean difference be at least this far from 0?

    Exact for up to 14 topics that differ, else (hits + 1) / (resamples + 1), which never is 0 (Phipson and
    Smyth, 2010). Topics without a difference have no say: their swap changes nothing.
    """
    data = _array(differences)
    data = data[np.abs(data) > _TIE]
    if not len(data):
        return 1.0
    reached = abs(float(data.sum())) - _TIE
    if len(data) <= _EXACT_UP_TO:
        bits = np.arange(2 ** len(data))[:, None] >> np.arange(len(data)) & 1
        return float(np.mean(np.abs((2.0 * bits - 1.0) @ data) >= reached))
    generator = np.random.default_rng(seed)
    hits = 0
    for start in range(0, resamples, _CHUNK):
        count = min(_CHUNK, resamples - start)
        # The sum of signed d is twice the sum of those that came up heads, less the sum of all.
        heads = generator.integers(0, 2, size=(count, len(data)), dtype=np.int8)
        hits += int(np.count_nonzero(np.abs(2.0 * (heads @ data) - data.sum()) >= reached))
    return (hits + 1) / (resamples + 1)


def holm(p_values: Sequence[float]) -> tuple[float, ...]:
    """Step-down adjusted p in the given order: of m, the i-th smallest (from 0) times m - i, never falling, at most 1.

    Holm, Scandinavian Journal of Statistics 6 (1979) 65. Controls the chance of any false claim.
    """
    adjusted = [0.0] * len(p_values)
    largest = 0.0
    for rank, position in enumerate(sorted(range(len(p_values)), key=lambda index: p_values[index])):
        largest = max(largest, min(1.0, p_values[position] * (len(p_values) - rank)))
        adjusted[position] = largest
    return tuple(adjusted)


def smallest_p(differing: int) -> float:
    """The least p that :func:`randomisation_p` can give where so many topics differ: all of them to one side."""
    return min(1.0, 2.0 ** (1 - differing))


def topics_needed(spread: float, difference: float = DIFFERENCE, power: float = POWER) -> int | None:
    """Topics with which a paired two-sided test at :data:`ALPHA` finds ``difference`` with chance ``power``.

    ``spread`` is the standard deviation of the paired differences. n = ((z(1 - alpha/2) + z(power)) spread /
    difference)^2, the normal approximation; on topics: Webber, Moffat and Zobel, CIKM 2008; Sakai, IRJ 2016.
    """
    if spread <= _TIE:
        return None
    return max(2, int(np.ceil((_z_sum(power) * spread / difference) ** 2)))


def detectable(spread: float, topics: int, power: float = POWER) -> float | None:
    """The smallest difference that ``topics`` topics find with chance ``power``: :func:`topics_needed` turned round."""
    return _z_sum(power) * spread / float(np.sqrt(topics)) if spread > _TIE else None


def _z_sum(power: float) -> float:
    normal = NormalDist()
    return normal.inv_cdf(1.0 - ALPHA / 2.0) + normal.inv_cdf(power)


def _compare(measure: str, system: str, baseline: str, differences: Values, seed: int, resamples: int) -> Comparison:
    wins, losses = int(np.count_nonzero(differences > _TIE)), int(np.count_nonzero(differences < -_TIE))
    spread = float(differences.std(ddof=1)) if len(differences) > 1 else 0.0
    p = randomisation_p(differences, seed=seed, resamples=resamples)
    return Comparison(
        measure=measure,
        system=system,
        baseline=baseline,
        topics=len(differences),
        difference=float(differences.mean()),
        interval=bootstrap_interval(differences, seed=seed, resamples=resamples),
        p=p,
        p_holm=p,
        wins=wins,
        ties=len(differences) - wins - losses,
        losses=losses,
        effect_size=float(differences.mean()) / spread if spread > _TIE else None,
        verdict="no difference shown",
        detectable=detectable(spread, len(differences)),
        topics_needed=topics_needed(spread),
        lowest=float(differences.min()),
        highest=float(differences.max()),
    )


def _verdict(comparison: Comparison, p_holm: float) -> ComparisonVerdict:
    """A difference is claimed only where the corrected test and the interval, if there is one, both show it."""
    interval = comparison.interval
    if p_holm >= ALPHA or (interval is not None and interval.low <= 0.0 <= interval.high):
        return "no difference shown"
    return "better" if comparison.difference > 0 else "worse"


def _tails(sample: Values) -> tuple[float, float]:
    """The order statistics that leave (1 - CONFIDENCE) / 2 of ``sample`` outside on either side."""
    ordered = np.sort(sample)
    outside = int(len(ordered) * (1.0 - CONFIDENCE) / 2.0)
    return float(ordered[outside]), float(ordered[len(ordered) - 1 - outside])


def _array(values: Sequence[float] | Values) -> Values:
    return np.asarray(values, dtype=np.float64)
