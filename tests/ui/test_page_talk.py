"""Asking on: a conversation on the page."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from pubmed_rag.core.answers import AnswerShelf
from tests.ui.test_page import OWN_SENTENCE, QUESTION, TinyLibrary, ask, button, markup, opened, tiny_library, words

JOINED = f"{QUESTION} And metoprolol?"


@pytest.fixture
def library(tmp_path: Path) -> Iterator[TinyLibrary]:
    with tiny_library(tmp_path) as made:
        yield made


def ask_on(page: AppTest, question: str) -> AppTest:
    page.text_input(key="ask.follow").input(question)
    return button(page, "Ask on").click().run()


def test_a_follow_up_is_asked_with_what_came_before_and_the_answer_before_stays(library: TinyLibrary) -> None:
    page = ask_on(ask(opened(library), QUESTION), "And metoprolol?")
    assert not page.exception
    shown = markup(page)
    assert shown.count('class="prag-question"') == 2
    assert "And metoprolol?</bdi></h2>" in shown
    assert f"Asked as: <bdi>{JOINED}</bdi>" in shown
    assert shown.count(f"{OWN_SENTENCE}.") >= 2
    assert page.query_params["q"] == JOINED
    kept = AnswerShelf(library.paths.answers).find()
    assert [item.answer.question for item in kept] == [JOINED, QUESTION]


def test_ids_on_the_page_are_unique_over_all_turns(library: TinyLibrary) -> None:

    page = ask_on(ask_on(ask(opened(library), QUESTION), "And metoprolol?"), "And in children?")
    ids = re.findall(r' id="([^"]+)"', markup(page))
    assert len(ids) == len(set(ids))
    assert len(page.session_state["ask.talk"]) == 2
    asked = len(library.engine.samplings)
    page.run()
    assert len(library.engine.samplings) == asked, "nothing is asked again by drawing again"


def test_a_question_that_stands_alone_is_asked_as_it_is(library: TinyLibrary) -> None:
    alone = "Does salbutamol relieve asthma within minutes?"
    page = ask_on(ask(opened(library), QUESTION), alone)
    assert "Asked as" not in markup(page)
    assert page.query_params["q"] == alone


def test_a_new_question_begins_anew_and_the_old_ones_can_be_gone_back_to(library: TinyLibrary) -> None:
    page = ask_on(ask(opened(library), QUESTION), "And metoprolol?")
    page = button(page, "New question").click().run()
    assert "prag-question" not in markup(page)
    assert page.text_input(key="kept.question").value == ""
    assert "q" not in page.query_params
    before = [found for found in page.button if str(found.key).startswith("ask.before.")]
    assert [found.label.replace("\\", "") for found in before] == [JOINED, QUESTION]
    page = before[1].click().run()
    assert markup(page).count('class="prag-question"') == 1
    assert f"{OWN_SENTENCE}." in markup(page)


def test_another_question_in_the_box_puts_the_conversation_away(library: TinyLibrary) -> None:
    page = ask_on(ask(opened(library), QUESTION), "And metoprolol?")
    page = ask(page, "Does salbutamol relieve asthma within minutes?")
    assert markup(page).count('class="prag-question"') == 1
    assert len([found for found in page.button if str(found.key).startswith("ask.before.")]) == 2


def test_an_empty_follow_up_is_told_so(library: TinyLibrary) -> None:
    page = ask_on(ask(opened(library), QUESTION), "  ")
    assert "Type a question first" in words(page)
    assert markup(page).count('class="prag-question"') == 1


def test_a_kept_answer_is_forgotten_when_wanted(library: TinyLibrary) -> None:
    page = button(ask(opened(library), QUESTION), "Forget").click().run()
    assert AnswerShelf(library.paths.answers).find() == []
    assert "No answer has been kept yet" in words(page)
    assert f"{OWN_SENTENCE}." in markup(page), "what is on the page stays"
