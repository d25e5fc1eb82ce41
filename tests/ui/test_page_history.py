"""Answers that were given before, and taking an answer away."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from pubmed_rag.core.answers import AnswerShelf
from pubmed_rag.core.records import Answer
from pubmed_rag.ui.page_save import answer_markdown, cited_ids
from tests.ui.test_page import OWN_SENTENCE, QUESTION, TinyLibrary, ask, markup, opened, tiny_library, words

OTHER = "Does metoprolol reduce mortality in chronic heart failure?"


@pytest.fixture
def library(tmp_path: Path) -> Iterator[TinyLibrary]:
    with tiny_library(tmp_path) as made:
        yield made


def test_an_answer_is_kept_found_and_opened_again_without_asking(library: TinyLibrary) -> None:
    ask(ask(opened(library), QUESTION), "Which telescope resolves distant galaxies?")
    asked = len(library.engine.samplings)
    page = opened(library)
    kept = [found for found in page.button if str(found.key).startswith("ask.kept.")]
    assert ["telescope" in found.label for found in kept] == [True, False]
    page.text_input(key="kept.history").input("CARVEDILOL severe").run()
    kept = [found for found in page.button if str(found.key).startswith("ask.kept.")]
    assert len(kept) == 1
    page = kept[0].click().run()
    assert f"{OWN_SENTENCE}." in markup(page)
    assert page.text_input(key="kept.question").value == QUESTION
    assert len(library.engine.samplings) == asked
    page.text_input(key="kept.history").input("zebra").run()
    assert "No kept answer has these words" in words(page)


def test_the_address_of_a_kept_answer_opens_it(library: TinyLibrary) -> None:
    ask(opened(library), QUESTION)
    asked = len(library.engine.samplings)
    name = AnswerShelf(library.paths.answers).find()[0].name
    assert f"{OWN_SENTENCE}." in markup(opened(library, answer=name))
    assert len(library.engine.samplings) == asked
    for gone in ("20200101T000000000000-00000000", "../../articles.sqlite", "<script>"):
        page = opened(library, answer=gone)
        assert page.error
        assert "prag-claim" not in markup(page)


def test_a_library_that_cannot_be_written_still_answers(library: TinyLibrary) -> None:
    library.paths.answers.write_text("a file where the folder should be", encoding="utf-8")
    page = ask(opened(library), QUESTION)
    assert f"{OWN_SENTENCE}." in markup(page)


def test_what_was_asked_before_is_a_click_away(library: TinyLibrary) -> None:
    page = ask(ask(opened(library), QUESTION), OTHER)
    asked = len(library.engine.samplings)
    page = next(found for found in page.button if found.key == "ask.before.0").click().run()
    assert page.text_input(key="kept.question").value == QUESTION
    assert f"{OWN_SENTENCE}." in markup(page)
    assert next(found for found in page.button if found.key == "ask.before.0").label.startswith("Does metoprolol")
    assert len(library.engine.samplings) == asked


def test_an_answer_can_be_copied_with_its_references(library: TinyLibrary) -> None:
    page = ask(opened(library), QUESTION)
    text = page.code[0].value
    assert text.startswith("# Does carvedilol")
    assert f"{OWN_SENTENCE} [1]".replace(".", "") in text.replace(".", "")
    assert "](https://pubmed.ncbi.nlm.nih.gov/11/)" in text
    assert "scripted" in text
    assert [found.label for found in page.download_button] == ["Save as Markdown", "Save 2 as a file"]


def test_an_answer_whose_sources_left_is_copied_without_references(library: TinyLibrary) -> None:
    ask(opened(library), QUESTION)
    answer: Answer = AnswerShelf(library.paths.answers).find()[0].answer
    assert "pubmed.ncbi" not in answer_markdown(answer, {})
    assert cited_ids(answer)[0] == "11"


def test_nothing_asked_nothing_kept(library: TinyLibrary) -> None:
    page = opened(library)
    assert "No answer has been kept yet" in words(page)
    ask(page, "  ")
    assert AnswerShelf(library.paths.answers).find() == []
