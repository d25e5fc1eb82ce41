"""Every article's vector, memory-mapped: what exact scores are computed from.

Segments are written once. A segment is a folder over A articles in rising order of their keys:

    keys.i64 (A,)   codes.faiss [finer.faiss]   removed.i64 (R,)   lists.i32 (A,)

The codes are those of :mod:`~pubmed_rag.index.row_codes`. A later segment's article replaces an earlier one's;
``removed`` are keys that are gone. ``lists``, where an inverted file stands beside, is the list of each row.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import numpy.typing as npt

from pubmed_rag.index.row_codes import Codes, RowCoder, StoredCodes, writing_codes

if TYPE_CHECKING:
    from pubmed_rag.index.vectors import Vectors
    from pubmed_rag.index.words import Keys, Scores

Positions = npt.NDArray[np.int64]

_TIES = 20
"""Asked for beyond what is wanted, to see where equal scores end."""
_ROUGHLY = 4
"""Where a scan knows the scores only roughly, so many times what is wanted is asked for at first."""
_GATHER_SHARE = 32
"""Up to one row in so many is fetched row by row; more are scored by a scan of the codes (about 25 ns a row)."""
_CHUNK = 4096
_COPY = 65_536


class VectorRows:
    """All segments of a generation as one range of positions, oldest segment first."""

    def __init__(self, segments: list[_Segment]) -> None:
        self._segments = segments
        sizes = [len(segment.keys) for segment in segments]
        self._offsets = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
        _bury(segments)

    @classmethod
    def open(cls, directory: Path) -> Self:
        """Map the segments under ``directory``. Raises :class:`IndexCorruptError`."""
        return cls([_Segment.open(folder) for folder in segment_folders(directory)])

    def count(self) -> int:
        """Number of articles that have a vector."""
        return sum(len(segment.keys) - len(segment.dead) for segment in self._segments)

    def stored(self) -> int:
        """Number of rows on disk, those that were replaced or removed included."""
        return int(self._offsets[-1])

    def positions_of(self, keys: Keys) -> Positions:
        """Position (n,) of each key's present row; -1 where there is none."""
        found = np.full(len(keys), -1, np.int64)
        for number in reversed(range(len(self._segments))):
            unknown = np.flatnonzero(found < 0) if number < len(self._segments) - 1 else slice(None)
            rows = self._segments[number].rows_of(keys[unknown])
            found[unknown] = np.where(rows >= 0, rows + self._offsets[number], -1)
        return found

    def lists_of(self, positions: Positions) -> npt.NDArray[np.int32]:
        """The inverted list (n,) of each row."""
        lists = np.empty(len(positions), np.int32)
        for segment, chosen, rows in self._split(positions):
            lists[chosen] = segment.lists[rows]
        return lists

    def keys_at(self, positions: Positions) -> Keys:
        """The key (n,) of each position."""
        keys = np.empty(len(positions), np.int64)
        for segment, chosen, rows in self._split(positions):
            keys[chosen] = segment.keys[rows]
        return keys

    def scores_at(self, vector: Vectors, positions: Positions) -> Scores:
        """Inner product (n,) of ``vector`` (d,) with these rows."""
        scores = np.empty(len(positions), np.float32)
        for segment, chosen, rows in self._split(positions):
            scores[chosen] = segment.scores_of(vector, rows)
        return scores

    def contenders(self, vector: Vectors, top: int, positions: Positions) -> npt.NDArray[np.bool_]:
        """Which (n,) of ``positions`` can be among the best ``top`` of them: the others need not be scored.

        Rows of one layer are all of them contenders. Of others, the first layer alone tells most of them apart, and
        the second need not be fetched.
        """
        near = np.zeros(len(positions), np.bool_)
        for segment, chosen, rows in self._split(positions):
            near[chosen] = segment.contenders(vector, top, rows)
        return near

    def codes_at(self, positions: Positions) -> Codes:
        """The codes (n, bytes a row) as they are stored."""
        codes = np.empty((len(positions), self._segments[0].codes.width), np.uint8)
        for segment, chosen, rows in self._split(positions):
            codes[chosen] = segment.codes.take(rows)
        return codes

    def vectors_at(self, positions: Positions) -> Vectors:
        """The stored vectors (n, d) float32."""
        parts = list(self._split(positions))
        dimension = self._segments[0].codes.dimension if self._segments else 0
        vectors = np.empty((len(positions), dimension), np.float32)
        for segment, chosen, rows in parts:
            vectors[chosen] = segment.codes.decode(rows)
        return vectors

    def nearest(self, vector: Vectors, top: int, positions: Positions | None = None) -> tuple[Keys, Scores]:
        """The exact ``top`` among ``positions`` (``None``: all): keys and scores, best first, ties by rising key."""
        keys, scores = [np.empty(0, np.int64)], [np.empty(0, np.float32)]
        if positions is None:
            chosen: Iterable[tuple[_Segment, Positions | None]] = ((segment, None) for segment in self._segments)
        else:
            chosen = ((segment, rows) for segment, _, rows in self._split(positions))
        for segment, rows in chosen:
            found, values = segment.nearest(vector, top, rows)
            keys.append(segment.keys[found])
            scores.append(values)
        return best(np.concatenate(keys), np.concatenate(scores), top)

    def exact_keys(self, vectors: Vectors, top: int) -> Keys:
        """Keys (n, top) of the exact nearest rows of each vector, in one pass over all; -1 pads."""
        scores = np.full((len(vectors), top), -np.inf, np.float32)
        keys = np.full((len(vectors), top), -1, np.int64)
        for segment in self._segments:
            if not len(segment.keys):
                continue
            values, rows = segment.nearest_of_many(vectors, min(top, len(segment.keys)))
            found = np.where(rows >= 0, segment.keys[np.maximum(rows, 0)], -1)
            both, names = np.hstack([scores, np.where(rows >= 0, values, -np.inf)]), np.hstack([keys, found])
            order = np.argsort(-both, axis=1, kind="stable")[:, :top]
            scores, keys = np.take_along_axis(both, order, 1), np.take_along_axis(names, order, 1)
        return keys

    def live_keys(self) -> Iterator[Keys]:
        """The keys that have a row, segment by segment."""
        for segment in self._segments:
            yield np.delete(np.asarray(segment.keys), segment.dead)

    def _split(self, positions: Positions) -> Iterator[tuple[_Segment, Any, Positions]]:
        """Which of ``positions`` lie in which segment, as (segment, their places in ``positions``, rows)."""
        if len(self._segments) == 1:
            yield self._segments[0], slice(None), positions
            return
        for number, segment in enumerate(self._segments):
            first, last = self._offsets[number], self._offsets[number + 1]
            chosen = np.flatnonzero((positions >= first) & (positions < last))
            if len(chosen):
                yield segment, chosen, positions[chosen] - first


@dataclass(slots=True)
class _Segment:
    keys: npt.NDArray[np.int64]
    removed: npt.NDArray[np.int64]
    lists: npt.NDArray[np.int32]
    codes: StoredCodes
    dead: Positions = field(default_factory=lambda: np.empty(0, np.int64))

    @classmethod
    def open(cls, folder: Path) -> Self:
        lists = folder / "lists.i32"
        return cls(
            keys=mapped(folder / "keys.i64", "<i8"),
            removed=mapped(folder / "removed.i64", "<i8"),
            lists=mapped(lists, "<i4") if lists.exists() else np.empty(0, np.int32),
            codes=StoredCodes.open(folder),
        )

    def rows_of(self, keys: Keys) -> Positions:
        """Row (n,) of each key; -1 where it has none or is dead."""
        if not len(self.keys):
            return np.full(len(keys), -1, np.int64)
        first = int(self.keys[0])
        if int(self.keys[-1]) - first + 1 == len(self.keys):  # no gap: a row is a subtraction
            rows = keys - first
            rows[(rows < 0) | (rows >= len(self.keys))] = -1
        else:
            rows = np.searchsorted(self.keys, keys)
            rows[rows == len(self.keys)] = 0
            rows[self.keys[rows] != keys] = -1
        if len(self.dead):
            rows[np.isin(rows, self.dead)] = -1
        return rows

    def scores_of(self, vector: Vectors, rows: Positions) -> Scores:
        return _products(vector, rows, self.codes.decode)

    def slack(self, vector: Vectors) -> float:
        """So far below a rough score, another one is lower by the stored vectors too."""
        return 2 * self.codes.slack(vector)  # the one below may score more than it looks, the other less

    def contenders(self, vector: Vectors, top: int, rows: Positions) -> npt.NDArray[np.bool_]:
        """Which (n,) of ``rows`` can be among the best ``top`` of them, ties included."""
        slack = self.slack(vector)
        if not slack or len(rows) <= top:
            return np.ones(len(rows), np.bool_)
        rough = _products(vector, rows, self.codes.decode_roughly)
        near: npt.NDArray[np.bool_] = rough >= np.partition(rough, len(rows) - top)[len(rows) - top] - slack
        return near

    def only(self, rows: Positions | None) -> Any:
        """What tells FAISS to look at ``rows`` (``None``: all) less the dead; ``None`` where that is everything."""
        import faiss

        if rows is None and not len(self.dead):
            return None
        if rows is None:
            members = np.ones(len(self.keys), np.bool_)
            members[self.dead] = False
        else:
            members = np.zeros(len(self.keys), np.bool_)
            members[rows] = True
        bitmap: Any = faiss.IDSelectorBitmap
        selector = bitmap(np.packbits(members, bitorder="little"))
        return faiss.SearchParameters(sel=selector)  # type: ignore[call-arg]

    def nearest(self, vector: Vectors, top: int, rows: Positions | None) -> tuple[Positions, Scores]:
        """Rows and scores of at least the best ``top``, and of all that equal the last of them."""
        available = len(self.keys) - len(self.dead) if rows is None else len(rows)
        if not available:
            return np.empty(0, np.int64), np.empty(0, np.float32)
        if rows is not None and available * _GATHER_SHARE <= len(self.keys):
            rows = rows[self.contenders(vector, top, rows)]
            return rows, self.scores_of(vector, rows)
        parameters, slack = self.only(rows), self.slack(vector)
        wanted = min((_ROUGHLY * top if slack else top) + _TIES, available)
        while True:
            scores, found = self.codes.scan(vector[None, :], wanted, parameters)
            # Equal scores at the cut are broken by key, so all of them must have been seen.
            if wanted <= top or wanted == available or scores[0][-1] < scores[0][top - 1] - slack:
                return found[0], self.scores_of(vector, found[0])
            wanted = min(wanted * 8, available)

    def nearest_of_many(self, vectors: Vectors, top: int) -> tuple[Scores, Positions]:
        """Scores and rows (n, top) of the nearest to each of ``vectors`` (n, d), best first, -1 where fewer are.

        Equal scores come in any order.
        """
        parameters = self.only(None)
        if not self.codes.is_rough:
            return self.codes.scan(vectors, top, parameters)
        rows = self.codes.scan(vectors, min(_ROUGHLY * top + _TIES, len(self.keys)), parameters)[1]
        scores = np.full(rows.shape, -np.inf, np.float32)
        for number, vector in enumerate(vectors):
            there = rows[number] >= 0
            scores[number, there] = self.scores_of(vector, rows[number, there])
        order = np.argsort(-scores, axis=1, kind="stable")[:, :top]
        return np.take_along_axis(scores, order, 1), np.take_along_axis(rows, order, 1)


def segment_folders(directory: Path) -> list[Path]:
    """The segments, oldest first."""
    return sorted(directory.iterdir()) if directory.is_dir() else []


@contextmanager
def writing_rows(folder: Path, coder: RowCoder, removed: Keys) -> Iterator[Callable[[Keys, Codes], None]]:
    """Write a segment piece by piece: call what this gives with keys (n,), rising over all, and their codes (n, b)."""
    folder.mkdir(parents=True)
    with (folder / "keys.i64").open("wb") as keys_file, writing_codes(folder, coder) as write:

        def append(keys: Keys, codes: Codes) -> None:
            keys_file.write(keys.astype("<i8").tobytes())
            write(codes)

        yield append
    (folder / "removed.i64").write_bytes(np.sort(removed).astype("<i8").tobytes())


def merge_segments(folders: list[Path], target: Path, *, keep_removed: bool) -> None:
    """Write what is alive in ``folders`` (oldest first) into one segment at ``target``, codes as they are."""
    segments = [_Segment.open(folder) for folder in folders]
    rows = VectorRows(segments)
    keys = np.sort(np.concatenate(list(rows.live_keys())))
    removed = np.unique(np.concatenate([segment.removed for segment in segments]))
    has_lists = all(len(segment.lists) == len(segment.keys) for segment in segments)
    positions = rows.positions_of(keys)
    with writing_rows(target, RowCoder.of(folders[0]), removed if keep_removed else removed[:0]) as append:
        for start in range(0, len(keys), _COPY):
            piece = slice(start, start + _COPY)
            append(keys[piece], rows.codes_at(positions[piece]))
    if has_lists:
        (target / "lists.i32").write_bytes(rows.lists_of(positions).astype("<i4").tobytes())


def best(keys: Keys, scores: Scores, top: int) -> tuple[Keys, Scores]:
    """The ``top`` by falling score, ties by rising key."""
    if len(keys) > 4 * top:
        cut = np.partition(scores, len(scores) - top)[len(scores) - top]
        near = scores >= cut
        keys, scores = keys[near], scores[near]
    order = np.lexsort((keys, -scores))[:top]
    return keys[order], scores[order]


def _products(vector: Vectors, rows: Positions, decode: Callable[[Positions], Vectors]) -> Scores:
    """Inner product (n,) of ``vector`` (d,) with what ``decode`` makes of ``rows``."""
    scores = np.empty(len(rows), np.float32)
    for start in range(0, len(rows), _CHUNK):
        # Not a matrix product: there a row's rounding depends on its neighbours, and equal rows must score alike.
        scores[start : start + _CHUNK] = np.einsum("ij,j->i", decode(rows[start : start + _CHUNK]), vector)
    return scores


def mapped(path: Path, dtype: str) -> Any:
    """A file of numbers, memory-mapped; an empty file cannot be."""
    return np.asarray(np.memmap(path, dtype, "r")) if path.stat().st_size else np.empty(0, dtype)


def _bury(segments: list[_Segment]) -> None:
    """Note in each segment the rows that later segments replace or remove."""
    for number, segment in enumerate(segments):
        later = segments[number + 1 :]
        gone = [part for other in later for part in (other.keys, other.removed)]
        if gone:
            rows = segment.rows_of(np.unique(np.concatenate(gone)))
            segment.dead = rows[rows >= 0]
