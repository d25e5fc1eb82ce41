"""How a map looks: its colours, what is dimmed and what is lit, and the data that ``map.js`` draws. Pure functions."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from pubmed_rag.index.concept_map import ConceptMap, MapGroup, MapPoint
from pubmed_rag.index.facets import OTHER_KIND
from pubmed_rag.ui.highlight import Html, clean, clip, join, record_text, tag
from pubmed_rag.ui.messages import number, say

ColourBy = Literal["group", "year", "kind"]

PALETTE = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")
"""Told apart by people of every colour vision: Okabe and Ito's (2008), without the black and the yellow that one of
the page's two themes would swallow."""

PLAIN = "#8c8c8c"
"""What has no year, no telling kind, no group to be told from."""

YEARS = ("#414487", "#355f8d", "#2a788e", "#21918c", "#22a884", "#44bf70", "#7ad151")
"""From old to new: the middle of viridis, whose ends are too near to the page's background, dark or light."""

_OLDEST_SHARE = 0.02
"""So many articles may be older than where the scale of years begins: a few very old ones would take all of it."""
_LONGEST_NAME = 90
_LONGEST_LABEL = 34
_GRID = 10_000


@dataclass(frozen=True, slots=True)
class Colouring:
    """``of`` (n,) is the place in ``colours`` of each point's colour; ``legend`` says what they mean."""

    colours: tuple[str, ...]
    of: tuple[int, ...]
    legend: Html


def name_of(group: MapGroup) -> str:
    """What sets a group apart, on one line."""
    return clip(clean(" · ".join(group.terms)), _LONGEST_NAME) or say("Mixed subjects")


def label_of(group: MapGroup) -> str:
    """The shortest of its names that says something, for the map itself."""
    return clip(clean(group.terms[0]), _LONGEST_LABEL) if group.terms else ""


def group_colours(groups: Sequence[MapGroup]) -> dict[int, str]:
    """A colour for each group: where there are more groups than colours, those of one colour lie far apart."""
    given: dict[int, str] = {}
    for group in groups:

        def room(colour: str, group: MapGroup = group) -> float:
            same = (other for other in groups if given.get(other.number) == colour)
            return min((math.hypot(other.x - group.x, other.y - group.y) for other in same), default=math.inf)

        given[group.number] = max(PALETTE, key=room)
    return given


def colouring(found: ConceptMap, points: Sequence[MapPoint], by: ColourBy) -> Colouring:
    """The colours of ``points``, which may hold more than those that were drawn with ``found``."""
    if by == "year":
        return _by_year(points)
    if by == "kind":
        return _by_kind(points)
    chosen = group_colours(found.groups)
    order = {group.number: place for place, group in enumerate(found.groups)}
    return Colouring(
        tuple(chosen[group.number] for group in found.groups),
        tuple(order[point.group] for point in points),
        _key([(f"{group.number + 1}", chosen[group.number], name_of(group), group.count) for group in found.groups]),
    )


def _by_kind(points: Sequence[MapPoint]) -> Colouring:
    counts = Counter(point.kind for point in points)
    telling = [kind for kind, _ in counts.most_common() if kind != OTHER_KIND][: len(PALETTE)]
    place = {kind: at for at, kind in enumerate(telling)}
    others = len(points) - sum(counts[kind] for kind in telling)
    rows = [("", PALETTE[place[kind]], kind, counts[kind]) for kind in telling]
    if others:
        rows.append(("", PLAIN, say("Other articles"), others))
    return Colouring(
        (*PALETTE[: len(telling)], PLAIN), tuple(place.get(point.kind, len(telling)) for point in points), _key(rows)
    )


def _by_year(points: Sequence[MapPoint]) -> Colouring:
    years = sorted(point.year for point in points if point.year is not None)
    if not years:
        return Colouring((PLAIN,), (0,) * len(points), _key([("", PLAIN, say("No year"), len(points))]))
    first, last = years[int(len(years) * _OLDEST_SHARE)], years[-1]
    step = max(1, math.ceil((last - first + 1) / len(YEARS)))
    used = math.ceil((last - first + 1) / step)

    def place(year: int | None) -> int:
        return used if year is None else max(0, (year - first) // step)

    of = tuple(place(point.year) for point in points)
    counts = Counter(of)
    rows = []
    for at in range(used):
        begins, ends = first + at * step, min(last, first + (at + 1) * step - 1)
        name = f"{begins}" if begins == ends else f"{begins}–{ends}"
        if at == 0 and years[0] < first:
            name = f"≤ {ends}"
        rows.append(("", YEARS[at], name, counts[at]))
    if counts[used]:
        rows.append(("", PLAIN, say("No year"), counts[used]))
    return Colouring((*YEARS[:used], PLAIN), of, _key(rows))


def _key(rows: Sequence[tuple[str, str, str, int]]) -> Html:
    """What each colour means: number, colour, name, how many."""
    return tag(
        "ul",
        *(
            tag(
                "li",
                tag("span", cls="prag-key", style=f"background:{colour}"),
                join([tag("strong", mark), " "]) if mark else "",
                record_text(name),
                " ",
                tag("span", f"({number(count)})", cls="prag-key-count"),
            )
            for mark, colour, name, count in rows
        ),
        cls="prag-map-key",
    )


def drawing(
    found: ConceptMap,
    points: Sequence[MapPoint],
    colours: Colouring,
    *,
    lit: Collection[str] | None,
    chosen: int | None,
    labelled: bool,
) -> dict[str, Any]:
    """What ``map.js`` draws. ``lit`` are ids of results, ``chosen`` is a group; what is neither is dimmed.

    ``x`` and ``y`` are 0 … 10,000 from the left and the top of what is shown; ``level`` has a digit a point: 0 dimmed,
    1 plain, 2 lit.
    """
    scale = _Scale.of(points)
    order = sorted(range(len(points)), key=lambda at: _level(points[at], lit, chosen))
    shown = [points[at] for at in order]
    kinds = list(dict.fromkeys(point.kind for point in shown))
    kind_place = {kind: at for at, kind in enumerate(kinds)}
    return {
        "id": [point.id for point in shown],
        "title": [clean(point.title) for point in shown],
        "x": [scale.x(point.x) for point in shown],
        "y": [scale.y(point.y) for point in shown],
        "year": [point.year or 0 for point in shown],
        "kind": [kind_place[point.kind] for point in shown],
        "kinds": [clean(kind) for kind in kinds],
        "group": [point.group for point in shown],
        "groups": {str(group.number): f"{group.number + 1} {name_of(group)}" for group in found.groups},
        "colour": [colours.of[at] for at in order],
        "colours": list(colours.colours),
        "level": "".join(str(_level(point, lit, chosen)) for point in shown),
        "labels": [
            {
                "group": group.number,
                "number": f"{group.number + 1}",
                "text": label_of(group),
                "x": scale.x(group.x),
                "y": scale.y(group.y),
                "chosen": group.number == chosen,
            }
            for group in found.groups
            if labelled
        ],
        "words": _words(),
    }


def _words() -> Mapping[str, str]:
    return {
        "map": say("Map of the articles"),
        "keys": say("Arrow keys go from article to article, Enter opens one, plus and minus zoom."),
        "closer": say("Zoom in"),
        "farther": say("Zoom out"),
        "whole": say("Show the whole map"),
    }


def _level(point: MapPoint, lit: Collection[str] | None, chosen: int | None) -> int:
    if chosen is not None and point.group != chosen:
        return 0
    if lit is None:
        return 1
    return 2 if point.id in lit else 0


@dataclass(frozen=True, slots=True)
class _Scale:
    """Each direction filled by itself: how far apart groups stand means little, so the map takes the shape there is."""

    left: float
    width: float
    top: float
    height: float

    @classmethod
    def of(cls, points: Sequence[MapPoint]) -> _Scale:
        xs, ys = [point.x for point in points] or [0.0], [point.y for point in points] or [0.0]
        return cls(min(xs), (max(xs) - min(xs)) or 1.0, max(ys), (max(ys) - min(ys)) or 1.0)

    def x(self, value: float) -> int:
        return round((value - self.left) / self.width * _GRID)

    def y(self, value: float) -> int:
        return round((self.top - value) / self.height * _GRID)


def central(found: ConceptMap, chosen: int, most: int) -> list[MapPoint]:
    """The articles nearest to the middle of a group."""
    middle = next(group for group in found.groups if group.number == chosen)
    inside = [point for point in found.points if point.group == chosen]
    return sorted(inside, key=lambda point: (math.hypot(point.x - middle.x, point.y - middle.y), point.id))[:most]
