"""The demonstration, with the models it is shipped with: from PubMed where it answers, else from the sample library."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pubmed_rag.core.library import LibraryPaths
from pubmed_rag.core.store import ArticleStore
from pubmed_rag.ui.demo import SAMPLE_QUESTIONS, sample_file
from tests.eutils_server import EutilsServer, load_records
from tests.ui.test_cli import run

pytestmark = [pytest.mark.models, pytest.mark.slow, pytest.mark.usefixtures("embedded_models")]

NOWHERE = "http://127.0.0.1:9/"
QUESTION = SAMPLE_QUESTIONS[1]


def test_without_pubmed_it_says_so_and_uses_the_sample(tmp_path: Path) -> None:
    first = run("demo", QUESTION, library=tmp_path / "library", PUBMED_RAG_EUTILS_URL=NOWHERE)
    assert first.returncode == 0, first.stderr
    assert "PubMed cannot be reached" in first.stderr
    assert "summaries in our own words" in first.stderr
    for step in ("1/4 models", "2/4 articles", "3/4 index", "4/4 answer"):
        assert step in first.stderr
    assert "[1]" in first.stdout
    assert "https://pubmed.ncbi.nlm.nih.gov/" in first.stdout
    assert "not the published abstracts" in first.stdout

    again = run("demo", QUESTION, "--json", library=tmp_path / "library", PUBMED_RAG_EUTILS_URL=NOWHERE)
    assert "0 texts embedded" in again.stderr, "a second run repeats nothing"
    answer = json.loads(again.stdout)
    assert answer["status"] == "answered"
    hits = {hit["id"] for hit in answer["hits"]}
    assert {citation["id"] for claim in answer["claims"] for citation in claim["citations"]} <= hits


def test_with_pubmed_it_asks_there(tmp_path: Path) -> None:
    with EutilsServer(load_records([sample_file()])) as server:
        done = run("demo", QUESTION, library=tmp_path / "library", PUBMED_RAG_EUTILS_URL=server.url)
    assert done.returncode == 0, done.stderr
    assert "asking PubMed for 'beta blockers" in done.stderr
    assert "sample library" not in done.stderr
    with ArticleStore(LibraryPaths(tmp_path / "library")) as store:
        assert store.counts().articles > 0
        assert len(store.saved_queries()) == 1


def test_a_question_the_sample_does_not_cover(tmp_path: Path) -> None:
    done = run("demo", "How do I bake bread?", library=tmp_path / "library", PUBMED_RAG_EUTILS_URL=NOWHERE)
    assert done.returncode == 0, done.stderr
    assert "no sufficient evidence" in done.stdout
    assert SAMPLE_QUESTIONS[0] in done.stderr
