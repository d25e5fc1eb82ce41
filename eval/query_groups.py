"""Kinds of queries, so that a reader sees where a system wins and not only how much on average."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from pubmed_rag.eval.collections import Topic
from pubmed_rag.eval.statistics import FEWEST, Interval, bootstrap_interval
from pubmed_rag.index.query_kind import query_kind

_SHORT, _LONG = 5, 12
_RESAMPLES = 2_000
_TIE = 1e-9

MeshMatch = Callable[[str], bool | None]
"""Whether a text holds a MeSH term; ``None`` where there is no MeSH to tell."""


@dataclass(frozen=True, slots=True)
class GroupResult:
    """A pair of systems on the topics of one group. The interval is by itself, not corrected for the many groups."""

    dimension: str
    group: str
    topics: int
    baseline: str
    system: str
    baseline_mean: float
    system_mean: float
    difference: float
    interval: Interval | None
    wins: int
    losses: int


def groups_of(topic: Topic, kind: str, mesh_match: MeshMatch) -> Mapping[str, str]:
    """The group of ``topic`` in each dimension: how it is written, how long it is, whether MeSH knows a word of it."""
    words = len(topic.text.split())
    length = (
        f"up to {_SHORT} words"
        if words <= _SHORT
        else f"over {_LONG} words"
        if words > _LONG
        else f"{_SHORT + 1} to {_LONG} words"
    )
    found = {"written as": topic.kind or kind or guessed_kind(topic.text), "length": length}
    matches = mesh_match(topic.text)
    if matches is not None:
        found["MeSH"] = "with a MeSH term" if matches else "without a MeSH term"
    return found


def guessed_kind(text: str) -> str:
    """What a text is written as: ``question``, ``claim`` (a sentence), ``keywords`` (a few words) or ``topic``."""
    if query_kind(text) == "question":
        return "question"
    if text.rstrip().endswith(".") and len(text.split()) > _SHORT:
        return "claim"
    return "keywords" if len(text.split()) <= _SHORT else "topic"


def group_results(
    groups: Sequence[Mapping[str, str]],
    values: Mapping[str, Sequence[float]],
    pairs: Sequence[tuple[str, str]],
    seed: int,
) -> tuple[GroupResult, ...]:
    """Each pair of (baseline, system) on each group that has enough topics for an interval and is not all of them.

    ``groups`` are by topic, ``values`` by system and topic in the same order.
    """
    members: dict[tuple[str, str], list[int]] = defaultdict(list)
    for position, found in enumerate(groups):
        for dimension, group in found.items():
            members[dimension, group].append(position)
    results = []
    for (dimension, group), positions in sorted(members.items()):
        if not FEWEST <= len(positions) < len(groups):
            continue
        for baseline, system in pairs:
            before = np.asarray(values[baseline], dtype=np.float64)[positions]
            after = np.asarray(values[system], dtype=np.float64)[positions]
            differences = after - before
            results.append(
                GroupResult(
                    dimension=dimension,
                    group=group,
                    topics=len(positions),
                    baseline=baseline,
                    system=system,
                    baseline_mean=float(before.mean()),
                    system_mean=float(after.mean()),
                    difference=float(differences.mean()),
                    interval=bootstrap_interval(differences, seed=seed, resamples=_RESAMPLES),
                    wins=int(np.count_nonzero(differences > _TIE)),
                    losses=int(np.count_nonzero(differences < -_TIE)),
                )
            )
    return tuple(results)
