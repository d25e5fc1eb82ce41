"""Going back to a kept generation, and forward again."""

from __future__ import annotations

import pytest

from pubmed_rag.core.errors import IndexCorruptError, LibraryBusyError, UsageError
from pubmed_rag.index.generation import current_generation, current_name, kept_generations, switch
from tests.support import Opener, TinyLibrary, article, random_articles


@pytest.fixture
def library(tiny: Opener) -> TinyLibrary:
    """g000001 without, g000002 with an article on quercetin."""
    made = tiny(random_articles(10))
    made.store.upsert([article("q", "Quercetin in gout.")])
    made.update()
    return made


def names(library: TinyLibrary) -> list[str]:
    return [kept.manifest.generation for kept in kept_generations(library.paths)]


def test_the_same_searcher_follows_there_and_back(library: TinyLibrary) -> None:
    assert names(library) == ["g000002", "g000001"]
    assert library.search("quercetin", "bm25").total == 1
    assert switch(library.paths, "g000001").manifest.articles == 10
    assert library.search("quercetin", "bm25").total == 0
    assert "1 change behind" in library.search("quercetin", "bm25").warnings[0]
    switch(library.paths, "g000002")
    assert library.search("quercetin", "bm25").total == 1


def test_what_is_built_after_a_switch_takes_no_name_again(library: TinyLibrary) -> None:
    switch(library.paths, "g000001")
    assert library.update().generation == "g000003"
    assert library.search("quercetin", "bm25").total == 1
    assert names(library) == ["g000003", "g000001"], "the new one and the one it was made from"
    assert current_generation(library.paths).problems() == []


@pytest.mark.parametrize("name", ["g000009", "", "../g000001", "CURRENT", "g000001/words"])
def test_only_a_kept_generation_can_be_chosen(library: TinyLibrary, name: str) -> None:
    with pytest.raises(UsageError, match="no index generation") as caught:
        switch(library.paths, name)
    assert caught.value.remedy == "choose one of g000002, g000001"
    assert current_name(library.paths) == "g000002"


def test_a_damaged_one_is_refused_and_an_unreadable_one_is_not_offered(library: TinyLibrary) -> None:
    older = kept_generations(library.paths)[1]
    next(older.words.glob("*.store")).write_bytes(b"damaged")
    with pytest.raises(IndexCorruptError, match="g000001 is damaged"):
        switch(library.paths, "g000001")
    assert current_name(library.paths) == "g000002"
    (older.directory / "manifest.json").write_text("{")
    assert names(library) == ["g000002"]


def test_nothing_is_switched_while_an_index_is_being_built(library: TinyLibrary) -> None:
    with library.paths.index_lock(), pytest.raises(LibraryBusyError):
        switch(library.paths, "g000001")
    assert current_name(library.paths) == "g000002"
