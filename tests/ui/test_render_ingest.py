"""What a person reads while and after articles come in."""

from __future__ import annotations

import io
from dataclasses import dataclass

import pytest
from rich.console import Console

from pubmed_rag.ui.console import ConsoleProgress, _LineTask, duration
from pubmed_rag.ui.render_ingest import print_problems, translation_lines


def plain(width: int = 80) -> tuple[Console, io.StringIO]:
    stream = io.StringIO()
    return Console(file=stream, width=width, highlight=False), stream


@dataclass(frozen=True)
class Problem:
    start: int
    end: int
    message: str = "Something is wrong"
    suggestion: str | None = None


@pytest.mark.parametrize(
    ("query", "text"),
    [
        ("asthma[tiabb] AND x", "[tiabb]"),
        ("x\nAND y[foo]", "[foo]"),
        ("(" + "long " * 40 + ") AND y[foo] OR " + "more " * 40, "[foo]"),
        ("心不全[foo] AND x", "[foo]"),
    ],
)
def test_the_caret_stands_under_the_problem(query: str, text: str) -> None:
    console, stream = plain()
    start = query.index(text)
    print_problems(console, query, [Problem(start, start + len(text), suggestion="[tiab]")])
    shown, carets, message = stream.getvalue().splitlines()
    assert len(shown) <= 80
    assert carets.strip() == "^" * len(text)
    wide = sum(ord(character) > 0x2E80 for character in shown[: shown.index(text)])  # two columns each
    assert carets.index("^") == shown.index(text) + wide
    assert message == "Something is wrong. Did you mean [tiab]?"


def test_a_translation_breaks_at_its_outermost_operators() -> None:
    text = '("a"[MeSH Terms] OR "b AND c"[All Fields]) AND "d OR (e"[Title] NOT (x AND (y OR z))'
    assert translation_lines(text) == [
        '("a"[MeSH Terms] OR "b AND c"[All Fields])',
        'AND "d OR (e"[Title]',
        "NOT (x AND (y OR z))",
    ]
    assert translation_lines("asthma") == ["asthma"]


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.2, "1 s"), (89, "89 s"), (90, "2 min"), (480, "8 min"), (7500, "2 h 05 min"), (200_000, "2 days 7 h")],
)
def test_durations(seconds: float, words: str) -> None:
    assert duration(seconds) == words


def test_a_log_shows_amount_rate_and_time_left() -> None:
    console, stream = plain()
    now = 0.0
    task = _LineTask(console, "fetching from PubMed", 10_000, "records", clock=lambda: now)
    task.advance(4_000)  # what an earlier run had fetched
    now = 10.0
    task.advance(200)
    now = 20.0
    task.advance(50)
    first, second = stream.getvalue().splitlines()
    assert first == "fetching from PubMed: 4,200 of 10,000 records, 20/s, about 5 min left"
    assert second == "fetching from PubMed: 4,250 of 10,000 records, 5.0/s, about 19 min left"


def test_without_a_terminal_no_bar_is_drawn() -> None:
    console, stream = plain()
    with ConsoleProgress(console).task("reading", 5, "records") as task:
        task.advance(5)
    assert stream.getvalue() == ""
