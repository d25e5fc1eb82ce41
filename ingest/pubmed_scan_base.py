"""What all readers of :mod:`pubmed_rag.ingest.pubmed_scan` are made of: lists, texts, dates, people, terms."""

from __future__ import annotations

import functools
import operator
import re
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

from pubmed_rag.core.records import Author, PartialDate, Section, Term
from pubmed_rag.ingest import pubmed_patterns as patterns
from pubmed_rag.ingest.dates import parse_date
from pubmed_rag.ingest.identifiers import bare_orcid
from pubmed_rag.ingest.pubmed_raw_text import Unsure, attributes, plain, plain_or_none, resolved

Found: TypeAlias = dict[str, Any]
"""Fields of the article so far, by their names; and, under names of elements, what several fields depend on."""
Reader: TypeAlias = Callable[[str, int, Found], int]
"""Reads the element that begins at a place, puts what it says into ``Found`` and returns the place after it."""

NAME = operator.attrgetter("name")

_REPEATED = frozenset(
    {
        "ArticleDate",
        "CitationSubset",
        "ELocationID",
        "GeneralNote",
        "InvestigatorList",
        "KeywordList",
        "Language",
        "OtherAbstract",
        "OtherID",
        "ReferenceList",
    }
)


def match_at(pattern: re.Pattern[str], text: str, at: int) -> re.Match[str]:
    """The match of ``pattern`` that begins at ``at``. Raises :class:`Unsure` if there is none."""
    match = pattern.match(text, at)
    if match is None:
        raise Unsure
    return match


def children(parent: str, readers: dict[str, Reader], text: str, at: int, found: Found) -> int:
    """Read what stands in ``parent`` from ``at`` on, each element by its reader, and the closing tag."""
    next_tag = patterns.TAG.match
    left = readers.copy()
    while (tag := next_tag(text, at)) is not None:
        name = tag[1]
        read = left.get(name)
        if read is None:
            break
        if name not in _REPEATED:
            del left[name]
        at = read(text, tag.start(1) - 1, found)
    return match_at(patterns.CLOSES[parent], text, at).end()


def rows_of(
    item: re.Pattern[str], tag: str, text: str, at: int, end: re.Pattern[str] | None = None
) -> tuple[list[str], int]:
    """The list ``tag`` at ``at``, all of whose children match ``item``, and the place after it.

    Returned are the groups of all items in a row, with a text of no meaning before each: ``item.groups + 1`` texts
    an item. ``end`` may match what follows the last item inside the list.
    """
    start = at + len(tag) + 1
    if text[start] == ">":
        start += 1
    else:
        opening = match_at(patterns.LIST_OPENS, text, start)
        attributes(opening[1])
        start = opening.end()
    stop = text.find(f"</{tag}>", start)
    if stop < 0:
        raise Unsure
    parts = item.split(text[start:stop])
    if parts[0].isspace():
        parts[0] = ""
    if rest := parts.pop():
        last = end.fullmatch(rest) if end else None
        if last is None:
            raise Unsure
        resolved(last[1])
    if any(parts[:: item.groups + 1]):
        raise Unsure
    return parts, stop + len(tag) + 3


@functools.lru_cache(50_000)
def date(*parts: str | None) -> PartialDate:
    """The date that these texts make, those that are missing or empty left out."""
    return parse_date(" ".join(text for part in parts if part and (text := plain(part))))


def mixed(field: str, tag: str) -> Reader:
    """An element with markup in its text."""
    pattern = patterns.TITLE[tag]

    def read(text: str, at: int, found: Found) -> int:
        match = match_at(pattern, text, at)
        found[field] = plain(match[1]) or None
        return match.end()

    return read


def more(field: str, pattern: re.Pattern[str]) -> Reader:
    """An element that may be repeated, each a text."""

    def read(text: str, at: int, found: Found) -> int:
        match = match_at(pattern, text, at)
        if value := plain(match[1]):
            found[field] = (*found.get(field, ()), value)
        return match.end()

    return read


def texts(raws: Sequence[str]) -> tuple[str, ...]:
    """Texts, empty ones left out."""
    return tuple([text for raw in raws if (text := plain(raw))])


def sections_of(rows: list[str]) -> tuple[Section, ...]:
    """Parts of an abstract from the rows of ``ABSTRACT_TEXT``; one without text stays if it has a label."""
    sections = []
    for label, category, raw in zip(rows[1::4], rows[2::4], rows[3::4], strict=True):
        words = plain(raw)
        if words or label:
            sections.append(Section(words, resolved(label) if label else None, category or None))
    return tuple(sections)


def people(field: str, listed: str, tag: str) -> Reader:
    """A list ``listed`` of people, each in an element ``tag``."""
    pattern = patterns.PERSON[tag]

    def read(text: str, at: int, found: Found) -> int:
        rows, at = rows_of(pattern, listed, text, at)
        persons = [
            Author(
                last and plain_or_none(last),
                fore and plain_or_none(fore),
                initials and plain_or_none(initials),
                suffix and plain_or_none(suffix),
                collective and plain_or_none(collective),
                _orcid(identifiers) if identifiers else None,
                texts((place, *patterns.AFFILIATION.findall(places)) if places else (place,)) if place else (),
            )
            for last, fore, initials, suffix, collective, identifiers, place, places in zip(
                *(rows[first::9] for first in range(1, 9)), strict=True
            )
        ]
        found[field] = (*found.get(field, ()), *persons)
        return at

    return read


def _orcid(identifiers: str) -> str | None:
    match = patterns.ORCID.search(identifiers)
    return bare_orcid(match[1].strip()) if match else None


def terms(field: str, tag: str, item: re.Pattern[str]) -> Reader:
    """A list of names with ``UI``."""

    def read(text: str, at: int, found: Found) -> int:
        rows, at = rows_of(item, tag, text, at)
        found[field] = tuple(filter(NAME, map(_term, rows[2::3], rows[1::3])))
        return at

    return read


@functools.lru_cache(10_000)
def _term(raw: str, ui: str | None) -> Term:
    return Term(plain(raw), ui or None)
