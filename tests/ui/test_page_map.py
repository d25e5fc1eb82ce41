"""The page with the map."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from tests.ui.test_page import TinyLibrary, article, button, markup, opened, search, tiny_library, words

WAIT = 60.0


@pytest.fixture
def library(tmp_path: Path) -> Iterator[TinyLibrary]:
    with tiny_library(tmp_path) as made:
        yield made


def drawn(library: TinyLibrary) -> AppTest:
    page = opened(library, page="Map")
    button(page, "Draw the map").click().run()
    over = library.jobs.wait(WAIT)
    assert over is not None
    assert over.state == "done", over.error
    return page.run()


def test_a_map_is_drawn_on_request_and_then_kept(library: TinyLibrary) -> None:
    page = drawn(library)
    assert not page.exception
    assert "4 articles" in words(page)
    assert page.get("bidi_component")
    assert "Draw the map" not in [found.label for found in opened(library, page="Map").button]


def test_a_group_is_opened_and_an_article_in_it_read(library: TinyLibrary) -> None:
    page = drawn(library)
    groups = page.selectbox(key="kept.map.group")
    assert sum(int(option.rsplit("(", 1)[1].rstrip(")")) for option in groups.options) == 4
    for option in groups.options:
        groups = page.selectbox(key="kept.map.group")
        page = groups.set_value(groups.options.index(option)).run()
        if any("script" in str(found.label) for found in page.button):
            break
    page = next(found for found in page.button if "script" in str(found.label)).click().run()
    shown = markup(page)
    assert "&lt;img src=x onerror=alert(1)&gt;" in shown
    assert "<script" not in shown
    button(page, "Close").click().run()
    assert "onerror" not in markup(page)


def test_the_results_of_the_last_search_are_lit(library: TinyLibrary) -> None:
    drawn(library)
    page = opened(library)
    page = search(page, "carvedilol")
    page.segmented_control(key="kept.page").set_value("Map").run()
    assert page.toggle(key="kept.map.lit").label == "Light up 4 results of the last search"
    for colour in ("Year", "Kind of article", "Group"):
        page.segmented_control(key="kept.map.colour").set_value(colour).run()
        assert not page.exception
    page.toggle(key="kept.map.lit").set_value(False).run()
    assert not page.exception


def test_a_map_older_than_its_index_says_so(library: TinyLibrary) -> None:
    drawn(library)
    library.store.upsert([article("15", "Bisoprolol in heart failure.", (None, "It helped."))])
    library.update_index()
    page = opened(library, page="Map")
    assert "earlier index" in words(page)
    button(page, "Draw it anew").click().run()
    library.jobs.wait(WAIT)
    assert "5 articles" in words(page.run())
