"""Ticks are round, and rows without an interval or a spread can be drawn."""

from __future__ import annotations

import pytest

from pubmed_rag.eval.charts import Dot, _ticks, dot_plot


@pytest.mark.parametrize(
    ("low", "high", "ticks"),
    [(0.62, 0.78, [0.65, 0.7, 0.75]), (-0.065, 0.11, [-0.05, 0.0, 0.05, 0.1]), (0.0, 1.0, [0.0, 0.2, 0.4, 0.6, 0.8])],
)
def test_ticks(low: float, high: float, ticks: list[float]) -> None:
    assert _ticks(low, high) == pytest.approx(ticks)


def test_one_dot_without_an_interval() -> None:
    svg = dot_plot([Dot("a & b", 0.5, None, None)], caption='say "what"', form="{:.2f}".format)
    assert "a &amp; b" in svg
    assert 'aria-label="say &quot;what&quot;"' in svg
    assert 'cx="50.00%"' in svg
    assert 'class="interval"' not in svg


def test_few_topics_are_drawn_one_by_one() -> None:
    svg = dot_plot([Dot("a", 0.5, None, None, singles=(0.0, 0.5, 1.0))], caption="c", form=str)
    assert svg.count('class="single"') == 3
    assert 'x1="4.00%" x2="4.00%"' in svg  # the scale reaches to the outermost of them


def test_dots_without_a_firm_difference_are_hollow() -> None:
    svg = dot_plot([Dot("a", 0.1, -0.1, 0.3, firm=False)], caption="c", form=str, zero=True)
    assert '<circle class="open"' in svg
    assert '<line class="zero"' in svg
