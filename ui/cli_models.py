"""``pubmed-rag models …`` and ``doctor``: what this machine has and lacks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from pubmed_rag.core.errors import LibraryError, UnknownModelError
from pubmed_rag.core.models import ModelSpec, registry
from pubmed_rag.ui.command import JsonOption, state_of
from pubmed_rag.ui.console import ConsoleProgress, stderr, stdout
from pubmed_rag.ui.contract import to_json

if TYPE_CHECKING:
    from rich.console import Console

    from pubmed_rag.ui.doctor import Finding

group = typer.Typer(no_args_is_help=True, help="The models: what is known, what is here.")

NamesArgument = Annotated[
    list[str] | None, typer.Argument(metavar="[NAME...]", help="Default: the two embedded models.")
]
EMBEDDED = ("minilm", "smollm2-135m")


def add_to(app: typer.Typer) -> None:
    app.add_typer(group, name="models")
    app.command("doctor")(doctor)


@group.command("list")
def list_models(context: typer.Context, as_json: JsonOption = False) -> None:
    """All registered models and whether they are on this machine."""
    from rich.table import Table

    from pubmed_rag.core.model_store import ModelStore

    statuses = ModelStore(state_of(context).settings.models.directory).statuses()
    if as_json:
        rows = [
            {
                "name": s.spec.name,
                "kind": s.spec.kind,
                "title": s.spec.title,
                "licence": s.spec.licence,
                "megabytes": s.spec.megabytes,
                "memory_megabytes": s.spec.memory_megabytes,
                "languages": list(s.spec.languages) if s.spec.kind == "llm" else [],
                "origin": s.spec.origin,
                "state": s.state,
                "path": str(s.path) if s.path else None,
            }
            for s in statuses
        ]
        typer.echo(to_json(rows))
        return
    table = Table(box=None, pad_edge=False)
    for column in ("name", "kind", "here", "size", "memory", "licence", "what"):
        table.add_column(column, justify="right" if column in ("size", "memory") else "left", overflow="fold")
    for status in statuses:
        spec = status.spec
        here = "yes" if status.state == "present" else "no"
        table.add_row(
            spec.name,
            spec.kind,
            here,
            f"{spec.megabytes:,} MB",
            f"{spec.memory_megabytes:,} MB",
            spec.licence,
            spec.title,
        )
    stdout().print(table)


@group.command("recommend")
def recommend(context: typer.Context, as_json: JsonOption = False) -> None:
    """Which language model suits this machine's memory and cores, and how to get it."""
    from rich.table import Table

    from pubmed_rag.core.model_store import ModelStore
    from pubmed_rag.rag.recommend import recommended, suitabilities, this_machine

    machine = this_machine()
    found = suitabilities(machine, registry().values())
    best = recommended(found)
    here = {
        status.spec.name
        for status in ModelStore(state_of(context).settings.models.directory).statuses()
        if status.state == "present"
    }
    if as_json:
        rows = [
            {
                "name": item.spec.name,
                "fits": item.fits,
                "slow": item.slow,
                "here": item.spec.name in here,
                "megabytes": item.spec.megabytes,
                "memory_megabytes": item.spec.memory_megabytes,
                "licence": item.spec.licence,
                "languages": list(item.spec.languages),
            }
            for item in found
        ]
        about = {"memory_megabytes": machine.memory_megabytes, "cores": machine.cores}
        typer.echo(to_json({"machine": about, "recommended": best.name if best else None, "models": rows}))
        return
    console = stdout()
    console.print(f"This machine: {machine.memory_megabytes:,} MB of memory, {machine.cores} cores for a model.")
    table = Table(box=None, pad_edge=False)
    for column in ("name", "here", "memory", "suits", "writes", "licence"):
        table.add_column(column, justify="right" if column == "memory" else "left", overflow="fold")
    for item in found:
        suits = "too large" if not item.fits else "fits, but slow" if item.slow else "yes"
        memory = f"{item.spec.memory_megabytes:,} MB"
        here_or_not = "yes" if item.spec.name in here else "no"
        table.add_row(item.spec.name, here_or_not, memory, suits, " ".join(item.spec.languages), item.spec.licence)
    console.print(table)
    if best is None:
        console.print(
            "None fits. One that is served elsewhere works: set models.endpoint, ask with --model openai:NAME."
        )
    elif best.name in here:
        console.print(f"Recommended: {best.name}. Use it with 'pubmed-rag ask … --model {best.name}'.")
    else:
        console.print(f"Recommended: {best.name}. Fetch it with 'pubmed-rag models pull {best.name}'.")


@group.command("pull")
def pull(context: typer.Context, names: NamesArgument = None) -> None:
    """Fetch models and verify them. An interrupted fetch goes on where it stopped."""
    from pubmed_rag.core.model_store import ModelStore

    store = ModelStore(state_of(context).settings.models.directory)
    for spec in _specs(names):
        fetched = store.pull(spec, ConsoleProgress())
        stderr().print(f"{spec.name}: {'fetched and verified' if fetched else 'already here'}")


@group.command("verify")
def verify(context: typer.Context, names: NamesArgument = None, as_json: JsonOption = False) -> None:
    """Read every file of the models and compare it with its checksum. Exit code 5 if one differs."""
    from pubmed_rag.core.model_store import ModelStore

    store = ModelStore(state_of(context).settings.models.directory)
    found = [store.verify(spec) for spec in _specs(names)]
    if as_json:
        typer.echo(to_json([{"name": s.spec.name, "state": s.state, "problems": list(s.problems)} for s in found]))
    else:
        for status in found:
            stdout().print(
                f"{status.spec.name}: {status.state}" + "".join(f"; {problem}" for problem in status.problems)
            )
    bad = [status for status in found if status.state != "present"]
    if bad:
        name = bad[0].spec.name
        raise LibraryError(
            f"the model {name} is {bad[0].state}", remedy=f"fetch it with 'pubmed-rag models pull {name}'"
        )


def doctor(context: typer.Context, as_json: JsonOption = False) -> None:
    """What works on this machine, what is missing, and the command that mends it."""
    from pubmed_rag.ui.doctor import examine

    findings: list[Finding] = []
    console = stdout()
    with stderr().status("looking"):
        for finding in examine(state_of(context).settings):
            findings.append(finding)
            if not as_json:
                _print_finding(console, finding)
    if as_json:
        typer.echo(to_json(findings))
    if any(finding.state == "broken" for finding in findings):
        raise LibraryError("something is broken", remedy="see the list above")


def _print_finding(console: Console, finding: Finding) -> None:
    mark = {"ok": "[green]ok     [/]", "missing": "[yellow]missing[/]", "broken": "[red]broken [/]"}[finding.state]
    console.print(mark, end=" ")
    console.print(f"{finding.name}: {finding.detail}", markup=False)
    if finding.remedy:
        console.print(f"        mend it: {finding.remedy}", markup=False)


def _specs(names: list[str] | None) -> list[ModelSpec]:
    known = registry()
    for name in names or ():
        if name not in known:
            raise UnknownModelError(f"unknown model '{name}'", remedy=f"known: {', '.join(known)}")
    return [known[name] for name in names or EMBEDDED]
