"""``pubmed-rag ask``: questions answered, kept as documents, and asked again."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from pubmed_rag.core.errors import UsageError
from pubmed_rag.core.records import Answer
from pubmed_rag.ui.cli_answer import (
    AnswerInOption,
    ExplainOption,
    FormatOption,
    OutOption,
    TableOption,
    deliver,
    wanted_format,
)
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
from pubmed_rag.ui.cli_summarize import summarize
from pubmed_rag.ui.command import JsonOption, opened_library
from pubmed_rag.ui.console import stderr, stdout
from pubmed_rag.ui.contract import answer_json, to_json


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
    explain: ExplainOption = None,
    answer_in: AnswerInOption = None,
    table: TableOption = False,
    to: FormatOption = None,
    out: OutOption = None,
    after: Annotated[
        Path | None,
        typer.Option("--after", metavar="FILE", help="A follow-up to the question of this written answer."),
    ] = None,
    conversation: Annotated[
        Path | None,
        typer.Option(
            "--conversation",
            metavar="FILE",
            help="Ask again and again: a follow-up to the answer in this file, which then holds the new one (JSON).",
        ),
    ] = None,
    rewrite: Annotated[
        bool,
        typer.Option("--rewrite", help="Let the model word a follow-up so that it stands alone; else it is joined."),
    ] = False,
    replay: Annotated[
        Path | None,
        typer.Option("--replay", metavar="FILE", help="Ask again what a written answer asked, and say what changed."),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Answer a question from the library's abstracts, every sentence cited and checked."""
    from pubmed_rag.rag.answer import Stage
    from pubmed_rag.rag.explain import as_level
    from pubmed_rag.rag.replay import read_record

    if (question is None) == (replay is None):
        raise UsageError("give a question or --replay FILE, one of them")
    if question is None:
        _replay(context, replay, as_json=as_json)
        return
    if conversation is not None:
        if after or out or to:
            raise UsageError("--conversation goes without --after, --out and --format")
        after, out, to = conversation if conversation.exists() else None, conversation, "json"
    written = wanted_format(to, out)
    level = as_level(explain)
    filters = filters_of(year_from, year_to, types, mesh, journals, languages, None, None)
    before = read_record(after).question if after else ""
    with opened_library(context) as library:
        if before:
            whole = library.stand_alone(question, before, model=model, rewrite=rewrite)
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
            explain=level,
            language=answer_in or "",
            filters=filters,
        )
        with stderr().status("opening the library") as status:
            for event in library.stream(question, options, model=model):
                if isinstance(event, Stage):
                    status.update(event.name)
                elif isinstance(event, Answer):
                    answer = event
        deliver(library, answer, options, written=written, out=out, table=table, as_json=as_json)


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
