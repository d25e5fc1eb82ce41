"""Which kind of vector index a library gets: chosen from its size, the memory it may take and the wished recall.

Up to ``FLAT_LIMIT`` vectors every one is compared (``Flat``). Beyond that an inverted file with fast-scan codes
proposes candidates, which are then scored from the stored rows (docs/vectors.md has the measurements behind
the numbers here).
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass

from pubmed_rag.core.errors import UsageError
from pubmed_rag.index.row_codes import RowKind

AUTO = "auto"
FLAT = "Flat"
FLAT_LIMIT = 300_000
"""Comparing all takes about 25 ns a vector and thread: 8 ms here."""
FLAT_MARGIN = 1.5
"""An update keeps comparing all up to this multiple of ``FLAT_LIMIT`` ..."""
ROWS_MARGIN = 1.5
"""... keeps rows of one byte up to this multiple of what they are chosen for ..."""
LISTS_MARGIN = 8.0
"""... and keeps its lists until there are so many times the articles they were made for."""

_HNSW_FROM = 8192
"""From so many lists on, the nearest ones are looked up in a graph instead of comparing the query with all."""
_ONE_BYTE_FROM = 256
"""From so many dimensions on, one byte for each tells neighbours apart: the errors of many even out."""
_ONE_BYTE_UP_TO = 4_000_000
"""Beyond so many vectors neighbours lie too close for one byte: at ten million comparing all rows of one byte finds
0.961 of the true ten, of one and a half 0.999, as of two."""
_ONE_BYTE_RECALL = 0.98
"""A wished recall above this asks for more than one byte at any count."""
_POINTS_PER_LIST = 24
_TRAINING_LIMIT = 600_000
_BITS_PER_CODE = 4
_WISHED_RECALL = 0.95
REFINE = 10
"""Candidates scored exactly for each hit, at least."""


@dataclass(frozen=True, slots=True)
class VectorPlan:
    """``factory`` is a FAISS factory string; ``rows`` how exact vectors are kept; ``chosen`` by us, not the user.

    ``recall`` is what the search parameters are set for, ``refine`` the candidates scored exactly for each
    of ten hits, ``count`` the number of vectors it was made for.
    """

    factory: str
    rows: RowKind
    chosen: bool
    count: int
    recall: float = _WISHED_RECALL
    refine: int = REFINE

    @property
    def is_flat(self) -> bool:
        return self.factory == FLAT

    @property
    def lists(self) -> int:
        """Number of inverted lists; 0 if it has none."""
        found = re.match(r"IVF(\d+)", self.factory)
        return int(found.group(1)) if found else 0

    @property
    def has_packed_codes(self) -> bool:
        """Whether FAISS keeps its codes packed for fast scans, which it cannot do in a mapped file."""
        return re.search(r"fsr?(,|$)", self.factory) is not None

    def training_size(self) -> int:
        """Vectors to train on, at most."""
        return min(_TRAINING_LIMIT, max(20_000, _POINTS_PER_LIST * self.lists))


def plan_vectors(
    count: int,
    dimension: int,
    factory: str = AUTO,
    *,
    recall: float = _WISHED_RECALL,
    memory: int | None = None,
) -> VectorPlan:
    """The plan for ``count`` vectors, within ``memory`` bytes (``None``: half of the machine's).

    ``recall`` is the wished share of the true ten nearest among the ten returned; 1 means comparing all.
    """
    if not 0 < recall <= 1:
        raise UsageError(f"a recall of {recall} is not possible", remedy="give a number above 0 and up to 1")
    rows = _rows_for(count, dimension, recall)
    if factory not in (AUTO, ""):
        return VectorPlan(factory, rows, False, count, recall)
    if count <= FLAT_LIMIT or recall == 1:
        return VectorPlan(FLAT, rows, True, count, recall)
    lists = lists_for(count)
    graph = "_HNSW32" if lists >= _HNSW_FROM else ""
    room = half_of_memory() if memory is None else memory
    # A wished recall above what one bit a dimension finds asks for more candidates, as do coarser codes.
    refine = REFINE if recall <= _ONE_BYTE_RECALL else 2 * REFINE
    parts = _parts(dimension, 4)
    if count * (parts * _BITS_PER_CODE // 8 + 8) > room and _parts(dimension, 8) < parts:
        parts, refine = _parts(dimension, 8), 4 * refine
    return VectorPlan(f"IVF{lists}{graph},PQ{parts}x{_BITS_PER_CODE}fs", rows, True, count, recall, refine)


def outgrown(plan: VectorPlan, count: int) -> bool:
    """Whether a library of ``count`` vectors wants another kind of index than ``plan``, which we chose."""
    if not plan.chosen:
        return False
    if plan.is_flat:
        return plan.recall < 1 and count > FLAT_MARGIN * FLAT_LIMIT
    if plan.rows == "int8" and count > ROWS_MARGIN * _ONE_BYTE_UP_TO:
        return True
    return count > LISTS_MARGIN * plan.count


def lists_for(count: int) -> int:
    """Number of inverted lists: the power of two at or below four times the square root."""
    return 1 << (int(4 * count**0.5).bit_length() - 1)


def half_of_memory() -> int:
    """Half of this machine's memory, in bytes; 4 GB where it does not say."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2
    except (AttributeError, ValueError, OSError):
        return 4 << 30


def _rows_for(count: int, dimension: int, recall: float) -> RowKind:
    if count <= FLAT_LIMIT or dimension < _ONE_BYTE_FROM:
        return "float16"
    return "int8" if count <= _ONE_BYTE_UP_TO and recall <= _ONE_BYTE_RECALL else "int12"


def _parts(dimension: int, wide: int) -> int:
    """Into how many parts a vector is cut for its code: each at least ``wide`` dimensions, all equal."""
    return next(parts for parts in range(max(1, dimension // wide), 0, -1) if dimension % parts == 0)
