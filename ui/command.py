"""What all commands share."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Annotated

import typer

from pubmed_rag.core.settings import Settings
from pubmed_rag.ui.api import Library
from pubmed_rag.ui.console import ConsoleProgress

JsonOption = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]


@dataclass(frozen=True, slots=True)
class State:
    """Settings after the global options. ``library_named`` tells a library chosen on the command line."""

    settings: Settings
    library_named: bool


def state_of(context: typer.Context) -> State:
    """The state that the global options left for this command."""
    state = context.find_object(State)
    if state is None:
        raise RuntimeError("the command line did not prepare its state")
    return state


@contextmanager
def opened_library(context: typer.Context, *, create: bool = False) -> Iterator[Library]:
    """The library of this command, with progress on stderr."""
    with Library(state_of(context).settings, create=create, progress=ConsoleProgress()) as library:
        yield library
