"""Blind judging on the page, and what the judgements say."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from pubmed_rag.eval.judging import JudgingSession
from pubmed_rag.eval.qrels import read_qrels
from pubmed_rag.ui.page_judging import SYSTEMS, judgements
from tests.ui.test_page import TinyLibrary, button, markup, opened, tiny_library, words


@pytest.fixture
def library(tmp_path: Path) -> Iterator[TinyLibrary]:
    with tiny_library(tmp_path) as made:
        yield made


def begun(library: TinyLibrary, queries: str) -> AppTest:
    page = opened(library, page="Challenge", part="judging")
    page.text_area(key="kept.judge.queries").input(queries)
    return button(page, "Begin or go on").click().run()


def progress(page: AppTest) -> str:
    return str(page.get("progress")[0].proto.text)


def qrels(library: TinyLibrary) -> Path:
    return judgements(library) / "qrels" / "judged.tsv"


def test_results_are_judged_blind_saved_at_once_and_gone_on_with(library: TinyLibrary) -> None:
    page = begun(library, "carvedilol mortality")
    assert not page.exception
    assert "0 of 4 judged" in progress(page)
    for name in SYSTEMS:
        assert name not in markup(page)
    page = button(page, "Relevant").click().run()
    page = button(page, "Not relevant").click().run()
    page = button(page, "Take the last one back").click().run()
    assert "1 of 4 judged" in progress(page)
    button(page, "Partly").click().run()
    assert sorted(qrel.relevance for qrel in read_qrels(qrels(library))) == [1, 2]
    page = opened(library, page="Challenge", part="judging")  # another day: the queries are still there
    assert page.text_area(key="kept.judge.queries").value == "carvedilol mortality"
    page = button(page, "Begin or go on").click().run()
    assert "2 of 4 judged" in progress(page)
    page = button(page, "Later").click().run()
    for _ in range(2):
        page = button(page, "Not relevant").click().run()
    assert "Everything is judged" in page.success[0].value
    assert len(list(read_qrels(qrels(library)))) == 4
    assert (judgements(library) / "challenge.toml").is_file()
    shown = markup(page)
    assert "Your judgements, latest first" in shown
    assert "Metoprolol in chronic heart failure." in shown


def test_grades_have_keys(library: TinyLibrary) -> None:
    page = begun(library, "carvedilol mortality")
    keys = {found.label: found.proto.shortcut for found in page.button if found.proto.shortcut}
    assert {label: key.upper() for label, key in keys.items()} == {
        "Relevant": "2",
        "Partly": "1",
        "Not relevant": "0",
        "Later": "L",
        "Take the last one back": "U",
    }


def test_what_another_tab_judged_is_not_asked_again_nor_judged_twice(library: TinyLibrary) -> None:
    one, two = begun(library, "carvedilol mortality"), begun(library, "carvedilol mortality")
    one = button(one, "Relevant").click().run()
    two = button(two, "Not relevant").click().run()  # of an article that is judged meanwhile
    assert not two.exception
    assert [qrel.relevance for qrel in read_qrels(qrels(library))] == [2]
    assert "1 of 4 judged" in progress(two)
    button(two, "Partly").click().run()
    assert [qrel.relevance for qrel in read_qrels(qrels(library))] == [2, 1]
    assert "2 of 4 judged" in progress(one.run())


def test_the_systems_are_measured_on_what_is_judged(library: TinyLibrary) -> None:
    page = begun(library, "carvedilol mortality\nasthma within minutes")
    assert "What your judgements say" not in markup(page)
    while not page.success:
        title = markup(page)
        page = button(page, "Relevant" if "heart failure" in title else "Not relevant").click().run()
    page = button(page, "Measure the systems").click().run()
    over = library.jobs.wait(30)
    assert over is not None
    assert over.state == "done", over.error
    page.run()
    assert not page.exception
    shown = markup(page)
    assert "on your judgements: " in shown
    assert "nDCG@10" in shown
    assert "over 2 queries" in shown
    assert "there are only 2 topics" in shown
    assert "Highest is not proven best" in words(page)
    time.sleep(0.02)
    button(page, "Take the last one back").click().run()
    assert "You have judged more since" in words(page)
    assert "Measure again" in [found.label for found in page.button]
    results = opened(library, page="Challenge", part="results")
    assert "judgements, judged" in markup(results)


def test_a_hostile_record_is_judged_as_text(library: TinyLibrary) -> None:
    page = begun(library, "asthma minutes <script>alert(1)</script>")
    seen = ""
    while not page.success:
        seen += markup(page)
        page = button(page, "Not relevant").click().run()
    seen += markup(page)
    assert "<script>alert" not in seen
    assert "<img" not in seen
    assert "&lt;script&gt;alert(&#x27;t&#x27;)&lt;/script&gt;" in seen


def test_a_line_that_names_a_file_is_a_query(library: TinyLibrary, tmp_path: Path) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_text("carvedilol of the secret", encoding="utf-8")
    page = begun(library, str(secret))
    assert "of the secret" not in markup(page) + words(page)
    assert str(secret) in (judgements(library) / "queries.jsonl").read_text(encoding="utf-8")


def test_no_query_no_session(library: TinyLibrary) -> None:
    assert "Type a query first" in words(begun(library, "  "))
    assert not judgements(library).exists()


def test_judging_from_the_command_line_goes_on_here(library: TinyLibrary) -> None:
    from pubmed_rag.eval.judging import make_pools, read_queries
    from pubmed_rag.eval.systems import SystemContext, make_systems

    topics = read_queries(["carvedilol mortality"])
    systems = make_systems(list(SYSTEMS), SystemContext(library.searcher, library.manifest()))
    session = JudgingSession(judgements(library), topics, make_pools(topics, systems, judgements(library)))
    session.judge(2)
    assert "1 of 4 judged" in progress(begun(library, "carvedilol mortality"))
