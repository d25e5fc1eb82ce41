"""Measures of a temperature study: levels with intervals over questions, and whether they move with temperature.

All temperatures have the same questions, and a question counts once: with the mean over its seeds.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Literal, TypeAlias

import numpy as np

from pubmed_rag.core.records import YesNoMaybe
from pubmed_rag.eval.statistics import ALPHA, CONFIDENCE, Interval, bootstrap_interval, holm, randomisation_p
from pubmed_rag.eval.temperature import Study, TemperatureRun

Direction: TypeAlias = Literal["rises", "falls", "no trend shown"]
_VERDICTS: tuple[YesNoMaybe, ...] = ("yes", "no", "maybe")
_RESAMPLES = 2_000


@dataclass(frozen=True, slots=True)
class Level:
    """The mean of a measure at one temperature with its bootstrap interval over questions."""

    temperature: float
    value: float
    interval: Interval | None


@dataclass(frozen=True, slots=True)
class Trend:
    """A measure against temperature.

    ``slope`` is the mean over questions of each one's least-squares slope, per degree of temperature; ``p`` that
    of the randomisation test that its sign is a coin's, ``p_holm`` for all trends of the study together.
    ``None`` where there is only one temperature, or the measure is no mean over questions.
    """

    measure: str
    meaning: str
    questions: int
    levels: tuple[Level, ...]
    slope: float | None = None
    interval: Interval | None = None
    p: float | None = None
    p_holm: float | None = None
    direction: Direction = "no trend shown"

    def at(self, temperature: float) -> Level | None:
        """The level at ``temperature``, where the measure exists there."""
        return next((level for level in self.levels if level.temperature == temperature), None)


@dataclass(frozen=True, slots=True)
class Baseline:
    """What giving verdicts without looking would be worth on the same questions."""

    name: str
    accuracy: float
    macro_f1: float


@dataclass(frozen=True, slots=True)
class StudyMeasures:
    """Everything that a study measured. ``baselines`` is empty where no question has a gold verdict."""

    trends: tuple[Trend, ...]
    baselines: tuple[Baseline, ...]

    def trend(self, measure: str) -> Trend | None:
        """The measure of this name, where it could be measured."""
        return next((trend for trend in self.trends if trend.measure == measure), None)


_Seeds: TypeAlias = Sequence[TemperatureRun]
_Value: TypeAlias = Callable[[_Seeds, TemperatureRun], float | None]


def measure_study(study: Study, *, seed: int = 0) -> StudyMeasures:
    """Levels and trends of everything measurable. ``seed`` is that of the resampling."""
    grouped: dict[str, dict[float, list[TemperatureRun]]] = {}
    for run in study.runs:
        grouped.setdefault(run.question_id, {}).setdefault(run.temperature, []).append(run)
    chosen = [each for each in _MEASURES if not study.verdicts_only or each[0].startswith("verdict")]
    trends = [_trend(name, meaning, value, study.temperatures, grouped, seed) for name, meaning, value in chosen]
    found = _corrected([trend for trend in trends if trend])
    judged = [runs for runs in grouped.values() if next(iter(runs.values()))[0].expected]
    if not judged:
        return StudyMeasures(found, ())
    f1 = Trend(
        "verdict macro-F1",
        "mean F1 of yes, no and maybe, mean over seeds",
        len(judged),
        tuple(_macro_f1(temperature, judged, seed) for temperature in study.temperatures),
    )
    place = next((n for n, trend in enumerate(found, start=1) if trend.measure == "verdict accuracy"), len(found))
    return StudyMeasures((*found[:place], f1, *found[place:]), _baselines(judged))


def _trend(
    name: str,
    meaning: str,
    value: _Value,
    temperatures: Sequence[float],
    grouped: Mapping[str, Mapping[float, _Seeds]],
    seed: int,
) -> Trend | None:
    table = []
    for runs in grouped.values():
        base = runs[temperatures[0]][0]
        table.append([value(runs[temperature], base) for temperature in temperatures])
    # A measure may not exist at temperature 0, which has one seed; a question counts where all others have it.
    columns = [n for n in range(len(temperatures)) if any(row[n] is not None for row in table)]
    rows = [[row[n] for n in columns] for row in table]
    data = np.array([row for row in rows if all(item is not None for item in row)], np.float64)
    if not columns or not len(data):
        return None
    degrees = np.array([temperatures[n] for n in columns])
    levels = tuple(
        Level(float(degree), float(data[:, n].mean()), bootstrap_interval(data[:, n], seed=seed))
        for n, degree in enumerate(degrees)
    )
    trend = Trend(name, meaning, len(data), levels)
    if len(degrees) < 2:
        return trend
    centred = degrees - degrees.mean()
    slopes = data @ centred / (centred @ centred)
    return replace(
        trend,
        slope=float(slopes.mean()),
        interval=bootstrap_interval(slopes, seed=seed),
        p=randomisation_p(slopes, seed=seed),
    )


def _corrected(trends: Sequence[Trend]) -> tuple[Trend, ...]:
    adjusted = iter(holm([trend.p for trend in trends if trend.p is not None]))
    return tuple(_decided(replace(trend, p_holm=next(adjusted))) if trend.p is not None else trend for trend in trends)


def _decided(trend: Trend) -> Trend:
    if trend.slope is None or trend.interval is None or trend.p_holm is None or trend.p_holm >= ALPHA:
        return trend
    if trend.interval.low <= 0.0 <= trend.interval.high:
        return trend
    return replace(trend, direction="rises" if trend.slope > 0 else "falls")


# -- values of one question at one temperature ---------------------------------------------------------


def _share(test: Callable[[TemperatureRun, TemperatureRun], bool]) -> _Value:
    """Share of the seeds for which ``test(run, coldest run)`` holds."""
    return lambda runs, base: sum(test(run, base) for run in runs) / len(runs)


def _pairs(key: Callable[[TemperatureRun], object]) -> _Value:
    """Share of the pairs of seeds that differ in ``key``; none with one seed."""

    def value(runs: _Seeds, _: TemperatureRun) -> float | None:
        pairs = list(combinations((key(run) for run in runs), 2))
        return sum(a != b for a, b in pairs) / len(pairs) if pairs else None

    return value


def _of_sentences(part: str) -> _Value:
    """Sentences that are ``part`` over all that the model wrote, all seeds together; none where it wrote none."""

    def value(runs: _Seeds, _: TemperatureRun) -> float | None:
        written = [run.written for run in runs if run.written]
        total = sum(each.sentences for each in written)
        return sum(float(getattr(each, part)) for each in written) / total if total else None

    return value


def _average(part: str) -> _Value:
    def value(runs: _Seeds, _: TemperatureRun) -> float | None:
        known = [getattr(run.written, part) for run in runs if run.written and getattr(run.written, part) is not None]
        return float(np.mean(known)) if known else None

    return value


def _gold_cited(runs: _Seeds, _: TemperatureRun) -> float | None:
    known = [run.gold_cited for run in runs if run.gold_cited is not None]
    return sum(known) / len(known) if known else None


def _right(runs: _Seeds, base: TemperatureRun) -> float | None:
    return sum(run.verdict == run.expected for run in runs) / len(runs) if base.expected else None


def _verdict_changed(runs: _Seeds, base: TemperatureRun) -> float | None:
    return sum(run.verdict != base.verdict for run in runs) / len(runs) if base.expected else None


def _verdict_pairs(runs: _Seeds, base: TemperatureRun) -> float | None:
    return _pairs(lambda run: run.verdict)(runs, base) if base.expected else None


_MEASURES: tuple[tuple[str, str, _Value], ...] = (
    ("text changed", "answers as shown that differ from the coldest", _share(lambda r, b: r.answer != b.answer)),
    (
        "citations changed",
        "answers that cite another set of articles than the coldest",
        _share(lambda r, b: set(r.cited) != set(b.cited)),
    ),
    ("draft changed", "what the model wrote differs from the coldest", _share(lambda r, b: r.raw != b.raw)),
    ("verdict changed", "the verdict the model picked differs from the coldest", _verdict_changed),
    ("text differs between seeds", "pairs of seeds with different answers", _pairs(lambda run: run.answer)),
    (
        "citations differ between seeds",
        "pairs of seeds that cite different sets of articles",
        _pairs(lambda run: frozenset(run.cited)),
    ),
    ("verdict differs between seeds", "pairs of seeds with different verdicts", _verdict_pairs),
    (
        "sentences supported",
        "of the sentences the model wrote, borne out by what they cite, before any was replaced",
        _of_sentences("supported"),
    ),
    ("words in the evidence", "content words of its sentences that stand in what they cite", _average("overlap")),
    ("similarity to the evidence", "cosine of its sentences with what they cite", _average("similarity")),
    ("sentences with an invented figure", "a number that the cited evidence lacks", _of_sentences("invented")),
    ("sentences shown", "stand in the answer as the model wrote them", _of_sentences("shown")),
    ("sentences repaired", "right after a second attempt", _of_sentences("mended")),
    ("sentences replaced", "gave way to a quotation of what they cite", _of_sentences("replaced")),
    ("sentences dropped", "left out: a repetition, or without evidence", _of_sentences("dropped")),
    ("right article cited", "answers that cite the article that the question was written about", _gold_cited),
    ("verdict accuracy", "the verdict that the model picked is the gold one", _right),
)


# -- verdicts ------------------------------------------------------------------------------------------


def _macro_f1(temperature: float, judged: Sequence[Mapping[float, _Seeds]], seed: int) -> Level:
    """Macro-F1 with the percentile interval of resampled questions."""
    seeds = min(len(runs[temperature]) for runs in judged)
    picked = [[runs[temperature][n] for runs in judged] for n in range(seeds)]
    times = np.random.default_rng(seed).multinomial(len(judged), [1 / len(judged)] * len(judged), size=_RESAMPLES)
    weights = np.concatenate([np.ones((1, len(judged))), times])  # the first: every question once
    total = np.zeros(len(weights))
    for runs in picked:
        expected = np.array([run.expected for run in runs])
        given = np.array([run.verdict or "" for run in runs])
        scores = []
        for verdict in _VERDICTS:
            hits = weights @ ((expected == verdict) & (given == verdict))
            wrong = weights @ ((expected == verdict) != (given == verdict))
            if (expected == verdict).any():
                scores.append(2 * hits / np.maximum(2 * hits + wrong, 1e-12))
        total += np.mean(scores, axis=0)
    f1 = total / seeds
    outside = 100 * (1 - CONFIDENCE) / 2
    low, high = np.percentile(f1[1:], [outside, 100 - outside])
    return Level(temperature, float(f1[0]), Interval(float(low), float(high)))


def _baselines(judged: Sequence[Mapping[float, _Seeds]]) -> tuple[Baseline, ...]:
    """Always the commonest verdict; and guesses by the classes' shares, in expectation."""
    expected = [next(iter(runs.values()))[0].expected for runs in judged]
    shares = np.array([expected.count(verdict) for verdict in _VERDICTS]) / len(expected)
    there = int((shares > 0).sum())
    most = float(shares.max())
    # Guessing class c with its share p: precision p, recall p, so F1 p; of one class always: precision p, recall 1.
    return (
        Baseline("always the commonest", most, 2 * most / (1 + most) / there),
        Baseline("at random, by shares", float((shares**2).sum()), float(shares.sum()) / there),
    )
