"""Mistakes in a PubMed query that PubMed would not mention.

PubMed drops an unknown tag, a tag after a parenthesis and a bad modifier in silence and searches for something
else (measured on the live service, October 2026: ``asthma[tiabb]`` finds 246,024 records, ``asthma[tiab]``
195,441). This looks at the text alone; what PubMed made of it stands in its QueryTranslation.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from pubmed_rag.core import query_lexer, search_tags
from pubmed_rag.core.stopwords import STOPWORDS

Kind = Literal["open", "close", "operator", "tag", "term"]

_PROXIMITY = re.compile(r"~\s*\d+")
_SHORTEST_STEM = 4  # letters before an asterisk (PubMed User Guide, "Truncation")
_BY_WORD = frozenset({"TITL", "TIAB", "WORD"})  # fields of running text, in which stopwords are not indexed
_PLAIN = str.maketrans("\u201c\u201d\u201e\u00ab\u00bb\u2018\u2019\u2217\ufe61\uff0a", '"""""\'\'***')


@dataclass(frozen=True, slots=True)
class _Slip:
    """Something that comes with pasting, and how to tell it. Said once a query, at its first place."""

    pattern: re.Pattern[str]
    message: str
    plain: bool = False  # whether the plain form can be suggested


_SLIPS = (
    _Slip(
        re.compile("[\u201c\u201d\u201e\u2018\u2019\u00ab\u00bb]"),
        "typographic quotation marks: PubMed does not promise to take them for quotes; use plain ones",
        plain=True,
    ),
    _Slip(re.compile("[\u2217\ufe61\uff0a]"), "PubMed does not take this asterisk for a wildcard", plain=True),
    _Slip(
        re.compile(r"&(?:amp|lt|gt|quot|#\d+);"),
        "a character as a web page's source writes it: PubMed would search for what stands here",
        plain=True,
    ),
    _Slip(
        re.compile(r"\.(?:ti|ab|tw|mp|kw|pt|sh|fs|hw)(?:,\w\w)*\.?(?![\w.])|\badj\d+\b|\bexp (?=\"?[A-Z][^/\[\]()]*/)"),
        "Ovid's syntax: PubMed knows tags in brackets only, such as [tiab] and [mh]",
    ),
    _Slip(re.compile(r"#\d+\b"), "a search of another session, which is not known here: write it out"),
    _Slip(
        re.compile(r"\b\d{4}-\d[\d-]*(?=\s*\[(?:dp|pdat|edat|crdt|mdat|lr|mhda)\])", re.IGNORECASE),
        "PubMed writes days as 2020/01/31 and ranges as 2020:2024",
    ),
)


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
    problems = [*_slips(query), *_balance(query), *_tags(tokens), *_words(tokens), *_mixed(tokens)]
    return tuple(sorted(problems, key=lambda problem: (problem.start, problem.end)))


def _tokens(query: str) -> Iterator[_Token]:
    """The tokens of the search's own lexer; operators in small letters are terms here, until :func:`_joins`."""
    kinds: dict[query_lexer.Kind, Kind] = {"open": "open", "close": "close", "tag": "tag", "operator": "operator"}
    for token in query_lexer.tokens(query_lexer.plain(query, mend=True)):
        if isinstance(token, query_lexer.Token):
            kind = kinds.get(token.kind, "term") if token.sure else "term"
            yield _Token(kind, query[token.start : token.end], token.start)


def _problem(token: _Token, message: str, suggestion: str | None = None) -> QueryProblem:
    return QueryProblem(token.start, token.end, token.text, message, suggestion)


def _slips(query: str) -> Iterator[QueryProblem]:
    for slip in _SLIPS:
        match = slip.pattern.search(query)
        if match:
            plain = html.unescape(match[0]).translate(_PLAIN) if slip.plain else None
            yield QueryProblem(match.start(), match.end(), match[0], slip.message, plain)


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
    boolean = any(token.kind in {"operator", "tag"} for token in tokens)  # and not a question in plain words
    for at, token in enumerate(tokens):
        if token.kind != "term":
            continue
        before, after = (tokens[i] if 0 <= i < len(tokens) else None for i in (at - 1, at + 1))
        if token.text in {"or", "and", "not"} and before and after and _joins(token, before, after, boolean):
            yield _problem(
                token,
                "operators are written in capitals; PubMed may take this one for a word and ignore it",
                token.text.upper(),
            )
        elif token.text.lower() in STOPWORDS and after and after.kind == "tag" and _alone(before):
            field = search_tags.find(after.text.strip("[]").partition(":")[0])
            if field is not None and field.code in _BY_WORD:
                yield _problem(token, "PubMed does not index this word; alone under a tag it finds nothing")
        yield from _wildcards(token)


def _joins(word: _Token, before: _Token, after: _Token, boolean: bool) -> bool:
    """Whether a word between the two is meant as an operator, not as a word among others.

    Between plain words only ``or`` and ``not`` matter: PubMed would set AND there anyway.

    The guide says that such words are ignored. Between tagged terms PubMed has taken them for operators: with the
    ``not`` of ``(Animals[Mesh] not (Animals[Mesh] and Humans[Mesh]))`` ignored, the queries of real reviews that end
    so could not have found the human studies that they did find.
    """
    if after.kind == "tag" or before.kind in {"open", "operator"}:
        return False
    if before.kind in {"tag", "close"} or after.kind == "open":
        return True
    return boolean and word.text != "and" and after.kind == "term"


def _alone(before: _Token | None) -> bool:
    return before is None or before.kind != "term"


def _wildcards(token: _Token) -> Iterator[QueryProblem]:
    stem, star, rest = token.text.strip('"').partition("*")
    if not star:
        return
    if not stem or stem[-1].isspace():
        yield _problem(token, "an asterisk stands after the beginning of a word; PubMed ignores this one")
    elif rest[:1].isalnum():
        yield _problem(token, "an asterisk stands at the end of a word; PubMed ignores it within one")
    elif len(stem) < _SHORTEST_STEM:
        yield _problem(token, f"an asterisk needs {_SHORTEST_STEM} letters before it")


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
