"""Changes of the article tables, inside a transaction of the caller.

Articles arrive in any number and are written in batches: one look-up and one statement for several
hundred of them, in the order given, so that the result is that of writing them one by one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from sqlite3 import Connection

from pubmed_rag.core.article import Article
from pubmed_rag.core.database import select_in
from pubmed_rag.core.prepared import PreparedArticle, prepare

_BATCH = 500
_LEAVING = "SELECT key, id, added_sequence, retracted_sequence, has_abstract FROM articles"


@dataclass(frozen=True, slots=True)
class Deletion:
    """Articles to delete by id; those that are not there are ignored.

    ``bulk_only`` spares what no edition of the bulk files brought.
    """

    ids: tuple[str, ...]
    bulk_only: bool = False


Change = Article | PreparedArticle | Deletion


@dataclass(slots=True)
class _Held:
    """What is stored of an article, without its record."""

    key: int
    version: int
    digest: bytes
    has_abstract: bool
    retracted_sequence: int | None


@dataclass(slots=True)
class WriteCounts:
    """What a write did."""

    added: int = 0
    updated: int = 0
    unchanged: int = 0
    deleted: int = 0


@dataclass(slots=True)
class Writer:
    """Applies changes in order. Use one for one transaction."""

    connection: Connection
    edition: int | None = None
    counts: WriteCounts = field(default_factory=WriteCounts)
    _sequence: int = field(init=False)
    _with_abstract: int = 0  # by how much the totals have changed
    _retracted: int = 0

    def __post_init__(self) -> None:
        self._sequence = last_sequence(self.connection)

    def apply(self, changes: Iterable[Change]) -> None:
        """Apply ``changes``; ``counts`` says what they came to."""
        for run in _runs(changes):
            if isinstance(run, Deletion):
                self._delete(run)
            else:
                self._put(run)
        self._write_totals()

    def delete_keys(self, keys: Sequence[int]) -> None:
        """Delete articles by key."""
        self._remove(select_in(self.connection, f"{_LEAVING} WHERE key IN", keys))
        self._write_totals()

    def _put(self, articles: Sequence[PreparedArticle]) -> None:
        held = {
            row[0]: _Held(*row[1:])
            for row in select_in(
                self.connection,
                # The last column stands behind the record, which is not worth reading for a CASE without it.
                "SELECT id, key, version, digest, has_abstract, CASE WHEN retracted THEN retracted_sequence END"
                " FROM articles WHERE id IN",
                [article.id for article in articles],
            )
        }
        met: list[int] = []
        for article in articles:
            known = held.get(article.id)
            if known is not None and (known.digest == article.digest or article.version < known.version):
                self.counts.unchanged += 1
            else:
                self._sequence += 1
                known = held[article.id] = self._update(article, known) if known else self._insert(article)
            met.append(known.key)
        if self.edition is not None:
            self.connection.executemany(
                "INSERT INTO bulk_members VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET edition = excluded.edition"
                " WHERE edition != excluded.edition",
                [(key, self.edition) for key in met],
            )

    def _insert(self, article: PreparedArticle) -> _Held:
        retracted_sequence = self._sequence if article.retracted else None
        cursor = self.connection.execute(
            "INSERT INTO articles (id, sequence, added_sequence, retracted_sequence, version, digest, year, retracted,"
            " has_abstract, record) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                article.id,
                self._sequence,
                self._sequence,
                retracted_sequence,
                article.version,
                article.digest,
                article.year,
                article.retracted,
                article.has_abstract,
                article.record,
            ),
        )
        self.counts.added += 1
        self._with_abstract += article.has_abstract
        self._retracted += article.retracted
        return _Held(
            int(cursor.lastrowid or 0), article.version, article.digest, article.has_abstract, retracted_sequence
        )

    def _update(self, article: PreparedArticle, known: _Held) -> _Held:
        retracted_sequence = (known.retracted_sequence or self._sequence) if article.retracted else None
        self.connection.execute(
            "UPDATE articles SET sequence = ?, retracted_sequence = ?, version = ?, digest = ?, year = ?,"
            " retracted = ?, has_abstract = ?, record = ? WHERE key = ?",
            (
                self._sequence,
                retracted_sequence,
                article.version,
                article.digest,
                article.year,
                article.retracted,
                article.has_abstract,
                article.record,
                known.key,
            ),
        )
        self.counts.updated += 1
        self._with_abstract += article.has_abstract - known.has_abstract
        self._retracted += article.retracted - (known.retracted_sequence is not None)
        return _Held(known.key, article.version, article.digest, article.has_abstract, retracted_sequence)

    def _delete(self, deletion: Deletion) -> None:
        select = f"{_LEAVING} JOIN bulk_members USING (key)" if deletion.bulk_only else _LEAVING
        self._remove(select_in(self.connection, f"{select} WHERE id IN", tuple(dict.fromkeys(deletion.ids))))

    def _remove(self, rows: Iterable[tuple[int, str, int, int | None, bool]]) -> None:
        for key, article_id, added_sequence, retracted_sequence, has_abstract in sorted(rows):
            self._sequence += 1
            self.counts.deleted += 1
            self._with_abstract -= has_abstract
            self._retracted -= retracted_sequence is not None
            self.connection.execute("DELETE FROM articles WHERE key = ?", (key,))
            self.connection.execute("DELETE FROM bulk_members WHERE key = ?", (key,))
            self.connection.execute(
                "INSERT INTO deletions (sequence, key, id, added_sequence, retracted_sequence) VALUES (?, ?, ?, ?, ?)",
                (self._sequence, key, article_id, added_sequence, retracted_sequence),
            )

    def _write_totals(self) -> None:
        articles = self.counts.added - self.counts.deleted
        if articles or self._with_abstract or self._retracted:
            self.connection.execute(
                "UPDATE totals SET articles = articles + ?, with_abstract = with_abstract + ?,"
                " retracted = retracted + ?",
                (articles, self._with_abstract, self._retracted),
            )


def last_sequence(connection: Connection) -> int:
    """The sequence number of the latest change; 0 for an empty store."""
    (number,) = connection.execute(
        "SELECT max(coalesce((SELECT max(sequence) FROM articles), 0),"
        "           coalesce((SELECT max(sequence) FROM deletions), 0))"
    ).fetchone()
    return int(number)


def _runs(changes: Iterable[Change]) -> Iterator[list[PreparedArticle] | Deletion]:
    """Successive articles in batches, deletions between them where they stand."""
    batch: list[PreparedArticle] = []
    for change in changes:
        if isinstance(change, Deletion):
            if batch:
                yield batch
                batch = []
            yield change
            continue
        batch.append(change if isinstance(change, PreparedArticle) else prepare(change))
        if len(batch) == _BATCH:
            yield batch
            batch = []
    if batch:
        yield batch
