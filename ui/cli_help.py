"""The help of every command as one Markdown page: ``python -m pubmed_rag.ui.cli_help > docs/cli.md``."""

from __future__ import annotations

import sys
from collections.abc import Iterator

from typer.main import get_command
from typer.testing import CliRunner

from pubmed_rag.ui.cli import app

_WIDTH = 100


def markdown() -> str:
    """The page: a heading and the printed help for each command, groups before their commands."""
    sections = [
        "# The command line",
        "Made by `make docs` from the program itself; a test fails when the two differ. "
        "Data goes to stdout, progress and messages to stderr. Exit codes: 0 done, 2 usage, 3 bad input, "
        "4 a remote service failed, 5 library or index, 1 a bug, 130 interrupted.",
    ]
    for path in _paths():
        # The width reaches typer through the environment only; the terminal of the moment must not matter.
        shown = CliRunner(env={"COLUMNS": str(_WIDTH), "TERMINAL_WIDTH": str(_WIDTH)}).invoke(app, [*path, "--help"])
        sections.append(f"## {' '.join(('pubmed-rag', *path))}\n\n```text\n{shown.output.strip()}\n```")
    return "\n\n".join(sections) + "\n"


def _paths() -> Iterator[tuple[str, ...]]:
    yield ()
    for name, command in get_command(app).commands.items():  # type: ignore[attr-defined]  # the root is a group
        yield (name,)
        for child in getattr(command, "commands", {}):
            yield (name, child)


if __name__ == "__main__":
    sys.stdout.write(markdown())
