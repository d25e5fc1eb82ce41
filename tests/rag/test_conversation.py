"""Follow-up questions and help with queries: nothing invented, nothing lost."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pubmed_rag.index.analysis import terms
from pubmed_rag.rag.conversation import StandAlone, leans, stand_alone
from pubmed_rag.rag.query_help import hypothetical_abstract, pubmed_query
from tests.support import ScriptedEngine

BEFORE = "Does carvedilol reduce mortality in heart failure?"


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("And in children?", True),
        ("Is it safe?", True),
        ("What about metoprolol?", True),
        ("Why?", True),
        ("Do the side effects differ?", False),
        ("Does metoprolol reduce mortality in heart failure?", False),
        ("Are COX-2 inhibitors safe in elderly patients?", False),
    ],
)
def test_which_questions_lean_on_the_one_before(question: str, expected: bool) -> None:
    assert leans(question) is expected


def test_without_a_model_the_two_are_joined() -> None:
    assert stand_alone("And in children?", BEFORE) == StandAlone(f"{BEFORE} And in children?", "joined")
    assert stand_alone("Is zinc useful in the common cold?", BEFORE).how == "as asked"
    assert stand_alone("Is it safe?", "") == StandAlone("Is it safe?", "as asked")


@pytest.mark.parametrize(
    ("written", "how"),
    [
        ("Does carvedilol reduce mortality in children with heart failure?", "rewritten"),
        ("Does bucindolol reduce mortality in children with heart failure?", "joined"),
        ("Does carvedilol reduce mortality in heart failure?", "joined"),
        ("Does it in children?", "joined"),
        ("", "joined"),
    ],
)
def test_what_a_model_writes_is_taken_only_if_it_adds_and_loses_nothing(written: str, how: str) -> None:
    engine = ScriptedEngine(written)
    found = stand_alone("And in children?", BEFORE, lambda: engine)
    assert found.how == how
    assert found.question == (written if how == "rewritten" else f"{BEFORE} And in children?")


@given(st.text(max_size=80), st.text(max_size=80))
def test_no_word_is_lost(question: str, before: str) -> None:
    whole = stand_alone(question, before)
    assert set(terms(question)) <= set(terms(whole.question))


@pytest.mark.parametrize(
    ("question", "query"),
    [
        (BEFORE, "carvedilol AND mortality AND (heart failure)"),
        (
            "Do COX-2 inhibitors cause fewer gastrointestinal ulcers than traditional NSAIDs?",
            "(COX-2 inhibitors) AND (gastrointestinal ulcers) AND NSAIDs",
        ),
        ("Is zinc, taken early, useful against the common cold?", "zinc AND (common cold)"),
        ("Heart failure?", "Heart failure"),
        ("Why?", ""),
    ],
)
def test_queries(question: str, query: str) -> None:
    assert pubmed_query(question) == query


@given(st.text(max_size=200))
def test_a_query_is_balanced_and_of_the_questions_words(question: str) -> None:
    query = pubmed_query(question)
    assert query.count("(") == query.count(")")
    assert '"' not in query


def test_an_invented_abstract_is_what_the_model_writes() -> None:
    engine = ScriptedEngine("We studied zinc.  It helped.")
    assert hypothetical_abstract("Does zinc help?", lambda: engine) == "We studied zinc. It helped."
    assert "Does zinc help?" in engine.prompt
