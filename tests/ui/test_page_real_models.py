"""The page over the two embedded models: eight ask at once, and a model that dies while it writes."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator

import pytest
from streamlit.testing.v1 import AppTest

from pubmed_rag.core.records import Answer
from pubmed_rag.core.settings import AskSettings, ModelSettings, Settings
from pubmed_rag.rag.answer import AskOptions
from pubmed_rag.rag.process_engine import ProcessEngine
from pubmed_rag.ui.api import Library
from pubmed_rag.ui.jobs import JobRunner
from pubmed_rag.ui.page_job import AnswerJob
from tests.support import article, model_path
from tests.ui.test_page import _page, ask, search, words

pytestmark = [pytest.mark.models, pytest.mark.slow, pytest.mark.timeout(600)]

TABS = 8
ONCE = AskOptions(top=1, repair=False)
"""Little to read, and one attempt."""

SUBJECTS = (
    ("Aspirin", "stroke"), ("Salbutamol", "asthma"), ("Carvedilol", "heart failure"), ("Metformin", "diabetes"),
    ("Sumatriptan", "migraine"), ("Omeprazole", "gastric ulcer"), ("Imatinib", "leukaemia"), ("Lithium", "mania"),
)  # fmt: skip


def question(subject: tuple[str, str]) -> str:
    return f"Does {subject[0].lower()} improve {subject[1]}?"


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Library]:
    models = ModelSettings(embedder=model_path("minilm", "embedder"), llm=model_path("smollm2-135m", "llm"))
    settings = Settings(
        library=tmp_path_factory.mktemp("real") / "library", models=models, ask=AskSettings(context_tokens=2048)
    )
    with Library(settings, create=True) as made:
        made.store.upsert(
            article(str(number), f"{drug} in {disease}.", f"{drug} improved {disease} in {100 + number} patients.")
            for number, (drug, disease) in enumerate(SUBJECTS)
        )
        made.build_index()
        yield made


def process_of(library: Library) -> int:
    """The process that holds the model."""
    (engine,) = library._engines.values()
    assert isinstance(engine, ProcessEngine)
    assert engine.process_id is not None
    return engine.process_id


def test_eight_ask_at_once_and_each_sees_its_place_and_gets_its_own(library: Library) -> None:
    seen: list[list[str]] = [[] for _ in range(TABS)]

    def asked(number: int) -> AnswerJob:
        text = question(SUBJECTS[number])
        return AnswerJob(text, lambda stopped: library.stream(text, ONCE, stopped=stopped))

    jobs = [asked(number) for number in range(TABS)]
    while not all(job.standing().finished for job in jobs):
        for job, stages in zip(jobs, seen, strict=True):
            stage = job.standing().stage
            if not stages or stages[-1] != stage:
                stages.append(stage)
        time.sleep(0.01)
    for number, job in enumerate(jobs):
        now = job.standing()
        assert now.error is None
        assert isinstance(now.answer, Answer)
        drug, disease = SUBJECTS[number]
        assert now.answer.question == question(SUBJECTS[number])
        assert {citation.id for claim in now.answer.claims for citation in claim.citations} == {str(number)}
        assert drug in now.answer.answer
        assert disease in now.answer.answer
    places = [[int(stage.split()[1]) for stage in stages if stage.startswith("waiting: ")] for stages in seen]
    assert sum(bool(told) for told in places) >= TABS // 2, "most had to wait, and were told so"
    assert max(place for told in places for place in told) >= TABS // 2
    assert all(told == sorted(told, reverse=True) for told in places), "nobody falls back in the line"


def test_a_closer_look_is_taken_by_the_model(library: Library) -> None:
    subject = SUBJECTS[4]
    plain = library.search(question(subject))
    closer = library.search(question(subject), rerank="likelihood")
    assert {hit.id for hit in closer.hits} == {hit.id for hit in plain.hits}
    assert closer.hits[0].id == "4"
    assert [hit.score for hit in closer.hits] != [hit.score for hit in plain.hits]

    def source(*, create: bool = False) -> Library:
        return library

    page = AppTest.from_function(_page, args=(source, JobRunner()), default_timeout=120).run()
    page = search(page, question(subject))
    page.toggle(key="kept.closer").set_value(True).run()
    assert not page.exception
    assert not page.error
    assert [hit.id for hit in page.session_state["search.cache"].popitem()[1].hits] == [hit.id for hit in closer.hits]


def test_a_model_that_dies_while_it_writes_is_words_and_the_next_question_works(library: Library) -> None:
    list(library.stream(question(SUBJECTS[0]), ONCE))  # the model is there
    doomed = process_of(library)

    def kill() -> None:
        os.kill(doomed, signal.SIGSTOP)  # so that it cannot be done before it is killed
        time.sleep(1.0)
        os.kill(doomed, signal.SIGKILL)

    def source(*, create: bool = False) -> Library:
        return library

    page = AppTest.from_function(_page, args=(source, JobRunner()), default_timeout=60).run()
    killer = threading.Thread(target=kill)
    killer.start()
    page = ask(page, question(SUBJECTS[1]))
    killer.join()
    assert not page.exception
    said = words(page)
    assert "ended while it was needed" in said
    assert "Ask again" in said
    assert "Traceback" not in said
    page = ask(page, question(SUBJECTS[2]))
    assert not page.exception
    assert not page.error
    assert "Carvedilol" in "\n".join(element.proto.body for element in page.get("html"))
    assert process_of(library) != doomed
