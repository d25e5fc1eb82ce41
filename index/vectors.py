"""The vector index: FAISS behind a small protocol."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, Self

import numpy as np
import numpy.typing as npt

from pubmed_rag.core.errors import translate

if TYPE_CHECKING:
    from pubmed_rag.index.words import Keys, Scores

Vectors = npt.NDArray[np.float32]

_TRAINING_SAMPLE = 200_000
_TIES = 20
"""Asked for beyond what is wanted, to see where equal scores end."""


@dataclass(frozen=True, slots=True)
class VectorHits:
    """``keys`` (n,) int64 and ``scores`` (n,) float32, inner product, descending; ties by rising key."""

    keys: Keys
    scores: Scores


class VectorIndex(Protocol):
    """What ``index`` needs of an engine for vectors. Vectors are L2-normalised, so a score is a cosine."""

    def search(self, vector: Vectors, top: int, allowed: Keys | None = None) -> VectorHits:
        """The ``top`` nearest to ``vector`` (d,) among ``allowed`` keys (``None``: all)."""

    def scores_of(self, vector: Vectors, keys: Keys) -> Scores:
        """Inner product (n,) with exactly these articles."""

    def count(self) -> int:
        """Number of vectors."""


class FaissIndex:
    """A FAISS index whose ids are the store's keys."""

    def __init__(self, index: Any) -> None:
        self._index = index

    @classmethod
    def empty(cls, dimension: int, factory: str = "Flat") -> Self:
        """A new index; ``factory`` is a FAISS factory string without the id map."""
        import faiss

        inner = faiss.index_factory(dimension, factory, faiss.METRIC_INNER_PRODUCT)
        return cls(faiss.IndexIDMap2(inner))

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read an index file. Raises ``RuntimeError`` if FAISS cannot."""
        import faiss

        return cls(faiss.read_index(str(path)))

    def save(self, path: Path) -> None:
        """Write the index file, not atomically: the generation around it appears as a whole."""
        import faiss

        try:
            faiss.write_index(self._index, str(path))
        except RuntimeError as error:
            known = translate(error)
            if known is None:
                raise
            raise known from error

    @property
    def trained(self) -> bool:
        return bool(self._index.is_trained)

    def train(self, vectors: Vectors) -> None:
        """Train a quantizer on ``vectors`` (n, d), of which a fixed sample is used."""
        if len(vectors) > _TRAINING_SAMPLE:
            chosen = np.random.default_rng(0).choice(len(vectors), _TRAINING_SAMPLE, replace=False)
            vectors = vectors[np.sort(chosen)]
        self._index.train(vectors)

    def add(self, keys: Keys, vectors: Vectors) -> None:
        """Add ``vectors`` (n, d) float32 under ``keys`` (n,)."""
        if len(keys):
            self._index.add_with_ids(vectors, keys)

    def remove(self, keys: Keys) -> int:
        """Remove by key; keys that are not there are ignored. Returns how many went."""
        return int(self._index.remove_ids(keys)) if len(keys) else 0

    def search(self, vector: Vectors, top: int, allowed: Keys | None = None) -> VectorHits:
        import faiss

        parameters = None
        available = self.count()
        if allowed is not None:
            available = min(available, len(allowed))
            parameters = faiss.SearchParameters(sel=faiss.IDSelectorBatch(allowed))  # type: ignore[call-arg]
        if available == 0:
            return VectorHits(np.empty(0, np.int64), np.empty(0, np.float32))
        wanted = min(top + _TIES, available)
        while True:
            scores, keys = self._index.search(vector[None, :], wanted, params=parameters)
            # Equal scores at the cut are broken by key, so all of them must have been seen.
            if wanted <= top or wanted == available or scores[0][-1] < scores[0][top - 1]:
                break
            wanted = min(wanted * 8, available)
        found = keys[0] >= 0
        order = np.lexsort((keys[0][found], -scores[0][found]))[:top]
        return VectorHits(keys[0][found][order], scores[0][found][order])

    def scores_of(self, vector: Vectors, keys: Keys) -> Scores:
        if not len(keys):
            return np.empty(0, np.float32)
        stored: Vectors = self._index.reconstruct_batch(keys)
        scores: Scores = stored @ vector
        return scores

    def count(self) -> int:
        return int(self._index.ntotal)
