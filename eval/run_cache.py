"""Make a system's run once: a run on disk is used again while everything that could change it is the same."""

from __future__ import annotations

import hashlib
import re
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from pubmed_rag.core.errors import UsageError
from pubmed_rag.core.files import sha256_of, write_text
from pubmed_rag.core.progress import SILENT, Progress
from pubmed_rag.eval.collections import Collection
from pubmed_rag.eval.machine import load, processor
from pubmed_rag.eval.runs import Ranking, Rankings, read_run, unambiguous, write_run
from pubmed_rag.eval.systems import ScoredDoc, System

_FORMAT = 1
"""Part of every fingerprint; raised when the same system would write another file."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]*")


@dataclass(frozen=True, slots=True)
class RunFacts:
    """What stands beside a run file. ``made`` is ISO UTC; ``milliseconds`` is wall time by topic id.

    ``sha256`` is that of the run file, so a pair that does not belong together is not trusted. ``machine`` is what
    the time was measured on, ``load`` what else it had to do before and after (the system's load average).
    """

    system: str
    fingerprint: str
    sha256: str
    made: str
    depth: int
    configuration: Mapping[str, str]
    milliseconds: Mapping[str, float]
    machine: str = ""
    load: tuple[float | None, float | None] = (None, None)


@dataclass(frozen=True, slots=True)
class Run:
    """A system's answer to every topic of a collection."""

    facts: RunFacts
    rankings: Rankings

    @property
    def system(self) -> str:
        return self.facts.system


def run_system(
    system: System,
    collection: Collection,
    depth: int,
    folder: Path,
    *,
    progress: Progress = SILENT,
    timer: Callable[[], float] = time.perf_counter,
) -> Run:
    """The run of ``system``, from ``folder/<name>.trec`` if that still holds, else made and written there.

    Each topic is kept in ``folder/<name>.partial`` as it is done, so that a run killed halfway goes on there.
    The facts are written last. A run made now and one read back are equal. Raises :class:`UsageError` for a
    name that cannot name a file.
    """
    if not valid_name(system.name):
        raise UsageError(f"'{system.name}' cannot name a run file", remedy="use letters, digits, '.', '_', '+' and '-'")
    path, facts_path = folder / f"{system.name}.trec", folder / f"{system.name}.json"
    fingerprint = fingerprint_of(system, collection, depth)
    known = _read_facts(facts_path)
    if known and known.fingerprint == fingerprint and path.is_file() and sha256_of(path) == known.sha256:
        return Run(known, read_run(path))
    partial = folder / f"{system.name}.partial"
    before = load()
    rankings, milliseconds = _ask(system, collection, depth, _Journal(partial, fingerprint), progress, timer)
    write_run(path, system.name, rankings)
    facts = RunFacts(
        system=system.name,
        fingerprint=fingerprint,
        sha256=sha256_of(path),
        made=datetime.now(UTC).isoformat(timespec="seconds"),
        depth=depth,
        configuration=dict(system.configuration),
        milliseconds=milliseconds,
        machine=processor(),
        load=(before, load()),
    )
    write_text(facts_path, msgspec.json.format(msgspec.json.encode(facts), indent=1).decode() + "\n")
    partial.unlink(missing_ok=True)
    return Run(facts, {topic_id: ranking for topic_id, ranking in rankings.items() if ranking})


def valid_name(name: str) -> bool:
    """Whether ``name`` can name a file or folder of results."""
    return _NAME.fullmatch(name) is not None


def fingerprint_of(system: System, collection: Collection, depth: int) -> str:
    """Hex SHA-256 of everything a run depends on: the system, the corpus, the topics, the depth; not the qrels."""
    parts = [_FORMAT, system.name, dict(system.configuration), collection.digest, collection.topics_digest, depth]
    return hashlib.sha256(msgspec.json.encode(parts, order="deterministic")).hexdigest()


@dataclass(frozen=True, slots=True)
class _Done:
    """One topic that is done: a line of the journal. ``milliseconds`` as measured then."""

    topic_id: str
    ranking: tuple[ScoredDoc, ...]
    milliseconds: float


class _Journal:
    """Topics done so far, one JSON line each under a first line with the run's fingerprint."""

    def __init__(self, path: Path, fingerprint: str) -> None:
        self._path = path
        self._head = msgspec.json.encode({"fingerprint": fingerprint})

    def read(self) -> dict[str, _Done]:
        """What an earlier process did of the same run. A last line that was cut off does not count."""
        try:
            head, *lines = self._path.read_bytes().split(b"\n")
        except FileNotFoundError:
            return {}
        if head != self._head:
            return {}
        done = [msgspec.json.decode(line, type=_Done) for line in lines[:-1]]
        return {item.topic_id: item for item in done}

    @contextmanager
    def writing(self, done: Iterable[_Done]) -> Iterator[Callable[[_Done], None]]:
        """A function that adds a topic; it is in the file when the function returns."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with self._path.open("wb") as stream:
            stream.write(b"".join(line + b"\n" for line in (self._head, *map(msgspec.json.encode, done))))
            stream.flush()

            def add(item: _Done) -> None:
                stream.write(msgspec.json.encode(item) + b"\n")
                stream.flush()

            yield add


def _ask(
    system: System,
    collection: Collection,
    depth: int,
    journal: _Journal,
    progress: Progress,
    timer: Callable[[], float],
) -> tuple[Rankings, Mapping[str, float]]:
    done = journal.read()
    waiting = [topic for topic in collection.topics if topic.id not in done]
    if waiting and not system.remote:
        system.run(waiting[0], depth)  # not timed: the first search loads the index and the model
    with (
        journal.writing(done.values()) as add,
        progress.task(f"running {system.name}", len(waiting), "topics") as task,
    ):
        for topic in waiting:
            started = timer()
            documents = system.run(topic, depth)
            elapsed = round((timer() - started) * 1000, 3)
            item = _Done(topic.id, unambiguous(documents[:depth]), elapsed)
            done[topic.id] = item
            add(item)
            task.advance()
    in_order = [done[topic.id] for topic in collection.topics]
    rankings: dict[str, Ranking] = {item.topic_id: item.ranking for item in in_order}
    return rankings, {item.topic_id: item.milliseconds for item in in_order}


def _read_facts(path: Path) -> RunFacts | None:
    """The facts beside a run, or ``None`` where there are none that can be read: the run is then made again."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=RunFacts)
    except (FileNotFoundError, msgspec.DecodeError):
        return None
