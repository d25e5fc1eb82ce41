"""The layout of a library, and who may write its index."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from pubmed_rag.core.errors import LibraryBusyError, LibraryNotFoundError
from pubmed_rag.core.library import LibraryPaths
from pubmed_rag.core.store import ArticleStore

_HOLD = """
import sys, time
from pathlib import Path
from pubmed_rag.core.library import LibraryPaths
with LibraryPaths(Path(sys.argv[1])).index_lock():
    print("held", flush=True)
    sys.stdin.readline()
"""


def hold_lock(paths: LibraryPaths) -> subprocess.Popen[str]:
    """Another process that holds the index lock until its input ends."""
    process = subprocess.Popen(
        [sys.executable, "-c", _HOLD, str(paths.root)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


def test_the_layout_is_the_documented_one(tmp_path: Path) -> None:
    paths = LibraryPaths(tmp_path / "library")
    relative = [p.relative_to(paths.root).as_posix() for p in (paths.store, paths.embeddings, paths.index)]
    assert relative == ["articles.sqlite", "embeddings", "index"]
    assert paths.current == paths.index / "CURRENT"
    assert paths.runs == paths.root / "runs"
    assert not paths.root.exists()


def test_a_missing_library_names_the_commands_that_make_one(paths: LibraryPaths) -> None:
    assert not paths.exists
    with pytest.raises(LibraryNotFoundError) as caught:
        paths.require()
    assert str(paths.root) in caught.value.message
    assert "pubmed-rag ingest" in str(caught.value.remedy)
    with ArticleStore(paths, create=True):
        pass
    assert paths.exists
    paths.require()


def test_one_writer_of_the_index_at_a_time(paths: LibraryPaths) -> None:
    with hold_lock(paths) as process:
        with pytest.raises(LibraryBusyError) as caught, paths.index_lock():
            pass
        assert str(paths.root) in caught.value.message
        assert caught.value.exit_code == 5
        process.communicate("\n")
    with paths.index_lock():
        pass


def test_the_lock_holds_between_threads_of_one_process_too(paths: LibraryPaths) -> None:
    with paths.index_lock(), pytest.raises(LibraryBusyError), paths.index_lock():
        pass
    with paths.index_lock():
        pass


def test_the_lock_is_freed_by_an_error(paths: LibraryPaths) -> None:
    with pytest.raises(ZeroDivisionError), paths.index_lock():
        _ = 1 / 0
    with paths.index_lock():
        pass


def test_a_killed_writer_frees_the_index(paths: LibraryPaths) -> None:
    with hold_lock(paths) as process:
        process.kill()
        process.wait()
        with paths.index_lock():
            pass
