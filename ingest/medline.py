"""The MEDLINE (NBIB) text format, read with ``Bio.Medline`` (tags: PubMed User Guide, "MEDLINE/PubMed format")."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import BinaryIO

from Bio import Medline

from pubmed_rag.core.records import (
    Article,
    Author,
    Chemical,
    Correction,
    Grant,
    Journal,
    OtherAbstract,
    RejectedRecord,
    Section,
    Term,
)
from pubmed_rag.core.text import collapse
from pubmed_rag.ingest.dates import parse_date, parse_stamp
from pubmed_rag.ingest.identifiers import bare_doi, bare_orcid, bare_pmcid, is_pmid
from pubmed_rag.ingest.items import Item
from pubmed_rag.ingest.mesh import parse_heading

_TAG_LINE = re.compile(r"[A-Z][A-Z0-9 ]{3}-(?: |$)")
_CONTINUATION = " " * 6
_IDENTIFIER = re.compile(r"(\S+) \[(\w+)\]")
_ISSN = re.compile(r"\d{4}-\d{3}[\dX]")
_ISBN = re.compile(r"[\dX-]{10,17}")
_GRANT_ACRONYM = re.compile(r"[A-Z]{2}[A-Z_]?")
_REGISTRY = re.compile(r"(\S+) \((.+)\)")
_LINKED_PMID = re.compile(r"\s*PMID: (\d+)")
_OTHER_ABSTRACT = re.compile(r"(Publisher|plain-language-summary|AAMC|AIDS|KIE|PIP|NASA): ")

_CORRECTIONS = {
    "CON": "CommentOn",
    "CIN": "CommentIn",
    "CRF": "CorrectedandRepublishedFrom",
    "CRI": "CorrectedandRepublishedIn",
    "DDIN": "AssociatedDataset",
    "DRIN": "AssociatedPublication",
    "ECF": "ExpressionOfConcernFor",
    "ECI": "ExpressionOfConcernIn",
    "EFR": "ErratumFor",
    "EIN": "ErratumIn",
    "ORI": "OriginalReportIn",
    "PRIN": "PartialRetractionIn",
    "PROF": "PartialRetractionOf",
    "RIN": "RetractionIn",
    "ROF": "RetractionOf",
    "RPF": "RepublishedFrom",
    "RPI": "RepublishedIn",
    "RRF": "RetractedandRepublishedFrom",
    "RRI": "RetractedandRepublishedIn",
    "SPIN": "SummaryForPatientsIn",
    "UIN": "UpdateIn",
    "UOF": "UpdateOf",
}


class _Fields:
    """A record of ``Bio.Medline``, which holds some tags as text and others as a list, read alike."""

    def __init__(self, lines: list[str]) -> None:
        self._record: Medline.Record = next(Medline.parse(lines))  # type: ignore[no-untyped-call]

    def all(self, tag: str) -> tuple[str, ...]:
        value: str | list[str] = self._record.get(tag, [])
        values = [value] if isinstance(value, str) else value
        return tuple(text for text in map(collapse, values) if text)

    def one(self, tag: str) -> str | None:
        return " ".join(self.all(tag)) or None


def iter_records(stream: BinaryIO, source: str) -> Iterator[Item]:
    """Records of a MEDLINE text file in order, one at a time.

    A record with a line that is neither ``TAG - value`` nor a continuation, or without a PMID, is
    yielded as a :class:`RejectedRecord`: ``Bio.Medline`` would read it as something else. The format
    does not mark the sections of an abstract or tie affiliations to authors, so the abstract is one
    section, and affiliations are kept only for a single author.
    """
    for number, block in _blocks(stream):
        pmid: str | None = None
        try:
            fields = _Fields(_unfold(block, number))
            pmid = fields.one("PMID")
            yield _article(fields, source)
        except ValueError as error:
            yield RejectedRecord(source, pmid, f"record at line {number}: {error}")


def _blocks(stream: BinaryIO) -> Iterator[tuple[int, list[bytes]]]:
    """The lines of each record with the number of the first: blank lines or the next PMID divide records."""
    block: list[bytes] = []
    start = 1
    for number, line in enumerate(stream, start=1):
        line = line.rstrip(b"\r\n")
        blank = not line.strip() and not line.startswith(_CONTINUATION.encode())
        if block and (blank or (line.startswith(b"PMID-") and any(old.startswith(b"PMID-") for old in block))):
            yield start, block
            block = []
        if not blank:
            if not block:
                start = number
            block.append(line)
    if block:
        yield start, block


def _unfold(block: list[bytes], start: int) -> list[str]:
    """One line a tag. ``Bio.Medline`` would cut continued keywords and corrections into separate values."""
    lines: list[str] = []
    for number, raw in enumerate(block, start=start):
        try:
            line = raw.decode("utf-8")
        except UnicodeDecodeError:
            raise ValueError(f"line {number} is not UTF-8") from None
        if line.startswith(_CONTINUATION) and lines:
            lines[-1] += " " + line.strip()
        elif _TAG_LINE.match(line):
            lines.append(line)
        else:
            raise ValueError(f"line {number} is not 'TAG - value'")
    return lines


def _article(fields: _Fields, source: str) -> Article:
    pmid = fields.one("PMID")
    if pmid is None:
        raise ValueError("it has no PMID")
    if not is_pmid(pmid):
        raise ValueError(f"'{pmid}' is not a PMID")
    book_title = fields.one("BTI")
    title = fields.one("TI")
    abstract = fields.one("AB")
    electronic = fields.one("DEP")
    entered = fields.one("EDAT")
    revised = fields.one("LR")
    completed = fields.one("DCOM")
    created = fields.one("CRDT")
    mesh_date = fields.one("MHDA")
    return Article(
        id=pmid,
        pmid=pmid,
        title=title or book_title or "",
        vernacular_title=fields.one("TT"),
        abstract=(Section(abstract),) if abstract else (),
        other_abstracts=_other_abstracts(fields),
        journal=Journal(
            title=fields.one("JT") or (book_title if title else None),
            abbreviation=fields.one("TA"),
            nlm_id=fields.one("JID"),
            issns=tuple(dict.fromkeys(_ISSN.findall(fields.one("IS") or ""))),
            country=fields.one("PL"),
            volume=fields.one("VI"),
            issue=fields.one("IP"),
            pages=fields.one("PG"),
        ),
        published=parse_date(fields.one("DP") or ""),
        published_electronically=parse_stamp(electronic) if electronic else None,
        entered=parse_stamp(entered) if entered else None,
        revised=parse_stamp(revised) if revised else None,
        authors=_authors(fields),
        publication_types=tuple(Term(name) for name in fields.all("PT")),
        mesh=tuple(parse_heading(text) for text in fields.all("MH")),
        keywords=tuple(dict.fromkeys(text.removeprefix("*") for text in fields.all("OT"))),
        chemicals=tuple(_chemical(text) for text in fields.all("RN")),
        supplementary_concepts=tuple(Term(name) for name in fields.all("NM")),
        doi=next(filter(None, map(bare_doi, _identifiers(fields, "doi"))), None),
        pmcid=bare_pmcid(fields.one("PMC")),
        languages=fields.all("LA"),
        status=fields.one("STAT"),
        corrections=tuple(
            _correction(ref_type, text) for tag, ref_type in _CORRECTIONS.items() for text in fields.all(tag)
        ),
        notes=fields.all("GN"),
        is_book=book_title is not None,
        grants=tuple(_grant(text) for text in fields.all("GR")),
        investigators=_people(fields.all("FIR"), fields.all("IR")),
        personal_name_subjects=_people(fields.all("FPS"), fields.all("PS")),
        secondary_source_ids=fields.all("SI"),
        conflict_of_interest=fields.one("COIS"),
        completed=parse_stamp(completed) if completed else None,
        created=parse_stamp(created) if created else None,
        mesh_date=parse_stamp(mesh_date) if mesh_date else None,
        publication_status=fields.one("PST"),
        pii=next(_identifiers(fields, "pii"), None),
        manuscript_id=fields.one("MID"),
        citation_subsets=tuple((fields.one("SB") or "").split()),  # `Bio.Medline` joins them
        editors=_people(fields.all("FED"), fields.all("ED")),
        publisher=fields.one("PB"),
        isbns=tuple(dict.fromkeys(_ISBN.findall(" ".join(fields.all("ISBN"))))),
        source=source,
    )


def _authors(fields: _Fields) -> tuple[Author, ...]:
    people = _people(fields.all("FAU"), fields.all("AU"))
    if len(people) == 1:
        orcids = fields.all("AUID")
        orcid = bare_orcid(orcids[0]) if orcids else None
        people = (replace(people[0], orcid=orcid, affiliations=fields.all("AD")),)
    groups = (Author(collective_name=name) for name in fields.all("CN"))
    return (*people, *groups)


def _people(full: tuple[str, ...], short: tuple[str, ...]) -> tuple[Author, ...]:
    """``Mangalam, Harry J`` and ``Mangalam HJ``: full names where there are any, with the initials of the short."""
    paired = len(full) == len(short)
    people = []
    for position, name in enumerate(full or short):
        last, _, fore = name.partition(", ") if full else name.rpartition(" ")
        initials = short[position].rpartition(" ")[2] if paired else None if full else fore
        people.append(Author(last or name, (fore or None) if full else None, initials or None))
    return tuple(people)


def _identifiers(fields: _Fields, wanted: str) -> Iterator[str]:
    """Values of a kind: ``AID - S1 [pii]`` first, then ``LID``."""
    for text in (*fields.all("AID"), *fields.all("LID")):
        for value, kind in _IDENTIFIER.findall(text):
            if kind == wanted:
                yield value


def _grant(text: str) -> Grant:
    """``R01 HL1/HL/NHLBI NIH HHS/United States``: number, acronym, agency, country, the first two not always there.

    A number may hold slashes itself, so the parts are told from the end.
    """
    number, _, country = text.rpartition("/")
    if not number:
        return Grant(agency=text.strip("/") or None)
    number, _, agency = number.rpartition("/")
    before, _, acronym = number.rpartition("/")
    if _GRANT_ACRONYM.fullmatch(acronym):
        number = before
    else:
        acronym = ""
    return Grant(number.strip("/") or None, acronym or None, agency or None, country or None)


def _chemical(text: str) -> Chemical:
    match = _REGISTRY.fullmatch(text)
    return Chemical(match[2], registry_number=match[1]) if match else Chemical(text)


def _correction(ref_type: str, text: str) -> Correction:
    match = _LINKED_PMID.search(text)
    if match is None:
        return Correction(ref_type, source=text)
    return Correction(ref_type, pmid=match[1], source=collapse(text[: match.start()] + text[match.end() :]) or None)


def _other_abstracts(fields: _Fields) -> tuple[OtherAbstract, ...]:
    texts, languages = fields.all("OAB"), fields.all("OABL")
    abstracts = []
    for position, text in enumerate(texts):
        kind = _OTHER_ABSTRACT.match(text)
        abstracts.append(
            OtherAbstract(
                sections=(Section(text[kind.end() :] if kind else text),),
                type=kind[1] if kind else None,
                language=languages[position] if len(languages) == len(texts) else None,
            )
        )
    return tuple(abstracts)
