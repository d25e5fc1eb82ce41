"""A download: nothing fetched twice, nothing half used."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from http import HTTPStatus
from pathlib import Path

import pytest

from pubmed_rag.core.download import Checksum, download
from pubmed_rag.core.errors import DownloadError, StorageError, translate
from pubmed_rag.core.progress import SILENT, Progress, Task
from tests.core.conftest import Disk
from tests.core.file_server import FileServer

CONTENT = os.urandom(300_001)
SHA256 = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[FileServer]:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with FileServer({"/file": CONTENT, "/empty": b""}) as running:
        yield running


class Recorder:
    """A progress that remembers how far it came."""

    def __init__(self) -> None:
        self.totals: list[int | None] = []
        self.done = 0

    def task(self, label: str, total: int | None, unit: str) -> AbstractContextManager[Task]:
        assert (label, unit) == ("the file", "bytes")
        self.totals.append(total)
        self.done = 0
        return nullcontext(self)

    def advance(self, n: int = 1) -> None:
        self.done += n

    def note(self, message: str) -> None:
        raise AssertionError(message)


def fetch(server: FileServer, target: Path, *, sha256: str = SHA256, progress: Progress = SILENT) -> list[float]:
    """Download the file; returns how long it would have waited between tries."""
    waited: list[float] = []
    download(
        f"{server.url}/file",
        target,
        checksum=Checksum("sha256", sha256),
        label="the file",
        progress=progress,
        sleep=waited.append,
    )
    return waited


def starts(server: FileServer) -> list[int | None]:
    return [request.start for request in server.requests]


def test_a_file_arrives(server: FileServer, tmp_path: Path) -> None:
    recorder = Recorder()
    target = tmp_path / "new/file"
    assert fetch(server, target, progress=recorder) == []
    assert target.read_bytes() == CONTENT
    assert list(target.parent.iterdir()) == [target]
    assert (recorder.totals, recorder.done) == ([len(CONTENT)], len(CONTENT))


def test_a_cut_connection_is_continued_where_it_broke(server: FileServer, tmp_path: Path) -> None:
    server.cuts = 2
    recorder = Recorder()
    waited = fetch(server, tmp_path / "file", progress=recorder)
    assert (tmp_path / "file").read_bytes() == CONTENT
    assert waited == [2.0, 4.0]
    assert starts(server) == [None, 150_000, 225_000]
    assert (recorder.totals, recorder.done) == ([len(CONTENT)] * 3, len(CONTENT))


def test_what_an_earlier_run_fetched_is_kept(server: FileServer, tmp_path: Path) -> None:
    (tmp_path / "file.part").write_bytes(CONTENT[:1000])
    fetch(server, tmp_path / "file")
    assert (tmp_path / "file").read_bytes() == CONTENT
    assert starts(server) == [1000]


def test_what_had_arrived_completely_is_not_fetched(server: FileServer, tmp_path: Path) -> None:
    (tmp_path / "file.part").write_bytes(CONTENT)
    fetch(server, tmp_path / "file")
    assert (tmp_path / "file").read_bytes() == CONTENT
    assert starts(server) == [len(CONTENT)]


def test_a_server_without_ranges_starts_anew(server: FileServer, tmp_path: Path) -> None:
    server.ranges = False
    (tmp_path / "file.part").write_bytes(b"something")
    fetch(server, tmp_path / "file")
    assert (tmp_path / "file").read_bytes() == CONTENT


def test_a_busy_server_is_asked_again(server: FileServer, tmp_path: Path) -> None:
    server.failures = [HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.TOO_MANY_REQUESTS]
    assert fetch(server, tmp_path / "file") == [2.0, 4.0]
    assert (tmp_path / "file").read_bytes() == CONTENT


def test_patience_ends(server: FileServer, tmp_path: Path) -> None:
    server.cuts = 100
    with pytest.raises(DownloadError, match="could not download the file") as caught:
        fetch(server, tmp_path / "file")
    assert "continues where it stopped" in str(caught.value)
    assert caught.value.exit_code == 4
    assert len(server.requests) == 5
    assert not (tmp_path / "file").exists()
    server.cuts = 0
    fetch(server, tmp_path / "file")
    assert server.requests[-1].start == len(CONTENT) - -(-len(CONTENT) // 2**5)
    assert (tmp_path / "file").read_bytes() == CONTENT


def test_a_refusal_is_final(server: FileServer, tmp_path: Path) -> None:
    server.failures = [HTTPStatus.FORBIDDEN]
    with pytest.raises(DownloadError, match="403"):
        fetch(server, tmp_path / "file")
    assert len(server.requests) == 1


def test_damage_is_noticed_and_thrown_away(server: FileServer, tmp_path: Path) -> None:
    server.damaged = True
    with pytest.raises(DownloadError, match="arrived damaged") as caught:
        fetch(server, tmp_path / "file")
    assert caught.value.remedy == "repeat the command"
    assert list(tmp_path.iterdir()) == []
    server.damaged = False
    fetch(server, tmp_path / "file")
    assert (tmp_path / "file").read_bytes() == CONTENT


def test_a_remainder_of_another_file_is_thrown_away(server: FileServer, tmp_path: Path) -> None:
    (tmp_path / "file.part").write_bytes(bytes(len(CONTENT) + 7))
    with pytest.raises(DownloadError, match="arrived damaged"):
        fetch(server, tmp_path / "file")
    fetch(server, tmp_path / "file")
    assert (tmp_path / "file").read_bytes() == CONTENT


def test_a_file_of_no_bytes(server: FileServer, tmp_path: Path) -> None:
    download(
        f"{server.url}/empty",
        tmp_path / "file",
        checksum=Checksum("sha256", hashlib.sha256().hexdigest()),
        label="nothing",
    )
    assert (tmp_path / "file").read_bytes() == b""


def test_a_file_on_this_machine_is_copied(tmp_path: Path) -> None:
    (tmp_path / "source").write_bytes(CONTENT)
    download((tmp_path / "source").as_uri(), tmp_path / "file", checksum=Checksum("sha256", SHA256), label="the file")
    assert (tmp_path / "file").read_bytes() == CONTENT


def test_a_full_disk(server: FileServer, tmp_path: Path, make_disk: Callable[[int], Disk]) -> None:
    disk = make_disk(1)
    ballast = disk.path / "ballast"
    ballast.write_bytes(bytes(900_000))
    with pytest.raises(OSError, match="No space left") as caught:
        fetch(server, disk.path / "file")
    assert isinstance(translate(caught.value), StorageError)
    ballast.unlink()
    fetch(server, disk.path / "file")
    assert (disk.path / "file").read_bytes() == CONTENT
    assert server.requests[-1].start is not None
    assert tmp_path.is_dir()
