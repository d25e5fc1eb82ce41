"""``pubmed-rag eval …``: measure retrieval systems on judged collections."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pubmed_rag.ui.command import JsonOption, state_of
from pubmed_rag.ui.console import ConsoleProgress, stderr, stdout
from pubmed_rag.ui.contract import to_json

group = typer.Typer(no_args_is_help=True, help="Measure retrieval systems on judged collections.")


def add_to(app: typer.Typer) -> None:
    app.add_typer(group, name="eval")


@group.callback()
def _group() -> None:
    """Measure retrieval systems on judged collections."""


@group.command("run")
def run(
    context: typer.Context,
    dataset: Annotated[Path, typer.Option(metavar="DIR", help="A BEIR folder: corpus.jsonl, queries.jsonl, qrels/.")],
    split: Annotated[str, typer.Option(help="Which qrels: qrels/SPLIT.tsv.")] = "test",
    systems: Annotated[str, typer.Option(help="Names, separated by commas.")] = "bm25,dense,hybrid",
    out: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Where results go. Default: runs/ of the library.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Of the resampling behind intervals and p values.")] = 0,
    as_json: JsonOption = False,
) -> None:
    """Run systems over a collection: run files, measures with intervals, comparisons, a report to look at.

    The collection is indexed once and kept; runs that are done are not repeated.
    """
    from pubmed_rag.ui.api import evaluate
    from pubmed_rag.ui.render import print_evaluation

    settings = state_of(context).settings
    evaluation = evaluate(
        dataset,
        split=split,
        systems=tuple(name.strip() for name in systems.split(",") if name.strip()),
        out=out,
        seed=seed,
        settings=settings,
        progress=ConsoleProgress(),
    )
    if as_json:
        typer.echo(to_json(evaluation.summary()))
        return
    print_evaluation(stdout(), evaluation)
    stderr().print(f"Report: {evaluation.out / 'report.html'}", markup=False)
