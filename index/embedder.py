"""Text → vectors, by any sentence-transformers model."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from pubmed_rag.core.errors import IndexMismatchError, UnknownModelError
from pubmed_rag.core.model_store import ModelStore
from pubmed_rag.core.models import find_model
from pubmed_rag.core.native import prepare_native_libraries
from pubmed_rag.index.vectors import Vectors

log = logging.getLogger(__name__)

_BATCH = 64


class Embedder(Protocol):
    """Queries and passages have separate methods because asymmetric models and prompts treat them apart."""

    @property
    def name(self) -> str:
        """What the user calls the model."""

    @property
    def revision(self) -> str:
        """What names its exact weights; part of every cache key."""

    @property
    def dimension(self) -> int:
        """d, the length of a vector."""

    def encode_passages(self, texts: Sequence[str]) -> Vectors:
        """(n, d) float32, L2-normalised rows, in the order of ``texts``."""

    def encode_queries(self, texts: Sequence[str]) -> Vectors:
        """(n, d) float32, L2-normalised rows, in the order of ``texts``."""


class SentenceTransformerEmbedder:
    """A sentence-transformers model on the CPU.

    Passages are encoded in bfloat16 where the processor multiplies it in hardware (two to three times as fast,
    cosine ≥ 0.9999 with float32); queries, few and short, always in float32.
    """

    def __init__(self, name: str, location: str, revision: str = "") -> None:
        prepare_native_libraries()
        from sentence_transformers import SentenceTransformer
        from transformers.utils import logging as transformers_logging

        transformers_logging.disable_progress_bar()  # type: ignore[no-untyped-call]  # it would write over ours
        try:
            self._model: Any = SentenceTransformer(location, device="cpu", local_files_only=Path(location).exists())
        except (OSError, ValueError) as error:
            reason = str(error).splitlines()[0] if str(error) else type(error).__name__
            raise UnknownModelError(f"'{name}' cannot be loaded as an embedding model ({reason})") from error
        self._name = name
        self._revision = revision or _revision_of(self._model, location)
        self._passage_context = _bfloat16() if has_fast_bfloat16() else nullcontext

    @property
    def name(self) -> str:
        return self._name

    @property
    def revision(self) -> str:
        return self._revision

    @property
    def dimension(self) -> int:
        return int(self._model.get_embedding_dimension())

    def encode_passages(self, texts: Sequence[str]) -> Vectors:
        if not texts:
            return np.empty((0, self.dimension), np.float32)
        import torch

        with torch.inference_mode(), self._passage_context():
            vectors = self._model.encode_document(
                list(texts), batch_size=_BATCH, show_progress_bar=False, convert_to_tensor=True
            )
        return _normalised(vectors.float().numpy())

    def encode_queries(self, texts: Sequence[str]) -> Vectors:
        if not texts:
            return np.empty((0, self.dimension), np.float32)
        vectors = self._model.encode_query(
            list(texts), batch_size=_BATCH, show_progress_bar=False, convert_to_numpy=True
        )
        return _normalised(vectors)


def load_embedder(name: str, models: ModelStore) -> Embedder:
    """The embedder called ``name``: registered, a hub's id, or a folder."""
    spec = find_model(name, "embedder")
    return SentenceTransformerEmbedder(name, models.locate(name, "embedder"), spec.revision if spec else "")


def check_same_model(embedder: Embedder, name: str, revision: str, dimension: int) -> None:
    """Raise :class:`IndexMismatchError` unless ``embedder`` is the one an index was built with."""
    if (embedder.revision, embedder.dimension) != (revision, dimension):
        raise IndexMismatchError(
            f"the index was built with {name} ({revision}, {dimension} dimensions), "
            f"but this is {embedder.name} ({embedder.revision}, {embedder.dimension})",
            remedy="rebuild it with 'pubmed-rag index build'",
        )


def has_fast_bfloat16() -> bool:
    """Whether the processor has bfloat16 multiply instructions (AVX512-BF16 or AMX); others emulate, slowly."""
    try:
        from torch import cpu

        return bool(cpu._is_avx512_bf16_supported() or cpu._is_amx_tile_supported())
    except (ImportError, AttributeError, RuntimeError):  # private names; without them float32 is right, only slower
        return False


def _bfloat16() -> Any:
    def context() -> AbstractContextManager[Any]:
        import torch

        return torch.autocast("cpu", dtype=torch.bfloat16)

    return context


def _normalised(vectors: Vectors) -> Vectors:
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.ascontiguousarray(vectors / np.maximum(lengths, 1e-12), dtype=np.float32)


def _revision_of(model: Any, location: str) -> str:
    """A hub's commit where known; for a folder, the digest of its weights, so that a changed file is another model."""
    from pubmed_rag.core.files import sha256_of

    folder = Path(location)
    if folder.is_dir():
        weights = sorted([*folder.glob("*.safetensors"), *folder.glob("pytorch_model*.bin")])
        return sha256_of(weights[0])[:16] if weights else "unknown"
    commit = getattr(getattr(model[0], "auto_model", None), "config", None)
    return str(getattr(commit, "_commit_hash", None) or "unknown")[:16]
