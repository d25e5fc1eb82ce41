"""The page that finds: one box, several ways to search, side by side on request, and what the results are made of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import streamlit as st

from pubmed_rag.core.records import Article, Filters, Hit, Passage, SearchMode, SearchResult
from pubmed_rag.core.text import normalise
from pubmed_rag.index.query_kind import QueryKind, query_kind
from pubmed_rag.index.search import MODES
from pubmed_rag.ui.api import Library
from pubmed_rag.ui.highlight import Html, Span, clip, literal, marked, tag, within, word_spans
from pubmed_rag.ui.messages import say, say_count, word
from pubmed_rag.ui.page_article import full_card, hit_card
from pubmed_rag.ui.page_filters import chosen_filters, draw_filters
from pubmed_rag.ui.page_jobs import UPDATE_INDEX, start
from pubmed_rag.ui.page_save import save_articles
from pubmed_rag.ui.page_state import KEPT, Desk, read_address, write_address
from pubmed_rag.ui.page_words import show, warnings

DEPTH = 200
"""So many of the best results can be paged through, are counted in the filters, and compared."""

FOUND = "search.found"
"""The ids found last, for the map."""

_QUERY, _WAY, _BOTH, _AT = f"{KEPT}query", f"{KEPT}mode", f"{KEPT}both", f"{KEPT}at"
_PICK = f"{KEPT}pick."
_CACHE, _ASKED, _LIKE = "search.cache", "search.asked", "search.like"
_AUTOMATIC = "auto"
_LONGEST_QUERY = 4000
_LONGEST_SEARCHED = 50_000
"""Characters of an article in which matched words are looked for."""
_CACHED = 8

_WAYS: dict[str, str] = {
    _AUTOMATIC: word("Automatic"),
    "hybrid": word("Meaning and words"),
    "pubmed": word("As PubMed does"),
    "bm25": word("Words only"),
    "dense": word("Meaning only"),
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
    with st.form("search.form", border=False):
        typed = st.text_input(
            say("Question, keywords or a PubMed query"),
            key=_QUERY,
            placeholder=say("beta blockers in heart failure"),
        )
        submitted = st.form_submit_button(say("Search"), type="primary")
    query = (typed or "").strip()[:_LONGEST_QUERY]
    way, both = _ways(library)
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
        result = _search(library, query, mode, filters)
        beside = _search(library, query, "pubmed", filters, forgiving=True) if both else None
        any_year = replace(filters, year_from=None, year_to=None)
        all_years = result if any_year == filters else _search(library, query, mode, any_year)
    st.session_state[FOUND] = tuple(hit.id for hit in result.hits)
    found = _articles(library, result)
    size = draw_filters(found, found if all_years is result else _articles(library, all_years))
    st.caption(_understood(query, way, both))
    _problems(desk, result)
    _translation(beside or result)
    if submitted:
        st.session_state.pop(_LIKE, None)
    if (like := st.session_state.get(_LIKE)) is not None:
        _similar(library, str(like), filters, size)
    elif beside is not None:
        _side_by_side(library, beside, result, size)
    else:
        _results(library, result, filters, size)


def _ways(library: Library) -> tuple[str, bool]:
    ways = list(_WAYS)
    if st.session_state.get(_WAY) not in ways:
        usual = library.settings.search.mode
        st.session_state[_WAY] = usual if usual in ways and usual != "hybrid" else _AUTOMATIC
    both = bool(st.session_state.get(_BOTH))
    with st.container(horizontal=True, vertical_alignment="bottom"):
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
        both = st.toggle(
            say("Side by side"),
            key=_BOTH,
            help=say(
                "As PubMed searches on the left, search by meaning and words on the right, over the same articles."
            ),
        )
    return str(way), bool(both)


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
    library: Library, query: str, mode: SearchMode, filters: Filters, *, forgiving: bool = False
) -> SearchResult:
    """The search, or the same one made before in this tab over the same index and library."""
    from pubmed_rag.index.generation import current_name

    key = (query, mode, filters, forgiving, current_name(library.paths), library.store.last_sequence())
    cache: dict[object, SearchResult] = st.session_state.setdefault(_CACHE, {})
    if key not in cache:
        # Beside another list a query is taken as PubMed takes it: what is wrong in it is passed over.
        found = library.search(
            query, mode=mode, top=DEPTH, filters=filters, explain=mode == "pubmed", strict=not forgiving
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
    if result.translation:
        with st.expander(say("How the query was translated")):
            st.code(clip(result.translation, 20_000), language=None, wrap_lines=True)
            for clause in result.clauses:
                indent = "\u2003" * min(clause.depth, 8)
                st.caption(f"{indent}{literal(clip(clause.text, 300))}: {clause.count:,}")
            st.button(say("Edit the translation"), key="search.edit", on_click=_retype, args=(result.translation,))


def _retype(query: str) -> None:
    st.session_state[_QUERY] = query


# -- one list ----------------------------------------------------------------------------------------


def _results(library: Library, result: SearchResult, filters: Filters, size: int) -> None:
    if not result.hits:
        st.info(_nothing(result, filters))
        return
    show(tag("h2", say("Results"), cls="prag-part"))
    st.caption(_count(result))
    hits = _page_of(result, filters, size)
    articles = library.store.get_many([hit.id for hit in hits])
    for hit in hits:
        with st.container(horizontal=True, vertical_alignment="top", gap="small"):
            st.checkbox(
                say("Choose result {number}", number=hit.rank), key=f"{_PICK}{hit.id}", label_visibility="collapsed"
            )
            with st.container():
                _hit(hit, articles.get(hit.id), result.query)
                st.button(
                    say("Similar articles"),
                    key=f"search.like.{hit.id}",
                    type="tertiary",
                    on_click=_look_for,
                    args=(hit.id,),
                    disabled=hit.id not in articles,
                )
    _pager(len(result.hits), size)
    _save(library, result)


def _nothing(result: SearchResult, filters: Filters) -> str:
    advice = [say("Nothing found.")]
    if filters.active:
        advice.append(say("Try without the filters."))
    if result.mode in ("bm25", "pubmed"):
        advice.append(say("Try “Meaning and words”, which also finds other wordings."))
    advice.append(say("Check the spelling, or use fewer or more general words."))
    return " ".join(advice)


def _count(result: SearchResult) -> str:
    if result.mode in ("bm25", "pubmed"):
        found = say_count("{count} article matches", "{count} articles match", result.total)
    else:
        found = say_count("The best of {count} article", "The best of {count} articles", result.total)
    return f"{found} · {result.took_ms:.0f} ms"


def _page_of(result: SearchResult, filters: Filters, size: int) -> Sequence[Hit]:
    """The hits of the page that is turned to; another search begins at the first."""
    asked = (result.query, result.mode, filters, size)
    if st.session_state.get(_ASKED) != asked:
        st.session_state[_ASKED] = asked
        st.session_state[_AT] = 0
    last = (len(result.hits) - 1) // size
    at = min(int(st.session_state.get(_AT, 0)), last)
    st.session_state[_AT] = at
    return result.hits[at * size : (at + 1) * size]


def _pager(count: int, size: int) -> None:
    last = (count - 1) // size
    if not last:
        return
    at = int(st.session_state[_AT])
    with st.container(horizontal=True, vertical_alignment="center"):
        st.button(say("Previous"), key="search.previous", disabled=at == 0, on_click=_turn, args=(-1,))
        st.caption(say("Page {page} of {pages}", page=at + 1, pages=last + 1), width="content")
        st.button(say("Next"), key="search.next", disabled=at == last, on_click=_turn, args=(1,))


def _turn(by: int) -> None:
    st.session_state[_AT] = int(st.session_state.get(_AT, 0)) + by


def _picked() -> list[str]:
    keys = [key for key, value in st.session_state.items() if isinstance(key, str) and key.startswith(_PICK) and value]
    return [key.removeprefix(_PICK) for key in keys]


def _unpick() -> None:
    for article_id in _picked():
        st.session_state[f"{_PICK}{article_id}"] = False


def _save(library: Library, result: SearchResult) -> None:
    picked = _picked()
    label = (
        say_count("Save {count} chosen article", "Save {count} chosen articles", len(picked))
        if picked
        else say_count("Save this {count} article", "Save these {count} articles", len(result.hits))
    )
    with st.expander(label, key="search.save.expander"):
        ids = picked or [hit.id for hit in result.hits]
        found = library.store.get_many(ids)
        save_articles([found[article_id] for article_id in ids if article_id in found], "search")
        if picked:
            st.button(say("Choose none"), key="search.unpick", on_click=_unpick)
        else:
            st.caption(say("Choose single results with the boxes beside them."))


# -- similar articles --------------------------------------------------------------------------------


def _look_for(article_id: str | None) -> None:
    st.session_state[_LIKE] = article_id


def _similar(library: Library, article_id: str, filters: Filters, size: int) -> None:
    """What is most like one article, in place of the results it was found among."""
    st.button(say("Back to the results"), key="search.back", on_click=_look_for, args=(None,))
    article = library.article(article_id)
    show(tag("h2", say("Similar to"), cls="prag-part"))
    show(full_card(article))
    show(tag("h2", say("Similar articles"), cls="prag-part"))
    found = library.similar(article_id, top=size, filters=filters)
    articles = library.store.get_many([hit.id for hit in found.hits])
    if not found.hits:
        st.info(say("Nothing found."))
    for hit in found.hits:
        _hit(hit, articles.get(hit.id), article.title)


# -- side by side ------------------------------------------------------------------------------------


def _side_by_side(library: Library, words: SearchResult, meaning: SearchResult, size: int) -> None:
    """Two lists over the same articles; what both found is linked, what one alone found is marked."""
    places = {side.mode: {hit.id: hit.rank for hit in side.hits} for side in (words, meaning)}
    common = len(places[words.mode].keys() & places[meaning.mode].keys())
    st.caption(
        say_count("{count} article was found on both sides.", "{count} articles were found on both sides.", common)
    )
    for column, side, other in zip(st.columns(2), (words, meaning), (meaning, words), strict=True):
        with column:
            show(tag("h2", say(_WAYS[side.mode]), cls="prag-part"))
            if not side.hits:
                st.info(say("Nothing found."))
                continue
            st.caption(_count(side))
            hits = side.hits[:size]
            articles = library.store.get_many([hit.id for hit in hits])
            for hit in hits:
                mark = _mark(hit, places[other.mode].get(hit.id), other.mode, size)
                _hit(hit, articles.get(hit.id), side.query, mark=mark, anchor=_anchor(side.mode, hit.id))


def _mark(hit: Hit, rank: int | None, other: SearchMode, size: int) -> Html:
    if rank is None:
        return tag("p", say("Found on this side only"), cls="prag-mark prag-alone")
    words = say("Number {rank} on the other side", rank=rank)
    if rank > size:
        return tag("p", words, cls="prag-mark")
    return tag("p", tag("a", words, href=f"#{_anchor(other, hit.id)}", target="_self"), cls="prag-mark")


def _anchor(mode: SearchMode, article_id: str) -> str:
    return f"prag-{mode}-{article_id.encode().hex()}"


# -- a result ----------------------------------------------------------------------------------------


def _hit(hit: Hit, article: Article | None, query: str, *, mark: Html | None = None, anchor: str | None = None) -> None:
    from pubmed_rag.index.analysis import terms

    wanted = frozenset(terms(normalise(query)))
    spans = word_spans(clip(article.text, _LONGEST_SEARCHED), wanted, terms) if article else []
    snippet = _snippet(article, spans) if article else Html()
    show(hit_card(hit, article, snippet, spans, mark=mark, anchor=anchor))


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
