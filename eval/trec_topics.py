"""TREC topics: the classic ``<top>`` blocks, whose elements nobody closes, and the XML of later tracks.

Forms: NIST's "TREC topics" (``<num> Number: 301``, ``<title>``, ``<desc> Description:``, ``<narr> Narrative:``);
TREC-COVID (``<topic number="1"><query>, <question>, <narrative>``); clinical decision support and precision
medicine (``<topic number="1"><summary>`` or ``<disease>``, ``<gene>``, ``<demographic>``).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from html import unescape
from pathlib import Path
from typing import cast

from lxml import etree

from pubmed_rag.core.errors import InputError
from pubmed_rag.core.text import collapse
from pubmed_rag.eval.collections import Topic, open_unpacked
from pubmed_rag.eval.lines import checked_id

PREFERRED = ("title", "query", "question", "summary", "desc", "description")
"""The field taken as the query where none is named; a topic with none of them gives all its fields in order."""

_KINDS = {"question": "question", "title": "topic", "query": "keywords"}
_TOP = re.compile(r"<top>(.*?)</top>", re.DOTALL | re.IGNORECASE)
_ELEMENT = re.compile(r"<(\w+)>(.*?)(?=<\w+>|</?top>|$)", re.DOTALL)
_CLOSING = re.compile(r"</\w+>")
_LABEL = re.compile(r"^\s*(Number|Topic|Description|Narrative|Title)\s*:", re.IGNORECASE)
_XML = etree.XMLParser(resolve_entities=False, no_network=True, huge_tree=False)


def is_trec_topics(path: Path) -> bool:
    """True if the file's beginning shows topics of either form."""
    with open_unpacked(path) as stream:
        head = stream.read(4096).decode("utf-8", "replace").lower()
    return "<top>" in head or ("<topics" in head and "<topic" in head)


def read_trec_topics(path: Path, fields: Sequence[str] = ()) -> tuple[Topic, ...]:
    """Topics in file order; the text is that of ``fields``, joined, or of the first of :data:`PREFERRED`.

    All fields are kept as metadata. Raises :class:`InputError` naming file and line of the topic at fault.
    """
    with open_unpacked(path) as stream:
        data = stream.read()
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is not UTF-8 text ({error.reason} at byte {error.start})") from error
    found = _classic(text, path) if _TOP.search(text) else _xml(data, path)
    if not found:
        raise InputError(f"{path} has no topics", remedy="expected <top> blocks or an XML file of <topic> elements")
    topics: dict[str, Topic] = {}
    for number, parts, line in found:
        where = f"{path}, line {line}"
        topic_id = checked_id(number, where)
        if topic_id in topics:
            raise InputError(f"{where}: topic {topic_id} stands here a second time")
        topics[topic_id] = _topic(topic_id, parts, fields, where)
    return tuple(topics.values())


def _topic(topic_id: str, parts: dict[str, str], fields: Sequence[str], where: str) -> Topic:
    chosen = list(fields) or [name for name in PREFERRED if parts.get(name)][:1] or list(parts)
    missing = [name for name in chosen if name not in parts]
    if missing:
        raise InputError(
            f"{where}: topic {topic_id} has no field '{missing[0]}'", remedy=f"it has: {', '.join(parts) or 'none'}"
        )
    text = collapse(" ".join(parts[name] for name in chosen))
    if not text:
        raise InputError(f"{where}: topic {topic_id} has no text")
    return Topic(topic_id, text, parts, kind=_KINDS.get(chosen[0], "topic"))


def _classic(text: str, path: Path) -> list[tuple[str, dict[str, str], int]]:
    found = []
    for block in _TOP.finditer(text):
        line = text.count("\n", 0, block.start()) + 1
        parts: dict[str, str] = {}
        for name, content in _ELEMENT.findall(block.group(1)):
            parts[name.lower()] = collapse(_LABEL.sub("", unescape(_CLOSING.sub("", content))))
        number = parts.pop("num", "")
        if not number:
            raise InputError(f"{path}, line {line}: this topic has no <num>")
        found.append((number, parts, line))
    return found


def _xml(data: bytes, path: Path) -> list[tuple[str, dict[str, str], int]]:
    try:
        root = etree.fromstring(data, _XML)
    except etree.XMLSyntaxError as error:
        raise InputError(f"{path}, line {error.lineno}: not well-formed XML ({error.msg})") from error
    found = []
    for element in root.iter("topic"):
        line = cast(int, element.sourceline)
        number = (element.get("number") or element.get("id") or element.findtext("number") or "").strip()
        if not number:
            raise InputError(f"{path}, line {line}: this topic has no number")
        parts = {
            str(child.tag).lower(): collapse(etree.tostring(child, method="text", encoding="unicode", with_tail=False))
            for child in element
            if isinstance(child.tag, str) and child.tag != "number"
        }
        found.append((number, parts, line))
    return found
