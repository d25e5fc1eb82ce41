"""How a search of any size is divided into searches that PubMed serves whole.

PubMed hands out the first 9,999 records of a search and no more. Every record has exactly one entry date
([edat]), so ranges of entry dates divide a set without gap or overlap; a day on which more were entered
(bulk loads of 12,000 have been seen) is divided by ranges of PMIDs. Publication dates will not do: a record
has several of them (NBK25499; the window was measured in 2026 at 9,999).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta

# What was added more than a year after publication is entered under its day of publication (PubMed User Guide,
# "Entry Date"), and thousands of records in PubMed Central's back files are older than 1900.
FIRST_DAY, LAST_DAY = date(1000, 1, 1), date(2100, 12, 31)
_LAST_UID = 999_999_999
_FAR = date(3000, 12, 31)


@dataclass(frozen=True, slots=True)
class Part:
    """The records entered from ``first`` to ``last``, and with PMIDs in ``uids`` if that is given (bounds included)."""

    first: date
    last: date
    uids: tuple[int, int] | None = None

    @property
    def clause(self) -> str:
        """The part as a PubMed query, to be searched within the whole."""
        days = f"{self.first:%Y/%m/%d}:{self.last:%Y/%m/%d}[edat]"
        return f"{days} AND {self.uids[0]}:{self.uids[1]}[uid]" if self.uids else days

    def halves(self) -> tuple[Part, Part] | None:
        """Two parts that together are this one, the later first; ``None`` for a single record."""
        if self.first < self.last:
            middle = self.first + timedelta(days=(self.last - self.first).days // 2)
            return Part(middle + timedelta(days=1), self.last), Part(self.first, middle)
        low, high = self.uids or (1, _LAST_UID)
        if low == high:
            return None
        half = (low + high) // 2
        return Part(self.first, self.last, (half + 1, high)), Part(self.first, self.last, (low, half))


def whole(since: date | None, until: date | None) -> Part:
    """All entry dates from ``since`` to ``until``; without them, all that there can be."""
    return Part(since or FIRST_DAY, until or max(LAST_DAY, since or LAST_DAY))


def divide(part: Part, count: int, count_of: Callable[[Part], int], window: int) -> Iterator[Part]:
    """Parts of ``part`` that hold 1 to ``window`` records each, the most recently entered first.

    ``count`` is how many records ``part`` holds, ``count_of`` asks how many another one does. Asks no more
    than is needed for the parts that are taken from the iterator.
    """
    if count == 0:
        return
    halves = part.halves() if count > window else None
    if halves is None:
        yield part
        return
    later, earlier = halves
    in_later = count_of(later)
    yield from divide(later, in_later, count_of, window)
    # Records may move while we ask; a part thought to be small is counted again when it is searched.
    yield from divide(earlier, max(0, count - in_later), count_of, window)


def changed_since(day: date) -> str:
    """A PubMed query for what was entered or modified on ``day`` or later."""
    days = f"{day:%Y/%m/%d}:{_FAR:%Y/%m/%d}"
    return f"{days}[mdat] OR {days}[edat]"
