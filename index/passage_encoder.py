"""Many passages at once through a sentence-transformers model, as fast as the processor allows."""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from pubmed_rag.index import fast_model

if TYPE_CHECKING:
    from pubmed_rag.index.vectors import Vectors

log = logging.getLogger(__name__)

_CHARACTERS = 12_000
"""In a batch, padding included: about 3,000 tokens; 8,000 and 24,000 characters were as fast, as far as we can tell."""
_CHARACTERS_WITHOUT_PADDING = 40_000
"""The same where a batch has no padding: sentences gain a fifth over 12,000, abstracts neither gain nor lose."""
_MOST_WORKERS = 16
_PATIENCE = 60.0
"""Seconds for threads to start."""
_CHARACTERS_PER_TOKEN = 5
_LEAST_COSINE = 0.9995
_PROBES = (
    "Aspirin.",
    "Mortality was lower with carvedilol than with placebo (hazard ratio 0.65, 95% CI 0.52 to 0.81; P<0.001).",
    "BACKGROUND: Whether early treatment changes the course of the disease is not known. METHODS: We randomly assigned "
    "412 patients to the drug or to placebo. RESULTS: At 24 months the primary outcome had occurred in 18% and in 27%.",
)
"""Always the same, so that the same machine always comes to the same choice."""


_WAYS: tuple[tuple[Callable[[Any], Any], int], ...] = (
    (fast_model.packed_without_padding, _CHARACTERS_WITHOUT_PADDING),
    (fast_model.packed, _CHARACTERS),
    (fast_model.in_bfloat16, _CHARACTERS),
)
"""Fastest first, each with the characters of a batch."""


class PassageEncoder:
    """Encodes passages with ``model``; ``most_tokens`` (0: the model's own limit) are read of each.

    With ``bfloat16`` the model is converted once, in the fastest way in which the vectors of a few texts keep a cosine
    of 0.9995 with those of the model as it is. Batches are worked on side by side, one a thread: threads that share
    a matrix product wait for each other at every layer.
    """

    def __init__(self, model: Any, *, prompt: str | None = None, most_tokens: int = 0, bfloat16: bool = False) -> None:
        self._prompt = prompt
        self._most_tokens = most_tokens
        self._lock = threading.Lock()
        self._models = [model]
        self._characters = _CHARACTERS
        if bfloat16:
            self._models = [self._converted(model)]

    def encode(self, texts: Sequence[str]) -> Vectors:
        """(n, d) float32, as the model gives them, in the order of ``texts``."""
        import torch

        with self._lock:
            threads = torch.get_num_threads()
            workers = min(threads, _MOST_WORKERS, len(texts))
            batches = self._batched(texts, workers)
            workers = min(workers, len(batches))
            if workers < 2:
                return self._encode(self._models[0], texts, batches)
            while len(self._models) < workers:
                self._models.append(fast_model.sharing_weights(self._models[0]))
            return self._side_by_side(texts, batches, workers, threads)

    def _side_by_side(self, texts: Sequence[str], batches: list[list[int]], workers: int, threads: int) -> Vectors:
        import torch

        found = np.empty((len(texts), self._models[0].get_embedding_dimension()), np.float32)
        free: queue.SimpleQueue[Any] = queue.SimpleQueue()
        for model in self._models[:workers]:
            free.put(model)
        ready = threading.Barrier(workers + 1, timeout=_PATIENCE)

        def begin() -> None:
            torch.set_num_threads(threads // workers)
            ready.wait()

        def work(batch: list[int]) -> None:
            model = free.get()
            try:
                found[batch] = self._encode(model, [texts[at] for at in batch], [list(range(len(batch)))])
            finally:
                free.put(model)

        with ThreadPoolExecutor(workers, initializer=begin) as pool:
            # The longest first, so that no thread is left with much at the end.
            pending = [pool.submit(work, batch) for batch in reversed(batches)]
            ready.wait()
            torch.set_num_threads(threads)  # the workers' number holds for them; this is for threads begun later
            try:
                for one in pending:
                    one.result()
            except BaseException:
                pool.shutdown(cancel_futures=True)
                raise
        return found

    def _batched(self, texts: Sequence[str], workers: int) -> list[list[int]]:
        longest = _CHARACTERS_PER_TOKEN * (self._limit() or 512)
        lengths = [min(len(text), longest) for text in texts]
        return list(of_like_length(lengths, min(self._characters, sum(lengths) // max(1, workers))))

    def _limit(self) -> int:
        own = int(self._models[0].max_seq_length or 0)
        return min(self._most_tokens, own or self._most_tokens) if self._most_tokens else own

    def _encode(self, model: Any, texts: Sequence[str], batches: Sequence[Sequence[int]]) -> Vectors:
        import torch

        found = np.empty((len(texts), model.get_embedding_dimension()), np.float32)
        with torch.inference_mode(), limited(model, self._most_tokens):
            for batch in batches:
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
        exact = self._probed(model)
        lowest = 0.0
        for way, characters in _WAYS:
            try:
                fast = way(model)
                lowest = _lowest_cosine(exact, self._probed(fast))
            except (AttributeError, ImportError, RuntimeError, TypeError, ValueError) as error:
                log.info("%s does not work with this model (%s)", way.__name__, error)
                continue
            if lowest >= _LEAST_COSINE:
                self._characters = characters
                return fast
        log.info("this model is encoded in float32: bfloat16 turns its vectors (cosine %.5f)", lowest)
        return model

    def _probed(self, model: Any) -> Vectors:
        """The vectors of the probes, together, so that there is padding among them."""
        return self._encode(model, _PROBES, [range(len(_PROBES))])


def _lowest_cosine(exact: Vectors, near: Vectors) -> float:
    lengths = np.linalg.norm(exact, axis=1) * np.linalg.norm(near, axis=1)
    cosine = (exact * near).sum(axis=1) / np.maximum(lengths, 1e-12)
    return float(cosine.min()) if np.isfinite(cosine).all() else 0.0


def of_like_length(lengths: Sequence[int], most: int) -> Iterator[list[int]]:
    """Places of texts of like length, shortest first, as many together as have ``most`` with padding."""
    batch: list[int] = []
    for at in sorted(range(len(lengths)), key=lambda at: (lengths[at], at)):
        if batch and (len(batch) + 1) * lengths[at] > most:
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
