"""FAISS behind its protocol, against plain numpy."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from pubmed_rag.core.errors import StorageError
from pubmed_rag.index.vectors import FaissIndex, Vectors

DIMENSION = 24


def unit(rows: int, seed: int = 0) -> Vectors:
    vectors = np.random.default_rng(seed).standard_normal((rows, DIMENSION)).astype(np.float32)
    return np.ascontiguousarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), np.float32)


KEYS = np.arange(300, dtype=np.int64) * 7 + 3
VECTORS = unit(300)
QUERY: Vectors = unit(1, seed=9)[0]


@pytest.fixture
def index() -> FaissIndex:
    made = FaissIndex.empty(DIMENSION)
    made.add(KEYS, VECTORS)
    return made


def brute(top: int, allowed: set[int] | None = None) -> list[int]:
    scores = VECTORS @ QUERY
    order = [int(KEYS[at]) for at in np.argsort(-scores)]
    return [key for key in order if allowed is None or key in allowed][:top]


@pytest.mark.parametrize("top", [1, 10, 299, 300, 1000])
def test_nearest_are_exact(index: FaissIndex, top: int) -> None:
    found = index.search(QUERY, top)
    assert found.keys.tolist() == brute(top)
    assert found.keys.dtype == np.int64
    assert found.scores.dtype == np.float32
    by_key = dict(zip(KEYS.tolist(), (VECTORS @ QUERY).tolist(), strict=True))
    assert np.allclose(found.scores, [by_key[key] for key in found.keys.tolist()], atol=1e-6)


@pytest.mark.parametrize("size", [0, 1, 5, 150])
def test_only_allowed_keys(index: FaissIndex, size: int) -> None:
    allowed = np.sort(np.random.default_rng(1).choice(KEYS, size, replace=False))
    found = index.search(QUERY, 10, allowed)
    assert found.keys.tolist() == brute(10, set(allowed.tolist()))


def test_allowed_keys_that_are_not_there_are_no_padding(index: FaissIndex) -> None:
    found = index.search(QUERY, 10, np.array([3, 4, 5, 10], np.int64))
    assert sorted(found.keys.tolist()) == [3, 10]
    assert len(found.scores) == 2


def test_equal_scores_come_by_key_whatever_the_cut() -> None:
    """Many records of PubMed are word for word alike ("Reply."), and a page must not depend on its length."""
    made = FaissIndex.empty(DIMENSION)
    keys = np.random.default_rng(2).permutation(200).astype(np.int64)
    made.add(keys, np.repeat(VECTORS[:1], 200, axis=0))
    whole = made.search(QUERY, 200).keys.tolist()
    assert whole == list(range(200))
    for top in (1, 5, 50):
        assert made.search(QUERY, top).keys.tolist() == whole[:top]
        assert made.search(QUERY, top, np.arange(100, 200, dtype=np.int64)).keys.tolist() == whole[100 : 100 + top]


def test_scores_of_exactly_these(index: FaissIndex) -> None:
    chosen = KEYS[[5, 0, 299]]
    assert np.allclose(index.scores_of(QUERY, chosen), (VECTORS @ QUERY)[[5, 0, 299]], atol=1e-6)
    assert index.scores_of(QUERY, np.empty(0, np.int64)).shape == (0,)


def test_remove(index: FaissIndex) -> None:
    best = brute(3)
    assert index.remove(np.array([*best[:2], 1, 2], np.int64)) == 2
    assert index.count() == 298
    assert index.search(QUERY, 1).keys.tolist() == best[2:]
    assert index.remove(np.empty(0, np.int64)) == 0


def test_empty_index() -> None:
    made = FaissIndex.empty(DIMENSION)
    made.add(np.empty(0, np.int64), np.empty((0, DIMENSION), np.float32))
    assert made.search(QUERY, 5).keys.tolist() == []


def test_save_and_load(index: FaissIndex, tmp_path: Path) -> None:
    index.save(tmp_path / "vectors.faiss")
    loaded = FaissIndex.load(tmp_path / "vectors.faiss")
    assert loaded.count() == 300
    assert loaded.search(QUERY, 50).keys.tolist() == brute(50)


def test_a_quantizer_is_trained_before_it_is_filled() -> None:
    made = FaissIndex.empty(DIMENSION, "IVF4,Flat")
    assert not made.trained
    made.train(VECTORS)
    assert made.trained
    made.add(KEYS, VECTORS)
    assert made.count() == 300
    assert made.search(QUERY, 1).keys.size == 1


def test_a_full_disk_is_said_in_words(index: FaissIndex) -> None:
    full = Path("/dev/full")
    if not full.exists():
        pytest.skip("this system has no /dev/full")
    with pytest.raises(StorageError, match="full"):
        index.save(full)
