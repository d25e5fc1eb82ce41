"""Parsing a baseline-like file, beside pubmed_parser and a bare lxml walk over the same file.

    pip install pubmed_parser
    python -m benchmarks.parse [--records 30000] [--rounds 3] [--recent]

Prints records a second of processor time (one process), then of the clock for two processes on two files, as
bulk ingestion runs, with and without the store; the peak memory of the parsing process; and ratios to
pubmed_parser in one process, measured in turn with the others: its processor time beside ours, its clock beside
the clock of the two processes, so that other work on the machine weighs on both. The file is a mixture of old
and new records; ``--recent`` measures a file of new ones alone, all with reference lists (see ``tests/generate.py``).

pubmed_parser gives of a reference only its PMID, we its text and DOI too; we check and keep what it leaves out
(grants with agency, history, corrections, statements of interest, affiliations by author, ...).
"""

from __future__ import annotations

import argparse
import functools
import importlib
import multiprocessing
import resource
import statistics
import tempfile
import time
from collections.abc import Callable
from gzip import GzipFile
from pathlib import Path

from lxml import etree

from pubmed_rag.core.library import LibraryPaths
from pubmed_rag.core.store import ArticleStore
from pubmed_rag.ingest.bulk import ingest_bulk
from pubmed_rag.ingest.bulk_parse import collect_rarely
from pubmed_rag.ingest.formats import read_records
from tests.generate import generate_xml, write_baseline_file


def ours(path: Path) -> int:
    return sum(1 for _ in read_records(path))


def theirs(path: Path) -> int:
    parse = importlib.import_module("pubmed_parser").parse_medline_xml
    return sum(1 for _ in parse(str(path)))


def bare(path: Path) -> int:
    count = 0
    with GzipFile(path) as stream:
        for _, element in etree.iterparse(stream, tag="PubmedArticle"):
            count += 1
            element.clear()
            while element.getprevious() is not None:
                del element.getparent()[0]
    return count


def times(read: Callable[[Path], int], path: Path) -> tuple[float, float]:
    """Seconds of the processor and of the clock."""
    started, clock = time.process_time(), time.perf_counter()
    read(path)
    return time.process_time() - started, time.perf_counter() - clock


def clock_time(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def peak_memory(path: Path) -> float:
    """MB that a fresh process needs to parse ``path``."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(_measured, (path,))


def _measured(path: Path) -> float:
    ours(path)
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def two_at_once(paths: list[Path]) -> None:
    with multiprocessing.get_context("spawn").Pool(2, collect_rarely) as pool:
        pool.map(ours, paths)


def store_all(folder: str, library: str) -> None:
    with ArticleStore(LibraryPaths(Path(folder) / library), create=True) as store:
        ingest_bulk(folder, store, downloads=Path(folder), jobs=2)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--records", type=int, default=30_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--recent", action="store_true", help="only new records, all with reference lists")
    given = parser.parse_args()
    collect_rarely()  # as the workers of bulk ingestion do; it is for all who are measured here
    n: int = given.records
    with tempfile.TemporaryDirectory(prefix="pubmed-rag-parse-") as folder:
        paths = [Path(folder) / f"pubmed26n000{number}.xml.gz" for number in (1, 2)]
        for number, path in enumerate(paths):
            write_baseline_file(path, generate_xml(n, seed=number, first_pmid=1 + number * n, recent=given.recent))
        rates: dict[str, list[float]] = {}
        by_clock: list[float] = []
        for round_ in range(given.rounds):
            for name, read in (("pubmed_parser", theirs), ("bare lxml iterparse", bare), ("ours", ours)):
                processor, clock = times(read, paths[0])
                rates.setdefault(name, []).append(n / processor)
                if read is theirs:
                    by_clock.append(n / clock)
            rates.setdefault("ours, two processes", []).append(2 * n / clock_time(lambda: two_at_once(paths)))
            seconds = clock_time(functools.partial(store_all, folder, f"library {round_}"))
            rates.setdefault("ours, two processes and store", []).append(2 * n / seconds)
        peers = statistics.median(rates["pubmed_parser"]), statistics.median(by_clock)
        size = sum(path.stat().st_size for path in paths) / len(paths) / 1e6
        kind = "recent records with references" if given.recent else "a mixture of all times"
        print(f"{n:,} records a file ({kind}), {size:.0f} MB packed; medians of {given.rounds} rounds")
        for name, measured in rates.items():
            rate = statistics.median(measured)
            ratio = rate / peers["two processes" in name]
            print(f"{name:32s} {rate:8,.0f} records/s   {ratio:5.2f} x pubmed_parser")
        print(f"peak memory of parsing           {peak_memory(paths[0]):8.0f} MB")


if __name__ == "__main__":
    main()
