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
    Check,
    Citation,
    Claim,
    Filters,
    Hit,
    Passage,
    SearchResult,
    Unresolved,
)
from pubmed_rag.core.store import ArticleStore
from pubmed_rag.index.analysis import STOPWORDS
from pubmed_rag.index.search import Searcher
from pubmed_rag.rag.check import check_claim
from pubmed_rag.rag.engine import Engine, Queued, Sampling
from pubmed_rag.rag.evidence import Evidence, EvidenceSet, choose_evidence
from pubmed_rag.rag.prompt import REFUSAL, Draft, build_grammar, build_messages, parse_drafts, read_freely
from pubmed_rag.rag.quotation import quote
from pubmed_rag.rag.sufficiency import suffices
from pubmed_rag.rag.verdict import is_yes_no, stance_of, verdict_of

log = logging.getLogger(__name__)

_TEMPLATE_TOKENS = 64
"""Kept free for what the chat template adds."""

_MOST_SENTENCES = 24
_TOKENS_PER_SENTENCE = 512
"""A model is shown one sentence for so many tokens of its context: 8 of 4,096. A larger context comes with a
larger model, which makes more of more; a small one loses its way among many."""

_FEWEST_ARTICLES = 4
"""An answer quotes at least this many articles where there are so many with evidence."""

_LEAST_SHARE = 0.6
"""A quotation nobody asked for has at least this share of the best sentence's similarity to the question."""


@dataclass(frozen=True, slots=True)
class AskOptions:
    """``top`` articles are searched for evidence. Retracted papers are evidence only with ``include_retracted``."""

    top: int = 8
    temperature: float = 0.0
    top_p: float = 1.0
    seed: int = 0
    include_retracted: bool = False
    filters: Filters = field(default_factory=Filters)


@dataclass(frozen=True, slots=True)
class Stage:
    """What the pipeline is doing now, in words for a person.

    ``position``: while it waits for the model, how many questions are answered before this one.
    """

    name: str
    position: int | None = None


AnswerEvent = Stage | Claim | Answer
"""A stream is any number of stages and claims, in order, and then the complete answer."""


class Answerer:
    """Answers questions over one library. The engine comes as a function, called when first needed."""

    def __init__(self, store: ArticleStore, searcher: Searcher, engine: Callable[[], Engine]) -> None:
        self._store = store
        self._searcher = searcher
        self._engine = engine

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
        yield Stage("searching the library")
        found, retracted = self._retrieve(question, chosen)
        clock.lap("search")
        ids = [hit.id for hit in found.hits]
        evidence = choose_evidence(question, ids, self._store, self._searcher, limit=_MOST_SENTENCES)
        clock.lap("evidence")
        engine = self._engine()
        draft = _DraftAnswer(question, chosen, found, retracted, engine.name, clock)
        if not suffices(evidence, found):
            yield draft.insufficient()
            return
        yield Stage("loading the model")
        evidence = replace(evidence, items=_fitting(question, evidence.items, engine))
        clock.lap("load model")
        reading = Stage(f"reading {len(evidence.items)} sentences of {_count_articles(evidence)} articles")
        yield reading
        raw = yield from self._write(question, evidence, chosen, engine, stopped, reading)
        clock.lap("generation")
        yield Stage("checking every sentence")
        composer = _Composer(evidence, self._check)
        yield from composer.compose(*(parse_drafts(raw) if engine.obeys_grammar else read_freely(raw)))
        clock.lap("check")
        yield draft.answered(composer, raw, [item.article for item in evidence.items])

    def _retrieve(self, question: str, options: AskOptions) -> tuple[SearchResult, tuple[Hit, ...]]:
        """The hits that may be evidence, and the retracted papers that would have ranked among them."""
        if options.include_retracted:
            result = self._searcher.search(question, top=options.top, filters=options.filters)
            return result, ()
        allowed = options.filters.with_retracted(False)
        result = self._searcher.search(question, top=options.top, filters=allowed)
        if not self._store.holds_retracted():
            return result, ()
        everything = self._searcher.search(question, top=options.top, filters=options.filters)
        return result, tuple(hit for hit in everything.hits if hit.retracted)

    def _write(
        self,
        question: str,
        evidence: EvidenceSet,
        options: AskOptions,
        engine: Engine,
        stopped: Callable[[], bool] | None,
        reading: Stage,
    ) -> Generator[AnswerEvent, None, str]:
        """What the model writes, after the stages of its queue."""
        pieces: list[str] = []
        waiting = False
        for piece in engine.generate(
            build_messages(question, evidence.items),
            grammar=build_grammar(len(evidence.items)),
            sampling=Sampling(options.temperature, options.top_p, options.seed),
            stopped=stopped,
        ):
            if isinstance(piece, Queued):
                waiting = True
                yield _waiting(piece)
                continue
            if waiting:
                waiting = False
                yield reading
            pieces.append(piece)
        return "".join(pieces)

    def _check(self, claim: str, spans: Sequence[Passage]) -> Check:
        return check_claim(claim, [span.text for span in spans], self._searcher.embedder().encode_queries)


class _Composer:
    """Turns the model's text into claims: its own sentences where they hold, quotations where they do not."""

    def __init__(self, evidence: EvidenceSet, check: Callable[[str, Sequence[Passage]], Check]) -> None:
        self._items = evidence.items
        self._check = check
        self._numbers: dict[str, int] = {}
        self._quoted: set[Passage] = set()
        self.claims: list[Claim] = []
        self.unresolved: list[Unresolved] = []

    def compose(self, drafts: Sequence[Draft], rest: str) -> Iterator[Claim]:
        if rest:
            reason = "the model found no answer in the evidence" if rest == REFUSAL else "cut off before its citation"
            self.unresolved.append(Unresolved(rest, reason))
        for draft in drafts:
            yield from self._from_draft(draft)
        for item in self._items:
            if len(self._numbers) >= _FEWEST_ARTICLES:
                break
            if item.article.id not in self._numbers and self._near(item):
                yield from self._quotation(item)

    def _from_draft(self, draft: Draft) -> Iterator[Claim]:
        if not draft.numbers:
            self.unresolved.append(Unresolved(draft.text, "it cites nothing"))
            return
        cited = [self._items[number - 1] for number in draft.numbers if 1 <= number <= len(self._items)]
        if len(cited) < len(draft.numbers):
            self.unresolved.append(Unresolved(draft.text, "it cites evidence that was not shown"))
            return
        if _breaks_off(draft.text):
            self.unresolved.append(Unresolved(draft.text, "it breaks off"))
            yield from self._quotation(cited[0])
            return
        check = self._check(draft.text, [item.span for item in cited])
        if check.verdict == "supported" and not self._already_said(cited):
            self._quoted.update(item.span for item in cited)
            yield self._add(Claim(f"{draft.text}.", "supported", self._citations(cited), "model", check))
            return
        reason = "; ".join(check.reasons) or "it repeats what was said"
        self.unresolved.append(Unresolved(draft.text, reason))
        if check.reasons:
            yield from self._quotation(cited[0])

    def _quotation(self, item: Evidence) -> Iterator[Claim]:
        if item.span in self._quoted:
            return
        self._quoted.add(item.span)
        check = Check("supported", 1.0, ("quoted word for word",))
        yield self._add(Claim(quote(item), "supported", self._citations([item]), "quotation", check))

    def _near(self, item: Evidence) -> bool:
        """Whether a sentence nobody chose is close enough to the question to be quoted for it."""
        return item.similarity >= _LEAST_SHARE * max(other.similarity for other in self._items)

    def _already_said(self, cited: Sequence[Evidence]) -> bool:
        return all(item.span in self._quoted for item in cited)

    def _citations(self, cited: Sequence[Evidence]) -> tuple[Citation, ...]:
        by_article: dict[str, list[Evidence]] = {}
        for item in cited:
            by_article.setdefault(item.article.id, []).append(item)
        return tuple(
            Citation(
                self._numbers.setdefault(article_id, len(self._numbers) + 1),
                article_id,
                items[0].article.pmid,
                tuple(item.span for item in items),
            )
            for article_id, items in by_article.items()
        )

    def _add(self, claim: Claim) -> Claim:
        self.claims.append(claim)
        return claim


@dataclass(frozen=True, slots=True)
class _DraftAnswer:
    """What every answer to one question has in common."""

    question: str
    options: AskOptions
    found: SearchResult
    retracted: tuple[Hit, ...]
    model: str
    clock: _Clock

    def insufficient(self) -> Answer:
        text = "The library holds no sufficient evidence on this question."
        if self.found.hits:
            text += " The nearest articles are listed, but none of them answers it."
        return self._answer("insufficient_evidence", text)

    def answered(self, composer: _Composer, raw: str, articles: Sequence[Article]) -> Answer:
        if not composer.claims:
            return self.insufficient()
        text = " ".join(f"{claim.text} {marks(claim)}" for claim in composer.claims)
        answer = self._answer("answered", text, tuple(composer.claims), tuple(composer.unresolved), raw)
        return _judged(answer, {article.id: article for article in articles}) if is_yes_no(self.question) else answer

    def _answer(
        self,
        status: AnswerStatus,
        text: str,
        claims: tuple[Claim, ...] = (),
        unresolved: tuple[Unresolved, ...] = (),
        raw: str = "",
    ) -> Answer:
        return Answer(
            question=self.question,
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
            raw=raw,
            generation=self.found.generation,
            notes=self.found.warnings,
            timings_ms=tuple(self.clock.laps),
        )


def _judged(answer: Answer, articles: Mapping[str, Article]) -> Answer:
    """An answer to a yes/no question with what each cited study says to it, and what that comes to."""
    cited: dict[str, list[Passage]] = {}
    for claim in answer.claims:
        for citation in claim.citations:
            cited.setdefault(citation.id, []).extend(citation.evidence)
    studies = [articles[article_id] for article_id in cited]
    verdict, probabilities = verdict_of(answer.question, studies)
    stances = tuple(stance_of(answer.question, article, cited[article.id]) for article in studies)
    return replace(answer, verdict=verdict, verdict_probabilities=probabilities, stances=stances)


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


def _breaks_off(text: str) -> bool:
    """Whether a sentence ends in the middle, as small models do when the grammar makes them stop."""
    words = text.casefold().split()
    return not words or words[-1].endswith((",", ";", ":", "(", "-")) or words[-1] in STOPWORDS


def _fitting(question: str, items: Sequence[Evidence], engine: Engine) -> tuple[Evidence, ...]:
    """As many of ``items``, best first, as suit the model's context and leave room for its answer."""
    room = engine.context_tokens - Sampling().max_tokens - _TEMPLATE_TOKENS
    most = max(_FEWEST_ARTICLES, engine.context_tokens // _TOKENS_PER_SENTENCE)
    for count in range(min(most, len(items)), 0, -1):
        if sum(engine.count_tokens(message.content) for message in build_messages(question, items[:count])) <= room:
            return tuple(items[:count])
    raise UsageError(
        f"the question is too long: {engine.name} reads {engine.context_tokens:,} tokens", remedy="shorten it"
    )


def _waiting(place: Queued) -> Stage:
    others = "1 question is" if place.position == 1 else f"{place.position} questions are"
    return Stage(f"waiting: {others} answered first", place.position)


def _count_articles(evidence: EvidenceSet) -> int:
    return len({item.article.id for item in evidence.items})
