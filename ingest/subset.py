"""Which records of the bulk files a library keeps, so that a laptop can hold its field."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import msgspec

from pubmed_rag.core.errors import InputError, UsageError
from pubmed_rag.core.records import Article

_KEYS = "years, language, mesh, journal, abstract"
_YEARS = re.compile(r"(\d{4})?(-)?(\d{4})?")


@dataclass(frozen=True, slots=True)
class Subset:
    """A condition on articles. All parts that are given must hold; within a tuple any value will do.

    Names compare without regard to case. ``mesh`` are headings or their UIs as they stand in the record: narrower
    headings are not included, for that takes MeSH's trees. ``journals`` are titles, abbreviations, ISSNs or NLM
    ids, ``languages`` MEDLINE's three-letter codes. An article without a year is in no range of years.
    """

    year_from: int | None = None
    year_to: int | None = None
    languages: tuple[str, ...] = ()
    mesh: tuple[str, ...] = ()
    journals: tuple[str, ...] = ()
    has_abstract: bool = False

    def matches(self, article: Article) -> bool:
        """Whether the library keeps ``article``."""
        year = article.year
        if self.year_from is not None and (year is None or year < self.year_from):
            return False
        if self.year_to is not None and (year is None or year > self.year_to):
            return False
        if self.has_abstract and not article.has_abstract:
            return False
        journal = article.journal
        return (
            _any_of(self.languages, article.languages)
            and _any_of(self.mesh, (name for heading in article.mesh for name in (heading.name, heading.ui)))
            and _any_of(self.journals, (journal.title, journal.abbreviation, journal.nlm_id, *journal.issns))
        )

    def describe(self) -> str:
        """In words, for reports; ``""`` where everything is kept."""
        parts = []
        if self.year_from is not None or self.year_to is not None:
            parts.append(f"years {self.year_from or ''}-{self.year_to or ''}")
        for label, values in (("language", self.languages), ("MeSH", self.mesh), ("journal", self.journals)):
            if values:
                parts.append(f"{label} {' or '.join(values[:3])}{f' or {len(values) - 3} more' if values[3:] else ''}")
        if self.has_abstract:
            parts.append("with abstract")
        return ", ".join(parts)

    def to_json(self) -> str:
        """For the journal."""
        return msgspec.json.encode(self).decode()

    @classmethod
    def from_json(cls, text: str) -> Subset:
        """The inverse of :meth:`to_json`."""
        return msgspec.json.decode(text, type=cls)


def parse_subset(conditions: Iterable[str]) -> Subset:
    """The subset that ``years=2015-2024``, ``language=eng,fre``, ``mesh=Asthma``, ``journal=@FILE``, ``abstract`` mean.

    Values are separated by commas, except where a MeSH heading holds one: repeat the key instead. ``@FILE``
    reads values from a file, one a line. Raises :class:`UsageError` and :class:`InputError`.
    """
    values: dict[str, list[str]] = {"language": [], "mesh": [], "journal": []}
    years: tuple[int | None, int | None] = (None, None)
    abstract = False
    for condition in conditions:
        key, _, value = (part.strip() for part in condition.partition("="))
        if key == "abstract" and value in {"", "yes"}:
            abstract = True
        elif key == "years":
            years = _years(value, condition)
        elif key in values and value:
            values[key] += _values(key, value)
        else:
            raise UsageError(f"'{condition}' is no condition of a subset", remedy=f"known are {_KEYS} (KEY=VALUE)")
    return Subset(
        *years, tuple(v.lower() for v in values["language"]), tuple(values["mesh"]), tuple(values["journal"]), abstract
    )


def _values(key: str, value: str) -> list[str]:
    if value.startswith("@"):
        path = Path(value[1:]).expanduser()
        try:
            lines = path.read_text(encoding="utf-8-sig").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            raise InputError(f"cannot read {path}: {error}") from error
        return [line.strip() for line in lines if line.strip()]
    if key == "mesh":
        return [value]
    return [part.strip() for part in value.split(",") if part.strip()]


def _years(value: str, condition: str) -> tuple[int | None, int | None]:
    match = _YEARS.fullmatch(value)
    if match is None or not value.strip("-"):
        raise UsageError(
            f"'{condition}' is no range of years", remedy="write years=2015-2024, years=2015- or years=2020"
        )
    first, dash, last = match.groups()
    low, high = (int(first) if first else None), (int(last) if last else None)
    if not dash:
        high = low
    if low is not None and high is not None and low > high:
        raise UsageError(f"'{condition}' ends before it begins")
    return low, high


def _any_of(wanted: tuple[str, ...], present: Iterable[str | None]) -> bool:
    if not wanted:
        return True
    folded = {value.casefold() for value in wanted}
    return any(value is not None and value.casefold() in folded for value in present)
