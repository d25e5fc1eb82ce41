"""``pubmed-rag eval judge`` and ``eval qa``: one's own judgements, and how good answers are."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.text import Text

from pubmed_rag.ui import cli_eval_answers
from pubmed_rag.ui.cli_eval_answers import LimitOption, ModelOption, QuestionsArgument, SplitOption, TopOption
from pubmed_rag.ui.command import JsonOption, opened_library, state_of
from pubmed_rag.ui.console import ConsoleProgress, stderr, stdout
from pubmed_rag.ui.contract import to_json

if TYPE_CHECKING:
    from pubmed_rag.core.store import ArticleStore
    from pubmed_rag.eval.judging import JudgingSession

_KEYS = {"r": 2, "p": 1, "n": 0}
_HELP = "r relevant   p partly   n not   s skip   u undo   q quit"


def add_to(group: typer.Typer) -> None:
    group.command("judge")(judge)
    group.command("qa")(qa)
    cli_eval_answers.add_to(group)


def judge(
    context: typer.Context,
    queries: Annotated[
        list[str], typer.Argument(metavar="QUERY|FILE…", help="Queries, or text files with one query a line.")
    ],
    out: Annotated[Path, typer.Option(metavar="DIR", help="Where the judgements go, and are gone on with.")] = Path(
        "judgements"
    ),
    systems: Annotated[str, typer.Option(help="Whose results are judged; names, separated by commas.")] = (
        "pubmed-any,bm25,dense,hybrid"
    ),
    depth: Annotated[int, typer.Option(min=1, help="How many results of each system.")] = 10,
    seed: Annotated[int, typer.Option(help="Of the order in which they are shown.")] = 0,
) -> None:
    """Judge what the systems find for your own queries: shuffled, and blind to the system that found it.

    Keys: r relevant, p partly, n not, s skip, u undo, q quit. Every judgement is saved at once, and the
    command goes on where you stopped. Afterwards 'pubmed-rag eval challenge DIR/challenge.toml --data DIR'
    measures the systems on them.
    """
    from pubmed_rag.eval.judging import JudgingSession, make_pools, read_queries, write_challenge_file
    from pubmed_rag.eval.systems import SystemContext, make_systems, named_specs

    topics = read_queries(queries)
    names = [name.strip() for name in systems.split(",") if name.strip()]
    specs = named_specs(names)
    with opened_library(context) as library:
        asked = make_systems(names, SystemContext(library.searcher, library.manifest()))
        pools = make_pools(topics, asked, out, depth=depth, seed=seed)
        session = JudgingSession(out, topics, pools)
        _judge_all(session, library.store)
        path = write_challenge_file(out, library.paths.root, specs)
    stderr().print(
        f"{session.judged:,} of {session.total:,} judged, saved in {out}. "
        f"Measure: pubmed-rag eval challenge {path} --data {out}",
        markup=False,
    )


def _judge_all(session: JudgingSession, store: ArticleStore) -> None:
    console = stdout()
    while (item := session.current) is not None:
        article = store.get(item.doc_id)
        console.print()
        console.print(Text(f"[{session.judged + 1}/{session.total}]  {item.topic.text}", style="bold"))
        console.print(Text(article.display_title(), style="underline"))
        console.print(Text(article.text[len(article.title) :].strip()[:2_000]))
        console.print(Text(_HELP, style="dim"))
        key = _key()
        if key in _KEYS:
            session.judge(_KEYS[key])
        elif key == "s":
            session.skip()
        elif key == "u":
            if not session.undo():
                console.print(Text("nothing to undo in this session", style="yellow"))
        elif key in ("q", "\x03", "\x04", ""):
            return


def _key() -> str:
    """One key from the terminal, or one character from a pipe; empty at its end."""
    if sys.stdin.isatty():
        return typer.getchar().lower()
    while (character := sys.stdin.read(1)) and character.isspace():
        pass
    return character.lower()


def qa(
    context: typer.Context,
    questions: QuestionsArgument,
    split: SplitOption = None,
    limit: LimitOption = None,
    model: ModelOption = None,
    top: TopOption = None,
    out: Annotated[Path | None, typer.Option(metavar="DIR", help="Default: runs/qa of the library.")] = None,
    as_json: JsonOption = False,
) -> None:
    """How good the library's answers are: verdicts, citations, support, ROUGE, and abstaining when it should.

    The library must hold the articles that the questions are about. Answers are kept as they come.
    """
    from pubmed_rag.ui.api_eval import evaluate_answers
    from pubmed_rag.ui.render_eval import print_qa

    report = evaluate_answers(
        questions,
        split=split,
        limit=limit,
        model=model,
        top=top,
        out=out,
        settings=state_of(context).settings,
        progress=ConsoleProgress(),
    )
    if as_json:
        typer.echo(
            to_json({"name": report.name, "measures": report.measures, "notes": report.notes, "out": report.out})
        )
        return
    print_qa(stdout(), report)
    stderr().print(f"Report: {Path(report.out) / 'report.md'}", markup=False)
