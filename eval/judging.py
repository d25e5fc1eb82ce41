"""Judgements of one's own: pool what systems find, show it shuffled and blind, save each judgement at once.

Pooling: Spärck Jones and van Rijsbergen 1975; Voorhees and Harman, "TREC" (2005), chapter 2. Only what is in the
pool can be judged, so a system that was not pooled and finds other documents is measured too low.
"""

from __future__ import annotations

import hashlib
import json
import os
import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from pubmed_rag.core.errors import InputError, UsageError
from pubmed_rag.core.files import write_text
from pubmed_rag.core.text import collapse
from pubmed_rag.eval.append import AppendedFile
from pubmed_rag.eval.beir import read_beir
from pubmed_rag.eval.collections import Topic
from pubmed_rag.eval.qrels import read_qrels
from pubmed_rag.eval.systems import System, SystemSpec

POOL_DEPTH = 10
"""Documents of each system that are judged: as many as nDCG@10 looks at, so that no ranking has an unjudged one."""

GRADES: Mapping[int, str] = {2: "relevant", 1: "partly", 0: "not"}

SPLIT = "judged"
_HEADER = "query-id\tcorpus-id\tscore\n"


@dataclass(frozen=True, slots=True)
class Item:
    """A document to judge for a topic. Which system found it is nowhere kept, so that nobody can be led by it."""

    topic: Topic
    doc_id: str


class _Pool(msgspec.Struct, frozen=True):
    """One topic's pool, in the order shown; a line of ``pool.jsonl``."""

    topic_id: str
    text: str
    depth: int
    documents: list[str]


def read_queries(sources: Sequence[str]) -> tuple[Topic, ...]:
    """Topics from text files, one query a line, and from queries given as they are. Ids come from the text, so that
    the same query is the same topic next time. Raises :class:`UsageError` where there is no query.
    """
    texts = []
    for source in sources:
        path = Path(source)
        try:
            is_file = path.is_file()
        except OSError:  # a query too long to name a file
            is_file = False
        if is_file:
            try:
                texts += path.read_text(encoding="utf-8-sig").splitlines()
            except UnicodeDecodeError as error:
                raise InputError(f"{path} is not UTF-8 text") from error
        else:
            texts.append(source)
    queries = dict.fromkeys(collapse(text) for text in texts if collapse(text))
    if not queries:
        raise UsageError("there is no query to judge for", remedy="give a file with one query a line, or a query")
    return tuple(Topic(f"q{hashlib.sha256(text.encode()).hexdigest()[:8]}", text) for text in queries)


def make_pools(
    topics: Iterable[Topic], systems: Sequence[System], folder: Path, *, depth: int = POOL_DEPTH, seed: int = 0
) -> Mapping[str, tuple[str, ...]]:
    """By topic id the documents that any system has among its first ``depth``, in a random order.

    Pools are kept in ``folder``, so that a session goes on with the same ones; a greater ``depth`` adds
    documents after those that are there.
    """
    file = AppendedFile(folder / "pool.jsonl", _Pool)
    known = {pool.topic_id: pool for pool in file.read()}
    pools = {}
    for topic in topics:
        pool = known.get(topic.id)
        if pool is None or pool.depth < depth:
            before = pool.documents if pool else []
            found = {document.doc_id for system in systems for document in system.run(topic, depth)[:depth]}
            fresh = sorted(found - set(before))
            random.Random(f"{seed} {topic.id} {depth}").shuffle(fresh)
            pool = _Pool(topic.id, topic.text, depth, [*before, *fresh])
            file.append(pool)
        pools[topic.id] = tuple(pool.documents)
    return pools


class JudgingSession:
    """A person's way through the pools. Every judgement is on disk when :meth:`judge` returns.

    ``folder`` becomes a collection: ``queries.jsonl`` and ``qrels/judged.tsv``, for the library it was judged over.
    """

    def __init__(self, folder: Path, topics: Sequence[Topic], pools: Mapping[str, Sequence[str]]) -> None:
        self._path = folder / "qrels" / f"{SPLIT}.tsv"
        self._grades: dict[tuple[str, str], int] = {}
        if self._path.is_file():
            self._repair()
            self._grades = {(qrel.topic_id, qrel.doc_id): qrel.relevance for qrel in read_qrels(self._path)}
        self._items = [Item(topic, doc_id) for topic in topics for doc_id in pools[topic.id]]
        self._waiting = [item for item in self._items if (item.topic.id, item.doc_id) not in self._grades]
        self._done: list[Item] = []
        _write_queries(folder, topics)

    @property
    def current(self) -> Item | None:
        """What to judge now; ``None`` when all is judged."""
        return self._waiting[0] if self._waiting else None

    @property
    def total(self) -> int:
        """Documents in all pools."""
        return len(self._items)

    @property
    def judged(self) -> int:
        """Documents of these pools that have a judgement."""
        return len(self._items) - len(self._waiting)

    def judge(self, grade: int) -> None:
        """Give the current item a grade of :data:`GRADES` and go on. Raises :class:`UsageError` for another grade."""
        item = self._require_current()
        if grade not in GRADES:
            raise UsageError(f"unknown grade {grade}", remedy=f"choose from {', '.join(map(str, GRADES))}")
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with self._path.open("a", encoding="utf-8") as stream:
            if stream.tell() == 0:
                stream.write(_HEADER)
            stream.write(f"{item.topic.id}\t{item.doc_id}\t{grade}\n")
            stream.flush()
            os.fsync(stream.fileno())
        self._grades[item.topic.id, item.doc_id] = grade
        self._done.append(self._waiting.pop(0))

    def skip(self) -> None:
        """Put the current item last; it comes again, in this session or the next."""
        self._require_current()
        self._waiting.append(self._waiting.pop(0))

    def undo(self) -> bool:
        """Take the last judgement of this session back and show its item again; false if there is none."""
        if not self._done:
            return False
        item = self._done.pop()
        del self._grades[item.topic.id, item.doc_id]
        lines = "".join(f"{topic}\t{doc}\t{grade}\n" for (topic, doc), grade in self._grades.items())
        write_text(self._path, _HEADER + lines)
        self._waiting.insert(0, item)
        return True

    def _require_current(self) -> Item:
        if self.current is None:
            raise UsageError("everything is judged")
        return self.current

    def _repair(self) -> None:
        """Drop a last line that a power cut left half written."""
        text = self._path.read_bytes()
        if text and not text.endswith(b"\n"):
            write_text(self._path, text[: text.rfind(b"\n") + 1].decode("utf-8"))


def write_challenge_file(folder: Path, library: Path, systems: Sequence[SystemSpec]) -> Path:
    """A challenge over these judgements and the library they were made on, ready to run; the first is the baseline."""
    tables = "".join(
        f'\n[[systems]]\nname = "{spec.name}"\nkind = "{spec.kind}"\nquery = "{spec.query}"\nsort = "{spec.sort}"\n'
        for spec in systems
    )
    text = (
        f'title = "Systems on my own judgements"\nbaseline = "{systems[0].name}"\n'
        f"challengers = {json.dumps([spec.name for spec in systems[1:]])}\n{tables}\n"
        f'[[collections]]\nname = "mine"\npath = "."\nsplit = "{SPLIT}"\n'
        f"library = {json.dumps(str(library.resolve()))}\n"
        'caution = "judged by one person, from pools of the systems compared"\n'
    )
    path = folder / "challenge.toml"
    write_text(path, text)
    return path


def _write_queries(folder: Path, topics: Sequence[Topic]) -> None:
    """``queries.jsonl`` with these topics and those of earlier sessions that have judgements."""
    known = {topic.id: topic.text for topic in topics}
    path = folder / "queries.jsonl"
    if path.is_file() and (folder / "qrels" / f"{SPLIT}.tsv").is_file():
        for topic in read_beir(folder, SPLIT, corpus_optional=True).topics:
            known.setdefault(topic.id, topic.text)
    write_text(path, "".join(json.dumps({"_id": key, "text": text}) + "\n" for key, text in known.items()))
