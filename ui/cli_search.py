"""``pubmed-rag search`` and ``ui``: what researchers use."""

from __future__ import annotations

from typing import Annotated

import typer

from pubmed_rag.core.errors import UsageError
from pubmed_rag.core.records import Filters
from pubmed_rag.ui.command import JsonOption, opened_library, state_of
from pubmed_rag.ui.console import stderr, stdout
from pubmed_rag.ui.contract import search_json, to_json

YearFrom = Annotated[int | None, typer.Option("--from", metavar="YEAR", help="Published in or after this year.")]
YearTo = Annotated[int | None, typer.Option("--to", metavar="YEAR", help="Published in or before this year.")]
TypesOption = Annotated[
    list[str] | None, typer.Option("--type", metavar="TYPE", help="Publication type; repeat for 'or'.")
]
MeshOption = Annotated[
    list[str] | None, typer.Option("--mesh", metavar="HEADING", help="MeSH heading; repeat for 'or'.")
]
JournalOption = Annotated[list[str] | None, typer.Option("--journal", metavar="NAME", help="Journal; repeat for 'or'.")]
LanguageOption = Annotated[
    list[str] | None, typer.Option("--language", metavar="CODE", help="Language, as 'eng'; repeat for 'or'.")
]
AbstractOption = Annotated[
    bool | None, typer.Option("--with-abstract/--without-abstract", help="Only articles with (without) abstract.")
]


def add_to(app: typer.Typer) -> None:
    app.command("search")(search)
    app.command("ui")(ui)


def search(
    context: typer.Context,
    query: Annotated[
        str | None, typer.Argument(help="Words, a question in plain language, or with --mode pubmed a PubMed query.")
    ] = None,
    mode: Annotated[
        str | None,
        typer.Option(
            help="hybrid (words and meaning), pubmed (PubMed's query language), bm25 (words) or dense (meaning). "
            "Default: hybrid."
        ),
    ] = None,
    top: Annotated[int | None, typer.Option(min=1, help="How many articles. Default: 10.")] = None,
    skip: Annotated[int, typer.Option(min=0, help="Leave out the first so many: the next page.")] = 0,
    like: Annotated[
        str | None, typer.Option("--like", metavar="PMID", help="Articles similar to this one, instead of a query.")
    ] = None,
    sort: Annotated[
        str, typer.Option(help="With --mode pubmed: relevance, date (of publication) or entered (into PubMed).")
    ] = "relevance",
    faithful: Annotated[
        bool,
        typer.Option(
            "--faithful/--strict",
            help="With --mode pubmed: pass over mistakes in silence as PubMed does, or refuse them. Default: refuse.",
        ),
    ] = False,
    fusion: Annotated[
        str | None, typer.Option(help="With --mode hybrid: sum (of scores) or rrf (of ranks). Default: sum.")
    ] = None,
    rerank: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="With --mode hybrid: order the first anew: 'likelihood' (a small language model reads the best "
            "eight, in about a second), 'learned' (see 'index train-ranker'), 'cross:MODEL' (a cross-encoder's name or "
            "folder), or 'none'.",
        ),
    ] = None,
    year_from: YearFrom = None,
    year_to: YearTo = None,
    types: TypesOption = None,
    mesh: MeshOption = None,
    journals: JournalOption = None,
    languages: LanguageOption = None,
    with_abstract: AbstractOption = None,
    retracted: Annotated[
        bool | None,
        typer.Option(
            "--only-retracted/--no-retracted", help="Only retracted papers, or none. Default: shown and marked."
        ),
    ] = None,
    explain: Annotated[
        bool,
        typer.Option(
            "--explain", help="Show how the query was understood, what each clause matches, and each hit's scores."
        ),
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Find articles in the library, by a query or by an article they should be like."""
    from pubmed_rag.index.query_kind import query_kind
    from pubmed_rag.index.search import as_mode, as_sort
    from pubmed_rag.ui.render import print_search

    filters = filters_of(year_from, year_to, types, mesh, journals, languages, with_abstract, retracted)
    if (query is None) == (like is None):
        raise UsageError("give a query or --like PMID", remedy="see 'pubmed-rag search --help'")
    if like is not None and (mode is not None or skip):
        raise UsageError("--like takes neither --mode nor --skip")
    with opened_library(context) as library, stderr().status("searching"):  # the first time, the model is loaded
        if like is not None:
            result = library.similar(like, top=top, filters=filters)
        else:
            result = library.search(
                query or "",
                mode=as_mode(mode) if mode else None,
                top=top,
                filters=filters,
                skip=skip,
                sort=as_sort(sort),
                strict=not faithful,
                explain=explain,
                fusion=fusion,
                rerank=rerank,
            )
    if as_json:
        typer.echo(to_json(search_json(result)))
        return
    warn(result.warnings)
    if result.mode != "pubmed" and query and query_kind(query) == "pubmed":
        warn(("this reads like a query in PubMed's language; --mode pubmed takes it as one",))
    print_search(stdout(), result, explain=explain)


def ui(
    context: typer.Context,
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port to listen on.")] = 8501,
    address: Annotated[
        str, typer.Option(help="Address to listen on; anything else than localhost opens it to others.")
    ] = "localhost",
    browser: Annotated[bool, typer.Option("--browser/--no-browser", help="Open the page in a browser.")] = True,
) -> None:
    """Open the page for searching and asking, in a browser on this machine."""
    from pubmed_rag.ui.serve import serve

    raise typer.Exit(serve(state_of(context).settings, port=port, address=address, browser=browser))


def filters_of(
    year_from: int | None,
    year_to: int | None,
    types: list[str] | None,
    mesh: list[str] | None,
    journals: list[str] | None,
    languages: list[str] | None,
    with_abstract: bool | None,
    retracted: bool | None,
) -> Filters:
    if year_from is not None and year_to is not None and year_from > year_to:
        raise UsageError(f"--from {year_from} is later than --to {year_to}")
    return Filters(
        year_from=year_from,
        year_to=year_to,
        publication_types=tuple(types or ()),
        mesh=tuple(mesh or ()),
        journals=tuple(journals or ()),
        languages=tuple(languages or ()),
        has_abstract=with_abstract,
        retracted=retracted,
    )


def warn(warnings: tuple[str, ...]) -> None:
    for warning in warnings:
        stderr().print(f"note: {warning}", style="yellow", markup=False)
