"""The article store at a million records, beside a bare SQLite table that is given the same bytes.

    python benchmarks/store.py [--records 1000000] [--folder DIR]

Prints bytes a record on disk, insert rates over the first and the last 100,000, look-ups by PMID, and what an
update of 10,000 changes costs in libraries of 10,000, 100,000 and all records. The peer is a table of id and
record, written with ``INSERT OR REPLACE`` batch by batch in turn with the store, so that whatever else the
machine does slows both. It keeps no order of changes, no totals and no digests, and so cannot tell what changed.

Records are generated. They vary as PubMed's do: one in eight without an abstract, half without references
and the others with up to 70, 1 to 12 authors. Preparing them (encoding, compressing) is timed apart, since
during ingestion the processes that parse do that.
"""

from __future__ import annotations

import argparse
import random
import shutil
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from pathlib import Path

from pubmed_rag.core.library import LibraryPaths
from pubmed_rag.core.prepared import PreparedArticle, prepare
from pubmed_rag.core.records import Article, Author, Journal, MeshHeading, PartialDate, Reference, Section, Term
from pubmed_rag.core.store import ArticleStore, Deletion

BATCH = 1_000
WINDOW = 100_000
REVISED, NEW, DELETED = 6_000, 3_000, 1_000
ROUNDS = 3
LABELS = ("BACKGROUND", "METHODS", "RESULTS", "CONCLUSIONS")
STEMS = "card neur hepat derm gastr nephr psych onc immun haem oste pulmon vasc endocrin lymph my cyt gen".split()
MIDDLES = ("", "o", "ot", "in", "al", "yl", "en", "os", "ic", "ar", "er", "om", "id", "ur", "ol", "an")
ENDS = "itis osis oma ology opathy al ic ically ated ation in ase ectomy ogenesis".split()


# -- records -------------------------------------------------------------------------------------------


class Generator:
    """Articles from a seed. The parts they are made of are the same for every seed."""

    def __init__(self) -> None:
        chance = random.Random(1)
        words = [f"{stem}{middle}{end}" for stem in STEMS for middle in MIDDLES for end in ENDS]
        chance.shuffle(words)
        weights = list(accumulate(1 / (rank + 10) for rank in range(len(words))))

        def text(count: int) -> str:
            return " ".join(chance.choices(words, cum_weights=weights, k=count)).capitalize() + "."

        self.sentences = [text(chance.randint(8, 30)) for _ in range(20_000)]
        self.journals = [Journal(text(3), text(2), f"{at:07d}", ("1234-5678",), "England") for at in range(3_000)]
        self.authors = [
            Author(word.title(), word[0].upper(), word[0].upper(), affiliations=(text(9),)) for word in words[:3_000]
        ]
        self.headings = [MeshHeading(word.title(), f"D{at:06d}") for at, word in enumerate(words)]
        self.references = [
            Reference(f"{text(2)} {text(10)} J {word}. 20{at % 25:02d};{at}:1-9", str(9_000_000 + at))
            for at, word in enumerate(words * 4)
        ]

    def articles(self, pmids: Sequence[int], seed: int) -> Iterator[Article]:
        """One article for each PMID."""
        chance = random.Random(seed)
        for pmid in pmids:
            labels = LABELS if chance.random() < 0.4 else (None,)
            yield Article(
                str(pmid),
                pmid=str(pmid),
                title=chance.choice(self.sentences),
                abstract=tuple(
                    Section(" ".join(chance.choices(self.sentences, k=chance.randint(1, 12 // len(labels)))), label)
                    for label in labels
                )
                if chance.random() < 0.875
                else (),
                journal=chance.choice(self.journals),
                published=PartialDate(1970 + chance.randrange(55), chance.randint(1, 12)),
                authors=tuple(chance.choices(self.authors, k=chance.randint(1, 12))),
                publication_types=(Term("Journal Article", "D016428"),),
                mesh=tuple(chance.choices(self.headings, k=chance.randrange(15))),
                doi=f"10.5555/{pmid}",
                languages=("eng",),
                references=tuple(chance.choices(self.references, k=chance.randint(5, 70)))
                if chance.random() < 0.5
                else (),
            )


# -- what is measured ----------------------------------------------------------------------------------


class BareTable:
    """What anybody would write first."""

    def __init__(self, path: Path) -> None:
        self.connection = sqlite3.connect(path, isolation_level=None)
        self.connection.execute("PRAGMA journal_mode = WAL")
        self.connection.execute("PRAGMA synchronous = NORMAL")
        self.connection.execute("CREATE TABLE records (id TEXT PRIMARY KEY, record BLOB)")

    def write(self, articles: Sequence[PreparedArticle], deleted: Sequence[str] = ()) -> None:
        rows = [(one.id, one.record) for one in articles]
        self.connection.execute("BEGIN")
        self.connection.executemany("INSERT OR REPLACE INTO records VALUES (?, ?)", rows)
        self.connection.executemany("DELETE FROM records WHERE id = ?", [(one,) for one in deleted])
        self.connection.execute("COMMIT")

    def get(self, article_id: str) -> object:
        return self.connection.execute("SELECT record FROM records WHERE id = ?", (article_id,)).fetchone()


@dataclass
class Pair:
    """The store and its peer at one size, with the seconds that each batch took them."""

    size: int
    folder: Path
    store: ArticleStore = field(init=False)
    bare: BareTable = field(init=False)
    seconds: list[float] = field(default_factory=list)
    bare_seconds: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.store = ArticleStore(LibraryPaths(self.folder), create=True)
        self.bare = BareTable(self.folder / "bare.sqlite")

    def close(self) -> None:
        self.store.close()
        self.bare.connection.close()

    def add(self, batch: list[PreparedArticle]) -> None:
        self.seconds.append(seconds(lambda: self.store.write(batch)))
        self.bare_seconds.append(seconds(lambda: self.bare.write(batch)))


def seconds(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def fill(pairs: Sequence[Pair], generator: Generator) -> float:
    """Fill all from one stream of records. Returns the seconds of processor time that preparing a record takes."""
    total = max(pair.size for pair in pairs)
    preparing = 0.0
    for first in range(1, total + 1, BATCH):
        made = list(generator.articles(range(first, min(first + BATCH, total + 1)), seed=first))
        started = time.process_time()
        batch = [prepare(article) for article in made]
        preparing += time.process_time() - started
        for pair in pairs:
            if first <= pair.size:
                pair.add(batch)
    return preparing / total


@dataclass(frozen=True)
class Update:
    """Seconds of an update: of writing it, of telling what changed, of reading that back as an index does."""

    write: float
    count: float
    read: float
    bare: float


def update(pair: Pair, generator: Generator, seed: int) -> Update:
    """10,000 changes, those of old records spread over the whole library."""
    chance = random.Random(seed)
    old = chance.sample(range(1, pair.size + 1), min(pair.size, REVISED + DELETED))
    fresh = range(100_000_000 + seed * NEW, 100_000_000 + (seed + 1) * NEW)
    changed = [prepare(article) for article in generator.articles([*old[:REVISED], *fresh], seed)]
    gone = [str(pmid) for pmid in old[REVISED:]]
    since = pair.store.last_sequence()
    return Update(
        seconds(lambda: pair.store.write([*changed, Deletion(tuple(gone))])),
        seconds(lambda: pair.store.count_changes(since)),
        seconds(
            lambda: (sum(1 for _ in pair.store.changed_since(since, order="key")), pair.store.deleted_since(since))
        ),
        seconds(lambda: pair.bare.write(changed, gone)),
    )


def lookups(size: int, get: Callable[[str], object]) -> tuple[float, float]:
    """Median and 99th percentile of 5,000 look-ups, in milliseconds."""
    chance = random.Random(1)
    pmids = [str(chance.randint(1, size)) for _ in range(5_000)]
    cuts = statistics.quantiles([seconds(lambda pmid=pmid: get(pmid)) * 1000 for pmid in pmids], n=100)  # type: ignore[misc]
    return cuts[49], cuts[98]


# -- the table -----------------------------------------------------------------------------------------


def line(what: str, store: str, bare: str = "", note: str = "") -> None:
    print(f"{what:<42}{store:>12}{bare:>12}   {note}".rstrip(), flush=True)


def report_filling(pair: Pair, preparing: float) -> None:
    """Sizes, insert rates and look-ups of the largest pair."""
    pair.store._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    pair.bare.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    size, bare_size = (
        (pair.folder / name).stat().st_size / pair.size for name in ("articles.sqlite", "bare.sqlite")
    )  # fmt: skip
    line("bytes a record on disk", f"{size:,.0f}", f"{bare_size:,.0f}")
    line("prepare, records/s of processor time", f"{1 / preparing:,.0f}")
    window = min(WINDOW, pair.size // 2) // BATCH
    rates = {
        name: [window * BATCH / sum(part) for part in (times[:window], times[-window:])]
        for name, times in (("store", pair.seconds), ("bare", pair.bare_seconds))
    }
    for at, part in enumerate((f"first {window * BATCH:,}", f"last {window * BATCH:,}")):
        ours, bare = rates["store"][at], rates["bare"][at]
        line(f"insert, records/s, {part}", f"{ours:,.0f}", f"{bare:,.0f}", f"store / bare {ours / bare:.2f}")
    line("insert, last / first", *(f"{last / first:.2f}" for first, last in rates.values()))
    found, bare_found = lookups(pair.size, pair.store.get), lookups(pair.size, pair.bare.get)
    for at, part in enumerate(("median", "99th percentile")):
        line(f"look-up by PMID, ms, {part}", f"{found[at]:.3f}", f"{bare_found[at]:.3f}")


def report_updates(pairs: Sequence[Pair], generator: Generator) -> None:
    """What the same update costs at each size: the median of some rounds."""
    changes = REVISED + NEW + DELETED
    for pair in pairs:
        rounds = [update(pair, generator, seed) for seed in range(1, ROUNDS + 1)]
        write, count, read, bare = (
            statistics.median(getattr(one, name) for one in rounds) for name in ("write", "count", "read", "bare")
        )
        line(
            f"update of {changes:,} in {pair.size:,}, s", f"{write:.3f}", f"{bare:.3f}",
            f"counting what changed {count:.3f}, an index reading it {read:.3f}",
        )  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--records", type=int, default=1_000_000)
    parser.add_argument("--folder", type=Path, help="make the libraries here and leave them")
    given = parser.parse_args()
    root = given.folder or Path(tempfile.mkdtemp(prefix="pubmed-rag-store-"))
    sizes = sorted({size for size in (10_000, 100_000, given.records) if size <= given.records})
    pairs = [Pair(size, root / str(size)) for size in sizes]
    try:
        generator = Generator()
        preparing = fill(pairs, generator)
        line(f"{given.records:,} records", "store", "bare SQLite")
        report_filling(pairs[-1], preparing)
        report_updates(pairs, generator)
    finally:
        for pair in pairs:
            pair.close()
        if given.folder is None:
            shutil.rmtree(root, ignore_errors=True)


if __name__ == "__main__":
    main()
