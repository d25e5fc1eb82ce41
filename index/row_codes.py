"""How a row keeps its vector: layers of codes, each in a file of its own.

======== ========================= =================================================================================
kind     bytes a dimension         a value comes back within
======== ========================= =================================================================================
float16  2                         a 2048th of itself
int8     1                         half a step, of 255 between the smallest and largest value of its dimension
int12    1 and a half              a 30th of such a step: the half byte holds what the first layer left
======== ========================= =================================================================================

The last two promise this for values within the range of the sample they were trained on and a margin around it;
what lies beyond is clipped to it, give or take a step. Each layer is a FAISS scalar quantizer index with the codes of
all rows at its end: ``codes.faiss``, and ``finer.faiss`` for what it leaves. A reader needs no more than those files:
how they were trained is in them.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self

import numpy as np
import numpy.typing as npt

from pubmed_rag.core.errors import IndexCorruptError

if TYPE_CHECKING:
    from pubmed_rag.index.vector_rows import Positions
    from pubmed_rag.index.vectors import Vectors

RowKind = Literal["float16", "int8", "int12"]
Codes = npt.NDArray[np.uint8]

FILES = ("codes.faiss", "finer.faiss")
_MARGINS = {"int8": 0.05, "int12": 0.25}
"""Room on either side of the sample's range, as a share of it: what comes later is clipped. ``int12`` has steps to
spare for it."""
_COUNT_AT = 8
"""Where an index file of FAISS keeps the number of its vectors: after four letters and the dimension."""
_SURE = 6.0
"""Standard deviations beyond which rounding is taken not to go: the sum of that many even errors does so less than
once in 30 million rows."""


@dataclass(frozen=True, slots=True)
class RowCoder:
    """Turns vectors into codes. ``layers`` are trained FAISS indexes without vectors, the finest last."""

    layers: tuple[Any, ...]

    @classmethod
    def new(cls, dimension: int, kind: RowKind, sample: Vectors) -> Self:
        """For vectors such as those of ``sample`` (n, d), which sets the ranges of all kinds but ``float16``.

        An empty sample tells no ranges, so whatever comes later is kept as ``float16``.
        """
        import faiss

        if kind == "float16" or not len(sample):
            return cls((_quantizer(dimension, faiss.ScalarQuantizer.QT_fp16, sample, 0.0),))
        first = _quantizer(dimension, faiss.ScalarQuantizer.QT_8bit, sample, _MARGINS[kind])
        if kind == "int8":
            return cls((first,))
        # What rounding leaves lies within half a step around zero, so two vectors say all about it.
        half = _steps(first) / 2
        return cls((first, _quantizer(dimension, faiss.ScalarQuantizer.QT_4bit, np.stack([-half, half]), 0.0)))

    @classmethod
    def of(cls, folder: Path) -> Self:
        """What the segment in ``folder`` was written with."""
        return cls(tuple(_emptied(_read(path)) for path in _files(folder)))

    @property
    def width(self) -> int:
        """Bytes a row."""
        return sum(layer.sa_code_size() for layer in self.layers)

    def encode(self, vectors: Vectors) -> Codes:
        """Codes (n, width) of ``vectors`` (n, d), those of the layers side by side."""
        left = np.ascontiguousarray(vectors, np.float32)
        codes = []
        for number, layer in enumerate(self.layers):
            codes.append(layer.sa_encode(left))
            if number < len(self.layers) - 1:
                left = left - layer.sa_decode(codes[-1])
        return np.hstack(codes) if len(codes) > 1 else codes[0]


@dataclass(frozen=True, slots=True)
class StoredCodes:
    """The codes of A rows, mapped from the files of a segment."""

    layers: tuple[Any, ...]
    """FAISS indexes over the mapped codes."""
    bytes: tuple[Codes, ...]
    """The same codes (A, bytes a row of this layer), in memory that belongs to the layers."""

    @classmethod
    def open(cls, folder: Path) -> Self:
        """Raises :class:`IndexCorruptError`."""
        paths = _files(folder)
        layers = tuple(_read(path) for path in paths)
        if len({(layer.d, layer.ntotal) for layer in layers}) > 1:
            raise IndexCorruptError(
                f"{paths[0].name} and {paths[1].name} do not belong together",
                remedy="rebuild with 'pubmed-rag index build'",
            )
        return cls(layers, tuple(_codes_of(layer) for layer in layers))

    @property
    def dimension(self) -> int:
        return int(self.layers[0].d)

    @property
    def width(self) -> int:
        """Bytes a row."""
        return sum(codes.shape[1] for codes in self.bytes)

    @property
    def is_rough(self) -> bool:
        """Whether the first layer, which :meth:`scan` compares, does not say all."""
        return len(self.layers) > 1

    def take(self, rows: Positions) -> Codes:
        """The codes (n, width) of ``rows``, as :meth:`RowCoder.encode` gave them."""
        return np.hstack([codes.take(rows, 0) for codes in self.bytes])

    def decode(self, rows: Positions) -> Vectors:
        """Vectors (n, d) float32."""
        vectors = self.decode_roughly(rows)
        if len(rows):
            for layer, codes in zip(self.layers[1:], self.bytes[1:], strict=True):
                vectors += layer.sa_decode(codes.take(rows, 0))
        return vectors

    def decode_roughly(self, rows: Positions) -> Vectors:
        """Vectors (n, d) float32, by the first layer alone."""
        if not len(rows):
            return np.empty((0, self.dimension), np.float32)
        vectors: Vectors = self.layers[0].sa_decode(self.bytes[0].take(rows, 0))
        return vectors

    def scan(self, vectors: Vectors, top: int, only: Any = None) -> tuple[npt.NDArray[np.float32], Positions]:
        """Scores and rows (n, top) of the nearest to each of ``vectors`` (n, d), by the first layer alone.

        ``only`` are parameters of FAISS that name the rows to look at.
        """
        scores, rows = self.layers[0].search(np.ascontiguousarray(vectors, np.float32), top, params=only)
        return scores, rows

    def slack(self, vector: Vectors) -> float:
        """By how much a score of the first layer may differ from that of all layers; 0 where there is one only.

        An inner product with ``vector`` (d,) sums errors that lie evenly within half a step of each dimension, so it
        is the standard deviation of that sum, several times.
        """
        if not self.is_rough:
            return 0.0
        return _SURE * float(np.linalg.norm(vector * _steps(self.layers[0]))) / 12**0.5


@contextmanager
def writing_codes(folder: Path, coder: RowCoder) -> Iterator[Callable[[Codes], None]]:
    """Write the files of a segment piece by piece: call what this gives with codes (n, width)."""
    import faiss

    # An index file of this kind ends with the number of code bytes and the codes, so they can be streamed.
    headers = [faiss.serialize_index(layer).tobytes() for layer in coder.layers]
    edges = list(itertools.accumulate((layer.sa_code_size() for layer in coder.layers), initial=0))
    paths = [folder / name for name in FILES[: len(headers)]]
    total = 0
    with ExitStack() as stack:
        files = [stack.enter_context(path.open("wb")) for path in paths]

        def append(codes: Codes) -> None:
            nonlocal total
            for file, (first, last) in zip(files, itertools.pairwise(edges), strict=True):
                file.write(codes[:, first:last].tobytes())
            total += len(codes)

        for file, header in zip(files, headers, strict=True):
            file.write(header)
        yield append
        for file, header, (first, last) in zip(files, headers, itertools.pairwise(edges), strict=True):
            file.seek(_COUNT_AT)
            file.write(np.int64(total).tobytes())
            file.seek(len(header) - 8)
            file.write(np.int64(total * (last - first)).tobytes())
    if any(_read(path).ntotal != total for path in paths):
        raise RuntimeError("this version of FAISS lays its scalar quantizer files out in another way")


def _quantizer(dimension: int, kind: int, sample: Vectors, margin: float) -> Any:
    import faiss

    index = faiss.IndexScalarQuantizer(dimension, kind, faiss.METRIC_INNER_PRODUCT)
    index.sq.rangestat_arg = margin
    index.train(np.ascontiguousarray(sample, np.float32))
    return index


def _steps(layer: Any) -> Vectors:
    """The step (d,) between neighbouring values of each dimension, of a layer of one byte."""
    import faiss

    # FAISS keeps the smallest value of each dimension and then the widths of their ranges.
    return np.asarray(faiss.vector_to_array(layer.sq.trained)[layer.d :] / 255, np.float32)


def _emptied(stored: Any) -> Any:
    import faiss

    index: Any = faiss.IndexScalarQuantizer(stored.d, stored.sq.qtype, stored.metric_type)
    index.sq = stored.sq
    index.is_trained = True
    return index


def _files(folder: Path) -> list[Path]:
    first, finer = (folder / name for name in FILES)
    return [first, finer] if finer.exists() else [first]


def _read(path: Path) -> Any:
    import faiss

    try:
        return faiss.read_index(str(path), faiss.IO_FLAG_MMAP_IFC)
    except RuntimeError as error:
        raise IndexCorruptError(
            f"{path.name} cannot be read", remedy="rebuild with 'pubmed-rag index build'"
        ) from error


def _codes_of(layer: Any) -> Codes:
    import faiss

    shape = (layer.ntotal, layer.sa_code_size())
    if not layer.ntotal:
        return np.empty(shape, np.uint8)
    # FAISS has mapped the file; mapped once more, every page would count twice.
    codes: Codes = faiss.rev_swig_ptr(layer.codes.data(), layer.codes.size()).reshape(shape)
    codes.flags.writeable = False
    return codes
