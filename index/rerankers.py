"""Re-rankers by name, loaded at the first need and kept; the library's own anew when it has been trained again."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

from pubmed_rag.core.errors import IndexMismatchError, IndexMissingError, UsageError
from pubmed_rag.core.library import LibraryPaths
from pubmed_rag.index.fusion import Fusion
from pubmed_rag.index.generation import Manifest
from pubmed_rag.index.likelihood import LanguageModel, LikelihoodReranker
from pubmed_rag.index.ranker import MANIFEST, TRAIN, LearnedRanker
from pubmed_rag.index.rerank import Reranker

LEARNED = "learned"
CROSS = "cross:"
LIKELIHOOD = "likelihood"


def is_reranker(name: str) -> bool:
    """Whether ``name`` is ``learned``, ``likelihood``, ``likelihood:MODEL`` or ``cross:MODEL``."""
    kind, colon, model = name.partition(":")
    return (
        name == LEARNED
        or (kind == LIKELIHOOD and bool(model) == bool(colon))
        or (name.startswith(CROSS) and bool(model))
    )


class Rerankers:
    """The re-rankers that searches over one library may name. ``cross_encoder`` loads one by name or path, and
    ``language_model`` the one of a likelihood ("": the one made for it).

    ``ranker`` is the folder of a learned ranker, for a library that has none of its own.
    """

    def __init__(
        self,
        paths: LibraryPaths,
        cross_encoder: Callable[[str], Reranker],
        language_model: Callable[[str], LanguageModel],
        ranker: Path | None = None,
    ) -> None:
        self._folders = (paths.ranker, *((ranker,) if ranker else ()))
        self._cross_encoder = cross_encoder
        self._lock = threading.Lock()
        self._learned: tuple[tuple[int, int], LearnedRanker] | None = None
        self._language_model = language_model
        self._models: dict[str, Reranker] = {}

    def get(self, name: str, fusion: Fusion, index: Manifest) -> Reranker | None:
        """The re-ranker called ``name``, for an index with this manifest; ``None`` for ``""`` and ``none``.

        Raises :class:`UsageError` for a name that is none of these, and what loading raises.
        """
        if name in ("", "none"):
            return None
        with self._lock:
            kind, _, model = name.partition(":")
            if not is_reranker(name):
                raise UsageError(
                    f"unknown re-ranker '{name}'",
                    remedy=f"choose {LEARNED}, {LIKELIHOOD}, {LIKELIHOOD}:MODEL, {CROSS}MODEL or none",
                )
            if kind in (LEARNED, LIKELIHOOD) and fusion.method != "sum":
                what = "the learned ranker" if kind == LEARNED else "the likelihood"
                raise UsageError(f"{what} builds on the weighted sum", remedy="leave out --fusion")
            if kind == LEARNED:
                return self._own(index)
            if name not in self._models:
                self._models[name] = (
                    LikelihoodReranker(self._language_model(model))
                    if kind == LIKELIHOOD
                    else self._cross_encoder(model)
                )
            return self._models[name]

    def learned(self, index: Manifest) -> LearnedRanker:
        """The learned ranker, checked to fit an index with this manifest."""
        with self._lock:
            return self._own(index)

    def _own(self, index: Manifest) -> LearnedRanker:
        folder = next((folder for folder in self._folders if (folder / MANIFEST).is_file()), None)
        if folder is None:
            raise IndexMissingError("this library has no trained ranker yet", remedy=TRAIN)
        found = (folder / MANIFEST).stat()
        stamp = (found.st_ino, found.st_mtime_ns)
        if self._learned is None or self._learned[0] != stamp:
            self._learned = (stamp, LearnedRanker.load(folder))
        ranker = self._learned[1]
        trained = ranker.manifest.training
        if trained.model_revision != index.model_revision:
            raise IndexMismatchError(
                f"the ranker was trained on vectors of {trained.model} ({trained.model_revision}), "
                f"and the index holds those of {index.model} ({index.model_revision})",
                remedy=TRAIN,
            )
        return ranker
