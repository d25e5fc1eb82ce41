"""The page of measurements: finished reports, every result so far, and blind judging."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from pubmed_rag.ui import page_challenge_board, page_challenge_report, page_judging
from pubmed_rag.ui.messages import say, word
from pubmed_rag.ui.page_state import KEPT, Desk

PARTS: dict[str, tuple[str, Callable[[Desk], None]]] = {
    "reports": (word("Reports"), page_challenge_report.render),
    "results": (word("All results"), page_challenge_board.render),
    "judging": (word("Judge for yourself"), page_judging.render),
}
"""The parts of the page by their names in addresses (``&part=``)."""

_PART = f"{KEPT}challenge.part"
_PART_ADDRESS = "address.part"


def render(desk: Desk) -> None:
    """Draw the page."""
    st.markdown(
        say(
            "Which search finds more of what matters: keywords as in PubMed, or a language model? Measured on public "
            "collections whose relevant articles are known, and on your own judgements."
        )
    )
    name = _chosen(desk)
    PARTS[name][1](desk)


def _chosen(desk: Desk) -> str:
    """The part of the address where somebody opened it with one, else the one chosen last."""
    named = st.query_params.get("part", "")
    if named in PARTS and named != st.session_state.get(_PART_ADDRESS):
        st.session_state[_PART] = named
    if _PART not in st.session_state:
        st.session_state[_PART] = "reports" if page_challenge_report.has_any(desk.library) else "judging"
    chosen = st.segmented_control(
        say("Part"),
        list(PARTS),
        key=_PART,
        format_func=lambda part: say(PARTS[part][0]),
        label_visibility="collapsed",
        required=True,
    )
    name = str(chosen or "reports")
    st.session_state[_PART_ADDRESS] = name
    if named and named != name:
        st.query_params["part"] = name
    return name
