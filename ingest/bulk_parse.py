"""Bulk files parsed by several processes at once, one file each, and handed on strictly in their order.

A worker parses, filters and prepares (encodes, compresses) the articles of its file and sends them in
batches through a queue that holds a baseline file's; beyond that the worker waits while the consumer is busy with
an earlier file. So memory is bounded by the number of workers, whatever the size of the files.
"""

from __future__ import annotations

import gc
import multiprocessing
import os
import queue
import signal
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from dataclasses import dataclass
from multiprocessing.context import SpawnContext, SpawnProcess
from multiprocessing.queues import Queue
from pathlib import Path
from typing import TypeAlias

from pubmed_rag.core.errors import DamagedFileError, InputError, PubmedRagError
from pubmed_rag.core.prepared import PreparedArticle, prepare
from pubmed_rag.core.records import Article, RejectedRecord
from pubmed_rag.core.store import Deletion
from pubmed_rag.ingest.formats import read_records
from pubmed_rag.ingest.items import Deleted
from pubmed_rag.ingest.subset import Subset

_BATCH = 250
_BATCHES_WAITING = 120
"""Of each worker: a baseline file, some 70 MB of prepared records (180 MB if all are recent). With fewer, a worker
would stand still while the file before its own is written, and only one at a time would work."""
_POLL_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class Batch:
    """Successive changes of a file in their order, and what was met on the way to them."""

    changes: tuple[PreparedArticle | Deletion, ...]
    read: int
    filtered: int = 0
    rejected: tuple[RejectedRecord, ...] = ()


@dataclass(frozen=True, slots=True)
class _End:
    """The file has come to its end, or broke off for this reason."""

    error: str | None = None
    remedy: str | None = None


_Message: TypeAlias = Batch | _End


def read_batches(path: Path, subset: Subset | None) -> Iterator[Batch]:
    """The changes of one file. A record outside ``subset`` deletes what the bulk files brought of it before.

    Raises what :func:`~pubmed_rag.ingest.formats.read_records` raises, after all that came before.
    """
    changes: list[PreparedArticle | Deletion] = []
    rejected: list[RejectedRecord] = []
    read = filtered = 0

    def batch() -> Batch:
        return Batch(tuple(changes), read, filtered, tuple(rejected))

    try:
        for item in read_records(path):
            if isinstance(item, Article):
                read += 1
                if subset is None or subset.matches(item):
                    changes.append(prepare(item))
                else:
                    filtered += 1
                    changes.append(Deletion((item.id,), bulk_only=True))
            elif isinstance(item, Deleted):
                changes.append(Deletion(item.pmids))
            elif isinstance(item, RejectedRecord):
                read += 1
                rejected.append(item)
            if read >= _BATCH or len(changes) >= _BATCH:
                yield batch()
                changes, rejected, read, filtered = [], [], 0, 0
    except InputError:
        yield batch()
        raise
    yield batch()


def parse_files(
    paths: Iterable[Callable[[], Path]], subset: Subset | None, workers: int
) -> Generator[Iterator[Batch], None, None]:
    """The batches of each file in the order given; each inner iterator must be used up before the next.

    ``paths`` are called shortly before a file is needed, in order, ``workers`` files ahead. An inner
    iterator raises :class:`DamagedFileError` or :class:`InputError` where its file breaks off. Closing the
    outer iterator ends all workers.
    """
    context = multiprocessing.get_context("spawn")
    running: deque[_Worker] = deque()
    waiting = iter(paths)
    try:
        while True:
            while len(running) < workers and (locate := next(waiting, None)) is not None:
                running.append(_Worker(context, locate(), subset))
            if not running:
                return
            yield running[0].batches()
            running.popleft().end()
    finally:
        for worker in running:
            worker.end()


def collect_rarely() -> None:
    """Let this process look for cyclic garbage every 50,000 objects instead of every 700.

    Reading makes many objects and no cycles; looking for them so often takes a tenth of its time.
    """
    gc.set_threshold(50_000)


class _Worker:
    """A process that reads one file."""

    def __init__(self, context: SpawnContext, path: Path, subset: Subset | None) -> None:
        self._path = path
        self._queue: Queue[_Message] = context.Queue(_BATCHES_WAITING)
        self._process: SpawnProcess = context.Process(
            target=_work, args=(path, subset, self._queue, os.getpid()), name=f"parse {path.name}", daemon=True
        )
        self._process.start()

    def batches(self) -> Iterator[Batch]:
        while True:
            message = self._next()
            if isinstance(message, _End):
                if message.error is not None:
                    raise DamagedFileError(message.error, remedy=message.remedy)
                return
            yield message

    def _next(self) -> _Message:
        while True:
            try:
                return self._queue.get(timeout=_POLL_SECONDS)
            except queue.Empty:
                if not self._process.is_alive() and self._queue.empty():
                    raise InputError(
                        f"the process that read {self._path} was killed (exit code {self._process.exitcode})",
                        remedy="perhaps memory ran out: repeat with --jobs 1; what came before is kept",
                    ) from None

    def end(self) -> None:
        """Make an end, whether the file is read or not."""
        self._process.kill()
        self._process.join()
        self._queue.cancel_join_thread()
        self._queue.close()


def _work(path: Path, subset: Subset | None, results: Queue[_Message], parent: int) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches all processes of a terminal; the parent decides
    collect_rarely()
    end = _End()
    try:
        for batch in read_batches(path, subset):
            if not _send(results, batch, parent):
                return
    except PubmedRagError as error:
        end = _End(error.message, error.remedy)
    except OSError as error:
        end = _End(f"{path} cannot be read: {error.strerror}")
    _send(results, end, parent)


def _send(results: Queue[_Message], message: _Message, parent: int) -> bool:
    """False if the parent has died: then nobody will ever take the message."""
    while os.getppid() == parent:
        try:
            results.put(message, timeout=_POLL_SECONDS)
        except queue.Full:
            continue
        return True
    results.cancel_join_thread()
    return False
