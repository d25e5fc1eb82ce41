"""The pipeline: retrieve, choose evidence, let the model write, check every sentence, quote where it fails."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from pubmed_rag.core.errors import UsageError
from pubmed_rag.core.records import (
    Answer,
    AnswerStatus,
    Article,
    Claim,
    ExplainLevel,
    Filters,
    Hit,
    Passage,
    SearchResult,
    Unresolved,
)
from pubmed_rag.core.store import ArticleStore
from pubmed_rag.index.search import Searcher
from pubmed_rag.rag.check import Judge, check_claim
from pubmed_rag.rag.compose import FEWEST_ARTICLES, Composer
from pubmed_rag.rag.engine import Engine, Message, Queued, Sampling
from pubmed_rag.rag.evidence import Evidence, EvidenceSet, choose_evidence
from pubmed_rag.rag.explain import ScopeNotes, explanations
from pubmed_rag.rag.languages import ENGLISH, say
from pubmed_rag.rag.prompt import (
    Draft,
    build_grammar,
    build_messages,
    build_repair,
    pair_repairs,
    parse_drafts,
    read_freely,
)
from pubmed_rag.rag.reader import Reader, reader_of
from pubmed_rag.rag.sufficiency import suffices
from pubmed_rag.rag.summary import as_hit, summary_evidence
from pubmed_rag.rag.translation import translated
from pubmed_rag.rag.verdict import is_yes_no, stance_of, verdict_of

log = logging.getLogger(__name__)

_TEMPLATE_TOKENS = 64
"""Kept free for what the chat template adds."""

_MOST_SENTENCES = 24
_TOKENS_PER_SENTENCE = 512
"""A model is shown one sentence for so many tokens of its context: 8 of 4,096. A larger context comes with a
larger model, which makes more of more; a small one loses its way among many."""


@dataclass(frozen=True, slots=True)
class AskOptions:
    """``top`` articles are searched for evidence. Retracted papers, and those that a journal has expressed concern
    about, are evidence only with ``include_retracted``.

    ``repair`` gives the model a second attempt at sentences that failed; ``None``: as is best for this model.
    ``explain``: for whom the answer is made, lay people or experts. ``language`` (ISO 639-1): empty is that of the
    question, where the model was made to write it.
    """

    top: int = 8
    temperature: float = 0.0
    top_p: float = 1.0
    seed: int = 0
    include_retracted: bool = False
    repair: bool | None = None
    explain: ExplainLevel = ""
    language: str = ""
    filters: Filters = field(default_factory=Filters)


@dataclass(frozen=True, slots=True)
class Stage:
    """What the pipeline is doing now, in words for a person.

    ``position``: while it waits for the model, how many questions are answered before this one.
    """

    name: str
    position: int | None = None


SUMMARY = "What did these studies find?"
"""The question that a summary answers."""

AnswerEvent = Stage | Claim | Answer
"""A stream is any number of stages and claims, in order, and then the complete answer."""


class Answerer:
    """Answers questions over one library. The engine comes as a function, called when first needed.

    ``judge`` decides whether a sentence is borne out by what it cites; by default words, figures and meaning
    do. ``repairs`` tells whether this engine makes something of a second attempt, ``languages`` (ISO 639-1) what
    it was made to write; ``notes`` gives what MeSH says of the terms in a text. ``model`` is what the engine is called.
    """

    def __init__(
        self,
        store: ArticleStore,
        searcher: Searcher,
        engine: Callable[[], Engine],
        *,
        judge: Judge | None = None,
        repairs: bool = False,
        languages: tuple[str, ...] = (ENGLISH,),
        notes: ScopeNotes | None = None,
        model: str = "",
    ) -> None:
        self._store = store
        self._searcher = searcher
        self._engine = engine
        self._judge = judge or (lambda claim, cited: check_claim(claim, cited, searcher.embedder().encode_queries))
        self._repairs = repairs
        self._languages = languages
        self._notes = notes
        self._model = model

    def ask(self, question: str, options: AskOptions | None = None) -> Answer:
        """The complete answer. Raises :class:`UsageError` for an empty question and what searching raises."""
        for event in self.stream(question, options):
            if isinstance(event, Answer):
                return event
        raise AssertionError("a stream ends with its answer")

    def stream(
        self, question: str, options: AskOptions | None = None, stopped: Callable[[], bool] | None = None
    ) -> Iterator[AnswerEvent]:
        """The answer as it comes about. With ``stopped()`` true the model stops and what stands is completed."""
        chosen = options or AskOptions()
        if not question.strip():
            raise UsageError("the question is empty")
        clock = _Clock()
        engine = self._engine()  # what is wrong with it shows before anything else is loaded
        reader = reader_of(question, chosen.language, self._languages, self._model or engine.name, self._engine)
        if reader.question != question:
            clock.lap("translate question")
        yield Stage("searching the library")
        found, retracted, concerns = self._retrieve(reader.question, chosen)
        clock.lap("search")
        ids = [hit.id for hit in found.hits]
        evidence = choose_evidence(
            reader.question, ids, self._store, self._searcher, limit=_MOST_SENTENCES, level=chosen.explain
        )
        clock.lap("evidence")
        draft = _DraftAnswer(reader, chosen, found, retracted, concerns, engine.name, clock)
        if not suffices(evidence, found):
            yield draft.insufficient()
            return
        yield from self._from_evidence(draft, evidence, engine, stopped, FEWEST_ARTICLES)

    def summarise(
        self,
        ids: Sequence[str],
        options: AskOptions | None = None,
        stopped: Callable[[], bool] | None = None,
    ) -> Iterator[AnswerEvent]:
        """What the articles ``ids`` found, from their conclusions: a stream like that of a question.

        Retracted and doubted papers are announced and left out, as for questions. Raises :class:`UsageError`
        for no articles, and :class:`UnknownArticleError`.
        """
        chosen = options or AskOptions()
        clock = _Clock()
        articles = [self._store.get(article_id) for article_id in dict.fromkeys(ids)]
        if not articles:
            raise UsageError("there is nothing to summarise")
        hits = tuple(as_hit(article, rank) for rank, article in enumerate(articles, start=1))
        left_out = () if chosen.include_retracted else tuple(hit for hit in hits if hit.retracted)
        concerns = () if chosen.include_retracted else self._doubted([hit for hit in hits if hit not in left_out])
        unused = {hit.id for hit in (*left_out, *concerns)}
        kept = [article for article in articles if article.id not in unused]
        found = SearchResult(SUMMARY, "hybrid", tuple(hit for hit in hits if hit.id not in unused), len(kept), 0.0)
        engine = self._engine()
        reader = reader_of(SUMMARY, chosen.language, self._languages, engine.name, self._engine)
        draft = _DraftAnswer(reader, chosen, found, left_out, concerns, engine.name, clock)
        evidence = summary_evidence(kept)
        if not evidence.items:
            yield draft.insufficient()
            return
        yield from self._from_evidence(draft, evidence, engine, stopped, len(kept))

    def _from_evidence(
        self,
        draft: _DraftAnswer,
        evidence: EvidenceSet,
        engine: Engine,
        stopped: Callable[[], bool] | None,
        fewest: int,
    ) -> Iterator[AnswerEvent]:
        """Write, check, mend and compose. At least ``fewest`` articles are quoted where there are so many."""
        chosen, clock, question = draft.options, draft.clock, draft.reader.question
        yield Stage("loading the model")
        evidence = replace(evidence, items=_fitting(question, evidence.items, engine, chosen.explain))
        clock.lap("load model")
        reading = Stage(f"reading {len(evidence.items)} sentences of {_count_articles(evidence)} articles")
        yield reading
        shown = evidence.items
        messages, grammar = build_messages(question, shown, chosen.explain), build_grammar(len(shown))
        raw = yield from self._write(messages, grammar, chosen, engine, stopped, reading)
        clock.lap("generation")
        yield Stage("checking every sentence")
        composer = Composer(evidence, self._judge, fewest, chosen.explain)
        drafts, rest = _read(raw, engine)
        failures = composer.failures(drafts)
        clock.lap("check")
        mended: dict[Draft, Draft] = {}
        repair = self._repairs if chosen.repair is None else chosen.repair
        if failures and repair and not (stopped and stopped()):
            again = Stage("mending what did not hold")
            yield again
            messages, grammar = build_repair(failures, shown)
            raw_again = yield from self._write(messages, grammar, chosen, engine, stopped, again)
            mended = pair_repairs(failures, _read(raw_again, engine)[0])
            raw = f"{raw}\n\n{raw_again}"
            clock.lap("repair")
        claims: list[Claim] = []
        for claim in composer.compose(drafts, rest, mended):
            if draft.reader.translates:
                yield Stage("translating")
            done = translated(claim, draft.reader.language, engine) if draft.reader.translates else claim
            claims.append(done)
            yield done
        if draft.reader.translates:
            clock.lap("translate")
        yield draft.answered(claims, composer.unresolved, raw, [item.article for item in shown], self._notes)

    def _retrieve(self, question: str, options: AskOptions) -> tuple[SearchResult, tuple[Hit, ...], tuple[Hit, ...]]:
        """The hits that may be evidence; the retracted and the doubted papers that would have ranked among them."""
        if options.include_retracted:
            return self._searcher.search(question, top=options.top, filters=options.filters), (), ()
        allowed = options.filters.with_retracted(False)
        result = self._searcher.search(question, top=options.top, filters=allowed)
        concerns = self._doubted(result.hits)
        if concerns:
            more = self._searcher.search(question, top=options.top + len(concerns), filters=allowed)
            doubted = {hit.id for hit in self._doubted(more.hits)}
            kept = [hit for hit in more.hits if hit.id not in doubted][: options.top]
            result = replace(more, hits=tuple(replace(hit, rank=rank) for rank, hit in enumerate(kept, start=1)))
        if not self._store.holds_retracted():
            return result, (), concerns
        everything = self._searcher.search(question, top=options.top, filters=options.filters)
        return result, tuple(hit for hit in everything.hits if hit.retracted), concerns

    def _doubted(self, hits: Sequence[Hit]) -> tuple[Hit, ...]:
        articles = self._store.get_many([hit.id for hit in hits])
        return tuple(hit for hit in hits if hit.id in articles and is_doubted(articles[hit.id]))

    def _write(
        self,
        messages: Sequence[Message],
        grammar: str,
        options: AskOptions,
        engine: Engine,
        stopped: Callable[[], bool] | None,
        stage: Stage,
    ) -> Generator[AnswerEvent, None, str]:
        """What the model writes, after the stages of its queue."""
        pieces: list[str] = []
        waiting = False
        for piece in engine.generate(
            messages,
            grammar=grammar,
            sampling=Sampling(options.temperature, options.top_p, options.seed),
            stopped=stopped,
        ):
            if isinstance(piece, Queued):
                waiting = True
                yield _waiting(piece)
                continue
            if waiting:
                waiting = False
                yield stage
            pieces.append(piece)
        return "".join(pieces)


@dataclass(frozen=True, slots=True)
class _DraftAnswer:
    """What every answer to one question has in common."""

    reader: Reader
    options: AskOptions
    found: SearchResult
    retracted: tuple[Hit, ...]
    concerns: tuple[Hit, ...]
    model: str
    clock: _Clock

    def insufficient(self) -> Answer:
        speaks = self.reader.speaks
        text = say("insufficient", speaks)
        if self.found.hits:
            text += f" {say('nearest', speaks)}"
        return self._answer("insufficient_evidence", text)

    def answered(
        self,
        claims: Sequence[Claim],
        unresolved: Sequence[Unresolved],
        raw: str,
        shown: Sequence[Article],
        notes: ScopeNotes | None,
    ) -> Answer:
        if not claims:
            return self.insufficient()
        articles = {article.id: article for article in shown}
        text = " ".join(f"{claim.translated or claim.text} {marks(claim)}" for claim in claims)
        answer = self._answer("answered", text, tuple(claims), tuple(unresolved), raw)
        if self.reader.translates:
            answer = replace(answer, notes=(*answer.notes, *_on_translation(claims, self.reader.language)))
        question, language = self.reader.question, self.reader.speaks
        told = explanations(claims, articles, question, self.options.explain, notes=notes, language=language)
        answer = replace(answer, explanations=told)
        return _judged(answer, question, articles) if is_yes_no(question) else answer

    def _answer(
        self,
        status: AnswerStatus,
        text: str,
        claims: tuple[Claim, ...] = (),
        unresolved: tuple[Unresolved, ...] = (),
        raw: str = "",
    ) -> Answer:
        return Answer(
            question=self.reader.asked,
            status=status,
            answer=text,
            claims=claims,
            hits=self.found.hits,
            model=self.model,
            temperature=self.options.temperature,
            seed=self.options.seed,
            took_ms=self.clock.total(),
            unresolved=unresolved,
            retracted=self.retracted,
            concerns=self.concerns,
            raw=raw,
            generation=self.found.generation,
            notes=(*self.reader.notes, *self.found.warnings),
            timings_ms=tuple(self.clock.laps),
            language=self.reader.language,
            searched=self.reader.question if self.reader.question != self.reader.asked else "",
            explain=self.options.explain,
        )


def _on_translation(claims: Sequence[Claim], language: str) -> list[str]:
    left = sum(not claim.translated for claim in claims)
    told = [say("translated", language)] if left < len(claims) else []
    return [*told, say("not translated", language, count=left, total=len(claims))] if left else told


def _judged(answer: Answer, question: str, articles: Mapping[str, Article]) -> Answer:
    """An answer to a yes/no question with what each cited study says to it, and what that comes to."""
    cited: dict[str, list[Passage]] = {}
    for claim in answer.claims:
        for citation in claim.citations:
            cited.setdefault(citation.id, []).extend(citation.evidence)
    studies = [articles[article_id] for article_id in cited]
    verdict, probabilities = verdict_of(question, studies)
    stances = tuple(stance_of(question, article, cited[article.id]) for article in studies)
    return replace(answer, verdict=verdict, verdict_probabilities=probabilities, stances=stances)


def is_doubted(article: Article) -> bool:
    """Whether a journal has expressed concern about the paper itself. A notice of concern is not doubted."""
    return any(correction.ref_type == "ExpressionOfConcernIn" for correction in article.corrections)


def marks(claim: Claim) -> str:
    """The printed citation numbers of a claim: ``[1][3]``."""
    return "".join(f"[{citation.number}]" for citation in claim.citations)


class _Clock:
    def __init__(self) -> None:
        self._started = self._last = time.perf_counter()
        self.laps: list[tuple[str, float]] = []

    def lap(self, name: str) -> None:
        now = time.perf_counter()
        self.laps.append((name, round((now - self._last) * 1000, 1)))
        self._last = now

    def total(self) -> float:
        return round((time.perf_counter() - self._started) * 1000, 1)


def _read(raw: str, engine: Engine) -> tuple[list[Draft], str]:
    return parse_drafts(raw) if engine.obeys_grammar else read_freely(raw)


def _fitting(question: str, items: Sequence[Evidence], engine: Engine, level: ExplainLevel) -> tuple[Evidence, ...]:
    """As many of ``items``, best first, as suit the model's context and leave room for its answer."""
    room = engine.context_tokens - Sampling().max_tokens - _TEMPLATE_TOKENS
    most = max(FEWEST_ARTICLES, engine.context_tokens // _TOKENS_PER_SENTENCE)
    for count in range(min(most, len(items)), 0, -1):
        messages = build_messages(question, items[:count], level)
        if sum(engine.count_tokens(message.content) for message in messages) <= room:
            return tuple(items[:count])
    raise UsageError(
        f"the question is too long: {engine.name} reads {engine.context_tokens:,} tokens", remedy="shorten it"
    )


def _waiting(place: Queued) -> Stage:
    others = "1 question is" if place.position == 1 else f"{place.position} questions are"
    return Stage(f"waiting: {others} answered first", place.position)


def _count_articles(evidence: EvidenceSet) -> int:
    return len({item.article.id for item in evidence.items})
