"""Runs and their TREC files: ``topic Q0 document rank score tag``, one line a document."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TypeAlias

import numpy as np

from pubmed_rag.core.errors import InputError
from pubmed_rag.core.files import write_text
from pubmed_rag.eval.collections import open_unpacked
from pubmed_rag.eval.systems import ScoredDoc

_COLUMNS = 6

Ranking: TypeAlias = tuple[ScoredDoc, ...]
"""One topic's documents, best first."""

Rankings: TypeAlias = Mapping[str, Ranking]
"""By topic id; a topic for which nothing was returned is empty or missing."""


def trec_order(documents: Iterable[ScoredDoc]) -> Ranking:
    """The order in which trec_eval ranks: by score in single precision, equal ones by *descending* id, bytewise.

    trec_eval ignores the rank column (``form_res_rels.c``, comp_sim_docno; ``trec_format.h``, float sim).
    """
    by_id = sorted(documents, key=lambda document: document.doc_id.encode(), reverse=True)
    return tuple(sorted(by_id, key=lambda document: -np.float32(document.score)))


def unambiguous(documents: Sequence[ScoredDoc]) -> Ranking:
    """``documents`` with the least change that makes their scores fall strictly in single precision.

    A system's order is what its user sees, so that is what must be measured; left equal, or equal after
    rounding, scores would be re-ordered by document id in every tool, and not in all of them alike.
    Raises :class:`InputError` for a document returned twice, a score that is no number, or an id with
    white space in it.
    """
    ranking: list[ScoredDoc] = []
    seen: set[str] = set()
    limit = np.float32(np.inf)
    for document in documents:
        if len(document.doc_id.split()) != 1:
            raise InputError(
                f"document id '{document.doc_id}' is empty or has white space: no TREC run file can hold it"
            )
        if document.doc_id in seen:
            raise InputError(f"document {document.doc_id} was returned twice for one topic")
        if not math.isfinite(document.score):
            raise InputError(f"document {document.doc_id} has the score {document.score}")
        seen.add(document.doc_id)
        score = min(np.float32(document.score), np.nextafter(limit, np.float32(-np.inf)))
        ranking.append(ScoredDoc(document.doc_id, float(score)))
        limit = score
    return tuple(ranking)


def write_run(path: Path, tag: str, rankings: Rankings) -> None:
    """Write rankings as they stand, atomically, topics in the order given. Make them :func:`unambiguous` first."""
    lines = [
        # The shortest text that reads back as the same single-precision number.
        f"{topic_id} Q0 {document.doc_id} {rank} {np.float32(document.score)!s} {tag}\n"
        for topic_id, ranking in rankings.items()
        for rank, document in enumerate(ranking, start=1)
    ]
    write_text(path, "".join(lines))


def read_run(path: Path) -> Rankings:
    """A TREC run file, anyone's, packed or not, in trec_eval's order and precision.

    Raises :class:`InputError` naming the line.
    """
    topics: dict[str, dict[str, float]] = {}
    try:
        with open_unpacked(path) as stream:
            text = stream.read().decode("utf-8")
    except FileNotFoundError as error:
        raise InputError(f"there is no run file {path}") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is not UTF-8 text ({error.reason} at byte {error.start})") from error
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        where = f"{path}, line {number}"
        fields = line.split()
        if len(fields) != _COLUMNS:
            raise InputError(f"{where}: {len(fields)} columns instead of topic, Q0, document, rank, score and tag")
        topic_id, _, doc_id, _, score, _ = fields
        documents = topics.setdefault(topic_id, {})
        if doc_id in documents:
            raise InputError(f"{where}: document {doc_id} stands twice under topic {topic_id}")
        documents[doc_id] = _score(score, where)
    return {
        topic_id: trec_order(ScoredDoc(doc_id, score) for doc_id, score in documents.items())
        for topic_id, documents in topics.items()
    }


def _score(text: str, where: str) -> float:
    try:
        score = float(np.float32(text))
    except ValueError as error:
        raise InputError(f"{where}: the score '{text}' is not a number") from error
    if not math.isfinite(score):
        raise InputError(f"{where}: the score '{text}' is not a finite number")
    return score
