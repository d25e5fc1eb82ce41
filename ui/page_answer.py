"""An answer on the page: how far it has come, its sentences as they come, and what follows once it is complete."""

from __future__ import annotations

import re
from dataclasses import dataclass

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from pubmed_rag.core.records import Answer, Article, Claim
from pubmed_rag.ui.api import Library
from pubmed_rag.ui.highlight import Html, clip, literal, record_text, tag
from pubmed_rag.ui.messages import say, say_count, word
from pubmed_rag.ui.page_article import claim_card, hit_card, source_list, unresolved_list, unused_list
from pubmed_rag.ui.page_explained import READERS, explained
from pubmed_rag.ui.page_job import AnswerJob, Standing
from pubmed_rag.ui.page_jobs import offer_remedy
from pubmed_rag.ui.page_save import save_answer
from pubmed_rag.ui.page_state import Desk
from pubmed_rag.ui.page_studies import meter, numbers_of, table
from pubmed_rag.ui.page_words import explain, show, warnings

LONGEST_QUESTION = 1000

_TICK_SECONDS = 0.5

_STAGES = {
    "understanding the question": word("Understanding the question"),
    "starting": word("Starting"),
    "searching the library": word("Searching the library"),
    "loading the model": word("Loading the model"),
    "checking every sentence": word("Checking every sentence"),
}

_WAITING = re.compile(r"waiting: (\d+) question")
_READING = re.compile(r"reading (\d+) sentences of (\d+) articles")


def current(desk: Desk, job: AnswerJob) -> None:
    """The answer that is being given, followed to its end, and all that belongs to it."""
    _heading(job)
    places = _Places(st.empty(), st.empty(), st.empty(), st.empty(), st.container())
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


def earlier(library: Library, job: AnswerJob, turn: int) -> None:
    """An answer given before in the same conversation. ``turn`` makes the ids of its parts unique on the page."""
    _heading(job)
    if job.question != job.typed:
        _asked_as(job, st.container())
    now = job.standing()
    if now.error is not None:
        explain(now.error)
        return
    for place, claim in enumerate(now.claims):
        show(claim_card(claim, _cited(library, claim), f"turn{turn}-{place}"))
    if now.answer is None or not now.answer.claims:
        st.info(literal(now.answer.answer if now.answer else say("This answer was not completed.")))
        return
    with st.expander(say("Sources"), key=f"ask.turn.{turn}"):
        ids = [citation.id for claim in now.answer.claims for citation in claim.citations]
        show(source_list(now.answer, library.store.get_many(ids)))


def _heading(job: AnswerJob) -> None:
    show(tag("h2", record_text(job.typed, LONGEST_QUESTION), cls="prag-question"))


def _asked_as(job: AnswerJob, place: DeltaGenerator) -> None:
    """What a follow-up was made of, so that it can be judged and put right."""
    asked = tag("p", f"{say('Asked as')}: ", record_text(job.question, LONGEST_QUESTION), cls="prag-about")
    place.html(asked)


@dataclass(frozen=True, slots=True)
class _Places:
    """Where an answer in the making shows, from top to bottom."""

    asked: DeltaGenerator
    stage: DeltaGenerator
    clock: DeltaGenerator
    stop: DeltaGenerator
    claims: DeltaGenerator

    def clear(self) -> None:
        """Leave what was asked and the claims only."""
        for place in (self.stage, self.clock, self.stop):
            place.empty()


def _follow(library: Library, job: AnswerJob, places: _Places) -> Standing:
    """Show what comes as it comes, until the job is over. Each round touches the page, so it can be interrupted."""
    shown, told, asked = 0, "", job.typed
    while True:
        now = job.standing()
        if asked != job.question:
            asked = job.question
            _asked_as(job, places.asked)
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
    if answer.explanations:
        show(explained(answer))
    if answer.stances:
        show(meter(answer, numbers_of(answer)))
    if answer.retracted or answer.concerns:
        show(unused_list(answer.retracted, answer.concerns))
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
    if answer.explain:
        parts.append(say("written for: {reader}", reader=say(READERS[answer.explain])))
    return tag("p", " · ".join(parts), cls="prag-about")
