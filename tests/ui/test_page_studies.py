"""The verdict meter and the table of studies."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from pubmed_rag.core.answers import AnswerShelf
from pubmed_rag.core.records import Passage, Stance
from pubmed_rag.rag.study_table import Fact, Study
from pubmed_rag.ui.page_studies import meter, numbers_of, table
from tests.ui.test_page import QUESTION, TinyLibrary, ask, markup, opened, tiny_library


@pytest.fixture
def library(tmp_path: Path) -> Iterator[TinyLibrary]:
    with tiny_library(tmp_path) as made:
        yield made


def test_a_yes_no_question_shows_how_its_studies_divide_and_what_they_are(library: TinyLibrary) -> None:
    page = ask(opened(library), QUESTION)
    shown = markup(page)
    assert not page.exception
    assert "How the studies divide" in shown
    assert '<th scope="col">Effect as stated</th>' in shown
    assert "[1] <bdi>Does carvedilol improve survival in severe heart failure?</bdi>" in shown


def test_the_meter_counts_each_stance_with_its_numbers(library: TinyLibrary) -> None:
    ask(opened(library), QUESTION)
    answer = AnswerShelf(library.paths.answers).find()[0].answer
    numbers = numbers_of(answer)
    first, second = sorted(numbers, key=numbers.__getitem__)[:2]
    stances = (
        Stance(second, second, "no", 0.9, ()),
        Stance(first, first, "yes", 0.8, ()),
        Stance("99", "99", "yes", 0.8, ()),
    )
    divided = replace(answer, stances=stances, verdict="maybe", verdict_probabilities=(("maybe", 0.5),))
    shown = meter(divided, numbers)
    assert f"1 study says yes [{numbers[first]}]" in shown
    assert f"1 study says no [{numbers[second]}]" in shown
    assert "Together: maybe (50% likely)" in shown
    assert meter(replace(answer, stances=()), numbers) == ""


def test_what_records_hold_is_text_in_the_table() -> None:
    span = Passage("1", "1", 0, 5, '"><script>alert(1)</script>')
    study = Study("1", "1", "<b>T</b>", None, Fact("<i>trial</i>", span), None, None, Fact("\u202e fell", None))
    shown = table([study])
    assert "<script" not in shown
    assert "<b>" not in shown
    assert "<i>" not in shown
    assert "\u202e" not in shown
