"""The vector index at 10⁵, 10⁶ and 10⁷ vectors of 384 dimensions, beside FAISS Flat on the same vectors.

    python benchmarks/vectors.py [--counts 100000,1000000] [--folder DIR] [--threads 2] [--json FILE]
    python benchmarks/vectors.py --counts 10000000 --keep DIR [--stop-after build]     # in several sittings

For each count: recall@10 of exact, queries a second (in batches, and one at a time), the median and 95th percentile
of a single query, bytes a vector in memory and on disk, build time, peak memory of building and of searching, and
filtered searches at four selectivities, with filters at random and with filters that go with the topic.

The vectors are made, not embedded, in the image of sentence embeddings: 5,000 topics (centres) that themselves
lie in 200 fields, each topic with its own number of articles (Zipf-like), and around its centre noise whose spread
falls over the directions as eigenvalues of real embeddings do, so that a query's neighbours come from its own topic
and from those beside it. Everything follows from a seed. They are kept as float16 in a file, as the embedding cache
does, and read back in pieces; queries are fresh draws. The exact result is computed in float32 over that file.

Building and searching run in processes of their own, so that peak memory is theirs alone. Flat up to a million
vectors is searched in the same process runs; at ten million it would need 15 GB, so there its throughput is taken
from the exact pass itself and said to be so. Pages of mapped files count in "resident" while they are touched, but
the system takes them back when it needs the room.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from pubmed_rag.core.native import prepare_native_libraries
from pubmed_rag.index.vector_build import build_vectors
from pubmed_rag.index.vector_factory import plan_vectors
from pubmed_rag.index.vectors import FaissIndex

DIMENSION = 384
TOPICS, FIELDS = 5_000, 200
CHUNK = 50_000
QUERIES = 1_000
TRUTH = 100
TOP = 10
SELECTIVITIES = (0.5, 0.05, 0.005, 0.0005)
FILTERED = 50
STAGES = ("make", "build", "search", "flat")

Vectors = npt.NDArray[np.float32]


class World:
    """Where vectors come from. The topics are the same for every seed."""

    def __init__(self) -> None:
        chance = np.random.default_rng(99)
        fields = chance.standard_normal((FIELDS, DIMENSION))
        centres = fields[chance.integers(0, FIELDS, TOPICS)] + 0.9 * chance.standard_normal((TOPICS, DIMENSION))
        self.centres = centres.astype(np.float32)
        self.shares = 1 / (np.arange(TOPICS) + 50)
        self.shares /= self.shares.sum()
        spread = 1 / np.sqrt(np.arange(1, DIMENSION + 1))
        spread /= np.sqrt((spread**2).mean())
        turn = np.linalg.qr(chance.standard_normal((DIMENSION, DIMENSION)))[0]
        self.noise = (0.9 * spread[:, None] * turn).astype(np.float32)

    def draw(self, count: int, seed: int) -> tuple[Vectors, npt.NDArray[np.int16]]:
        """L2-normalised vectors (n, d) float32 and the topic (n,) of each."""
        chance = np.random.default_rng(seed)
        topics = chance.choice(TOPICS, count, p=self.shares)
        vectors = self.centres[topics] + chance.standard_normal((count, DIMENSION), dtype=np.float32) @ self.noise
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        return vectors, topics.astype(np.int16)


# -- data --------------------------------------------------------------------------------------------


def make(folder: Path, count: int) -> None:
    """``vectors.f16`` and ``topics.i16``, and the exact result of the first queries in one pass over them."""
    world = World()
    queries = world.draw(QUERIES, seed=1_000_000)[0]
    wanted = queries[:TRUTH]
    asked = {name: TRUTH if name == "all" else FILTERED for name in FILTERS}
    best = {name: (np.full((n, TOP), -9.0, np.float32), np.full((n, TOP), -1)) for name, n in asked.items()}
    seconds = 0.0
    with (folder / "vectors.f16").open("wb") as out, (folder / "topics.i16").open("wb") as out_topics:
        for number, start in enumerate(range(0, count, CHUNK)):
            vectors, topics = world.draw(min(CHUNK, count - start), seed=number)
            out.write(vectors.astype(np.float16).tobytes())
            out_topics.write(topics.tobytes())
            began = time.perf_counter()
            scores = wanted @ vectors.T
            seconds += time.perf_counter() - began
            rows = np.arange(start, start + len(vectors))
            for name, passes in FILTERS.items():
                allowed = passes(rows, topics)
                kept, keys = best[name]
                names = rows[allowed]
                if len(names):
                    part = scores[: asked[name]] if name == "all" else scores[: asked[name], allowed]
                    near = np.argpartition(-part, min(TOP, part.shape[1]) - 1, axis=1)[:, :TOP]
                    both = np.hstack([kept, np.take_along_axis(part, near, 1)])
                    both_keys = np.hstack([keys, names[near]])
                    order = np.argsort(-both, axis=1, kind="stable")[:, :TOP]
                    best[name] = np.take_along_axis(both, order, 1), np.take_along_axis(both_keys, order, 1)
    truth: dict[str, Any] = {name: keys for name, (_, keys) in best.items()}
    np.savez(folder / "truth.npz", **truth)
    np.save(folder / "queries.npy", queries)
    (folder / "exact.json").write_text(json.dumps({"queries_a_second": len(wanted) / seconds}))


def at_random(share: float) -> Callable[..., npt.NDArray[np.bool_]]:
    """A filter that lets rows pass by a hash of their number."""
    return lambda rows, _: ((rows * 2_654_435_761) % 2**32) / 2**32 < share


def by_topic(share: float) -> Callable[..., npt.NDArray[np.bool_]]:
    """A filter that lets whole topics pass (in an order of its own), most of them far from any query."""
    order = np.random.default_rng(7).permutation(TOPICS)
    shares = World().shares
    edge = np.searchsorted(np.cumsum(shares[order]), share)
    chosen = np.zeros(TOPICS, bool)
    chosen[order[: edge + 1]] = True
    # The last topic goes beyond the share; where one topic is too many, part of it passes.
    within = min(1.0, share / shares[chosen].sum())
    return lambda rows, topics: chosen[topics] & at_random(within)(rows, topics)


FILTERS: dict[str, Callable[..., npt.NDArray[np.bool_]]] = {
    "all": lambda rows, _: np.ones(len(rows), bool),
    **{f"random {share:.2%}": at_random(share) for share in SELECTIVITIES},
    **{f"topic {share:.2%}": by_topic(share) for share in SELECTIVITIES},
}


# -- what is measured, each in a process of its own --------------------------------------------------


def batches(folder: Path) -> Iterator[tuple[npt.NDArray[np.int64], Vectors]]:
    """The vectors as float32 with keys from 0, in pieces."""
    stored = np.memmap(folder / "vectors.f16", np.float16, "r").reshape(-1, DIMENSION)
    for start in range(0, len(stored), 8_192):
        piece = stored[start : start + 8_192].astype(np.float32)
        yield np.arange(start, start + len(piece), dtype=np.int64), piece


def measure_build(folder: Path, count: int) -> dict[str, Any]:
    plan = plan_vectors(count, DIMENSION)
    started = time.perf_counter()
    facts = build_vectors(folder / "index", DIMENSION, plan, lambda: batches(folder))
    return {
        "factory": plan.factory,
        "rows": plan.rows,
        "probes": facts.probes,
        "refine": facts.plan.refine,
        "own estimate of recall": facts.recall,
        "build seconds": time.perf_counter() - started,
        "build peak MB": peak_megabytes(),
    }


def measure_search(folder: Path, count: int) -> dict[str, Any]:
    queries, truth = np.load(folder / "queries.npy"), np.load(folder / "truth.npz")
    topics = np.fromfile(folder / "topics.i16", np.int16)
    import faiss  # noqa: F401  (its own 60 MB are not the index's)

    before, own = resident_megabytes(), _status("RssAnon")
    started = time.perf_counter()
    index = FaissIndex.load(folder / "index")
    loading = time.perf_counter() - started
    index.search(queries[0], TOP)
    result: dict[str, Any] = {"load seconds": loading, "resident after loading MB": resident_megabytes() - before}
    times = timed(lambda query: index.search(query, TOP), queries[:300])
    result |= {"p50 ms": np.median(times) * 1e3, "p95 ms": np.quantile(times, 0.95) * 1e3}
    times = timed(lambda query: index.search(query, 200), queries[300:500])
    result |= {"p50 ms, 200 hits": np.median(times) * 1e3}
    started = time.perf_counter()
    rounds = 0
    while rounds < 2 or time.perf_counter() - started < 2:
        index.search_many(queries, TOP)
        rounds += 1
    result["queries/s"] = rounds * len(queries) / (time.perf_counter() - started)
    found = [index.search(query, TOP).keys for query in queries[:TRUTH]]
    result["recall@10"] = recall(found, truth["all"])
    result["resident after 2,000 queries MB"] = resident_megabytes() - before
    result["of that not mapped from files MB"] = _status("RssAnon") - own
    files = sum(path.stat().st_size for path in (folder / "index").rglob("*") if path.is_file())
    held = folder / "index" / "candidates.faiss"
    result["bytes a vector on disk"] = files / count
    result["bytes a vector in memory"] = held.stat().st_size / count if held.exists() else 0
    for name, passes in FILTERS.items():
        if name == "all":
            continue
        allowed = np.flatnonzero(passes(np.arange(count), topics)).astype(np.int64)
        times, found = [], []
        for query in queries[:FILTERED]:
            started = time.perf_counter()
            found.append(index.search(query, TOP, allowed).keys)
            times.append(time.perf_counter() - started)
        result[f"{name}: recall"] = recall(found, truth[name])
        result[f"{name}: p50 ms"] = np.median(times) * 1e3
        result[f"{name}: complete"] = all(len(keys) == min(TOP, len(allowed)) for keys in found)
    result["search peak MB"] = peak_megabytes() - before
    return result


def measure_flat(folder: Path, count: int) -> dict[str, Any]:
    if count > 2_000_000:
        speed = json.loads((folder / "exact.json").read_text())["queries_a_second"]
        return {"Flat queries/s (product of 100 queries, no selection)": speed, "Flat bytes a vector": 4 * DIMENSION}
    import faiss

    queries = np.load(folder / "queries.npy")
    before = resident_megabytes()
    index = faiss.IndexFlatIP(DIMENSION)
    for _, vectors in batches(folder):
        index.add(vectors)
    started = time.perf_counter()
    rounds = 0
    while rounds < 2 or time.perf_counter() - started < 5:
        index.search(queries[:TRUTH], TOP)
        rounds += 1
    speed = rounds * TRUTH / (time.perf_counter() - started)
    times = timed(lambda query: index.search(query[None], TOP), queries[:20])
    return {
        "Flat queries/s": speed,
        "Flat p50 ms": np.median(times) * 1e3,
        "Flat resident MB": resident_megabytes() - before,
        "Flat bytes a vector": 4 * DIMENSION,
    }


def timed(action: Callable[[Vectors], object], queries: Vectors) -> list[float]:
    times = []
    for query in queries:
        started = time.perf_counter()
        action(query)
        times.append(time.perf_counter() - started)
    return times


def recall(found: list[npt.NDArray[np.int64]], truth: npt.NDArray[np.int64]) -> float:
    shares = []
    for keys, row in zip(found, truth, strict=True):
        exact = row[row >= 0]
        if len(exact):
            shares.append(len(np.intersect1d(keys, exact)) / len(exact))
    return float(np.mean(shares))


def resident_megabytes() -> float:
    return _status("VmRSS")


def peak_megabytes() -> float:
    return _status("VmHWM")


def _status(name: str) -> float:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(name):
            return int(line.split()[1]) / 1024
    return float("nan")


def _child(name: str, folder: Path, count: int, threads: int, connection: Any) -> None:
    os.environ["OMP_NUM_THREADS"] = str(threads)
    prepare_native_libraries()
    measures = {"make": make, "build": measure_build, "search": measure_search, "flat": measure_flat}
    connection.send(measures[name](folder, count))


def in_a_process(name: str, folder: Path, count: int, threads: int) -> dict[str, Any]:
    here, there = multiprocessing.get_context("spawn").Pipe()
    process = multiprocessing.get_context("spawn").Process(target=_child, args=(name, folder, count, threads, there))
    process.start()
    there.close()
    try:
        return here.recv() or {}
    finally:
        process.join()


def stage(name: str, folder: Path, count: int, threads: int) -> dict[str, Any]:
    """The figures of one stage: those of an earlier run where it was finished, otherwise measured now."""
    done = folder / f"{name}.json"
    if done.exists():
        figures: dict[str, Any] = json.loads(done.read_text())
        return figures
    if name == "build":
        shutil.rmtree(folder / "index", ignore_errors=True)
    started = time.perf_counter()
    figures = in_a_process(name, folder, count, threads)
    print(f"{count:,}: {name} took {time.perf_counter() - started:.0f} s", flush=True)
    done.write_text(json.dumps(figures, default=float))
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--counts", default="100000,1000000", help="numbers of vectors, with commas between them")
    parser.add_argument("--folder", type=Path, help="where to put vectors (800 bytes each) and indexes (460 to 780)")
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--json", type=Path, help="write the figures here as well")
    parser.add_argument("--keep", type=Path, help="keep vectors and indexes here, and go on with what is not done yet")
    parser.add_argument("--stop-after", choices=STAGES, help="leave the stages after this one to another run")
    arguments = parser.parse_args()
    results = {}
    for count in map(int, arguments.counts.split(",")):
        if arguments.keep:
            folder = arguments.keep / str(count)
            folder.mkdir(parents=True, exist_ok=True)
        else:
            folder = Path(tempfile.mkdtemp(prefix="vectors-", dir=arguments.folder))
        figures: dict[str, Any] = {}
        try:
            for name in STAGES:
                figures |= stage(name, folder, count, arguments.threads)
                if name == arguments.stop_after:
                    break
        finally:
            if not arguments.keep:
                shutil.rmtree(folder)
        results[count] = figures
        for name, value in figures.items():
            print(f"  {name:55} {value if isinstance(value, str | bool) else format(value, ',.4g')}", flush=True)
        if arguments.json:
            arguments.json.write_text(json.dumps(results, indent=1, default=float))


if __name__ == "__main__":
    main()
