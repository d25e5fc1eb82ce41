"""The sentences that a summary of articles rests on: their conclusions, or else their results."""

from __future__ import annotations

from collections.abc import Sequence

from pubmed_rag.core.records import Article, Hit, Passage
from pubmed_rag.rag.evidence import Evidence, EvidenceSet, quotable
from pubmed_rag.rag.verdict import conclusion_of

_SENTENCES = 24
"""For all articles together; one alone gets six."""

_PER_ARTICLE = 6


def summary_evidence(articles: Sequence[Article]) -> EvidenceSet:
    """Conclusions first, an article after the other in turn, so that what is cut off for room is the least telling."""
    each = [_telling(article) for article in articles]
    per_article = max(1, min(_PER_ARTICLE, _SENTENCES // max(1, len(articles))))
    items = [
        Evidence(passages[turn], article, float(-turn), 1.0)
        for turn in range(per_article)
        for article, passages in zip(articles, each, strict=True)
        if turn < len(passages)
    ]
    return EvidenceSet(tuple(items[:_SENTENCES]), 1.0, 1.0)


def _telling(article: Article) -> list[Passage]:
    conclusion = [passage for passage in conclusion_of(article) if passage.text]
    others = [passage for passage in quotable(article) if passage not in conclusion]
    return [*conclusion, *reversed(others)]  # in an abstract, what is told last is what was found


def as_hit(article: Article, rank: int) -> Hit:
    """An article as if it had been found at ``rank``."""
    return Hit(
        article.id, article.pmid, rank, 0.0, article.display_title(), article.year, article.journal.display(),
        article.is_retracted,
    )  # fmt: skip
