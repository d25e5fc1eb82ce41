"""Searching 100,000 articles from end to end, warm: each mode's p50 and p95, and what each stage costs.

    python -m benchmarks.search [--articles 100000] [--queries 200] [--folder DIR]

The articles are generated (benchmarks/store.py), some 140 words each, with headings, years and types. Their
vectors are sums of random directions, one for each word: embedding 100,000 real abstracts and a million sentences
would take an hour here and change no time measured. A query goes through the real encoder, whose time counts, and
is then answered with the sum of its words' directions. The peer is SQLite's FTS5 with its own BM25 over the same
titles and abstracts, asked for the same words in turn with us.
"""

from __future__ import annotations

import argparse
import os
import random
import resource
import sqlite3
import tempfile
import time
from collections.abc import Callable, Sequence
from functools import partial
from itertools import islice
from pathlib import Path

import numpy as np

from benchmarks.store import Generator
from pubmed_rag.core.library import LibraryPaths
from pubmed_rag.core.model_store import ModelStore
from pubmed_rag.core.records import Filters, SearchMode
from pubmed_rag.core.settings import load_settings
from pubmed_rag.core.store import ArticleStore
from pubmed_rag.index.build import build_index
from pubmed_rag.index.embedder import Embedder, load_embedder
from pubmed_rag.index.fusion import Fusion, weighted_sum
from pubmed_rag.index.ranking import CANDIDATES, Indexes
from pubmed_rag.index.search import Searcher
from pubmed_rag.index.vectors import Vectors

BATCH = 5_000


class WordSums:
    """Vectors as sums of one random direction a word; queries also pay for the real encoder."""

    name = "word-sums"
    revision = "1"
    normalised = True

    def __init__(self, encoder: Embedder) -> None:
        self._encoder = encoder
        self.dimension = encoder.dimension
        self._rows: dict[str, int] = {}
        self._directions = np.random.default_rng(0).standard_normal((20_000, self.dimension)).astype(np.float32)

    def encode_passages(self, texts: Sequence[str]) -> Vectors:
        sums = np.array([self._sum(text) for text in texts], np.float32)
        return np.ascontiguousarray(sums / np.linalg.norm(sums, axis=1, keepdims=True))

    def encode_queries(self, texts: Sequence[str]) -> Vectors:
        self._encoder.encode_queries(texts)
        return self.encode_passages(texts)

    def _sum(self, text: str) -> Vectors:
        rows = [self._rows.setdefault(word, len(self._rows) % len(self._directions)) for word in text.lower().split()]
        total: Vectors = self._directions[rows or [0]].sum(axis=0)
        return total


class Fts5:
    """The peer: an FTS5 table of title and abstract, best ten by its BM25 for any of the words."""

    def __init__(self, path: Path, store: ArticleStore) -> None:
        self._connection = sqlite3.connect(path)
        self._connection.execute("CREATE VIRTUAL TABLE texts USING fts5 (body, tokenize = 'porter unicode61')")
        rows = ((stored.key, stored.article.text) for stored in store.articles())
        self._connection.executemany("INSERT INTO texts (rowid, body) VALUES (?, ?)", rows)
        self._connection.commit()

    def search(self, query: str) -> int:
        words = " OR ".join(f'"{word}"' for word in query.split())
        found = self._connection.execute(
            "SELECT rowid FROM texts WHERE texts MATCH ? ORDER BY rank LIMIT 10", (words,)
        ).fetchall()
        return len(found)


def fill(paths: LibraryPaths, count: int) -> ArticleStore:
    store = ArticleStore(paths, create=True)
    pmids = range(1, count + 1)
    generator = Generator()
    for start in range(0, count, BATCH):
        store.upsert(generator.articles(pmids[start : start + BATCH], seed=start))
    return store


def questions(store: ArticleStore, count: int) -> list[str]:
    """Two to eight words of an article each, as people type them."""
    chance = random.Random(7)
    texts = [stored.article.title.rstrip(".").lower().split() for stored in islice(store.articles(), 5_000)]
    chosen = [text for text in chance.sample(texts, min(count, len(texts))) if len(text) > 1]
    return [" ".join(chance.sample(words, min(len(words), chance.randint(2, 8)))) for words in chosen]


def boolean(query: str) -> str:
    """A PubMed query of the same words: two blocks of alternatives, a year range, and not a review."""
    words = query.split()
    half = max(1, len(words) // 2)
    first, second = " OR ".join(f"{word}[tiab]" for word in words[:half]), " OR ".join(words[half:] or words)
    return f"(({first}) AND ({second})) AND 1980:2020[dp] NOT review[pt]"


def milliseconds(work: Callable[[str], object], inputs: Sequence[str]) -> list[float]:
    """Time of each call."""
    taken = []
    for one in inputs:
        started = time.perf_counter()
        work(one)
        taken.append((time.perf_counter() - started) * 1000)
    return taken


def stages(searcher: Searcher, indexes: Indexes, store: ArticleStore, query: str) -> dict[str, float]:
    """What a hybrid search does, step by step (ms)."""
    taken: dict[str, float] = {}
    started = time.perf_counter()

    def lap(name: str) -> None:
        nonlocal started
        now = time.perf_counter()
        taken[name] = (now - started) * 1000
        started = now

    vector = searcher.encode(query)
    lap("encode the query")
    near = indexes.vectors.search(vector, CANDIDATES).keys
    lap("nearest articles")
    found = indexes.words.search(query, CANDIDATES, Filters()).keys
    lap("best by words")
    keys = np.union1d(near, found)
    components = {"bm25": indexes.words.scores_of(query, keys)}
    lap("word scores of candidates")
    components["dense"] = indexes.vectors.scores_of(vector, keys)
    lap("vector scores of candidates")
    components["sentence"] = indexes.sentences.best_scores(vector, keys)
    lap("best sentence of candidates")
    scores = weighted_sum(components, Fusion().weights)
    best = keys[np.argsort(-scores)[:10]]
    lap("fusion")
    store.get_by_keys([int(key) for key in best])
    lap("read ten articles")
    return taken


def report(name: str, taken: Sequence[float], peer: float) -> None:
    p50, p95 = np.percentile(taken, [50, 95])
    print(f"{name:34s} p50 {p50:8.1f} ms   p95 {p95:8.1f} ms   {peer / p50:6.2f} x the speed of FTS5")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--articles", type=int, default=100_000)
    parser.add_argument("--queries", type=int, default=200)
    parser.add_argument("--folder", type=Path, help="keep the library here and use it again")
    given = parser.parse_args()
    settings = load_settings(os.environ)
    embedder = WordSums(load_embedder("minilm", ModelStore(settings.models.directory)))
    with tempfile.TemporaryDirectory(prefix="pubmed-rag-search-") as temporary:
        paths = LibraryPaths((given.folder or Path(temporary)) / "library")
        store = ArticleStore(paths) if paths.exists else fill(paths, given.articles)
        searcher = Searcher(paths, store, lambda: embedder)
        if not paths.current.exists():
            made = build_index(paths, store, embedder)
            print(f"built in {made.seconds:.0f} s")
        peer = Fts5(Path(temporary) / "fts5.sqlite", store)
        asked = questions(store, given.queries)
        indexes = searcher.indexes()
        texts = {"bm25": asked, "dense": asked, "hybrid": asked, "pubmed": [boolean(query) for query in asked]}
        modes: tuple[SearchMode, ...] = ("pubmed", "bm25", "dense", "hybrid")
        for mode in modes:  # what is loaded once is loaded now
            searcher.search(texts[mode][0], mode=mode)
        baseline = milliseconds(peer.search, asked)
        middle = float(np.percentile(baseline, 50))
        print(f"{store.counts().articles:,} articles, {len(asked)} queries, warm, top 10")
        report("SQLite FTS5, any of the words", baseline, middle)
        for mode in modes:
            report(mode, milliseconds(partial(searcher.search, mode=mode), texts[mode]), middle)
        filters = Filters(year_from=2000, year_to=2010, publication_types=("Journal Article",))
        report(
            "hybrid, filtered to a fifth",
            milliseconds(lambda query: searcher.search(query, mode="hybrid", filters=filters), asked),
            middle,
        )
        costs = [stages(searcher, indexes, store, query) for query in asked]
        print("\nhybrid, by stage (median ms):")
        for name in costs[0]:
            print(f"    {name:30s} {np.median([cost[name] for cost in costs]):8.2f}")
        print(f"\npeak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:,.0f} MB")
        store.close()


if __name__ == "__main__":
    main()
