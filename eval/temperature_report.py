"""A study of temperature in words, tables and a plot, and the files that hold them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path

import msgspec

from pubmed_rag.core.files import write_text
from pubmed_rag.eval.plots import Line, Panel, Point, panels_svg
from pubmed_rag.eval.report import (
    INTERVAL,
    Table,
    markdown_list,
    markdown_table,
    markdown_text,
    p_text,
    plain,
    signed,
)
from pubmed_rag.eval.statistics import Interval
from pubmed_rag.eval.temperature import Study
from pubmed_rag.eval.temperature_measures import Level, StudyMeasures, Trend

_FEW = 30
METHOD = (
    "Each question counts once, with the mean over its seeds; at temperature 0 there is one run. Intervals: "
    "studentised bootstrap over questions, 95 %; of macro-F1, percentiles. Trend: each question's least-squares "
    "slope, tested against random signs and Holm-corrected over all trends of the table. A trend is claimed only "
    "where p is below 0.05 and the interval of the slope leaves out 0."
)


def write_study(study: Study, measures: StudyMeasures, out: Path) -> None:
    """``temperature.csv`` (a row a measure and temperature), ``temperature.json``, ``runs.csv`` (a row a run),
    ``temperature.svg`` and ``report.md``."""
    import pandas as pd

    write_text(out / "temperature.csv", pd.DataFrame(_rows(measures)).to_csv(index=False, lineterminator="\n"))
    runs = [
        {
            **{name: getattr(run, name) for name in run.__slots__ if name not in ("written", "cited")},
            "cited": " ".join(run.cited),
            **(asdict(run.written) if run.written else {}),
        }
        for run in study.runs
    ]
    write_text(out / "runs.csv", pd.DataFrame(runs).to_csv(index=False, lineterminator="\n"))
    whole = study_json(study, measures)
    write_text(out / "temperature.json", msgspec.json.format(msgspec.json.encode(whole), indent=1).decode() + "\n")
    if study.runs:
        write_text(out / "temperature.svg", study_svg(study, measures))
    write_text(out / "report.md", study_markdown(study, measures))


def study_json(study: Study, measures: StudyMeasures) -> dict[str, object]:
    """The study without its single runs."""
    return {
        "name": study.name,
        "temperatures": study.temperatures,
        "seeds": study.seeds,
        "questions": study.questions,
        "refused": study.refused,
        "findings": findings(study, measures),
        "measures": measures.trends,
        "baselines": measures.baselines,
        "configuration": study.configuration,
    }


def findings(study: Study, measures: StudyMeasures) -> list[str]:
    """Steadier? Less wrong? One sentence each, claiming no more than the tests carry."""
    if not study.runs:
        return ["No question had evidence enough for the model to be asked."]
    asked = (
        ("steadier", ("text changed", "verdict changed"), "falls", "rises"),
        ("closer to the evidence", ("sentences supported", "words in the evidence"), "rises", "falls"),
        ("less wrong", ("sentences with an invented figure",), "falls", "rises"),
        ("right more often", ("verdict accuracy",), "rises", "falls"),
    )
    found = []
    for claim, names, _, worsens in asked:
        for trend in filter(None, (measures.trend(name) for name in names)):
            first, last = trend.levels[0], trend.levels[-1]
            moved = f"{trend.measure} {plain(first.value)} at {first.temperature:g}, {plain(last.value)} at "
            moved += f"{last.temperature:g}"
            if trend.p_holm is None:
                continue
            test = f"p {p_text(trend.p_holm, relation=True)}"
            if trend.direction == "no trend shown":
                found.append(f"Not shown that lower is {claim}: {moved} ({test}).")
            elif trend.direction == worsens:
                found.append(f"Lower is {claim}: {moved} ({test}).")
            else:
                found.append(f"Lower is not {claim} but the contrary: {moved} ({test}).")
    found += [
        f"Verdicts given {baseline.name} would have accuracy {plain(baseline.accuracy)} and macro-F1 "
        f"{plain(baseline.macro_f1)}."
        for baseline in measures.baselines
    ]
    if study.questions < _FEW:
        there = "is only 1 question" if study.questions == 1 else f"are only {study.questions} questions"
        found.append(f"There {there}: small differences cannot show.")
    return found


def study_table(study: Study, measures: StudyMeasures) -> Table:
    """A row a measure: its level at each temperature, and the trend."""
    header = ("measure", *(f"{temperature:g}" for temperature in study.temperatures), "trend", "slope", "p Holm")
    rows = []
    for trend in measures.trends:
        cells = [_cell(trend.at(temperature)) for temperature in study.temperatures]
        slope = "-" if trend.slope is None else f"{signed(trend.slope)} {_between(trend.interval, signed)}"
        p = "-" if trend.p_holm is None else p_text(trend.p_holm)
        rows.append((trend.measure, *cells, "-" if trend.slope is None else trend.direction, slope, p))
    return Table(header, tuple(rows))


def study_markdown(study: Study, measures: StudyMeasures) -> str:
    """Findings, table, plot and how it was made."""
    refused = f"; {study.refused:,} more were refused before the model was asked" if study.refused else ""
    meanings = [f"{trend.measure}: {trend.meaning} ({trend.questions:,} questions)" for trend in measures.trends]
    parts = [
        f"# Temperature and answers to {markdown_text(study.name)}",
        f"{study.questions:,} questions, {study.seeds} seeds{refused}.",
        "## Does a lower temperature make answers steadier and less wrong?",
        markdown_list(findings(study, measures)),
        markdown_table(study_table(study, measures)),
        "![The same as a plot](temperature.svg)" if study.runs else "",
        f"Level with {INTERVAL}. {METHOD}",
        "## Measures",
        markdown_list(meanings) if meanings else "None.",
        "## How this was made",
        markdown_table(Table(("what", "value"), tuple(study.configuration.items()), numbers_from=2)),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def study_svg(study: Study, measures: StudyMeasures) -> str:
    """Four panels: steadiness, what becomes of the sentences, closeness to the evidence, verdicts."""
    span = max(study.temperatures[-1], 0.1)
    chosen = (
        ("Answers that change", ("text changed", "citations changed", "verdict changed"), ()),
        ("The model's own sentences", ("sentences supported", "sentences shown", "sentences replaced"), ()),
        (
            "Closeness to what is cited",
            ("words in the evidence", "similarity to the evidence", "sentences with an invented figure"),
            (),
        ),
        (
            "Verdicts and sources",
            ("verdict accuracy", "verdict macro-F1", "right article cited"),
            tuple((f"{b.name} (accuracy)", b.accuracy) for b in measures.baselines),
        ),
    )
    panels = [
        Panel(title, "temperature", lines, x_range=(-0.04 * span, 1.04 * span), levels=levels)
        for title, names, levels in chosen
        if (lines := _lines(measures, names))
    ]
    return panels_svg(panels, caption=f"Answers of a language model by temperature, {study.questions} questions")


def _lines(measures: StudyMeasures, names: Sequence[str]) -> tuple[Line, ...]:
    trends: list[Trend] = [trend for trend in map(measures.trend, names) if trend]
    return tuple(Line(trend.measure, tuple(_point(level) for level in trend.levels)) for trend in trends)


def _point(level: Level) -> Point:
    ends = level.interval
    return Point(level.temperature, level.value, ends.low if ends else None, ends.high if ends else None)


def _cell(level: Level | None) -> str:
    return "-" if level is None else f"{plain(level.value)} {_between(level.interval, plain)}"


def _between(interval: Interval | None, write: Callable[[float], str]) -> str:
    return f"[{write(interval.low)}, {write(interval.high)}]" if interval else "[too few questions]"


def _rows(measures: StudyMeasures) -> list[dict[str, object]]:
    return [
        {
            "measure": trend.measure,
            "temperature": level.temperature,
            "questions": trend.questions,
            "value": level.value,
            "low": level.interval.low if level.interval else None,
            "high": level.interval.high if level.interval else None,
            "slope": trend.slope,
            "p": trend.p,
            "p_holm": trend.p_holm,
            "trend": trend.direction,
        }
        for trend in measures.trends
        for level in trend.levels
    ]
