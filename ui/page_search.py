"""The page that finds: one box, several ways to search, side by side on request, and what the results are made of."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import streamlit as st

from pubmed_rag.core.records import Article, Filters, SearchMode, SearchResult
from pubmed_rag.index.query_kind import QueryKind, query_kind
from pubmed_rag.index.rerankers import LIKELIHOOD
from pubmed_rag.index.search import MODES
from pubmed_rag.ui import page_live
from pubmed_rag.ui.api import Library
from pubmed_rag.ui.highlight import clip, literal, record_text, tag
from pubmed_rag.ui.messages import number, say, word
from pubmed_rag.ui.page_columns import TITLES, side_by_side
from pubmed_rag.ui.page_filters import chosen_filters, draw_filters
from pubmed_rag.ui.page_jobs import UPDATE_INDEX, start
from pubmed_rag.ui.page_results import LIKE, one_list, similar
from pubmed_rag.ui.page_state import KEPT, LIVE_SEARCH, Desk, read_address, write_address
from pubmed_rag.ui.page_words import show, warnings

if TYPE_CHECKING:
    from pubmed_rag.index.pubmed_search import Sort

DEPTH = 200
"""So many of the best results can be paged through, are counted in the filters, and compared."""

FOUND = "search.found"
"""The ids found last, for the map."""

_QUERY, _WAY, _BOTH, _SORT = f"{KEPT}query", f"{KEPT}mode", f"{KEPT}both", f"{KEPT}sort"
_CLOSER = f"{KEPT}closer"
_CACHE = "search.cache"
_AUTOMATIC = "auto"
_LONGEST_QUERY = 4000
_CACHED = 8

_WAYS: dict[str, str] = {
    _AUTOMATIC: word("Automatic"),
    **{mode: TITLES[mode] for mode in ("hybrid", "pubmed", "bm25", "dense")},
}
_SORTS: dict[Sort, str] = {
    "relevance": word("Best match first"),
    "date": word("Newest first"),
    "entered": word("Latest in PubMed first"),
}
_KINDS: dict[QueryKind, str] = {
    "question": word("Understood as a question"),
    "keywords": word("Understood as keywords"),
    "pubmed": word("Understood as a PubMed query"),
}


def render(desk: Desk) -> None:
    """Draw the page; every change of the way to search or a filter searches again."""
    library = desk.library
    if (named := read_address(_LONGEST_QUERY)) is not None:
        st.session_state[_QUERY] = named
    with st.form("search.form", border=False), st.container(horizontal=True, vertical_alignment="bottom"):
        typed = st.text_input(
            say("Question, keywords or a PubMed query"),
            key=_QUERY,
            placeholder=say("beta blockers in heart failure"),
        )
        submitted = st.form_submit_button(say("Search"), type="primary")
    query = (typed or "").strip()[:_LONGEST_QUERY]
    way, both, live, sort, rerank = _ways(library, query)
    write_address(query or None)
    if not query:
        if submitted:
            st.warning(say("Type something to search for first."))
        else:
            st.caption(say("Type a question, some keywords or a title, and press Enter."))
        return
    filters = chosen_filters()
    if filters.year_from and filters.year_to and filters.year_from > filters.year_to:
        draw_filters(None, None)
        st.warning(say("The first year is after the last year, so nothing can match. Change one of them."))
        return
    mode = "hybrid" if both else _mode(query, way)
    with st.spinner(say("Searching … the first search also loads the index and the model.")):
        result = _search(library, query, mode, filters, sort, rerank=rerank)
        beside = _search(library, query, "pubmed", filters, sort, forgiving=True) if both else None
        any_year = replace(filters, year_from=None, year_to=None)
        # They are counted only, whatever their order, so the model need not read once more.
        unread = "none" if rerank == LIKELIHOOD else rerank
        all_years = result if any_year == filters else _search(library, query, mode, any_year, sort, rerank=unread)
    st.session_state[FOUND] = tuple(hit.id for hit in result.hits)
    found = _articles(library, result)
    size = draw_filters(found, found if all_years is result else _articles(library, all_years))
    st.caption(_understood(query, way, both))
    _problems(desk, result)
    _translation(beside or result)
    if submitted:
        st.session_state.pop(LIKE, None)
    asked = (query, mode, sort, filters, both, live, rerank)
    if (like := st.session_state.get(LIKE)) is not None:
        similar(library, str(like), filters, size)
    elif beside is not None or live:
        lists = [result] if beside is None else [beside, result]
        outside = (query, sort, filters) if live else None
        side_by_side(desk, lists, live=outside, filters=filters, asked=asked, size=size)
    else:
        one_list(library, result, found, filters, asked, size)


def _ways(library: Library, query: str) -> tuple[str, bool, bool, Sort, str | None]:
    """How to search, whether both ways side by side, whether PubMed itself is asked too, the order of lists that
    PubMed's rules make, and by what search by meaning and words is re-ranked."""
    ways = list(_WAYS)
    if st.session_state.get(_WAY) not in ways:
        usual = library.settings.search.mode
        st.session_state[_WAY] = usual if usual in ways and usual != "hybrid" else _AUTOMATIC
    both = bool(st.session_state.get(_BOTH))
    way = st.radio(
        say("How to search"),
        ways,
        key=_WAY,
        format_func=lambda name: say(_WAYS[name]),
        horizontal=True,
        disabled=both,
        help=say(
            "**Automatic** looks at what you type. **Meaning and words** is best for most searches. **As PubMed "
            "does** takes PubMed's own language: headings, fields, AND, OR, NOT. **Words only** finds articles "
            "that contain your words: good for names, genes and exact terms. **Meaning only** finds articles that "
            "say the same in other words."
        ),
    )
    with st.container(horizontal=True, vertical_alignment="bottom"):
        both = st.toggle(
            say("Side by side"),
            key=_BOTH,
            help=say(
                "As PubMed searches on the left, search by meaning and words on the right, over the same articles."
            ),
        )
        service = page_live.service(library.settings)
        live = st.toggle(
            say("PubMed too"),
            key=LIVE_SEARCH,
            help=say(
                "Also asks PubMed itself, in a list beside. What you type and the filters are then sent to {service}, "
                "with each search; otherwise nothing leaves this machine.",
                service=service,
            ),
        )
        rerank = _closer(library, both or _mode(query, str(way)) == "hybrid")
        sort = _order() if both or live or _mode(query, str(way)) == "pubmed" else "relevance"
    if live:
        st.caption(say("What you search for is sent to {service} as well.", service=literal(service)))
    return str(way), bool(both), bool(live), sort, rerank


def _closer(library: Library, possible: bool) -> str | None:
    """What re-ranks: the language model, if wished; else what the settings say, save it."""
    usual = library.settings.search.rerank
    st.session_state.setdefault(_CLOSER, usual == LIKELIHOOD)
    chosen = st.toggle(
        say("A closer look"),
        key=_CLOSER,
        disabled=not possible,
        help=say(
            "A small language model reads the best eight articles and puts first what makes your words most likely. "
            "Better on average, and about a second slower."
        ),
    )
    if chosen:
        return LIKELIHOOD
    return "none" if usual == LIKELIHOOD else None


def _order() -> Sort:
    sorts = list(_SORTS)
    if st.session_state.get(_SORT) not in sorts:
        st.session_state[_SORT] = sorts[0]
    return st.selectbox(
        say("Order of PubMed's lists"), sorts, key=_SORT, format_func=lambda name: say(_SORTS[name]), width=220
    )


def _mode(query: str, way: str) -> SearchMode:
    """The mode that was chosen, or the one that suits what was typed."""
    for mode in MODES:
        if mode == way:
            return mode
    return "pubmed" if query_kind(query) == "pubmed" else "hybrid"


def _understood(query: str, way: str, both: bool) -> str:
    kind = say(_KINDS[query_kind(query)])
    if both:
        return f"{kind}."
    if way != _AUTOMATIC:
        return f"{say('Searched as chosen')}: {say(_WAYS[way])}."
    return f"{kind}. {say('Searched by')}: {say(_WAYS[_mode(query, way)])}."


def _search(
    library: Library,
    query: str,
    mode: SearchMode,
    filters: Filters,
    sort: Sort,
    *,
    forgiving: bool = False,
    rerank: str | None = None,
) -> SearchResult:
    """The search, or the same one made before in this tab over the same index and library."""
    from pubmed_rag.index.generation import current_name

    order: Sort = sort if mode == "pubmed" else "relevance"  # the other modes have no other
    index = (current_name(library.paths), library.store.last_sequence())
    key = (query, mode, filters, order, forgiving, rerank if mode == "hybrid" else None, *index)
    cache: dict[object, SearchResult] = st.session_state.setdefault(_CACHE, {})
    if key not in cache:
        # Beside another list a query is taken as PubMed takes it: what is wrong in it is passed over.
        found = library.search(
            query,
            mode=mode,
            top=DEPTH,
            filters=filters,
            sort=order,
            explain=mode == "pubmed",
            strict=not forgiving,
            rerank=rerank,
        )
        while len(cache) >= _CACHED:
            del cache[next(iter(cache))]
        cache[key] = found
    return cache[key]


def _articles(library: Library, result: SearchResult) -> list[Article]:
    articles = library.store.get_many([hit.id for hit in result.hits])
    return [articles[hit.id] for hit in result.hits if hit.id in articles]


def _problems(desk: Desk, result: SearchResult) -> None:
    warnings(result.warnings)
    if desk.library.store.last_sequence() > desk.library.manifest().sequence and st.button(
        say("Update the index"), key="search.index", disabled=desk.jobs.running() is not None
    ):
        from pubmed_rag.ui import library_jobs

        start(desk, UPDATE_INDEX, lambda: library_jobs.update_index(desk.library, desk.jobs))


def _translation(result: SearchResult) -> None:
    """How a PubMed query was understood, and what each part of it matches."""
    if result.suggestion and result.suggestion != result.query:
        st.button(
            literal(say("Did you mean: {words}", words=clip(result.suggestion, 200))),
            key="search.suggestion",
            on_click=_retype,
            args=(result.suggestion,),
            type="tertiary",
        )
    if not result.translation:
        return
    with st.expander(say("How the query was translated"), key="search.translation"):
        if len(result.clauses) > 1:
            show(
                tag(
                    "ul",
                    *(
                        tag(
                            "li",
                            tag("code", record_text(clip(clause.text, 300))),
                            f" {number(clause.count)}",
                            style=f"margin-left: {min(clause.depth, 8)}rem",
                        )
                        for clause in result.clauses
                    ),
                    cls="prag-clauses",
                )
            )
        with st.form("search.translation.form", border=False):
            key = f"search.translation.{hash(result.translation)}"
            st.session_state.setdefault(key, result.translation)
            st.text_area(
                say("The translation, to be changed as you like"),
                key=key,
                height="content",
                max_chars=_LONGEST_QUERY * 5,
            )
            st.form_submit_button(say("Search with this translation"), on_click=_retype_from, args=(key,))


def _retype(query: str) -> None:
    st.session_state[_QUERY] = query


def _retype_from(key: str) -> None:
    _retype(" ".join(str(st.session_state.get(key, "")).split())[:_LONGEST_QUERY])
