"""Searching on the page, and what holds for both pages."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.ui.test_page import QUESTION, TinyLibrary, article, ask, markup, opened, search, tiny_library, words


@pytest.fixture
def library(tmp_path: Path) -> Iterator[TinyLibrary]:
    with tiny_library(tmp_path) as made:
        yield made


def test_search_shows_ranked_hits_with_matched_words(library: TinyLibrary) -> None:
    page = search(opened(library), "carvedilol mortality")
    assert not page.exception
    shown = markup(page)
    assert "1." in shown
    assert "<mark>Carvedilol</mark> reduced <mark>mortality</mark>" in shown
    assert "<summary>Abstract</summary>" in shown
    assert "Retracted: the journal has withdrawn this paper" in shown
    assert "of 4 articles" in words(page)


def test_modes_and_filters_search_again(library: TinyLibrary) -> None:
    page = search(opened(library), "carvedilol")
    page.checkbox(key="kept.without_retracted").check().run()
    assert "withdrawn" not in markup(page)
    page.radio(key="kept.mode").set_value("bm25").run()
    assert markup(page).count('class="prag-hit"') == 1
    page.number_input(key="kept.year_from").set_value(2010).run()
    assert "Nothing found" in words(page)
    assert "Try without the filters" in words(page)
    page.number_input(key="kept.year_to").set_value(2005).run()
    assert "first year is after the last" in words(page)


def test_nothing_found_and_nothing_asked(library: TinyLibrary) -> None:
    page = search(opened(library), "")
    assert "Type something to search for first" in words(page)
    page.radio(key="kept.mode").set_value("bm25").run()
    assert "press Enter" in words(page)
    assert "Nothing found" in words(search(page, "zzzz"))


def test_an_index_behind_its_library_warns(library: TinyLibrary) -> None:
    library.store.upsert([article("15", "Bisoprolol in heart failure.", (None, "It helped."))])
    page = search(opened(library), "carvedilol")
    assert "1 change behind" in words(page).replace("\\", "")
    assert "`pubmed-rag index update`" in words(page)
    assert "1 change behind" in words(ask(opened(library), QUESTION)).replace("\\", "")


def test_an_article_deleted_under_the_page_is_no_error(library: TinyLibrary) -> None:
    page = ask(opened(library), QUESTION)
    library.store.delete(["11"])
    page.run()
    assert not page.exception
    assert "no longer in the library" in markup(page)


def test_a_hostile_record_shows_as_text(library: TinyLibrary) -> None:
    found = markup(search(opened(library), "asthma salbutamol"))
    asked = markup(ask(opened(library), "Does salbutamol relieve asthma within minutes?"))
    for shown in (found, asked):
        assert "&lt;img src=x onerror=alert(1)&gt;" in shown
        assert "<img" not in shown
        assert "<script" not in shown
        assert "&amp;lt;b&amp;gt;" in shown
    hostile = ask(opened(library), "<b onclick=alert(1)>bold</b> ![x](y)")
    assert "<b onclick" not in markup(hostile)


def test_every_input_has_a_label(library: TinyLibrary) -> None:
    asking = opened(library)
    searching = search(opened(library), "carvedilol")
    for page in (asking, searching):
        inputs = [*page.text_input, *page.slider, *page.number_input, *page.radio, *page.checkbox, *page.selectbox]
        assert inputs
        assert all(widget.label for widget in [*inputs, *page.button])
