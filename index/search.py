"""The one door to retrieval: the product, the page and the evaluation all search through it."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import get_args

from pubmed_rag.core.article import Journal
from pubmed_rag.core.errors import LibraryError, UsageError
from pubmed_rag.core.library import LibraryPaths
from pubmed_rag.core.mesh_store import MeshStore
from pubmed_rag.core.records import Article, Component, Filters, Hit, SearchMode, SearchResult
from pubmed_rag.core.store import ArticleStore
from pubmed_rag.core.text import normalise
from pubmed_rag.index.embedder import Embedder, check_same_model
from pubmed_rag.index.fusion import Fusion, as_fusion_method, ranks
from pubmed_rag.index.generation import Generation, current_generation, current_name
from pubmed_rag.index.letters import LettersReranker
from pubmed_rag.index.likelihood import LanguageModel
from pubmed_rag.index.pubmed_mode import LibraryMesh, PubmedFound, search_pubmed
from pubmed_rag.index.pubmed_search import Sort
from pubmed_rag.index.ranker import RankerManifest
from pubmed_rag.index.ranking import Indexes, Ranking, rank_by_both, rank_by_meaning, rank_by_words, ranking_of_words
from pubmed_rag.index.rerank import Candidates, CrossEncoderReranker, Reranker, candidates_of, reranked
from pubmed_rag.index.rerankers import Rerankers
from pubmed_rag.index.sentence_vectors import SentenceVectors
from pubmed_rag.index.similar import similar
from pubmed_rag.index.spelling import suggest
from pubmed_rag.index.vectors import FaissIndex, Vectors
from pubmed_rag.index.words import TantivyIndex

log = logging.getLogger(__name__)

MODES: tuple[SearchMode, ...] = ("pubmed", "bm25", "dense", "hybrid")
SORTS: tuple[Sort, ...] = get_args(Sort)
_MOST_SIMILAR = 1001
_LONGEST_SPELT = 40
"""Words. Longer queries were put together with care, or are whole abstracts."""
_WITHOUT_MODEL = frozenset({"pubmed", "bm25"})


def no_language_model(name: str) -> LanguageModel:
    """What a searcher has that was given none. Raises :class:`UsageError`."""
    raise UsageError(f"no language model {name!r} is set up for this search", remedy="leave out the likelihood")


@dataclass(frozen=True, slots=True)
class _Loaded:
    generation: Generation
    indexes: Indexes
    words: TantivyIndex
    vectors: FaissIndex


@dataclass(frozen=True, slots=True)
class _Hybrid:
    fusion: Fusion
    reranker: Reranker | None


class Searcher:
    """Search over the current generation of a library; follows when the library switches to a new one.

    The embedder is needed for ``dense`` and ``hybrid`` only, so it comes as a function that is called at the first
    need, as the ``language_model`` of ``rerank="likelihood"`` does. ``ranker`` is the folder of a learned ranker for a
    library that has none of its own.
    One object may serve several threads.
    """

    def __init__(
        self,
        paths: LibraryPaths,
        store: ArticleStore,
        embedder: Callable[[], Embedder],
        *,
        fusion: Fusion | None = None,
        rerank: str = "",
        cross_encoder: Callable[[str], Reranker] = CrossEncoderReranker,
        language_model: Callable[[str], LanguageModel] = no_language_model,
        ranker: Path | None = None,
        today: Callable[[], date] = date.today,
    ) -> None:
        self._paths = paths
        self._store = store
        self._embedder_source = embedder
        self._fusion = fusion or Fusion()
        self._rerank = rerank
        self._rerankers = Rerankers(paths, cross_encoder, language_model, ranker)
        self._today = today
        self._lock = threading.Lock()
        self._loaded: _Loaded | None = None
        self._mesh: tuple[tuple[int, int], LibraryMesh] | None = None

    def search(
        self,
        query: str,
        *,
        mode: SearchMode = "hybrid",
        top: int = 10,
        filters: Filters | None = None,
        skip: int = 0,
        sort: Sort = "relevance",
        strict: bool = True,
        explain: bool = False,
        fusion: str | None = None,
        sentences: bool = True,
        rerank: str | None = None,
    ) -> SearchResult:
        """The best ``top`` articles for ``query`` after the first ``skip``; fewer only where fewer match.

        Ranks count from 1 over all pages: hit n is the same whatever ``top`` and ``skip``. Mode ``pubmed`` alone
        takes another ``sort`` than relevance, ``strict`` (refuse mistakes, or pass over them in silence as PubMed
        does) and ``explain`` (count what each clause matches). Mode ``hybrid`` alone takes ``fusion`` (``sum`` or
        ``rrf``), ``sentences`` (use sentence vectors where there are any) and ``rerank`` (``learned``, the library's
        trained ranker; ``likelihood``, by a language model; ``cross:NAME``, a cross-encoder); ``None`` is what this
        searcher was made with.
        Raises :class:`UsageError` for an empty query, ``top`` below 1 or an unknown mode, and what
        loading an index raises. ``took_ms`` leaves out what happens only once: loading index and model.
        """
        if not query.strip():
            raise UsageError("the query is empty")
        if top < 1:
            raise UsageError("--top must be at least 1")
        if skip < 0:
            raise UsageError("--skip must not be negative")
        as_mode(mode)
        if as_sort(sort) != "relevance" and mode != "pubmed":
            raise UsageError(f"sorting by '{sort}' needs --mode pubmed", remedy="the other modes rank by relevance")
        loaded = self._current()
        if mode not in _WITHOUT_MODEL:
            self.embedder()
        how = self._hybrid(loaded, fusion, sentences, rerank) if mode == "hybrid" else None
        started = time.perf_counter()
        # A little more than asked: articles deleted since the index was built are skipped.
        wanted, chosen = skip + top + 10, filters or Filters()
        if mode == "pubmed":
            found = self._pubmed(loaded, query, wanted, chosen, sort, strict, explain)
            ranking = ranking_of_words(found.hits, "pubmed")
        else:
            found = None
            ranking = self._rank(loaded.indexes, query, mode, wanted, chosen, how)
        result = self._result(loaded, query, mode, ranking, skip, top, started)
        if found:
            result = replace(
                result,
                translation=found.translation,
                clauses=found.clauses,
                warnings=(*found.warnings, *result.warnings),
            )
        if how is not None:
            result = replace(result, mixture=how.fusion.mixture())
        if (mode == "pubmed" and result.total) or len(query.split()) > _LONGEST_SPELT:
            return result
        return replace(result, suggestion=suggest(loaded.words, query))

    def similar(self, article_id: str, *, top: int = 10, filters: Filters | None = None) -> SearchResult:
        """The articles most like one of the library, itself left out: by its vector and its telling words.

        Raises :class:`UnknownArticleError`, :class:`UsageError` for ``top`` below 1, and what loading an index
        raises. No model is needed: the article's own vector asks. Of one added since the index was built, the
        words ask alone.
        """
        if top < 1:
            raise UsageError("--top must be at least 1")
        article = self._store.get(article_id)
        key = self._store.keys_of([article_id])[article_id]
        loaded = self._current()
        started = time.perf_counter()
        # All that are compared, so that ranks and total do not depend on how many are asked for.
        found = similar(key, article, loaded.words, loaded.vectors, _MOST_SIMILAR, filters or Filters())
        ranking = Ranking(
            found.keys,
            found.scores,
            found.components,
            {name: ranks(scores) for name, scores in found.components.items()},
            len(found.keys),
        )
        return self._result(loaded, f"articles like {article_id}", "hybrid", ranking, 0, top, started)

    def candidates(self, query: str, most: int) -> Candidates:
        """What a re-ranker would be shown for ``query``: the first ``most`` of ``hybrid`` by the weighted sum."""
        indexes, vector = self.indexes(), self.encode(query)
        fusion = replace(self._fusion, method="sum")
        fusion = fusion if indexes.sentences else fusion.without_sentences()
        shown: list[Candidates] = []

        def look(ranking: Ranking) -> Ranking:
            near = self._by_letters(query, vector, ranking, indexes, fusion)
            shown.append(self._candidates(query, vector, near, min(most, len(near.keys)), indexes))
            return near

        rank_by_both(indexes, query, vector, 1, Filters(), fusion, look)
        return shown[0]

    def learned(self) -> RankerManifest:
        """What is known of the learned ranker that searches use. Raises what loading it raises."""
        return self._rerankers.learned(self._current().generation.manifest).manifest

    def reranker_name(self, rerank: str) -> str:
        """Which one exactly ``rerank`` is at the moment. Raises what loading it raises."""
        reranker = self._rerankers.get(rerank, self._fusion, self._current().generation.manifest)
        return reranker.name if reranker else ""

    def indexes(self) -> Indexes:
        """The engines of the current generation."""
        return self._current().indexes

    def sentence_vectors(self) -> SentenceVectors:
        """The sentence vectors of the current generation: ready evidence."""
        return self.indexes().sentences

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

    def _hybrid(self, loaded: _Loaded, fusion: str | None, sentences: bool, rerank: str | None) -> _Hybrid:
        """How ``hybrid`` ranks this time."""
        chosen = self._fusion if fusion is None else replace(self._fusion, method=as_fusion_method(fusion))
        name = self._rerank if rerank is None else rerank
        reranker = self._rerankers.get(name, chosen, loaded.generation.manifest)
        with_sentences = sentences and loaded.indexes.sentences
        return _Hybrid(chosen if with_sentences else chosen.without_sentences(), reranker)

    def _rank(
        self, indexes: Indexes, query: str, mode: SearchMode, wanted: int, filters: Filters, how: _Hybrid | None
    ) -> Ranking:
        if mode == "bm25":
            return rank_by_words(indexes, query, wanted, filters)
        vector = self.encode(query)
        if mode == "dense" or how is None:
            return rank_by_meaning(indexes, vector, wanted, filters)

        def second_look(ranking: Ranking) -> Ranking:
            near = self._by_letters(query, vector, ranking, indexes, how.fusion)
            if how.reranker is None:
                return near
            return reranked(near, how.reranker, lambda n: self._candidates(query, vector, near, n, indexes))

        return rank_by_both(indexes, query, vector, wanted, filters, how.fusion, second_look)

    def _by_letters(self, query: str, vector: Vectors, ranking: Ranking, indexes: Indexes, fusion: Fusion) -> Ranking:
        if fusion.method != "sum" or not fusion.letters:
            return ranking
        by_letters = LettersReranker(fusion.letters)
        return reranked(ranking, by_letters, lambda n: self._candidates(query, vector, ranking, n, indexes))

    def _candidates(self, query: str, vector: Vectors, ranking: Ranking, n: int, indexes: Indexes) -> Candidates:
        keys = [int(key) for key in ranking.keys[:n]]
        found = self._store.get_by_keys(keys)
        # An article deleted since the index was built keeps its place here and is left out at the end.
        articles = [found.get(key) or Article(id="", title="") for key in keys]
        return candidates_of(query, vector, ranking, articles, indexes)

    def _pubmed(
        self, loaded: _Loaded, query: str, wanted: int, filters: Filters, sort: Sort, strict: bool, explain: bool
    ) -> PubmedFound:
        return search_pubmed(
            query,
            loaded.words,
            self._vocabulary(),
            wanted,
            filters,
            sort=sort,
            strict=strict,
            explain=explain,
            today=self._today(),
        )

    def _vocabulary(self) -> LibraryMesh | None:
        """The library's MeSH; opened anew when it has been replaced."""
        with self._lock:
            try:
                found = self._paths.mesh.stat()
            except FileNotFoundError:
                return None
            stamp = (found.st_ino, found.st_mtime_ns)
            if self._mesh is None or self._mesh[0] != stamp:
                self._mesh = (stamp, LibraryMesh(MeshStore(self._paths.mesh), self._journal))
            return self._mesh[1]

    def _journal(self, name: str) -> Journal | None:
        """The journal of this title, abbreviation or ISSN, if an article of the library appeared in it."""
        key = self._current().words.any_in_journal(name)
        article = None if key is None else self._store.get_by_keys([key]).get(key)
        return article.journal if article else None

    def _result(
        self, loaded: _Loaded, query: str, mode: SearchMode, ranking: Ranking, skip: int, top: int, started: float
    ) -> SearchResult:
        hits = self._hits(ranking, skip + top)[skip:]
        return SearchResult(
            query=query,
            mode=mode,
            hits=hits,
            total=ranking.total,
            took_ms=round((time.perf_counter() - started) * 1000, 1),
            warnings=self._warnings(loaded),
            generation=loaded.generation.manifest.generation,
        )

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


def as_sort(name: str) -> Sort:
    """``name`` as an order of results. Raises :class:`UsageError` with the known ones."""
    for sort in SORTS:
        if sort == name:
            return sort
    raise UsageError(f"unknown order '{name}'", remedy=f"choose one of {', '.join(SORTS)}")


def _load(paths: LibraryPaths) -> _Loaded:
    generation = current_generation(paths)
    generation.require_whole()
    words, vectors = TantivyIndex.open(generation.words), FaissIndex.load(generation.vectors)
    return _Loaded(
        generation=generation,
        words=words,
        vectors=vectors,
        indexes=Indexes(
            words=words,
            vectors=vectors,
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
