"""What a challenge needs of a collection while its systems run: an index to ask, texts to show, PubMed on a wire."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Protocol

import msgspec

from pubmed_rag.core.errors import UsageError
from pubmed_rag.core.library import LibraryPaths
from pubmed_rag.core.progress import SILENT, Progress
from pubmed_rag.core.records import Article
from pubmed_rag.core.store import ArticleStore
from pubmed_rag.eval.append import AppendedFile
from pubmed_rag.eval.challenge_config import CollectionSpec
from pubmed_rag.eval.collections import Collection, CorpusLoader
from pubmed_rag.eval.failures import Texts
from pubmed_rag.eval.provenance import ranking_code_digest
from pubmed_rag.eval.pubmed_live import LiveSearch, RecordedLive
from pubmed_rag.eval.query_groups import MeshMatch
from pubmed_rag.eval.rewriting import TextGenerator, keywords
from pubmed_rag.eval.systems import Engine, System, SystemContext, SystemSpec, make_system
from pubmed_rag.eval.workspace import NO_MESH, WITHOUT_MESH, collection_library, left_out, prepare, whole_texts
from pubmed_rag.index.build import BuildOptions
from pubmed_rag.index.embedder import Embedder
from pubmed_rag.index.generation import Manifest, current_generation
from pubmed_rag.index.likelihood import LanguageModel
from pubmed_rag.index.search import Searcher, no_language_model

_BEGINNING = 90
_LOOKED_AT = 50_000
_MANY = 0.05
"""The share of documents that lack something from which on a reader is told."""


@dataclass(frozen=True, slots=True)
class Bench:
    """An open collection. ``make`` gives a declared system; ``texts`` titles and texts of documents.

    ``translate`` says how the emulated PubMed reads a query, ``mesh_match`` whether MeSH knows a term of a
    text; both give ``None`` where that cannot be said. ``live_dates`` are those of the first and last answer
    recorded from PubMed itself. ``documents`` counts the corpus; 0 where there is none.
    """

    make: Callable[[SystemSpec], System]
    texts: Texts
    translate: Callable[[str], str | None]
    mesh_match: MeshMatch
    documents: int
    left_out: tuple[str, ...] = ()
    has_generator: bool = False
    live_dates: Callable[[], tuple[str, str] | None] = field(default=lambda: None)


@dataclass(frozen=True, slots=True)
class OpenedLibrary:
    """Somebody's own library that is open already."""

    paths: LibraryPaths
    store: ArticleStore
    searcher: Searcher
    manifest: Manifest


class Workshop(Protocol):
    """Opens collections for a challenge."""

    def open(self, collection: Collection, spec: CollectionSpec) -> AbstractContextManager[Bench]:
        """The collection, indexed and ready. Raises what ingesting and building raise."""


def bare_bench(live: RecordedLive | None = None, documents: tuple[str, ...] = ()) -> Bench:
    """For a collection without texts: PubMed itself and runs made elsewhere are all that can be asked."""
    context = SystemContext(None, None, live=live, documents=documents)
    return Bench(
        make=lambda spec: make_system(spec, context),
        texts=lambda _: {},
        translate=lambda _: None,
        mesh_match=lambda _: None,
        documents=0,
        live_dates=live.dates if live else lambda: None,
    )


class LibraryWorkshop:
    """Collections as libraries of their own under ``root``, built by the product's code and searched through its door.

    ``live`` is PubMed itself, or ``None`` to replay what was recorded under ``record``. ``encoder`` loads
    another encoder by name; each has a library of its own, so that none is built twice. ``language_model`` loads the
    one by which a system re-ranks. ``set_up`` brings in what a library has beside articles (MeSH), and says what that
    is, for the configuration of what depends on it.
    ``opened`` serves collections that name its library, so that no index is loaded twice.
    """

    def __init__(
        self,
        root: Path,
        load_corpus: CorpusLoader,
        embedder: Embedder,
        *,
        record: Path,
        live: LiveSearch | None = None,
        generator: TextGenerator | None = None,
        encoder: Callable[[str], Embedder] | None = None,
        language_model: Callable[[str], LanguageModel] = no_language_model,
        set_up: Callable[[LibraryPaths], Mapping[str, str]] | None = None,
        opened: OpenedLibrary | None = None,
        progress: Progress = SILENT,
    ) -> None:
        self._opened = opened
        self._root = root
        self._load_corpus = load_corpus
        self._embedder = embedder
        self._record = record
        self._live = live
        self._generator = generator
        self._encoder = encoder
        self._language_model = language_model
        self._set_up = set_up
        self._progress = progress

    @contextmanager
    def open(self, collection: Collection, spec: CollectionSpec) -> Iterator[Bench]:
        live = RecordedLive(self._record / "pubmed.jsonl", self._live) if spec.pmids else None
        documents = tuple(sorted({qrel.doc_id for qrel in collection.qrels}, key=lambda doc: (len(doc), doc)))
        if not collection.corpus and not spec.library:
            yield bare_bench(live, documents)
            return
        with ExitStack() as stack:
            store, engine, index = self._library(stack, collection, spec, self._embedder, "")
            vocabulary: Mapping[str, str] = {}
            if spec.library:
                vocabulary = {"mesh": "the library's"}
            elif self._set_up:
                vocabulary = self._set_up(collection_library(collection, self._root))
            if live is not None:
                documents = tuple(stored.article.id for stored in store.articles())
            context = SystemContext(
                engine=engine,
                index=index,
                vocabulary=vocabulary,
                live=live,
                documents=documents if live else (),
                generator=self._generator,
                memory=self._record / "rewritten.jsonl",
                encoders=lambda name: self._other(stack, collection, spec, name),
                texts=lambda: whole_texts(store),
            )
            translations = Translations(engine, self._record / "translations.jsonl", {**vocabulary, **_facts(index)})
            yield Bench(
                make=lambda declared: make_system(declared, context),
                texts=lambda ids: _texts(store, ids),
                translate=translations,
                mesh_match=lambda text: _mesh_match(translations, text),
                documents=index.articles,
                left_out=(*left_out(collection, store), *bare_records(store), *_without_mesh(vocabulary)),
                has_generator=self._generator is not None,
                live_dates=live.dates if live else lambda: None,
            )

    def _library(
        self, stack: ExitStack, collection: Collection, spec: CollectionSpec, embedder: Embedder, variant: str
    ) -> tuple[ArticleStore, Searcher, Manifest]:
        if spec.library and not variant:
            paths = LibraryPaths(Path(spec.library).expanduser())  # somebody's own: searched as it is
            if self._opened and self._opened.paths.root == paths.root:
                return self._opened.store, self._opened.searcher, self._opened.manifest
        else:
            paths = prepare(
                collection,
                self._root,
                self._load_corpus,
                embedder,
                self._progress,
                options=BuildOptions(with_sentences=spec.sentences),
                variant=variant,
            )
        store = stack.enter_context(ArticleStore(paths))
        searcher = Searcher(paths, store, lambda: embedder, language_model=self._language_model)
        return store, searcher, current_generation(paths).manifest

    def _other(
        self, stack: ExitStack, collection: Collection, spec: CollectionSpec, name: str
    ) -> tuple[Engine, Manifest]:
        if self._encoder is None or not collection.corpus:
            raise UsageError(f"'{collection.name}' cannot be indexed with another encoder here")
        variant = f"{Path(name).name}-{hashlib.sha256(name.encode()).hexdigest()[:6]}"
        _, engine, index = self._library(stack, collection, spec, self._encoder(name), variant)
        return engine, index


def _without_mesh(vocabulary: Mapping[str, str]) -> tuple[str, ...]:
    return (WITHOUT_MESH,) if vocabulary == NO_MESH else ()


def bare_records(store: ArticleStore) -> tuple[str, ...]:
    """What records of the corpus lack that PubMed's have; of a large corpus, among the first :data:`_LOOKED_AT`."""
    total = headed = dated = 0
    for stored in islice(store.articles(), _LOOKED_AT):
        total += 1
        headed += bool(stored.article.mesh)
        dated += stored.article.year is not None
    notes = []
    if total - headed > _MANY * total:
        notes.append(
            f"{_share(total - headed, total)} carry no MeSH headings, which PubMed's search maps words to: the "
            "emulation can find the words of those only, and PubMed itself might find more"
        )
    if total - dated > _MANY * total:
        notes.append(
            f"{_share(total - dated, total)} carry no date: 'newest first' is an order by chance among them, and "
            "recency has no say"
        )
    return tuple(notes)


def _share(part: int, whole: int) -> str:
    return "the documents" if part == whole else f"{part:,} of {whole:,} documents"


def _texts(store: ArticleStore, ids: Sequence[str]) -> Mapping[str, tuple[str, str]]:
    return {doc_id: (_name(article), article.text) for doc_id, article in store.get_many(ids).items()}


def _name(article: Article) -> str:
    """The title, or the beginning of the text of an article that came without one."""
    return article.display_title() if article.title else f"{article.text[:_BEGINNING].rstrip()} …"


class _Translated(msgspec.Struct, frozen=True):
    """How one query was read; a line of the file."""

    key: str
    translation: str | None


class Translations:
    """How the emulated PubMed reads queries, each asked once and kept, so that a report from cache asks nothing.

    ``facts`` are what a translation depends on beside the query: code, vocabulary, index.
    """

    def __init__(self, engine: Engine, path: Path, facts: Mapping[str, str]) -> None:
        self._engine = engine
        self._facts = msgspec.json.encode(facts, order="deterministic")
        self._file = AppendedFile(path, _Translated)
        self._known = {item.key: item.translation for item in self._file.read()}

    def __call__(self, query: str) -> str | None:
        """The translation in PubMed's notation; ``None`` where it cannot be said."""
        key = hashlib.sha256(self._facts + query.encode()).hexdigest()[:20]
        if key not in self._known:
            self._known[key] = self._engine.search(query, mode="pubmed", top=1, strict=False).translation
            self._file.append(_Translated(key, self._known[key]))
        return self._known[key]


def _facts(index: Manifest) -> Mapping[str, str]:
    return {"code": ranking_code_digest(), "index": index.created, "generation": index.generation}


def _mesh_match(translations: Translations, text: str) -> bool | None:
    """Whether the emulated PubMed maps a part of ``text`` to a heading. ``None`` where it has no MeSH to map to."""
    translation = translations(" ".join(keywords(text)))
    return None if translation is None else "[mesh" in translation.casefold()
