"""Choose the sentences that an answer may rest on, before any model sees anything."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from pubmed_rag.core.records import Article, ExplainLevel, Passage
from pubmed_rag.core.store import ArticleStore
from pubmed_rag.core.text import normalise
from pubmed_rag.index.analysis import terms
from pubmed_rag.index.passages import sentences
from pubmed_rag.index.search import Searcher
from pubmed_rag.index.vectors import Vectors
from pubmed_rag.rag.cosine import unit

_PER_ARTICLE = 2
_PER_ARTICLE_OF_FEW = 3
_FEW = 2
"""Where no more articles than this are on the subject, each may give a sentence more."""

_SIMILARITY, _OVERLAP, _RANK = 0.70, 0.30, 0.04
_OWN = 0.6
"""What a sentence's own nearness to the question counts beside that of its article's nearest sentence."""

_FEWEST_TERMS = 7
"""A sentence with fewer says little when it stands alone."""

_LONGEST = 1_000
"""Characters. What is longer is a table or a list without full stops, which nobody wants quoted."""

_SAME = 0.8
"""Two sentences that share this part of their terms say the same thing."""

_PRINTED = re.compile(r"[A-Z][A-Z /&-]{2,40}:\s+(?=[A-Z0-9])")

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
    r"|\bto (determine|assess|evaluate|investigate|examine|compare|test|explore|identify|clarify)\b"
    r"|^to describe\b",
    re.IGNORECASE,
)
"""A sentence that tells what was asked or done, not what was found."""

_FINDS = re.compile(r"conclu|interpretation|result|finding|discussion|significance|implication", re.IGNORECASE)
"""Labels of sections that tell what was found."""

_FIRST_FINDING = 0.35
"""In an abstract without sections what was found stands behind this part of it."""

_LEANS = re.compile(
    r"(?:this|these|they|it|its|their|he|she|such|both|however|moreover|furthermore|additionally|in addition"
    r"|nevertheless|conversely|similarly|likewise|also|but|in contrast|on the other hand|the (?:former|latter|same))\b",
    re.IGNORECASE,
)
"""How a sentence begins that needs the one before it."""

_TELLS = re.compile(
    r"\b(?:significant\w*|associat\w+|correlat\w+|differ\w*|increas\w+|decreas\w+|improv\w+|reduc\w+|higher|lower"
    r"|greater|fewer|better|worse|superior|inferior|similar|comparable|predict\w*|effective|beneficial|risk factors?"
    r"|no (?:evidence|effect|benefit|difference|change|association))\b",
    re.IGNORECASE,
)
"""A sentence that compares, and does not only count."""

_FIGURES = re.compile(
    r"\b(?:HR|OR|RR|CI|SD|IQR)\b|\b(?:odds|hazard|risk) ratio|\b[Pp] ?[<=>≤≥]|\+/-|±|\d(?:[.,·]\d+)? ?%"
)
_FOR_FIGURES = 0.10

_ON_SUBJECT = ((0.75, 0.6), (0.6, 0.8))
"""An article is on the subject if its nearness to the question is this part of the nearest one's, and it has this part
of the question's terms that the best one has. Of 150 development questions of PubMedQA: keeps 98 % of the articles
they were written about and 4 % of the others among the first eight."""


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
    question: str,
    ids: Sequence[str],
    store: ArticleStore,
    searcher: Searcher,
    *,
    limit: int = 8,
    level: ExplainLevel = "",
) -> EvidenceSet:
    """Up to ``limit`` sentences from the articles ``ids`` (best first), two or three an article.

    An article comes in by what it is about: its sentence nearest to the question in meaning and words, an aim or a
    title's echo included. Articles far from the nearest one are left out. What is offered of an article is what it
    found; background, aims and methods only where it tells nothing else. Titles count only for articles without
    abstract. For experts sentences with figures come first, for lay people conclusions without them.
    """
    articles = store.get_many(ids)
    keys = store.keys_of(ids)
    query = unit(searcher.encode(question))
    wanted = set(terms(normalise(question)))
    rated = [
        _rated(
            articles[article_id], keys[article_id], wanted, query, searcher, _RANK * (1 - position / len(ids)), level
        )
        for position, article_id in enumerate(ids)
        if article_id in articles
    ]
    rated = [one for one in rated if one.sentences]
    if not rated:
        return EvidenceSet((), 0.0, 0.0)
    best = max(one.best_similarity for one in rated)
    coverage = max(one.coverage for one in rated)
    nearest = max(one.nearness for one in rated)
    kept = [one for one in rated if _on_subject(one, nearest, coverage)]
    candidates = [item for one in kept for item in one.sentences]
    candidates.sort(key=lambda item: (-item.score, item.span.article_id, item.span.start))
    per_article = _PER_ARTICLE_OF_FEW if len(kept) <= _FEW else _PER_ARTICLE
    return EvidenceSet(tuple(_spread(candidates, limit, per_article)), best, coverage)


@dataclass(frozen=True, slots=True)
class _Rated:
    """An article: ``nearness`` of its nearest sentence, and those of its ``sentences`` that may be evidence."""

    nearness: float
    best_similarity: float
    coverage: float
    sentences: list[Evidence]


def _rated(
    article: Article,
    key: int,
    wanted: set[str],
    query: Vectors,
    searcher: Searcher,
    rank_value: float,
    level: ExplainLevel,
) -> _Rated:
    passages = quotable(article)
    if not passages:
        return _Rated(0.0, 0.0, 0.0, [])
    similarities = [float(value) for value in unit(_vectors(passages, key, searcher)) @ query]
    near = [
        _SIMILARITY * similarity + _OVERLAP * _overlap(wanted, passage.text)
        for passage, similarity in zip(passages, similarities, strict=True)
    ]
    findings = _findings(passages)
    found = [
        Evidence(
            _without_label(passage),
            article,
            _OWN * near[place]
            + (1 - _OWN) * max(near)
            + rank_value
            + _value_of_place(passage, place, len(passages))
            + _value_for(level, passage),
            similarities[place],
        )
        for place, passage in enumerate(passages)
        if place in findings
    ]
    return _Rated(max(0.0, *near), max(similarities), _overlap(wanted, article.text), found)


def _value_for(level: ExplainLevel, passage: Passage) -> float:
    """What a sentence gains or loses by whom the answer is for."""
    if not level or not _FIGURES.search(passage.text):
        return 0.0
    return _FOR_FIGURES if level == "expert" else -_FOR_FIGURES


def _findings(passages: Sequence[Passage]) -> set[int]:
    """Places of the sentences that tell what was found; all where none does."""
    last = max(1, len(passages) - 1)
    placed = {
        place
        for place, passage in enumerate(passages)
        if (_FINDS.search(passage.section) if passage.section else len(passages) < 4 or place / last >= _FIRST_FINDING)
    }
    told = {place for place in placed if not _ANNOUNCES.search(passages[place].text)}
    return told or placed or set(range(len(passages)))


def _on_subject(one: _Rated, nearest: float, coverage: float) -> bool:
    return any(one.nearness >= near * nearest and one.coverage >= covers * coverage for near, covers in _ON_SUBJECT)


def _without_label(passage: Passage) -> Passage:
    """Without a label that is printed in capitals before the sentence, as in ``AIM: To describe``."""
    label = _PRINTED.match(passage.text)
    if label is None:
        return passage
    return replace(passage, start=passage.start + label.end(), text=passage.text[label.end() :])


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
        value -= 0.15
    if _LEANS.match(passage.text):
        value -= 0.06
    if _TELLS.search(passage.text):
        value += 0.06
    return value - (0.12 if _ANNOUNCES.search(passage.text) else 0.0)


def _spread(candidates: list[Evidence], limit: int, per_article: int) -> list[Evidence]:
    chosen: list[Evidence] = []
    taken: dict[str, int] = {}
    seen: list[set[str]] = []
    for item in candidates:
        if len(chosen) == limit:
            break
        words = set(terms(normalise(item.span.text)))
        repeats = any(len(words & other) > _SAME * max(1, len(words | other)) for other in seen)
        if taken.get(item.article.id, 0) == per_article or repeats or not words:
            continue
        taken[item.article.id] = taken.get(item.article.id, 0) + 1
        seen.append(words)
        chosen.append(item)
    return chosen
