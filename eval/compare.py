"""Two results against each other, and floors under a result: for finding out what a change did."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import msgspec

from pubmed_rag.core.errors import DamagedFileError, InputError, UsageError
from pubmed_rag.eval.collections import Collection, Topic, ids_digest
from pubmed_rag.eval.measures import RANKING, Task, score_collection
from pubmed_rag.eval.qrels import read_qrels
from pubmed_rag.eval.runs import read_run
from pubmed_rag.eval.statistics import Comparison, compare_all, correct_together

_FLOOR = re.compile(r"(?:(?P<system>[^:=]+):)?(?P<measure>[^:=]+)=(?P<value>-?\d*\.?\d+)")


class BelowFloorError(InputError):
    """A figure is lower than it must be: what ``--fail-below`` is for."""


@dataclass(frozen=True, slots=True)
class Floor:
    """The least value of a measure's mean; of one ``system``, or of each if that is empty."""

    measure: str
    value: float
    system: str = ""


@dataclass(frozen=True, slots=True)
class Difference:
    """One system's figures in B against A. ``collection`` is empty where the folders hold one collection."""

    collection: str
    system: str
    measure: str
    before: float
    after: float
    comparison: Comparison | None


def parse_floor(text: str) -> Floor:
    """``MEASURE=VALUE`` or ``SYSTEM:MEASURE=VALUE``. Raises :class:`UsageError`."""
    match = _FLOOR.fullmatch(text.strip())
    if match is None:
        raise UsageError(f"--fail-below '{text}' is not MEASURE=VALUE", remedy="for example hybrid:nDCG@10=0.7")
    return Floor(match["measure"].strip(), float(match["value"]), (match["system"] or "").strip())


def check_names(floors: Iterable[Floor], systems: Iterable[str], measures: Iterable[str]) -> None:
    """Raise :class:`UsageError` for a floor that will have nothing to check, before anything is run."""
    known, measured = list(systems), list(measures)
    for floor in floors:
        if floor.system and floor.system not in known:
            raise UsageError(
                f"--fail-below names '{floor.system}', which is not run", remedy=f"run are: {', '.join(known)}"
            )
        if floor.measure not in measured:
            raise UsageError(
                f"--fail-below names '{floor.measure}', which is not measured",
                remedy=f"measured: {', '.join(measured)}",
            )


def check_floors(floors: Iterable[Floor], means: Mapping[str, Mapping[str, float]], where: str = "") -> None:
    """Raise :class:`BelowFloorError` naming every figure that is too low; ``means``: by system, by measure.

    Raises :class:`UsageError` for a floor that names a system or measure that is not there: a check that
    checks nothing must not pass.
    """
    low = []
    for floor in floors:
        systems = [name for name in means if floor.system in ("", name)]
        if not systems:
            raise UsageError(
                f"--fail-below names '{floor.system}', which did not run", remedy=f"ran: {', '.join(means)}"
            )
        for name in systems:
            if floor.measure not in means[name]:
                raise UsageError(
                    f"--fail-below names '{floor.measure}', which was not measured",
                    remedy=f"measured: {', '.join(means[name])}",
                )
            if means[name][floor.measure] < floor.value:
                low.append(f"{where}{name}: {floor.measure} {means[name][floor.measure]:.4f} is below {floor.value}")
    if low:
        raise BelowFloorError("; ".join(low))


def compare_folders(a: Path, b: Path, measures: Iterable[str] = (), *, seed: int = 0) -> tuple[Difference, ...]:
    """Each system that both folders hold, B against A, by ``measures`` or each collection's primary one.

    The folders are what ``eval run`` or ``eval challenge`` wrote. Topics are matched by id. All
    comparisons are corrected together. Raises :class:`InputError` for a folder that holds no results, or two
    that have nothing in common.
    """
    first, second = _read(a), _read(b)
    found: list[Difference] = []
    wanted = list(measures)
    known = sorted({measure for results in first.values() for measure in results.values})
    if unknown := [name for name in wanted if name not in known]:
        raise UsageError(f"{a} has no measure '{unknown[0]}'", remedy=f"it has: {', '.join(known)}")
    for collection in first:
        if collection not in second:
            continue
        before, after = first[collection], second[collection]
        names = [m for m in (wanted or [before.primary]) if m in before.values and m in after.values]
        for measure in names:
            systems = [name for name in before.values[measure] if name in after.values[measure]]
            found += [_difference(collection, system, measure, before, after, seed) for system in systems]
    if not found:
        raise InputError(f"{a} and {b} have no collection, system and measure in common")
    return _corrected(found)


def compare_runs(
    a: Path, b: Path, qrels: Path, *, task: Task = RANKING, measures: Iterable[str] = (), seed: int = 0
) -> tuple[Difference, ...]:
    """Two TREC run files by the judgements in ``qrels``. Topics are those judged."""
    judgements = read_qrels(qrels)
    topics = tuple(Topic(topic_id, topic_id) for topic_id in dict.fromkeys(q.topic_id for q in judgements))
    collection = Collection("", "", (), topics, tuple(judgements), ids_digest(qrel.doc_id for qrel in judgements))
    scores = [score_collection(collection, read_run(path), task) for path in (a, b)]
    wanted = list(measures) or [task.primary.name]
    unknown = [name for name in wanted if name not in scores[0].values]
    if unknown:
        raise UsageError(f"unknown measure '{unknown[0]}'", remedy=f"known: {', '.join(scores[0].values)}")
    found = []
    for measure in wanted:
        values = {"A": scores[0].values[measure], "B": scores[1].values[measure]}
        (comparison,) = compare_all(measure, values, seed=seed)
        found.append(Difference("", b.name, measure, scores[0].mean(measure), scores[1].mean(measure), comparison))
    return _corrected(found)


def compared_means(differences: Iterable[Difference]) -> Mapping[str, Mapping[str, Mapping[str, float]]]:
    """B's means by collection, system and measure, for :func:`check_floors`."""
    means: dict[str, dict[str, dict[str, float]]] = {}
    for item in differences:
        means.setdefault(item.collection, {}).setdefault(item.system, {})[item.measure] = item.after
    return means


@dataclass(frozen=True, slots=True)
class _Results:
    """Values by measure, system and topic id."""

    primary: str
    values: Mapping[str, Mapping[str, Mapping[str, float]]]


def _difference(collection: str, system: str, measure: str, before: _Results, after: _Results, seed: int) -> Difference:
    one, two = before.values[measure][system], after.values[measure][system]
    topics = [topic for topic in one if topic in two]
    if not topics:
        raise InputError(f"{system}: the two results have no topic in common")
    values = {"A": [one[topic] for topic in topics], "B": [two[topic] for topic in topics]}
    (comparison,) = compare_all(measure, values, seed=seed)
    means = [sum(values[name]) / len(topics) for name in ("A", "B")]
    return Difference(collection, system, measure, means[0], means[1], comparison)


def _corrected(found: list[Difference]) -> tuple[Difference, ...]:
    comparisons = correct_together([item.comparison for item in found if item.comparison is not None])
    return tuple(
        Difference(d.collection, d.system, d.measure, d.before, d.after, c)
        for d, c in zip(found, comparisons, strict=True)
    )


def _read(folder: Path) -> Mapping[str, _Results]:
    """Results by collection; "" for the folder of one collection."""
    manifest_path = folder / "manifest.json"
    if not manifest_path.is_file():
        raise InputError(
            f"{folder} holds no finished results", remedy="name the --out folder of 'eval run' or 'eval challenge'"
        )
    try:
        manifest = msgspec.json.decode(manifest_path.read_bytes())
        if "collections" in manifest:
            names = [entry["declared"]["name"] for entry in manifest["collections"]]
            return {name: _one(folder / name) for name in names}
        return {"": _one(folder)}
    except (msgspec.DecodeError, KeyError, TypeError, ValueError, FileNotFoundError) as error:
        raise DamagedFileError(
            f"the results in {folder} are not whole ({type(error).__name__}: {error})",
            remedy="give the command that made them again; what is there is used",
        ) from error


def _one(folder: Path) -> _Results:
    import pandas as pd

    manifest = msgspec.json.decode((folder / "manifest.json").read_bytes())
    measures = list(manifest["measures"])
    frame = pd.read_csv(folder / "per_query.csv", dtype={"topic_id": str, "system": str})
    values = {
        measure: {
            str(system): dict(zip(rows["topic_id"], rows[measure].astype(float), strict=True))
            for system, rows in frame.groupby("system", sort=False)
        }
        for measure in measures
    }
    return _Results(measures[0], values)
