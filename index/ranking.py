"""Candidates and their order: what each mode asks of the components, and how their scores come together.

A ranking is made block by block. The first block holds the ``CANDIDATES`` best of each component; the next
what the double number adds, and so on until enough are found. Which articles a block holds and how they are
ordered within it depends on nothing but the query, so a longer list always begins with the shorter.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np

from pubmed_rag.core.records import Filters
from pubmed_rag.index.fusion import Fusion, Scale, ranks, reciprocal_ranks, weighted_sum
from pubmed_rag.index.sentence_vectors import SentenceVectors
from pubmed_rag.index.vectors import VectorIndex, Vectors
from pubmed_rag.index.words import Keys, Scores, WordHits, WordIndex

CANDIDATES = 200
"""The best of each component that the first block holds."""


@dataclass(frozen=True, slots=True)
class Indexes:
    """The engines of one generation that ranking asks."""

    words: WordIndex
    vectors: VectorIndex
    sentences: SentenceVectors


@dataclass(frozen=True, slots=True)
class Ranking:
    """``keys`` (n,) best first, the score of each, never rising, and the components' scores and ranks of the same keys.

    Ranks (from 1) are counted within a block and go on in the next. ``total``: how many articles match.
    """

    keys: Keys
    scores: Scores
    components: Mapping[str, Scores]
    ranks: Mapping[str, Keys]
    total: int


def rank_by_words(indexes: Indexes, query: str, wanted: int, filters: Filters) -> Ranking:
    """The best ``wanted`` by BM25: only articles that hold a word of the query."""
    return ranking_of_words(indexes.words.search(query, wanted, filters), "bm25")


def ranking_of_words(hits: WordHits, component: str) -> Ranking:
    """What the word index put in order, as it stands, under the name of one ``component``."""
    places = np.arange(1, len(hits.keys) + 1)
    return Ranking(hits.keys, hits.scores, {component: hits.scores}, {component: places}, hits.total)


def rank_by_meaning(indexes: Indexes, vector: Vectors, wanted: int, filters: Filters) -> Ranking:
    """The nearest ``wanted`` or more by article vector (d,)."""
    allowed, total = _allowed(indexes, filters)

    def candidates(depth: int) -> Keys:
        return indexes.vectors.search(vector, depth, allowed).keys

    def block(keys: Keys, first: int) -> Ranking:
        scores = indexes.vectors.scores_of(vector, keys)
        return _ordered(keys, scores, {"dense": scores}, total, first)

    return _joined(_blocks(candidates, block, min(wanted, total)), total)


def rank_by_both(
    indexes: Indexes,
    query: str,
    vector: Vectors,
    wanted: int,
    filters: Filters,
    fusion: Fusion,
    second_look: Callable[[Ranking], Ranking] | None = None,
) -> Ranking:
    """The best ``wanted`` or more by words and meaning together.

    Every candidate gets every component's exact score, whichever component proposed it. Scores of later
    blocks are on the scale of the first, so that the weights mean the same all the way down. The first block
    can be given a ``second_look``: a re-ranking.
    """
    allowed, total = _allowed(indexes, filters)
    fusion = fusion if indexes.sentences else fusion.without_sentences()
    scales: dict[str, Scale] = {}

    def candidates(depth: int) -> Keys:
        near = indexes.vectors.search(vector, depth, allowed).keys
        return np.union1d(near, indexes.words.search(query, depth, filters).keys)

    def block(keys: Keys, first: int) -> Ranking:
        components = _components(indexes, query, vector, keys, fusion)
        if not scales:
            scales.update({name: Scale.of(scores) for name, scores in components.items()})
        if fusion.method == "rrf":
            scores = reciprocal_ranks(components, first)
        else:
            scores = weighted_sum(components, fusion.weights, scales)
        ordered = _ordered(keys, scores, components, total, first)
        return second_look(ordered) if second_look and first == 1 else ordered

    return _joined(_blocks(candidates, block, min(wanted, total)), total)


def _components(indexes: Indexes, query: str, vector: Vectors, keys: Keys, fusion: Fusion) -> dict[str, Scores]:
    components = {"bm25": indexes.words.scores_of(query, keys), "dense": indexes.vectors.scores_of(vector, keys)}
    if "sentence" in fusion.weights:
        components["sentence"] = indexes.sentences.best_scores(vector, keys)
    return components


def _allowed(indexes: Indexes, filters: Filters) -> tuple[Keys | None, int]:
    """Keys that pass ``filters`` (``None``: all), and how many."""
    if not filters.active:
        return None, indexes.words.count()
    allowed = indexes.words.matching(filters)
    return allowed, len(allowed)


def _blocks(candidates: Callable[[int], Keys], block: Callable[[Keys, int], Ranking], wanted: int) -> Iterator[Ranking]:
    """Blocks until ``wanted`` articles are there or a block brings none. ``block`` takes keys and its first rank."""
    seen = np.empty(0, np.int64)
    depth = CANDIDATES
    while len(seen) < wanted:
        fresh = np.setdiff1d(candidates(depth), seen)
        if not len(fresh):
            return
        yield block(fresh, len(seen) + 1)
        seen = np.union1d(seen, fresh)
        depth *= 2


def _ordered(keys: Keys, scores: Scores, components: Mapping[str, Scores], total: int, first: int = 1) -> Ranking:
    """Best first, ties by rising key."""
    order = np.lexsort((keys, -scores))
    sorted_components = {name: values[order] for name, values in components.items()}
    places = {name: ranks(values) + first - 1 for name, values in sorted_components.items()}
    return Ranking(keys[order], scores[order], sorted_components, places, total)


def _joined(blocks: Iterator[Ranking], total: int) -> Ranking:
    parts = list(blocks)
    if not parts:
        return Ranking(np.empty(0, np.int64), np.empty(0, np.float32), {}, {}, total)
    whole = parts[0]
    if len(parts) > 1:
        whole = Ranking(
            np.concatenate([part.keys for part in parts]),
            np.concatenate([part.scores for part in parts]),
            {name: np.concatenate([part.components[name] for part in parts]) for name in whole.components},
            {name: np.concatenate([part.ranks[name] for part in parts]) for name in whole.ranks},
            total,
        )
    # A later block may hold a better score than the end of the one before; it still stands below it.
    return replace(whole, scores=np.minimum.accumulate(whole.scores))
