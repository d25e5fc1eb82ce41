"""Index generations: built aside, described by a manifest, switched by one atomic rename."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import msgspec

from pubmed_rag.core.errors import IndexCorruptError, IndexMismatchError, IndexMissingError
from pubmed_rag.core.files import sha256_of, sync_directory, write_text
from pubmed_rag.core.library import LibraryPaths
from pubmed_rag.index.vectors import VectorFacts

FORMAT = 2
"""Raised when an older program could not read what this one writes."""

MANIFEST = "manifest.json"
VECTORS = "vectors"
_NAME = re.compile(r"g(\d{6,})")
_BUILDING = ".building-"
_REBUILD = "rebuild it with 'pubmed-rag index build' (articles and embeddings are kept)"


@dataclass(frozen=True, slots=True)
class FileRecord:
    """Size in bytes and hex SHA-256 of one file of a generation."""

    size: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a generation is made of. ``sequence`` is the last change of the store that it contains.

    ``vectors`` says how article vectors are indexed; fewer than ``articles`` where some came without.
    """

    format: int
    generation: str
    created: str
    articles: int
    sentences: int
    sequence: int
    model: str
    model_revision: str
    dimension: int
    normalised: bool
    factory: str
    analyzer: str
    versions: Mapping[str, str]
    vectors: VectorFacts | None = None
    files: Mapping[str, FileRecord] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Generation:
    """A complete generation on disk."""

    directory: Path
    manifest: Manifest

    @property
    def words(self) -> Path:
        return self.directory / "words"

    @property
    def vectors(self) -> Path:
        return self.directory / VECTORS

    @property
    def sentences(self) -> Path:
        return self.directory / "sentences"

    def problems(self) -> list[str]:
        """Every file that is missing or differs from the manifest; empty if the generation is whole."""
        found = []
        for name, record in self.manifest.files.items():
            path = self.directory / name
            if not path.is_file():
                found.append(f"{name} is missing")
            elif path.stat().st_size != record.size:
                found.append(f"{name} has {path.stat().st_size:,} bytes instead of {record.size:,}")
            elif sha256_of(path) != record.sha256:
                found.append(f"{name} differs from its checksum")
        return found

    def require_whole(self) -> None:
        """Raise :class:`IndexCorruptError` naming the first problem."""
        problems = self.problems()
        if problems:
            raise IndexCorruptError(f"the index {self.manifest.generation} is damaged: {problems[0]}", remedy=_REBUILD)


def current_name(paths: LibraryPaths) -> str | None:
    """The generation being served, or ``None`` before the first build."""
    try:
        return paths.current.read_text(encoding="ascii").strip() or None
    except FileNotFoundError:
        return None


def current_generation(paths: LibraryPaths) -> Generation:
    """The generation being served.

    Raises :class:`IndexMissingError`, :class:`IndexCorruptError` or :class:`IndexMismatchError`.
    """
    paths.require()
    name = current_name(paths)
    if name is None:
        raise IndexMissingError(
            f"the library in {paths.root} has no index yet", remedy="build it with 'pubmed-rag index build'"
        )
    directory = paths.index / name
    try:
        manifest = msgspec.json.decode((directory / MANIFEST).read_bytes(), type=Manifest)
    except (OSError, msgspec.DecodeError) as error:
        raise IndexCorruptError(f"the index {name} has no readable manifest ({error})", remedy=_REBUILD) from error
    if manifest.format > FORMAT:
        raise IndexMismatchError(
            f"the index {name} was built by a newer pubmed-rag",
            remedy="update with 'pip install --upgrade pubmed-rag', or rebuild it",
        )
    return Generation(directory, manifest)


@contextmanager
def new_generation(paths: LibraryPaths) -> Iterator[Path]:
    """A folder to build the next generation in. It is removed unless :func:`publish` moved it away.

    The caller holds the index lock, so leftovers of a killed build are nobody's and go first.
    """
    for leftover in paths.index.glob(f"{_BUILDING}*"):
        shutil.rmtree(leftover)
    directory = paths.index / f"{_BUILDING}{_next_name(paths)}"
    directory.mkdir(parents=True)
    try:
        yield directory
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def next_generation_name(directory: Path) -> str:
    """The name that a folder from :func:`new_generation` will have."""
    return directory.name.removeprefix(_BUILDING)


def publish(paths: LibraryPaths, directory: Path, manifest: Manifest) -> Generation:
    """Complete the generation in ``directory``, make it the current one, and drop all but the one before it."""
    files = {
        path.relative_to(directory).as_posix(): FileRecord(path.stat().st_size, sha256_of(path))
        for path in sorted(directory.rglob("*"))
        if path.is_file() and not path.name.endswith(".lock")
    }
    complete = replace(manifest, files=files)
    for path in directory.rglob("*"):
        if path.is_file():
            _sync(path)
    write_text(directory / MANIFEST, msgspec.json.format(msgspec.json.encode(complete), indent=1).decode())
    final = paths.index / manifest.generation
    directory.replace(final)
    sync_directory(paths.index)
    previous = current_name(paths)
    write_text(paths.current, manifest.generation + "\n")
    _drop_old(paths, keep={manifest.generation, previous or ""})
    return Generation(final, complete)


def _next_name(paths: LibraryPaths) -> str:
    current = _NAME.fullmatch(current_name(paths) or "g000000")
    number = int(current.group(1)) + 1 if current else 1
    leftover = paths.index / f"g{number:06d}"
    if leftover.exists():  # complete but never switched to: its maker died between the two renames
        shutil.rmtree(leftover)
    return leftover.name


def _drop_old(paths: LibraryPaths, keep: set[str]) -> None:
    """A reader may still be in the generation before; older ones go. Open files survive their deletion."""
    for directory in paths.index.iterdir():
        if _NAME.fullmatch(directory.name) and directory.name not in keep:
            shutil.rmtree(directory, ignore_errors=True)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
