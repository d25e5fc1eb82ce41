"""The report as one HTML file: no script, nothing fetched, light and dark, wide and narrow."""

from __future__ import annotations

from collections.abc import Iterable
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
    measure_notes,
    plain,
    provenance_table,
    signed,
    systems_table,
    title,
    topics_table,
    verdicts,
)

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
    dots = [
        Dot(
            system.name,
            system.scores.mean(evaluation.primary.name),
            system.interval.low if system.interval else None,
            system.interval.high if system.interval else None,
        )
        for system in evaluation.systems
    ]
    caption = f"{evaluation.primary.name} of each system with its {INTERVAL}"
    note = "Intervals that overlap do not mean that systems are equal: each topic is compared with itself below."
    return html_figure(dot_plot(dots, caption=caption, form=plain), f"{caption}. {note}")


def _differences(evaluation: Evaluation) -> str:
    if not evaluation.comparisons:
        return ""
    dots = [
        Dot(
            f"{comparison.system} vs {comparison.baseline}",
            comparison.difference,
            comparison.interval.low if comparison.interval else None,
            comparison.interval.high if comparison.interval else None,
            firm=comparison.verdict != "no difference shown",
        )
        for comparison in evaluation.comparisons
    ]
    caption = f"Difference in {evaluation.primary.name} with its {INTERVAL}"
    plot = dot_plot(dots, caption=caption, form=signed, zero=True)
    note = "Filled: a difference is shown. Hollow: none is. The dashed line is no difference."
    return (
        f"<h2>Differences</h2>\n{html_figure(plot, f'{caption}. {note}')}\n"
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
