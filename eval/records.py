"""What an evaluation found, as frozen records: made by ``run``, shown by ``report``, printed by ``ui``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pubmed_rag.eval.collections import Topic
from pubmed_rag.eval.measures import Measure, Scores
from pubmed_rag.eval.run_cache import RunFacts
from pubmed_rag.eval.statistics import Comparison, Interval

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, slots=True)
class Provenance:
    """What the figures were made with. ``date`` (ISO UTC) is that of the latest run, so a repeat from cache is equal.

    ``code`` is the digest of the source that ranks; ``commit`` is ``None`` outside a checkout.
    """

    date: str
    commit: str | None
    code: str
    seed: int
    resamples: int
    depth: int
    python: str
    platform: str
    versions: Mapping[str, str]
    corpus_digest: str
    topics_digest: str
    qrels_digest: str


@dataclass(frozen=True, slots=True)
class SystemResult:
    """One system's figures. ``interval`` is that of the mean of the primary measure; ``None`` for too few topics.

    ``without_results`` counts topics for which nothing was returned. Latency is wall time of one search,
    one at a time, on the machine of the run.
    """

    name: str
    scores: Scores
    interval: Interval | None
    without_results: int
    median_ms: float
    p95_ms: float
    run: RunFacts


@dataclass(frozen=True, slots=True)
class EvaluationSummary:
    """The JSON of ``eval run``: fields may be added, never renamed."""

    dataset: str
    split: str
    systems: Mapping[str, Mapping[str, float]]
    comparisons: tuple[Comparison, ...]
    topics: int
    left_out: tuple[str, ...]
    out: str


@dataclass(frozen=True, slots=True)
class Evaluation:
    """All results on one split of one collection. ``out`` is the folder its files are in."""

    dataset: str
    split: str
    topics: tuple[Topic, ...]
    measures: tuple[Measure, ...]
    primary: Measure
    systems: tuple[SystemResult, ...]
    comparisons: tuple[Comparison, ...]
    left_out: tuple[str, ...]
    provenance: Provenance
    out: Path

    def summary(self) -> EvaluationSummary:
        """Means and comparisons, ready to be encoded."""
        means = {s.name: {m.name: round(s.scores.mean(m.name), 6) for m in self.measures} for s in self.systems}
        return EvaluationSummary(
            dataset=self.dataset,
            split=self.split,
            systems=means,
            comparisons=self.comparisons,
            topics=len(self.topics),
            left_out=self.left_out,
            out=str(self.out),
        )

    def to_frame(self) -> pd.DataFrame:
        """One row a system: means, interval of the primary measure, topics, latency in milliseconds."""
        import pandas as pd

        rows = [
            {
                "system": system.name,
                **{measure.name: system.scores.mean(measure.name) for measure in self.measures},
                f"{self.primary.name} low": system.interval.low if system.interval else None,
                f"{self.primary.name} high": system.interval.high if system.interval else None,
                "topics": len(self.topics),
                "without_results": system.without_results,
                "median_ms": system.median_ms,
                "p95_ms": system.p95_ms,
            }
            for system in self.systems
        ]
        return pd.DataFrame(rows)

    def per_query_frame(self) -> pd.DataFrame:
        """One row a system and topic: every measure, and the search's latency in milliseconds."""
        import pandas as pd

        rows = [
            {
                "system": system.name,
                "topic_id": topic.id,
                **{measure.name: system.scores.values[measure.name][position] for measure in self.measures},
                "ms": system.run.milliseconds[topic.id],
            }
            for system in self.systems
            for position, topic in enumerate(self.topics)
        ]
        return pd.DataFrame(rows)
