"""``pubmed-rag export``: take articles away, in the formats of other programs."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

import typer

from pubmed_rag.core.errors import UsageError
from pubmed_rag.core.files import write_text
from pubmed_rag.ui.command import opened_library
from pubmed_rag.ui.console import stderr

_SEPARATOR = re.compile(r"[\s,;]+")


def add_to(app: typer.Typer) -> None:
    app.command("export")(export)


def export(
    context: typer.Context,
    query: Annotated[str | None, typer.Argument(help="What to search for; its hits are exported, best first.")] = None,
    pmids: Annotated[
        list[str] | None,
        typer.Option("--pmids", metavar="ID[,ID...]", help="Articles by PMID or id instead of a search; repeatable."),
    ] = None,
    to: Annotated[
        str, typer.Option("--format", metavar="FORMAT", help="ris, bibtex, csl-json, nbib, csv or markdown.")
    ] = "ris",
    out: Annotated[Path | None, typer.Option("--out", metavar="FILE", help="Write here instead of stdout.")] = None,
    style: Annotated[
        str,
        typer.Option(metavar="NAME|FILE.csl", help="References in Markdown: vancouver, apa, or any CSL style's file."),
    ] = "vancouver",
    mode: Annotated[str | None, typer.Option(help="How to search, as for 'pubmed-rag search'.")] = None,
    top: Annotated[int, typer.Option(min=1, help="How many hits of the search.")] = 100,
) -> None:
    """Write articles as RIS, BibTeX, CSL-JSON, NBIB, CSV or a Markdown list of references.

    A retracted paper is marked as such in every format.
    """
    from pubmed_rag.index.search import as_mode
    from pubmed_rag.rag.export import as_format

    wanted = as_format(to)
    if (query is None) == (not pmids):
        raise UsageError("give a query or --pmids, one of them", remedy="see 'pubmed-rag export --help'")
    with opened_library(context) as library:
        if query is not None:
            with stderr().status("searching"):
                result = library.search(query, mode=as_mode(mode) if mode else None, top=top)
            ids = [hit.id for hit in result.hits]
        else:
            ids = split_ids(pmids or ())
        export = library.export(ids, wanted, style=style)
        if out is None:
            typer.echo(export.text, nl=False)
        else:
            write_text(out, export.text)
    written = "1 article" if export.articles == 1 else f"{export.articles:,} articles"
    stderr().print(f"{written} as {wanted}" + (f" in {out}" if out else ""), markup=False)
    if export.left_out:
        stderr().print(f"note: left out, having no PMID: {', '.join(export.left_out)}", style="yellow", markup=False)


def split_ids(values: Iterable[str]) -> list[str]:
    """Ids given one by one, or several in a value with commas or spaces between."""
    return [part for value in values for part in _SEPARATOR.split(value) if part]
