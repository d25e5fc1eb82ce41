"""``pubmed-rag demo``: from nothing to a cited answer."""

from __future__ import annotations

from typing import Annotated

import typer

from pubmed_rag.ui.command import JsonOption, state_of


def add_to(app: typer.Typer) -> None:
    app.command("demo")(demo)


def demo(
    context: typer.Context,
    question: Annotated[
        str | None, typer.Argument(help="A clinical question; default: one the sample library covers.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Fetch the models, bring articles in, index them, and answer a question with citations.

    Asks PubMed for a few hundred articles on the question; where NCBI cannot be reached it says so and uses
    the sample library that comes with the program. A second run repeats nothing that is done.
    """
    from pubmed_rag.ui.demo import run_demo

    state = state_of(context)
    run_demo(state.settings, question, own_library=not state.library_named, as_json=as_json)
