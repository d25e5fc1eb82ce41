"""Work beside the page, as every tab shows it: where it stands, a way to stop it, and what came of it."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from pubmed_rag.core.errors import (
    IndexCorruptError,
    IndexMismatchError,
    IndexMissingError,
    LibraryBusyError,
    ModelMissingError,
)
from pubmed_rag.core.records import IngestReport
from pubmed_rag.ui import library_jobs
from pubmed_rag.ui.highlight import clip, literal
from pubmed_rag.ui.jobs import JobRunner, JobView
from pubmed_rag.ui.library_jobs import Job, Outcome
from pubmed_rag.ui.messages import in_this_language, number, say, say_count, word
from pubmed_rag.ui.page_state import Desk
from pubmed_rag.ui.page_words import explain, sentence

ADD_SAMPLE = word("Adding the sample library")
ADD_QUERY = word("Adding articles from PubMed")
ADD_FILES = word("Adding articles from files")
UPDATE = word("Updating the library")
UPDATE_INDEX = word("Updating the index")
REBUILD_INDEX = word("Building the index anew")
SWITCH_INDEX = word("Switching the index")
FETCH_MODELS = word("Fetching the models")
DRAW_MAP = word("Drawing the map")

_STAGES = {
    "reading files": word("Reading files"),
    "fetching from PubMed": word("Fetching from PubMed"),
    "applying bulk files": word("Applying bulk files"),
    "embedding": word("Computing meanings"),
    "indexing": word("Writing the index"),
    "checking the index": word("Checking the index"),
    "drawing the map": word("Drawing the map"),
}
_UNITS = {
    "articles": word("articles"),
    "records": word("records"),
    "files": word("files"),
    "steps": word("steps"),
    "bytes": word("bytes"),
}
_EVERY = 1.0
_FIRST, _SHOWN = "jobs.first", "jobs.shown"
_SHOWN_REJECTED = 20


def panel(jobs: JobRunner) -> None:
    """The job at work and the one that ended while this tab was open, redrawn by itself."""
    latest = jobs.jobs()
    if _FIRST not in st.session_state:  # what was over before this tab was opened is no news
        st.session_state[_FIRST] = 0 if latest and latest[0].active else (latest[0].number if latest else 0)
    st.session_state[_SHOWN] = _standing(jobs)
    st.fragment(in_this_language(_panel), run_every=_EVERY)(jobs)


def start(desk: Desk, name: str, make: Callable[[], Job], *, detail: str = "") -> None:
    """Begin a job and draw the page anew with it; says why where that cannot be."""
    try:
        if (running := desk.jobs.running()) is not None:
            raise LibraryBusyError(f"“{say(running.name)}” is still at work", remedy="wait for it, or stop it")
        desk.jobs.start(name, make(), detail=detail)
    except Exception as error:  # the edge: people get words, not a traceback
        explain(error)
        return
    st.rerun()


def offer_remedy(desk: Desk, error: Exception | None) -> None:
    """A button that does what the words of ``error`` advise, where the page can."""
    if isinstance(error, ModelMissingError):
        label, name, job = say("Fetch the models"), FETCH_MODELS, library_jobs.fetch_models
    elif isinstance(error, IndexMissingError):
        label, name, job = say("Build the index"), REBUILD_INDEX, library_jobs.rebuild_index
    elif isinstance(error, (IndexCorruptError, IndexMismatchError)):
        label, name, job = say("Build the index anew"), REBUILD_INDEX, library_jobs.rebuild_index
    else:
        return
    if st.button(label, key="remedy", type="primary", disabled=desk.jobs.running() is not None):
        start(desk, name, lambda: job(desk.library, desk.jobs))


def history(jobs: JobRunner) -> None:
    """The latest jobs that are over."""
    over = [job for job in jobs.jobs() if not job.active]
    if not over:
        return
    with st.expander(say("Recent work ({count})", count=len(over))):
        for job in over:
            _over(job, details=False)


def _panel(jobs: JobRunner) -> None:
    if _standing(jobs) != st.session_state.get(_SHOWN):
        st.rerun()  # a job began or ended: everything on the page may look different now
    for job in jobs.jobs()[:1]:
        if job.active:
            _running(jobs, job)
        elif job.number > st.session_state.get(_FIRST, 0):
            with st.container(horizontal=True, vertical_alignment="top"):
                with st.container():
                    _over(job)
                if st.button(say("Hide"), key="jobs.hide", type="tertiary"):
                    st.session_state[_FIRST] = job.number
                    st.rerun()


def _standing(jobs: JobRunner) -> tuple[int, bool]:
    latest = jobs.jobs()
    return (latest[0].number, latest[0].active) if latest else (0, False)


def _running(jobs: JobRunner, job: JobView) -> None:
    with st.container(border=True):
        st.markdown(f"**{_title(job)}**")
        share = min(1.0, job.done / job.total) if job.total else 0.0
        st.progress(share, text=_where(job))
        if st.button(
            say("Stop"),
            key="jobs.stop",
            disabled=job.state == "stopping",
            help=say("What has come in stays; doing the same again continues there."),
        ):
            jobs.stop(job.number)
            st.rerun(scope="fragment")


def _title(job: JobView) -> str:
    return literal(f"{say(job.name)}: {clip(job.detail, 120)}" if job.detail else say(job.name))


def _where(job: JobView) -> str:
    if job.state == "stopping":
        return say("Stopping at the next safe point …")
    if not job.stage:
        return literal(job.notes[-1]) if job.notes else say("Beginning …")
    stage, unit = say(_STAGES.get(job.stage, job.stage)), say(_UNITS.get(job.unit, job.unit))
    done, total = (
        (job.done, job.total) if job.unit != "bytes" else (job.done // 1_000_000, (job.total or 0) // 1_000_000)
    )
    unit = unit if job.unit != "bytes" else "MB"
    if total:
        return literal(f"{stage}: {number(min(done, total))} / {number(total)} {unit}")
    return literal(f"{stage}: {number(done)} {unit}")


def _over(job: JobView, *, details: bool = True) -> None:
    title = f"**{_title(job)}**"
    if job.state == "failed":
        st.markdown(title)
        explain(job.error or RuntimeError("failed"))
    elif job.state == "stopped":
        st.info(
            f"{title}\n\n{say('Stopped. What had come in is in the library; doing the same again continues there.')}"
        )
    else:
        outcome = job.result if isinstance(job.result, Outcome) else Outcome()
        st.success("  \n".join([title, " ".join(literal(line) for line in lines(outcome))]))
        for problem in outcome.problems:
            st.warning(sentence(str(problem)))
        if details:
            _rejected(job.number, outcome.ingested)


def lines(outcome: Outcome) -> list[str]:
    """What a job did, in words."""
    said = []
    if (report := outcome.ingested) is not None:
        said.append(
            say(
                "{added} new, {updated} revised, {unchanged} known already, {deleted} deleted.",
                added=report.added,
                updated=report.updated,
                unchanged=report.unchanged,
                deleted=report.deleted,
            )
        )
    if (built := outcome.built) is not None:
        said.append(say_count("{count} article can be searched.", "{count} articles can be searched.", built.articles))
    if outcome.switched:
        said.append(say("Searches are in generation {name} from now on.", name=outcome.switched))
    return said or [say("Done.")]


def _rejected(job: int, report: IngestReport | None) -> None:
    if report is None or not report.rejected:
        return
    with st.expander(say("Left out ({count})", count=len(report.rejected)), key=f"jobs.rejected.{job}"):
        for item in report.rejected[:_SHOWN_REJECTED]:
            name = item.source.replace("\\", "/").rsplit("/", 1)[-1]
            named = f"{name} {item.pmid}" if item.pmid else name
            st.markdown(literal(f"{named}: {clip(item.reason, 300)}"))
