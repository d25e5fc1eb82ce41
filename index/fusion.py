"""From several components' scores to one ranking."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal, get_args

import numpy as np

from pubmed_rag.core.errors import UsageError
from pubmed_rag.core.records import Mixture
from pubmed_rag.index.words import Scores

FusionMethod = Literal["sum", "rrf"]

WEIGHTS: Mapping[str, float] = {"bm25": 0.35, "dense": 0.30, "sentence": 0.35}
"""Shares of the components in ``hybrid``; measured on SciFact's training claims (docs/search.md)."""

PAIR_WEIGHTS: Mapping[str, float] = {"bm25": 0.45, "dense": 0.55}
"""Shares where there are no sentence vectors; measured likewise."""

LETTERS = 0.17
"""What the shared letters (``index.letters``) of the first candidates add to the weighted sum: z-scores times this."""

PAIR_LETTERS = 0.30
"""The same where there are no sentence vectors."""

CHOSEN_ON = (
    "SciFact's 809 training claims, November 2026: nDCG@10 0.760, without sentence vectors 0.745 (docs/search.md says "
    "how much of that to expect of other queries)"
)
"""What the weights above were chosen on, recorded with every index and search; to be changed with them."""

RRF_K = 60
"""Cormack, Clarke and Büttcher, SIGIR 2009: their constant, which they found to matter little."""


@dataclass(frozen=True, slots=True)
class Fusion:
    """How components become one score. ``sum``: weighted sum of z-scores, to whose first candidates ``letters`` times
    their shared letters are added. ``rrf``: reciprocal-rank fusion."""

    method: FusionMethod = "sum"
    weights: Mapping[str, float] = field(default_factory=lambda: WEIGHTS)
    pair_weights: Mapping[str, float] = field(default_factory=lambda: PAIR_WEIGHTS)
    letters: float = LETTERS
    pair_letters: float = PAIR_LETTERS

    def mixture(self) -> Mixture:
        """What a search tells of how it mixed. Ranks are fused without weights."""
        weights = {**self.weights, "letters": self.letters} if self.method == "sum" else {}
        known = weights in ({**WEIGHTS, "letters": LETTERS}, {**PAIR_WEIGHTS, "letters": PAIR_LETTERS})
        return Mixture(self.method, weights, (CHOSEN_ON if known else "set by the caller") if weights else "")

    def without_sentences(self) -> Fusion:
        """The same fusion where sentence vectors are left out, or are not there."""
        if "sentence" not in self.weights:
            return self
        return replace(self, weights=self.pair_weights, letters=self.pair_letters)


@dataclass(frozen=True, slots=True)
class Scale:
    """Mean and standard deviation of a component over the first candidates; a spread of 0 makes all scores 0."""

    mean: float
    spread: float

    @classmethod
    def of(cls, scores: Scores) -> Scale:
        """The scale of ``scores`` (n,), n ≥ 1."""
        return cls(float(scores.mean()), float(scores.std()))

    def apply(self, scores: Scores) -> Scores:
        """``scores`` (n,) shifted and scaled; of the scores the scale was made of: to mean 0 and deviation 1."""
        if self.spread < 1e-9:
            return np.zeros_like(scores)
        result: Scores = ((scores - np.float32(self.mean)) / np.float32(self.spread)).astype(np.float32)
        return result


def as_fusion_method(name: str) -> FusionMethod:
    """``name`` as a fusion method. Raises :class:`UsageError` with the known ones."""
    known: tuple[FusionMethod, ...] = get_args(FusionMethod)
    for method in known:
        if method == name:
            return method
    raise UsageError(f"unknown fusion '{name}'", remedy=f"choose one of {', '.join(known)}")


def z_scores(scores: Scores) -> Scores:
    """``scores`` (n,) shifted and scaled to mean 0 and standard deviation 1; all zero where they are all equal."""
    return Scale.of(scores).apply(scores)


def weighted_sum(
    components: Mapping[str, Scores],
    weights: Mapping[str, float] = WEIGHTS,
    scales: Mapping[str, Scale] | None = None,
) -> Scores:
    """Weighted sum (n,) of z-scored components over the same candidates; weights are renormalised to sum 1.

    ``scales`` are those of other candidates of the same query, with which these must compare.
    """
    scales = scales or {name: Scale.of(scores) for name, scores in components.items()}
    total = sum(weights[name] for name in components)
    parts = [np.float32(weights[name] / total) * scales[name].apply(scores) for name, scores in components.items()]
    result: Scores = np.sum(parts, axis=0, dtype=np.float32)
    return result


def reciprocal_ranks(components: Mapping[str, Scores], first: int = 1) -> Scores:
    """Reciprocal-rank fusion (n,): the sum over components of 1 / (60 + rank), ranks counted from ``first``.

    Every component ranks every candidate, so none is missing from a list; equal scores share the best rank.
    """
    parts = [1.0 / (RRF_K + first - 1 + shared_ranks(scores)) for scores in components.values()]
    result: Scores = np.sum(parts, axis=0).astype(np.float32)
    return result


def ranks(scores: Scores) -> np.ndarray:
    """Rank (n,) from 1 of each score among its own, best first; of equal scores the first comes first."""
    places = np.empty(len(scores), np.int64)
    places[np.argsort(-scores, kind="stable")] = np.arange(1, len(scores) + 1)
    return places


def shared_ranks(scores: Scores) -> np.ndarray:
    """Rank (n,) from 1 of each score; equal scores share the best rank: 1, 2, 2, 4."""
    descending = np.sort(-scores)
    return np.searchsorted(descending, -scores, side="left") + 1
