"""The leaves of a query's tree: what words, a quotation and a tag come to (PubMed User Guide, April 2024)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from pubmed_rag.core import search_tags
from pubmed_rag.core.query_lexer import OPERATORS, Token
from pubmed_rag.core.search_tags import SearchField
from pubmed_rag.index.pubmed_ast import Node, Nothing, Term
from pubmed_rag.index.pubmed_dates import as_range, is_relative
from pubmed_rag.index.pubmed_notes import Report

SHORTEST_STEM = 4  # characters before an asterisk (PubMed User Guide, "Truncation")
_REFERENCE = re.compile(r"^:*#(?=\d{1,6}$)")
_PROXIMITY = re.compile(r"~\s*(\d{1,5})")
_WITH_SUBHEADING = frozenset({"MESH", "MAJR"})
_ISO_DAY = re.compile(r"\d{4}-\d{1,2}(?:-\d{1,2})?")
_LETTER_OR_DIGIT = re.compile(r"[^\W_]")


@dataclass(frozen=True, slots=True)
class Tag:
    """A tag in brackets, read. ``field`` is ``None`` for one that PubMed does not know; ``problem`` says what is
    wrong with its modifier."""

    token: Token
    name: str
    field: SearchField | None
    explode: bool = True
    proximity: int | None = None
    problem: str = ""


def read_tag(token: Token) -> Tag:
    """``[mh:noexp]``, ``[Title/Abstract:~3]`` … as field and modifier. A modifier without a meaning is left out."""
    name, _, modifier = (part.strip() for part in token.text.partition(":"))
    field = search_tags.find(name)
    tag = Tag(token, name, field)
    if field is None or not modifier:
        return tag
    if "".join(modifier.lower().split()) == "noexp":
        if field.noexp:
            return replace(tag, explode=False)
        return replace(tag, problem=f"{field.name} is not exploded, so :noexp means nothing")
    nearness = _PROXIMITY.fullmatch(modifier)
    if nearness:
        if field.proximity:
            return replace(tag, proximity=int(nearness[1]))
        return replace(tag, problem="PubMed looks for nearness in [ti], [tiab] and [ad] only; it is ignored here")
    return replace(tag, problem=f"':{modifier}' is no modifier of a field; it is ignored")


def leaves_of_quotation(token: Token, tag: Tag | None, report: Report) -> list[Node]:
    """The leaf of ``"several words"[tag]``; none where the quotation is empty."""
    text, truncated = _star(token.text, token, report)
    if not _LETTER_OR_DIGIT.search(text):
        report(token.start, token.end, "a quotation without a word is ignored")
        return []
    end = tag.token.end if tag else token.end
    if tag is None or tag.field is None:
        return [Term(text, quoted=True, truncated=truncated, start=token.start, end=end)]
    if tag.field.ranges:
        return [_dated(text, tag.field, token.start, end, report, quoted=True)]
    proximity = tag.proximity
    if proximity is not None and (truncated or "*" in token.text or len(text.split()) < 2):
        report(tag.token.start, tag.token.end, "nearness takes two or more words without an asterisk; it is ignored")
        proximity = None
    return [_term(text, tag.field, token.start, end, quoted=True, truncated=truncated, tag=tag, proximity=proximity)]


def leaves_of_words(words: Sequence[Token], tag: Tag | None, report: Report) -> list[Node]:
    """The leaves of words side by side, of which the last, or all as one phrase, carry the tag."""
    end = tag.token.end if tag else words[-1].end
    if tag is None or tag.field is None:
        return _untagged(words, report)
    if tag.proximity is not None:
        report(tag.token.start, tag.token.end, "nearness takes two or more words in quotes; it is ignored")
    if tag.field.ranges:
        return _dated_words(words, tag.field, end, report)
    kept = [word for word in words if _LETTER_OR_DIGIT.search(word.text)] or words
    text, truncated = _star(" ".join(word.text for word in kept), kept[-1], report, kept[0])
    text = _plain_words(text)
    if not text:
        report(words[0].start, end, "there is no word before this tag")
        return []
    return [_term(text, tag.field, words[0].start, end, quoted=False, truncated=truncated, tag=tag, proximity=None)]


def _term(
    text: str,
    field: SearchField,
    start: int,
    end: int,
    *,
    quoted: bool,
    truncated: bool,
    tag: Tag,
    proximity: int | None,
) -> Term:
    subheading = None
    if field.code in _WITH_SUBHEADING and "/" in text:
        text = text.strip("/ ") or text
        heading, _, after = text.rpartition("/")
        if _LETTER_OR_DIGIT.search(heading) and _LETTER_OR_DIGIT.search(after):
            text, subheading = heading.strip(), after.strip()
        elif not quoted:
            text = _plain_words(text)
    return Term(
        text,
        field.code,
        quoted=quoted,
        truncated=truncated,
        explode=tag.explode,
        subheading=subheading,
        proximity=proximity,
        start=start,
        end=end,
    )


def _untagged(words: Sequence[Token], report: Report) -> list[Node]:
    """Truncated words stand for themselves; what lies between them stays together for term mapping."""
    leaves: list[Node] = []
    run: list[Token] = []

    def close() -> None:
        text = _plain_words(" ".join(word.text for word in run))
        if text:
            leaves.append(Term(text, start=run[0].start, end=run[-1].end))
        run.clear()

    for word in words:
        if not _LETTER_OR_DIGIT.search(word.text):
            continue
        if "*" not in word.text:
            run.append(word)
            continue
        text, truncated = _star(word.text, word, report)
        if truncated and " " not in text:  # with a blank it had asterisks inside, and is no beginning of a word
            close()
            text = _plain_words(text)
            leaves.append(Term(text, truncated=True, start=word.start, end=word.end))
        elif text:
            run.append(replace(word, text=text))
    close()
    return leaves


def _plain_words(text: str) -> str:
    """``text`` without what would be read as a sign, had it been typed so: nothing is left of ``: & , #1``'s signs."""
    words = (_REFERENCE.sub("", word).lstrip(":") for word in text.split())
    return " ".join(word.lower() if word in OPERATORS else word for word in words if _LETTER_OR_DIGIT.search(word))


def _dated_words(words: Sequence[Token], field: SearchField, end: int, report: Report) -> list[Node]:
    """The longest end of the words that is a date or number; the rest is untagged."""
    for first in range(len(words)):
        text = re.sub(r"\s*:\s*", ":", " ".join(word.text for word in words[first:]))
        if as_range(text, field.code) or is_relative(text):
            return [*_untagged(words[:first], report), _dated(text, field, words[first].start, end, report)]
    last = words[-1]
    return [*_untagged(words[:-1], report), _dated(last.text, field, last.start, end, report)]


def _dated(text: str, field: SearchField, start: int, end: int, report: Report, *, quoted: bool = False) -> Node:
    found = as_range(re.sub(r"\s*:\s*", ":", text), field.code)
    if found is not None:
        if _ISO_DAY.search(text):
            suggestion = re.sub(r"(?<=\d)-(?=\d)", "/", text)
            report(start, end, "PubMed writes days as 2020/01/31 and ranges as 2020:2024", "warning", suggestion)
        return replace(found, start=start, end=end)
    if field.code == "UID":
        if re.fullmatch(r"[0-9]{1,9}", text.strip()):
            return Term(text.strip(), "UID", quoted=quoted, start=start, end=end)
        report(start, end, "a PMID is a number", "error")
        return Nothing(text)
    if is_relative(text):
        return Term(text, field.code, quoted=quoted, start=start, end=end)
    report(start, end, "this is no date: write 2020, 2020/03, 2020/03/15 or 2020:2024", "error", _date_meant(text))
    return Nothing(text)


def _date_meant(text: str) -> str | None:
    years = re.fullmatch(r"\s*(\d{4})\s*-\s*(\d{4})\s*", text)
    return f"{years[1]}:{years[2]}" if years else None


def _star(text: str, last: Token, report: Report, first: Token | None = None) -> tuple[str, bool]:
    """The text with single blanks and without asterisks, and whether its last word is truncated."""
    start = (first or last).start
    text = " ".join(text.split())
    if "*" not in text:
        return text, False
    stem = text.rstrip("*")
    ends = stem != text and bool(stem) and not stem[-1].isspace()
    if "*" in stem:
        inner = stem.lstrip("*")
        if "*" in inner:
            report(start, last.end, "an asterisk stands at the end of the last word; PubMed ignores it elsewhere")
        if inner != stem:
            report(start, last.end, "an asterisk stands after the beginning of a word; PubMed ignores this one")
    stem = " ".join(word for word in stem.replace("*", " ").split() if _LETTER_OR_DIGIT.search(word))
    if not ends:
        if "*" not in text.rstrip("*"):
            report(start, last.end, "an asterisk stands after the beginning of a word; PubMed ignores this one")
        return stem, False
    if len(stem.replace(" ", "").strip(":/")) < SHORTEST_STEM:
        report(start, last.end, f"an asterisk needs {SHORTEST_STEM} letters before it; this one is ignored")
        return stem, False
    return stem, True
