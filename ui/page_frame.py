"""What every page has around it: style, name, the way between pages, and words where something is missing."""

from __future__ import annotations

from collections.abc import Callable
from importlib import resources

import streamlit as st

from pubmed_rag.core.store import StoreCounts
from pubmed_rag.ui import page_ask, page_search
from pubmed_rag.ui.api import Library
from pubmed_rag.ui.page_state import KEPT, keep_widgets
from pubmed_rag.ui.page_words import empty_library, explain

PAGES: dict[str, Callable[[Library], None]] = {"Ask": page_ask.render, "Search": page_search.render}
"""The pages by the name the reader sees, in order; the first is shown on opening."""


def render(source: Callable[[], Library]) -> None:
    """Draw the chosen page over the library that ``source`` gives. No error leaves this function."""
    keep_widgets()
    st.html(f"<style>{_css()}</style>")
    st.title("pubmed-rag", anchor=False)
    try:
        library = source()
        counts = library.counts()
    except Exception as error:  # the edge: people get words, not a traceback
        explain(error)
        return
    st.caption(_about(counts))
    if not counts.articles:
        empty_library()
        return
    first = next(iter(PAGES))
    st.session_state.setdefault(f"{KEPT}page", first)
    name = st.segmented_control("Page", list(PAGES), key=f"{KEPT}page", label_visibility="collapsed") or first
    try:
        PAGES[name](library)
    except Exception as error:  # the edge, again
        explain(error)


def _css() -> str:
    return resources.files("pubmed_rag.ui").joinpath("theme.css").read_text(encoding="utf-8")


def _about(counts: StoreCounts) -> str:
    articles = "1 article" if counts.articles == 1 else f"{counts.articles:,} articles"
    retracted = f", {counts.retracted:,} of them retracted" if counts.retracted else ""
    return f"Cited answers and search over your own library of {articles}{retracted}. Nothing leaves this machine."
