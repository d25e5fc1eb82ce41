"""What a search found as a list: results with their matched words, choosing some, paging, saving, similar articles."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import streamlit as st

from pubmed_rag.core.records import Article, Filters, Hit, Passage, SearchResult
from pubmed_rag.core.text import normalise
from pubmed_rag.ui.api import Library
from pubmed_rag.ui.highlight import Html, Span, clip, marked, tag, within, word_spans
from pubmed_rag.ui.messages import say, say_count
from pubmed_rag.ui.page_article import full_card, hit_card
from pubmed_rag.ui.page_save import save_articles
from pubmed_rag.ui.page_state import KEPT
from pubmed_rag.ui.page_words import show

LIKE = "search.like"
"""The id of the article whose likes are shown in place of the results."""

_AT = f"{KEPT}at"
_ASKED, _PICKED = "search.asked", "search.picked"
_LONGEST_SEARCHED = 50_000
"""Characters of an article in which matched words are looked for."""


def one_list(
    library: Library, result: SearchResult, found: Sequence[Article], filters: Filters, asked: object, size: int
) -> None:
    """The results page by page; ``found`` are their articles, as far as the library still holds them.

    ``asked`` is what was searched for and how: another search begins at page one.
    """
    if not result.hits:
        st.info(nothing(result, filters))
        return
    show(tag("h2", say("Results"), cls="prag-part"))
    st.caption(count(result))
    at = page_at((asked, size), len(result.hits), size)
    hits = result.hits[at * size : (at + 1) * size]
    articles = {article.id: article for article in found}
    for hit in hits:
        row(hit, articles.get(hit.id), result.query)
    pager(len(result.hits), size)
    save(library, [hit.id for hit in result.hits], held=articles)


def nothing(result: SearchResult, filters: Filters) -> str:
    """What to do when there is nothing."""
    advice = [say("Nothing found.")]
    if filters.active:
        advice.append(say("Try without the filters."))
    if result.mode in ("bm25", "pubmed"):
        advice.append(say("Try “Meaning and words”, which also finds other wordings."))
    advice.append(say("Check the spelling, or use fewer or more general words."))
    return " ".join(advice)


def count(result: SearchResult) -> str:
    """How many there are and how long it took."""
    if result.mode in ("bm25", "pubmed"):
        found = say_count("{count} article matches", "{count} articles match", result.total)
    else:
        found = say_count("The best of {count} article", "The best of {count} articles", result.total)
    return f"{found} · {result.took_ms:.0f} ms"


# -- pages -------------------------------------------------------------------------------------------


def page_at(asked: object, total: int, size: int) -> int:
    """The page (from 0) that is turned to; another ``asked`` begins at the first."""
    if st.session_state.get(_ASKED) != asked:
        st.session_state[_ASKED] = asked
        st.session_state[_AT] = 0
    at = min(int(st.session_state.get(_AT, 0)), max(0, total - 1) // size)
    st.session_state[_AT] = at
    return at


def pager(total: int, size: int) -> None:
    """Ways to the pages before and after, where there are several."""
    last = max(0, total - 1) // size
    if not last:
        return
    at = int(st.session_state[_AT])
    with st.container(horizontal=True, vertical_alignment="center"):
        st.button(say("Previous"), key="search.previous", disabled=at == 0, on_click=_turn, args=(-1,))
        st.caption(say("Page {page} of {pages}", page=at + 1, pages=last + 1), width="content")
        st.button(say("Next"), key="search.next", disabled=at == last, on_click=_turn, args=(1,))


def _turn(by: int) -> None:
    st.session_state[_AT] = int(st.session_state.get(_AT, 0)) + by


# -- choosing and saving -----------------------------------------------------------------------------


def picked() -> list[str]:
    """The ids of the chosen articles, in the order in which they were chosen."""
    return list(st.session_state.get(_PICKED, {}))


def _pick(key: str, article_id: str) -> None:
    chosen: dict[str, None] = st.session_state.setdefault(_PICKED, {})
    if st.session_state.get(key):
        chosen[article_id] = None
    else:
        chosen.pop(article_id, None)


def _unpick() -> None:
    st.session_state[_PICKED] = {}


def save(
    library: Library,
    ids: Sequence[str],
    elsewhere: Mapping[str, Article] | None = None,
    *,
    held: Mapping[str, Article] | None = None,
) -> None:
    """Files of the chosen articles, or of those with ``ids``. Articles ``elsewhere`` are not in the library; those
    ``held`` have been read from it already."""
    chosen = picked()
    label = (
        say_count("Save {count} chosen article", "Save {count} chosen articles", len(chosen))
        if chosen
        else say_count("Save this {count} article", "Save these {count} articles", len(ids))
    )
    with st.expander(label, key="search.save.expander"):
        wanted = chosen or list(ids)
        read = held or {}
        found = {**(elsewhere or {}), **read, **library.store.get_many([one for one in wanted if one not in read])}
        save_articles([found[article_id] for article_id in wanted if article_id in found], "search")
        if chosen:
            st.button(say("Choose none"), key="search.unpick", on_click=_unpick)
        else:
            st.caption(say("Choose single results with the boxes beside them."))


# -- similar articles --------------------------------------------------------------------------------


def look_for(article_id: str | None) -> None:
    """Show what is like an article from the next drawing on; ``None``: the results again."""
    st.session_state[LIKE] = article_id


def similar(library: Library, article_id: str, filters: Filters, size: int) -> None:
    """What is most like one article, in place of the results it was found among."""
    st.button(say("Back to the results"), key="search.back", on_click=look_for, args=(None,))
    article = library.article(article_id)
    show(tag("h2", say("Similar to"), cls="prag-part"))
    show(full_card(article))
    show(tag("h2", say("Similar articles"), cls="prag-part"))
    found = library.similar(article_id, top=size, filters=filters)
    articles = library.store.get_many([hit.id for hit in found.hits])
    if not found.hits:
        st.info(say("Nothing found."))
    for hit in found.hits:
        row(hit, articles.get(hit.id), article.title)


# -- a result ----------------------------------------------------------------------------------------


def row(
    hit: Hit,
    article: Article | None,
    query: str,
    *,
    side: str = "",
    mark: Html | None = None,
    anchor: str | None = None,
    likes: bool = True,
) -> None:
    """A result with a box to choose it and a way to similar ones. ``side`` tells lists of one page apart."""
    place = f"{side}.{hit.id}" if side else hit.id
    key = f"search.pick.{place}"
    st.session_state[key] = hit.id in st.session_state.get(_PICKED, {})
    with st.container(horizontal=True, vertical_alignment="top", gap="small", key=f"search.row.{place}"):
        st.checkbox(
            say("Choose result {number}", number=hit.rank),
            key=key,
            label_visibility="collapsed",
            on_change=_pick,
            args=(key, hit.id),
            disabled=article is None,
        )
        with st.container(gap=None):
            card(hit, article, query, mark=mark, anchor=anchor)
            if likes:
                st.button(
                    say("Similar articles"),
                    key=f"search.like.{place}",
                    type="tertiary",
                    on_click=look_for,
                    args=(hit.id,),
                    disabled=article is None,
                )


def card(hit: Hit, article: Article | None, query: str, *, mark: Html | None = None, anchor: str | None = None) -> None:
    """The result itself, with the words of ``query`` marked in title, abstract and the sentence shown of it."""
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
