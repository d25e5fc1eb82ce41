"""Results of many configurations over time, and what changed from one to the next."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from pubmed_rag.eval.append import AppendedFile
from pubmed_rag.eval.records import Evaluation

LEADERBOARD = "leaderboard.jsonl"


@dataclass(frozen=True, slots=True)
class Entry:
    """One system's result on one collection; a line of the file.

    Entries compare only where ``corpus``, ``topics`` and ``qrels`` (digests) and ``primary`` are the same.
    ``date`` is when its run was made (ISO UTC). ``low`` and ``high`` bound the interval of the primary measure's
    mean; ``None`` where there is none, and in entries written before they were kept.
    """

    dataset: str
    split: str
    corpus: str
    topics: str
    qrels: str
    system: str
    fingerprint: str
    date: str
    commit: str | None
    primary: str
    measures: Mapping[str, float]
    configuration: Mapping[str, str]
    low: float | None = None
    high: float | None = None

    @property
    def board(self) -> tuple[str, str, str, str, str, str]:
        """What entries must share to stand in one table."""
        return (self.dataset, self.split, self.corpus, self.topics, self.qrels, self.primary)

    @property
    def value(self) -> float:
        """The primary measure."""
        return self.measures[self.primary]


@dataclass(frozen=True, slots=True)
class Row:
    """An entry in its table, best first. ``change`` is the primary measure less that of the system's entry before;
    ``changed`` says which settings differ from it, ``key: old → new``."""

    entry: Entry
    change: float | None
    changed: tuple[str, ...]


class Leaderboard:
    """Entries in a file that only grows."""

    def __init__(self, path: Path) -> None:
        self._file = AppendedFile(path, Entry)

    @property
    def path(self) -> Path:
        return self._file.path

    def add(self, evaluation: Evaluation) -> int:
        """Add each system's result unless the very same one is there. Returns how many were new."""
        known = {(entry.board, entry.fingerprint) for entry in self._file.read()}
        added = 0
        for entry in entries_of(evaluation):
            if (entry.board, entry.fingerprint) not in known:
                self._file.append(entry)
                added += 1
        return added

    def tables(self) -> Mapping[tuple[str, str, str, str, str, str], tuple[Row, ...]]:
        """One table a collection and split, best first."""
        return tables(self._file.read())


def entries_of(evaluation: Evaluation) -> tuple[Entry, ...]:
    """An entry a system."""
    made = evaluation.provenance
    means = evaluation.summary().systems
    return tuple(
        Entry(
            dataset=evaluation.dataset,
            split=evaluation.split,
            corpus=made.corpus_digest,
            topics=made.topics_digest,
            qrels=made.qrels_digest,
            system=system.name,
            fingerprint=system.run.fingerprint,
            date=system.run.made,
            commit=made.commit,
            primary=evaluation.primary.name,
            measures=means[system.name],
            configuration=system.run.configuration,
            low=system.interval.low if system.interval else None,
            high=system.interval.high if system.interval else None,
        )
        for system in evaluation.systems
    )


def tables(entries: Iterable[Entry]) -> Mapping[tuple[str, str, str, str, str, str], tuple[Row, ...]]:
    """Entries by collection and split, best first, each with what changed since the same system's entry before."""
    boards: dict[tuple[str, str, str, str, str, str], list[Row]] = defaultdict(list)
    latest: dict[tuple[tuple[str, ...], str], Entry] = {}
    for entry in sorted(entries, key=lambda entry: entry.date):
        before = latest.get((entry.board, entry.system))
        change = entry.value - before.value if before else None
        boards[entry.board].append(Row(entry, change, _changed(before, entry) if before else ()))
        latest[entry.board, entry.system] = entry
    return {
        board: tuple(sorted(rows, key=lambda row: (-row.entry.value, row.entry.system, row.entry.date)))
        for board, rows in boards.items()
    }


def _changed(before: Entry, after: Entry) -> tuple[str, ...]:
    old, new = before.configuration, after.configuration
    keys = [*old, *(key for key in new if key not in old)]
    changed = [
        f"{key}: {old.get(key, 'none')} → {new.get(key, 'none')}" for key in keys if old.get(key) != new.get(key)
    ]
    return tuple(changed)
