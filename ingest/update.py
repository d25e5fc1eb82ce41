"""What is new or revised at PubMed since the library was last brought up to date, and what that changed in it."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import partial
from itertools import islice
from pathlib import Path

from pubmed_rag.core.errors import InputError, PubmedRagError, RemoteError, UsageError
from pubmed_rag.core.progress import SILENT, Progress
from pubmed_rag.core.records import Article, IngestReport
from pubmed_rag.core.store import ArticleStore, ChangeCounts, ChangeKind, JournalEntry, SavedQuery
from pubmed_rag.ingest.bulk import RUN_PREFIX, ingest_bulk
from pubmed_rag.ingest.entrez import EntrezClient, ingest_entrez
from pubmed_rag.ingest.identifiers import is_pmid

_log = logging.getLogger(__name__)

_RUN = "update"
_STARTED, _SINCE = "started", "since"
_OVERLAP = timedelta(days=1)  # PubMed's days are Eastern time, and a day's changes show up over that day
_ZONES = timedelta(hours=12)
_TITLES_AT_ONCE = 500
# What concerns one source only. Others, such as a full disk, concern every source and end the update.
_OF_ONE_SOURCE = (RemoteError, InputError, UsageError)


@dataclass(frozen=True, slots=True)
class ChangedArticle:
    """An article that an update changed. Of a deleted one the title is no longer known (``""``)."""

    id: str
    pmid: str | None
    title: str


@dataclass(frozen=True, slots=True)
class SourceUpdate:
    """What asking one saved query or bulk source again gave. With ``error``, ``report`` is empty."""

    name: str
    report: IngestReport
    error: PubmedRagError | None = None


@dataclass(frozen=True, slots=True)
class UpdateReport(IngestReport):
    """What an update did: the sums of its sources, and how the library differs from before.

    ``number`` counts the updates of a library from 1; it is ``None`` where there was nothing to ask again.
    ``changes`` and ``newly_retracted`` compare the library with its state at sequence number ``since``, so
    they include what an update that was interrupted had brought in.
    """

    number: int | None = None
    since: int = 0
    until: int = 0
    changes: ChangeCounts = field(default_factory=ChangeCounts)
    newly_retracted: tuple[ChangedArticle, ...] = ()
    queries: tuple[SourceUpdate, ...] = ()
    sources: tuple[SourceUpdate, ...] = ()

    @property
    def errors(self) -> tuple[PubmedRagError, ...]:
        """Why sources could not be asked, in their order."""
        return tuple(step.error for step in (*self.queries, *self.sources) if step.error is not None)


def bulk_sources(store: ArticleStore) -> tuple[str, ...]:
    """The folders and addresses of bulk files that this library follows."""
    return tuple(run.removeprefix(RUN_PREFIX) for run in store.journal_runs(RUN_PREFIX))


def forget(store: ArticleStore, which: str) -> str:
    """Forget a saved query or bulk source, given by its text or its number (from 1, queries first).

    The articles stay. A bulk source that is forgotten begins at its first file when it is given again.
    Returns the text. Raises :class:`UsageError` where there is no such thing.
    """
    queries, sources = [saved.query for saved in store.saved_queries()], bulk_sources(store)
    names = [*queries, *sources]
    if which not in names and which.isdigit() and 1 <= int(which) <= len(names):
        position = int(which) - 1
    elif which in names:
        position = names.index(which)
    else:
        raise UsageError(f"'{which}' is no saved query", remedy="list them with 'pubmed-rag ingest queries'")
    name = names[position]
    if position < len(queries):
        store.forget_query(name)
    else:
        store.clear_journal(f"{RUN_PREFIX}{name}")
    return name


def update(
    store: ArticleStore,
    connect: Callable[[], EntrezClient],
    *,
    downloads: Path,
    progress: Progress = SILENT,
) -> UpdateReport:
    """Ask every saved query for what was entered or modified since, and every bulk source for new files.

    A source that fails does not keep the others from being asked; its error is in the report. Interrupted
    and repeated, it continues, and reports the changes of both runs together. ``connect`` is called only
    where queries are saved.
    """
    queries, sources = store.saved_queries(), bulk_sources(store)
    if not queries and not sources:
        return UpdateReport()
    started, since = _begin(store)
    asked: list[SourceUpdate] = []
    if queries:
        client = connect()
        asked = [_attempt(query.query, progress, partial(_ask, query, store, client, progress)) for query in queries]
    brought = [
        _attempt(source, progress, partial(ingest_bulk, source, store, downloads=downloads, progress=progress))
        for source in sources
    ]
    total = sum((step.report for step in (*asked, *brought)), IngestReport())
    until = store.last_sequence()
    number = store.save_update(started, since, until)
    store.clear_journal(_RUN)
    return UpdateReport(
        read=total.read,
        added=total.added,
        updated=total.updated,
        unchanged=total.unchanged,
        deleted=total.deleted,
        rejected=total.rejected,
        number=number,
        since=since,
        until=until,
        changes=store.count_changes(since, until),
        newly_retracted=tuple(changed_articles(store, "retracted", since, until)),
        queries=tuple(asked),
        sources=tuple(brought),
    )


def changed_articles(store: ArticleStore, kind: ChangeKind, since: int, until: int) -> Iterator[ChangedArticle]:
    """The articles that :meth:`ArticleStore.changes` names, with their titles, oldest change first."""
    ids = iter(list(store.changes(kind, since, until)))
    while chunk := list(islice(ids, _TITLES_AT_ONCE)):
        articles = {} if kind == "deleted" else store.get_many(chunk)
        for article_id in chunk:
            article = articles.get(article_id)
            if article is not None:
                yield ChangedArticle(article_id, article.pmid, article.display_title())
            else:
                yield ChangedArticle(article_id, article_id if is_pmid(article_id) else None, "")


def _begin(store: ArticleStore) -> tuple[datetime, int]:
    """When this update began and the sequence number before it: those of an interrupted one, if there was one."""
    pending = store.journal(_RUN)
    if _STARTED not in pending or _SINCE not in pending:
        pending = {_STARTED: datetime.now(UTC).isoformat(), _SINCE: str(store.last_sequence())}
        store.set_journal([JournalEntry(_RUN, item, value) for item, value in pending.items()])
    return datetime.fromisoformat(pending[_STARTED]), int(pending[_SINCE])


def _attempt(name: str, progress: Progress, ask: Callable[[], IngestReport]) -> SourceUpdate:
    try:
        return SourceUpdate(name, ask())
    except _OF_ONE_SOURCE as error:
        _log.info("%s failed: %s", name, error)
        progress.note(f"{name} failed: {error.message}")
        return SourceUpdate(name, IngestReport(), error)


def _ask(saved: SavedQuery, store: ArticleStore, client: EntrezClient, progress: Progress) -> IngestReport:
    progress.note(f"asking PubMed again: {saved.query}")
    asked = datetime.fromisoformat(saved.asked)
    first_new_day = (asked - _ZONES).date()

    def belongs(article: Article) -> bool:
        """Of a query cut at ``--max``: what is new, and revisions of what the library holds."""
        return _entered_since(article, first_new_day) or bool(store.keys_of([article.id]))

    return ingest_entrez(
        saved.query,
        store,
        client,
        maximum=saved.maximum,
        since=date.fromisoformat(saved.since) if saved.since else None,
        until=date.fromisoformat(saved.until) if saved.until else None,
        changed_since=(asked - _OVERLAP).date(),
        keep=None if saved.maximum is None else belongs,
        progress=progress,
    )


def _entered_since(article: Article, day: date) -> bool:
    entered = article.entered
    if entered is None or entered.year is None:
        return False
    return (entered.year, entered.month or 12, entered.day or 31) >= (day.year, day.month, day.day)
