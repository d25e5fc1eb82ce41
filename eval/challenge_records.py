"""What a challenge found, as frozen records: made by ``challenge``, shown by its reports, printed by ``ui``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pubmed_rag.eval.causes import CauseCounts
from pubmed_rag.eval.challenge_config import ChallengeConfig, CollectionSpec
from pubmed_rag.eval.failures import Failure
from pubmed_rag.eval.query_groups import GroupResult
from pubmed_rag.eval.records import Evaluation
from pubmed_rag.eval.statistics import Comparison

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, slots=True)
class Missing:
    """Something declared that was not run, and why. Without ``system`` it is the whole collection."""

    collection: str
    why: str
    system: str = ""

    def __str__(self) -> str:
        return f"{self.system} on {self.collection}: {self.why}" if self.system else f"{self.collection}: {self.why}"


@dataclass(frozen=True, slots=True)
class CollectionResult:
    """All figures on one collection. ``groups`` are by topic, in order: dimension → group.

    ``reasons`` are those of each comparison, by (baseline, system). ``live_dates``: first and last answer
    recorded from PubMed itself, if it was asked. ``causes`` counts why the headline pairs differ.
    """

    spec: CollectionSpec
    evaluation: Evaluation
    documents: int
    judgements: int
    groups: tuple[Mapping[str, str], ...]
    group_results: tuple[GroupResult, ...]
    failures: tuple[Failure, ...]
    live_dates: tuple[str, str] | None
    reasons: Mapping[tuple[str, str], tuple[str, ...]]
    causes: tuple[CauseCounts, ...] = ()


@dataclass(frozen=True, slots=True)
class ChallengeSummary:
    """The JSON of ``eval challenge``: fields may be added, never renamed."""

    title: str
    baseline: str
    collections: Mapping[str, Mapping[str, Mapping[str, float]]]
    comparisons: tuple[Mapping[str, object], ...]
    left_out: tuple[str, ...]
    out: str


@dataclass(frozen=True, slots=True)
class ChallengeResult:
    """A whole challenge. ``out`` is the folder its files are in; ``with_texts``: its reports show single topics."""

    config: ChallengeConfig
    collections: tuple[CollectionResult, ...]
    missing: tuple[Missing, ...]
    out: Path
    with_texts: bool = True

    def headlines(self) -> tuple[tuple[CollectionResult, Comparison], ...]:
        """The challengers against the baseline and its rivals, on each collection where both ran."""
        found = []
        for result in self.collections:
            made = {(c.baseline, c.system): c for c in result.evaluation.comparisons}
            found += [(result, made[pair]) for pair in self.config.headline_pairs(result.spec) if pair in made]
        return tuple(found)

    def summary(self) -> ChallengeSummary:
        """Means and comparisons, ready to be encoded."""
        return ChallengeSummary(
            title=self.config.title,
            baseline=self.config.baseline,
            collections={result.spec.name: result.evaluation.summary().systems for result in self.collections},
            comparisons=tuple(
                {"collection": result.spec.name, **{name: getattr(c, name) for name in c.__slots__}}
                for result in self.collections
                for c in result.evaluation.comparisons
            ),
            left_out=tuple(str(missing) for missing in self.missing),
            out=str(self.out),
        )

    def metrics_frame(self) -> pd.DataFrame:
        """One row a collection and system: every measure, interval of the primary one, latency."""
        import pandas as pd

        frames = []
        for result in self.collections:
            frame = result.evaluation.to_frame()
            frame.insert(0, "collection", result.spec.name)
            frame.insert(1, "task", result.spec.task)
            frames.append(frame)
        return pd.concat(frames, ignore_index=True)

    def per_query_frame(self) -> pd.DataFrame:
        """One row a collection, system and topic: its groups, every measure, latency in milliseconds."""
        import pandas as pd

        frames = []
        for result in self.collections:
            frame = result.evaluation.per_query_frame()
            frame.insert(0, "collection", result.spec.name)
            by_topic = {t.id: g for t, g in zip(result.evaluation.topics, result.groups, strict=True)}
            for position, dimension in enumerate(dict.fromkeys(name for g in result.groups for name in g)):
                frame.insert(3 + position, dimension, [by_topic[topic].get(dimension) for topic in frame["topic_id"]])
            frames.append(frame)
        return pd.concat(frames, ignore_index=True)

    def comparisons_frame(self) -> pd.DataFrame:
        """One row a collection and comparison."""
        import pandas as pd

        rows = []
        for result in self.collections:
            for c in result.evaluation.comparisons:
                row = {"collection": result.spec.name, **{name: getattr(c, name) for name in c.__slots__}}
                interval = row.pop("interval")
                row |= {"low": interval.low if interval else None, "high": interval.high if interval else None}
                row["reasons"] = "; ".join(result.reasons[c.baseline, c.system])
                rows.append(row)
        return pd.DataFrame(rows)
