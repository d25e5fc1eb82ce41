"""``pubmed-rag``: the command line. Commands live in ``cli_*.py``; this file puts them together.

Exit codes: 0 done, 2 usage, 3 bad input, 4 a remote service failed, 5 library or index, 1 a bug, 130 Ctrl-C.
"""

from __future__ import annotations

import logging
import os
import sys
import traceback
from importlib import metadata
from pathlib import Path
from typing import Annotated

import typer

from pubmed_rag.core.errors import INTERRUPTED_EXIT_CODE, PubmedRagError, translate
from pubmed_rag.core.settings import load_settings
from pubmed_rag.ui import (
    cli_ask,
    cli_demo,
    cli_eval,
    cli_export,
    cli_index,
    cli_ingest,
    cli_models,
    cli_search,
    cli_update,
)
from pubmed_rag.ui.command import State

app = typer.Typer(
    name="pubmed-rag",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    help="Search PubMed by meaning and by words on your own machine, get cited answers, and measure it against PubMed.",
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"pubmed-rag {metadata.version('pubmed-rag')}")
        raise typer.Exit


@app.callback()
def _options(
    context: typer.Context,
    library: Annotated[
        Path | None, typer.Option("--library", metavar="DIR", help="The library to use. [env: PUBMED_RAG_LIBRARY]")
    ] = None,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Tell what is going on, on stderr.")] = False,
    version: Annotated[  # noqa: ARG001  (its callback acts)
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    logging.basicConfig(
        level=logging.INFO if verbose else logging.WARNING,
        format="%(levelname)s %(name)s: %(message)s",
        stream=sys.stderr,
    )
    settings = load_settings(os.environ)
    context.obj = State(settings.with_library(library) if library else settings, library_named=library is not None)


cli_demo.add_to(app)
cli_ingest.add_to(app)
cli_index.add_to(app)
cli_search.add_to(app)
cli_ask.add_to(app)
cli_export.add_to(app)
cli_update.add_to(app)
cli_eval.add_to(app)
cli_models.add_to(app)


def main() -> None:
    """Run the command line and exit with its documented code."""
    sys.exit(run(sys.argv[1:]))


def run(arguments: list[str]) -> int:
    """Run one command and return its exit code; every failure becomes one line on stderr."""
    try:
        result = app(args=arguments, standalone_mode=False)
    except typer.TyperException as error:
        show = getattr(error, "show", None)  # a usage error shows the command's usage as well
        show() if show else print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    except (KeyboardInterrupt, typer.Abort):
        result = INTERRUPTED_EXIT_CODE
    except BrokenPipeError:  # the reader of our output went away, as `| head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception as error:
        known = translate(error)
        if known is None:
            traceback.print_exc()
            print("error: this is a bug in pubmed-rag; please report it with the lines above", file=sys.stderr)
            return PubmedRagError.exit_code
        print(f"error: {known}", file=sys.stderr)
        return known.exit_code
    if result == INTERRUPTED_EXIT_CODE:  # typer turns some interrupts into this code itself, in silence
        print("\nInterrupted. What was finished is kept; repeat the command to go on.", file=sys.stderr)
    return result if isinstance(result, int) else 0


if __name__ == "__main__":
    main()
