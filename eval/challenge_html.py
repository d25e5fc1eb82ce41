"""A challenge's report as one HTML file: no script, nothing fetched, light and dark, wide and narrow."""

from __future__ import annotations

from html import escape

from pubmed_rag.eval.challenge_records import ChallengeResult, CollectionResult
from pubmed_rag.eval.challenge_report import (
    CAUSES_NOTE,
    FAMILY,
    answer,
    care,
    causes_table,
    collection_sentence,
    failure_table,
    failure_title,
    glance_table,
    groups_table,
    headline_points,
    measures_used,
    paragraphs,
    systems_declared,
)
from pubmed_rag.eval.charts import Dot, dot_plot
from pubmed_rag.eval.failures import Failure
from pubmed_rag.eval.report import (
    INTERVAL,
    METHOD,
    comparisons_table,
    latency_note,
    provenance_table,
    signed,
    systems_table,
)
from pubmed_rag.eval.report_html import (
    FIRM,
    differences_plot,
    html_figure,
    html_list,
    html_page,
    html_table,
    systems_plot,
    topic_differences,
)
from pubmed_rag.eval.statistics import FEWEST, Interval

_GROUPS = "Filled: the interval leaves out 0; it stands by itself, not corrected for the number of groups."


def challenge_html(result: ChallengeResult) -> str:
    """The whole report. Everything that comes from data is escaped."""
    body = [f"<h1>{escape(result.config.title)}</h1>"]
    body += [f"<p>{escape(paragraph)}</p>" for paragraph in paragraphs(result.config.about)]
    body += [
        "<h2>Answer</h2>",
        html_list(answer(result)),
        html_table(glance_table(result)) if result.headlines() else "",
        _headline_plot(result),
        "<h3>How sure</h3>",
        _points(result),
    ]
    body += ["<h2>Systems</h2>", html_table(systems_declared(result))]
    for found in result.collections:
        body += _collection(found, result.with_texts)
    body += [
        "<h2>How to read the differences</h2>",
        f"<p>{escape(METHOD)} {escape(FAMILY)}</p>",
        "<h2>Read with care</h2>",
        html_list(care(result)),
        "<h2>Measures</h2>",
        html_list(measures_used(result)),
    ]
    footer = ["<h2>How this was made</h2>"]
    for found in result.collections:
        footer += [f"<h3>{escape(found.spec.name)}</h3>", html_table(provenance_table(found.evaluation), "facts")]
    return html_page(result.config.title, "\n".join(body), "\n".join(footer))


def _points(result: ChallengeResult) -> str:
    items = [f"<li>{escape(sentence)}{html_list(reasons)}</li>" for sentence, reasons in headline_points(result)]
    return f"<ul>{''.join(items)}</ul>" if items else ""


def _headline_plot(result: ChallengeResult) -> str:
    """One plot a primary measure: differences in different measures have no common scale."""
    plots = []
    for measure in dict.fromkeys(comparison.measure for _, comparison in result.headlines()):
        pairs = [(found, c) for found, c in result.headlines() if c.measure == measure]
        dots = [
            _dot(
                f"{found.spec.name}: {c.system} vs {c.baseline}",
                c.difference,
                c.interval,
                c.verdict != "no difference shown",
                () if c.interval else topic_differences(found.evaluation, c.baseline, c.system),
            )
            for found, c in pairs
        ]
        few = "" if all(c.interval for _, c in pairs) else f" Strokes: single topics, where fewer than {FEWEST}."
        caption = f"Difference in {measure}" + (f" with its {INTERVAL}" if any(c.interval for _, c in pairs) else "")
        plots.append(html_figure(dot_plot(dots, caption=caption, form=signed, zero=True), f"{caption}. {FIRM}{few}"))
    return "\n".join(plots)


def _collection(found: CollectionResult, with_texts: bool) -> list[str]:
    evaluation = found.evaluation
    body = [
        f"<h2>{escape(found.spec.name)}</h2>",
        f"<p>{escape(collection_sentence(found))}</p>",
        systems_plot(evaluation),
        html_table(systems_table(evaluation)),
        f'<p class="note">{escape(latency_note(evaluation))}</p>',
    ]
    if evaluation.comparisons:
        body += [
            "<h3>Differences</h3>",
            differences_plot(evaluation),
            html_table(comparisons_table(evaluation)),
        ]
    if found.group_results:
        body += ["<h3>By kind of query</h3>", _groups_plot(found), html_table(groups_table(found))]
    if found.causes:
        body += ["<h3>Why they differ</h3>", f"<p>{escape(CAUSES_NOTE)}</p>", html_table(causes_table(found), "wrap")]
    if found.failures and with_texts:
        body += ["<h3>Where the two differ most</h3>", *(_failure(failure) for failure in found.failures)]
    return body


def _groups_plot(found: CollectionResult) -> str:
    first = found.group_results[0]
    pair = (first.baseline, first.system)
    dots = [
        _dot(
            f"{r.dimension}: {r.group} ({r.topics:,} topics)",
            r.difference,
            r.interval,
            r.interval is not None and not r.interval.low <= 0.0 <= r.interval.high,
        )
        for r in found.group_results
        if (r.baseline, r.system) == pair
    ]
    caption = f"{pair[1]} against {pair[0]} by kind of query: difference in {found.evaluation.primary.name}"
    return html_figure(dot_plot(dots, caption=caption, form=signed, zero=True), f"{caption}. {_GROUPS}")


def _failure(failure: Failure) -> str:
    return (
        f"<details><summary>{escape(failure_title(failure))}</summary>"
        f"{html_table(failure_table(failure), 'sides')}{html_list(failure.reasons)}</details>"
    )


def _dot(label: str, value: float, interval: Interval | None, firm: bool, singles: tuple[float, ...] = ()) -> Dot:
    low, high = (interval.low, interval.high) if interval else (None, None)
    return Dot(label, value, low, high, firm, singles)
