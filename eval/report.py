"""The words of a report, shared by its two forms, and the Markdown form."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from pubmed_rag.eval.records import Evaluation, SystemResult
from pubmed_rag.eval.statistics import ALPHA, CONFIDENCE, FEWEST, Comparison, Interval

INTERVAL = f"{CONFIDENCE:.0%} interval"
_MINUS = "\N{MINUS SIGN}"
_SMALLEST_P = 0.001
_MOST_DIFFERENT = 10


@dataclass(frozen=True, slots=True)
class Table:
    """Cells as plain text; both forms escape them. Columns from ``numbers_from`` on hold numbers."""

    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    numbers_from: int = 1


def report_markdown(evaluation: Evaluation) -> str:
    """The whole report as Markdown."""
    sections = [
        f"# {markdown_text(title(evaluation))}",
        markdown_text(introduction(evaluation)),
        "## What the comparison shows",
        markdown_list(verdicts(evaluation)),
        "## Systems",
        markdown_table(systems_table(evaluation)),
        markdown_text(latency_note(evaluation)),
        "## Differences",
        markdown_table(comparisons_table(evaluation)),
        markdown_text(METHOD),
        "## Topics with the largest differences",
        markdown_table(topics_table(evaluation)),
        "## Read with care",
        markdown_list(evaluation.left_out) if evaluation.left_out else "Nothing was left out.",
        "## Measures",
        markdown_list(measure_notes(evaluation)),
        "## How this was made",
        markdown_table(provenance_table(evaluation)),
    ]
    return "\n\n".join(sections) + "\n"


METHOD = (
    f"Intervals: symmetric studentised bootstrap over topics, {CONFIDENCE:.0%}, each by itself. "
    "p: paired randomisation test, two-sided, Holm-corrected for all comparisons of this table. "
    f"A difference is claimed only where p is below {ALPHA} and the interval leaves out 0. "
    f"With fewer than {FEWEST} topics there is no interval, but the range of the single topics in its place, and p is "
    "exact and decides alone. "
    "Effect size: Cohen's d of the paired differences."
)
"""How to read the table of differences."""


def title(evaluation: Evaluation) -> str:
    """One line that names systems and data."""
    names = [system.name for system in evaluation.systems]
    listed = names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
    return f"{listed} on {evaluation.dataset}, {evaluation.split}"


def introduction(evaluation: Evaluation) -> str:
    """What was done, in one or two sentences."""
    count = len(evaluation.topics)
    topics = "one topic" if count == 1 else f"{count:,} topics"
    return (
        f"Each system was asked for the first {evaluation.provenance.depth} documents for {topics}; "
        f"systems compare by {evaluation.primary.name}."
    )


def verdicts(evaluation: Evaluation) -> list[str]:
    """One sentence a comparison, claiming no more than the statistics carry."""
    if not evaluation.comparisons:
        return ["One system was run, so there is nothing to compare."]
    return [verdict_sentence(comparison) for comparison in evaluation.comparisons]


def verdict_sentence(comparison: Comparison) -> str:
    """ "hybrid is better than bm25: +0.048 nDCG@10 [+0.038, +0.058], p_Holm < 0.001 (210 won, 505 tied, 94 lost)"."""
    if comparison.verdict == "no difference shown":
        claim = f"No difference shown between {comparison.system} and {comparison.baseline}"
    else:
        claim = f"{comparison.system} is {comparison.verdict} than {comparison.baseline}"
    return (
        f"{claim}: {signed(comparison.difference)} {comparison.measure} {spread_text(comparison)}, "
        f"p_Holm {p_text(comparison.p_holm, relation=True)} "
        f"({comparison.wins:,} topics won, {comparison.ties:,} tied, {comparison.losses:,} lost)."
    )


def systems_table(evaluation: Evaluation) -> Table:
    """One row a system; the primary measure comes first and carries its interval."""
    measures = [evaluation.primary, *(m for m in evaluation.measures if m != evaluation.primary)]
    header = ("system", *(m.name for m in measures), "no result", "median ms", "p95 ms")
    return Table(header, tuple(_system_row(system, [m.name for m in measures]) for system in evaluation.systems))


def latency_note(evaluation: Evaluation) -> str:
    """What the milliseconds were measured on, and whether other work slowed it down."""
    facts = [system.run for system in evaluation.systems if system.run.machine and not _is_recorded(system)]
    if all(_is_recorded(system) for system in evaluation.systems):
        return "Runs made elsewhere have no latency."
    if not facts:
        return "Latency: wall time of one search at a time; the machine was not recorded."
    machines = " and ".join(dict.fromkeys(fact.machine for fact in facts))
    loads = [value for fact in facts for value in fact.load if value is not None]
    busy = f"; load average meanwhile {min(loads):.1f} to {max(loads):.1f}, this work included" if loads else ""
    written = any("generator" in fact.configuration for fact in facts)
    return f"Latency: wall time of one search at a time, after one that is not timed, on {machines}{busy}." + (
        " Where a language model writes the query, writing is part of it unless it was kept from before." * written
    )


def comparisons_table(evaluation: Evaluation) -> Table:
    """One row a comparison."""
    header = ("systems", "verdict", "difference", INTERVAL, "p", "p Holm", "effect size", "won", "tied", "lost")
    rows = tuple(
        (
            f"{c.system} vs {c.baseline}",
            c.verdict,
            signed(c.difference),
            spread_text(c),
            p_text(c.p),
            p_text(c.p_holm),
            "-" if c.effect_size is None else signed(c.effect_size, 2),
            f"{c.wins:,}",
            f"{c.ties:,}",
            f"{c.losses:,}",
        )
        for c in evaluation.comparisons
    )
    return Table(header, rows, numbers_from=2)


def topics_table(evaluation: Evaluation) -> Table:
    """The topics on which best and worst system lie furthest apart by the primary measure."""
    values = [system.scores.values[evaluation.primary.name] for system in evaluation.systems]
    spreads = [max(row) - min(row) for row in zip(*values, strict=True)]
    order = sorted((i for i, spread in enumerate(spreads) if spread > 0), key=lambda i: -spreads[i])[:_MOST_DIFFERENT]
    rows = tuple(
        (evaluation.topics[i].id, evaluation.topics[i].text, *(f"{column[i]:.3f}" for column in values)) for i in order
    )
    return Table(("topic", "text", *(system.name for system in evaluation.systems)), rows, numbers_from=2)


def measure_notes(evaluation: Evaluation) -> list[str]:
    """What each measure means."""
    return [f"{measure.name}: {measure.meaning}." for measure in evaluation.measures]


def provenance_table(evaluation: Evaluation) -> Table:
    """What a figure of this report carries with it. Facts that all systems share stand once."""
    made = evaluation.provenance
    shared, own = _split_configurations(evaluation.systems)
    rows = [
        ("runs made", made.date),
        ("commit", made.commit or "not known"),
        ("ranking code", made.code),
        ("seed", f"{made.seed} ({made.resamples:,} resamples)"),
        ("corpus", f"sha256 {made.corpus_digest}"),
        ("topics", f"sha256 {made.topics_digest}"),
        ("qrels", f"sha256 {made.qrels_digest}"),
        *shared,
        *own,
        ("measured with", ", ".join(f"{name} {version}" for name, version in made.versions.items())),
        ("machine", f"Python {made.python}, {made.platform}"),
    ]
    return Table(("what", "value"), tuple(rows), numbers_from=2)


def signed(value: float, decimals: int = 3) -> str:
    """``+0.048``, ``-0.012`` with a typographic minus; what rounds to 0 has no sign."""
    text = f"{value:+.{decimals}f}"
    return text[1:] if float(text) == 0 else text.replace("-", _MINUS)


def plain(value: float) -> str:
    """A value of a measure."""
    return f"{value:.3f}"


def _system_row(system: SystemResult, measures: Sequence[str]) -> tuple[str, ...]:
    first, *others = measures
    return (
        system.name,
        f"{plain(system.scores.mean(first))} {_reach(system, first)}",
        *(plain(system.scores.mean(measure)) for measure in others),
        f"{system.without_results:,}",
        *(("-", "-") if _is_recorded(system) else (f"{system.median_ms:.1f}", f"{system.p95_ms:.1f}")),
    )


def _is_recorded(system: SystemResult) -> bool:
    """Whether it is a run file made elsewhere: reading that is no search, so its time means nothing."""
    return system.run.configuration.get("kind") == "recorded"


def _split_configurations(systems: Iterable[SystemResult]) -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
    configurations = {system.name: system.run.configuration for system in systems}
    common = set.intersection(*(set(c.items()) for c in configurations.values()))
    first = next(iter(configurations.values()))
    shared = [(key, value) for key, value in first.items() if (key, value) in common and key != "code"]
    own = [
        (f"system {name}", ", ".join(f"{key} {value}" for key, value in c.items() if (key, value) not in common))
        for name, c in configurations.items()
    ]
    return shared, [(name, facts) for name, facts in own if facts]


def interval_text(interval: Interval, write: Callable[[float], str]) -> str:
    """``[low, high]``."""
    return f"[{write(interval.low)}, {write(interval.high)}]"


def spread_text(comparison: Comparison) -> str:
    """The interval of a difference, or with too few topics for one ``(topics -0.114 to -0.027)``."""
    if comparison.interval is not None:
        return interval_text(comparison.interval, signed)
    if comparison.lowest is None or comparison.highest is None:
        return "(no interval)"
    return _range_text(comparison.lowest, comparison.highest, signed)


def _reach(system: SystemResult, measure: str) -> str:
    if system.interval is not None:
        return interval_text(system.interval, plain)
    values = system.scores.values[measure]
    return _range_text(min(values), max(values), plain)


def _range_text(lowest: float, highest: float, write: Callable[[float], str]) -> str:
    return f"(topics {write(lowest)} to {write(highest)})"


def p_text(value: float, *, relation: bool = False) -> str:
    """``0.012`` or ``< 0.001``; with ``relation``, ``= 0.012``."""
    if value < _SMALLEST_P:
        return f"< {_SMALLEST_P}"
    return f"= {value:.3f}" if relation else f"{value:.3f}"


def markdown_text(text: str) -> str:
    """``text`` on one line, with nothing in it that Markdown or HTML would act on."""
    for mark in "\\`*_[]<>|#":
        text = text.replace(mark, f"\\{mark}" if mark not in "<>" else {"<": "&lt;", ">": "&gt;"}[mark])
    return " ".join(text.split())


def markdown_list(items: Iterable[str]) -> str:
    """A list of texts."""
    return "\n".join(f"- {markdown_text(item)}" for item in items)


def markdown_table(table: Table) -> str:
    """A table; \"None.\" where it has no row."""
    if not table.rows:
        return "None."
    rule = ["---" if column < table.numbers_from else "---:" for column in range(len(table.header))]
    lines = [
        [markdown_text(cell) for cell in table.header],
        rule,
        *([markdown_text(cell) for cell in row] for row in table.rows),
    ]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
