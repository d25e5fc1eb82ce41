"""Is there enough evidence to answer at all?"""

from __future__ import annotations

import math

from pubmed_rag.core.records import SearchResult
from pubmed_rag.rag.evidence import EvidenceSet

LEAST_PROBABILITY = 0.4
_HIGHEST_COSINE = 1.01  # rounding included

# Logistic regression of "the article this question was written about is in the library" on 500 development
# questions of PubMedQA, each with its article and without it, and 50 questions on other subjects. At 0.4:
# 6.8 % of answerable questions are refused, 91 % of those without their article, 98 % of the other subjects.
_BIAS = -16.2
_BEST_SENTENCE, _COVERAGE, _BEST_ARTICLE = 6.8, 8.4, 10.8


def sufficiency(evidence: EvidenceSet, found: SearchResult) -> float:
    """Estimated probability (0…1) that the library holds an article that answers the question.

    From the highest cosine of a sentence, the highest cosine of an article, and the largest part of the
    question's terms that one article contains.
    """
    if not evidence.items:
        return 0.0
    # An inner product of vectors that keep their lengths is no cosine; the best sentence stands in for it.
    dense = [
        c.score if c.score <= _HIGHEST_COSINE else evidence.best_similarity
        for hit in found.hits
        for c in hit.components
        if c.name == "dense" and c.score is not None
    ]
    score = (
        _BIAS
        + _BEST_SENTENCE * evidence.best_similarity
        + _COVERAGE * evidence.coverage
        + _BEST_ARTICLE * max(dense, default=0.0)
    )
    return 1 / (1 + math.exp(-score))


def suffices(evidence: EvidenceSet, found: SearchResult) -> bool:
    """Whether an answer may be given from this evidence."""
    return sufficiency(evidence, found) >= LEAST_PROBABILITY
