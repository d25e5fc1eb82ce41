"""The words and signs of a PubMed query, each with its place in what was typed.

Nothing is ever refused here: whatever is no sign is part of a word. What a pasted query needs first is in
:func:`plain`, which also says what it changed. Rules: PubMed User Guide, April 2024.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from pubmed_rag.core import search_tags

Kind = Literal["word", "quoted", "tag", "open", "close", "operator", "colon"]
OPERATORS = {"AND": "AND", "OR": "OR", "NOT": "NOT", "&": "AND", "|": "OR"}


@dataclass(frozen=True, slots=True)
class Token:
    """A piece of a query. ``text`` is without quotes and brackets; an operator's is AND, OR or NOT.

    ``start`` and ``end`` are offsets into the query as typed, quotes and brackets included. ``sure`` is false for an
    operator in small letters, which PubMed takes for one between tagged terms or parentheses only. ``joined``: no
    blank before it.
    """

    kind: Kind
    text: str
    start: int
    end: int
    sure: bool = True
    joined: bool = False


@dataclass(frozen=True, slots=True)
class Slip:
    """Characters at ``start:end`` of the query as typed that come with pasting or haste, and what they should be."""

    what: Literal["quotes", "asterisk", "entity", "quote", "bracket"]
    start: int
    end: int
    plain: str | None


@dataclass(frozen=True, slots=True)
class Plain:
    """A query in plain characters; ``origins[i]`` is where ``text[i]`` came from, with one more for the end."""

    text: str
    origins: tuple[int, ...]
    slips: tuple[Slip, ...]


_SINGLE = str.maketrans(
    {
        **dict.fromkeys("\u201c\u201d\u201e\u201f\u00ab\u00bb\u2033\uff02", '"'),
        **dict.fromkeys("\u2018\u2019\u201a\u201b\u2032\u00b4\u02bc", "'"),
        **dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2015\u2212\ufe63\uff0d", "-"),
        **dict.fromkeys("\uff08", "("),
        **dict.fromkeys("\uff09", ")"),
        **dict.fromkeys("\uff3b", "["),
        **dict.fromkeys("\uff3d", "]"),
        **dict.fromkeys("\uff1a", ":"),
        **dict.fromkeys("\u00ad\u200b\u200c\u200d\u2060\ufeff\u00a0", " "),
    }
)
_ASTERISKS = "\u2217\ufe61\uff0a"
_TYPOGRAPHIC_QUOTES = "\u201c\u201d\u201e\u201f\u00ab\u00bb"
_ENTITY = re.compile(r"&(?:amp|lt|gt|quot|apos|nbsp|#\d{1,6}|#x[0-9a-fA-F]{1,5});")
_LONGEST_ENTITY = 9
_WORD = re.compile(r"[^\s()\[\]\"|]+")
_TAG = re.compile(r"\[([^\[\]\n]*)\]")
_UNCLOSED = re.compile(r"\[([^\[\]()\s\"|]+)")


def plain(query: str, *, mend: bool) -> Plain:
    """Typographic quotes, dashes and blanks as plain ones; with ``mend``, asterisks and ``&amp;`` too.

    PubMed itself does the former, or as good as; of the latter it makes blanks (measured on the live service,
    October 2026: ``intervent∗[ti]`` 9 records, ``intervent*[ti]`` 269,566).
    """
    characters: list[str] = []
    origins: list[int] = []
    slips: list[Slip] = []
    for at, character in enumerate(query):
        new = character.translate(_SINGLE)
        if character in _ASTERISKS:
            slips.append(Slip("asterisk", at, at + 1, "*"))
            new = "*" if mend else " "
        elif character in _TYPOGRAPHIC_QUOTES:
            slips.append(Slip("quotes", at, at + 1, '"'))
        elif character == "&" and not mend and (entity := _ENTITY.match(query, at)):
            slips.append(Slip("entity", at, entity.end(), html.unescape(entity[0])))
        characters.append(new)
        origins.append(at)
        # What was escaped twice ("&amp;lt;") comes out as one more entity, so what stands there by now is looked at.
        while mend and characters and characters[-1] == ";" and (name := _entity_at_end(characters)):
            start = origins[-len(name)]
            del characters[-len(name) :], origins[-len(name) :]
            while slips and slips[-1].start >= start:
                slips.pop()
            unescaped = html.unescape(name)
            slips.append(Slip("entity", start, at + 1, unescaped))
            new = "*" if unescaped in _ASTERISKS else unescaped.translate(_SINGLE)[:1]
            if new:
                characters.append(new)
                origins.append(start)
    origins.append(len(query))
    return Plain("".join(characters), tuple(origins), tuple(slips))


def _entity_at_end(characters: list[str]) -> str:
    """The entity that ``characters`` end with, or nothing."""
    end = "".join(characters[-_LONGEST_ENTITY:])
    found = _ENTITY.fullmatch(end, max(0, end.rfind("&")))
    return found[0] if found else ""


def tokens(source: Plain) -> Iterator[Token | Slip]:
    """The tokens of a query in their order; among them, as slips, quotation marks and brackets without a partner."""
    text, origins = source.text, source.origins
    at, before = 0, -1
    while at < len(text):
        character = text[at]
        if character.isspace():
            at += 1
            continue
        kind: Kind = "word"
        sure = True
        end = at + 1
        content = character
        if character in "()":
            kind = "open" if character == "(" else "close"
        elif character == "|":
            kind, content = "operator", "OR"
        elif character == ":":
            kind = "colon"
        elif character == '"':
            closing = _closing_quote(text, at)
            if closing is None:
                yield Slip("quote", origins[at], origins[at] + 1, None)
                at += 1
                continue
            kind, end, content = "quoted", closing + 1, text[at + 1 : closing]
        elif character in "[]":
            tag = _TAG.match(text, at)
            unclosed = _UNCLOSED.match(text, at) if tag is None else None
            if unclosed is not None and search_tags.find(unclosed[1].partition(":")[0]) is not None:
                yield Slip("bracket", origins[at], origins[at] + 1, None)
                tag = unclosed
            if tag is None:
                at += 1  # a bracket without its partner is a blank
                continue
            kind, end, content = "tag", tag.end(), tag[1].strip()
        else:
            word = _WORD.match(text, at)
            end = word.end() if word else at + 1
            content = text[at:end]
            if content in OPERATORS:
                kind, content = "operator", OPERATORS[content]
            elif content.upper() in {"AND", "OR", "NOT"}:
                kind, content, sure = "operator", content.upper(), False
        yield Token(kind, content, origins[at], origins[end - 1] + _width(source, end - 1), sure, at == before)
        at = before = end


def _width(source: Plain, at: int) -> int:
    """How many characters as typed the character at ``at`` stands for."""
    return source.origins[at + 1] - source.origins[at]


def _closing_quote(text: str, at: int) -> int | None:
    """Where the quotation that opens at ``at`` ends: not beyond a tag, which cannot be part of a quotation."""
    closing = text.find('"', at + 1)
    if closing < 0:
        return None
    for tag in _TAG.finditer(text, at, closing):
        if search_tags.find(tag[1].partition(":")[0]) is not None:
            return None
    return closing
