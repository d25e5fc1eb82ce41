"""Vectors already computed, by text: rebuilding an index never embeds a text twice."""

from __future__ import annotations

import hashlib
import re
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, Self

import msgspec
import numpy as np

from pubmed_rag.core.errors import ModelMissingError, translate
from pubmed_rag.core.files import write_text
from pubmed_rag.index.vectors import Vectors

_PER_STATEMENT = 500
_ABOUT = "about.json"

TextHash = bytes


def text_hash(text: str) -> TextHash:
    """16 bytes that name a text."""
    return hashlib.blake2b(text.encode("utf-8"), digest_size=16).digest()


class ModelIdentity(Protocol):
    """What names a model's vectors."""

    @property
    def name(self) -> str: ...
    @property
    def revision(self) -> str: ...
    @property
    def dimension(self) -> int: ...
    @property
    def normalised(self) -> bool: ...


@dataclass(frozen=True, slots=True)
class CachedModel:
    """A model known by its vectors alone. It encodes nothing."""

    name: str
    revision: str
    dimension: int
    normalised: bool

    def encode_passages(self, texts: Sequence[str]) -> Vectors:
        """Refused: raises :class:`ModelMissingError`."""
        raise ModelMissingError(
            f"{len(texts):,} texts have no vector of {self.name} yet",
            remedy="embed them by 'pubmed-rag index build' without --from-embeddings",
        )

    def encode_queries(self, texts: Sequence[str]) -> Vectors:
        """Refused: raises :class:`ModelMissingError`."""
        return self.encode_passages(texts)


class EmbeddingCache:
    """Vectors of one model revision by text hash, as float16: half the disk, cosine error below 1e-4.

    SQLite gives what matters here: a group of vectors is there wholly or not at all, whatever dies.
    """

    def __init__(self, directory: Path, embedder: ModelIdentity) -> None:
        folder = directory / folder_name(embedder)
        folder.mkdir(parents=True, exist_ok=True)
        self._about = folder / _ABOUT
        self._dimension = embedder.dimension
        self._normalised = embedder.normalised
        self._connection = sqlite3.connect(folder / "vectors.sqlite", isolation_level=None, timeout=30.0)
        self._connection.execute("PRAGMA journal_mode = WAL")
        self._connection.execute("PRAGMA synchronous = NORMAL")
        self._connection.execute(
            "CREATE TABLE IF NOT EXISTS vectors (hash BLOB PRIMARY KEY, vector BLOB NOT NULL) WITHOUT ROWID"
        )
        self._connection.execute("CREATE TABLE IF NOT EXISTS imports (file TEXT PRIMARY KEY, state TEXT NOT NULL)")
        if not self._about.exists():
            about = CachedModel(embedder.name, embedder.revision, embedder.dimension, embedder.normalised)
            write_text(self._about, msgspec.json.encode(about).decode())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self._connection.close()

    @property
    def imported(self) -> bool:
        """Whether vectors were imported, so that not every article need have one."""
        return self._connection.execute("SELECT 1 FROM imports LIMIT 1").fetchone() is not None

    def import_state(self, file: str) -> str | None:
        """What was noted of a file that is being imported."""
        row = self._connection.execute("SELECT state FROM imports WHERE file = ?", (file,)).fetchone()
        return row[0] if row else None

    def missing(self, hashes: Sequence[TextHash]) -> list[TextHash]:
        """Those of ``hashes`` that are not stored, each once, in their order."""
        known: set[TextHash] = set()
        unique = list(dict.fromkeys(hashes))
        for chunk in _chunks(unique):
            rows = self._connection.execute(f"SELECT hash FROM vectors WHERE hash IN ({_marks(chunk)})", chunk)
            known.update(row[0] for row in rows)
        return [item for item in unique if item not in known]

    def put(self, hashes: Sequence[TextHash], vectors: Vectors, *, imported: tuple[str, str] | None = None) -> None:
        """Store ``vectors`` (n, d) under ``hashes`` (n) in one transaction.

        ``imported`` (file, state) is noted with them, for :meth:`import_state`.
        """
        packed = vectors.astype("<f2")
        try:
            self._connection.execute("BEGIN IMMEDIATE")
            self._connection.executemany(
                "INSERT OR IGNORE INTO vectors VALUES (?, ?)",
                zip(hashes, (row.tobytes() for row in packed), strict=True),
            )
            if imported:
                self._connection.execute("INSERT OR REPLACE INTO imports VALUES (?, ?)", imported)
            self._connection.execute("COMMIT")
        except BaseException as error:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            known = translate(error)
            if known is None:
                raise
            raise known from error

    def get(self, hashes: Sequence[TextHash]) -> Vectors:
        """(n, d) float32, L2-normalised again after rounding if the model's are.

        Raises ``KeyError`` for a hash that is not stored.
        """
        found: dict[TextHash, bytes] = {}
        for chunk in _chunks(list(dict.fromkeys(hashes))):
            rows = self._connection.execute(f"SELECT hash, vector FROM vectors WHERE hash IN ({_marks(chunk)})", chunk)
            found.update(rows)
        return self._unpack(found, hashes)

    def _unpack(self, found: Mapping[TextHash, bytes], hashes: Sequence[TextHash]) -> Vectors:
        if not hashes:
            return np.empty((0, self._dimension), np.float32)
        joined = b"".join(found[item] for item in hashes)
        vectors = np.frombuffer(joined, dtype="<f2").reshape(len(hashes), self._dimension).astype(np.float32)
        if not self._normalised:
            return vectors
        normalised: Vectors = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
        return normalised


def cached_model(directory: Path, name: str, revision: str = "") -> CachedModel:
    """The model called ``name`` whose vectors lie under ``directory``, without loading it.

    Raises :class:`ModelMissingError` where there are none, or of several revisions none is the wanted one.
    """
    found = [msgspec.json.decode(path.read_bytes(), type=CachedModel) for path in sorted(directory.glob(f"*/{_ABOUT}"))]
    fitting = [model for model in found if model.name == name and revision in ("", model.revision)]
    if len(fitting) == 1:
        return fitting[0]
    known = ", ".join(sorted({model.name for model in found})) or "none"
    many = f"there are vectors of {len(fitting)} revisions of {name}"
    raise ModelMissingError(
        many if fitting else f"this library has no vectors of the model {name} (it has vectors of: {known})",
        remedy="build without --from-embeddings, import vectors with 'pubmed-rag index import-embeddings', "
        "or set models.embedder to the model whose vectors there are",
    )


def folder_name(embedder: ModelIdentity) -> str:
    """A folder for each model and revision, readable and safe as a file name."""
    return re.sub(r"[^A-Za-z0-9._-]+", "-", f"{Path(embedder.name).name}-{embedder.revision}")


def _chunks(items: list[TextHash]) -> list[list[TextHash]]:
    return [items[start : start + _PER_STATEMENT] for start in range(0, len(items), _PER_STATEMENT)]


def _marks(chunk: Sequence[TextHash]) -> str:
    return ",".join("?" * len(chunk))
