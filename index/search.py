"""The one door to retrieval: the product, the page and the evaluation all search through it."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from pubmed_rag.core.errors import LibraryError, UsageError
from pubmed_rag.core.library import LibraryPaths
from pubmed_rag.core.records import Article, Component, Filters, Hit, SearchMode, SearchResult
from pubmed_rag.core.store import ArticleStore
from pubmed_rag.core.text import normalise
from pubmed_rag.index.embedder import Embedder, check_same_model
from pubmed_rag.index.fusion import Fusion
from pubmed_rag.index.generation import Generation, current_generation, current_name
from pubmed_rag.index.ranking import Indexes, Ranking, rank_by_both, rank_by_meaning, rank_by_words
from pubmed_rag.index.sentence_vectors import SentenceVectors
from pubmed_rag.index.vectors import FaissIndex, Vectors
from pubmed_rag.index.words import TantivyIndex

log = logging.getLogger(__name__)

MODES: tuple[SearchMode, ...] = ("bm25", "dense", "hybrid")


@dataclass(frozen=True, slots=True)
class _Loaded:
    generation: Generation
    indexes: Indexes


class Searcher:
    """Search over the current generation of a library; follows when the library switches to a new one.

    The embedder is needed for ``dense`` and ``hybrid`` only, so it comes as a function that is called at
    the first need. One object may serve several threads.
    """

    def __init__(
        self,
        paths: LibraryPaths,
        store: ArticleStore,
        embedder: Callable[[], Embedder],
        *,
        fusion: Fusion | None = None,
    ) -> None:
        self._paths = paths
        self._store = store
        self._embedder_source = embedder
        self._fusion = fusion or Fusion()
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
        # A little more than asked: articles deleted since the index was built are skipped.
        ranking = self._rank(loaded.indexes, query, mode, top + 10, filters or Filters())
        hits = self._hits(ranking, top)
        return SearchResult(
            query=query,
            mode=mode,
            hits=hits,
            total=ranking.total,
            took_ms=round((time.perf_counter() - started) * 1000, 1),
            warnings=self._warnings(loaded),
            generation=loaded.generation.manifest.generation,
        )

    def sentence_vectors(self) -> SentenceVectors:
        """The sentence vectors of the current generation: ready evidence."""
        return self._current().indexes.sentences

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

    def _rank(self, indexes: Indexes, query: str, mode: SearchMode, wanted: int, filters: Filters) -> Ranking:
        if mode == "bm25":
            return rank_by_words(indexes, query, wanted, filters)
        vector = self.encode(query)
        if mode == "dense":
            return rank_by_meaning(indexes, vector, wanted, filters)
        return rank_by_both(indexes, query, vector, wanted, filters, self._fusion)

    def _hits(self, ranking: Ranking, top: int) -> tuple[Hit, ...]:
        """The first ``top`` of ``ranking`` that are still in the store."""
        hits: list[Hit] = []
        for start in range(0, len(ranking.keys), top + 10):
            chunk = [int(key) for key in ranking.keys[start : start + top + 10]]
            articles = self._store.get_by_keys(chunk)
            for position, key in enumerate(chunk, start=start):
                if key not in articles:  # deleted since the index was built
                    continue
                components = tuple(
                    Component(name, int(ranking.ranks[name][position]), round(float(scores[position]), 6))
                    for name, scores in ranking.components.items()
                )
                hits.append(_hit(articles[key], len(hits) + 1, float(ranking.scores[position]), components))
                if len(hits) == top:
                    return tuple(hits)
        return tuple(hits)

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
        indexes=Indexes(
            words=TantivyIndex.open(generation.words),
            vectors=FaissIndex.load(generation.vectors),
            sentences=SentenceVectors.open(generation.sentences, generation.manifest.dimension),
        ),
    )


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
