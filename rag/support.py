"""How likely it is that sentences bear a claim out: a logistic regression over words, meaning and direction.

Fitted by ``benchmarks/support.py`` on SciFact's training evidence (Wadden et al., EMNLP 2020): claims with the
sentences that support them, against those that contradict them and sentences of other claims. What is certain
by itself (a figure that the evidence lacks, a negation on one side only) is decided before, in
:mod:`pubmed_rag.rag.check`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from itertools import pairwise

import msgspec
import numpy as np

from pubmed_rag.core.text import normalise
from pubmed_rag.index.analysis import terms

NEGATION = re.compile(
    r"\b(no|not|nor|neither|never|without|none|cannot|fail(s|ed|ure)? to|lack(s|ed|ing)?|unable|unlikely|absence"
    r"|insufficient|n't|nonsignificant|non-significant|ineffective)\b|n't\b",
    re.IGNORECASE,
)
UP = re.compile(
    r"\b(increas\w*|rais\w*|rise[sn]?|rose|higher|greater|more|improv\w*|elevat\w*|enhanc\w*|gain\w*|superior|longer|better"
    r"|promot\w*|worsen\w*|upregulat\w*|activat\w*)\b",
    re.IGNORECASE,
)
DOWN = re.compile(
    r"\b(decreas\w*|reduc\w*|lower\w*|fewer|less|declin\w*|fall[s]?|fell|diminish\w*|inferior|shorter|prevent\w*|protect\w*"
    r"|inhibit\w*|suppress\w*|worse|downregulat\w*|attenuat\w*)\b",
    re.IGNORECASE,
)
_EQUAL = re.compile(
    r"\b(similar\w*|comparable|equal\w*|equivalent|unchanged|same"
    r"|no (significant )?(difference|effect|association|change)|independent of"
    r"|not (significantly )?(differ\w*|associat\w*|affect\w*))\b",
    re.IGNORECASE,
)
_RELATED = re.compile(r"\b(associat\w*|correlat\w*|linked|relat\w*|risk)\b", re.IGNORECASE)
_HEDGE = re.compile(
    r"\b(may|might|could|possibl\w+|suggest\w*|appear\w*|seem\w*|potential\w*|likely|perhaps|probabl\w+)\b",
    re.IGNORECASE,
)
_PATTERNS = {"negation": NEGATION, "up": UP, "down": DOWN, "equal": _EQUAL, "related": _RELATED, "hedge": _HEDGE}

_OPPOSITES = (
    ("high", "low"), ("increas", "decreas"), ("increas", "reduc"), ("promot", "inhibit"), ("activat", "inhibit"),
    ("induc", "inhibit"), ("induc", "suppress"), ("enhanc", "reduc"), ("enhanc", "impair"), ("improv", "wors"),
    ("gain", "loss"), ("more", "less"), ("more", "fewer"), ("long", "short"), ("early", "late"),
    ("positive", "negative"), ("up", "down"), ("presence", "absence"), ("hyper", "hypo"), ("sensitiv", "resist"),
    ("require", "independent"), ("cause", "prevent"), ("harm", "protect"), ("male", "female"), ("greater", "less"),
    ("greater", "smaller"), ("superior", "inferior"), ("agonist", "antagonist"), ("rich", "poor"), ("strong", "weak"),
    ("better", "worse"), ("activat", "suppress"), ("stimulat", "inhibit"), ("elevat", "reduc"), ("elevat", "decreas"),
)  # fmt: skip
"""Beginnings of words that say the opposite of each other."""

_TURNS = ("in", "un", "non", "dis", "de", "im", "hyper", "hypo", "pro", "anti", "up", "down")
"""Prefixes that turn a word round: "activates", "deactivates"."""

_SHORTEST = 4
"""Letters left of a word without its prefix, for it to be one."""

_WORD = re.compile(r"[a-z0-9]+")
_NUMBER = re.compile(r"\d")

FEATURES = (
    "words of the claim", "words of the evidence", "pairs of words", "nearest cosine", "mean cosine",
    "length of the claim", "length of the evidence", "sentences", "has a figure", "opposites", "turned by a prefix",
    *(f"{name}: {where}" for name in _PATTERNS for where in ("claim", "evidence", "claim only", "evidence only")),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Measured:
    """What the check as a whole was worth, hard rules included, cross-validated by claim at ``threshold``.

    ``precision`` is among claims with their supporting, a contradicting or another claim's sentences;
    ``neighbours`` the share that passes with a sentence of the same abstract that nobody marked as evidence.
    """

    pairs: int
    supported: int
    threshold: float
    precision: float
    precision_low: float
    precision_high: float
    recall: float
    recall_low: float
    recall_high: float
    contradicted: float
    shuffled: float
    neighbours: float


@dataclass(frozen=True, slots=True)
class SupportModel:
    """Coefficients (n_features,) on features made comparable by ``mean`` and ``scale``, and what they were worth."""

    features: tuple[str, ...]
    mean: tuple[float, ...]
    scale: tuple[float, ...]
    coefficients: tuple[float, ...]
    intercept: float
    measured: Measured

    def probability(self, values: Sequence[float]) -> float:
        """That the claim is borne out (0…1); ``values`` as :func:`features` gives them."""
        scaled = (np.array(values) - np.array(self.mean)) / np.array(self.scale)
        return float(1 / (1 + np.exp(-(np.array(self.coefficients) @ scaled + self.intercept))))


@cache
def support_model() -> SupportModel:
    """The regression that comes with the program (``support.json``)."""
    text = resources.files("pubmed_rag.rag").joinpath("support.json").read_bytes()
    return msgspec.json.decode(text, type=SupportModel)


def features(claim: str, evidence: Sequence[str], cosines: Sequence[float]) -> list[float]:
    """The figures the regression looks at, in the order of :data:`FEATURES`.

    ``cosines``: of the claim with each evidence sentence, of which there is one at least.
    """
    asked, together = normalise(claim), normalise(" ".join(evidence))
    claim_terms, evidence_terms = terms(asked), terms(together)
    ours, theirs = set(claim_terms), set(evidence_terms)
    pairs, their_pairs = _pairs(claim_terms), _pairs(evidence_terms)
    common = len(ours & theirs)
    words, their_words = set(_WORD.findall(asked.lower())), set(_WORD.findall(together.lower()))
    values = [
        common / max(1, len(ours)),
        common / max(1, len(theirs)),
        len(pairs & their_pairs) / max(1, len(pairs)),
        max(cosines),
        sum(cosines) / len(cosines),
        len(ours) / 10,
        len(theirs) / 20,
        float(len(evidence)),
        float(bool(_NUMBER.search(asked))),
        float(min(2, _opposites(words, their_words))),
        float(_turned(words, their_words)),
    ]
    for pattern in _PATTERNS.values():
        here, there = bool(pattern.search(asked)), bool(pattern.search(together))
        values += [float(here), float(there), float(here and not there), float(there and not here)]
    return values


def _pairs(found: Sequence[str]) -> set[tuple[str, str]]:
    return set(pairwise(found))


def _opposites(words: set[str], theirs: set[str]) -> int:
    """Pairs of opposites of which the claim has one and the evidence only the other."""

    def has(of: set[str], beginning: str) -> bool:
        return any(word.startswith(beginning) for word in of)

    return sum(
        has(words, one) and has(theirs, other) and not has(theirs, one)
        for pair in _OPPOSITES
        for one, other in (pair, pair[::-1])
    )


def _turned(words: set[str], theirs: set[str]) -> bool:
    """Whether a word of the claim stands in the evidence only with a prefix more, or one less."""
    return any(
        f"{prefix}{word}" in theirs
        or (word.startswith(prefix) and len(word) - len(prefix) >= _SHORTEST and word[len(prefix) :] in theirs)
        for word in words - theirs
        for prefix in _TURNS
    )
