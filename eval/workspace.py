"""A collection's own library: its documents and nothing else, ingested and indexed once, by the product's own code."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from pubmed_rag.core.errors import InputError
from pubmed_rag.core.library import LibraryPaths
from pubmed_rag.core.progress import SILENT, Progress
from pubmed_rag.core.store import ArticleStore
from pubmed_rag.eval.collections import Collection, CorpusLoader
from pubmed_rag.index.build import BuildOptions, update_index
from pubmed_rag.index.embedder import Embedder

NO_MESH = {"mesh": "none"}
"""What the set-up of a library says where there is no MeSH to give it."""

WITHOUT_MESH = (
    "the emulated PubMed had no MeSH, so it mapped no words to headings, which PubMed does: bring MeSH into the "
    "library ('pubmed-rag ingest mesh'), or name it in the challenge file"
)

_LOADED = "eval.corpus"
_REJECTED = "eval.rejected"


def collection_library(collection: Collection, root: Path, variant: str = "") -> LibraryPaths:
    """Where under ``root`` the collection's library is: its name, and the first 8 hex digits of its corpus' digest.

    ``variant`` tells libraries of the same collection apart that are kept side by side, one an encoder.
    """
    name = re.sub(r"[^\w.-]+", "-", f"{collection.name}-{collection.digest[:8]}{'-' if variant else ''}{variant}")
    return LibraryPaths(root / "collections" / name)


def prepare(
    collection: Collection,
    root: Path,
    load_corpus: CorpusLoader,
    embedder: Embedder,
    progress: Progress = SILENT,
    *,
    options: BuildOptions | None = None,
    variant: str = "",
) -> LibraryPaths:
    """The collection's library under ``root``, complete and indexed with ``embedder``.

    What is done is not done again: neither a corpus loaded to its end, nor an index that fits the
    embedder, nor a vector computed before an interruption. Raises what loading and building raise.
    """
    paths = collection_library(collection, root, variant)
    with ArticleStore(paths, create=True) as store:
        if store.fact(_LOADED) != collection.digest:
            report = load_corpus(collection, store)
            store.set_fact(_REJECTED, str(len(report.rejected)))
            store.set_fact(_LOADED, collection.digest)
        update_index(paths, store, embedder, options=options, progress=progress)
    return paths


def whole_texts(store: ArticleStore) -> Iterator[tuple[str, str]]:
    """Id, and title and abstract, of every article."""
    return ((stored.article.id, stored.article.text) for stored in store.articles())


def left_out(collection: Collection, store: ArticleStore) -> tuple[str, ...]:
    """What of the collection no system can find, in words: for the report's "left out".

    Raises :class:`InputError` if that is everything: then no figure would mean anything.
    """
    notes = []
    rejected = int(store.fact(_REJECTED) or 0)
    if rejected:
        notes.append(f"records of the corpus that could not be ingested: {rejected:,}")
    judged = {qrel.doc_id for qrel in collection.qrels}
    absent = judged - store.keys_of(sorted(judged)).keys()
    if judged and absent == judged:
        raise InputError(
            f"no judged document of {collection.name} is in its corpus: {len(judged):,} lack, such as {min(absent)}",
            remedy="are judgements and documents of the same collection?",
        )
    if absent:
        notes.append(
            f"judged documents that the corpus lacks: {len(absent):,} of {len(judged):,}, such as {min(absent)}"
        )
    return tuple(notes)
