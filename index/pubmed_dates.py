"""Dates in PubMed queries: partial, in ranges, and relative (PubMed User Guide, "Searching by date")."""

from __future__ import annotations

import calendar
import re
from datetime import date, timedelta

from pubmed_rag.index.pubmed_ast import Range

DATE_FIELDS = frozenset({"CDAT", "CRDT", "EDAT", "MHDA", "MDAT", "PDAT", "EPDT", "PPDT"})
_OPEN_END = "3000/12/31"
_DATE = re.compile(r"(\d{4})(?:[/-](\d{1,2})(?:[/-](\d{1,2}))?)?")
_RELATIVE = re.compile(r"last\s+(?:(\d{1,4})\s+)?(day|week|month|year)s?", re.IGNORECASE)
_RANGE = re.compile(r"([^:]*):([^:]*)")


def as_range(text: str, field: str) -> Range | None:
    """The range of days (or UIDs) that ``text`` names: ``2020``, ``2020/03``, ``1996:1998``; ``None`` if none."""
    parts = _RANGE.fullmatch(text)
    if field == "UID":
        if parts is None or not (_is_number(parts[1]) and _is_number(parts[2])):
            return None
        return Range(parts[1].strip(), parts[2].strip(), field)
    if parts is None:
        days = _days(text)
        return Range(*days, field, single=True) if days else None
    low, high = _days(parts[1]), _days(parts[2])
    return Range(low[0], high[1], field) if low and high else None


def relative_range(text: str, field: str, today: date) -> Range | None:
    """The range that ``last 5 years`` means today. That of publication dates reaches into the future."""
    found = _RELATIVE.fullmatch(" ".join(text.split()))
    if found is None:
        return None
    number, unit = int(found[1] or 1), found[2].lower()
    if unit in {"day", "week"}:
        days = number * (7 if unit == "week" else 1)
        low = today - timedelta(days=min(days, today.toordinal() - 1))
    else:
        low = _months_before(today, number * (12 if unit == "year" else 1))
    high = _OPEN_END if field in {"PDAT", "EPDT", "PPDT"} else today.strftime("%Y/%m/%d")
    return Range(f"{low.year:04d}/{low.month:02d}/{low.day:02d}", high, field)


def is_relative(text: str) -> bool:
    """Whether ``text`` is a date such as ``last 5 years``."""
    return _RELATIVE.fullmatch(" ".join(text.split())) is not None


def _months_before(today: date, months: int) -> date:
    month = today.year * 12 + today.month - 1 - months
    if month < 12:
        return date(1, 1, 1)
    year, month = divmod(month, 12)
    return date(year, month + 1, min(today.day, calendar.monthrange(year, month + 1)[1]))


def _days(text: str) -> tuple[str, str] | None:
    """First and last day of a year, a month or a day."""
    found = _DATE.fullmatch(text.strip().strip('"'))
    if found is None:
        return None
    year = int(found[1])
    if not found[2]:
        return (f"{year:04d}/01/01", f"{year:04d}/12/31") if year else None
    month = int(found[2])
    if not (year and 1 <= month <= 12):
        return None
    last = calendar.monthrange(year, month)[1]
    if not found[3]:
        return f"{year:04d}/{month:02d}/01", f"{year:04d}/{month:02d}/{last:02d}"
    day = int(found[3])
    if not 1 <= day <= last:
        return None
    whole = f"{year:04d}/{month:02d}/{day:02d}"
    return whole, whole


def _is_number(text: str) -> bool:
    return bool(re.fullmatch(r"\s*[0-9]{1,9}\s*", text))
