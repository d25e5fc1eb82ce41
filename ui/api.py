"""The Python door, for notebooks and scripts; the command line and the page go through it too.

    from pubmed_rag.ui.api import open_library

    library = open_library("my-library")
    library.search("beta blockers in heart failure", top=5).to_frame()
    print(library.ask("Do beta blockers reduce mortality in heart failure?").answer)

Opening loads nothing heavy: models and indexes are loaded when first needed and then kept.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable, Sequence
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Self

from pubmed_rag.core.errors import UsageError
from pubmed_rag.core.library import LibraryPaths
from pubmed_rag.core.progress import SILENT, Progress
from pubmed_rag.core.records import Article, BuildReport, Filters, IngestReport, SearchMode, SearchResult
from pubmed_rag.core.settings import Settings, load_settings
from pubmed_rag.core.store import ArticleStore, ChangeKind, SavedQuery, StoreCounts, UpdateRecord
from pubmed_rag.ui.api_answers import Answering
from pubmed_rag.ui.api_eval import (
    challenge,
    compare,
    evaluate,
    evaluate_answers,
    fetch_dataset,
    language_models,
    leaderboard,
)

if TYPE_CHECKING:
    from pubmed_rag.core.mesh_store import MeshInfo
    from pubmed_rag.index.build import BuildOptions
    from pubmed_rag.index.embedder import Embedder
    from pubmed_rag.index.generation import Generation, Manifest
    from pubmed_rag.index.import_embeddings import ImportedEmbeddings
    from pubmed_rag.index.pubmed_search import Sort
    from pubmed_rag.index.search import Searcher
    from pubmed_rag.ingest.bulk import BulkReport
    from pubmed_rag.ingest.entrez import EntrezClient
    from pubmed_rag.ingest.entrez_live import LiveFound, LiveSort
    from pubmed_rag.ingest.entrez_preview import EntrezPreview
    from pubmed_rag.ingest.files import FilesReport
    from pubmed_rag.ingest.update import ChangedArticle, UpdateReport
    from pubmed_rag.rag.endpoint import EndpointEngine
    from pubmed_rag.rag.process_engine import ProcessEngine
    from pubmed_rag.ui.training import TrainedRanker

__all__ = [
    "Library",
    "challenge",
    "compare",
    "evaluate",
    "evaluate_answers",
    "fetch_dataset",
    "leaderboard",
    "open_library",
    "preview_query",
]


class Library(Answering):
    """A library of articles with its index. Use :func:`open_library`, or as a context manager.

    One object may be used from several threads.
    """

    def __init__(self, settings: Settings, *, create: bool = False, progress: Progress = SILENT) -> None:
        self.settings = settings
        self.paths = LibraryPaths(settings.library.expanduser().resolve())
        self.store = ArticleStore(self.paths, create=create)
        self._progress = progress
        self._lock = threading.RLock()
        self._embedder: Embedder | None = None
        self._engines: dict[str, ProcessEngine | EndpointEngine] = {}
        self._searcher: Searcher | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def close(self) -> None:
        """End the model's process and close the store. The object must not be used afterwards."""
        with self._lock:
            for engine in self._engines.values():
                engine.close()
            self._engines.clear()
        self.store.close()

    # -- reading -----------------------------------------------------------------------------------

    def search(
        self,
        query: str,
        *,
        mode: SearchMode | None = None,
        top: int | None = None,
        filters: Filters | None = None,
        skip: int = 0,
        sort: Sort = "relevance",
        strict: bool = True,
        explain: bool = False,
        fusion: str | None = None,
        rerank: str | None = None,
    ) -> SearchResult:
        """The best ``top`` articles for ``query`` after the first ``skip``; mode and number default to the settings.

        With mode ``pubmed`` the query is in PubMed's language: ``sort`` may be ``"date"`` or ``"entered"`` as well,
        ``strict=False`` passes over mistakes in silence as PubMed does, ``explain`` counts what each clause matches.
        Mode ``hybrid`` takes ``fusion`` (``"sum"`` or ``"rrf"``) and ``rerank`` (``"learned"``, ``"likelihood"``,
        ``"cross:NAME"`` or ``"none"``), which default to the settings.
        """
        from pubmed_rag.index.search import as_mode

        return self.searcher.search(
            query,
            mode=mode or as_mode(self.settings.search.mode),
            top=self.settings.search.top if top is None else top,
            filters=filters,
            skip=skip,
            sort=sort,
            strict=strict,
            explain=explain,
            fusion=fusion,
            rerank=rerank,
        )

    def similar(self, article_id: str, *, top: int | None = None, filters: Filters | None = None) -> SearchResult:
        """The articles most like one of the library. Raises :class:`UnknownArticleError`."""
        return self.searcher.similar(article_id, top=self.settings.search.top if top is None else top, filters=filters)

    def search_live(
        self, query: str, *, top: int = 200, sort: LiveSort = "relevance", filters: Filters | None = None
    ) -> LiveFound:
        """What PubMed itself finds today, under the same filters. The query is sent there. Raises ``RemoteError``."""
        from pubmed_rag.ingest.entrez_live import search_live

        return search_live(self._entrez_now(), query, top=top, sort=sort, filters=filters)

    def records_live(self, pmids: Iterable[str]) -> dict[str, Article]:
        """Records by PMID as PubMed has them, which are shown and not added. Raises ``RemoteError``."""
        from pubmed_rag.ingest.entrez_live import records_live

        return records_live(self._entrez_now(), pmids)

    def article(self, article_id: str) -> Article:
        """One article. Raises :class:`UnknownArticleError`."""
        return self.store.get(article_id)

    def counts(self) -> StoreCounts:
        """How many articles there are, and of which kinds."""
        return self.store.counts()

    # -- writing -----------------------------------------------------------------------------------

    def ingest_files(self, paths: Iterable[Path], *, ids_are_pmids: bool = False, fresh: bool = False) -> FilesReport:
        """Add what files hold or name, told apart by content: PubMed XML, MEDLINE text, BEIR corpora, and RIS,
        tables and lists with PMIDs or DOIs, which are fetched from PubMed (anew if ``fresh``).
        """
        from pubmed_rag.ingest.files import ingest_files

        return ingest_files(
            list(paths),
            self.store,
            progress=self._progress,
            ids_are_pmids=ids_are_pmids,
            pubmed=self._entrez,
            fresh=fresh,
        )

    def ingest_entrez(
        self,
        query: str,
        *,
        maximum: int | None = None,
        since: date | None = None,
        until: date | None = None,
        fresh: bool = False,
    ) -> IngestReport:
        """Add what PubMed finds for ``query``. ``since`` and ``until`` (included) limit the entry date.

        A run that was interrupted continues, unless ``fresh``.
        """
        from pubmed_rag.ingest.entrez import ingest_entrez

        return ingest_entrez(
            query,
            self.store,
            self._entrez(),
            maximum=maximum,
            since=since,
            until=until,
            fresh=fresh,
            progress=self._progress,
        )

    def ingest_bulk(
        self,
        source: str | Path,
        *,
        subset: Sequence[str] = (),
        keep_files: bool = False,
        jobs: int = 0,
        again: bool = False,
    ) -> BulkReport:
        """Add NLM's bulk files from a folder or address, or ``"nlm"``; only new ones, unless ``again``.

        ``subset`` is conditions such as ``"years=2015-2024"``; ``jobs`` processes parse (0: one a processor).
        """
        from pubmed_rag.ingest.bulk import ingest_bulk
        from pubmed_rag.ingest.subset import parse_subset

        return ingest_bulk(
            str(source),
            self.store,
            downloads=self.paths.downloads,
            subset=parse_subset(subset) if subset else None,
            keep_files=keep_files,
            jobs=jobs,
            again=again,
            progress=self._progress,
        )

    def ingest_mesh(self, files: Sequence[Path] = (), *, address: str | None = None) -> MeshInfo:
        """Bring MeSH into the library from NLM's files, or from NLM (or ``address``) where none are given."""
        from pubmed_rag.ingest.mesh_ingest import ingest_mesh

        return ingest_mesh(files, self.paths, today=date.today(), address=address, progress=self._progress)

    def update(self) -> UpdateReport:
        """Bring in what is new or revised for the saved queries and bulk sources. Look at ``errors``."""
        from pubmed_rag.ingest.update import update

        return update(self.store, self._entrez, downloads=self.paths.downloads, progress=self._progress)

    def saved(self) -> tuple[list[SavedQuery], tuple[str, ...]]:
        """The queries and the bulk sources that :meth:`update` asks again."""
        from pubmed_rag.ingest.update import bulk_sources

        return self.store.saved_queries(), bulk_sources(self.store)

    def forget(self, which: str) -> str:
        """Do not ask a query or source again, given by its text or its number (from 1, queries first).

        Its articles stay. Returns its text. Raises :class:`UsageError` where there is no such thing.
        """
        from pubmed_rag.ingest.update import forget

        return forget(self.store, which)

    def changes(self, kind: ChangeKind, number: int | None = None) -> tuple[ChangedArticle, ...]:
        """The articles of one ``kind`` that an update changed: the latest update, or that of ``number``."""
        from pubmed_rag.ingest.update import changed_articles

        record = self.update_record(number)
        return tuple(changed_articles(self.store, kind, record.since, record.until))

    def update_record(self, number: int | None = None) -> UpdateRecord:
        """An update by its number, or the latest. Raises :class:`UsageError` where there is no such update."""
        updates = self.store.updates()
        if not updates:
            raise UsageError("this library has not been updated yet", remedy="do it with 'pubmed-rag update'")
        found = [record for record in updates if number in (None, record.number)]
        if not found:
            known = f"{updates[0].number} to {updates[-1].number}" if len(updates) > 1 else str(updates[0].number)
            raise UsageError(f"there is no update {number}", remedy=f"known: {known}")
        return found[-1]

    def build_index(self, options: BuildOptions | None = None) -> BuildReport:
        """A new index generation from all articles; vectors computed before are reused."""
        from pubmed_rag.index.build import build_index

        return build_index(
            self.paths, self.store, self._embedder_to_build(options), options=options, progress=self._progress
        )

    def update_index(self, options: BuildOptions | None = None) -> BuildReport:
        """Bring the index up to date at the cost of what changed."""
        from pubmed_rag.index.build import update_index

        return update_index(
            self.paths, self.store, self._embedder_to_build(options), options=options, progress=self._progress
        )

    def import_embeddings(self, folder: Path, *, model: str = "medcpt") -> ImportedEmbeddings:
        """Take article vectors computed elsewhere, as those of ``model``, from a folder laid out as NCBI's.

        An index is then made of them by ``build_index(BuildOptions(from_embeddings=True))`` with the setting
        ``models.embedder`` naming the same model.
        """
        from pubmed_rag.core.models import find_model
        from pubmed_rag.index.import_embeddings import import_embeddings

        spec = find_model(model, "embedder")
        if spec is None:
            from pubmed_rag.core.model_store import ModelStore
            from pubmed_rag.index.embedder import load_embedder

            loaded = load_embedder(model, ModelStore(self.settings.models.directory))
            name, revision, normalised = loaded.name, loaded.revision, loaded.normalised
        else:
            name, revision, normalised = spec.name, spec.revision, spec.encoding.similarity != "dot"
        return import_embeddings(
            self.paths,
            self.store,
            folder,
            name=name,
            revision=revision,
            normalised=normalised,
            progress=self._progress,
        )

    def train_ranker(self, dataset: str | Path, *, split: str = "train", seed: int = 0) -> TrainedRanker:
        """Train the library's ranker on a collection's judgements; ``rerank="learned"`` then uses it."""
        from pubmed_rag.ui.training import train_ranker

        return train_ranker(
            self.paths,
            Path(dataset),
            split,
            lambda: self.embedder,
            collections=self.settings.collections.expanduser(),
            seed=seed,
            progress=self._progress,
        )

    # -- parts, loaded when first needed -----------------------------------------------------------

    @property
    def searcher(self) -> Searcher:
        """Search over the current index; follows when the library switches to a new one."""
        with self._lock:
            if self._searcher is None:
                from pubmed_rag.index.fusion import Fusion, as_fusion_method
                from pubmed_rag.index.search import Searcher

                search = self.settings.search
                self._searcher = Searcher(
                    self.paths,
                    self.store,
                    lambda: self.embedder,
                    fusion=Fusion(as_fusion_method(search.fusion)),
                    rerank=search.rerank,
                    language_model=language_models(self.settings),
                )
            return self._searcher

    @property
    def embedder(self) -> Embedder:
        """The embedding model of the settings."""
        with self._lock:
            if self._embedder is None:
                from pubmed_rag.core.model_store import ModelStore
                from pubmed_rag.index.embedder import load_embedder

                models = self.settings.models
                self._embedder = load_embedder(models.embedder, ModelStore(models.directory))
            return self._embedder

    def _embedder_to_build(self, options: BuildOptions | None) -> Embedder:
        if options is None or not options.from_embeddings:
            return self.embedder
        from pubmed_rag.core.models import find_model
        from pubmed_rag.index.cache import cached_model

        name = self.settings.models.embedder
        spec = find_model(name, "embedder")
        if spec is not None:
            return cached_model(self.paths.embeddings, name, spec.revision)
        return cached_model(self.paths.embeddings, Path(name).stem if name.endswith(".json") else name)

    def manifest(self) -> Manifest:
        """What the current index is made of. Raises :class:`IndexMissingError`."""
        from pubmed_rag.index.generation import current_generation

        return current_generation(self.paths).manifest

    def generations(self) -> list[Generation]:
        """The index generations kept, newest first; :meth:`manifest` is that of the one in use."""
        from pubmed_rag.index.generation import kept_generations

        return kept_generations(self.paths)

    def switch_index(self, name: str) -> Manifest:
        """Search in the kept generation ``name`` from now on. Raises :class:`UsageError` where there is none."""
        from pubmed_rag.index.generation import switch

        return switch(self.paths, name).manifest

    def _entrez_now(self) -> EntrezClient:
        from pubmed_rag.ingest.entrez import EntrezClient
        from pubmed_rag.ingest.entrez_live import impatient

        return EntrezClient(impatient(self.settings.entrez))

    def _entrez(self) -> EntrezClient:
        from pubmed_rag.ingest.entrez import EntrezClient

        return EntrezClient(self.settings.entrez)


def open_library(
    path: str | Path | None = None,
    *,
    create: bool = False,
    settings: Settings | None = None,
    progress: Progress = SILENT,
) -> Library:
    """Open the library at ``path``, or the one of the settings (``PUBMED_RAG_LIBRARY``, or the default place).

    Raises :class:`LibraryNotFoundError` where there is none, unless ``create``.
    """
    chosen = settings or load_settings(os.environ)
    if path is not None:
        chosen = chosen.with_library(Path(path))
    return Library(chosen, create=create, progress=progress)


def preview_query(
    query: str,
    *,
    since: date | None = None,
    until: date | None = None,
    maximum: int | None = None,
    settings: Settings | None = None,
) -> EntrezPreview:
    """What PubMed makes of ``query``, how much it finds, and what fetching it would take. Fetches nothing."""
    from pubmed_rag.ingest.entrez import EntrezClient
    from pubmed_rag.ingest.entrez_preview import preview

    chosen = settings or load_settings(os.environ)
    return preview(query, EntrezClient(chosen.entrez), since=since, until=until, maximum=maximum)
