"""What a search may return, chosen from what its results are made of."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import streamlit as st

from pubmed_rag.core.records import Article, Filters
from pubmed_rag.index.facets import Facets, FacetValue, facets_of
from pubmed_rag.ui.highlight import clip
from pubmed_rag.ui.messages import number, say, word
from pubmed_rag.ui.page_charts import YEARS, years_chart
from pubmed_rag.ui.page_state import KEPT

_FROM, _TO = f"{KEPT}year_from", f"{KEPT}year_to"
_WITHOUT, _ABSTRACT, _SIZE = f"{KEPT}without_retracted", f"{KEPT}with_abstract", f"{KEPT}results"
_CHART = "search.years"
_SIZES = (10, 25, 50)

_CHOICES = {
    "publication_types": word("Publication type"),
    "mesh": word("MeSH heading"),
    "journals": word("Journal"),
    "languages": word("Language of the article"),
}
"""Fields of :class:`Filters` and :class:`Facets` alike."""


def chosen_filters() -> Filters:
    """What the widgets say, drawn or not."""
    chosen: dict[str, tuple[str, ...]] = {name: tuple(st.session_state.get(f"{KEPT}{name}") or ()) for name in _CHOICES}
    return Filters(
        year_from=st.session_state.get(_FROM),
        year_to=st.session_state.get(_TO),
        retracted=False if st.session_state.get(_WITHOUT) else None,
        has_abstract=True if st.session_state.get(_ABSTRACT) else None,
        publication_types=chosen["publication_types"],
        mesh=chosen["mesh"],
        journals=chosen["journals"],
        languages=chosen["languages"],
    )


def draw_filters(found: Sequence[Article] | None, any_year: Sequence[Article] | None) -> int:
    """Draw the widgets, with the counts of the articles ``found`` and, for the years, of those of ``any_year``.

    ``None``: not known. Returns how many results to show on a page.
    """
    facets = facets_of(found or ())
    active = chosen_filters().active
    with st.expander(say("Filters") + (f" · {say('in use')}" if active else ""), key="search.filters"):
        if found is not None:
            st.caption(say("Counts are of the best {count} results.", count=len(found)))
        _years(facets_of(any_year or ()))
        left, right = st.columns(2)
        for place, (name, label) in enumerate(_CHOICES.items()):
            with (left, right)[place % 2]:
                _choice(name, say(label), getattr(facets, name))
        st.checkbox(say("Leave retracted papers out"), key=_WITHOUT)
        st.checkbox(say("Only with an abstract"), key=_ABSTRACT)
        size = st.selectbox(say("Results on a page"), _SIZES, key=_SIZE, width=200)
        st.button(say("Clear all filters"), key="search.clear", on_click=_clear, disabled=not active)
    return int(size)


def _years(facets: Facets) -> None:
    if len(facets.years) > 1:
        st.altair_chart(years_chart(facets.years, brush=True), key=_CHART, on_select=_brushed, selection_mode=[YEARS])
        st.caption(say("Draw over the years to choose some, or type them:"))
    left, right = st.columns(2)
    left.number_input(say("From year"), 1700, 2200, value=None, step=1, key=_FROM, placeholder=say("any"))
    right.number_input(say("To year"), 1700, 2200, value=None, step=1, key=_TO, placeholder=say("any"))


def _brushed() -> None:
    """The stretch of years drawn in the chart becomes the filter."""
    st.session_state[_FROM], st.session_state[_TO] = years_of(st.session_state[_CHART]["selection"].get(YEARS) or {})


def years_of(selection: Mapping[str, Sequence[float]]) -> tuple[int | None, int | None]:
    """The first and the last year of a stretch drawn over bars that stand at whole years."""
    ends = selection.get("year")
    return (math.ceil(ends[0] - 0.5), math.floor(ends[1] + 0.5)) if ends else (None, None)


def _choice(name: str, label: str, values: Sequence[FacetValue]) -> None:
    key = f"{KEPT}{name}"
    counts = {value.name: value.count for value in values}
    chosen: list[str] = st.session_state.get(key) or []
    options = [*counts, *(value for value in chosen if value not in counts)]
    if not options:
        return
    st.multiselect(
        label,
        options,
        key=key,
        format_func=lambda value: (
            f"{clip(value, 80)} ({number(counts[value])})" if value in counts else clip(value, 80)
        ),
        placeholder=say("any"),
    )


def _clear() -> None:
    for name in _CHOICES:
        st.session_state[f"{KEPT}{name}"] = []
    for key in (_FROM, _TO):
        st.session_state[key] = None
    for key in (_WITHOUT, _ABSTRACT):
        st.session_state[key] = False
