"""The store's schema as numbered steps. A step, once released, never changes; a new one is added.

``PRAGMA user_version`` holds the number of the last step applied.
"""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from pubmed_rag.core.errors import LibraryTooNewError

MIGRATIONS: tuple[str, ...] = (
    # 1: articles by id with a change sequence, tombstones, and named values.
    # AUTOINCREMENT: a key, once given, is never given to another article, so an index entry cannot
    # come to mean something else. The columns beside `record` are what listing and counting need.
    """
    CREATE TABLE articles (
        key          INTEGER PRIMARY KEY AUTOINCREMENT,
        id           TEXT NOT NULL UNIQUE,
        sequence     INTEGER NOT NULL,
        version      INTEGER NOT NULL,
        digest       BLOB NOT NULL,
        year         INTEGER,
        retracted    INTEGER NOT NULL,
        has_abstract INTEGER NOT NULL,
        record       BLOB NOT NULL
    );
    CREATE UNIQUE INDEX articles_by_sequence ON articles (sequence);
    CREATE INDEX retracted_articles ON articles (key) WHERE retracted;
    CREATE TABLE deletions (
        sequence INTEGER PRIMARY KEY,
        key      INTEGER NOT NULL,
        id       TEXT NOT NULL
    );
    CREATE TABLE facts (
        name  TEXT PRIMARY KEY,
        value TEXT NOT NULL
    ) WITHOUT ROWID;
    """,
    # 2: the queries a library was made from, so that they can be asked again.
    """
    CREATE TABLE queries (
        query   TEXT PRIMARY KEY,
        since   TEXT,
        until   TEXT,
        maximum INTEGER,
        asked   TEXT NOT NULL
    ) WITHOUT ROWID;
    """,
    # 3: what long runs and updates need. An article knows when it came and when it became retracted;
    # the journal holds finished steps of runs; bulk_members says which edition of NLM's bulk files last
    # brought an article (no row: something else brought it); updates is their history.
    """
    ALTER TABLE articles ADD COLUMN added_sequence INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE articles ADD COLUMN retracted_sequence INTEGER;
    UPDATE articles SET added_sequence = sequence, retracted_sequence = CASE WHEN retracted THEN sequence END;
    CREATE INDEX articles_by_retraction ON articles (retracted_sequence) WHERE retracted_sequence IS NOT NULL;
    CREATE TABLE journal (
        run   TEXT NOT NULL,
        item  TEXT NOT NULL,
        value TEXT NOT NULL,
        PRIMARY KEY (run, item)
    ) WITHOUT ROWID;
    CREATE TABLE bulk_members (
        key     INTEGER PRIMARY KEY,
        edition INTEGER NOT NULL
    );
    CREATE TABLE updates (
        number   INTEGER PRIMARY KEY AUTOINCREMENT,
        started  TEXT NOT NULL,
        finished TEXT NOT NULL,
        since    INTEGER NOT NULL,
        until    INTEGER NOT NULL
    );
    """,
    # 4: what tells changes apart exactly, and totals that need no look at forty million rows. A tombstone
    # knows since when its article had been there and had been retracted, so that "new" and "deleted" compare
    # two states of the library whatever happened between them.
    """
    ALTER TABLE deletions ADD COLUMN added_sequence INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE deletions ADD COLUMN retracted_sequence INTEGER;
    CREATE INDEX deletions_by_id ON deletions (id);
    UPDATE deletions SET added_sequence = coalesce(
        (SELECT max(earlier.sequence) + 1 FROM deletions AS earlier
         WHERE earlier.id = deletions.id AND earlier.sequence < deletions.sequence), 0);
    CREATE TABLE totals (
        articles      INTEGER NOT NULL,
        with_abstract INTEGER NOT NULL,
        retracted     INTEGER NOT NULL
    );
    INSERT INTO totals
        SELECT count(*), coalesce(sum(has_abstract), 0), coalesce(sum(retracted), 0) FROM articles;
    """,
)

SCHEMA_VERSION = len(MIGRATIONS)


def migrate(connection: sqlite3.Connection, path: Path) -> None:
    """Bring the database up to date. Raises :class:`LibraryTooNewError` if a later program wrote it."""
    version = schema_version(connection)
    if version > SCHEMA_VERSION:
        raise LibraryTooNewError(
            f"{path} was written by a newer pubmed-rag (schema {version}, this one knows {SCHEMA_VERSION})",
            remedy="update with 'pip install --upgrade pubmed-rag'; nothing was changed",
        )
    for number, step in enumerate(MIGRATIONS[version:], start=version + 1):
        connection.execute("BEGIN IMMEDIATE")
        try:
            if schema_version(connection) < number:  # else another process took this step while we waited
                for statement in _statements(step):
                    connection.execute(statement)
                connection.execute(f"PRAGMA user_version = {number}")
            connection.execute("COMMIT")
        except BaseException:
            with contextlib.suppress(sqlite3.Error):
                connection.execute("ROLLBACK")
            raise


def schema_version(connection: sqlite3.Connection) -> int:
    """Number of the last step applied; 0 for an empty database."""
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    return int(version)


def _statements(script: str) -> Iterator[str]:
    statement = ""
    for piece in script.split(";")[:-1]:
        statement += f"{piece};"
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""
