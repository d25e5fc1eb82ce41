"""docs/challenge.md from a challenge's results and a hand-written head.

    pubmed-rag eval challenge --data DATA --out RESULTS --without-texts
    .venv/bin/python benchmarks/challenge_doc.py RESULTS > docs/challenge.md

The head, benchmarks/challenge_head.md, holds no number by hand that the results have: it names them, and this fills
them in. ``{{mean COLLECTION SYSTEM MEASURE}}``, ``{{difference COLLECTION BASELINE SYSTEM}}`` with its interval or the
range of its topics, ``{{won COLLECTION BASELINE SYSTEM}}``, ``{{p COLLECTION BASELINE SYSTEM}}`` (Holm-corrected),
``{{detectable COLLECTION BASELINE SYSTEM}}``, ``{{empty COLLECTION SYSTEM}}`` (share of topics without a result). A
name that the results lack ends in an error, not in a gap. A measure's name is written with ``_`` for its blanks.
"""

from __future__ import annotations

import argparse
import csv
import re
import sys
from collections.abc import Callable
from pathlib import Path

from pubmed_rag.eval.report import p_text, plain, signed

HEAD = Path(__file__).with_name("challenge_head.md")
_FIELD = re.compile(r"\{\{([^{}]+)\}\}")


class Results:
    """The tables of one challenge."""

    def __init__(self, folder: Path) -> None:
        self._metrics = _rows(folder / "metrics.csv", ("collection", "system"))
        self._comparisons = _rows(folder / "comparisons.csv", ("collection", "baseline", "system"))

    def fill(self, field: str) -> str:
        """The text for one field. Raises ``SystemExit`` for what is not there."""
        kind, *names = field.split()
        try:
            if kind == "mean":
                collection, system, measure = names
                return plain(float(self._metrics[collection, system][measure.replace("_", " ")]))
            if kind == "empty":
                row = self._metrics[tuple(names)]
                return f"{float(row['without_results']) / float(row['topics']):.0%}".replace("%", " %")
            return _COMPARED[kind](self._comparisons[tuple(names)])
        except (KeyError, ValueError) as error:
            raise SystemExit(f"the results have nothing for {{{{{field}}}}} ({error})") from error


def _rows(path: Path, keys: tuple[str, ...]) -> dict[tuple[str, ...], dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as stream:
        return {tuple(row[key] for key in keys): row for row in csv.DictReader(stream)}


def _difference(row: dict[str, str]) -> str:
    difference, low, high = (signed(float(row[name])) if row[name] else "" for name in ("difference", "low", "high"))
    if low and high:
        return f"{difference} [{low}, {high}]"
    return f"{difference} (topics {signed(float(row['lowest']))} to {signed(float(row['highest']))})"


_COMPARED: dict[str, Callable[[dict[str, str]], str]] = {
    "difference": _difference,
    "won": lambda row: f"{int(row['wins'])} of {int(row['topics'])}",
    "p": lambda row: p_text(float(row["p_holm"])),
    "detectable": lambda row: plain(float(row["detectable"])),
}


def assemble(report: str, head: str, results: Results) -> str:
    """The report with the filled head after its title."""
    title, rest = report.split("\n\n", 1)
    if "### Where the two differ most" in rest:
        raise SystemExit("the report shows texts of the collections: make it with --without-texts")
    return f"{title}\n\n{_FIELD.sub(lambda found: results.fill(found[1]), head.strip())}\n\n{rest}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("results", type=Path)
    parser.add_argument("--head", type=Path, default=HEAD)
    options = parser.parse_args()
    report = (options.results / "report.md").read_text(encoding="utf-8")
    sys.stdout.write(assemble(report, options.head.read_text(encoding="utf-8"), Results(options.results)))


if __name__ == "__main__":
    main()
