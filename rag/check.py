"""Does the cited evidence support this sentence? Judged from the evidence alone, strictly.

A sentence passes when its numbers all stand in the evidence, half of its content words do, neither a negation
nor the direction of an effect differs, and it either is nearly the evidence's own words or a regression over
words, meaning and direction finds it likely to be borne out. What this costs in recall and gains in precision
is measured in docs/answers.md.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Protocol

from pubmed_rag.core.records import Check
from pubmed_rag.core.text import normalise
from pubmed_rag.index.analysis import terms
from pubmed_rag.index.vectors import Vectors
from pubmed_rag.rag.cosine import unit
from pubmed_rag.rag.support import DOWN, NEGATION, UP, features, support_model

Encode = Callable[[Sequence[str]], Vectors]


class Judge(Protocol):
    """Decides whether the sentences it cites bear a claim out."""

    def __call__(self, claim: str, evidence: Sequence[str], /) -> Check:
        """``evidence`` is never empty."""


LEAST_OVERLAP = 0.50
LEAST_PROBABILITY = 0.80
NEARLY_ALL, NEAR = 0.90, 0.70
"""A sentence with this part of its words in the evidence, and this cosine with a sentence of it, says the same."""

_NUMBER = re.compile(r"\d+(?:[.,]\d+)*")


def check_claim(claim: str, evidence: Sequence[str], encode: Encode) -> Check:
    """Judge ``claim`` against the sentences it cites. ``score`` is the lesser of word overlap and probability.

    ``encode`` turns n texts into (n, d) vectors of any length.
    """
    claim = normalise(claim)
    reasons = certain_reasons(claim, evidence)
    overlap = word_overlap(claim, evidence)
    if overlap < LEAST_OVERLAP:
        reasons.append(f"only {overlap:.0%} of its words stand in the evidence")
    probability = 0.0
    if not reasons:  # encoding costs most, so it comes last
        vectors = unit(encode([claim, *(normalise(text) for text in evidence)]))
        cosines = [float(cosine) for cosine in vectors[1:] @ vectors[0]]
        probability = support_model().probability(features(claim, evidence, cosines))
        if says_the_same(overlap, max(cosines)):
            probability = max(probability, LEAST_PROBABILITY)
        if probability < LEAST_PROBABILITY:
            reasons.append(
                f"its meaning is too far from the evidence (cosine {max(cosines):.2f}, borne out with probability "
                f"{probability:.2f})"
            )
    return Check("unsupported" if reasons else "supported", round(min(overlap, probability), 4), tuple(reasons))


def says_the_same(overlap: float, cosine: float) -> bool:
    """Whether a sentence is so near to its evidence that nothing else need be asked."""
    return overlap >= NEARLY_ALL and cosine >= NEAR


def certain_reasons(claim: str, evidence: Sequence[str]) -> list[str]:
    """Why ``claim`` cannot be borne out, whatever it means: missing figures, negation, direction."""
    return [*numbers_missing(normalise(claim), normalise(" ".join(evidence))), *_polarity_differs(claim, evidence)]


def word_overlap(claim: str, evidence: Sequence[str]) -> float:
    """Part of the content words of ``claim`` that stand in ``evidence`` (0…1); 0 where it has none."""
    words = set(terms(normalise(claim)))
    return len(words & set(terms(normalise(" ".join(evidence))))) / len(words) if words else 0.0


def numbers_missing(claim: str, evidence: str) -> list[str]:
    """A reason that names the numbers of ``claim`` that ``evidence`` lacks, or none."""
    missing = sorted(set(_NUMBER.findall(claim)) - set(_NUMBER.findall(evidence)))
    return [f"the evidence does not contain {', '.join(missing)}"] if missing else []


def _polarity_differs(claim: str, evidence: Sequence[str]) -> list[str]:
    reasons = []
    if bool(NEGATION.search(claim)) not in {bool(NEGATION.search(normalise(text))) for text in evidence}:
        reasons.append("one of the two is negated")
    together = normalise(" ".join(evidence))
    for name, direction in (("an increase", UP), ("a decrease", DOWN)):
        if direction.search(claim) and not direction.search(together):
            reasons.append(f"it speaks of {name}, the evidence does not")
    return reasons
