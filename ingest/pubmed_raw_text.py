"""Text between two tags, read from its characters: markup dropped, references to characters resolved.

Only what is certain is read. :class:`Unsure` says that a real parser has to look at the record.
"""

from __future__ import annotations

import functools
import re

_ENTITIES = {"amp": "&", "lt": "<", "gt": ">", "quot": '"', "apos": "'"}
_REFERENCE = re.compile(r"&(?:#x([0-9A-Fa-f]{1,6})|#([0-9]{1,7})|(amp|lt|gt|quot|apos));")
_MARKUP = re.compile(r"<(/?)([a-z]+)>")
_TAG = "\0"  # stands where a tag stood: what it divides is not read as one, and no XML holds this character
_ATTRIBUTE = re.compile(r' ([A-Za-z]+)="([^"]*)"')


class Unsure(Exception):  # noqa: N818  (no error: the record may be as good as any)
    """The record holds something that this reader does not know."""


def plain(raw: str) -> str:
    """The text that ``raw`` stands for, white space collapsed; tags in it must be inline markup without attributes."""
    if raw.isalnum():
        return raw
    if "<" in raw:
        raw = resolved(_unmarked(raw)).replace(_TAG, "")
    elif "&" in raw:
        raw = resolved(raw)
    elif len(raw) > 60 and raw.isascii() and not ("  " in raw or "\n" in raw or "\t" in raw or "\r" in raw):
        return raw.strip(" ")
    return " ".join(raw.split())


def plain_or_none(raw: str | None) -> str | None:
    """:func:`plain`, and ``None`` for an element that is missing (``None``) or empty."""
    if not raw:
        return None
    if raw.isalnum():
        return raw
    if "<" in raw or "&" in raw:
        return plain(raw) or None
    return " ".join(raw.split()) or None


def plain_all(raws: list[str]) -> list[str]:
    """:func:`plain` of each; none of them begins or ends with white space or holds a tag.

    Most are plain as they are, and a few looks at all of them together tell so.
    """
    whole = "".join(raws)
    if "  " in whole or "\n" in whole or "\t" in whole or "\r" in whole:
        return [plain(raw) for raw in raws]
    if not whole.isascii():
        return [raw if raw.isascii() and "&" not in raw else plain(raw) for raw in raws]
    if "&" in whole:
        return [plain(raw) if "&" in raw else raw for raw in raws]
    return raws


def resolved(raw: str) -> str:
    """``raw`` with the predefined entities and numeric references replaced (XML 1.0, section 4.6)."""
    if "&" not in raw:
        return raw
    text, count = _REFERENCE.subn(_character, raw)
    if count != raw.count("&"):
        raise Unsure
    return text


def _character(match: re.Match[str]) -> str:
    if match[3]:
        return _ENTITIES[match[3]]
    number = int(match[1], 16) if match[1] else int(match[2])
    if not (
        number in (9, 10, 13) or 32 <= number < 0xD800 or 0xE000 <= number < 0xFFFE or 0x10000 <= number < 0x110000
    ):
        raise Unsure
    return chr(number)


def _unmarked(raw: str) -> str:
    """``raw`` with :data:`_TAG` instead of its tags, which must close in the order in which they opened."""
    open_tags: list[str] = []
    for slash, name in _MARKUP.findall(raw):
        if not slash:
            open_tags.append(name)
        elif not open_tags or open_tags.pop() != name:
            raise Unsure
    text = _MARKUP.sub(_TAG, raw)
    if open_tags or "<" in text:
        raise Unsure
    return text


@functools.lru_cache(1024)
def attributes(raw: str) -> dict[str, str]:
    """Attributes of a start tag, as written after its name. The mapping is shared: do not change it."""
    pairs = _ATTRIBUTE.findall(raw)
    found = dict(pairs)
    if len(found) != len(pairs) or "xmlns" in found:
        raise Unsure  # the same attribute twice is not well-formed; elements of a namespace are not ours
    return found
