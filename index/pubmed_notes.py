"""What is said about a query: mistakes that PubMed would pass over in silence, and what was made of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol, TypeAlias

Severity: TypeAlias = Literal["warning", "error"]


@dataclass(frozen=True, slots=True)
class QueryNote:
    """Something at ``query[start:end]``. ``suggestion``, where there is one, replaces that text.

    An ``error`` is what PubMed would answer with other articles than those meant; a ``warning`` leaves a sense.
    """

    message: str
    start: int
    end: int
    severity: Severity = "warning"
    suggestion: str | None = None


class Report(Protocol):
    """Takes down a note."""

    def __call__(
        self, start: int, end: int, message: str, severity: Severity = "warning", suggestion: str | None = None
    ) -> None: ...


def short(text: str, longest: int = 40) -> str:
    """``text`` as a message quotes it: at most so many characters."""
    return text if len(text) <= longest else f"{text[: longest - 1]}…"
