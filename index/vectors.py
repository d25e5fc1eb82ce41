"""The vector index behind a small protocol: rows for exact scores, FAISS for candidates."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, Self

import msgspec
import numpy as np
import numpy.typing as npt

from pubmed_rag.core.errors import IndexCorruptError, IndexMismatchError
from pubmed_rag.core.native import prepare_native_libraries
from pubmed_rag.index.vector_factory import REFINE, VectorPlan
from pubmed_rag.index.vector_rows import VectorRows, best

if TYPE_CHECKING:
    from pubmed_rag.index.vector_rows import Positions
    from pubmed_rag.index.words import Keys, Scores

Vectors = npt.NDArray[np.float32]

ABOUT, ROWS, CANDIDATES = "about.json", "rows", "candidates.faiss"

_LEAST_TOP = 10
_SPARE = 1.2
_FARTHER = 3
"""With a filter, so many times the rows are met that would be met without: what passes may lie far away."""
_TOGETHER = 128
"""Queries that FAISS is given at once: with a thousand it keeps 9 MB more (512 lists) for good."""
_WIDE = 0.3
"""Filters that let pass at least this share are tried after the search instead of before it."""


@dataclass(frozen=True, slots=True)
class VectorHits:
    """``keys`` (n,) int64 and ``scores`` (n,) float32, inner product, descending; ties by rising key."""

    keys: Keys
    scores: Scores


class VectorIndex(Protocol):
    """What ``index`` needs of an engine for vectors.

    A score is the inner product; of L2-normalised vectors, a cosine.
    """

    def search(self, vector: Vectors, top: int, allowed: Keys | None = None) -> VectorHits:
        """The ``top`` nearest to ``vector`` (d,) among ``allowed`` keys, which rise (``None``: all)."""

    def scores_of(self, vector: Vectors, keys: Keys) -> Scores:
        """Inner product (n,) with exactly these articles; 0 for one that has no vector."""

    def count(self) -> int:
        """Number of vectors."""


@dataclass(frozen=True, slots=True)
class VectorFacts:
    """What a vector index is made of and how it is searched; part of the manifest.

    ``probes`` are the inverted lists looked into (``nprobe``), ``plan.refine`` the candidates scored exactly for
    each of ten hits, ``recall`` the share of the true ten nearest found by ``sampled`` stored vectors as queries.
    """

    plan: VectorPlan
    dimension: int
    vectors: int
    probes: int = 0
    recall: float = 1.0
    sampled: int = 0


@dataclass(frozen=True, slots=True)
class Limits:
    """Where one way to search among allowed articles gives way to another; both defaults are about 10 ms.

    ``one_by_one``: up to so many allowed rows are scored singly (0.7 µs each). ``scan``: in an index of up to
    so many, the allowed ones, however many, are found by comparing all.
    """

    one_by_one: int = 15_000
    scan: int = 400_000


LIMITS = Limits()


class FaissIndex:
    """Rows on disk and, for more than a few hundred thousand, a FAISS index that proposes candidates.

    The ids of that index are the store's keys. Its proposals are scored from the rows, so every score that
    leaves here is exact to the precision of the rows, whichever way a hit was found.
    """

    def __init__(
        self, facts: VectorFacts, rows: VectorRows, candidates: Any | None = None, limits: Limits = LIMITS
    ) -> None:
        self.facts = facts
        self.limits = limits
        self.rows = rows
        self.candidates = candidates
        self._centroids: Vectors | None = None

    @classmethod
    def load(cls, directory: Path, *, to_change: bool = False) -> Self:
        """Map the index in ``directory``: rows stay on disk, codes of candidates are read.

        Candidates can be added and removed only if it is loaded ``to_change``.
        Raises :class:`IndexMismatchError` for one of an earlier program, :class:`IndexCorruptError`.
        """
        facts = read_facts(directory)
        prepare_native_libraries()
        import faiss

        candidates = None
        if not facts.plan.is_flat:
            # Fast-scan codes are copied in either way, and the pages they were copied from would stay mapped.
            flags = 0 if to_change or facts.plan.has_packed_codes else faiss.IO_FLAG_MMAP_IFC
            try:
                candidates = faiss.read_index(str(directory / CANDIDATES), flags)
            except RuntimeError as error:
                raise IndexCorruptError(
                    f"{CANDIDATES} cannot be read", remedy="rebuild it with 'pubmed-rag index build'"
                ) from error
        return cls(facts, VectorRows.open(directory / ROWS), candidates)

    def count(self) -> int:
        return self.rows.count()

    def search(self, vector: Vectors, top: int, allowed: Keys | None = None) -> VectorHits:
        vector = np.ascontiguousarray(vector, np.float32)
        total = self.count()
        if not total or (allowed is not None and not len(allowed)):
            return VectorHits(np.empty(0, np.int64), np.empty(0, np.float32))
        if allowed is None:
            if self.candidates is None:
                return VectorHits(*self.rows.nearest(vector, top))
            return self._approximate(vector, top) or VectorHits(*self.rows.nearest(vector, top))
        if self.candidates is not None and len(allowed) > max(self.limits.one_by_one, _WIDE * total):
            hits = self._approximate(vector, top, allowed)
            if hits is not None:
                return hits
        positions = self.rows.positions_of(allowed)
        positions = positions[positions >= 0]
        if self._has_lists() and len(positions) > self.limits.one_by_one and self.rows.stored() > self.limits.scan:
            positions = self._in_near_lists(vector, top, positions)
        return VectorHits(*self.rows.nearest(vector, top, positions))

    def search_many(self, vectors: Vectors, top: int) -> tuple[Keys, Scores]:
        """The ``top`` nearest to each of ``vectors`` (n, d): keys and scores (n, top), −1 and −inf where fewer are."""
        keys = np.full((len(vectors), top), -1, np.int64)
        scores = np.full((len(vectors), top), -np.inf, np.float32)
        wanted = self._wanted(top)
        for start in range(0, len(vectors), _TOGETHER):
            block = np.ascontiguousarray(vectors[start : start + _TOGETHER], np.float32)
            proposals = None if self.candidates is None else self._propose(block, wanted)
            for row, vector in enumerate(block):
                hits = self.search(vector, top) if proposals is None else self._score(vector, top, proposals[row])
                found = slice(0, len(hits.keys))
                keys[start + row, found], scores[start + row, found] = hits.keys, hits.scores
        return keys, scores

    def scores_of(self, vector: Vectors, keys: Keys) -> Scores:
        scores = np.zeros(len(keys), np.float32)
        positions = self.rows.positions_of(keys)
        known = positions >= 0
        scores[known] = self.rows.scores_at(np.asarray(vector, np.float32), positions[known])
        return scores

    def vector_of(self, key: int) -> Vectors | None:
        """The stored vector (d,) of an article; ``None`` if it has none."""
        positions = self.rows.positions_of(np.array([key], np.int64))
        return self.rows.vectors_at(positions)[0] if positions[0] >= 0 else None

    def probing(self, probes: int, refine: int | None = None) -> FaissIndex:
        """The same index looking into so many lists, and scoring so many candidates for each hit."""
        plan = replace(self.facts.plan, refine=refine or self.facts.plan.refine)
        return FaissIndex(replace(self.facts, plan=plan, probes=probes), self.rows, self.candidates, self.limits)

    # -- candidates --------------------------------------------------------------------------------

    def _approximate(self, vector: Vectors, top: int, allowed: Keys | None = None) -> VectorHits | None:
        """The best of what FAISS proposes; ``None`` if that are too few to be sure of ``top``."""
        total = self.count()
        share = 1.0 if allowed is None else min(1.0, len(allowed) / total)
        scored = self._wanted(top)
        wanted = scored if allowed is None else min(total, math.ceil(_SPARE * scored / share))
        keys = self._propose(vector[None, :], wanted)[0]
        if allowed is not None:
            places = np.minimum(np.searchsorted(allowed, keys), len(allowed) - 1)
            keys = keys[allowed[places] == keys]
            # Where the filter goes with the topic, few of the nearest pass it: then it has to come first.
            if len(keys) < scored:
                return None
        hits = self._score(vector, top, keys)
        return hits if len(hits.keys) >= min(top, total if allowed is None else len(allowed)) else None

    def _wanted(self, top: int) -> int:
        """How many candidates to score for ``top`` hits.

        The more hits, the fewer candidates for each: how far the codes can be wrong does not grow with them.
        """
        top = max(top, _LEAST_TOP)
        growing = self.facts.plan.refine * math.sqrt(_LEAST_TOP * top)
        return min(self.count(), max(REFINE * top, math.ceil(growing)))

    def _propose(self, vectors: Vectors, wanted: int) -> Keys:
        """Keys (n, wanted) of candidates for each of ``vectors`` (n, d); -1 pads. Many are looked for in more lists."""
        import faiss

        assert self.candidates is not None
        parameters = None
        if self._has_lists():
            lists = self.facts.plan.lists
            probes = min(lists, max(self.facts.probes, math.ceil(4 * wanted * lists / max(1, self.count()))))
            parameters = faiss.SearchParametersIVF(nprobe=probes)  # type: ignore[call-arg]
        keys: Keys = self.candidates.search(vectors, wanted, params=parameters)[1]
        return keys

    def _score(self, vector: Vectors, top: int, keys: Keys) -> VectorHits:
        """The best ``top`` of the proposed ``keys`` (-1 and keys that are gone are left out), scored from the rows."""
        keys = keys[keys >= 0]
        if not self._has_lists():
            keys = np.unique(keys)  # an article revised since is in it twice
        positions = self.rows.positions_of(keys)
        known = positions >= 0
        positions, keys = positions[known], keys[known]
        near = self.rows.contenders(vector, top, positions)
        return VectorHits(*best(keys[near], self.rows.scores_at(vector, positions[near]), top))

    # -- filters -----------------------------------------------------------------------------------

    def _has_lists(self) -> bool:
        return self.candidates is not None and self.facts.plan.lists > 0

    def _in_near_lists(self, vector: Vectors, top: int, positions: Positions) -> Positions:
        """Of the allowed rows, those in the lists nearest to the query.

        Lists without an allowed row cost nothing, so the search goes as far from the query as it must: until
        it has met more rows than a search without filter would.
        """
        lists = self.rows.lists_of(positions)
        of_list = np.bincount(lists, minlength=self.facts.plan.lists)
        nearness = np.einsum("ij,j->i", self._all_centroids(), vector)
        order = np.argsort(-nearness, kind="stable")
        enough = max(_FARTHER * self.facts.probes * self.count() // self.facts.plan.lists, 50 * top)
        last = int(np.searchsorted(np.cumsum(of_list[order]), enough)) + 1
        near = np.zeros(self.facts.plan.lists, np.bool_)
        near[order[:last]] = True
        return positions[near[lists]]

    def _all_centroids(self) -> Vectors:
        if self._centroids is None:
            import faiss

            assert self.candidates is not None
            quantizer = faiss.downcast_index(self.candidates.quantizer)
            self._centroids = quantizer.reconstruct_n(0, quantizer.ntotal)
        return self._centroids


def read_facts(directory: Path) -> VectorFacts:
    """What the index in ``directory`` is made of. Raises :class:`IndexMismatchError`, :class:`IndexCorruptError`."""
    path = directory / ABOUT
    try:
        return msgspec.json.decode(path.read_bytes(), type=VectorFacts)
    except FileNotFoundError as error:
        raise IndexMismatchError(
            "the index was built by an earlier pubmed-rag", remedy="rebuild it with 'pubmed-rag index build'"
        ) from error
    except msgspec.DecodeError as error:
        raise IndexCorruptError(
            f"{path.name} of the vectors cannot be read", remedy="rebuild it with 'pubmed-rag index build'"
        ) from error
