"""Words for every state that is not a result: nothing there yet, something missing, something wrong."""

from __future__ import annotations

import logging
import traceback

import streamlit as st

from pubmed_rag.core.errors import (
    IndexCorruptError,
    IndexMismatchError,
    IndexMissingError,
    LibraryBusyError,
    ModelMissingError,
    PubmedRagError,
    RemoteError,
    translate,
)
from pubmed_rag.ui.api import Library
from pubmed_rag.ui.highlight import Html, with_commands
from pubmed_rag.ui.messages import say, word
from pubmed_rag.ui.page_state import LIVE_SEARCH

log = logging.getLogger(__name__)

_HEADINGS: dict[type[PubmedRagError], str] = {
    IndexMissingError: word("The library has no index yet"),
    IndexCorruptError: word("The index is damaged"),
    IndexMismatchError: word("The index does not fit"),
    ModelMissingError: word("A model is missing"),
    RemoteError: word("A service does not answer"),
    LibraryBusyError: word("The library is being written to"),
}


def show(markup: Html) -> None:
    """Put markup on the page. Only :class:`Html` is taken, so text cannot get here unescaped."""
    st.html(markup)


def explain(error: Exception) -> None:
    """Say what failed and what to do next; details of an unexpected error only on request."""
    known = translate(error)
    if known is None:
        log.error("unexpected error on the page", exc_info=error)
        st.error(say("Sorry, something went wrong that this page did not expect. Reload it, or try again in a moment."))
        with st.expander(say("Details")):
            st.code("".join(traceback.format_exception(error)), language=None)
        return
    heading = next((words for kind, words in _HEADINGS.items() if isinstance(known, kind)), None)
    parts = [f"**{say(heading)}**" if heading else "", sentence(known.message), sentence(known.remedy or "")]
    st.error("\n\n".join(part for part in parts if part))


def where_words_go(library: Library) -> str:
    """Whether questions leave this machine: only where the settings name a model served elsewhere."""
    from pubmed_rag.rag.endpoint import PREFIX

    models = library.settings.models
    if models.llm.startswith(PREFIX):
        return say("Questions and the sentences found go to {address}, as your settings say.", address=models.endpoint)
    if st.session_state.get(LIVE_SEARCH):
        return say("Only what you search for leaves this machine, as you chose on the search page.")
    return say("Nothing leaves this machine.")


def sentence(text: str) -> str:
    """``text`` as Markdown that shows it, with a capital and a full stop; commands are set as code."""
    if not text:
        return ""
    shown = with_commands(text[:1].upper() + text[1:])
    return shown if text.endswith((".", "!", "?")) else f"{shown}."


def moment(iso: str) -> str:
    """A UTC moment without its seconds."""
    return f"{iso[:16].replace('T', ' ')} UTC"


def warnings(messages: tuple[str, ...]) -> None:
    """What the reader should know about the result before trusting it."""
    for message in messages:
        st.warning(sentence(message))
