"""Loading what a search needs ahead of the first one, and what the collector of garbage leaves alone."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from pubmed_rag.index.vectors import Vectors
from pubmed_rag.ui.jobs import JobRunner
from pubmed_rag.ui.page_warm import load, settle
from tests.ui.test_page import ARTICLES, HashedWords, TinyLibrary, tiny_settings


class Counted(HashedWords):
    """Counts the queries it has encoded."""

    queries = 0

    def encode_queries(self, texts: Sequence[str]) -> Vectors:
        self.queries += len(texts)
        return super().encode_queries(texts)


class CountedLibrary(TinyLibrary):
    """A library that keeps one encoder."""

    counted: Counted

    @property
    def embedder(self) -> Counted:
        return self.counted


@pytest.fixture
def library(tmp_path: Path) -> Iterator[CountedLibrary]:
    with CountedLibrary(tiny_settings(tmp_path), create=True, progress=JobRunner()) as made:
        made.counted = Counted()
        made.store.upsert(ARTICLES)
        yield made
    gc.unfreeze()


def test_index_and_encoder_are_used_once_ahead(library: CountedLibrary) -> None:
    library.build_index()
    load(library)
    assert library.counted.queries == 1


def test_what_is_missing_stops_nothing(library: CountedLibrary) -> None:
    load(library)
    assert library.counted.queries == 0
    assert gc.get_freeze_count() > 0


class _Ring:
    """Refers to itself, so that only the collector can end it."""

    def __init__(self) -> None:
        self.itself = self


def test_what_stays_is_set_apart_and_what_ended_since_is_freed() -> None:
    try:
        ring = _Ring()
        seen = weakref.ref(ring)
        settle()
        del ring
        later = weakref.ref(_Ring())
        gc.collect()
        assert later() is None
        assert seen() is not None
        settle()
        assert seen() is None
    finally:
        gc.unfreeze()
