"""``PubmedArticle`` and ``PubmedBookArticle`` elements to articles (pubmed_250101.dtd). Pure functions."""

from __future__ import annotations

from lxml import etree

from pubmed_rag.core.records import (
    Article,
    Chemical,
    Correction,
    Journal,
    MeshHeading,
    MeshQualifier,
    OtherAbstract,
    PartialDate,
    Reference,
)
from pubmed_rag.ingest.identifiers import bare_pmcid
from pubmed_rag.ingest.pubmed_fields import (
    accessions_of,
    article_id,
    authors_of,
    date_of,
    first_doi,
    first_pii,
    grants_of,
    history_date,
    keywords_of,
    pages_of,
    people_of,
    pmid_of,
    references_of,
    sections_of,
    terms,
    texts,
)
from pubmed_rag.ingest.xml_text import child_text, element_text


def journal_article(element: etree._Element, source: str) -> Article:
    """The article a ``PubmedArticle`` element describes. Raises ``ValueError`` for an unusable record."""
    citation = element.find("MedlineCitation")
    if citation is None:
        raise ValueError("the record has no MedlineCitation element")
    pmid, version = pmid_of(citation)
    article = citation.find("Article")
    if article is None:
        raise ValueError("the record has no Article element")
    data = element.find("PubmedData")
    history = data.find("History") if data is not None else None
    return Article(
        id=pmid,
        pmid=pmid,
        version=version,
        title=element_text(article.find("ArticleTitle")),
        vernacular_title=child_text(article, "VernacularTitle"),
        abstract=sections_of(article.find("Abstract")),
        other_abstracts=_other_abstracts(citation),
        journal=_journal(citation, article),
        published=date_of(article.find("Journal/JournalIssue/PubDate")) or PartialDate(),
        published_electronically=date_of(article.find("ArticleDate[@DateType='Electronic']")),
        entered=history_date(history, "pubmed"),
        revised=date_of(citation.find("DateRevised")),
        authors=authors_of(article.find("AuthorList")),
        publication_types=terms(article.iterfind("PublicationTypeList/PublicationType")),
        mesh=_mesh(citation),
        keywords=keywords_of(citation),
        chemicals=_chemicals(citation),
        supplementary_concepts=terms(citation.iterfind("SupplMeshList/SupplMeshName")),
        doi=first_doi((data,), article),
        pmcid=bare_pmcid(article_id(data, "pmc")),
        languages=texts(article.iterfind("Language")),
        status=citation.get("Status"),
        indexing_method=citation.get("IndexingMethod"),
        corrections=_corrections(citation),
        references=references_of(data) or _cited(citation),
        notes=texts(citation.iterfind("GeneralNote")),
        grants=grants_of(article),
        investigators=people_of(citation.iterfind("InvestigatorList/Investigator")),
        personal_name_subjects=people_of(citation.iterfind("PersonalNameSubjectList/PersonalNameSubject")),
        secondary_source_ids=accessions_of(article),
        conflict_of_interest=child_text(citation, "CoiStatement"),
        completed=date_of(citation.find("DateCompleted")),
        created=history_date(history, "entrez"),
        mesh_date=history_date(history, "medline"),
        publication_status=child_text(data, "PublicationStatus"),
        pii=first_pii(data, article),
        manuscript_id=article_id(data, "mid"),
        citation_subsets=texts(citation.iterfind("CitationSubset")),
        source=source,
    )


def book_article(element: etree._Element, source: str) -> Article:
    """The book or chapter a ``PubmedBookArticle`` describes. Raises ``ValueError`` for an unusable record.

    A chapter has an ``ArticleTitle`` and appeared "in" its book, which stands as its journal; a whole
    book has only a ``BookTitle``. ``published`` is the book's date, which PubMed prints; a chapter's own
    ``ContributionDate`` is kept as the electronic date. Editors are no authors.
    """
    document = element.find("BookDocument")
    if document is None:
        raise ValueError("the record has no BookDocument element")
    pmid, version = pmid_of(document)
    data = element.find("PubmedBookData")
    history = data.find("History") if data is not None else None
    book = document.find("Book")
    book_title = child_text(document, "Book/BookTitle")
    title = child_text(document, "ArticleTitle")
    author_list = document.find("AuthorList")
    if author_list is None and book is not None:
        author_list = next((some for some in book.iterfind("AuthorList") if some.get("Type") != "editors"), None)
    return Article(
        id=pmid,
        pmid=pmid,
        version=version,
        title=title or book_title or "",
        vernacular_title=child_text(document, "VernacularTitle"),
        abstract=sections_of(document.find("Abstract")),
        journal=Journal(
            title=book_title if title else None,
            volume=child_text(document, "Book/Volume"),
            pages=pages_of(document),
        ),
        published=date_of(document.find("Book/PubDate")) or PartialDate(),
        published_electronically=date_of(document.find("ContributionDate")),
        entered=history_date(history, "pubmed"),
        revised=date_of(document.find("DateRevised")),
        authors=authors_of(author_list),
        publication_types=terms(document.iterfind("PublicationType")),
        keywords=keywords_of(document),
        doi=first_doi((data, document), book),
        pmcid=bare_pmcid(article_id(data, "pmc")),
        languages=texts(document.iterfind("Language")),
        references=references_of(document),
        is_book=True,
        grants=grants_of(document),
        investigators=people_of(
            (
                *document.iterfind("InvestigatorList/Investigator"),
                *document.iterfind("Book/InvestigatorList/Investigator"),
            )
        ),
        created=history_date(history, "entrez"),
        mesh_date=history_date(history, "medline"),
        publication_status=child_text(data, "PublicationStatus"),
        pii=first_pii(data, book),
        editors=people_of(
            (
                *document.iterfind("AuthorList[@Type='editors']/Author"),
                *document.iterfind("Book/AuthorList[@Type='editors']/Author"),
            )
        ),
        publisher=child_text(document, "Book/Publisher/PublisherName"),
        isbns=texts(document.iterfind("Book/Isbn")),
        source=source,
    )


def _journal(citation: etree._Element, article: etree._Element) -> Journal:
    info = citation.find("MedlineJournalInfo")
    issns = texts(article.iterfind("Journal/ISSN")) + (texts(info.iterfind("ISSNLinking")) if info is not None else ())
    return Journal(
        title=child_text(article, "Journal/Title"),
        abbreviation=child_text(info, "MedlineTA") or child_text(article, "Journal/ISOAbbreviation"),
        nlm_id=child_text(info, "NlmUniqueID"),
        issns=tuple(dict.fromkeys(issns)),
        country=child_text(info, "Country"),
        volume=child_text(article, "Journal/JournalIssue/Volume"),
        issue=child_text(article, "Journal/JournalIssue/Issue"),
        pages=pages_of(article),
    )


def _other_abstracts(citation: etree._Element) -> tuple[OtherAbstract, ...]:
    found = (
        OtherAbstract(sections_of(element), element.get("Type") or None, element.get("Language") or None)
        for element in citation.iterfind("OtherAbstract")
    )
    return tuple(abstract for abstract in found if abstract.sections)


def _mesh(citation: etree._Element) -> tuple[MeshHeading, ...]:
    headings = []
    for heading in citation.iterfind("MeshHeadingList/MeshHeading"):
        descriptor = heading.find("DescriptorName")
        name = element_text(descriptor)
        if descriptor is None or not name:
            continue
        qualifiers = tuple(
            MeshQualifier(element_text(qualifier), qualifier.get("UI") or None, qualifier.get("MajorTopicYN") == "Y")
            for qualifier in heading.iterfind("QualifierName")
        )
        headings.append(
            MeshHeading(name, descriptor.get("UI") or None, descriptor.get("MajorTopicYN") == "Y", qualifiers)
        )
    return tuple(headings)


def _chemicals(citation: etree._Element) -> tuple[Chemical, ...]:
    chemicals = []
    for element in citation.iterfind("ChemicalList/Chemical"):
        substance = element.find("NameOfSubstance")
        if substance is not None and (name := element_text(substance)):
            chemicals.append(Chemical(name, substance.get("UI") or None, child_text(element, "RegistryNumber")))
    return tuple(chemicals)


def _corrections(citation: etree._Element) -> tuple[Correction, ...]:
    """``CommentsCorrections`` with their ``RefType``, which tells the direction: ``RetractionIn``, ``RetractionOf``."""
    return tuple(
        Correction(
            ref_type=element.get("RefType", ""),
            pmid=child_text(element, "PMID"),
            source=child_text(element, "RefSource"),
            note=child_text(element, "Note"),
        )
        for element in citation.iterfind("CommentsCorrectionsList/CommentsCorrections")
        if element.get("RefType") != "Cites"
    )


def _cited(citation: etree._Element) -> tuple[Reference, ...]:
    """``Cites``: how references were given before there was a ``ReferenceList`` (pubmed_190101.dtd)."""
    return tuple(
        Reference(citation=child_text(element, "RefSource"), pmid=child_text(element, "PMID"))
        for element in citation.iterfind("CommentsCorrectionsList/CommentsCorrections[@RefType='Cites']")
    )
