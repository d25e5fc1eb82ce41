"""A dot-and-interval plot as inline SVG. Positions are in percent and text is not scaled, so it reads at any width."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape

_ROW = 46
_TOP = 6
_AXIS = 34
_SIDE = 4.0
"""Percent of the width kept free on either side of the scale."""


@dataclass(frozen=True, slots=True)
class Dot:
    """One row: ``label`` on the left, the value in words on the right, dot and interval below.

    ``firm`` dots are filled, others hollow, so that the difference does not hang on colour. ``singles`` are the
    values that the dot is the mean of, drawn as small strokes where they are too few for an interval.
    """

    label: str
    value: float
    low: float | None
    high: float | None
    firm: bool = True
    singles: tuple[float, ...] = ()


def dot_plot(dots: Sequence[Dot], *, caption: str, form: Callable[[float], str], zero: bool = False) -> str:
    """An ``<svg>`` element of full width. ``form`` writes numbers; ``zero`` draws the line of no difference."""
    bounds = [v for dot in dots for v in (dot.value, dot.low, dot.high, *dot.singles) if v is not None] + (
        [0.0] if zero else []
    )
    low, high = min(bounds), max(bounds)
    if high - low < 1e-9:
        low, high = low - 0.05, high + 0.05

    def x(value: float) -> str:
        return f"{_SIDE + (100 - 2 * _SIDE) * (value - low) / (high - low):.2f}%"

    bottom = _TOP + _ROW * len(dots)
    parts = [f'<line class="axis" x1="0" x2="100%" y1="{bottom}" y2="{bottom}"/>']
    for tick in _ticks(low, high):
        parts.append(f'<line class="grid" x1="{x(tick)}" x2="{x(tick)}" y1="{_TOP}" y2="{bottom + 5}"/>')
        text = escape(form(tick))
        parts.append(f'<text class="tick" x="{x(tick)}" y="{bottom + 20}" text-anchor="middle">{text}</text>')
    if zero:
        parts.append(f'<line class="zero" x1="{x(0.0)}" x2="{x(0.0)}" y1="{_TOP}" y2="{bottom + 5}"/>')
    for number, dot in enumerate(dots):
        top = _TOP + _ROW * number
        middle = top + 31
        parts.append(f'<text x="0" y="{top + 16}">{escape(dot.label)}</text>')
        parts.append(f'<text class="value" x="100%" y="{top + 16}" text-anchor="end">{escape(form(dot.value))}</text>')
        if dot.low is not None and dot.high is not None:
            parts.append(f'<line class="interval" x1="{x(dot.low)}" x2="{x(dot.high)}" y1="{middle}" y2="{middle}"/>')
        parts += [
            f'<line class="single" x1="{x(v)}" x2="{x(v)}" y1="{middle - 7}" y2="{middle + 7}"/>' for v in dot.singles
        ]
        kind = "firm" if dot.firm else "open"
        parts.append(f'<circle class="{kind}" cx="{x(dot.value)}" cy="{middle}" r="6"/>')
    height = bottom + _AXIS
    return f'<svg role="img" aria-label="{escape(caption)}" width="100%" height="{height}">{"".join(parts)}</svg>'


def _ticks(low: float, high: float, most: int = 5) -> list[float]:
    """At most ``most`` multiples of 1, 2 or 5 times a power of ten that lie in ``low``…``high``."""
    rough = (high - low) / most
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * factor for factor in (1.0, 2.0, 5.0, 10.0) if power * factor >= rough)
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [round(step * number, 12) for number in range(first, last + 1)][:most]
