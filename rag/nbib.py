"""Articles in the MEDLINE (NBIB) text format (tags: PubMed User Guide, "MEDLINE/PubMed format")."""

from __future__ import annotations

import calendar
import textwrap
from collections.abc import Iterator

from pubmed_rag.core.records import Article, Author, Correction, MeshHeading, PartialDate
from pubmed_rag.rag.csl import abstract_text

_WIDTH = 87
_INDENT = " " * 6
_CORRECTIONS = {
    "CommentOn": "CON",
    "CommentIn": "CIN",
    "CorrectedandRepublishedFrom": "CRF",
    "CorrectedandRepublishedIn": "CRI",
    "AssociatedDataset": "DDIN",
    "AssociatedPublication": "DRIN",
    "ExpressionOfConcernFor": "ECF",
    "ExpressionOfConcernIn": "ECI",
    "ErratumFor": "EFR",
    "ErratumIn": "EIN",
    "OriginalReportIn": "ORI",
    "PartialRetractionIn": "PRIN",
    "PartialRetractionOf": "PROF",
    "RetractionIn": "RIN",
    "RetractionOf": "ROF",
    "RepublishedFrom": "RPF",
    "RepublishedIn": "RPI",
    "RetractedandRepublishedFrom": "RRF",
    "RetractedandRepublishedIn": "RRI",
    "SummaryForPatientsIn": "SPIN",
    "UpdateIn": "UIN",
    "UpdateOf": "UOF",
}


def nbib(article: Article) -> str:
    """One record, ended by an empty line. The article must have a PMID: the format knows no other identity.

    The format has no place for references, for the sections of an abstract (their labels become part of its
    text), or for what ties an affiliation to one of several authors.
    """
    return "\n".join(line for tag, value in _fields(article) if value for line in _folded(tag, value)) + "\n\n"


def _folded(tag: str, value: str) -> list[str]:
    # Only white space may be a place to fold: the reader puts one space there.
    return textwrap.wrap(
        " ".join(value.split()),
        width=_WIDTH,
        initial_indent=f"{tag:<4}- ",
        subsequent_indent=_INDENT,
        break_long_words=False,
        break_on_hyphens=False,
    )


def _fields(article: Article) -> Iterator[tuple[str, str | None]]:
    journal = article.journal
    yield "PMID", article.pmid
    yield "STAT", article.status
    yield "DCOM", _stamp(article.completed, "")
    yield "LR", _stamp(article.revised, "")
    for issn in journal.issns:
        yield "IS", f"{issn} (ISSN)"
    yield "VI", journal.volume
    yield "IP", journal.issue
    yield "DP", _printed(article.published)
    yield ("BTI" if article.is_book else "TI"), article.title
    yield "PG", journal.pages
    yield "LID", f"{article.doi} [doi]" if article.doi else None
    yield "AB", abstract_text(article)
    yield from _other_abstracts(article)
    for author in article.authors:
        yield from _author(author, alone=len(article.authors) == 1)
    for editor in article.editors:
        yield from _person("FED", "ED", editor)
    for investigator in article.investigators:
        yield from _person("FIR", "IR", investigator)
    for subject in article.personal_name_subjects:
        yield from _person("FPS", "PS", subject)
    for language in article.languages:
        yield "LA", language
    for term in article.publication_types:
        yield "PT", term.name
    for identifier in article.secondary_source_ids:
        yield "SI", identifier
    for grant in article.grants:
        parts = (grant.id, grant.acronym, grant.agency, grant.country or "")
        yield "GR", "/".join(part for part in parts if part is not None)
    yield "DEP", _stamp(article.published_electronically, "")
    yield "TT", article.vernacular_title
    yield "PL", journal.country
    yield "TA", journal.abbreviation
    yield "JT", journal.title
    yield "JID", journal.nlm_id
    yield "PB", article.publisher
    for isbn in article.isbns:
        yield "ISBN", isbn
    for subset in article.citation_subsets:
        yield "SB", subset
    for chemical in article.chemicals:
        yield "RN", f"{chemical.registry_number} ({chemical.name})" if chemical.registry_number else chemical.name
    for concept in article.supplementary_concepts:
        yield "NM", concept.name
    for heading in article.mesh:
        yield "MH", _heading(heading)
    for keyword in article.keywords:
        yield "OT", keyword
    yield "PMC", article.pmcid
    yield "MID", article.manuscript_id
    yield "COIS", article.conflict_of_interest
    yield "EDAT", _stamp(article.entered, "/")
    yield "MHDA", _stamp(article.mesh_date, "/")
    yield "CRDT", _stamp(article.created, "/")
    yield "AID", f"{article.pii} [pii]" if article.pii else None
    yield "AID", f"{article.doi} [doi]" if article.doi else None
    yield "PST", article.publication_status
    for note in article.notes:
        yield "GN", note
    for correction in article.corrections:
        yield from _correction(correction)


def _author(author: Author, *, alone: bool) -> Iterator[tuple[str, str | None]]:
    if author.collective_name:
        yield "CN", author.collective_name
        return
    yield from _person("FAU", "AU", author)
    yield "AUID", f"ORCID: {author.orcid}" if author.orcid else None
    if alone:
        for affiliation in author.affiliations:
            yield "AD", affiliation


def _person(full: str, short: str, person: Author) -> Iterator[tuple[str, str | None]]:
    last_word = (person.last_name or "").rpartition(" ")[2]  # the reader takes it for the initials of a single name
    given = person.fore_name or (person.initials if person.initials != last_word else None)
    name = f"{person.last_name or ''}, {given}" if given else person.last_name
    yield full, f"{name}, {person.suffix}" if person.suffix and given else name
    yield short, person.display() if given else name


def _other_abstracts(article: Article) -> Iterator[tuple[str, str | None]]:
    for other in article.other_abstracts:
        text = " ".join(f"{part.label}: {part.text}" if part.label else part.text for part in other.sections)
        yield "OAB", f"{other.type}: {text}" if other.type else text
        yield "OABL", other.language


def _correction(correction: Correction) -> Iterator[tuple[str, str | None]]:
    tag = _CORRECTIONS.get(correction.ref_type)
    if tag is not None:
        pmid = f"PMID: {correction.pmid}" if correction.pmid else None
        yield tag, " ".join(part for part in (correction.source, pmid) if part)


def _heading(heading: MeshHeading) -> str:
    parts = ((heading.name, heading.major), *((q.name, q.major) for q in heading.qualifiers))
    return "/".join(("*" if major else "") + name for name, major in parts)


def _printed(date: PartialDate) -> str | None:
    """``2001 May 31`` as far as known, or the words of the source."""
    if date.raw or date.year is None:
        return date.raw
    month = calendar.month_abbr[date.month] if date.month else None
    return " ".join(str(part) for part in (date.year, month, date.day if month else None) if part)


def _stamp(date: PartialDate | None, between: str) -> str | None:
    if date is None or date.year is None or date.month is None or date.day is None:
        return None
    return between.join((f"{date.year:04d}", f"{date.month:02d}", f"{date.day:02d}"))
