"""Questions with gold answers: what the readers of question sets give and :mod:`pubmed_rag.eval.qa` takes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import msgspec

from pubmed_rag.core.errors import InputError
from pubmed_rag.core.records import YesNoMaybe
from pubmed_rag.core.text import collapse
from pubmed_rag.eval.lines import checked_id, numbered_lines

QuestionKind = Literal["yesno", "factoid", "list", "summary"]


@dataclass(frozen=True, slots=True)
class Question:
    """A question and what is known to be right. ``gold`` are article ids that hold the answer.

    ``exact`` are the answers of a factoid or list question, each with its synonyms. ``answerable`` is false for
    a question to which the library holds no answer, so that the right thing is to abstain.
    """

    id: str
    text: str
    kind: QuestionKind
    gold: tuple[str, ...] = ()
    ideal: tuple[str, ...] = ()
    verdict: YesNoMaybe | None = None
    exact: tuple[tuple[str, ...], ...] = ()
    snippets: tuple[tuple[str, str], ...] = ()
    answerable: bool = True


def read_questions(path: Path, split: str | None = None) -> tuple[Question, ...]:
    """The questions at ``path``: golden files of BioASQ (a file, or a folder of them), or a ``qa.jsonl``.

    A folder that holds ``qa.jsonl`` is read as that. Raises the readers' errors, which name file and line.
    """
    from pubmed_rag.eval.bioasq import is_bioasq, read_bioasq_questions

    if path.is_dir() and (path / "qa.jsonl").is_file():
        path = path / "qa.jsonl"
    if not path.exists():
        raise InputError(f"there is no {path}")
    if path.is_dir() or is_bioasq(path):
        return read_bioasq_questions(path, split or "all")
    return read_jsonl_questions(path, split)


def spread(questions: Sequence[Question], limit: int | None) -> tuple[Question, ...]:
    """``limit`` of the questions, spread evenly over all; all without a limit."""
    if limit is None or limit >= len(questions):
        return tuple(questions)
    return tuple(questions[position * len(questions) // limit] for position in range(limit))


class _Line(msgspec.Struct):
    id: str = msgspec.field(name="_id")
    question: str
    answer: Literal["yes", "no", "maybe"] | None = None
    pmid: str | int | None = None
    long_answer: str = ""
    split: str = ""
    answerable: bool = True


_decode = msgspec.json.Decoder(_Line).decode


def read_jsonl_questions(path: Path, split: str | None = None) -> tuple[Question, ...]:
    """``qa.jsonl``: one question a line with ``_id``, ``question``, and where known ``answer`` (yes, no, maybe),
    ``pmid``, ``long_answer``, ``split``, ``answerable``; so PubMedQA comes (Jin et al., EMNLP 2019).

    ``split`` keeps the lines of that split. Raises :class:`InputError` naming file and line.
    """
    found: dict[str, Question] = {}
    splits = set()
    for number, line in numbered_lines(path):
        where = f"{path}, line {number}"
        try:
            item = _decode(line)
        except msgspec.DecodeError as error:
            raise InputError(f"{where}: {error}") from error
        splits.add(item.split)
        if split is not None and item.split != split:
            continue
        question_id, text = checked_id(item.id, where), collapse(item.question)
        if question_id in found:
            raise InputError(f"{where}: question {question_id} stands here a second time")
        if not text:
            raise InputError(f"{where}: question {question_id} has no text")
        found[question_id] = Question(
            id=question_id,
            text=text,
            kind="yesno" if item.answer else "summary",
            gold=() if item.pmid is None else (str(item.pmid),),
            ideal=(collapse(item.long_answer),) if item.long_answer.strip() else (),
            verdict=item.answer,
            answerable=item.answerable,
        )
    if not found:
        raise InputError(
            f"{path} has no question of split '{split}'", remedy=f"its splits: {', '.join(sorted(splits))}"
        )
    return tuple(found.values())
