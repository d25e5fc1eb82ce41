"""``pubmed-rag ingest …``: bring articles in."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pubmed_rag.core.errors import InputError
from pubmed_rag.core.records import IngestReport
from pubmed_rag.ui import cli_mesh
from pubmed_rag.ui.command import JsonOption, opened_library, state_of
from pubmed_rag.ui.console import stderr, stdout
from pubmed_rag.ui.contract import bulk_json, ingest_json, preview_json, saved_json, to_json

if TYPE_CHECKING:
    from pubmed_rag.core.settings import Settings

group = typer.Typer(no_args_is_help=True, help="Bring articles into the library.")


def add_to(app: typer.Typer) -> None:
    cli_mesh.add_to(group)
    app.add_typer(group, name="ingest")


@group.command("files")
def ingest_files(
    context: typer.Context,
    paths: Annotated[list[Path], typer.Argument(metavar="PATH...", help="Files, or folders to walk.")],
    pmids: Annotated[bool, typer.Option("--pmids", help="The ids of BEIR collections given here are PMIDs.")] = False,
    fresh: Annotated[
        bool, typer.Option("--fresh", help="Fetch articles named by PMID or DOI even if the library holds them.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Add what files hold or name, plain or gzipped, told apart by content.

    PubMed XML, MEDLINE/NBIB text and BEIR corpora hold articles. RIS, CSV or TSV with a PMID or DOI column, and
    plain lists of PMIDs or DOIs name them: where such a file is given by name, its articles are fetched
    from PubMed.

    A broken record is reported and left out; a file that cannot be read is reported, the others go in, and
    the command ends with exit code 3.
    """
    with opened_library(context, create=True) as library:
        report = library.ingest_files(paths, ids_are_pmids=pmids, fresh=fresh)
        _print(report, as_json)
        remind_of_index(report)
    if report.remote_error is not None:
        raise report.remote_error
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
        int | None, typer.Option("--max", min=1, metavar="N", help="Stop after the N most recently entered.")
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
    dry_run: Annotated[
        bool,
        typer.Option("--dry-run", help="Fetch nothing: how many there are, how PubMed reads the query, how long."),
    ] = False,
    fresh: Annotated[
        bool, typer.Option("--fresh", help="Begin anew instead of continuing an interrupted run.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Add what PubMed finds for QUERY, however much, through NCBI's E-utilities.

    Interrupted and repeated, it continues. The query is saved with the library, and 'pubmed-rag update' asks
    it again.
    """
    if email is not None:
        state = state_of(context)
        context.obj = replace(
            state, settings=replace(state.settings, entrez=replace(state.settings.entrez, email=email))
        )
    first, last = (since.date() if since else None), (until.date() if until else None)
    if dry_run:
        _preview(state_of(context).settings, query, first, last, maximum, as_json)
        return
    _note_problems(query)
    with opened_library(context, create=True) as library:
        report = library.ingest_entrez(query, maximum=maximum, since=first, until=last, fresh=fresh)
        _print(report, as_json)
        remind_of_index(report)


@group.command("bulk")
def ingest_bulk(
    context: typer.Context,
    source: Annotated[
        str,
        typer.Argument(help="A folder or address laid out like NLM's, or 'nlm' for NLM's own."),
    ],
    subset: Annotated[
        list[str] | None,
        typer.Option(
            metavar="KEY=VALUE",
            help="Keep only articles with: years=2015-2024, language=eng,fre, mesh=HEADING, journal=NAME or "
            "journal=@FILE, abstract. Repeat for more: all kinds must hold, of one kind any.",
        ),
    ] = None,
    keep_files: Annotated[
        bool, typer.Option("--keep-files", help="Keep downloaded files instead of deleting each once it is in.")
    ] = False,
    jobs: Annotated[int, typer.Option(min=0, help="Processes that parse; 0: one a processor.")] = 0,
    again: Annotated[
        bool, typer.Option("--again", help="Begin at the first file, as a change of --subset needs.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Add PubMed's bulk files: the baseline and the daily update files after it, strictly in their order.

    Files that are in already are passed over, so repeating the command continues and follows what is new. A new
    year's edition replaces the old one; the library is never empty meanwhile. 'pubmed-rag update' asks the
    same source again.
    """
    with opened_library(context, create=True) as library:
        report = library.ingest_bulk(source, subset=subset or (), keep_files=keep_files, jobs=jobs, again=again)
    if as_json:
        typer.echo(to_json(bulk_json(report)))
    else:
        from pubmed_rag.ui.render_ingest import print_bulk

        print_bulk(stdout(), report)
    remind_of_index(report)


@group.command("queries")
def queries(
    context: typer.Context,
    forget: Annotated[
        str | None,
        typer.Option(metavar="N|TEXT", help="Do not ask it again; by its number or its text. Articles stay."),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """The saved queries and bulk sources that 'pubmed-rag update' asks again."""
    from pubmed_rag.ui.render_ingest import print_saved

    with opened_library(context) as library:
        if forget is not None:
            forgotten = library.forget(forget)
            stderr().print(f"forgotten: {forgotten}", markup=False)
        saved, sources = library.saved()
        if as_json:
            typer.echo(to_json(saved_json(saved, sources)))
        elif forget is None:
            print_saved(stdout(), saved, sources)


def remind_of_index(report: IngestReport) -> None:
    """Say how what came in is made searchable, if anything did."""
    if report.added or report.updated or report.deleted:
        stderr().print("Next: 'pubmed-rag index update' makes them searchable.", style="dim")


def _preview(
    settings: Settings, query: str, since: date | None, until: date | None, maximum: int | None, as_json: bool
) -> None:
    from pubmed_rag.ui.api import preview_query
    from pubmed_rag.ui.render_ingest import print_preview

    preview = preview_query(query, since=since, until=until, maximum=maximum, settings=settings)
    if as_json:
        typer.echo(to_json(preview_json(preview)))
    else:
        print_preview(stdout(), preview)


def _note_problems(query: str) -> None:
    from pubmed_rag.ingest.query_check import check_query
    from pubmed_rag.ui.render_ingest import print_problems

    print_problems(stderr(), query, check_query(query))


def _print(report: IngestReport, as_json: bool) -> None:
    from pubmed_rag.ui.render_ingest import print_ingest

    if as_json:
        typer.echo(to_json(ingest_json(report)))
    else:
        print_ingest(stdout(), report)
