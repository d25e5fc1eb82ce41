"""NLM's bulk files into the article store: the baseline of a year, then its update files, strictly in order.

Each file ends with a journal entry in the transaction of its last batch, so a killed run goes on with the
file it was at; reading a file twice changes nothing. A new year's baseline replaces everything: it is
applied over the old one, and what it no longer holds is deleted only when all of it is in, so there is no
moment at which the library is empty.
"""

from __future__ import annotations

import gzip
import hashlib
import logging
import os
import queue
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, fields, replace
from itertools import islice, pairwise
from pathlib import Path

import msgspec

from pubmed_rag.core.errors import DamagedFileError, DownloadError, InputError, PubmedRagError, UsageError
from pubmed_rag.core.progress import SILENT, Progress
from pubmed_rag.core.records import IngestReport
from pubmed_rag.core.store import ArticleStore, Deletion, JournalEntry
from pubmed_rag.ingest.bulk_parse import Batch, parse_files
from pubmed_rag.ingest.bulk_source import BulkFile, BulkSource, Listing
from pubmed_rag.ingest.identifiers import is_pmid
from pubmed_rag.ingest.subset import Subset

_log = logging.getLogger(__name__)

RUN_PREFIX = "bulk:"
_FILE, _SUBSET, _DELETED = "file/", "subset", "deleted"
_AHEAD = 2  # files fetched before they are needed
_DELETIONS = 10_000
_SUMMED = frozenset({"read", "added", "updated", "unchanged", "deleted", "rejected", "files", "filtered"})


@dataclass(frozen=True, slots=True)
class BulkReport(IngestReport):
    """An :class:`IngestReport` of bulk files.

    ``files`` were applied, of ``edition``; ``filtered`` records were outside the subset (``read`` counts
    them). ``complete`` is false where numbers are missing from the source, so that it is a part of PubMed.
    """

    files: int = 0
    edition: int | None = None
    filtered: int = 0
    complete: bool = True


@dataclass(frozen=True, slots=True)
class _Applied:
    """What the journal keeps of a file that is in the store."""

    edition: int
    number: int
    is_update: bool
    read: int


def ingest_bulk(
    source: str,
    store: ArticleStore,
    *,
    downloads: Path,
    subset: Subset | None = None,
    keep_files: bool = False,
    jobs: int = 0,
    again: bool = False,
    progress: Progress = SILENT,
) -> BulkReport:
    """Apply what ``source`` (a folder, an address, or ``nlm``) has and the store has not yet.

    ``subset`` keeps only matching articles; without one, that of earlier runs is used. ``downloads`` is
    where files from an address land; they are removed once applied, unless ``keep_files``. ``jobs`` processes
    parse (0: one a core). ``again`` forgets what was applied and begins at the first file. Raises
    :class:`DamagedFileError` and :class:`InputError` at a local file, :class:`DownloadError` at one that does
    not come; all files before it are in the store by then, and repeating goes on with it.
    """
    bulk = BulkSource(source)
    run = RUN_PREFIX + bulk.name
    if again:
        store.clear_journal(run)
    journal = store.journal(run)
    listing = bulk.listing()  # first: a source that is not there must not be remembered
    subset = _settle_subset(store, run, journal, subset)
    applied = {
        item.removeprefix(_FILE): msgspec.json.decode(value, type=_Applied)
        for item, value in journal.items()
        if item.startswith(_FILE)
    }
    edition = _choose_edition(listing, applied, progress)
    todo = [file for file in listing.edition(edition) if file.name not in applied]
    todo, missing = _before_gap(todo, applied, edition)
    complete = _note_gaps(listing.edition(edition), progress)
    if todo and subset is not None and (words := subset.describe()):
        progress.note(f"keeping only: {words}")
    report = BulkReport(edition=edition, complete=complete)
    workers = min(jobs or os.cpu_count() or 1, max(1, len(todo)))
    fetcher = _Fetcher(bulk, todo, downloads, progress)
    with (
        progress.task("applying bulk files", total=len(todo), unit="files") as task,
        closing(fetcher),
        closing(parse_files(fetcher.paths(), subset, workers)) as parsed,
    ):
        for file, batches in zip(todo, parsed, strict=True):
            report = _sum(report, _apply(store, run, file, batches))
            if bulk.is_remote and not keep_files:
                (downloads / file.name).unlink(missing_ok=True)
            task.advance()
    if missing is not None:
        kind = DownloadError if bulk.is_remote else InputError
        raise kind(
            f"{bulk.name} has later update files but not {missing}",
            remedy="update files must be applied in order: repeat when it is there; all before it is in the library",
        )
    swept = store.delete_editions_before(edition)
    _forget_older(store, run, applied, edition)
    deleted = swept + _apply_deleted(store, run, journal, bulk, listing, downloads)
    return replace(report, deleted=report.deleted + deleted)


def _settle_subset(store: ArticleStore, run: str, journal: dict[str, str], subset: Subset | None) -> Subset | None:
    """The subset of this source: the one given, or that of earlier runs."""
    known = journal.get(_SUBSET)
    if subset is None:
        return Subset.from_json(known) if known else None
    begun = any(item.startswith(_FILE) for item in journal)
    if begun and subset != (Subset.from_json(known) if known else None):
        raise UsageError(
            "this library was made from the same files with another subset",
            remedy="repeat with --again to read all of them anew",
        )
    store.set_journal([JournalEntry(run, _SUBSET, subset.to_json())])
    return subset


def _choose_edition(listing: Listing, applied: dict[str, _Applied], progress: Progress) -> int:
    """The newest edition; but not one that is still being put up, where the library has an older one."""
    years = sorted({file.edition for file in listing.files}, reverse=True)
    held = max((file.edition for file in applied.values()), default=None)
    if held is None:
        return next((year for year in years if not _unfinished(listing.edition(year))), years[0])
    if years[0] <= held or any(file.edition == years[0] for file in applied.values()):
        return held
    old_baseline = sum(not file.is_update for file in applied.values() if file.edition == held)
    new = listing.edition(years[0])
    reason = _unfinished(new)
    if reason is None and sum(not file.is_update for file in new) < old_baseline:
        reason = f"it has fewer files than that of {held}"
    if reason is None:
        progress.note(f"the baseline of {years[0]} replaces that of {held}; the library stays usable meanwhile")
        return years[0]
    progress.note(f"the baseline of {years[0]} is not complete yet ({reason}); keeping that of {held}")
    return held


def _unfinished(files: Sequence[BulkFile]) -> str | None:
    """Why these files cannot be a whole baseline, if they cannot."""
    numbers = [file.number for file in files if not file.is_update]
    if not numbers:
        return "it has no baseline files"
    if numbers[0] != 1:
        return f"its first file is number {numbers[0]}"
    gap = next((number for number, later in pairwise(numbers) if later != number + 1), None)
    return None if gap is None else f"number {gap + 1} is missing"


def _before_gap(todo: list[BulkFile], applied: dict[str, _Applied], edition: int) -> tuple[list[BulkFile], str | None]:
    """``todo`` up to the first update file that is missing, and the name of that one."""
    last = max((file.number for file in applied.values() if file.is_update and file.edition == edition), default=None)
    for at, file in enumerate(todo):
        if not file.is_update:
            continue
        if last is not None and file.number > last + 1:
            return todo[:at], f"pubmed{edition % 100:02d}n{last + 1:04d}.xml.gz"
        last = file.number
    return todo, None


def _note_gaps(files: Sequence[BulkFile], progress: Progress) -> bool:
    """A folder may hold a part of NLM's files on purpose; say so once. True if no number is missing."""
    numbers = {file.number for file in files}
    absent = max(numbers) - len(numbers)
    if absent:
        progress.note(f"{absent:,} of the numbers up to {max(numbers):,} are not in this source: a part of PubMed")
    if not all(file.has_md5 for file in files):
        progress.note("some files have no .md5 beside them: they are taken as they are")
    return not absent


def _apply(store: ArticleStore, run: str, file: BulkFile, batches: Iterator[Batch]) -> BulkReport:
    """One file; its journal entry goes with its last batch."""
    report = BulkReport(edition=file.edition)
    held: Batch | None = None
    try:
        for batch in batches:
            if held is not None:
                report = _store(store, held, file, report)
            held = batch
    except (DamagedFileError, InputError):
        if held is not None:
            _store(store, held, file, report)
        raise
    done = _Applied(file.edition, file.number, file.is_update, report.read + (held.read if held else 0))
    entry = JournalEntry(run, _FILE + file.name, msgspec.json.encode(done).decode())
    report = _store(store, held or Batch((), 0), file, report, entry)
    _log.info("%s: %d read, %d added, %d updated", file.name, report.read, report.added, report.updated)
    return replace(report, files=1)


def _store(store: ArticleStore, batch: Batch, file: BulkFile, report: BulkReport, *entries: JournalEntry) -> BulkReport:
    written = store.write(batch.changes, journal=entries, edition=file.edition)
    return replace(
        report,
        read=report.read + batch.read,
        added=report.added + written.added,
        updated=report.updated + written.updated,
        unchanged=report.unchanged + written.unchanged,
        deleted=report.deleted + written.deleted,
        filtered=report.filtered + batch.filtered,
        rejected=report.rejected + batch.rejected,
    )


def _apply_deleted(
    store: ArticleStore, run: str, journal: dict[str, str], bulk: BulkSource, listing: Listing, downloads: Path
) -> int:
    """Delete what NLM's list of deleted PMIDs names, if the list has changed since last time."""
    path = bulk.fetch_deleted(listing, downloads)
    if path is None:
        return 0
    try:
        content = path.read_bytes()
        digest = hashlib.blake2b(content, digest_size=16).hexdigest()
        if journal.get(_DELETED) == digest:
            return 0
        try:
            lines = gzip.decompress(content).decode("ascii", "replace").split()
        except (OSError, EOFError) as error:
            raise DamagedFileError(f"{path} is damaged ({error})", remedy="fetch it again") from error
    finally:
        if bulk.is_remote:
            path.unlink(missing_ok=True)
    pmids = (line for line in lines if is_pmid(line))
    deleted = 0
    while chunk := tuple(islice(pmids, _DELETIONS)):
        deleted += store.write([Deletion(chunk)]).deleted
    store.set_journal([JournalEntry(run, _DELETED, digest)])
    return deleted


def _forget_older(store: ArticleStore, run: str, applied: dict[str, _Applied], edition: int) -> None:
    for name, file in applied.items():
        if file.edition < edition:
            store.clear_journal(run, _FILE + name)


def _sum(one: BulkReport, other: BulkReport) -> BulkReport:
    sums = {f.name: getattr(one, f.name) + getattr(other, f.name) for f in fields(BulkReport) if f.name in _SUMMED}
    return replace(one, **sums)


class _Fetcher:
    """Fetches files in their order in a thread of its own, a few ahead of where they are needed."""

    def __init__(self, bulk: BulkSource, files: Sequence[BulkFile], downloads: Path, progress: Progress) -> None:
        self._files = files
        self._closed = threading.Event()
        self._ready: queue.Queue[Path | PubmedRagError] = queue.Queue(_AHEAD)
        self._fetch: Callable[[BulkFile], Path] = lambda file: bulk.fetch(file, downloads, progress)
        # A daemon: whoever presses Ctrl-C does not want to wait for a download, which goes on next time.
        threading.Thread(target=self._work, name="bulk-fetcher", daemon=True).start()

    def paths(self) -> Iterator[Callable[[], Path]]:
        return (self._next for _ in self._files)

    def close(self) -> None:
        self._closed.set()

    def _next(self) -> Path:
        path = self._ready.get()
        if isinstance(path, PubmedRagError):
            raise path
        return path

    def _work(self) -> None:
        for file in self._files:
            outcome: Path | PubmedRagError
            try:
                outcome = self._fetch(file)
            except PubmedRagError as error:
                outcome = error
            except OSError as error:  # the consumer's thread gives it its words
                outcome = InputError(f"{file.name} cannot be fetched: {error}")
            while not self._closed.is_set():
                try:
                    self._ready.put(outcome, timeout=0.5)
                    break
                except queue.Full:
                    continue
            if self._closed.is_set() or isinstance(outcome, PubmedRagError):
                return
