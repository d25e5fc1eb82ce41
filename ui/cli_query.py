"""``pubmed-rag query``: a question turned into what finds articles."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from pubmed_rag.core.errors import LibraryNotFoundError, UsageError
from pubmed_rag.ui.command import JsonOption, opened_library
from pubmed_rag.ui.console import stderr
from pubmed_rag.ui.contract import query_help_json, to_json

if TYPE_CHECKING:
    from pubmed_rag.rag.query_help import QueryHelp


def query(
    context: typer.Context,
    question: Annotated[str, typer.Argument(help="A question in plain language.")],
    synonyms: Annotated[
        bool, typer.Option("--synonyms", help="Let the model propose other names; those that MeSH knows come in.")
    ] = False,
    hypothetical: Annotated[
        bool, typer.Option("--hypothetical", help="Also invent an abstract, to search by meaning with.")
    ] = False,
    model: Annotated[str | None, typer.Option(metavar="NAME|FILE.gguf", help="See 'pubmed-rag models list'.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Turn a question into a PubMed query to begin with, and if wanted into an invented abstract.

    With MeSH in the library ('pubmed-rag ingest mesh') each concept is its headings and the words of titles and
    abstracts. The query is printed alone on stdout, to be edited or used: pubmed-rag search --mode pubmed "$(…)".
    """
    invented = None
    try:
        with opened_library(context) as library, stderr().status("looking at the question"):
            found = library.query_help(question, model=model, synonyms=synonyms)
            if hypothetical:
                invented = library.hypothetical_abstract(question, model=model)
    except LibraryNotFoundError:
        if hypothetical or synonyms:
            raise
        found = _without_library(question)
    if as_json:
        typer.echo(to_json({**query_help_json(found), "hypothetical": invented}))
        return
    _tell(found)
    typer.echo(found.query)
    if invented is not None:
        stderr().print("invented, for searching with --mode dense only:", style="yellow")
        typer.echo(invented)


def _without_library(question: str) -> QueryHelp:
    from pubmed_rag.rag.query_help import help_with_query

    if not question.strip():
        raise UsageError("the question is empty")
    return help_with_query(question)


def _tell(found: QueryHelp) -> None:
    """What the query is made of, what it finds here, and what was left out of it."""
    console = stderr()
    for concept in found.concepts:
        headings = ", ".join(concept.headings) or "words only"
        added = f"; the model adds {', '.join(concept.added)}" if concept.added else ""
        console.print(f"  {concept.words}: {headings}{added}", markup=False, style="dim")
    if not found.query:
        console.print("note: no word of this question names a subject", style="yellow")
    elif not found.has_mesh:
        console.print(
            "note: without MeSH in a library the words are left for PubMed to map; 'pubmed-rag ingest mesh' adds it",
            style="yellow",
        )
    for words, alone in found.left_out:
        why = "no article here has it" if not alone else f"{alone:,} here have it, none with all the rest"
        console.print(f"left out, for the query found nothing: {words} ({why})", markup=False, style="yellow")
    if found.hits is not None:
        many = "1 article" if found.hits == 1 else f"{found.hits:,} articles"
        console.print(f"finds {many} in this library", style="dim")
