"""Build and update the index of a library.

Two steps, so that the long one can be interrupted at no loss: first every text gets its vector in the
embedding cache, group by group; then the generation is put together from the cache in one go.
"""

from __future__ import annotations

import logging
import os
import shutil
import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import metadata
from itertools import islice
from pathlib import Path

import numpy as np

from pubmed_rag.core.errors import IndexCorruptError, IndexMismatchError, IndexMissingError, translate
from pubmed_rag.core.library import LibraryPaths
from pubmed_rag.core.progress import SILENT, Progress
from pubmed_rag.core.records import BuildReport
from pubmed_rag.core.store import ArticleStore, StoredArticle
from pubmed_rag.core.text import normalise
from pubmed_rag.index.cache import EmbeddingCache, text_hash
from pubmed_rag.index.embedder import Embedder
from pubmed_rag.index.generation import (
    FORMAT,
    MANIFEST,
    Generation,
    Manifest,
    current_generation,
    new_generation,
    next_generation_name,
    publish,
)
from pubmed_rag.index.passages import sentences, whole
from pubmed_rag.index.sentence_vectors import SentenceBlock, SentenceVectors, write_segment
from pubmed_rag.index.vectors import FaissIndex
from pubmed_rag.index.words import write_words

log = logging.getLogger(__name__)

_GROUP = 128
"""Articles embedded and committed together. Fixed and counted from the first article, so that a
resumed run encodes the very same batches as an undisturbed one."""

_WORDS_ANEW = 20_000
"""Up to so many articles an update that replaces or deletes writes the words anew (about 3 s): tantivy counts
deleted articles in its word statistics until it merges them away, and scores would drift from a fresh build's."""

_ANALYZER = "simple+lower+fold+stop130+snowball-english/1, exact simple+lower+fold/1"
_PACKAGES = ("pubmed-rag", "faiss-cpu", "tantivy", "sentence-transformers", "torch")


@dataclass(frozen=True, slots=True)
class BuildOptions:
    """``factory`` is a FAISS factory string; ``with_sentences`` stores sentence vectors as well."""

    factory: str = "Flat"
    with_sentences: bool = True


def build_index(
    paths: LibraryPaths,
    store: ArticleStore,
    embedder: Embedder,
    *,
    options: BuildOptions | None = None,
    progress: Progress = SILENT,
) -> BuildReport:
    """Build a new generation from all articles and switch to it. Vectors already in the cache are reused.

    Until the last rename the previous generation serves; a killed build leaves it untouched. What others
    ingest meanwhile waits for the next update.
    Raises :class:`IndexMissingError` for an empty library, :class:`LibraryBusyError`, :class:`StorageError`.
    """
    with _storage_errors(), paths.index_lock(), store.snapshot():
        return _build(paths, store, embedder, options or BuildOptions(), progress)


def update_index(
    paths: LibraryPaths,
    store: ArticleStore,
    embedder: Embedder,
    *,
    options: BuildOptions | None = None,
    progress: Progress = SILENT,
) -> BuildReport:
    """Bring the index up to date at the cost of what changed; build it where it cannot be updated.

    With nothing to do the current generation stays and the report names it with zero texts.
    """
    with _storage_errors(), paths.index_lock(), store.snapshot():
        return _update(paths, store, embedder, options or BuildOptions(), progress)


def _build(
    paths: LibraryPaths, store: ArticleStore, embedder: Embedder, options: BuildOptions, progress: Progress
) -> BuildReport:
    started = time.monotonic()
    sequence = store.last_sequence()
    total = store.counts().articles
    if not total:
        raise IndexMissingError(
            f"the library in {paths.root} has no articles", remedy="add some with 'pubmed-rag ingest'"
        )
    with EmbeddingCache(paths.embeddings, embedder) as cache, new_generation(paths) as directory:
        counter = _embed(store.articles, total, embedder, cache, options, progress)
        index = FaissIndex.empty(embedder.dimension, options.factory)
        if not index.trained:
            index.train(cache.get([text_hash(_text_of(stored)) for stored in store.articles()]))
        sentence_count = _assemble(directory, index, store.articles, total, cache, options, progress, segment=0)
        manifest = _manifest(directory, embedder, options, total, sentence_count, sequence)
        generation = publish(paths, directory, manifest)
    return _report(generation, counter, started)


def _update(
    paths: LibraryPaths, store: ArticleStore, embedder: Embedder, options: BuildOptions, progress: Progress
) -> BuildReport:
    started = time.monotonic()
    try:
        generation = current_generation(paths)
        generation.require_whole()
    except (IndexMissingError, IndexCorruptError, IndexMismatchError) as error:
        progress.note(f"building anew: {error.message}")
        return _build(paths, store, embedder, options, progress)
    old = generation.manifest
    if not _fits(old, embedder, options):
        progress.note("building anew: the model or the format has changed")
        return _build(paths, store, embedder, options, progress)
    sequence = store.last_sequence()
    if sequence == old.sequence:
        return BuildReport(old.generation, old.articles, 0, 0, round(time.monotonic() - started, 3))
    with EmbeddingCache(paths.embeddings, embedder) as cache, new_generation(paths) as directory:
        changed_total = store.count_changed_since(old.sequence)

        def changed() -> Iterator[StoredArticle]:
            return store.changed_since(old.sequence, order="key")

        counter = _embed(changed, changed_total, embedder, cache, options, progress)
        _link_tree(generation.directory, directory)
        deleted = store.deleted_since(old.sequence)
        index = FaissIndex.load(generation.vectors)
        gone = np.array([*deleted, *(stored.key for stored in changed())], np.int64)
        outdated = index.remove(gone)
        segment = len(list(generation.sentences.iterdir())) if generation.sentences.is_dir() else 0
        replaced = SentenceVectors.open(generation.sentences, old.dimension).count_of(gone)
        anew = None
        if outdated and index.count() + changed_total <= _WORDS_ANEW:
            shutil.rmtree(directory / "words")
            anew = store.articles
        added = _assemble(
            directory,
            index,
            changed,
            changed_total,
            cache,
            options,
            progress,
            segment=segment,
            delete=gone.tolist(),
            words=anew,
        )
        manifest = _manifest(directory, embedder, options, index.count(), old.sentences - replaced + added, sequence)
        fresh = publish(paths, directory, manifest)
    return _report(fresh, counter, started)


@contextmanager
def _storage_errors() -> Iterator[None]:
    """A full or read-only disk shows itself in many places while building; all say it in the same words."""
    try:
        yield
    except (OSError, sqlite3.Error) as error:
        known = translate(error)
        if known is None:
            raise
        raise known from error


@dataclass(slots=True)
class _Counter:
    embedded: int = 0
    reused: int = 0


def _embed(
    articles: Callable[[], Iterable[StoredArticle]],
    total: int,
    embedder: Embedder,
    cache: EmbeddingCache,
    options: BuildOptions,
    progress: Progress,
) -> _Counter:
    counter = _Counter()
    with progress.task("embedding", total, "articles") as task:
        for group in _groups(articles(), _GROUP):
            texts = {text_hash(text): text for stored in group for text in _texts_of(stored, options)}
            missing = cache.missing(list(texts))
            if missing:
                # Neighbours of like length waste least on padding.
                ordered = sorted(missing, key=lambda item: (len(texts[item]), item))
                cache.put(ordered, embedder.encode_passages([texts[item] for item in ordered]))
            counter.embedded += len(missing)
            counter.reused += len(texts) - len(missing)
            task.advance(len(group))
    return counter


def _assemble(
    directory: Path,
    index: FaissIndex,
    articles: Callable[[], Iterable[StoredArticle]],
    total: int,
    cache: EmbeddingCache,
    options: BuildOptions,
    progress: Progress,
    *,
    segment: int,
    delete: Sequence[int] = (),
    words: Callable[[], Iterable[StoredArticle]] | None = None,
) -> int:
    with progress.task("indexing", total, "articles") as task:
        for group in _groups(articles(), 4096):
            keys = np.array([stored.key for stored in group], np.int64)
            index.add(keys, cache.get([text_hash(_text_of(stored)) for stored in group]))
        index.save(directory / "vectors.faiss")
        if words is None:
            write_words(directory / "words", articles(), delete=delete)
        else:
            write_words(directory / "words", words())
        count = 0
        if options.with_sentences:
            count = write_segment(directory / "sentences" / f"{segment:06d}", _blocks(articles(), cache))
        task.advance(total)
    return count


def _blocks(articles: Iterable[StoredArticle], cache: EmbeddingCache) -> Iterator[SentenceBlock]:
    for group in _groups(articles, _GROUP):
        passages = [(stored.key, sentences(stored.article)) for stored in group]
        vectors = cache.get([text_hash(normalise(s.text)) for _, group_sentences in passages for s in group_sentences])
        first = 0
        for key, found in passages:
            spans = np.array([(s.start, s.end) for s in found], np.int32).reshape(-1, 2)
            yield SentenceBlock(key, spans, vectors[first : first + len(found)])
            first += len(found)


def _texts_of(stored: StoredArticle, options: BuildOptions) -> Iterator[str]:
    yield _text_of(stored)
    if options.with_sentences:
        for sentence in sentences(stored.article):
            yield normalise(sentence.text)


def _text_of(stored: StoredArticle) -> str:
    return normalise(whole(stored.article).text)


def _fits(manifest: Manifest, embedder: Embedder, options: BuildOptions) -> bool:
    return (
        manifest.format == FORMAT
        and manifest.model_revision == embedder.revision
        and manifest.dimension == embedder.dimension
        and manifest.analyzer == _ANALYZER
        and manifest.factory == options.factory
        and bool(manifest.sentences) == options.with_sentences
    )


def _manifest(
    directory: Path, embedder: Embedder, options: BuildOptions, articles: int, sentence_count: int, sequence: int
) -> Manifest:
    return Manifest(
        format=FORMAT,
        generation=next_generation_name(directory),
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        articles=articles,
        sentences=sentence_count,
        sequence=sequence,
        model=embedder.name,
        model_revision=embedder.revision,
        dimension=embedder.dimension,
        normalised=True,
        factory=options.factory,
        analyzer=_ANALYZER,
        versions={name: metadata.version(name) for name in _PACKAGES},
    )


def _report(generation: Generation, counter: _Counter, started: float) -> BuildReport:
    seconds = round(time.monotonic() - started, 3)
    return BuildReport(
        generation.manifest.generation, generation.manifest.articles, counter.embedded, counter.reused, seconds
    )


def _link_tree(source: Path, target: Path) -> None:
    """Copy a generation by hard links: its files are never changed, only replaced."""
    for path in sorted(source.rglob("*")):
        copy = target / path.relative_to(source)
        if path.is_dir():
            copy.mkdir(parents=True, exist_ok=True)
        elif not path.name.endswith(".lock") and path.name not in (MANIFEST, "vectors.faiss"):
            try:
                os.link(path, copy)
            except OSError:  # a file system without hard links
                shutil.copy2(path, copy)


def _groups(items: Iterable[StoredArticle], size: int) -> Iterator[list[StoredArticle]]:
    iterator = iter(items)
    while group := list(islice(iterator, size)):
        yield group
