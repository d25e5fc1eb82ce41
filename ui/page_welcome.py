"""Adding articles: the way a newcomer is led to a working library, and the same choices later on."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace

import streamlit as st

from pubmed_rag.core.errors import PubmedRagError
from pubmed_rag.core.settings import Settings, load_settings
from pubmed_rag.ui import library_jobs, page_jobs, page_live
from pubmed_rag.ui.api import preview_query
from pubmed_rag.ui.highlight import clip, literal
from pubmed_rag.ui.jobs import JobRunner
from pubmed_rag.ui.library_jobs import LARGEST_UPLOAD
from pubmed_rag.ui.messages import say, say_count
from pubmed_rag.ui.page_state import Desk, Source
from pubmed_rag.ui.page_words import explain

_LONGEST_QUERY = 4000


def welcome(source: Source, jobs: JobRunner) -> None:
    """What there is to see before there are articles."""
    st.header(say("Welcome"), anchor=False)
    if jobs.running() is not None:
        st.info(say("Your library is being made. When it is ready, you can ask it questions right here."))
        return
    st.markdown(
        say(
            "This page answers questions from a library of PubMed articles on your own machine, and shows the "
            "sentences every answer rests on. There are no articles yet. Choose how to begin:"
        )
    )
    with st.container(border=True):
        st.subheader(say("Try it with a sample"), anchor=False)
        st.markdown(
            say(
                "Real studies on three clinical questions, with summaries in our own words. Ready in about a "
                "minute; nothing needs to be known beforehand."
            )
        )
        if st.button(say("Use the sample library"), key="welcome.sample", type="primary"):
            desk = Desk(source(create=True), jobs)
            page_jobs.start(desk, page_jobs.ADD_SAMPLE, lambda: library_jobs.add_sample(desk.library, desk.jobs))
    with st.container(border=True):
        add(lambda: Desk(source(create=True), jobs), busy=False)


def add(desk_of: Callable[[], Desk], *, busy: bool, settings: Settings | None = None) -> None:
    """The two ways of adding articles: from PubMed and from files. ``settings`` default to those of this machine."""
    st.subheader(say("From PubMed"), anchor=False)
    with st.form("add.query.form", border=False):
        query = st.text_input(
            say("A PubMed query"),
            key="add.query",
            placeholder="heart failure AND beta blockers",
            max_chars=_LONGEST_QUERY,
            help=say("In PubMed's own language, as you would type it there. It is saved, and updates ask it again."),
        )
        maximum = st.number_input(
            say("At most so many articles, the newest first"), 1, 1_000_000, 500, step=100, key="add.maximum"
        )
        with st.container(horizontal=True):
            submitted = st.form_submit_button(say("Fetch and add"), disabled=busy)
            asked = st.form_submit_button(
                say("Count first"),
                help=say("Asks PubMed how many it finds and how it reads the query; fetches nothing."),
            )
    if asked:
        _preview((query or "").strip(), int(maximum), settings)
    if submitted:
        wanted = (query or "").strip()
        if not wanted:
            st.warning(say("Type a query first."))
        else:
            desk = desk_of()
            page_jobs.start(
                desk,
                page_jobs.ADD_QUERY,
                lambda: library_jobs.add_query(desk.library, desk.jobs, wanted, int(maximum)),
                detail=wanted,
            )
    st.subheader(say("From your files"), anchor=False)
    with st.form("add.files.form", border=False, clear_on_submit=True):
        files = st.file_uploader(
            say("PubMed XML, MEDLINE/NBIB, RIS, or lists of PMIDs or DOIs"),
            accept_multiple_files=True,
            key="add.files",
            help=say(
                "Up to {size} MB together; compressed with gzip or not. They are read on this machine and sent "
                "nowhere. Articles that a file only names are fetched from PubMed.",
                size=LARGEST_UPLOAD // 1_000_000,
            ),
        )
        sent = st.form_submit_button(say("Add these files"), disabled=busy)
    if sent:
        if not files:
            st.warning(say("Choose a file first."))
        else:
            desk = desk_of()
            page_jobs.start(
                desk,
                page_jobs.ADD_FILES,
                lambda: library_jobs.add_files(desk.library, desk.jobs, files),
                detail=", ".join(file.name for file in files),
            )


def _preview(query: str, maximum: int, settings: Settings | None) -> None:
    """How much a query would bring, and how PubMed reads it."""
    from pubmed_rag.ingest.entrez_live import impatient

    if not query:
        st.warning(say("Type a query first."))
        return
    chosen = settings or load_settings(os.environ)
    chosen = replace(chosen, entrez=impatient(chosen.entrez))
    with st.spinner(say("Asking {service} …", service=page_live.service(chosen))):
        try:
            found = preview_query(query, maximum=maximum, settings=chosen)
        except PubmedRagError as error:
            explain(error)
            return
    counted = say_count("PubMed finds {count} article.", "PubMed finds {count} articles.", found.count)
    st.info(
        f"{counted} {say('To fetch them takes about {time}.', time=_time(found.seconds))}" if found.count else counted
    )
    for problem in found.problems:
        better = f" → {problem.suggestion}" if problem.suggestion else ""
        st.warning(literal(f"{problem.text}: {problem.message}{better}"))
    for warning in found.warnings:
        st.warning(literal(clip(warning, 300)))
    if found.query_translation:
        st.caption(say("How PubMed read it"))
        st.code(clip(found.query_translation, 20_000), language=None, wrap_lines=True)


def _time(seconds: float) -> str:
    """A duration that is an estimate."""
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    return f"{round(seconds / 60)} min" if seconds < 5400 else f"{round(seconds / 3600)} h"
