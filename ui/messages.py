"""The page's words in the reader's language. English stands where it is used and is the key of the other tables.

Reports of the rooms to the left (errors, remedies, stages) stay in English: they name commands and files.
"""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar
from functools import wraps
from typing import ParamSpec, TypeVar

from pubmed_rag.ui.messages_pt import PORTUGUESE

LANGUAGES = {"en": "English", "pt": "Português"}
_TABLES = {"pt": PORTUGUESE}
_chosen: ContextVar[str] = ContextVar("language", default="en")

P = ParamSpec("P")
R = TypeVar("R")


def use_language(code: str) -> None:
    """From here on this thread speaks ``code``; one that is unknown is English."""
    _chosen.set(code if code in LANGUAGES else "en")


def language() -> str:
    """The code of the language spoken now."""
    return _chosen.get()


def language_of_browser(locale: str | None) -> str:
    """The nearest language for a browser's locale, such as ``pt-BR``."""
    code = (locale or "").replace("_", "-").split("-")[0].casefold()
    return code if code in LANGUAGES else "en"


def word(text: str) -> str:
    """Marks a text that is said elsewhere with :func:`say`; returns it as it is."""
    return text


def say(text: str, /, **values: object) -> str:
    """``text`` in the reader's language, with ``{name}`` replaced by ``values`` (numbers as people write them)."""
    chosen = _TABLES.get(language(), {}).get(text, text)
    if not values:
        return chosen
    shown = {name: number(value) if type(value) is int else value for name, value in values.items()}
    return chosen.format(**shown)


def say_count(one: str, many: str, count: int, /, **values: object) -> str:
    """``one`` or ``many`` with ``{count}``."""
    return say(one if count == 1 else many, count=count, **values)


def number(value: int) -> str:
    """A whole number with the thousands set apart as the language does."""
    return f"{value:,}".replace(",", "." if language() == "pt" else ",")


def in_this_language(draw: Callable[P, R]) -> Callable[P, R]:
    """``draw`` for a redraw of its own in another thread: it speaks the language that is spoken now."""
    code = language()

    @wraps(draw)
    def speaking(*args: P.args, **kwargs: P.kwargs) -> R:
        use_language(code)
        return draw(*args, **kwargs)

    return speaking
