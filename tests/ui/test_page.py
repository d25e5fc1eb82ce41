"""Asking, and every state before it, in Streamlit's own test harness, over tiny libraries without big models."""

from __future__ import annotations

import threading
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest
from streamlit.testing.v1.element_tree import Button

from pubmed_rag.core.records import Article, Author, Correction, Journal, PartialDate, Section
from pubmed_rag.core.settings import ModelSettings, Settings
from pubmed_rag.index.analysis import terms
from pubmed_rag.index.vectors import Vectors
from pubmed_rag.rag.engine import Message, Sampling
from pubmed_rag.ui.api import Library, open_library
from pubmed_rag.ui.jobs import JobRunner

QUESTION = "Does carvedilol reduce mortality in heart failure?"
OWN_SENTENCE = "Carvedilol reduced mortality in patients with severe heart failure"
APP = Path(__file__).parents[2] / "ui" / "app.py"


class HashedWords:
    """An embedder that needs no model: words hashed into 64 numbers."""

    name = "hashed-words"
    revision = "1"
    normalised = True
    dimension = 64

    def encode_passages(self, texts: Sequence[str]) -> Vectors:
        rows = np.zeros((len(texts), self.dimension), np.float32)
        for row, text in zip(rows, texts, strict=True):
            for term in terms(text):
                row[zlib.crc32(term.encode()) % self.dimension] += 1
        rows /= np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-9)
        return rows

    encode_queries = encode_passages


class ScriptedEngine:
    """A model that writes what the test wants, after ``go`` is set."""

    name = "scripted"
    context_tokens = 4096
    obeys_grammar = True

    def __init__(self, text: str) -> None:
        self.text = text
        self.go = threading.Event()
        self.go.set()
        self.samplings: list[Sampling] = []
        self.was_stopped = False

    def count_tokens(self, text: str) -> int:
        return len(text.split())

    def generate(
        self,
        messages: Sequence[Message],
        *,
        grammar: str,
        sampling: Sampling,
        stopped: Callable[[], bool] | None = None,
    ) -> Iterator[str]:
        self.samplings.append(sampling)
        while not self.go.wait(0.02):
            if stopped and stopped():
                self.was_stopped = True
                return
        yield self.text


class TinyLibrary(Library):
    """A real library on disk with stand-ins for the two models."""

    engine: ScriptedEngine

    @property
    def jobs(self) -> JobRunner:
        """The jobs of the page over this library."""
        assert isinstance(self._progress, JobRunner)
        return self._progress

    @property
    def embedder(self) -> HashedWords:
        return HashedWords()

    def _engine(self, name: str) -> ScriptedEngine:
        return self.engine


def article(number: str, title: str, *sections: tuple[str | None, str], **facts: object) -> Article:
    return Article(
        number,
        title=title,
        abstract=tuple(Section(text, label=label) for label, text in sections),
        pmid=number,
        journal=Journal(title="Journal of Trials"),
        published=PartialDate(year=2001),
        authors=(Author(last_name="Packer", initials="M"), Author(last_name="Coats", initials="A")),
        **facts,  # type: ignore[arg-type]
    )


ARTICLES = [
    article(
        "11",
        "Does carvedilol improve survival in severe heart failure?",
        ("BACKGROUND", "Beta blockers had been avoided in severe disease."),
        ("RESULTS", "Carvedilol reduced mortality in patients with severe heart failure."),
        doi="10.1000/11",
    ),
    article(
        "12",
        "Metoprolol in chronic heart failure.",
        ("RESULTS", "Metoprolol did reduce mortality in chronic heart failure compared with placebo."),
        notes=("SUMMARY: written for this library",),
    ),
    article(
        "13",
        "Carvedilol and mortality in heart failure: a withdrawn trial.",
        ("RESULTS", "Carvedilol did reduce mortality in heart failure by ninety percent."),
        corrections=(Correction("RetractionIn", pmid="99"),),
    ),
    article(
        "14",
        "<script>alert('t')</script> [x](javascript:alert(1)) on asthma $x^2$",
        ("RESULTS", "<img src=x onerror=alert(1)> Salbutamol relieved asthma &lt;b&gt; within minutes."),
    ),
]


def tiny_settings(tmp_path: Path) -> Settings:
    """A library in ``tmp_path`` with two files that pass for models, so that none is fetched."""
    models = {"embedder": tmp_path / "embedder", "llm": tmp_path / "scripted.gguf"}
    for path in models.values():
        path.touch()
    named = {kind: str(path) for kind, path in models.items()}
    return Settings(library=tmp_path / "library", models=ModelSettings(directory=tmp_path / "models", **named))


@contextmanager
def tiny_library(tmp_path: Path) -> Iterator[TinyLibrary]:
    """:data:`ARTICLES`, indexed."""
    with TinyLibrary(tiny_settings(tmp_path), create=True, progress=JobRunner()) as made:
        made.engine = ScriptedEngine(f"{OWN_SENTENCE} [1]. It cured 99 of 100 patients [2].")
        made.store.upsert(ARTICLES)
        made.build_index()
        yield made


@pytest.fixture
def library(tmp_path: Path) -> Iterator[TinyLibrary]:
    with tiny_library(tmp_path) as made:
        yield made


def _page(source: object, jobs: object) -> None:
    """Run by the harness as a script of its own, which knows no name of this module."""
    from pubmed_rag.ui.page_frame import render

    render(source, jobs)  # type: ignore[arg-type]


def opened(library: Library | Exception, **query: str) -> AppTest:
    def source(*, create: bool = False) -> Library:
        if isinstance(library, Exception):
            raise library
        return library

    jobs = library.jobs if isinstance(library, TinyLibrary) else JobRunner()
    page = AppTest.from_function(_page, args=(source, jobs), default_timeout=20)
    for key, value in query.items():
        page.query_params[key] = value
    return page.run()


def markup(page: AppTest) -> str:
    """All markup on the page except the style sheet."""
    bodies = [element.proto.body for element in page.get("html")]
    return "\n".join(body for body in bodies if not body.startswith("<style>"))


def words(page: AppTest) -> str:
    """Everything else that is said."""
    kinds = (page.title, page.header, page.caption, page.info, page.warning, page.error, page.markdown, page.code)
    return "\n".join(str(element.value) for kind in kinds for element in kind)


def ask(page: AppTest, question: str) -> AppTest:
    page.text_input(key="kept.question").input(question)
    button(page, "Ask").click()
    return page.run()


def search(page: AppTest, query: str) -> AppTest:
    page.segmented_control(key="kept.page").set_value("Search").run()
    page.text_input(key="kept.query").input(query)
    button(page, "Search").click()
    return page.run()


def button(page: AppTest, label: str) -> Button:
    return next(found for found in page.button if found.label == label)


# -- before there is anything ----------------------------------------------------------------------


def test_no_library_leads_to_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PUBMED_RAG_LIBRARY", str(tmp_path / "none"))
    page = AppTest.from_file(str(APP), default_timeout=20).run()
    assert not page.exception
    assert "Welcome" in words(page)
    assert "Use the sample library" in [found.label for found in page.button]
    assert not (tmp_path / "none").exists()  # looking makes nothing
    open_library(tmp_path / "none", create=True).close()
    assert "There are no articles yet" in words(page.run())


def test_the_application_shares_one_library_between_tabs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with open_library(tmp_path / "shared", create=True) as made:
        made.store.upsert(ARTICLES)
    monkeypatch.setenv("PUBMED_RAG_LIBRARY", str(tmp_path / "shared"))
    first, second = (AppTest.from_file(str(APP), default_timeout=20).run() for _ in range(2))
    assert not first.exception
    assert not second.exception
    assert "of 4 articles. 1 of them is retracted" in words(first)
    from pubmed_rag.ui.page_state import shared_library

    assert shared_library() is shared_library()


def test_no_index_yet(tmp_path: Path) -> None:
    with TinyLibrary(tiny_settings(tmp_path), create=True, progress=JobRunner()) as library:
        library.engine = ScriptedEngine("")
        library.store.upsert(ARTICLES)
        page = ask(opened(library), QUESTION)
        assert "has no index yet" in words(page)
        assert "pubmed-rag index build" in words(page)
        assert "has no index yet" in words(search(page, "carvedilol"))


def test_a_missing_model_is_named_with_its_command(library: TinyLibrary) -> None:
    settings = replace(library.settings, models=ModelSettings(directory=library.settings.models.directory))
    with Library(settings) as real:
        page = ask(opened(real), QUESTION)
        assert "A model is missing" in words(page)
        assert "`pubmed-rag models pull smollm2-135m`" in words(page)


def test_an_unexpected_error_apologises_and_keeps_its_details_aside() -> None:
    page = opened(ValueError("<b>boom</b>"))
    assert not page.exception
    assert "Sorry" in page.error[0].value
    assert "boom" not in page.error[0].value
    assert "boom" in page.expander[0].code[0].value


# -- asking ----------------------------------------------------------------------------------------


def test_the_first_sight_offers_questions_of_this_library(library: TinyLibrary) -> None:
    page = opened(library)
    labels = [found.label.replace("\\", "") for found in page.button]
    assert "Does carvedilol improve survival in severe heart failure?" in labels
    page = next(found for found in page.button if "improve survival" in found.label).click().run()
    assert "Does carvedilol improve survival in severe heart failure?" in page.query_params["q"]
    assert "prag-claim" in markup(page)


def test_an_answer_shows_claims_chips_and_sources(library: TinyLibrary) -> None:
    page = ask(opened(library), QUESTION)
    assert not page.exception
    shown = markup(page)
    assert "The model's own sentence" in shown.replace("&#x27;", "'")
    assert f"{OWN_SENTENCE}." in shown
    assert "Quotation" in shown
    assert 'popovertarget="prag-source-0-1"' in shown
    assert "<mark>Carvedilol reduced mortality in patients with severe heart failure.</mark>" in shown
    assert "<strong><bdi>RESULTS</bdi></strong>" in shown
    assert "2001" in shown
    assert "Journal of Trials" in shown
    assert "https://pubmed.ncbi.nlm.nih.gov/11/" in shown
    assert "https://doi.org/10.1000/11" in shown
    assert "This text is a summary written for the sample library, not the published abstract." in shown
    assert "Took " in shown
    assert "model scripted" in shown
    assert QUESTION in page.query_params["q"]


def test_what_did_not_hold_is_shown_on_request(library: TinyLibrary) -> None:
    page = ask(opened(library), QUESTION)
    drawer = next(found for found in page.expander if found.label.startswith("What the model wrote"))
    assert "(1)" in drawer.label
    body = "".join(element.proto.body for element in drawer.get("html"))
    assert "It cured 99 of 100 patients" in body
    assert "Left out: the evidence does not contain" in body


def test_retracted_papers_are_announced_and_not_cited(library: TinyLibrary) -> None:
    shown = markup(ask(opened(library), QUESTION))
    assert "A retracted paper would have ranked here" in shown
    assert "a withdrawn trial" in shown
    assert "ninety percent" not in shown


def test_papers_in_doubt_are_announced_and_not_cited(library: TinyLibrary) -> None:
    library.store.upsert([replace(ARTICLES[2], corrections=(Correction("ExpressionOfConcernIn", pmid="99"),))])
    library.update_index()
    shown = markup(ask(opened(library), QUESTION))
    assert "about which its journal has expressed concern was not used" in shown
    assert "ninety percent" not in shown
    assert "The journal has expressed concern about this paper" in markup(search(opened(library), "withdrawn trial"))


def test_insufficient_evidence_lists_the_nearest(library: TinyLibrary) -> None:
    page = ask(opened(library), "Which telescope resolves distant galaxies?")
    assert "no sufficient evidence" in words(page)
    assert "Nearest articles" in markup(page)
    assert "prag-hit" in markup(page)
    assert "prag-claim" not in markup(page)


def test_an_empty_question_is_told_so(library: TinyLibrary) -> None:
    page = ask(opened(library), "   ")
    assert "Type a question first" in words(page)
    assert not library.engine.samplings


def test_the_address_asks_once(library: TinyLibrary) -> None:
    page = opened(library, q=QUESTION)
    assert f"{OWN_SENTENCE}." in markup(page)
    assert page.text_input(key="kept.question").value == QUESTION
    asked = len(library.engine.samplings)
    assert asked
    page.run()
    assert len(library.engine.samplings) == asked
    ask(page, "Does metoprolol reduce mortality in chronic heart failure?")
    assert len(library.engine.samplings) > asked


def test_the_drawer_reaches_the_model(library: TinyLibrary) -> None:
    page = opened(library)
    page.slider(key="kept.temperature").set_value(0.7)
    page.number_input(key="kept.seed").set_value(5)
    page = ask(page, QUESTION)
    assert library.engine.samplings[0].temperature == pytest.approx(0.7)
    assert library.engine.samplings[0].seed == 5
    assert "temperature 0.7 · seed 5" in markup(page)
    assert all(widget.help for widget in [*page.slider, *page.number_input])
    assert page.radio(key="kept.explain").help
    assert page.selectbox(key="kept.answer_language").help


def test_the_reader_is_chosen_and_gets_what_helps_to_read(library: TinyLibrary) -> None:
    effect = "Carvedilol reduced mortality in severe HF (hazard ratio 0.65, 95% CI 0.5 to 0.8)"
    library.store.upsert(
        [
            replace(
                ARTICLES[0],
                abstract=(
                    Section("We randomly assigned 120 patients with heart failure (HF) to carvedilol.", "METHODS"),
                    Section(
                        "Carvedilol reduced mortality in severe HF (hazard ratio 0.65, 95% CI 0.5 to 0.8).", "RESULTS"
                    ),
                ),
            )
        ]
    )
    library.update_index()
    library.engine.text = f"{effect} [1]."
    page = opened(library)
    page.radio(key="kept.explain").set_value("lay")
    page = ask(page, QUESTION)
    shown = markup(page)
    assert "In plain words" in shown
    assert "written for: Lay people" in shown
    assert "<dt><bdi>HF</bdi>" in shown
    page.radio(key="kept.explain").set_value("expert").run()
    shown = markup(ask(page, QUESTION))
    assert "The studies in figures" in shown
    assert "n = 120" in shown


def test_an_answer_survives_a_look_at_the_other_page(library: TinyLibrary) -> None:
    page = ask(opened(library), QUESTION)
    asked = len(library.engine.samplings)
    page = search(page, "carvedilol")
    page.segmented_control(key="kept.page").set_value("Ask").run()
    assert f"{OWN_SENTENCE}." in markup(page)
    assert page.text_input(key="kept.question").value == QUESTION
    assert len(library.engine.samplings) == asked


def test_stop_ends_the_writing_and_completes_the_answer(library: TinyLibrary) -> None:
    from pubmed_rag.ui.page_job import AnswerJob

    library.engine.go.clear()
    job = AnswerJob(QUESTION, lambda stopped: library.stream(QUESTION, stopped=stopped))
    while not library.engine.samplings:
        job.wait(0.05)
    assert not job.standing().finished
    job.stop()
    while not job.standing().finished:
        job.wait(0.05)
    answer = job.standing().answer
    assert library.engine.was_stopped
    assert answer is not None
    assert all(claim.origin == "quotation" for claim in answer.claims)


def test_the_page_follows_an_answer_that_takes_its_time(library: TinyLibrary) -> None:
    library.engine.go.clear()
    threading.Timer(1.2, library.engine.go.set).start()
    page = opened(library, q=QUESTION)
    assert f"{OWN_SENTENCE}." in markup(page)
    assert "Stop" not in [found.label for found in page.button]


def test_a_stopped_answer_says_so(library: TinyLibrary) -> None:
    page = ask(opened(library), QUESTION)
    page.session_state["ask.job"].stop()
    assert "Stopped after" in markup(page.run())


def test_a_failing_stream_is_explained() -> None:
    from pubmed_rag.ui.page_job import AnswerJob

    def failing(stopped: Callable[[], bool]) -> Iterator[object]:
        raise ValueError("broken")
        yield

    job = AnswerJob("q", failing)  # type: ignore[arg-type]
    while not job.standing().finished:
        job.wait(0.05)
    assert isinstance(job.standing().error, ValueError)
