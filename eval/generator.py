"""The product's language model as a writer of rewritten queries."""

from __future__ import annotations

from collections.abc import Callable

from pubmed_rag.rag.engine import Engine, Message, Sampling


class EngineWriter:
    """A :class:`pubmed_rag.eval.rewriting.TextGenerator` over an engine, loaded when first needed; greedy."""

    def __init__(self, name: str, engine: Callable[[], Engine]) -> None:
        self._name = name
        self._engine = engine

    @property
    def name(self) -> str:
        return self._name

    def write(self, prompt: str, grammar: str, most_tokens: int) -> str:
        pieces = self._engine().generate(
            [Message("user", prompt)], grammar=grammar, sampling=Sampling(max_tokens=most_tokens)
        )
        return "".join(piece for piece in pieces if isinstance(piece, str))
