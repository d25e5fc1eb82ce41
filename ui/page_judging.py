"""Blind judging: what several systems find for one's own queries, shuffled, each result judged on its own; and what
the judgements say about the systems."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import streamlit as st

from pubmed_rag.core.errors import UnknownArticleError
from pubmed_rag.core.files import write_text
from pubmed_rag.ui import page_jobs
from pubmed_rag.ui.api import Library
from pubmed_rag.ui.api_eval import JUDGED, measure_judgements
from pubmed_rag.ui.highlight import LONGEST_TITLE, record_text, tag
from pubmed_rag.ui.library_jobs import Job, Outcome
from pubmed_rag.ui.messages import say, say_count, word
from pubmed_rag.ui.page_article import full_card
from pubmed_rag.ui.page_challenge_report import read, systems, verdicts
from pubmed_rag.ui.page_state import KEPT, Desk
from pubmed_rag.ui.page_tables import table
from pubmed_rag.ui.page_words import explain, show

if TYPE_CHECKING:
    from pubmed_rag.eval.collections import Topic
    from pubmed_rag.eval.finished import FinishedChallenge
    from pubmed_rag.eval.judging import Item, JudgingSession

SYSTEMS = ("pubmed-any", "bm25", "dense", "hybrid")
"""Whose results are pooled; the first is what the others are measured against."""

MEASURE = word("Measuring the systems on your judgements")

_SITTING, _QUERIES = "judge.sitting", f"{KEPT}judge.queries"
_ASKED = "asked.txt"
_LONGEST_QUERIES = 20_000
_BUTTONS = {2: word("Relevant"), 1: word("Partly"), 0: word("Not relevant")}
"""By grade, which is the key on the keyboard as well."""

_SHOWN_JUDGEMENTS = 200


@dataclass(slots=True)
class _Sitting:
    """A session of this tab. ``seen`` is what the file of judgements looked like after this tab last wrote it."""

    topics: Sequence[Topic]
    pools: Mapping[str, Sequence[str]]
    session: JudgingSession
    seen: tuple[int, int]


def judgements(library: Library) -> Path:
    """Where the page keeps them: a collection that 'eval challenge' reads."""
    return library.paths.runs / "judgements"


def render(desk: Desk) -> None:
    """Draw the part."""
    library = desk.library
    show(tag("h2", say("Judge what is found"), cls="prag-part"))
    st.markdown(
        say(
            "Which search is better for you? Give some queries of your own. The best results of every system are "
            "mixed, and you judge each without being told who found it."
        )
    )
    _begin(library)
    sitting: _Sitting | None = st.session_state.get(_SITTING)
    if sitting is not None:
        _judge(_as_on_disk(library, sitting))
        _card(library, sitting)
    _judged(desk)
    _measured(desk)


# -- beginning -------------------------------------------------------------------------------------


def _begin(library: Library) -> None:
    asked = judgements(library) / _ASKED
    if _QUERIES not in st.session_state and asked.is_file():  # so that going on needs no typing
        st.session_state[_QUERIES] = asked.read_text(encoding="utf-8", errors="replace")[:_LONGEST_QUERIES]
    with st.form("judge.form", border=False):
        typed = st.text_area(say("Queries, one a line"), key=_QUERIES, height=120, max_chars=_LONGEST_QUERIES)
        submitted = st.form_submit_button(say("Begin or go on"), type="primary")
    if not submitted:
        return
    if not (typed or "").strip():
        st.warning(say("Type a query first."))
        return
    with st.spinner(say("Searching with every system …")):
        st.session_state[_SITTING] = _sit_down(library, typed or "")


def _sit_down(library: Library, queries: str) -> _Sitting:
    from pubmed_rag.eval.judging import JudgingSession, make_pools, read_queries, write_challenge_file
    from pubmed_rag.eval.systems import SystemContext, make_systems, named_specs

    folder = judgements(library)
    # Through a file of ours: a line that happens to name a file of this machine is a query like any other.
    write_text(folder / _ASKED, queries)
    topics = read_queries([str(folder / _ASKED)])
    asked = make_systems(list(SYSTEMS), SystemContext(library.searcher, library.manifest()))
    pools = make_pools(topics, asked, folder)
    session = JudgingSession(folder, topics, pools)
    write_challenge_file(folder, library.paths.root, named_specs(list(SYSTEMS)))
    return _Sitting(topics, pools, session, _stamp(library))


def _as_on_disk(library: Library, sitting: _Sitting) -> _Sitting:
    """The sitting, begun again where another tab or the command line has judged meanwhile."""
    from pubmed_rag.eval.judging import JudgingSession

    if _stamp(library) != sitting.seen:
        sitting.session = JudgingSession(judgements(library), sitting.topics, sitting.pools)
        sitting.seen = _stamp(library)
    return sitting


def _qrels(library: Library) -> Path:
    from pubmed_rag.eval.judging import SPLIT

    return judgements(library) / "qrels" / f"{SPLIT}.tsv"


def _stamp(library: Library) -> tuple[int, int]:
    try:
        found = _qrels(library).stat()
    except FileNotFoundError:
        return (0, 0)
    return (found.st_mtime_ns, found.st_size)


# -- judging ---------------------------------------------------------------------------------------


def _judge(sitting: _Sitting) -> None:
    session = sitting.session
    st.progress(
        session.judged / max(1, session.total),
        text=say("{judged} of {total} judged", judged=session.judged, total=session.total),
    )
    if session.current is None:
        st.success(say("Everything is judged, and saved with the library."))


def _card(library: Library, sitting: _Sitting) -> None:
    item = sitting.session.current
    if item is None:
        _undo(library, sitting)
        return
    show(tag("h3", record_text(item.topic.text, LONGEST_TITLE), cls="prag-question"))
    with st.container(horizontal=True, vertical_alignment="center"):
        for grade, label in _BUTTONS.items():
            st.button(
                say(label),
                key=f"judge.{grade}",
                on_click=_give,
                args=(library, sitting, item, grade),
                shortcut=str(grade),
            )
        st.button(say("Later"), key="judge.skip", on_click=_later, args=(sitting, item), type="tertiary", shortcut="L")
        _undo(library, sitting)
    try:
        show(full_card(library.article(item.doc_id)))
    except UnknownArticleError:
        st.info(say("This article has left the library since it was indexed."))


def _undo(library: Library, sitting: _Sitting) -> None:
    st.button(
        say("Take the last one back"),
        key="judge.undo",
        on_click=_take_back,
        args=(library, sitting),
        type="tertiary",
        shortcut="U",
    )


def _give(library: Library, sitting: _Sitting, item: Item, grade: int) -> None:
    """Judge ``item``; a second press on what is judged already, or on what another tab judged, does nothing."""
    session = _as_on_disk(library, sitting).session
    if session.current == item:
        session.judge(grade)
        sitting.seen = _stamp(library)


def _later(sitting: _Sitting, item: Item) -> None:
    if sitting.session.current == item:
        sitting.session.skip()


def _take_back(library: Library, sitting: _Sitting) -> None:
    _as_on_disk(library, sitting).session.undo()
    sitting.seen = _stamp(library)


# -- what is judged, and what it says --------------------------------------------------------------


def _judged(desk: Desk) -> None:
    from pubmed_rag.eval.judging import GRADES
    from pubmed_rag.eval.qrels import read_qrels

    path = _qrels(desk.library)
    if not path.is_file():
        return
    given = read_qrels(path)
    if not given:
        return
    with st.expander(say_count("Your judgement ({count})", "Your judgements ({count})", len(given))):
        grades = Counter(qrel.relevance for qrel in given)
        counts = ", ".join(f"{say(_BUTTONS[grade])}: {grades[grade]}" for grade in GRADES)
        st.caption(f"{counts}. {say('They lie in the library as TREC-like qrels, in runs/judgements.')}")
        latest = given[-_SHOWN_JUDGEMENTS:][::-1]
        queries = _texts_of(desk.library)
        articles = desk.library.store.get_many([qrel.doc_id for qrel in latest])
        rows = [
            (
                record_text(queries.get(qrel.topic_id, qrel.topic_id), 200),
                record_text(articles[qrel.doc_id].display_title(), 200) if qrel.doc_id in articles else qrel.doc_id,
                say(_BUTTONS[qrel.relevance]) if qrel.relevance in _BUTTONS else str(qrel.relevance),
            )
            for qrel in latest
        ]
        header = (say("Query"), say("Article"), say("Judgement"))
        show(table(say("Your judgements, latest first"), header, rows, wide=False))
        st.download_button(
            say("Save the judgements"),
            path.read_bytes,
            path.name,
            "text/tab-separated-values",
            key="judge.save",
            on_click="ignore",
        )


def _texts_of(library: Library) -> Mapping[str, str]:
    import msgspec

    path = judgements(library) / "queries.jsonl"
    if not path.is_file():
        return {}
    lines = msgspec.json.Decoder(dict[str, str]).decode_lines(path.read_bytes())
    return {line["_id"]: line["text"] for line in lines}


def _measured(desk: Desk) -> None:
    """Which system is best by these judgements, and how little that may mean."""
    qrels = _qrels(desk.library)
    if not qrels.is_file():
        return
    show(tag("h2", say("What your judgements say"), cls="prag-part"))
    folder = desk.library.paths.runs / JUDGED
    manifest = folder / "manifest.json"
    made = manifest.is_file()
    if made and qrels.stat().st_mtime_ns > manifest.stat().st_mtime_ns:
        st.info(say("You have judged more since these figures were made."))
    label = say("Measure again") if made else say("Measure the systems")
    if st.button(label, key="judge.measure", disabled=desk.jobs.running() is not None):
        page_jobs.start(desk, MEASURE, lambda: _measuring(desk))
    if not made:
        st.caption(say("The measures of every system on what you have judged so far."))
        return
    try:
        report = read(folder)
    except Exception as error:  # the edge: judging goes on beside figures that cannot be read
        explain(error)
        return
    _winner(report)


def _measuring(desk: Desk) -> Job:
    def work() -> Outcome:
        measure_judgements(desk.library, judgements(desk.library), progress=desk.jobs)
        return Outcome()

    return work


def _winner(report: FinishedChallenge) -> None:
    collection = report.collections[0]
    ranked = sorted(collection.systems, key=lambda system: -system.measures[collection.primary])
    best = ranked[0].measures[collection.primary]
    first = [system.name for system in ranked if best - system.measures[collection.primary] < 0.0005]
    queries = say_count("{count} query", "{count} queries", collection.topics)
    names = ", ".join(first)
    words = (
        say("Highest on your judgements: {names}, {measure} {value} over {queries}.", names=names, queries=queries,
            measure=collection.primary, value=f"{best:.3f}")
        if len(first) < len(ranked)
        else say("All systems are level on your judgements: {measure} {value} over {queries}.", queries=queries,
                 measure=collection.primary, value=f"{best:.3f}")
    )  # fmt: skip
    show(tag("p", words, cls="prag-verdict"))
    verdicts(report)
    systems(collection)
    st.caption(
        say(
            "Highest is not proven best: believe a difference only where the answer above says better or worse. One "
            "person judged, only what these systems found was judged, and everything else counts as not relevant."
        )
    )
