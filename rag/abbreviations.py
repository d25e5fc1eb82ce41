"""Abbreviations that a quotation uses and its abstract writes out elsewhere.

After Schwartz and Hearst, "A simple algorithm for identifying abbreviation definitions in biomedical text" (Pacific
Symposium on Biocomputing 2003): a short form in brackets, and before it the fewest words that hold its letters in
order, the first at the beginning of a word.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from pubmed_rag.core.records import Article, Passage
from pubmed_rag.core.stopwords import STOPWORDS

_SHORT = re.compile(r"(?P<long>[^()\[\].;:?!]{3,200}?)\s*\((?P<short>[^\W_][\w/+-]{1,9})[),;]")
_WORDS_BESIDE = 5


@dataclass(frozen=True, slots=True)
class Abbreviation:
    """``short`` and what it stands for; ``span`` is where the abstract says so."""

    short: str
    long: str
    span: Passage


def abbreviations(article: Article) -> list[Abbreviation]:
    """Those that title and abstract of ``article`` write out, each as it is first."""
    found: dict[str, Abbreviation] = {}
    text = article.text
    for match in _SHORT.finditer(text):
        short = match["short"]
        if not _is_short_form(short):
            continue
        before = match["long"]
        words = re.findall(r"\S+", before)[-min(len(short) + _WORDS_BESIDE, len(short) * 2) :]
        begin = before.rindex(" ".join(words)) if " ".join(words) in before else 0
        at = _begin(short, before[begin:])
        if at is None:
            continue
        at = _before_small_word(short, before[begin:], at)
        start = match.start("long") + begin + at
        end = match.end("short") + (1 if text[match.end("short")] == ")" else 0)
        long = text[start : match.end("long")].strip()
        if short.casefold() not in long.casefold().split() and len(long) > len(short):
            span = Passage(article.id, article.pmid, start, end, text[start:end])
            found.setdefault(short, Abbreviation(short, long, span))
    return list(found.values())


def unexplained(article: Article, evidence: Sequence[Passage]) -> Iterator[Abbreviation]:
    """The abbreviations of ``article`` that the sentences ``evidence`` use and do not write out themselves."""
    for one in abbreviations(article):
        used = re.compile(rf"(?<![\w-]){re.escape(one.short)}s?(?![\w])")
        if any(used.search(span.text) for span in evidence) and not any(
            span.start <= one.span.start < span.end for span in evidence
        ):
            yield one


def _before_small_word(short: str, long: str, at: int) -> int:
    """From ``of the …`` to the word before it that begins alike: ``ossification of the …`` (OPLL)."""
    if long[at:].split(" ", 1)[0].casefold() not in STOPWORDS:
        return at
    words = [match for match in re.finditer(r"\S+", long[:at]) if match[0][0].casefold() == short[0].casefold()]
    return words[-1].start() if words else at


def _is_short_form(text: str) -> bool:
    return any(letter.isupper() for letter in text) and not text.isdigit() and text[0].isalnum()


def _begin(short: str, long: str) -> int | None:
    """Where in ``long`` the words that ``short`` stands for begin, or ``None``; read from the end."""
    at = len(long) - 1
    letters = [letter for letter in short.casefold() if letter.isalnum()]
    for place in range(len(letters) - 1, -1, -1):
        while at >= 0 and (
            long[at].casefold() != letters[place] or (place == 0 and at > 0 and not long[at - 1].isspace())
        ):
            at -= 1
        if at < 0:
            return None
        at -= 1
    return at + 1
