"""SVG files that stand alone: well-formed, everything inside the frame, and axes that people can read."""

from __future__ import annotations

import xml.etree.ElementTree as ET

from hypothesis import given
from hypothesis import strategies as st

from pubmed_rag.eval.plots import Line, Panel, Point, panels_svg, ticks

NAMESPACE = "{http://www.w3.org/2000/svg}"
unit = st.floats(0, 1, allow_nan=False)


@given(st.lists(st.tuples(unit, unit), min_size=1, max_size=6), st.text(max_size=20).filter(str.isprintable))
def test_every_point_is_inside_whatever_the_label(points: list[tuple[float, float]], label: str) -> None:
    line = Line(label, tuple(Point(x, y, max(0, y - 0.1), min(1, y + 0.1)) for x, y in points))
    panel = Panel("P & <Q>", "x", (line, line), levels=(("level", 0.5),), spots=(("here", Point(0.9, 0.1)),))
    drawn = ET.fromstring(panels_svg([panel, panel], caption="<caption>"))
    assert drawn.find(f"{NAMESPACE}title").text == "<caption>"  # type: ignore[union-attr]
    for polyline in drawn.iter(f"{NAMESPACE}polyline"):
        for pair in polyline.attrib["points"].split():
            x, y = map(float, pair.split(","))
            assert 40 <= x <= 420
            assert 30 <= y <= 260


def test_a_point_lies_where_its_value_says() -> None:
    panel = Panel("p", "x", (Line("l", (Point(0.0, 0.0), Point(1.0, 1.0)), marked=False),))
    drawn = ET.fromstring(panels_svg([panel], caption="c"))
    line = next(drawn.iter(f"{NAMESPACE}polyline")).attrib["points"]
    assert line == "52.0,256.0 404.0,34.0"
    assert list(drawn.iter(f"{NAMESPACE}circle")) == []


@given(st.floats(-100, 100), st.floats(0.01, 1000))
def test_ticks_are_few_round_and_inside(low: float, width: float) -> None:
    found = ticks(low, low + width)
    assert 1 <= len(found) <= 8
    assert all(low - width * 1e-6 <= tick <= low + width * 1.000001 for tick in found)


def test_ticks_of_a_share() -> None:
    assert ticks(0.0, 1.0) == [0.0, 0.2, 0.4, 0.6, 0.8, 1.0]
