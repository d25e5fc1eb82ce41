"""What goes where: data to stdout, everything else to stderr; progress bars only on a terminal."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager

from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    MofNCompleteColumn,
    ProgressColumn,
    SpinnerColumn,
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
        return Text(f"{speed:,.0f}/s" if speed else "")


class _BarTask:
    def __init__(self, drawn: RichProgress, identifier: object) -> None:
        self._drawn = drawn
        self._identifier = identifier

    def advance(self, n: int = 1) -> None:
        self._drawn.advance(self._identifier, n)  # type: ignore[arg-type]  # rich's TaskID is an int with a name


class _LineTask:
    def __init__(self, console: Console, label: str, total: int | None, unit: str) -> None:
        self._console = console
        self._label, self._total, self._unit = label, total, unit
        self._done = 0
        self._last = time.monotonic()

    def advance(self, n: int = 1) -> None:
        self._done += n
        if time.monotonic() - self._last >= _PLAIN_SECONDS:
            self._last = time.monotonic()
            of = f" of {self._total:,}" if self._total else ""
            self._console.print(Text(f"{self._label}: {self._done:,}{of} {self._unit}"))
