"""Text → vectors, by any sentence-transformers model."""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import msgspec
import numpy as np

from pubmed_rag.core.errors import IndexMismatchError, UnknownModelError, reason_of
from pubmed_rag.core.model_store import ModelStore
from pubmed_rag.core.models import Encoding, find_model
from pubmed_rag.core.native import prepare_transformers
from pubmed_rag.index.passage_encoder import PassageEncoder, limited
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

    @property
    def normalised(self) -> bool:
        """Whether vectors have length 1, so that an inner product is a cosine."""

    def encode_passages(self, texts: Sequence[str]) -> Vectors:
        """(n, d) float32, in the order of ``texts``; rows of length 1 if ``normalised``."""

    def encode_queries(self, texts: Sequence[str]) -> Vectors:
        """(n, d) float32, in the order of ``texts``; rows of length 1 if ``normalised``."""


class SentenceTransformerEmbedder:
    """A sentence-transformers model on the CPU, or two: one for articles and one for queries.

    Passages are encoded side by side on all threads, in bfloat16 where the processor multiplies it in hardware (with
    a cosine ≥ 0.9995 with float32); queries, few and short, always in float32. Prompts that the model brings for
    documents and queries are used. A model is loaded at the first need, so a search needs the query encoder only.

    Vectors are normalised to length 1, unless the model says that it wants the inner product (``dot``): then their
    length carries meaning, and they keep it.
    """

    def __init__(
        self,
        name: str,
        location: str,
        revision: str = "",
        *,
        query_location: str = "",
        encoding: Encoding = Encoding(),  # noqa: B008  (frozen)
    ) -> None:
        self._name = name
        self._location = location
        self._query_location = query_location or location
        self._encoding = encoding
        self._lock = threading.RLock()
        self._models: dict[str, Any] = {}
        self._encoder: PassageEncoder | None = None
        # The model that a search needs is loaded at once: a wrong name should be told before anything else is done.
        model = self._load(self._query_location)
        self._revision = revision or _revision_of(model, location)
        similarity = encoding.similarity or str(model.similarity_fn_name or "cosine")
        self._normalised = similarity != "dot"

    @property
    def name(self) -> str:
        return self._name

    @property
    def revision(self) -> str:
        return self._revision

    @property
    def dimension(self) -> int:
        return int(self._load(self._query_location).get_embedding_dimension())

    @property
    def normalised(self) -> bool:
        return self._normalised

    def encode_passages(self, texts: Sequence[str]) -> Vectors:
        if not texts:
            return np.empty((0, self.dimension), np.float32)
        with self._lock:
            if self._encoder is None:
                self._encoder = PassageEncoder(
                    self._load(self._location),
                    prompt=self._encoding.article_prompt or None,
                    most_tokens=self._encoding.article_tokens,
                    bfloat16=has_fast_bfloat16(),
                )
        return self._finished(self._encoder.encode(texts))

    def encode_queries(self, texts: Sequence[str]) -> Vectors:
        if not texts:
            return np.empty((0, self.dimension), np.float32)
        model = self._load(self._query_location)
        with limited(model, self._encoding.query_tokens):
            vectors = model.encode_query(
                list(texts),
                prompt=self._encoding.query_prompt or None,
                batch_size=_BATCH,
                show_progress_bar=False,
                convert_to_numpy=True,
            )
        return self._finished(vectors)

    def _finished(self, vectors: Vectors) -> Vectors:
        return _normalised(vectors) if self._normalised else np.ascontiguousarray(vectors, np.float32)

    def _load(self, location: str) -> Any:
        with self._lock:
            if location not in self._models:
                self._models[location] = _load_model(self._name, location, self._encoding.pooling)
            return self._models[location]


@dataclass(frozen=True, slots=True)
class EncoderFile:
    """A model described by a JSON file: two encoders, or one that needs telling how it is used.

    Locations are folders, relative to the file, or a hub's ids.
    """

    article: str
    query: str = ""
    encoding: Encoding = field(default_factory=Encoding)
    revision: str = ""


def load_embedder(name: str, models: ModelStore) -> Embedder:
    """The embedder called ``name``: registered, a hub's id, a folder, or a JSON file (:class:`EncoderFile`)."""
    spec = find_model(name, "embedder")
    if spec is None and name.endswith(".json"):
        return _from_file(Path(name))
    location = models.locate(name, "embedder")
    if spec is None:
        return SentenceTransformerEmbedder(name, location)
    query = str(Path(location) / "query") if spec.query_hub else ""
    return SentenceTransformerEmbedder(name, location, spec.revision, query_location=query, encoding=spec.encoding)


def _from_file(path: Path) -> Embedder:
    try:
        described = msgspec.json.decode(path.read_bytes(), type=EncoderFile)
    except (OSError, msgspec.DecodeError) as error:
        raise UnknownModelError(
            f"{path} does not describe an embedding model ({error})",
            remedy='it should look like {"article": "FOLDER", "query": "FOLDER", "encoding": {"pooling": "cls"}}',
        ) from error

    def located(location: str) -> str:
        beside = path.parent / location
        return str(beside) if location and beside.exists() else location

    return SentenceTransformerEmbedder(
        path.stem,
        located(described.article),
        described.revision,
        query_location=located(described.query),
        encoding=described.encoding,
    )


def _load_model(name: str, location: str, pooling: str) -> Any:
    prepare_transformers()
    from sentence_transformers import SentenceTransformer

    local = Path(location).exists()
    try:
        if not pooling:
            return SentenceTransformer(location, device="cpu", local_files_only=local)
        from sentence_transformers.sentence_transformer.modules import Pooling, Transformer

        transformer = Transformer(location)
        dimension = transformer.get_embedding_dimension()
        return SentenceTransformer(modules=[transformer, Pooling(dimension, pooling)], device="cpu")
    except (OSError, ValueError) as error:
        raise UnknownModelError(f"'{name}' cannot be loaded as an embedding model ({reason_of(error)})") from error


def check_same_model(embedder: Embedder, name: str, revision: str, dimension: int) -> None:
    """Raise :class:`IndexMismatchError` unless ``embedder`` is the one an index was built with."""
    if (embedder.revision, embedder.dimension) != (revision, dimension):
        raise IndexMismatchError(
            f"the index was built with {name} ({revision}, {dimension} dimensions), "
            f"but this is {embedder.name} ({embedder.revision}, {embedder.dimension})",
            remedy=f"set models.embedder to {name} (PUBMED_RAG_MODELS_EMBEDDER={name}), "
            "or rebuild it with 'pubmed-rag index build'",
        )


def has_fast_bfloat16() -> bool:
    """Whether the processor has bfloat16 multiply instructions (AVX512-BF16 or AMX); others emulate, slowly."""
    try:
        from torch import cpu

        return bool(cpu._is_avx512_bf16_supported() or cpu._is_amx_tile_supported())
    except (ImportError, AttributeError, RuntimeError):  # private names; without them float32 is right, only slower
        return False


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
