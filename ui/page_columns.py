"""Several lists for one query side by side: as PubMed searches, by meaning and words, and PubMed itself today."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import streamlit as st

from pubmed_rag.core.records import Filters, Hit, SearchResult
from pubmed_rag.ui import library_jobs, page_live
from pubmed_rag.ui.highlight import Html, clip, join, literal, tag
from pubmed_rag.ui.messages import say, say_count, word
from pubmed_rag.ui.page_jobs import ADD_QUERY, start
from pubmed_rag.ui.page_live import Live
from pubmed_rag.ui.page_results import count, nothing, page_at, pager, row, save
from pubmed_rag.ui.page_state import Desk
from pubmed_rag.ui.page_words import explain, show

if TYPE_CHECKING:
    from pubmed_rag.index.pubmed_search import Sort

LIVE = "live"
"""The name of PubMed's own list."""

TITLES: dict[str, str] = {
    "hybrid": word("Meaning and words"),
    "pubmed": word("As PubMed does"),
    "bm25": word("Words only"),
    "dense": word("Meaning only"),
    LIVE: word("PubMed itself, today"),
}


@dataclass(frozen=True, slots=True)
class Column:
    """One list, and at which rank each article stands in it."""

    name: str
    hits: tuple[Hit, ...]
    ranks: Mapping[str, int]


def column(name: str, hits: Sequence[Hit]) -> Column:
    """``hits`` as a column. An article of PubMed is known by its PMID in every list."""
    return Column(name, tuple(hits), {_key(hit): hit.rank for hit in hits})


def side_by_side(
    desk: Desk,
    results: Sequence[SearchResult],
    *,
    live: tuple[str, Sort, Filters] | None,
    filters: Filters,
    asked: object,
    size: int,
) -> None:
    """The lists beside each other; what several found is linked, what one alone found is marked.

    ``live`` is what to ask PubMed itself, if it is to be asked. What the library found shows while it answers.
    """
    answer = page_live.known(*live) if live else None
    columns = [column(result.mode, result.hits) for result in results]
    if answer is not None and answer.found is not None:
        columns.append(column(LIVE, answer.hits))
    _common(columns)
    at = page_at((asked, size), max(len(one.hits) for one in columns), size)
    places = st.columns(len(results) + (live is not None))
    for place, result, one in zip(places, results, columns, strict=False):
        with place:
            show(tag("h2", say(TITLES[one.name]), cls="prag-part"))
            if result.hits:
                st.caption(count(result))
                _rows(desk, one, columns, result.query, at, size)
            else:
                st.info(nothing(result, filters))
    if live is not None:
        with places[-1]:
            show(tag("h2", say(TITLES[LIVE]), cls="prag-part"))
            if answer is None:
                with st.spinner(say("Asking {service} …", service=page_live.service(desk.library.settings))):
                    page_live.ask(desk.library, *live)
                st.rerun()  # the other lists show what it found too
            _live(desk, answer, columns, live[0], at, size)
    pager(max(len(one.hits) for one in columns), size)
    ids = list(dict.fromkeys(hit.id for one in columns if one.name != LIVE for hit in one.hits))
    save(desk.library, ids, page_live.kept_records())


def _common(columns: Sequence[Column]) -> None:
    if len(columns) < 2:
        return
    common = len(frozenset.intersection(*(frozenset(one.ranks) for one in columns)))
    if len(columns) == 2:
        words = say_count(
            "{count} article was found on both sides.", "{count} articles were found on both sides.", common
        )
    else:
        words = say_count("{count} article is in all lists.", "{count} articles are in all lists.", common)
    st.caption(words)


def _rows(desk: Desk, one: Column, columns: Sequence[Column], query: str, at: int, size: int) -> list[Hit]:
    """The rows of a page of one list. Returns those whose articles the library does not hold."""
    hits = one.hits[at * size : (at + 1) * size]
    if not hits:
        st.caption(say("This list ends before."))
    articles = desk.library.store.get_many([hit.id for hit in hits])
    absent = [hit for hit in hits if hit.id not in articles] if one.name == LIVE else []
    fetched = page_live.records(desk.library, [hit.id for hit in absent]) if absent else {}
    for hit in hits:
        held = articles.get(hit.id)
        article = held or fetched.get(hit.id)
        outside = one.name == LIVE and held is None
        mark = (
            tag("p", say("Not in your library"), cls="prag-mark prag-outside")
            if outside
            else _mark(hit, columns, one, at, size)
        )
        anchor = _anchor(one.name, _key(hit))
        if article is None and outside:
            show(_bare(hit, mark, anchor))
        else:
            row(hit, article, query, side=one.name, mark=mark, anchor=anchor, likes=not outside)
    return absent


def _live(desk: Desk, answer: Live, columns: Sequence[Column], query: str, at: int, size: int) -> None:
    if answer.error is not None or answer.found is None:
        explain(answer.error or RuntimeError("no answer"))
        st.caption(say("What your library found stands beside. Without a network everything else works as ever."))
        st.button(say("Try again"), key="search.live.again", on_click=page_live.forget_failures)
        return
    found = answer.found
    st.caption(say_count("{count} article matches", "{count} articles match", found.count))
    if found.translation:
        with st.expander(say("How PubMed read it")):
            st.code(clip(found.translation, 20_000), language=None, wrap_lines=True)
    if not found.pmids:
        st.info(say("Nothing found."))
        for warning in found.warnings:
            st.caption(literal(clip(warning, 300)))
        return
    absent = _rows(desk, columns[-1], columns, query, at, size)
    if absent and st.button(
        say_count("Add {count} to the library", "Add these {count} to the library", len(absent)),
        key="search.live.add",
        disabled=desk.jobs.running() is not None,
        help=say("Those of this page that your library does not hold. They are fetched from PubMed and indexed."),
    ):
        pmids = [hit.id for hit in absent]
        start(desk, ADD_QUERY, lambda: library_jobs.add_pmids(desk.library, desk.jobs, pmids), detail=query)


def _bare(hit: Hit, mark: Html, anchor: str) -> Html:
    """An article of which nothing but the PMID is known here."""
    link = tag(
        "a",
        f"PubMed {hit.id}",
        href=f"https://pubmed.ncbi.nlm.nih.gov/{hit.id}/",
        target="_blank",
        rel="noopener noreferrer",
    )
    title = tag("h3", tag("span", f"{hit.rank}.", cls="prag-number"), link, cls="prag-title")
    return tag("div", title, mark, cls="prag-hit", id=anchor)


def _mark(hit: Hit, columns: Sequence[Column], own: Column, at: int, size: int) -> Html:
    """Where the other lists have the same article, with links to what is on this page; or that none has it."""
    others = [one for one in columns if one is not own]
    if not others:
        return Html()
    ranks = [(one, one.ranks.get(_key(hit))) for one in others]
    if all(rank is None for _, rank in ranks):
        alone = say("Found on this side only") if len(others) == 1 else say("In this list only")
        return tag("p", alone, cls="prag-mark prag-alone")
    shown = range(at * size + 1, (at + 1) * size + 1)
    parts = []
    for one, rank in ranks:
        if rank is None:
            continue
        words = (
            say("Number {rank} on the other side", rank=rank)
            if len(others) == 1
            else say("{list}: {rank}", list=say(TITLES[one.name]), rank=rank)
        )
        link = tag("a", words, href=f"#{_anchor(one.name, _key(hit))}", target="_self") if rank in shown else words
        parts.append(link)
    if len(others) > 1 and len(parts) == len(others):
        parts.insert(0, say("In all lists"))
    return tag("p", join(parts, " · "), cls="prag-mark")


def _key(hit: Hit) -> str:
    return hit.pmid or hit.id


def _anchor(name: str, key: str) -> str:
    return f"prag-{name}-{key.encode().hex()}"
