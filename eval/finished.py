"""Results of earlier runs, read back from their folders: for whoever looks at them without making them again."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import msgspec

from pubmed_rag.core.errors import DamagedFileError
from pubmed_rag.eval.failures import Failure, explain
from pubmed_rag.eval.run_cache import valid_name
from pubmed_rag.eval.runs import Ranking, trec_order
from pubmed_rag.eval.statistics import Comparison, Interval
from pubmed_rag.eval.systems import ScoredDoc
from pubmed_rag.eval.topic_files import read_topics

if TYPE_CHECKING:
    import pandas as pd

MANIFEST = "manifest.json"
_REMEDY = "give the command that made it again: it uses what is there, and asks only for what is missing"
_AT_WORK_SECONDS = 120.0
"""A folder that was written to so lately is being worked on, as far as can be told from outside."""

Pair: TypeAlias = tuple[str, str]
"""Baseline, system."""

State: TypeAlias = Literal["finished", "running", "stopped", "damaged"]


@dataclass(frozen=True, slots=True)
class Listed:
    """A folder with results. ``date`` is ISO UTC; ``why`` says what is wrong with one that is damaged."""

    folder: Path
    state: State
    title: str
    date: str
    why: str = ""


@dataclass(frozen=True, slots=True)
class FinishedSystem:
    """One system's means, by measure, and the interval of the primary one."""

    name: str
    measures: Mapping[str, float]
    interval: Interval | None
    without_results: int
    median_ms: float


@dataclass(frozen=True, slots=True)
class FinishedCollection:
    """One collection's figures. ``headlines`` are the pairs that the question is about, in order.

    ``reasons`` say for a pair why its verdict is what it is and how far it carries.
    """

    name: str
    folder: Path
    task: str
    primary: str
    topics: int
    documents: int
    judgements: int | None
    systems: tuple[FinishedSystem, ...]
    comparisons: tuple[Comparison, ...]
    headlines: tuple[Pair, ...]
    reasons: Mapping[Pair, tuple[str, ...]]
    caution: str
    left_out: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class FinishedChallenge:
    """A whole challenge as its folder tells it."""

    folder: Path
    title: str
    about: str
    date: str
    commit: str | None
    baseline: str
    collections: tuple[FinishedCollection, ...]
    not_run: tuple[str, ...]

    def headlines(self) -> tuple[tuple[FinishedCollection, Comparison], ...]:
        """What the question is about, collection by collection."""
        found = []
        for collection in self.collections:
            made = {(c.baseline, c.system): c for c in collection.comparisons}
            found += [(collection, made[pair]) for pair in collection.headlines if pair in made]
        return tuple(found)


@dataclass(frozen=True, slots=True)
class TopicDifference:
    """One topic's values of the primary measure for two systems."""

    topic_id: str
    text: str
    baseline_value: float
    system_value: float

    @property
    def difference(self) -> float:
        """The system's value less the baseline's."""
        return self.system_value - self.baseline_value


@dataclass(frozen=True, slots=True)
class _Declared:
    name: str
    task: str = "ranking"
    caution: str = ""
    baseline: str | None = None


@dataclass(frozen=True, slots=True)
class _Reasons:
    baseline: str
    system: str
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Entry:
    declared: _Declared
    documents: int = 0
    judgements: int | None = None
    reasons: tuple[_Reasons, ...] = ()


@dataclass(frozen=True, slots=True)
class _Manifest:
    """The part of a challenge's ``manifest.json`` that is read back."""

    title: str
    date: str
    baseline: str
    challengers: tuple[str, ...]
    collections: tuple[_Entry, ...]
    commit: str | None = None
    about: str = ""
    rivals: tuple[str, ...] = ()
    not_run: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Measured:
    """The part of a collection's ``manifest.json`` that is read back; the first measure is the primary one."""

    topics: int
    measures: Mapping[str, str]
    left_out: tuple[str, ...] = ()


def list_challenges(runs: Path, *, now: datetime | None = None) -> tuple[Listed, ...]:
    """The challenges whose folders lie in ``runs``, the latest first; a folder of anything else is passed over."""
    moment = now or datetime.now(UTC)
    folders = [path for path in runs.iterdir() if path.is_dir()] if runs.is_dir() else []
    found = [listed for folder in folders if (listed := _listed(folder, moment)) is not None]
    return tuple(sorted(found, key=lambda item: (item.date, item.folder.name), reverse=True))


def _listed(folder: Path, now: datetime) -> Listed | None:
    if (folder / MANIFEST).is_file():
        try:
            manifest = _manifest(folder)
        except DamagedFileError as error:
            if _is_single(folder):
                return None
            return Listed(folder, "damaged", folder.name, _iso(_written(folder)), error.message)
        return Listed(folder, "finished", manifest.title, manifest.date)
    begun = [path for kind in ("trec", "partial") for path in folder.glob(f"*/runs/*.{kind}")]
    if not begun:
        return None
    last = max(path.stat().st_mtime for path in begun if path.exists())
    state: State = "running" if now.timestamp() - last < _AT_WORK_SECONDS else "stopped"
    return Listed(folder, state, folder.name, _iso(last))


def _is_single(folder: Path) -> bool:
    """Whether the folder is that of ``eval run`` or ``eval qa``, which have manifests of their own."""
    try:
        return "collections" not in msgspec.json.decode((folder / MANIFEST).read_bytes())
    except (OSError, msgspec.DecodeError, TypeError):
        return False


def _written(folder: Path) -> float:
    return (folder / MANIFEST).stat().st_mtime


def _iso(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).isoformat(timespec="seconds")


def read_challenge_folder(folder: Path) -> FinishedChallenge:
    """What ``eval challenge`` wrote into ``folder``. Raises :class:`DamagedFileError` where it is not whole."""
    manifest = _manifest(folder)
    try:
        return FinishedChallenge(
            folder=folder,
            title=manifest.title,
            about=manifest.about,
            date=manifest.date,
            commit=manifest.commit,
            baseline=manifest.baseline,
            collections=tuple(_collection(folder, manifest, entry) for entry in manifest.collections),
            not_run=manifest.not_run,
        )
    except (OSError, KeyError, ValueError, TypeError) as error:  # msgspec's and pandas' errors are ValueErrors
        raise DamagedFileError(f"the result in {folder.name} is not whole: {error}", remedy=_REMEDY) from error


def _manifest(folder: Path) -> _Manifest:
    try:
        manifest = msgspec.json.decode((folder / MANIFEST).read_bytes(), type=_Manifest)
    except (OSError, msgspec.DecodeError) as error:
        raise DamagedFileError(f"{folder.name}/{MANIFEST} cannot be read: {error}", remedy=_REMEDY) from error
    for entry in manifest.collections:
        if not valid_name(entry.declared.name):  # it names a folder: never one elsewhere
            raise DamagedFileError(f"{folder.name}/{MANIFEST} names no collection of a challenge", remedy=_REMEDY)
    return manifest


def _collection(folder: Path, manifest: _Manifest, entry: _Entry) -> FinishedCollection:
    import pandas as pd

    name = entry.declared.name
    own = folder / name
    measured = msgspec.json.decode((own / MANIFEST).read_bytes(), type=_Measured)
    primary = next(iter(measured.measures))
    means = pd.read_csv(own / "metrics.csv", dtype={"system": str})
    table = folder / "comparisons.csv"
    rows = pd.read_csv(table, dtype={"system": str, "baseline": str, "collection": str}) if _has_rows(table) else None
    rows = rows[rows["collection"] == name] if rows is not None else None
    comparisons = [] if rows is None else [_comparison(row) for row in rows.to_dict("records")]
    reasons = {(item.baseline, item.system): item.reasons for item in entry.reasons}
    if rows is not None:
        for row in rows.to_dict("records"):
            reasons.setdefault((row["baseline"], row["system"]), (str(row.get("reasons", "")),))
    baselines = dict.fromkeys((entry.declared.baseline or manifest.baseline, *manifest.rivals))
    return FinishedCollection(
        name=name,
        folder=own,
        task=entry.declared.task,
        primary=primary,
        topics=measured.topics,
        documents=entry.documents,
        judgements=entry.judgements,
        systems=tuple(_system(row, primary, tuple(measured.measures)) for row in means.to_dict("records")),
        comparisons=tuple(comparisons),
        headlines=tuple((old, new) for new in manifest.challengers for old in baselines if old != new),
        reasons=reasons,
        caution=entry.declared.caution,
        left_out=measured.left_out,
    )


def _has_rows(path: Path) -> bool:
    return path.stat().st_size > 1  # a table of no comparison is an empty line


def _system(row: Mapping[Any, Any], primary: str, measures: tuple[str, ...]) -> FinishedSystem:
    return FinishedSystem(
        name=row["system"],
        measures={measure: float(row[measure]) for measure in measures},
        interval=_interval(row[f"{primary} low"], row[f"{primary} high"]),
        without_results=int(row["without_results"]),
        median_ms=float(row["median_ms"]),
    )


def _comparison(row: Mapping[Any, Any]) -> Comparison:
    return Comparison(
        measure=row["measure"],
        system=row["system"],
        baseline=row["baseline"],
        topics=int(row["topics"]),
        difference=float(row["difference"]),
        interval=_interval(row["low"], row["high"]),
        p=float(row["p"]),
        p_holm=float(row["p_holm"]),
        wins=int(row["wins"]),
        ties=int(row["ties"]),
        losses=int(row["losses"]),
        effect_size=_number(row["effect_size"]),
        verdict=row["verdict"],
        detectable=_number(row["detectable"]),
        topics_needed=None if (needed := _number(row["topics_needed"])) is None else int(needed),
        lowest=_number(row.get("lowest")),
        highest=_number(row.get("highest")),
    )


def _interval(low: Any, high: Any) -> Interval | None:
    numbers = _number(low), _number(high)
    return None if numbers[0] is None or numbers[1] is None else Interval(numbers[0], numbers[1])


def _number(value: Any) -> float | None:
    return None if value is None or math.isnan(float(value)) else float(value)


# -- topic by topic --------------------------------------------------------------------------------


def topic_differences(collection: FinishedCollection, pair: Pair) -> tuple[TopicDifference, ...]:
    """Every topic of two systems, the system's greatest gain first. Raises :class:`DamagedFileError`."""
    try:
        frame = _per_query(collection)
        values = {
            name: dict(zip(rows["topic_id"], rows[collection.primary].astype(float), strict=True))
            for name, rows in frame.groupby("system", sort=False)
        }
        old, new = values[pair[0]], values[pair[1]]
    except (OSError, KeyError, ValueError) as error:
        raise DamagedFileError(f"{collection.name}/per_query.csv cannot be read: {error}", remedy=_REMEDY) from error
    kept = read_topics(collection.folder)
    notes = kept[0] if kept else {}
    found = [
        TopicDifference(topic, notes[topic].text if topic in notes else "", old[topic], new[topic])
        for topic in old
        if topic in new
    ]
    return tuple(sorted(found, key=lambda item: (-item.difference, item.topic_id)))


def _per_query(collection: FinishedCollection) -> pd.DataFrame:
    import pandas as pd

    wanted = ["system", "topic_id", collection.primary]
    return pd.read_csv(collection.folder / "per_query.csv", dtype={"topic_id": str, "system": str}, usecols=wanted)


def explain_topic(collection: FinishedCollection, pair: Pair, topic: TopicDifference) -> Failure | None:
    """Both rankings of a topic, what of them is relevant, and what explains the difference; other systems' ranks help.

    ``None`` where the result was written by a version that kept no topics. Raises :class:`DamagedFileError`.
    """
    kept = read_topics(collection.folder)
    if kept is None or topic.topic_id not in kept[0]:
        return None
    names = [system.name for system in collection.systems]
    try:
        rankings = {name: _ranking(collection.folder / "runs" / f"{name}.trec", topic.topic_id) for name in names}
    except (OSError, ValueError, IndexError) as error:
        raise DamagedFileError(f"a run of {collection.name} cannot be read: {error}", remedy=_REMEDY) from error
    return explain(kept[0][topic.topic_id], pair, (topic.baseline_value, topic.system_value), rankings, kept[1])


def _ranking(path: Path, topic_id: str) -> Ranking:
    """One topic of a run file of ours, without the cost of reading all of it into records."""
    beginning = f"{topic_id} "
    documents = []
    with path.open(encoding="utf-8") as stream:
        for line in stream:
            if line.startswith(beginning):
                fields = line.split()
                documents.append(ScoredDoc(fields[2], float(fields[4])))
    return trec_order(documents)
