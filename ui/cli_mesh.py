"""``pubmed-rag ingest mesh``: the vocabulary that PubMed queries are understood with."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from pubmed_rag.ui.command import JsonOption, opened_library
from pubmed_rag.ui.console import stdout
from pubmed_rag.ui.contract import to_json


def add_to(group: typer.Typer) -> None:
    group.command("mesh")(ingest_mesh)


def ingest_mesh(
    context: typer.Context,
    files: Annotated[
        list[Path] | None,
        typer.Argument(metavar="[FILE]...", help="NLM's desc, supp, qual and pa files; none: fetch this year's."),
    ] = None,
    address: Annotated[
        str | None, typer.Option("--from", metavar="URL", help="Fetch from here, laid out like NLM's folder xmlmesh.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Add MeSH: headings, entry terms, trees, subheadings, supplementary concepts, pharmacological actions.

    With it, PubMed queries find what is below a heading, and words are mapped to headings as PubMed maps them. Files
    are told apart by content: NLM's XML or ASCII forms, gzipped or not, and tables of descriptors (JSON lines) or of
    supplementary concepts (tab-separated). A file replaces what an earlier one of its kind brought.
    """
    with opened_library(context, create=True) as library:
        info = library.ingest_mesh(files or (), address=address)
    counts = asdict(info.counts)
    if as_json:
        typer.echo(to_json({**counts, "source": info.source, "made": info.made}))
        return
    for name, number in counts.items():
        stdout().print(f"{number:>10,}  {name.replace('_', ' ')}", markup=False, highlight=False)
