"""What outlives a redraw of the page: the library all tabs share, and what one reader has set."""

from __future__ import annotations

import os
from pathlib import Path

import streamlit as st

from pubmed_rag.core.settings import load_settings
from pubmed_rag.ui.api import Library, open_library

KEPT = "kept."
"""Keys of widgets that keep their value while another page is shown begin so."""


def shared_library() -> Library:
    """The library of the settings, one object for all tabs: its models and indexes are loaded once.

    Raises :class:`LibraryNotFoundError` where there is none yet; the next call looks again.
    """
    return _open(str(load_settings(os.environ).library.expanduser().resolve()))


@st.cache_resource(show_spinner=False, validate=lambda library: library.paths.exists)
def _open(path: str) -> Library:
    return open_library(Path(path))


def keep_widgets() -> None:
    """Hold on to the values of :data:`KEPT` widgets; Streamlit forgets those it does not draw."""
    for key in list(st.session_state):
        if isinstance(key, str) and key.startswith(KEPT):
            st.session_state[key] = st.session_state[key]
