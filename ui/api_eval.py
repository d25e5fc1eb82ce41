"""The Python door to evaluation: judged collections, the challenge, comparisons. Heavy parts load when needed."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from pubmed_rag.core.errors import InputError, UsageError
from pubmed_rag.core.files import sha256_of
from pubmed_rag.core.library import LibraryPaths
from pubmed_rag.core.progress import SILENT, Progress
from pubmed_rag.core.records import Answer, IngestReport
from pubmed_rag.core.settings import Settings, load_settings
from pubmed_rag.core.store import ArticleStore

if TYPE_CHECKING:
    from pubmed_rag.eval.challenge_config import ChallengeConfig
    from pubmed_rag.eval.challenge_records import ChallengeResult
    from pubmed_rag.eval.collections import Collection, CorpusLoader
    from pubmed_rag.eval.compare import Difference
    from pubmed_rag.eval.leaderboard import Leaderboard
    from pubmed_rag.eval.qa_records import QaReport
    from pubmed_rag.eval.records import Evaluation
    from pubmed_rag.eval.workshop import LibraryWorkshop
    from pubmed_rag.index.embedder import Embedder
    from pubmed_rag.index.likelihood import LanguageModel
    from pubmed_rag.rag.answer import AskOptions
    from pubmed_rag.ui.api import Library


def evaluate(
    dataset: str | Path,
    *,
    split: str = "test",
    systems: Sequence[str] = ("bm25", "dense", "hybrid"),
    out: str | Path | None = None,
    task: str = "ranking",
    seed: int = 0,
    settings: Settings | None = None,
    progress: Progress = SILENT,
) -> Evaluation:
    """Run systems over a judged collection and write run files, measures and a report to ``out``.

    The collection gets a library of its own, indexed once and kept in ``settings.collections``.
    ``out`` defaults to ``runs/<dataset>-<split>`` of the library. The result has ``to_frame()``.
    """
    from pubmed_rag.eval.measures import TASKS
    from pubmed_rag.eval.open_collection import open_collection
    from pubmed_rag.eval.run import evaluate_collection
    from pubmed_rag.eval.screening import as_screening

    if task not in TASKS:
        raise UsageError(f"unknown task '{task}'", remedy=f"choose from {', '.join(TASKS)}")
    chosen = settings or load_settings(os.environ)
    collection = open_collection(Path(dataset), split)
    if not collection.corpus:
        raise InputError(
            f"{dataset} has judgements only, and no documents to search",
            remedy="put its documents in as 'corpus' of a challenge file ('pubmed-rag eval challenge FILE')",
        )
    if task == "screening":
        collection = as_screening(collection)
    named = f"{collection.name}-{collection.split}" + ("" if task == "ranking" else f"-{task}")
    evaluation = evaluate_collection(
        collection,
        systems,
        Path(out) if out else _runs(chosen) / named,
        root=chosen.collections.expanduser(),
        load_corpus=corpus_loader(progress),
        embedder=_embedder(chosen, chosen.models.embedder),
        seed=seed,
        task=TASKS[task],
        ranker=LibraryPaths(chosen.library.expanduser()).ranker,
        language_model=language_models(chosen),
        set_up=_library_mesh(chosen),
        progress=progress,
    )
    leaderboard(settings=chosen).add(evaluation)
    return evaluation


def challenge(
    file: str | Path | None = None,
    *,
    data: str | Path = ".",
    out: str | Path | None = None,
    offline: bool = False,
    model: str | None = None,
    with_texts: bool = True,
    settings: Settings | None = None,
    progress: Progress = SILENT,
) -> ChallengeResult:
    """Run the collections and systems that a TOML file declares, or those that come with the program.

    ``data`` holds the collections. With ``offline`` PubMed itself is not asked: what was recorded in ``out`` is
    used. ``model`` writes rewritten queries, where a system wants them. Without ``with_texts`` the two
    reports show no text of the collections, only counts. ``out`` defaults to ``runs/challenge``
    of the library.
    """
    from pubmed_rag.core.models import find_model
    from pubmed_rag.eval.challenge import run_challenge
    from pubmed_rag.eval.challenge_config import read_challenge

    chosen = settings or load_settings(os.environ)
    config = read_challenge(Path(file) if file else None)
    for encoder in filter(None, (spec.encoder for spec in config.systems)):
        find_model(encoder, "embedder")  # an unknown name is refused before anything is built
    target = Path(out) if out else _runs(chosen) / "challenge"
    with _workshop(config, Path(data), target, offline, model, chosen, progress) as workshop:
        result = run_challenge(config, Path(data), target, workshop, with_texts=with_texts, progress=progress)
    board = leaderboard(settings=chosen)
    for found in result.collections:
        board.add(found.evaluation)
    return result


JUDGED = "judged"
"""The folder in ``runs`` with the measures of judgements made on the page."""


def measure_judgements(library: Library, folder: Path, *, progress: Progress = SILENT) -> ChallengeResult:
    """Measure systems on one's own judgements in ``folder`` (its ``challenge.toml`` says which), over the library they
    were made on, which is open. Results go to ``runs/judged``; nothing is asked of any service.
    """
    from pubmed_rag.eval.challenge import run_challenge
    from pubmed_rag.eval.challenge_config import read_challenge
    from pubmed_rag.eval.leaderboard import LEADERBOARD, Leaderboard
    from pubmed_rag.eval.workshop import LibraryWorkshop, OpenedLibrary

    config = read_challenge(folder / "challenge.toml")
    out = library.paths.runs / JUDGED
    workshop = LibraryWorkshop(
        library.settings.collections.expanduser(),
        corpus_loader(progress),
        library.embedder,
        record=out / "recorded",
        opened=OpenedLibrary(library.paths, library.store, library.searcher, library.manifest()),
        progress=progress,
    )
    result = run_challenge(config, folder, out, workshop, progress=progress)
    board = Leaderboard(library.paths.runs / LEADERBOARD)
    for found in result.collections:
        board.add(found.evaluation)
    return result


def compare(
    a: str | Path,
    b: str | Path,
    *,
    qrels: str | Path | None = None,
    measures: Sequence[str] = (),
    seed: int = 0,
) -> tuple[Difference, ...]:
    """Two result folders of ``eval run`` or ``eval challenge``, or with ``qrels`` two TREC run files: B against A."""
    from pubmed_rag.eval.compare import compare_folders, compare_runs

    if qrels is not None:
        return compare_runs(Path(a), Path(b), Path(qrels), measures=measures, seed=seed)
    return compare_folders(Path(a), Path(b), measures, seed=seed)


def evaluate_answers(
    questions: str | Path,
    *,
    split: str | None = None,
    limit: int | None = None,
    model: str | None = None,
    top: int | None = None,
    out: str | Path | None = None,
    settings: Settings | None = None,
    progress: Progress = SILENT,
) -> QaReport:
    """Ask the library the questions of a file and measure the answers.

    ``questions`` is a ``qa.jsonl`` or golden files of BioASQ. ``limit`` takes so many, spread evenly over all.
    ``out`` defaults to ``runs/qa`` of the library.
    """
    from dataclasses import replace

    from pubmed_rag.eval.qa import evaluate_answers as evaluate_all
    from pubmed_rag.eval.questions import read_questions, spread
    from pubmed_rag.ui.api import Library

    chosen = settings or load_settings(os.environ)
    path = Path(questions)
    asked = spread(read_questions(path, split), limit)
    with Library(chosen, progress=progress) as library:
        options = library.ask_options()
        if top is not None:
            options = replace(options, top=top)
        answerer = _LibraryAnswerer(library, options, model or chosen.models.llm)
        target = Path(out) if out else _runs(chosen) / "qa"
        return evaluate_all(f"{path.name}{f', {split}' if split else ''}", asked, answerer, target, progress=progress)


def answering_configuration(library: Library, options: AskOptions, model: str) -> dict[str, str]:
    """Everything that could change what a library answers."""
    from pubmed_rag.eval.provenance import ENGINES, answering_code_digest, versions

    manifest = library.manifest()
    return {
        "model": model,
        "top": str(options.top),
        "temperature": str(options.temperature),
        "seed": str(options.seed),
        "generation": manifest.generation,
        "articles": str(manifest.articles),
        "index": manifest.created,
        "encoder": f"{manifest.model} {manifest.model_revision}",
        "code": answering_code_digest(),
        **versions((*ENGINES, "llama-cpp-python")),
    }


class _LibraryAnswerer:
    """The product's own answers over one library."""

    def __init__(self, library: Library, options: AskOptions, model: str) -> None:
        self._library = library
        self._options = options
        self._model = model
        self.configuration: Mapping[str, str] = answering_configuration(library, options, model)

    def ask(self, question: str) -> Answer:
        return self._library.ask(question, self._options, model=self._model)


def leaderboard(*, settings: Settings | None = None) -> Leaderboard:
    """The results that every evaluation of this library left."""
    from pubmed_rag.eval.leaderboard import LEADERBOARD, Leaderboard

    return Leaderboard(_runs(settings or load_settings(os.environ)) / LEADERBOARD)


def fetch_dataset(name: str, folder: str | Path = ".", *, progress: Progress = SILENT) -> Path:
    """Download a known collection into ``folder`` and verify it."""
    from pubmed_rag.eval.datasets import dataset, fetch

    return fetch(dataset(name), Path(folder), progress)


def corpus_loader(progress: Progress = SILENT) -> CorpusLoader:
    """Puts a collection's documents into a store by the product's own ingestion."""
    from pubmed_rag.ingest.files import ingest_files

    def load(wanted: Collection, store: ArticleStore) -> IngestReport:
        report = ingest_files(wanted.corpus, store, progress=progress)
        if report.failed_files:
            failed = report.failed_files[0]
            raise InputError(f"could not read {failed.source}: {failed.reason}")
        return report

    return load


def language_models(settings: Settings) -> Callable[[str], LanguageModel]:
    """Loads the language model of a likelihood by name, from where the settings keep models."""
    from pubmed_rag.core.model_store import ModelStore

    def load(name: str) -> LanguageModel:
        from pubmed_rag.index.causal_model import load_causal_model

        return load_causal_model(name, ModelStore(settings.models.directory))

    return load


@contextmanager
def _workshop(
    config: ChallengeConfig,
    data: Path,
    out: Path,
    offline: bool,
    model: str | None,
    settings: Settings,
    progress: Progress,
) -> Iterator[LibraryWorkshop]:
    from pubmed_rag.eval.generator import EngineWriter
    from pubmed_rag.eval.pubmed_live import EntrezLive
    from pubmed_rag.eval.workshop import LibraryWorkshop
    from pubmed_rag.ingest.eutils import Eutils
    from pubmed_rag.ui.engines import lazy_engine

    weights = _weights(model, settings) if model else lambda: ""
    with lazy_engine(model or settings.models.llm, settings) as engine:
        yield LibraryWorkshop(
            settings.collections.expanduser(),
            corpus_loader(progress),
            _embedder(settings, settings.models.embedder),
            record=out / "recorded",
            live=None if offline else EntrezLive(Eutils(settings.entrez)),
            generator=EngineWriter(model, engine, weights) if model else None,
            encoder=lambda name: _embedder(settings, name),
            language_model=language_models(settings),
            set_up=_mesh_setter([data / name for name in config.mesh], settings, progress),
            progress=progress,
        )


def _mesh_setter(
    files: Iterable[Path], settings: Settings, progress: Progress
) -> Callable[[LibraryPaths], Mapping[str, str]]:
    """Gives a library the MeSH of ``files``, built once and linked; without files, none."""
    present = [path for path in files if path.is_file()]
    missing = [path for path in files if not path.is_file()]
    if missing:
        progress.note(f"without MeSH the emulated PubMed maps no terms: there is no {missing[0]}")
    if not present or missing:
        return _no_mesh
    digest = hashlib.sha256("".join(sha256_of(path) for path in present).encode()).hexdigest()[:16]

    def set_up(paths: LibraryPaths) -> Mapping[str, str]:
        from itertools import chain

        from pubmed_rag.core.mesh_store import build
        from pubmed_rag.ingest.mesh_files import read_mesh

        built = settings.collections.expanduser() / "mesh" / f"{digest}.sqlite"
        if not built.is_file():
            built.parent.mkdir(parents=True, exist_ok=True)
            records = chain.from_iterable(read_mesh(path) for path in present)
            build(built, records, source=", ".join(path.name for path in present), progress=progress)
        _link_mesh(built, paths)
        return {"mesh": digest}

    return set_up


def _library_mesh(settings: Settings) -> Callable[[LibraryPaths], Mapping[str, str]]:
    """Gives a collection's library the MeSH of the user's own library, where that has one."""
    own = LibraryPaths(settings.library.expanduser()).mesh
    if not own.is_file():
        return _no_mesh

    def set_up(paths: LibraryPaths) -> Mapping[str, str]:
        _link_mesh(own, paths)
        return {"mesh": f"the library's, sha256 {sha256_of(own)[:16]}"}

    return set_up


def _no_mesh(paths: LibraryPaths) -> Mapping[str, str]:
    """Takes away what an evaluation before may have linked, so that what is said of the run is true."""
    from pubmed_rag.eval.workspace import NO_MESH

    paths.mesh.unlink(missing_ok=True)
    return NO_MESH


def _link_mesh(built: Path, paths: LibraryPaths) -> None:
    if paths.mesh.is_file() and paths.mesh.samefile(built):
        return
    beside = paths.mesh.with_name(f".{paths.mesh.name}.new")
    beside.unlink(missing_ok=True)
    try:
        os.link(built, beside)
    except OSError:  # another file system, or one without links
        shutil.copyfile(built, beside)
    beside.replace(paths.mesh)


def _embedder(settings: Settings, name: str) -> Embedder:
    from pubmed_rag.core.model_store import ModelStore
    from pubmed_rag.index.embedder import load_embedder

    return load_embedder(name, ModelStore(settings.models.directory))


def _weights(model: str, settings: Settings) -> Callable[[], str]:
    """Says which weights ``model`` has. A model that is not there is refused now, before anything is built."""
    from pubmed_rag.core.model_store import ModelStore
    from pubmed_rag.rag.endpoint import PREFIX

    if model.startswith(PREFIX):
        return lambda: "served elsewhere: not known"
    path = Path(ModelStore(settings.models.directory).locate(model, "llm"))
    return lambda: f"sha256 {sha256_of(path)}"


def _runs(settings: Settings) -> Path:
    return LibraryPaths(settings.library.expanduser()).runs
