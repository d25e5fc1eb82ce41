"""The article store at a million records, beside a bare SQLite table that is given the same bytes.

    python benchmarks/store.py [--records 1000000] [--keep DIR]

Prints bytes a record, insert rates at the beginning and at the end, look-ups by PMID, and what an update of
10,000 changes costs in libraries of several sizes. Records are generated and vary like PubMed's: one in
eight without an abstract, 0 to 60 references. Preparing them (encoding, compressing) is timed apart, since
other processes do that during ingestion.
"""

from __future__ import annotations

import argparse
import random
import shutil
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from pubmed_rag.core.library import LibraryPaths
from pubmed_rag.core.prepared import PreparedArticle, prepare
from pubmed_rag.core.records import (
    Article,
    Author,
    Journal,
    MeshHeading,
    PartialDate,
    Reference,
    Section,
    Term,
)  # fmt: skip
from pubmed_rag.core.store import ArticleStore, Deletion

BATCH = 1_000
CHANGES = 10_000
LABELS = ("BACKGROUND", "METHODS", "RESULTS", "CONCLUSIONS")
WORDS = [f"{stem}{end}" for stem in ("card", "neur", "hepat", "derm", "gastr", "nephr", "psych", "onc", "immun", "haem")
         for end in ("itis", "osis", "oma", "ology", "opathy", "al", "ic", "ically", "ated", "ation")]  # fmt: skip


def articles(n: int, *, seed: int = 0, first: int = 1) -> Iterator[Article]:
    """``n`` articles with rising PMIDs."""
    chance = random.Random(seed)
    sentences = [" ".join(chance.choices(WORDS, k=18)).capitalize() + "." for _ in range(4_000)]
    names = [Author(word.title(), "A", "A", affiliations=(f"Department of {word.title()}",)) for word in WORDS]
    headings = [MeshHeading(word.title(), f"D{at:06d}") for at, word in enumerate(WORDS)]
    references = [Reference(f"J {word}. 2001;{at}:1-9", str(9_000_000 + at)) for at, word in enumerate(WORDS)]
    for pmid in range(first, first + n):
        sections = tuple(Section(" ".join(chance.choices(sentences, k=3)), label, label) for label in LABELS)
        yield Article(
            str(pmid),
            pmid=str(pmid),
            title=chance.choice(sentences),
            abstract=sections if pmid % 8 else (),
            journal=Journal("Journal of " + chance.choice(WORDS), issns=("1234-5678",), volume=str(pmid % 90)),
            published=PartialDate(1970 + pmid % 55, 1 + pmid % 12),
            authors=tuple(chance.choices(names, k=1 + pmid % 9)),
            publication_types=(Term("Journal Article", "D016428"),),
            mesh=tuple(chance.choices(headings, k=pmid % 14)),
            doi=f"10.5555/{pmid}",
            languages=("eng",),
            references=tuple(chance.choices(references, k=pmid % 61)),
        )


def batches(source: Iterator[Article]) -> Iterator[list[PreparedArticle]]:
    while batch := [prepare(article) for article in islice(source, BATCH)]:
        yield batch


def fill(store: ArticleStore, n: int) -> tuple[list[float], float]:
    """Seconds of writing each batch, and of preparing all of them (process time)."""
    times: list[float] = []
    preparing = 0.0
    source = batches(articles(n))
    while True:
        before = time.process_time()
        batch = next(source, None)
        preparing += time.process_time() - before
        if batch is None:
            return times, preparing
        started = time.perf_counter()
        store.write(batch)
        times.append(time.perf_counter() - started)


def fill_bare(path: Path, n: int) -> float:
    """Seconds in which a plain table takes ``n`` of the same records."""
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = NORMAL")
    connection.execute("CREATE TABLE records (id TEXT PRIMARY KEY, record BLOB)")
    spent = 0.0
    for batch in batches(articles(n)):
        started = time.perf_counter()
        connection.execute("BEGIN")
        connection.executemany("INSERT OR REPLACE INTO records VALUES (?, ?)", [(one.id, one.record) for one in batch])
        connection.execute("COMMIT")
        spent += time.perf_counter() - started
    connection.close()
    return spent


def update(store: ArticleStore, held: int) -> float:
    """Seconds of 10,000 changes spread over the library: six in ten revised, three new, one deleted."""
    chance = random.Random(held)
    revised = chance.sample(range(1, held + 1), CHANGES * 6 // 10)
    gone = chance.sample(range(1, held + 1), CHANGES // 10)
    changed = [prepare(next(articles(1, seed=7, first=pmid))) for pmid in revised[:50]]
    template = changed[0]
    changes: list[PreparedArticle | Deletion] = [
        PreparedArticle(str(pmid), 1, pmid.to_bytes(16, "big"), 2020, False, True, template.record) for pmid in revised
    ]
    changes += [prepare(article) for article in articles(CHANGES * 3 // 10, seed=9, first=50_000_000)]
    changes.append(Deletion(tuple(map(str, gone))))
    since = store.last_sequence()
    started = time.perf_counter()
    store.write(changes)
    store.count_changes(since)
    return time.perf_counter() - started


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--records", type=int, default=1_000_000)
    parser.add_argument("--keep", type=Path, help="make the libraries here and leave them")
    given = parser.parse_args()
    root = given.keep or Path(tempfile.mkdtemp(prefix="pubmed-rag-store-"))
    n: int = given.records
    try:
        with ArticleStore(LibraryPaths(root / "library"), create=True) as store:
            times, preparing = fill(store, n)
            tenth = max(1, len(times) // 10)
            first, last = tenth * BATCH / sum(times[:tenth]), tenth * BATCH / sum(times[-tenth:])
            size = (root / "library/articles.sqlite").stat().st_size
            chance = random.Random(1)
            lookups = []
            for _ in range(2_000):
                pmid = str(chance.randint(1, n))
                started = time.perf_counter()
                store.get(pmid)
                lookups.append((time.perf_counter() - started) * 1000)
            cuts = statistics.quantiles(lookups, n=100)
            print(f"records                       {n:>12,}")
            print(f"bytes a record on disk        {size / n:>12,.0f}")
            print(f"prepare, records/s (CPU)      {n / preparing:>12,.0f}")
            print(f"insert, first tenth, rec/s    {first:>12,.0f}")
            print(f"insert, last tenth, rec/s     {last:>12,.0f}   ratio {last / first:.2f}")
            print(f"look-up by PMID, ms           p50 {cuts[49]:.3f}   p99 {cuts[98]:.3f}", flush=True)
            print(f"update of {CHANGES:,} in {n:,}: {update(store, n):.2f} s", flush=True)
        for smaller in (n // 10, n // 100):
            if smaller >= CHANGES:
                with ArticleStore(LibraryPaths(root / f"library-{smaller}"), create=True) as store:
                    fill(store, smaller)
                    print(f"update of {CHANGES:,} in {smaller:,}: {update(store, smaller):.2f} s", flush=True)
        sample = min(n, 100_000)
        bare = fill_bare(root / "bare.sqlite", sample)
        print(f"bare SQLite table, rec/s      {sample / bare:>12,.0f}   ours / bare {first * bare / sample:.2f}")
    finally:
        if given.keep is None:
            shutil.rmtree(root, ignore_errors=True)


if __name__ == "__main__":
    main()
