"""Mistakes in a PubMed query that PubMed would not mention.

PubMed drops an unknown tag, a tag after a parenthesis and a bad modifier in silence and searches for something
else (measured on the live service, October 2026: ``asthma[tiabb]`` finds 246,024 records, ``asthma[tiab]``
195,441). This looks at the text alone; what PubMed made of it stands in its QueryTranslation.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from pubmed_rag.core import search_tags

Kind = Literal["open", "close", "operator", "tag", "term"]

_TOKEN = re.compile(r'"[^"]*"|\[[^\]]*\]|[()]|[^\s()\[\]"]+')
_OPERATORS = frozenset({"AND", "OR", "NOT", "&", "|"})
_TYPOGRAPHIC = re.compile("[\u201c\u201d\u201e\u2018\u2019\u00ab\u00bb]")
_PROXIMITY = re.compile(r"~\s*\d+")
_SHORTEST_STEM = 4  # letters before an asterisk (PubMed User Guide, "Truncation")


@dataclass(frozen=True, slots=True)
class QueryProblem:
    """Something at ``query[start:end]`` that PubMed will not take as written. ``suggestion`` replaces ``text``."""

    start: int
    end: int
    text: str
    message: str
    suggestion: str | None = None


@dataclass(frozen=True, slots=True)
class _Token:
    kind: Kind
    text: str
    start: int

    @property
    def end(self) -> int:
        return self.start + len(self.text)


def check_query(query: str) -> tuple[QueryProblem, ...]:
    """Problems of ``query`` in the order of their places; empty for a query that PubMed takes as it stands."""
    tokens = list(_tokens(query))
    problems = [*_characters(query), *_balance(query), *_tags(tokens), *_words(tokens), *_mixed(tokens)]
    return tuple(sorted(problems, key=lambda problem: (problem.start, problem.end)))


def _tokens(query: str) -> Iterator[_Token]:
    for match in _TOKEN.finditer(query):
        text = match[0]
        kind: Kind = "term"
        if text == "(":
            kind = "open"
        elif text == ")":
            kind = "close"
        elif text.startswith("["):
            kind = "tag"
        elif text in _OPERATORS:
            kind = "operator"
        yield _Token(kind, text, match.start())


def _problem(token: _Token, message: str, suggestion: str | None = None) -> QueryProblem:
    return QueryProblem(token.start, token.end, token.text, message, suggestion)


def _characters(query: str) -> Iterator[QueryProblem]:
    """One problem however many there are: they come from pasting out of a word processor, all at once."""
    match = _TYPOGRAPHIC.search(query)
    if match:
        plain = "'" if match[0] in "\u2018\u2019" else '"'
        message = "typographic quotation marks: PubMed does not promise to take them for quotes; use plain ones"
        yield QueryProblem(match.start(), match.end(), match[0], message, plain)


def _balance(query: str) -> Iterator[QueryProblem]:
    if query.count('"') % 2:
        at = query.rindex('"')
        yield QueryProblem(at, at + 1, '"', "a quotation mark without its partner")
        return  # what is inside quotes is uncertain, so are the brackets
    bare = re.sub(r'"[^"]*"', lambda match: " " * len(match[0]), query)
    for opening, closing in ("()", "[]"):
        open_at: list[int] = []
        for at, character in enumerate(bare):
            if character == opening:
                open_at.append(at)
            elif character == closing:
                if not open_at:
                    yield QueryProblem(at, at + 1, closing, f"'{closing}' without '{opening}'")
                else:
                    open_at.pop()
        for at in open_at:
            yield QueryProblem(at, at + 1, opening, f"'{opening}' without '{closing}'")


def _tags(tokens: list[_Token]) -> Iterator[QueryProblem]:
    for at, token in enumerate(tokens):
        if token.kind != "tag":
            continue
        previous = tokens[at - 1] if at else None
        if previous is None or previous.kind in {"open", "operator"}:
            yield _problem(token, "a tag stands after its term; here there is none before it")
        elif previous.kind == "close":
            yield _problem(token, "PubMed ignores a tag after a parenthesis: give it to each term inside")
        elif previous.kind == "tag":
            yield _problem(token, "a second tag for the same term")
        yield from _one_tag(token, previous)


def _one_tag(token: _Token, previous: _Token | None) -> Iterator[QueryProblem]:
    name, _, modifier = (part.strip() for part in token.text[1:].removesuffix("]").partition(":"))
    if not name:
        yield _problem(token, "an empty tag")
        return
    field = search_tags.find(name)
    if field is None:
        near = search_tags.near(name)
        suggestion = f"[{near}]" if near else None
        yield _problem(
            token, f"PubMed knows no such field as {token.text}; it drops the tag and searches all fields", suggestion
        )
        return
    if not modifier:
        return
    if modifier.lower() in {"noexp", "no exp"}:
        if not field.noexp:
            yield _problem(token, f"{field.name} is not exploded, so :noexp means nothing", f"[{name}]")
    elif _PROXIMITY.fullmatch(modifier):
        if not field.proximity:
            yield _problem(token, "PubMed looks for nearness in [ti], [tiab] and [ad] only", f"[{name}]")
        elif previous is not None and previous.kind == "term" and not _is_phrase(previous.text):
            yield _problem(token, "nearness takes two or more words in quotes, without an asterisk")
    else:
        yield _problem(token, f"':{modifier}' is no modifier of a field", f"[{name}]")


def _is_phrase(text: str) -> bool:
    return text.startswith('"') and len(text.strip('"').split()) > 1 and "*" not in text


def _words(tokens: list[_Token]) -> Iterator[QueryProblem]:
    for at, token in enumerate(tokens):
        if token.kind != "term":
            continue
        inside = 0 < at < len(tokens) - 1
        tagged = inside and tokens[at + 1].kind == "tag"
        if token.text in {"or", "and", "not"} and inside and not tagged and _joins(tokens[at - 1], tokens[at + 1]):
            yield _problem(token, "operators are written in capitals; this word is ignored", token.text.upper())
        for stem in re.findall(r"(\w*)\*", token.text):
            if len(stem) < _SHORTEST_STEM:
                yield _problem(token, f"an asterisk needs {_SHORTEST_STEM} letters before it")
                break


def _joins(before: _Token, after: _Token) -> bool:
    """Whether a word between the two would be an operator; within a run of plain words it is a word among others."""
    return before.kind in {"tag", "close"} or after.kind == "open"


def _mixed(tokens: list[_Token]) -> Iterator[QueryProblem]:
    """AND and OR at one level: PubMed works strictly from left to right."""
    levels: list[set[str]] = [set()]
    for token in tokens:
        if token.kind == "open":
            levels.append(set())
        elif token.kind == "close" and len(levels) > 1:
            levels.pop()
        elif token.kind == "operator":
            seen = levels[-1]
            name = {"&": "AND", "|": "OR"}.get(token.text, token.text)
            if (name == "OR" and seen & {"AND", "NOT"}) or (name == "AND" and "OR" in seen):
                yield _problem(
                    token, "AND and OR without parentheses are worked off from left to right: is that what you mean?"
                )
                seen.clear()
            seen.add(name)
