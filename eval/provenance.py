"""What a figure was made with: a number without it cannot be repeated."""

from __future__ import annotations

import hashlib
import importlib
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path

ENGINES = ("pubmed-rag", "faiss-cpu", "tantivy", "sentence-transformers", "torch")
"""Packages that can change a ranking."""

ASSESSORS = ("pubmed-rag", "ir-measures", "pytrec-eval-terrier", "numpy")
"""Packages that can change a figure computed from a ranking."""

_RANKING_ROOMS = ("pubmed_rag.core", "pubmed_rag.index")


def versions(packages: tuple[str, ...]) -> Mapping[str, str]:
    """Installed versions; ``"absent"`` where there is none."""
    found = {}
    for name in packages:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            found[name] = "absent"
    return found


def ranking_code_digest() -> str:
    """16 hex digits over the source of the rooms that rank, so that a run is never older than the code."""
    return _digest_of(_RANKING_ROOMS)


def answering_code_digest() -> str:
    """The same over the rooms that rank and answer."""
    return _digest_of((*_RANKING_ROOMS, "pubmed_rag.rag"))


def _digest_of(rooms: tuple[str, ...]) -> str:
    digest = hashlib.sha256()
    for room in rooms:
        folder = Path(importlib.import_module(room).__path__[0])
        for path in sorted(folder.glob("*.py")):
            digest.update(f"{room}/{path.name}\0".encode() + path.read_bytes())
    return digest.hexdigest()[:16]


def source_commit() -> str | None:
    """The commit checked out where this code runs from; ``None`` for an installed wheel.

    Read from git's files, not by running it. Uncommitted changes do not show here;
    :func:`ranking_code_digest` does see them.
    """
    git = Path(__file__).resolve().parents[1] / ".git"
    try:
        head = (git / "HEAD").read_text(encoding="utf-8").strip()
        if not head.startswith("ref: "):
            return head
        reference = head.removeprefix("ref: ")
        if (git / reference).is_file():
            return (git / reference).read_text(encoding="utf-8").strip()
        for line in (git / "packed-refs").read_text(encoding="utf-8").splitlines():
            commit, _, name = line.partition(" ")
            if name == reference:
                return commit
    except OSError:
        pass
    return None
