"""The article store: SQLite, the only source of truth of a library."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from pubmed_rag.core.errors import UnknownArticleError
from pubmed_rag.core.ledger import JournalEntry, Ledger, SavedQuery, UpdateRecord, put_journal
from pubmed_rag.core.prepared import PreparedArticle, article_digest, prepare, unpack
from pubmed_rag.core.records import Article, IngestReport
from pubmed_rag.core.store_writing import Change, Deletion, Writer, last_sequence

__all__ = [
    "CHANGE_KINDS",
    "ArticleStore",
    "ChangeCounts",
    "ChangeKind",
    "Deletion",
    "JournalEntry",
    "PreparedArticle",
    "SavedQuery",
    "StoreCounts",
    "StoredArticle",
    "UpdateRecord",
    "article_digest",
    "prepare",
]

ChangeKind = Literal["new", "revised", "deleted", "retracted"]
CHANGE_KINDS: tuple[ChangeKind, ...] = get_args(ChangeKind)

_LATEST = 2**62
# An article that was held at `since`, deleted after it, and came back, has a tombstone that says so.
_BACK = (
    "SELECT 1 FROM deletions AS gone WHERE gone.id = articles.id"
    " AND gone.sequence > :since AND gone.added_sequence <= :since"
)
# Ids by kind of change, in the order of the changes. Parameters: since, until (sequence numbers).
# Nothing here reads more rows than have changed after `since`.
_CHANGES: dict[ChangeKind, str] = {
    "new": "SELECT id FROM articles WHERE sequence > :since AND added_sequence > :since AND added_sequence <= :until"
    f" AND NOT EXISTS ({_BACK}) ORDER BY sequence",
    "revised": "SELECT id FROM articles WHERE sequence > :since AND sequence <= :until"
    f" AND (added_sequence <= :since OR EXISTS ({_BACK})) ORDER BY sequence",
    "deleted": "SELECT id FROM deletions AS gone WHERE sequence > :since AND sequence <= :until"
    " AND added_sequence <= :since AND NOT EXISTS (SELECT 1 FROM articles WHERE articles.id = gone.id)"
    " ORDER BY sequence",
    "retracted": "SELECT id FROM articles WHERE retracted_sequence > :since AND retracted_sequence <= :until"
    " AND (added_sequence <= :since OR EXISTS"
    f" ({_BACK} AND coalesce(gone.retracted_sequence > :since, TRUE))) ORDER BY retracted_sequence",
}
# Left to itself SQLite would read the whole library in the order of its keys. So the keys of what has changed
# are collected first.
_CHANGED_BY_KEY = (
    "SELECT key, record FROM articles WHERE key IN"
    " (SELECT key FROM articles INDEXED BY articles_by_sequence WHERE sequence > ?) ORDER BY key"
)
_CHANGED_IN_ORDER = "SELECT key, record FROM articles WHERE sequence > ? ORDER BY sequence"


@dataclass(frozen=True, slots=True)
class StoredArticle:
    """An article with the integer key that indexes use for it."""

    key: int
    article: Article


@dataclass(frozen=True, slots=True)
class StoreCounts:
    """How many articles the store holds, and of which kinds."""

    articles: int
    with_abstract: int
    retracted: int


@dataclass(frozen=True, slots=True)
class ChangeCounts:
    """How many articles changed, by kind. A retracted one is counted as revised too."""

    new: int = 0
    revised: int = 0
    deleted: int = 0
    retracted: int = 0


class ArticleStore(Ledger):
    """Articles by id. Every change carries a rising sequence number, so an index can ask what is new.

    One object may be used from several threads.
    """

    # -- writing -----------------------------------------------------------------------------------

    def write(
        self, changes: Iterable[Change], *, journal: Sequence[JournalEntry] = (), edition: int | None = None
    ) -> IngestReport:
        """Apply ``changes`` in order, and ``journal``, in one transaction: all or, if the process dies, nothing.

        The last occurrence of an id wins, except that a lower ``version`` never replaces a higher one.
        An article equal to what is stored (``source`` aside) is counted as unchanged and costs no
        sequence number. With ``edition`` (the year of NLM's baseline) every article met, unchanged ones
        included, is marked as brought by that edition of the bulk files.
        """
        with self._transaction() as connection:
            writer = Writer(connection, edition)
            writer.apply(changes)
            put_journal(connection, journal)
        counts = writer.counts
        read = counts.added + counts.updated + counts.unchanged
        return IngestReport(read, counts.added, counts.updated, counts.unchanged, counts.deleted)

    def upsert(self, articles: Iterable[Article | PreparedArticle]) -> IngestReport:
        """Store ``articles`` in one transaction, as :meth:`write` does."""
        return self.write(articles)

    def delete(self, ids: Iterable[str]) -> int:
        """Delete articles in one transaction; ids that are not there are ignored. Returns how many were."""
        return self.write([Deletion(tuple(ids))]).deleted

    def delete_editions_before(self, edition: int, *, batch: int = 1000) -> int:
        """Delete what an earlier edition of the bulk files brought and ``edition`` did not. Returns how many.

        Works in transactions of ``batch`` articles; stopped and repeated, it goes on. Articles that came
        from elsewhere alone stay.
        """
        deleted = 0
        after = 0  # bulk_members is read once, not once a batch
        while True:
            with self._transaction() as connection:
                rows = connection.execute(
                    "SELECT key FROM bulk_members WHERE edition < ? AND key > ? ORDER BY key LIMIT ?",
                    (edition, after, batch),
                ).fetchall()
                keys = [key for (key,) in rows]
                Writer(connection).delete_keys(keys)
            deleted += len(keys)
            if len(keys) < batch:
                return deleted
            after = keys[-1]

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
        return {article_id: unpack(record) for article_id, record in rows}

    def get_by_keys(self, keys: Sequence[int]) -> dict[int, Article]:
        """Articles by integer key; keys that are not there are left out."""
        rows = self._select_in("SELECT key, record FROM articles WHERE key IN", keys)
        return {key: unpack(record) for key, record in rows}

    def keys_of(self, ids: Sequence[str]) -> dict[str, int]:
        """Integer keys by id; ids that are not there are left out."""
        return dict(self._select_in("SELECT id, key FROM articles WHERE id IN", ids))

    def articles(self) -> Iterator[StoredArticle]:
        """All articles in the order of their keys, streamed."""
        return self._stream("SELECT key, record FROM articles ORDER BY key")

    def changed_since(
        self, sequence: int, *, order: Literal["key", "sequence"] = "sequence"
    ) -> Iterator[StoredArticle]:
        """Articles added or updated after ``sequence``, streamed; each once, in its present state.

        Costs what has changed, whatever the order and the size of the library.
        """
        return self._stream(_CHANGED_BY_KEY if order == "key" else _CHANGED_IN_ORDER, sequence)

    def count_changed_since(self, sequence: int) -> int:
        """How many articles :meth:`changed_since` yields."""
        (count,) = self._connection.execute("SELECT count(*) FROM articles WHERE sequence > ?", (sequence,)).fetchone()
        return int(count)

    def deleted_since(self, sequence: int) -> list[int]:
        """Keys deleted after ``sequence``. A deleted id that came back has a new key."""
        rows = self._connection.execute("SELECT key FROM deletions WHERE sequence > ? ORDER BY sequence", (sequence,))
        return [key for (key,) in rows]

    def changes(self, kind: ChangeKind, since: int, until: int | None = None) -> Iterator[str]:
        """Ids of the articles that changed after sequence number ``since``, up to ``until``, oldest change first.

        ``new``: not held at ``since``, and there now. ``revised``: held then, and changed since, be it that it
        was deleted and came back. ``deleted``: held then, and gone now. ``retracted``: held then, and retracted
        since. Where an article changed again after ``until``, that earlier change is no longer known.
        """
        cursor = self._connection.execute(
            _CHANGES[kind], {"since": since, "until": _LATEST if until is None else until}
        )
        for (article_id,) in cursor:
            yield article_id

    def count_changes(self, since: int, until: int | None = None) -> ChangeCounts:
        """How many ids :meth:`changes` yields for each kind."""
        values = {"since": since, "until": _LATEST if until is None else until}
        counts = {
            kind: self._connection.execute(f"SELECT count(*) FROM ({select})", values).fetchone()[0]
            for kind, select in _CHANGES.items()
        }
        return ChangeCounts(**counts)

    def last_sequence(self) -> int:
        """The sequence number of the latest change; 0 for an empty store."""
        return last_sequence(self._connection)

    def counts(self) -> StoreCounts:
        """Totals for ``info`` pages; kept with every change, so that asking costs nothing."""
        row = self._connection.execute("SELECT articles, with_abstract, retracted FROM totals").fetchone()
        return StoreCounts(*row)

    def holds_retracted(self) -> bool:
        """Whether any article is retracted, without counting them."""
        (found,) = self._connection.execute("SELECT EXISTS (SELECT 1 FROM articles WHERE retracted)").fetchone()
        return bool(found)

    def _stream(self, select: str, *values: int) -> Iterator[StoredArticle]:
        for key, record in self._connection.execute(select, values):
            yield StoredArticle(key, unpack(record))
