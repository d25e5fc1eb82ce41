"""A ``PubmedArticle`` read from its characters by regular expressions, several times faster than from a tree.

It gives exactly what :func:`~pubmed_rag.ingest.pubmed_article.journal_article` gives, or :class:`Unsure`: it
reads element after element by strict patterns, which leave no character out, and at the first that it does not
know for certain it leaves the record to the real parser. So what is rare in PubMed is not read here at all.
"""

from __future__ import annotations

import functools
import operator
import re
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

from pubmed_rag.core.records import (
    Article,
    Author,
    Chemical,
    Correction,
    Grant,
    Journal,
    MeshHeading,
    MeshQualifier,
    OtherAbstract,
    PartialDate,
    Reference,
    Section,
    Term,
)
from pubmed_rag.ingest import pubmed_patterns as patterns
from pubmed_rag.ingest.dates import parse_date
from pubmed_rag.ingest.identifiers import bare_doi, bare_orcid, bare_pmcid, is_pmid
from pubmed_rag.ingest.pubmed_raw_text import Unsure, attributes, plain, plain_all, plain_or_none, resolved

Found: TypeAlias = dict[str, Any]
"""Fields of the article so far, by their names; and, under names of elements, what several fields depend on."""
Reader: TypeAlias = Callable[[str, int, Found], int]
"""Reads the element that begins at a place, puts what it says into ``Found`` and returns the place after it."""

_name = operator.attrgetter("name")


def scan_article(text: str, source: str) -> Article:
    """The article of ``text``, which is one ``PubmedArticle`` element. Raises :class:`Unsure`.

    ``text`` must not hold ``]]>`` or characters that XML does not allow; nobody looks for them here.
    """
    opening = _at(patterns.ARTICLE_OPENS, text, 0)
    own = attributes(opening[1])
    pmid = _at(patterns.PMID, text, opening.end())
    number = plain(pmid[2])
    if not is_pmid(number):
        raise Unsure
    found: Found = {
        "id": number,
        "pmid": number,
        "version": int(pmid[1] or 1),
        "status": own.get("Status"),
        "indexing_method": own.get("IndexingMethod"),
        "title": "",
        "published": PartialDate(),
        "source": source,
    }
    at = _children("MedlineCitation", _IN_CITATION, text, pmid.end(), found)
    if "Article" not in found:
        raise Unsure
    data = _at(patterns.TAG, text, at)
    if data[1] == "PubmedData":
        opening = _at(patterns.LIST_OPENS, text, data.end())
        attributes(opening[1])
        at = _children("PubmedData", _IN_DATA, text, opening.end(), found)
    if _at(patterns.ARTICLE_CLOSES, text, at).end() != len(text):
        raise Unsure
    return _article(found)


def _article(found: Found) -> Article:
    """What depends on several elements, and then the article."""
    del found["Article"]
    ids: dict[str, str] = found.pop("ArticleIdList", {})
    info: tuple[str | None, ...] = found.pop("MedlineJournalInfo", (None,) * 4)
    title, abbreviation, issn, volume, issue = found.pop("Journal", (None,) * 5)
    issns = [text for text in (issn, info[3]) if text]
    found["journal"] = Journal(
        title,
        info[1] or abbreviation,
        info[2],
        tuple(dict.fromkeys(issns)),
        info[0],
        volume,
        issue,
        found.pop("Pagination", None),
    )
    doi, pii = found.pop("doi location", None), found.pop("pii location", None)
    found["doi"] = bare_doi(ids.get("doi")) or doi
    found["pii"] = ids.get("pii") or pii
    found["pmcid"] = bare_pmcid(ids.get("pmc"))
    found["manuscript_id"] = ids.get("mid") or None
    cited = found.pop("Cites", ())
    if not found.get("references"):
        found["references"] = cited
    return Article(**found)


def _at(pattern: re.Pattern[str], text: str, at: int) -> re.Match[str]:
    match = pattern.match(text, at)
    if match is None:
        raise Unsure
    return match


def _children(parent: str, readers: dict[str, Reader], text: str, at: int, found: Found) -> int:
    """Read what stands in ``parent`` from ``at`` on, each element by its reader, and the closing tag."""
    next_tag = patterns.TAG.match
    left = readers.copy()
    while (tag := next_tag(text, at)) is not None:
        name = tag[1]
        read = left.get(name)
        if read is None:
            break
        if name not in _REPEATED:
            del left[name]
        at = read(text, tag.start(1) - 1, found)
    return _at(patterns.CLOSES[parent], text, at).end()


def _rows(
    item: re.Pattern[str], tag: str, text: str, at: int, end: re.Pattern[str] | None = None
) -> tuple[list[str], int]:
    """The list ``tag`` at ``at``, all of whose children match ``item``, and the place after it.

    Returned are the groups of all items in a row, with a text of no meaning before each: ``item.groups + 1`` texts
    an item. ``end`` may match what follows the last item inside the list.
    """
    start = at + len(tag) + 1
    if text[start] == ">":
        start += 1
    else:
        opening = _at(patterns.LIST_OPENS, text, start)
        attributes(opening[1])
        start = opening.end()
    stop = text.find(f"</{tag}>", start)
    if stop < 0:
        raise Unsure
    parts = item.split(text[start:stop])
    rest = parts.pop()
    if rest and parts:
        last = end.fullmatch(rest) if end else None
        if last is None:
            raise Unsure
        resolved(last[1])
    elif rest and not rest.isspace():
        raise Unsure
    between = parts[:: item.groups + 1]
    if any(between) and (any(between[1:]) or not between[0].isspace()):  # only before the first there may be blanks
        raise Unsure
    return parts, stop + len(tag) + 3


# Small elements


def _day(field: str, tag: str) -> Reader:
    pattern = patterns.DATE[tag]

    def read(text: str, at: int, found: Found) -> int:
        match = _at(pattern, text, at)
        found[field] = _date(*match.groups())
        return match.end()

    return read


@functools.lru_cache(50_000)
def _date(*parts: str | None) -> PartialDate:
    return parse_date(" ".join(text for part in parts if part and (text := plain(part))))


def _mixed(field: str, tag: str) -> Reader:
    pattern = patterns.TITLE[tag]

    def read(text: str, at: int, found: Found) -> int:
        match = _at(pattern, text, at)
        found[field] = plain(match[1]) or None
        return match.end()

    return read


def _more(field: str, pattern: re.Pattern[str]) -> Reader:
    """An element that may be repeated, each a text."""

    def read(text: str, at: int, found: Found) -> int:
        match = _at(pattern, text, at)
        if value := plain(match[1]):
            found[field] = (*found.get(field, ()), value)
        return match.end()

    return read


def _status(text: str, at: int, found: Found) -> int:
    match = _at(patterns.TEXT["PublicationStatus"], text, at)
    found["publication_status"] = plain_or_none(match[1])
    return match.end()


def _passed_over(text: str, at: int, _: Found) -> int:
    return _at(patterns.PASSED_OVER, text, at).end()


# Article


def _article_element(text: str, at: int, found: Found) -> int:
    found["Article"] = True
    return _children("Article", _IN_ARTICLE, text, _at(patterns.ARTICLE, text, at).end(), found)


def _journal(text: str, at: int, found: Found) -> int:
    match = _at(patterns.JOURNAL, text, at)
    issn, volume, issue, year, month, day, season, medline, title, abbreviation, *rest = match.groups()
    found["Journal"] = tuple(map(plain_or_none, (title, abbreviation, issn, volume, issue)))
    found["published"] = _date(medline, year, month, season, day)
    article_title, start, end, pages = rest
    found["title"] = plain(article_title)
    start, end, pages = plain_or_none(start), plain_or_none(end), plain_or_none(pages)
    found["Pagination"] = pages or "-".join(part for part in (start, end) if part) or None
    return match.end()


def _location(text: str, at: int, found: Found) -> int:
    match = _at(patterns.LOCATION, text, at)
    kind, valid, raw = match.groups()
    value: str | None = plain(raw)
    if kind == "doi":
        value = bare_doi(value)
    if value and valid != "N":
        found.setdefault(f"{kind} location", value)
    return match.end()


def _abstract(text: str, at: int, found: Found) -> int:
    rows, at = _rows(patterns.ABSTRACT_TEXT, "Abstract", text, at, patterns.COPYRIGHT)
    found["abstract"] = _sections(rows)
    return at


def _sections(rows: list[str]) -> tuple[Section, ...]:
    sections = []
    for label, category, raw in zip(rows[1::4], rows[2::4], rows[3::4], strict=True):
        words = plain(raw)
        if words or label:
            sections.append(Section(words, resolved(label) if label else None, category or None))
    return tuple(sections)


def _people(field: str, listed: str, tag: str) -> Reader:
    pattern = patterns.PERSON[tag]

    def read(text: str, at: int, found: Found) -> int:
        rows, at = _rows(pattern, listed, text, at)
        people = [
            Author(
                last and plain_or_none(last),
                fore and plain_or_none(fore),
                initials and plain_or_none(initials),
                suffix and plain_or_none(suffix),
                collective and plain_or_none(collective),
                _orcid(identifiers) if identifiers else None,
                _texts(patterns.AFFILIATION.findall(places)) if places else (),
            )
            for last, fore, initials, suffix, collective, identifiers, places in zip(
                *(rows[first::8] for first in range(1, 8)), strict=True
            )
        ]
        found[field] = (*found.get(field, ()), *people)
        return at

    return read


def _orcid(identifiers: str) -> str | None:
    match = patterns.ORCID.search(identifiers)
    return bare_orcid(match[1].strip()) if match else None


def _texts(raws: Sequence[str]) -> tuple[str, ...]:
    return tuple([text for raw in raws if (text := plain(raw))])


def _banks(text: str, at: int, found: Found) -> int:
    rows, at = _rows(patterns.BANK, "DataBankList", text, at)
    accessions: list[str] = []
    for raw, listed in zip(rows[1::3], rows[2::3], strict=True):
        name = plain(raw)
        numbers = _texts(patterns.ACCESSION.findall(listed or ""))
        accessions.extend("/".join(part for part in (name, number) if part) for number in numbers or ("",))
    found["secondary_source_ids"] = tuple(filter(None, accessions))
    return at


def _grants(text: str, at: int, found: Found) -> int:
    rows, at = _rows(patterns.GRANT, "GrantList", text, at)
    grants = (Grant(*map(plain_or_none, row)) for row in zip(*(rows[first::5] for first in range(1, 5)), strict=True))
    found["grants"] = tuple(grant for grant in grants if grant != Grant())
    return at


def _terms(field: str, tag: str, item: re.Pattern[str]) -> Reader:
    def read(text: str, at: int, found: Found) -> int:
        rows, at = _rows(item, tag, text, at)
        found[field] = tuple(filter(_name, map(_term, rows[2::3], rows[1::3])))
        return at

    return read


@functools.lru_cache(10_000)
def _term(raw: str, ui: str | None) -> Term:
    return Term(plain(raw), ui or None)


def _article_date(text: str, at: int, found: Found) -> int:
    match = _at(patterns.ARTICLE_DATE, text, at)
    kind, *day = match.groups()
    if kind == "Electronic":  # a reference to a character in `day` is not possible
        found.setdefault("published_electronically", _date(*day))
    return match.end()


# MedlineCitation


def _journal_info(text: str, at: int, found: Found) -> int:
    match = _at(patterns.JOURNAL_INFO, text, at)
    found["MedlineJournalInfo"] = tuple(map(plain_or_none, match.groups()))
    return match.end()


def _chemicals(text: str, at: int, found: Found) -> int:
    rows, at = _rows(patterns.CHEMICAL, "ChemicalList", text, at)
    chemicals = map(_chemical, rows[3::4], rows[2::4], rows[1::4])
    found["chemicals"] = tuple(filter(_name, chemicals))
    return at


@functools.lru_cache(10_000)
def _chemical(name: str, ui: str | None, number: str | None) -> Chemical:
    return Chemical(plain(name), ui or None, plain_or_none(number))


def _corrections(text: str, at: int, found: Found) -> int:
    rows, at = _rows(patterns.CORRECTION, "CommentsCorrectionsList", text, at)
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
    return _rows(patterns.GENE, "GeneSymbolList", text, at)[1]


def _mesh(text: str, at: int, found: Found) -> int:
    rows, at = _rows(patterns.MESH_HEADING, "MeshHeadingList", text, at)
    headings = map(_heading, rows[1::4], rows[2::4], rows[3::4])
    found["mesh"] = tuple(filter(_name, headings))
    return at


@functools.lru_cache(20_000)
def _heading(given: str, name: str, qualifiers: str) -> MeshHeading:
    own = attributes(given)
    return MeshHeading(
        plain(name),
        own.get("UI") or None,
        own.get("MajorTopicYN") == "Y",
        tuple(_qualifier(attributes(raw), name) for raw, name in patterns.QUALIFIER.findall(qualifiers)),
    )


def _qualifier(own: dict[str, str], name: str) -> MeshQualifier:
    return MeshQualifier(plain(name), own.get("UI") or None, own.get("MajorTopicYN") == "Y")


def _other_abstract(text: str, at: int, found: Found) -> int:
    own = attributes(_at(patterns.LIST_OPENS, text, at + len("<OtherAbstract"))[1])
    rows, at = _rows(patterns.ABSTRACT_TEXT, "OtherAbstract", text, at, patterns.COPYRIGHT)
    if sections := _sections(rows):
        other = OtherAbstract(sections, own.get("Type") or None, own.get("Language") or None)
        found["other_abstracts"] = (*found.get("other_abstracts", ()), other)
    return at


def _keywords(text: str, at: int, found: Found) -> int:
    rows, at = _rows(patterns.KEYWORD, "KeywordList", text, at)
    found["keywords"] = tuple(dict.fromkeys((*found.get("keywords", ()), *_texts(rows[1::2]))))
    return at


# PubmedData

_HISTORY = {"pubmed": "entered", "entrez": "created", "medline": "mesh_date"}


def _history(text: str, at: int, found: Found) -> int:
    rows, at = _rows(patterns.EVENT, "History", text, at)
    for status, *day in zip(*(rows[first::5] for first in range(1, 5)), strict=True):
        field = _HISTORY.get(status)
        if field and field not in found:
            found[field] = _date(*day)
    return at


def _ids(text: str, at: int, found: Found) -> int:
    rows, at = _rows(patterns.ARTICLE_ID, "ArticleIdList", text, at)
    ids: dict[str, str] = {}
    for kind, value in zip(rows[1::3], rows[2::3], strict=True):
        ids.setdefault(kind, plain(value))
    found["ArticleIdList"] = ids
    return at


def _references(text: str, at: int, found: Found) -> int:
    start = _at(patterns.LIST_OPENS, text, at + len("<ReferenceList"))
    if start[1]:
        raise Unsure
    stop = text.find("</ReferenceList>", start.end())
    if stop < 0:
        raise Unsure
    title = patterns.REFERENCE_LIST_TITLE.match(text, start.end())
    listed = text[title.end() if title else start.end() : stop]
    found["references"] = found.get("references", ()) + (
        usual if (usual := _usual(listed)) is not None else _unusual(listed)
    )
    return stop + len("</ReferenceList>")


def _usual(listed: str) -> tuple[Reference, ...] | None:
    parts = patterns.REFERENCE.split(listed)
    if any(parts[::4]):
        return None
    citations = plain_all(parts[1::4])
    if "" in citations:
        return None
    return tuple(map(Reference, citations, parts[3::4], parts[2::4]))


def _unusual(listed: str) -> tuple[Reference, ...]:
    """References with markup, or with identifiers in another order or dress."""
    parts = patterns.LOOSE_REFERENCE.split(listed)
    if any(parts[::3]):
        raise Unsure
    references = []
    for citation, identifiers in zip(parts[1::3], parts[2::3], strict=True):
        ids: dict[str, str] = {}
        for kind, value in patterns.ARTICLE_ID.findall(identifiers or ""):
            ids.setdefault(kind, plain(value))
        references.append(Reference(plain(citation) or None, ids.get("pubmed") or None, bare_doi(ids.get("doi"))))
    return tuple(references)


_REPEATED = frozenset(
    {
        "ArticleDate",
        "CitationSubset",
        "ELocationID",
        "GeneralNote",
        "InvestigatorList",
        "KeywordList",
        "Language",
        "OtherAbstract",
        "OtherID",
        "ReferenceList",
    }
)

_IN_ARTICLE: dict[str, Reader] = {
    "Journal": _journal,
    "ELocationID": _location,
    "Abstract": _abstract,
    "AuthorList": _people("authors", "AuthorList", "Author"),
    "Language": _more("languages", patterns.TEXT["Language"]),
    "DataBankList": _banks,
    "GrantList": _grants,
    "PublicationTypeList": _terms("publication_types", "PublicationTypeList", patterns.PUBLICATION_TYPE),
    "VernacularTitle": _mixed("vernacular_title", "VernacularTitle"),
    "ArticleDate": _article_date,
}
_IN_CITATION: dict[str, Reader] = {
    "DateCompleted": _day("completed", "DateCompleted"),
    "DateRevised": _day("revised", "DateRevised"),
    "Article": _article_element,
    "MedlineJournalInfo": _journal_info,
    "ChemicalList": _chemicals,
    "SupplMeshList": _terms("supplementary_concepts", "SupplMeshList", patterns.SUPPLEMENTARY),
    "CitationSubset": _more("citation_subsets", patterns.TEXT["CitationSubset"]),
    "CommentsCorrectionsList": _corrections,
    "GeneSymbolList": _genes,
    "MeshHeadingList": _mesh,
    "NumberOfReferences": _passed_over,
    "PersonalNameSubjectList": _people("personal_name_subjects", "PersonalNameSubjectList", "PersonalNameSubject"),
    "OtherID": _passed_over,
    "OtherAbstract": _other_abstract,
    "KeywordList": _keywords,
    "CoiStatement": _mixed("conflict_of_interest", "CoiStatement"),
    "InvestigatorList": _people("investigators", "InvestigatorList", "Investigator"),
    "GeneralNote": _more("notes", patterns.NOTE),
}
_IN_DATA: dict[str, Reader] = {
    "History": _history,
    "PublicationStatus": _status,
    "ArticleIdList": _ids,
    "ReferenceList": _references,
}
