"""Answers kept and read again."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pubmed_rag.core.answers import AnswerShelf
from pubmed_rag.core.errors import InputError
from pubmed_rag.core.records import Answer, Check, Citation, Claim, Component, Hit, Passage, Unresolved

MOMENT = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)


def answer(question: str, text: str = "Yes [1].") -> Answer:
    hit = Hit("11", "11", 1, 0.5, "A title", 2001, "J", False, (Component("bm25", 1, 2.0),))
    span = Passage("11", "11", 3, 9, "it did", "RESULTS")
    claim = Claim("Yes.", "supported", (Citation(1, "11", "11", (span,)),), "model", Check("supported", 0.9, ("near",)))
    return Answer(
        question=question,
        status="answered",
        answer=text,
        claims=(claim,),
        hits=(hit,),
        model="m",
        temperature=0.0,
        seed=3,
        took_ms=12.5,
        verdict="yes",
        unresolved=(Unresolved("No.", "no evidence"),),
        retracted=(hit,),
        timings_ms=(("search", 1.0),),
    )


def test_an_answer_comes_back_as_it_was(tmp_path: Path) -> None:
    shelf = AnswerShelf(tmp_path / "answers")
    assert shelf.find() == []
    kept = shelf.get(shelf.keep(answer("Does it work?"), now=MOMENT))
    assert kept.answer == answer("Does it work?")
    assert kept.given == "2026-05-04T12:00:00+00:00"


def test_answers_are_found_by_words_newest_first(tmp_path: Path) -> None:
    shelf = AnswerShelf(tmp_path)
    for minute, question in enumerate(("Aspirin in stroke?", "Statins in stroke?", "Aspirin in migraine?")):
        shelf.keep(answer(question, "It helped."), now=MOMENT + timedelta(minutes=minute))
    assert next(kept.answer.question for kept in shelf.find()) == "Aspirin in migraine?"
    assert [kept.answer.question for kept in shelf.find("STROKE aspirin")] == ["Aspirin in stroke?"]
    assert len(shelf.find("helped")) == 3
    assert len(shelf.find("helped", most=2)) == 2
    shelf.forget(shelf.find("migraine")[0].name)
    assert shelf.find("migraine") == []


def test_a_damaged_file_hides_no_other(tmp_path: Path) -> None:
    shelf = AnswerShelf(tmp_path)
    shelf.keep(answer("Whole?"), now=MOMENT)
    broken = shelf.keep(answer("Broken?"), now=MOMENT + timedelta(minutes=1))
    (tmp_path / f"{broken}.json").write_text("{", encoding="utf-8")
    assert [kept.answer.question for kept in shelf.find()] == ["Whole?"]
    with pytest.raises(InputError, match="cannot be read"):
        shelf.get(broken)


@given(st.one_of(st.text(), st.just("../../articles"), st.just("20260504T120000000000-0000000g")))
def test_a_name_that_is_none_reaches_no_file(name: str) -> None:
    with pytest.raises(InputError):
        AnswerShelf(Path("nowhere")).get(name)
    with pytest.raises(InputError):
        AnswerShelf(Path("nowhere")).forget(name)
