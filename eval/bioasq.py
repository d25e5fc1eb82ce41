"""BioASQ's golden files: questions with their relevant PMIDs, snippets, exact and ideal answers.

Format: Tsatsaronis et al., BMC Bioinformatics 16 (2015) 138; Krithara et al., Scientific Data 10 (2023) 170.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from pubmed_rag.core.errors import InputError
from pubmed_rag.core.text import collapse
from pubmed_rag.eval.collections import Collection, Qrel, Topic, ids_digest, open_unpacked
from pubmed_rag.eval.lines import checked_id
from pubmed_rag.eval.questions import Question, QuestionKind

_PMID = re.compile(r"(\d+)/?$")
_KINDS: dict[str, QuestionKind] = {"yesno": "yesno", "factoid": "factoid", "list": "list", "summary": "summary"}


class _Snippet(msgspec.Struct):
    document: str
    text: str = ""


class _Question(msgspec.Struct):
    """What this needs of a question. Older files have ``ideal_answer`` as one string, newer ones as a list."""

    id: str
    body: str
    type: str = "summary"
    documents: list[str] = []
    snippets: list[_Snippet] = []
    ideal_answer: str | list[str] = []
    exact_answer: Any = None


class _File(msgspec.Struct):
    questions: list[_Question]


def is_bioasq(path: Path) -> bool:
    """True if the file's beginning shows a JSON object with questions."""
    with open_unpacked(path) as stream:
        return re.match(rb"\s*\{\s*\"questions\"\s*:", stream.read(512)) is not None


def bioasq_files(path: Path, split: str) -> tuple[Path, ...]:
    """The golden files of ``split``: a file itself, or those of a folder whose names begin so (``11B``, ``all``)."""
    if path.is_file():
        return (path,)
    files = sorted(p for p in path.glob("*.json*") if is_bioasq(p))
    chosen = tuple(p for p in files if split == "all" or p.name.startswith(split))
    if not chosen:
        known = sorted({match.group() for p in files if (match := re.match(r"\d+B", p.name))})
        raise InputError(f"{path} has no split '{split}'", remedy=f"its splits are: {', '.join([*known, 'all'])}")
    return chosen


def read_bioasq(path: Path, split: str = "all") -> Collection:
    """Questions as topics, with their gold documents. There are no abstracts: the corpus must come from elsewhere."""
    questions = read_bioasq_questions(path, split)
    qrels = [Qrel(question.id, pmid, 1) for question in questions for pmid in dict.fromkeys(question.gold)]
    judged = {qrel.topic_id for qrel in qrels}
    without = len(questions) - len(judged)
    return Collection(
        name="bioasq" if path.is_dir() else path.name.split(".")[0],
        split=split,
        corpus=(),
        topics=tuple(
            Topic(question.id, question.text, {"type": question.kind}, kind="question")
            for question in questions
            if question.id in judged
        ),
        qrels=tuple(qrels),
        digest=ids_digest(qrel.doc_id for qrel in qrels),
        notes=(f"questions without a gold document: {without:,}",) if without else (),
    )


def read_bioasq_questions(path: Path, split: str = "all") -> tuple[Question, ...]:
    """The questions of a golden file, or of a folder of them, in order. Raises :class:`InputError` naming the file."""
    found: dict[str, Question] = {}
    for file in bioasq_files(path, split):
        with open_unpacked(file) as stream:
            data = stream.read()
        try:
            content = msgspec.json.decode(data, type=_File)
        except msgspec.DecodeError as error:
            raise InputError(f"{file}{_line_of(data, str(error))}: not a golden file of BioASQ ({error})") from error
        for position, item in enumerate(content.questions, start=1):
            where = f"{file}, question {position}"
            question_id = checked_id(item.id, where)
            if not collapse(item.body):
                raise InputError(f"{where}: it has no text")
            found.setdefault(question_id, _question(question_id, item, where))
    return tuple(found.values())


def _question(question_id: str, item: _Question, where: str) -> Question:
    if item.type not in _KINDS:
        raise InputError(f"{where}: unknown type '{item.type}'", remedy=f"known types: {', '.join(_KINDS)}")
    kind = _KINDS[item.type]
    ideal = [item.ideal_answer] if isinstance(item.ideal_answer, str) else item.ideal_answer
    exact = _synonyms(item.exact_answer)
    verdict = exact[0][0].lower() if kind == "yesno" and exact else None
    return Question(
        id=question_id,
        text=collapse(item.body),
        kind=kind,
        gold=tuple(_pmid(document, where) for document in item.documents),
        ideal=tuple(collapse(text) for text in ideal if text.strip()),
        verdict="yes" if verdict == "yes" else "no" if verdict == "no" else None,
        exact=() if kind == "yesno" else exact,
        snippets=tuple((_pmid(snippet.document, where), snippet.text) for snippet in item.snippets),
    )


def _synonyms(value: object) -> tuple[tuple[str, ...], ...]:
    """Answers, each with its synonyms: BioASQ writes a string, a list of strings, or a list of lists."""
    if isinstance(value, str):
        return ((value,),)
    if not isinstance(value, Sequence):
        return ()
    return tuple((item,) if isinstance(item, str) else tuple(str(synonym) for synonym in item) for item in value)


def _pmid(document: str, where: str) -> str:
    match = _PMID.search(document)
    if match is None:
        raise InputError(f"{where}: '{document}' does not end in a PMID")
    return match.group(1)


def _line_of(data: bytes, message: str) -> str:
    """ ", line n" where the decoder says at which byte it stopped."""
    match = re.search(r"byte (\d+)", message)
    return f", line {data[: int(match.group(1))].count(10) + 1}" if match else ""  # 10: the line break
