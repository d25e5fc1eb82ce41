"""The page that finds: one box, three ways to search, and the articles with what matched."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from pubmed_rag.core.records import Article, Filters, Passage, SearchMode, SearchResult
from pubmed_rag.core.text import normalise
from pubmed_rag.ui.api import Library
from pubmed_rag.ui.highlight import Html, Span, clip, marked, tag, within, word_spans
from pubmed_rag.ui.page_article import hit_card
from pubmed_rag.ui.page_state import KEPT
from pubmed_rag.ui.page_words import show, warnings

_MODES: dict[SearchMode, str] = {"hybrid": "Meaning and words", "bm25": "Words only", "dense": "Meaning only"}
_NUMBERS = (10, 25, 50)
_LONGEST_QUERY = 1000
_LONGEST_SEARCHED = 50_000
"""Characters of an article in which matched words are looked for."""


def render(library: Library) -> None:
    """Draw the page; every change of the mode or a filter searches again."""
    with st.form("search.form", border=False):
        typed = st.text_input(
            "Question, keywords or a title",
            key=f"{KEPT}query",
            placeholder="beta blockers in heart failure",
        )
        submitted = st.form_submit_button("Search", type="primary")
    mode = _mode(library)
    filters, top = _filters()
    query = (typed or "").strip()[:_LONGEST_QUERY]
    if not query:
        if submitted:
            st.warning("Type something to search for first.")
        else:
            st.caption("Type a question, some keywords or a title, and press Enter.")
        return
    if filters.year_from and filters.year_to and filters.year_from > filters.year_to:
        st.warning("The first year is after the last year, so nothing can match. Change one of them.")
        return
    with st.spinner("Searching … the first search also loads the index and the model."):
        result = library.search(query, mode=mode, top=top, filters=filters)
    _results(library, result, filters)


def _mode(library: Library) -> SearchMode:
    modes = list(_MODES)
    usual = library.settings.search.mode
    st.session_state.setdefault(f"{KEPT}mode", usual if usual in modes else modes[0])
    return st.radio(
        "How to search",
        modes,
        key=f"{KEPT}mode",
        format_func=_MODES.__getitem__,
        horizontal=True,
        help="**Meaning and words** (hybrid) is best for most searches. **Words only** (BM25) finds articles that "
        "contain your words: good for names, genes and exact terms. **Meaning only** (dense) finds articles that say "
        "the same in other words.",
    )


def _filters() -> tuple[Filters, int]:
    with st.expander("Filters"):
        left, right = st.columns(2)
        year_from = left.number_input(
            "From year", 1700, 2200, value=None, step=1, key=f"{KEPT}year_from", placeholder="any"
        )
        year_to = right.number_input("To year", 1700, 2200, value=None, step=1, key=f"{KEPT}year_to", placeholder="any")
        without = st.checkbox("Leave retracted papers out", key=f"{KEPT}without_retracted")
        top = st.selectbox("Results to show", _NUMBERS, key=f"{KEPT}results")
    return Filters(year_from=year_from, year_to=year_to, retracted=False if without else None), top


def _results(library: Library, result: SearchResult, filters: Filters) -> None:
    warnings(result.warnings)
    if not result.hits:
        st.info(_nothing(result, filters))
        return
    show(tag("h2", "Results", cls="prag-part"))
    st.caption(_count(result))
    from pubmed_rag.index.analysis import terms

    wanted = frozenset(terms(normalise(result.query)))
    articles = library.store.get_many([hit.id for hit in result.hits])
    for hit in result.hits:
        article = articles.get(hit.id)
        spans = word_spans(clip(article.text, _LONGEST_SEARCHED), wanted, terms) if article else []
        show(hit_card(hit, article, _snippet(article, spans) if article else Html(), spans))


def _nothing(result: SearchResult, filters: Filters) -> str:
    advice = ["Nothing found."]
    if filters.active:
        advice.append("Try without the filters.")
    if result.mode == "bm25":
        advice.append("Try “Meaning and words”, which also finds other wordings.")
    advice.append("Check the spelling, or use fewer or more general words.")
    return " ".join(advice)


def _count(result: SearchResult) -> str:
    shown = len(result.hits)
    if result.mode == "bm25":
        found = f"{shown:,} of {result.total:,} articles that contain your words"
    else:
        found = f"the best {shown:,} of {result.total:,} articles"
    return f"{found[:1].upper()}{found[1:]} · {result.took_ms:.0f} ms"


def _snippet(article: Article, spans: Sequence[Span]) -> Html:
    """The sentence of the abstract with most of the words searched for, those marked.

    Among equals the last: results and conclusions say more than the background.
    """
    from pubmed_rag.index.passages import sentences

    if len(article.text) > _LONGEST_SEARCHED:
        return Html()
    inside = [passage for passage in sentences(article) if passage.start >= len(article.title)]
    if not inside:
        return Html()

    def worth(passage: Passage) -> tuple[int, int]:
        return len({passage.text[a:b].casefold() for a, b in within(spans, passage.start, passage.end)}), passage.start

    best = max(inside, key=worth)
    return marked(best.text, within(spans, best.start, best.end), longest=600)
