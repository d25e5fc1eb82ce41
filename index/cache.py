"""Vectors already computed, by text: rebuilding an index never embeds a text twice."""

from __future__ import annotations

import hashlib
import re
import sqlite3
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Self

import numpy as np

from pubmed_rag.core.errors import translate
from pubmed_rag.index.embedder import Embedder
from pubmed_rag.index.vectors import Vectors

_PER_STATEMENT = 500

TextHash = bytes


def text_hash(text: str) -> TextHash:
    """16 bytes that name a text."""
    return hashlib.blake2b(text.encode("utf-8"), digest_size=16).digest()


class EmbeddingCache:
    """Vectors of one model revision by text hash, as float16: half the disk, cosine error below 1e-4.

    SQLite gives what matters here: a group of vectors is there wholly or not at all, whatever dies.
    """

    def __init__(self, directory: Path, embedder: Embedder) -> None:
        folder = directory / folder_name(embedder)
        folder.mkdir(parents=True, exist_ok=True)
        self._dimension = embedder.dimension
        self._connection = sqlite3.connect(folder / "vectors.sqlite", isolation_level=None, timeout=30.0)
        self._connection.execute("PRAGMA journal_mode = WAL")
        self._connection.execute("PRAGMA synchronous = NORMAL")
        self._connection.execute(
            "CREATE TABLE IF NOT EXISTS vectors (hash BLOB PRIMARY KEY, vector BLOB NOT NULL) WITHOUT ROWID"
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self._connection.close()

    @property
    def imported(self) -> bool:
        """Whether vectors were imported, so that not every article need have one."""
        return False

    def missing(self, hashes: Sequence[TextHash]) -> list[TextHash]:
        """Those of ``hashes`` that are not stored, each once, in their order."""
        known: set[TextHash] = set()
        unique = list(dict.fromkeys(hashes))
        for chunk in _chunks(unique):
            rows = self._connection.execute(f"SELECT hash FROM vectors WHERE hash IN ({_marks(chunk)})", chunk)
            known.update(row[0] for row in rows)
        return [item for item in unique if item not in known]

    def put(self, hashes: Sequence[TextHash], vectors: Vectors) -> None:
        """Store ``vectors`` (n, d) under ``hashes`` (n) in one transaction."""
        packed = vectors.astype("<f2")
        try:
            self._connection.execute("BEGIN IMMEDIATE")
            self._connection.executemany(
                "INSERT OR IGNORE INTO vectors VALUES (?, ?)",
                zip(hashes, (row.tobytes() for row in packed), strict=True),
            )
            self._connection.execute("COMMIT")
        except BaseException as error:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            known = translate(error)
            if known is None:
                raise
            raise known from error

    def get(self, hashes: Sequence[TextHash]) -> Vectors:
        """(n, d) float32, L2-normalised again after rounding. Raises ``KeyError`` for a hash that is not stored."""
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
        normalised: Vectors = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
        return normalised


def folder_name(embedder: Embedder) -> str:
    """A folder for each model and revision, readable and safe as a file name."""
    return re.sub(r"[^A-Za-z0-9._-]+", "-", f"{Path(embedder.name).name}-{embedder.revision}")


def _chunks(items: list[TextHash]) -> list[list[TextHash]]:
    return [items[start : start + _PER_STATEMENT] for start in range(0, len(items), _PER_STATEMENT)]


def _marks(chunk: Sequence[TextHash]) -> str:
    return ",".join("?" * len(chunk))
