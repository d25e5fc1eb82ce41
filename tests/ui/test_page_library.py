"""The page about the library, beginning one, and the work that goes on beside the page."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from pubmed_rag.core.errors import LibraryNotFoundError, UsageError
from pubmed_rag.core.records import MeshHeading, PartialDate, Term
from pubmed_rag.core.settings import EntrezSettings
from pubmed_rag.ui import library_jobs
from pubmed_rag.ui.api import Library
from pubmed_rag.ui.demo import sample_file
from pubmed_rag.ui.jobs import JobRunner, JobView
from pubmed_rag.ui.library_jobs import Outcome
from pubmed_rag.ui.messages import use_language
from tests.eutils_records import load_records
from tests.eutils_server import EutilsServer
from tests.ui.test_page import (
    QUESTION,
    ScriptedEngine,
    TinyLibrary,
    _page,
    article,
    ask,
    button,
    markup,
    opened,
    tiny_library,
    tiny_settings,
    words,
)

WAIT = 60.0

MEDLINE = b"""
PMID- 31
TI  - Bisoprolol in heart failure.
AB  - Bisoprolol reduced mortality in heart failure.
DP  - 1999 Jan
"""


@pytest.fixture
def library(tmp_path: Path) -> Iterator[TinyLibrary]:
    with tiny_library(tmp_path) as made:
        yield made


def turn_to(page: AppTest, name: str) -> AppTest:
    return page.segmented_control(key="kept.page").set_value(name).run()


def finished(jobs: JobRunner) -> JobView:
    over = jobs.wait(WAIT)
    assert over is not None
    assert not over.active
    return over


# -- beginning -------------------------------------------------------------------------------------


def test_a_newcomer_comes_from_nothing_to_a_cited_answer(tmp_path: Path) -> None:
    jobs = JobRunner()
    made: list[TinyLibrary] = []

    def source(*, create: bool = False) -> Library:
        if create and not made:
            made.append(TinyLibrary(tiny_settings(tmp_path), create=True, progress=jobs))
        if not made:
            raise LibraryNotFoundError("none")
        return made[0]

    page = AppTest.from_function(_page, args=(source, jobs), default_timeout=60).run()
    assert "Welcome" in words(page)
    assert made == []
    page = button(page, "Use the sample library").click().run()
    assert finished(jobs).state == "done"
    page = page.run()
    assert not page.exception
    assert "of 63 articles" in words(page)
    assert "63 articles can be searched" in page.success[0].value
    made[0].engine = ScriptedEngine("Beta blockers reduce mortality in chronic heart failure [1].")
    page = next(found for found in page.button if "beta blockers" in found.label).click().run()
    assert "prag-chip" in markup(page)
    button(page, "Hide").click().run()
    assert not page.run().success
    made[0].close()


def test_a_library_in_the_making_says_so(tmp_path: Path) -> None:
    jobs, go = JobRunner(), threading.Event()
    with TinyLibrary(tiny_settings(tmp_path), create=True, progress=jobs) as library:
        jobs.start("Adding the sample library", lambda: go.wait(WAIT))
        page = opened(library)
        assert "is being made" in words(page)
        assert "Use the sample library" not in [found.label for found in page.button]
        go.set()
        finished(jobs)


# -- adding ----------------------------------------------------------------------------------------


def test_files_are_added_indexed_and_gone(library: TinyLibrary) -> None:
    page = turn_to(opened(library), "Library")
    page.file_uploader(key="add.files").set_value([("../../evil name.nbib", MEDLINE, "text/plain")])
    page = button(page, "Add these files").click().run()
    over = finished(library.jobs)
    assert over.state == "done"
    assert library.counts().articles == 5
    assert library.search("bisoprolol", mode="bm25").hits[0].id == "31"
    page = page.run()
    assert "1 new" in page.success[0].value
    assert not (library.paths.root / "uploads").exists()
    assert not list(library.paths.root.parent.glob("*evil*"))
    assert "of 5 articles" in words(page)


def test_a_file_that_is_none_of_ours_is_named(library: TinyLibrary) -> None:
    page = turn_to(opened(library), "Library")
    page.file_uploader(key="add.files").set_value([("holiday.png", b"\x89PNG\r\n\x1a\n" + bytes(100), "image/png")])
    page = button(page, "Add these files").click().run()
    finished(library.jobs)
    page = page.run()
    assert "holiday.png:" in words(page).replace("\\", "")
    assert any(found.label == "Left out (1)" for found in page.expander)


def test_nothing_to_add_is_told_so(library: TinyLibrary) -> None:
    page = turn_to(opened(library), "Library")
    assert "Choose a file first" in words(button(page, "Add these files").click().run())
    assert "Type a query first" in words(button(page, "Fetch and add").click().run())
    assert library.jobs.jobs() == ()


class Sent:
    """An upload of any size without its bytes."""

    def __init__(self, name: str, size: int) -> None:
        self.name, self.size = name, size

    def getbuffer(self) -> memoryview:
        raise AssertionError("too large to be read")


def test_too_much_at_once_is_refused_before_it_is_written(library: TinyLibrary) -> None:
    half = library_jobs.LARGEST_UPLOAD // 2
    with pytest.raises(UsageError, match="larger than 200 MB"):
        library_jobs.add_files(library, library.jobs, [Sent("a", half), Sent("b", half + 1)])
    assert not (library.paths.root / "uploads").exists()


@pytest.mark.parametrize(
    "name", ["../../x.xml", "/etc/passwd", "C:\\a\\b.xml", "..", ".", "", "a/../..", "\x00.xml", "x" * 500, "é ü.xml"]
)
def test_a_file_name_leads_nowhere(name: str, tmp_path: Path) -> None:
    safe = library_jobs.safe_name(name)
    assert safe
    assert len(safe) <= 80
    assert (tmp_path / safe).resolve().parent == tmp_path.resolve()
    assert not set("/\\\x00") & set(safe)


def test_a_query_brings_articles_and_is_asked_again_by_updates(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with EutilsServer(load_records([sample_file()]), limited=False) as server:
        settings = replace(tiny_settings(tmp_path), entrez=EntrezSettings(url=server.url))
        with TinyLibrary(settings, create=True, progress=JobRunner()) as library:
            page = opened(library)
            page.text_input(key="add.query").input("carvedilol")
            page = button(page, "Fetch and add").click().run()
            over = finished(library.jobs)
            assert over.state == "done", over.error
            assert over.detail == "carvedilol"
            held = library.counts().articles
            assert held > 0
            page = turn_to(page.run(), "Library")
            assert "<code><bdi>carvedilol</bdi></code>" in markup(page)
            page = button(page, "Update from these sources").click().run()
            assert finished(library.jobs).state == "done"
            assert "UTC" in markup(page.run())
            assert library.counts().articles == held


def test_a_service_that_does_not_answer_is_named(tmp_path: Path) -> None:
    nowhere = EntrezSettings(url="http://127.0.0.1:9/", tries=1, timeout_seconds=1)
    with TinyLibrary(replace(tiny_settings(tmp_path), entrez=nowhere), create=True, progress=JobRunner()) as library:
        page = opened(library)
        page.text_input(key="add.query").input("asthma")
        page = button(page, "Fetch and add").click().run()
        assert finished(library.jobs).state == "failed"
        assert "A service does not answer" in words(page.run())


# -- the index -------------------------------------------------------------------------------------


def test_what_is_in_the_library_is_shown(library: TinyLibrary) -> None:
    library.store.upsert(
        [
            article(
                "15",
                "<b>Bold</b>",
                (None, "Text."),
                mesh=(MeshHeading("<i>Asthma</i>"),),
                publication_types=(Term("Review"),),
            )
        ]
    )
    library.store.upsert([replace(article("16", "Old", (None, "Text.")), published=PartialDate(year=1980))])
    shown = markup(turn_to(opened(library), "Library"))
    assert "<dd>6</dd>" in shown
    assert "<dd>100 %</dd>" in shown
    assert "<dd>never</dd>" in shown
    assert "Review" in shown
    assert "&lt;i&gt;Asthma&lt;/i&gt;" in shown
    assert "Generation g000001" in shown


def test_an_index_older_than_its_library_is_brought_up(library: TinyLibrary) -> None:
    library.store.upsert([article("15", "Bisoprolol in heart failure.", (None, "It helped."))])
    page = turn_to(opened(library), "Library")
    assert "older than the library: 1 change cannot be found yet" in words(page)
    page = button(page, "Update the index").click().run()
    assert finished(library.jobs).state == "done"
    page = page.run()
    assert "holds every article" in words(page)
    assert "5 articles can be searched" in page.success[0].value
    before = library.manifest().generation
    button(page, "Build it anew").click().run()
    finished(library.jobs)
    assert library.manifest().generation != before
    assert "Recent work (2)" in [found.label for found in turn_to(page.run(), "Library").expander]


def test_a_missing_index_can_be_built_from_where_it_is_missed(tmp_path: Path) -> None:
    with TinyLibrary(tiny_settings(tmp_path), create=True, progress=JobRunner()) as library:
        library.engine = ScriptedEngine("")
        library.store.upsert([article("11", "Carvedilol in heart failure", (None, "It helped."))])
        page = ask(opened(library), QUESTION)
        assert "has no index yet" in words(page)
        page = button(page, "Build the index").click().run()
        assert finished(library.jobs).state == "done"
        assert library.manifest().articles == 1
        page = turn_to(page.run(), "Library")
        assert "holds every article" in words(page)


# -- work beside the page --------------------------------------------------------------------------


def test_every_tab_shows_the_work_and_one_can_stop_it(library: TinyLibrary) -> None:
    begun = threading.Event()

    def work() -> Outcome:
        with library.jobs.task("embedding", 1000, "articles") as task:
            while True:
                task.advance(1 if not begun.is_set() else 0)
                begun.set()
                threading.Event().wait(0.01)

    library.jobs.start("Building the index anew", work)
    assert begun.wait(WAIT)
    first, second = opened(library), opened(library)
    for page in (first, second):
        assert "Building the index anew" in words(page)
        assert "Computing meanings: 1 / 1,000 articles" in progress_of(page)
    assert all(found.disabled for found in turn_to(first, "Library").button if found.label == "Build it anew")
    button(second, "Stop").click().run()
    assert finished(library.jobs).state == "stopped"
    assert "Stopped. What had come in" in words(second.run())
    assert "Stopped. What had come in" in words(first.run())
    assert library.search("carvedilol", mode="bm25").hits


def progress_of(page: AppTest) -> str:
    return " ".join(str(element.proto.text).replace("\\", "") for element in page.get("progress"))


def test_a_tab_opened_later_is_not_told_old_news(library: TinyLibrary) -> None:
    library.jobs.start("Updating the index", Outcome)
    finished(library.jobs)
    assert not opened(library).success


def test_a_second_job_is_not_begun_beside_the_first(library: TinyLibrary) -> None:
    go = threading.Event()
    page = turn_to(opened(library), "Library")
    library.jobs.start("Updating the index", lambda: go.wait(WAIT))
    button(page, "Build it anew").click().run()
    assert [job.name for job in library.jobs.jobs()] == ["Updating the index"]
    go.set()
    finished(library.jobs)


# -- addresses and languages -----------------------------------------------------------------------


def test_the_address_names_the_page(library: TinyLibrary) -> None:
    page = opened(library, page="Library")
    assert page.segmented_control(key="kept.page").value == "Library"
    turn_to(page, "Search")
    assert "Search" in page.query_params["page"]
    assert opened(library, page="../../etc").segmented_control(key="kept.page").value == "Ask"
    found = opened(library, page="Search", q="carvedilol")
    assert found.text_input(key="kept.query").value == "carvedilol"
    assert "prag-hit" in markup(found)
    assert not library.engine.samplings


def test_portuguese_from_the_first_word_to_the_last(library: TinyLibrary, request: pytest.FixtureRequest) -> None:
    page = opened(library)
    page.selectbox(key="kept.language").set_value("pt").run()
    request.addfinalizer(lambda: use_language("en"))
    use_language("pt")  # the harness names choices as this thread does
    assert "Nada sai desta máquina" in words(page)
    page = turn_to(page, "Biblioteca")
    assert "O que contém" in markup(page)
    assert "Atualizar o índice" in [found.label for found in page.button]
    page = turn_to(page, "Perguntar")
    page.text_input(key="kept.question").input(QUESTION)
    page = button(page, "Perguntar").click().run()
    assert "Abre o resumo." in markup(page)
