"""What holds for all tests."""

from __future__ import annotations

import signal
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from hypothesis import settings

from pubmed_rag.core.records import Article
from tests.support import Opener, TinyLibrary, open_tiny

# A property that takes long on a busy machine is not wrong.
settings.register_profile("shared machine", deadline=None)
settings.load_profile("shared machine")


@pytest.fixture
def tiny(tmp_path: Path) -> Iterator[Opener]:
    """Make indexed libraries of the given articles; they close with the test."""
    with ExitStack() as stack:
        made = 0

        def opened(articles: Iterable[Article]) -> TinyLibrary:
            nonlocal made
            made += 1
            library = open_tiny(tmp_path / f"library{made}", articles)
            stack.callback(library.store.close)
            return library

        yield opened


def pytest_configure() -> None:
    """A shell that starts a job in the background lets it ignore Ctrl-C, and so would the programs tests interrupt."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
