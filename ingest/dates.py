"""PubMed's ways of writing a date, brought to one form."""

from __future__ import annotations

import re

from pubmed_rag.core.records import PartialDate
from pubmed_rag.core.text import collapse

_MONTHS = {
    name: number
    for number, name in enumerate(
        ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"), start=1
    )
}
# How PubMed indexes a season for [dp] (PubMed User Guide, "Publication Date").
_SEASONS = {"winter": 1, "spring": 4, "summer": 7, "fall": 10, "autumn": 10}

_PLAIN = re.compile(r"(?P<year>\d{4})(?:[ /-](?P<month>[A-Za-z]+|\d{1,2})(?:[ /-](?P<day>\d{1,2}))?)?")
_YEAR = re.compile(r"(?<!\d)\d{4}(?!\d)")
_WORD = re.compile(r"[A-Za-z]{3,}")
_DAY = re.compile(r"\s+(\d{1,2})(?!\d)")
_STAMP = re.compile(r"(\d{4})/?(\d{2})/?(\d{2})(?:\s.*)?")


def parse_date(text: str) -> PartialDate:
    """The date that ``text`` states: ``2002 Sep 5``, ``2020/03``, ``2000 Spring``, ``1998 Dec-1999 Jan``.

    Of a range the beginning counts; a season is its first month, as PubMed indexes it. Whatever is not
    plainly year, month and day keeps its original text in ``raw``.
    """
    text = collapse(text)
    if not text:
        return PartialDate()
    plain = _PLAIN.fullmatch(text)
    if plain:
        month = _month_number(plain["month"]) if plain["month"] else None
        day = int(plain["day"]) if plain["day"] else None
        if (month is not None or plain["month"] is None) and (day is None or 1 <= day <= 31):
            return PartialDate(int(plain["year"]), month, day)
    return _approximate(text)


def parse_stamp(text: str) -> PartialDate | None:
    """A day written ``20041117``, ``2002/09/17`` or ``2002/09/17 10:00``; ``None`` for anything else."""
    match = _STAMP.fullmatch(text.strip())
    if match is None:
        return None
    year, month, day = (int(part) for part in match.groups())
    return PartialDate(year, month, day) if 1 <= month <= 12 and 1 <= day <= 31 else None


def _approximate(text: str) -> PartialDate:
    year = _YEAR.search(text)
    if year is None:
        return PartialDate(raw=text)
    for word in _WORD.finditer(text):
        month = _month_number(word[0]) or _SEASONS.get(word[0].lower())
        if month is not None:
            day = _DAY.match(text, word.end()) if word[0].lower() not in _SEASONS else None
            number = int(day[1]) if day else None
            return PartialDate(int(year[0]), month, number if number and 1 <= number <= 31 else None, text)
    return PartialDate(int(year[0]), raw=text)


def _month_number(text: str) -> int | None:
    if text.isdigit():
        return int(text) if 1 <= int(text) <= 12 else None
    return _MONTHS.get(text[:3].lower())
