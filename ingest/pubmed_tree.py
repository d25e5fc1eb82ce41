"""Records of PubMed XML through a real XML parser: whatever the file, in constant memory.

The measure of what a file says. :mod:`pubmed_rag.ingest.pubmed_xml` reads most records faster and comes here
with all others.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Protocol

from lxml import etree

from pubmed_rag.core.errors import DamagedFileError
from pubmed_rag.core.records import Article, RejectedRecord
from pubmed_rag.ingest.items import Deleted, Item
from pubmed_rag.ingest.pubmed_article import book_article, journal_article
from pubmed_rag.ingest.pubmed_fields import texts
from pubmed_rag.ingest.xml_text import PARSER_OPTIONS, element_text

_READERS: dict[str, Callable[[etree._Element, str], Article]] = {
    "PubmedArticle": journal_article,
    "PubmedBookArticle": book_article,
}
_DELETIONS = frozenset({"DeleteCitation", "DeleteDocument"})


class Readable(Protocol):
    """All that is asked of a file."""

    def read(self, size: int, /) -> bytes: ...


class _Nameless:
    """A stream that can only be read: lxml asks a file for its name, and fails on one that is not UTF-8."""

    def __init__(self, stream: Readable) -> None:
        self.read = stream.read


def iter_tree(stream: Readable, source: str) -> Iterator[Item]:
    """What :func:`~pubmed_rag.ingest.pubmed_xml.iter_records` promises, in the parser's own time."""
    context = etree.iterparse(_Nameless(stream), events=("end",), tag=(*_READERS, *_DELETIONS), **PARSER_OPTIONS)
    try:
        for _, element in context:
            yield _item(element, source)
            _forget(element)
    except etree.XMLSyntaxError as error:
        where = f" at line {error.lineno}" if error.lineno else ""
        raise DamagedFileError(
            f"{source} is not well-formed XML{where}: {error.msg}",
            remedy="fetch the file again; the records before this point were read",
        ) from error


def _item(element: etree._Element, source: str) -> Item:
    if element.tag in _DELETIONS:
        return Deleted(texts(element.iterfind("PMID")))
    try:
        return _READERS[element.tag](element, source)
    except ValueError as error:
        pmid = element_text(element.find("MedlineCitation/PMID")) or element_text(element.find("BookDocument/PMID"))
        return RejectedRecord(source, pmid or None, str(error))


def _forget(element: etree._Element) -> None:
    """Free ``element`` and everything before it: clearing alone leaves empty elements piling up in the root."""
    element.clear()
    parent = element.getparent()
    if parent is not None:
        while element.getprevious() is not None:
            del parent[0]
