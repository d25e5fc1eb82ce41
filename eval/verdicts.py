"""What a comparison allows to say, and what speaks against believing it too far."""

from __future__ import annotations

from pubmed_rag.eval.measures import JUDGED_10
from pubmed_rag.eval.records import Evaluation, SystemResult
from pubmed_rag.eval.statistics import ALPHA, DIFFERENCE, FEWEST, Comparison, smallest_p

_FEW = 25
_UNEVEN = 0.05
"""Shares of judged documents that lie further apart than this may favour one system."""


def reasons_for(comparison: Comparison, evaluation: Evaluation, caution: str = "") -> tuple[str, ...]:
    """Why the verdict is what it is, and how far it carries, most important first."""
    results = {system.name: system for system in evaluation.systems}
    reasons = [_evidence(comparison)]
    by_interval = comparison.interval is not None  # the normal approximation behind power needs as many topics
    if comparison.verdict == "no difference shown" and comparison.detectable is not None and by_interval:
        reasons.append(_power(comparison))
    if comparison.topics < _FEW:
        reasons.append(f"there are only {comparison.topics} topics")
    judged = _judged(results[comparison.system], results[comparison.baseline])
    if judged:
        reasons.append(judged)
    empty = [results[name] for name in (comparison.baseline, comparison.system) if results[name].without_results]
    reasons += [
        f"{result.name} returned nothing for {result.without_results / comparison.topics:.0%} of the topics, "
        "which count as 0"
        for result in empty
    ]
    if caution:
        reasons.append(f"how it was judged: {caution}")
    return tuple(reasons)


def _evidence(comparison: Comparison) -> str:
    interval = comparison.interval
    if interval is None:
        return _exact_evidence(comparison)
    p = "below 0.001" if comparison.p_holm < 0.001 else f"{comparison.p_holm:.3f}"
    inside = interval.low <= 0.0 <= interval.high
    if comparison.verdict == "no difference shown" and not inside:
        return f"the interval leaves out 0, but p, corrected for all comparisons made, is {p} and not below {ALPHA}"
    return f"the interval {'holds' if inside else 'leaves out'} 0 and the corrected p is {p}"


def _exact_evidence(comparison: Comparison) -> str:
    """Of few topics: what the exact test says, and what it could have said at most."""
    differing = comparison.wins + comparison.losses
    text = (
        f"fewer than {FEWEST} topics give no interval worth the name; the exact test, over all ways of swapping the "
        f"two systems topic by topic, gives p = {comparison.p:.3f}, corrected {comparison.p_holm:.3f}"
    )
    if comparison.verdict != "no difference shown" or not differing:
        return text
    return f"{text}; with {differing} topics that differ it can give {smallest_p(differing):.3f} at the least"


def _power(comparison: Comparison) -> str:
    text = (
        f"not shown is not equal: {comparison.topics:,} topics find a true difference of "
        f"{comparison.detectable:.3f} or more with 80 % chance"
    )
    if comparison.topics_needed and comparison.topics_needed > comparison.topics:
        text += f"; for {DIFFERENCE} it would take {comparison.topics_needed:,}"
    return text


def _judged(system: SystemResult, baseline: SystemResult) -> str:
    shares = [result.scores.mean(JUDGED_10.name) for result in (system, baseline)]
    if min(shares) > 1.0 - _UNEVEN:
        return ""
    text = f"of the first ten, {shares[0]:.0%} were judged for {system.name}, {shares[1]:.0%} for {baseline.name}"
    if abs(shares[0] - shares[1]) > _UNEVEN:
        fewer = baseline.name if shares[0] > shares[1] else system.name
        return f"{text}: what nobody judged counts as not relevant, so {fewer} may be better than it looks"
    return f"{text}; the rest counts as not relevant"
