"""BEIR folders: ``corpus.jsonl``, ``queries.jsonl`` and ``qrels/SPLIT.tsv`` (Thakur et al. 2021, arXiv:2104.08663).

Two things more are read where they stand: an expert's Boolean query in a query's ``metadata``, as collections of
systematic reviews have it, and folders without a corpus, whose documents are PMIDs alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec

from pubmed_rag.core.errors import InputError
from pubmed_rag.core.text import collapse
from pubmed_rag.eval.collections import Collection, Topic, corpus_digest, ids_digest
from pubmed_rag.eval.lines import checked_id, numbered_lines
from pubmed_rag.eval.qrels import read_qrels

_LAYOUT = "a BEIR folder holds corpus.jsonl, queries.jsonl (plain or .gz) and qrels/SPLIT.tsv"

_BOOLEAN_FIELDS = ("pubmed_boolean_edited", "pubmed_boolean", "boolean_query")
"""Where collections keep an expert's query, the corrected form first."""


class _Line(msgspec.Struct):
    """What a line of ``queries.jsonl`` must be. Fields not named here are ignored."""

    id: str | int = msgspec.field(name="_id")
    text: str
    metadata: dict[str, Any] | None = None


_decode = msgspec.json.Decoder(_Line).decode


def read_beir(folder: Path, split: str, *, queries: str = "queries", corpus_optional: bool = False) -> Collection:
    """The topics of ``folder`` that ``split`` judges, with their judgements.

    ``queries`` names another file of topics beside, without its ending. ``corpus_optional`` lets a folder
    without documents through. Raises :class:`InputError`: naming the splits that exist where this one does
    not, and file and line where a line cannot be read. The corpus is only hashed here; reading it is
    ingestion's work.
    """
    if not folder.is_dir():
        raise InputError(f"there is no folder {folder}", remedy=_LAYOUT)
    bare = corpus_optional and not _exists(folder, "corpus.jsonl")
    corpus = () if bare else (_find(folder, "corpus.jsonl"),)
    queries_path = _find(folder, f"{queries}.jsonl")
    qrels_path = _qrels_path(folder, split)
    qrels = read_qrels(qrels_path)
    judged = {qrel.topic_id for qrel in qrels}
    topics = tuple(topic for topic in _read_topics(queries_path, judged) if topic.id in judged)
    known = {topic.id for topic in topics}
    if not known:
        raise InputError(
            f"no topic of {queries_path} has a judgement in {qrels_path}", remedy="are they of the same collection?"
        )
    lost = sorted(judged - known)
    kept = tuple(qrel for qrel in qrels if qrel.topic_id in known)
    return Collection(
        name=folder.resolve().name,
        split=split,
        corpus=corpus,
        topics=topics,
        qrels=kept,
        digest=corpus_digest(corpus) if corpus else ids_digest(qrel.doc_id for qrel in kept),
        notes=(f"judged topics without text in {queries_path.name}: {len(lost):,}, such as {lost[0]}",) if lost else (),
    )


def is_beir(folder: Path) -> bool:
    """True for a folder laid out as BEIR's, with or without its corpus."""
    return _exists(folder, "queries.jsonl") and (folder / "qrels").is_dir()


def _exists(folder: Path, name: str) -> bool:
    return (folder / name).is_file() or (folder / f"{name}.gz").is_file()


def _find(folder: Path, name: str) -> Path:
    for path in (folder / name, folder / f"{name}.gz"):
        if path.is_file():
            return path
    raise InputError(f"{folder} holds neither {name} nor {name}.gz", remedy=_LAYOUT)


def _qrels_path(folder: Path, split: str) -> Path:
    splits = sorted(path.stem for path in (folder / "qrels").glob("*.tsv"))
    if split not in splits:
        found = f"its splits are: {', '.join(splits)}" if splits else _LAYOUT
        raise InputError(f"{folder} has no split '{split}'", remedy=found)
    return folder / "qrels" / f"{split}.tsv"


def _read_topics(path: Path, judged: set[str]) -> Iterator[Topic]:
    """All topics in file order. Text may be missing only where no judgement asks for it."""
    seen: set[str] = set()
    for number, line in numbered_lines(path):
        where = f"{path}, line {number}"
        try:
            found = _decode(line)
        except msgspec.DecodeError as error:
            raise InputError(f"{where}: {error}") from error
        topic_id, text = checked_id(str(found.id), where), collapse(found.text)
        if topic_id in seen:
            raise InputError(f"{where}: topic {topic_id} stands here a second time")
        if not text and topic_id in judged:
            raise InputError(f"{where}: topic {topic_id} has no text")
        seen.add(topic_id)
        metadata: Mapping[str, Any] = found.metadata or {}
        yield Topic(topic_id, text, metadata, boolean_query=_boolean_query(metadata))


def _boolean_query(metadata: Mapping[str, Any]) -> str | None:
    """An expert's query in PubMed's language. Those in Ovid's do not run on PubMed, so they are left aside."""
    if metadata.get("boolean_syntax_guess", "pubmed") != "pubmed":
        return None
    for name in _BOOLEAN_FIELDS:
        value = metadata.get(name)
        if isinstance(value, str) and value.strip():
            return " ".join(value.split())
    return None
