"""Going back to an earlier index on the page, and forward again, under open tabs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest
from streamlit.testing.v1 import AppTest

from pubmed_rag.index.generation import MANIFEST, current_name, kept_generations
from tests.ui.test_page import TinyLibrary, article, button, markup, opened, search, tiny_library, words
from tests.ui.test_page_library import finished, turn_to


@pytest.fixture
def library(tmp_path: Path) -> Iterator[TinyLibrary]:
    """g000001 of four articles, and g000002 in use with a fifth."""
    with tiny_library(tmp_path) as made:
        made.store.upsert([article("15", "Bisoprolol in heart failure.", (None, "It helped."))])
        made.update_index()
        yield made


def titles(page: AppTest) -> int:
    return markup(page).count('class="prag-hit"')


def test_another_tab_searches_in_the_generation_that_was_chosen(library: TinyLibrary) -> None:
    searching = search(opened(library), "bisoprolol")
    searching.radio(key="kept.mode").set_value("bm25").run()
    assert titles(searching) == 1
    page = turn_to(opened(library), "Library")
    assert "g000002 · in use" in markup(page)
    page.selectbox(key="library.generation").set_value("g000001").run()
    page = button(page, "Switch …").click().run()
    assert "searches in g000001, which holds 4 articles" in words(page)
    assert "1 later change of the library cannot be found" in words(page)
    assert current_name(library.paths) == "g000002", "nothing is done before it is confirmed"
    page = button(page, "Switch to g000001").click().run()
    assert finished(library.jobs).state == "done"
    page = page.run()
    assert "Searches are in generation g000001 from now on" in page.success[0].value
    assert "g000001 · in use" in markup(page)
    assert "older than the library: 1 change" in words(page)
    assert titles(searching.run()) == 0
    library.switch_index("g000002")
    assert titles(searching.run()) == 1


def test_it_can_be_left_as_it_is(library: TinyLibrary) -> None:
    page = button(turn_to(opened(library), "Library"), "Switch …").click().run()
    page = button(page, "Leave it as it is").click().run()
    assert "Switch to g000001" not in [found.label for found in page.button]
    assert current_name(library.paths) == "g000002"


def test_a_model_that_is_another_is_named_before(library: TinyLibrary) -> None:
    older = kept_generations(library.paths)[1]
    other = replace(older.manifest, model="another-model")
    (older.directory / MANIFEST).write_bytes(msgspec.json.encode(other))
    page = button(turn_to(opened(library), "Library"), "Switch …").click().run()
    assert "made with the model another\\-model" in words(page)


def test_a_damaged_one_is_refused_in_words(library: TinyLibrary) -> None:
    older = kept_generations(library.paths)[1]
    next(older.words.glob("*.store")).write_bytes(b"damaged")
    page = button(turn_to(opened(library), "Library"), "Switch …").click().run()
    page = button(page, "Switch to g000001").click().run()
    assert finished(library.jobs).state == "failed"
    assert "The index is damaged" in words(page.run())
    assert current_name(library.paths) == "g000002"


def test_where_one_alone_is_kept_that_is_said(tmp_path: Path) -> None:
    with tiny_library(tmp_path) as library:
        page = turn_to(opened(library), "Library")
        assert "keeps the index before it" in words(page)
        assert "Switch …" not in [found.label for found in page.button]
