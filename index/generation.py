"""Index generations: built aside, described by a manifest, switched by one atomic rename."""

from __future__ import annotations

import hashlib
import os
import random
import re
import shutil
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

import msgspec

from pubmed_rag.core.errors import IndexCorruptError, IndexMismatchError, IndexMissingError, LibraryError, UsageError
from pubmed_rag.core.files import sha256_of, sync_directory, write_text
from pubmed_rag.core.library import LibraryPaths
from pubmed_rag.core.records import Mixture
from pubmed_rag.index.vectors import VectorFacts

FORMAT = 2
"""Raised when an older program could not read what this one writes."""

MANIFEST = "manifest.json"
VECTORS = "vectors"
_NAME = re.compile(r"g(\d{6,})")
_BUILDING = ".building-"

FULL_CHECK = 4 << 30
"""Up to so many bytes a generation is compared with its checksums in full each time it is loaded."""
BLOCK = 16 << 20
_SAMPLED_BLOCKS = 8
_DIGITS = 16
_READERS = 2
_REBUILD = "rebuild it with 'pubmed-rag index build' (articles and embeddings are kept)"


@dataclass(frozen=True, slots=True)
class FileRecord:
    """Size in bytes and hex SHA-256 of one file of a generation.

    ``blocks`` are, for a file of more than one block, the first 8 bytes (hex) of the SHA-256 of each
    ``BLOCK`` bytes, one after the other.
    """

    size: int
    sha256: str
    blocks: str = ""


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a generation is made of. ``sequence`` is the last change of the store that it contains.

    ``vectors`` says how article vectors are indexed; fewer than ``articles`` where some came without.
    ``mixture`` is how a search of it mixes words and meaning unless told otherwise, as of the build.
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
    mixture: Mixture | None = None
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

    def problems(self, full: int | None = None) -> list[str]:
        """Every file that is missing or differs from the manifest; empty if the generation is whole.

        In a generation of more than ``full`` bytes (``None``: no limit) only the first, the last and some other
        blocks of large files are compared, others each time; files of one block always are.
        """
        sampled = full is not None and self.size > full
        names = list(self.manifest.files)
        with ThreadPoolExecutor(_READERS) as readers:
            found = readers.map(lambda name: self._problem(name, self.manifest.files[name], sampled), names)
            return [problem for problem in found if problem]

    def require_whole(self, full: int = FULL_CHECK) -> None:
        """Raise :class:`IndexCorruptError` naming the first problem. What ``full`` means, :meth:`problems` says."""
        problems = self.problems(full)
        if problems:
            raise IndexCorruptError(f"the index {self.manifest.generation} is damaged: {problems[0]}", remedy=_REBUILD)

    def _problem(self, name: str, record: FileRecord, sampled: bool) -> str:
        path = self.directory / name
        if not path.is_file():
            return f"{name} is missing"
        if path.stat().st_size != record.size:
            return f"{name} has {path.stat().st_size:,} bytes instead of {record.size:,}"
        if sampled and record.blocks:
            last = len(record.blocks) // _DIGITS - 1
            chosen = {0, last, *random.sample(range(last + 1), min(_SAMPLED_BLOCKS, last + 1))}
            return next((_differs(name) for at in sorted(chosen) if not _same_block(path, record, at)), "")
        return "" if sha256_of(path) == record.sha256 else _differs(name)

    @property
    def size(self) -> int:
        """Bytes of all files. What an update did not change is shared with the generation before."""
        return sum(record.size for record in self.manifest.files.values())


def _differs(name: str) -> str:
    return f"{name} differs from its checksum"


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
    return _read(paths, name)


def kept_generations(paths: LibraryPaths) -> list[Generation]:
    """The generations on disk whose manifests can be read, newest first: the present one and what it can be
    exchanged for by :func:`switch`."""
    paths.require()
    names = sorted((path.name for path in _complete(paths)), key=_number, reverse=True)
    found = []
    for name in names:
        with suppress(LibraryError):
            found.append(_read(paths, name))
    return found


def switch(paths: LibraryPaths, name: str) -> Generation:
    """Serve the kept generation ``name`` from the next search on. Every file of it is compared first.

    Raises :class:`UsageError` where no such generation is kept, :class:`IndexCorruptError` where it is damaged,
    :class:`IndexMismatchError` where it cannot be read, and :class:`LibraryBusyError` during a build.
    """
    with paths.index_lock():
        kept = [generation.manifest.generation for generation in kept_generations(paths)]
        if name not in kept:
            raise UsageError(
                f"no index generation '{name}' is kept in {paths.root}",
                remedy=f"choose one of {', '.join(kept)}" if kept else "build one with 'pubmed-rag index build'",
            )
        chosen = _read(paths, name)
        if problems := chosen.problems():
            raise IndexCorruptError(f"the index {name} is damaged: {problems[0]}", remedy="choose another one")
        write_text(paths.current, name + "\n")
        return chosen


def _read(paths: LibraryPaths, name: str) -> Generation:
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
    known = _records_of_current(paths)
    files = {}
    for path in sorted(directory.rglob("*")):
        if path.is_file() and not path.name.endswith(".lock"):
            name = path.relative_to(directory).as_posix()
            files[name] = _linked(path, known.get(name)) or record_of(path)
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


def record_of(path: Path) -> FileRecord:
    """Size and checksums of a file."""
    whole = hashlib.sha256()
    blocks = []
    with path.open("rb") as stream:
        while piece := stream.read(BLOCK):
            whole.update(piece)
            blocks.append(hashlib.sha256(piece).hexdigest()[:_DIGITS])
    return FileRecord(path.stat().st_size, whole.hexdigest(), "".join(blocks) if len(blocks) > 1 else "")


def _same_block(path: Path, record: FileRecord, number: int) -> bool:
    with path.open("rb") as stream:
        stream.seek(number * BLOCK)
        digest = hashlib.sha256(stream.read(BLOCK)).hexdigest()[:_DIGITS]
    return digest == record.blocks[number * _DIGITS : (number + 1) * _DIGITS]


def _records_of_current(paths: LibraryPaths) -> dict[str, tuple[Path, FileRecord]]:
    """The files of the present generation with their records; empty if there is none that can be read."""
    try:
        generation = current_generation(paths)
    except LibraryError:
        return {}
    return {name: (generation.directory / name, record) for name, record in generation.manifest.files.items()}


def _linked(path: Path, known: tuple[Path, FileRecord] | None) -> FileRecord | None:
    """The record of the very same file in the generation before, if ``path`` is a link to it.

    So what was damaged since is not taken for what was built, and an update does not read what it did not write.
    """
    if known is None or not known[0].exists() or not path.samefile(known[0]):
        return None
    return known[1]


def _next_name(paths: LibraryPaths) -> str:
    """The name after all names in use, so that none is given twice, also after a switch to an earlier one."""
    names = [current_name(paths) or "", *(path.name for path in _complete(paths))]
    leftover = paths.index / f"g{max(map(_number, names)) + 1:06d}"
    if leftover.exists():
        shutil.rmtree(leftover)
    return leftover.name


def _complete(paths: LibraryPaths) -> list[Path]:
    """The folders of generations that were moved into place whole."""
    return [path.parent for path in paths.index.glob(f"*/{MANIFEST}") if _NAME.fullmatch(path.parent.name)]


def _number(name: str) -> int:
    found = _NAME.fullmatch(name)
    return int(found[1]) if found else 0


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
