"""The article store: SQLite, the only source of truth of a library."""

from __future__ import annotations

import contextlib
import hashlib
import os
import sqlite3
import threading
import time
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, Self

import msgspec

from pubmed_rag.core.errors import LibraryError, UnknownArticleError, translate
from pubmed_rag.core.library import LibraryPaths
from pubmed_rag.core.migrations import SCHEMA_VERSION, migrate, schema_version
from pubmed_rag.core.records import Article, IngestReport

_BUSY_SECONDS = 30.0
_VALUES_PER_STATEMENT = 500

_encode = msgspec.json.Encoder(order="deterministic").encode
_decode = msgspec.json.Decoder(Article).decode

Outcome = Literal["added", "updated", "unchanged"]


@dataclass(frozen=True, slots=True)
class StoredArticle:
    """An article with the integer key that indexes use for it."""

    key: int
    article: Article


@dataclass(frozen=True, slots=True)
class SavedQuery:
    """A PubMed query this library was made from. Dates are ISO; ``asked`` is when it last succeeded (UTC)."""

    query: str
    since: str | None
    until: str | None
    maximum: int | None
    asked: str


@dataclass(frozen=True, slots=True)
class StoreCounts:
    """How many articles the store holds, and of which kinds."""

    articles: int
    with_abstract: int
    retracted: int


class ArticleStore:
    """Articles by id. Every change carries a rising sequence number, so an index can ask what is new.

    One object may be used from several threads: each gets a connection of its own. Writers take turns
    (SQLite's lock, waited for up to 30 s); readers never wait.
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

    # -- writing -----------------------------------------------------------------------------------

    def upsert(self, articles: Iterable[Article]) -> IngestReport:
        """Store ``articles`` in one transaction: all of them or, if the process dies, none.

        The last occurrence of an id wins, except that a lower ``version`` never replaces a higher one.
        An article equal to what is stored (``source`` aside) is counted as unchanged and costs no
        sequence number.
        """
        counts: dict[Outcome, int] = {"added": 0, "updated": 0, "unchanged": 0}
        with self._transaction() as connection:
            sequence = _last_sequence(connection)
            for article in articles:
                outcome = _put(connection, article, sequence + 1)
                sequence += outcome != "unchanged"
                counts[outcome] += 1
        return IngestReport(sum(counts.values()), counts["added"], counts["updated"], counts["unchanged"])

    def delete(self, ids: Iterable[str]) -> int:
        """Delete articles in one transaction; ids that are not there are ignored. Returns how many were."""
        deleted = 0
        with self._transaction() as connection:
            sequence = _last_sequence(connection)
            for article_id in ids:
                row = connection.execute("DELETE FROM articles WHERE id = ? RETURNING key", (article_id,)).fetchone()
                if row is None:
                    continue
                sequence += 1
                deleted += 1
                connection.execute("INSERT INTO deletions VALUES (?, ?, ?)", (sequence, row[0], article_id))
        return deleted

    def save_query(self, query: str, *, since: str | None, until: str | None, maximum: int | None) -> None:
        """Remember that ``query`` was brought in completely just now."""
        asked = datetime.now(UTC).isoformat(timespec="seconds")
        with self._transaction() as connection:
            connection.execute(
                "INSERT OR REPLACE INTO queries VALUES (?, ?, ?, ?, ?)", (query, since, until, maximum, asked)
            )

    def set_fact(self, name: str, value: str) -> None:
        """Remember a named value about this library."""
        with self._transaction() as connection:
            connection.execute("INSERT OR REPLACE INTO facts VALUES (?, ?)", (name, value))

    # -- reading -----------------------------------------------------------------------------------

    def get(self, article_id: str) -> Article:
        """The article with this id. Raises :class:`UnknownArticleError`."""
        found = self.get_many([article_id])
        if not found:
            raise UnknownArticleError(f"the library holds no article {article_id}")
        return found[article_id]

    def get_many(self, ids: Sequence[str]) -> dict[str, Article]:
        """Articles by id; ids that are not there are left out."""
        rows = self._select_in("SELECT id, record FROM articles WHERE id IN", ids)
        return {article_id: _unpack(record) for article_id, record in rows}

    def get_by_keys(self, keys: Sequence[int]) -> dict[int, Article]:
        """Articles by integer key; keys that are not there are left out."""
        rows = self._select_in("SELECT key, record FROM articles WHERE key IN", keys)
        return {key: _unpack(record) for key, record in rows}

    def keys_of(self, ids: Sequence[str]) -> dict[str, int]:
        """Integer keys by id; ids that are not there are left out."""
        return dict(self._select_in("SELECT id, key FROM articles WHERE id IN", ids))

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

    def articles(self) -> Iterator[StoredArticle]:
        """All articles in the order of their keys, streamed."""
        return self.changed_since(0, order="key")

    def changed_since(
        self, sequence: int, *, order: Literal["key", "sequence"] = "sequence"
    ) -> Iterator[StoredArticle]:
        """Articles added or updated after ``sequence``, streamed; each once, in its present state."""
        cursor = self._connection.execute(
            f"SELECT key, record FROM articles WHERE sequence > ? ORDER BY {order}",
            (sequence,),
        )
        for key, record in cursor:
            yield StoredArticle(key, _unpack(record))

    def count_changed_since(self, sequence: int) -> int:
        """How many articles :meth:`changed_since` yields."""
        (count,) = self._connection.execute("SELECT count(*) FROM articles WHERE sequence > ?", (sequence,)).fetchone()
        return int(count)

    def deleted_since(self, sequence: int) -> list[int]:
        """Keys deleted after ``sequence``. A deleted id that came back has a new key."""
        rows = self._connection.execute("SELECT key FROM deletions WHERE sequence > ? ORDER BY sequence", (sequence,))
        return [key for (key,) in rows]

    def last_sequence(self) -> int:
        """The sequence number of the latest change; 0 for an empty store."""
        return _last_sequence(self._connection)

    def counts(self) -> StoreCounts:
        """Totals for ``info`` pages."""
        row = self._connection.execute(
            "SELECT count(*), coalesce(sum(has_abstract), 0), coalesce(sum(retracted), 0) FROM articles"
        ).fetchone()
        return StoreCounts(*row)

    def holds_retracted(self) -> bool:
        """Whether any article is retracted, without counting them."""
        (found,) = self._connection.execute("SELECT EXISTS (SELECT 1 FROM articles WHERE retracted)").fetchone()
        return bool(found)

    def saved_queries(self) -> list[SavedQuery]:
        """The queries this library was made from, by text."""
        rows = self._connection.execute("SELECT query, since, until, maximum, asked FROM queries ORDER BY query")
        return [SavedQuery(*row) for row in rows]

    def fact(self, name: str) -> str | None:
        """A named value set with :meth:`set_fact`."""
        row = self._connection.execute("SELECT value FROM facts WHERE name = ?", (name,)).fetchone()
        return None if row is None else str(row[0])

    # -- connections -------------------------------------------------------------------------------

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

    def _select_in(self, select: str, values: Sequence[str] | Sequence[int]) -> Iterator[tuple[Any, Any]]:
        for start in range(0, len(values), _VALUES_PER_STATEMENT):
            chunk = values[start : start + _VALUES_PER_STATEMENT]
            yield from self._connection.execute(f"{select} ({','.join('?' * len(chunk))})", chunk).fetchall()


def _last_sequence(connection: sqlite3.Connection) -> int:
    (number,) = connection.execute(
        "SELECT max(coalesce((SELECT max(sequence) FROM articles), 0),"
        "           coalesce((SELECT max(sequence) FROM deletions), 0))"
    ).fetchone()
    return int(number)


def _put(connection: sqlite3.Connection, article: Article, sequence: int) -> Outcome:
    digest = article_digest(article)
    row = connection.execute("SELECT key, version, digest FROM articles WHERE id = ?", (article.id,)).fetchone()
    if row is not None and (row[2] == digest or article.version < row[1]):
        return "unchanged"
    values = (
        sequence,
        article.version,
        digest,
        article.year,
        article.is_retracted,
        article.has_abstract,
        zlib.compress(_encode(article), 1),
    )
    if row is None:
        connection.execute(
            "INSERT INTO articles (sequence, version, digest, year, retracted, has_abstract, record, id)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (*values, article.id),
        )
        return "added"
    connection.execute(
        "UPDATE articles SET sequence = ?, version = ?, digest = ?, year = ?, retracted = ?, has_abstract = ?,"
        " record = ? WHERE key = ?",
        (*values, row[0]),
    )
    return "updated"


def article_digest(article: Article) -> bytes:
    """16 bytes that are equal for equal articles, whatever their ``source``."""
    return hashlib.blake2b(_encode(replace(article, source="")), digest_size=16).digest()


def _unpack(record: bytes) -> Article:
    try:
        return _decode(zlib.decompress(record))
    except (zlib.error, msgspec.DecodeError) as error:
        raise LibraryError(
            f"articles.sqlite is damaged (unreadable record: {error})",
            remedy="restore it from a copy, or ingest into a new library",
        ) from error


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
