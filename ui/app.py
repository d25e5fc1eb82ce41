"""The page: ``streamlit run`` on this file, or ``pubmed-rag ui``."""

from __future__ import annotations

import streamlit as st

from pubmed_rag.ui.page_frame import render
from pubmed_rag.ui.page_state import shared_jobs, shared_library
from pubmed_rag.ui.page_warm import warm


def main() -> None:
    """Draw the page over the library of the settings."""
    st.set_page_config(page_title="pubmed-rag", page_icon=":material/menu_book:", layout="wide")
    render(shared_library, shared_jobs())
    warm(shared_library)


if __name__ == "__main__":
    main()
