"""What ingestion did, as a person reads it in a terminal."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Protocol

from rich.console import Console, RenderableType
from rich.padding import Padding
from rich.text import Text

from pubmed_rag.core.records import IngestReport
from pubmed_rag.core.store import ChangeKind, SavedQuery, UpdateRecord
from pubmed_rag.ui.console import duration

if TYPE_CHECKING:
    from pubmed_rag.ingest.bulk import BulkReport
    from pubmed_rag.ingest.entrez_preview import EntrezPreview
    from pubmed_rag.ingest.update import ChangedArticle, SourceUpdate, UpdateReport

_MOST_SHOWN = 20
_PUBMED = "https://pubmed.ncbi.nlm.nih.gov"
_AROUND_PROBLEM = 30  # characters of the query shown on either side of a problem


class Problem(Protocol):
    """A :class:`~pubmed_rag.ingest.query_check.QueryProblem`."""

    @property
    def start(self) -> int: ...
    @property
    def end(self) -> int: ...
    @property
    def message(self) -> str: ...
    @property
    def suggestion(self) -> str | None: ...


def print_ingest(console: Console, report: IngestReport) -> None:
    """Counts, and the rejected records by name."""
    console.print(f"{_counts(report)}, {len(report.rejected):,} rejected")
    _print_rejected(console, report)


def _print_rejected(console: Console, report: IngestReport) -> None:
    for rejected in report.rejected[:_MOST_SHOWN]:
        where = f"{rejected.source}, PMID {rejected.pmid}" if rejected.pmid else rejected.source
        console.print(Text(f"  rejected: {where}: {rejected.reason}", style="yellow"))
    if len(report.rejected) > _MOST_SHOWN:
        console.print(Text(f"  … and {len(report.rejected) - _MOST_SHOWN:,} more; --json lists all", style="yellow"))


def print_bulk(console: Console, report: BulkReport) -> None:
    """Files and records. Nothing to do is said as such."""
    if not report.files:
        console.print("No new files: the library has all of them.")
        return
    edition = f" of edition {report.edition}" if report.edition else ""
    console.print(f"{report.files:,} files{edition}")
    print_ingest(console, report)
    if report.filtered:
        console.print(f"{report.filtered:,} records are not in the subset")
    if not report.complete:
        console.print(Text("Numbers are missing from this source: the library holds a part of PubMed.", style="yellow"))


def print_problems(console: Console, query: str, problems: Sequence[Problem]) -> None:
    """Each problem under the place in the query where it stands."""
    flat = re.sub(r"\s", " ", query)
    for problem in problems:
        first = max(0, problem.start - _AROUND_PROBLEM)
        last = min(len(flat), problem.end + _AROUND_PROBLEM)
        lead = "…" if first else ""
        shown = Text(lead + flat[first:last] + ("…" if last < len(flat) else ""))
        before = Text(lead + flat[first : problem.start]).cell_len  # columns: some characters are two wide
        width = max(1, Text(flat[problem.start : problem.end]).cell_len)
        console.print(_indented(shown), no_wrap=True, overflow="ignore", crop=False)
        console.print(_indented(Text(" " * before + "^" * width, style="yellow")), no_wrap=True, crop=False)
        hint = f" Did you mean {problem.suggestion}?" if problem.suggestion else ""
        end = "" if problem.message.endswith((".", "?")) else "."
        console.print(Text(f"{problem.message[:1].upper()}{problem.message[1:]}{end}{hint}", style="yellow"))


def print_preview(console: Console, preview: EntrezPreview) -> None:
    """What fetching would bring and take, and how PubMed reads the query."""
    console.print(Text(f"{preview.count:,} records", style="bold"))
    if preview.query_translation:
        console.print("PubMed reads the query as")
        for line in translation_lines(preview.query_translation):
            console.print(_indented(Text(line)))
    for warning in preview.warnings:
        console.print(Text(f"PubMed: {warning}", style="yellow"))
    print_problems(console, preview.query, preview.problems)
    if preview.count:
        parts = f" in {preview.parts:,} parts" if preview.parts > 1 else ""
        console.print(
            f"Fetching takes about {preview.requests:,} requests{parts} and {duration(preview.seconds)}. "
            "Nothing was fetched."
        )


def translation_lines(text: str) -> list[str]:
    """A query translation with a new line before each ``AND``, ``OR`` and ``NOT`` outside all parentheses."""
    lines, depth, start, quoted = [], 0, 0, False
    for match in re.finditer(r'["()]| (?:AND|OR|NOT)(?= )', text):
        token = match[0]
        if token == '"':
            quoted = not quoted
        elif quoted:
            continue
        elif token in "()":
            depth += 1 if token == "(" else -1
        elif depth == 0:
            lines.append(text[start : match.start()])
            start = match.start() + 1
    return [line.strip() for line in [*lines, text[start:]] if line.strip()]


def print_update(console: Console, report: UpdateReport) -> None:
    """The retractions first, then the counts, then source by source."""
    if report.newly_retracted:
        count = len(report.newly_retracted)
        what = "1 article of this library has" if count == 1 else f"{count:,} articles of this library have"
        console.print(Text(f"{what} been RETRACTED since the last update:", style="bold red"))
        _print_articles(console, report.newly_retracted, "retracted", style="red")
        console.print()
    changes = report.changes
    if not (changes.new or changes.revised or changes.deleted):
        console.print("Nothing new." if not report.errors else "Nothing new from what could be asked.")
    else:
        console.print(
            Text(
                f"{changes.new:,} new, {changes.revised:,} revised, {changes.deleted:,} deleted, "
                f"{changes.retracted:,} newly retracted",
                style="bold",
            )
        )
    for step in (*report.queries, *report.sources):
        _print_step(console, step)
    if changes.new or changes.revised or changes.deleted:
        console.print(Text("To list them: pubmed-rag changes [new|revised|deleted|retracted]", style="dim"))


def _print_step(console: Console, step: SourceUpdate) -> None:
    if step.error is not None:
        console.print(Text(f"  {step.name}: failed: {step.error.message}", style="yellow"))
        return
    console.print(Text(f"  {step.name}: {_counts(step.report)}", style="dim"))
    _print_rejected(console, step.report)


def print_changes(
    console: Console, record: UpdateRecord, changes: Mapping[ChangeKind, Sequence[ChangedArticle]]
) -> None:
    """Of one kind all, one a line, ready for another program; of several kinds the first few of each."""
    if len(changes) == 1:
        for articles in changes.values():
            for article in articles:
                console.print(Text(_line(article)))
        return
    console.print(Text(f"update {record.number}, {moment(record.finished)}", style="bold"))
    for kind, articles in changes.items():
        console.print(Text(f"{kind}: {len(articles):,}", style="bold"))
        _print_articles(console, articles, kind)


def _print_articles(console: Console, articles: Sequence[ChangedArticle], kind: str, *, style: str = "") -> None:
    for article in articles[:_MOST_SHOWN]:
        console.print(_indented(Text(_line(article), style=style)))
    if len(articles) > _MOST_SHOWN:
        more = f"… and {len(articles) - _MOST_SHOWN:,} more: pubmed-rag changes {kind}"
        console.print(_indented(Text(more, style=style)))


def print_saved(console: Console, queries: Iterable[SavedQuery], sources: Iterable[str]) -> None:
    """The saved queries and bulk sources under the numbers by which they can be forgotten."""
    lines = list(_saved_lines(queries, sources))
    if not lines:
        console.print("No saved queries and no bulk sources: 'pubmed-rag ingest entrez QUERY' adds one.")
    for number, (name, facts) in enumerate(lines, start=1):
        console.print(Text(f"{number}. {name}"))
        console.print(_indented(Text(facts, style="dim")))


def _saved_lines(queries: Iterable[SavedQuery], sources: Iterable[str]) -> Iterator[tuple[str, str]]:
    for saved in queries:
        limits = [
            f"entered from {saved.since}" if saved.since else "",
            f"until {saved.until}" if saved.until else "",
            f"at most {saved.maximum:,}" if saved.maximum else "",
        ]
        yield saved.query, ", ".join([f"last asked {moment(saved.asked)}", *filter(None, limits)])
    for source in sources:
        yield source, "bulk files"


def moment(iso: str) -> str:
    """A stored time for reading."""
    return f"{datetime.fromisoformat(iso):%Y-%m-%d %H:%M} UTC"


def _line(article: ChangedArticle) -> str:
    return "  ".join(part for part in (article.pmid or article.id, article.title) if part)


def _counts(report: IngestReport) -> str:
    return (
        f"{report.read:,} records read: {report.added:,} added, {report.updated:,} updated, "
        f"{report.unchanged:,} unchanged, {report.deleted:,} deleted"
    )


def _indented(text: Text) -> RenderableType:
    return Padding(text, (0, 0, 0, 2), expand=False)
