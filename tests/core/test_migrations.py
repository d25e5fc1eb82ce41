"""Libraries that earlier programs made are brought forward, whatever happens meanwhile."""

from __future__ import annotations

import contextlib
import sqlite3
import subprocess
import sys
import zlib
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from pubmed_rag.core.library import LibraryPaths
from pubmed_rag.core.migrations import MIGRATIONS, SCHEMA_VERSION, schema_version
from pubmed_rag.core.records import Article, Correction, Section
from pubmed_rag.core.store import ArticleStore, StoreCounts, article_digest


def article(number: int, title: str = "Old.", *, retracted: bool = False) -> Article:
    return Article(
        str(number),
        title=title,
        abstract=(Section("Text."),) if number % 2 else (),
        corrections=(Correction("RetractionIn"),) if retracted else (),
        source="old.xml",
    )


@contextlib.contextmanager
def database(path: Path) -> Iterator[sqlite3.Connection]:
    with contextlib.closing(sqlite3.connect(path)) as connection, connection:
        yield connection


def make_old(paths: LibraryPaths, schema: int, articles: int = 10) -> None:
    """A library as the program of that schema left it: articles 1 to ``articles``, 3 retracted, 2 and 4 deleted."""
    paths.root.mkdir()
    with database(paths.store) as connection:
        for step in MIGRATIONS[:schema]:
            connection.executescript(step)
        connection.execute(f"PRAGMA user_version = {schema}")
        for number in range(1, articles + 1):
            one = article(number, retracted=number == 3)
            connection.execute(
                "INSERT INTO articles (id, sequence, version, digest, year, retracted, has_abstract, record)"
                " VALUES (?, ?, 1, ?, NULL, ?, ?, ?)",
                (
                    one.id,
                    number,
                    article_digest(one),
                    one.is_retracted,
                    one.has_abstract,
                    zlib.compress(msgspec.json.encode(one), 1),
                ),
            )
        if schema >= 3:
            connection.execute("UPDATE articles SET added_sequence = sequence")
            connection.execute("UPDATE articles SET retracted_sequence = sequence WHERE retracted")
        # 2 had been deleted before and came back; 4 was deleted once, as the last in the table.
        rows = ((articles + 1, 1000, "2"), (articles + 3, 2, "2"), (articles + 4, 4, "4"))
        connection.executemany("INSERT INTO deletions (sequence, key, id) VALUES (?, ?, ?)", rows)
        connection.execute("DELETE FROM articles WHERE id IN ('2', '4')")
        connection.execute("INSERT INTO facts VALUES ('name', 'value')")
        if schema >= 2:
            connection.execute("INSERT INTO queries VALUES ('q', NULL, NULL, 5, '2026-01-01T00:00:00+00:00')")


@pytest.mark.parametrize("create", [False, True])
@pytest.mark.parametrize("schema", range(1, SCHEMA_VERSION))
def test_an_old_library_is_brought_forward(paths: LibraryPaths, schema: int, create: bool) -> None:
    make_old(paths, schema)
    with ArticleStore(paths, create=create) as store:
        held = [1, 3, 5, 6, 7, 8, 9, 10]
        assert [stored.article for stored in store.articles()] == [article(n, retracted=n == 3) for n in held]
        assert store.keys_of(["1", "10"]) == {"1": 1, "10": 10}
        assert store.counts() == StoreCounts(articles=8, with_abstract=5, retracted=1)
        assert store.last_sequence() == 14
        assert store.deleted_since(10) == [1000, 2, 4]
        assert list(store.changes("deleted", 10)) == ["2", "4"]  # 2 had gone, come back and gone again
        assert list(store.changes("deleted", 12)) == ["2", "4"]
        assert list(store.changes("deleted", 13)) == ["4"]
        assert store.fact("name") == "value"
        assert [saved.maximum for saved in store.saved_queries()] == ([5] if schema >= 2 else [])

        assert store.upsert([article(n, retracted=n == 3) for n in held]).unchanged == 8
        since = store.last_sequence()
        store.upsert([article(5, retracted=True), article(4), article(11)])
        assert list(store.changes("retracted", since)) == ["5"]
        assert list(store.changes("new", since)) == ["4", "11"]
        assert min(store.keys_of(["4", "11"]).values()) > 10
        assert store.editions() == {}
    with database(paths.store) as connection:
        assert schema_version(connection) == SCHEMA_VERSION


@pytest.mark.parametrize("schema", range(1, SCHEMA_VERSION))
def test_a_new_library_and_a_migrated_one_have_the_same_schema(paths: LibraryPaths, schema: int) -> None:
    def definitions(path: Path) -> list[tuple[str, str]]:
        with database(path) as connection:
            return connection.execute("SELECT name, sql FROM sqlite_schema WHERE sql NOT NULL ORDER BY name").fetchall()

    make_old(paths, schema)
    ArticleStore(paths).close()
    new = LibraryPaths(paths.root.parent / "new")
    ArticleStore(new, create=True).close()
    assert definitions(paths.store) == definitions(new.store)


_DIE_WHILE_MIGRATING = """
import os, signal, sqlite3, sys
from pathlib import Path
from pubmed_rag.core.migrations import migrate
path, instructions = Path(sys.argv[1]), int(sys.argv[2])
connection = sqlite3.connect(path, isolation_level=None)
connection.execute("PRAGMA journal_mode = WAL")
connection.execute("PRAGMA cache_size = 10")  # so that changes leave memory before they are committed
connection.set_progress_handler(lambda: os.kill(os.getpid(), signal.SIGKILL), instructions)
migrate(connection, path)
connection.set_progress_handler(None, 0)
"""


def dump(path: Path) -> list[str]:
    """Everything in the database, as a copy made at this moment would show it."""
    with database(path) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        return [f"schema {schema_version(connection)}", *connection.iterdump()]


def test_a_migration_killed_anywhere_loses_nothing(paths: LibraryPaths) -> None:
    make_old(paths, 2, articles=600)
    states = [dump(paths.store)]
    undisturbed = paths.root.parent / "undisturbed.sqlite"
    undisturbed.write_bytes(paths.store.read_bytes())
    for number, step in enumerate(MIGRATIONS[2:], start=3):
        with database(undisturbed) as connection:
            connection.executescript(f"{step} PRAGMA user_version = {number};")
        states.append(dump(undisturbed))

    seen = set()
    for instructions in (50, 3_000, 9_000, 15_000, 25_000, 40_000, 10_000_000):
        command = [sys.executable, "-c", _DIE_WHILE_MIGRATING, str(paths.store), str(instructions)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.stderr == ""
        state = states.index(dump(paths.store))  # one of the whole steps, and nothing else
        seen.add((done.returncode, state))
    assert (-9, 0) in seen
    assert (0, len(states) - 1) in seen
