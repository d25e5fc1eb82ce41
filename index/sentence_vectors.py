"""Sentence vectors: one byte a dimension, memory-mapped, in segments that are written once.

A segment is a folder of raw little-endian arrays over A articles and S sentences of dimension d:

    keys.i64 (A,) rising   starts.i64 (A+1,)   spans.i32 (S, 2)   scales.f32 (S,)   vectors.i8 (S, d)

Sentence i of the article at row r is ``starts[r] + i``; its vector is ``vectors[i] * scales[i]``, its
text ``article.text[spans[i, 0]:spans[i, 1]]``. A later segment's article replaces an earlier one's.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from pubmed_rag.index.vectors import Vectors
from pubmed_rag.index.words import Keys, Scores

Spans = npt.NDArray[np.int32]

_LEVELS = 127


@dataclass(frozen=True, slots=True)
class SentenceBlock:
    """The sentences of one article: ``spans`` (n, 2) in its canonical text, ``vectors`` (n, d) float32."""

    key: int
    spans: Spans
    vectors: Vectors


class SentenceVectors:
    """All segments of a generation, newest first when an article is looked up."""

    def __init__(self, segments: list[_Segment]) -> None:
        self._segments = segments

    @classmethod
    def open(cls, directory: Path, dimension: int) -> Self:
        """Map the segments under ``directory``; an absent directory is an empty set."""
        folders = sorted(directory.iterdir()) if directory.is_dir() else []
        return cls([_Segment.open(folder, dimension) for folder in folders])

    def __bool__(self) -> bool:
        return bool(self._segments)

    def segments(self) -> int:
        """Number of segments."""
        return len(self._segments)

    def of(self, key: int) -> SentenceBlock | None:
        """The sentences of one article, or ``None`` if it has none stored."""
        for segment in reversed(self._segments):
            block = segment.of(key)
            if block is not None:
                return block
        return None

    def count_of(self, keys: Keys) -> int:
        """How many sentences these articles have together."""
        return sum(int(segment.counts(rows).sum()) for segment, _, rows in self._found(keys))

    def best_scores(self, query: Vectors, keys: Keys) -> Scores:
        """Highest inner product (n,) of ``query`` (d,) with any sentence of each article; 0 where it has none."""
        scores = np.zeros(len(keys), np.float32)
        for segment, places, rows in self._found(keys):
            counts = segment.counts(rows)
            some = counts > 0
            places, rows, counts = places[some], rows[some], counts[some]
            if len(rows):
                ends = np.cumsum(counts)
                first = ends - counts
                # The sentences of all these articles, one after the other.
                chosen = np.repeat(segment.starts[rows] - first, counts) + np.arange(ends[-1])
                # Not a matrix product: its threads, waiting for each other, cost more than they save.
                products = np.einsum("ij,j->i", segment.vectors.take(chosen, 0).astype(np.float32), query)
                products *= segment.scales[chosen]
                scores[places] = np.maximum.reduceat(products, first)
        return scores

    def _found(self, keys: Keys) -> Iterator[tuple[_Segment, Keys, Keys]]:
        """Which segment has the present sentences of which keys, as (segment, places in ``keys``, rows)."""
        unknown = np.arange(len(keys))
        for segment in reversed(self._segments):
            rows = segment.rows_of(keys[unknown])
            here = rows >= 0
            if here.any():
                yield segment, unknown[here], rows[here]
            unknown = unknown[~here]


@dataclass(frozen=True, slots=True)
class _Segment:
    keys: npt.NDArray[np.int64]
    starts: npt.NDArray[np.int64]
    spans: Spans
    scales: npt.NDArray[np.float32]
    vectors: npt.NDArray[np.int8]

    @classmethod
    def open(cls, folder: Path, dimension: int) -> Self:
        return cls(
            keys=_map(folder / "keys.i64", "<i8", (-1,)),
            starts=_map(folder / "starts.i64", "<i8", (-1,)),
            spans=_map(folder / "spans.i32", "<i4", (-1, 2)),
            scales=_map(folder / "scales.f32", "<f4", (-1,)),
            vectors=_map(folder / "vectors.i8", "i1", (-1, dimension)),
        )

    def rows_of(self, keys: Keys) -> Keys:
        """Row (n,) of each key, -1 where it is not here."""
        if not len(self.keys):
            return np.full(len(keys), -1, np.int64)
        rows = np.minimum(np.searchsorted(self.keys, keys), len(self.keys) - 1)
        return np.where(self.keys[rows] == keys, rows, -1)

    def counts(self, rows: Keys) -> Keys:
        """Number (n,) of sentences of each row."""
        counts: Keys = self.starts[rows + 1] - self.starts[rows]
        return counts

    def of(self, key: int) -> SentenceBlock | None:
        row = int(np.searchsorted(self.keys, key))
        if row == len(self.keys) or self.keys[row] != key:
            return None
        first, last = int(self.starts[row]), int(self.starts[row + 1])
        vectors = self.vectors[first:last].astype(np.float32) * self.scales[first:last, None]
        return SentenceBlock(key, np.asarray(self.spans[first:last]), vectors)


def write_segment(folder: Path, blocks: Iterable[SentenceBlock]) -> int:
    """Write ``blocks``, which come in rising order of their keys. Returns the number of sentences."""
    folder.mkdir(parents=True)
    keys: list[int] = []
    starts = [0]
    with (
        (folder / "spans.i32").open("wb") as spans,
        (folder / "scales.f32").open("wb") as scales,
        (folder / "vectors.i8").open("wb") as vectors,
    ):
        for block in blocks:
            scale = np.abs(block.vectors).max(axis=1, initial=1e-12) / _LEVELS
            spans.write(block.spans.astype("<i4").tobytes())
            scales.write(scale.astype("<f4").tobytes())
            vectors.write(np.rint(block.vectors / scale[:, None]).astype("i1").tobytes())
            keys.append(block.key)
            starts.append(starts[-1] + len(block.spans))
    (folder / "keys.i64").write_bytes(np.array(keys, "<i8").tobytes())
    (folder / "starts.i64").write_bytes(np.array(starts, "<i8").tobytes())
    return starts[-1]


def _map(path: Path, dtype: str, shape: tuple[int, ...]) -> Any:
    if path.stat().st_size == 0:  # an empty file cannot be mapped
        return np.empty([max(0, size) for size in shape], dtype)
    return np.asarray(np.memmap(path, dtype=dtype, mode="r")).reshape(shape)
