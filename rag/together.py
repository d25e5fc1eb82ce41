"""Many answers to one question at once: one reading of the prompt, and a token for each answer with every step.

For studies, which ask the same again and again with other temperatures and seeds. The model lives in this
process, so unlike the engine that answers people it can take the program with it.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from pubmed_rag.core.errors import ModelCrashedError
from pubmed_rag.rag.engine import LlamaEngine, Message, Sampling

TOP_K, MIN_P = 40, 0.05
"""What llama-cpp-python samples with unless told otherwise, and so what the other engine does."""

_LIKELIEST = 2048
"""Tokens shown to the grammar first. Where fewer than TOP_K of them are allowed, it is shown all."""


class TogetherEngine:
    """An engine that, when first asked a thing, writes it for every one of ``plan`` and then gives what it has.

    ``plan``: temperature and seed of all that will be asked. What is not in the plan is written by itself.
    """

    def __init__(
        self, name: str, path: Path, plan: Sequence[tuple[float, int]], *, context_tokens: int = 4096, threads: int = 0
    ) -> None:
        self._plan = tuple(dict.fromkeys(plan))
        self._context = context_tokens
        # All answers share the memory of one context; each is no longer than what one could be.
        room = context_tokens + len(self._plan) * Sampling().max_tokens
        self._engine = LlamaEngine(name, path, context_tokens=room, threads=threads, sequences=len(self._plan))
        self._asked: tuple[tuple[Message, ...], str, float, int] | None = None
        self._texts: dict[tuple[float, int], str] = {}

    @property
    def name(self) -> str:
        return self._engine.name

    @property
    def context_tokens(self) -> int:
        return min(self._context, self._engine.trained_context_tokens)

    @property
    def obeys_grammar(self) -> bool:
        return True

    def count_tokens(self, text: str) -> int:
        return self._engine.count_tokens(text)

    def generate(
        self,
        messages: Sequence[Message],
        *,
        grammar: str,
        sampling: Sampling,
        stopped: Callable[[], bool] | None = None,
    ) -> Iterator[str]:
        wanted = (sampling.temperature, sampling.seed)
        if wanted not in self._plan:
            yield from self._engine.generate(messages, grammar=grammar, sampling=sampling, stopped=stopped)
            return
        asked = (tuple(messages), grammar, sampling.top_p, sampling.max_tokens)
        if asked != self._asked:
            samplings = [Sampling(heat, sampling.top_p, seed, sampling.max_tokens) for heat, seed in self._plan]
            self._texts = dict(zip(self._plan, write_together(self._engine, messages, grammar, samplings), strict=True))
            self._asked = asked
        yield self._texts[wanted]

    def close(self) -> None:
        """Nothing outlives the object."""


def write_together(
    engine: LlamaEngine, messages: Sequence[Message], grammar: str, samplings: Sequence[Sampling]
) -> list[str]:
    """One text for each of ``samplings``, of which there are no more than the engine has sequences.

    A token is chosen as llama-cpp-python chooses it; only the sums behind its probability are taken in another
    order, since several are computed at once, so that now and then a near tie falls otherwise.
    """
    import llama_cpp

    llama = engine.llama
    context = llama._ctx.ctx
    vocabulary = llama_cpp.llama_vocab_n_tokens(llama._model.vocab)
    last = engine.read_prompt(messages)
    begin = llama.n_tokens
    memory = llama_cpp.llama_get_memory(context)
    writers = [_Writer(llama, grammar, sampling, last) for sampling in samplings]
    for number in range(1, len(writers)):
        llama_cpp.llama_memory_seq_cp(memory, 0, number, -1, -1)
    batch = llama_cpp.llama_batch_init(len(writers), 0, 1)
    try:
        active = list(range(len(writers)))
        step = 0
        while active:
            batch.n_tokens = len(active)
            for row, number in enumerate(active):
                batch.token[row] = writers[number].token
                batch.pos[row] = begin + step
                batch.n_seq_id[row] = 1
                batch.seq_id[row][0] = number
                batch.logits[row] = 1
            if llama_cpp.llama_decode(context, batch) != 0:
                raise ModelCrashedError(
                    f"{engine.name} could not write {len(writers)} answers at once", remedy="leave out --together"
                )
            for row, number in enumerate(active):
                logits = np.ctypeslib.as_array(llama_cpp.llama_get_logits_ith(context, row), shape=(vocabulary,))
                writers[number].choose(logits)
            active = [number for number in active if not writers[number].done]
            step += 1
    finally:
        llama_cpp.llama_batch_free(batch)
        for number in range(1, len(writers)):
            llama_cpp.llama_memory_seq_rm(memory, number, -1, -1)
        llama_cpp.llama_memory_seq_rm(memory, 0, begin, -1)
    return [writer.text() for writer in writers]


_ENTRY = np.dtype([("id", np.intc), ("logit", np.single), ("p", np.single)], align=True)
"""llama.cpp's ``llama_token_data``."""


@dataclass(slots=True)
class _Candidates:
    entries: Any
    array: Any


class _Writer:
    """One of the answers: what it wrote, its grammar and its dice."""

    def __init__(self, llama: Any, grammar: str, sampling: Sampling, last: int) -> None:
        from llama_cpp import _internals
        from llama_cpp.llama_grammar import LlamaGrammar

        new_sampler: Callable[[], Any] = _internals.LlamaSampler  # which says no types
        self._llama = llama
        self._most = sampling.max_tokens
        self._grammar = new_sampler()
        self._grammar.add_grammar(llama._model, LlamaGrammar.from_string(grammar, verbose=False))
        self._dice: Any = None
        if sampling.temperature > 0:
            self._dice = new_sampler()
            self._dice.add_top_k(TOP_K)
            self._dice.add_typical(1.0, 1)
            self._dice.add_top_p(sampling.top_p, 1)
            self._dice.add_min_p(MIN_P, 1)
            self._dice.add_temp(sampling.temperature)
            self._dice.add_dist(sampling.seed)
        self._written: list[int] = []
        self.token = last
        self.done = False

    def choose(self, logits: Any) -> None:
        """The next token, by the logits (n_vocabulary,) of all."""
        import llama_cpp

        found = self._allowed(np.argpartition(logits, -_LIKELIEST)[-_LIKELIEST:], logits)
        if np.isfinite(found.entries["logit"]).sum() < (1 if self._dice is None else TOP_K):
            found = self._allowed(np.arange(len(logits)), logits)
        if self._dice is None:
            chosen = int(found.entries["id"][np.argmax(found.entries["logit"])])
        else:
            llama_cpp.llama_sampler_apply(self._dice.sampler, ctypes.byref(found.array))
            chosen = int(found.array.data[found.array.selected].id)
        llama_cpp.llama_sampler_accept(self._grammar.sampler, chosen)
        if llama_cpp.llama_vocab_is_eog(self._llama._model.vocab, chosen):
            self.done = True
            return
        self.token = chosen
        self._written.append(chosen)
        self.done = len(self._written) >= self._most

    def _allowed(self, tokens: Any, logits: Any) -> _Candidates:
        """The candidates ``tokens`` with those that the grammar forbids at minus infinity."""
        import llama_cpp

        entries = np.zeros(len(tokens), _ENTRY)
        entries["id"], entries["logit"] = tokens, logits[tokens]
        data = entries.ctypes.data_as(ctypes.POINTER(llama_cpp.llama_token_data))
        array = llama_cpp.llama_token_data_array(data, len(tokens), -1, False)
        llama_cpp.llama_sampler_apply(self._grammar.sampler, ctypes.byref(array))
        return _Candidates(entries, array)

    def text(self) -> str:
        """All that was written."""
        return str(self._llama.detokenize(self._written).decode("utf-8", errors="ignore"))
