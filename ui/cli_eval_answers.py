"""``pubmed-rag eval temperature``: what the temperature of the language model does to its answers."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from pubmed_rag.core.errors import UsageError
from pubmed_rag.ui.command import JsonOption, state_of
from pubmed_rag.ui.console import ConsoleProgress, stderr, stdout
from pubmed_rag.ui.contract import to_json

QuestionsArgument = Annotated[
    Path, typer.Argument(metavar="FILE|DIR", help="qa.jsonl, or golden files of BioASQ (a file or a folder).")
]
SplitOption = Annotated[str | None, typer.Option(help="Which of them: a split of qa.jsonl, or a batch such as 11B.")]
LimitOption = Annotated[int | None, typer.Option(min=1, help="Only so many, spread evenly over all.")]
ModelOption = Annotated[str | None, typer.Option(metavar="NAME|FILE.gguf", help="The language model that answers.")]
TopOption = Annotated[int | None, typer.Option(min=1, help="How many articles are searched for evidence.")]
"""Which questions are asked of what, for every command that measures answers."""


def add_to(group: typer.Typer) -> None:
    group.command("temperature")(temperature)


def temperature(
    context: typer.Context,
    questions: QuestionsArgument,
    split: SplitOption = None,
    limit: LimitOption = None,
    temperatures: Annotated[str, typer.Option(help="Numbers from 0 to 2, separated by commas.")] = "0,0.3,0.7,1",
    seeds: Annotated[int, typer.Option(min=1, help="Runs of each question at each temperature above 0.")] = 5,
    model: ModelOption = None,
    top: TopOption = None,
    together: Annotated[
        bool,
        typer.Option(
            "--together", help="Write all answers to a question at once, in this process: several times faster."
        ),
    ] = False,
    verdicts_only: Annotated[
        bool, typer.Option("--verdicts-only", help="Let the model pick yes, no or maybe, and write nothing.")
    ] = False,
    out: Annotated[Path | None, typer.Option(metavar="DIR", help="Default: runs/temperature of the library.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Does a lower temperature make answers steadier and less wrong? The same questions at each, over several seeds.

    Measures what the model itself wrote, before the check replaces what does not hold. Writes a table (CSV,
    JSON), a plot (SVG) and a report; interrupted, it goes on with the question it was at.
    """
    from pubmed_rag.eval.temperature_report import findings, study_json, study_table
    from pubmed_rag.ui.api_eval_answers import study_temperature
    from pubmed_rag.ui.render_eval import print_table

    study, measures = study_temperature(
        questions,
        split=split,
        limit=limit,
        temperatures=_numbers(temperatures),
        seeds=seeds,
        model=model,
        top=top,
        together=together,
        verdicts_only=verdicts_only,
        out=out,
        settings=state_of(context).settings,
        progress=ConsoleProgress(),
    )
    if as_json:
        typer.echo(to_json(study_json(study, measures)))
        return
    console = stdout()
    for line in findings(study, measures):
        console.print(Text(f"- {line}"))
    print_table(console, study_table(study, measures))
    where = out or state_of(context).settings.library.expanduser() / "runs" / "temperature"
    stderr().print(f"Report: {where / 'report.md'}", markup=False)


def _numbers(text: str) -> tuple[float, ...]:
    try:
        return tuple(float(part) for part in text.split(",") if part.strip())
    except ValueError:
        raise UsageError(
            f"'{text}' is no list of temperatures", remedy="write numbers with commas, for example 0,0.3,0.7,1"
        ) from None
