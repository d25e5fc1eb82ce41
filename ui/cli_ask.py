"""``pubmed-rag ask``: questions answered, kept as documents, and asked again."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from pubmed_rag.core.errors import UsageError
from pubmed_rag.core.files import write_text
from pubmed_rag.core.records import Answer
from pubmed_rag.ui.cli_export import split_ids
from pubmed_rag.ui.cli_query import query
from pubmed_rag.ui.cli_search import (
    JournalOption,
    LanguageOption,
    MeshOption,
    TypesOption,
    YearFrom,
    YearTo,
    filters_of,
    warn,
)
from pubmed_rag.ui.command import JsonOption, opened_library
from pubmed_rag.ui.console import stderr, stdout
from pubmed_rag.ui.contract import answer_json, studies_json, to_json


def add_to(app: typer.Typer) -> None:
    app.command("ask")(ask)
    app.command("query")(query)
    app.command("summarize")(summarize)


def ask(
    context: typer.Context,
    question: Annotated[str | None, typer.Argument(help="A question in plain language.")] = None,
    top: Annotated[int | None, typer.Option(min=1, help="How many articles to read. Default: 8.")] = None,
    temperature: Annotated[
        float | None, typer.Option(min=0.0, max=2.0, help="0 gives the same answer every time. Default: 0.")
    ] = None,
    seed: Annotated[
        int | None, typer.Option(help="Equal seeds give equal answers at any temperature. Default: 0.")
    ] = None,
    model: Annotated[str | None, typer.Option(metavar="NAME|FILE.gguf", help="See 'pubmed-rag models list'.")] = None,
    retracted: Annotated[bool, typer.Option("--include-retracted", help="Let retracted papers be evidence.")] = False,
    year_from: YearFrom = None,
    year_to: YearTo = None,
    types: TypesOption = None,
    mesh: MeshOption = None,
    journals: JournalOption = None,
    languages: LanguageOption = None,
    repair: Annotated[
        bool | None,
        typer.Option(
            "--repair/--no-repair",
            help="Give the model a second attempt at sentences that failed. Default: as is best for the model.",
        ),
    ] = None,
    table: Annotated[
        bool, typer.Option("--table", help="Also show the cited studies: design, year, participants, effect as stated.")
    ] = False,
    to: Annotated[
        str | None, typer.Option("--format", metavar="FORMAT", help="As a document: markdown, html or json.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE", help="Write the document here. Default format: markdown.")
    ] = None,
    after: Annotated[
        Path | None,
        typer.Option("--after", metavar="FILE", help="A follow-up to the question of this written answer."),
    ] = None,
    replay: Annotated[
        Path | None,
        typer.Option("--replay", metavar="FILE", help="Ask again what a written answer asked, and say what changed."),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Answer a question from the library's abstracts, every sentence cited and checked."""
    from pubmed_rag.rag.answer import Stage
    from pubmed_rag.rag.replay import read_record
    from pubmed_rag.ui.answer_file import answer_file, as_answer_format
    from pubmed_rag.ui.render import print_answer, print_studies

    if (question is None) == (replay is None):
        raise UsageError("give a question or --replay FILE, one of them")
    if question is None:
        _replay(context, replay, as_json=as_json)
        return
    written = as_answer_format(to or "markdown") if to or out else None
    filters = filters_of(year_from, year_to, types, mesh, journals, languages, None, None)
    before = read_record(after).question if after else ""
    with opened_library(context) as library:
        if before:
            whole = library.stand_alone(question, before)
            question = whole.question
            if whole.how != "as asked":
                stderr().print(f"asked as: {question}", markup=False)
        defaults = library.ask_options()
        options = replace(
            defaults,
            top=top if top is not None else defaults.top,
            temperature=temperature if temperature is not None else defaults.temperature,
            seed=seed if seed is not None else defaults.seed,
            include_retracted=retracted,
            repair=repair,
            filters=filters,
        )
        console = stderr()
        with console.status("opening the library") as status:
            for event in library.stream(question, options, model=model):
                if isinstance(event, Stage):
                    status.update(event.name)
                elif isinstance(event, Answer):
                    answer = event
        if written is not None:
            cited = [citation.id for claim in answer.claims for citation in claim.citations]
            provenance = library.provenance(answer, options)
            text = answer_file(answer, library.store.get_many(cited), provenance, written)
            if out is None:
                typer.echo(text, nl=False)
                return
            write_text(out, text)
            console.print(f"written to {out}", markup=False)
        studies = library.studies(answer) if table else ()
        if as_json:
            content = answer_json(answer)
            typer.echo(to_json({**content, "studies": studies_json(studies)} if table else content))
            return
        warn(answer.notes)
        print_answer(stdout(), answer, library.store)
        if table:
            print_studies(stdout(), studies)


def summarize(
    context: typer.Context,
    search: Annotated[str | None, typer.Argument(metavar="[QUERY]", help="What to search for.")] = None,
    pmids: Annotated[
        list[str] | None,
        typer.Option("--pmids", metavar="ID[,ID...]", help="Articles by PMID or id instead of a search; repeatable."),
    ] = None,
    top: Annotated[int, typer.Option(min=1, help="How many hits of the search.")] = 8,
    model: Annotated[str | None, typer.Option(metavar="NAME|FILE.gguf", help="See 'pubmed-rag models list'.")] = None,
    retracted: Annotated[bool, typer.Option("--include-retracted", help="Summarize retracted papers too.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Summarize one article or several, every sentence cited and checked as in an answer."""
    from pubmed_rag.rag.answer import Stage
    from pubmed_rag.ui.render import print_answer

    if (search is None) == (not pmids):
        raise UsageError("give a query or --pmids, one of them")
    with opened_library(context) as library, stderr().status("opening the library") as status:
        found = library.search(search, top=top).hits if search is not None else ()
        ids = [hit.id for hit in found] or split_ids(pmids or ())
        options = replace(library.ask_options(), include_retracted=retracted)
        for event in library.summarise(ids, options, model=model):
            if isinstance(event, Stage):
                status.update(event.name)
            elif isinstance(event, Answer):
                answer = event
        if as_json:
            typer.echo(to_json(answer_json(answer)))
            return
        status.stop()
        warn(answer.notes)
        print_answer(stdout(), answer, library.store)


def _replay(context: typer.Context, path: Path | None, *, as_json: bool) -> None:
    from pubmed_rag.rag.replay import read_record
    from pubmed_rag.ui.render import print_answer

    recorded = read_record(path or Path())
    with opened_library(context) as library:
        with stderr().status("asking again"):
            replayed = library.replay(recorded)
        if as_json:
            outcome = {"same": replayed.same, "changes": list(replayed.changes)}
            typer.echo(to_json({**answer_json(replayed.answer), "replay": outcome}))
            return
        print_answer(stdout(), replayed.answer, library.store)
    verdict = "The answer is the same." if replayed.same else "The answer is another one."
    stderr().print(verdict, style="green" if replayed.same else "yellow")
    warn(replayed.changes)
