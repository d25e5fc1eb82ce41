"""``pubmed-rag ingest mesh``, and the same from Python."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from pubmed_rag.core.settings import load_settings
from pubmed_rag.ui import cli
from pubmed_rag.ui.api import Library
from tests.core.file_server import FileServer
from tests.ingest.test_mesh_files import ACTIONS, DESCRIPTORS, QUALIFIERS, SUPPLEMENTARY

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    """A command in this process, in a new library: exit code, stdout, stderr."""

    def run(*arguments: object) -> tuple[int, str, str]:
        capsys.readouterr()
        code = cli.run(["--library", str(tmp_path / "library"), *map(str, arguments)])
        printed = capsys.readouterr()
        return code, printed.out, printed.err

    return run


def test_files(run: Run, tmp_path: Path) -> None:
    descriptors, supplementary = tmp_path / "d", tmp_path / "c.gz"
    descriptors.write_text(DESCRIPTORS)
    supplementary.write_bytes(gzip.compress(SUPPLEMENTARY.encode()))
    code, out, _ = run("ingest", "mesh", descriptors, supplementary, "--json")
    assert code == 0
    printed = json.loads(out)
    assert (printed["descriptors"], printed["supplementary_concepts"], printed["source"]) == (2, 1, "d, c.gz")
    code, out, _ = run("ingest", "mesh", descriptors)
    assert code == 0
    assert "2  descriptors" in out
    assert (tmp_path / "library" / "mesh.sqlite").is_file()


def test_from_an_address(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    names = ("desc", "supp", "qual", "pa")
    files = {
        f"/{name}{year}.xml": content.encode()
        for name, content in zip(names, (DESCRIPTORS, SUPPLEMENTARY, QUALIFIERS, ACTIONS), strict=True)
        for year in range(2025, 2045)
    }
    with FileServer(files) as server:
        code, out, _ = run("ingest", "mesh", "--from", server.url, "--json")
    assert code == 0
    assert json.loads(out)["subheadings"] == 1


def test_what_is_no_mesh(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("hello")
    code, out, err = run("ingest", "mesh", file)
    assert (code, out) == (3, "")
    assert "no MeSH file" in err


def test_from_python(tmp_path: Path) -> None:
    file = tmp_path / "d.xml"
    file.write_text(DESCRIPTORS)
    settings = load_settings({}).with_library(tmp_path / "library")
    with Library(settings, create=True) as library:
        assert library.ingest_mesh([file]).counts.publication_types == 1
