"""PubMed XML as a stream of records, in constant memory (pubmed_250101.dtd and its predecessors).

Files as NLM writes them are cut between records, and each record is read from its characters
(:mod:`pubmed_rag.ingest.pubmed_scan`). A record that holds anything unusual goes through the XML parser instead,
and so does the rest of the file where records cannot be told apart with certainty, or XML is not well-formed. What
comes out is the same in every case, messages included.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator

from pubmed_rag.core.errors import DamagedFileError
from pubmed_rag.ingest.items import Item
from pubmed_rag.ingest.pubmed_raw_text import Unsure
from pubmed_rag.ingest.pubmed_scan import scan_article
from pubmed_rag.ingest.pubmed_tree import Readable, iter_tree

ROOTS = frozenset({"PubmedArticleSet", "PubmedBookArticleSet", "PubmedArticle", "PubmedBookArticle"})
"""Root elements of the files this module reads: what EFetch sends, and its parts saved one by one."""

_BLOCK = 1 << 20
_LONGEST_RECORD = 1 << 26  # bytes; a record without an end is left to the parser, which need not hold it
_LONGEST_PROLOGUE = 1 << 12
_WIDEST_PAD = 1 << 20
_ROOT_CLOSES = b"</PubmedArticleSet>"

_PROLOGUE = re.compile(
    rb"""(?:<\?xml\ version="1\.0"(?:\ encoding="[Uu][Tt][Ff]-8")?(?:\ standalone="(?:yes|no)")?\ ?\?>)?[ \t\r\n]*+
    (?:<!DOCTYPE\ PubmedArticleSet(?:\ PUBLIC\ "[\w /:.,-]*"|\ SYSTEM)[ \t\r\n]+"[\w/:.-]*"\ ?>)?[ \t\r\n]*+
    <PubmedArticleSet>""",
    re.VERBOSE,
)
_NEXT = re.compile(rb"[ \t\r\n]*+(?:<(PubmedArticle|PubmedBookArticle|DeleteCitation)>)?")
_END = re.compile(rb"[ \t\r\n]*+</PubmedArticleSet>[ \t\r\n]*+")
_LONGEST_NEXT = len(b"<PubmedBookArticle>")
_INSIDE_CHARACTERS = bytes(range(0x80, 0xC0))  # of UTF-8: the parser's columns count characters
_NEVER_IN_XML = bytes({*range(32)} - {9, 10, 13})


def iter_records(stream: Readable, source: str) -> Iterator[Item]:
    """Records of a PubMed XML file in document order; a set may be empty, or hold only deletions.

    A record that cannot be used is yielded as a :class:`RejectedRecord` and the rest goes on. Where the
    file stops being well-formed, :class:`DamagedFileError` is raised after the records before that
    point have been yielded. No DTD or external entity is loaded.
    """
    reader = _Reader(stream, source)
    yield from reader.records()
    yield from reader.rest()


class _Reader:
    """A file, read as far as ``_at`` in ``_block``."""

    def __init__(self, stream: Readable, source: str) -> None:
        self._stream = stream
        self._source = source
        self._block = b""
        self._at = 0
        self._lines = self._column = 0  # before `_block`
        self._prologue = b""
        self._finished = False

    def records(self) -> Iterator[Item]:
        """Records as far as they can be told apart with certainty."""
        while (prologue := _PROLOGUE.match(self._block)) is None:
            if len(self._block) > _LONGEST_PROLOGUE or not self._read_on():
                return
        self._prologue = prologue[0]
        self._at = prologue.end()
        while (record := self._next_record()) is not None:
            try:
                yield scan_article(_characters(record), self._source)
            except Unsure:
                try:
                    items = self._parsed(record)
                except DamagedFileError:
                    return
                yield from items
            self._at += len(record)

    def rest(self) -> Iterator[Item]:
        """What follows, through the parser: at the line and column where it would be had it read the whole file."""
        if self._finished:
            return iter(())
        self._drop_what_is_read()
        return iter_tree(_Chained(self._prologue + self._pad(), self._block, self._stream), self._source)

    def _next_record(self) -> bytes | None:
        """The bytes of the next record, whose beginning ``_at`` moves to; ``None`` where that is not what comes."""
        while True:
            start = _NEXT.match(self._block, self._at)
            name = start[1] if start else None
            if start and name:
                closing = b"</%s>" % name
                stop = self._block.find(closing, start.end())
                if stop >= 0:
                    self._at = start.start(1) - 1
                    return self._block[self._at : stop + len(closing)]
            elif start and len(self._block) - start.end() >= _LONGEST_NEXT:
                break
            if len(self._block) - self._at > _LONGEST_RECORD or not self._read_on():
                break
        self._finished = not self._more_follows() if _END.fullmatch(self._block, self._at) else False
        return None

    def _more_follows(self) -> bool:
        """Whether anything but blanks comes after the end of the root element."""
        while self._read_on():
            if not _END.fullmatch(self._block, self._at):
                return True
        return False

    def _read_on(self) -> bool:
        """Read another block; ``False`` at the end of the file."""
        block = self._stream.read(max(_BLOCK, len(self._block) - self._at))
        self._drop_what_is_read()
        self._block += block
        return bool(block)

    def _drop_what_is_read(self) -> None:
        lines = self._block.count(b"\n", 0, self._at)
        line_begins = self._block.rfind(b"\n", 0, self._at) + 1
        if lines:
            self._lines += lines
            self._column = 0
        self._column += len(self._block[line_begins : self._at].translate(None, _INSIDE_CHARACTERS))
        self._block = self._block[self._at :]
        self._at = 0

    def _pad(self) -> bytes:
        """White space that leads from the end of the prologue to the line and column at which ``_block`` begins."""
        lines = self._lines - self._prologue.count(b"\n")
        column = 0 if lines else len(self._prologue) - (self._prologue.rfind(b"\n") + 1)
        return b"\n" * lines + b" " * min(self._column - column, _WIDEST_PAD)

    def _parsed(self, record: bytes) -> list[Item]:
        """What the parser makes of a record. Raises :class:`DamagedFileError`."""
        return list(iter_tree(io.BytesIO(self._prologue + record + _ROOT_CLOSES), self._source))


def _characters(record: bytes) -> str:
    """``record`` decoded. Raises :class:`Unsure` if it holds bytes or characters that XML does not allow."""
    if (
        len(record.translate(None, _NEVER_IN_XML)) != len(record)
        or (b"]" in record and b"]]>" in record)
        or (b"\xef" in record and (b"\xef\xbf\xbe" in record or b"\xef\xbf\xbf" in record))
        or not record.startswith(b"<PubmedArticle>")
    ):
        raise Unsure
    try:
        return record.decode()
    except UnicodeDecodeError:
        raise Unsure from None


class _Chained:
    """Bytes, and then a file."""

    def __init__(self, first: bytes, second: bytes, stream: Readable) -> None:
        self._before = io.BytesIO(first + second)
        self._stream = stream

    def read(self, size: int, /) -> bytes:
        return self._before.read(size) or self._stream.read(size)
