"""The index generations that are kept: what they are, and going back to one by hand."""

from __future__ import annotations

import streamlit as st

from pubmed_rag.core.errors import LibraryError
from pubmed_rag.index.generation import Generation, current_name
from pubmed_rag.ui import library_jobs, page_jobs
from pubmed_rag.ui.highlight import Html, clip, literal, record_text, tag
from pubmed_rag.ui.messages import number, say, say_count
from pubmed_rag.ui.page_state import Desk
from pubmed_rag.ui.page_words import moment, show

_CHOSEN, _WANTED = "library.generation", "library.generation.wanted"


def generations(desk: Desk) -> None:
    """A table of them, and a switch that asks once more before it is thrown."""
    kept = desk.library.generations()
    if not kept:
        return
    used = current_name(desk.library.paths)
    others = {kept_one.manifest.generation: kept_one for kept_one in kept if kept_one.manifest.generation != used}
    with st.expander(say("Generations kept ({count})", count=len(kept)), key="library.generations"):
        show(_table(desk, kept, used))
        if not others:
            st.caption(say("An update or a new building keeps the index before it, and you can go back to that here."))
            return
        with st.container(horizontal=True, vertical_alignment="bottom"):
            if st.session_state.get(_CHOSEN) not in others:
                st.session_state[_CHOSEN] = next(iter(others))
            chosen = st.selectbox(say("Search in another one"), list(others), key=_CHOSEN, width=220)
            st.button(
                say("Switch …"),
                key="library.switch",
                on_click=_want,
                args=(chosen,),
                disabled=desk.jobs.running() is not None,
            )
        wanted = others.get(str(st.session_state.get(_WANTED)))
        if wanted is not None:
            _confirm(desk, wanted)


def _want(name: str | None) -> None:
    st.session_state[_WANTED] = name


def _confirm(desk: Desk, wanted: Generation) -> None:
    """What the switch will mean, and the switch."""
    name = wanted.manifest.generation
    said = [
        say_count(
            "From the next search on, every tab searches in {name}, which holds {count} article.",
            "From the next search on, every tab searches in {name}, which holds {count} articles.",
            wanted.manifest.articles,
            name=name,
        )
    ]
    behind = desk.library.store.last_sequence() - wanted.manifest.sequence
    if behind > 0:
        said.append(
            say_count(
                "{count} later change of the library cannot be found in it before it is updated.",
                "{count} later changes of the library cannot be found in it before it is updated.",
                behind,
            )
        )
    if _other_model(desk, wanted):
        said.append(
            say(
                "It was made with the model {name}: to search in it by meaning, name that model in the settings "
                "(models.embedder). Search by words needs none.",
                name=literal(clip(wanted.manifest.model, 80)),
            )
        )
    said.append(say("Nothing is deleted, and you can switch back."))
    st.warning(" ".join(said))
    with st.container(horizontal=True):
        if st.button(
            say("Switch to {name}", name=name),
            key="library.switch.yes",
            type="primary",
            disabled=desk.jobs.running() is not None,
        ):
            st.session_state[_WANTED] = None
            page_jobs.start(
                desk,
                page_jobs.SWITCH_INDEX,
                lambda: library_jobs.switch_index(desk.library, desk.jobs, name),
                detail=name,
            )
        st.button(say("Leave it as it is"), key="library.switch.no", on_click=_want, args=(None,))


def _other_model(desk: Desk, wanted: Generation) -> bool:
    try:
        present = desk.library.manifest()
    except LibraryError:
        return False
    return (present.model, present.model_revision) != (wanted.manifest.model, wanted.manifest.model_revision)


def _table(desk: Desk, kept: list[Generation], used: str | None) -> Html:
    last = desk.library.store.last_sequence()
    columns = (
        (say("Generation"), ""),
        (say("Built"), ""),
        (say("Articles"), "prag-count"),
        (say("Changes since"), "prag-count"),
        (say("Model"), ""),
        (say("Size"), "prag-count"),
    )
    rows = (
        tag(
            "tr",
            tag("th", _name(one.manifest.generation, used), scope="row"),
            tag("td", moment(one.manifest.created)),
            tag("td", number(one.manifest.articles), cls="prag-count"),
            tag("td", number(last - one.manifest.sequence), cls="prag-count"),
            tag("td", record_text(clip(one.manifest.model, 80))),
            tag("td", f"{one.size / 1e6:,.1f} MB", cls="prag-count"),
        )
        for one in kept
    )
    head = tag("tr", *(tag("th", name, scope="col", cls=style or None) for name, style in columns))
    return tag(
        "div",
        tag("table", tag("thead", head), tag("tbody", *rows), cls="prag-table"),
        cls="prag-scroll",
        tabindex="0",
        role="region",
        aria_label=say("Generations kept ({count})", count=len(kept)),
    )


def _name(name: str, used: str | None) -> str:
    return f"{name} · {say('in use')}" if name == used else name
