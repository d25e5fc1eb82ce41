"""Words for every state that is not a result: nothing there yet, something missing, something wrong."""

from __future__ import annotations

import logging
import traceback

import streamlit as st

from pubmed_rag.core.errors import (
    IndexCorruptError,
    IndexMismatchError,
    IndexMissingError,
    LibraryNotFoundError,
    ModelMissingError,
    PubmedRagError,
    translate,
)
from pubmed_rag.ui.highlight import Html, with_commands

log = logging.getLogger(__name__)

_HEADINGS: dict[type[PubmedRagError], str] = {
    IndexMissingError: "The library has no index yet",
    IndexCorruptError: "The index is damaged",
    IndexMismatchError: "The index does not fit",
    ModelMissingError: "A model is missing",
}

_FIRST_STEPS = """
Run one of these in a terminal:

- `pubmed-rag demo`: a small library to try; its last line says how to open it
- `pubmed-rag ingest entrez "heart failure AND beta blockers" --max 500`: what PubMed finds for a query
- `pubmed-rag ingest files PATH`: PubMed XML or MEDLINE files that you have

After `ingest`, run `pubmed-rag index build`, then reload this page.
"""


def show(markup: Html) -> None:
    """Put markup on the page. Only :class:`Html` is taken, so text cannot get here unescaped."""
    st.html(markup)


def explain(error: Exception) -> None:
    """Say what failed and what to do next; details of an unexpected error only on request."""
    known = translate(error)
    if known is None:
        log.error("unexpected error on the page", exc_info=error)
        st.error("Sorry, something went wrong that this page did not expect. Reload it, or try again in a moment.")
        with st.expander("Details"):
            st.code("".join(traceback.format_exception(error)), language=None)
    elif isinstance(known, LibraryNotFoundError):
        st.header("Welcome", anchor=False)
        st.info(f"{sentence(known.message)} {_FIRST_STEPS}")
    else:
        heading = _HEADINGS.get(type(known))
        parts = [f"**{heading}**" if heading else "", sentence(known.message), sentence(known.remedy or "")]
        st.error("\n\n".join(part for part in parts if part))


def empty_library() -> None:
    """The library exists and holds nothing."""
    st.header("Welcome", anchor=False)
    st.info(f"The library holds no articles yet. {_FIRST_STEPS}")


def sentence(text: str) -> str:
    """``text`` as Markdown that shows it, with a capital and a full stop; commands are set as code."""
    if not text:
        return ""
    shown = with_commands(text[:1].upper() + text[1:])
    return shown if text.endswith((".", "!", "?")) else f"{shown}."


def warnings(messages: tuple[str, ...]) -> None:
    """What the reader should know about the result before trusting it."""
    for message in messages:
        st.warning(sentence(message))
