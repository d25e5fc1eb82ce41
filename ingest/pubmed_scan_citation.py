"""Readers of what stands in ``MedlineCitation`` and its ``Article`` (see :mod:`pubmed_rag.ingest.pubmed_scan`)."""

from __future__ import annotations

import functools

from pubmed_rag.core.records import (
    Chemical,
    Correction,
    Grant,
    MeshHeading,
    MeshQualifier,
    OtherAbstract,
    Reference,
)
from pubmed_rag.ingest import pubmed_patterns as patterns
from pubmed_rag.ingest.identifiers import bare_doi
from pubmed_rag.ingest.pubmed_raw_text import attributes, plain, plain_or_none
from pubmed_rag.ingest.pubmed_scan_base import (
    NAME,
    Found,
    Reader,
    children,
    date,
    match_at,
    mixed,
    more,
    people,
    rows_of,
    sections_of,
    terms,
    texts,
)


def _journal(text: str, at: int, found: Found) -> int:
    match = match_at(patterns.JOURNAL, text, at)
    issn, volume, issue, year, month, day, season, medline, title, abbreviation, *rest = match.groups()
    found["Journal"] = tuple(map(plain_or_none, (title, abbreviation, issn, volume, issue)))
    found["published"] = date(medline, year, month, season, day)
    article_title, start, end, pages = rest
    found["title"] = plain(article_title)
    start, end, pages = plain_or_none(start), plain_or_none(end), plain_or_none(pages)
    found["Pagination"] = pages or "-".join(part for part in (start, end) if part) or None
    return match.end()


def _location(text: str, at: int, found: Found) -> int:
    match = match_at(patterns.LOCATION, text, at)
    kind, valid, raw = match.groups()
    value = plain(raw)
    if valid != "N" and (kind != "doi" or bare_doi(value)):
        found.setdefault(f"{kind} location", value)
    return match.end()


def _abstract(text: str, at: int, found: Found) -> int:
    rows, at = rows_of(patterns.ABSTRACT_TEXT, "Abstract", text, at, patterns.COPYRIGHT)
    found["abstract"] = sections_of(rows)
    return at


def _banks(text: str, at: int, found: Found) -> int:
    rows, at = rows_of(patterns.BANK, "DataBankList", text, at)
    accessions: list[str] = []
    for raw, listed in zip(rows[1::3], rows[2::3], strict=True):
        name = plain(raw)
        numbers = texts(patterns.ACCESSION.findall(listed or ""))
        accessions.extend("/".join(part for part in (name, number) if part) for number in numbers or ("",))
    found["secondary_source_ids"] = tuple(filter(None, accessions))
    return at


def _grants(text: str, at: int, found: Found) -> int:
    rows, at = rows_of(patterns.GRANT, "GrantList", text, at)
    grants = (Grant(*map(plain_or_none, row)) for row in zip(*(rows[first::5] for first in range(1, 5)), strict=True))
    found["grants"] = tuple(grant for grant in grants if grant != Grant())
    return at


def _article_date(text: str, at: int, found: Found) -> int:
    match = match_at(patterns.ARTICLE_DATE, text, at)
    kind, *day = match.groups()
    if kind == "Electronic":  # a reference to a character in `day` is not possible
        found.setdefault("published_electronically", date(*day))
    return match.end()


def _article_element(text: str, at: int, found: Found) -> int:
    found["Article"] = True
    return children("Article", IN_ARTICLE, text, match_at(patterns.ARTICLE, text, at).end(), found)


def _journal_info(text: str, at: int, found: Found) -> int:
    match = match_at(patterns.JOURNAL_INFO, text, at)
    found["MedlineJournalInfo"] = tuple(map(plain_or_none, match.groups()))
    return match.end()


def _chemicals(text: str, at: int, found: Found) -> int:
    rows, at = rows_of(patterns.CHEMICAL, "ChemicalList", text, at)
    chemicals = map(_chemical, rows[3::4], rows[2::4], rows[1::4])
    found["chemicals"] = tuple(filter(NAME, chemicals))
    return at


@functools.lru_cache(10_000)
def _chemical(name: str, ui: str | None, number: str | None) -> Chemical:
    return Chemical(plain(name), ui or None, plain_or_none(number))


def _corrections(text: str, at: int, found: Found) -> int:
    rows, at = rows_of(patterns.CORRECTION, "CommentsCorrectionsList", text, at)
    corrections, cited = [], []
    for kind, *rest in zip(*(rows[first::5] for first in range(1, 5)), strict=True):
        place, pmid, note = map(plain_or_none, rest)
        if kind == "Cites":
            cited.append(Reference(place, pmid))
        else:
            corrections.append(Correction(kind, pmid, place, note))
    found["corrections"] = tuple(corrections)
    found["Cites"] = tuple(cited)
    return at


def _genes(text: str, at: int, _: Found) -> int:
    return rows_of(patterns.GENE, "GeneSymbolList", text, at)[1]


def _mesh(text: str, at: int, found: Found) -> int:
    rows, at = rows_of(patterns.MESH_HEADING, "MeshHeadingList", text, at)
    headings = map(_heading, rows[1::4], rows[2::4], rows[3::4])
    found["mesh"] = tuple(filter(NAME, headings))
    return at


@functools.lru_cache(20_000)
def _heading(given: str, name: str, qualifiers: str) -> MeshHeading:
    found = [
        MeshQualifier(plain(name), *_ui_and_majorness(raw)) for raw, name in patterns.QUALIFIER.findall(qualifiers)
    ]
    return MeshHeading(plain(name), *_ui_and_majorness(given), tuple(found))


def _ui_and_majorness(given: str) -> tuple[str | None, bool]:
    usual = patterns.UI_AND_MAJORNESS.fullmatch(given)
    if usual:
        return usual[1] or None, usual[2] == "Y"
    own = attributes(given)
    return own.get("UI") or None, own.get("MajorTopicYN") == "Y"


def _other_abstract(text: str, at: int, found: Found) -> int:
    own = attributes(match_at(patterns.LIST_OPENS, text, at + len("<OtherAbstract"))[1])
    rows, at = rows_of(patterns.ABSTRACT_TEXT, "OtherAbstract", text, at, patterns.COPYRIGHT)
    if sections := sections_of(rows):
        other = OtherAbstract(sections, own.get("Type") or None, own.get("Language") or None)
        found["other_abstracts"] = (*found.get("other_abstracts", ()), other)
    return at


def _keywords(text: str, at: int, found: Found) -> int:
    rows, at = rows_of(patterns.KEYWORD, "KeywordList", text, at)
    found["keywords"] = tuple(dict.fromkeys((*found.get("keywords", ()), *texts(rows[1::2]))))
    return at


def _passed_over(text: str, at: int, _: Found) -> int:
    return match_at(patterns.PASSED_OVER, text, at).end()


IN_ARTICLE: dict[str, Reader] = {
    "Journal": _journal,
    "ELocationID": _location,
    "Abstract": _abstract,
    "AuthorList": people("authors", "AuthorList", "Author"),
    "Language": more("languages", patterns.TEXT["Language"]),
    "DataBankList": _banks,
    "GrantList": _grants,
    "PublicationTypeList": terms("publication_types", "PublicationTypeList", patterns.PUBLICATION_TYPE),
    "VernacularTitle": mixed("vernacular_title", "VernacularTitle"),
    "ArticleDate": _article_date,
}
IN_CITATION: dict[str, Reader] = {
    "Article": _article_element,
    "MedlineJournalInfo": _journal_info,
    "ChemicalList": _chemicals,
    "SupplMeshList": terms("supplementary_concepts", "SupplMeshList", patterns.SUPPLEMENTARY),
    "CitationSubset": more("citation_subsets", patterns.TEXT["CitationSubset"]),
    "CommentsCorrectionsList": _corrections,
    "GeneSymbolList": _genes,
    "MeshHeadingList": _mesh,
    "NumberOfReferences": _passed_over,
    "PersonalNameSubjectList": people("personal_name_subjects", "PersonalNameSubjectList", "PersonalNameSubject"),
    "OtherID": _passed_over,
    "OtherAbstract": _other_abstract,
    "KeywordList": _keywords,
    "CoiStatement": mixed("conflict_of_interest", "CoiStatement"),
    "InvestigatorList": people("investigators", "InvestigatorList", "Investigator"),
    "GeneralNote": more("notes", patterns.NOTE),
}
