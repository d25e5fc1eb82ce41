"""The page about the library itself: what is in it, how fresh it is, and the work that can be done on it."""

from __future__ import annotations

from typing import Any

import streamlit as st

from pubmed_rag.core.errors import IndexCorruptError, IndexMismatchError, IndexMissingError
from pubmed_rag.index.facets import FacetValue, Overview
from pubmed_rag.index.generation import Manifest
from pubmed_rag.ui import library_jobs, page_jobs
from pubmed_rag.ui.api import Library
from pubmed_rag.ui.highlight import Html, clip, join, literal, record_text, tag
from pubmed_rag.ui.messages import number, say, say_count
from pubmed_rag.ui.page_charts import years_chart
from pubmed_rag.ui.page_generations import generations
from pubmed_rag.ui.page_state import Desk
from pubmed_rag.ui.page_welcome import add
from pubmed_rag.ui.page_words import moment, show

_SHOWN_VALUES = 10


def render(desk: Desk) -> None:
    """Draw the page."""
    show(tag("h2", say("What is in it"), cls="prag-part"))
    _numbers(desk.library)
    _contents(contents(desk.library))
    show(tag("h2", say("Index"), cls="prag-part"))
    _index(desk)
    show(tag("h2", say("Sources"), cls="prag-part"))
    _sources(desk)
    show(tag("h2", say("Add articles"), cls="prag-part"))
    add(lambda: desk, busy=desk.jobs.running() is not None, settings=desk.library.settings)
    page_jobs.history(desk.jobs)


def contents(library: Library) -> Overview:
    """What the library is made of, counted once for each state of it."""
    return _overview(str(library.paths.root), library.store.last_sequence(), library)


@st.cache_data(show_spinner=False, max_entries=4)
def _overview(root: str, sequence: int, _library: Library) -> Overview:  # noqa: ARG001 - they are the key
    from pubmed_rag.index.facets import overview

    return overview(_library.store)


def _numbers(library: Library) -> None:
    counts = library.counts()
    updates = library.store.updates()
    figures = [
        (say("Articles"), number(counts.articles)),
        (say("With abstract"), f"{100 * counts.with_abstract / counts.articles:.0f} %"),
        (say("Retracted"), number(counts.retracted)),
        (say("Last update"), moment(updates[-1].finished) if updates else say("never")),
    ]
    show(
        tag(
            "dl",
            *(tag("div", tag("dt", name), tag("dd", value)) for name, value in figures),
            cls="prag-figures",
        )
    )


def _contents(found: Overview) -> None:
    facets = found.facets
    if found.sampled is not None:
        st.caption(say("Counted in {count} articles drawn by chance.", count=found.sampled))
    if len(facets.years) > 1:
        st.altair_chart(years_chart(facets.years), key="library.years")
    elif not facets.years:
        st.caption(say("The records name no years."))
    left, right = st.columns(2)
    with left:
        _table(say("Publication types"), facets.publication_types)
    with right:
        _table(say("MeSH headings"), facets.mesh)


def _table(title: str, values: tuple[FacetValue, ...]) -> None:
    if not values:
        return
    rows = (
        tag("tr", tag("td", record_text(clip(value.name, 120))), tag("td", number(value.count), cls="prag-count"))
        for value in values[:_SHOWN_VALUES]
    )
    head = tag("tr", tag("th", title, scope="col"), tag("th", say("Articles"), scope="col", cls="prag-count"))
    show(tag("table", tag("thead", head), tag("tbody", *rows), cls="prag-table"))


def _index(desk: Desk) -> None:
    busy = desk.jobs.running() is not None
    manifest: Manifest | None = None
    try:
        manifest = desk.library.manifest()
    except IndexMissingError:
        st.warning(say("There is no index yet: articles cannot be searched before it is built."))
    except (IndexCorruptError, IndexMismatchError) as error:
        st.warning(f"{literal(error.message)}. {say('Build it anew; articles and computed meanings are kept.')}")
    behind = 0
    if manifest is not None:
        behind = desk.library.store.last_sequence() - manifest.sequence
        show(tag("p", _about(manifest), cls="prag-about"))
        if behind > 0:
            st.warning(
                say_count(
                    "The index is older than the library: {count} change cannot be found yet.",
                    "The index is older than the library: {count} changes cannot be found yet.",
                    behind,
                )
            )
        else:
            st.caption(say("The index holds every article of the library."))
    with st.container(horizontal=True):
        kind: Any = "primary" if manifest is None or behind > 0 else "secondary"
        if st.button(
            say("Update the index"), key="library.index", type=kind, disabled=busy, help=say("Costs what has changed.")
        ):
            page_jobs.start(desk, page_jobs.UPDATE_INDEX, lambda: library_jobs.update_index(desk.library, desk.jobs))
        if st.button(
            say("Build it anew"),
            key="library.rebuild",
            disabled=busy,
            help=say("From all articles. The present index serves until the new one is complete."),
        ):
            page_jobs.start(desk, page_jobs.REBUILD_INDEX, lambda: library_jobs.rebuild_index(desk.library, desk.jobs))
    generations(desk)


def _about(manifest: Manifest) -> Html:
    facts = [
        say("Generation {name}", name=manifest.generation),
        say_count("{count} article", "{count} articles", manifest.articles),
        say("model {name}", name=clip(manifest.model, 80)),
        moment(manifest.created),
    ]
    return join(facts, " · ")


def _sources(desk: Desk) -> None:
    queries, bulk = desk.library.saved()
    if not queries and not bulk:
        st.caption(say("Nothing to ask again: this library was made from files. A PubMed query below adds a source."))
        return
    rows = [
        *(
            tag(
                "li",
                tag("code", record_text(clip(saved.query, 300))),
                f" · {say('asked {moment}', moment=moment(saved.asked))}",
            )
            for saved in queries
        ),
        *(tag("li", tag("code", record_text(clip(source, 300)))) for source in bulk),
    ]
    show(tag("ul", *rows, cls="prag-sources"))
    if st.button(
        say("Update from these sources"),
        key="library.update",
        disabled=desk.jobs.running() is not None,
        help=say("Asks each for what is new or revised since last time, then updates the index."),
    ):
        page_jobs.start(desk, page_jobs.UPDATE, lambda: library_jobs.update(desk.library, desk.jobs))
