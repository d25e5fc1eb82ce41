"""A collection's own library, and the named systems over it, with a real index and an embedder of hashes."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pytest

from pubmed_rag.core.errors import InputError, UsageError
from pubmed_rag.core.records import Article, IngestReport, RejectedRecord, Section
from pubmed_rag.core.store import ArticleStore
from pubmed_rag.eval.collections import Collection, Qrel, Topic
from pubmed_rag.eval.records import Evaluation
from pubmed_rag.eval.run import evaluate_collection
from pubmed_rag.eval.systems import system_names
from pubmed_rag.eval.workspace import NO_MESH, WITHOUT_MESH, collection_library, left_out, prepare
from pubmed_rag.index.generation import current_name
from pubmed_rag.index.vectors import Vectors

SUBJECTS = ("aspirin", "insulin", "statins", "vitamin", "warfarin", "heparin")


def collection() -> Collection:
    return Collection(
        name="my set/1",
        split="train",
        corpus=(Path("corpus.jsonl"),),
        topics=tuple(Topic(subject, f"does {subject} help") for subject in SUBJECTS),
        qrels=(*(Qrel(subject, f"doc-{subject}", 1) for subject in SUBJECTS), Qrel("aspirin", "elsewhere", 1)),
        digest="0123456789abcdef" * 4,
    )


class WordEmbedder:
    """Sums one fixed random vector a word."""

    name = "words"
    dimension = 32
    normalised = True

    def __init__(self, revision: str = "1") -> None:
        self.revision = revision
        self.encoded = 0

    def encode_passages(self, texts: Sequence[str]) -> Vectors:
        self.encoded += len(texts)
        return self.encode_queries(texts)

    def encode_queries(self, texts: Sequence[str]) -> Vectors:
        rows = np.array([np.sum([_vector(word) for word in text.lower().split()], axis=0) for text in texts])
        return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), dtype=np.float32)


def _vector(word: str) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    seed = int.from_bytes(hashlib.sha256(word.strip(".").encode()).digest()[:4], "big")
    return np.random.default_rng(seed).normal(size=WordEmbedder.dimension)


@dataclass
class Loader:
    """Loads one article a subject; stops before the end if told so."""

    stops: bool = False
    calls: list[str] = field(default_factory=list)

    def __call__(self, collection: Collection, store: ArticleStore) -> IngestReport:
        self.calls.append(collection.name)
        articles = [Article(f"doc-{s}", f"About {s}", (Section(f"We gave {s} to mice."),)) for s in SUBJECTS]
        report = store.upsert(articles[:2] if self.stops else articles)
        if self.stops:
            raise KeyboardInterrupt
        return report + IngestReport(read=1, rejected=(RejectedRecord("corpus.jsonl", None, "line 7"),))


def test_ingested_and_indexed_once(tmp_path: Path) -> None:
    loader, embedder = Loader(), WordEmbedder()
    paths = prepare(collection(), tmp_path, loader, embedder)
    assert paths == collection_library(collection(), tmp_path)
    assert paths.root == tmp_path / "collections" / "my-set-1-01234567"
    generation, encoded = current_name(paths), embedder.encoded
    assert prepare(collection(), tmp_path, loader, embedder) == paths
    assert loader.calls == ["my set/1"]
    assert (current_name(paths), embedder.encoded) == (generation, encoded)


def test_another_model_gets_another_index(tmp_path: Path) -> None:
    loader = Loader()
    paths = prepare(collection(), tmp_path, loader, WordEmbedder("1"))
    before = current_name(paths)
    prepare(collection(), tmp_path, loader, WordEmbedder("2"))
    assert current_name(paths) != before
    assert len(loader.calls) == 1


def test_an_interrupted_load_is_completed(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        prepare(collection(), tmp_path, Loader(stops=True), WordEmbedder())
    paths = prepare(collection(), tmp_path, Loader(), WordEmbedder())
    with ArticleStore(paths) as store:
        assert store.counts().articles == len(SUBJECTS)


def test_what_no_system_can_find_is_said(tmp_path: Path) -> None:
    paths = prepare(collection(), tmp_path, Loader(), WordEmbedder())
    with ArticleStore(paths) as store:
        assert left_out(collection(), store) == (
            "records of the corpus that could not be ingested: 1",
            "judged documents that the corpus lacks: 1 of 7, such as elsewhere",
        )


def test_the_named_systems_go_through_the_products_door(tmp_path: Path) -> None:
    names = ["bm25", "dense", "hybrid"]
    out, loader, embedder = tmp_path / "out", Loader(), WordEmbedder()
    evaluation = evaluate_collection(collection(), names, out, root=tmp_path, load_corpus=loader, embedder=embedder)
    means = evaluation.summary().systems
    assert tuple(means) == ("bm25", "dense", "hybrid")
    assert set(means) <= set(system_names())
    assert means["bm25"]["MRR"] == means["hybrid"]["MRR"] == 1.0
    configuration = evaluation.systems[2].run.configuration
    assert (configuration["mode"], configuration["model"], configuration["articles"]) == ("hybrid", "words", "6")
    assert len(evaluation.comparisons) == 3
    assert any("elsewhere" in note for note in evaluation.left_out)


@pytest.mark.parametrize(("systems", "told"), [(["pubmed", "bm25-plain"], True), (["bm25", "bm25-plain"], False)])
def test_a_run_says_which_mesh_it_had(systems: list[str], told: bool, tmp_path: Path) -> None:
    def evaluated(mesh: Mapping[str, str]) -> Evaluation:
        out = tmp_path / mesh["mesh"]
        return evaluate_collection(
            collection(),
            systems,
            out,
            root=tmp_path,
            load_corpus=Loader(),
            embedder=WordEmbedder(),
            set_up=lambda _: mesh,
        )

    without, given = evaluated(NO_MESH), evaluated({"mesh": "abc"})
    assert (WITHOUT_MESH in without.left_out) is told
    assert WITHOUT_MESH not in given.left_out
    assert (given.systems[0].run.configuration.get("mesh") == "abc") is told
    assert without.summary().systems["bm25-plain"]["MRR"] == 1.0


def test_judgements_of_another_collection_are_refused(tmp_path: Path) -> None:
    paths = prepare(collection(), tmp_path, Loader(), WordEmbedder())
    foreign = replace(collection(), qrels=(Qrel("q1", "elsewhere", 1),))
    with ArticleStore(paths) as store, pytest.raises(InputError, match="no judged document of"):
        left_out(foreign, store)


@pytest.mark.parametrize(
    ("names", "words"),
    [(["bm52"], "unknown system 'bm52'. did you mean 'bm25'"), (["bm25", "bm25"], "named twice"), ([], "no system")],
)
def test_names_are_checked_before_anything_is_built(tmp_path: Path, names: list[str], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        evaluate_collection(
            collection(), names, tmp_path / "out", root=tmp_path, load_corpus=Loader(), embedder=WordEmbedder()
        )
    assert list(tmp_path.iterdir()) == []
