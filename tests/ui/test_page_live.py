"""PubMed itself as a list on the search page, against the local E-utilities server."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from pubmed_rag.core.settings import EntrezSettings
from pubmed_rag.ui.jobs import JobRunner
from tests.eutils_records import Record, generated
from tests.eutils_server import EutilsServer
from tests.ui.test_page import (
    ARTICLES,
    ScriptedEngine,
    TinyLibrary,
    button,
    opened,
    search,
    tiny_settings,
    words,
)

LATER = [
    generated(500 + number, date(2024, 1, 1 + number), "heart", title=f"Carvedilol <i>later</i>, trial {number}.")
    for number in range(12)
]
HELD = generated(11, date(2001, 1, 1), "heart", title="Does carvedilol improve survival in severe heart failure?")


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[EutilsServer]:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    records: list[Record] = [HELD, *LATER]
    with EutilsServer(records, limited=False) as running:
        yield running


@pytest.fixture
def library(tmp_path: Path, server: EutilsServer) -> Iterator[TinyLibrary]:
    settings = replace(tiny_settings(tmp_path), entrez=EntrezSettings(url=server.url, email="a@b.org"))
    with TinyLibrary(settings, create=True, progress=JobRunner()) as made:
        made.engine = ScriptedEngine("")
        made.store.upsert(ARTICLES)
        made.build_index()
        yield made


def asked(page: AppTest, query: str) -> AppTest:
    page = search(page, query)
    return page.toggle(key="kept.live").set_value(True).run()


def lists(page: AppTest) -> list[str]:
    """The markup of each column with results."""
    found = ["".join(item.proto.body for item in column.get("html")) for column in page.columns]
    return [text for text in found if "prag-part" in text]


def test_nothing_is_sent_before_it_is_wanted_and_that_it_is_sent_is_said(
    library: TinyLibrary, server: EutilsServer
) -> None:
    page = search(opened(library), "carvedilol")
    assert "Nothing leaves this machine" in words(page).replace("\\", "")
    assert server.calls == []
    page.toggle(key="kept.live").set_value(True).run()
    assert "What you search for is sent to 127.0.0.1 as well." in words(page).replace("\\", "")
    assert "Nothing leaves this machine" not in words(page).replace("\\", "")
    assert [call.script for call in server.calls] == ["esearch.fcgi", "efetch.fcgi"]
    assert server.calls[0].params["term"] == "carvedilol"


def test_the_articles_it_finds_are_shown_whether_held_or_not(library: TinyLibrary, server: EutilsServer) -> None:
    page = asked(opened(library), "carvedilol")
    own, live = lists(page)
    assert not page.exception
    assert "13 articles match" in words(page)
    assert live.count('class="prag-hit"') == 10
    assert live.count("Not in your library") == 10
    assert "<mark>Carvedilol</mark> " in live
    assert "trial 11." in live
    assert "Number 13 on the other side" in own
    button(page, "Next").click().run()
    live = lists(page)[1]
    assert live.count("Not in your library") == 2
    assert "on the other side" in live
    assert "Beta blockers had been avoided" in live, "what the library holds is shown from the library"
    calls = len(server.calls)
    button(page, "Previous").click().run()
    assert len(server.calls) == calls, "what was fetched is not fetched again"


def test_three_lists_are_marked_against_each_other(library: TinyLibrary) -> None:
    page = asked(opened(library), "carvedilol")
    page.toggle(key="kept.both").set_value(True).run()
    words_side, meaning, _ = lists(page)
    assert "1 article is in all lists" in words(page)
    assert words_side.count("In all lists · ") == 1
    assert "PubMed itself, today: 13" in words_side
    assert "In this list only" in meaning


def test_the_order_and_the_filters_are_those_of_the_page(library: TinyLibrary, server: EutilsServer) -> None:
    page = asked(opened(library), "carvedilol")
    page.selectbox(key="kept.sort").set_value("date").run()
    assert [call.params["sort"] for call in server.calls if call.script == "esearch.fcgi"] == ["relevance", "pub_date"]
    page.number_input(key="kept.year_from").set_value(2001).run()
    sent = [call.params["term"] for call in server.calls if call.script == "esearch.fcgi"]
    assert sent[-1] == '(carvedilol) AND ("2001"[dp] : "3000"[dp])'


def test_what_is_missing_is_added_and_then_is_held(library: TinyLibrary) -> None:
    page = asked(opened(library), "carvedilol")
    button(page, "Add these 10 to the library").click().run()
    over = library.jobs.wait(60)
    assert over is not None
    assert over.state == "done", over.error
    assert library.counts().articles == 14
    page.run()
    assert lists(page)[1].count("Not in your library") == 0


def test_articles_that_are_not_held_can_be_saved_too(library: TinyLibrary) -> None:
    page = asked(opened(library), "carvedilol")
    next(box for box in page.checkbox if box.key == "search.pick.live.511").check().run()
    assert any(found.label == "Save 1 chosen article" for found in page.expander)
    written = page.session_state["search.written"]
    assert [article.pmid for article in written[0]] == ["511"]


def test_a_network_that_is_down_is_told_and_leaves_the_rest(library: TinyLibrary, server: EutilsServer) -> None:
    server.order("503", times=2)
    page = asked(opened(library), "carvedilol")
    assert not page.exception
    assert "A service does not answer" in words(page)
    assert "Without a network everything else works" in words(page)
    assert lists(page)[0].count('class="prag-hit"') == 4
    button(page, "Try again").click().run()
    assert "13 articles match" in words(page)


def test_titles_that_do_not_come_leave_the_numbers(library: TinyLibrary, server: EutilsServer) -> None:
    server.order("503", times=2, script="efetch.fcgi")
    live = lists(asked(opened(library), "carvedilol"))[1]
    assert 'href="https://pubmed.ncbi.nlm.nih.gov/511/"' in live
    assert "PubMed 511</a>" in live


def test_nothing_found_there_is_no_error(library: TinyLibrary) -> None:
    page = asked(opened(library), "metoprolol")
    assert not page.exception
    assert "Nothing found" in words(page)
    assert lists(page)[0].count('class="prag-hit"') == 4


def test_a_query_is_counted_before_it_is_fetched(library: TinyLibrary, server: EutilsServer) -> None:
    page = opened(library, page="Library")
    page.text_input(key="add.query").input("carvedilol[tiabb]")
    page = button(page, "Count first").click().run()
    assert "PubMed finds 13 articles. To fetch them takes about" in page.info[0].value
    assert "carvedilol[tiabb]" in page.code[0].value
    assert "[tiab]" in words(page).replace("\\", "")
    assert library.jobs.jobs() == ()
    assert [call.script for call in server.calls] == ["esearch.fcgi"]
    server.order("503", times=2)
    assert "A service does not answer" in words(button(page, "Count first").click().run())
    page.text_input(key="add.query").input(" ")
    assert "Type a query first" in words(button(page, "Count first").click().run())
