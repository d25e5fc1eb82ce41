"""The library, or what was found last, as a map: near articles stand together, groups have names, results are lit."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any

import streamlit as st

from pubmed_rag.core.errors import UnknownArticleError
from pubmed_rag.core.library import LibraryPaths
from pubmed_rag.index.concept_map import MOST_POINTS, ConceptMap, MapGroup, MapPoint, map_of, map_path, read_map
from pubmed_rag.ui import library_jobs, page_jobs
from pubmed_rag.ui.api import Library
from pubmed_rag.ui.highlight import clip, literal, record_text, tag
from pubmed_rag.ui.map_view import ColourBy, central, colouring, drawing, name_of
from pubmed_rag.ui.messages import number, say, say_count, word
from pubmed_rag.ui.page_article import full_card
from pubmed_rag.ui.page_search import FOUND
from pubmed_rag.ui.page_state import KEPT, Desk
from pubmed_rag.ui.page_words import explain, show

if TYPE_CHECKING:
    from streamlit.components.v2.types import ComponentRenderer

    from pubmed_rag.index.map_places import MapPlaces

FEWEST = 3
"""Articles. Fewer need no map."""

_COLOUR, _LIT, _GROUP, _WHAT = f"{KEPT}map.colour", f"{KEPT}map.lit", f"{KEPT}map.group", f"{KEPT}map.what"
_QUERY, _PAGE = f"{KEPT}query", f"{KEPT}page"
_CHART, _OPEN = "map.chart", "map.open"
_LISTED = 15
_LONGEST_ID = 200
_MAPS_KEPT = 8

_COLOURS: dict[ColourBy, str] = {"group": word("Group"), "year": word("Year"), "kind": word("Kind of article")}
_WHATS = {"library": word("The whole library"), "results": word("Only what was found last")}


def render(desk: Desk) -> None:
    """Draw the page."""
    indexed = desk.library.manifest().articles  # raises where there is no index, and the frame has words for that
    if indexed < FEWEST:
        st.info(say("There are too few articles for a map yet. Add some on the page Library."))
        return
    results = tuple(st.session_state.get(FOUND, ()))
    whole = _map(desk.library.paths)
    if whole is None:
        _none_yet(desk)
        return
    with st.container(horizontal=True, gap="medium", vertical_alignment="bottom"):
        what, colour = _what(len(results)), _colour()
        wanted = what == "library" and _wanted(len(results))
    if what == "results":
        found = _map_of(desk.library, results)
        st.caption(say_count("{count} article found last", "{count} articles found last", len(found.points)))
    else:
        found = whole
        _age(desk, found, searched=bool(results))
    extra = _placed(desk.library, found, results) if wanted else ()
    lit = frozenset(results) if wanted else None
    chosen = _chosen(found)
    _draw(found, extra, colour, lit, chosen)
    _opened(desk.library)
    _groups(found, chosen)


# -- the map that is kept ----------------------------------------------------------------------------


def _map(paths: LibraryPaths) -> ConceptMap | None:
    try:
        changed = map_path(paths).stat().st_mtime_ns
    except FileNotFoundError:
        return None
    return _read(str(paths.root), changed)


@st.cache_resource(show_spinner=False, max_entries=2)
def _read(root: str, changed: int) -> ConceptMap | None:  # noqa: ARG001 - the moment is part of the key
    from pathlib import Path

    return read_map(LibraryPaths(Path(root)))


@st.cache_resource(show_spinner=False, max_entries=2)
def _places(_library: Library, _found: ConceptMap, root: str, generation: str, drawn: str) -> MapPlaces:  # noqa: ARG001
    from pubmed_rag.index.map_places import MapPlaces

    return MapPlaces(_library.paths, _library.store, _found)


@st.cache_resource(show_spinner=False, max_entries=_MAPS_KEPT)
def _results_map(_library: Library, root: str, generation: str, ids: tuple[str, ...]) -> ConceptMap:  # noqa: ARG001
    return map_of(_library.paths, _library.store, ids)


def _map_of(library: Library, ids: tuple[str, ...]) -> ConceptMap:
    with st.spinner(say("Drawing the map of what was found …")):
        return _results_map(library, str(library.paths.root), library.manifest().generation, ids)


def _none_yet(desk: Desk) -> None:
    running = desk.jobs.running()
    if running is not None and running.name == page_jobs.DRAW_MAP:
        st.info(say("The map is being drawn; it shows here as soon as it is done."))
        return
    st.info(
        say(
            "A map shows which articles are about the same thing: near ones stand together. It is drawn once for "
            "an index; with some thousand articles that takes about half a minute."
        )
    )
    _draw_button(desk, say("Draw the map"))


def _draw_button(desk: Desk, label: str) -> None:
    if st.button(label, key="map.draw", type="primary", disabled=desk.jobs.running() is not None):
        page_jobs.start(desk, page_jobs.DRAW_MAP, lambda: library_jobs.draw_map(desk.library, desk.jobs))


def _age(desk: Desk, found: ConceptMap, *, searched: bool) -> None:
    shown = say_count("{count} article", "{count} articles", len(found.points))
    if found.articles > len(found.points) >= MOST_POINTS:
        shown = say("{count} articles, drawn by chance from {all}", count=len(found.points), all=found.articles)
    st.caption(shown if searched else f"{shown} · {say('Search first, and the results are lit here.')}")
    if found.generation != desk.library.manifest().generation:
        st.warning(say("This map was drawn for an earlier index and lacks what has come since."))
        _draw_button(desk, say("Draw it anew"))


# -- what is shown, and how --------------------------------------------------------------------------


def _what(results: int) -> str:
    """The library or what was found last; asked only where something was found that makes a map."""
    if results < FEWEST:
        return "library"
    st.session_state.setdefault(_WHAT, "library")
    chosen = st.segmented_control(
        say("Show"), list(_WHATS), key=_WHAT, format_func=lambda name: say(_WHATS[name]), required=True
    )
    return str(chosen or "library")


def _colour() -> ColourBy:
    st.session_state.setdefault(_COLOUR, "group")
    chosen = st.segmented_control(
        say("Colour by"), list(_COLOURS), key=_COLOUR, format_func=lambda name: say(_COLOURS[name]), required=True
    )
    return next((name for name in _COLOURS if name == chosen), "group")


def _wanted(results: int) -> bool:
    """Whether what was found last shall be lit."""
    if not results:
        return False
    st.session_state.setdefault(_LIT, True)
    label = say_count(
        "Light up {count} result of the last search", "Light up {count} results of the last search", results
    )
    return st.toggle(label, key=_LIT, width="content")


def _placed(library: Library, found: ConceptMap, results: Sequence[str]) -> tuple[MapPoint, ...]:
    """The results that the map left out, put in their places."""
    return _places(library, found, str(library.paths.root), library.manifest().generation, found.generation).of(results)


def _chosen(found: ConceptMap) -> int | None:
    """The number of the chosen group, if there is one on this map."""
    chosen = st.session_state.get(_GROUP)
    if chosen is None or not any(group.number == chosen for group in found.groups):
        st.session_state[_GROUP] = None
        return None
    return int(chosen)


def _draw(
    found: ConceptMap,
    extra: Sequence[MapPoint],
    colour: ColourBy,
    lit: Collection[str] | None,
    chosen: int | None,
) -> None:
    points = (*found.points, *extra)
    colours = colouring(found, points, colour)
    _component()(
        key=_CHART,
        data=drawing(found, points, colours, lit=lit, chosen=chosen, labelled=True),
        on_picked_change=_picked,
        on_grouped_change=_grouped,
    )
    st.caption(
        say(
            "Choose a point to read its article, a name to see its group alone. Near points are about the same; how "
            "far groups stand apart says little. Ctrl and the wheel zoom."
        )
    )
    show(colours.legend)


@cache
def _component() -> ComponentRenderer:
    """The map's own drawing: one canvas, no chart library to load."""
    room = resources.files("pubmed_rag.ui")
    renderer: ComponentRenderer = st.components.v2.component(
        "pubmed_rag_map",
        js=room.joinpath("map.js").read_text(encoding="utf-8"),
        css=room.joinpath("map.css").read_text(encoding="utf-8"),
    )
    return renderer


def _told(name: str) -> Any:
    """What the drawing reports, which is a wish of a browser and no more."""
    return (st.session_state.get(_CHART) or {}).get(name)


def _picked() -> None:
    if isinstance(article_id := _told("picked"), str) and len(article_id) <= _LONGEST_ID:
        st.session_state[_OPEN] = article_id


def _grouped() -> None:
    """A name on the map chooses its group, and chosen again lets it go."""
    if isinstance(group := _told("grouped"), (int, float)):
        _choose(None if st.session_state.get(_GROUP) == int(group) else int(group))


def _choose(group: int | None) -> None:
    st.session_state[_GROUP] = group


# -- an article, a group -----------------------------------------------------------------------------


def _opened(library: Library) -> None:
    """The chosen article, over the page: wherever one has scrolled to, it is seen."""
    article_id = st.session_state.get(_OPEN)
    if article_id is None:
        return

    @st.dialog(say("Article"), width="large", on_dismiss=_close)
    def read() -> None:
        try:
            show(full_card(library.article(article_id)))
        except UnknownArticleError as error:
            explain(error)
        if st.button(say("Close"), key="map.close"):
            _close()
            st.rerun()

    read()


def _close() -> None:
    st.session_state[_OPEN] = None


def _open(article_id: str) -> None:
    st.session_state[_OPEN] = article_id


def _groups(found: ConceptMap, chosen: int | None) -> None:
    """The groups in words: what the map shows, for those who do not see or point."""
    show(tag("h2", say("Groups"), cls="prag-part"))
    names = {group.number: group for group in found.groups}
    st.selectbox(
        say("Group"),
        list(names),
        key=_GROUP,
        format_func=lambda at: f"{at + 1} {clip(name_of(names[at]), 120)} ({number(names[at].count)})",
        placeholder=say("choose one"),
        index=None,
    )
    if chosen is not None:
        _group(found, names[chosen])


def _group(found: ConceptMap, group: MapGroup) -> None:
    inside = [point for point in found.points if point.group == group.number]
    years = sorted(point.year for point in inside if point.year is not None)
    about = say_count("{count} article", "{count} articles", group.count)
    if years:
        span = f"{years[0]}" if years[0] == years[-1] else f"{years[0]}–{years[-1]}"
        half = say("half of them since {year}", year=str(years[len(years) // 2]))
        about = f"{about} · {span} · {half}"
    show(tag("h3", record_text(name_of(group)), cls="prag-title"))
    st.caption(about)
    if group.terms:
        st.button(say("Search for these words"), key="map.search", on_click=_search, args=(" ".join(group.terms),))
    st.caption(say("Its most typical articles:"))
    for point in central(found, group.number, _LISTED):
        st.button(
            literal(clip(point.title, 160)),
            key=f"map.read.{point.id}",
            type="tertiary",
            on_click=_open,
            args=(point.id,),
        )


def _search(words: str) -> None:
    """Go to the page that finds, with ``words`` in its box."""
    st.session_state[_QUERY] = words
    st.session_state[_PAGE] = "Search"
