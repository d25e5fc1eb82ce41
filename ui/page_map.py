"""The library as a map: near articles stand together, groups have names, the results of the last search are lit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import streamlit as st

from pubmed_rag.core.errors import UnknownArticleError
from pubmed_rag.core.library import LibraryPaths
from pubmed_rag.index.concept_map import MOST_POINTS, ConceptMap, MapPoint, map_path, read_map
from pubmed_rag.ui import library_jobs, page_jobs
from pubmed_rag.ui.api import Library
from pubmed_rag.ui.highlight import clean, clip, literal, tag
from pubmed_rag.ui.messages import say, say_count, word
from pubmed_rag.ui.page_article import full_card
from pubmed_rag.ui.page_charts import on_canvas
from pubmed_rag.ui.page_search import FOUND
from pubmed_rag.ui.page_state import KEPT, Desk
from pubmed_rag.ui.page_words import explain, show

if TYPE_CHECKING:
    import altair as alt

_COLOUR, _LIT, _GROUP = f"{KEPT}map.colour", f"{KEPT}map.lit", f"{KEPT}map.group"
_CHART, _OPEN = "map.chart", "map.open"
_PICKED = "picked"
_LISTED = 15
_LONGEST_NAME = 70
_FEW_COLOURS = 10

_COLOURS = {"group": word("Group"), "year": word("Year"), "kind": word("Kind of article")}


def render(desk: Desk) -> None:
    """Draw the page."""
    found = _map(desk.library.paths)
    if found is None:
        st.info(
            say(
                "A map shows which articles are about the same thing: near ones stand together. It is drawn once for "
                "an index; with some thousand articles that takes about half a minute."
            )
        )
        _draw_button(desk, say("Draw the map"))
        return
    _age(desk, found)
    st.session_state.setdefault(_COLOUR, "group")
    left, right = st.columns(2, vertical_alignment="bottom")
    with left:
        colour = st.segmented_control(
            say("Colour by"),
            list(_COLOURS),
            key=_COLOUR,
            format_func=lambda name: say(_COLOURS[name]),
            required=True,
        )
    lit = _lit(found, right)
    st.altair_chart(_chart(found, str(colour or "group"), lit), key=_CHART, on_select=_picked, selection_mode=[_PICKED])
    st.caption(say("Choose a point to read its article, or a group below."))
    _opened(desk.library)
    _groups(found)


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


def _draw_button(desk: Desk, label: str) -> None:
    if st.button(label, key="map.draw", type="primary", disabled=desk.jobs.running() is not None):
        page_jobs.start(desk, page_jobs.DRAW_MAP, lambda: library_jobs.draw_map(desk.library, desk.jobs))


def _age(desk: Desk, found: ConceptMap) -> None:
    shown = say_count("{count} article", "{count} articles", len(found.points))
    if found.articles > len(found.points) and len(found.points) >= MOST_POINTS:
        shown = say("{count} articles, drawn by chance from {all}", count=len(found.points), all=found.articles)
    st.caption(shown)
    if found.generation != desk.library.manifest().generation:
        st.warning(say("This map was drawn for an earlier index and lacks what has come since."))
        _draw_button(desk, say("Draw it anew"))


def _lit(found: ConceptMap, place: Any) -> frozenset[str] | None:
    """The results of the last search, if they shall be lit."""
    results = frozenset(st.session_state.get(FOUND, ()))
    if not results:
        place.caption(say("Search first, and the results can be lit here."))
        return None
    on_map = results & {point.id for point in found.points}
    st.session_state.setdefault(_LIT, True)
    label = say_count(
        "Light up {count} result of the last search", "Light up {count} results of the last search", len(on_map)
    )
    return on_map if place.toggle(label, key=_LIT) else None


def _chart(found: ConceptMap, colour: str, lit: frozenset[str] | None) -> alt.Chart:
    import altair as alt
    import pandas as pd

    names = {group.number: clip(clean(group.name), _LONGEST_NAME) for group in found.groups}
    frame = pd.DataFrame(
        {
            "id": [point.id for point in found.points],
            "title": [clean(point.title) for point in found.points],
            "x": [point.x for point in found.points],
            "y": [point.y for point in found.points],
            "year": pd.array([point.year for point in found.points], dtype="Int64"),
            "kind": [point.kind for point in found.points],
            "group": [names[point.group] for point in found.points],
            "lit": [lit is None or point.id in lit for point in found.points],
        }
    ).sort_values("lit", kind="stable")
    legend = alt.Legend(orient="bottom", columns=1, labelLimit=330, title=None, symbolLimit=0)
    scheme: Any = "tableau10" if len(names) <= _FEW_COLOURS else "tableau20"
    scales = {
        "group": alt.Color("group:N", scale=alt.Scale(domain=list(names.values()), scheme=scheme), legend=legend),
        "kind": alt.Color("kind:N", scale=alt.Scale(scheme="tableau20"), legend=legend),
        "year": alt.Color(
            "year:Q",
            scale=alt.Scale(scheme="viridis"),
            legend=alt.Legend(orient="bottom", format="d", title=None),
        ),
    }
    plain = alt.Axis(labels=False, ticks=False, grid=False, domain=False, title=None)
    chart: alt.Chart = (
        alt.Chart(frame, height=560, description=say("Map of the articles"))
        .mark_circle(cursor="pointer")
        .encode(
            x=alt.X("x:Q", axis=plain, scale=alt.Scale(domain=[-1.05, 1.05])),
            y=alt.Y("y:Q", axis=plain, scale=alt.Scale(domain=[-1.05, 1.05])),
            color=scales[colour],
            opacity=alt.condition("datum.lit", alt.value(0.85), alt.value(0.12)),
            size=alt.condition("datum.lit", alt.value(70), alt.value(25)),
            tooltip=[
                alt.Tooltip("title:N", title=say("Title")),
                alt.Tooltip("year:Q", title=say("Year"), format="d"),
                alt.Tooltip("kind:N", title=say("Kind of article")),
                alt.Tooltip("group:N", title=say("Group")),
            ],
        )
        .add_params(alt.selection_point(name=_PICKED, fields=["id"]))
    )
    return on_canvas(chart)


def _picked() -> None:
    points = st.session_state[_CHART]["selection"].get(_PICKED) or []
    if points and "id" in points[0]:
        st.session_state[_OPEN] = str(points[0]["id"])


def _opened(library: Library) -> None:
    article_id = st.session_state.get(_OPEN)
    if article_id is None:
        return
    with st.container(border=True):
        try:
            show(full_card(library.article(article_id)))
        except UnknownArticleError as error:
            explain(error)
        st.button(say("Close"), key="map.close", on_click=_open, args=(None,))


def _open(article_id: str | None) -> None:
    st.session_state[_OPEN] = article_id


def _groups(found: ConceptMap) -> None:
    """The groups in words: what the chart shows, for those who do not see or point."""
    show(tag("h2", say("Groups"), cls="prag-part"))
    names = {group.number: group for group in found.groups}
    chosen = st.selectbox(
        say("Group"),
        list(names),
        key=_GROUP,
        index=None,
        format_func=lambda number: f"{clip(names[number].name, 120)} ({names[number].count})",
        placeholder=say("choose one"),
    )
    if chosen is None:
        return
    for point in _central(found, int(chosen)):
        st.button(
            literal(clip(point.title, 160)),
            key=f"map.read.{point.id}",
            type="tertiary",
            on_click=_open,
            args=(point.id,),
        )


def _central(found: ConceptMap, number: int) -> list[MapPoint]:
    """The articles nearest to the middle of a group."""
    middle = next(group for group in found.groups if group.number == number)
    inside = [point for point in found.points if point.group == number]
    return sorted(inside, key=lambda point: ((point.x - middle.x) ** 2 + (point.y - middle.y) ** 2, point.id))[:_LISTED]
