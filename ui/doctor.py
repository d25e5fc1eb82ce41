"""Look at this machine as a helper would: package by package, model by model, library and remote."""

from __future__ import annotations

import importlib
import os
import platform
import shutil
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from pubmed_rag.core.errors import PubmedRagError
from pubmed_rag.core.library import LibraryPaths
from pubmed_rag.core.model_store import ModelStore
from pubmed_rag.core.models import registry
from pubmed_rag.core.settings import Settings

_IMPORTS = {
    "biopython": "Bio",
    "faiss-cpu": "faiss",
    "ir-measures": "ir_measures",
    "lightgbm": "lightgbm",
    "llama-cpp-python": "llama_cpp",
    "lxml": "lxml",
    "pandas": "pandas",
    "sentence-transformers": "sentence_transformers",
    "streamlit": "streamlit",
    "tantivy": "tantivy",
    "torch": "torch",
}
_CONNECT_SECONDS = 3.0
_LEAST_FREE_BYTES = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at. ``remedy`` is a command or action, for what is missing or broken."""

    name: str
    state: Literal["ok", "missing", "broken"]
    detail: str
    remedy: str | None = None


def examine(settings: Settings) -> Iterator[Finding]:
    """Everything worth knowing before asking why something does not work, as it is found out."""
    yield from _machine(settings)
    yield from _packages()
    yield from _models(settings)
    yield from _library(settings)
    yield from _remote(settings)


def _machine(settings: Settings) -> Iterator[Finding]:
    yield Finding(
        "python",
        "ok",
        f"{platform.python_version()} on {platform.system()} {platform.machine()}, {os.cpu_count()} processors",
    )
    place = settings.library.expanduser().resolve()
    while not place.exists():
        place = place.parent
    free = shutil.disk_usage(place).free
    enough = free >= _LEAST_FREE_BYTES
    yield Finding(
        "disk",
        "ok" if enough else "broken",
        f"{free / 1e9:,.1f} GB free at {place}",
        None if enough else "free some space",
    )


def _packages() -> Iterator[Finding]:
    for package, module in _IMPORTS.items():
        try:
            importlib.import_module(module)
            yield Finding(package, "ok", metadata.version(package))
        except (ImportError, OSError, RuntimeError, metadata.PackageNotFoundError) as error:
            yield Finding(
                package, "broken", f"cannot be imported ({error})", f"pip install --force-reinstall {package}"
            )


def _models(settings: Settings) -> Iterator[Finding]:
    store = ModelStore(settings.models.directory)
    for name in dict.fromkeys((settings.models.embedder, settings.models.llm)):
        spec = registry().get(name)
        if spec is None:
            here = Path(name).exists()
            yield Finding(
                f"model {name}", "ok" if here else "missing", "a path" if here else "not registered and no such path"
            )
            continue
        status = store.verify(spec)
        remedy = None if status.state == "present" else f"pubmed-rag models pull {name}"
        if status.state == "damaged":
            remedy = f"delete {store.directory / name}, then: pubmed-rag models pull {name}"
        detail = "; ".join(status.problems) or {"present": "verified", "missing": "not on this machine"}.get(
            status.state, ""
        )
        state: Literal["ok", "missing", "broken"] = "ok" if status.state == "present" else "missing"
        yield Finding(f"model {name}", "broken" if status.state == "damaged" else state, detail, remedy)


def _library(settings: Settings) -> Iterator[Finding]:
    from pubmed_rag.core.store import ArticleStore
    from pubmed_rag.index.generation import current_generation
    from pubmed_rag.ingest.update import bulk_sources

    paths = LibraryPaths(settings.library.expanduser().resolve())
    if not paths.exists:
        yield Finding(
            "library", "missing", f"none in {paths.root}", "pubmed-rag ingest entrez QUERY, or pubmed-rag demo"
        )
        return
    try:
        with ArticleStore(paths) as store:
            counts = store.counts()
            sequence = store.last_sequence()
            saved, sources, updates = store.saved_queries(), bulk_sources(store), store.updates()
        yield Finding("library", "ok", f"{counts.articles:,} articles in {paths.root}")
        last = f"last updated {updates[-1].finished}" if updates else "not updated yet"
        yield Finding("sources", "ok", f"{len(saved)} saved queries, {len(sources)} sources of bulk files; {last}")
        yield _mesh(paths)
        generation = current_generation(paths)
        problems = generation.problems()
        if problems:
            yield Finding("index", "broken", problems[0], "pubmed-rag index build")
        elif generation.manifest.sequence < sequence:
            yield Finding(
                "index", "missing", f"{generation.manifest.generation} is behind the library", "pubmed-rag index update"
            )
        else:
            yield Finding("index", "ok", f"{generation.manifest.generation}, up to date")
    except PubmedRagError as error:
        yield Finding("library", "broken", error.message, error.remedy)


def _mesh(paths: LibraryPaths) -> Finding:
    from pubmed_rag.core.mesh_store import MeshStore

    if not paths.mesh.is_file():
        return Finding("MeSH", "missing", "PubMed queries are searched without headings", "pubmed-rag ingest mesh")
    try:
        with MeshStore(paths.mesh) as mesh:
            return Finding("MeSH", "ok", f"{mesh.info.counts.descriptors:,} headings, made {mesh.info.made}")
    except PubmedRagError as error:
        return Finding("MeSH", "broken", error.message, error.remedy)


def _remote(settings: Settings) -> Iterator[Finding]:
    address = urlsplit(settings.entrez.url)
    host = address.hostname or ""
    port = address.port or (443 if address.scheme == "https" else 80)
    try:
        with socket.create_connection((host, port), timeout=_CONNECT_SECONDS):
            yield Finding("E-utilities", "ok", f"{host} answers")
    except OSError as error:
        yield Finding(
            "E-utilities",
            "missing",
            f"{host} does not answer ({error})",
            "check the network; everything else works without it",
        )
    if not settings.entrez.email:
        yield Finding("email", "missing", "NCBI asks callers to say who they are", "export NCBI_EMAIL=you@example.org")
