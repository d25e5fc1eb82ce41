"""Work on the library beside the page: one job at a time for all tabs, which outlives the tab that began it.

A :class:`JobRunner` is the :class:`pubmed_rag.core.progress.Progress` of the library that the tabs share. While a
job runs, whatever work reports goes to that job; so every tab can show it, and a wish to stop reaches the work
at its next report. Everything the rooms write is written in transactions or moved into place whole, so
stopping there loses nothing that was finished.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Literal

from pubmed_rag.core.errors import LibraryBusyError
from pubmed_rag.core.progress import Task

log = logging.getLogger(__name__)

JobState = Literal["running", "stopping", "done", "stopped", "failed"]
_KEPT_JOBS = 8
_KEPT_NOTES = 20


class StoppedError(BaseException):
    """Ends work that a reader asked to stop. Like Ctrl-C it is no failure, so ``except Exception`` lets it pass."""


@dataclass(frozen=True, slots=True)
class JobView:
    """How a job stands. ``total`` is ``None`` where it is unknown; ``result`` is what the work returned."""

    number: int
    name: str
    detail: str
    state: JobState
    stage: str = ""
    done: int = 0
    total: int | None = None
    unit: str = ""
    notes: tuple[str, ...] = ()
    result: object = None
    error: Exception | None = None
    started: float = 0.0
    ended: float | None = None

    @property
    def active(self) -> bool:
        """Whether the work goes on."""
        return self.state in ("running", "stopping")

    @property
    def seconds(self) -> float:
        """How long it took, or has taken so far."""
        return (time.monotonic() if self.ended is None else self.ended) - self.started


class JobRunner:
    """Runs one job at a time in a thread of its own, and keeps the latest ones that are over."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._jobs: list[JobView] = []
        self._stop = threading.Event()
        self._numbers = 0

    # -- for the page ------------------------------------------------------------------------------

    def start(self, name: str, work: Callable[[], object], *, detail: str = "") -> int:
        """Begin ``work``; returns the job's number. Raises :class:`LibraryBusyError` while another one runs."""
        with self._changed:
            if self._jobs and self._jobs[0].active:
                raise LibraryBusyError("another job is at work on this library", remedy="wait for it, or stop it")
            self._stop.clear()
            self._numbers += 1
            self._jobs.insert(0, JobView(self._numbers, name, detail, "running", started=time.monotonic()))
            del self._jobs[_KEPT_JOBS:]
            self._changed.notify_all()
            number = self._numbers
        threading.Thread(target=self._run, args=(work,), name=f"job {number}", daemon=True).start()
        return number

    def stop(self, number: int) -> None:
        """Ask a job to stop at its next report. One that is over stays as it is."""
        with self._changed:
            if self._jobs and self._jobs[0].number == number and self._jobs[0].active:
                self._stop.set()
                self._alter(state="stopping")

    def jobs(self) -> tuple[JobView, ...]:
        """The latest jobs, newest first; the first may be running."""
        with self._changed:
            return tuple(self._jobs)

    def running(self) -> JobView | None:
        """The job at work, if there is one."""
        with self._changed:
            return self._jobs[0] if self._jobs and self._jobs[0].active else None

    def wait(self, seconds: float) -> JobView | None:
        """The latest job, once nothing runs or after ``seconds``."""
        deadline = time.monotonic() + seconds
        with self._changed:
            while self._jobs and self._jobs[0].active and (left := deadline - time.monotonic()) > 0:
                self._changed.wait(left)
            return self._jobs[0] if self._jobs else None

    # -- for the work ------------------------------------------------------------------------------

    @contextmanager
    def task(self, label: str, total: int | None, unit: str) -> Iterator[Task]:
        """A stage of the running job; outside of jobs it shows nothing."""
        self._report(stage=label, done=0, total=total, unit=unit)
        yield _Stage(self._advance)

    def note(self, message: str) -> None:
        """A line for the running job."""
        with self._changed:
            notes = self._jobs[0].notes if self._jobs else ()
        self._report(notes=(*notes, message)[-_KEPT_NOTES:])

    def _advance(self, n: int) -> None:
        with self._changed:
            if self._jobs and self._jobs[0].active:
                self._jobs[0] = replace(self._jobs[0], done=self._jobs[0].done + n)
        self._give_way()

    def _report(self, **changes: object) -> None:
        with self._changed:
            if self._jobs and self._jobs[0].active:
                self._alter(**changes)
        self._give_way()

    def _give_way(self) -> None:
        if self._stop.is_set():
            raise StoppedError

    def _alter(self, **changes: object) -> None:
        self._jobs[0] = replace(self._jobs[0], **changes)  # type: ignore[arg-type]
        self._changed.notify_all()

    def _run(self, work: Callable[[], object]) -> None:
        state: JobState = "failed"
        result: object = None
        failure: Exception | None = None
        try:
            result = work()
            state = "done"
        except StoppedError:
            state = "stopped"
        except Exception as error:  # the page shows it: this thread has nobody to raise to
            log.info("job failed", exc_info=error)
            failure = error
        finally:
            with self._changed:
                self._stop.clear()
                self._alter(state=state, result=result, error=failure, ended=time.monotonic())


@dataclass(frozen=True, slots=True)
class _Stage:
    _advance: Callable[[int], None]

    def advance(self, n: int = 1) -> None:
        self._advance(n)
