"""``pubmed-rag ask`` as a process, with the two embedded models."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from pubmed_rag.core.library import LibraryPaths
from pubmed_rag.core.store import ArticleStore
from pubmed_rag.ui.api import open_library
from pubmed_rag.ui.demo import SAMPLE_QUESTIONS, sample_file
from tests.support import article, child_environment, model_path

pytestmark = [pytest.mark.models, pytest.mark.slow, pytest.mark.timeout(900)]


def ask(library: Path, *arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "pubmed_rag.ui.cli", "--library", str(library), "ask", *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
        env=child_environment(),
    )


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    model_path("minilm", "embedder")
    model_path("smollm2-135m", "llm")
    root = tmp_path_factory.mktemp("library")
    with open_library(root, create=True) as opened:
        opened.ingest_files([sample_file()])
        opened.build_index()
    return root


def test_an_answer_is_written_and_asked_again_alike_until_the_library_changes(library: Path, tmp_path: Path) -> None:
    out = tmp_path / "answer.html"
    done = ask(library, SAMPLE_QUESTIONS[1], "--top", 4, "--format", "html", "--out", out)
    assert done.returncode == 0, done.stderr
    assert "written to" in done.stderr
    replayed = ask(library, "--replay", out, "--json")
    assert replayed.returncode == 0, replayed.stderr
    assert json.loads(replayed.stdout)["replay"] == {"same": True, "changes": []}
    with ArticleStore(LibraryPaths(library)) as store:
        store.upsert([article("999", "Zinc.", "Zinc was of no use in asthma.")])
    again = ask(library, "--replay", out)
    assert again.returncode == 0, again.stderr
    assert "The answer is the same." in again.stderr
    assert "the library has changed" in again.stderr


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        ((), 2, "--replay"),
        (("Why?", "--replay", "x"), 2, "--replay"),
        (("Why?", "--format", "pdf"), 2, "markdown"),
        (("--replay", "no-such-file"), 3, "no-such-file"),
    ],
)
def test_what_cannot_be_asked(library: Path, arguments: tuple[str, ...], code: int, words: str) -> None:
    done = ask(library, *arguments)
    assert done.returncode == code, done.stderr
    assert words in done.stderr


def run_cli(library: Path, *arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "pubmed_rag.ui.cli", "--library", str(library), *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
        env=child_environment(),
    )


def test_a_summary_for_experts_is_a_document_and_made_again_from_it(library: Path, tmp_path: Path) -> None:
    out = tmp_path / "summary.html"
    done = run_cli(library, "summarize", "carvedilol", "--top", 2, "--explain-like", "expert", "--out", out)
    assert done.returncode == 0, done.stderr
    text = out.read_text(encoding="utf-8")
    assert text.startswith("<!DOCTYPE html>")
    assert "What did these studies find?" in text
    replayed = ask(library, "--replay", out, "--json")
    assert replayed.returncode == 0, replayed.stderr
    content = json.loads(replayed.stdout)
    assert content["replay"]["same"], content["replay"]
    assert content["explain"] == "expert"


def test_a_conversation_goes_on_in_its_file(library: Path, tmp_path: Path) -> None:
    kept = tmp_path / "talk.json"
    first = ask(library, SAMPLE_QUESTIONS[1], "--top", 2, "--conversation", kept)
    assert first.returncode == 0, first.stderr
    assert "asked as" not in first.stderr
    second = ask(library, "And does it reduce hospital admissions?", "--top", 2, "--conversation", kept, "--json")
    assert second.returncode == 0, second.stderr
    joined = f"{SAMPLE_QUESTIONS[1]} And does it reduce hospital admissions?"
    assert "asked as" in second.stderr
    assert json.loads(kept.read_text(encoding="utf-8"))["record"]["question"] == joined
    assert json.loads(second.stdout)["question"] == joined
