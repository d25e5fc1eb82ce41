"""A ranker learned elsewhere, measured on a collection: found, and said where it learned on the same topics."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pubmed_rag.core.errors import IndexMissingError
from pubmed_rag.core.records import IngestReport
from pubmed_rag.core.store import ArticleStore
from pubmed_rag.eval.collections import Collection
from pubmed_rag.eval.open_collection import open_collection
from pubmed_rag.eval.records import Evaluation
from pubmed_rag.eval.run import evaluate_collection
from pubmed_rag.ingest.files import ingest_files
from pubmed_rag.ui.training import train_ranker
from tests.support import FakeEmbedder, open_tiny, random_articles


def beir(folder: Path, first: int, last: int) -> Path:
    """Eighty documents; the articles ``first`` to ``last`` are each relevant to four of their own words."""
    (folder / "qrels").mkdir(parents=True)
    articles = random_articles(80, seed=6)
    corpus = [{"_id": a.id, "title": a.title, "text": " ".join(s.text for s in a.abstract)} for a in articles]
    (folder / "corpus.jsonl").write_text("\n".join(map(json.dumps, corpus)), encoding="utf-8")
    asked = articles[first:last]
    topics = [{"_id": f"q{a.id}", "text": " ".join(a.text.split()[:4])} for a in asked]
    (folder / "queries.jsonl").write_text("\n".join(map(json.dumps, topics)), encoding="utf-8")
    lines = [f"q{a.id}\t{a.id}\t1" for a in asked]
    (folder / "qrels" / "test.tsv").write_text("\n".join(lines), encoding="utf-8")
    return folder


def load(collection: Collection, store: ArticleStore) -> IngestReport:
    return ingest_files(collection.corpus, store)


def measured(folder: Path, out: Path, root: Path, ranker: Path) -> Evaluation:
    return evaluate_collection(
        open_collection(folder, "test"),
        ("hybrid", "hybrid+ranker"),
        out,
        root=root,
        load_corpus=load,
        embedder=FakeEmbedder(),
        ranker=ranker,
    )


def test_the_ranker_of_a_library_serves_another_collection_and_says_where_it_learned(tmp_path: Path) -> None:
    taught, asked = beir(tmp_path / "taught", 0, 30), beir(tmp_path / "asked", 30, 40)
    library = open_tiny(tmp_path / "library", random_articles(80, seed=6))
    with pytest.raises(IndexMissingError, match="no trained ranker"):
        measured(asked, tmp_path / "before", tmp_path / "root", library.paths.ranker)
    train_ranker(library.paths, taught, "test", FakeEmbedder, collections=tmp_path / "root")
    evaluation = measured(asked, tmp_path / "out", tmp_path / "root", library.paths.ranker)
    assert [system.name for system in evaluation.systems] == ["hybrid", "hybrid+ranker"]
    assert not any("trained on these very topics" in note for note in evaluation.left_out)
    again = measured(taught, tmp_path / "same", tmp_path / "root", library.paths.ranker)
    assert any("trained on these very topics" in note for note in again.left_out)
    assert "trained on these very topics" in (tmp_path / "same" / "report.md").read_text(encoding="utf-8")
    library.store.close()
