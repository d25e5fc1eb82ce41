"""What the first search needs, loaded before anybody searches; and what stays for good, left alone by the collector."""

from __future__ import annotations

import gc
import logging
import threading

import streamlit as st

from pubmed_rag.core.errors import PubmedRagError
from pubmed_rag.index.generation import current_name
from pubmed_rag.ui.api import Library
from pubmed_rag.ui.page_library import contents
from pubmed_rag.ui.page_state import Source

log = logging.getLogger(__name__)

_AFTER = 1.0
"""Seconds: the page is painted first."""


def warm(source: Source) -> None:
    """Begin to load index and encoder in a thread of its own, once for each index, where there is one."""
    try:
        library = source()
    except PubmedRagError:  # the page has said so already
        return
    if (generation := current_name(library.paths)) is not None:
        _begin(str(library.paths.root), generation, library)


@st.cache_resource(show_spinner=False, max_entries=2)
def _begin(root: str, generation: str, _library: Library) -> threading.Timer:  # noqa: ARG001 - they are the key
    timer = threading.Timer(_AFTER, load, (_library,))
    timer.daemon = True
    timer.start()
    return timer


def load(library: Library) -> None:
    """Search once, so that all a search needs is there, and count what the page Library shows.

    What is missing is said where somebody searches.
    """
    try:
        library.search("heart failure", top=1)
        contents(library)
    except Exception as error:  # the edge: this thread has nobody to raise to
        log.info("not loaded ahead", exc_info=error)
    settle()


def settle() -> None:
    """Set apart what is in memory now. A collection of garbage then looks at what came later only: with the libraries
    of the encoder in memory it would otherwise take a quarter of a second, during which no page is drawn."""
    gc.unfreeze()
    gc.collect()
    gc.freeze()
    gc.collect()  # the collector's next full turn comes when what is left has grown by a quarter
