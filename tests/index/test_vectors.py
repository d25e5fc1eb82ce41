"""The vector index against plain numpy: exact where it compares all, nearly so where it does not."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from pubmed_rag.core.errors import IndexCorruptError, IndexMismatchError, UsageError
from pubmed_rag.index.row_codes import RowKind
from pubmed_rag.index.vector_build import build_vectors, is_worn, update_vectors
from pubmed_rag.index.vector_factory import VectorPlan
from pubmed_rag.index.vectors import LIMITS, FaissIndex, Limits, Vectors
from pubmed_rag.index.words import Keys

DIMENSION = 24


def normalised(vectors: Vectors) -> Vectors:
    return np.ascontiguousarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), np.float32)


def unit(rows: int, seed: int = 0, dimension: int = DIMENSION) -> Vectors:
    return normalised(np.random.default_rng(seed).standard_normal((rows, dimension)).astype(np.float32))


KEYS = np.arange(300, dtype=np.int64) * 7 + 3
VECTORS: Vectors = unit(300).astype(np.float16).astype(np.float32)
"""No digit of them is lost in rows of two bytes a dimension."""
QUERY: Vectors = unit(1, seed=9)[0]


def flat(count: int) -> VectorPlan:
    return VectorPlan("Flat", "float16", True, count)


def built(folder: Path, keys: Keys, vectors: Vectors, plan: VectorPlan | None = None) -> FaissIndex:
    """An index over ``vectors``, which come a hundred at a time."""

    def batches() -> Iterator[tuple[Keys, Vectors]]:
        for start in range(0, len(keys), 100):
            yield keys[start : start + 100], vectors[start : start + 100]

    build_vectors(folder, vectors.shape[1], plan or flat(len(keys)), batches)
    return FaissIndex.load(folder)


@pytest.fixture
def index(tmp_path: Path) -> FaissIndex:
    return built(tmp_path / "vectors", KEYS, VECTORS)


def brute(top: int, allowed: set[int] | None = None) -> list[int]:
    scores = VECTORS @ QUERY
    order = [int(KEYS[at]) for at in np.argsort(-scores)]
    return [key for key in order if allowed is None or key in allowed][:top]


# -- comparing all -----------------------------------------------------------------------------------


@pytest.mark.parametrize("top", [1, 10, 299, 300, 1000])
def test_nearest_are_exact(index: FaissIndex, top: int) -> None:
    found = index.search(QUERY, top)
    assert found.keys.tolist() == brute(top)
    assert found.keys.dtype == np.int64
    assert found.scores.dtype == np.float32
    by_key = dict(zip(KEYS.tolist(), (VECTORS @ QUERY).tolist(), strict=True))
    assert np.allclose(found.scores, [by_key[key] for key in found.keys.tolist()], atol=1e-3)
    assert np.array_equal(found.scores, index.scores_of(QUERY, found.keys))


@pytest.mark.parametrize("size", [0, 1, 5, 150])
def test_only_allowed_keys(index: FaissIndex, size: int) -> None:
    allowed = np.sort(np.random.default_rng(1).choice(KEYS, size, replace=False))
    found = index.search(QUERY, 10, allowed)
    assert found.keys.tolist() == brute(10, set(allowed.tolist()))


def test_allowed_keys_that_are_not_there_are_no_padding(index: FaissIndex) -> None:
    found = index.search(QUERY, 10, np.array([3, 4, 5, 10, 10**12], np.int64))
    assert sorted(found.keys.tolist()) == [3, 10]
    assert len(found.scores) == 2


def test_equal_scores_come_by_key_whatever_the_cut(tmp_path: Path) -> None:
    """Many records of PubMed are word for word alike ("Reply."), and a page must not depend on its length."""
    made = built(tmp_path, np.arange(200, dtype=np.int64), np.repeat(VECTORS[:1], 200, axis=0))
    whole = made.search(QUERY, 200).keys.tolist()
    assert whole == list(range(200))
    for top in (1, 5, 50):
        assert made.search(QUERY, top).keys.tolist() == whole[:top]
        assert made.search(QUERY, top, np.arange(100, 200, dtype=np.int64)).keys.tolist() == whole[100 : 100 + top]


def test_scores_of_exactly_these(index: FaissIndex) -> None:
    chosen = KEYS[[5, 0, 299]]
    assert np.allclose(index.scores_of(QUERY, chosen), (VECTORS @ QUERY)[[5, 0, 299]], atol=1e-3)
    assert index.scores_of(QUERY, np.empty(0, np.int64)).shape == (0,)
    assert index.scores_of(QUERY, np.array([4, 3, -5], np.int64))[[0, 2]].tolist() == [0.0, 0.0], "no vector, no score"


def test_an_empty_index(tmp_path: Path) -> None:
    made = built(tmp_path, np.empty(0, np.int64), np.empty((0, DIMENSION), np.float32))
    assert made.count() == 0
    assert made.search(QUERY, 5).keys.tolist() == []
    assert made.search(QUERY, 5, KEYS).keys.tolist() == []
    assert made.scores_of(QUERY, KEYS[:2]).tolist() == [0.0, 0.0]


def test_many_queries_at_once(index: FaissIndex) -> None:
    keys, scores = index.search_many(unit(5, seed=3), 7)
    for row, query in enumerate(unit(5, seed=3)):
        single = index.search(query, 7)
        assert keys[row].tolist() == single.keys.tolist()
        assert np.array_equal(scores[row], single.scores)
    keys, scores = index.search_many(unit(1), 400)
    assert (keys[0, 300:] == -1).all()
    assert np.isneginf(scores[0, 300:]).all()


def test_more_queries_than_are_searched_together(index: FaissIndex) -> None:
    vectors = unit(300, seed=4)
    keys, scores = index.search_many(vectors, 3)
    for row in (0, 127, 128, 255, 299):
        hits = index.search(vectors[row], 3)
        assert keys[row].tolist() == hits.keys.tolist()
        assert scores[row].tolist() == pytest.approx(hits.scores.tolist(), abs=1e-5)


def test_vectors_of_any_length_keep_it(tmp_path: Path) -> None:
    """Models trained for the inner product are not normalised, and their scores are no cosines."""
    long = VECTORS * np.linspace(1, 30, 300, dtype=np.float32)[:, None]
    for rows in KINDS:
        made = built(tmp_path / rows, KEYS, long, VectorPlan("Flat", rows, True, 300))
        truth = long @ QUERY
        assert np.allclose(made.scores_of(QUERY, KEYS), truth, atol=0.3 if rows == "int8" else 0.02)
        assert made.search(QUERY, 1).keys[0] == KEYS[truth.argmax()]


# -- rows of every kind ------------------------------------------------------------------------------

KINDS: tuple[RowKind, ...] = ("float16", "int8", "int12")


def crowded(rows: int, seed: int = 0) -> Vectors:
    """Vectors so close that one byte a dimension hardly tells them apart, every fifth one there five times."""
    chance = np.random.default_rng(seed)
    vectors = unit(1, seed=42) + 0.02 * chance.standard_normal((rows, DIMENSION)).astype(np.float32)
    vectors[chance.permutation(rows)[: rows // 5]] = np.repeat(vectors[: rows // 25], 5, axis=0)
    return normalised(vectors)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("segments", [1, 2])
def test_whatever_the_rows_nearest_are_the_nearest_stored(kind: RowKind, segments: int, tmp_path: Path) -> None:
    """By scan, by fetching the few that are allowed, and by proposals: the stored vectors decide, ties by key."""
    count = 6_000
    keys, vectors = np.arange(count, dtype=np.int64) * 2, crowded(count)
    index = built(tmp_path / "1", keys, vectors, VectorPlan("Flat", kind, False, count))
    if segments == 2:
        index = updated(tmp_path / "1", tmp_path / "2", keys[::9] + 1, crowded(count, seed=1)[::9], keys[::7])
        keys = np.sort(np.concatenate([np.setdiff1d(keys, keys[::7]), keys[::9] + 1]))
    assert index.count() == len(keys)
    chance = np.random.default_rng(3)
    for query in unit(10, seed=5):
        scores = index.scores_of(query, keys)
        for share in (1.0, 0.5, 0.02, 0.004):
            allowed = np.sort(chance.choice(keys, int(share * len(keys)), replace=False))
            within = scores[np.searchsorted(keys, allowed)]
            order = np.lexsort((allowed, -within))
            for top in (1, 10, 100):
                found = index.search(query, top, None if share == 1 else allowed)
                assert found.keys.tolist() == allowed[order][:top].tolist()
                assert np.array_equal(found.scores, within[order][:top])
        proposed = np.append(chance.choice(keys, 50, replace=False), [-1, 10**12])
        hits = index._score(query, 10, proposed)
        assert hits.keys.tolist() == index.search(query, 10, np.sort(proposed[:50])).keys.tolist()


@pytest.mark.parametrize("kind", KINDS)
def test_exact_keys_of_many(kind: RowKind, tmp_path: Path) -> None:
    vectors = crowded(2_000)
    keys = np.arange(2_000, dtype=np.int64)
    index = built(tmp_path, keys, vectors, VectorPlan("Flat", kind, False, 2_000))
    queries = unit(20, seed=8)
    for row, query in zip(index.rows.exact_keys(queries, 11), queries, strict=True):
        scores = index.scores_of(query, keys)
        assert np.allclose(scores[row], np.sort(scores)[::-1][:11], atol=1e-6)  # equal ones in any order
        assert len(set(row.tolist())) == 11
    assert (built(tmp_path / "few", keys[:3], vectors[:3]).rows.exact_keys(queries, 5)[:, 3:] == -1).all()


def test_a_byte_and_a_half_tells_neighbours_apart(tmp_path: Path) -> None:
    """At one byte a dimension some of the true ten are missed however much is compared; half a byte more finds them."""
    vectors, queries = unit(20_000, dimension=48), unit(50, seed=8, dimension=48)
    vectors = normalised(vectors[:1] + 0.1 * vectors)
    truth = np.argsort(-(vectors @ queries.T), axis=0)[:10].T
    keys = np.arange(20_000, dtype=np.int64)
    found = {}
    for kind in KINDS:
        index = built(tmp_path / kind, keys, vectors, VectorPlan("Flat", kind, False, 20_000))
        got = index.search_many(queries, 10)[0]
        found[kind] = np.mean([len(np.intersect1d(*pair)) / 10 for pair in zip(got, truth, strict=True)])
    assert found["int12"] >= 0.99
    assert found["int12"] > found["int8"]
    sizes = {kind: sum(path.stat().st_size for path in (tmp_path / kind / "rows").rglob("*.faiss")) for kind in KINDS}
    assert sizes["int8"] < sizes["int12"] < 0.77 * sizes["float16"]


# -- changes -----------------------------------------------------------------------------------------


def updated(index: Path, target: Path, keys: Keys, vectors: Vectors, gone: Keys) -> FaissIndex:
    """The index in ``index`` with ``vectors`` added and ``gone`` removed, made in ``target``."""
    import shutil

    shutil.copytree(index / "rows", target / "rows")
    update_vectors(target, index, lambda: [(keys, vectors)], gone)
    return FaissIndex.load(target)


@pytest.mark.parametrize(
    ("factory", "rows"),
    [
        ("Flat", "float16"),
        ("Flat", "int12"),
        ("IVF4,PQ12x4fs", "float16"),
        ("IVF4,PQ12x4fs", "int12"),
        ("HNSW32,Flat", "float16"),
    ],
)
def test_changes_without_rebuilding(tmp_path: Path, factory: str, rows: RowKind) -> None:
    """Step by step it stays what an index of the present vectors would be; segments stay few."""
    chance = np.random.default_rng(4)
    vectors = {int(key): vector for key, vector in zip(KEYS, VECTORS, strict=True)}
    folder = tmp_path / "0"
    built(folder, KEYS, VECTORS, VectorPlan(factory, rows, False, 300, recall=1.0))
    for step in range(1, 14):
        present = np.array(sorted(vectors), np.int64)
        deleted = chance.choice(present, 12, replace=False)
        revised = np.setdiff1d(chance.choice(present, 10, replace=False), deleted)
        fresh = np.arange(5, dtype=np.int64) + 10_000 * step
        keys = np.sort(np.concatenate([revised, fresh]))
        new = unit(len(keys), seed=100 + step)
        for key in deleted.tolist():
            del vectors[key]
        vectors.update(zip(keys.tolist(), new, strict=True))
        target = tmp_path / str(step)
        index = updated(folder, target, keys, new, np.concatenate([deleted, keys]))
        folder = target
        assert index.count() == len(vectors) == index.facts.vectors
        present = np.array(sorted(vectors), np.int64)
        truth = np.stack([vectors[key] for key in present.tolist()]) @ QUERY
        assert np.allclose(index.scores_of(QUERY, present), truth, atol=1e-3)
        assert not index.scores_of(QUERY, deleted).any()
        found = index.search(QUERY, 20).keys.tolist()
        assert len(set(found)) == 20
        assert set(found) <= set(present.tolist())
        exact = present[np.argsort(-truth)[:20]].tolist()
        if factory == "Flat":
            assert found == exact
        assert len(set(found) & set(exact)) >= 18
        assert found == index.search(QUERY, 50).keys.tolist()[:20] or factory != "Flat"
        allowed = present[::3]
        assert set(index.search(QUERY, 10, allowed).keys.tolist()) <= set(allowed.tolist())
    assert len(list((folder / "rows").iterdir())) <= 9


def test_what_cannot_forget_wears_out(tmp_path: Path) -> None:
    hnsw = built(tmp_path / "hnsw", KEYS, VECTORS, VectorPlan("HNSW32,Flat", "float16", False, 300))
    assert not is_worn(hnsw.facts, tmp_path / "hnsw", 10)
    assert is_worn(hnsw.facts, tmp_path / "hnsw", 100)
    lists = built(tmp_path / "ivf", KEYS, VECTORS, VectorPlan("IVF4,Flat", "float16", False, 300))
    assert not is_worn(lists.facts, tmp_path / "ivf", 100)


# -- candidates --------------------------------------------------------------------------------------

CLUSTERS = 150


def clustered(count: int, seed: int = 0, dimension: int = 64) -> tuple[Vectors, np.ndarray]:
    """Vectors around centres that themselves lie in twelve regions, and the cluster of each.

    The noise makes neighbours come from within a cluster and from those beside it.
    """
    chance = np.random.default_rng(seed)
    common = np.random.default_rng(99)
    regions = common.standard_normal((12, dimension))
    centres = regions[common.integers(0, 12, CLUSTERS)] + 0.9 * common.standard_normal((CLUSTERS, dimension))
    cluster = chance.integers(0, CLUSTERS, count)
    vectors = centres[cluster] + 0.7 * chance.standard_normal((count, dimension))
    return normalised(vectors.astype(np.float32)), cluster


COUNT = 60_000
BIG_KEYS = np.arange(COUNT, dtype=np.int64) * 3 + 1


@pytest.fixture(scope="module")
def big(tmp_path_factory: pytest.TempPathFactory) -> FaissIndex:
    """An inverted file with fast-scan codes over 60,000 clustered vectors."""
    vectors, _ = clustered(COUNT)
    return built(
        tmp_path_factory.mktemp("big"), BIG_KEYS, vectors, VectorPlan("IVF256,PQ16x4fs", "float16", True, COUNT)
    )


def recall(index: FaissIndex, vectors: Vectors, queries: Vectors, allowed: Keys | None = None, top: int = 10) -> float:
    keys = BIG_KEYS if allowed is None else allowed
    exact = vectors[(keys - 1) // 3] @ queries.T
    shares = []
    for column, query in enumerate(queries):
        truth = keys[np.argpartition(-exact[:, column], min(top, len(keys)) - 1)[:top]]
        found = index.search(query, top, allowed).keys
        assert len(found) == min(top, len(keys)), "as many as there are"
        assert np.isin(found, keys).all()
        shares.append(len(np.intersect1d(found, truth)) / len(truth))
    return float(np.mean(shares))


def test_candidates_find_nearly_all(big: FaissIndex) -> None:
    assert big.facts.sampled == 128
    assert big.facts.recall >= 0.95
    assert 16 <= big.facts.probes < 256
    vectors, _ = clustered(COUNT)
    queries, _ = clustered(100, seed=5)
    assert recall(big, vectors, queries) >= 0.95
    assert recall(big, vectors, queries[:20], top=200) >= 0.95
    many = big.search_many(queries, 10)[0]
    assert all(many[row].tolist() == big.search(query, 10).keys.tolist() for row, query in enumerate(queries))


@pytest.mark.parametrize("limits", [LIMITS, Limits(one_by_one=1_000, scan=0)])
@pytest.mark.parametrize("selectivity", [0.5, 0.05, 0.005, 0.0005])
@pytest.mark.parametrize("with_the_topic", [False, True])
def test_filtered_search(big: FaissIndex, limits: Limits, selectivity: float, with_the_topic: bool) -> None:
    """Filters at random, and the hard case: whole clusters pass or do not, mostly far away from the query."""
    index = FaissIndex(big.facts, big.rows, big.candidates, limits)
    vectors, cluster = clustered(COUNT)
    chance = np.random.default_rng(8)
    if with_the_topic:
        order = chance.permutation(CLUSTERS)
        rank = np.argsort(order)[cluster] + chance.random(COUNT)  # within a cluster at random
        allowed = BIG_KEYS[rank <= np.partition(rank, int(selectivity * COUNT))[int(selectivity * COUNT)]]
    else:
        allowed = BIG_KEYS[chance.random(COUNT) < selectivity]
    queries, _ = clustered(60, seed=6)
    assert recall(index, vectors, queries, allowed) >= 0.95


def test_many_hits_take_fewer_candidates_each(big: FaissIndex) -> None:
    wide = big.probing(64, refine=160)
    asked = [wide._wanted(top) for top in (1, 10, 40, 250, 4_000)]
    assert asked == [1_600, 1_600, 3_200, 8_000, 40_000]
    vectors, _ = clustered(COUNT)
    assert recall(wide, vectors, clustered(20, seed=5)[0], top=200) >= 0.99


@pytest.mark.skipif(not Path("/proc/self/maps").exists(), reason="this system does not say what is mapped")
def test_codes_are_held_once(big: FaissIndex) -> None:
    """Fast-scan codes are copied while they are read; mapped as well, they would count twice. Rows are mapped."""
    assert big.candidates is not None
    maps = Path("/proc/self/maps").read_text()
    assert not re.search(r"/big\d+/candidates\.faiss", maps)
    assert re.search(r"/big\d+/rows/000000/codes\.faiss", maps)


def test_whatever_is_asked_for_comes(big: FaissIndex) -> None:
    """Ten where ten exist, and a thousand where a thousand exist, however few lists are looked into."""
    narrow = big.probing(1)
    for top in (10, 1000, 30_000, COUNT + 5):
        found = narrow.search(QUERY_64, top)
        assert len(np.unique(found.keys)) == min(top, COUNT)
        assert (np.diff(found.scores) <= 0).all()


QUERY_64: Vectors = unit(1, seed=77, dimension=64)[0]


def test_a_later_vector_replaces_an_earlier_one(tmp_path: Path) -> None:
    vectors, _ = clustered(5_000)
    keys = np.arange(5_000, dtype=np.int64)
    built(tmp_path / "old", keys, vectors, VectorPlan("IVF16,PQ16x4fs", "int8", False, 5_000))
    gone = np.arange(0, 5_000, 2, dtype=np.int64)
    moved, _ = clustered(500, seed=3)
    index = updated(tmp_path / "old", tmp_path / "new", gone[:500], moved, gone)
    assert index.count() == 3_000
    for at in range(0, 500, 50):
        found = index.search(moved[at], 1)
        assert found.keys.tolist() == [gone[at]]
        assert found.scores[0] > 0.99
    assert index.search(vectors[0], 3_000, gone[500:]).keys.tolist() == []


# -- what goes wrong ---------------------------------------------------------------------------------


def test_a_factory_that_faiss_does_not_know(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="'Nonsense'") as caught:
        built(tmp_path, KEYS, VECTORS, VectorPlan("Nonsense", "int8", False, 300))
    assert "--factory" in str(caught.value.remedy)


def test_more_lists_than_vectors(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="4,096 lists") as caught:
        built(tmp_path, KEYS, VECTORS, VectorPlan("IVF4096,Flat", "int8", False, 300))
    assert "--factory" in str(caught.value.remedy)


def test_an_index_of_an_earlier_program(tmp_path: Path) -> None:
    with pytest.raises(IndexMismatchError, match="earlier pubmed-rag") as caught:
        FaissIndex.load(tmp_path)
    assert "index build" in str(caught.value.remedy)


def test_unreadable_files(index: FaissIndex, tmp_path: Path) -> None:
    assert index.count() == 300
    folder = tmp_path / "vectors"
    codes = folder / "rows" / "000000" / "codes.faiss"
    codes.write_bytes(b"????" + codes.read_bytes()[4:])
    with pytest.raises(IndexCorruptError):
        FaissIndex.load(folder)
    (folder / "about.json").write_bytes(b"{")
    with pytest.raises(IndexCorruptError):
        FaissIndex.load(folder)
