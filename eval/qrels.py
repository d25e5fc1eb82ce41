"""Judgements: TREC's ``topic iteration document relevance``, or BEIR's three columns with tabs between."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from pubmed_rag.core.errors import InputError
from pubmed_rag.core.files import write_text
from pubmed_rag.eval.collections import Qrel
from pubmed_rag.eval.lines import checked_id, numbered_lines

_BEIR_HEADER = ["query-id", "corpus-id", "score"]
_TREC_COLUMNS = 4


def read_qrels(path: Path) -> list[Qrel]:
    """Judgements in file order; which of the two formats it is shows in the first line. A header is optional, and
    a judgement said twice counts once. Negative grades, TREC's "junk", count as 0.

    Raises :class:`InputError` naming file and line, also for two different judgements of the same document.
    """
    grades: dict[tuple[str, str], int] = {}
    trec = False
    for number, line in numbered_lines(path):
        where = f"{path}, line {number}"
        if not grades:
            trec = len(line.split()) == _TREC_COLUMNS and line.count("\t") in (0, _TREC_COLUMNS - 1)
        if number == 1 and line.split("\t") == _BEIR_HEADER:
            continue
        topic_id, doc_id, grade = _trec(line, where) if trec else _beir(line, where)
        try:
            relevance = max(0, int(grade))
        except ValueError as error:
            raise InputError(f"{where}: the relevance '{grade}' is not a whole number") from error
        if grades.setdefault((topic_id, doc_id), relevance) != relevance:
            raise InputError(f"{where}: topic {topic_id} and document {doc_id} were judged differently before")
    return [Qrel(topic_id, doc_id, relevance) for (topic_id, doc_id), relevance in grades.items()]


def write_qrels(path: Path, qrels: Iterable[Qrel]) -> None:
    """Write judgements as TREC does, atomically."""
    write_text(path, "".join(f"{qrel.topic_id} 0 {qrel.doc_id} {qrel.relevance}\n" for qrel in qrels))


def _trec(line: str, where: str) -> tuple[str, str, str]:
    fields = line.split()
    if len(fields) != _TREC_COLUMNS:
        raise InputError(f"{where}: {len(fields)} columns instead of topic, iteration, document, relevance")
    return fields[0], fields[2], fields[3]


def _beir(line: str, where: str) -> tuple[str, str, str]:
    fields = line.split("\t")
    if len(fields) != len(_BEIR_HEADER):
        raise InputError(f"{where}: {len(fields)} fields instead of topic, document, relevance, tabs between")
    return checked_id(fields[0], where), checked_id(fields[1], where), fields[2]
