"""``pubmed-rag summarize``: what one article or several found."""

from __future__ import annotations

from dataclasses import replace
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
from pubmed_rag.ui.cli_export import split_ids
from pubmed_rag.ui.command import JsonOption, opened_library
from pubmed_rag.ui.console import stderr


def summarize(
    context: typer.Context,
    search: Annotated[str | None, typer.Argument(metavar="[QUERY]", help="What to search for.")] = None,
    pmids: Annotated[
        list[str] | None,
        typer.Option("--pmids", metavar="ID[,ID...]", help="Articles by PMID or id instead of a search; repeatable."),
    ] = None,
    mode: Annotated[str | None, typer.Option(help="How to search, as for 'pubmed-rag search'.")] = None,
    top: Annotated[int, typer.Option(min=1, help="How many hits of the search.")] = 8,
    model: Annotated[str | None, typer.Option(metavar="NAME|FILE.gguf", help="See 'pubmed-rag models list'.")] = None,
    retracted: Annotated[bool, typer.Option("--include-retracted", help="Summarize retracted papers too.")] = False,
    explain: ExplainOption = None,
    answer_in: AnswerInOption = None,
    table: TableOption = False,
    to: FormatOption = None,
    out: OutOption = None,
    as_json: JsonOption = False,
) -> None:
    """Summarize one article or several, every sentence cited and checked as in an answer."""
    from pubmed_rag.index.search import as_mode
    from pubmed_rag.rag.answer import Stage
    from pubmed_rag.rag.explain import as_level

    if (search is None) == (not pmids):
        raise UsageError("give a query or --pmids, one of them")
    written = wanted_format(to, out)
    how = as_mode(mode) if mode else None
    with opened_library(context) as library:
        options = replace(
            library.ask_options(), include_retracted=retracted, explain=as_level(explain), language=answer_in or ""
        )
        with stderr().status("opening the library") as status:
            if search is not None:
                ids = [hit.id for hit in library.search(search, mode=how, top=top).hits]
                if not ids:
                    raise UsageError(f"nothing in this library matches '{search}'", remedy="try fewer or other words")
            else:
                ids = split_ids(pmids or ())
            for event in library.summarise(ids, options, model=model):
                if isinstance(event, Stage):
                    status.update(event.name)
                elif isinstance(event, Answer):
                    answer = event
        deliver(library, answer, options, written=written, out=out, table=table, as_json=as_json, summarised=tuple(ids))
