"""``eval challenge``: systems × collections, and what they show. Killed and repeated, it goes on where it stopped."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import msgspec

from pubmed_rag.core.errors import InputError, UsageError
from pubmed_rag.core.files import sha256_of, write_text
from pubmed_rag.core.progress import SILENT, Progress
from pubmed_rag.eval.causes import CauseCounts, count_causes
from pubmed_rag.eval.challenge_config import ChallengeConfig, CollectionSpec
from pubmed_rag.eval.challenge_html import challenge_html
from pubmed_rag.eval.challenge_records import ChallengeResult, CollectionResult, Missing
from pubmed_rag.eval.challenge_report import challenge_markdown
from pubmed_rag.eval.collections import Collection
from pubmed_rag.eval.failures import Failure, failures
from pubmed_rag.eval.measures import TASKS
from pubmed_rag.eval.open_collection import open_collection, with_corpus, with_fewer_topics
from pubmed_rag.eval.query_groups import group_results, groups_of
from pubmed_rag.eval.run import evaluate
from pubmed_rag.eval.runs import read_run
from pubmed_rag.eval.screening import as_screening
from pubmed_rag.eval.statistics import correct_together
from pubmed_rag.eval.systems import System
from pubmed_rag.eval.topic_files import read_topics, write_topics
from pubmed_rag.eval.verdicts import reasons_for
from pubmed_rag.eval.workshop import Bench, Workshop
from pubmed_rag.eval.workspace import WITHOUT_MESH

FAILURES = 3
"""Topics shown of each collection on which the first challenger loses to a baseline, and as many on which it wins."""


def run_challenge(
    config: ChallengeConfig,
    data: Path,
    out: Path,
    workshop: Workshop,
    *,
    with_texts: bool = True,
    progress: Progress = SILENT,
) -> ChallengeResult:
    """Every declared system on every declared collection found under ``data``; all files into ``out``.

    ``with_texts`` shows, in the two reports, the texts of topics and titles on which systems differ most.

    A collection that is not there, or a system that cannot run on one, is left out and said so. Raises
    :class:`UsageError` where no collection is there at all, and what building and searching raise.
    """
    _check_recorded(config, data)
    results, missing = [], []
    for spec in config.collections:
        path = (data / spec.path).resolve()
        if not path.exists():
            missing.append(Missing(spec.name, f"there is no {spec.path} in the data folder"))
            continue
        progress.note(f"collection {spec.name}")
        collection = load(spec, data)
        with workshop.open(collection, spec) as bench:
            result, gone = _run_collection(config, spec, collection, bench, data, out / spec.name, progress)
        missing += gone
        if result is not None:
            results.append(result)
    if not results:
        raise UsageError(
            f"none of the collections of {config.source} is in {data}",
            remedy="name the folder with --data; 'pubmed-rag eval datasets' says how to get them",
        )
    challenge = ChallengeResult(config, tuple(_corrected(results)), tuple(missing), out, with_texts)
    write_challenge(challenge)
    return challenge


def _check_recorded(config: ChallengeConfig, data: Path) -> None:
    """Raise :class:`InputError` for a run file that is not there, where its collection is: before hours of work."""
    for collection in config.collections:
        for spec in config.systems_for(collection) if (data / collection.path).exists() else ():
            if spec.run is not None and not (data / spec.run).is_file():
                raise InputError(f"system '{spec.name}': there is no run file {data / spec.run}")


def write_challenge(result: ChallengeResult) -> None:
    """Every file of the challenge but those in the collections' folders, each whole or not there, the manifest last."""
    frames = {
        "metrics.csv": result.metrics_frame(),
        "per_query.csv": result.per_query_frame(),
        "comparisons.csv": result.comparisons_frame(),
    }
    for name, frame in frames.items():
        write_text(result.out / name, frame.to_csv(index=False, float_format="%.6f", lineterminator="\n"))
    write_text(result.out / "report.md", challenge_markdown(result))
    write_text(result.out / "report.html", challenge_html(result))
    manifest = {
        "title": result.config.title,
        "source": result.config.source,
        "seed": result.config.seed,
        "baseline": result.config.baseline,
        "challengers": result.config.challengers,
        "rivals": result.config.rivals,
        "about": result.config.about,
        "date": max(found.evaluation.provenance.date for found in result.collections),
        "commit": result.collections[0].evaluation.provenance.commit,
        "systems": result.config.systems,
        "collections": [
            {
                "declared": found.spec,
                "manifest": f"{found.spec.name}/manifest.json",
                "sha256": sha256_of(result.out / found.spec.name / "manifest.json"),
                "documents": found.documents,
                "live": found.live_dates,
                "provenance": found.evaluation.provenance,
                "judgements": found.judgements,
                "reasons": [
                    {"baseline": baseline, "system": system, "reasons": reasons}
                    for (baseline, system), reasons in found.reasons.items()
                ],
                "models": sorted({model for s in found.evaluation.systems for model in _models(s.run.configuration)}),
            }
            for found in result.collections
        ],
        "not_run": [str(missing) for missing in result.missing],
    }
    text = msgspec.json.format(msgspec.json.encode(manifest), indent=1).decode()
    write_text(result.out / "manifest.json", text + "\n")


def _models(configuration: Mapping[str, str]) -> list[str]:
    """The encoder an index was made with, by name and revision, which holds the checksum of its weights; and the
    language model that wrote the queries, by name and checksum."""
    found = []
    if model := configuration.get("model"):
        found.append(f"{model} {configuration['model_revision']}")
    if generator := configuration.get("generator"):
        found.append(f"{generator} {configuration['generator weights']}")
    return found


def load(spec: CollectionSpec, data: Path) -> Collection:
    """The collection that ``spec`` declares, under its own name, candidates set if it is for screening."""
    collection = open_collection(data / spec.path, spec.split, queries=spec.queries)
    if spec.corpus:
        collection = with_corpus(collection, [data / name for name in spec.corpus])
    if spec.topics is not None:
        collection = with_fewer_topics(collection, spec.topics)
    if spec.task == "screening":
        collection = as_screening(collection)
    return collection


def _run_collection(
    config: ChallengeConfig,
    spec: CollectionSpec,
    collection: Collection,
    bench: Bench,
    data: Path,
    out: Path,
    progress: Progress,
) -> tuple[CollectionResult | None, list[Missing]]:
    systems, gone = _systems(config, spec, collection, bench, data)
    if not systems:
        return None, [*gone, Missing(spec.name, "no system can run on it")]
    present = tuple(system.name for system in systems)
    pairs = config.pairs_for(spec, present)
    task = TASKS[spec.task]
    evaluation = evaluate(
        collection,
        systems,
        out,
        seed=config.seed,
        left_out=[note for note in bench.left_out if note != WITHOUT_MESH or _emulates(config, present)],
        task=task,
        pairs=pairs,
        progress=progress,
    )
    values = {system.name: system.scores.values[task.primary.name] for system in evaluation.systems}
    groups = tuple(groups_of(topic, spec.kind, bench.mesh_match) for topic in collection.topics)
    headline = [pair for pair in config.headline_pairs(spec) if pair in pairs]
    explained: tuple[Failure, ...] = ()
    causes: tuple[CauseCounts, ...] = ()
    rankings = {name: read_run(out / "runs" / f"{name}.trec") for name in present}
    with progress.task("explaining", len(collection.topics), "topics") as bar:

        def translate(text: str) -> str | None:
            bar.advance()
            return bench.translate(text)

        write_topics(out, collection, rankings, bench.texts, translate)
    kept = read_topics(out)
    if headline and kept:
        causes = count_causes(kept[0], headline, values, rankings, _components(config, present))
        for pair in headline:
            if pair[1] == headline[0][1]:  # the first challenger, against the baseline and against each rival
                explained += failures(collection, pair, values, rankings, bench.texts, bench.translate, FAILURES)
    return CollectionResult(
        spec=spec,
        evaluation=evaluation,
        documents=bench.documents,
        judgements=len(collection.qrels),
        groups=groups,
        group_results=group_results(groups, values, headline, config.seed),
        failures=explained,
        live_dates=bench.live_dates(),
        reasons={},
        causes=causes,
    ), gone


def _emulates(config: ChallengeConfig, present: Sequence[str]) -> bool:
    """Whether any system that runs is the emulated PubMed."""
    return any(spec.kind in ("pubmed", "expert-boolean") for spec in config.systems if spec.name in present)


def _components(config: ChallengeConfig, present: Sequence[str]) -> tuple[str, str] | None:
    """The first systems that rank by words and by vectors alone, as they are asked plainly; ``None`` without both."""
    plain = [spec for spec in config.systems if spec.name in present and spec.query == "raw" and not spec.encoder]
    words = next((spec.name for spec in plain if spec.kind == "bm25"), None)
    vectors = next((spec.name for spec in plain if spec.kind == "dense"), None)
    return (words, vectors) if words and vectors else None


def _systems(
    config: ChallengeConfig, spec: CollectionSpec, collection: Collection, bench: Bench, data: Path
) -> tuple[list[System], list[Missing]]:
    systems, gone = [], []
    for declared in config.systems_for(spec):
        why = ""
        if declared.kind == "pubmed-live" and not spec.pmids:
            why = "its ids are not known to be PMIDs"
        elif declared.kind == "expert-boolean" and not any(topic.boolean_query for topic in collection.topics):
            why = "none of its topics has a Boolean query"
        elif bench.documents == 0 and declared.kind not in ("pubmed-live", "recorded"):
            why = "it has judgements only, and no documents to search"
        elif declared.query.startswith("model-") and not bench.has_generator:
            why = "no language model was named to rewrite its topics"
        if why:
            gone.append(Missing(spec.name, why, declared.name))
            continue
        if declared.run is not None:
            declared = replace(declared, run=str(data / declared.run))
        systems.append(bench.make(declared))
    return systems, gone


def _corrected(results: list[CollectionResult]) -> list[CollectionResult]:
    """The same results with every comparison of the challenge corrected together, and its reasons beside."""
    comparisons = correct_together([comparison for result in results for comparison in result.evaluation.comparisons])
    corrected, position = [], 0
    for result in results:
        count = len(result.evaluation.comparisons)
        own = comparisons[position : position + count]
        position += count
        evaluation = replace(result.evaluation, comparisons=own)
        reasons = {(c.baseline, c.system): reasons_for(c, evaluation, result.spec.caution) for c in own}
        corrected.append(replace(result, evaluation=evaluation, reasons=reasons))
    return corrected
