"""What the tests of ``index`` share."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from pubmed_rag.core.records import Article
from tests.support import TinyLibrary, open_tiny

Opener = Callable[[Iterable[Article]], TinyLibrary]


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
