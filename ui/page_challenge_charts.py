"""Pictures of figures: a dot and its interval a system, and a bar a topic. Everything in them stands in a table too."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pubmed_rag.ui.highlight import clean, clip
from pubmed_rag.ui.messages import say
from pubmed_rag.ui.page_charts import on_canvas

if TYPE_CHECKING:
    import altair as alt

PICKED = "topic"
"""The name of the selection in the picture of topics."""

_GAIN, _LOSS, _NONE = "#0f9488", "#d1495b", "#8a8f98"
_ROW, _AXIS = 34, 56
"""Pixels: a row, and what the axis and its title take below the rows."""
_LONGEST_LABEL = 60


@dataclass(frozen=True, slots=True)
class Dot:
    """A row: the value, and its interval where there is one. A ``firm`` dot is filled, another is hollow."""

    label: str
    value: float
    low: float | None = None
    high: float | None = None
    firm: bool = True


@dataclass(frozen=True, slots=True)
class Bar:
    """A topic: by how much one system is better than another on it."""

    topic_id: str
    text: str
    difference: float


def dots_chart(dots: Sequence[Dot], measure: str, description: str, *, zero: bool = False) -> alt.Chart:
    """A dot and a whisker a row, in the order given. ``zero`` draws the line of no difference."""
    import altair as alt
    import pandas as pd

    frame = pd.DataFrame(
        {
            "label": [clip(clean(dot.label), _LONGEST_LABEL) for dot in dots],
            "value": [dot.value for dot in dots],
            "low": [dot.value if dot.low is None else dot.low for dot in dots],
            "high": [dot.value if dot.high is None else dot.high for dot in dots],
            "interval": ["" if d.low is None or d.high is None else f"{d.low:.3f} … {d.high:.3f}" for d in dots],
            "firm": [dot.firm for dot in dots],
        }
    )
    rows = alt.Y(
        "label:N",
        sort=list(dict.fromkeys(frame["label"])),
        title=None,
        axis=alt.Axis(labelLimit=190, labelOverlap=False, ticks=False, domain=False, labelPadding=8),
    )
    scale = alt.Scale(zero=zero, nice=True, padding=12)
    tooltip = [
        alt.Tooltip("label:N", title=say("System")),
        alt.Tooltip("value:Q", title=measure, format=".3f"),
        alt.Tooltip("interval:N", title=say("95 % interval")),
    ]
    base = alt.Chart(frame).encode(y=rows, tooltip=tooltip)
    dot: Any = {"size": 110, "opacity": 1, "stroke": _GAIN, "strokeWidth": 2}
    layers = [
        base.mark_rule(strokeWidth=2.5, color=_GAIN, opacity=0.75).encode(
            x=alt.X("low:Q", title=measure, scale=scale, axis=alt.Axis(tickCount=5)), x2="high:Q"
        ),
        base.transform_filter("datum.firm").mark_point(**dot, fill=_GAIN).encode(x="value:Q"),
        base.transform_filter("!datum.firm").mark_point(**dot, fill="transparent").encode(x="value:Q"),
    ]
    if zero:
        line = alt.Chart(pd.DataFrame({"zero": [0.0]}))
        layers.insert(0, line.mark_rule(strokeDash=[4, 3], color=_NONE).encode(x="zero:Q"))
    chart: Any = alt.layer(*layers).properties(height=_ROW * len(dots) + _AXIS, description=description)
    return on_canvas(chart)


def bars_chart(bars: Sequence[Bar], measure: str, description: str) -> alt.Chart:
    """A bar a topic, sorted as given; one can be chosen by pointing at or near it."""
    import altair as alt
    import pandas as pd

    kinds = {1: say("better"), -1: say("worse"), 0: say("no difference")}
    frame = pd.DataFrame(
        {
            "topic": [bar.topic_id for bar in bars],
            "text": [clip(clean(bar.text), 200) for bar in bars],
            "place": range(1, len(bars) + 1),
            "difference": [bar.difference for bar in bars],
            "kind": [kinds[(bar.difference > 0) - (bar.difference < 0)] for bar in bars],
        }
    )
    picked = alt.selection_point(name=PICKED, fields=["topic"], nearest=True, on="click", clear=False)
    chart: alt.Chart = (
        alt.Chart(frame, height=320, description=description)
        .mark_bar(width={"band": 0.9}, minBandSize=1, cursor="pointer")
        .encode(
            x=alt.X("place:O", title=say("Topics, most gained first"), axis=alt.Axis(labels=False, ticks=False)),
            y=alt.Y("difference:Q", title=measure, axis=alt.Axis(tickCount=5)),
            color=alt.Color(
                "kind:N",
                scale=alt.Scale(domain=list(kinds.values()), range=[_GAIN, _LOSS, _NONE]),
                legend=alt.Legend(orient="bottom", title=None),
            ),
            opacity=alt.condition(picked, alt.value(1.0), alt.value(0.55), empty=True),
            tooltip=[
                alt.Tooltip("topic:N", title=say("Topic")),
                alt.Tooltip("text:N", title=say("Text")),
                alt.Tooltip("difference:Q", title=measure, format="+.3f"),
            ],
        )
        .add_params(picked)
    )
    return on_canvas(chart)
