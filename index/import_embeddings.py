"""Precomputed article vectors, in the layout in which NCBI publishes MedCPT's for all of PubMed.

A folder (https://ftp.ncbi.nlm.nih.gov/pub/lu/MedCPT/pubmed_embeddings/) with, for N from 0:

    embeds_chunk_N.npy    vectors (n, d), float16 or float32
    pmids_chunk_N.json    a list of n PMIDs, in the same order
    pubmed_chunk_N.json   titles and abstracts; not needed and not read

A vector goes to the embedding cache under the text that the library holds for that PMID, so everything afterwards is
as if it had been computed here. What is done of each file is noted with the vectors themselves.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from pubmed_rag.core.errors import DamagedFileError, InputError, UsageError
from pubmed_rag.core.library import LibraryPaths
from pubmed_rag.core.progress import SILENT, Progress
from pubmed_rag.core.store import ArticleStore
from pubmed_rag.core.text import normalise
from pubmed_rag.index.cache import CachedModel, EmbeddingCache, text_hash
from pubmed_rag.index.passages import whole

if TYPE_CHECKING:
    from pubmed_rag.index.vectors import Vectors

_VECTORS = re.compile(r"embeds_chunk_(\d+)\.npy")
_BATCH = 2_000
_LARGEST = 60_000.0
"""The cache keeps two bytes a number, whose range ends at 65,504."""


@dataclass(frozen=True, slots=True)
class ImportedEmbeddings:
    """``read`` vectors, of which ``stored`` are new here, ``known`` were here, and ``skipped`` are of articles that
    the library does not hold. ``files`` were read now; what an earlier run had finished is not counted.
    """

    read: int
    stored: int
    known: int
    skipped: int
    files: int
    dimension: int


@dataclass(frozen=True, slots=True)
class _State:
    """How far a file has come, and what it and the library were then."""

    size: int
    modified: int
    sequence: int
    rows: int


@dataclass(frozen=True, slots=True)
class _Chunk:
    vectors: Path
    pmids: Path


def import_embeddings(
    paths: LibraryPaths,
    store: ArticleStore,
    folder: Path,
    *,
    name: str,
    revision: str,
    normalised: bool,
    progress: Progress = SILENT,
) -> ImportedEmbeddings:
    """Take the vectors in ``folder`` into the cache as those of the model ``name``.

    A run that was interrupted continues; so does one after more articles came, from the beginning.
    Raises :class:`InputError` or :class:`DamagedFileError`, naming the file, and :class:`UsageError`.
    """
    chunks = _chunks(folder)
    dimension = _dimension(chunks)
    model = CachedModel(name, revision, dimension, normalised)
    total = ImportedEmbeddings(0, 0, 0, 0, 0, dimension)
    with paths.index_lock(), EmbeddingCache(paths.embeddings, model) as cache:
        for number, chunk in enumerate(chunks):
            progress.note(f"{chunk.vectors.name} ({number + 1} of {len(chunks)})")
            total = _import_chunk(chunk, dimension, store, cache, progress, total)
    return total


def _import_chunk(
    chunk: _Chunk,
    dimension: int,
    store: ArticleStore,
    cache: EmbeddingCache,
    progress: Progress,
    total: ImportedEmbeddings,
) -> ImportedEmbeddings:
    status = chunk.vectors.stat()
    fresh = _State(status.st_size, status.st_mtime_ns, store.last_sequence(), 0)
    noted = cache.import_state(chunk.vectors.name)
    state = msgspec.json.decode(noted, type=_State) if noted else fresh
    if replace(state, rows=0) != fresh:
        state = fresh
    pmids, vectors = _pmids(chunk.pmids), _open(chunk.vectors)
    if vectors.shape != (len(pmids), dimension):
        raise InputError(
            f"{chunk.vectors.name} holds {vectors.shape[0]:,} vectors of {vectors.shape[-1]} dimensions, "
            f"but {chunk.pmids.name} has {len(pmids):,} PMIDs and the first file {dimension} dimensions",
            remedy="fetch both files again",
        )
    if state.rows == len(pmids):
        return total
    stored = known = skipped = 0
    with progress.task("importing", len(pmids), "vectors") as task:
        task.advance(state.rows)
        for start in range(state.rows, len(pmids), _BATCH):
            ids = pmids[start : start + _BATCH]
            piece = _checked(vectors[start : start + _BATCH], chunk.vectors)
            articles = store.get_many(ids)
            hashes = {
                row: text_hash(normalise(whole(articles[article_id]).text))
                for row, article_id in enumerate(ids)
                if article_id in articles
            }
            missing = set(cache.missing(list(hashes.values())))
            rows = {named: row for row, named in hashes.items() if named in missing}
            done = msgspec.json.encode(replace(state, rows=start + len(ids))).decode()
            cache.put(list(rows), piece[list(rows.values())], imported=(chunk.vectors.name, done))
            stored += len(rows)
            known += len(hashes) - len(rows)
            skipped += len(ids) - len(hashes)
            task.advance(len(ids))
    return ImportedEmbeddings(
        total.read + len(pmids) - state.rows,
        total.stored + stored,
        total.known + known,
        total.skipped + skipped,
        total.files + 1,
        dimension,
    )


def _chunks(folder: Path) -> list[_Chunk]:
    if not folder.is_dir():
        raise InputError(f"no such folder: {folder}")
    numbers = sorted(int(found[1]) for path in folder.iterdir() if (found := _VECTORS.fullmatch(path.name)))
    if not numbers:
        raise InputError(
            f"{folder} holds no embeds_chunk_N.npy",
            remedy="it should hold embeds_chunk_N.npy and pmids_chunk_N.json, as NCBI publishes them for MedCPT",
        )
    chunks = [_Chunk(folder / f"embeds_chunk_{n}.npy", folder / f"pmids_chunk_{n}.json") for n in numbers]
    for chunk in chunks:
        if not chunk.pmids.is_file():
            raise InputError(f"{chunk.pmids.name} is missing beside {chunk.vectors.name}", remedy="fetch it as well")
    return chunks


def _dimension(chunks: list[_Chunk]) -> int:
    shape = _open(chunks[0].vectors).shape
    if not shape[-1]:
        raise InputError(f"{chunks[0].vectors.name} holds vectors without numbers")
    return int(shape[-1])


def _open(path: Path) -> Any:
    """The array in ``path``, memory-mapped."""
    try:
        array = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise DamagedFileError(f"{path.name} is no complete NumPy array ({error})", remedy="fetch it again") from error
    if array.ndim != 2 or array.dtype.kind != "f":
        raise InputError(
            f"{path.name} holds {array.dtype} of shape {array.shape}, not vectors (n, d) of floating point",
            remedy="it should be as NCBI publishes embeds_chunk_N.npy",
        )
    return array


def _pmids(path: Path) -> list[str]:
    """PMIDs, which are written as strings or as numbers."""
    try:
        found = msgspec.json.decode(path.read_bytes(), type=list[str | int])
    except msgspec.DecodeError as error:
        raise DamagedFileError(f"{path.name} is no list of PMIDs ({error})", remedy="fetch it again") from error
    pmids = [str(item).strip() for item in found]
    wrong = next((item for item in pmids if not item.isdecimal()), None)
    if wrong is not None:
        raise InputError(f"{path.name} is no list of PMIDs: it holds {wrong[:40]!r}", remedy="fetch it again")
    return pmids


def _checked(piece: Any, path: Path) -> Vectors:
    vectors: Vectors = np.asarray(piece, np.float32)
    if not np.isfinite(vectors).all():
        raise DamagedFileError(f"{path.name} holds numbers that are not finite", remedy="fetch it again")
    if vectors.size and float(np.abs(vectors).max()) > _LARGEST:
        raise UsageError(f"{path.name} holds numbers beyond {_LARGEST:,.0f}", remedy="normalise the vectors first")
    return vectors
