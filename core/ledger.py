"""What a library remembers about its own making: runs under way, saved queries, updates, editions, facts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from sqlite3 import Connection

from pubmed_rag.core.database import Database


@dataclass(frozen=True, slots=True)
class JournalEntry:
    """One finished step of a long run, so that a killed run continues where it was.

    ``run`` names the run ("entrez:…", "bulk:…"), ``item`` the step, ``value`` whatever the run needs to know of it.
    """

    run: str
    item: str
    value: str = ""


@dataclass(frozen=True, slots=True)
class SavedQuery:
    """A PubMed query this library was made from.

    Dates are ISO. ``asked`` is when its last complete run *began* (UTC): what changed at PubMed while it
    ran is brought in by the next update.
    """

    query: str
    since: str | None
    until: str | None
    maximum: int | None
    asked: str


@dataclass(frozen=True, slots=True)
class UpdateRecord:
    """One ``update``: the store's sequence numbers before (``since``) and after it (``until``). Times are UTC, ISO."""

    number: int
    started: str
    finished: str
    since: int
    until: int


class Ledger(Database):
    """The part of the store that is not articles."""

    # -- runs under way ----------------------------------------------------------------------------

    def journal(self, run: str) -> dict[str, str]:
        """The steps of ``run`` that are done: value by item, in the order of the items."""
        rows = self._connection.execute("SELECT item, value FROM journal WHERE run = ? ORDER BY item", (run,))
        return dict(rows)

    def journal_runs(self, prefix: str = "") -> list[str]:
        """Names of the runs with entries, by name."""
        rows = self._connection.execute("SELECT DISTINCT run FROM journal ORDER BY run")
        return [run for (run,) in rows if run.startswith(prefix)]

    def set_journal(self, entries: Sequence[JournalEntry]) -> None:
        """Write journal entries that go with no article, in one transaction."""
        with self._transaction() as connection:
            put_journal(connection, entries)

    def clear_journal(self, run: str, item_prefix: str = "") -> None:
        """Forget the steps of ``run`` whose item begins with ``item_prefix``."""
        with self._transaction() as connection:
            _clear_journal(connection, run, item_prefix)

    # -- queries and updates -----------------------------------------------------------------------

    def save_query(
        self,
        query: str,
        *,
        since: str | None,
        until: str | None,
        maximum: int | None,
        asked: datetime | None = None,
        clear_run: str | None = None,
    ) -> None:
        """Remember that all of ``query`` has come in; ``asked`` is when that began (default: now).

        ``clear_run`` names the journal that is no longer needed: both happen, or neither.
        """
        moment = (asked or datetime.now(UTC)).astimezone(UTC).isoformat(timespec="seconds")
        with self._transaction() as connection:
            connection.execute(
                "INSERT OR REPLACE INTO queries VALUES (?, ?, ?, ?, ?)", (query, since, until, maximum, moment)
            )
            if clear_run is not None:
                _clear_journal(connection, clear_run, "")

    def forget_query(self, query: str) -> bool:
        """Do not ask ``query`` again; its articles stay. Whether it had been saved."""
        with self._transaction() as connection:
            return connection.execute("DELETE FROM queries WHERE query = ?", (query,)).rowcount > 0

    def saved_queries(self) -> list[SavedQuery]:
        """The queries this library was made from, by text."""
        rows = self._connection.execute("SELECT query, since, until, maximum, asked FROM queries ORDER BY query")
        return [SavedQuery(*row) for row in rows]

    def save_update(self, started: datetime, since: int, until: int) -> int:
        """Remember an update that changed sequence numbers ``since + 1`` to ``until``. Returns its number, from 1."""
        times = (moment.astimezone(UTC).isoformat(timespec="seconds") for moment in (started, datetime.now(UTC)))
        with self._transaction() as connection:
            cursor = connection.execute(
                "INSERT INTO updates (started, finished, since, until) VALUES (?, ?, ?, ?)", (*times, since, until)
            )
            return int(cursor.lastrowid or 0)

    def updates(self) -> list[UpdateRecord]:
        """All updates so far, the latest last."""
        rows = self._connection.execute("SELECT number, started, finished, since, until FROM updates ORDER BY number")
        return [UpdateRecord(*row) for row in rows]

    # -- bulk editions -----------------------------------------------------------------------------

    def editions(self) -> dict[int, int]:
        """How many articles each edition of the bulk files was the last to bring."""
        return dict(self._connection.execute("SELECT edition, count(*) FROM bulk_members GROUP BY edition"))

    # -- facts -------------------------------------------------------------------------------------

    def fact(self, name: str) -> str | None:
        """A named value set with :meth:`set_fact`."""
        row = self._connection.execute("SELECT value FROM facts WHERE name = ?", (name,)).fetchone()
        return None if row is None else str(row[0])

    def set_fact(self, name: str, value: str) -> None:
        """Remember a named value about this library."""
        with self._transaction() as connection:
            connection.execute("INSERT OR REPLACE INTO facts VALUES (?, ?)", (name, value))


def put_journal(connection: Connection, entries: Iterable[JournalEntry]) -> None:
    """Write entries inside the caller's transaction."""
    connection.executemany(
        "INSERT OR REPLACE INTO journal VALUES (?, ?, ?)", [(entry.run, entry.item, entry.value) for entry in entries]
    )


def _clear_journal(connection: Connection, run: str, item_prefix: str) -> None:
    connection.execute(
        "DELETE FROM journal WHERE run = ? AND substr(item, 1, ?) = ?", (run, len(item_prefix), item_prefix)
    )
