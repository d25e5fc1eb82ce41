"""Many passages at once through a sentence-transformers model, as fast as the processor allows."""

from __future__ import annotations

import copy
import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from pubmed_rag.index.vectors import Vectors

log = logging.getLogger(__name__)

_CHARACTERS = 16_000
"""In a batch, padding included: about 4,000 tokens, of which the intermediate results still fit a cache."""
_CHARACTERS_PER_TOKEN = 5
_LEAST_COSINE = 0.9995
_PROBES = (
    "Aspirin.",
    "Mortality was lower with carvedilol than with placebo (hazard ratio 0.65, 95% CI 0.52 to 0.81; P<0.001).",
    "BACKGROUND: Whether early treatment changes the course of the disease is not known. METHODS: We randomly assigned "
    "412 patients to the drug or to placebo. RESULTS: At 24 months the primary outcome had occurred in 18% and in 27%.",
)
"""Always the same, so that the same machine always comes to the same choice."""


class PassageEncoder:
    """Encodes passages with ``model``; ``most_tokens`` (0: the model's own limit) are read of each.

    With ``bfloat16`` the weights are converted once, if the vectors of a few texts then keep a cosine of 0.9995 with
    those of the model as it is.
    """

    def __init__(self, model: Any, *, prompt: str | None = None, most_tokens: int = 0, bfloat16: bool = False) -> None:
        self._prompt = prompt
        self._most_tokens = most_tokens
        self._model = model
        if bfloat16:
            self._model = self._converted(model)

    def encode(self, texts: Sequence[str]) -> Vectors:
        """(n, d) float32, as the model gives them, in the order of ``texts``."""
        return self._encode(self._model, texts)

    def _encode(self, model: Any, texts: Sequence[str]) -> Vectors:
        import torch

        found = np.empty((len(texts), model.get_embedding_dimension()), np.float32)
        with torch.inference_mode(), limited(model, self._most_tokens):
            longest = _CHARACTERS_PER_TOKEN * (model.max_seq_length or 512)
            for batch in _batches([min(len(text), longest) for text in texts]):
                vectors = model.encode_document(
                    [texts[at] for at in batch],
                    prompt=self._prompt,
                    batch_size=len(batch),
                    show_progress_bar=False,
                    convert_to_tensor=True,
                )
                found[batch] = vectors.float().numpy()
        return found

    def _converted(self, model: Any) -> Any:
        import torch

        fast = copy.deepcopy(model).to(torch.bfloat16)
        exact, near = self._encode(model, _PROBES), self._encode(fast, _PROBES)
        lengths = np.linalg.norm(exact, axis=1) * np.linalg.norm(near, axis=1)
        cosine = float(((exact * near).sum(axis=1) / np.maximum(lengths, 1e-12)).min())
        if cosine >= _LEAST_COSINE:
            return fast
        log.info("this model is encoded in float32: bfloat16 turns its vectors (cosine %.5f)", cosine)
        return model


def _batches(lengths: Sequence[int]) -> Iterator[list[int]]:
    """Places of texts of like length, as many together as fit a batch."""
    batch: list[int] = []
    for at in sorted(range(len(lengths)), key=lambda at: (lengths[at], at)):
        if batch and (len(batch) + 1) * lengths[at] > _CHARACTERS:
            yield batch
            batch = []
        batch.append(at)
    if batch:
        yield batch


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
