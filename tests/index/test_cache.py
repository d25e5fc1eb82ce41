"""Vectors already computed: little is lost in storing them, and none is computed twice."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from pubmed_rag.index.cache import EmbeddingCache, folder_name, text_hash
from pubmed_rag.index.vectors import Vectors
from tests.support import FakeEmbedder, child_environment


def rows(count: int, dimension: int = 384) -> Vectors:
    vectors = np.random.default_rng(0).standard_normal((count, dimension)).astype(np.float32)
    return np.ascontiguousarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), np.float32)


def test_rounding_to_half_precision_hardly_turns_a_vector(tmp_path: Path) -> None:
    vectors = rows(600)
    hashes = [text_hash(f"text {number}") for number in range(600)]
    with EmbeddingCache(tmp_path, FakeEmbedder(384)) as cache:
        cache.put(hashes, vectors)
    with EmbeddingCache(tmp_path, FakeEmbedder(384)) as cache:
        stored = cache.get(hashes)
        assert (stored * vectors).sum(axis=1).min() > 1 - 1e-4
        assert np.allclose(np.linalg.norm(stored, axis=1), 1, atol=1e-6)
        twice = cache.get([hashes[5], hashes[0], hashes[5]])
        assert np.array_equal(twice, stored[[5, 0, 5]])
        assert cache.get([]).shape == (0, 384)
        with pytest.raises(KeyError):
            cache.get([text_hash("never seen")])


def test_missing_names_each_unknown_text_once_in_order(tmp_path: Path) -> None:
    one, two, three = (text_hash(text) for text in ("one", "two", "three"))
    with EmbeddingCache(tmp_path, FakeEmbedder(8)) as cache:
        cache.put([two], rows(1, 8))
        assert cache.missing([three, one, two, three, one]) == [three, one]
        assert cache.missing([]) == []


def test_what_is_stored_stays_when_put_again(tmp_path: Path) -> None:
    first, second = rows(2, 8)
    name = text_hash("text")
    with EmbeddingCache(tmp_path, FakeEmbedder(8)) as cache:
        cache.put([name], first[None])
        before = cache.get([name])
        cache.put([name], second[None])
        assert np.array_equal(cache.get([name]), before)


def test_a_model_revision_has_a_cache_of_its_own(tmp_path: Path) -> None:
    with EmbeddingCache(tmp_path, FakeEmbedder(8, revision="1")) as cache:
        cache.put([text_hash("text")], rows(1, 8))
    with EmbeddingCache(tmp_path, FakeEmbedder(8, revision="2")) as cache:
        assert cache.missing([text_hash("text")]) == [text_hash("text")]
    names = {folder_name(FakeEmbedder(8, revision=revision)) for revision in ("1", "2")}
    assert {path.name for path in tmp_path.iterdir()} == names
    assert "/" not in folder_name(FakeEmbedder(name="a/b: c", revision="x/y"))


def test_a_vector_of_zeros_is_no_not_a_number(tmp_path: Path) -> None:
    """Static embedding models give zeros for a text without known words."""
    with EmbeddingCache(tmp_path, FakeEmbedder(8)) as cache:
        cache.put([text_hash("")], np.zeros((1, 8), np.float32))
        assert not np.isnan(cache.get([text_hash("")])).any()


_HALF_A_GROUP = """
import os, signal, sys
from pathlib import Path
import numpy as np
from pubmed_rag.index.cache import EmbeddingCache, text_hash
from tests.support import FakeEmbedder

class Killer:
    '''Hashes that end the process when the third is asked for.'''
    def __init__(self, hashes): self.hashes = hashes
    def __iter__(self):
        for number, item in enumerate(self.hashes):
            if number == 3:
                os.kill(os.getpid(), signal.SIGKILL)
            yield item

cache = EmbeddingCache(Path(sys.argv[1]), FakeEmbedder(8))
vectors = np.eye(8, dtype=np.float32)
cache.put([text_hash("whole")], vectors[:1])
cache.put(Killer([text_hash(str(number)) for number in range(8)]), vectors)
"""


@pytest.mark.skipif(os.name != "posix", reason="needs POSIX signals")
def test_a_group_cut_short_by_a_kill_is_not_there_at_all(tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, "-c", _HALF_A_GROUP, str(tmp_path)], env=child_environment(), check=False)
    assert done.returncode == -signal.SIGKILL
    group = [text_hash(str(number)) for number in range(8)]
    with EmbeddingCache(tmp_path, FakeEmbedder(8)) as cache:
        assert cache.missing([*group, text_hash("whole")]) == group


def test_a_failed_group_leaves_the_cache_usable(tmp_path: Path) -> None:
    with EmbeddingCache(tmp_path, FakeEmbedder(8)) as cache:
        with pytest.raises((ValueError, sqlite3.Error)):
            cache.put([text_hash("one"), text_hash("two")], rows(1, 8))
        cache.put([text_hash("three")], rows(1, 8))
        assert cache.missing([text_hash("one"), text_hash("three")]) == [text_hash("one")]
