"""From several components' scores to one ranking."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from pubmed_rag.index.words import Scores

WEIGHTS: Mapping[str, float] = {"bm25": 0.35, "dense": 0.30, "sentence": 0.35}
"""Shares of the components in ``hybrid``; measured on SciFact's training claims (docs/search.md)."""


def z_scores(scores: Scores) -> Scores:
    """``scores`` (n,) shifted and scaled to mean 0 and standard deviation 1; all zero where they are all equal."""
    spread = float(scores.std())
    if spread < 1e-9:
        return np.zeros_like(scores)
    result: Scores = (scores - scores.mean()) / np.float32(spread)
    return result


def weighted_sum(components: Mapping[str, Scores], weights: Mapping[str, float] = WEIGHTS) -> Scores:
    """Weighted sum (n,) of z-scored components over the same candidates; weights are renormalised to sum 1."""
    total = sum(weights[name] for name in components)
    parts = [np.float32(weights[name] / total) * z_scores(scores) for name, scores in components.items()]
    result: Scores = np.sum(parts, axis=0, dtype=np.float32)
    return result
