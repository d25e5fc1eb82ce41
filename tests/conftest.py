"""What holds for all tests."""

from __future__ import annotations

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
