"""MeSH as one SQLite file of a library, ``LIBRARY/mesh.sqlite``: made anew, moved into place whole, never changed.

A look-up is a query by key (:func:`pubmed_rag.core.mesh.term_key`), so nothing is loaded. The file's own header
holds a CRC-32 of all the rest (in the field SQLite leaves to applications, ``user_version``); opening compares it.
"""

from __future__ import annotations

import itertools
import os
import re
import sqlite3
import threading
import time
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import IntEnum
from pathlib import Path
from typing import Any, Self, TypeVar

from pubmed_rag.core.errors import LibraryError, LibraryNotFoundError, LibraryTooNewError, translate
from pubmed_rag.core.files import sync_directory
from pubmed_rag.core.mesh import (
    DescriptorKind,
    MeshDescriptor,
    MeshRecord,
    PharmacologicalAction,
    Subheading,
    SupplementaryConcept,
    term_key,
)
from pubmed_rag.core.progress import SILENT, Progress

T = TypeVar("T")
FORMAT = 1
_APPLICATION = 0x4D655348  # "MeSH"
_CHECK_AT = 60  # offset of user_version in an SQLite file
_CHECK = slice(_CHECK_AT, _CHECK_AT + 4)
_BLOCK = 1 << 20
_ABANDONED_SECONDS = 3600
_SENSE = re.compile(r"(\S.*\S) \([A-Za-z][A-Za-z .-]+\)")
_REMEDY = "make it anew with 'pubmed-rag ingest mesh'"
_SCHEMA = """
CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE descriptor (ui TEXT PRIMARY KEY, name TEXT NOT NULL, kind TEXT NOT NULL, trees TEXT NOT NULL)
    WITHOUT ROWID;
CREATE TABLE tree (number TEXT PRIMARY KEY, ui TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE subheading (ui TEXT PRIMARY KEY, name TEXT NOT NULL, code TEXT NOT NULL, trees TEXT NOT NULL)
    WITHOUT ROWID;
CREATE TABLE supplementary (ui TEXT PRIMARY KEY, name TEXT NOT NULL, headings TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE action (action TEXT NOT NULL, substance TEXT NOT NULL, PRIMARY KEY (action, substance)) WITHOUT ROWID;
CREATE TABLE note (ui TEXT PRIMARY KEY, text TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE term (key TEXT NOT NULL, kind INTEGER NOT NULL, ui TEXT NOT NULL, PRIMARY KEY (key, kind, ui))
    WITHOUT ROWID;
"""
_PARTS = {  # what one kind of record fills, so that a file of that kind replaces just this
    "descriptors": (("descriptor", "1"), ("tree", "1"), ("note", "1"), ("term", "kind IN (1, 2)")),
    "subheadings": (("subheading", "1"), ("term", "kind = 3")),
    "supplementary": (("supplementary", "1"), ("term", "kind IN (4, 5)")),
    "actions": (("action", "1"),),
}


class TermKind(IntEnum):
    """What a term is to the record it leads to."""

    HEADING = 1
    ENTRY = 2
    SUBHEADING = 3
    SUPPLEMENTARY = 4
    SYNONYM = 5


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a term leads to. ``name`` is spelled as MeSH does; ``is_type``: a publication type, not a heading."""

    key: str
    kind: TermKind
    ui: str
    name: str
    is_type: bool = False


@dataclass(frozen=True, slots=True)
class MeshCounts:
    """How much of each kind there is."""

    descriptors: int = 0
    entry_terms: int = 0
    tree_numbers: int = 0
    publication_types: int = 0
    subheadings: int = 0
    supplementary_concepts: int = 0
    synonyms: int = 0
    pharmacological_actions: int = 0


@dataclass(frozen=True, slots=True)
class MeshInfo:
    """Where a library's MeSH came from, and what it holds. ``made`` is UTC, ISO."""

    source: str
    made: str
    counts: MeshCounts


class MeshStore:
    """A library's MeSH, read only. May be used from several threads.

    Raises :class:`LibraryNotFoundError` where there is none and :class:`LibraryError` where it is damaged.
    """

    def __init__(self, path: Path) -> None:
        if not path.is_file():
            raise LibraryNotFoundError(
                f"there is no MeSH in {path.parent}", remedy="add it with 'pubmed-rag ingest mesh'"
            )
        verify(path)
        self._path = path
        self._lock = threading.Lock()
        with _in_words(path):
            self._connection = sqlite3.connect(
                f"{path.absolute().as_uri()}?mode=ro&immutable=1", uri=True, check_same_thread=False
            )
            meta = dict(self._connection.execute("SELECT name, value FROM meta"))
        if int(meta["format"]) > FORMAT:
            self.close()
            raise LibraryTooNewError(
                f"{path} was made by a later version of pubmed-rag", remedy="upgrade pubmed-rag, or " + _REMEDY
            )
        names = MeshCounts.__dataclass_fields__
        self.info = MeshInfo(meta["source"], meta["made"], MeshCounts(**{name: int(meta[name]) for name in names}))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file. The object must not be used afterwards."""
        self._connection.close()

    def meanings(self, keys: Sequence[str]) -> dict[str, list[Meaning]]:
        """What each of ``keys`` leads to, headings first; keys that lead nowhere are left out."""
        found: dict[str, list[Meaning]] = {}
        for chunk in _batched(keys, 400):
            marks = ",".join("?" * len(chunk))
            for key, kind, ui, name, kept in self._rows(
                "SELECT key, t.kind, t.ui, coalesce(d.name, s.name, q.name), d.kind FROM term t"
                " LEFT JOIN descriptor d ON t.kind <= 2 AND d.ui = t.ui"
                " LEFT JOIN subheading q ON t.kind = 3 AND q.ui = t.ui"
                " LEFT JOIN supplementary s ON t.kind >= 4 AND s.ui = t.ui"
                f" WHERE key IN ({marks}) ORDER BY key, t.kind, t.ui",
                tuple(chunk),
            ):
                meaning = Meaning(key, TermKind(kind), ui, name, kept == DescriptorKind.PUBLICATION_TYPE)
                found.setdefault(key, []).append(meaning)
        return found

    def terms_beginning(self, key: str) -> list[tuple[str, str]]:
        """Keys of terms that begin with ``key`` and a blank, with the heading each leads to; a hundred at most."""
        return [
            (term, name)
            for term, name in self._rows(
                "SELECT t.key, d.name FROM term t JOIN descriptor d ON d.ui = t.ui"
                " WHERE t.key > ? AND t.key < ? AND t.kind <= 2 AND d.kind <> ? LIMIT 100",
                (f"{key} ", f"{key}!", DescriptorKind.PUBLICATION_TYPE.value),  # "!" comes next after the blank
            )
        ]

    def below(self, ui: str) -> list[str]:
        """Names of the descriptor ``ui`` and of all that stand below it under any of its tree numbers."""
        rows = self._rows("SELECT name, trees FROM descriptor WHERE ui = ?", (ui,))
        if not rows:
            return []
        name, trees = rows[0]
        found = {name: None}
        for number in trees.split():
            for (below,) in self._rows(
                "SELECT d.name FROM tree t JOIN descriptor d ON d.ui = t.ui WHERE t.number > ? AND t.number < ?",
                (f"{number}.", f"{number}/"),  # "/" comes next after "."
            ):
                found[below] = None
        return list(found)

    def subheadings(self) -> list[Subheading]:
        """All subheadings of NLM's qualifier file; none where it was not ingested."""
        rows = self._rows("SELECT ui, name, code, trees FROM subheading ORDER BY name", ())
        return [Subheading(ui, name, code, (), tuple(trees.split())) for ui, name, code, trees in rows]

    def scope_note(self, name: str) -> str:
        """What MeSH says that the heading ``name`` means; empty where its files did not say."""
        if not self._rows("SELECT 1 FROM sqlite_master WHERE name = 'note'", ()):  # made before there were notes
            return ""
        rows = self._rows(
            "SELECT n.text FROM term t JOIN note n ON n.ui = t.ui"
            f" WHERE t.key = ? AND t.kind = {TermKind.HEADING:d} LIMIT 1",
            (term_key(name),),
        )
        return str(rows[0][0]) if rows else ""

    def is_action(self, name: str) -> bool:
        """Whether a heading is a pharmacological action of any substance."""
        return bool(self._rows("SELECT 1 FROM action WHERE action = ? LIMIT 1", (term_key(name),)))

    def substances(self, action: str) -> list[str]:
        """Names of the substances with a pharmacological action."""
        return [name for (name,) in self._rows("SELECT substance FROM action WHERE action = ?", (term_key(action),))]

    def _rows(self, query: str, values: Sequence[str]) -> list[Any]:
        with self._lock, _in_words(self._path):
            return self._connection.execute(query, values).fetchall()


def verify(path: Path) -> None:
    """Compare the file with its checksum. Raises :class:`LibraryError` if they differ."""
    with path.open("rb") as stream:
        head = stream.read(100)
        if not head.startswith(b"SQLite format 3\0") or int.from_bytes(head[68:72], "big") != _APPLICATION:
            raise LibraryError(f"{path} is not the MeSH of a library", remedy=_REMEDY)
        said = int.from_bytes(head[_CHECK], "big")
        stream.seek(0)
        if _checksum(iter(lambda: stream.read(_BLOCK), b"")) != said:
            raise LibraryError(f"{path} is damaged: it differs from its checksum", remedy=_REMEDY)


def build(path: Path, records: Iterable[MeshRecord], *, source: str, progress: Progress = SILENT) -> MeshInfo:
    """Make ``path`` from ``records``. Kinds of record that are not among them stay as they are there.

    The file appears when it is whole; until then, and after a failure, the one before stays.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.{threading.get_ident()}.tmp")
    _remove_leftovers(path)
    try:
        with _in_words(temporary):
            connection = sqlite3.connect(temporary.absolute().as_uri(), uri=True, isolation_level=None)
            try:
                connection.executescript(f"PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; {_SCHEMA}")
                connection.execute("BEGIN")
                _fill(connection, records, path, source, progress)
                connection.execute("COMMIT")
                connection.execute(f"PRAGMA application_id = {_APPLICATION}")
            finally:
                connection.close()
        _seal(temporary)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
    sync_directory(path.parent)
    with MeshStore(path) as made:
        return made.info


def _remove_leftovers(path: Path) -> None:
    """What a killed process left beside ``path``; one that is still at work would be younger."""
    for file in path.parent.glob(f".{path.name}.*.tmp"):
        with suppress(FileNotFoundError):
            if time.time() - file.stat().st_mtime > _ABANDONED_SECONDS:
                file.unlink()


def _fill(
    connection: sqlite3.Connection, records: Iterable[MeshRecord], path: Path, source: str, progress: Progress
) -> None:
    connection.execute("CREATE TEMP TABLE raw (key TEXT, kind INTEGER, ui TEXT)")
    connection.execute("CREATE TEMP TABLE done_by (action TEXT, substance TEXT)")
    parts: set[str] = set()
    numbers: Counter[str] = Counter()
    with progress.task("Reading MeSH", None, "records") as task:
        for chunk in _batched(records, 5_000):
            _put(connection, chunk, parts, numbers)
            task.advance(len(chunk))
    progress.note("sorting its terms")
    connection.execute(
        "INSERT OR IGNORE INTO term SELECT DISTINCT key, kind, ui FROM raw WHERE key <> '' ORDER BY 1, 2, 3"
    )
    connection.execute("INSERT OR IGNORE INTO action SELECT DISTINCT action, substance FROM done_by ORDER BY 1, 2")
    if connection.execute("SELECT 1 FROM done_by LIMIT 1").fetchone():
        parts.add("actions")
    if path.is_file():
        source = _keep_the_rest(connection, path, parts, source, numbers)
    counts = _count(connection, numbers)
    meta = {"format": str(FORMAT), "source": source, "made": datetime.now(UTC).isoformat(timespec="seconds"), **counts}
    connection.executemany("INSERT INTO meta VALUES (?, ?)", meta.items())


def _put(connection: sqlite3.Connection, records: Sequence[MeshRecord], parts: set[str], numbers: Counter[str]) -> None:
    terms: list[tuple[str, int, str]] = []
    actions: list[tuple[str, str]] = []
    descriptors, trees, notes, subheadings, supplementary = [], [], [], [], []
    for record in records:
        match record:
            case MeshDescriptor():
                parts.add("descriptors")
                descriptors.append((record.ui, record.name, record.kind.value, " ".join(record.tree_numbers)))
                trees += [(number, record.ui) for number in record.tree_numbers]
                notes += [(record.ui, record.note)] if record.note else []
                numbers["entry_terms"] += len(record.terms)
                terms.append((term_key(record.name), TermKind.HEADING, record.ui))
                terms += [(term_key(term), TermKind.ENTRY, record.ui) for term in record.terms]
                terms += [(key, TermKind.ENTRY, record.ui) for key in _without_sense((record.name, *record.terms))]
                actions += [(term_key(action), record.name) for action in record.actions]
            case Subheading():
                parts.add("subheadings")
                subheadings.append((record.ui, record.name.lower(), record.code.upper(), " ".join(record.tree_numbers)))
                terms += [
                    (term_key(t), TermKind.SUBHEADING, record.ui) for t in _with_and((record.name, *record.terms))
                ]
            case SupplementaryConcept():
                parts.add("supplementary")
                supplementary.append((record.ui, record.name, "|".join(record.headings)))
                numbers["synonyms"] += len(record.terms)
                terms.append((term_key(record.name), TermKind.SUPPLEMENTARY, record.ui))
                terms += [(term_key(term), TermKind.SYNONYM, record.ui) for term in record.terms]
                actions += [(term_key(action), record.name) for action in record.actions]
            case PharmacologicalAction():
                actions += [(term_key(record.name), substance) for substance in record.substances]
    connection.executemany("INSERT OR REPLACE INTO descriptor VALUES (?, ?, ?, ?)", descriptors)
    connection.executemany("INSERT OR REPLACE INTO tree VALUES (?, ?)", trees)
    connection.executemany("INSERT OR REPLACE INTO note VALUES (?, ?)", notes)
    connection.executemany("INSERT OR REPLACE INTO subheading VALUES (?, ?, ?, ?)", subheadings)
    connection.executemany("INSERT OR REPLACE INTO supplementary VALUES (?, ?, ?)", supplementary)
    connection.executemany("INSERT INTO raw VALUES (?, ?, ?)", terms)
    connection.executemany("INSERT INTO done_by VALUES (?, ?)", actions)


def _without_sense(terms: Iterable[str]) -> Iterator[str]:
    """Keys of terms without the sense in parentheses at their end: ``Neural Network (Computer)``.

    So UMLS has them, whose synonyms PubMed maps with; parentheses with figures or signs belong to a substance's name.
    """
    for term in terms:
        found = _SENSE.fullmatch(term)
        if found and " " in found[1]:  # single words, as of Power (Psychology), would be found far too often
            yield term_key(found[1])


def _with_and(names: Iterable[str]) -> Iterator[str]:
    for name in names:
        yield name
        if " & " in name:
            yield name.replace(" & ", " and ")


def _keep_the_rest(
    connection: sqlite3.Connection, path: Path, parts: set[str], source: str, numbers: Counter[str]
) -> str:
    """Bring over from the file before what the new records do not replace; a damaged one is left."""
    kept = [part for part in _PARTS if part not in parts]
    if not kept:
        return source
    try:
        with MeshStore(path) as before:
            before_source, counts = before.info.source, before.info.counts
    except LibraryError:
        return source
    if "descriptors" in kept:
        numbers["entry_terms"] = counts.entry_terms
    if "supplementary" in kept:
        numbers["synonyms"] = counts.synonyms
    connection.execute("COMMIT")
    connection.execute("ATTACH ? AS old", (f"{path.absolute().as_uri()}?mode=ro&immutable=1",))
    connection.execute("BEGIN")
    moved = 0
    there = {name for (name,) in connection.execute("SELECT name FROM old.sqlite_master")}
    for part in kept:
        for table, condition in _PARTS[part]:
            if table not in there:  # as notes are not in a file made before there were any
                continue
            moved += connection.execute(
                f"INSERT OR IGNORE INTO {table} SELECT * FROM old.{table} WHERE {condition}"
            ).rowcount
    connection.execute("COMMIT")
    connection.execute("DETACH old")
    connection.execute("BEGIN")
    return f"{source}; {before_source}" if moved and before_source not in source else source


def _count(connection: sqlite3.Connection, numbers: Counter[str]) -> dict[str, str]:
    queries = {
        "descriptors": "descriptor",
        "tree_numbers": "tree",
        "publication_types": "descriptor WHERE kind = 'publication type'",
        "subheadings": "subheading",
        "supplementary_concepts": "supplementary",
        "pharmacological_actions": "action",
    }
    counted = {name: connection.execute(f"SELECT count(*) FROM {what}").fetchone()[0] for name, what in queries.items()}
    counted |= {name: numbers[name] for name in ("entry_terms", "synonyms")}
    return {name: str(number) for name, number in counted.items()}


def _seal(path: Path) -> None:
    """Write the checksum of the file into its header, and the file to the disk."""
    with path.open("rb+") as stream:
        check = _checksum(iter(lambda: stream.read(_BLOCK), b""))
        stream.seek(_CHECK_AT)
        stream.write(check.to_bytes(4, "big"))
        stream.flush()
        os.fsync(stream.fileno())


def _checksum(blocks: Iterable[bytes]) -> int:
    """CRC-32 of a file with zeros in the place of the checksum itself."""
    check = 0
    for number, block in enumerate(blocks):
        if number == 0:
            block = block[:_CHECK_AT] + bytes(4) + block[_CHECK_AT + 4 :]
        check = zlib.crc32(block, check)
    return check


def _batched(items: Iterable[T], size: int) -> Iterator[list[T]]:
    iterator = iter(items)
    while chunk := list(itertools.islice(iterator, size)):
        yield chunk


@contextmanager
def _in_words(path: Path) -> Iterator[None]:
    try:
        yield
    except sqlite3.DatabaseError as error:
        text = str(error)
        if "full" in text or "I/O" in text or "readonly" in text or "unable to open" in text:
            raise translate(error) or error from error
        raise LibraryError(f"{path} cannot be read ({text})", remedy=_REMEDY) from error
