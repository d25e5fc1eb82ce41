"""What outlives a redraw of the page: the library and the jobs all tabs share, and what one reader has set."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import streamlit as st

from pubmed_rag.core.settings import load_settings
from pubmed_rag.ui.api import Library, open_library
from pubmed_rag.ui.jobs import JobRunner

KEPT = "kept."
"""Keys of widgets that keep their value while another page is shown begin so."""

LIVE_SEARCH = f"{KEPT}live"
"""Whether searches are sent to PubMed too: the reader's choice, off until made."""

ADDRESS = "address.q"
"""The ``?q=`` that the page itself wrote last, so that it is not taken for a wish."""


class Source(Protocol):
    """Where the page's library comes from."""

    def __call__(self, *, create: bool = False) -> Library:
        """The library. Raises :class:`LibraryNotFoundError` where there is none, unless ``create``."""


@dataclass(frozen=True, slots=True)
class Desk:
    """What a page works with: the library and the work going on beside it."""

    library: Library
    jobs: JobRunner


def shared_library(*, create: bool = False) -> Library:
    """The library of the settings, one object for all tabs: its models and indexes are loaded once.

    Raises :class:`LibraryNotFoundError` where there is none yet, unless ``create``; the next call looks again.
    """
    path = load_settings(os.environ).library.expanduser().resolve()
    if create:
        open_library(path, create=True).close()
    return _open(str(path))


@st.cache_resource(show_spinner=False, validate=lambda library: library.paths.exists)
def _open(path: str) -> Library:
    return open_library(Path(path), progress=shared_jobs())


@st.cache_resource(show_spinner=False)
def shared_jobs() -> JobRunner:
    """The jobs of this process, the same for all tabs."""
    return JobRunner()


def keep_widgets() -> None:
    """Hold on to the values of :data:`KEPT` widgets; Streamlit forgets those it does not draw."""
    for key in list(st.session_state):
        if isinstance(key, str) and key.startswith(KEPT):
            st.session_state[key] = st.session_state[key]


def write_address(text: str | None) -> None:
    """Put ``text`` into the address as ``?q=``, so that it can be shared; ``None`` takes it out."""
    st.session_state[ADDRESS] = text or ""
    if text:
        if st.query_params.get("q") != text:
            st.query_params["q"] = text
    elif "q" in st.query_params:
        del st.query_params["q"]


def read_address(longest: int) -> str | None:
    """A ``?q=`` that somebody opened the page with, once."""
    text = st.query_params.get("q", "")[:longest]
    if not text.strip() or text == st.session_state.get(ADDRESS):
        return None
    st.session_state[ADDRESS] = text
    return text
