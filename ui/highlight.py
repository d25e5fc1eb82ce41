"""From text to safe markup: the one module of the page that writes HTML or Markdown by hand.

Whatever comes from a record, a question or a model is a plain ``str`` and is escaped. Markup is an
:class:`Html`, which only :func:`tag` and its like make; so a forgotten escape is a type error or shows
as text, never as markup.
"""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Iterable, Sequence
from itertools import pairwise

LONGEST_TITLE = 600
LONGEST_RUN = 12_000
"""Characters shown of a title, and of a stretch of text between two highlights."""

_MOST_MARKS = 500
_VOID = frozenset({"br", "hr"})
_WORD = re.compile(r"[^\W_]+")
_PUNCTUATION = re.compile(r"([!-/:-@\[-`{-~])")
_SHORTCODE = re.compile(r":(?=[\w/+-]+:)")
_COMMAND = re.compile(r"'(pubmed-rag [^'`\n]*)'")
_LOOKS_LIKE_AN_END = re.compile(r"<(?=/)|[-!\]](?=>)")

# C0 and C1 control characters except tab and line feed, and the bidirectional embeddings, overrides and
# isolates (Unicode UAX #9) that reach beyond their own text. The plain marks U+200E and U+200F stay: they
# belong to Arabic and Hebrew text, and <bdi> keeps their effect inside.
_UNPRINTABLE = dict.fromkeys(
    [*range(9), *range(11, 32), *range(127, 160), *range(0x202A, 0x202F), *range(0x2066, 0x206A)]
)

Span = tuple[int, int]


class Html(str):
    """Markup that may be shown as it is."""

    __slots__ = ()


def clean(text: str) -> str:
    """``text`` without characters that are invisible or that change the direction of what follows."""
    return text.encode("utf-8", "replace").decode("utf-8").translate(_UNPRINTABLE)


def clip(text: str, longest: int = LONGEST_TITLE) -> str:
    """``text``, ended by "…" where it is longer than ``longest`` characters."""
    return text if len(text) <= longest else text[:longest].rstrip() + "…"


def escape(text: str) -> Html:
    """``text`` as markup that shows it. An :class:`Html` is returned as it is."""
    return text if isinstance(text, Html) else Html(html.escape(clean(text), quote=True))


def join(parts: Iterable[str], between: str = "") -> Html:
    """The parts one after another, each escaped unless it is markup."""
    return Html(escape(between).join(escape(part) for part in parts))


def tag(name: str, *children: str, **attributes: str | bool | None) -> Html:
    """``<name …>children</name>``. Text is escaped; ``cls`` is "class" and ``_`` in a name is "-".

    An attribute that is ``None`` or ``False`` is left out; one that is ``True`` has no value.
    """
    pairs = []
    for key, value in attributes.items():
        if value is None or value is False:
            continue
        label = "class" if key == "cls" else key.replace("_", "-")
        pairs.append(f" {label}" if value is True else f' {label}="{_attribute(value)}"')
    opening = f"<{name}{''.join(pairs)}>"
    return Html(opening if name in _VOID else f"{opening}{join(children)}</{name}>")


def _attribute(value: str) -> str:
    """``value`` escaped. Streamlit's sanitiser drops an attribute that seems to end an element or a comment, and with
    it the name of a button; a word joiner keeps it harmless to both.
    """
    return html.escape(_LOOKS_LIKE_AN_END.sub("\\g<0>\u2060", clean(value)), quote=True)


def record_text(text: str, longest: int = LONGEST_RUN) -> Html:
    """A record's text, shortened and set apart, so that its direction of writing stays its own."""
    return tag("bdi", clip(text, longest))


def marked(text: str, spans: Iterable[Span], *, longest: int = LONGEST_RUN) -> Html:
    """``text`` with ``spans`` (start and end in characters of it, any order) in ``<mark>``.

    Spans outside the text are cut to it, and all after the first 500 are left out. A stretch longer than
    ``longest`` loses its middle, so that what is marked is seen however long the text around it.
    """
    merged = _merged(spans, len(text))[:_MOST_MARKS]
    edges = [0, *(edge for span in merged for edge in span), len(text)]
    parts: list[str] = []
    for number, (start, end) in enumerate(pairwise(edges)):
        if start == end:
            continue
        piece = _without_middle(text[start:end], longest)
        parts.append(tag("mark", piece) if number % 2 else piece)
    return tag("bdi", *parts)


def within(spans: Iterable[Span], start: int, end: int) -> list[Span]:
    """The parts of ``spans`` that lie in ``start … end``, counted from ``start``."""
    cut = ((max(a, start) - start, min(b, end) - start) for a, b in spans)
    return [(a, b) for a, b in cut if a < b]


def word_spans(text: str, wanted: frozenset[str], terms: Callable[[str], Sequence[str]]) -> list[Span]:
    """Where the words of ``text`` stand whose index term, as ``terms`` makes it, is ``wanted``."""
    if not wanted:
        return []
    known: dict[str, bool] = {}
    found: list[Span] = []
    for match in _WORD.finditer(text):
        word = match[0].casefold()
        if word not in known:
            known[word] = not wanted.isdisjoint(terms(word))
        if known[word]:
            found.append(match.span())
    return found


def literal(text: str) -> str:
    """``text`` as one line of Markdown that shows it: no emphasis, link, image, formula, icon or colour."""
    line = " ".join(clean(text).split())
    # Streamlit looks for ":name:" after Markdown is read, where an escape is gone; a word joiner parts them.
    return _PUNCTUATION.sub(r"\\\1", _SHORTCODE.sub(":\u2060", line))


def with_commands(text: str) -> str:
    """Like :func:`literal`, with commands ``'pubmed-rag …'`` set as code."""
    parts = _COMMAND.split(clean(text))
    return "".join(f"`{part}`" if number % 2 else _keep_ends(part) for number, part in enumerate(parts))


def _keep_ends(part: str) -> str:
    before = " " if part[:1].isspace() else ""
    after = " " if part.strip() and part[-1:].isspace() else ""
    return before + literal(part) + after


def _merged(spans: Iterable[Span], length: int) -> list[Span]:
    merged: list[Span] = []
    for start, end in sorted((max(0, a), min(length, b)) for a, b in spans):
        if start >= end:
            continue
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged


def _without_middle(text: str, longest: int) -> str:
    if len(text) <= longest:
        return text
    half = longest // 2
    return f"{text[:half].rstrip()} … {text[-half:].lstrip()}"
