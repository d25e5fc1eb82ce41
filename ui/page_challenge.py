"""Blind judging: what several systems find for one's own queries, shuffled, each result judged on its own."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import streamlit as st

from pubmed_rag.core.errors import UnknownArticleError
from pubmed_rag.core.files import write_text
from pubmed_rag.ui.api import Library
from pubmed_rag.ui.highlight import record_text, tag
from pubmed_rag.ui.messages import say, word
from pubmed_rag.ui.page_article import full_card
from pubmed_rag.ui.page_state import KEPT, Desk
from pubmed_rag.ui.page_words import show

if TYPE_CHECKING:
    from pubmed_rag.eval.judging import JudgingSession

SYSTEMS = ("pubmed-any", "bm25", "dense", "hybrid")
"""Whose results are pooled; the first is what the others are measured against."""

_SESSION, _QUERIES = "judge.session", f"{KEPT}judge.queries"
_LONGEST_QUERIES = 20_000
_BUTTONS = {2: word("Relevant"), 1: word("Partly"), 0: word("Not relevant")}


def judgements(library: Library) -> Path:
    """Where the page keeps them: a collection that 'eval challenge' reads."""
    return library.paths.runs / "judgements"


def render(desk: Desk) -> None:
    """Draw the page."""
    show(tag("h2", say("Judge what is found"), cls="prag-part"))
    st.markdown(
        say(
            "Which search is better for you? Give some queries of your own. The best results of every system are "
            "mixed, and you judge each without being told who found it."
        )
    )
    with st.form("judge.form", border=False):
        typed = st.text_area(say("Queries, one a line"), key=_QUERIES, height=120, max_chars=_LONGEST_QUERIES)
        submitted = st.form_submit_button(say("Begin or go on"), type="primary")
    if submitted:
        if not (typed or "").strip():
            st.warning(say("Type a query first."))
        else:
            with st.spinner(say("Searching with every system …")):
                st.session_state[_SESSION] = _session(desk.library, typed or "")
    session: JudgingSession | None = st.session_state.get(_SESSION)
    if session is not None:
        _judge(desk.library, session)
    _leaderboard(desk.library)


def _leaderboard(library: Library) -> None:
    """What the evaluations of this library gave, a table a collection, best first."""
    from pubmed_rag.eval.leaderboard import LEADERBOARD, Leaderboard

    path = library.paths.runs / LEADERBOARD
    boards = Leaderboard(path).tables() if path.is_file() else {}
    show(tag("h2", say("Results so far"), cls="prag-part"))
    if not boards:
        st.caption(say("No evaluation of this library has been run yet: 'pubmed-rag eval' runs one."))
    for rows in boards.values():
        first = rows[0].entry
        head = (say("System"), first.primary, say("Change"), say("Date"))
        lines = (
            tag(
                "tr",
                tag("td", record_text(row.entry.system)),
                tag("td", f"{row.entry.value:.3f}", cls="prag-count"),
                tag("td", "" if row.change is None else f"{row.change:+.3f}", cls="prag-count"),
                tag("td", row.entry.date[:10]),
            )
            for row in rows
        )
        title = tag("caption", f"{first.dataset}, {first.split}")
        heads = tag("tr", *(tag("th", text, scope="col") for text in head))
        show(tag("table", title, tag("thead", heads), tag("tbody", *lines), cls="prag-table"))


def _session(library: Library, queries: str) -> JudgingSession:
    from pubmed_rag.eval.judging import JudgingSession, make_pools, read_queries, write_challenge_file
    from pubmed_rag.eval.systems import SystemContext, make_systems, named_specs

    folder = judgements(library)
    # Through a file of ours: a line that happens to name a file of this machine is a query like any other.
    write_text(folder / "asked.txt", queries)
    topics = read_queries([str(folder / "asked.txt")])
    systems = make_systems(list(SYSTEMS), SystemContext(library.searcher, library.manifest()))
    session = JudgingSession(folder, topics, make_pools(topics, systems, folder))
    write_challenge_file(folder, library.paths.root, named_specs(list(SYSTEMS)))
    return session


def _judge(library: Library, session: JudgingSession) -> None:
    st.progress(
        session.judged / max(1, session.total),
        text=say("{judged} of {total} judged", judged=session.judged, total=session.total),
    )
    item = session.current
    if item is None:
        _finished(library)
        return
    show(tag("h2", record_text(item.topic.text), cls="prag-question"))
    with st.container(horizontal=True):
        for grade, label in _BUTTONS.items():
            st.button(say(label), key=f"judge.{grade}", on_click=session.judge, args=(grade,))
        st.button(say("Later"), key="judge.skip", on_click=session.skip, type="tertiary")
        st.button(
            say("Take the last one back"), key="judge.undo", on_click=_take_back, args=(session,), type="tertiary"
        )
    try:
        show(full_card(library.article(item.doc_id)))
    except UnknownArticleError:
        st.info(say("This article has left the library since it was indexed."))


def _take_back(session: JudgingSession) -> None:
    session.undo()


def _finished(library: Library) -> None:
    folder = judgements(library)
    st.success(say("Everything is judged, and saved with the library."))
    st.markdown(say("Measure the systems on your judgements in a terminal:"))
    st.code(f"pubmed-rag eval challenge {folder / 'challenge.toml'} --data {folder}", language=None, wrap_lines=True)
    qrels = folder / "qrels" / "judged.tsv"
    if qrels.is_file():
        st.download_button(
            say("Save the judgements"), qrels.read_bytes(), "judged.tsv", "text/tab-separated-values", key="judge.save"
        )
