"""The jobs a page can start: each a function without arguments for :class:`pubmed_rag.ui.jobs.JobRunner`."""

from __future__ import annotations

import re
import shutil
import uuid
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Protocol

from pubmed_rag.core.errors import ModelMissingError, PubmedRagError, UsageError
from pubmed_rag.core.model_store import ModelStore
from pubmed_rag.core.models import ModelKind, find_model
from pubmed_rag.core.progress import Progress
from pubmed_rag.core.records import BuildReport, IngestReport
from pubmed_rag.ui.api import Library

LARGEST_UPLOAD = 200_000_000
"""Bytes of all files of one upload together."""

_UPLOADS = "uploads"
_UNSAFE = re.compile(r"[^\w.-]+")
_LONGEST_NAME = 80


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a job did. ``problems`` are failures of a part that kept no other part from being done; ``switched`` is the
    generation that is searched from now on."""

    ingested: IngestReport | None = None
    built: BuildReport | None = None
    switched: str = ""
    problems: tuple[PubmedRagError, ...] = ()


Job = Callable[[], Outcome]


class Upload(Protocol):
    """A file somebody sent: its name, which is not to be trusted, and its content."""

    @property
    def name(self) -> str:
        """The name the sender gives it."""

    @property
    def size(self) -> int:
        """Bytes."""

    def getbuffer(self) -> memoryview:
        """The content."""


@dataclass(frozen=True, slots=True)
class _Listed:
    """An upload that the page itself makes."""

    name: str
    content: bytes

    @property
    def size(self) -> int:
        return len(self.content)

    def getbuffer(self) -> memoryview:
        return memoryview(self.content)


def add_sample(library: Library, progress: Progress) -> Job:
    """The sample library, indexed, and the models it takes."""

    def work() -> Outcome:
        from pubmed_rag.ui.demo import sample_file

        _fetch_models(library, progress)
        return _indexed(library, library.ingest_files([sample_file()]))

    return work


def add_query(library: Library, progress: Progress, query: str, maximum: int | None) -> Job:
    """What PubMed finds for ``query``, indexed. What had come when it is stopped stays, and it continues there."""

    def work() -> Outcome:
        _fetch_models(library, progress)
        return _indexed(library, library.ingest_entrez(query, maximum=maximum))

    return work


def add_files(library: Library, progress: Progress, uploads: Iterable[Upload]) -> Job:
    """Uploaded files, indexed. They lie in a folder of the library meanwhile, and are gone afterwards.

    Raises :class:`UsageError` at once where they are too large together.
    """
    sent = list(uploads)
    if sum(upload.size for upload in sent) > LARGEST_UPLOAD:
        raise UsageError(
            f"these files are larger than {LARGEST_UPLOAD // 1_000_000} MB together",
            remedy="add them with 'pubmed-rag ingest files PATH'",
        )
    folder = library.paths.root / _UPLOADS / uuid.uuid4().hex
    folder.mkdir(parents=True)
    paths = []
    for number, upload in enumerate(sent):
        paths.append(folder / f"{number}" / safe_name(upload.name))
        paths[-1].parent.mkdir()
        paths[-1].write_bytes(upload.getbuffer())

    def work() -> Outcome:
        try:
            _fetch_models(library, progress)
            report = library.ingest_files(paths)
        finally:
            shutil.rmtree(folder, ignore_errors=True)
            with suppress(OSError):  # another upload lies there
                folder.parent.rmdir()
        problems = (report.remote_error,) if report.remote_error else ()
        return _indexed(library, report, problems)

    return work


def add_pmids(library: Library, progress: Progress, pmids: Sequence[str]) -> Job:
    """The articles of these PMIDs, fetched and indexed. No update asks for them again."""
    return add_files(library, progress, [_Listed("pmids.txt", "\n".join(pmids).encode("ascii", "ignore"))])


def update(library: Library, progress: Progress) -> Job:
    """What is new at the sources of the library, and the index after it."""

    def work() -> Outcome:
        _fetch_models(library, progress)
        report = library.update()
        return _indexed(library, report, report.errors)

    return work


def update_index(library: Library, progress: Progress) -> Job:
    """The index brought up to the library."""

    def work() -> Outcome:
        _fetch_models(library, progress)
        return Outcome(built=library.update_index())

    return work


def rebuild_index(library: Library, progress: Progress) -> Job:
    """The index made anew from all articles."""

    def work() -> Outcome:
        _fetch_models(library, progress)
        return Outcome(built=library.build_index())

    return work


def switch_index(library: Library, progress: Progress, name: str) -> Job:
    """Searches in a generation that was kept, once its files are known to be whole."""

    def work() -> Outcome:
        with progress.task("checking the index", None, "files"):
            return Outcome(switched=library.switch_index(name).generation)

    return work


def draw_map(library: Library, progress: Progress) -> Job:
    """The map of the present index."""

    def work() -> Outcome:
        from pubmed_rag.index.concept_map import draw_map

        draw_map(library.paths, library.store, progress=progress)
        return Outcome()

    return work


def fetch_models(library: Library, progress: Progress) -> Job:
    """The models of the settings, where they are missing."""

    def work() -> Outcome:
        _fetch_models(library, progress)
        return Outcome()

    return work


def safe_name(name: str) -> str:
    """``name`` as a file name that leads nowhere else."""
    last = name.replace("\\", "/").rsplit("/", 1)[-1]
    return _UNSAFE.sub("_", last)[-_LONGEST_NAME:].strip(".") or "file"


def _indexed(library: Library, report: IngestReport, problems: tuple[PubmedRagError, ...] = ()) -> Outcome:
    built = library.update_index() if library.counts().articles else None
    return Outcome(report, built, problems=problems)


def _fetch_models(library: Library, progress: Progress) -> None:
    from pubmed_rag.rag.endpoint import PREFIX

    models = library.settings.models
    store = ModelStore(models.directory)
    wanted: tuple[tuple[str, ModelKind], ...] = ((models.embedder, "embedder"), (models.llm, "llm"))
    for name, kind in wanted:
        if name.startswith(PREFIX):
            continue  # served elsewhere
        try:
            store.locate(name, kind)
        except ModelMissingError:
            spec = find_model(name, kind)
            if spec is None:
                raise
            progress.note(f"fetching the model {name}")
            store.pull(spec, progress)
