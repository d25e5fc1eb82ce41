"""Files that name articles instead of holding them: lists of PMIDs or DOIs, RIS, and tables with such a column.

This module only reads; :mod:`pubmed_rag.ingest.resolve` asks PubMed for what they name.

An accession number in a RIS file or table is a PMID only if the database is PubMed or MEDLINE; where no
database is named the record's title must confirm it (``Named.title``), because Embase, Scopus and others
put numbers of their own into the same field.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import BinaryIO, TypeAlias

from pubmed_rag.core.errors import DamagedFileError
from pubmed_rag.core.records import RejectedRecord
from pubmed_rag.core.text import collapse
from pubmed_rag.ingest.identifiers import bare_doi, is_pmid

_LONGEST_SHOWN = 60
_MOST_LINES_BEFORE_HEADER = 10
_MOST_STRANGE_LINES = 0.2  # of a list: a few lines of something else do not make it another kind of file
_WOS_COLUMNS = 5  # "PM" and "DI" are headings of Web of Science exports, which have many columns

_QUOTES = "\"'`"
_SEPARATORS = re.compile(r"[,;]?\s+|[,;](?=\s*(?:doi:|pmid:|https?://|10\.\d{4,9}/|[1-9]\d{0,7}(?:[,;\s]|$)))")
_LABEL = re.compile(r"\b(pmid|pubmed(?: ?id)?|doi)\s*[:=#]?\s+(?=[1-9])", re.IGNORECASE)
_PMID = re.compile(
    r"(?:(?:pmid|pubmed ?id|pubmed)[:=#-]?)?"
    r"(?:(?:https?://)?(?:www\.)?(?:pubmed\.ncbi\.nlm\.nih\.gov|ncbi\.nlm\.nih\.gov/(?:m/)?pubmed)/)?"
    r"([1-9]\d{0,7})(?:\.0)?(?:/?(?:[?#]\S*)?)",
    re.IGNORECASE,
)
_DOI = re.compile(r"(?:(?:https?://)?(?:dx\.|www\.)?doi\.org/|doi[:=]?)?(10\.\d{4,9}/\S+)", re.IGNORECASE)
_STATED_PMID = re.compile(
    r"\bPMID\s*[:=-]?\s*([1-9]\d{0,7})\b"
    r"|(?:pubmed\.ncbi\.nlm\.nih\.gov|ncbi\.nlm\.nih\.gov/(?:m/)?pubmed)/([1-9]\d{0,7})\b",
    re.IGNORECASE,
)
_STATED_DOI = re.compile(r"(?:\bdoi\.org/|\bdoi\s*[:=]\s*)(10\.\d{4,9}/\S+)", re.IGNORECASE)
_RIS_LINE = re.compile(r"([A-Z][A-Z0-9])(?:  -|\t-) ?(.*)|(PMID) ?- (.*)")
_RIS_START = re.compile(r"^TY  - ?\S", re.MULTILINE)
_RIS_STATING = ("AN", "ID", "UR", "L1", "L2", "LK", "C1", "C2", "C3", "C4", "C5", "C6", "C7", "C8", "M1", "M2", "M3",
                "N1", "DB", "U1", "U2", "U3", "U4", "U5")  # fmt: skip
_MEDLINE_DATABASE = re.compile(r"pubmed|medline|\bnlm\b", re.IGNORECASE)
_SCOPUS = re.compile(r"scopus", re.IGNORECASE)

_PMID_HEADINGS = {"pmid", "pmids", "pubmedid", "pubmedids", "pubmed", "pubmedpmid", "pubmeduid"}
_DOI_HEADINGS = {"doi", "dois", "doilink", "doiurl", "articledoi", "digitalobjectidentifier", "doinumber"}
_WOS_PMID, _WOS_DOI = "pm", "di"
_ACCESSION_HEADINGS = {"accessionnumber", "accession"}
_DATABASE_HEADINGS = {"database", "nameofdatabase", "databaseprovider", "sourcedatabase", "db"}
_TITLE_HEADINGS = {"title", "articletitle", "primarytitle", "ti"}
_STATING_HEADINGS = {"extra", "notes", "note", "url", "urls", "link", "links"}


@dataclass(frozen=True, slots=True)
class Named:
    """An article that a file names at ``line`` (from 1) by PMID, by DOI or by both.

    Where ``title`` is given, ``pmid`` is a number that may come from another database: it counts only
    if PubMed's record of that number has this title.
    """

    source: str
    line: int
    pmid: str | None = None
    doi: str | None = None
    title: str | None = None

    @property
    def place(self) -> str:
        """Where it stands, as reports name it."""
        return f"{self.source}, line {self.line}"


NamedItem: TypeAlias = Named | RejectedRecord


# -- what kind of file it is -------------------------------------------------------------------------


def looks_like_ris(text: str) -> bool:
    """True if a line begins a RIS record, perhaps after some lines of the exporting program."""
    return _RIS_START.search(text) is not None


def looks_like_table(text: str) -> bool:
    """True if a heading row with a column of PMIDs or DOIs stands near the top of ``text``."""
    return _find_header(text) is not None


def looks_like_list(text: str) -> bool:
    """True if the lines of ``text`` hold identifiers and next to nothing else. The last line may be cut."""
    lines = [line for line in map(_without_comment, text.splitlines()) if line]
    if not lines or _line_ids(lines[0]) is None:
        return False
    strange = sum(_line_ids(line) is None for line in lines)
    return strange <= _MOST_STRANGE_LINES * len(lines)


# -- lists -------------------------------------------------------------------------------------------


def read_list(stream: BinaryIO, source: str) -> Iterator[NamedItem]:
    """The identifiers of a plain list: one a line or several, ``#`` begins a comment."""
    for number, line in _numbered(stream):
        for token in _tokens(_without_comment(line)):
            found = _identifier(token)
            if found is None:
                yield _rejected(source, number, f"'{_short(token)}' is neither a PMID nor a DOI")
            else:
                yield Named(source, number, *found)


def _numbered(stream: BinaryIO) -> Iterator[tuple[int, str]]:
    """Lines without their ends, whatever system wrote them; what is not UTF-8 is replaced, identifiers are ASCII."""
    text = io.TextIOWrapper(stream, encoding="utf-8", errors="replace")
    try:
        for number, line in enumerate(text, start=1):
            yield number, line.rstrip("\n")
    finally:
        text.detach()  # the stream is closed by whoever opened it


def _without_comment(line: str) -> str:
    line = line.strip()
    return "" if line.startswith("#") else re.split(r"\s#", line, maxsplit=1)[0].strip()


def _tokens(line: str) -> list[str]:
    """Parts of a line that should each be an identifier. A DOI may itself hold commas and semicolons."""
    stripped = (piece.strip(_QUOTES).rstrip(",;").strip(_QUOTES) for piece in _SEPARATORS.split(_join_label(line)))
    return [piece for piece in stripped if piece]


def _join_label(text: str) -> str:
    """``PMID: 123`` as one token."""
    return _LABEL.sub(lambda match: f"{match[1].replace(' ', '')}:", text)


def _line_ids(line: str) -> list[tuple[str | None, str | None]] | None:
    found = [_identifier(token) for token in _tokens(line)]
    known = [item for item in found if item is not None]
    return known if known and len(known) == len(found) else None


def _identifier(token: str) -> tuple[str | None, str | None] | None:
    """(PMID, None), (None, DOI), or ``None`` for anything else."""
    if (doi := _as_doi(token)) is not None:
        return None, doi
    pmid = _as_pmid(token)
    return None if pmid is None else (pmid, None)


def _as_pmid(text: str) -> str | None:
    match = _PMID.fullmatch(_join_label(text.strip()))
    return match[1] if match and is_pmid(match[1]) else None


def _as_doi(text: str) -> str | None:
    match = _DOI.fullmatch(_join_label(text.strip()))
    return bare_doi(match[1].rstrip(".,;")) if match else None


# -- RIS ---------------------------------------------------------------------------------------------


def read_ris(stream: BinaryIO, source: str) -> Iterator[NamedItem]:
    """One item a RIS record, from the fields where programs put a PMID or a DOI.

    Read line by line rather than with ``rispy``, which keeps no line numbers, drops all but the first of
    a repeated field, and loses a last record without ``ER``.
    """
    start, fields = 0, dict[str, list[str]]()
    last = ""
    for number, line in _numbered(stream):
        match = _RIS_LINE.match(line)
        if match is None:
            if fields and last and line.strip():
                fields[last][-1] += f" {line.strip()}"
            continue
        tag, value = (match[1], match[2]) if match[1] else (match[3], match[4])
        if fields and tag in {"TY", "ER"}:
            yield _ris_record(fields, source, start)
            fields, last = {}, ""
        if tag == "TY":
            start, fields = number, {"TY": [value.strip()]}
        elif fields:
            fields.setdefault(tag, []).append(value.strip())
            last = tag
    if fields:
        yield _ris_record(fields, source, start)


def _ris_record(fields: dict[str, list[str]], source: str, line: int) -> NamedItem:
    def values(*tags: str) -> list[str]:
        return [value for tag in tags for value in fields.get(tag, [])]

    database = " ".join(values("DB", "DP"))
    if _MEDLINE_DATABASE.search(database):
        accession, unsure = values("AN"), values("ID", "U1")  # EndNote writes its own record number into ID
    elif _SCOPUS.search(database):
        accession, unsure = values("C2"), []
    else:
        accession, unsure = [], [] if database else values("AN", "ID")
    evidence = _Evidence(
        pmids=values("PMID"),
        dois=values("DO", "DI"),
        stating=values(*_RIS_STATING),
        accession=accession,
        unsure=unsure,
        title=next(filter(None, values("TI", "T1", "CT", "BT")), None),
    )
    return _named(evidence, source, line)


@dataclass(frozen=True, slots=True)
class _Evidence:
    """What a record says of its identity, the surest first; ``unsure`` needs the title to confirm it."""

    pmids: list[str]
    dois: list[str]
    stating: list[str]
    accession: list[str]
    unsure: list[str]
    title: str | None


def _named(evidence: _Evidence, source: str, line: int) -> NamedItem:
    stated_pmids = [match[1] or match[2] for text in evidence.stating for match in _STATED_PMID.finditer(text)]
    stated_dois = [match[1] for text in evidence.stating for match in _STATED_DOI.finditer(text)]
    pmid = _first(_as_pmid, [*evidence.pmids, *stated_pmids, *evidence.accession])
    doi = _first(_as_doi, [*evidence.dois, *stated_dois])
    title = collapse(evidence.title) if evidence.title else ""
    if pmid or doi:
        return Named(source, line, pmid, doi)
    if title and (guess := _first(_as_pmid, evidence.unsure)):
        return Named(source, line, guess, title=title)
    filled = [("PMID", text) for text in evidence.pmids] + [("DOI", text) for text in evidence.dois]
    strange = next((f"'{_short(text)}' is not a {what}" for what, text in filled if text.strip()), None)
    reason = strange or "it has neither a PMID nor a DOI"
    return _rejected(source, line, f"{reason} ({_short(title)})" if title else reason)


def _first(read: Callable[[str], str | None], texts: Iterable[str]) -> str | None:
    return next(filter(None, map(read, texts)), None)


# -- tables ------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Header:
    """A heading row: how many lines end with it, its delimiter, and its columns by purpose."""

    lines: int
    delimiter: str
    width: int
    pmids: tuple[int, ...]
    dois: tuple[int, ...]
    accession: tuple[int, ...]
    databases: tuple[int, ...]
    titles: tuple[int, ...]
    stating: tuple[int, ...]


def read_table(stream: BinaryIO, source: str, head: str) -> Iterator[NamedItem]:
    """One item a row of a CSV or TSV file, whose heading row is in ``head``, the beginning of the file."""
    header = _find_header(head)
    if header is None:  # recognised by another head than this: the caller's mistake, but say it in words
        raise DamagedFileError(f"{source} has no heading with a column of PMIDs or DOIs")
    text = io.TextIOWrapper(stream, encoding="utf-8", errors="replace", newline="")
    try:
        for _ in range(header.lines):
            text.readline()
        reader = csv.reader(text, delimiter=header.delimiter)
        line = header.lines + 1
        try:
            for row in reader:
                if any(cell.strip() for cell in row):
                    yield _row(row, header, source, line)
                line = header.lines + reader.line_num + 1
        except csv.Error as error:
            raise DamagedFileError(
                f"{source} cannot be read as a table after line {line} ({error})",
                remedy="look for an unclosed quotation mark there",
            ) from error
    finally:
        text.detach()


def _row(row: list[str], header: _Header, source: str, line: int) -> NamedItem:
    def cells(columns: tuple[int, ...]) -> list[str]:
        return [row[column] for column in columns if column < len(row)]

    database = " ".join(cells(header.databases)).strip()
    sure = _MEDLINE_DATABASE.search(database) is not None
    accession = cells(header.accession)
    evidence = _Evidence(
        pmids=cells(header.pmids),
        dois=cells(header.dois),
        stating=cells(header.stating),
        accession=accession if sure else [],
        unsure=[] if database else accession,
        title=next((cell for cell in cells(header.titles) if cell.strip()), None),
    )
    return _named(evidence, source, line)


def _find_header(text: str) -> _Header | None:
    """The first row near the top with a column for PMIDs or DOIs; more columns beat fewer."""
    seen = 0
    for number, line in enumerate(re.split(r"\r\n|\r|\n", text.removeprefix("\ufeff")), start=1):
        candidates = [header for delimiter in ",\t;|" if (header := _as_header(line, delimiter, number))]
        best = max(candidates, key=lambda header: header.width, default=None)
        if best and (best.width > 1 or not seen):  # prose may have the line "DOI" further down
            return best
        seen += bool(line.strip())
        if seen == _MOST_LINES_BEFORE_HEADER:
            break
    return None


def _as_header(line: str, delimiter: str, number: int) -> _Header | None:
    try:
        row = next(csv.reader([line], delimiter=delimiter), [])
    except csv.Error:
        return None
    names = [re.sub(r"[^a-z0-9]", "", cell.casefold()) for cell in row]

    def columns(known: set[str]) -> tuple[int, ...]:
        return tuple(position for position, name in enumerate(names) if name in known)

    many = len(row) >= _WOS_COLUMNS
    pmids = columns(_PMID_HEADINGS | ({_WOS_PMID} if many else set()))
    dois = columns(_DOI_HEADINGS | ({_WOS_DOI} if many else set()))
    if not pmids and not dois:
        return None
    return _Header(
        number,
        delimiter,
        len(row),
        pmids,
        dois,
        columns(_ACCESSION_HEADINGS),
        columns(_DATABASE_HEADINGS),
        columns(_TITLE_HEADINGS),
        columns(_STATING_HEADINGS),
    )


def _rejected(source: str, line: int, reason: str) -> RejectedRecord:
    return RejectedRecord(f"{source}, line {line}", None, reason)


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST_SHOWN else f"{text[: _LONGEST_SHOWN - 1]}…"
