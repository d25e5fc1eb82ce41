"""``eval temperature``: does a lower temperature make answers steadier, and less wrong?

Every question is answered at each temperature with each seed by the product itself. What the model wrote is
looked at before the check mends it: afterwards every sentence shown is borne out, whatever the temperature.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import msgspec

from pubmed_rag.core.errors import UsageError
from pubmed_rag.core.progress import SILENT, Progress
from pubmed_rag.core.records import Answer, YesNoMaybe
from pubmed_rag.eval.append import AppendedFile
from pubmed_rag.eval.questions import Question

HOTTEST = 2.0


@dataclass(frozen=True, slots=True)
class Written:
    """What the model wrote for one answer, sentence by sentence, before anything was mended.

    ``supported`` of ``sentences`` are borne out by what they cite, ``invented`` have a figure that it lacks.
    ``shown`` stand in the answer as they were written, ``mended`` after a second attempt, ``replaced`` gave way
    to a quotation of what they cite; the rest was left out. ``overlap`` (part of the content words that stand in
    the cited evidence) and ``similarity`` (cosine with the nearest cited sentence) are means; ``None`` without
    complete sentences.
    """

    sentences: int
    supported: int
    invented: int
    shown: int
    mended: int
    replaced: int
    overlap: float | None
    similarity: float | None

    @property
    def dropped(self) -> int:
        """Sentences neither shown, nor mended, nor replaced by what they cite."""
        return self.sentences - self.shown - self.mended - self.replaced


class Subject(Protocol):
    """What is studied: something that answers at a given temperature and seed."""

    @property
    def configuration(self) -> Mapping[str, str]:
        """Everything that could change its answers, temperature and seed aside."""

    def answer(self, question: str, temperature: float, seed: int) -> tuple[Answer, Written | None]:
        """The product's answer and what the model wrote; ``None`` where the evidence did not suffice to ask it."""

    def verdict(self, question: str, temperature: float, seed: int) -> YesNoMaybe | None:
        """The one word that the model picks by its token probabilities, having read what the answer rests on.

        Asked only after :meth:`answer` for the same question.
        """


@dataclass(frozen=True, slots=True)
class TemperatureRun:
    """One answer; a line of ``runs-….jsonl``. ``cited`` are article ids in order of first citation.

    ``verdict`` is what the model picked, ``expected`` the gold one; both ``None`` for other kinds of questions.
    """

    question_id: str
    temperature: float
    seed: int
    answer: str
    raw: str
    cited: tuple[str, ...]
    gold_cited: bool | None
    quoted: int
    written: Written | None
    verdict: YesNoMaybe | None
    expected: YesNoMaybe | None
    milliseconds: float


@dataclass(frozen=True, slots=True)
class Study:
    """All runs, in the order of questions, temperatures and seeds.

    ``refused`` counts questions whose evidence did not suffice, so that no model was asked: none of ``runs``.
    With ``verdicts_only`` nothing but the verdicts of the runs means anything.
    """

    name: str
    temperatures: tuple[float, ...]
    seeds: int
    questions: int
    refused: int
    runs: tuple[TemperatureRun, ...]
    configuration: Mapping[str, str]
    verdicts_only: bool = False


def study_temperature(
    name: str,
    questions: Sequence[Question],
    subject: Subject,
    out: Path,
    *,
    temperatures: Sequence[float] = (0.0, 0.3, 0.7, 1.0),
    seeds: int = 5,
    verdicts_only: bool = False,
    progress: Progress = SILENT,
    timer: Callable[[], float] = time.perf_counter,
) -> Study:
    """Answer every question at every temperature with seeds 0…``seeds`` - 1, once at temperature 0.

    Greedy decoding has no use for a seed. The runs of a question are on disk in ``out`` as soon as it is done: a
    study that was interrupted goes on with the question it was at, and more questions, seeds or temperatures
    cost what they add. With ``verdicts_only`` the questions are those that have a gold verdict.
    Raises :class:`UsageError` for temperatures or seeds that make no study.
    """
    asked = sorted({float(temperature) for temperature in temperatures})
    if not asked or asked[0] < 0 or asked[-1] > HOTTEST or seeds < 1:
        raise UsageError(
            "a study needs a seed and temperatures between 0 and 2", remedy="for example --temperatures 0,0.7 --seeds 5"
        )
    if verdicts_only:
        questions = [question for question in questions if question.verdict]
    configuration = dict(subject.configuration)
    key = hashlib.sha256(msgspec.json.encode(configuration, order="deterministic")).hexdigest()[:12]
    file = AppendedFile(out / f"runs-{key}.jsonl", TemperatureRun)
    known = {(run.question_id, run.temperature, run.seed): run for run in file.read()}
    wanted = [(temperature, seed) for temperature in asked for seed in range(seeds if temperature else 1)]
    todo = sum((question.id, *each) not in known for question in questions for each in wanted)
    with progress.task("answering", todo, "answers") as task:
        for question in questions:
            waiting = [each for each in wanted if (question.id, *each) not in known]
            for run in _runs(question, waiting, subject, timer, task.advance):
                known[run.question_id, run.temperature, run.seed] = run
                file.append(run)
    found = [[known[question.id, *each] for each in wanted] for question in questions]
    answered = [runs for runs in found if all(run.written is not None for run in runs)]
    return Study(
        name,
        tuple(asked),
        seeds,
        len(answered),
        len(found) - len(answered),
        tuple(run for runs in answered for run in runs),
        configuration,
        verdicts_only,
    )


def _runs(
    question: Question,
    wanted: Sequence[tuple[float, int]],
    subject: Subject,
    timer: Callable[[], float],
    advance: Callable[[], None],
) -> list[TemperatureRun]:
    """All missing runs of one question: first the answers, then the verdicts, so that each prompt is read once."""
    answers = []
    for temperature, seed in wanted:
        started = timer()
        answer, written = subject.answer(question.text, temperature, seed)
        answers.append((answer, written, round((timer() - started) * 1000, 1)))
        advance()
    verdicts: list[YesNoMaybe | None] = [
        subject.verdict(question.text, temperature, seed) if question.verdict and written else None
        for (temperature, seed), (_, written, _) in zip(wanted, answers, strict=True)
    ]
    return [
        _run(question, temperature, seed, answer, written, verdict, milliseconds)
        for (temperature, seed), (answer, written, milliseconds), verdict in zip(wanted, answers, verdicts, strict=True)
    ]


def _run(
    question: Question,
    temperature: float,
    seed: int,
    answer: Answer,
    written: Written | None,
    verdict: YesNoMaybe | None,
    milliseconds: float,
) -> TemperatureRun:
    cited = tuple(dict.fromkeys(citation.id for claim in answer.claims for citation in claim.citations))
    return TemperatureRun(
        question_id=question.id,
        temperature=temperature,
        seed=seed,
        answer=answer.answer if written else "",
        raw=answer.raw,
        cited=cited,
        gold_cited=bool(set(cited) & set(question.gold)) if question.gold else None,
        quoted=sum(claim.origin == "quotation" for claim in answer.claims),
        written=written,
        verdict=verdict,
        expected=question.verdict,
        milliseconds=milliseconds,
    )
