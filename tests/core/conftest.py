"""Fixtures of the core tests: an empty store, and disks that are small or read-only."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from pubmed_rag.core.library import LibraryPaths
from pubmed_rag.core.store import ArticleStore


@pytest.fixture
def paths(tmp_path: Path) -> LibraryPaths:
    """Where the test's library is."""
    return LibraryPaths(tmp_path / "library")


@pytest.fixture
def store(paths: LibraryPaths) -> Iterator[ArticleStore]:
    """An empty article store."""
    with ArticleStore(paths, create=True) as opened:
        yield opened


class Disk:
    """A file system of its own at ``path``."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def make_read_only(self) -> None:
        subprocess.run(["mount", "-o", "remount,ro", str(self.path)], check=True)


@pytest.fixture
def make_disk(tmp_path: Path) -> Iterator[Callable[[int], Disk]]:
    """Make a disk of so many megabytes. Skips where this user may not mount (as most may not)."""
    with ExitStack() as stack:

        def make(megabytes: int) -> Disk:
            path = tmp_path / "disk"
            path.mkdir()
            if shutil.which("mount") is None:
                pytest.skip("needs 'mount'")
            command = ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", str(path)]
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            if done.returncode != 0:
                pytest.skip(f"needs the right to mount a small disk ({done.stderr.strip()})")
            stack.callback(subprocess.run, ["umount", "-l", str(path)], check=True)
            return Disk(path)

        yield make
