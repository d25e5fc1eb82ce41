"""BEIR corpora: one JSON object a line, ``{"_id", "title", "text", "metadata"}`` (arXiv:2104.08663)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, BinaryIO

import msgspec

from pubmed_rag.core.records import Article, Author, PartialDate, RejectedRecord, Section
from pubmed_rag.core.text import collapse
from pubmed_rag.ingest.dates import parse_date
from pubmed_rag.ingest.identifiers import is_pmid
from pubmed_rag.ingest.items import Item
from pubmed_rag.ingest.mesh import parse_heading

_INITIAL = re.compile(r"[A-Z]\.?(?:-[A-Z]\.?)?")
_GROUP = re.compile(
    r"\b(?:Group|Investigators?|Committee|Consortium|Collaborat\w+|Network|Society|Association|Study|Trial|Team)\b"
)


class _Line(msgspec.Struct):
    """What a line must be. Fields not named here are ignored."""

    id: str | int = msgspec.field(name="_id")
    text: str
    title: str | None = None
    metadata: dict[str, Any] | None = None


_decode = msgspec.json.Decoder(_Line).decode


def iter_records(stream: BinaryIO, source: str, *, ids_are_pmids: bool = False) -> Iterator[Item]:
    """Documents of a corpus in order. ``pmid`` is ``None`` unless the caller says that ids are PMIDs.

    Of ``metadata``, which BEIR leaves open, these fields are used where they have the expected form:
    ``mesh`` (list of headings), ``year``, ``authors`` ("A B; C D" or "B, A; D, C"), and ``sections``
    with ``labels`` of equal length, provided the sections make up the text. A bad line is yielded as a
    :class:`RejectedRecord` that names its number.
    """
    for number, line in enumerate(stream, start=1):
        if not line.strip():
            continue
        try:
            yield _article(_decode(line), source, ids_are_pmids)
        except (msgspec.DecodeError, UnicodeDecodeError, ValueError) as error:
            yield RejectedRecord(source, None, f"line {number}: {error}")


def _article(line: _Line, source: str, ids_are_pmids: bool) -> Article:
    article_id = str(line.id).strip()
    if not article_id:
        raise ValueError("_id is empty")
    if ids_are_pmids and not is_pmid(article_id):
        raise ValueError(f"'{article_id}' is not a PMID")
    metadata = line.metadata or {}
    return Article(
        id=article_id,
        pmid=article_id if ids_are_pmids else None,
        title=collapse(line.title or ""),
        abstract=_sections(collapse(line.text), metadata),
        published=_published(metadata.get("year")),
        authors=_authors(metadata.get("authors")),
        mesh=tuple(parse_heading(name) for name in _strings(metadata.get("mesh"))),
        source=source,
    )


def _sections(text: str, metadata: dict[str, Any]) -> tuple[Section, ...]:
    texts, labels = _strings(metadata.get("sections")), _strings(metadata.get("labels"))
    if texts and len(texts) == len(labels) and " ".join(texts) == text:
        return tuple(Section(part, label) for part, label in zip(texts, labels, strict=True))
    return (Section(text),) if text else ()


def _published(year: object) -> PartialDate:
    return parse_date(str(year)) if isinstance(year, str | int) and not isinstance(year, bool) else PartialDate()


def _strings(value: object) -> tuple[str, ...]:
    """The texts of a list, or nothing if it is anything else or holds an empty text."""
    if not isinstance(value, list) or not all(isinstance(item, str) and item.strip() for item in value):
        return ()
    return tuple(collapse(item) for item in value)


def _authors(value: object) -> tuple[Author, ...]:
    if not isinstance(value, str):
        return ()
    return tuple(_author(name) for name in map(collapse, value.split(";")) if name)


def _author(name: str) -> Author:
    """``Reimer, E J`` or ``P Nazzaro``: in the second form everything after the last initial is the last name."""
    last, comma, fore = name.partition(", ")
    if not comma:
        if _GROUP.search(name) or " " not in name:
            return Author(collective_name=name)
        words = name.split(" ")
        initials = [position for position, word in enumerate(words[:-1]) if _INITIAL.fullmatch(word)]
        split = initials[-1] + 1 if initials else len(words) - 1
        last, fore = " ".join(words[split:]), " ".join(words[:split])
    letters = "".join(part[0].upper() for part in re.split(r"[ -]", fore) if part)
    return Author(last_name=last, fore_name=fore or None, initials=letters or None)
