"""PubMed-like Boolean queries over the word index, beside SQLite's FTS5 over the same words.

    python -m benchmarks.boolean [--articles 100000] [--rounds 5]

The articles are made up: words by Zipf's law out of 30,000, headings out of 5,000 in families. Both engines count the
set and list its 20 newest; then its 20 best by BM25. Counts must agree, or the program says so and fails. Prints
medians and the ratio (above 1: the word index is faster), bytes an article and the time of indexing; then what only
the word index is asked for: all keys of a filter, the first time.
"""

from __future__ import annotations

import argparse
import itertools
import random
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from pubmed_rag.core.records import Article, Filters, MeshHeading, PartialDate, Section
from pubmed_rag.core.records import Term as Name
from pubmed_rag.core.store import StoredArticle
from pubmed_rag.index.pubmed_ast import And, Node, Or, Term
from pubmed_rag.index.pubmed_search import BooleanSearch, Sort
from pubmed_rag.index.words import TantivyIndex, write_words

TODAY = date(2026, 1, 1)
_WORDS = 30_000
_HEADINGS = 5_000
_FAMILY = 700


class Families:
    """Heading 0 has 699 below it; the others stand alone."""

    def heading_family(self, name: str) -> tuple[str, ...]:
        return tuple(map(heading, range(_FAMILY))) if name == heading(0) else (name,)

    def subheading_family(self, name: str) -> tuple[str, ...]:
        return (name.lower(),)

    def publication_type_family(self, name: str) -> tuple[str, ...]:
        return (name,)


@dataclass(frozen=True, slots=True)
class Query:
    """The same question for both engines."""

    name: str
    tree: Node
    match: str


def word(rank: int) -> str:
    """A made-up word of letters for a rank from 0: frequent ones are short."""
    letters = ""
    while True:
        rank, last = divmod(rank, 20)
        letters = "bcdfghjklmnpqrstvwxz"[last] + "aeiou"[(rank + last) % 5] + letters
        if not rank:
            return letters


def heading(number: int) -> str:
    return f"Heading{number}"


def articles(count: int, seed: int = 0) -> Iterator[Article]:
    """``count`` articles of some 150 words, with 12 headings and a date each."""
    chance = random.Random(seed)
    words = [word(rank) for rank in range(_WORDS)]
    weights = list(itertools.accumulate(1 / (rank + 1) for rank in range(_WORDS)))
    heads = list(itertools.accumulate(1 / (rank + 20) for rank in range(_HEADINGS)))
    numbers = list(range(_HEADINGS))
    chance.shuffle(numbers)
    for number in range(1, count + 1):
        text = chance.choices(words, cum_weights=weights, k=150)
        chosen = dict.fromkeys(chance.choices(numbers, cum_weights=heads, k=12))
        yield Article(
            id=str(number),
            pmid=str(number),
            title=" ".join(text[:12]),
            abstract=(Section(" ".join(text[12:])),),
            mesh=tuple(MeshHeading(heading(each)) for each in chosen),
            publication_types=(Name("Review" if number % 10 == 0 else "Journal Article"),),
            published=PartialDate(1980 + number % 45, 1 + number % 12, 1),
            entered=PartialDate(1980 + number * 45 // (count + 1), 1, 1),
        )


def queries() -> list[Query]:
    common, middling, rare = word(3), word(300), word(6_000)

    def tiab(text: str, *, truncated: bool = False, proximity: int | None = None) -> Term:
        return Term(text, "TIAB", truncated=truncated, proximity=proximity)

    def sql(text: str) -> str:
        return f"{{title abstract}} : {text}"

    def either(first: int) -> tuple[Node, str]:
        chosen = [word(rank) for rank in range(first, first + 10)]
        return Or(tuple(map(tiab, chosen))), "(" + " OR ".join(map(sql, chosen)) + ")"

    blocks = [either(first) for first in (40, 200, 900)]
    family = " OR ".join(heading(number).lower() for number in range(_FAMILY))
    return [
        Query("a common word", tiab(common), sql(common)),
        Query("a rare word", tiab(rare), sql(rare)),
        Query("a phrase of two words", tiab(f"{common} {word(20)}"), sql(f'"{common} {word(20)}"')),
        Query("a phrase of three words", tiab(f"{word(1)} {word(2)} {common}"), sql(f'"{word(1)} {word(2)} {common}"')),
        Query("a word with *", tiab(middling[:4], truncated=True), sql(f"{middling[:4]}*")),
        Query("two words within 3", tiab(f"{common} {word(20)}", proximity=3), sql(f"NEAR({common} {word(20)}, 3)")),
        Query("two words within 20", tiab(f"{common} {word(20)}", proximity=20), sql(f"NEAR({common} {word(20)}, 20)")),
        Query(f"a heading with {_FAMILY - 1} below it", Term(heading(0), "MESH"), f"headings : ({family})"),
        Query(
            "three blocks of ten ORs",
            And(tuple(tree for tree, _ in blocks)),
            " AND ".join(match for _, match in blocks),
        ),
        Query(
            "a block and the heading",
            And((blocks[0][0], Term(heading(0), "MESH"))),
            f"{blocks[0][1]} AND headings : ({family})",
        ),
    ]


def fts(path: Path, stored: list[StoredArticle]) -> sqlite3.Connection:
    connection = sqlite3.connect(path)
    connection.execute("create virtual table t using fts5(title, abstract, headings, content='')")
    connection.executemany(
        "insert into t(rowid, title, abstract, headings) values (?, ?, ?, ?)",
        (
            (
                item.key,
                item.article.title,
                item.article.abstract[0].text,
                " ".join(term.name for term in item.article.mesh),
            )
            for item in stored
        ),
    )
    connection.execute("insert into t(t) values ('optimize')")
    connection.commit()
    return connection


def seconds(work: Callable[[], object], rounds: int) -> float:
    work()
    measured = []
    for _ in range(rounds):
        started = time.perf_counter()
        work()
        measured.append(time.perf_counter() - started)
    return statistics.median(measured)


def size(path: Path) -> int:
    return (
        sum(file.stat().st_size for file in path.rglob("*") if file.is_file()) if path.is_dir() else path.stat().st_size
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--articles", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=5)
    given = parser.parse_args()
    stored = [StoredArticle(key, item) for key, item in enumerate(articles(given.articles), start=1)]
    with tempfile.TemporaryDirectory(prefix="pubmed-rag-boolean-") as folder:
        ours, theirs = Path(folder) / "words", Path(folder) / "fts.sqlite"
        started = time.perf_counter()
        write_words(ours, stored)
        written = time.perf_counter()
        connection = fts(theirs, stored)
        done = time.perf_counter()
        print(f"{len(stored):,} articles; indexed in {written - started:.0f} s, FTS5 in {done - written:.0f} s")
        print(f"bytes an article: {size(ours) / len(stored):.0f}, FTS5 {size(theirs) / len(stored):.0f}")
        words = TantivyIndex.open(ours)
        _compare(BooleanSearch(words, Families()), connection, given.rounds)
        _filters(words, given.rounds)


def _compare(engine: BooleanSearch, connection: sqlite3.Connection, rounds: int) -> None:
    orders: tuple[tuple[str, Sort, str], ...] = (("newest", "entered", "rowid desc"), ("best", "relevance", "rank"))
    print(f"{'':34s}{'matches':>9s}" + "".join(f"{name:>9s}{'FTS5':>10s}{'ratio':>8s}" for name, _, _ in orders))
    for query in queries():
        count = engine.count(query.tree)
        (expected,) = connection.execute("select count(*) from t where t match ?", (query.match,)).fetchone()
        if count != expected:
            raise SystemExit(f"{query.name}: {count:,} matches, FTS5 has {expected:,}")
        line = f"{query.name:34s}{count:9,d}"
        for _, sort, order in orders:
            line += _timed(engine, connection, query, sort, order, rounds)
        print(line, flush=True)


def _timed(
    engine: BooleanSearch, connection: sqlite3.Connection, query: Query, sort: Sort, order: str, rounds: int
) -> str:
    def peer() -> None:
        connection.execute("select count(*) from t where t match ?", (query.match,)).fetchone()
        connection.execute(f"select rowid from t where t match ? order by {order} limit 20", (query.match,)).fetchall()

    mine = seconds(lambda: engine.search(query.tree, 20, Filters(), sort=sort, today=TODAY), rounds)
    other = seconds(peer, rounds)
    return f"{mine * 1000:6.1f} ms{other * 1000:7.1f} ms{other / mine:8.1f}"


def _filters(words: TantivyIndex, rounds: int) -> None:
    for name, filters in (
        ("one in ten (reviews)", Filters(publication_types=("Review",))),
        ("half (years)", Filters(year_from=2003)),
        ("nearly all (not retracted)", Filters(retracted=False)),
    ):
        query = words.filtered(filters)
        taken = seconds(lambda query=query: words.keys_of(query), rounds)  # type: ignore[misc]
        print(f"keys of {name:26s}{len(words.matching(filters)):9,d}{taken * 1000:6.1f} ms")


if __name__ == "__main__":
    main()
