"""What a row keeps of its vector: each kind within the error it promises, whatever the vectors are."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pubmed_rag.core.errors import IndexCorruptError
from pubmed_rag.index.row_codes import RowCoder, RowKind, StoredCodes, writing_codes
from pubmed_rag.index.vectors import Vectors

KINDS: tuple[RowKind, ...] = ("float16", "int8", "int12")
BYTES = {"float16": 2.0, "int8": 1.0, "int12": 1.5}
MARGINS = {"int8": 0.05, "int12": 0.25}


def drawn(seed: int, rows: int = 200, dimension: int = 16) -> Vectors:
    """Vectors whose dimensions differ in place and spread; one of them never varies."""
    chance = np.random.default_rng(seed)
    spread = 10.0 ** chance.uniform(-3, 2, dimension)
    spread[0] = 0
    vectors = chance.standard_t(4, (rows, dimension)) * spread + 3 * spread * chance.standard_normal(dimension)
    return vectors.astype(np.float32)


def promised(kind: RowKind, sample: Vectors, vectors: Vectors) -> npt.NDArray[Any]:
    """By how much each value may come back changed (n, d), worked out from the sample alone."""
    if kind == "float16":
        return np.abs(vectors) / 2048 + 2.0**-25  # and half the smallest number there is
    low, high = sample.min(axis=0), sample.max(axis=0)
    step = (high - low) * (1 + 2 * MARGINS[kind]) / 255
    rounding = 4e-6 * np.maximum(np.abs(low), np.abs(high))  # of float32, in between
    return np.broadcast_to(step / (2 if kind == "int8" else 30) + rounding, vectors.shape)


def stored(folder: Path, coder: RowCoder, vectors: Vectors, pieces: int = 1) -> StoredCodes:
    folder.mkdir(parents=True)
    with writing_codes(folder, coder) as append:
        for piece in np.array_split(vectors, pieces):
            append(coder.encode(piece))
    return StoredCodes.open(folder)


@pytest.mark.parametrize("kind", KINDS)
@given(seed=st.integers(0, 2**32 - 1))
@settings(deadline=None, max_examples=40)
def test_values_come_back_within_what_is_promised(
    kind: RowKind, seed: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    vectors = drawn(seed)
    sample = vectors[: 1 + seed % 200]  # ranges of a sample: values of others may lie beyond them
    codes = stored(tmp_path_factory.mktemp("codes") / "0", RowCoder.new(16, kind, sample), vectors)
    back = codes.decode(np.arange(200))
    inside = np.ones(vectors.shape, bool)
    if kind != "float16":
        low, high = sample.min(axis=0), sample.max(axis=0)
        room = MARGINS[kind] * (high - low)
        inside = (vectors >= low - room) & (vectors <= high + room)
        step = 2 * promised("int8", sample, vectors) * (1 + 2 * MARGINS[kind]) + 1e-6
        assert (back >= low - room - step).all()
        assert (back <= high + room + step).all(), "what lies beyond is clipped, never wrapped around"
    assert (np.abs(back - vectors) <= promised(kind, sample, vectors))[inside].all()
    assert inside[: len(sample)].all()


@pytest.mark.parametrize("kind", KINDS)
def test_rows_are_written_in_pieces_and_read_in_any_order(kind: RowKind, tmp_path: Path) -> None:
    vectors = drawn(1)
    coder = RowCoder.new(16, kind, vectors)
    whole, pieces = stored(tmp_path / "whole", coder, vectors), stored(tmp_path / "pieces", coder, vectors, 7)
    rows = np.random.default_rng(2).permutation(200)[:50]
    assert np.array_equal(whole.decode(rows), pieces.decode(rows))
    assert np.array_equal(whole.decode(np.arange(200))[rows], whole.decode(rows))
    assert np.array_equal(whole.take(rows), coder.encode(vectors[rows]))
    assert whole.width == coder.width == BYTES[kind] * 16
    assert whole.decode(rows[:0]).shape == (0, 16)
    files = sorted(path.name for path in (tmp_path / "whole").iterdir())
    assert files == (["codes.faiss", "finer.faiss"] if kind == "int12" else ["codes.faiss"])
    for path in (tmp_path / "whole").iterdir():
        assert path.read_bytes() == (tmp_path / "pieces" / path.name).read_bytes()


@pytest.mark.parametrize("kind", KINDS)
def test_later_rows_are_coded_as_the_first_were(kind: RowKind, tmp_path: Path) -> None:
    """An update codes by what is in the files of the segment before, and codes are merged as they are."""
    vectors = drawn(3)
    coder = RowCoder.new(16, kind, vectors[:100])
    stored(tmp_path / "0", coder, vectors[:100])
    later = RowCoder.of(tmp_path / "0")
    assert np.array_equal(later.encode(vectors), coder.encode(vectors))
    again = stored(tmp_path / "1", later, vectors)
    assert np.array_equal(again.take(np.arange(200)), coder.encode(vectors))


@pytest.mark.parametrize("kind", KINDS)
def test_no_rows_at_all(kind: RowKind, tmp_path: Path) -> None:
    codes = stored(tmp_path / "0", RowCoder.new(16, kind, drawn(4)), np.empty((0, 16), np.float32))
    assert codes.decode(np.empty(0, np.int64)).shape == (0, 16)
    assert codes.take(np.empty(0, np.int64)).shape == (0, BYTES[kind] * 16)


@pytest.mark.parametrize("kind", KINDS)
def test_what_comes_after_nothing_is_kept_well(kind: RowKind, tmp_path: Path) -> None:
    nothing = np.empty((0, 16), np.float32)
    stored(tmp_path / "0", RowCoder.new(16, kind, nothing), nothing)
    later = stored(tmp_path / "1", RowCoder.of(tmp_path / "0"), drawn(8))
    assert (np.abs(later.decode(np.arange(200)) - drawn(8)) <= promised("float16", nothing, drawn(8))).all()


@given(seed=st.integers(0, 2**32 - 1))
@settings(deadline=None, max_examples=40)
def test_rough_scores_stay_within_the_slack(seed: int, tmp_path_factory: pytest.TempPathFactory) -> None:
    vectors, query = drawn(seed), drawn(seed + 1, rows=1)[0]
    codes = stored(tmp_path_factory.mktemp("codes") / "0", RowCoder.new(16, "int12", vectors), vectors)
    rows = np.arange(200)
    off = (codes.decode(rows).astype(np.float64) - codes.decode_roughly(rows)) @ query.astype(np.float64)
    slack = codes.slack(query)
    assert np.abs(off).max() <= slack
    assert np.abs(off).max() >= slack / 60, "nor is it so wide that all are scored"


def test_one_layer_is_never_rough(tmp_path: Path) -> None:
    for kind in ("float16", "int8"):
        codes = stored(tmp_path / kind, RowCoder.new(16, kind, drawn(5)), drawn(5))
        assert not codes.is_rough
        assert codes.slack(drawn(5)[0]) == 0


def test_layers_that_do_not_belong_together(tmp_path: Path) -> None:
    coder = RowCoder.new(16, "int12", drawn(6))
    stored(tmp_path / "a", coder, drawn(6))
    stored(tmp_path / "b", coder, drawn(6)[:-1])
    (tmp_path / "b" / "finer.faiss").replace(tmp_path / "a" / "finer.faiss")
    with pytest.raises(IndexCorruptError, match=r"finer\.faiss do not belong together") as caught:
        StoredCodes.open(tmp_path / "a")
    assert "index build" in str(caught.value.remedy)


@pytest.mark.parametrize("name", ["codes.faiss", "finer.faiss"])
def test_a_file_that_is_none_of_faiss(name: str, tmp_path: Path) -> None:
    stored(tmp_path / "a", RowCoder.new(16, "int12", drawn(7)), drawn(7))
    (tmp_path / "a" / name).write_bytes(b"????")
    with pytest.raises(IndexCorruptError, match=name.replace(".", r"\.")) as caught:
        StoredCodes.open(tmp_path / "a")
    assert "index build" in str(caught.value.remedy)
