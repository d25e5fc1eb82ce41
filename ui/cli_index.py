"""``pubmed-rag index …``: make articles searchable."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer

from pubmed_rag.core.errors import IndexCorruptError
from pubmed_rag.core.records import BuildReport
from pubmed_rag.ui.api import Library
from pubmed_rag.ui.command import JsonOption, opened_library
from pubmed_rag.ui.console import stderr, stdout
from pubmed_rag.ui.contract import build_json, to_json

if TYPE_CHECKING:
    from pubmed_rag.index.build import BuildOptions
    from pubmed_rag.index.generation import Manifest

group = typer.Typer(no_args_is_help=True, help="Make the library searchable.")

FactoryOption = Annotated[
    str,
    typer.Option(
        "--factory",
        help="FAISS factory string for the article vectors; 'auto' chooses by their number and the memory.",
    ),
]
RecallOption = Annotated[
    float,
    typer.Option("--recall", help="Share of the ten truly nearest articles that a search should find; 1 compares all."),
]
MemoryOption = Annotated[
    float | None,
    typer.Option(
        "--memory-gb",
        help="What the codes of large libraries may take while searching.",
        show_default="half of this machine's",
    ),
]
SentencesOption = Annotated[
    bool | None,
    typer.Option(
        "--sentences/--no-sentences",
        help="Store a vector for every sentence: better ranking and evidence.",
        show_default="up to 5 million articles",
    ),
]
FromEmbeddingsOption = Annotated[
    bool, typer.Option("--from-embeddings", help="Use only vectors that are there already; load no model.")
]


def add_to(app: typer.Typer) -> None:
    app.add_typer(group, name="index")


@group.command("build")
def build(
    context: typer.Context,
    factory: FactoryOption = "auto",
    recall: RecallOption = 0.95,
    memory_gb: MemoryOption = None,
    sentences: SentencesOption = None,
    from_embeddings: FromEmbeddingsOption = False,
    as_json: JsonOption = False,
) -> None:
    """Build the index from all articles. Texts embedded before are not embedded again.

    The present index serves until the new one is complete; an interrupted build goes on where it was.
    """
    options = _options(factory, recall, memory_gb, sentences, from_embeddings)
    _make(context, options, as_json, lambda library: library.build_index)


@group.command("update")
def update(
    context: typer.Context,
    factory: FactoryOption = "auto",
    recall: RecallOption = 0.95,
    memory_gb: MemoryOption = None,
    sentences: SentencesOption = None,
    from_embeddings: FromEmbeddingsOption = False,
    as_json: JsonOption = False,
) -> None:
    """Bring the index up to date at the cost of what changed; build it where there is none.

    It keeps the kind of index there is, until the library has outgrown it.
    """
    options = _options(factory, recall, memory_gb, sentences, from_embeddings)
    _make(context, options, as_json, lambda library: library.update_index)


@group.command("train-ranker")
def train_ranker(
    context: typer.Context,
    dataset: Annotated[Path, typer.Option(metavar="DIR", help="A judged collection, such as a BEIR folder.")],
    split: Annotated[str, typer.Option(help="Which qrels to learn from. Never those you will measure on.")] = "train",
    seed: Annotated[int, typer.Option(help="Equal seeds give an equal ranker.")] = 0,
    as_json: JsonOption = False,
) -> None:
    """Learn from judgements to put the best articles first, for 'search --rerank learned' and 'hybrid+ranker'.

    The ranker is kept in the library, and with the collection for 'eval run'. Its gain is measured by
    cross-validation: every topic by a ranker that has seen neither it nor one with the same relevant articles.
    """
    with opened_library(context, create=True) as library:
        trained = library.train_ranker(dataset, split=split, seed=seed)
    manifest, gain = trained.manifest, trained.manifest.gain
    if as_json:
        typer.echo(to_json({**msgspec.to_builtins(manifest), "learned_on": str(trained.learned_on)}))
        return
    stdout().print(
        f"trained on {manifest.taught:,} of {manifest.topics:,} topics of {manifest.training.collection} "
        f"({manifest.training.split}); cross-validated nDCG@10 {gain.before:.4f} → {gain.after:.4f} "
        f"({gain.difference:+.4f}, p = {gain.p:.3g}; {gain.wins} better, {gain.losses} worse)"
    )
    if gain.difference <= 0:
        stderr().print("These judgements taught it nothing: better do without it.")


@group.command("import-embeddings")
def import_embeddings(
    context: typer.Context,
    folder: Annotated[Path, typer.Argument(help="Folder with embeds_chunk_N.npy and pmids_chunk_N.json.")],
    model: Annotated[str, typer.Option("--model", help="The model that made the vectors.")] = "medcpt",
    as_json: JsonOption = False,
) -> None:
    """Take article vectors computed elsewhere, in the layout in which NCBI publishes MedCPT's for all of PubMed.

    Vectors of articles that the library does not hold are counted and skipped. Then make an index of them:
    'index build --from-embeddings', with the setting models.embedder naming the same model.
    """
    with opened_library(context) as library:
        report = library.import_embeddings(folder, model=model)
        chosen = library.settings.models.embedder
    if as_json:
        typer.echo(to_json(report))
        return
    stdout().print(
        f"{report.read:,} vectors of {report.dimension} dimensions read: {report.stored:,} new, "
        f"{report.known:,} known, {report.skipped:,} of articles that are not in the library"
    )
    setting = "" if chosen == model else f"PUBMED_RAG_MODELS_EMBEDDER={model} "
    stderr().print(f"make an index of them: {setting}pubmed-rag index build --from-embeddings")


@group.command("info")
def info(context: typer.Context, as_json: JsonOption = False) -> None:
    """What the index is made of."""
    with opened_library(context) as library:
        manifest = library.manifest()
        if as_json:
            typer.echo(to_json(manifest))
            return
        from pubmed_rag.ui.render import facts_table

        behind = library.store.last_sequence() - manifest.sequence
        size = sum(record.size for record in manifest.files.values())
        stdout().print(
            facts_table(
                [
                    ("library", str(library.paths.root)),
                    ("generation", f"{manifest.generation}, built {manifest.created}"),
                    ("articles", _articles(manifest)),
                    ("sentences", f"{manifest.sentences:,}"),
                    ("behind", f"{behind:,} changes" if behind else "no, up to date"),
                    ("model", f"{manifest.model} {manifest.model_revision}, {manifest.dimension} dimensions"),
                    ("vectors", _vectors(manifest)),
                    ("mixture", _mixture(manifest)),
                    ("size", f"{size / 1e6:,.1f} MB"),
                    ("versions", ", ".join(f"{name} {version}" for name, version in manifest.versions.items())),
                ]
            )
        )


@group.command("list")
def list_generations(context: typer.Context, as_json: JsonOption = False) -> None:
    """The index generations that are kept, newest first: the one in use and those to switch to."""
    from pubmed_rag.index.generation import current_name

    with opened_library(context) as library:
        kept, used = library.generations(), current_name(library.paths)
        last = library.store.last_sequence()
        rows = [
            {
                "generation": generation.manifest.generation,
                "in_use": generation.manifest.generation == used,
                "created": generation.manifest.created,
                "articles": generation.manifest.articles,
                "behind": last - generation.manifest.sequence,
                "model": generation.manifest.model,
                "model_revision": generation.manifest.model_revision,
                "size": generation.size,
            }
            for generation in kept
        ]
    if as_json:
        typer.echo(to_json(rows))
        return
    if not rows:
        stderr().print("there is no index yet: 'pubmed-rag index build' makes one", markup=False)
        return
    from rich.table import Table

    table = Table("generation", "built", "articles", "changes since", "model", "MB", box=None, pad_edge=False)
    for generation, row in zip(kept, rows, strict=True):
        table.add_row(
            f"{row['generation']}{', in use' if row['in_use'] else ''}",
            str(row["created"]),
            f"{row['articles']:,}",
            f"{row['behind']:,}",
            str(row["model"]),
            f"{generation.size / 1e6:,.1f}",
        )
    stdout().print(table)


@group.command("switch")
def switch(
    context: typer.Context,
    generation: Annotated[str, typer.Argument(metavar="GENERATION", help="One that 'index list' names.")],
    as_json: JsonOption = False,
) -> None:
    """Search in a kept generation from the next search on, also in a page that is open.

    Its files are compared with their checksums first. The next build or update goes on from it.
    """
    from pubmed_rag.index.generation import current_name

    with opened_library(context) as library:
        before = current_name(library.paths)
        manifest = library.switch_index(generation)
        behind = library.store.last_sequence() - manifest.sequence
    if as_json:
        typer.echo(to_json({"generation": manifest.generation, "before": before, "articles": manifest.articles}))
        return
    stdout().print(f"{manifest.generation} is in use; articles: {manifest.articles:,}, model: {manifest.model}")
    if behind:
        stderr().print(
            f"later changes of the library that it lacks: {behind:,}; 'pubmed-rag index update' adds them", markup=False
        )


def _articles(manifest: Manifest) -> str:
    without = manifest.articles - manifest.vectors.vectors if manifest.vectors else 0
    return f"{manifest.articles:,}" + (f", {without:,} of them without a vector" if without else "")


def _mixture(manifest: Manifest) -> str:
    if manifest.mixture is None:
        return "not recorded; the index is from an earlier pubmed-rag"
    weights = ", ".join(f"{name} {weight:.2f}" for name, weight in manifest.mixture.weights.items())
    return f"{weights}; chosen on {manifest.mixture.chosen_on}"


def _vectors(manifest: Manifest) -> str:
    facts = manifest.vectors
    if facts is None:
        return manifest.factory
    parts = [f"{facts.vectors:,} as {manifest.factory}, {facts.plan.rows} rows"]
    if facts.probes:
        parts.append(f"{facts.probes} lists looked into, {10 * facts.plan.refine:,} candidates scored for ten hits")
    if facts.sampled:
        parts.append(f"{facts.recall:.1%} of the ten nearest found ({facts.sampled} samples)")
    return "; ".join(parts)


@group.command("verify")
def verify(context: typer.Context, as_json: JsonOption = False) -> None:
    """Compare every file of the index with its checksum. Exit code 5 if one differs."""
    from pubmed_rag.index.generation import current_generation

    with opened_library(context) as library:
        generation = current_generation(library.paths)
        problems = generation.problems()
        if as_json:
            typer.echo(
                to_json({"generation": generation.manifest.generation, "ok": not problems, "problems": problems})
            )
        elif not problems:
            stdout().print(f"{generation.manifest.generation}: {len(generation.manifest.files)} files, all as built")
        if problems:
            raise IndexCorruptError(
                f"the index {generation.manifest.generation} is damaged: {'; '.join(problems)}",
                remedy="rebuild it with 'pubmed-rag index build' (articles and embeddings are kept)",
            )


def _options(
    factory: str, recall: float, memory_gb: float | None, sentences: bool | None, from_embeddings: bool
) -> BuildOptions:
    from pubmed_rag.index.build import BuildOptions

    memory = None if memory_gb is None else int(memory_gb * 1e9)
    return BuildOptions(factory, sentences, recall, memory, from_embeddings)


def _make(
    context: typer.Context,
    options: BuildOptions,
    as_json: bool,
    method: Callable[[Library], Callable[..., BuildReport]],
) -> None:
    with opened_library(context) as library:
        report = method(library)(options)
    if as_json:
        typer.echo(to_json(build_json(report)))
    elif report.embedded or report.reused:
        stdout().print(
            f"{report.generation}: {report.articles:,} articles; {report.embedded:,} texts embedded, "
            f"{report.reused:,} reused; {report.seconds:.1f} s"
        )
    else:
        stdout().print(f"{report.generation} is up to date: {report.articles:,} articles")
