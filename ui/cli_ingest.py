"""``pubmed-rag ingest …``: bring articles in."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from pubmed_rag.core.errors import InputError
from pubmed_rag.core.records import IngestReport
from pubmed_rag.ui.command import JsonOption, opened_library, state_of
from pubmed_rag.ui.console import stderr, stdout
from pubmed_rag.ui.contract import ingest_json, to_json

group = typer.Typer(no_args_is_help=True, help="Bring articles into the library.")


def add_to(app: typer.Typer) -> None:
    app.add_typer(group, name="ingest")


@group.command("files")
def ingest_files(
    context: typer.Context,
    paths: Annotated[list[Path], typer.Argument(metavar="PATH...", help="Files, or folders to walk.")],
    pmids: Annotated[bool, typer.Option("--pmids", help="The ids of BEIR collections given here are PMIDs.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Add PubMed XML, MEDLINE/NBIB text or BEIR corpora, plain or gzipped, told apart by content.

    A broken record is reported and left out; a file that cannot be read is reported, the others go in, and
    the command ends with exit code 3.
    """
    with opened_library(context, create=True) as library:
        report = library.ingest_files(paths, ids_are_pmids=pmids)
        _print(report, as_json)
        _remind(library.store.last_sequence(), report)
    if report.failed_files:
        first, *others = report.failed_files
        more = f" (and {len(others)} more)" if others else ""
        raise InputError(
            f"could not read {first.source}: {first.reason}{more}", remedy="everything else is in the library"
        )


@group.command("entrez")
def ingest_entrez(
    context: typer.Context,
    query: Annotated[str, typer.Argument(help="A query in PubMed's own language.")],
    maximum: Annotated[
        int | None, typer.Option("--max", min=1, metavar="N", help="Stop after the N most recent.")
    ] = None,
    since: Annotated[
        datetime | None,
        typer.Option(formats=["%Y-%m-%d"], metavar="DATE", help="Entered in PubMed on or after, YYYY-MM-DD."),
    ] = None,
    until: Annotated[
        datetime | None,
        typer.Option(formats=["%Y-%m-%d"], metavar="DATE", help="Entered in PubMed on or before, YYYY-MM-DD."),
    ] = None,
    email: Annotated[str | None, typer.Option(help="Who is asking, as NCBI wishes. [env: NCBI_EMAIL]")] = None,
    as_json: JsonOption = False,
) -> None:
    """Add what PubMed finds for QUERY, through NCBI's E-utilities. The query is saved with the library."""
    if email is not None:
        state = state_of(context)
        context.obj = replace(
            state, settings=replace(state.settings, entrez=replace(state.settings.entrez, email=email))
        )
    with opened_library(context, create=True) as library:
        report = library.ingest_entrez(
            query, maximum=maximum, since=since.date() if since else None, until=until.date() if until else None
        )
        _print(report, as_json)
        _remind(library.store.last_sequence(), report)


def _print(report: IngestReport, as_json: bool) -> None:
    from pubmed_rag.ui.render import print_ingest

    if as_json:
        typer.echo(to_json(ingest_json(report)))
    else:
        print_ingest(stdout(), report)


def _remind(sequence: int, report: IngestReport) -> None:
    if sequence and (report.added or report.updated or report.deleted):
        stderr().print("Next: 'pubmed-rag index update' makes them searchable.", style="dim")
