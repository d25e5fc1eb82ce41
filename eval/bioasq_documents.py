"""BioASQ's measures of retrieved documents: over the first ten, averaged over questions.

Average precision divides by the number of relevant documents, at most ten, as BioASQ does since its eighth year
(Nentidis et al., CLEF 2020); ``GMAP`` is the geometric mean with 1e-5 added.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

DEPTH = 10
_EPSILON = 1e-5


@dataclass(frozen=True, slots=True)
class DocumentScores:
    """Of one question."""

    precision: float
    recall: float
    f1: float
    average_precision: float


def score_documents(found: Sequence[str], gold: Sequence[str]) -> DocumentScores:
    """``found`` best first. Nothing found counts as 0 throughout; raises ``ValueError`` without a gold document."""
    wanted = set(gold)
    if not wanted:
        raise ValueError("no gold document")
    top = list(dict.fromkeys(found))[:DEPTH]
    hits, precisions = 0, 0.0
    for rank, doc_id in enumerate(top, start=1):
        if doc_id in wanted:
            hits += 1
            precisions += hits / rank
    precision, recall = hits / max(1, len(top)), hits / len(wanted)
    f1 = 2 * precision * recall / (precision + recall) if hits else 0.0
    return DocumentScores(precision, recall, f1, precisions / min(DEPTH, len(wanted)))


def geometric_mean(values: Sequence[float]) -> float | None:
    """With :data:`_EPSILON` added to each, so that one 0 does not make the whole 0."""
    return math.exp(math.fsum(math.log(value + _EPSILON) for value in values) / len(values)) if values else None
