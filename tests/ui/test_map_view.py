"""How a map looks: colours for every eye, what is lit, and that texts of records stay texts."""

from __future__ import annotations

import itertools
import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pubmed_rag.index.concept_map import ConceptMap, MapGroup, MapPoint
from pubmed_rag.ui.map_view import PALETTE, PLAIN, YEARS, central, colouring, drawing, group_colours, name_of

VISIONS = {
    "full": np.eye(3),
    "protanopia": np.array(
        [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]]
    ),
    "deuteranopia": np.array(
        [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]]
    ),
    "tritanopia": np.array(
        [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]]
    ),
}
"""On linear RGB; Machado, Oliveira and Fernandes (2009), severity 1."""


def linear(colour: str) -> np.ndarray:
    part = np.array([int(colour[at : at + 2], 16) for at in (1, 3, 5)]) / 255
    return np.where(part <= 0.04045, part / 12.92, ((part + 0.055) / 1.055) ** 2.4)


def lab(rgb: np.ndarray) -> np.ndarray:
    """CIE L*a*b* of linear sRGB, D65."""
    to_xyz = np.array([[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.072175],
                       [0.0193339, 0.119192, 0.9503041]])  # fmt: skip
    xyz = to_xyz @ np.clip(rgb, 0, 1) / np.array([0.95047, 1.0, 1.08883])
    f = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


def contrast(colour: str, ground: str) -> float:
    weights = np.array([0.2126, 0.7152, 0.0722])
    low, high = sorted((float(weights @ linear(colour)), float(weights @ linear(ground))))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("vision", VISIONS)
def test_every_eye_tells_the_colours_apart(vision: str) -> None:
    seen = [lab(VISIONS[vision] @ linear(colour)) for colour in PALETTE]
    assert min(float(np.linalg.norm(a - b)) for a, b in itertools.combinations(seen, 2)) > 15


@pytest.mark.parametrize("ground", ["#ffffff", "#181714"])
def test_no_colour_is_swallowed_by_a_theme(ground: str) -> None:
    assert min(contrast(colour, ground) for colour in (*PALETTE, *YEARS, PLAIN)) > 1.85


def point(number: int, group: int = 0, year: int | None = 2000, kind: str = "Review", **more: float) -> MapPoint:
    place = {"x": number / 100, "y": -number / 100, **more}
    return MapPoint(f"a{number}", f"Title {number}", year, kind, place["x"], place["y"], group)


def a_map(points: list[MapPoint], groups: int = 2) -> ConceptMap:
    made = [
        MapGroup(n, (f"Term {n}", "More"), sum(point.group == n for point in points), n / 10, 0.0)
        for n in range(groups)
    ]
    return ConceptMap(2, "000001", len(points), tuple(points), tuple(made))


def test_groups_of_one_colour_lie_far_apart() -> None:
    groups = [MapGroup(n, ("T",), 1, n / 10, 0.0) for n in range(12)]
    colours = group_colours(groups)
    assert len(set(colours.values())) == len(PALETTE)
    assert all(colours[n] != colours[n + 1] for n in range(11))


def test_years_have_a_scale_that_a_few_old_ones_do_not_take() -> None:
    points = [point(n, year=1990 + n % 35) for n in range(99)] + [point(99, year=1781), point(100, year=None)]
    found = a_map(points)
    colours = colouring(found, points, "year")
    assert len({colours.of[n] for n in range(99)}) == len(YEARS)
    assert colours.of[99] == 0
    assert colours.colours[colours.of[100]] == PLAIN
    assert "≤" in colours.legend
    assert "2024" in colours.legend


def test_kinds_beyond_the_colours_are_the_others() -> None:
    points = [point(n, kind=f"Kind {min(n // 2, 8)}") for n in range(20)] + [point(20, kind="Journal Article")]
    colours = colouring(a_map(points), points, "kind")
    assert colours.colours[-1] == PLAIN
    assert colours.of[20] == len(PALETTE)
    assert sum(place == len(PALETTE) for place in colours.of) == 1 + 20 - 2 * len(PALETTE) - 2
    assert "Other articles" in colours.legend


def test_what_is_lit_is_drawn_last_and_a_chosen_group_stands_out() -> None:
    points = [point(n, group=n % 2) for n in range(6)]
    found = a_map(points)
    colours = colouring(found, points, "group")
    drawn = drawing(found, points, colours, lit={"a1", "a2"}, chosen=None, labelled=True)
    assert drawn["level"] == "000022"
    assert set(drawn["id"][4:]) == {"a1", "a2"}
    assert [drawn["colours"][place] for place in drawn["colour"]] == [
        group_colours(found.groups)[group] for group in drawn["group"]
    ]
    chosen = drawing(found, points, colours, lit=None, chosen=1, labelled=True)
    assert dict(zip(chosen["id"], chosen["level"], strict=True))["a1"] == "1"
    assert chosen["level"] == "000111"
    assert [label["chosen"] for label in chosen["labels"]] == [False, True]
    both = drawing(found, points, colours, lit={"a1", "a2"}, chosen=1, labelled=False)
    assert both["level"] == "000002"
    assert both["labels"] == []


def test_texts_of_records_stay_texts() -> None:
    hostile = "</script><img src=x onerror=alert(1)> \u202egnp.exe"
    points = [MapPoint("x", hostile, None, hostile, 0.0, 0.0, 0)]
    found = ConceptMap(2, "1", 1, tuple(points), (MapGroup(0, (hostile,), 1, 0.0, 0.0),))
    for by in ("group", "kind", "year"):
        colours = colouring(found, points, by)
        assert "<img" not in colours.legend
        drawn = json.dumps(drawing(found, points, colours, lit=None, chosen=None, labelled=True), ensure_ascii=False)
        assert "\u202e" not in drawn
    assert "\u202e" not in name_of(found.groups[0])
    assert name_of(MapGroup(1, (), 3, 0.0, 0.0)) == "Mixed subjects"


PLACES = st.floats(-1, 1, allow_nan=False)


@given(st.lists(st.tuples(PLACES, PLACES, st.integers(0, 2), st.none() | st.integers(1500, 2100)), max_size=30))
def test_any_points_fill_the_drawing_and_stay_in_it(places: list[tuple[float, float, int, int | None]]) -> None:
    points = [point(n, group, year, x=x, y=y) for n, (x, y, group, year) in enumerate(places)]
    found = a_map(points, groups=3)
    for by in ("group", "year", "kind"):
        colours = colouring(found, points, by)
        drawn = drawing(found, points, colours, lit=None, chosen=None, labelled=True)
        assert len(colours.of) == len(drawn["level"]) == len(points)
        assert all(0 <= value <= 10_000 for axis in ("x", "y") for value in drawn[axis])
        assert all(0 <= place < len(drawn["colours"]) for place in drawn["colour"])
    if len({p.x for p in points}) > 1:
        assert {min(drawn["x"]), max(drawn["x"])} == {0, 10_000}
    for group in range(3):
        assert {p.id for p in central(found, group, 99)} == {p.id for p in points if p.group == group}
