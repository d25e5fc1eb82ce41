"""What the commands that answer share: their options, and how an answer leaves the program."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pubmed_rag.core.files import write_text
from pubmed_rag.core.records import Answer
from pubmed_rag.ui.cli_search import warn
from pubmed_rag.ui.console import stderr, stdout
from pubmed_rag.ui.contract import answer_json, studies_json, to_json

if TYPE_CHECKING:
    from pubmed_rag.rag.answer import AskOptions
    from pubmed_rag.ui.answer_file import AnswerFormat
    from pubmed_rag.ui.api import Library

ExplainOption = Annotated[
    str | None,
    typer.Option(
        "--explain-like",
        metavar="lay|expert",
        help="For whom: lay adds the meaning of terms, expert each study's design, size and effect as stated.",
    ),
]
AnswerInOption = Annotated[
    str | None,
    typer.Option(
        "--answer-in",
        metavar="CODE",
        help="Language of the answer, such as en or pt. Default: that of the question, where the model writes it.",
    ),
]
TableOption = Annotated[
    bool, typer.Option("--table", help="Also show the cited studies: design, year, participants, effect as stated.")
]
FormatOption = Annotated[
    str | None, typer.Option("--format", metavar="FORMAT", help="As a document: markdown, html or json.")
]
OutOption = Annotated[
    Path | None,
    typer.Option("--out", metavar="FILE", help="Write the document here. Default format: by its ending, or markdown."),
]

_BY_ENDING = {".md": "markdown", ".markdown": "markdown", ".html": "html", ".htm": "html", ".json": "json"}


def wanted_format(to: str | None, out: Path | None) -> AnswerFormat | None:
    """The format of the document that is wanted, or ``None`` for an answer on the screen."""
    from pubmed_rag.ui.answer_file import as_answer_format

    if to is None and out is None:
        return None
    ending = _BY_ENDING.get(out.suffix.casefold(), "markdown") if out is not None else "markdown"
    return as_answer_format(to or ending)


def deliver(
    library: Library,
    answer: Answer,
    options: AskOptions,
    *,
    written: AnswerFormat | None,
    out: Path | None,
    table: bool,
    as_json: bool,
    summarised: tuple[str, ...] = (),
) -> None:
    """Write the document that is wanted; print the answer, as JSON or to read, unless the document went to stdout.

    ``summarised``: the articles that the answer is a summary of, so that it can be made again.
    """
    from pubmed_rag.ui.answer_file import answer_file
    from pubmed_rag.ui.render import print_answer, print_studies

    if written is not None:
        cited = [citation.id for claim in answer.claims for citation in claim.citations]
        provenance = library.provenance(answer, options, summarised=summarised)
        text = answer_file(answer, library.store.get_many(cited), provenance, written)
        if out is None:
            typer.echo(text, nl=False)
            return
        write_text(out, text)
        stderr().print(f"written to {out}", markup=False)
    studies = library.studies(answer) if table else ()
    if as_json:
        content = answer_json(answer)
        typer.echo(to_json({**content, "studies": studies_json(studies)} if table else content))
        return
    warn(answer.notes)
    print_answer(stdout(), answer, library.store)
    if table:
        print_studies(stdout(), studies)
