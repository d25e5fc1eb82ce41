"""What a learned ranker looks at: one row of numbers a candidate, from what the index already holds.

Nothing is encoded and no sentence is cut: sentence vectors and their spans come from the index, and the text
is analysed once, by the analyzer of the word index.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np

from pubmed_rag.core.records import Article
from pubmed_rag.core.text import normalise
from pubmed_rag.index.analysis import terms
from pubmed_rag.index.letters import (
    Matrix,
    Written,
    WrittenQuery,
    best_sentence,
    cosines_of,
    letter_columns,
    sentences_of,
)
from pubmed_rag.index.rerank import Candidates, TermStatistics

FEATURES_VERSION = 2
"""Raised when a feature means something else than before; a ranker trained on another version is refused."""

COMPONENTS = ("bm25", "dense", "sentence")

_BREAK = "zzsentencebreakzz"
"""Between sentences, so that one call analyses them all; no stemmer or stopword list touches it."""

_WINDOW = 8
_FIRST_YEAR = 1950


@dataclass(frozen=True, slots=True)
class _Query:
    """The query's terms in order, each distinct one with its weight, and what is compared letter by letter."""

    order: tuple[str, ...]
    weights: Mapping[str, float]
    written: WrittenQuery

    @classmethod
    def of(cls, text: str, statistics: TermStatistics) -> _Query:
        order = tuple(terms(normalise(text)))
        distinct = tuple(dict.fromkeys(order))
        total = statistics.count()
        found = {term: min(total, statistics.frequency("text", term)) for term in distinct}
        weights = {term: math.log(1.0 + (total - n + 0.5) / (n + 0.5)) for term, n in found.items()}
        return cls(order, weights, WrittenQuery.of(text))

    @property
    def mass(self) -> float:
        return sum(self.weights.values()) or 1.0


@dataclass(frozen=True, slots=True)
class _Text:
    """An article's sentences as terms, the title's first if it has one."""

    sentences: tuple[tuple[str, ...], ...]
    title: frozenset[str]
    headings: frozenset[str]
    written: Written


def feature_names() -> tuple[str, ...]:
    """The columns of :func:`features`, in order."""
    return tuple(_NAMES)


def features(candidates: Candidates) -> Matrix:
    """(n, f) float32 for the n articles of ``candidates``, columns as in :func:`feature_names`.

    Scores are relative to the whole pool of the query, so that rows of different queries compare.
    Where the index holds no sentence vectors their columns are 0.
    """
    query = _Query.of(candidates.query, candidates.statistics)
    columns: dict[str, list[float] | Matrix] = dict(_score_columns(candidates))
    cosines = [cosines_of(candidates, row) for row in range(len(candidates.articles))]
    texts = [
        _text(article, sentences_of(candidates, row), cosines[row]) for row, article in enumerate(candidates.articles)
    ]
    columns |= _sentence_columns(cosines, texts)
    columns |= _word_columns(query, texts, cosines)
    columns |= letter_columns(query.written, [text.written for text in texts])
    columns |= _article_columns(candidates.articles, texts)
    columns |= _query_columns(query, len(texts))
    return np.column_stack([np.asarray(columns[name], np.float32) for name in _NAMES]).astype(np.float32)


def _score_columns(candidates: Candidates) -> dict[str, Matrix]:
    n = len(candidates.articles)
    columns: dict[str, Matrix] = {"fused": candidates.fused[:n]}
    for name in COMPONENTS:
        pool = candidates.components.get(name)
        if pool is None:
            columns |= {f"{name}_{kind}": np.zeros(n, np.float32) for kind in ("z", "rank", "share")}
            continue
        spread = float(pool.std())
        columns[f"{name}_z"] = (pool[:n] - pool.mean()) / max(spread, 1e-9)
        better = np.searchsorted(np.sort(-pool), -pool[:n], side="left")
        columns[f"{name}_rank"] = 1.0 / (10.0 + better)
        columns[f"{name}_share"] = pool[:n] / max(float(pool.max()), 1e-9)
    return columns


def _sentence_columns(cosines: Sequence[Matrix], texts: Sequence[_Text]) -> dict[str, list[float]]:
    best, second, third, place, title, close, spread = [], [], [], [], [], [], []
    for values, text in zip(cosines, texts, strict=True):
        ordered = np.sort(values)[::-1] if len(values) else np.zeros(1, np.float32)
        best.append(float(ordered[0]))
        second.append(float(ordered[min(1, len(ordered) - 1)]))
        third.append(float(ordered[:3].mean()))
        place.append(float(values.argmax()) / max(1, len(values) - 1) if len(values) else 0.0)
        title.append(float(values[0]) if len(values) and text.title else 0.0)
        close.append(float((ordered >= ordered[0] - 0.1).sum()))
        spread.append(float(ordered[0] - ordered.mean()))
    return {
        "best_cosine": best,
        "second_cosine": second,
        "top3_cosine": third,
        "best_place": place,
        "title_cosine": title,
        "close_sentences": close,
        "cosine_spread": spread,
    }


def _word_columns(query: _Query, texts: Sequence[_Text], cosines: Sequence[Matrix]) -> dict[str, list[float]]:
    names = (
        "text_cover", "title_cover", "headings_cover", "best_cover", "sentence_cover", "plain_cover", "missing_idf",
        "sentence_bm25", "pairs", "near_pairs", "span", "prefix_cover",
    )  # fmt: skip
    columns: dict[str, list[float]] = {name: [] for name in names}
    pairs = set(zip(query.order, query.order[1:], strict=False))
    for text, values in zip(texts, cosines, strict=True):
        held = {term for sentence in text.sentences for term in sentence}
        found = held & query.weights.keys()
        columns["text_cover"].append(_share(query, found))
        columns["title_cover"].append(_share(query, text.title))
        columns["headings_cover"].append(_share(query, text.headings))
        by_sentence = [_share(query, frozenset(sentence)) for sentence in text.sentences]
        best = int(values.argmax()) if 0 < len(values) == len(by_sentence) else -1
        columns["best_cover"].append(by_sentence[best] if best >= 0 else 0.0)
        columns["sentence_cover"].append(max(by_sentence, default=0.0))
        columns["plain_cover"].append(len(found) / max(1, len(query.weights)))
        columns["missing_idf"].append(max((w for t, w in query.weights.items() if t not in found), default=0.0))
        columns["sentence_bm25"].append(_sentence_bm25(query, text))
        near, adjacent, span = _nearness(query, pairs, text)
        columns["pairs"].append(adjacent)
        columns["near_pairs"].append(near)
        columns["span"].append(span)
        columns["prefix_cover"].append(_prefix_share(query, found, held))
    return columns


def _share(query: _Query, held: frozenset[str] | set[str]) -> float:
    """idf-weighted share of the query's terms that are in ``held``."""
    return sum(weight for term, weight in query.weights.items() if term in held) / query.mass


def _prefix_share(query: _Query, found: set[str], held: set[str]) -> float:
    """Like :func:`_share`, a term of five letters or more also counting where one with the same beginning stands."""
    beginnings = {term[:5] for term in held if len(term) >= 5}
    return sum(w for t, w in query.weights.items() if t in found or (len(t) >= 5 and t[:5] in beginnings)) / query.mass


def _sentence_bm25(query: _Query, text: _Text) -> float:
    """The best sentence's BM25 (k1 0.9, b 0.3, mean length 14 terms), in parts of the query's idf."""
    best = 0.0
    for sentence in text.sentences:
        norm = 0.9 * (0.7 + 0.3 * len(sentence) / 14.0)
        counts: dict[str, int] = {}
        for term in sentence:
            if term in query.weights:
                counts[term] = counts.get(term, 0) + 1
        best = max(best, sum(query.weights[term] * n * 1.9 / (n + norm) for term, n in counts.items()))
    return best / query.mass


def _nearness(query: _Query, pairs: set[tuple[str, str]], text: _Text) -> tuple[float, float, float]:
    """Shares of the query's neighbouring pairs that stand within eight terms, and side by side in order; and
    the share of the query's idf in the window of 16 terms that holds most of it."""
    flat = chain.from_iterable(text.sentences)
    places = [(position, term) for position, term in enumerate(flat) if term in query.weights]
    near: set[tuple[str, str]] = set()
    adjacent: set[tuple[str, str]] = set()
    best = 0.0
    for first, (position, term) in enumerate(places):
        window = {term}
        for later, other in places[first + 1 :]:
            distance = later - position
            if distance > 2 * _WINDOW:
                break
            window.add(other)
            if distance <= _WINDOW:
                if (term, other) in pairs:
                    near.add((term, other))
                    if distance == 1:
                        adjacent.add((term, other))
                if (other, term) in pairs:
                    near.add((other, term))
        best = max(best, sum(query.weights[t] for t in window))
    count = max(1, len(pairs))
    return len(near) / count, len(adjacent) / count, best / query.mass


def _article_columns(articles: Sequence[Article], texts: Sequence[_Text]) -> dict[str, list[float]]:
    lengths = [sum(map(len, text.sentences)) for text in texts]
    kinds = [{term.name.casefold() for term in article.publication_types} for article in articles]
    return {
        "length": [math.log1p(length) for length in lengths],
        "sentences": [math.log1p(len(text.sentences)) for text in texts],
        "recency": [(article.year - _FIRST_YEAR) / 50.0 if article.year else 0.0 for article in articles],
        "is_review": [float(any("review" in kind or "meta-analysis" in kind for kind in each)) for each in kinds],
        "is_trial": [float(any("trial" in kind for kind in each)) for each in kinds],
    }


def _query_columns(query: _Query, n: int) -> dict[str, list[float]]:
    return {
        "query_terms": [math.log1p(len(query.weights))] * n,
        "query_idf": [query.mass / max(1, len(query.weights))] * n,
        "query_symbols": [float(len(query.written.symbols))] * n,
    }


def _text(article: Article, pieces: Sequence[str], cosines: Matrix) -> _Text:
    clean = normalise(f" {_BREAK} ".join(pieces))
    sentences: list[tuple[str, ...]] = []
    current: list[str] = []
    for term in terms(clean):
        if term == _BREAK:
            sentences.append(tuple(current))
            current = []
        else:
            current.append(term)
    sentences.append(tuple(current))
    headings = " ; ".join(
        [*(h.name for h in article.mesh), *article.keywords, *(chemical.name for chemical in article.chemicals)]
    )
    return _Text(
        sentences=tuple(sentences),
        title=frozenset(terms(normalise(article.title))) if article.title else frozenset(),
        headings=frozenset(terms(normalise(headings))) if headings else frozenset(),
        written=Written.of(clean, best_sentence(pieces, cosines)),
    )


_NAMES = (
    "fused",
    *(f"{name}_{kind}" for name in COMPONENTS for kind in ("z", "rank", "share")),
    *("best_cosine", "second_cosine", "top3_cosine", "best_place", "title_cosine", "close_sentences", "cosine_spread"),
    *("text_cover", "title_cover", "headings_cover", "best_cover", "sentence_cover", "plain_cover", "missing_idf"),
    *("sentence_bm25", "pairs", "near_pairs", "span", "prefix_cover"),
    *("symbols", "letters", "best_letters"),
    *("length", "sentences", "recency", "is_review", "is_trial"),
    *("query_terms", "query_idf", "query_symbols"),
)
