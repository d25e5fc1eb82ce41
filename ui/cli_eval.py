"""``pubmed-rag eval …``: measure retrieval systems on judged collections."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pubmed_rag.core.errors import UsageError
from pubmed_rag.ui import cli_eval_own
from pubmed_rag.ui.command import JsonOption, state_of
from pubmed_rag.ui.console import ConsoleProgress, stderr, stdout
from pubmed_rag.ui.contract import to_json

group = typer.Typer(no_args_is_help=True, help="Measure retrieval systems on judged collections.")

FloorOption = Annotated[
    list[str],
    typer.Option(metavar="[SYSTEM:]MEASURE=VALUE", help="Exit with 3 if a mean is lower. May be given more than once."),
]


def add_to(app: typer.Typer) -> None:
    cli_eval_own.add_to(group)
    app.add_typer(group, name="eval")


@group.callback()
def _group() -> None:
    """Measure retrieval systems on judged collections."""


@group.command("run")
def run(
    context: typer.Context,
    dataset: Annotated[
        Path,
        typer.Option(metavar="DIR", help="A BEIR folder (corpus.jsonl, queries.jsonl, qrels/) or one of TREC files."),
    ],
    split: Annotated[str, typer.Option(help="Which qrels: qrels/SPLIT.tsv.")] = "test",
    systems: Annotated[str, typer.Option(help="Names, separated by commas.")] = "bm25,dense,hybrid",
    out: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Where results go. Default: runs/ of the library.")
    ] = None,
    task: Annotated[str, typer.Option(help="How to measure: ranking, screening or boolean.")] = "ranking",
    seed: Annotated[int, typer.Option(min=0, help="Of the resampling behind intervals and p values.")] = 0,
    fail_below: FloorOption = [],  # noqa: B006  (typer copies it)
    as_json: JsonOption = False,
) -> None:
    """Run systems over a collection: run files, measures with intervals, comparisons, a report to look at.

    The collection is indexed once and kept; runs that are done are not repeated.
    """
    from pubmed_rag.eval.compare import check_floors, check_names, parse_floor
    from pubmed_rag.eval.measures import TASKS
    from pubmed_rag.ui.api_eval import evaluate
    from pubmed_rag.ui.render import print_evaluation

    floors = [parse_floor(text) for text in fail_below]
    names = tuple(name.strip() for name in systems.split(",") if name.strip())
    if task in TASKS:
        check_names(floors, names, [measure.name for measure in TASKS[task].measures])
    evaluation = evaluate(
        dataset,
        split=split,
        systems=names,
        out=out,
        task=task,
        seed=seed,
        settings=state_of(context).settings,
        progress=ConsoleProgress(),
    )
    summary = evaluation.summary()
    if as_json:
        typer.echo(to_json(summary))
    else:
        print_evaluation(stdout(), evaluation)
        stderr().print(f"Report: {evaluation.out / 'report.html'}", markup=False)
    check_floors(floors, summary.systems)


@group.command("challenge")
def challenge(
    context: typer.Context,
    file: Annotated[
        Path | None, typer.Argument(metavar="[FILE.toml]", help="What to run. Default: the challenge shipped with it.")
    ] = None,
    data: Annotated[Path, typer.Option(metavar="DIR", help="The folder that holds the collections.")] = Path(),
    out: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Where results go. Default: runs/challenge of the library.")
    ] = None,
    offline: Annotated[
        bool, typer.Option("--offline", help="Do not ask PubMed: use its answers recorded in the results' folder.")
    ] = False,
    model: Annotated[
        str | None, typer.Option(metavar="NAME|FILE.gguf", help="The language model that rewrites queries.")
    ] = None,
    without_texts: Annotated[
        bool,
        typer.Option("--without-texts", help="Show no text of the collections in the reports: for publishing them."),
    ] = False,
    fail_below: FloorOption = [],  # noqa: B006
    as_json: JsonOption = False,
) -> None:
    """Is language-model search better than PubMed's? Collections × systems, one report that says how sure.

    Writes report.html, report.md, CSV tables, TREC runs and a manifest. Interrupted, it goes on where it stopped.
    """
    from pubmed_rag.eval.compare import check_floors, parse_floor
    from pubmed_rag.ui.api_eval import challenge as run_challenge
    from pubmed_rag.ui.render_eval import print_challenge

    floors = [parse_floor(text) for text in fail_below]
    result = run_challenge(
        file,
        data=data,
        out=out,
        offline=offline,
        model=model,
        with_texts=not without_texts,
        settings=state_of(context).settings,
        progress=ConsoleProgress(),
    )
    summary = result.summary()
    if as_json:
        typer.echo(to_json(summary))
    else:
        print_challenge(stdout(), result)
        stderr().print(f"Report: {result.out / 'report.html'}", markup=False)
    for name, means in summary.collections.items():
        check_floors(floors, means, f"{name}/")


@group.command("compare")
def compare(
    a: Annotated[Path, typer.Argument(metavar="A", help="Results of 'eval run' or 'eval challenge', or a TREC run.")],
    b: Annotated[Path, typer.Argument(metavar="B", help="The same, made later or otherwise.")],
    qrels: Annotated[Path | None, typer.Option(metavar="FILE", help="Judgements, where A and B are TREC runs.")] = None,
    measure: Annotated[list[str], typer.Option(help="Default: what the systems were compared by.")] = [],  # noqa: B006
    seed: Annotated[int, typer.Option(min=0, help="Of the resampling behind intervals and p values.")] = 0,
    fail_below: FloorOption = [],  # noqa: B006
    as_json: JsonOption = False,
) -> None:
    """What a change did: each system that A and B share, B against A, topic by topic."""
    from pubmed_rag.eval.compare import check_floors, compared_means, parse_floor
    from pubmed_rag.ui.api_eval import compare as compare_results
    from pubmed_rag.ui.render_eval import print_differences

    if (a.is_file() or b.is_file()) and qrels is None:
        raise UsageError("two run files can be compared by judgements only", remedy="name them with --qrels FILE")
    floors = [parse_floor(text) for text in fail_below]
    differences = compare_results(a, b, qrels=qrels, measures=measure, seed=seed)
    if as_json:
        typer.echo(to_json({"a": str(a), "b": str(b), "differences": differences}))
    else:
        print_differences(stdout(), differences)
    for name, means in compared_means(differences).items():
        check_floors(floors, means, f"{name}/" if name else "")


@group.command("leaderboard")
def leaderboard(context: typer.Context, as_json: JsonOption = False) -> None:
    """The results of every evaluation so far, best first, and what changed from one to the next."""
    from pubmed_rag.ui.api_eval import leaderboard as board
    from pubmed_rag.ui.render_eval import leaderboard_json, print_leaderboard

    tables = board(settings=state_of(context).settings).tables()
    if as_json:
        typer.echo(to_json(leaderboard_json(tables)))
    else:
        print_leaderboard(stdout(), tables)


@group.command("datasets")
def datasets(
    get: Annotated[str | None, typer.Option(metavar="NAME", help="Download this one and verify it.")] = None,
    data: Annotated[Path, typer.Option(metavar="DIR", help="The folder that holds the collections.")] = Path(),
    as_json: JsonOption = False,
) -> None:
    """Judged collections that are known: what they are, their terms, and how to get them."""
    from pubmed_rag.eval.datasets import DATASETS
    from pubmed_rag.ui.api_eval import fetch_dataset
    from pubmed_rag.ui.render_eval import print_datasets

    if get is not None:
        path = fetch_dataset(get, data, progress=ConsoleProgress())
        typer.echo(to_json({"name": get, "path": str(path)}) if as_json else str(path))
        return
    here = {known.name: (data / known.folder).is_dir() for known in DATASETS}
    if as_json:
        entries = [
            {"here": here[known.name], **{name: getattr(known, name) for name in known.__slots__}} for known in DATASETS
        ]
        typer.echo(to_json({"datasets": entries}))
    else:
        print_datasets(stdout(), DATASETS, here)
