"""Queries that are the name of a heading: do words or vectors find the articles to which indexers gave it?

    python benchmarks/headings.py LIBRARY [--topics 300] [--seed 0] [--no-sentences] [--likelihood]

LIBRARY is an indexed library whose articles carry MeSH headings, with MeSH ingested. A topic is a heading that 4 to 400
articles carry; its query is the name as one would type it ("receptors, opioid" as "opioid receptors"); relevant are the
articles with the heading or one below it. The articles' own headings are hidden: words are looked for in titles and
abstracts only, in an index made for the purpose. The last rows are compared letter by letter, as a search does, and
read by the language model (``--likelihood``: about a second a topic). nDCG@10, and the difference from ``hybrid`` with
a 95 % bootstrap interval over the topics.
"""

from __future__ import annotations

import argparse
import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt

from pubmed_rag.core.mesh import natural_order
from pubmed_rag.core.mesh_store import MeshStore
from pubmed_rag.core.records import Filters
from pubmed_rag.eval.statistics import bootstrap_interval
from pubmed_rag.index.fusion import PAIR_WEIGHTS, WEIGHTS, Fusion
from pubmed_rag.index.letters import LettersReranker
from pubmed_rag.index.likelihood import LikelihoodReranker
from pubmed_rag.index.mesh import Mesh
from pubmed_rag.index.ranker import ndcg10
from pubmed_rag.index.ranking import Indexes, Ranking, rank_by_both, rank_by_meaning, rank_by_words
from pubmed_rag.index.rerank import Candidates, Reranker, candidates_of, reranked
from pubmed_rag.index.sentence_vectors import SentenceVectors
from pubmed_rag.index.vectors import Vectors
from pubmed_rag.index.words import TantivyIndex, write_words
from pubmed_rag.ui.api import Library, open_library
from pubmed_rag.ui.api_eval import language_models

_FEWEST, _MOST = 4, 400
_TOP = 10
_EVERYTHING = Filters()
_WORDS = (0.2, 0.35, 0.5, 0.6, 0.7, 0.8, 0.9)


@dataclass(frozen=True, slots=True)
class Topic:
    """A query and the keys of the articles that carry the heading."""

    query: str
    relevant: frozenset[int]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("library", type=Path)
    parser.add_argument("--topics", type=int, default=300)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--no-sentences", action="store_true", help="leave out the sentence vectors")
    parser.add_argument("--likelihood", action="store_true", help="let the language model read the first eight")
    arguments = parser.parse_args()
    with open_library(arguments.library) as library, tempfile.TemporaryDirectory() as scratch:
        topics = _topics(library, arguments.topics, arguments.seed)
        own = library.searcher.indexes()
        sentences = SentenceVectors([]) if arguments.no_sentences else own.sentences
        hidden = Indexes(_words_without_headings(library, Path(scratch)), own.vectors, sentences)
        _report(library, hidden, topics, likelihood=arguments.likelihood)


def _report(library: Library, indexes: Indexes, topics: list[Topic], *, likelihood: bool) -> None:
    vectors = [library.searcher.encode(topic.query) for topic in topics]

    def measured(fusion: Fusion, *rerankers: Reranker) -> npt.NDArray[np.float64]:
        found = [
            rank_by_both(
                indexes,
                topic.query,
                vector,
                _TOP,
                _EVERYTHING,
                fusion,
                partial(_again, library, indexes, topic.query, vector, rerankers),
            )
            for topic, vector in zip(topics, vectors, strict=True)
        ]
        return np.array([_ndcg(topic, ranking) for topic, ranking in zip(topics, found, strict=True)])

    reference = measured(Fusion())
    weights = WEIGHTS if indexes.sentences else PAIR_WEIGHTS
    print(f"{len(topics)} headings, {indexes.words.count():,} articles; nDCG@10")
    words = [rank_by_words(indexes, topic.query, _TOP, _EVERYTHING) for topic in topics]
    near = [rank_by_meaning(indexes, vector, _TOP, _EVERYTHING) for vector in vectors]
    for name, rankings in (("bm25", words), ("dense", near)):
        _print(name, np.array([_ndcg(*pair) for pair in zip(topics, rankings, strict=True)]), reference)
    _print("hybrid " + _named(weights), reference, reference)
    for share in _WORDS:
        others = (1.0 - share) / (1.0 - weights["bm25"])
        leaning = {name: share if name == "bm25" else weight * others for name, weight in weights.items()}
        _print("hybrid " + _named(leaning), measured(Fusion(weights=leaning, pair_weights=leaning)), reference)
    fusion = Fusion() if indexes.sentences else Fusion().without_sentences()
    letters = LettersReranker(fusion.letters)
    by_letters = measured(fusion, letters)
    _print("hybrid, letters", by_letters, reference)
    if likelihood:
        model = LikelihoodReranker(language_models(library.settings)(""))
        _print("hybrid, letters, likelihood (from letters)", measured(fusion, letters, model), by_letters)


def _again(
    library: Library,
    indexes: Indexes,
    query: str,
    vector: Vectors,
    rerankers: Sequence[Reranker],
    ranking: Ranking,
) -> Ranking:
    """``ranking`` by each of ``rerankers`` in turn."""

    def shown(n: int) -> Candidates:
        keys = [int(key) for key in ranking.keys[:n]]
        found = library.store.get_by_keys(keys)
        return candidates_of(query, vector, ranking, [found[key] for key in keys], indexes)

    for reranker in rerankers:
        ranking = reranked(ranking, reranker, shown)
    return ranking


def _topics(library: Library, most: int, seed: int) -> list[Topic]:
    carried: dict[int, frozenset[str]] = {}
    for stored in library.store.articles():
        carried[stored.key] = frozenset(heading.name for heading in stored.article.mesh)
    counts = Counter(name for names in carried.values() for name in names)
    usable = sorted(name for name, count in counts.items() if _FEWEST <= count <= _MOST)
    order = np.random.default_rng(seed).permutation(len(usable))
    mesh = Mesh(MeshStore(library.paths.mesh))
    try:
        families = {usable[place]: frozenset(mesh.heading_family(usable[place])) for place in order[:most]}
    finally:
        mesh.close()
    return [
        Topic(natural_order(name).lower(), frozenset(key for key, names in carried.items() if names & family))
        for name, family in families.items()
    ]


def _words_without_headings(library: Library, scratch: Path) -> TantivyIndex:
    bare = (
        replace(stored, article=replace(stored.article, mesh=(), keywords=(), chemicals=()))
        for stored in library.store.articles()
    )
    write_words(scratch, bare)
    return TantivyIndex.open(scratch)


def _ndcg(topic: Topic, ranking: Ranking) -> float:
    grades = np.array([int(key) in topic.relevant for key in ranking.keys[:_TOP]], np.int64)
    return ndcg10(grades, {str(key): 1 for key in topic.relevant})


def _named(weights: Mapping[str, float]) -> str:
    return ", ".join(f"{name} {weight:.2f}" for name, weight in weights.items())


def _print(name: str, values: npt.NDArray[np.float64], reference: npt.NDArray[np.float64]) -> None:
    difference = values - reference
    interval = bootstrap_interval(difference, seed=0, resamples=2_000) if difference.any() else None
    shown = f"[{interval.low:+.3f}, {interval.high:+.3f}]" if interval else ""
    print(f"{name:46} {values.mean():.4f} {difference.mean():+.4f} {shown}", flush=True)


if __name__ == "__main__":
    main()
