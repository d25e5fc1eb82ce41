"""From a judged collection to the ranker of a library: reading is evaluation's, learning is the index's."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from pubmed_rag.core.errors import InputError
from pubmed_rag.core.library import LibraryPaths
from pubmed_rag.core.progress import SILENT, Progress
from pubmed_rag.core.records import IngestReport
from pubmed_rag.core.store import ArticleStore
from pubmed_rag.eval.collections import Collection
from pubmed_rag.eval.open_collection import open_collection
from pubmed_rag.eval.workspace import collection_library, prepare
from pubmed_rag.index.embedder import Embedder
from pubmed_rag.index.generation import current_generation, current_name
from pubmed_rag.index.ranker import DEPTH, LearnedRanker, RankerManifest, Training, example, save, train
from pubmed_rag.index.search import Searcher
from pubmed_rag.ingest.files import ingest_files

_ENOUGH = 0.9
"""A library that holds this share of the relevant articles is itself searched while learning."""


@dataclass(frozen=True, slots=True)
class TrainedRanker:
    """What ``index train-ranker`` did: the ranker's manifest, the library it learned on, and where it now is."""

    manifest: RankerManifest
    learned_on: Path
    saved_in: tuple[Path, ...]


def train_ranker(
    library: LibraryPaths,
    dataset: Path,
    split: str,
    embedder: Callable[[], Embedder],
    *,
    collections: Path,
    seed: int = 0,
    progress: Progress = SILENT,
) -> TrainedRanker:
    """Train a ranker on the topics and judgements of ``split`` and put it into ``library``.

    The topics are asked of ``library`` where it holds the judged articles, else of the collection's own library
    under ``collections``, made if need be. The ranker is put there as well, so that ``eval run`` on another split
    of the same collection finds it. Raises what reading, building and training raise.
    """
    collection = open_collection(dataset, split)
    relevant = _relevant(collection)
    paths = library if _holds(library, relevant) else _own_library(collection, collections, embedder, progress)
    with ArticleStore(paths) as store:
        searcher = Searcher(paths, store, embedder)
        examples = []
        with progress.task("reading candidates", len(collection.topics), "topics") as task:
            for topic in collection.topics:
                if topic.id in relevant:
                    examples.append(example(topic.id, searcher.candidates(topic.text, DEPTH), relevant[topic.id]))
                task.advance(1)
    ranker, model = train(examples, _training(collection, paths, seed), progress=progress)
    return TrainedRanker(ranker.manifest, paths.root, _save(ranker, model, library, paths, collection, collections))


def _save(
    ranker: LearnedRanker, model: str, library: LibraryPaths, paths: LibraryPaths, collection: Collection, root: Path
) -> tuple[Path, ...]:
    places = [library, paths]
    if collection.corpus:
        places.append(collection_library(collection, root))
    folders = tuple(dict.fromkeys(place.ranker for place in places))
    for folder in folders:
        save(folder, ranker, model)
    return folders


def _relevant(collection: Collection) -> dict[str, dict[str, int]]:
    found: dict[str, dict[str, int]] = {}
    for qrel in collection.qrels:
        if qrel.relevance > 0:
            found.setdefault(qrel.topic_id, {})[qrel.doc_id] = qrel.relevance
    if not found:
        raise InputError(f"the split '{collection.split}' of {collection.name} has no relevant article to learn from")
    return found


def _holds(library: LibraryPaths, relevant: dict[str, dict[str, int]]) -> bool:
    if not library.exists or current_name(library) is None:
        return False
    wanted = sorted({article for grades in relevant.values() for article in grades})
    with ArticleStore(library) as store:
        return len(store.keys_of(wanted)) >= _ENOUGH * len(wanted)


def _own_library(
    collection: Collection, root: Path, embedder: Callable[[], Embedder], progress: Progress
) -> LibraryPaths:
    if not collection.corpus:
        raise InputError(
            f"{collection.name} has no documents, and the library lacks the articles it judges",
            remedy="ingest those articles first, or give a collection with its corpus",
        )

    def load(wanted: Collection, store: ArticleStore) -> IngestReport:
        report = ingest_files(wanted.corpus, store, progress=progress)
        if report.failed_files:
            failed = report.failed_files[0]
            raise InputError(f"could not read {failed.source}: {failed.reason}")
        return report

    return prepare(collection, root, load, embedder(), progress)


def _training(collection: Collection, paths: LibraryPaths, seed: int) -> Training:
    index = current_generation(paths).manifest
    return Training(
        collection=collection.name,
        split=collection.split,
        topics_digest=collection.topics_digest,
        qrels_digest=collection.qrels_digest,
        corpus_digest=collection.digest,
        model=index.model,
        model_revision=index.model_revision,
        seed=seed,
    )
