"""The one door to retrieval: the product, the page and the evaluation all search through it."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from pubmed_rag.core.errors import LibraryError, UsageError
from pubmed_rag.core.library import LibraryPaths
from pubmed_rag.core.records import Article, Component, Filters, Hit, SearchMode, SearchResult
from pubmed_rag.core.store import ArticleStore
from pubmed_rag.core.text import normalise
from pubmed_rag.index.embedder import Embedder, check_same_model
from pubmed_rag.index.fusion import weighted_sum
from pubmed_rag.index.generation import Generation, current_generation, current_name
from pubmed_rag.index.sentence_vectors import SentenceVectors
from pubmed_rag.index.vectors import FaissIndex, Vectors
from pubmed_rag.index.words import Keys, Scores, TantivyIndex

log = logging.getLogger(__name__)

MODES: tuple[SearchMode, ...] = ("bm25", "dense", "hybrid")
_CANDIDATES = 200
"""From each component, for fusion."""


@dataclass(frozen=True, slots=True)
class _Loaded:
    generation: Generation
    words: TantivyIndex
    vectors: FaissIndex
    sentences: SentenceVectors


@dataclass(frozen=True, slots=True)
class _Ranking:
    """``keys`` best first, the score of each, the components' scores for the same keys, and matches in all."""

    keys: Keys
    scores: Scores
    components: Mapping[str, Scores]
    total: int


class Searcher:
    """Search over the current generation of a library; follows when the library switches to a new one.

    The embedder is needed for ``dense`` and ``hybrid`` only, so it comes as a function that is called at
    the first need. One object may serve several threads.
    """

    def __init__(self, paths: LibraryPaths, store: ArticleStore, embedder: Callable[[], Embedder]) -> None:
        self._paths = paths
        self._store = store
        self._embedder_source = embedder
        self._lock = threading.Lock()
        self._loaded: _Loaded | None = None

    def search(
        self, query: str, *, mode: SearchMode = "hybrid", top: int = 10, filters: Filters | None = None
    ) -> SearchResult:
        """The best ``top`` articles for ``query``, ranked from 1; fewer only where fewer match.

        Raises :class:`UsageError` for an empty query, ``top`` below 1 or an unknown mode, and what
        loading an index raises. ``took_ms`` leaves out what happens only once: loading index and model.
        """
        if not query.strip():
            raise UsageError("the query is empty")
        if top < 1:
            raise UsageError("--top must be at least 1")
        as_mode(mode)
        loaded = self._current()
        if mode != "bm25":
            self.embedder()
        started = time.perf_counter()
        ranking = self._rank(loaded, query, mode, top, filters or Filters())
        articles = self._store.get_by_keys([int(key) for key in ranking.keys])
        ranks = {name: _ranks(scores) for name, scores in ranking.components.items()}
        hits: list[Hit] = []
        for position, key in enumerate(ranking.keys):
            article = articles.get(int(key))
            if article is None or len(hits) == top:  # deleted since the index was built
                continue
            components = tuple(
                Component(name, int(ranks[name][position]), round(float(scores[position]), 6))
                for name, scores in ranking.components.items()
            )
            hits.append(_hit(article, len(hits) + 1, float(ranking.scores[position]), components))
        return SearchResult(
            query=query,
            mode=mode,
            hits=tuple(hits),
            total=ranking.total,
            took_ms=round((time.perf_counter() - started) * 1000, 1),
            warnings=self._warnings(loaded),
            generation=loaded.generation.manifest.generation,
        )

    def sentence_vectors(self) -> SentenceVectors:
        """The sentence vectors of the current generation: ready evidence."""
        return self._current().sentences

    def embedder(self) -> Embedder:
        """The embedder, checked to be the one the index was built with."""
        embedder = self._embedder_source()
        manifest = self._current().generation.manifest
        check_same_model(embedder, manifest.model, manifest.model_revision, manifest.dimension)
        return embedder

    def encode(self, query: str) -> Vectors:
        """(d,) float32: the query's vector."""
        vector: Vectors = self.embedder().encode_queries([normalise(query)])[0]
        return vector

    def _current(self) -> _Loaded:
        with self._lock:
            name = current_name(self._paths)
            if self._loaded is None or self._loaded.generation.manifest.generation != name:
                self._loaded = self._load_current(name)
            return self._loaded

    def _load_current(self, name: str | None) -> _Loaded:
        # A generation may be replaced, and its files go, while it is being read: then the next one is there.
        while True:
            try:
                return _load(self._paths)
            except (LibraryError, OSError, RuntimeError, ValueError):
                newer = current_name(self._paths)
                if newer == name:
                    raise
                name = newer

    def _rank(self, loaded: _Loaded, query: str, mode: SearchMode, top: int, filters: Filters) -> _Ranking:
        # A little more than asked: articles deleted since the index was built are skipped.
        wanted = top + 10
        if mode == "bm25":
            words = loaded.words.search(query, wanted, filters)
            return _Ranking(words.keys, words.scores, {"bm25": words.scores}, words.total)
        allowed = loaded.words.matching(filters) if filters.active else None
        total = loaded.words.count() if allowed is None else len(allowed)
        vector = self.encode(query)
        near = loaded.vectors.search(vector, max(wanted, _CANDIDATES), allowed)
        if mode == "dense":
            return _Ranking(near.keys[:wanted], near.scores[:wanted], {"dense": near.scores[:wanted]}, total)
        words = loaded.words.search(query, max(wanted, _CANDIDATES), filters)
        keys = np.union1d(near.keys, words.keys)
        if not len(keys):
            return _Ranking(keys, np.empty(0, np.float32), {}, total)
        # Every candidate gets every component's exact score, whichever component proposed it.
        components = {"bm25": loaded.words.scores_of(query, keys), "dense": loaded.vectors.scores_of(vector, keys)}
        if loaded.sentences:
            components["sentence"] = loaded.sentences.best_scores(vector, keys)
        scores = weighted_sum(components)
        order = np.lexsort((keys, -scores))
        return _Ranking(keys[order], scores[order], {name: values[order] for name, values in components.items()}, total)

    def _warnings(self, loaded: _Loaded) -> tuple[str, ...]:
        behind = self._store.last_sequence() - loaded.generation.manifest.sequence
        if behind <= 0:
            return ()
        changes = "1 change" if behind == 1 else f"{behind:,} changes"
        return (f"the index is {changes} behind the library; bring it up to date with 'pubmed-rag index update'",)


def as_mode(name: str) -> SearchMode:
    """``name`` as a search mode. Raises :class:`UsageError` with the known ones."""
    for mode in MODES:
        if mode == name:
            return mode
    raise UsageError(f"unknown mode '{name}'", remedy=f"choose one of {', '.join(MODES)}")


def _load(paths: LibraryPaths) -> _Loaded:
    generation = current_generation(paths)
    generation.require_whole()
    return _Loaded(
        generation=generation,
        words=TantivyIndex.open(generation.words),
        vectors=FaissIndex.load(generation.vectors),
        sentences=SentenceVectors.open(generation.sentences, generation.manifest.dimension),
    )


def _ranks(scores: Scores) -> np.ndarray:
    """Rank (n,) from 1 of each score among its own, best first."""
    ranks = np.empty(len(scores), np.int64)
    ranks[np.argsort(-scores, kind="stable")] = np.arange(1, len(scores) + 1)
    return ranks


def _hit(article: Article, rank: int, score: float, components: tuple[Component, ...]) -> Hit:
    return Hit(
        id=article.id,
        pmid=article.pmid,
        rank=rank,
        score=round(score, 6),
        title=article.display_title(),
        year=article.year,
        journal=article.journal.display(),
        retracted=article.is_retracted,
        components=components,
    )
