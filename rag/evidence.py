"""Choose the sentences that an answer may rest on, before any model sees anything."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pubmed_rag.core.records import Article, Passage
from pubmed_rag.core.store import ArticleStore
from pubmed_rag.core.text import normalise
from pubmed_rag.index.analysis import terms
from pubmed_rag.index.passages import sentences
from pubmed_rag.index.search import Searcher
from pubmed_rag.index.vectors import Vectors

_PER_ARTICLE = 2
_SIMILARITY, _OVERLAP, _RANK = 0.70, 0.30, 0.04
_FEWEST_TERMS = 7
"""A sentence with fewer says little when it stands alone."""

_LONGEST = 1_000
"""Characters. What is longer is a table or a list without full stops, which nobody wants quoted."""

_SAME = 0.8
"""Two sentences that share this part of their terms say the same thing."""

_SECTION_VALUE = (
    ("conclusion", 0.08), ("interpretation", 0.08), ("result", 0.05), ("finding", 0.05),
    ("background", -0.12), ("introduction", -0.12), ("context", -0.12), ("importance", -0.12), ("rationale", -0.12),
    ("objective", -0.20), ("aim", -0.20), ("purpose", -0.20), ("hypothesis", -0.20),
    ("method", -0.15), ("design", -0.15), ("setting", -0.15), ("patient", -0.12), ("participant", -0.12),
    ("subject", -0.12),
)  # fmt: skip
"""What a sentence gains by the label of its section; the first part of a label that fits decides."""

_ANNOUNCES = re.compile(
    r"\b(aims?|objectives?|purpose|goals?) (of|was|were|is)\b|\bwhether\b"
    r"|\b(remains?|is|are) (unclear|unknown|controversial)\b"
    r"|\b(we|study|trial|review|analysis) (aimed|sought|investigated|evaluated|examined|assessed|compared"
    r"|tested|asked)\b"
    r"|\b(was|were) (randomi[sz]ed|recruited|enrolled|reviewed|compared|tested|studied|investigated|evaluated)\b"
    r"|\bto (determine|assess|evaluate|investigate|examine|compare|test)\b",
    re.IGNORECASE,
)
"""A sentence that tells what was asked or done, not what was found."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """A sentence on offer. ``score`` orders evidence for one question and means nothing across questions."""

    span: Passage
    article: Article
    score: float
    similarity: float


@dataclass(frozen=True, slots=True)
class EvidenceSet:
    """Chosen sentences, best first, and what is needed to judge whether they suffice.

    ``best_similarity`` is the highest cosine of any sentence of any article with the question;
    ``coverage`` the largest part of the question's terms that one article contains (0…1).
    """

    items: tuple[Evidence, ...]
    best_similarity: float
    coverage: float


def choose_evidence(
    question: str, ids: Sequence[str], store: ArticleStore, searcher: Searcher, *, limit: int = 8
) -> EvidenceSet:
    """Up to ``limit`` sentences from the articles ``ids`` (best first), at most two an article.

    Ordered by closeness to the question in meaning and words, with results and conclusions before
    background and methods. Titles count only for articles without abstract.
    """
    articles = store.get_many(ids)
    keys = store.keys_of(ids)
    query = searcher.encode(question)
    wanted = set(terms(normalise(question)))
    candidates: list[Evidence] = []
    best = coverage = 0.0
    for position, article_id in enumerate(ids):
        article = articles.get(article_id)
        if article is None:
            continue
        passages = quotable(article)
        if not passages:
            continue
        similarities = _vectors(passages, keys[article_id], searcher) @ query
        coverage = max(coverage, _overlap(wanted, article.text))
        rank_value = _RANK * (1 - position / max(1, len(ids)))
        for place, (passage, similarity) in enumerate(zip(passages, similarities, strict=True)):
            best = max(best, float(similarity))
            score = (
                _SIMILARITY * float(similarity)
                + _OVERLAP * _overlap(wanted, passage.text)
                + rank_value
                + _value_of_place(passage, place, len(passages))
            )
            candidates.append(Evidence(passage, article, score, float(similarity)))
    candidates.sort(key=lambda item: (-item.score, item.span.article_id, item.span.start))
    return EvidenceSet(tuple(_spread(candidates, limit)), best, coverage)


def quotable(article: Article) -> list[Passage]:
    """The sentences of an article that may be quoted: of the abstract, else the title; none too long for it."""
    found = [passage for passage in sentences(article) if len(passage.text) <= _LONGEST]
    abstract = [passage for passage in found if passage.end > len(article.title)]
    return abstract or found


def _vectors(passages: list[Passage], key: int, searcher: Searcher) -> Vectors:
    """(n, d): from the index where its sentences are still those of the article, else encoded now."""
    block = searcher.sentence_vectors().of(key)
    if block is not None:
        stored = {
            (int(start), int(end)): vector for (start, end), vector in zip(block.spans, block.vectors, strict=True)
        }
        if all((p.start, p.end) in stored for p in passages):
            return np.array([stored[p.start, p.end] for p in passages], np.float32).reshape(len(passages), -1)
    return searcher.embedder().encode_passages([normalise(passage.text) for passage in passages])


def _overlap(wanted: set[str], text: str) -> float:
    return len(wanted & set(terms(normalise(text)))) / len(wanted) if wanted else 0.0


def _value_of_place(passage: Passage, place: int, count: int) -> float:
    label = (passage.section or "").casefold()
    value = next((worth for part, worth in _SECTION_VALUE if part in label), None)
    if value is None:  # unlabelled abstracts follow the same order: background, methods, results, conclusion
        value = 0.05 * (place / max(1, count - 1)) - 0.02
    if len(set(terms(normalise(passage.text)))) < _FEWEST_TERMS:
        value -= 0.10
    return value - (0.12 if _ANNOUNCES.search(passage.text) else 0.0)


def _spread(candidates: list[Evidence], limit: int) -> list[Evidence]:
    chosen: list[Evidence] = []
    taken: dict[str, int] = {}
    seen: list[set[str]] = []
    for item in candidates:
        if len(chosen) == limit:
            break
        words = set(terms(normalise(item.span.text)))
        repeats = any(len(words & other) > _SAME * max(1, len(words | other)) for other in seen)
        if taken.get(item.article.id, 0) == _PER_ARTICLE or repeats or not words:
            continue
        taken[item.article.id] = taken.get(item.article.id, 0) + 1
        seen.append(words)
        chosen.append(item)
    return chosen
