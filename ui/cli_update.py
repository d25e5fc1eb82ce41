"""``pubmed-rag update`` and ``changes``: keep the library fresh, and see what that changed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, get_args

import typer

from pubmed_rag.core.errors import PubmedRagError, UsageError
from pubmed_rag.core.store import ChangeKind
from pubmed_rag.ui.api import Library
from pubmed_rag.ui.cli_ingest import remind_of_index
from pubmed_rag.ui.command import JsonOption, opened_library
from pubmed_rag.ui.console import stderr, stdout
from pubmed_rag.ui.contract import build_json, changes_json, to_json, update_json

if TYPE_CHECKING:
    from pubmed_rag.core.records import BuildReport
    from pubmed_rag.ingest.update import UpdateReport

KINDS: tuple[ChangeKind, ...] = get_args(ChangeKind)


def add_to(app: typer.Typer) -> None:
    app.command("update")(update)
    app.command("changes")(changes)


def update(
    context: typer.Context,
    index: Annotated[bool, typer.Option("--index", help="Update the index as well.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Bring in what is new or revised since last time, from the saved queries and bulk sources.

    Says what is new, revised, deleted and newly retracted; 'pubmed-rag changes' lists it. A source that fails
    does not keep the others from being asked; the exit code then is that of the first failure.
    """
    from pubmed_rag.ui.render_ingest import print_update

    built: BuildReport | None = None
    failure: PubmedRagError | None = None
    with opened_library(context) as library:
        report = library.update()
        if report.number is None:
            stderr().print(
                "There is nothing to ask again: this library was made from files. 'pubmed-rag ingest entrez QUERY' "
                "adds a query that updates ask again, 'pubmed-rag ingest bulk SOURCE' a source of bulk files."
            )
        elif not as_json:
            print_update(stdout(), report)
        failure = _first_failure(report)
        if index:
            built, not_built = _index(library)
            failure = failure or not_built
    if as_json:
        extra = {"index": build_json(built) if built else None} if index else {}
        typer.echo(to_json({**update_json(report), **extra}))
    elif built:
        stdout().print(f"index {built.generation}: {built.articles:,} articles")
    if not index:
        remind_of_index(report)
    if failure is not None:
        raise failure


def changes(
    context: typer.Context,
    kind: Annotated[str | None, typer.Argument(metavar="KIND", help=f"{', '.join(KINDS)}. Default: all.")] = None,
    number: Annotated[
        int | None, typer.Option("--update", metavar="N", help="Which update. Default: the latest.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """List what an update changed: PMID and title."""
    from pubmed_rag.ui.render_ingest import print_changes

    kinds = KINDS if kind is None else tuple(known for known in KINDS if known == kind)
    if not kinds:
        raise UsageError(f"unknown kind of change '{kind}'", remedy=f"known: {', '.join(KINDS)}")
    with opened_library(context) as library:
        record = library.update_record(number)
        found = {known: library.changes(known, record.number) for known in kinds}
    if as_json:
        typer.echo(to_json(changes_json(record, found)))
    else:
        print_changes(stdout(), record, found)


def _first_failure(report: UpdateReport) -> PubmedRagError | None:
    failed = [(step.name, step.error) for step in (*report.queries, *report.sources) if step.error is not None]
    if not failed:
        return None
    name, error = failed[0]
    more = f" (and {len(failed) - 1} more failed)" if len(failed) > 1 else ""
    return type(error)(f"{name}: {error.message}{more}", remedy=error.remedy)


def _index(library: Library) -> tuple[BuildReport | None, PubmedRagError | None]:
    """A failure comes back as a value: the update itself is done, and its report must still be printed."""
    try:
        return library.update_index(), None
    except PubmedRagError as error:
        return None, error
