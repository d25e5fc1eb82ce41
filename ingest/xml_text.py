"""Text of XML elements as people read it, and nothing fetched to get it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from typing import Any, Final

from lxml import etree

from pubmed_rag.core.text import collapse

PARSER_OPTIONS: Final[dict[str, Any]] = {
    # Entities other than the predefined and numeric ones stay as written; DTDs and external entities
    # are never loaded. huge_tree lifts libxml2's size limits, not its entity amplification limit.
    "no_network": True,
    "resolve_entities": False,
    "load_dtd": False,
    "huge_tree": True,
    "remove_comments": True,
    "remove_pis": True,
}

_MATHML = "{http://www.w3.org/1998/Math/MathML}"
_ANY_FORMULA = f".//{_MATHML}math"
_ANNOTATIONS = {f"{_MATHML}annotation", f"{_MATHML}annotation-xml"}


def element_text(element: etree._Element | None) -> str:
    """All text inside ``element``, tags dropped and white space collapsed; ``""`` for ``None``.

    A formula (MathML) reads as its ``alttext`` where the publisher gave one, else as its symbols in
    order, without annotations. White space between MathML elements is layout and falls away
    (MathML 3.0, section 2.1.7), so indentation does not change the text of a formula.
    """
    if element is None:
        return ""
    if len(element) == 0:  # most elements by far
        return collapse(element.text or "")
    if element.find(_ANY_FORMULA) is not None:
        return collapse("".join(_pieces(element)))
    return collapse("".join(map(str, element.itertext())))


def child_text(parent: etree._Element | None, path: str) -> str | None:
    """:func:`element_text` of the first element at ``path``; ``None`` where it is missing or empty."""
    return (element_text(parent.find(path)) or None) if parent is not None else None


def root_name(head: bytes) -> str | None:
    """Name of the root element of the XML that begins with ``head``; ``None`` if no element begins there."""
    parser = etree.XMLPullParser(events=("start",), **PARSER_OPTIONS)
    with suppress(etree.XMLSyntaxError):  # what follows the root's start tag is not the question here
        parser.feed(head)
    root = next((element for _, element in parser.read_events() if isinstance(element, etree._Element)), None)
    return None if root is None else etree.QName(root).localname


def _pieces(element: etree._Element) -> Iterator[str]:
    yield element.text or ""
    for child in element:
        if child.tag == f"{_MATHML}math":
            yield child.get("alttext") or "".join(_symbols(child))
        elif isinstance(child.tag, str):
            yield from _pieces(child)
        else:
            yield child.text or ""  # an entity kept as written
        yield child.tail or ""


def _symbols(element: etree._Element) -> Iterator[str]:
    if element.tag in _ANNOTATIONS:
        return
    yield collapse(element.text or "")
    for child in element:
        yield from _symbols(child)
        yield collapse(child.tail or "")
