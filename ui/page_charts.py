"""Charts. They take their colours of text and axes from the page's theme."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pubmed_rag.ui.messages import say

if TYPE_CHECKING:
    import altair as alt

YEARS = "years"
"""The name of the selection in a chart that can be brushed."""

_ACCENT = "#0f9488"
_HALF_A_BAR = 0.4
"""Years."""


def years_chart(years: tuple[tuple[int, int], ...], *, brush: bool = False) -> alt.Chart:
    """Articles by year, a bar each. With ``brush`` a stretch of years can be chosen by drawing over it."""
    import altair as alt
    import pandas as pd

    frame = pd.DataFrame(years, columns=["shown", "articles"])
    frame["year"], frame["to"] = frame["shown"] - _HALF_A_BAR, frame["shown"] + _HALF_A_BAR
    frame["none"] = 0
    first, last = years[0][0], years[-1][0]
    bars: alt.Chart = (
        alt.Chart(frame, height=140, description=say("Articles by year"))
        .mark_bar(color=_ACCENT)  # from year to year, so that bars are as wide as the screen lets them be
        .encode(
            x=alt.X(
                "year:Q",
                title=None,
                scale=alt.Scale(domain=[first - 0.6, last + 0.6], nice=False),
                axis=alt.Axis(format="d", tickMinStep=1, grid=False),
            ),
            x2="to:Q",
            y2="none:Q",  # bars with two ends stand on nothing by themselves
            y=alt.Y("articles:Q", title=None, scale=alt.Scale(zero=True), axis=alt.Axis(tickMinStep=1, tickCount=3)),
            tooltip=[
                alt.Tooltip("shown:Q", title=say("Year"), format="d"),
                alt.Tooltip("articles:Q", title=say("Articles")),
            ],
        )
    )
    if not brush:
        return bars
    brushed: alt.Chart = on_canvas(bars.add_params(alt.selection_interval(name=YEARS, encodings=["x"])))
    return brushed


def on_canvas(chart: alt.Chart) -> alt.Chart:
    """``chart`` drawn as one picture with its description, instead of an SVG element a mark.

    Thousands of marks are drawn at once so, and what Vega adds for brushing has no name that a screen reader could
    say. Whatever can be pointed at in such a chart can be had beside it as well.
    """
    drawn: alt.Chart = chart.properties(usermeta={"embedOptions": {"renderer": "canvas"}})
    return drawn
