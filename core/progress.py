"""How work tells a person where it stands. Rooms receive a ``Progress``; only ``ui`` draws one."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import Protocol


class Task(Protocol):
    """A piece of work whose progress is being shown."""

    def advance(self, n: int = 1) -> None:
        """``n`` more units are done."""


class Progress(Protocol):
    """How long work tells a person where it stands. Rooms receive one; only ``ui`` draws it."""

    def task(self, label: str, total: int | None, unit: str) -> AbstractContextManager[Task]:
        """Begin a piece of work of ``total`` units (``None``: unknown)."""

    def note(self, message: str) -> None:
        """One line a person should read now."""


class _Quiet:
    def advance(self, n: int = 1) -> None:
        pass

    def task(self, label: str, total: int | None, unit: str) -> AbstractContextManager[Task]:  # noqa: ARG002
        return nullcontext(self)

    def note(self, message: str) -> None:
        pass


SILENT: Progress = _Quiet()
"""Shows nothing."""
