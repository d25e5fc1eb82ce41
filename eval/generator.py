"""The product's language model as a writer of rewritten queries."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property

from pubmed_rag.rag.engine import Engine, Message, Sampling


class EngineWriter:
    """A :class:`pubmed_rag.eval.rewriting.TextGenerator` over an engine, loaded when first needed; greedy.

    ``weights`` gives the checksum of the model's weights, computed when first asked for.
    """

    def __init__(self, name: str, engine: Callable[[], Engine], weights: Callable[[], str]) -> None:
        self._name = name
        self._engine = engine
        self._weights = weights

    @property
    def name(self) -> str:
        return self._name

    @cached_property
    def weights(self) -> str:
        return self._weights()

    def write(self, prompt: str, grammar: str, most_tokens: int) -> str:
        pieces = self._engine().generate(
            [Message("user", prompt)], grammar=grammar, sampling=Sampling(max_tokens=most_tokens, seed=0)
        )
        return "".join(piece for piece in pieces if isinstance(piece, str))
