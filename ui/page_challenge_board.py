"""Every result of this library's evaluations: a picture and a table a collection, and what changed in between."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import streamlit as st

from pubmed_rag.ui.api import Library
from pubmed_rag.ui.highlight import Html, record_text, tag
from pubmed_rag.ui.messages import say, say_count
from pubmed_rag.ui.page_challenge_charts import Dot, dots_chart
from pubmed_rag.ui.page_state import Desk
from pubmed_rag.ui.page_tables import table
from pubmed_rag.ui.page_words import sentence, show

if TYPE_CHECKING:
    from pubmed_rag.eval.leaderboard import Row

_SHOWN = 60
"""Rows shown of a collection; the command line has them all."""


def render(desk: Desk) -> None:
    """Draw the part."""
    show(tag("h2", say("Results so far"), cls="prag-part"))
    boards = _boards(desk.library)
    if not boards:
        st.info(
            sentence(
                say("No evaluation of this library has been run yet: 'pubmed-rag eval challenge --data DIR' runs one")
            )
        )
        return
    st.caption(say("Figures compare within a table: same collection, same topics, same judgements."))
    for number, rows in enumerate(boards):
        _board(rows, number)


def _boards(library: Library) -> list[tuple[Row, ...]]:
    from pubmed_rag.eval.leaderboard import LEADERBOARD, Leaderboard

    path = library.paths.runs / LEADERBOARD
    return list(Leaderboard(path).tables().values()) if path.is_file() else []


def _board(rows: Sequence[Row], number: int) -> None:
    first = rows[0].entry
    name = f"{first.dataset}, {first.split}"
    show(tag("h3", record_text(name), cls="prag-part"))
    latest = _latest(rows)
    dots = [Dot(row.entry.system, row.entry.value, row.entry.low, row.entry.high) for row in latest]
    description = say("{measure} of each system on {collection}", measure=first.primary, collection=name)
    st.altair_chart(dots_chart(dots, first.primary, description), key=f"board.{number}", alt=description)
    if any(row.entry.low is None for row in latest):
        st.caption(say("Older results were kept without their interval: a dot alone."))
    header = (say("System"), first.primary, say("95 % interval"), say("Change"), say("What changed"), say("Date"))
    caption = say("Systems on {collection}", collection=name)
    show(table(caption, header, [_cells(row) for row in rows[:_SHOWN]], numbers=(1, 2, 3)))
    if len(rows) > _SHOWN:
        words = say("The best {count} of {all}; 'pubmed-rag eval leaderboard' has all.", count=_SHOWN, all=len(rows))
        st.caption(sentence(words))


def _latest(rows: Sequence[Row]) -> list[Row]:
    """Each system's last result, best first."""
    last: dict[str, Row] = {}
    for row in sorted(rows, key=lambda row: row.entry.date):
        last[row.entry.system] = row
    return sorted(last.values(), key=lambda row: (-row.entry.value, row.entry.system))


def _cells(row: Row) -> tuple[str, ...]:
    entry = row.entry
    interval = "" if entry.low is None or entry.high is None else f"{entry.low:.3f} … {entry.high:.3f}"
    change = "" if row.change is None else f"{row.change:+.3f}".replace("-", "\N{MINUS SIGN}")
    return (record_text(entry.system), f"{entry.value:.3f}", interval, change, _changed(row), entry.date[:10])


def _changed(row: Row) -> Html:
    if row.change is None:
        return Html()
    if not row.changed:
        return tag("span", say("nothing that is known"))
    count = say_count("{count} setting", "{count} settings", len(row.changed))
    return tag("details", tag("summary", count), tag("ul", *(tag("li", record_text(text)) for text in row.changed)))
