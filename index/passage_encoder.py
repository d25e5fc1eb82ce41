"""Many passages at once through a sentence-transformers model, as fast as the processor allows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from pubmed_rag.index.vectors import Vectors

_BATCH = 64


class PassageEncoder:
    """Encodes passages with ``model``; ``most_tokens`` (0: the model's own limit) are read of each."""

    def __init__(self, model: Any, *, prompt: str | None = None, most_tokens: int = 0, bfloat16: bool = False) -> None:
        self._model = model
        self._prompt = prompt
        self._most_tokens = most_tokens
        self._bfloat16 = bfloat16

    def encode(self, texts: Sequence[str]) -> Vectors:
        """(n, d) float32, as the model gives them."""
        import torch

        fast = torch.autocast("cpu", dtype=torch.bfloat16) if self._bfloat16 else nullcontext()
        with torch.inference_mode(), fast, limited(self._model, self._most_tokens):
            vectors = self._model.encode_document(
                list(texts), prompt=self._prompt, batch_size=_BATCH, show_progress_bar=False, convert_to_tensor=True
            )
        found: Vectors = vectors.float().numpy()
        return np.ascontiguousarray(found)


@contextmanager
def limited(model: Any, tokens: int) -> Iterator[None]:
    """Let ``model`` read at most so many tokens of a text; 0 leaves it as it is."""
    before = model.max_seq_length
    if not tokens or before == tokens:
        yield
        return
    model.max_seq_length = min(tokens, before or tokens)
    try:
        yield
    finally:
        model.max_seq_length = before
