"""Does the cited evidence support this sentence? Judged from the evidence alone, strictly.

A sentence passes when its numbers all stand in the evidence, most of its content words do, it is close
in meaning, and neither a negation nor the direction of an effect differs. What this costs in recall and
gains in precision is measured in docs/answers.md.
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

Encode = Callable[[Sequence[str]], Vectors]


class Judge(Protocol):
    """Decides whether the sentences it cites bear a claim out."""

    def __call__(self, claim: str, evidence: Sequence[str], /) -> Check:
        """``evidence`` is never empty."""


LEAST_OVERLAP = 0.70
LEAST_SIMILARITY = 0.75

_NUMBER = re.compile(r"\d+(?:[.,]\d+)*")
_NEGATION = re.compile(
    r"\b(no|not|nor|neither|never|without|none|cannot|fail(s|ed|ure)? to|lack(s|ed|ing)?|unable|unlikely|absence"
    r"|insufficient|n't|nonsignificant|non-significant|ineffective)\b|n't\b",
    re.IGNORECASE,
)
_UP = re.compile(
    r"\b(increas\w*|rais\w*|rise[sn]?|rose|higher|greater|more|improv\w*|elevat\w*|enhanc\w*|gain\w*|superior|longer|better"
    r"|promot\w*|worsen\w*|upregulat\w*|activat\w*)\b",
    re.IGNORECASE,
)
_DOWN = re.compile(
    r"\b(decreas\w*|reduc\w*|lower\w*|fewer|less|declin\w*|fall[s]?|fell|diminish\w*|inferior|shorter|prevent\w*|protect\w*"
    r"|inhibit\w*|suppress\w*|worse|downregulat\w*|attenuat\w*)\b",
    re.IGNORECASE,
)


def check_claim(claim: str, evidence: Sequence[str], encode: Encode) -> Check:
    """Judge ``claim`` against the sentences it cites. ``score`` is the lesser of word overlap and similarity.

    ``encode`` turns n texts into (n, d) vectors of any length.
    """
    together = normalise(" ".join(evidence))
    claim = normalise(claim)
    reasons = [*numbers_missing(claim, together), *_polarity_differs(claim, evidence)]
    overlap = _overlap(claim, together)
    if overlap < LEAST_OVERLAP:
        reasons.append(f"only {overlap:.0%} of its words stand in the evidence")
    similarity = 0.0
    if not reasons:  # encoding costs most, so it comes last
        vectors = unit(encode([claim, *(normalise(text) for text in evidence)]))
        similarity = float((vectors[1:] @ vectors[0]).max())
        if similarity < LEAST_SIMILARITY:
            reasons.append(f"its meaning is too far from the evidence (cosine {similarity:.2f})")
    return Check("unsupported" if reasons else "supported", round(min(overlap, similarity), 4), tuple(reasons))


def _overlap(claim: str, evidence: str) -> float:
    words = set(terms(claim))
    return len(words & set(terms(evidence))) / len(words) if words else 0.0


def numbers_missing(claim: str, evidence: str) -> list[str]:
    """A reason that names the numbers of ``claim`` that ``evidence`` lacks, or none."""
    missing = sorted(set(_NUMBER.findall(claim)) - set(_NUMBER.findall(evidence)))
    return [f"the evidence does not contain {', '.join(missing)}"] if missing else []


def _polarity_differs(claim: str, evidence: Sequence[str]) -> list[str]:
    reasons = []
    if bool(_NEGATION.search(claim)) not in {bool(_NEGATION.search(normalise(text))) for text in evidence}:
        reasons.append("one of the two is negated")
    together = normalise(" ".join(evidence))
    for name, direction in (("an increase", _UP), ("a decrease", _DOWN)):
        if direction.search(claim) and not direction.search(together):
            reasons.append(f"it speaks of {name}, the evidence does not")
    return reasons
