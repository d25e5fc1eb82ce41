"""A study of temperature by hand: what changes, what it is worth, and that nothing is asked twice."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import pandas as pd
import pytest

from pubmed_rag.core.errors import UsageError
from pubmed_rag.core.records import Answer, Citation, Claim, YesNoMaybe
from pubmed_rag.eval.questions import Question
from pubmed_rag.eval.temperature import Study, Written, study_temperature
from pubmed_rag.eval.temperature_measures import StudyMeasures, Trend, measure_study
from pubmed_rag.eval.temperature_report import findings, study_markdown, study_table, write_study
from pubmed_rag.eval.temperature_subject import VERDICT_GRAMMAR, LibrarySubject
from pubmed_rag.rag.answer import AskOptions
from tests.support import Opener, ScriptedEngine, article

GOOD = Written(2, 2, 0, 2, 0, 0, 1.0, 0.9)
BAD = Written(2, 0, 1, 0, 0, 1, 0.5, 0.3)


@dataclass
class Invented:
    """Steady and right at 0; above, odd seeds write something else, worse, and pick the other verdict."""

    configuration: Mapping[str, str] = field(default_factory=lambda: {"model": "invented"})
    refuses: str = ""
    stops_at: tuple[str, float, int] | None = None
    asked: list[tuple[str, float, int]] = field(default_factory=list)

    def answer(self, question: str, temperature: float, seed: int) -> tuple[Answer, Written | None]:
        if (question, temperature, seed) == self.stops_at:
            raise KeyboardInterrupt
        self.asked.append((question, temperature, seed))
        odd = temperature > 0 and seed % 2 == 1
        cited = Citation(1, "2" if odd else "1", None, ())
        text = f"{question} {'differently' if odd else 'as ever'}"
        answer = Answer(
            question=question,
            status="answered",
            answer=text,
            claims=(Claim(text, "supported", (cited,), "quotation" if odd else "model"),),
            hits=(),
            model="m",
            temperature=temperature,
            seed=seed,
            took_ms=1.0,
            raw=text,
        )
        return answer, None if question == self.refuses else BAD if odd else GOOD

    def verdict(self, question: str, temperature: float, seed: int) -> YesNoMaybe | None:
        return "no" if temperature > 0 and seed % 2 == 1 else "yes"


QUESTIONS = tuple(Question(f"q{n}", f"question {n}", "yesno", ("1",), (), "yes" if n < 6 else "no") for n in range(8))


def study(
    out: Path, subject: Invented | None = None, seeds: int = 2, questions: Sequence[Question] = QUESTIONS
) -> Study:
    return study_temperature("tiny", questions, subject or Invented(), out, temperatures=(1.0, 0.0, 0.5), seeds=seeds)


def trend(measures: StudyMeasures, name: str) -> Trend:
    found = measures.trend(name)
    assert found is not None
    return found


def levels(measures: StudyMeasures, name: str) -> list[tuple[float, float]]:
    return [(level.temperature, round(level.value, 9)) for level in trend(measures, name).levels]


def test_measures_by_hand(tmp_path: Path) -> None:
    found = study(tmp_path)
    assert len(found.runs) == 8 * (1 + 2 + 2), "once at temperature 0"
    measures = measure_study(found)
    half = [(0.0, 0.0), (0.5, 0.5), (1.0, 0.5)]
    for name in ("text changed", "citations changed", "draft changed", "verdict changed"):
        assert levels(measures, name) == half, name
    assert levels(measures, "text differs between seeds") == [(0.5, 1.0), (1.0, 1.0)], "needs two seeds"
    assert levels(measures, "sentences supported") == [(0.0, 1.0), (0.5, 0.5), (1.0, 0.5)]
    assert levels(measures, "sentences with an invented figure") == [(0.0, 0.0), (0.5, 0.25), (1.0, 0.25)]
    assert levels(measures, "sentences replaced") == [(0.0, 0.0), (0.5, 0.25), (1.0, 0.25)]
    assert levels(measures, "sentences dropped") == [(0.0, 0.0), (0.5, 0.25), (1.0, 0.25)]
    assert levels(measures, "words in the evidence") == [(0.0, 1.0), (0.5, 0.75), (1.0, 0.75)]
    assert levels(measures, "right article cited") == [(0.0, 1.0), (0.5, 0.5), (1.0, 0.5)]
    # Six of eight are "yes"; an odd seed says "no" to all, which is right for two.
    assert levels(measures, "verdict accuracy") == [(0.0, 0.75), (0.5, 0.5), (1.0, 0.5)]
    # At 0 "yes" has F1 12/14 and "no" 0; an odd seed: "no" 4/10 and "yes" 0; the mean of both above.
    f1_cold, f1_odd = (12 / 14) / 2, (4 / 10) / 2
    assert levels(measures, "verdict macro-F1") == [
        (0.0, round(f1_cold, 9)),
        (0.5, round((f1_cold + f1_odd) / 2, 9)),
        (1.0, round((f1_cold + f1_odd) / 2, 9)),
    ]
    majority, chance = measures.baselines
    assert (majority.accuracy, round(majority.macro_f1, 9)) == (0.75, round(f1_cold, 9))
    assert (chance.accuracy, chance.macro_f1) == (0.75**2 + 0.25**2, 0.5)


def test_a_slope_is_each_questions_least_squares(tmp_path: Path) -> None:
    changed = trend(measure_study(study(tmp_path)), "text changed")
    # Points (0, 0), (0.5, 0.5), (1, 0.5): slope 0.25 / 0.5 for every question alike.
    assert changed.slope == pytest.approx(0.5)
    assert changed.p == pytest.approx(2 / 2**8), "all eight signs alike, exactly"
    assert changed.p_holm is not None
    assert changed.p is not None
    assert changed.p_holm >= changed.p
    # With some twenty trends corrected together eight questions cannot be enough.
    assert changed.direction == "no trend shown"


def test_more_questions_show_the_trend_and_say_so(tmp_path: Path) -> None:
    many = tuple(replace(QUESTIONS[0], id=f"m{n}", text=f"many {n}") for n in range(24))
    found = study(tmp_path, questions=many)
    measures = measure_study(found)
    assert trend(measures, "text changed").direction == "rises"
    assert trend(measures, "sentences supported").direction == "falls"
    assert trend(measures, "sentences repaired").direction == "no trend shown", "never anything but 0"
    said = " ".join(findings(found, measures))
    assert "Lower is steadier: text changed 0.000 at 0, 0.500 at 1" in said
    assert "Lower is closer to the evidence: sentences supported 1.000 at 0, 0.500 at 1" in said
    assert "only 24 questions" in said


def test_a_study_that_was_killed_goes_on_with_the_question_it_was_at(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        study(tmp_path, Invented(stops_at=("question 3", 0.5, 1)))
    again = Invented()
    whole = study(tmp_path, again)
    assert again.asked[0] == ("question 3", 0.0, 0)
    assert len(again.asked) == 5 * 5
    assert whole.runs == study(tmp_path / "elsewhere").runs or [replace(run, milliseconds=0) for run in whole.runs] == [
        replace(run, milliseconds=0) for run in study(tmp_path / "elsewhere").runs
    ]
    wider = Invented()
    study(tmp_path, wider, seeds=3)
    assert {seed for _, _, seed in wider.asked} == {2}, "only what was added is asked"
    other = Invented({"model": "another"})
    study(tmp_path, other)
    assert len(other.asked) == 8 * 5


def test_a_question_without_evidence_is_counted_and_left_out(tmp_path: Path) -> None:
    found = study(tmp_path, Invented(refuses="question 2"))
    assert (found.questions, found.refused) == (7, 1)
    assert "1 more were refused" in study_markdown(found, measure_study(found))
    nothing = study(tmp_path / "none", Invented(refuses="question 0"), questions=QUESTIONS[:1])
    assert measure_study(nothing).trends == ()
    write_study(nothing, measure_study(nothing), tmp_path / "none")


@pytest.mark.parametrize("temperatures", [(), (-0.1,), (2.5,)])
def test_temperatures_that_make_no_study(tmp_path: Path, temperatures: tuple[float, ...]) -> None:
    with pytest.raises(UsageError, match="--temperatures"):
        study_temperature("x", QUESTIONS, Invented(), tmp_path, temperatures=temperatures)


def test_files(tmp_path: Path) -> None:
    found = study(tmp_path)
    measures = measure_study(found)
    write_study(found, measures, tmp_path)
    table = pd.read_csv(tmp_path / "temperature.csv")
    row = table[(table["measure"] == "sentences supported") & (table["temperature"] == 0.5)].iloc[0]
    assert (row["value"], row["questions"]) == (0.5, 8)
    runs = pd.read_csv(tmp_path / "runs.csv")
    assert len(runs) == 40
    assert set(runs["supported"]) == {0, 2}
    whole = json.loads((tmp_path / "temperature.json").read_text(encoding="utf-8"))
    assert whole["temperatures"] == [0.0, 0.5, 1.0]
    drawn = ET.parse(tmp_path / "temperature.svg").getroot()
    texts = [element.text for element in drawn.iter("{http://www.w3.org/2000/svg}text")]
    assert "sentences supported" in texts
    assert "temperature" in texts
    assert len(study_table(found, measures).rows) == len(measures.trends)


# -- the product as the subject ------------------------------------------------------------------------

ARTICLES = [
    article("1", "Carvedilol.", ("RESULTS", "Carvedilol reduced mortality by 35% in patients with heart failure.")),
    article("2", "Bucindolol.", ("RESULTS", "Bucindolol did not reduce mortality in advanced heart failure.")),
]
QUESTION = "Does carvedilol reduce mortality in patients with heart failure?"


def test_what_the_model_wrote_is_taken_down_before_it_is_mended(tiny: Opener) -> None:
    library = tiny(ARTICLES)
    held = "Carvedilol reduced mortality by 35% in patients with heart failure [1]."
    engine = ScriptedEngine(
        f"{held} Carvedilol reduced mortality by 99% in patients with heart failure [1]. {held} It was of [1].", "maybe"
    )
    subject = LibrarySubject(library.store, library.searcher, lambda: engine, AskOptions(), {"model": "scripted"})
    answer, written = subject.answer(QUESTION, 0.7, 3)
    assert written is not None
    assert (written.sentences, written.supported, written.invented, written.shown) == (4, 2, 1, 1)
    assert (written.replaced, written.dropped, written.mended) == (2, 1, 0)
    assert written.overlap is not None
    assert 0.5 < written.overlap < 1
    assert engine.samplings[-1].temperature == 0.7
    assert engine.samplings[-1].seed == 3
    assert {claim.origin for claim in answer.claims} >= {"model"}
    assert subject.verdict(QUESTION, 0.7, 3) == "maybe"
    assert engine.grammars[-1] == VERDICT_GRAMMAR
    assert engine.messages[-1][-1] == engine.messages[0][-1], "judged by the same evidence"
    assert subject.verdict("Another question?", 0.7, 3) is None


def test_a_second_attempt_is_told_apart(tiny: Opener) -> None:
    library = tiny(ARTICLES)
    engine = ScriptedEngine(
        "Carvedilol reduced mortality by 99% in patients with heart failure [1].",
        "Carvedilol reduced mortality by 35% in patients with heart failure [1].",
    )
    subject = LibrarySubject(library.store, library.searcher, lambda: engine, AskOptions(repair=True), {})
    _, written = subject.answer(QUESTION, 0.0, 0)
    assert written is not None
    assert (written.sentences, written.supported, written.mended, written.replaced, written.dropped) == (1, 0, 1, 0, 0)


def test_a_model_that_is_asked_for_verdicts_only_writes_nothing_else(tiny: Opener, tmp_path: Path) -> None:
    library = tiny(ARTICLES)
    engine = ScriptedEngine("yes", "no", "yes")
    subject = LibrarySubject(library.store, library.searcher, lambda: engine, AskOptions(), {}, verdicts_only=True)
    questions = [Question("q1", QUESTION, "yesno", ("1",), (), "yes"), Question("q2", QUESTION, "summary", ("1",))]
    found = study_temperature("v", questions, subject, tmp_path, temperatures=(0, 1), seeds=2, verdicts_only=True)
    assert [run.verdict for run in found.runs] == ["yes", "no", "yes"]
    assert set(engine.grammars) == {VERDICT_GRAMMAR}
    measures = measure_study(found)
    assert levels(measures, "verdict accuracy") == [(0.0, 1.0), (1.0, 0.5)]
    assert all(trend.measure.startswith("verdict") for trend in measures.trends)
    write_study(found, measures, tmp_path)


def test_no_model_is_asked_where_evidence_does_not_suffice(tiny: Opener) -> None:
    library = tiny(ARTICLES)
    engine = ScriptedEngine("Never [1].")
    subject = LibrarySubject(library.store, library.searcher, lambda: engine, AskOptions(), {})
    _, written = subject.answer("Who won the football world cup in Sweden?", 1.0, 0)
    assert written is None
    assert engine.messages == []
