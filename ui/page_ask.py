"""The page that answers: a question, the answer sentence by sentence, and where each sentence comes from."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from pubmed_rag.core.answers import AnswerShelf
from pubmed_rag.core.errors import PubmedRagError
from pubmed_rag.core.model_store import ModelStore
from pubmed_rag.core.records import Answer, Article, Claim
from pubmed_rag.rag.answer import AskOptions
from pubmed_rag.ui.api import Library
from pubmed_rag.ui.highlight import Html, clip, literal, record_text, tag
from pubmed_rag.ui.messages import say, say_count, word
from pubmed_rag.ui.page_article import claim_card, hit_card, retracted_list, source_list, unresolved_list
from pubmed_rag.ui.page_examples import example_questions
from pubmed_rag.ui.page_job import AnswerJob, Standing, finished_job
from pubmed_rag.ui.page_jobs import offer_remedy
from pubmed_rag.ui.page_save import save_answer
from pubmed_rag.ui.page_state import KEPT, Desk, read_address, write_address
from pubmed_rag.ui.page_studies import meter, numbers_of, table
from pubmed_rag.ui.page_words import explain, show, warnings, where_words_go

_QUESTION, _TOP, _TEMPERATURE, _SEED = f"{KEPT}question", f"{KEPT}top", f"{KEPT}temperature", f"{KEPT}seed"
_MODEL = f"{KEPT}model"
_JOB, _PENDING, _BEFORE = "ask.job", "ask.pending", "ask.before"
_REOPEN, _REOPENED = "answer", "address.answer"
_LONGEST_QUESTION = 1000
_TICK_SECONDS = 0.5
_KEPT_BEFORE = 20

_STAGES = {
    "starting": word("Starting"),
    "searching the library": word("Searching the library"),
    "loading the model": word("Loading the model"),
    "checking every sentence": word("Checking every sentence"),
}

_WAITING = re.compile(r"waiting: (\d+) question")
_READING = re.compile(r"reading (\d+) sentences of (\d+) articles")


def render(desk: Desk) -> None:
    """Draw the page; an answer in the making is followed to its end."""
    library = desk.library
    shelf = AnswerShelf(library.paths.answers)
    _from_address(shelf)
    with st.form("ask.form", border=False):
        st.text_input(
            say("Your question"),
            key=_QUESTION,
            placeholder=say("Does … reduce … in patients with …?"),
        )
        submitted = st.form_submit_button(say("Ask"), type="primary")
    options, model = _drawer(library)
    if submitted:
        st.session_state[_PENDING] = st.session_state[_QUESTION]
    if _PENDING in st.session_state:
        question = str(st.session_state.pop(_PENDING)).strip()[:_LONGEST_QUESTION]
        _start(library, shelf, question, options, model)
    job: AnswerJob | None = st.session_state.get(_JOB)
    if job is None:
        write_address(None)
        _examples(library)
    else:
        write_address(job.question)
        _answer(desk, job)
    _before()
    _history(shelf)


def _from_address(shelf: AnswerShelf) -> None:
    """``?q=…`` asks when the page is opened, once; ``?answer=…`` shows an answer that was kept."""
    name = st.query_params.get(_REOPEN, "")
    if name and name != st.session_state.get(_REOPENED):
        st.session_state[_REOPENED] = name
        try:
            _put(finished_job(shelf.get(name).answer))
        except PubmedRagError as error:
            explain(error)
        else:
            st.session_state[_QUESTION] = st.session_state[_JOB].question
            write_address(st.session_state[_JOB].question)
            return
    question = read_address(_LONGEST_QUESTION)
    if question is not None:
        _choose(question)


def _choose(question: str) -> None:
    st.session_state[_QUESTION] = st.session_state[_PENDING] = question


def _start(library: Library, shelf: AnswerShelf, question: str, options: AskOptions, model: str | None) -> None:
    if not question:
        st.warning(say("Type a question first, or choose one of the examples."))
        return
    st.query_params.pop(_REOPEN, None)
    st.session_state.pop(_REOPENED, None)
    _put(
        AnswerJob(
            question,
            lambda stopped: library.stream(question, options, model=model, stopped=stopped),
            keep=shelf.keep,
        )
    )


def _put(job: AnswerJob) -> None:
    """Make ``job`` the answer that is shown; the one before moves to the list below it."""
    before: AnswerJob | None = st.session_state.pop(_JOB, None)
    if before is not None:
        before.stop()
        st.session_state[_BEFORE] = [before, *st.session_state.get(_BEFORE, [])][:_KEPT_BEFORE]
    st.session_state[_JOB] = job


def _examples(library: Library) -> None:
    questions = example_questions(library.store)
    if not questions:
        return
    st.caption(say("Questions that this library may answer:"))
    for place, question in enumerate(questions):
        st.button(literal(question), key=f"ask.example.{place}", on_click=_choose, args=(question,))


def _drawer(library: Library) -> tuple[AskOptions, str | None]:
    usual = library.ask_options()
    for key, value in ((_TOP, usual.top), (_TEMPERATURE, usual.temperature), (_SEED, usual.seed)):
        st.session_state.setdefault(key, value)
    with st.expander(say("How to answer")):
        top = st.slider(
            say("Articles to read"),
            1,
            max(30, usual.top),
            key=_TOP,
            help=say(
                "How many of the best matching articles are searched for evidence. More finds more views and takes "
                "longer."
            ),
        )
        temperature = st.slider(
            say("Temperature"),
            0.0,
            max(1.5, usual.temperature),
            step=0.1,
            key=_TEMPERATURE,
            help=say(
                "How freely the model chooses its words. At 0 it always takes the likeliest word, and the same "
                "question gets the same answer. Higher is more varied and more often wrong; every sentence is "
                "checked all the same."
            ),
        )
        seed = st.number_input(
            say("Seed"),
            min_value=0,
            max_value=2**31 - 1,
            step=1,
            key=_SEED,
            help=say(
                "Where chance starts when the temperature is above 0. The same seed gives the same answer again; "
                "another seed gives another try."
            ),
        )
        model = _model(library)
        st.caption(literal(where_words_go(library)))
    return replace(usual, top=int(top), temperature=float(temperature), seed=int(seed)), model


def _model(library: Library) -> str | None:
    """The chosen model, or ``None`` for that of the settings."""
    usual = library.settings.models.llm
    statuses = ModelStore(library.settings.models.directory).statuses()
    here = [status.spec.name for status in statuses if status.spec.kind == "llm" and status.state == "present"]
    names = list(dict.fromkeys([usual, *here]))
    if st.session_state.get(_MODEL) not in names:
        st.session_state[_MODEL] = usual
    chosen = st.selectbox(
        say("Model"),
        names,
        key=_MODEL,
        format_func=lambda name: clip(name.replace("\\", "/").rsplit("/", 1)[-1], 80),
        help=say(
            "Which language model words the answer. Larger ones write better and take longer. 'pubmed-rag models "
            "list' shows what can be fetched."
        ),
    )
    return None if chosen == usual else str(chosen)


def _answer(desk: Desk, job: AnswerJob) -> None:
    show(tag("h2", record_text(job.question, _LONGEST_QUESTION), cls="prag-question"))
    places = _Places(st.empty(), st.empty(), st.empty(), st.container())
    try:
        now = _follow(desk.library, job, places)
    except Exception:
        places.clear()
        raise
    places.clear()
    if now.error is not None:
        explain(now.error)
        offer_remedy(desk, now.error)
    elif now.answer is not None:
        _rest(desk.library, job, now.answer)


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
            places.stop.button(say("Stop"), key="ask.stop", on_click=job.stop, disabled=job.stopped)
        words = say("Stopping: completing what stands") if job.stopped else _stage(now.stage)
        if words != told:  # once a stage, so that a screen reader says it once
            places.stage.html(tag("p", f"{words} …", role="status", cls="prag-stage"))
        told = words
        places.clock.caption(f"{now.seconds:.0f} s")
        job.wait(_TICK_SECONDS)


def _stage(name: str) -> str:
    if match := _READING.fullmatch(name):
        return say("Reading {sentences} sentences of {articles} articles", sentences=match[1], articles=match[2])
    if match := _WAITING.match(name):
        return say_count(
            "Waiting: {count} question is answered first",
            "Waiting: {count} questions are answered first",
            int(match[1]),
        )
    return say(_STAGES[name]) if name in _STAGES else name[:1].upper() + name[1:]


def _cited(library: Library, claim: Claim) -> dict[str, Article]:
    return library.store.get_many([citation.id for citation in claim.citations])


def _rest(library: Library, job: AnswerJob, answer: Answer) -> None:
    """What follows the sentences of a complete answer."""
    warnings(answer.notes)
    if answer.status == "insufficient_evidence":
        st.info(literal(answer.answer))
    if answer.stances:
        show(meter(answer, numbers_of(answer)))
    if answer.retracted:
        show(retracted_list(answer.retracted))
    show(_how(answer, job.stopped))
    if answer.unresolved:
        with st.expander(say("What the model wrote that did not hold ({count})", count=len(answer.unresolved))):
            show(unresolved_list(answer.unresolved))
    if answer.status == "insufficient_evidence":
        _nearest(library, answer)
        return
    ids = [citation.id for claim in answer.claims for citation in claim.citations]
    articles = library.store.get_many(ids)
    if all(article_id in articles for article_id in ids):
        with st.expander(say("The studies side by side"), key="ask.studies"):
            show(table(library.studies(answer)))
            st.caption(say("Read from the abstracts; what is not plainly stated stays blank."))
    save_answer(answer, articles, "ask")
    show(tag("h2", say("Sources"), cls="prag-part"))
    show(source_list(answer, articles))


def _nearest(library: Library, answer: Answer) -> None:
    if not answer.hits:
        return
    show(tag("h2", say("Nearest articles"), cls="prag-part"))
    articles = library.store.get_many([hit.id for hit in answer.hits])
    for hit in answer.hits:
        show(hit_card(hit, articles.get(hit.id), Html()))


def _how(answer: Answer, stopped: bool) -> Html:
    took = f"{answer.took_ms / 1000:.1f} s"
    parts = [say("Stopped after {time}", time=took) if stopped else say("Took {time}", time=took)]
    parts += [say("model {name}", name=clip(answer.model, 80))]
    parts += [f"{say('temperature')} {answer.temperature:g}", f"{say('seed')} {answer.seed}"]
    return tag("p", " · ".join(parts), cls="prag-about")


def _before() -> None:
    """The questions asked earlier in this tab, to go back to."""
    before: list[AnswerJob] = st.session_state.get(_BEFORE, [])
    if not before:
        return
    show(tag("h2", say("Asked before"), cls="prag-part"))
    for place, job in enumerate(before):
        st.button(
            literal(clip(job.question, 200)), key=f"ask.before.{place}", on_click=_back, args=(job,), type="tertiary"
        )


def _back(job: AnswerJob) -> None:
    before: list[AnswerJob] = st.session_state.get(_BEFORE, [])
    st.session_state[_BEFORE] = [other for other in before if other is not job]
    st.session_state[_QUESTION] = job.question
    st.query_params.pop(_REOPEN, None)
    _put(job)


def _history(shelf: AnswerShelf) -> None:
    """Answers kept with the library, found by their words."""
    with st.expander(say("Answers kept"), key="ask.history"):
        words = st.text_input(say("Find by words"), key=f"{KEPT}history", placeholder=say("all answers"))
        found = shelf.find(words or "")
        if not found:
            st.caption(say("No kept answer has these words.") if words else say("No answer has been kept yet."))
        for kept in found:
            label = f"{kept.given[:10]} · {clip(kept.answer.question, 160)}"
            st.button(literal(label), key=f"ask.kept.{kept.name}", on_click=_reopen, args=(kept.name,), type="tertiary")
        if found:
            st.caption(say("The latest {count}. They lie in the library's folder and nowhere else.", count=len(found)))


def _reopen(name: str) -> None:
    st.query_params[_REOPEN] = name
