"""Fixtures of the ingest tests: an empty store, and the local E-utilities server."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

from pubmed_rag.core.library import LibraryPaths
from pubmed_rag.core.store import ArticleStore
from tests.eutils_server import EutilsServer

settings.register_profile("shared machine", deadline=None)
settings.load_profile("shared machine")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[ArticleStore]:
    """An empty article store."""
    with ArticleStore(LibraryPaths(tmp_path / "library"), create=True) as opened:
        yield opened


@pytest.fixture
def start_server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., EutilsServer]]:
    """Start E-utilities servers that end with the test; arguments are those of ``EutilsServer``."""
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with ExitStack() as stack:

        def start(*args: Any, **kwargs: Any) -> EutilsServer:
            return stack.enter_context(EutilsServer(*args, **kwargs))

        yield start


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of public sample data beside the project, which not every checkout has."""
    folder = Path(__file__).parents[2].parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("the public sample data is not beside this checkout (../shared/data)")
    return folder
