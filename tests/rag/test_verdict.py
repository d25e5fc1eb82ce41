"""Yes, no, maybe: which questions ask for it, where studies conclude, and a classifier that earns being shown."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pubmed_rag.core.records import Answer
from pubmed_rag.rag.answer import Answerer
from pubmed_rag.rag.verdict import (
    CLASSES,
    FEATURES,
    conclusion_of,
    features,
    is_yes_no,
    stance_of,
    verdict_model,
    verdict_of,
)
from pubmed_rag.ui.contract import answer_json
from tests.support import Opener, ScriptedEngine, TinyLibrary, article, shared_data

QUESTION = "Does carvedilol reduce mortality in heart failure?"
YES = article(
    "1", "Carvedilol.", ("RESULTS", "Carvedilol and mortality in heart failure were studied in 200 patients."),
    ("CONCLUSIONS", "Carvedilol significantly reduced mortality in heart failure and should be recommended."),
)  # fmt: skip
NO = article(
    "2", "Bucindolol.", ("CONCLUSIONS", "Carvedilol did not reduce mortality in heart failure. There was no benefit."),
)  # fmt: skip
SILENT = article("3", "Mortality.", ("RESULTS", "Mortality in heart failure on carvedilol was counted in 1999."))


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        (QUESTION, True),
        ("Zinc for colds: does it help?", True),
        ("Aripiprazole: a new risk factor for gambling?", True),
        ("Young men--are there any common factors?", True),
        ("Is zinc useful", True),
        ("What is the dose?", False),
        ("Which drug is better?", False),
        ("How does zinc act?", False),
        ("Zinc in asthma", False),
        ("Zinc in asthma: what is known?", False),
        ("", False),
    ],
)
def test_which_questions_ask_for_yes_or_no(question: str, expected: bool) -> None:
    assert is_yes_no(question) is expected


def test_nearly_all_questions_of_pubmedqa_ask_for_yes_or_no() -> None:
    lines = shared_data("pubmedqa", "qa.jsonl").read_text(encoding="utf-8").split("\n")
    asked = [record["question"] for record in map(json.loads, filter(None, lines)) if record["split"] == "dev"]
    assert sum(map(is_yes_no, asked)) >= 0.97 * len(asked)


def texts(*abstract: str | tuple[str, str]) -> list[str]:
    return [passage.text for passage in conclusion_of(article("1", "T.", *abstract))]


def test_where_an_abstract_concludes() -> None:
    assert texts(("RESULTS", "It fell."), ("CONCLUSION", "It helps. It is safe.")) == ["It helps.", "It is safe."]
    assert texts("We asked. It fell. In conclusion, it helps. More is needed.") == [
        "In conclusion, it helps.",
        "More is needed.",
    ]
    assert texts("We asked. It fell by a third.", "These results suggest that it helps.") == [
        "These results suggest that it helps."
    ]
    assert texts(("BACKGROUND", "In conclusion, earlier trials failed."), ("RESULTS", "It fell.")) == []
    assert texts("Thus, we asked why. It fell. It rose. It fell again. It stayed.") == [], "not a conclusion so early"
    assert texts() == []


def test_the_classifier_that_is_shipped_earned_being_shown() -> None:
    model = verdict_model()
    assert model.may_be_shown
    assert model.measured.low > model.measured.majority > 0.5
    assert model.features == FEATURES
    assert {len(row) for row in model.coefficients} == {len(model.mean)} == {len(model.scale)} == {len(FEATURES)}
    worse = replace(model, measured=replace(model.measured, low=model.measured.majority))
    assert not worse.may_be_shown


@given(st.text(max_size=100), st.lists(st.text(max_size=100), min_size=1, max_size=4))
def test_probabilities_are_probabilities_for_any_text(question: str, conclusion: Sequence[str]) -> None:
    assert len(features(question, conclusion)) == len(FEATURES)
    chances = verdict_model().probabilities(question, conclusion)
    assert tuple(chances) == CLASSES
    assert math.isclose(sum(chances.values()), 1)
    assert all(0 <= chance <= 1 for chance in chances.values())


def test_stances_and_the_verdict_over_several_studies() -> None:
    yes, no, silent = (stance_of(QUESTION, item, ()) for item in (YES, NO, SILENT))
    assert (yes.stance, no.stance, silent.stance) == ("yes", "no", "unclear")
    assert yes.evidence == conclusion_of(YES)
    assert silent.probability is None
    assert verdict_of(QUESTION, [YES])[0] == "yes"
    assert verdict_of(QUESTION, [NO, SILENT])[0] == "no"
    assert verdict_of(QUESTION, [SILENT]) == (None, ())
    both = dict(verdict_of(QUESTION, [YES, NO])[1])
    alone = dict(verdict_of(QUESTION, [YES])[1])
    assert both["yes"] < alone["yes"]


@pytest.mark.parametrize(
    ("conclusion", "stance"),
    [
        ("Carvedilol reduced mortality in heart failure.", "yes"),
        ("Carvedilol did not reduce mortality in heart failure.", "no"),
        ("Carvedilol increased mortality in heart failure.", "unclear"),
    ],
)
def test_plain_conclusions(conclusion: str, stance: str) -> None:
    """Not a matter of "heart failure" being a failure; and what speaks of the opposite is nobody's yes."""
    assert stance_of(QUESTION, article("1", "T.", ("CONCLUSIONS", conclusion)), ()).stance == stance


def ask(library: TinyLibrary, question: str) -> Answer:
    engine = ScriptedEngine("")
    return Answerer(library.store, library.searcher, lambda: engine).ask(question)


def test_an_answer_tells_how_the_studies_divide(tiny: Opener) -> None:
    library = tiny([YES, NO, SILENT])
    answer = ask(library, QUESTION)
    cited = [citation.id for claim in answer.claims for citation in claim.citations]
    assert [stance.id for stance in answer.stances] == list(dict.fromkeys(cited))
    found = {stance.id: stance.stance for stance in answer.stances}
    assert (found["1"], found["2"]) == ("yes", "no")
    for stance in answer.stances:
        text = library.store.get(stance.id).text
        assert all(text[span.start : span.end] == span.text for span in stance.evidence)
        assert stance.evidence
    content = answer_json(answer)
    assert content["verdict"] in CLASSES
    assert set(content["verdict_probabilities"]) == set(CLASSES)
    assert [item["stance"] for item in content["stances"]] == [stance.stance for stance in answer.stances]


def test_an_open_question_has_no_verdict(tiny: Opener) -> None:
    answer = ask(tiny([YES, NO]), "What does carvedilol do to mortality in heart failure?")
    assert answer.status == "answered"
    assert (answer.verdict, answer.verdict_probabilities, answer.stances) == (None, (), ())
