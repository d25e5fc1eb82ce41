"""From a collection and systems to an evaluation and its files. Killed and repeated, it goes on where it stopped."""

from __future__ import annotations

import platform
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

import msgspec
import numpy as np

from pubmed_rag.core.errors import UsageError
from pubmed_rag.core.files import write_text
from pubmed_rag.core.library import LibraryPaths
from pubmed_rag.core.progress import SILENT, Progress
from pubmed_rag.core.store import ArticleStore
from pubmed_rag.eval.collections import Collection, CorpusLoader
from pubmed_rag.eval.measures import JUDGED_10, RANKING, WSS_95, Task, score_collection
from pubmed_rag.eval.provenance import ASSESSORS, ranking_code_digest, source_commit, versions
from pubmed_rag.eval.records import Evaluation, Provenance, SystemResult
from pubmed_rag.eval.report import report_markdown
from pubmed_rag.eval.report_html import report_html
from pubmed_rag.eval.run_cache import Run, run_system
from pubmed_rag.eval.statistics import (
    FEWEST,
    RESAMPLES,
    Comparison,
    Interval,
    bootstrap_interval,
    compare_all,
    correct_together,
)
from pubmed_rag.eval.systems import System, SystemContext, make_systems, named_specs
from pubmed_rag.eval.workspace import NO_MESH, WITHOUT_MESH, left_out, prepare, whole_texts
from pubmed_rag.index.embedder import Embedder
from pubmed_rag.index.generation import current_generation
from pubmed_rag.index.likelihood import LanguageModel
from pubmed_rag.index.rerankers import LEARNED
from pubmed_rag.index.search import Searcher, no_language_model

_FEW_TOPICS = 25


@dataclass(frozen=True, slots=True)
class _SystemFacts:
    """A system in ``manifest.json``: what ran, when, and which run file it gave."""

    name: str
    run: str
    sha256: str
    made: str
    fingerprint: str
    configuration: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class _Manifest:
    """``manifest.json``, written last: where it stands, everything else does."""

    dataset: str
    split: str
    topics: int
    qrels: int
    measures: Mapping[str, str]
    provenance: Provenance
    systems: tuple[_SystemFacts, ...]
    left_out: tuple[str, ...]


def evaluate_collection(
    collection: Collection,
    system_names: Sequence[str],
    out: Path,
    *,
    root: Path,
    load_corpus: CorpusLoader,
    embedder: Embedder,
    seed: int = 0,
    task: Task = RANKING,
    ranker: Path | None = None,
    language_model: Callable[[str], LanguageModel] = no_language_model,
    set_up: Callable[[LibraryPaths], Mapping[str, str]] | None = None,
    progress: Progress = SILENT,
) -> Evaluation:
    """``eval run``: the collection's own library under ``root``, the named systems over it, results in ``out``.

    ``ranker`` is the folder of a learned ranker, used where the collection's library has none of its own;
    ``language_model`` loads the one of ``hybrid+likelihood``. ``set_up`` gives that library MeSH, and says which: what
    the emulated PubMed depends on.
    Raises :class:`UsageError` for a system name that is not known, before anything is built, and what
    ingesting, building and searching raise.
    """
    named_specs(system_names)
    paths = prepare(collection, root, load_corpus, embedder, progress)
    vocabulary = set_up(paths) if set_up else {}
    with ArticleStore(paths) as store:
        searcher = Searcher(paths, store, lambda: embedder, ranker=ranker, language_model=language_model)
        index = current_generation(paths).manifest
        context = SystemContext(searcher, index, vocabulary, texts=lambda: whole_texts(store))
        systems = make_systems(system_names, context)
        notes = [*left_out(collection, store), *_learned_here(collection, systems, searcher)]
        if vocabulary == NO_MESH and any(system.configuration.get("mode") == "pubmed" for system in systems):
            notes.append(WITHOUT_MESH)
        return evaluate(collection, systems, out, seed=seed, left_out=notes, task=task, progress=progress)


def _learned_here(collection: Collection, systems: Sequence[System], searcher: Searcher) -> list[str]:
    """A ranker that learned from the topics it is now measured on, in words."""
    return [
        f"the learned ranker of {system.name} was trained on these very topics, so its figures flatter it"
        for system in systems
        if system.configuration.get("rerank") == LEARNED
        and searcher.learned().training.topics_digest == collection.topics_digest
    ]


def evaluate(
    collection: Collection,
    systems: Sequence[System],
    out: Path,
    *,
    seed: int = 0,
    left_out: Sequence[str] = (),
    task: Task = RANKING,
    pairs: Sequence[tuple[str, str]] | None = None,
    progress: Progress = SILENT,
) -> Evaluation:
    """Run ``systems`` on every topic, measure, compare every pair, and write all files into ``out``.

    Systems compare in the order given: put the baseline first. ``seed`` serves the statistics only;
    systems are asked as they are. ``left_out`` says what no system could find. Runs in ``out/runs`` whose
    configuration, corpus and topics are the same are used as they are.
    """
    if not systems:
        raise UsageError("no system was named")
    runs = [run_system(system, collection, task.depth, out / "runs", progress=progress) for system in systems]
    evaluation = assess(collection, runs, out, seed=seed, left_out=left_out, task=task, pairs=pairs, progress=progress)
    _write(evaluation, collection)
    return evaluation


def assess(
    collection: Collection,
    runs: Sequence[Run],
    out: Path,
    *,
    seed: int,
    left_out: Sequence[str] = (),
    task: Task = RANKING,
    pairs: Sequence[tuple[str, str]] | None = None,
    progress: Progress = SILENT,
) -> Evaluation:
    """The evaluation of finished runs. Nothing is asked and nothing written; ``out`` is only noted.

    ``pairs`` of (baseline, system) are those that matter; without, every pair is compared.
    """
    wanted = list(combinations([run.system for run in runs], 2) if pairs is None else pairs)
    with progress.task("measuring", len(runs), "systems") as bar:
        measured = []
        for run in runs:
            measured.append(_result(collection, run, seed, task))
            bar.advance()
    results = tuple(measured)
    primary = {result.name: result.scores.values[task.primary.name] for result in results}
    compared: list[Comparison] = []
    with progress.task("comparing", len(wanted), "pairs") as bar:
        for pair in wanted:
            compared += compare_all(task.primary.name, primary, seed=seed, pairs=[pair])
            bar.advance()
    return Evaluation(
        dataset=collection.name,
        split=collection.split,
        topics=collection.topics,
        measures=task.measures,
        primary=task.primary,
        systems=results,
        comparisons=correct_together(compared),
        left_out=(*collection.notes, *left_out, *_reservations(collection, results)),
        provenance=_provenance(collection, runs, seed, task),
        out=out,
    )


def _result(collection: Collection, run: Run, seed: int, task: Task) -> SystemResult:
    scores = score_collection(collection, run.rankings, task)
    interval = bootstrap_interval(scores.values[task.primary.name], seed=seed)
    lowest = -1.0 if task.primary is WSS_95 else 0.0
    milliseconds = list(run.facts.milliseconds.values())
    return SystemResult(
        name=run.system,
        scores=scores,
        interval=Interval(max(interval.low, lowest), min(interval.high, 1.0)) if interval else None,
        without_results=sum(not run.rankings.get(topic.id) for topic in collection.topics),
        median_ms=round(float(np.percentile(milliseconds, 50)), 1),
        p95_ms=round(float(np.percentile(milliseconds, 95)), 1),
        run=run.facts,
    )


def _reservations(collection: Collection, results: Iterable[SystemResult]) -> list[str]:
    """What a reader must know before believing a figure, in words."""
    notes = []
    total = len(collection.topics)
    relevant = {qrel.topic_id for qrel in collection.qrels if qrel.relevance > 0}
    if total > len(relevant):
        notes.append(
            f"topics without a relevant document, on which all score 0: {total - len(relevant):,} of {total:,}"
        )
    if total < FEWEST:
        notes.append(
            f"there are only {total} topics: too few for intervals, so the range of the single topics stands in their "
            "place, and only large differences can show"
        )
    elif total < _FEW_TOPICS:
        notes.append(f"there are only {total} topics: intervals are rough, and only large differences can show")
    judged = [result.scores.mean(JUDGED_10.name) for result in results]
    if min(judged) < 1.0:
        lowest, highest = f"{min(judged):.0%}", f"{max(judged):.0%}"
        share = lowest if lowest == highest else f"{lowest} to {highest}"
        notes.append(
            f"{share} of the first ten documents were judged; the others count as not relevant, rightly or not"
        )
    return notes


def _provenance(collection: Collection, runs: Sequence[Run], seed: int, task: Task) -> Provenance:
    return Provenance(
        date=max(run.facts.made for run in runs),
        commit=source_commit(),
        code=ranking_code_digest(),
        seed=seed,
        resamples=RESAMPLES,
        depth=task.depth,
        python=platform.python_version(),
        platform=platform.platform(),
        versions=versions(ASSESSORS),
        corpus_digest=collection.digest,
        topics_digest=collection.topics_digest,
        qrels_digest=collection.qrels_digest,
    )


def _write(evaluation: Evaluation, collection: Collection) -> None:
    """Every file but the runs, each whole or not there, the manifest last."""
    out = evaluation.out
    for name, frame in (("metrics.csv", evaluation.to_frame()), ("per_query.csv", evaluation.per_query_frame())):
        write_text(out / name, frame.to_csv(index=False, float_format="%.6f", lineterminator="\n"))
    write_text(out / "report.md", report_markdown(evaluation))
    write_text(out / "report.html", report_html(evaluation))
    manifest = _Manifest(
        dataset=evaluation.dataset,
        split=evaluation.split,
        topics=len(evaluation.topics),
        qrels=len(collection.qrels),
        measures={measure.name: measure.expression for measure in evaluation.measures},
        provenance=evaluation.provenance,
        systems=tuple(_system_facts(system) for system in evaluation.systems),
        left_out=evaluation.left_out,
    )
    write_text(out / "manifest.json", msgspec.json.format(msgspec.json.encode(manifest), indent=1).decode() + "\n")


def _system_facts(system: SystemResult) -> _SystemFacts:
    facts = system.run
    path = f"runs/{system.name}.trec"
    return _SystemFacts(system.name, path, facts.sha256, facts.made, facts.fingerprint, facts.configuration)
