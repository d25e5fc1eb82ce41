"""Parts that ``PubmedArticle`` and ``PubmedBookArticle`` have in common (pubmed_250101.dtd)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from lxml import etree

from pubmed_rag.core.records import Author, Grant, PartialDate, Reference, Section, Term
from pubmed_rag.ingest.dates import parse_date
from pubmed_rag.ingest.identifiers import bare_doi, bare_orcid, is_pmid
from pubmed_rag.ingest.xml_text import child_text, element_text


def pmid_of(parent: etree._Element) -> tuple[str, int]:
    """PMID and version of a citation. Raises ``ValueError`` in words for the report."""
    element = parent.find("PMID")
    text = element_text(element)
    if element is None or not text:
        raise ValueError("the record has no PMID")
    if not is_pmid(text):
        raise ValueError(f"'{text}' is not a PMID")
    version = element.get("Version", "1")
    return text, int(version) if version.isdigit() else 1


def date_of(element: etree._Element | None) -> PartialDate | None:
    """A date given as ``Year``, ``Month``, ``Day``, ``Season`` or as one ``MedlineDate``."""
    if element is None:
        return None
    parts = (child_text(element, tag) for tag in ("MedlineDate", "Year", "Month", "Season", "Day"))
    return parse_date(" ".join(part for part in parts if part))


def history_date(history: etree._Element | None, status: str) -> PartialDate | None:
    """The date of one event in ``History``; ``pubmed`` is the entry date ([edat])."""
    return date_of(history.find(f"PubMedPubDate[@PubStatus='{status}']")) if history is not None else None


def sections_of(abstract: etree._Element | None) -> tuple[Section, ...]:
    """``AbstractText`` elements in order. An empty part stays where it has a label, which was printed.

    ``CopyrightInformation``, a sibling inside ``Abstract``, is not part of the text.
    """
    if abstract is None:
        return ()
    sections = (
        Section(element_text(part), part.get("Label") or None, part.get("NlmCategory") or None)
        for part in abstract.iterfind("AbstractText")
    )
    return tuple(section for section in sections if section.text or section.label)


def authors_of(author_list: etree._Element | None) -> tuple[Author, ...]:
    """Authors in order. ``ValidYN="N"`` marks a spelling that another entry corrects: left out."""
    if author_list is None:
        return ()
    return people_of(author_list.iterfind("Author"))


def people_of(elements: Iterable[etree._Element]) -> tuple[Author, ...]:
    """Authors, editors, investigators or people written about, in order; ``ValidYN="N"`` left out."""
    return tuple(_person(element) for element in elements if element.get("ValidYN") != "N")


def grants_of(parent: etree._Element) -> tuple[Grant, ...]:
    """Grants in order, those that say nothing left out."""
    grants = (
        Grant(*(child_text(element, tag) for tag in ("GrantID", "Acronym", "Agency", "Country")))
        for element in parent.iterfind("GrantList/Grant")
    )
    return tuple(grant for grant in grants if grant != Grant())


def accessions_of(article: etree._Element) -> tuple[str, ...]:
    """``GENBANK/AF001892`` for each number of a data bank, the bank alone where it lists none: MEDLINE's SI."""
    accessions: list[str] = []
    for bank in article.iterfind("DataBankList/DataBank"):
        name = child_text(bank, "DataBankName")
        numbers = texts(bank.iterfind("AccessionNumberList/AccessionNumber"))
        accessions.extend("/".join(part for part in (name, number) if part) for number in numbers or ("",))
    return tuple(accession for accession in accessions if accession)


def _person(element: etree._Element) -> Author:
    affiliations = (*element.iterfind("AffiliationInfo/Affiliation"), *element.iterfind("Affiliation"))
    return Author(
        last_name=child_text(element, "LastName"),
        fore_name=child_text(element, "ForeName") or child_text(element, "FirstName"),  # FirstName: before 2006
        initials=child_text(element, "Initials"),
        suffix=child_text(element, "Suffix"),
        collective_name=child_text(element, "CollectiveName"),
        orcid=bare_orcid(child_text(element, "Identifier[@Source='ORCID']")),
        affiliations=texts(affiliations),
    )


def references_of(parent: etree._Element | None) -> tuple[Reference, ...]:
    """References of every ``ReferenceList`` under ``parent``, nested lists included, in document order."""
    if parent is None:
        return ()
    return tuple(_reference(element) for top in parent.iterfind("ReferenceList") for element in top.iter("Reference"))


def _reference(element: etree._Element) -> Reference:
    """One pass over the children: records carry dozens of references, and this is where parsing spends its time."""
    citation = ""
    identifiers: dict[str | None, etree._Element] = {}
    for child in element:
        if child.tag == "Citation":
            citation = element_text(child)
        elif child.tag == "ArticleIdList":
            for identifier in child:
                identifiers.setdefault(identifier.get("IdType"), identifier)
    return Reference(
        citation=citation or None,
        pmid=element_text(identifiers.get("pubmed")) or None,
        doi=bare_doi(element_text(identifiers.get("doi"))),
    )


def article_id(parent: etree._Element | None, kind: str) -> str | None:
    """The first identifier of ``kind`` in the ``ArticleIdList`` that is a child of ``parent`` itself.

    A search by descent would find those of the references too.
    """
    return child_text(parent, f"ArticleIdList/ArticleId[@IdType='{kind}']")


def first_pii(data: etree._Element | None, location_parent: etree._Element | None) -> str | None:
    """The publisher's item identifier, from the two places where a DOI stands too."""
    if pii := article_id(data, "pii"):
        return pii
    locations = location_parent.iterfind("ELocationID[@EIdType='pii']") if location_parent is not None else ()
    return next((text for e in locations if e.get("ValidYN") != "N" and (text := element_text(e))), None)


def first_doi(id_parents: Iterable[etree._Element | None], location_parent: etree._Element | None) -> str | None:
    """DOI from the ``ArticleIdList`` of each parent in order, else from a valid ``ELocationID``.

    ``ValidYN`` is ``Y`` by default in the DTD, which is not loaded, so only an explicit ``N`` excludes.
    """
    for parent in id_parents:
        if doi := bare_doi(article_id(parent, "doi")):
            return doi
    if location_parent is None:
        return None
    for element in location_parent.iterfind("ELocationID[@EIdType='doi']"):
        if element.get("ValidYN") != "N" and (doi := bare_doi(element_text(element))):
            return doi
    return None


def pages_of(parent: etree._Element) -> str | None:
    """``296-302``: the pagination MEDLINE prints, else start and end page."""
    if medline := child_text(parent, "Pagination/MedlinePgn"):
        return medline
    ends = (child_text(parent, "Pagination/StartPage"), child_text(parent, "Pagination/EndPage"))
    return "-".join(end for end in ends if end) or None


def keywords_of(parent: etree._Element) -> tuple[str, ...]:
    """Keywords of every list (``KeywordList@Owner``), in order, each once."""
    return tuple(dict.fromkeys(texts(parent.iterfind("KeywordList/Keyword"))))


def terms(elements: Iterable[etree._Element]) -> tuple[Term, ...]:
    """Names with their ``UI`` attribute; empty elements are left out."""
    return tuple(Term(name, element.get("UI") or None) for element, name in _named(elements))


def texts(elements: Iterable[etree._Element]) -> tuple[str, ...]:
    """Texts of ``elements``, empty ones left out."""
    return tuple(name for _, name in _named(elements))


def _named(elements: Iterable[etree._Element]) -> Iterator[tuple[etree._Element, str]]:
    for element in elements:
        if name := element_text(element):
            yield element, name
