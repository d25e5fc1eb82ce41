"""Which format a file has, told by its content, and its records whatever the format is."""

from __future__ import annotations

import enum
import io
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, TypeAlias

from pubmed_rag.core.errors import DamagedFileError, InputError, UnrecognisedFormatError
from pubmed_rag.ingest import beir, id_lists, medline, pubmed_xml
from pubmed_rag.ingest.content import GZIP_MAGIC, Gunzip
from pubmed_rag.ingest.id_lists import Named
from pubmed_rag.ingest.items import Item
from pubmed_rag.ingest.xml_text import root_name

_HEAD = 1 << 16
_UTF8_BOM = b"\xef\xbb\xbf"
_ACCEPTED = (
    "accepted are PubMed XML, MEDLINE (NBIB) text, BEIR corpus.jsonl, and RIS, CSV and plain lists with PMIDs or DOIs, "
    "plain or gzipped"
)
_HTML = re.compile(rb"\s*(?:<!doctype\s+html|<html)\b", re.IGNORECASE)
_MEDLINE = re.compile(rb"^PMID-", re.MULTILINE)
_UTF16 = re.compile(rb"\xff\xfe|\xfe\xff|(?:\0[^\0]){2}|(?:[^\0]\0){2}", re.DOTALL)
_KNOWN_OTHERS = (
    (b"%PDF", "a PDF document"),
    (b"PK\x03\x04", "a ZIP archive"),
    (b"BZh", "a bzip2 file"),
    (b"\xfd7zXZ", "an xz file"),
    (b"\x28\xb5\x2f\xfd", "a Zstandard file"),
    (b"SQLite format 3", "an SQLite database"),
    (GZIP_MAGIC, "gzip inside gzip"),
)


class Format(enum.Enum):
    """The formats that can be ingested."""

    PUBMED_XML = "PubMed XML"
    MEDLINE = "MEDLINE text"
    BEIR = "BEIR corpus"
    RIS = "RIS"
    TABLE = "a table with a column of PMIDs or DOIs"
    IDS = "a list of PMIDs or DOIs"

    @property
    def names_only(self) -> bool:
        """True if such a file names articles, which PubMed must then be asked for."""
        return self in {Format.RIS, Format.TABLE, Format.IDS}


_BY_WORDS = (
    (Format.RIS, id_lists.looks_like_ris),
    (Format.TABLE, id_lists.looks_like_table),
    (Format.IDS, id_lists.looks_like_list),
)

FileItem: TypeAlias = Item | Named
"""What a file may yield: an article, the PMID or DOI of one, a deletion, or a rejected record."""


def recognise(head: bytes, source: str) -> Format:
    """Format of the unpacked content that begins with ``head``; a name or a suffix plays no part.

    Raises :class:`UnrecognisedFormatError`, saying what the content looks like instead.
    """
    text = head.removeprefix(_UTF8_BOM).lstrip()
    if text.startswith(b"<") and not _HTML.match(text) and root_name(text) in pubmed_xml.ROOTS:
        return Format.PUBMED_XML
    if text.startswith(b"{") and b'"_id"' in text:
        return Format.BEIR
    if not text.startswith((b"<", b"{", b"[")) and not _is_other(head):
        if text.startswith(b"TY  - "):
            return Format.RIS
        if _MEDLINE.search(text):
            return Format.MEDLINE
        words = text.decode("utf-8", "replace")
        for kind, recognises in _BY_WORDS:
            if recognises(words):
                return kind
    raise UnrecognisedFormatError(f"{source} {_describe(head, text)}", remedy=_ACCEPTED)


def read_records(path: Path, *, ids_are_pmids: bool = False, names: bool = True) -> Iterator[FileItem]:
    """Records of one file in their order; ``ids_are_pmids`` concerns BEIR corpora only.

    A file that only names articles gives :class:`~pubmed_rag.ingest.id_lists.Named` instead of articles,
    or counts as unrecognised where ``names`` are not wanted. Raises :class:`InputError` where the file cannot
    be opened, :class:`UnrecognisedFormatError` where it is none of our formats, and
    :class:`DamagedFileError` where it breaks off, after every record before that point has been yielded.
    """
    source = os.fsencode(path).decode("utf-8", "replace")  # a file's name may hold bytes that no record can
    try:
        file = path.open("rb")
    except OSError as error:
        raise InputError(f"{source} cannot be read: {error.strerror}") from error
    with file:
        packed = Gunzip(file) if file.peek(2)[:2] == GZIP_MAGIC else None
        stream = io.BufferedReader(packed, _HEAD) if packed else file
        head = stream.peek(_HEAD)
        if packed and packed.damage and not head:
            raise _damaged(source, packed.damage)
        kind = recognise(head, source)
        if kind.names_only and not names:
            raise UnrecognisedFormatError(
                f"{source} is {kind.value}, which holds no articles itself: give it by name to fetch them from PubMed"
            )
        if head.startswith(_UTF8_BOM):
            stream.read(len(_UTF8_BOM))
        yield from _until_damage(_records(kind, stream, source, head, ids_are_pmids), packed, kind, source)


def _records(kind: Format, stream: BinaryIO, source: str, head: bytes, ids_are_pmids: bool) -> Iterator[FileItem]:
    if kind is Format.PUBMED_XML:
        return pubmed_xml.iter_records(stream, source)
    if kind is Format.MEDLINE:
        return medline.iter_records(stream, source)
    if kind is Format.RIS:
        return id_lists.read_ris(stream, source)
    if kind is Format.TABLE:
        return id_lists.read_table(stream, source, head.removeprefix(_UTF8_BOM).decode("utf-8", "replace"))
    if kind is Format.IDS:
        return id_lists.read_list(stream, source)
    return beir.iter_records(stream, source, ids_are_pmids=ids_are_pmids)


def _until_damage(items: Iterator[FileItem], packed: Gunzip | None, kind: Format, source: str) -> Iterator[FileItem]:
    """``items``, then the damage of the gzip file if there was any.

    A line-based format does not show that its last record was cut in the middle, so where the file
    broke off that record is dropped rather than stored short.
    """
    held: FileItem | None = None
    try:
        for item in items:
            if held is not None:
                yield held
            held = item
    except DamagedFileError:
        if held is not None:
            yield held
        if packed is None or packed.damage is None:
            raise
        held = None  # the XML breaks off because the gzip file does: name the cause, not the effect
    damage = packed.damage if packed else None
    if held is not None and (damage is None or kind is Format.PUBMED_XML):
        yield held
    if damage is not None:
        raise _damaged(source, damage)


def _damaged(source: str, damage: str) -> DamagedFileError:
    return DamagedFileError(
        f"{source} is a gzip file, but {damage}", remedy="fetch the file again; the records before this point were read"
    )


def _is_other(head: bytes) -> bool:
    """True for content that is not UTF-8 text at all."""
    return b"\0" in head or any(head.startswith(magic) for magic, _ in _KNOWN_OTHERS)


def _describe(head: bytes, text: bytes) -> str:
    """What the content looks like, as the end of a sentence that begins with the file's name."""
    for magic, name in _KNOWN_OTHERS:
        if head.startswith(magic):
            return f"is {name}"
    if _UTF16.match(head):
        return "is UTF-16 text: save it as UTF-8 first"
    if not text:
        return "is empty"
    if _HTML.match(text):
        return "is an HTML page (perhaps an error page saved under this name)"
    if text.startswith(b"<"):
        root = root_name(text)
        return f"is XML of another kind (its root is <{root}>)" if root else "begins like XML but has no root element"
    if text.startswith(b"{"):
        return 'is JSON, but its objects have no "_id" as a BEIR corpus has'
    if text.startswith(b"["):
        return "is a JSON array; a BEIR corpus has one object a line"
    if b"\0" in text:
        return "is a binary file"
    return "is text of no known kind"
