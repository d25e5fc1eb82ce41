"""PubMed searches of any size into the article store, through whatever happens on the way.

A search is divided into parts that PubMed serves whole (:mod:`~pubmed_rag.ingest.entrez_plan`), a part into
pages. Every page goes into the store together with its journal entry, in one transaction, so a run that was
killed, or that gave up on a service out of order, continues where it was when the command is repeated.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from typing import TypeVar

import msgspec

from pubmed_rag.core.errors import UsageError
from pubmed_rag.core.progress import SILENT, Progress, Task
from pubmed_rag.core.records import Article, IngestReport, RejectedRecord
from pubmed_rag.core.store import ArticleStore, JournalEntry
from pubmed_rag.ingest import entrez_plan
from pubmed_rag.ingest.entrez_client import PAGE, WINDOW, EntrezClient, EntrezSearch
from pubmed_rag.ingest.entrez_plan import Part
from pubmed_rag.ingest.fetchers import Fetchers
from pubmed_rag.ingest.replies import HistoryExpiredError

__all__ = ["PAGE", "WINDOW", "EntrezClient", "EntrezSearch", "ingest_entrez"]

_log = logging.getLogger(__name__)

_MOST_EXPIRIES = 3  # a session lasts hours; so many in a row, with no page between them, is another failure
_STARTED = "started"
_COUNT = "count"  # of the whole, when its parts were counted
_WHOLE = "whole"  # the item of a search that needs no division
_ALL = 1 << 62
_ASKED_BY_ID = 3  # a server that left out a record once may do so again
_RUN_PREFIX = "entrez:"

State = TypeVar("State", bound="_PartState | _PageState")
Items = list[Article | RejectedRecord]


@dataclass(frozen=True, slots=True)
class _PartState:
    """What the journal knows of a part: its records as they were when it was searched, how many of them were
    wanted, and whether these are in."""

    uids: str
    wanted: int = -1
    done: bool = False


@dataclass(frozen=True, slots=True)
class _PageState:
    """A page that is in the store: PMIDs it should have had and had not, and the other way round.

    ``unnamed`` counts broken records that did not show their PMID: they stand for as many missing ones.
    """

    missing: tuple[str, ...] = ()
    extra: tuple[str, ...] = ()
    unnamed: int = 0


def ingest_entrez(
    query: str,
    store: ArticleStore,
    client: EntrezClient,
    *,
    maximum: int | None = None,
    since: date | None = None,
    until: date | None = None,
    changed_since: date | None = None,
    keep: Callable[[Article], bool] | None = None,
    fresh: bool = False,
    progress: Progress = SILENT,
) -> IngestReport:
    """Bring in the records that match ``query``, the most recently entered first, and remember the query.

    ``since`` and ``until`` limit the entry date; ``maximum`` takes only so many. ``changed_since`` takes
    only what was entered or modified since that day, all of it (``maximum`` is then only remembered), ``keep``
    only the articles for which it is true.
    A run that did not come to its end is continued, unless ``fresh``; the report counts what this call
    did. The query is remembered only when all of it has come. Raises what :class:`EntrezClient` raises;
    what had come by then stays.
    """
    if maximum is not None and maximum < 1:
        raise UsageError(f"--max must be at least 1, not {maximum}")
    if not client.has_email:
        progress.note("NCBI asks callers for an e-mail address: give one with --email or NCBI_EMAIL")
    name = _run_name(query, since, until, maximum, changed_since)
    if fresh:
        store.clear_journal(name)
    base = client.search(query, since, until, uids=0 if changed_since else WINDOW)
    for warning in base.warnings:
        progress.note(f"PubMed: {warning}")
    if changed_since and base.count:
        base = client.narrow(base, entrez_plan.changed_since(changed_since))
    run = _Run(name, base, store, client, keep, progress)
    limit = None if changed_since else maximum  # of what changed all is wanted; ``keep`` chooses
    total = base.count if limit is None else min(limit, base.count)
    run.announce(total)
    with progress.task("fetching from PubMed", total=total, unit="records") as task:
        report = run.take(entrez_plan.whole(since, until), limit, task)
    store.save_query(
        query,
        since=since.isoformat() if since else None,
        until=until.isoformat() if until else None,
        maximum=maximum,
        asked=run.started,
        clear_run=name,
    )
    return report


def _run_name(
    query: str, since: date | None, until: date | None, maximum: int | None, changed_since: date | None
) -> str:
    identity = "\n".join(map(str, (query, since, until, maximum, changed_since)))
    return _RUN_PREFIX + hashlib.blake2b(identity.encode(), digest_size=8).hexdigest()


class _Run:
    """One run of a query, new or continued. ``base`` is all that it found."""

    def __init__(
        self,
        name: str,
        base: EntrezSearch,
        store: ArticleStore,
        client: EntrezClient,
        keep: Callable[[Article], bool] | None,
        progress: Progress,
    ) -> None:
        self._name = name
        self._store = store
        self._client = client
        self._keep = keep
        self._progress = progress
        self._journal = store.journal(name)
        self._shown: set[str] = set()
        self._base = base  # in its latest session
        self._latest: tuple[Part, EntrezSearch] | None = None
        if _STARTED not in self._journal:
            self._record(_STARTED, datetime.now(UTC).isoformat())
        self.started = datetime.fromisoformat(self._journal[_STARTED])

    def announce(self, total: int) -> None:
        """Say what is to come, and what has come already."""
        pages = sum(item.startswith("page/") for item in self._journal)
        if pages:
            self._progress.note(
                f"continuing the run begun {self.started:%Y-%m-%d %H:%M} UTC: about {min(pages * PAGE, total):,} of "
                f"{total:,} records are in already (--fresh begins anew)"
            )
        elif total > WINDOW:
            self._progress.note(
                f"{total:,} records: fetched by ranges of their entry date, since PubMed hands out no more "
                f"than {WINDOW:,} of one search"
            )
        _log.info("%s: %d of %d records", self._base.query, total, self._base.count)

    def take(self, whole: Part, maximum: int | None, task: Task) -> IngestReport:
        """Bring in all records, or the first ``maximum`` of them; all entry dates are in ``whole``."""
        limit = _ALL if maximum is None else maximum
        if self._base.count <= WINDOW:
            return self._take_part(_WHOLE, self._base, limit, task)[0]
        if self._journal.get(_COUNT) != str(self._base.count):
            self._forget("count/")  # PubMed has changed since a run before this one counted the parts
            self._record(_COUNT, str(self._base.count))
        report, met = self._take_parts(whole, self._base.count, limit, task)
        if met != min(self._base.count, limit):
            # Records moved between the counts. Parts that are as they were cost one search now.
            _log.info("%d records in the parts, %d in the whole; dividing again", met, self._base.count)
            self._forget("count/")
            more, met = self._take_parts(whole, self._base.count, limit, task)
            report += more
        total = min(self._base.count, limit)
        if met != total:
            self._progress.note(f"PubMed counted {total:,} records, its parts hold {met:,}: some moved while we asked")
        return report

    def _take_parts(self, whole: Part, count: int, limit: int, task: Task) -> tuple[IngestReport, int]:
        """Bring in the first ``limit`` of the ``count`` records of ``whole``, part by part."""
        report, met = IngestReport(), 0
        for part in entrez_plan.divide(whole, count, self._count_of, WINDOW):
            search = self._search(part)
            if search.count > WINDOW and part.halves():  # it has grown since it was counted
                some, taken = self._take_parts(part, search.count, limit - met, task)
            else:
                some, taken = self._take_part(part.clause, search, limit - met, task)
            report, met = report + some, met + taken
            if met >= limit:
                break
        return report, met

    def _count_of(self, part: Part) -> int:
        item = f"count/{part.clause}"
        if item not in self._journal:
            search = self._search(part)
            self._latest = (part, search)  # most likely the next to be fetched
            self._record(item, str(search.count))
        return int(self._journal[item])

    def _search(self, part: Part) -> EntrezSearch:
        if self._latest is not None and self._latest[0] == part:
            search = self._latest[1]
        else:
            search = self._client.narrow(self._base, part.clause)
        self._latest = None
        self._base = search.within or self._base
        return search

    def _take_part(self, item: str, search: EntrezSearch, limit: int, task: Task) -> tuple[IngestReport, int]:
        """Bring in the first ``limit`` records of a part. Also returns how many there were to bring."""
        state = self._part_state(item)
        report = IngestReport()
        expiries = 0
        while True:
            wanted = min(len(search.uids), limit)
            present = _PartState(_digest(search.uids), wanted)
            if state == replace(present, done=True):
                self._show(item, wanted, task)
                return report, wanted
            if state != present:
                # New, or its records have moved: offsets of before mean other records now.
                self._forget(self._page_item(item))
                self._record(f"part/{item}", _dump(present))
                state = present
            pages, expired = self._take_pages(item, search, wanted, task)
            report += pages
            if expired is None:
                break
            expiries = 0 if pages.read else expiries + 1
            if expiries > _MOST_EXPIRIES:
                raise expired
            search = self._client.again(search)
            if item != _WHOLE:
                self._base = search.within or self._base
            _log.info("search session expired; searched again")
        report += self._complete(item, wanted)
        self._record(f"part/{item}", _dump(replace(present, done=True)))
        return report, wanted

    def _take_pages(
        self, item: str, search: EntrezSearch, wanted: int, task: Task
    ) -> tuple[IngestReport, HistoryExpiredError | None]:
        """Bring in the pages of a part that are not in yet, as far as the session lasts.

        Pages that have come when another one fails are kept before its error is raised.
        """
        report = IngestReport()
        sizes = {start: min(PAGE, wanted - start) for start in range(0, wanted, PAGE)}
        todo = [start for start in sizes if self._page_item(item, start) not in self._journal]
        self._show(item, wanted - sum(sizes[start] for start in todo), task)
        fetchers: Fetchers[Items] = Fetchers(self._client.workers)
        expired: HistoryExpiredError | None = None
        failure: Exception | None = None
        with closing(fetchers):
            for start, items, error in fetchers.run(todo, lambda at: self._client.fetch(search, at, sizes[at])):
                if isinstance(error, HistoryExpiredError):
                    expired = error
                    fetchers.stop()  # what is under way comes in, nothing new is asked of a dead session
                elif error is not None:
                    failure = failure or error
                    fetchers.stop(wait=False)
                else:
                    report += self._keep_page(item, search, start, sizes[start], items or [])
                    task.advance(sizes[start])
        if failure is not None:
            raise failure
        return report, expired

    def _keep_page(self, item: str, search: EntrezSearch, start: int, n: int, items: Items) -> IngestReport:
        """Store a page with its journal entry, in one transaction."""
        expected = search.uids[start : start + n]
        received = {one.pmid for one in items if one.pmid is not None}
        state = _PageState(
            missing=tuple(uid for uid in expected if uid not in received),
            extra=tuple(sorted(received.difference(expected))),
            unnamed=sum(one.pmid is None for one in items),
        )
        entry = JournalEntry(self._name, self._page_item(item, start), _dump(state))
        report = self._store_items(items, entry)
        self._journal[entry.item] = entry.value
        return report

    def _complete(self, item: str, wanted: int) -> IngestReport:
        """Ask once more, by PMID, for what the pages of a part left out; PubMed drops records without a word."""
        prefix = self._page_item(item)
        pages = [_load(value, _PageState) for name, value in self._journal.items() if name.startswith(prefix)]
        extra = {pmid for page in pages for pmid in page.extra}
        missing = [pmid for page in pages for pmid in page.missing if pmid not in extra]
        if not missing:
            return IngestReport()
        report = IngestReport()
        for _ in range(_ASKED_BY_ID):
            items = [one for one in self._client.fetch_ids(missing) if one.pmid is not None]
            report += self._store_items(items)
            came = {one.pmid for one in items}
            missing = [pmid for pmid in missing if pmid not in came]
            if not missing:
                return report
        absent = len(missing) - sum(page.unnamed for page in pages)
        _log.info("not sent: %s", ", ".join(missing))
        if absent > 0:
            self._progress.note(
                f"PubMed announced {wanted:,} records and sent {wanted - absent:,}: the others are withdrawn or merged"
            )
        return report

    def _store_items(self, items: Items, *entries: JournalEntry) -> IngestReport:
        articles = [one for one in items if isinstance(one, Article) and (self._keep is None or self._keep(one))]
        rejected = tuple(one for one in items if isinstance(one, RejectedRecord))
        report = self._store.write(articles, journal=entries)
        return report + IngestReport(read=len(rejected), rejected=rejected)

    # -- journal -----------------------------------------------------------------------------------

    def _record(self, item: str, value: str) -> None:
        self._store.set_journal([JournalEntry(self._name, item, value)])
        self._journal[item] = value

    def _part_state(self, item: str) -> _PartState | None:
        value = self._journal.get(f"part/{item}")
        return _load(value, _PartState) if value else None

    def _page_item(self, item: str, start: int | None = None) -> str:
        return f"page/{item}/" if start is None else f"page/{item}/{start:05d}"

    def _forget(self, prefix: str) -> None:
        self._store.clear_journal(self._name, prefix)
        for name in [name for name in self._journal if name.startswith(prefix)]:
            del self._journal[name]

    def _show(self, item: str, n: int, task: Task) -> None:
        """``n`` records of a part were in already. Said once, though sessions may bring us here again."""
        if item not in self._shown:
            task.advance(n)
            self._shown.add(item)


def _digest(uids: tuple[str, ...]) -> str:
    return hashlib.blake2b(",".join(uids).encode(), digest_size=8).hexdigest()


def _dump(state: _PartState | _PageState) -> str:
    return msgspec.json.encode(state).decode()


def _load(value: str, kind: type[State]) -> State:
    return msgspec.json.decode(value, type=kind)
