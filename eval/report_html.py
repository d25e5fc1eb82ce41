"""The report as one HTML file: no script, nothing fetched, light and dark, wide and narrow."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from importlib import resources

from pubmed_rag.eval.charts import Dot, dot_plot
from pubmed_rag.eval.records import Evaluation
from pubmed_rag.eval.report import (
    INTERVAL,
    METHOD,
    Table,
    comparisons_table,
    introduction,
    latency_note,
    measure_notes,
    plain,
    provenance_table,
    signed,
    systems_table,
    title,
    topics_table,
    verdicts,
)
from pubmed_rag.eval.statistics import FEWEST, Interval

FIRM = "Filled: a difference is shown. Hollow: none is. The dashed line is no difference."

_NOTHING_FETCHED = "default-src 'none'; style-src 'unsafe-inline'"


def report_html(evaluation: Evaluation) -> str:
    """The whole report. Everything that comes from data is escaped."""
    name = title(evaluation)
    body = f"""<h1>{escape(name)}</h1>
<p>{escape(introduction(evaluation))}</p>
{html_list(verdicts(evaluation))}
<h2>Systems</h2>
{systems_plot(evaluation)}
{html_table(systems_table(evaluation))}
<p class="note">{escape(latency_note(evaluation))}</p>
{_differences(evaluation)}
<h2>Topics with the largest differences</h2>
<p class="note">By {escape(evaluation.primary.name)}, between the best and the worst system.</p>
{html_table(topics_table(evaluation), "wide")}
<h2>Read with care</h2>
{html_list(evaluation.left_out) if evaluation.left_out else "<p>Nothing was left out.</p>"}
<h2>Measures</h2>
{html_list(measure_notes(evaluation))}"""
    footer = f"""<h2>How this was made</h2>
{html_table(provenance_table(evaluation), "facts")}"""
    return html_page(name, body, footer)


def html_page(name: str, body: str, footer: str) -> str:
    """A whole page of ``body`` and ``footer``, which are HTML, under the title ``name``, which is text."""
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="{_NOTHING_FETCHED}">
<title>{escape(name)}</title>
<style>
{resources.files("pubmed_rag.eval").joinpath("report.css").read_text(encoding="utf-8")}</style>
</head>
<body>
<main>
{body}
</main>
<footer>
{footer}
</footer>
</body>
</html>
"""


def systems_plot(evaluation: Evaluation) -> str:
    """Each system's mean of the primary measure with its interval."""
    name = evaluation.primary.name
    dots = [
        _with_interval(system.name, system.scores.mean(name), system.interval, system.scores.values[name])
        for system in evaluation.systems
    ]
    caption = f"{name} of each system {_whiskers(evaluation)}"
    note = "Overlap does not mean that systems are equal: each topic is compared with itself below."
    return html_figure(dot_plot(dots, caption=caption, form=plain), f"{caption}. {note}")


def differences_plot(evaluation: Evaluation) -> str:
    """Each comparison's difference with its interval, or with the single topics where they are too few for one."""
    dots = [
        _with_interval(
            f"{c.system} vs {c.baseline}",
            c.difference,
            c.interval,
            topic_differences(evaluation, c.baseline, c.system),
            firm=c.verdict != "no difference shown",
        )
        for c in evaluation.comparisons
    ]
    caption = f"Difference in {evaluation.primary.name} {_whiskers(evaluation)}"
    plot = dot_plot(dots, caption=caption, form=signed, zero=True)
    return html_figure(plot, f"{caption}. {FIRM}")


def topic_differences(evaluation: Evaluation, baseline: str, system: str) -> tuple[float, ...]:
    """System minus baseline by the primary measure, topic by topic."""
    values = {result.name: result.scores.values[evaluation.primary.name] for result in evaluation.systems}
    return tuple(after - before for before, after in zip(values[baseline], values[system], strict=True))


def _with_interval(
    label: str, value: float, interval: Interval | None, singles: Sequence[float], *, firm: bool = True
) -> Dot:
    if interval is None:
        return Dot(label, value, None, None, firm, tuple(singles))
    return Dot(label, value, interval.low, interval.high, firm)


def _whiskers(evaluation: Evaluation) -> str:
    if len(evaluation.topics) < FEWEST:
        return f"and the single topics as strokes: {len(evaluation.topics)} are too few for an interval"
    return f"with its {INTERVAL}"


def _differences(evaluation: Evaluation) -> str:
    if not evaluation.comparisons:
        return ""
    figure = differences_plot(evaluation)
    return (
        f"<h2>Differences</h2>\n{figure}\n"
        + f"{html_table(comparisons_table(evaluation))}\n"
        + (f'<p class="note">{escape(METHOD)}</p>')
    )


def html_figure(svg: str, caption: str) -> str:
    """A plot with its caption, which is text."""
    return f"<figure>{svg}<figcaption>{escape(caption)}</figcaption></figure>"


def html_list(items: Iterable[str]) -> str:
    """A list of texts."""
    return "<ul>" + "".join(f"<li>{escape(item)}</li>" for item in items) + "</ul>"


def html_table(table: Table, kind: str = "") -> str:
    """A table in a box that scrolls; ``kind`` is its class."""
    if not table.rows:
        return "<p>None.</p>"

    def row(tag: str, cells: tuple[str, ...]) -> str:
        kinds = (' class="number"' if column >= table.numbers_from else "" for column in range(len(cells)))
        return (
            "<tr>"
            + "".join(f"<{tag}{k}>{escape(cell)}</{tag}>" for k, cell in zip(kinds, cells, strict=True))
            + "</tr>"
        )

    body = "\n".join(row("td", cells) for cells in table.rows)
    # A box that scrolls must be reachable by keyboard.
    head = row("th", table.header)
    return (
        f'<div class="scroll" tabindex="0"><table class="{kind}">\n'
        f"<thead>{head}</thead>\n<tbody>\n{body}\n</tbody>\n</table></div>"
    )
