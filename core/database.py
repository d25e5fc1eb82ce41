"""One SQLite file, used from several threads and processes: connections, transactions, errors in words."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Self

from pubmed_rag.core.errors import translate
from pubmed_rag.core.library import LibraryPaths
from pubmed_rag.core.migrations import SCHEMA_VERSION, migrate, schema_version

_BUSY_SECONDS = 30.0
_CACHE_KIB = 1 << 16  # changes spread over a large library touch many pages more than once
# SQLite's default brings every 4 MB of changes into place and waits for the disk; pages that change often, as
# those of the indexes do, go there once with 64.
_LOG_PAGES = 1 << 14
_LOG_BYTES = 1 << 26  # a longer log, as a very large transaction leaves it, is cut back to this
_VALUES_PER_STATEMENT = 500


class Database:
    """Connections to a library's SQLite file, a separate one for each thread.

    Writers take turns (SQLite's lock, waited for up to 30 s); readers never wait.
    """

    def __init__(self, paths: LibraryPaths, *, create: bool = False) -> None:
        if create:
            paths.root.mkdir(parents=True, exist_ok=True)
        else:
            paths.require()
        self._path = paths.store
        self._create = create
        self._local = threading.local()
        self._connections: list[tuple[threading.Thread, sqlite3.Connection]] = []
        self._guard = threading.Lock()
        try:
            with _translated():
                connection = self._connection
                if create or schema_version(connection) != SCHEMA_VERSION:
                    migrate(connection, self._path)
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def close(self) -> None:
        """Close every thread's connection. The object must not be used afterwards."""
        with self._guard:
            for _, connection in self._connections:
                connection.close()
            self._connections.clear()

    @contextlib.contextmanager
    def snapshot(self) -> Iterator[None]:
        """Inside the block this thread reads the store as it is now, whatever others write meanwhile.

        The write-ahead log keeps growing for as long as it lasts. This thread must not write inside it.
        """
        with _translated():
            connection = self._connection
            connection.execute("BEGIN")
            connection.execute("SELECT 1 FROM articles LIMIT 1").fetchone()  # a transaction begins with its first read
            try:
                yield
            finally:
                with contextlib.suppress(sqlite3.Error):
                    connection.execute("ROLLBACK")

    @property
    def _connection(self) -> sqlite3.Connection:
        connection: sqlite3.Connection | None = getattr(self._local, "connection", None)
        if connection is None:
            connection = self._local.connection = self._connect()
        return connection

    def _connect(self) -> sqlite3.Connection:
        with _translated():
            target = self._path.absolute().as_uri()
            read_only = not self._create and not _writable(self._path)
            if read_only:
                # A library on read-only media: WAL needs to write, so read the file as it lies, unless
                # a killed writer left its log beside it, which then holds the latest changes.
                target += "?mode=ro" if _holds_changes(self._path) else "?mode=ro&immutable=1"
            connection = sqlite3.connect(
                target, uri=True, timeout=_BUSY_SECONDS, isolation_level=None, check_same_thread=False
            )
            if not read_only:
                _use_wal(connection)
                connection.execute("PRAGMA synchronous = NORMAL")
                connection.execute(f"PRAGMA cache_size = -{_CACHE_KIB}")
                connection.execute(f"PRAGMA wal_autocheckpoint = {_LOG_PAGES}")
                connection.execute(f"PRAGMA journal_size_limit = {_LOG_BYTES}")
        with self._guard:
            # A thread that has ended needs its connection no more; pages start a thread for every redraw.
            for thread, ended in self._connections:
                if not thread.is_alive():
                    ended.close()
            self._connections = [(thread, kept) for thread, kept in self._connections if thread.is_alive()]
            self._connections.append((threading.current_thread(), connection))
        return connection

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with _translated():
            connection = self._connection
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
                connection.execute("COMMIT")
            except BaseException:
                with contextlib.suppress(sqlite3.Error):
                    connection.execute("ROLLBACK")
                raise

    def _select_in(self, select: str, values: Sequence[str] | Sequence[int]) -> Iterator[Any]:
        return select_in(self._connection, select, values)


def select_in(connection: sqlite3.Connection, select: str, values: Sequence[str] | Sequence[int]) -> Iterator[Any]:
    """Rows of ``select`` (which ends in ``IN``) for ``values``, as many at a time as a statement may hold."""
    for start in range(0, len(values), _VALUES_PER_STATEMENT):
        chunk = values[start : start + _VALUES_PER_STATEMENT]
        yield from connection.execute(f"{select} ({','.join('?' * len(chunk))})", chunk).fetchall()


def _writable(path: Path) -> bool:
    return os.access(path.parent, os.W_OK) and (not path.exists() or os.access(path, os.W_OK))


def _holds_changes(path: Path) -> bool:
    log = path.with_name(f"{path.name}-wal")
    return log.is_file() and log.stat().st_size > 0


def _use_wal(connection: sqlite3.Connection) -> None:
    give_up = time.monotonic() + _BUSY_SECONDS
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as error:  # the switch needs the file alone, and SQLite does not wait for that
            if "locked" not in str(error) or time.monotonic() > give_up:
                raise
            time.sleep(0.02)


@contextlib.contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        known = translate(error)
        if known is None:
            raise
        raise known from error
