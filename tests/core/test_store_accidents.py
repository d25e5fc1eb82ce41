"""The store when things go wrong: full and read-only disks, damage, several processes, sudden death."""

from __future__ import annotations

import random
import shutil
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from pubmed_rag.core.errors import LibraryError, StorageError, translate
from pubmed_rag.core.library import LibraryPaths
from pubmed_rag.core.records import Article, Section
from pubmed_rag.core.store import ArticleStore, JournalEntry, article_digest
from tests.core.articles import article
from tests.core.conftest import Disk


def ids(store: ArticleStore) -> list[str]:
    return [stored.article.id for stored in store.articles()]


def digests(paths: LibraryPaths) -> dict[str, bytes]:
    with ArticleStore(paths) as store:
        return {stored.article.id: article_digest(stored.article) for stored in store.articles()}


def start(code: str, *arguments: object) -> subprocess.Popen[str]:
    """A process that has imported everything and waits for a line before it does the work."""
    process = subprocess.Popen(
        [sys.executable, "-c", _BEGINNING + code, *map(str, arguments)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


def go(process: subprocess.Popen[str]) -> None:
    assert process.stdin is not None
    process.stdin.write("\n")
    process.stdin.flush()


_BEGINNING = """
import sys
from pathlib import Path
from pubmed_rag.core.library import LibraryPaths
from pubmed_rag.core.records import Article, Section
from pubmed_rag.core.store import ArticleStore, Deletion, JournalEntry

paths = LibraryPaths(Path(sys.argv[1]))
print("ready", flush=True)
sys.stdin.readline()
"""


# -- disks ---------------------------------------------------------------------------------------------


def noise(number: int) -> Article:
    """An article whose text does not compress away."""
    text = random.Random(number).randbytes(20_000).hex()
    return Article(str(number), title=f"Title {number}.", abstract=(Section(text),))


def test_a_full_disk_loses_nothing_that_was_stored(make_disk: Callable[[int], Disk]) -> None:
    disk = make_disk(4)
    paths = LibraryPaths(disk.path / "library")
    ballast = disk.path / "ballast"
    ballast.write_bytes(bytes(1 << 20))
    stored = []
    with ArticleStore(paths, create=True) as store:

        def fill() -> None:
            for number in range(1, 1000):
                store.upsert([noise(number)])
                stored.append(number)

        with pytest.raises(StorageError) as caught:
            fill()
        assert 5 < len(stored) < 500
        assert "disk" in caught.value.message
        assert "free" in str(caught.value.remedy)
        assert caught.value.exit_code == 5
        assert [item.article for item in store.articles()] == [noise(number) for number in stored]
    with ArticleStore(paths) as store:
        assert [item.article for item in store.articles()] == [noise(number) for number in stored]

    ballast.unlink()
    with ArticleStore(paths) as store:
        assert store.upsert([noise(len(stored) + 1)]).added == 1
        assert store.last_sequence() == len(stored) + 1


def test_a_full_disk_keeps_articles_and_journal_in_step(make_disk: Callable[[int], Disk]) -> None:
    paths = LibraryPaths(make_disk(3).path / "library")
    with ArticleStore(paths, create=True) as store:

        def fill() -> None:
            for page in range(1000):
                pages = [noise(page * 10 + number) for number in range(10)]
                store.write(pages, journal=[JournalEntry("run", f"{page:04d}")])

        with pytest.raises(StorageError):
            fill()
        pages = store.journal("run")
        assert 0 < len(pages) < 100
        assert store.counts().articles == len(pages) * 10
        assert len(list(store.articles())) == len(pages) * 10


def test_no_room_for_a_new_library(make_disk: Callable[[int], Disk]) -> None:
    disk = make_disk(1)
    (disk.path / "ballast").write_bytes(bytes((1 << 20) - (8 << 10)))
    with pytest.raises(StorageError, match="disk"):
        ArticleStore(LibraryPaths(disk.path / "library"), create=True)
    (disk.path / "ballast").unlink()
    with ArticleStore(LibraryPaths(disk.path / "library"), create=True) as store:
        assert store.upsert([article(1)]).added == 1


def test_a_read_only_library_is_readable(make_disk: Callable[[int], Disk]) -> None:
    disk = make_disk(4)
    paths = LibraryPaths(disk.path / "library")
    with ArticleStore(paths, create=True) as store:
        store.upsert([article(1), article(2)])
    disk.make_read_only()
    with ArticleStore(paths) as store:
        assert store.get("1") == article(1)
        assert store.counts().articles == 2
        with pytest.raises(StorageError, match="cannot be written here") as caught:
            store.upsert([article(3)])
        assert "--library" in str(caught.value.remedy)
        assert store.counts().articles == 2
    with pytest.raises(StorageError):
        ArticleStore(paths, create=True)


_DIE_AFTER_WRITING = """
import os, signal
store = ArticleStore(paths, create=True)
store.upsert([Article("1", title="Kept.")])
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_read_only_library_shows_the_last_change_of_a_killed_writer(make_disk: Callable[[int], Disk]) -> None:
    """Such a writer leaves its changes in a log beside the database; reading without it would lose them."""
    disk = make_disk(4)
    paths = LibraryPaths(disk.path / "library")
    with start(_DIE_AFTER_WRITING, paths.root) as process:
        go(process)
    disk.make_read_only()
    with ArticleStore(paths) as store:
        assert store.get("1").title == "Kept."


def test_no_library_can_be_made_on_a_read_only_disk(make_disk: Callable[[int], Disk]) -> None:
    disk = make_disk(1)
    disk.make_read_only()
    with pytest.raises(OSError, match="Read-only file system") as caught:
        ArticleStore(LibraryPaths(disk.path / "library"), create=True)
    assert isinstance(translate(caught.value), StorageError)


def test_a_file_where_a_library_should_be(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a directory")
    for root in (tmp_path / "file", tmp_path / "file/library"):
        with pytest.raises(OSError, match=r"File exists|Not a directory") as caught:
            ArticleStore(LibraryPaths(root), create=True)
        known = translate(caught.value)
        assert isinstance(known, StorageError)
        assert str(root) in known.message


# -- damage --------------------------------------------------------------------------------------------


def assert_damage_is_told(error: BaseException) -> None:
    known = translate(error)
    assert type(known) is LibraryError
    assert "articles.sqlite is damaged" in known.message
    assert "restore it from a copy" in str(known.remedy)
    assert known.exit_code == 5


def test_something_else_under_the_librarys_name(paths: LibraryPaths) -> None:
    paths.root.mkdir()
    paths.store.write_bytes(b"<html>" * 1000)
    with pytest.raises(LibraryError) as caught:
        ArticleStore(paths)
    assert_damage_is_told(caught.value)
    assert paths.store.read_bytes() == b"<html>" * 1000


def test_damage_in_the_middle_is_told_as_such(paths: LibraryPaths) -> None:
    with ArticleStore(paths, create=True) as store:
        store.upsert(noise(number) for number in range(20))
    content = bytearray(paths.store.read_bytes())
    content[4096:-4096] = b"\x5a" * (len(content) - 8192)
    paths.store.write_bytes(content)

    def read() -> None:
        with ArticleStore(paths) as store:
            list(store.articles())

    with pytest.raises((LibraryError, sqlite3.DatabaseError)) as caught:
        read()
    assert_damage_is_told(caught.value)


@pytest.mark.parametrize("record", [b"", b"junk", bytes.fromhex("789c030000000001"), None])
def test_a_damaged_record_is_told_as_such(paths: LibraryPaths, record: bytes | None) -> None:
    with ArticleStore(paths, create=True) as store:
        store.upsert([article(1)])
    connection = sqlite3.connect(paths.store)
    changed = "?1" if record is not None else "substr(record, 1, 20)"
    connection.execute(f"UPDATE articles SET record = {changed}", () if record is None else (record,))
    connection.commit()
    connection.close()
    with ArticleStore(paths) as store, pytest.raises(LibraryError) as caught:
        store.get("1")
    assert_damage_is_told(caught.value)


# -- several processes ---------------------------------------------------------------------------------

_WRITE = """
writer = int(sys.argv[2])
with ArticleStore(paths, create=True) as store:
    for batch in range(20):
        store.upsert(Article(f"{writer}-{batch}-{n}", title="T.") for n in range(10))
        store.upsert([Article("shared", title=f"{writer} {batch}")])
"""


@pytest.mark.slow
def test_processes_write_one_library_which_none_of_them_made(paths: LibraryPaths) -> None:
    """They also begin together: each finds no library and makes one."""
    writers = [start(_WRITE, paths.root, number) for number in range(3)]
    for process in writers:
        go(process)
    errors = [process.communicate()[1] for process in writers]
    assert [(process.returncode, error) for process, error in zip(writers, errors, strict=True)] == [(0, "")] * 3
    with ArticleStore(paths) as store:
        assert store.counts().articles == 3 * 20 * 10 + 1
        assert store.last_sequence() == 3 * 20 * 11
        assert len(list(store.changed_since(0))) == store.counts().articles


@pytest.mark.slow
def test_a_new_library_may_be_opened_by_several_at_once(tmp_path: Path) -> None:
    for attempt in range(4):
        openers = [start("ArticleStore(paths, create=True).close()", tmp_path / str(attempt)) for _ in range(4)]
        for process in openers:
            go(process)
        assert [process.communicate()[1] for process in openers] == [""] * 4


_WRITE_PAGES = """
writer = int(sys.argv[2])
with ArticleStore(paths, create=True) as store:
    for page in range(15):
        articles = [Article(f"{writer}-{page}-{n}", title="T.") for n in range(20)]
        articles += [Article(f"shared-{n}", title=f"{writer} {page}") for n in range(5)]
        store.write(articles, journal=[JournalEntry(f"run:{writer}", str(page))], edition=2020 + writer)
        store.write([Deletion((f"{writer}-{page}-0", "shared-0"))])
"""


@pytest.mark.slow
def test_two_runs_at_once_keep_their_journals_and_the_totals(paths: LibraryPaths) -> None:
    writers = [start(_WRITE_PAGES, paths.root, number) for number in range(2)]
    for process in writers:
        go(process)
    assert [process.communicate()[1] for process in writers] == [""] * 2
    with ArticleStore(paths) as store:
        assert [len(store.journal(run)) for run in store.journal_runs("run:")] == [15, 15]
        held = ids(store)
        assert len(held) == 2 * 15 * 19 + 4
        assert store.counts().articles == len(held) == sum(store.editions().values())
        assert len(list(store.changes("new", 0))) == len(held)


def test_opening_waits_for_a_writer_that_has_not_switched_to_a_log_yet(paths: LibraryPaths) -> None:
    """As when two processes make a library together; SQLite itself does not wait for this one lock."""
    ArticleStore(paths, create=True).close()
    other = sqlite3.connect(paths.store, isolation_level=None, check_same_thread=False)
    other.execute("PRAGMA journal_mode = DELETE")
    other.execute("BEGIN IMMEDIATE")
    done = threading.Timer(0.3, other.execute, ["COMMIT"])
    done.start()
    with ArticleStore(paths) as store:
        assert store.upsert([article(1)]).added == 1
    done.join()
    other.close()


# -- sudden death --------------------------------------------------------------------------------------

_DIE_WHILE = """
import os, signal
store = ArticleStore(paths)
store._connection.execute("PRAGMA cache_size = 10")  # so that changes leave memory before they are committed
store._connection.set_progress_handler(lambda: os.kill(os.getpid(), signal.SIGKILL), int(sys.argv[2]))
"""
_SWEEP = "store.delete_editions_before(2026, batch=50)"
_CHANGE_MUCH = """
store.write(
    [Article(str(n), title="Changed.") for n in range(300)] + [Deletion(tuple(str(n) for n in range(300, 600)))]
    + [Article(str(n), title="New.") for n in range(1000, 1300)],
    journal=[JournalEntry("run", "page/1"), JournalEntry("run", "page/2")],
    edition=2026,
)
"""


def held_and_counted(store: ArticleStore) -> list[str]:
    """The titles, after a look at whether all tables agree."""
    titles = sorted(stored.article.title for stored in store.articles())
    assert store.counts().articles == len(titles) == sum(store.editions().values())
    assert len(list(store.changes("new", 0))) == len(titles)
    return titles


def die_while(work: str, paths: LibraryPaths, instructions: int) -> bool:
    """Do ``work`` in a process that is killed after so many instructions of SQLite's; whether it was."""
    with start(_DIE_WHILE + work, paths.root, instructions) as process:
        go(process)
        assert process.wait() in (0, -9)
        return process.returncode != 0


def test_a_write_killed_anywhere_is_done_or_not_begun(paths: LibraryPaths) -> None:
    with ArticleStore(paths, create=True) as store:
        store.write([Article(str(n), title="Old.") for n in range(600)], edition=2025)
    killed = 0
    for instructions in (100, 5_000, 15_000, 25_000, 35_000, 1_000_000):
        killed += die_while(_CHANGE_MUCH, paths, instructions)
        with ArticleStore(paths) as store:
            if store.journal("run"):
                break
            assert held_and_counted(store) == ["Old."] * 600
            assert store.editions() == {2025: 600}
            assert store.last_sequence() == 600
    assert killed >= 3
    with ArticleStore(paths) as store:
        assert store.journal("run") == {"page/1": "", "page/2": ""}
        assert held_and_counted(store) == ["Changed."] * 300 + ["New."] * 300
        assert store.editions() == {2026: 600}
        assert store.last_sequence() == 600 + 900


def test_a_sweep_killed_often_and_repeated_removes_the_old_edition(paths: LibraryPaths) -> None:
    with ArticleStore(paths, create=True) as store:
        store.write([Article(str(n), title="Old.") for n in range(500)], edition=2025)
        store.write([Article(str(n), title="Kept.") for n in range(100, 200)], edition=2026)
    left = [500]
    for _ in range(10):
        killed = die_while(_SWEEP, paths, 4_000)
        with ArticleStore(paths) as store:
            left.append(store.counts().articles)
            assert held_and_counted(store).count("Kept.") == 100
            assert store.editions()[2026] == 100
        if not killed:
            break
    assert left == sorted(left, reverse=True)
    assert len(set(left)) > 2  # it went on where it had been stopped
    assert left[-1] == 100
    with ArticleStore(paths) as store:
        assert store.delete_editions_before(2026) == 0


_BATCH = 20
_WORK = """
with ArticleStore(paths, create=True) as store:
    for batch in range(150):
        store.upsert(Article(str(batch * 20 + n), title="T.", abstract=(Section("w " * 200),)) for n in range(20))
    store.upsert(Article(str(n), title="Updated.") for n in range(20))
    store.delete(str(n) for n in range(20, 40))
"""


@pytest.mark.slow
def test_ten_kills_and_a_repetition_equal_an_undisturbed_run(tmp_path: Path) -> None:
    undisturbed, disturbed = LibraryPaths(tmp_path / "undisturbed"), LibraryPaths(tmp_path / "disturbed")
    with start(_WORK, undisturbed.root) as process:
        started = time.monotonic()
        go(process)
        assert process.wait() == 0
        duration = time.monotonic() - started

    moments = random.Random(11)
    killed = 0
    for attempt in range(10):
        with start(_WORK, disturbed.root) as process:
            go(process)
            time.sleep(moments.uniform(0, duration))
            process.kill()
            killed += process.wait() != 0
        if disturbed.exists:
            # What a backup taken at this moment would hold: whole batches only, and a sound file.
            copy = LibraryPaths(tmp_path / f"copy {attempt}")
            shutil.copytree(disturbed.root, copy.root)
            assert len(digests(copy)) % _BATCH == 0
            connection = sqlite3.connect(copy.store)
            assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
            connection.close()
    assert killed > 0

    with start(_WORK, disturbed.root) as process:
        go(process)
        assert process.wait() == 0
    assert len(digests(disturbed)) == 149 * _BATCH
    assert digests(disturbed) == digests(undisturbed)
