"""Evaluations, challenges and comparisons in words and tables for a terminal."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from pubmed_rag.eval.challenge_records import ChallengeResult
    from pubmed_rag.eval.compare import Difference
    from pubmed_rag.eval.datasets import Dataset
    from pubmed_rag.eval.leaderboard import Row
    from pubmed_rag.eval.qa_records import QaReport
    from pubmed_rag.eval.report import Table as ReportTable

Board = tuple[str, str, str, str, str, str]


def print_table(console: Console, source: ReportTable) -> None:
    """A report's table, numbers to the right."""
    table = Table(box=None, pad_edge=False)
    for position, column in enumerate(source.header):
        table.add_column(column, justify="right" if position >= source.numbers_from else "left")
    for row in source.rows:
        table.add_row(*(Text(cell) for cell in row))
    console.print(table)


def print_challenge(console: Console, result: ChallengeResult) -> None:
    """The answer, its reasons, and each collection's table."""
    from pubmed_rag.eval.challenge_report import answer, collection_sentence, headline_points
    from pubmed_rag.eval.report import systems_table

    console.print(Text(result.config.title, style="bold"))
    for line in answer(result):
        console.print(Text(line))
    for sentence, reasons in headline_points(result):
        console.print(Text(f"- {sentence}"))
        for reason in reasons:
            console.print(Text(f"    {reason}", style="dim"))
    for found in result.collections:
        console.print()
        console.print(Text(found.spec.name, style="bold"))
        console.print(Text(collection_sentence(found), style="dim"))
        print_table(console, systems_table(found.evaluation))
    for missing in result.missing:
        console.print(Text(f"not run: {missing}", style="dim"))


def print_differences(console: Console, differences: Iterable[Difference]) -> None:
    """One line a system and measure: before, after, and what can be said."""
    from pubmed_rag.eval.report import p_text, plain, signed, spread_text

    for item in differences:
        c = item.comparison
        where = f"{item.collection}: " if item.collection else ""
        line = f"{where}{item.system} {item.measure} {plain(item.before)} → {plain(item.after)}"
        if c is not None:
            line += (
                f", {c.verdict}: {signed(c.difference)} {spread_text(c)}, p_Holm "
                f"{p_text(c.p_holm, relation=True)} ({c.wins:,} topics won, {c.ties:,} tied, {c.losses:,} lost)"
            )
        console.print(Text(line))


def print_leaderboard(console: Console, tables: Mapping[Board, tuple[Row, ...]]) -> None:
    """One table a collection and split."""
    from pubmed_rag.eval.report import plain, signed

    if not tables:
        console.print(Text("nothing yet: 'pubmed-rag eval run' and 'eval challenge' add their results"))
    for board, rows in tables.items():
        dataset, split, corpus, _, _, primary = board
        console.print(Text(f"{dataset}, split {split} (corpus {corpus[:8]})", style="bold"))
        table = Table(box=None, pad_edge=False)
        for name in ("system", primary, "change", "made", "what changed"):
            table.add_column(name, justify="right" if name in (primary, "change") else "left")
        for row in rows:
            change = "" if row.change is None else signed(row.change)
            changed = "; ".join(row.changed)
            table.add_row(
                *(Text(cell) for cell in (row.entry.system, plain(row.entry.value), change, row.entry.date, changed))
            )
        console.print(table)


def leaderboard_json(tables: Mapping[Board, tuple[Row, ...]]) -> dict[str, Any]:
    """The same as an object."""
    return {
        "boards": [
            {
                "dataset": board[0],
                "split": board[1],
                "corpus": board[2],
                "primary": board[5],
                "rows": [
                    {
                        "system": row.entry.system,
                        "measures": row.entry.measures,
                        "made": row.entry.date,
                        "commit": row.entry.commit,
                        "change": row.change,
                        "changed": row.changed,
                    }
                    for row in rows
                ],
            }
            for board, rows in tables.items()
        ]
    }


def print_datasets(console: Console, known: Iterable[Dataset], here: Mapping[str, bool]) -> None:
    """One block a collection."""
    for entry in known:
        present = " (here)" if here[entry.name] else ""
        console.print(Text(f"{entry.name}{present}: {entry.title}", style="bold"))
        lines = [
            f"for {entry.use}; {entry.size}; splits {', '.join(entry.splits)}",
            f"licence: {entry.licence}",
            f"get it: {entry.url} ({entry.checksum.kind} {entry.checksum.hex})"
            if entry.url and entry.checksum
            else f"get it: {entry.steps}",
        ]
        if entry.caution:
            lines.append(f"caution: {entry.caution}")
        for line in lines:
            console.print(Text(f"    {line}"))


def print_qa(console: Console, report: QaReport) -> None:
    """Every measure, with the number of questions it rests on."""
    table = Table(box=None, pad_edge=False)
    for name, side in (("measure", "left"), ("value", "right"), ("questions", "right"), ("what it is", "left")):
        table.add_column(name, justify="right" if side == "right" else "left")
    for item in report.measures:
        value = "-" if item.value is None else f"{item.value:.3f}"
        table.add_row(*(Text(cell) for cell in (item.name, value, f"{item.questions:,}", item.meaning)))
    console.print(table)
    for note in report.notes:
        console.print(Text(note, style="dim"))
