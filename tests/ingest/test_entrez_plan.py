"""Dividing a search: exact, disjoint, newest first, whatever the days hold."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pubmed_rag.ingest.entrez_plan import Part, changed_since, divide, whole

FIRST = date(2020, 1, 1)
records = st.lists(st.tuples(st.integers(0, 400), st.integers(1, 99_999_999)), max_size=120, unique_by=lambda r: r[1])


def holds(part: Part, record: tuple[int, int]) -> bool:
    day = FIRST + timedelta(days=record[0])
    return part.first <= day <= part.last and (part.uids is None or part.uids[0] <= record[1] <= part.uids[1])


@given(records, st.integers(1, 30))
def test_parts_tile_what_there_is(held: list[tuple[int, int]], window: int) -> None:
    asked: list[Part] = []

    def count_of(part: Part) -> int:
        asked.append(part)
        return sum(holds(part, record) for record in held)

    parts = list(divide(whole(None, None), len(held), count_of, window))
    for record in held:
        assert sum(holds(part, record) for part in parts) == 1
    sizes = [sum(holds(part, record) for record in held) for part in parts]
    assert all(1 <= size <= window for size in sizes)
    days = [(part.first, part.uids or (0, 0)) for part in parts]
    assert days == sorted(days, reverse=True)
    assert len(asked) <= 50 * max(1, len(parts))


def test_a_crowded_day_goes_by_pmid() -> None:
    held = [(5, pmid) for pmid in range(1_000, 1_050)] + [(6, 7)]
    parts = list(divide(whole(None, None), 51, lambda p: sum(holds(p, r) for r in held), 20))
    assert parts[0].uids is None
    assert parts[0].first <= date(2020, 1, 7) <= parts[0].last
    assert all(part.first == part.last == date(2020, 1, 6) and part.uids for part in parts[1:])
    assert "2020/01/06:2020/01/06[edat] AND " in parts[1].clause
    assert parts[1].clause.endswith("[uid]")


def test_nothing_is_asked_beyond_what_is_taken() -> None:
    asked = 0

    def count_of(part: Part) -> int:
        nonlocal asked
        asked += 1
        return sum(holds(part, (day, day + 1)) for day in range(365))

    first = next(divide(whole(FIRST, FIRST + timedelta(days=364)), 365, count_of, 100))
    assert first.last == FIRST + timedelta(days=364)
    assert asked == 2


def test_bounds_of_the_whole_are_those_given() -> None:
    assert whole(date(2024, 2, 29), date(2024, 3, 1)).clause == "2024/02/29:2024/03/01[edat]"


@pytest.mark.parametrize("part", [Part(FIRST, FIRST, (7, 7))])
def test_one_record_cannot_be_divided(part: Part) -> None:
    assert part.halves() is None


def test_changes_are_entries_and_modifications() -> None:
    assert changed_since(date(2026, 11, 1)) == "2026/11/01:3000/12/31[mdat] OR 2026/11/01:3000/12/31[edat]"
