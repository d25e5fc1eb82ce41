"""``pubmed-rag query`` with and without a library, and what summaries and conversations refuse; no model is needed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from pubmed_rag.core.library import LibraryPaths
from pubmed_rag.core.mesh import MeshDescriptor
from pubmed_rag.core.mesh_store import build
from pubmed_rag.ui.cli import app, run
from tests.support import article, open_tiny

ASKED = "Does carvedilol reduce mortality in chronic heart failure?"


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("query") / "library"
    made = open_tiny(
        root,
        [
            article("1", "Carvedilol in heart failure.", "Carvedilol reduced mortality in heart failure."),
            article("2", "Zinc.", "Zinc in chronic asthma."),
        ],
    )
    made.store.close()
    records = [
        MeshDescriptor("D1", "Heart Failure", ("Cardiac Failure",), ("C14.1",)),
        MeshDescriptor("D2", "Mortality", (), ("E05.1",)),
        MeshDescriptor("D3", "Carvedilol", (), ("D02.1",)),
    ]
    build(LibraryPaths(root).mesh, records, source="test")
    return root


def query(library: Path, *arguments: str) -> tuple[str, str]:
    done = CliRunner().invoke(app, ["--library", str(library), "query", *arguments])
    assert done.exit_code == 0, done.output
    return done.stdout, done.stderr


def test_the_query_stands_alone_on_stdout_and_finds_something_when_used(library: Path) -> None:
    out, err = query(library, ASKED)
    assert len(out.splitlines()) == 1
    assert '"Heart Failure"[MeSH Terms]' in out
    assert "chronic" not in out
    assert "left out, for the query found nothing: chronic (1 here have it, none with all the rest)" in " ".join(
        err.split()
    )
    assert "finds 1 article in this library" in err
    found = CliRunner().invoke(app, ["--library", str(library), "search", "--mode", "pubmed", "--json", out.strip()])
    assert [hit["id"] for hit in json.loads(found.stdout)["hits"]] == ["1"]


def test_as_json(library: Path) -> None:
    out, _ = query(library, ASKED, "--json")
    content = json.loads(out)
    assert content["question"] == ASKED
    assert content["hits"] == 1
    assert content["left_out"] == [{"words": "chronic", "hits": 1}]
    assert content["mesh"] is True
    assert content["hypothetical"] is None
    assert [concept["words"] for concept in content["concepts"]] == ["carvedilol", "mortality", "heart failure"]
    assert "chronic" in content["strict"]


def test_without_a_library_words_are_left_to_pubmed(tmp_path: Path) -> None:
    out, err = query(tmp_path / "none", ASKED)
    assert out.strip() == "carvedilol AND mortality AND (chronic heart failure)"
    assert "ingest mesh" in err
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["query", " "], 2),
        (["summarize"], 2),
        (["summarize", "zinc", "--pmids", "1"], 2),
        (["summarize", "zinc", "--format", "pdf"], 2),
        (["summarize", "zinc", "--explain-like", "child"], 2),
        (["ask", "Why?", "--explain-like", "child"], 2),
        (["ask", "Why?", "--conversation", "c.json", "--format", "html"], 2),
        (["ask", "Why?", "--conversation", "c.json", "--after", "d.json"], 2),
    ],
)
def test_what_is_refused(library: Path, arguments: list[str], code: int) -> None:
    assert run(["--library", str(library), *arguments]) == code
