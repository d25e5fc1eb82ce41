"""``ingest mesh``: files of MeSH, or NLM's own from the network, become the library's vocabulary."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from datetime import date
from pathlib import Path

from pubmed_rag.core.errors import InputError
from pubmed_rag.core.library import LibraryPaths
from pubmed_rag.core.mesh import MeshRecord
from pubmed_rag.core.mesh_store import MeshInfo, build
from pubmed_rag.core.progress import SILENT, Progress
from pubmed_rag.ingest.mesh_download import NLM, download_mesh
from pubmed_rag.ingest.mesh_files import read_mesh


def ingest_mesh(
    files: Sequence[Path],
    paths: LibraryPaths,
    *,
    today: date,
    address: str | None = None,
    progress: Progress = SILENT,
) -> MeshInfo:
    """Make ``LIBRARY/mesh.sqlite`` from ``files``, or without any from what NLM (or ``address``) has.

    Kinds of record that are not among the files stay as they are. Nothing changes where a file cannot be read.
    """
    if files:
        return _build(files, paths, progress)
    folder = paths.downloads / "mesh"
    fetched = download_mesh(folder, today=today, address=address or NLM, progress=progress)
    info = _build(fetched, paths, progress)
    shutil.rmtree(folder)
    return info


def _build(files: Sequence[Path], paths: LibraryPaths, progress: Progress) -> MeshInfo:
    for file in files:
        if file.is_dir():
            raise InputError(f"{file} is a folder", remedy="name the files of MeSH in it")
    source = ", ".join(file.name for file in files)
    return build(paths.mesh, _records(files), source=source, progress=progress)


def _records(files: Sequence[Path]) -> Iterator[MeshRecord]:
    for file in files:
        yield from read_mesh(file)
