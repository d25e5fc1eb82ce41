"""The page that answers: a question, the answer sentence by sentence, and where each sentence comes from."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import streamlit as st

from pubmed_rag.core.answers import AnswerShelf
from pubmed_rag.core.errors import PubmedRagError
from pubmed_rag.core.model_store import ModelStore
from pubmed_rag.rag.answer import AnswerEvent, AskOptions, Stage
from pubmed_rag.ui.api import Library
from pubmed_rag.ui.highlight import clip, literal, tag
from pubmed_rag.ui.messages import say
from pubmed_rag.ui.page_answer import LONGEST_QUESTION, current, earlier
from pubmed_rag.ui.page_examples import example_questions
from pubmed_rag.ui.page_explained import ENDONYMS, READERS
from pubmed_rag.ui.page_job import AnswerJob, AskedAs, finished_job
from pubmed_rag.ui.page_state import KEPT, Desk, read_address, write_address
from pubmed_rag.ui.page_words import explain, show, where_words_go

_QUESTION, _TOP, _TEMPERATURE, _SEED = f"{KEPT}question", f"{KEPT}top", f"{KEPT}temperature", f"{KEPT}seed"
_MODEL, _EXPLAIN, _LANGUAGE = f"{KEPT}model", f"{KEPT}explain", f"{KEPT}answer_language"
_JOB, _TALK = "ask.job", "ask.talk"
"""The question that is answered now, and those asked before it in the same conversation, the first first."""
_PENDING, _BEFORE = "ask.pending", "ask.before"
_REOPEN, _REOPENED = "answer", "address.answer"
_KEPT_BEFORE = 20


def render(desk: Desk) -> None:
    """Draw the page; an answer in the making is followed to its end."""
    library = desk.library
    shelf = AnswerShelf(library.paths.answers)
    _from_address(shelf)
    with st.form("ask.form", border=False), st.container(horizontal=True, vertical_alignment="bottom"):
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
        question = str(st.session_state.pop(_PENDING)).strip()[:LONGEST_QUESTION]
        _start(library, shelf, question, options, model)
    job: AnswerJob | None = st.session_state.get(_JOB)
    if job is None:
        write_address(None)
        _examples(library)
    else:
        for turn, before in enumerate(st.session_state.get(_TALK, [])):
            earlier(library, before, turn)
        write_address(job.question)
        current(desk, job)
        write_address(job.question)  # a follow-up was made to stand alone meanwhile
        _follow_up(library, shelf, job, options, model)
    _before()
    _history(shelf)


def _follow_up(library: Library, shelf: AnswerShelf, job: AnswerJob, options: AskOptions, model: str | None) -> None:
    """Ask on, with what was asked before in mind, or begin anew."""
    with (
        st.form("ask.follow.form", border=False, clear_on_submit=True),
        st.container(horizontal=True, vertical_alignment="bottom"),
    ):
        typed = st.text_input(
            say("Ask a follow-up"),
            key="ask.follow",
            placeholder=say("And in children?"),
            help=say(
                "It is understood together with the question above, and shown as it was asked. For something else "
                "begin a new question."
            ),
        )
        submitted = st.form_submit_button(say("Ask on"))
    st.button(say("New question"), key="ask.new", on_click=_anew)
    if not submitted:
        return
    question = (typed or "").strip()[:LONGEST_QUESTION]
    if not question:
        st.warning(say("Type a question first, or choose one of the examples."))
        return
    _start(library, shelf, question, options, model, after=job)
    st.rerun()


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
    question = read_address(LONGEST_QUESTION)
    if question is not None:
        _choose(question)


def _choose(question: str) -> None:
    st.session_state[_QUESTION] = st.session_state[_PENDING] = question


def _start(
    library: Library,
    shelf: AnswerShelf,
    question: str,
    options: AskOptions,
    model: str | None,
    after: AnswerJob | None = None,
) -> None:
    """Ask ``question``, which may lean on the one asked before it in ``after``."""
    if not question:
        st.warning(say("Type a question first, or choose one of the examples."))
        return
    st.query_params.pop(_REOPEN, None)
    st.session_state.pop(_REOPENED, None)
    before = after.question if after else ""

    def events(stopped: Callable[[], bool]) -> Iterator[AnswerEvent | AskedAs]:
        asked = question
        if before:
            yield Stage("understanding the question")
            asked = library.stand_alone(question, before, model=model, rewrite=None).question
            yield AskedAs(asked)
        yield from library.stream(asked, options, model=model, stopped=stopped)

    _put(AnswerJob(question, events, keep=shelf.keep), follows=after is not None)


def _put(job: AnswerJob, *, follows: bool = False) -> None:
    """Make ``job`` the answer that is shown. The one before stays above it if ``job`` follows it, else it moves to the
    list below."""
    talk = _taken_away()
    if follows:
        st.session_state[_TALK] = talk
    else:
        st.session_state[_BEFORE] = [*reversed(talk), *st.session_state.get(_BEFORE, [])][:_KEPT_BEFORE]
    st.session_state[_JOB] = job


def _taken_away() -> list[AnswerJob]:
    """The conversation so far, the first question first, which no longer is the one shown."""
    talk: list[AnswerJob] = st.session_state.pop(_TALK, [])
    last: AnswerJob | None = st.session_state.pop(_JOB, None)
    if last is None:
        return talk
    last.stop()
    return [*talk, last]


def _anew() -> None:
    """Put the conversation away and clear the box."""
    st.session_state[_BEFORE] = [*reversed(_taken_away()), *st.session_state.get(_BEFORE, [])][:_KEPT_BEFORE]
    st.session_state[_QUESTION] = ""
    st.query_params.pop(_REOPEN, None)


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
        level = st.radio(
            say("Written for"),
            list(READERS),
            key=_EXPLAIN,
            format_func=lambda name: say(READERS[name]),
            horizontal=True,
            help=say(
                "**Lay people** get findings before figures, and terms in plain words. **Experts** get figures first, "
                "and each study's design, size and effect. What is added comes from the abstracts, MeSH and a list of "
                "our own, not from the model."
            ),
        )
        language = st.selectbox(
            say("Language of the answer"),
            ["", *ENDONYMS],
            key=_LANGUAGE,
            format_func=lambda code: ENDONYMS.get(code, say("that of the question, where the model writes it")),
            help=say(
                "Every sentence is checked in English, and then put into this language by the model where figures and "
                "citations survive it. The English stands below. Small models do this badly."
            ),
        )
        model = _model(library)
        st.caption(literal(where_words_go(library)))
    options = replace(usual, top=int(top), temperature=float(temperature), seed=int(seed))
    return replace(options, explain=level, language=language), model


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
            with st.container(
                horizontal=True, horizontal_alignment="distribute", vertical_alignment="top", key=f"ask.row.{kept.name}"
            ):
                st.button(
                    literal(label), key=f"ask.kept.{kept.name}", on_click=_reopen, args=(kept.name,), type="tertiary"
                )
                st.button(
                    say("Forget"),
                    key=f"ask.forget.{kept.name}",
                    on_click=shelf.forget,
                    args=(kept.name,),
                    type="tertiary",
                    help=say("Deletes this answer from the library's folder."),
                )
        if found:
            st.caption(say("The latest {count}. They lie in the library's folder and nowhere else.", count=len(found)))


def _reopen(name: str) -> None:
    st.query_params[_REOPEN] = name
