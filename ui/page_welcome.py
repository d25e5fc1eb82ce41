"""Adding articles: the way a newcomer is led to a working library, and the same choices later on."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from pubmed_rag.ui import library_jobs, page_jobs
from pubmed_rag.ui.jobs import JobRunner
from pubmed_rag.ui.library_jobs import LARGEST_UPLOAD
from pubmed_rag.ui.messages import say
from pubmed_rag.ui.page_state import Desk, Source

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


def add(desk_of: Callable[[], Desk], *, busy: bool) -> None:
    """The two ways of adding articles: from PubMed and from files."""
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
        submitted = st.form_submit_button(say("Fetch and add"), disabled=busy)
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
