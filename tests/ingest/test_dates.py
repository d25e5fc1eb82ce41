"""Dates in all their spellings."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pubmed_rag.core.records import PartialDate
from pubmed_rag.core.text import collapse
from pubmed_rag.ingest.dates import parse_date, parse_stamp


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2002 Sep", PartialDate(2002, 9)),
        ("2013 06 10", PartialDate(2013, 6, 10)),
        ("2020/03", PartialDate(2020, 3)),
        ("1978 Sep-OCT", PartialDate(1978, 9, None, "1978 Sep-OCT")),
        ("1998-1999 Winter", PartialDate(1998, 1, None, "1998-1999 Winter")),
        ("2024 Winter-Spring", PartialDate(2024, 1, None, "2024 Winter-Spring")),
        ("2020 Jul 30-Aug 5", PartialDate(2020, 7, 30, "2020 Jul 30-Aug 5")),
        ("Summer 1976", PartialDate(1976, 7, None, "Summer 1976")),
        ("2001 2d Quart", PartialDate(2001, None, None, "2001 2d Quart")),
        ("2001 13", PartialDate(2001, None, None, "2001 13")),
        ("2001 Feb 45", PartialDate(2001, 2, None, "2001 Feb 45")),
        ("19761", PartialDate(raw="19761")),
        ("", PartialDate()),
    ],
)
def test_parse_date(text: str, expected: PartialDate) -> None:
    assert parse_date(text) == expected


@pytest.mark.parametrize("text", ["20041117", "2004/11/17", "2004/11/17 10:00"])
def test_parse_stamp(text: str) -> None:
    assert parse_stamp(text) == PartialDate(2004, 11, 17)


@pytest.mark.parametrize("text", ["2004", "20041317", "2004 Nov", ""])
def test_parse_stamp_refuses_anything_else(text: str) -> None:
    assert parse_stamp(text) is None


@given(st.dates(min_value=date(1000, 1, 1)), st.sampled_from(["%Y %b %d", "%Y/%m/%d", "%Y-%m-%d", "%Y %m %d"]))
def test_every_plain_day_is_read_back(day: date, form: str) -> None:
    assert parse_date(day.strftime(form)) == PartialDate(day.year, day.month, day.day)


@given(st.text(max_size=40))
def test_no_text_is_lost_or_fatal(text: str) -> None:
    parsed = parse_date(text)
    assert parsed.raw == collapse(text) or parsed.raw is None
    assert parsed.month is None or 1 <= parsed.month <= 12
    assert parsed.day is None or 1 <= parsed.day <= 31
    if parsed.raw is None and collapse(text):
        assert parsed.year is not None
