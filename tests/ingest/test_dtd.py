"""Any valid record comes out as it went in: XML and expected article are drawn side by side, after the DTD.

Elements follow pubmed_250101.dtd in their order; what the DTD allows and few records have is drawn more often
than it occurs.
"""

from __future__ import annotations

import io
from dataclasses import replace
from typing import Any
from xml.sax.saxutils import escape, quoteattr

from hypothesis import given, settings
from hypothesis import strategies as st

from pubmed_rag.core.errors import DamagedFileError
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
)  # fmt: skip
from pubmed_rag.ingest.items import Item
from pubmed_rag.ingest.pubmed_xml import iter_records

MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
Drawn = tuple[str, Any]  # XML, and what it must come to

words = st.text(st.sampled_from("abcXYZ 0159<>&\"'.;é漢\u2009\u00ad-"), min_size=1, max_size=12).filter(str.strip)
texts = words.map(lambda text: " ".join(text.split()))
uis = st.one_of(st.none(), st.integers(1, 999_999).map(lambda n: f"D{n:06d}"))


def attribute(name: str, value: str | None) -> str:
    return "" if value is None else f" {name}={quoteattr(value)}"


def element(tag: str, text: str, **attributes: str | None) -> str:
    given = "".join(attribute(name, value) for name, value in attributes.items())
    return f"<{tag}{given}>{escape(text)}</{tag}>"


@st.composite
def mixed(draw: st.DrawFn) -> Drawn:
    """Text with markup around parts of it."""
    xml, plain = "", ""
    for part in draw(st.lists(texts, min_size=1, max_size=3)):
        tag = draw(st.sampled_from(["", "i", "sup", "b"]))
        xml += f"<{tag}>{escape(part)}</{tag}>" if tag else escape(part)
        plain += part
    return xml, " ".join(plain.split())


@st.composite
def dates(draw: st.DrawFn) -> Drawn:
    year = draw(st.integers(1900, 2030))
    form = draw(st.integers(0, 4))
    if form == 0:
        return f"<Year>{year}</Year>", PartialDate(year)
    if form == 1:
        return f"<MedlineDate>{year} Dec-{year + 1} Jan</MedlineDate>", PartialDate(
            year, 12, None, f"{year} Dec-{year + 1} Jan"
        )
    if form == 2:
        return f"<Year>{year}</Year><Season>Spring</Season>", PartialDate(year, 4, None, f"{year} Spring")
    month, day = draw(st.integers(1, 12)), draw(st.one_of(st.none(), st.integers(1, 28)))
    written = draw(st.sampled_from([MONTHS[month - 1], str(month), f"{month:02d}"]))
    return (
        f"<Year>{year}</Year><Month>{written}</Month>{'' if day is None else f'<Day>{day}</Day>'}",
        PartialDate(year, month, day),
    )


@st.composite
def plain_days(draw: st.DrawFn, tag: str, attributes: str = "") -> Drawn:
    year, month, day = draw(st.integers(1950, 2030)), draw(st.integers(1, 12)), draw(st.integers(1, 28))
    inside = f"<Year>{year}</Year><Month>{month}</Month><Day>{day}</Day>"
    return f"<{tag}{attributes}>{inside}</{tag}>", PartialDate(year, month, day)


@st.composite
def sections(draw: st.DrawFn) -> Drawn:
    label = draw(st.one_of(st.none(), st.sampled_from(["RESULTS", "AIM & SCOPE"])))
    category = draw(st.one_of(st.none(), st.sampled_from(["UNASSIGNED", "METHODS"])))
    xml, plain = draw(mixed())
    if label and draw(st.booleans()):
        xml, plain = "", ""
    attributes = attribute("Label", label) + attribute("NlmCategory", category)
    return f"<AbstractText{attributes}>{xml}</AbstractText>", Section(plain, label, category)


@st.composite
def authors(draw: st.DrawFn) -> Drawn:
    valid = draw(st.sampled_from(["Y", "Y", "N"]))
    if draw(st.booleans()):
        xml, plain = draw(mixed())
        author, inside = Author(collective_name=plain), f"<CollectiveName>{xml}</CollectiveName>"
    else:
        last, fore = draw(texts), draw(st.one_of(st.none(), texts))
        suffix = draw(st.one_of(st.none(), st.just("Jr")))
        author = Author(last, fore, "AB" if fore else None, suffix)
        inside = f"<LastName>{escape(last)}</LastName>"
        if fore:
            inside += f"<ForeName>{escape(fore)}</ForeName><Initials>AB</Initials>"
        inside += "<Suffix>Jr</Suffix>" if suffix else ""
    if draw(st.booleans()):
        inside += '<Identifier Source="ORCID">https://orcid.org/0000-0002-1825-0097</Identifier>'
        author = replace(author, orcid="0000-0002-1825-0097")
    for place in draw(st.lists(texts, max_size=2)):
        inside += f"<AffiliationInfo><Affiliation>{escape(place)}</Affiliation></AffiliationInfo>"
        author = replace(author, affiliations=(*author.affiliations, place))
    return f'<Author ValidYN="{valid}">{inside}</Author>', author if valid == "Y" else None


@st.composite
def headings(draw: st.DrawFn) -> Drawn:
    def one(tag: str, kind: Any) -> Drawn:
        name, ui, major = draw(texts), draw(uis), draw(st.booleans())
        attributes = attribute("UI", ui) + attribute("MajorTopicYN", "Y" if major else "N")
        return f"<{tag}{attributes}>{escape(name)}</{tag}>", kind(name, ui, major)

    xml, heading = one("DescriptorName", MeshHeading)
    qualifiers = [one("QualifierName", MeshQualifier) for _ in range(draw(st.integers(0, 2)))]
    heading = replace(heading, qualifiers=tuple(qualifier for _, qualifier in qualifiers))
    return f"<MeshHeading>{xml}{''.join(inside for inside, _ in qualifiers)}</MeshHeading>", heading


@st.composite
def references(draw: st.DrawFn) -> Drawn:
    xml, citation = draw(mixed())
    pmid = draw(st.one_of(st.none(), st.integers(1, 10**8).map(str)))
    doi = draw(st.one_of(st.none(), st.just("10.1000/a<b>&c")))
    ids = "".join(
        f'<ArticleId IdType="{kind}">{escape(value)}</ArticleId>'
        for kind, value in (("pmc", "PMC1"), ("doi", doi), ("pubmed", pmid))
        if value
    )
    return (
        f"<Reference><Citation>{xml}</Citation><ArticleIdList>{ids}</ArticleIdList></Reference>",
        Reference(citation, pmid, doi),
    )


@st.composite
def corrections(draw: st.DrawFn) -> Drawn:
    kind = draw(st.sampled_from(["RetractionIn", "RetractionOf", "ErratumIn", "ExpressionOfConcernIn", "CommentOn"]))
    source, pmid = draw(texts), draw(st.one_of(st.none(), st.just("7")))
    known = '<PMID Version="1">7</PMID>' if pmid else ""
    inside = f"<RefSource>{escape(source)}</RefSource>{known}"
    return f'<CommentsCorrections RefType="{kind}">{inside}</CommentsCorrections>', Correction(kind, pmid, source)


@st.composite
def grants(draw: st.DrawFn) -> Drawn:
    grant = Grant(*(draw(st.none() | texts) for _ in range(4)))
    tags = ("GrantID", "Acronym", "Agency", "Country")
    values = (grant.id, grant.acronym, grant.agency, grant.country)
    parts = "".join(element(tag, value) for tag, value in zip(tags, values, strict=True) if value)
    return f"<Grant>{parts}</Grant>", grant if grant != Grant() else None


@st.composite
def banks(draw: st.DrawFn) -> Drawn:
    name, numbers = draw(texts), draw(st.lists(texts, max_size=2))
    listed = "".join(element("AccessionNumber", number) for number in numbers)
    return (
        f"<DataBank>{element('DataBankName', name)}{inside('AccessionNumberList', listed)}</DataBank>",
        tuple(f"{name}/{number}" for number in numbers) or (name,),
    )


def named(tag: str) -> st.SearchStrategy[Drawn]:
    """A person in an element of another name than ``Author``, without affiliation."""
    return texts.map(lambda last: (f"<{tag}>{element('LastName', last)}</{tag}>", Author(last)))


def many(strategy: st.SearchStrategy[Drawn], size: int = 3) -> st.SearchStrategy[Drawn]:
    """Several, as joined XML and a tuple; what comes to nothing is left out."""
    return st.lists(strategy, max_size=size).map(
        lambda drawn: ("".join(xml for xml, _ in drawn), tuple(value for _, value in drawn if value is not None))
    )


def inside(tag: str, xml: str) -> str:
    return f"<{tag}>{xml}</{tag}>" if xml else ""


@st.composite
def records(draw: st.DrawFn) -> tuple[str, Article]:
    pmid, version = str(draw(st.integers(1, 99_999_999))), draw(st.integers(1, 3))
    status = draw(st.sampled_from(["MEDLINE", "Publisher", "PubMed-not-MEDLINE"]))
    title_xml, title = draw(st.one_of(mixed(), st.just(("", ""))))
    vernacular = draw(st.one_of(st.none(), texts))
    abstract_xml, abstract = draw(many(sections()))
    author_xml, author = draw(many(authors()))
    date_xml, published = draw(dates())
    nothing: st.SearchStrategy[Drawn] = st.just(("", None))
    electronic_xml, electronic = draw(nothing | plain_days("ArticleDate", ' DateType="Electronic"'))
    entered_xml, entered = draw(nothing | plain_days("PubMedPubDate", ' PubStatus="pubmed"'))
    revised_xml, revised = draw(nothing | plain_days("DateRevised"))
    created_xml, created = draw(nothing | plain_days("PubMedPubDate", ' PubStatus="entrez"'))
    indexed_xml, indexed = draw(nothing | plain_days("PubMedPubDate", ' PubStatus="medline"'))
    completed_xml, completed = draw(nothing | plain_days("DateCompleted"))
    grant_xml, grant = draw(many(grants(), 2))
    bank_xml, bank = draw(many(banks(), 2))
    subject_xml, subject = draw(many(named("PersonalNameSubject"), 2))
    investigator_xml, investigator = draw(many(named("Investigator"), 2))
    interest_xml, interest = draw(st.just(("", None)) | mixed())
    subsets = draw(st.lists(st.sampled_from(["IM", "AIM"]), max_size=2))
    publication_status, pii = draw(st.none() | st.just("ppublish")), draw(st.none() | texts)
    mesh_xml, mesh = draw(many(headings()))
    reference_xml, reference = draw(many(references(), 4))
    correction_xml, correction = draw(many(corrections(), 2))
    keyword = tuple(dict.fromkeys(draw(st.lists(texts, max_size=2))))
    chemical = draw(st.lists(st.tuples(texts, uis), max_size=2))
    types = draw(st.lists(st.tuples(texts, uis), min_size=1, max_size=2))
    other = draw(st.one_of(st.none(), texts))
    doi_at = draw(st.sampled_from(["none", "list", "location", "invalid"]))
    doi, language = "10.1000/xyz", draw(st.sampled_from(["eng", "fre"]))
    places = {"location": "Y", "invalid": "N"}
    location = f'<ELocationID EIdType="doi" ValidYN="{places[doi_at]}">{doi}</ELocationID>' if doi_at in places else ""
    own_ids = f'<ArticleId IdType="pubmed">{pmid}</ArticleId>'
    own_ids += f'<ArticleId IdType="doi">{doi}</ArticleId>' if doi_at == "list" else ""
    own_ids += element("ArticleId", pii, IdType="pii") if pii else ""
    type_xml = "".join(element("PublicationType", name, UI=ui) for name, ui in types)
    chemical_xml = "".join(
        f"<Chemical><RegistryNumber>0</RegistryNumber>{element('NameOfSubstance', name, UI=ui)}</Chemical>"
        for name, ui in chemical
    )
    other_xml = f'<OtherAbstract Type="Publisher" Language="spa">{element("AbstractText", other or "")}</OtherAbstract>'
    xml = "".join(
        (
            f'<PubmedArticle><MedlineCitation Status="{status}"><PMID Version="{version}">{pmid}</PMID>',
            completed_xml,
            revised_xml,
            f"<Article><Journal><ISSN>1234-5678</ISSN><JournalIssue><Volume>7</Volume><PubDate>{date_xml}</PubDate>",
            f"</JournalIssue><Title>A Journal</Title></Journal><ArticleTitle>{title_xml}</ArticleTitle>{location}",
            inside("Abstract", abstract_xml),
            inside("AuthorList", author_xml),
            element("Language", language),
            inside("DataBankList", bank_xml),
            inside("GrantList", grant_xml),
            inside("PublicationTypeList", type_xml),
            element("VernacularTitle", vernacular) if vernacular else "",
            f"{electronic_xml}</Article>",
            inside("ChemicalList", chemical_xml),
            "".join(element("CitationSubset", subset) for subset in subsets),
            inside("CommentsCorrectionsList", correction_xml),
            inside("MeshHeadingList", mesh_xml),
            inside("PersonalNameSubjectList", subject_xml),
            other_xml if other else "",
            inside("KeywordList", "".join(element("Keyword", word) for word in keyword)),
            inside("CoiStatement", interest_xml),
            inside("InvestigatorList", investigator_xml),
            f"</MedlineCitation><PubmedData>{inside('History', created_xml + entered_xml + indexed_xml)}",
            element("PublicationStatus", publication_status) if publication_status else "",
            f"<ArticleIdList>{own_ids}</ArticleIdList>",
            inside("ReferenceList", reference_xml),
            "</PubmedData></PubmedArticle>",
        )
    )
    return xml, Article(
        pmid,
        pmid=pmid,
        version=version,
        status=status,
        title=title,
        vernacular_title=vernacular,
        abstract=abstract,
        other_abstracts=(OtherAbstract((Section(other),), "Publisher", "spa"),) if other else (),
        journal=Journal("A Journal", issns=("1234-5678",), volume="7"),
        published=published,
        published_electronically=electronic,
        entered=entered,
        revised=revised,
        authors=author,
        publication_types=tuple(Term(name, ui) for name, ui in types),
        mesh=mesh,
        keywords=keyword,
        chemicals=tuple(Chemical(name, ui, "0") for name, ui in chemical),
        doi=doi if doi_at in {"list", "location"} else None,
        languages=(language,),
        corrections=correction,
        references=reference,
        grants=grant,
        investigators=investigator,
        personal_name_subjects=subject,
        secondary_source_ids=tuple(accession for accessions in bank for accession in accessions),
        conflict_of_interest=interest or None,
        completed=completed,
        created=created,
        mesh_date=indexed,
        publication_status=publication_status,
        pii=pii,
        citation_subsets=tuple(subsets),
        source="drawn.xml",
    )  # fmt: skip


class Trickle(io.BytesIO):
    """Gives a few bytes at a time, whatever is asked for."""

    def __init__(self, data: bytes, at_once: int) -> None:
        super().__init__(data)
        self._at_once = at_once

    def read(self, size: int | None = -1, /) -> bytes:
        return super().read(self._at_once if size is None or size < 0 else min(size, self._at_once))


def as_file(elements: list[str]) -> bytes:
    return f'<?xml version="1.0" encoding="UTF-8"?>\n<PubmedArticleSet>{"".join(elements)}</PubmedArticleSet>'.encode()


@given(st.lists(records(), max_size=3), st.integers(1, 5000))
@settings(max_examples=80)
def test_what_goes_in_comes_out(drawn: list[tuple[str, Article]], at_once: int) -> None:
    data = as_file([xml for xml, _ in drawn])
    assert list(iter_records(Trickle(data, at_once), "drawn.xml")) == [article for _, article in drawn]


@given(st.lists(records(), min_size=1, max_size=3), st.data())
@settings(max_examples=60)
def test_a_file_cut_anywhere_gives_the_records_before_and_says_so(
    drawn: list[tuple[str, Article]], data: st.DataObject
) -> None:
    whole = as_file([xml for xml, _ in drawn])
    cut = data.draw(st.integers(0, len(whole) - 1))
    items: list[Item] = []
    try:
        items.extend(iter_records(io.BytesIO(whole[:cut]), "drawn.xml"))
    except DamagedFileError:
        pass
    else:
        raise AssertionError("a file that breaks off was taken for a whole one")
    assert items == [article for _, article in drawn][: len(items)]
    complete = whole[:cut].decode("utf-8", "ignore").count("</PubmedArticle>")
    assert len(items) == complete
