"""The language model behind a one-method seam, and the real one: llama.cpp."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, cast

from pubmed_rag.core.errors import UnknownModelError
from pubmed_rag.core.native import prepare_native_libraries

log = logging.getLogger(__name__)

_MOST_THREADS = 8


@dataclass(frozen=True, slots=True)
class Message:
    """One turn of a chat. ``content`` is data: template tokens inside it stay plain text."""

    role: str
    content: str


@dataclass(frozen=True, slots=True)
class Sampling:
    """How the next token is chosen. Temperature 0 is greedy; equal seeds give equal text."""

    temperature: float = 0.0
    top_p: float = 1.0
    seed: int = 0
    max_tokens: int = 320


@dataclass(frozen=True, slots=True)
class Queued:
    """Others are answered first: ``position`` of them."""

    position: int


class Engine(Protocol):
    """Something that continues a chat, under a grammar where it can."""

    @property
    def name(self) -> str:
        """What the user calls the model."""

    @property
    def context_tokens(self) -> int:
        """How many tokens prompt and answer may have together."""

    @property
    def obeys_grammar(self) -> bool:
        """Whether what it writes is bound to the grammar."""

    def count_tokens(self, text: str) -> int:
        """Length of ``text`` in the model's tokens; where they are not known, no less than that."""

    def generate(
        self,
        messages: Sequence[Message],
        *,
        grammar: str,
        sampling: Sampling,
        stopped: Callable[[], bool] | None = None,
    ) -> Iterator[str | Queued]:
        """Pieces of text as they are written, after the places in the queue where there is one.

        Ends early once ``stopped()`` is true. ``grammar`` is GBNF; an engine that knows none ignores it.
        """


class LlamaEngine:
    """A GGUF model through llama-cpp-python, in this process, one generation at a time.

    What the model has read of the system turn is kept for the next question, and the whole prompt in case the
    same is asked again with another seed or temperature. Both are always read as batches of their own, so the
    same figures come out whether they were kept or read again: an answer depends on nothing asked before it.
    """

    def __init__(
        self, name: str, path: Path, *, context_tokens: int = 4096, threads: int = 0, sequences: int = 1
    ) -> None:
        prepare_native_libraries()
        model_class = _llama_class(sequences)
        try:
            self._llama = model_class(
                model_path=str(path),
                n_ctx=context_tokens,
                n_threads=threads or usable_cpus(),
                n_threads_batch=threads or usable_cpus(),
                verbose=False,
            )
        except (ValueError, OSError, RuntimeError) as error:
            raise UnknownModelError(
                f"{path} cannot be loaded as a GGUF model ({error})", remedy="try 'pubmed-rag models verify'"
            ) from error
        self._name = name
        self._template = _chat_template(self._llama)
        self._turn = threading.Lock()
        self._last_read: tuple[list[int], list[int]] = ([], [])

    @property
    def name(self) -> str:
        return self._name

    @property
    def context_tokens(self) -> int:
        return int(self._llama.n_ctx())

    @property
    def trained_context_tokens(self) -> int:
        """The longest context that the model has learnt to read."""
        return int(self._llama._model.n_ctx_train())

    @property
    def llama(self) -> Any:
        """The model as llama-cpp-python has it, for what goes beyond a single answer."""
        return self._llama

    @property
    def obeys_grammar(self) -> bool:
        return True

    @property
    def uses_extra_buffer_types(self) -> bool:
        """False, always: see :func:`_llama_class`."""
        return bool(self._llama.model_params.use_extra_bufts)

    def count_tokens(self, text: str) -> int:
        return len(self._llama.tokenize(text.encode("utf-8"), add_bos=False, special=False))

    def generate(
        self,
        messages: Sequence[Message],
        *,
        grammar: str,
        sampling: Sampling,
        stopped: Callable[[], bool] | None = None,
    ) -> Iterator[str]:
        from llama_cpp.llama_grammar import LlamaGrammar

        kept, rest = self._split_prompt(messages)
        tokens = kept + rest
        room = self.context_tokens - len(tokens)
        with self._turn:
            self._read(kept, rest)
            pieces = self._llama.create_completion(
                prompt=tokens,
                max_tokens=max(1, min(sampling.max_tokens, room)),
                temperature=sampling.temperature,
                top_p=sampling.top_p,
                seed=sampling.seed,
                repeat_penalty=1.0,
                grammar=LlamaGrammar.from_string(grammar, verbose=False),
                stream=True,
            )
            for piece in pieces:
                yield piece["choices"][0]["text"]
                if stopped and stopped():
                    return

    def read_prompt(self, messages: Sequence[Message]) -> int:
        """Read all of a chat but its last token, and return that one."""
        kept, rest = self._split_prompt(messages)
        self._read(kept, rest)
        return rest[-1]

    def _read(self, kept: list[int], rest: list[int]) -> None:
        """Bring the context to the prompt without its last token: by forgetting what follows, or else by reading.

        Read in two batches, ``kept`` and what comes after it, whatever was in the context before. What a model
        wrote itself is never taken for something it read: the figures would differ in their last bits.
        """
        llama = self._llama
        whole = kept + rest[:-1]
        there = list(llama.input_ids[: llama.n_tokens])
        reusable = [now for now, before in zip((whole, kept), self._last_read, strict=True) if now and now == before]
        for known in reusable:
            if there[: len(known)] == known and llama._ctx.kv_cache_seq_rm(-1, len(known), -1):
                llama.n_tokens = len(known)
                break
        else:
            llama.reset()
            if kept:
                llama.eval(kept)
        self._last_read = (whole, kept)
        if llama.n_tokens < len(whole):
            llama.eval(whole[llama.n_tokens :])

    def _prompt_tokens(self, messages: Sequence[Message]) -> list[int]:
        kept, rest = self._split_prompt(messages)
        return kept + rest

    def _split_prompt(self, messages: Sequence[Message]) -> tuple[list[int], list[int]]:
        """The chat template filled in, with special tokens honoured in the template and nowhere else.

        The template is rendered around markers, cut at them, and each content is tokenised as plain text:
        an abstract that contains ``<|im_end|>`` cannot end a turn. In two parts: up to the end of the
        system turn's content, and what follows.
        """
        markers = [f"\u0002{number}\u0003" for number in range(len(messages))]
        rendered = self._template(
            [{"role": m.role, "content": marker} for m, marker in zip(messages, markers, strict=True)]
        )
        kept: list[int] = []
        tokens: list[int] = []
        rest = rendered
        for message, marker in zip(messages, markers, strict=True):
            before, found, rest = rest.partition(marker)
            if not found:
                raise UnknownModelError(
                    f"the chat template of {self._name} drops the {message.role} turn", remedy="use another model"
                )
            tokens += self._tokenize(before, special=True)
            tokens += self._tokenize(message.content, special=False)
            if message.role == "system" and not kept:
                kept, tokens = tokens, []
        return kept, tokens + self._tokenize(rest, special=True)

    def _tokenize(self, text: str, *, special: bool) -> list[int]:
        return list(self._llama.tokenize(text.encode("utf-8"), add_bos=False, special=special)) if text else []


def usable_cpus() -> int:
    """Processors this process may use, at most 8: more only slows a small model down."""
    count = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(count, _MOST_THREADS)


def _llama_class(sequences: int = 1) -> Any:
    """``llama_cpp.Llama`` without ggml's extra buffer types, able to continue ``sequences`` texts at once.

    On processors with AMX the repacking kernels behind them kill the process while decoding Q4_1 models
    (seen with llama-cpp-python 0.3.36). ``Llama`` takes no argument for it, but fills in the default
    parameters by assigning an attribute, which is where we step in; it works whatever flags the library
    was compiled with.
    """
    from llama_cpp import Llama

    class SafeLlama(Llama):
        @property
        def model_params(self) -> Any:
            return self._safe_model_params

        @model_params.setter
        def model_params(self, params: Any) -> None:
            params.use_extra_bufts = False
            self._safe_model_params = params

        @property
        def context_params(self) -> Any:
            return self._context_params

        @context_params.setter
        def context_params(self, params: Any) -> None:
            if sequences > 1:
                params.n_seq_max, params.kv_unified = sequences, True
            self._context_params = params

    return SafeLlama


def _chat_template(llama: Any) -> Callable[[list[dict[str, str]]], str]:
    from llama_cpp.llama_chat_format import Jinja2ChatFormatter

    template = llama.metadata.get("tokenizer.chat_template")
    if template is None:
        raise UnknownModelError(
            "the model file has no chat template", remedy="use an instruction-tuned ('Instruct') model"
        )
    formatter = Jinja2ChatFormatter(
        template=template,
        eos_token=_special_token(llama, llama.token_eos()),
        bos_token=_special_token(llama, llama.token_bos()),
        add_generation_prompt=True,
    )
    return lambda messages: str(formatter(messages=cast(Any, messages)).prompt)


def _special_token(llama: Any, token: int) -> str:
    return str(llama.detokenize([token], special=True).decode("utf-8", errors="ignore")) if token >= 0 else ""
