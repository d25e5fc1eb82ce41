"""``eval qa``: how good answers are, and whether the program abstains when it should."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Protocol

import msgspec

from pubmed_rag.core.files import write_text
from pubmed_rag.core.progress import SILENT, Progress
from pubmed_rag.core.records import Answer
from pubmed_rag.core.text import normalise
from pubmed_rag.eval.append import AppendedFile
from pubmed_rag.eval.qa_measures import measure_answers
from pubmed_rag.eval.qa_records import QaReport, QaResult
from pubmed_rag.eval.questions import Question
from pubmed_rag.eval.rouge_bioasq import rouge_bioasq

ROUGE = ("rouge1", "rouge2", "rougeL")


class Answerer(Protocol):
    """Something that answers questions: the product's own, or a stand-in."""

    @property
    def configuration(self) -> Mapping[str, str]:
        """Everything that could change its answers."""

    def ask(self, question: str) -> Answer:
        """A cited answer, or one that says that the evidence does not suffice."""


def evaluate_answers(
    name: str,
    questions: Sequence[Question],
    answerer: Answerer,
    out: Path,
    *,
    progress: Progress = SILENT,
    timer: Callable[[], float] = time.perf_counter,
) -> QaReport:
    """Ask every question, measure, and write ``answers.jsonl``, ``per_question.csv``, ``report.md`` and
    ``manifest.json`` into ``out``.

    Each answer is kept as it comes, so a run that was killed goes on with the next question; answers of
    another configuration are not used.
    """
    configuration = dict(answerer.configuration)
    key = hashlib.sha256(msgspec.json.encode(configuration, order="deterministic")).hexdigest()[:12]
    file = AppendedFile(out / f"answers-{key}.jsonl", QaResult)
    known = {result.question_id: result for result in file.read()}
    waiting = [question for question in questions if question.id not in known]
    with progress.task("answering", len(waiting), "questions") as task:
        for question in waiting:
            started = timer()
            answer = answerer.ask(question.text)
            result = result_of(question, answer, round((timer() - started) * 1000, 1))
            known[question.id] = result
            file.append(result)
            task.advance()
    # Answers kept by an earlier version lack what it did not measure, so what the text alone decides is measured anew.
    results = tuple(
        replace(known[q.id], rouge=rouge(known[q.id].answer, q.ideal) if q.ideal else {}) for q in questions
    )
    report = QaReport(name, measure_answers(results), results, _notes(results), configuration, str(out))
    _write(report, out)
    return report


def result_of(question: Question, answer: Answer, milliseconds: float) -> QaResult:
    """What the measures need of an answer."""
    answered = answer.status == "answered"
    cited = dict.fromkeys(
        citation.id for claim in answer.claims if claim.verdict == "supported" for citation in claim.citations
    )
    text = answer.answer if answered else ""
    return QaResult(
        question_id=question.id,
        question=question.text,
        kind=question.kind,
        gold=question.gold,
        expected=question.verdict,
        given=answer.verdict if answered else None,
        answered=answered,
        answer=text,
        cited=tuple(cited),
        found=tuple(hit.id for hit in answer.hits),
        supported=sum(claim.verdict == "supported" for claim in answer.claims),
        claims=len(answer.claims),
        unresolved=len(answer.unresolved),
        rouge=rouge(text, question.ideal) if question.ideal else {},
        named=sum(_names(text, synonyms) for synonyms in _items(question)),
        to_name=len(_items(question)),
        answerable=question.answerable,
        milliseconds=milliseconds,
    )


def rouge(answer: str, ideal: Sequence[str]) -> Mapping[str, float]:
    """F1 of ROUGE-1, ROUGE-2 and ROUGE-L against the ideal answer it is closest to; stems compared.

    Lin, "ROUGE", ACL workshop Text Summarization Branches Out, 2004; computed by ``rouge-score``.
    Beside them what BioASQ reports: see :func:`pubmed_rag.eval.rouge_bioasq.rouge_bioasq`.
    """
    from rouge_score.rouge_scorer import RougeScorer

    scorer = RougeScorer(list(ROUGE), use_stemmer=True)
    scores = scorer.score_multi(list(ideal), answer)
    return {name: round(float(scores[name].fmeasure), 6) for name in ROUGE} | dict(rouge_bioasq(answer, ideal))


def _items(question: Question) -> tuple[tuple[str, ...], ...]:
    """What an answer should name: the one answer of a factoid, all its forms together, or each item of a list."""
    if question.kind == "factoid" and question.exact:
        return (tuple(form for forms in question.exact for form in forms),)
    return question.exact if question.kind == "list" else ()


def _names(text: str, synonyms: Sequence[str]) -> bool:
    """Whether any of the synonyms stands in ``text`` as whole words, case aside."""
    padded = f" {_plain(text)} "
    return any(f" {_plain(form)} " in padded for form in synonyms if _plain(form))


def _plain(text: str) -> str:
    return " ".join("".join(c if c.isalnum() else " " for c in normalise(text).casefold()).split())


def _notes(results: Sequence[QaResult]) -> tuple[str, ...]:
    notes = [
        "gold lists are incomplete: a citation outside of them may be right, so citation precision is a lower bound"
    ]
    if len(results) < 100:
        notes.append(
            f"{len(results)} questions: each figure may be off by {98 / max(1, len(results)) ** 0.5:.0f} points"
        )
    if any(result.kind in ("factoid", "list") for result in results):
        notes.append(
            "answers are prose and no ranked lists, so BioASQ's accuracies and MRR of factoids and its F1 of lists do "
            "not apply: only whether an exact answer is named"
        )
    return tuple(notes)


def _write(report: QaReport, out: Path) -> None:
    import pandas as pd

    rows = [
        {
            **{
                name: getattr(result, name)
                for name in result.__slots__
                if name not in ("gold", "cited", "found", "rouge")
            },
            "gold": " ".join(result.gold),
            "cited": " ".join(result.cited),
            **result.rouge,
        }
        for result in report.results
    ]
    write_text(out / "per_question.csv", pd.DataFrame(rows).to_csv(index=False, lineterminator="\n"))
    write_text(out / "report.md", qa_markdown(report))
    manifest = {
        "name": report.name,
        "questions": len(report.results),
        "configuration": report.configuration,
        "measures": report.measures,
        "notes": report.notes,
    }
    write_text(out / "manifest.json", msgspec.json.format(msgspec.json.encode(manifest), indent=1).decode() + "\n")


def qa_markdown(report: QaReport) -> str:
    """Measures, notes and what answered, as Markdown."""
    from pubmed_rag.eval.report import Table, markdown_list, markdown_table, markdown_text

    rows = tuple(
        (m.name, "-" if m.value is None else f"{m.value:.3f}", f"{m.questions:,}", m.meaning) for m in report.measures
    )
    table = Table(("measure", "value", "questions", "what it is"), rows, numbers_from=4)
    configuration = Table(("what", "value"), tuple(report.configuration.items()), numbers_from=2)
    parts = [
        f"# Answers to {markdown_text(report.name)}",
        markdown_table(table),
        "## Read with care",
        markdown_list(report.notes),
        "## How this was made",
        markdown_table(configuration),
    ]
    return "\n\n".join(parts) + "\n"
