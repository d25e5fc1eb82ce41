"""BEIR folders: ``corpus.jsonl``, ``queries.jsonl`` and ``qrels/SPLIT.tsv`` (Thakur et al. 2021, arXiv:2104.08663)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec

from pubmed_rag.core.errors import InputError
from pubmed_rag.core.text import collapse
from pubmed_rag.eval.collections import Collection, Qrel, Topic, corpus_digest, open_unpacked

_HEADER = ["query-id", "corpus-id", "score"]
_LAYOUT = "a BEIR folder holds corpus.jsonl, queries.jsonl (plain or .gz) and qrels/SPLIT.tsv"


class _Line(msgspec.Struct):
    """What a line of ``queries.jsonl`` must be. Fields not named here are ignored."""

    id: str | int = msgspec.field(name="_id")
    text: str
    metadata: dict[str, Any] | None = None


_decode = msgspec.json.Decoder(_Line).decode


def read_beir(folder: Path, split: str) -> Collection:
    """The topics of ``folder`` that ``split`` judges, with their judgements.

    Raises :class:`InputError`: naming the splits that exist where this one does not, and file and line
    where a line cannot be read. The corpus is only hashed here; reading it is ingestion's work.
    """
    if not folder.is_dir():
        raise InputError(f"there is no folder {folder}", remedy=_LAYOUT)
    corpus, queries = _find(folder, "corpus.jsonl"), _find(folder, "queries.jsonl")
    qrels_path = _qrels_path(folder, split)
    qrels = _read_qrels(qrels_path)
    judged = {qrel.topic_id for qrel in qrels}
    topics = tuple(topic for topic in _read_topics(queries, judged) if topic.id in judged)
    known = {topic.id for topic in topics}
    if not known:
        raise InputError(
            f"no topic of {queries} has a judgement in {qrels_path}", remedy="are they of the same collection?"
        )
    lost = sorted(judged - known)
    return Collection(
        name=folder.resolve().name,
        split=split,
        corpus=(corpus,),
        topics=topics,
        qrels=tuple(qrel for qrel in qrels if qrel.topic_id in known),
        digest=corpus_digest([corpus]),
        notes=(f"judged topics without text in {queries.name}: {len(lost):,}, such as {lost[0]}",) if lost else (),
    )


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


def _read_qrels(path: Path) -> list[Qrel]:
    """Judgements in file order. The header is optional; a judgement said twice counts once."""
    grades: dict[tuple[str, str], int] = {}
    for number, line in _lines(path):
        fields = line.split("\t")
        if number == 1 and fields == _HEADER:
            continue
        where = f"{path}, line {number}"
        if len(fields) != len(_HEADER):
            raise InputError(f"{where}: {len(fields)} fields instead of topic, document, relevance, tabs between")
        topic_id, doc_id = _id(fields[0], where), _id(fields[1], where)
        try:
            relevance = int(fields[2])
        except ValueError as error:
            raise InputError(f"{where}: the relevance '{fields[2]}' is not a whole number") from error
        if grades.setdefault((topic_id, doc_id), relevance) != relevance:
            raise InputError(f"{where}: topic {topic_id} and document {doc_id} were judged differently before")
    return [Qrel(topic_id, doc_id, relevance) for (topic_id, doc_id), relevance in grades.items()]


def _read_topics(path: Path, judged: set[str]) -> Iterator[Topic]:
    """All topics in file order. Text may be missing only where no judgement asks for it."""
    seen: set[str] = set()
    for number, line in _lines(path):
        where = f"{path}, line {number}"
        try:
            found = _decode(line)
        except msgspec.DecodeError as error:
            raise InputError(f"{where}: {error}") from error
        topic_id, text = _id(str(found.id), where), collapse(found.text)
        if topic_id in seen:
            raise InputError(f"{where}: topic {topic_id} stands here a second time")
        if not text and topic_id in judged:
            raise InputError(f"{where}: topic {topic_id} has no text")
        seen.add(topic_id)
        metadata: Mapping[str, Any] = found.metadata or {}
        yield Topic(topic_id, text, metadata)


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    """Lines that are not empty, numbered from 1, without their ends."""
    with open_unpacked(path) as stream:
        for number, line in enumerate(stream, start=1):
            try:
                text = line.decode("utf-8-sig" if number == 1 else "utf-8").rstrip("\r\n")
            except UnicodeDecodeError as error:
                raise InputError(f"{path}, line {number}: not UTF-8 ({error.reason})") from error
            if text.strip():
                yield number, text


def _id(text: str, where: str) -> str:
    """``text`` if it can be an id in a TREC file, whose columns are separated by white space."""
    if len(text.split()) != 1 or text != text.strip():
        raise InputError(f"{where}: the id '{text}' is empty or has white space in it")
    return text
