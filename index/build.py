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
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path

import numpy as np

from pubmed_rag.core.errors import IndexCorruptError, IndexMismatchError, IndexMissingError, translate
from pubmed_rag.core.library import LibraryPaths
from pubmed_rag.core.progress import SILENT, Progress
from pubmed_rag.core.records import BuildReport
from pubmed_rag.core.store import ArticleStore, StoredArticle
from pubmed_rag.index.article_vectors import Articles, Embedded, embed_articles, find_embedded, sentence_blocks
from pubmed_rag.index.cache import EmbeddingCache
from pubmed_rag.index.embedder import Embedder
from pubmed_rag.index.fusion import Fusion
from pubmed_rag.index.generation import (
    FORMAT,
    MANIFEST,
    VECTORS,
    Generation,
    Manifest,
    current_generation,
    new_generation,
    next_generation_name,
    publish,
)
from pubmed_rag.index.sentence_vectors import SentenceVectors, write_segment
from pubmed_rag.index.vector_build import build_vectors, is_worn, update_vectors
from pubmed_rag.index.vector_factory import AUTO, outgrown, plan_vectors
from pubmed_rag.index.vectors import ABOUT, CANDIDATES, VectorFacts
from pubmed_rag.index.words import Keys, write_words

log = logging.getLogger(__name__)

SENTENCES_LIMIT = 5_000_000
"""Up to so many articles get sentence vectors unless told otherwise: 3.6 kB each, 18 GB in all."""
_WORDS_ANEW = 20_000
"""Up to so many articles an update that replaces or deletes writes the words anew (about 3 s): tantivy counts
deleted articles in its word statistics until it merges them away, and scores would drift from a fresh build's."""

_ANALYZER = "simple+lower+fold+stop130+snowball-english/1, exact simple+lower+fold/1"
_MADE_ANEW = (MANIFEST, ABOUT, CANDIDATES)
"""Files that an update writes; all others it links."""
_PACKAGES = ("pubmed-rag", "faiss-cpu", "tantivy", "sentence-transformers", "torch")


@dataclass(frozen=True, slots=True)
class BuildOptions:
    """``factory`` is a FAISS factory string or ``"auto"``; ``recall`` and ``memory`` (bytes; ``None``: half of the
    machine's) are what it is chosen for. ``with_sentences`` stores sentence vectors as well (``None``: if they
    are not too many). ``from_embeddings`` uses only vectors that are there already.
    """

    factory: str = AUTO
    with_sentences: bool | None = None
    recall: float = 0.95
    memory: int | None = None
    from_embeddings: bool = False


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
        done = _embed(store.articles, total, embedder, cache, options, directory, progress)
        plan = plan_vectors(
            done.articles, embedder.dimension, options.factory, recall=options.recall, memory=options.memory
        )
        if not plan.is_flat:
            progress.note(f"{done.articles:,} vectors: indexing them as {plan.factory}")
        with progress.task("indexing", total, "articles") as task:
            facts = build_vectors(directory / VECTORS, embedder.dimension, plan, lambda: done.batches(cache))
            write_words(directory / "words", store.articles())
            sentence_count = 0
            if done.with_sentences:
                sentence_count = write_segment(
                    directory / "sentences" / "000000", sentence_blocks(store.articles(), cache)
                )
            task.advance(total)
        done.list_file.unlink()
        manifest = _manifest(directory, embedder, facts, total, sentence_count, sequence)
        generation = publish(paths, directory, manifest)
    return _report(generation, done, started)


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
    articles, deleted = store.counts().articles, store.deleted_since(old.sequence)
    reason = _reason_to_build_anew(generation, embedder, options, articles, len(deleted))
    if reason:
        progress.note(f"building anew: {reason}")
        return _build(paths, store, embedder, options, progress)
    sequence = store.last_sequence()
    if sequence == old.sequence:
        return BuildReport(old.generation, old.articles, 0, 0, round(time.monotonic() - started, 3))
    options = replace(options, with_sentences=bool(old.sentences))
    with EmbeddingCache(paths.embeddings, embedder) as cache, new_generation(paths) as directory:
        changed_total = store.count_changed_since(old.sequence)

        def changed() -> Iterator[StoredArticle]:
            return store.changed_since(old.sequence, order="key")

        done = _embed(changed, changed_total, embedder, cache, options, directory, progress)
        _link_tree(generation.directory, directory)
        gone = np.array([*deleted, *(stored.key for stored in changed())], np.int64)
        with progress.task("indexing", changed_total, "articles") as task:
            facts = update_vectors(directory / VECTORS, generation.vectors, lambda: done.batches(cache), gone)
            _update_words(directory / "words", store, changed, gone, old.articles, articles, changed_total)
            kept = SentenceVectors.open(generation.sentences, old.dimension)
            sentence_count = old.sentences - kept.count_of(gone)
            if done.with_sentences:
                segment = directory / "sentences" / f"{kept.segments():06d}"
                sentence_count += write_segment(segment, sentence_blocks(changed(), cache))
            task.advance(changed_total)
        done.list_file.unlink()
        manifest = _manifest(directory, embedder, facts, articles, sentence_count, sequence)
        fresh = publish(paths, directory, manifest)
    return _report(fresh, done, started)


def _embed(
    articles: Articles,
    total: int,
    embedder: Embedder,
    cache: EmbeddingCache,
    options: BuildOptions,
    directory: Path,
    progress: Progress,
) -> Embedded:
    list_file = directory / "articles.tmp"
    if options.from_embeddings:
        return find_embedded(articles, total, cache, list_file, progress, with_sentences=options.with_sentences)
    with_sentences = options.with_sentences
    if with_sentences is None:
        with_sentences = total <= SENTENCES_LIMIT
        if not with_sentences:
            progress.note("so large a library goes without sentence vectors; --sentences adds them")
    return embed_articles(articles, total, embedder, cache, list_file, progress, with_sentences=with_sentences)


def _update_words(
    directory: Path, store: ArticleStore, changed: Articles, gone: Keys, before: int, after: int, changed_total: int
) -> None:
    outdated = before + changed_total - after  # every change adds one, what it replaces or deletes goes
    if outdated and after <= _WORDS_ANEW:
        shutil.rmtree(directory)
        write_words(directory, store.articles())
    else:
        write_words(directory, changed(), delete=gone.tolist())


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


def _reason_to_build_anew(
    generation: Generation, embedder: Embedder, options: BuildOptions, articles: int, deleted: int
) -> str:
    """Why an index cannot be updated but must be made anew; empty if it can."""
    manifest = generation.manifest
    facts = manifest.vectors
    same_model = (manifest.model_revision, manifest.dimension) == (embedder.revision, embedder.dimension)
    if manifest.format != FORMAT or facts is None or manifest.analyzer != _ANALYZER or not same_model:
        return "the model or the format has changed"
    if options.factory not in (AUTO, manifest.factory):
        return f"the vectors are indexed as {manifest.factory} so far"
    if options.with_sentences is not None and options.with_sentences != bool(manifest.sentences):
        return "sentence vectors are wanted" if options.with_sentences else "sentence vectors are not wanted"
    if outgrown(facts.plan, articles):
        return f"{articles:,} articles are too many for {manifest.factory}; their vectors are kept"
    if is_worn(facts, generation.vectors, deleted):
        return f"too much has changed for {manifest.factory}, which cannot forget"
    return ""


def _manifest(
    directory: Path, embedder: Embedder, facts: VectorFacts, articles: int, sentence_count: int, sequence: int
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
        normalised=embedder.normalised,
        factory=facts.plan.factory,
        analyzer=_ANALYZER,
        versions={name: metadata.version(name) for name in _PACKAGES},
        vectors=facts,
        mixture=(Fusion() if sentence_count else Fusion().without_sentences()).mixture(),
    )


def _report(generation: Generation, done: Embedded, started: float) -> BuildReport:
    seconds = round(time.monotonic() - started, 3)
    return BuildReport(
        generation.manifest.generation, generation.manifest.articles, done.embedded, done.reused, seconds
    )


def _link_tree(source: Path, target: Path) -> None:
    """Copy a generation by hard links: its files are never changed, only replaced."""
    for path in sorted(source.rglob("*")):
        copy = target / path.relative_to(source)
        if path.is_dir():
            copy.mkdir(parents=True, exist_ok=True)
        elif not path.name.endswith(".lock") and path.name not in _MADE_ANEW:
            try:
                os.link(path, copy)
            except OSError:  # a file system without hard links
                shutil.copy2(path, copy)
