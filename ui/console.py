"""What goes where: data to stdout, everything else to stderr; progress bars only on a terminal."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    MofNCompleteColumn,
    ProgressColumn,
    SpinnerColumn,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.progress import Progress as RichProgress
from rich.text import Text

from pubmed_rag.core.progress import Task

_NO_WRAP = 100_000
"""Width of what is not a terminal: a pipe or file gets every line whole."""

_PLAIN_SECONDS = 10.0
"""Without a terminal a line is printed this often, so that a log shows that work goes on."""

_AT_ONCE_SECONDS = 0.1
"""What is done this soon was done by an earlier run: it counts as done, and not for the rate and the time left."""


def stdout() -> Console:
    """For results. Not highlighted: what is printed is what a program would read."""
    return Console(file=sys.stdout, highlight=False, width=None if sys.stdout.isatty() else _NO_WRAP)


def stderr() -> Console:
    """For everything a person reads beside the result."""
    return Console(file=sys.stderr, highlight=False, width=None if sys.stderr.isatty() else _NO_WRAP)


class ConsoleProgress:
    """Draws :class:`pubmed_rag.core.progress.Progress` on stderr."""

    def __init__(self, console: Console | None = None) -> None:
        self._console = console or stderr()

    def task(self, label: str, total: int | None, unit: str) -> AbstractContextManager[Task]:
        return self._bar(label, total, unit) if self._console.is_terminal else self._lines(label, total, unit)

    def note(self, message: str) -> None:
        self._console.print(Text(message, style="yellow"))

    @contextmanager
    def _bar(self, label: str, total: int | None, unit: str) -> Iterator[Task]:
        amount = DownloadColumn() if unit == "bytes" else MofNCompleteColumn()
        columns: list[ProgressColumn] = [
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            amount,
        ]
        if unit != "bytes":
            columns += [TextColumn(unit), _Rate()]
        columns += [TimeElapsedColumn(), TextColumn("left"), TimeRemainingColumn()]
        with RichProgress(*columns, console=self._console, transient=True) as drawn:
            identifier = drawn.add_task(label, total=total)
            yield _BarTask(drawn, identifier)

    @contextmanager
    def _lines(self, label: str, total: int | None, unit: str) -> Iterator[Task]:
        yield _LineTask(self._console, label, total, unit)


class _Rate(ProgressColumn):
    def render(self, task: object) -> Text:
        speed = getattr(task, "finished_speed", None) or getattr(task, "speed", None)
        return Text(_per_second(speed) if speed else "")


def _per_second(speed: float) -> str:
    return f"{speed:,.0f}/s" if speed >= 10 else f"{speed:.1f}/s"


def duration(seconds: float) -> str:
    """A length of time as a person says it: ``40 s``, ``8 min``, ``2 h 05 min``, ``3 days 4 h``."""
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    minutes = round(seconds / 60)
    if minutes < 90:
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    if hours < 48:
        return f"{hours} h {minutes:02} min"
    return f"{hours // 24} days {hours % 24} h"


class _BarTask:
    def __init__(self, drawn: RichProgress, identifier: TaskID) -> None:
        self._drawn = drawn
        self._identifier = identifier
        self._begun = time.monotonic()
        self._before = 0

    def advance(self, n: int = 1) -> None:
        if time.monotonic() - self._begun < _AT_ONCE_SECONDS:
            self._before += n
            self._drawn.reset(self._identifier, completed=self._before)  # forgets the speed, not the amount
        else:
            self._drawn.advance(self._identifier, n)


class _LineTask:
    """Progress for a log: every ten seconds a line with amount, recent rate and time left."""

    def __init__(
        self,
        console: Console,
        label: str,
        total: int | None,
        unit: str,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._console = console
        self._label, self._total, self._unit = label, total, unit
        self._clock = clock
        self._done = self._done_before = 0
        self._begun = self._last = clock()

    def advance(self, n: int = 1) -> None:
        self._done += n
        passed = self._clock() - self._last
        if self._clock() - self._begun < _AT_ONCE_SECONDS:
            self._done_before = self._done
        if passed >= _PLAIN_SECONDS:
            speed = (self._done - self._done_before) / passed
            of = f" of {self._total:,}" if self._total else ""
            line = f"{self._label}: {self._done:,}{of} {self._unit}, {_per_second(speed)}"
            if self._total and speed > 0:
                line += f", about {duration(max(0, self._total - self._done) / speed)} left"
            self._console.print(Text(line))
            self._last += passed
            self._done_before = self._done
