"""Answers measured against gold, with an answerer whose answers are known."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd
import pytest
from sklearn.metrics import f1_score

from pubmed_rag.core.records import Answer, Citation, Claim, Hit, YesNoMaybe
from pubmed_rag.eval.qa import evaluate_answers, result_of, rouge
from pubmed_rag.eval.qa_measures import macro_f1, measure_answers
from pubmed_rag.eval.qa_records import QaReport, QaResult
from pubmed_rag.eval.questions import Question


def answer(
    text: str = "It helps.",
    *,
    verdict: YesNoMaybe | None = "yes",
    cited: tuple[str, ...] = ("1",),
    found: tuple[str, ...] = ("1", "2"),
    answered: bool = True,
    unsupported: int = 0,
) -> Answer:
    """One claim that cites ``cited`` and is supported, and ``unsupported`` others that cite 99."""
    claims = [Claim(text, "supported", tuple(Citation(1, doc, doc, ()) for doc in cited), "model")]
    claims += [Claim("No.", "unsupported", (Citation(9, "99", "99", ()),), "model")] * unsupported
    hits = tuple(Hit(doc, doc, rank, 1.0, "T", 2020, None, False) for rank, doc in enumerate(found, start=1))
    return Answer(
        question="q",
        status="answered" if answered else "insufficient_evidence",
        answer=text,
        claims=tuple(claims) if answered else (),
        hits=hits,
        model="m",
        temperature=0.0,
        seed=0,
        took_ms=1.0,
        verdict=verdict,
    )


@dataclass
class Scripted:
    """Gives its answers by question; stops at one if told so."""

    answers: Mapping[str, Answer]
    configuration: Mapping[str, str] = field(default_factory=lambda: {"model": "m"})
    stops_at: str = ""
    asked: list[str] = field(default_factory=list)

    def ask(self, question: str) -> Answer:
        if question == self.stops_at:
            raise KeyboardInterrupt
        self.asked.append(question)
        return self.answers[question]


QUESTIONS = (
    Question("q1", "one", "yesno", ("1", "5"), ("It helps a lot.",), "yes"),
    Question("q2", "two", "yesno", ("7",), (), "no"),
    Question("q3", "three", "yesno", ("7",), (), "maybe"),
    Question("q4", "four", "factoid", ("1",), (), None, (("BRAF",), ("B-Raf",))),
    Question("q5", "five", "list", (), (), None, (("aspirin", "ASA"), ("heparin",))),
)
ANSWERS = {
    "one": answer(unsupported=1),
    "two": answer(verdict="yes", cited=("2", "7"), found=("7",)),
    "three": answer(answered=False, verdict=None, found=("4",)),
    "four": answer("The gene is b-raf.", verdict=None),
    "five": answer("ASA was given.", verdict=None),
}


@pytest.fixture
def report(tmp_path: Path) -> QaReport:
    return evaluate_answers("tiny", QUESTIONS, Scripted(ANSWERS), tmp_path / "out")


def values(report: QaReport) -> dict[str, tuple[float | None, int]]:
    return {
        measure.name: (None if measure.value is None else round(measure.value, 9), measure.questions)
        for measure in report.measures
    }


def test_measures_by_hand(report: QaReport) -> None:
    found = values(report)
    assert found["accuracy"] == (round(1 / 3, 9), 3)
    # yes: one hit, one false alarm; no and maybe: missed.
    assert found["macro-F1"] == (round((2 / 3) / 3, 9), 3)
    assert found["accuracy of those decided"] == (0.5, 2)
    assert found["majority"] == (round(1 / 3, 9), 3)
    # q1: 1 of 1 is gold; q2: 1 of 2; q4: 1 of 1.
    assert found["citation precision"] == (round(2.5 / 3, 9), 3)
    # q1: 1 of 2; q2: 1; q3: 0; q4: 1.
    assert found["citation recall"] == (round(2.5 / 4, 9), 4)
    assert found["gold found"] == (0.75, 4)
    # Five claims, one of them not supported.
    assert found["support rate"] == (0.8, 4)
    assert found["answer named"] == (1.0, 1)
    assert found["items named"] == (0.5, 1)
    assert found["answered"] == (0.8, 5)
    assert found["answered, gold at hand"] == (1.0, 3)
    assert found["abstained, gold not at hand"] == (1.0, 1)
    assert found["abstention precision"] == (1.0, 1)


def test_an_unsupported_citation_does_not_count(report: QaReport) -> None:
    assert report.results[0].cited == ("1",)
    assert (report.results[0].supported, report.results[0].claims) == (1, 2)


def test_rouge_is_the_librarys_against_the_closest() -> None:
    scores = rouge("the cat sat", ["a dog ran", "the cat sat down"])
    assert scores["rouge1"] == pytest.approx(2 * (1.0 * 0.75) / 1.75)
    assert scores["rouge2"] == pytest.approx(2 * (1.0 * 2 / 3) / (5 / 3))
    assert rouge("", ["a dog"])["rougeL"] == 0.0


def test_macro_f1_agrees_with_scikit_learn() -> None:
    words: list[YesNoMaybe] = ["yes", "no", "maybe"]
    results = [
        result_of(Question(str(n), "t", "yesno", (), (), words[n % 3]), answer(verdict=words[(n * n) % 3]), 1.0)
        for n in range(40)
    ]
    expected = f1_score([r.expected for r in results], [r.given for r in results], average="macro", labels=words)
    assert macro_f1(results) == pytest.approx(expected)


def test_an_unanswerable_question_is_one_to_abstain_from() -> None:
    base = Question("u", "t", "summary", answerable=False)
    results: list[QaResult] = [result_of(base, answer(answered=False), 1.0), result_of(base, answer(), 1.0)]
    found = {measure.name: measure.value for measure in measure_answers(results)}
    assert found["abstained, gold not at hand"] == 0.5
    assert found["abstention precision"] == 1.0


def test_files_of_a_run(report: QaReport, tmp_path: Path) -> None:
    out = tmp_path / "out"
    table = pd.read_csv(out / "per_question.csv")
    assert list(table["question_id"]) == [question.id for question in QUESTIONS]
    manifest = json.loads((out / "manifest.json").read_text(encoding="utf-8"))
    assert manifest["configuration"] == {"model": "m"}
    text = (out / "report.md").read_text(encoding="utf-8")
    assert "| citation precision | 0.833 | 3 |" in text
    assert "ROUGE-SU4" in text


def test_a_run_that_was_killed_goes_on(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        evaluate_answers("tiny", QUESTIONS, Scripted(ANSWERS, stops_at="three"), tmp_path)
    answerer = Scripted(ANSWERS)
    evaluate_answers("tiny", QUESTIONS, answerer, tmp_path)
    assert answerer.asked == ["three", "four", "five"]
    another = Scripted(ANSWERS, {"model": "other"})
    evaluate_answers("tiny", QUESTIONS, another, tmp_path)
    assert len(another.asked) == 5
