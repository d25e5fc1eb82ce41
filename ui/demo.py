"""The demonstration: every step of the product once, each timed, none repeated."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from importlib import resources
from pathlib import Path

import platformdirs
import typer
from rich.console import Console
from rich.text import Text

from pubmed_rag.core.errors import RemoteError
from pubmed_rag.core.model_store import ModelStore
from pubmed_rag.core.models import registry
from pubmed_rag.core.settings import Settings
from pubmed_rag.ui.api import Library
from pubmed_rag.ui.cli_models import EMBEDDED
from pubmed_rag.ui.console import ConsoleProgress, stderr, stdout
from pubmed_rag.ui.contract import answer_json, to_json
from pubmed_rag.ui.render import print_answer

SAMPLE_QUESTIONS = (
    "Do COX-2 inhibitors cause fewer gastrointestinal ulcers than traditional NSAIDs?",
    "Do beta blockers reduce mortality in chronic heart failure?",
    "Do atypical antipsychotics improve cognition in schizophrenia more than haloperidol?",
)
"""What the sample library was made for; the first is the demonstration's default."""

_ARTICLES = 300
_FEWEST = 30
_PATIENCE_SECONDS = 8.0


def run_demo(settings: Settings, question: str | None, *, own_library: bool, as_json: bool) -> None:
    """Print a cited answer to ``question``. ``own_library`` keeps the demonstration out of the user's library."""
    console = stderr()
    asked = question or SAMPLE_QUESTIONS[0]
    if own_library:
        settings = settings.with_library(Path(platformdirs.user_data_dir("pubmed-rag")) / "demo")
    with _step(console, 1, "models"):
        store = ModelStore(settings.models.directory)
        for name in EMBEDDED:
            fetched = store.pull(registry()[name], ConsoleProgress(console))
            _say(console, f"{name}: {'fetched and verified' if fetched else 'already here'}")
    with Library(settings, create=True, progress=ConsoleProgress(console)) as library:
        with _step(console, 2, "articles"):
            from_sample = not _from_pubmed(library, settings, asked, console)
            if from_sample:
                _from_sample(library, console)
        with _step(console, 3, "index"):
            report = library.update_index()
            _say(console, f"{report.articles:,} articles; {report.embedded:,} texts embedded, {report.reused:,} known")
        with _step(console, 4, "answer"):
            answer = library.ask(asked, replace(library.ask_options(), temperature=0.0, seed=0))
        if as_json:
            typer.echo(to_json(answer_json(answer)))
            return
        print_answer(stdout(), answer, library.store)
        if from_sample and answer.status == "insufficient_evidence":
            _say(console, "The sample library covers three questions:")
            for known in SAMPLE_QUESTIONS:
                _say(console, f'  pubmed-rag demo "{known}"')
        _say(
            console,
            f"Go on: pubmed-rag --library '{library.paths.root}' ui   (or search, ask; see pubmed-rag --help)",
        )


def sample_file() -> Path:
    """The sample library: real studies, summarised in our words, as PubMed XML."""
    with resources.as_file(resources.files("pubmed_rag.ingest").joinpath("data/sample_library.xml")) as path:
        return path


def _from_pubmed(library: Library, settings: Settings, question: str, console: Console) -> bool:
    """Bring in articles on the question. Returns ``False`` where NCBI does not answer."""
    from pubmed_rag.ingest.entrez import EntrezClient, ingest_entrez
    from pubmed_rag.rag.query import keywords

    client = EntrezClient(replace(settings.entrez, tries=1, timeout_seconds=_PATIENCE_SECONDS))
    words = keywords(question)
    try:
        query = " ".join(words)
        while len(words) > 2 and client.search(query).count < _FEWEST:  # PubMed joins words by AND: fewer find more
            words = words[:-1]
            query = " ".join(words)
        if any(saved.query == query for saved in library.store.saved_queries()):
            _say(console, f"PubMed: '{query}' is in the library already")
            return True
        _say(console, f"asking PubMed for '{query}'")
        report = ingest_entrez(query, library.store, client, maximum=_ARTICLES, progress=ConsoleProgress(console))
        _say(console, f"{report.read:,} articles from PubMed, {report.added:,} new")
    except RemoteError as error:
        _say(console, f"PubMed cannot be reached from here ({error.message}).", style="yellow")
        return False
    return True


def _from_sample(library: Library, console: Console) -> None:
    report = library.ingest_files([sample_file()])
    total = report.added + report.updated + report.unchanged
    _say(
        console,
        f"Using the sample library that comes with the program: {total} real studies on three questions. "
        "Their abstracts are summaries in our own words, not the published ones.",
        style="yellow",
    )


@contextmanager
def _step(console: Console, number: int, name: str) -> Iterator[None]:
    started = time.monotonic()
    console.print(Text(f"{number}/4 {name}", style="bold"))
    yield
    console.print(Text(f"    {time.monotonic() - started:.1f} s", style="dim"))


def _say(console: Console, message: str, style: str = "") -> None:
    console.print(Text(f"    {message}", style=style))
