"""Saved files into the article store."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, fields
from pathlib import Path

from pubmed_rag.core.errors import InputError, RemoteError, UnrecognisedFormatError
from pubmed_rag.core.progress import SILENT, Progress, Task
from pubmed_rag.core.records import Article, IngestReport, RejectedRecord
from pubmed_rag.core.store import ArticleStore
from pubmed_rag.ingest.formats import read_records
from pubmed_rag.ingest.id_lists import Named
from pubmed_rag.ingest.items import Deleted, Item
from pubmed_rag.ingest.resolve import Pubmed, Resolver

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class FilesReport(IngestReport):
    """An :class:`IngestReport` with the files that were not read to their end.

    ``failed_files`` (all of them in ``rejected`` too) are the files that are damaged, and those given
    by name that could not be read at all. A file met in a folder that is none of our formats is only in
    ``rejected``. Files are not records: ``read`` does not count them.

    ``remote_error`` is why articles that the files only name could not all be fetched.
    """

    failed_files: tuple[RejectedRecord, ...] = ()
    remote_error: RemoteError | None = None


@dataclass(frozen=True, slots=True)
class _Input:
    path: Path
    named: bool


def ingest_files(
    paths: Iterable[Path],
    store: ArticleStore,
    *,
    progress: Progress = SILENT,
    ids_are_pmids: bool = False,
    batch_size: int = 1000,
    pubmed: Callable[[], Pubmed] | None = None,
    fresh: bool = False,
) -> FilesReport:
    """Store the records of files and folders, in the order given, and apply deletions where they stand.

    Folders are walked in name order, which is the order in which NLM's update files must be applied;
    hidden files are passed over. Each batch is one transaction: when the process is stopped, finished
    batches stay, and repeating the command completes the work. A file that cannot be read does not keep
    the next from being read; what a damaged file still gave is stored.

    Files that only name articles (lists of PMIDs or DOIs, RIS, tables) are taken where they are given by
    name, and resolved through ``pubmed`` after all others have been read; what the library holds already is
    fetched again only if ``fresh``.
    """
    total = IngestReport()
    failed: list[RejectedRecord] = []
    names: list[Named] = []
    with progress.task("reading files", total=None, unit="records") as task:
        for given in _inputs(paths, progress):
            writer = _Writer(store, batch_size, task)
            try:
                wanted = given.named and pubmed is not None
                for item in read_records(given.path, ids_are_pmids=ids_are_pmids, names=wanted):
                    if isinstance(item, Named):
                        names.append(item)
                    else:
                        writer.add(item)
            except InputError as error:
                skipped = isinstance(error, UnrecognisedFormatError) and not given.named
                message = f"skipped: {error.message}" if skipped else str(error)
                writer.rejected.append(RejectedRecord(str(given.path), None, message))
                if not skipped:
                    failed.append(writer.rejected[-1])
                progress.note(message)
            writer.flush()
            report = writer.report
            _log.info("%s: %d read, %d added, %d updated", given.path, report.read, report.added, report.updated)
            total += report
    remote_error: RemoteError | None = None
    if names and pubmed is not None:
        resolver = Resolver(store, pubmed(), fresh=fresh, progress=progress)
        try:
            resolver.run(names)
        except RemoteError as error:  # what the files gave is in the store, and the caller shall hear of it
            remote_error = error
        total += resolver.report
    counts = {field.name: getattr(total, field.name) for field in fields(total)}
    return FilesReport(**counts, failed_files=tuple(failed), remote_error=remote_error)


class _Writer:
    """Collects records into batches; ``report`` is complete after :meth:`flush`."""

    def __init__(self, store: ArticleStore, batch_size: int, task: Task) -> None:
        self.rejected: list[RejectedRecord] = []
        self._store = store
        self._batch_size = batch_size
        self._task = task
        self._batch: dict[str, Article] = {}
        self._report = IngestReport()

    @property
    def report(self) -> IngestReport:
        return self._report + IngestReport(rejected=tuple(self.rejected))

    def add(self, item: Item) -> None:
        """Take the next record. A deletion first writes what stands before it, so that order holds."""
        if isinstance(item, Article):
            self._collect(item)
            if len(self._batch) >= self._batch_size:
                self.flush()
        elif isinstance(item, Deleted):
            self.flush()
            self._report += IngestReport(deleted=self._store.delete(item.pmids))
        else:
            self.rejected.append(item)
            self._report += IngestReport(read=1)
            self._task.advance()

    def flush(self) -> None:
        """Write the open batch in one transaction."""
        if self._batch:
            self._report += self._store.upsert(self._batch.values())
            self._task.advance(len(self._batch))
            self._batch = {}

    def _collect(self, article: Article) -> None:
        """Of several occurrences in a batch only the one that would win is written.

        Otherwise a file that repeats a record would change the store each time it is ingested.
        """
        earlier = self._batch.pop(article.id, None)
        if earlier is not None:
            self._report += IngestReport(read=1, unchanged=1)
            self._task.advance()
        self._batch[article.id] = earlier if earlier and earlier.version > article.version else article


def _inputs(paths: Iterable[Path], progress: Progress) -> Iterator[_Input]:
    for path in paths:
        if path.is_dir():
            files = _walk(path)
            if not files:
                progress.note(f"{path} holds no files")
            yield from (_Input(file, named=False) for file in files)
        else:
            yield _Input(path, named=True)


def _walk(folder: Path) -> list[Path]:
    return sorted(
        path
        for path in folder.rglob("*")
        if path.is_file() and not any(part.startswith(".") for part in path.relative_to(folder).parts)
    )
