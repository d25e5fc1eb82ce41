"""The command line as a process: exit codes, streams, JSON shapes, and one clear line for every kind of bad input."""

from __future__ import annotations

import gzip
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from pubmed_rag.core.library import LibraryPaths
from pubmed_rag.core.migrations import SCHEMA_VERSION
from pubmed_rag.core.records import Article, Section
from pubmed_rag.core.store import ArticleStore
from pubmed_rag.ui.cli_help import markdown
from tests.eutils_server import EutilsServer, generate_records

ROOT = Path(__file__).parents[2]

TINY = """<?xml version="1.0"?>
<PubmedArticleSet><PubmedArticle><MedlineCitation Status="MEDLINE" Owner="NLM"><PMID Version="1">{pmid}</PMID>
<Article PubModel="Print"><ArticleTitle>Aspirin {pmid}.</ArticleTitle>
<Abstract><AbstractText>Aspirin lowered the risk of stroke in {pmid} adults.</AbstractText></Abstract>
</Article></MedlineCitation></PubmedArticle></PubmedArticleSet>"""


def run(*arguments: object, library: Path | None = None, **environment: str) -> subprocess.CompletedProcess[str]:
    """``pubmed-rag`` in a process of its own, without this person's settings."""
    before = ["--library", str(library)] if library else []
    return subprocess.run(
        [sys.executable, "-m", "pubmed_rag.ui.cli", *before, *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env={**os.environ, "COLUMNS": "100", **environment},
    )


def failed_with(done: subprocess.CompletedProcess[str], code: int, *words: str) -> None:
    """One line on stderr that says what failed; nothing on stdout; the documented exit code."""
    lines = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    assert done.returncode == code, (done.returncode, done.stderr)
    assert len(lines) == 1, done.stderr
    assert "Traceback" not in done.stderr
    for word in words:
        assert word in lines[0], lines[0]


@pytest.fixture
def library(tmp_path: Path) -> Path:
    """A library of two articles, without index."""
    root = tmp_path / "library"
    with ArticleStore(LibraryPaths(root), create=True) as store:
        store.upsert(Article(id=str(n), pmid=str(n), title=f"T{n}", abstract=(Section("A text."),)) for n in (1, 2))
    return root


def count(library: Path) -> int:
    with ArticleStore(LibraryPaths(library)) as store:
        return store.counts().articles


def test_version_and_help() -> None:
    assert run("--version").stdout.startswith("pubmed-rag 0.")
    shown = run("--help")
    assert shown.returncode == 0
    for command in ("demo", "search", "ask", "ui", "doctor", "ingest", "index", "eval", "models"):
        assert f"\n  {command} " in shown.stdout


def test_the_documented_help_is_the_programs() -> None:
    """docs/cli.md is made by 'make docs'; a command that is not there is not documented."""
    assert (ROOT / "docs" / "cli.md").read_text(encoding="utf-8") == markdown()


def test_ingest_prints_the_contract_and_twice_changes_nothing(tmp_path: Path) -> None:
    file = tmp_path / "one.xml"
    file.write_text(TINY.format(pmid=11))
    first = run("ingest", "files", file, "--json", library=tmp_path / "new")
    assert first.returncode == 0, first.stderr
    assert json.loads(first.stdout) == {
        "read": 1, "added": 1, "updated": 0, "unchanged": 0, "deleted": 0, "rejected": []
    }  # fmt: skip
    second = json.loads(run("ingest", "files", file, "--json", library=tmp_path / "new").stdout)
    assert (second["added"], second["unchanged"]) == (0, 1)


def _truncated(folder: Path) -> Path:
    path = folder / "cut.xml.gz"
    packed = gzip.compress("".join(TINY.format(pmid=n) for n in range(1)).encode() * 40)
    path.write_bytes(packed[: len(packed) // 2])
    return path


def _empty(folder: Path) -> Path:
    path = folder / "empty.xml"
    path.touch()
    return path


def _html(folder: Path) -> Path:
    path = folder / "page.xml"
    path.write_text("<!DOCTYPE html><html><body>Too many requests</body></html>")
    return path


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda folder: folder / "absent.xml", ("absent.xml",)),
        (_empty, ("empty.xml", "empty")),
        (_html, ("page.xml", "HTML")),
        (_truncated, ("cut.xml.gz",)),
    ],
    ids=["missing", "empty", "html", "truncated"],
)
def test_a_bad_file_is_named_and_the_others_go_in(
    tmp_path: Path, library: Path, make: Any, words: tuple[str, ...]
) -> None:
    good = tmp_path / "good.xml"
    good.write_text(TINY.format(pmid=77))
    done = run("ingest", "files", make(tmp_path), good, "--json", library=library)
    failed_with(done, 3, *words)
    report = json.loads(done.stdout)
    assert report["added"] >= 1
    assert any(words[0] in rejected["source"] for rejected in report["rejected"])
    with ArticleStore(LibraryPaths(library)) as store:
        assert {"1", "2", "77"} <= set(store.get_many(["1", "2", "77"]))


def test_usage_errors(tmp_path: Path, library: Path) -> None:
    assert run("search", library=library).returncode == 2
    failed_with(run("search", "   ", library=library, PUBMED_RAG_SEARCH_MODE="bm25"), 2, "empty")
    failed_with(run("search", "x", "--mode", "bm52", library=library), 2, "bm52", "bm25")
    failed_with(run("search", "x", "--from", "2020", "--to", "2010", library=library), 2, "2020")
    failed_with(run("models", "pull", "minilmm"), 2, "minilmm", "minilm")
    failed_with(run("models", "list", PUBMED_RAG_ENTREZ_EMAL="x@y.z"), 2, "entrez.emal", "entrez.email")
    config = tmp_path / "config.toml"
    config.write_text('[serach]\nmode = "bm25"\n')
    failed_with(run("models", "list", PUBMED_RAG_CONFIG=str(config)), 2, "serach", "search")


def test_library_errors_name_the_remedy(tmp_path: Path, library: Path) -> None:
    failed_with(run("search", "x", library=tmp_path / "none"), 5, "no library", "pubmed-rag demo")
    assert not (tmp_path / "none").exists(), "looking must not create"
    failed_with(run("search", "x", library=library), 5, "no index", "pubmed-rag index build")
    failed_with(run("index", "info", library=library), 5, "pubmed-rag index build")
    failed_with(
        run("index", "build", library=library, PUBMED_RAG_MODELS_DIRECTORY=str(tmp_path / "models")),
        5, "minilm", "pubmed-rag models pull",
    )  # fmt: skip
    failed_with(
        run("index", "build", library=library, PUBMED_RAG_MODELS_EMBEDDER="no-such-model"), 2, "unknown model", "minilm"
    )


def test_a_library_from_a_newer_version_is_left_alone(library: Path) -> None:
    with ArticleStore(LibraryPaths(library)) as store:
        store._connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION + 1}")
    before = LibraryPaths(library).store.read_bytes()
    failed_with(run("search", "x", library=library), 5, "newer", "pip install --upgrade")
    assert LibraryPaths(library).store.read_bytes() == before


@contextmanager
def mounted(folder: Path, *options: str) -> Iterator[None]:
    """A small tmpfs at ``folder``; skips where mounting is not permitted."""
    folder.mkdir(parents=True, exist_ok=True)
    done = subprocess.run(["mount", "-t", "tmpfs", *options, "tmpfs", str(folder)], capture_output=True, check=False)
    if done.returncode:
        pytest.skip("mounting a small file system is not permitted here")
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=False)


def test_a_full_disk_loses_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "small"
    with mounted(folder, "-o", "size=1m"):
        first = tmp_path / "first.xml"
        first.write_text(TINY.format(pmid=5))
        assert run("ingest", "files", first, library=folder / "library").returncode == 0
        corpus = tmp_path / "corpus.jsonl"
        with corpus.open("w") as stream:
            for number in range(4000):
                text = " ".join(f"{number * 7919 + word:x}" for word in range(200))
                stream.write(json.dumps({"_id": f"d{number}", "title": "T", "text": text}) + "\n")
        failed_with(run("ingest", "files", corpus, library=folder / "library"), 5, "disk is full", "free some space")
        assert count(folder / "library") >= 1
        with ArticleStore(LibraryPaths(folder / "library")) as store:
            assert store.get("5").title == "Aspirin 5."


def test_a_read_only_directory(tmp_path: Path) -> None:
    folder = tmp_path / "ro"
    file = tmp_path / "one.xml"
    file.write_text(TINY.format(pmid=5))
    with mounted(folder):
        subprocess.run(["mount", "-o", "remount,ro", str(folder)], check=True)
        failed_with(run("ingest", "files", file, library=folder / "library"), 5, "--library")


def test_entrez_failure_is_exit_code_4(tmp_path: Path) -> None:
    done = run(
        "ingest", "entrez", "asthma", library=tmp_path / "library",
        PUBMED_RAG_EUTILS_URL="http://127.0.0.1:9/", PUBMED_RAG_ENTREZ_TRIES="1",
        NCBI_API_KEY="0123456789abcdef0123456789abcdef0123",
    )  # fmt: skip
    failed_with(done, 4)
    assert "0123456789abcdef" not in done.stdout + done.stderr


def test_a_closed_pipe_is_no_error(library: Path) -> None:
    """``pubmed-rag models list | head -1`` must not end in a traceback."""
    done = subprocess.run(
        f"{sys.executable} -m pubmed_rag.ui.cli models list --json | head -1",
        shell=True, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert "Traceback" not in done.stderr
    assert "BrokenPipe" not in done.stderr


def test_ctrl_c_keeps_what_is_done(tmp_path: Path) -> None:
    """One line, the exit code a shell expects, and the pages that had come. NCBI's rate makes this run last."""
    library = tmp_path / "library"
    with EutilsServer(generate_records(9_000)) as server:
        process = subprocess.Popen(
            [sys.executable, "-m", "pubmed_rag.ui.cli", "--library", str(library), "ingest", "entrez", "all[sb]"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "PUBMED_RAG_EUTILS_URL": server.url, "no_proxy": "127.0.0.1"},
        )
        give_up = time.monotonic() + 60
        while time.monotonic() < give_up and not (LibraryPaths(library).exists and count(library) > 0):
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=60)
    assert process.returncode == 130, errors
    assert "What was finished is kept" in errors
    assert "Traceback" not in errors
    assert 0 < count(library) < 9_000


def test_doctor_finds_what_is_missing(tmp_path: Path) -> None:
    done = run(
        "doctor", "--json", library=tmp_path / "none",
        PUBMED_RAG_MODELS_DIRECTORY=str(tmp_path / "models"), PUBMED_RAG_EUTILS_URL="http://127.0.0.1:9/",
    )  # fmt: skip
    findings = {finding["name"]: finding for finding in json.loads(done.stdout)}
    assert findings["model minilm"]["remedy"] == "pubmed-rag models pull minilm"
    assert findings["library"]["state"] == "missing"
    assert findings["E-utilities"]["state"] == "missing"
    assert findings["faiss-cpu"]["state"] == "ok"
    assert done.returncode == 0
