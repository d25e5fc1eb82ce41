"""Sentence vectors in one byte a dimension, in segments of which the newest wins."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from pubmed_rag.index.sentence_vectors import SentenceBlock, SentenceVectors, write_segment
from pubmed_rag.index.vectors import Vectors


def unit(rows: int, dimension: int = 384, seed: int = 0) -> Vectors:
    vectors = np.random.default_rng(seed).standard_normal((rows, dimension)).astype(np.float32)
    return np.ascontiguousarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), np.float32)


def block(key: int, vectors: Vectors) -> SentenceBlock:
    count = len(vectors)
    starts = np.arange(count, dtype=np.int32) * 10
    return SentenceBlock(key, np.stack([starts, starts + 7], axis=1).astype(np.int32), vectors)


@pytest.mark.parametrize("seed", [0, 1])
def test_a_round_trip_costs_less_than_one_percent(tmp_path: Path, seed: int) -> None:
    written = [block(3, unit(5, seed=seed)), block(9, unit(1, seed=seed + 10)), block(12, unit(40, seed=seed + 20))]
    assert write_segment(tmp_path / "000000", written) == 46
    stored = SentenceVectors.open(tmp_path, 384)
    for original in written:
        read = stored.of(original.key)
        assert read is not None
        assert read.spans.tolist() == original.spans.tolist()
        error = np.linalg.norm(read.vectors - original.vectors, axis=1)
        assert error.max() < 0.01
        assert (read.vectors * original.vectors).sum(axis=1).min() > 0.999
    size = (tmp_path / "000000" / "vectors.i8").stat().st_size
    assert size == 46 * 384, "one byte a dimension"


def test_extreme_vectors_keep_their_sign_and_size(tmp_path: Path) -> None:
    axis = np.zeros((2, 4), np.float32)
    axis[0, 1], axis[1, 2] = -1.0, 1.0
    write_segment(tmp_path / "000000", [block(1, axis), block(2, np.zeros((1, 4), np.float32))])
    stored = SentenceVectors.open(tmp_path, 4)
    first, zero = stored.of(1), stored.of(2)
    assert first is not None
    assert zero is not None
    assert np.allclose(first.vectors, axis)
    assert not zero.vectors.any()


def test_a_later_segment_replaces_an_article(tmp_path: Path) -> None:
    old, new = unit(3, seed=1), unit(2, seed=2)
    write_segment(tmp_path / "000000", [block(5, old), block(6, old)])
    write_segment(tmp_path / "000001", [block(5, new), block(8, np.empty((0, 384), np.float32))])
    write_segment(tmp_path / "000002", [block(6, np.empty((0, 384), np.float32))])
    stored = SentenceVectors.open(tmp_path, 384)
    replaced, emptied, without = stored.of(5), stored.of(6), stored.of(8)
    assert replaced is not None
    assert len(replaced.vectors) == 2
    assert np.allclose(replaced.vectors, new, atol=0.01)
    assert emptied is not None
    assert len(emptied.vectors) == 0, "an article that lost its sentences must not keep its old ones"
    assert without is not None
    assert without.spans.shape == (0, 2)


def test_articles_that_are_not_there(tmp_path: Path) -> None:
    write_segment(tmp_path / "000000", [block(5, unit(3))])
    stored = SentenceVectors.open(tmp_path, 384)
    assert [stored.of(key) for key in (0, 4, 6, 10**12)] == [None] * 4


def test_best_scores_are_the_highest_cosine_of_any_sentence(tmp_path: Path) -> None:
    blocks = [block(key, unit(4, seed=key)) for key in (1, 2, 3)]
    write_segment(tmp_path / "000000", blocks)
    query: Vectors = unit(1, seed=99)[0]
    scores = SentenceVectors.open(tmp_path, 384).best_scores(query, np.array([3, 7, 1], np.int64))
    assert scores.tolist() == pytest.approx(
        [(blocks[2].vectors @ query).max(), 0.0, (blocks[0].vectors @ query).max()], abs=0.01
    )


def test_many_articles_at_once_score_as_one_by_one(tmp_path: Path) -> None:
    """Over several segments, with articles replaced, emptied, unknown and asked for twice."""
    chance = np.random.default_rng(5)

    def blocks(keys: list[int], seed: int) -> list[SentenceBlock]:
        return [block(key, unit(int(chance.integers(0, 6)), 48, seed + key)) for key in keys]

    write_segment(tmp_path / "000000", blocks(list(range(0, 400, 2)), 1))
    write_segment(tmp_path / "000001", blocks(sorted(chance.choice(500, 90, replace=False).tolist()), 7000))
    write_segment(tmp_path / "000002", blocks([3, 4, 8], 9000))
    stored = SentenceVectors.open(tmp_path, 48)
    query: Vectors = unit(1, 48, seed=99)[0]
    keys = chance.integers(-5, 520, 300)
    expected = []
    for key in keys.tolist():
        found = stored.of(key)
        expected.append(float((found.vectors @ query).max()) if found is not None and len(found.vectors) else 0.0)
    assert np.allclose(stored.best_scores(query, keys), expected, atol=1e-6)
    assert np.count_nonzero(expected) > 50
    once = np.unique(keys)
    blocks_found = [stored.of(int(key)) for key in once]
    assert stored.count_of(once) == sum(len(found.spans) for found in blocks_found if found is not None)
    assert stored.count_of(once[:0]) == 0


def test_nothing_stored(tmp_path: Path) -> None:
    assert not SentenceVectors.open(tmp_path / "absent", 8)
    write_segment(tmp_path / "000000", [])
    stored = SentenceVectors.open(tmp_path, 8)
    assert stored
    assert stored.of(1) is None
    assert stored.best_scores(np.zeros(8, np.float32), np.array([1], np.int64)).tolist() == [0.0]
