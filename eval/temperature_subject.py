"""The product as the subject of a study of temperature: it answers, and what its model wrote is overheard."""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace

from pubmed_rag.core.records import Answer, Check, YesNoMaybe
from pubmed_rag.core.store import ArticleStore
from pubmed_rag.core.text import normalise
from pubmed_rag.eval.temperature import Written
from pubmed_rag.index.search import Searcher
from pubmed_rag.rag.answer import Answerer, AskOptions
from pubmed_rag.rag.check import Encode, Judge, check_claim, numbers_missing, word_overlap
from pubmed_rag.rag.engine import Engine, Message, Queued, Sampling
from pubmed_rag.rag.prompt import parse_drafts, read_freely

VERDICT_SYSTEM = (
    "You judge questions of medical researchers by numbered evidence sentences. Answer with one word: yes, no or maybe."
)
VERDICT_GRAMMAR = 'root ::= "yes" | "no" | "maybe"'
_EVIDENCE = re.compile(r"^\[(\d+)\] (?:\(\d{4}[^)]*\) )?(.*)$", re.MULTILINE)
"""A line of the prompt: number, year and design where known, sentence."""


class Overheard:
    """An engine that keeps what it was last told. ``silent``: it writes no answers, only verdicts."""

    def __init__(self, engine: Engine, *, silent: bool = False) -> None:
        self._engine = engine
        self._silent = silent
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
        if self._silent and grammar != VERDICT_GRAMMAR:
            return iter(())
        return self._engine.generate(messages, grammar=grammar, sampling=sampling, stopped=stopped)


class LibrarySubject:
    """Answers over one library, as ``ask`` gives them; ``configuration`` says what could change them.

    With ``verdicts_only`` the model writes no answers, and is only asked for its verdicts.
    """

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
        verdicts_only: bool = False,
    ) -> None:
        self.configuration = dict(configuration)
        self._load = engine
        self._engine: Overheard | None = None
        self._options = options
        self._silent = verdicts_only
        self._encode: Encode = lambda texts: searcher.embedder().encode_queries(texts)
        self._judge = judge or (lambda claim, cited: check_claim(claim, cited, self._encode))
        self._checks: dict[str, Check] = {}
        self._prompts: dict[str, Sequence[Message]] = {}
        self._answerer = Answerer(store, searcher, self._overheard, judge=self._remember, repairs=repairs)

    def answer(self, question: str, temperature: float, seed: int) -> tuple[Answer, Written | None]:
        self._checks.clear()
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
        # One word is one draw, which would be the same for every question: the question is part of the seed.
        own = zlib.crc32(f"{seed} {question}".encode())
        pieces = self._overheard().generate(
            [Message("system", VERDICT_SYSTEM), prompt[-1]],
            grammar=VERDICT_GRAMMAR,
            sampling=Sampling(temperature, self._options.top_p, own, max_tokens=4),
        )
        word = "".join(piece for piece in pieces if isinstance(piece, str)).strip(" .\n").casefold()
        verdicts: Mapping[str, YesNoMaybe] = {"yes": "yes", "no": "no", "maybe": "maybe"}
        return verdicts.get(word)

    def _overheard(self) -> Overheard:
        if self._engine is None:
            self._engine = Overheard(self._load(), silent=self._silent)
        return self._engine

    def _remember(self, claim: str, evidence: Sequence[str]) -> Check:
        self._checks[claim] = self._judge(claim, evidence)
        return self._checks[claim]

    def _written(self, answer: Answer, engine: Overheard) -> Written:
        first = answer.raw.split("\n\n")[0]  # what follows is a second attempt
        drafts = (parse_drafts if engine.obeys_grammar else read_freely)(first)[0]
        shown_to_it = {
            int(number): text for number, text in _EVIDENCE.findall(self._prompts[answer.question][-1].content)
        }
        own = {claim.text for claim in answer.claims if claim.origin == "model"}
        mended = sum(item.reason.startswith("mended:") for item in answer.unresolved)
        supported = invented = shown = replaced = 0
        overlaps, similarities = [], []
        for draft in drafts:
            evidence = [shown_to_it[number] for number in draft.numbers if number in shown_to_it]
            if not evidence:
                continue
            check = self._checks.get(draft.text)  # none where the sentence breaks off, which does not hold
            holds = check is not None and check.verdict == "supported"
            supported += holds
            replaced += not holds
            shown += f"{draft.text}." in own
            own.discard(f"{draft.text}.")
            invented += bool(numbers_missing(normalise(draft.text), normalise(" ".join(evidence))))
            overlaps.append(word_overlap(draft.text, evidence))
            vectors = self._encode([normalise(draft.text), *(normalise(text) for text in evidence)])
            similarities.append(float((vectors[1:] @ vectors[0]).max()))
        return Written(
            len(drafts), supported, invented, shown, mended, replaced - mended, _mean(overlaps), _mean(similarities)
        )


def _mean(values: Sequence[float]) -> float | None:
    return round(sum(values) / len(values), 4) if values else None
