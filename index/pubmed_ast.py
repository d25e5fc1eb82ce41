"""PubMed queries as trees: what the parser gives, what term mapping returns, and what the word index runs.

A parsed query may hold untagged terms (``field == ""``), which Automatic Term Mapping replaces. A mapped query,
or *translation*, has a field in every leaf. Field codes are those of :mod:`pubmed_rag.core.search_tags`.
"""

from __future__ import annotations

from dataclasses import dataclass
from dataclasses import field as offset
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class Term:
    """Words in a field: a phrase where there are several.

    ``text`` has single blanks, no quotes and no trailing ``*``. In ``MESH`` and ``MAJR`` it is a heading as MeSH
    spells it once mapped, and ``subheading`` the qualifier after the slash. ``proximity`` is N of ``[ti:~N]``.
    ``start`` and ``end`` are offsets into the query as typed, for messages; they are no part of the meaning.
    """

    text: str
    field: str = ""
    quoted: bool = False
    truncated: bool = False
    explode: bool = True
    subheading: str | None = None
    proximity: int | None = None
    start: int = offset(default=0, compare=False)
    end: int = offset(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Range:
    """``low:high[field]``, both ends included: dates as ``YYYY/MM/DD``, UIDs as digits.

    ``single`` marks a range made from one date (``2020[dp]``), which does not match an electronic date that is later
    than print (contract, section 6).
    """

    low: str
    high: str
    field: str
    single: bool = False
    start: int = offset(default=0, compare=False)
    end: int = offset(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class And:
    """All of ``operands``, of which there are at least two."""

    operands: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Or:
    """Any of ``operands``, of which there are at least two."""

    operands: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Not:
    """What is in ``kept`` and not in ``dropped``."""

    kept: Node
    dropped: Node


@dataclass(frozen=True, slots=True)
class Nothing:
    """A clause that matches no article, and the words it was made from."""

    text: str = ""


Node: TypeAlias = Term | Range | And | Or | Not | Nothing
