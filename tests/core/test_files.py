"""Files that are whole or not there."""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from pubmed_rag.core.errors import StorageError, translate
from pubmed_rag.core.files import atomic_writer, sha256_of, sync_directory, write_text
from tests.core.conftest import Disk


def test_a_file_appears_when_the_block_ends(tmp_path: Path) -> None:
    path = tmp_path / "new/folder/file"
    with atomic_writer(path) as stream:
        stream.write(b"half, ")
        stream.flush()
        assert not path.exists()
        stream.write(b"whole")
    assert path.read_bytes() == b"half, whole"
    assert list(path.parent.iterdir()) == [path]


def test_a_failed_write_leaves_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "file"
    write_text(path, "old")

    def fail() -> None:
        with atomic_writer(path) as stream:
            stream.write(b"new")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail()
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_text_is_utf8_and_replaces(tmp_path: Path) -> None:
    path = tmp_path / "file"
    write_text(path, "a longer first text")
    write_text(path, "β\n")
    assert path.read_bytes() == "β\n".encode()


def test_threads_may_write_the_same_file(tmp_path: Path) -> None:
    """The page serves each reader in a thread; the last writer wins and none fails."""
    path = tmp_path / "file"
    together = threading.Barrier(2)
    failures: list[BaseException] = []

    def write(letter: str) -> None:
        try:
            with atomic_writer(path) as stream:
                together.wait(10)
                stream.write(letter.encode() * 1000)
                together.wait(10)
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=write, args=(letter,)) for letter in "ab"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert path.read_text() in ("a" * 1000, "b" * 1000)
    assert list(tmp_path.iterdir()) == [path]


def test_a_full_disk_leaves_what_was_there(make_disk: Callable[[int], Disk]) -> None:
    path = make_disk(1).path / "file"
    write_text(path, "old")

    def overfill() -> None:
        with atomic_writer(path) as stream:
            stream.write(os.urandom(2 << 20))

    with pytest.raises(OSError, match="No space left") as caught:
        overfill()
    assert isinstance(translate(caught.value), StorageError)
    assert path.read_text() == "old"
    assert list(path.parent.iterdir()) == [path]


def test_checksum(tmp_path: Path) -> None:
    content = os.urandom((1 << 20) + 1)
    (tmp_path / "file").write_bytes(content)
    assert sha256_of(tmp_path / "file") == hashlib.sha256(content).hexdigest()


def test_a_directory_can_be_synced(tmp_path: Path) -> None:
    sync_directory(tmp_path)
    with pytest.raises(FileNotFoundError):
        sync_directory(tmp_path / "missing")
