"""``pubmed-rag export`` as a process."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from pubmed_rag.core.library import LibraryPaths
from pubmed_rag.core.store import ArticleStore
from tests.support import REPOSITORY, article, child_environment


def export(library: Path, *arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "pubmed_rag.ui.cli", "--library", str(library), "export", *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        cwd=REPOSITORY,
        env=child_environment(),
    )


@pytest.fixture
def library(tmp_path: Path) -> Path:
    root = tmp_path / "library"
    with ArticleStore(LibraryPaths(root), create=True) as store:
        store.upsert([article("1", "First."), article("2", "Second."), article("s3", "Third.", pmid=None)])
    return root


def test_articles_by_id_to_stdout_in_the_order_asked_for(library: Path) -> None:
    done = export(library, "--pmids", "2,1", "--pmids", "2", "--format", "csl-json")
    assert done.returncode == 0, done.stderr
    assert [item["PMID"] for item in json.loads(done.stdout)] == ["2", "1"]
    assert "2 articles as csl-json" in done.stderr


def test_to_a_file_and_what_has_no_place_is_named(library: Path, tmp_path: Path) -> None:
    out = tmp_path / "refs.nbib"
    done = export(library, "--pmids", "1 s3", "--format", "nbib", "--out", out)
    assert (done.returncode, done.stdout) == (0, "")
    assert out.read_text(encoding="utf-8").startswith("PMID- 1\n")
    assert "s3" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        ((), 2, "--pmids"),
        (("query", "--pmids", "1"), 2, "--pmids"),
        (("--pmids", "1", "--format", "word"), 2, "csl-json"),
        (("--pmids", "1", "--format", "markdown", "--style", "chicago"), 2, "vancouver"),
        (("--pmids", "1,99"), 3, "99"),
        (("query",), 5, "index build"),
    ],
)
def test_what_cannot_be_exported(library: Path, arguments: tuple[str, ...], code: int, words: str) -> None:
    done = export(library, *arguments)
    assert done.returncode == code, done.stderr
    assert done.stderr.startswith("error: ")
    assert words in done.stderr
    assert done.stdout == ""
