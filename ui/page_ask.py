"""The page that answers: a question, the answer sentence by sentence, and where each sentence comes from."""

from __future__ import annotations

from dataclasses import dataclass, replace

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from pubmed_rag.core.records import Answer, Article, Claim
from pubmed_rag.rag.answer import AskOptions
from pubmed_rag.ui.api import Library
from pubmed_rag.ui.highlight import Html, clip, literal, record_text, tag
from pubmed_rag.ui.page_article import claim_card, hit_card, retracted_list, source_list, unresolved_list
from pubmed_rag.ui.page_examples import example_questions
from pubmed_rag.ui.page_job import AnswerJob, Standing
from pubmed_rag.ui.page_state import KEPT
from pubmed_rag.ui.page_words import explain, show, warnings

_QUESTION, _TOP, _TEMPERATURE, _SEED = f"{KEPT}question", f"{KEPT}top", f"{KEPT}temperature", f"{KEPT}seed"
_JOB, _PENDING, _ADDRESS = "ask.job", "ask.pending", "ask.address"
_LONGEST_QUESTION = 1000
_TICK_SECONDS = 0.5


def render(library: Library) -> None:
    """Draw the page; an answer in the making is followed to its end."""
    _question_from_address()
    with st.form("ask.form", border=False):
        st.text_input(
            "Your question",
            key=_QUESTION,
            placeholder="Does … reduce … in patients with …?",
        )
        submitted = st.form_submit_button("Ask", type="primary")
    options = _drawer(library)
    if submitted:
        st.session_state[_PENDING] = st.session_state[_QUESTION]
    if _PENDING in st.session_state:
        _start(library, str(st.session_state.pop(_PENDING)).strip()[:_LONGEST_QUESTION], options)
    job: AnswerJob | None = st.session_state.get(_JOB)
    if job is None:
        _examples(library)
    else:
        _answer(library, job)


def _question_from_address() -> None:
    """``?q=…`` asks when the page is opened, once: the address the page writes itself asks nothing again."""
    question = st.query_params.get("q", "")[:_LONGEST_QUESTION]
    if question.strip() and question != st.session_state.get(_ADDRESS):
        _choose(question)
        st.session_state[_ADDRESS] = question


def _choose(question: str) -> None:
    st.session_state[_QUESTION] = st.session_state[_PENDING] = question


def _start(library: Library, question: str, options: AskOptions) -> None:
    before: AnswerJob | None = st.session_state.pop(_JOB, None)
    if before is not None:
        before.stop()
    if not question:
        st.warning("Type a question first, or choose one of the examples.")
        return
    st.query_params["q"] = st.session_state[_ADDRESS] = question
    st.session_state[_JOB] = AnswerJob(question, lambda stopped: library.stream(question, options, stopped=stopped))


def _examples(library: Library) -> None:
    questions = example_questions(library.store)
    if not questions:
        return
    st.caption("Questions that this library may answer:")
    for number, question in enumerate(questions):
        st.button(literal(question), key=f"ask.example.{number}", on_click=_choose, args=(question,))


def _drawer(library: Library) -> AskOptions:
    usual = library.ask_options()
    for key, value in ((_TOP, usual.top), (_TEMPERATURE, usual.temperature), (_SEED, usual.seed)):
        st.session_state.setdefault(key, value)
    with st.expander("How to answer"):
        top = st.slider(
            "Articles to read",
            1,
            max(30, usual.top),
            key=_TOP,
            help="How many of the best matching articles are searched for evidence. "
            "More finds more views and takes longer.",
        )
        temperature = st.slider(
            "Temperature",
            0.0,
            max(1.5, usual.temperature),
            step=0.1,
            key=_TEMPERATURE,
            help="How freely the model chooses its words. At 0 it always takes the likeliest word, and the same "
            "question gets the same answer. Higher is more varied and more often wrong; every sentence is checked all "
            "the same.",
        )
        seed = st.number_input(
            "Seed",
            min_value=0,
            max_value=2**31 - 1,
            step=1,
            key=_SEED,
            help="Where chance starts when the temperature is above 0. The same seed gives the same answer again; "
            "another seed gives another try.",
        )
        st.caption(f"Model: {literal(library.settings.models.llm)}. Everything runs on this machine.")
    return replace(usual, top=int(top), temperature=float(temperature), seed=int(seed))


def _answer(library: Library, job: AnswerJob) -> None:
    show(tag("h2", record_text(job.question, _LONGEST_QUESTION), cls="prag-question"))
    places = _Places(st.empty(), st.empty(), st.empty(), st.container())
    try:
        now = _follow(library, job, places)
    except Exception:
        places.clear()
        raise
    places.clear()
    if now.error is not None:
        explain(now.error)
    elif now.answer is not None:
        _rest(library, job, now.answer)


@dataclass(frozen=True, slots=True)
class _Places:
    """Where an answer in the making shows, from top to bottom."""

    stage: DeltaGenerator
    clock: DeltaGenerator
    stop: DeltaGenerator
    claims: DeltaGenerator

    def clear(self) -> None:
        """Leave the claims only."""
        for place in (self.stage, self.clock, self.stop):
            place.empty()


def _follow(library: Library, job: AnswerJob, places: _Places) -> Standing:
    """Show what comes as it comes, until the job is over. Each round touches the page, so it can be interrupted."""
    shown, told = 0, ""
    while True:
        now = job.standing()
        for claim in now.claims[shown:]:
            with places.claims:
                show(claim_card(claim, _cited(library, claim), f"{shown}"))
            shown += 1
        if now.finished:
            return now
        if not told:
            places.stop.button("Stop", key="ask.stop", on_click=job.stop, disabled=job.stopped)
        words = "Stopping: completing what stands" if job.stopped else now.stage[:1].upper() + now.stage[1:]
        if words != told:  # once a stage, so that a screen reader says it once
            places.stage.html(tag("p", f"{words} …", role="status", cls="prag-stage"))
        told = words
        places.clock.caption(f"{now.seconds:.0f} s")
        job.wait(_TICK_SECONDS)


def _cited(library: Library, claim: Claim) -> dict[str, Article]:
    return library.store.get_many([citation.id for citation in claim.citations])


def _rest(library: Library, job: AnswerJob, answer: Answer) -> None:
    """What follows the sentences of a complete answer."""
    warnings(answer.notes)
    if answer.status == "insufficient_evidence":
        st.info(literal(answer.answer))
    if answer.retracted:
        show(retracted_list(answer.retracted))
    show(_how(answer, job.stopped))
    if answer.unresolved:
        with st.expander(f"What the model wrote that did not hold ({len(answer.unresolved)})"):
            show(unresolved_list(answer.unresolved))
    if answer.status == "insufficient_evidence":
        _nearest(library, answer)
    else:
        show(tag("h2", "Sources", cls="prag-part"))
        ids = [citation.id for claim in answer.claims for citation in claim.citations]
        show(source_list(answer, library.store.get_many(ids)))


def _nearest(library: Library, answer: Answer) -> None:
    if not answer.hits:
        return
    show(tag("h2", "Nearest articles", cls="prag-part"))
    articles = library.store.get_many([hit.id for hit in answer.hits])
    for hit in answer.hits:
        show(hit_card(hit, articles.get(hit.id), Html()))


def _how(answer: Answer, stopped: bool) -> Html:
    took = f"{answer.took_ms / 1000:.1f} s"
    parts = [f"Stopped after {took}" if stopped else f"Took {took}", f"model {clip(answer.model, 80)}"]
    parts += [f"temperature {answer.temperature:g}", f"seed {answer.seed}"]
    return tag("p", " · ".join(parts), cls="prag-about")
