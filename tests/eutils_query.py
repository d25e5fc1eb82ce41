"""The part of PubMed's query language that the local E-utilities server understands.

Words and ``"phrases"``, ``AND``, ``OR``, ``NOT`` strictly from left to right, parentheses, ``#1`` for an earlier
search of the session, ``1:99[uid]``, dates and ranges of dates under ``[edat]``, ``[crdt]`` and ``[mdat]``,
``[doi]``; one or several plain numbers are PMIDs. Any other tag is ignored without a word, as PubMed does.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Protocol

_TOKEN = re.compile(r'\s*(\(|\)|#\d+|"[^"]*"(?:\s*\[[^\]]*\])?|[^\s()"\[]+(?:\s*\[[^\]]*\])?)')
_TERM = re.compile(r'"?(.*?)"?\s*(?:\[([^\]]*)\])?', re.DOTALL)
_DATE_TAGS = {
    "edat": "entered", "date - entry": "entered", "crdt": "entered",
    "mdat": "modified", "lr": "modified", "date - modification": "modified",
}  # fmt: skip
_UID_TAGS = {"uid", "pmid"}
_DOI_TAGS = {"doi", "aid"}


class Searchable(Protocol):
    """What the language can ask about a record. Days are ``YYYY/MM/DD``."""

    @property
    def pmid(self) -> str: ...
    @property
    def words(self) -> frozenset[str]: ...
    @property
    def text(self) -> str: ...
    @property
    def doi(self) -> str: ...
    def day(self, kind: str) -> str: ...


Test = Callable[[Searchable], bool]


def compile_query(query: str, earlier: Sequence[frozenset[str]] = ()) -> Test:
    """A test of a record. ``earlier`` are the PMIDs found by the searches ``#1``, ``#2`` … of the session.

    Raises ``ValueError`` for an unclosed ``((``; other unbalanced parentheses are repaired, as PubMed does.
    """
    if query.count("((") and "))" not in query and query.count("(") - query.count(")") > 1:
        raise ValueError("unbalanced parentheses")
    tokens = _TOKEN.findall(query)
    if tokens and all(token.isdigit() for token in tokens):
        wanted = frozenset(tokens)
        return lambda record: record.pmid in wanted
    test, _ = _expression(tokens, 0, earlier)
    return test


def _expression(tokens: list[str], at: int, earlier: Sequence[frozenset[str]]) -> tuple[Test, int]:
    result: Test | None = None
    operator = "AND"
    while at < len(tokens):
        token = tokens[at]
        at += 1
        if token == ")":
            break
        if token in {"AND", "OR", "NOT"}:
            operator = token
            continue
        if token == "(":
            test, at = _expression(tokens, at, earlier)
        elif token.startswith("#"):
            test = _among(earlier[int(token[1:]) - 1])
        else:
            test = _term(token)
        result = test if result is None else _combined(result, operator, test)
        operator = "AND"
    return result or (lambda _: True), at


def _combined(left: Test, operator: str, right: Test) -> Test:
    if operator == "OR":
        return lambda record: left(record) or right(record)
    if operator == "NOT":
        return lambda record: left(record) and not right(record)
    return lambda record: left(record) and right(record)


def _among(pmids: frozenset[str]) -> Test:
    return lambda record: record.pmid in pmids


def _term(token: str) -> Test:
    match = _TERM.fullmatch(token)
    text, tag = (match[1], (match[2] or "").strip().lower()) if match else (token, "")
    if tag in {"sb", "filter"} and text == "all":
        return lambda _: True
    if tag in _UID_TAGS:
        low, _, high = text.partition(":")
        first, last = int(low), int(high or low)
        return lambda record: first <= int(record.pmid) <= last
    if tag in _DATE_TAGS:
        kind = _DATE_TAGS[tag]
        low, _, high = text.partition(":")
        return lambda record: low <= record.day(kind) <= f"{high or low}~"  # "2020/03~" is after all days of that month
    if tag in _DOI_TAGS:
        return lambda record: record.doi == text.lower()
    words = re.findall(r"\w+", text.lower())
    if len(words) == 1:
        (word,) = words
        return lambda record: word in record.words
    phrase = " ".join(words)
    return lambda record: (
        all(word in record.words for word in words) and (not token.startswith('"') or phrase in record.text)
    )
