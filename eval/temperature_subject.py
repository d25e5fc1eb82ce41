"""The product as the subject of a study of temperature: it answers, and what its model wrote is overheard."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace

from pubmed_rag.core.records import Answer, Check, YesNoMaybe
from pubmed_rag.core.store import ArticleStore
from pubmed_rag.core.text import normalise
from pubmed_rag.eval.temperature import Written
from pubmed_rag.index.analysis import terms
from pubmed_rag.index.search import Searcher
from pubmed_rag.rag.answer import Answerer, AskOptions
from pubmed_rag.rag.check import Encode, Judge, check_claim, numbers_missing
from pubmed_rag.rag.engine import Engine, Message, Queued, Sampling
from pubmed_rag.rag.prompt import parse_drafts, read_freely

VERDICT_SYSTEM = (
    "You judge questions of medical researchers by numbered evidence sentences. Answer with one word: yes, no or maybe."
)
VERDICT_GRAMMAR = 'root ::= "yes" | "no" | "maybe"'


class Overheard:
    """An engine that keeps what it was last told."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self.messages: Sequence[Message] = ()

    @property
    def name(self) -> str:
        return self._engine.name

    @property
    def context_tokens(self) -> int:
        return self._engine.context_tokens

    @property
    def obeys_grammar(self) -> bool:
        return self._engine.obeys_grammar

    def count_tokens(self, text: str) -> int:
        return self._engine.count_tokens(text)

    def generate(
        self,
        messages: Sequence[Message],
        *,
        grammar: str,
        sampling: Sampling,
        stopped: Callable[[], bool] | None = None,
    ) -> Iterator[str | Queued]:
        self.messages = messages
        return self._engine.generate(messages, grammar=grammar, sampling=sampling, stopped=stopped)


class LibrarySubject:
    """Answers over one library, as ``ask`` gives them; ``configuration`` says what could change them."""

    def __init__(
        self,
        store: ArticleStore,
        searcher: Searcher,
        engine: Callable[[], Engine],
        options: AskOptions,
        configuration: Mapping[str, str],
        *,
        judge: Judge | None = None,
        repairs: bool = False,
    ) -> None:
        self.configuration = dict(configuration)
        self._load = engine
        self._engine: Overheard | None = None
        self._options = options
        self._encode: Encode = lambda texts: searcher.embedder().encode_queries(texts)
        self._judge = judge or (lambda claim, cited: check_claim(claim, cited, self._encode))
        self._judged: dict[str, tuple[Sequence[str], Check]] = {}
        self._prompts: dict[str, Sequence[Message]] = {}
        self._answerer = Answerer(store, searcher, self._overheard, judge=self._remember, repairs=repairs)

    def answer(self, question: str, temperature: float, seed: int) -> tuple[Answer, Written | None]:
        self._judged.clear()
        engine = self._overheard()
        engine.messages = ()
        answer = self._answerer.ask(question, replace(self._options, temperature=temperature, seed=seed))
        if not engine.messages:
            return answer, None
        self._prompts = {question: engine.messages}
        return answer, self._written(answer, engine)

    def verdict(self, question: str, temperature: float, seed: int) -> YesNoMaybe | None:
        prompt = self._prompts.get(question)
        if prompt is None:
            return None
        pieces = self._overheard().generate(
            [Message("system", VERDICT_SYSTEM), prompt[-1]],
            grammar=VERDICT_GRAMMAR,
            sampling=Sampling(temperature, self._options.top_p, seed, max_tokens=4),
        )
        word = "".join(piece for piece in pieces if isinstance(piece, str)).strip(" .\n").casefold()
        verdicts: Mapping[str, YesNoMaybe] = {"yes": "yes", "no": "no", "maybe": "maybe"}
        return verdicts.get(word)

    def _overheard(self) -> Overheard:
        if self._engine is None:
            self._engine = Overheard(self._load())
        return self._engine

    def _remember(self, claim: str, evidence: Sequence[str]) -> Check:
        check = self._judge(claim, evidence)
        self._judged[claim] = (tuple(evidence), check)
        return check

    def _written(self, answer: Answer, engine: Engine) -> Written:
        first = answer.raw.split("\n\n")[0]  # what follows is a second attempt
        drafts = (parse_drafts if engine.obeys_grammar else read_freely)(first)[0]
        own = {claim.text for claim in answer.claims if claim.origin == "model"}
        mended = sum(item.reason.startswith("mended:") for item in answer.unresolved)
        supported = invented = shown = replaced = 0
        overlaps, similarities = [], []
        for draft in drafts:
            stands = f"{draft.text}." in own
            shown += stands
            own.discard(f"{draft.text}.")
            if draft.text not in self._judged:
                replaced += bool(draft.numbers)  # it breaks off
                continue
            evidence, check = self._judged[draft.text]
            holds = check.verdict == "supported"
            supported += holds
            replaced += not holds
            invented += bool(numbers_missing(normalise(draft.text), normalise(" ".join(evidence))))
            overlaps.append(_overlap(draft.text, evidence))
            vectors = self._encode([normalise(draft.text), *(normalise(text) for text in evidence)])
            similarities.append(float((vectors[1:] @ vectors[0]).max()))
        return Written(
            len(drafts), supported, invented, shown, mended, replaced - mended, _mean(overlaps), _mean(similarities)
        )


def _overlap(claim: str, evidence: Sequence[str]) -> float:
    words = set(terms(normalise(claim)))
    return len(words & set(terms(normalise(" ".join(evidence))))) / len(words) if words else 0.0


def _mean(values: Sequence[float]) -> float | None:
    return round(sum(values) / len(values), 4) if values else None
