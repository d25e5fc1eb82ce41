"""What each part of the ranking gives: the tables of docs/search.md, from one pass over a judged collection.

    python benchmarks/ranking.py LIBRARY DATASET [--split train] [--cache FILE] [--topics N]

LIBRARY is an indexed library that holds the collection's articles. The pass asks every topic once and keeps, of
all candidates, the components' scores, and of the first 50 the features of the learned ranker; with ``--cache``
they are kept in a file, and the tables take seconds. Fitted rows are cross-validated, folds by shared relevant
articles. p: paired randomisation test against ``hybrid``, not corrected for the number of rows.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import msgspec
import numpy as np
import numpy.typing as npt

from pubmed_rag.eval.open_collection import open_collection
from pubmed_rag.eval.statistics import bootstrap_interval, randomisation_p
from pubmed_rag.index.fusion import PAIR_WEIGHTS, WEIGHTS, reciprocal_ranks, weighted_sum
from pubmed_rag.index.ranker import DEPTH, Example, Training, example, ndcg10, train
from pubmed_rag.index.ranker_features import feature_names
from pubmed_rag.index.words import Scores
from pubmed_rag.ui.api import Library, open_library

Values = npt.NDArray[np.float64]
_ADDED = 0.1
"""Weight of a feature, standardised among the first 50, beside the first ranking's score."""


class Pool(msgspec.Struct):
    """One topic: its candidates' ids, best first by ``hybrid``, every component's scores, and features of the first."""

    topic: str
    ids: list[str]
    components: dict[str, list[float]]
    rows: list[list[float]]
    fused: list[float]
    relevant: dict[str, int]
    milliseconds: float

    def grades(self) -> npt.NDArray[np.int64]:
        return np.array([self.relevant.get(article, 0) for article in self.ids], np.int64)

    def example(self) -> Example:
        n = len(self.rows)
        rows = np.array(self.rows, np.float32).reshape(n, len(feature_names()))
        fused = np.array(self.fused[:n], np.float32)
        return Example(self.topic, rows, fused, self.grades()[:n], self.relevant, tuple(self.components))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("library", type=Path)
    parser.add_argument("dataset", type=Path)
    parser.add_argument("--split", default="train")
    parser.add_argument("--cache", type=Path)
    parser.add_argument("--topics", type=int, default=0, help="only so many, evenly chosen; 0 for all")
    parser.add_argument("--ranker", action="store_true", help="also score by the library's trained ranker")
    arguments = parser.parse_args()
    if arguments.cache and arguments.cache.is_file():
        pools = msgspec.json.decode(arguments.cache.read_bytes(), type=list[Pool])
    else:
        with open_library(arguments.library) as library:
            pools = list(_pools(library, arguments.dataset, arguments.split, arguments.topics))
        if arguments.cache:
            arguments.cache.write_bytes(msgspec.json.encode(pools))
    reference = _scored(pools, WEIGHTS)
    print(f"{len(pools)} topics, {np.mean([len(pool.ids) for pool in pools]):.0f} candidates each; nDCG@10")
    print(
        f"features of {DEPTH} candidates: {np.median([pool.milliseconds for pool in pools]):.0f} ms of processor time"
    )
    for name, values in _mixtures(pools).items():
        _print(name, values, reference)
    if arguments.ranker:
        _print("hybrid + the library's ranker", _by_ranker(pools, arguments.library), reference)
    elif len(pools) >= 100:
        started = time.perf_counter()
        gain = train([pool.example() for pool in pools], Training("", "", "", "", "", "", ""))[0].manifest.gain
        print(
            f"{'hybrid + learned ranker, cross-validated':44} {gain.after:.4f} {gain.difference:+.4f}  p = {gain.p:.4f}"
        )
        print(f"  trained six times in {time.perf_counter() - started:.0f} s; {gain.wins} better, {gain.losses} worse")
    print(f"\none feature more, standardised, weight {_ADDED} (features alone, without a ranker)")
    for column, name in enumerate(feature_names()[1:], start=1):
        _print(name, _with_feature(pools, column), reference)


def _pools(library: Library, dataset: Path, split: str, most: int) -> Iterator[Pool]:
    collection = open_collection(dataset, split)
    relevant: dict[str, dict[str, int]] = {}
    for qrel in collection.qrels:
        if qrel.relevance > 0:
            relevant.setdefault(qrel.topic_id, {})[qrel.doc_id] = qrel.relevance
    topics = [topic for topic in collection.topics if topic.id in relevant]
    if most and len(topics) > most:
        topics = [topics[place] for place in np.linspace(0, len(topics) - 1, most).astype(int)]
    for topic in topics:
        everything = library.searcher.candidates(topic.text, 10_000)
        started = time.process_time()
        first = replace(everything, articles=everything.articles[:DEPTH], blocks=everything.blocks[:DEPTH])
        learned = example(topic.id, first, relevant[topic.id])
        yield Pool(
            topic=topic.id,
            ids=[article.id for article in everything.articles],
            components={name: values.tolist() for name, values in everything.components.items()},
            rows=learned.rows.tolist(),
            fused=everything.fused.tolist(),
            relevant=relevant[topic.id],
            milliseconds=(time.process_time() - started) * 1000,
        )


def _mixtures(pools: list[Pool]) -> dict[str, Values]:
    return {
        **{name: _scored(pools, {name: 1.0}) for name in pools[0].components},
        "hybrid without sentences": _scored(pools, PAIR_WEIGHTS),
        "reciprocal ranks": np.array([_ndcg(pool, reciprocal_ranks(_arrays(pool))) for pool in pools]),
        "min-max instead of z-scores": np.array([_ndcg(pool, _min_max(_arrays(pool))) for pool in pools]),
        "mixture (hybrid without letters)": _scored(pools, WEIGHTS),
        "hybrid": np.array([_ndcg(pool, np.array(pool.fused, np.float32)) for pool in pools]),
    }


def _arrays(pool: Pool) -> dict[str, Scores]:
    return {name: np.array(values, np.float32) for name, values in pool.components.items()}


def _scored(pools: list[Pool], weights: Mapping[str, float]) -> Values:
    """nDCG@10 (topics,) by the weighted sum of the components that have a weight."""
    found = []
    for pool in pools:
        chosen = {name: values for name, values in _arrays(pool).items() if name in weights}
        found.append(_ndcg(pool, weighted_sum(chosen, weights)))
    return np.array(found)


def _min_max(components: Mapping[str, Scores]) -> Scores:
    parts = [
        WEIGHTS[name] * (values - values.min()) / max(float(np.ptp(values)), 1e-9)
        for name, values in components.items()
    ]
    result: Scores = np.sum(parts, axis=0).astype(np.float32)
    return result


def _with_feature(pools: list[Pool], column: int) -> Values:
    """nDCG@10 (topics,) where one feature joins the first ranking's score of the first candidates."""
    found = []
    for pool in pools:
        values = np.array([row[column] for row in pool.rows])
        spread = float(values.std())
        added = _ADDED * (values - values.mean()) / spread if spread > 1e-6 else np.zeros_like(values)
        found.append(_ndcg(pool, np.array(pool.fused[: len(values)]) + added))
    return np.array(found)


def _by_ranker(pools: list[Pool], library: Path) -> Values:
    from pubmed_rag.core.library import LibraryPaths
    from pubmed_rag.index.ranker import LearnedRanker

    ranker = LearnedRanker.load(LibraryPaths(library).ranker)
    examples = [pool.example() for pool in pools]
    return np.array(
        [_ndcg(pool, ranker.score_rows(one.rows, one.fused)) for pool, one in zip(pools, examples, strict=True)]
    )


def _ndcg(pool: Pool, scores: npt.NDArray[np.floating]) -> float:
    """Of the first candidates, ordered by ``scores``; equal scores keep their order."""
    order = np.argsort(-scores, kind="stable")
    return ndcg10(pool.grades()[: len(scores)][order], pool.relevant)


def _print(name: str, values: Values, reference: Values) -> None:
    interval = bootstrap_interval(values, seed=0, resamples=2_000)
    shown = f"[{interval.low:.3f}, {interval.high:.3f}]" if interval else ""
    p = randomisation_p(values - reference, seed=0, resamples=10_000)
    print(f"{name:44} {values.mean():.4f} {values.mean() - reference.mean():+.4f}  p = {p:.4f}  {shown}", flush=True)


if __name__ == "__main__":
    main()
