"""What every page has around it: style, name, language, the way between pages, work at hand, and words where
something is missing."""

from __future__ import annotations

from collections.abc import Callable
from importlib import resources

import streamlit as st

from pubmed_rag.core.errors import LibraryNotFoundError
from pubmed_rag.core.store import StoreCounts
from pubmed_rag.ui import page_ask, page_challenge, page_jobs, page_library, page_map, page_search
from pubmed_rag.ui.highlight import literal
from pubmed_rag.ui.jobs import JobRunner
from pubmed_rag.ui.messages import LANGUAGES, language_of_browser, say, say_count, use_language, word
from pubmed_rag.ui.page_state import KEPT, Desk, Source, keep_widgets
from pubmed_rag.ui.page_welcome import welcome
from pubmed_rag.ui.page_words import explain, where_words_go

PAGES: dict[str, Callable[[Desk], None]] = {
    word("Ask"): page_ask.render,
    word("Search"): page_search.render,
    word("Map"): page_map.render,
    word("Library"): page_library.render,
    word("Challenge"): page_challenge.render,
}
"""The pages by their names in English, which stand in addresses too; the first is shown on opening."""

_PAGE, _LANGUAGE = f"{KEPT}page", f"{KEPT}language"
_PAGE_ADDRESS = "address.page"


def render(source: Source, jobs: JobRunner) -> None:
    """Draw the chosen page over the library that ``source`` gives. No error leaves this function."""
    keep_widgets()
    st.html(f"<style>{_css()}</style>")
    _header()
    try:
        page_jobs.panel(jobs)
        library = source()
        counts = library.counts()
    except LibraryNotFoundError:
        _guarded(lambda: welcome(source, jobs))
        return
    except Exception as error:  # the edge: people get words, not a traceback
        explain(error)
        return
    if not counts.articles:
        _guarded(lambda: welcome(source, jobs))
        return
    st.caption(f"{_about(counts)} {literal(where_words_go(library))}")
    desk = Desk(library, jobs)
    name = _chosen_page()
    try:
        PAGES[name](desk)
    except Exception as error:  # the edge, again
        explain(error)
        page_jobs.offer_remedy(desk, error)


def _guarded(draw: Callable[[], None]) -> None:
    try:
        draw()
    except Exception as error:  # the edge, again
        explain(error)


def _header() -> None:
    st.session_state.setdefault(_LANGUAGE, language_of_browser(st.context.locale))
    use_language(str(st.session_state[_LANGUAGE]))
    with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
        st.title("pubmed-rag", anchor=False, width="content")
        st.selectbox(
            say("Language"),
            list(LANGUAGES),
            key=_LANGUAGE,
            format_func=LANGUAGES.__getitem__,
            label_visibility="collapsed",
            width=140,
        )


def _chosen_page() -> str:
    """The page of the address where somebody opened it with one, else the one chosen last."""
    first = next(iter(PAGES))
    named = st.query_params.get("page", "")
    if named in PAGES and named != st.session_state.get(_PAGE_ADDRESS):
        st.session_state[_PAGE] = named
    st.session_state.setdefault(_PAGE, first)
    chosen = st.segmented_control(
        say("Page"), list(PAGES), key=_PAGE, format_func=say, label_visibility="collapsed", required=True
    )
    name = str(chosen or first)
    st.session_state[_PAGE_ADDRESS] = name
    if st.query_params.get("page", first) != name:
        st.query_params["page"] = name
    return name


def _css() -> str:
    return resources.files("pubmed_rag.ui").joinpath("theme.css").read_text(encoding="utf-8")


def _about(counts: StoreCounts) -> str:
    about = say_count(
        "Cited answers and search over your own library of {count} article.",
        "Cited answers and search over your own library of {count} articles.",
        counts.articles,
    )
    if counts.retracted:
        about += " " + say_count("{count} of them is retracted.", "{count} of them are retracted.", counts.retracted)
    return about
