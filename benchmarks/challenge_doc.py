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
import re
import sys
from pathlib import Path

import pandas as pd

from pubmed_rag.eval.report import p_text, plain, signed

HEAD = Path(__file__).with_name("challenge_head.md")
_FIELD = re.compile(r"\{\{([^{}]+)\}\}")


class Results:
    """The tables of one challenge."""

    def __init__(self, folder: Path) -> None:
        self._metrics = pd.read_csv(folder / "metrics.csv").set_index(["collection", "system"])
        self._comparisons = pd.read_csv(folder / "comparisons.csv").set_index(["collection", "baseline", "system"])

    def fill(self, field: str) -> str:
        """The text for one field. Raises ``SystemExit`` for what is not there."""
        kind, *names = field.split()
        try:
            if kind == "mean":
                collection, system, measure = names
                return plain(float(self._metrics.loc[(collection, system), measure.replace("_", " ")]))
            if kind == "empty":
                row = self._metrics.loc[tuple(names)]
                return f"{float(row['without_results']) / float(row['topics']):.0%}".replace("%", " %")
            row = self._comparisons.loc[tuple(names)]
        except (KeyError, ValueError) as error:
            raise SystemExit(f"the results have nothing for {{{{{field}}}}} ({error})") from error
        if kind == "difference":
            if pd.isna(row["low"]):
                return f"{signed(row['difference'])} (topics {signed(row['lowest'])} to {signed(row['highest'])})"
            return f"{signed(row['difference'])} [{signed(row['low'])}, {signed(row['high'])}]"
        if kind == "won":
            return f"{int(row['wins'])} of {int(row['topics'])}"
        if kind == "p":
            return p_text(float(row["p_holm"]))
        if kind == "detectable":
            return plain(float(row["detectable"]))
        raise SystemExit(f"unknown kind of field: {kind}")


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
