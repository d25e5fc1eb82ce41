"""Small plots as SVG files that stand alone: lines with intervals, in panels, on white, readable without colour."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

_WIDTH, _HEIGHT = 420, 300
_LEFT, _RIGHT, _TOP, _BOTTOM = 52, 16, 34, 44
_GAP, _LEGEND_ROW = 8, 18
_COLOURS = ("#0072b2", "#d55e00", "#009e73", "#7b3294", "#555555")
"""Okabe and Ito's, which people with colour blindness tell apart; markers differ as well."""


@dataclass(frozen=True, slots=True)
class Point:
    """``low`` and ``high`` are the ends of an interval around ``y``."""

    x: float
    y: float
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True)
class Line:
    """Points joined in order; without ``marked`` a bare line, as for curves of many points."""

    label: str
    points: tuple[Point, ...]
    marked: bool = True


@dataclass(frozen=True, slots=True)
class Panel:
    """Lines over one pair of axes. ``levels`` are dashed horizontals with a name, ``spots`` single large dots."""

    title: str
    x_label: str
    lines: tuple[Line, ...]
    x_range: tuple[float, float] = (0.0, 1.0)
    y_range: tuple[float, float] = (0.0, 1.0)
    levels: tuple[tuple[str, float], ...] = ()
    spots: tuple[tuple[str, Point], ...] = ()


def panels_svg(panels: Sequence[Panel], *, caption: str, columns: int = 2) -> str:
    """A complete SVG document; ``caption`` is what a screen reader says."""
    columns = max(1, min(columns, len(panels)))
    legend = max(len(panel.lines) for panel in panels) * _LEGEND_ROW
    height = _HEIGHT + _GAP + legend
    rows = math.ceil(len(panels) / columns)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" role="img" viewBox="0 0 {columns * _WIDTH} {rows * height}" '
        f'width="{columns * _WIDTH}" height="{rows * height}" font-family="sans-serif" font-size="12">',
        f"<title>{escape(caption)}</title>",
        '<rect width="100%" height="100%" fill="#ffffff"/>',
    ]
    for number, panel in enumerate(panels):
        x, y = number % columns * _WIDTH, number // columns * height
        parts.append(f'<g transform="translate({x} {y})">{_panel(panel)}</g>')
    parts.append("</svg>\n")
    return "\n".join(parts)


def _panel(panel: Panel) -> str:
    right, bottom = _WIDTH - _RIGHT, _HEIGHT - _BOTTOM

    def x(value: float) -> float:
        low, high = panel.x_range
        return round(_LEFT + (right - _LEFT) * (value - low) / (high - low), 1)

    def y(value: float) -> float:
        low, high = panel.y_range
        inside = min(max(value, low), high)
        return round(bottom - (bottom - _TOP) * (inside - low) / (high - low), 1)

    parts = [f'<text x="{_LEFT}" y="20" font-weight="bold" fill="#222">{escape(panel.title)}</text>']
    for tick in ticks(*panel.y_range):
        parts.append(f'<line x1="{_LEFT}" x2="{right}" y1="{y(tick)}" y2="{y(tick)}" stroke="#ddd"/>')
        parts.append(f'<text x="{_LEFT - 8}" y="{y(tick) + 4}" text-anchor="end" fill="#444">{tick:g}</text>')
    for tick in ticks(*panel.x_range):
        parts.append(f'<line x1="{x(tick)}" x2="{x(tick)}" y1="{bottom}" y2="{bottom + 5}" stroke="#888"/>')
        parts.append(f'<text x="{x(tick)}" y="{bottom + 18}" text-anchor="middle" fill="#444">{tick:g}</text>')
    parts.append(f'<line x1="{_LEFT}" x2="{right}" y1="{bottom}" y2="{bottom}" stroke="#888"/>')
    middle = (_LEFT + right) / 2
    parts.append(
        f'<text x="{middle}" y="{bottom + 36}" text-anchor="middle" fill="#222">{escape(panel.x_label)}</text>'
    )
    for number, (label, value) in enumerate(panel.levels):
        place = y(value)
        side, anchor = (right, "end") if number % 2 == 0 else (_LEFT + 4, "start")
        parts.append(
            f'<line x1="{_LEFT}" x2="{right}" y1="{place}" y2="{place}" stroke="#777" stroke-dasharray="5 4"/>'
            f'<text x="{side}" y="{place - 4}" text-anchor="{anchor}" font-size="11" fill="#555">{escape(label)}</text>'
        )
    for number, line in enumerate(panel.lines):
        colour = _COLOURS[number % len(_COLOURS)]
        shift = (number - (len(panel.lines) - 1) / 2) * 4 if line.marked else 0.0  # so that intervals do not hide
        places = [(round(x(point.x) + shift, 1), y(point.y), point) for point in line.points]
        joined = " ".join(f"{a},{b}" for a, b, _ in places)
        parts.append(f'<polyline points="{joined}" fill="none" stroke="{colour}" stroke-width="2"/>')
        for a, b, point in places:
            if point.low is not None and point.high is not None:
                parts.append(
                    f'<line x1="{a}" x2="{a}" y1="{y(point.low)}" y2="{y(point.high)}" stroke="{colour}" '
                    'stroke-width="1.5"/>'
                )
            if line.marked:
                parts.append(_marker(number, a, b, colour))
        place = _HEIGHT + _GAP + number * _LEGEND_ROW
        parts.append(
            f'<line x1="{_LEFT}" x2="{_LEFT + 26}" y1="{place}" y2="{place}" stroke="{colour}" stroke-width="2"/>'
        )
        if line.marked:
            parts.append(_marker(number, _LEFT + 13, place, colour))
        parts.append(f'<text x="{_LEFT + 34}" y="{place + 4}" fill="#222">{escape(line.label)}</text>')
    for label, point in panel.spots:
        a, b = x(point.x), y(point.y)
        anchor = "end" if a > middle else "start"
        parts.append(f'<circle cx="{a}" cy="{b}" r="6" fill="#fff" stroke="#000" stroke-width="2"/>')
        parts.append(
            f'<text x="{a + (-10 if anchor == "end" else 10)}" y="{b - 8}" text-anchor="{anchor}" fill="#000">'
            f"{escape(label)}</text>"
        )
    return "".join(parts)


def _marker(number: int, x: float, y: float, colour: str) -> str:
    kind = number % 4
    if kind == 0:
        return f'<circle cx="{x}" cy="{y}" r="4" fill="{colour}"/>'
    if kind == 1:
        return f'<rect x="{x - 4:.1f}" y="{y - 4:.1f}" width="8" height="8" fill="{colour}"/>'
    if kind == 2:
        corners = f"{x:.1f},{y - 5:.1f} {x - 5:.1f},{y + 4:.1f} {x + 5:.1f},{y + 4:.1f}"
        return f'<polygon points="{corners}" fill="{colour}"/>'
    return f'<circle cx="{x}" cy="{y}" r="4" fill="#fff" stroke="{colour}" stroke-width="2"/>'


def ticks(low: float, high: float, most: int = 6) -> list[float]:
    """At most ``most`` multiples of 1, 2 or 5 times a power of ten that lie in ``low``…``high``."""
    rough = (high - low) / (most - 1)
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * factor for factor in (1.0, 2.0, 5.0, 10.0) if power * factor >= rough * (1 - 1e-9))
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [round(step * number, 12) for number in range(first, last + 1)]
