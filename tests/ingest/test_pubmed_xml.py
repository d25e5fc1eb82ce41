"""The parser against each awkward case of PubMed XML. Records are made up, in the form of pubmed_250101.dtd."""

from __future__ import annotations

import io
import resource
import sys
import time

import pytest

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
    PartialDate,
    Reference,
    RejectedRecord,
    Section,
    Term,
)
from pubmed_rag.ingest.items import Deleted
from pubmed_rag.ingest.pubmed_xml import iter_records
from tests.ingest.xml_builder import article, read, read_one, xml_set

pytestmark = pytest.mark.timeout(30)


def abstract(parts: str) -> str:
    return f"<Abstract>{parts}</Abstract>"


def test_case_1_structured_abstract_keeps_labels_order_and_empty_labelled_parts() -> None:
    record = read_one(
        article(
            article=abstract(
                '<AbstractText Label="AIM" NlmCategory="OBJECTIVE">To see.</AbstractText>'
                '<AbstractText Label="DESIGN" NlmCategory="UNASSIGNED"/>'
                "<AbstractText>  </AbstractText>"
                '<AbstractText Label="RESULTS" NlmCategory="RESULTS">\n  We\n  saw. </AbstractText>'
            )
        )
    )
    assert record.abstract == (
        Section("To see.", "AIM", "OBJECTIVE"),
        Section("", "DESIGN", "UNASSIGNED"),
        Section("We saw.", "RESULTS", "RESULTS"),
    )
    assert record.text == "A title.\nAIM: To see.\nDESIGN: \nRESULTS: We saw."


def test_case_2_text_goes_on_after_markup() -> None:
    record = read_one(
        article(
            title="Uptake of CO<sub>2</sub> by <i>E. <b>coli</b></i> cells.",
            article=abstract("<AbstractText>p<sup>53</sup> rose &lt;5%<u> only</u>.</AbstractText>"),
        )
    )
    assert record.title == "Uptake of CO2 by E. coli cells."
    assert record.abstract[0].text == "p53 rose <5% only."


@pytest.mark.parametrize("layout", ["", "\n        "])
def test_case_2_a_formula_reads_the_same_however_it_is_indented(layout: str) -> None:
    formula = layout.join(
        [
            '<mml:math xmlns:mml="http://www.w3.org/1998/Math/MathML"><mml:semantics><mml:mrow>',
            "<mml:mi>a</mml:mi>",
            "<mml:mo> = </mml:mo>",
            "<mml:mn>2</mml:mn>",
            '</mml:mrow><mml:annotation encoding="LaTeX">a=2</mml:annotation></mml:semantics></mml:math>',
        ]
    )
    record = read_one(article(article=abstract(f"<AbstractText>Let {formula} hold.</AbstractText>")))
    assert record.abstract[0].text == "Let a=2 hold."


def test_case_2_the_alternative_text_of_a_formula_is_preferred() -> None:
    formula = '<math xmlns="http://www.w3.org/1998/Math/MathML" alttext="x squared"><mi>x</mi><mn>2</mn></math>'
    record = read_one(
        article(article=abstract(f"<AbstractText>Thus <DispFormula>{formula}</DispFormula>.</AbstractText>"))
    )
    assert record.abstract[0].text == "Thus x squared."


def test_case_3_translated_title_keeps_its_brackets_and_the_original() -> None:
    record = read_one(article(title="[On sleep].", article="<VernacularTitle>Über den Schlaf.</VernacularTitle>"))
    assert record.title == "[On sleep]."
    assert record.vernacular_title == "Über den Schlaf."
    assert record.display_title() == "On sleep"


@pytest.mark.parametrize(("title", "expected"), [("", ""), ("[Not Available].", "[Not Available].")])
def test_case_4_missing_title(title: str, expected: str) -> None:
    assert read_one(article(title=title)).title == expected


@pytest.mark.parametrize(
    ("pub_date", "expected"),
    [
        ("<MedlineDate>1998 Dec-1999 Jan</MedlineDate>", PartialDate(1998, 12, None, "1998 Dec-1999 Jan")),
        ("<MedlineDate>2000 Spring</MedlineDate>", PartialDate(2000, 4, None, "2000 Spring")),
        ("<MedlineDate>1976-1977</MedlineDate>", PartialDate(1976, None, None, "1976-1977")),
        ("<MedlineDate>2000 Dec 15-31</MedlineDate>", PartialDate(2000, 12, 15, "2000 Dec 15-31")),
        # months by name and by number
        ("<Year>2001</Year><Month>Jan</Month><Day>5</Day>", PartialDate(2001, 1, 5)),
        ("<Year>2001</Year><Month>01</Month>", PartialDate(2001, 1)),
        ("<Year>2001</Year><Month>1</Month>", PartialDate(2001, 1)),
        ("<Year>2001</Year><Season>Fall</Season>", PartialDate(2001, 10, None, "2001 Fall")),
        ("<Year>2001</Year>", PartialDate(2001)),
        ("<MedlineDate>undated</MedlineDate>", PartialDate(raw="undated")),
    ],
)
def test_cases_5_and_6_dates(pub_date: str, expected: PartialDate) -> None:
    assert read_one(article(pub_date=pub_date)).published == expected


def test_case_7_print_electronic_entry_and_revision_dates_are_kept_apart() -> None:
    day = "<Year>2025</Year><Month>{}</Month><Day>1</Day>"
    record = read_one(
        article(
            pub_date="<Year>2026</Year><Month>Mar</Month>",
            article=f'<ArticleDate DateType="Electronic">{day.format("02")}</ArticleDate>',
            citation=f"<DateRevised>{day.format('05')}</DateRevised>",
            data="<History>"
            f'<PubMedPubDate PubStatus="received">{day.format("1")}</PubMedPubDate>'
            f'<PubMedPubDate PubStatus="entrez">{day.format("3")}</PubMedPubDate>'
            f'<PubMedPubDate PubStatus="pubmed">{day.format("4")}<Hour>6</Hour></PubMedPubDate></History>',
        )
    )
    assert record.published == PartialDate(2026, 3)
    assert record.published_electronically == PartialDate(2025, 2, 1)
    assert record.entered == PartialDate(2025, 4, 1)
    assert record.revised == PartialDate(2025, 5, 1)
    assert record.year == 2026


@pytest.mark.parametrize(
    ("ids", "locations", "expected"),
    [
        ('<ArticleId IdType="doi">10.1/a</ArticleId>', '<ELocationID EIdType="doi">10.1/b</ELocationID>', "10.1/a"),
        ("", '<ELocationID EIdType="doi" ValidYN="Y">10.1/b</ELocationID>', "10.1/b"),
        ("", '<ELocationID EIdType="doi">10.1/b</ELocationID>', "10.1/b"),
        ("", '<ELocationID EIdType="doi" ValidYN="N">10.1/b</ELocationID>', None),
        ("", '<ELocationID EIdType="pii" ValidYN="Y">S1</ELocationID>', None),
        ('<ArticleId IdType="doi">https://doi.org/10.1/A</ArticleId>', "", "10.1/A"),
    ],
)
def test_case_8_doi_from_either_place(ids: str, locations: str, expected: str | None) -> None:
    assert read_one(article(article=locations, data=f"<ArticleIdList>{ids}</ArticleIdList>")).doi == expected


def test_cases_9_and_10_references_are_nested_and_keep_their_identifiers_to_themselves() -> None:
    record = read_one(
        article(
            data="""
            <ArticleIdList><ArticleId IdType="pubmed">1</ArticleId></ArticleIdList>
            <ReferenceList><Title>References</Title>
              <Reference><Citation>One <i>et al.</i> 1999.</Citation><ArticleIdList>
                <ArticleId IdType="pubmed">77</ArticleId><ArticleId IdType="doi">10.9/x</ArticleId>
                <ArticleId IdType="pmc">PMC77</ArticleId></ArticleIdList></Reference>
              <ReferenceList><Reference><Citation>Two.</Citation></Reference></ReferenceList>
            </ReferenceList>
            <ReferenceList><Reference><Citation>Three.</Citation></Reference></ReferenceList>"""
        )
    )
    assert (record.doi, record.pmcid) == (None, None)
    assert record.references == (
        Reference("One et al. 1999.", "77", "10.9/x"),
        Reference("Two."),
        Reference("Three."),
    )


def test_case_11_authors() -> None:
    record = read_one(
        article(
            article="""<AuthorList CompleteYN="Y">
              <Author ValidYN="Y"><LastName>O'Neil</LastName><ForeName>Ann B</ForeName><Initials>AB</Initials>
                <Suffix>Jr</Suffix><Identifier Source="ORCID">http://orcid.org/0000-0002-1825-009X</Identifier>
                <AffiliationInfo><Affiliation>Here.</Affiliation></AffiliationInfo>
                <AffiliationInfo><Affiliation>There.</Affiliation></AffiliationInfo></Author>
              <Author ValidYN="N"><LastName>ONeil</LastName></Author>
              <Author><LastName>Plato</LastName></Author>
              <Author ValidYN="Y"><CollectiveName>Sleep Study Group</CollectiveName></Author></AuthorList>""",
            citation="<InvestigatorList><Investigator><LastName>Member</LastName></Investigator></InvestigatorList>",
        )
    )
    assert record.authors == (
        Author("O'Neil", "Ann B", "AB", "Jr", orcid="0000-0002-1825-009X", affiliations=("Here.", "There.")),
        Author("Plato"),
        Author(collective_name="Sleep Study Group"),
    )
    assert read_one(article()).authors == ()


def test_case_12_other_abstract_is_not_the_abstract_and_copyright_is_not_text() -> None:
    record = read_one(
        article(
            citation='<OtherAbstract Type="Publisher" Language="spa"><AbstractText>Uno.</AbstractText></OtherAbstract>'
            '<OtherAbstract Type="plain-language-summary"><AbstractText Label="WHY">So.</AbstractText></OtherAbstract>'
        )
    )
    assert not record.has_abstract
    assert [(other.type, other.language, other.sections) for other in record.other_abstracts] == [
        ("Publisher", "spa", (Section("Uno."),)),
        ("plain-language-summary", None, (Section("So.", "WHY"),)),
    ]
    with_copyright = abstract("<AbstractText>Text.</AbstractText><CopyrightInformation>© X</CopyrightInformation>")
    assert read_one(article(article=with_copyright)).abstract == (Section("Text."),)


def test_case_13_majorness_on_descriptor_or_qualifier() -> None:
    record = read_one(
        article(
            citation="""<MeshHeadingList>
              <MeshHeading><DescriptorName UI="D1" MajorTopicYN="N">Asthma</DescriptorName>
                <QualifierName UI="Q1" MajorTopicYN="Y">genetics</QualifierName>
                <QualifierName UI="Q2" MajorTopicYN="N">therapy</QualifierName></MeshHeading>
              <MeshHeading><DescriptorName UI="D2" MajorTopicYN="Y" AutoHM="Y">Sleep</DescriptorName></MeshHeading>
              <MeshHeading><DescriptorName UI="D3" MajorTopicYN="N">Humans</DescriptorName></MeshHeading>
            </MeshHeadingList>"""
        )
    )
    qualifiers = (MeshQualifier("genetics", "Q1", True), MeshQualifier("therapy", "Q2", False))
    assert record.mesh == (
        MeshHeading("Asthma", "D1", False, qualifiers),
        MeshHeading("Sleep", "D2", True),
        MeshHeading("Humans", "D3"),
    )
    assert [heading.is_major for heading in record.mesh] == [True, True, False]


def test_case_14_keywords_where_there_is_no_mesh() -> None:
    record = read_one(
        article(
            attributes='Status="PubMed-not-MEDLINE"',
            citation="<KeywordList Owner='NOTNLM'><Keyword>IL-1<i>β</i></Keyword><Keyword> </Keyword></KeywordList>"
            "<KeywordList Owner='NLM'><Keyword>sleep</Keyword><Keyword>IL-1β</Keyword></KeywordList>",
        )
    )
    assert record.mesh == ()
    assert record.keywords == ("IL-1β", "sleep")
    assert record.status == "PubMed-not-MEDLINE"


BOOK = """
<PubmedBookArticle><BookDocument>
  <PMID Version="1">{pmid}</PMID>
  <ArticleIdList><ArticleId IdType="bookaccession">NBK1</ArticleId></ArticleIdList>
  <Book><Publisher><PublisherName>Somewhere</PublisherName></Publisher><BookTitle book="b">Sleep Medicine</BookTitle>
    <PubDate><Year>1993</Year></PubDate>
    <AuthorList Type="editors"><Author><LastName>Editor</LastName></Author></AuthorList><Isbn>0123456789</Isbn>
    <ELocationID EIdType="doi" ValidYN="Y">10.1/book</ELocationID></Book>
  {chapter}
  <Language>eng</Language><PublicationType UI="D016454">Review</PublicationType>
  <Abstract><AbstractText>About sleep.</AbstractText></Abstract>
  <Sections><Section><SectionTitle>Diagnosis</SectionTitle></Section></Sections>
</BookDocument><PubmedBookData><History><PubMedPubDate PubStatus="pubmed"><Year>2010</Year><Month>3</Month><Day>20</Day>
</PubMedPubDate></History><ArticleIdList><ArticleId IdType="pubmed">{pmid}</ArticleId></ArticleIdList></PubmedBookData>
</PubmedBookArticle>"""


def test_case_15_books_and_chapters_between_articles() -> None:
    chapter = """<ArticleTitle book="b" part="c">Insomnia</ArticleTitle>
      <AuthorList Type="authors"><Author><LastName>Writer</LastName></Author></AuthorList>
      <ContributionDate><Year>2011</Year><Month>5</Month></ContributionDate>"""
    items = read(article("1"), BOOK.format(pmid=2, chapter=""), article("3"), BOOK.format(pmid=4, chapter=chapter))
    records = [item for item in items if isinstance(item, Article)]
    assert [(record.id, record.is_book) for record in records] == [("1", False), ("2", True), ("3", False), ("4", True)]
    whole, part = records[1], records[3]
    assert (whole.title, whole.journal, whole.authors) == ("Sleep Medicine", Journal(), ())
    assert (part.title, part.journal.title, part.authors) == ("Insomnia", "Sleep Medicine", (Author("Writer"),))
    assert part.published == PartialDate(1993)
    assert part.published_electronically == PartialDate(2011, 5)
    assert part.entered == PartialDate(2010, 3, 20)
    assert part.doi == "10.1/book"
    assert part.publication_types == (Term("Review", "D016454"),)
    assert part.abstract == (Section("About sleep."),)


def test_case_16_deletions_stand_in_their_place() -> None:
    deletion = '<DeleteCitation><PMID Version="1">8</PMID><PMID Version="1">9</PMID></DeleteCitation>'
    assert read(deletion) == [Deleted(("8", "9"))]
    assert [type(item) for item in read(article(), deletion)] == [Article, Deleted]


def test_case_17_versions() -> None:
    records = [item for item in read(article("7", version=2), article("7", version=1)) if isinstance(item, Article)]
    assert [(record.id, record.version) for record in records] == [("7", 2), ("7", 1)]


def correction(ref_type: str, pmid: str = "<PMID Version='1'>5</PMID>") -> str:
    return (
        f'<CommentsCorrectionsList><CommentsCorrections RefType="{ref_type}"><RefSource>J. 2001;1:1</RefSource>{pmid}'
        "<Note>n</Note></CommentsCorrections></CommentsCorrectionsList>"
    )


def publication_type(name: str, ui: str) -> str:
    return f'<PublicationTypeList><PublicationType UI="{ui}">{name}</PublicationType></PublicationTypeList>'


@pytest.mark.parametrize(
    ("types", "corrections", "retracted"),
    [
        (publication_type("Retracted Publication", "D016441"), "", True),
        ("", correction("RetractionIn", pmid=""), True),
        (publication_type("Retraction Notice", "D016440"), correction("RetractionOf"), False),
        (publication_type("Published Erratum", "D016425"), correction("ErratumFor"), False),
        ("", correction("ErratumIn"), False),
        ("", correction("ExpressionOfConcernIn"), False),
        ("", correction("RetractedandRepublishedIn"), False),
    ],
)
def test_case_18_what_is_retracted(types: str, corrections: str, retracted: bool) -> None:
    assert read_one(article(article=types, citation=corrections)).is_retracted is retracted


def test_case_19_corrections_keep_direction_and_old_citations_become_references() -> None:
    record = read_one(article(citation=correction("RetractionOf")))
    assert record.corrections == (Correction("RetractionOf", "5", "J. 2001;1:1", "n"),)
    record = read_one(article(citation=correction("Cites")))
    assert record.corrections == ()
    assert record.references == (Reference("J. 2001;1:1", "5"),)


def test_case_20_identifiers() -> None:
    ids = (
        '<ArticleId IdType="pubmed">1</ArticleId><ArticleId IdType="pii">S0-1</ArticleId>'
        '<ArticleId IdType="mid">NIHMS1</ArticleId><ArticleId IdType="pmc">PMC12</ArticleId>'
        '<ArticleId IdType="doi">10.1/X(1)&lt;2&gt;</ArticleId>'
    )
    record = read_one(article(data=f"<ArticleIdList>{ids}</ArticleIdList>"))
    assert (record.id, record.pmid, record.pmcid, record.doi) == ("1", "1", "PMC12", "10.1/X(1)<2>")


def test_case_21_characters_are_stored_as_they_come() -> None:
    record = read_one(article(title="5\u2009mg of &lt;i&gt;co\u00ad-factor&lt;/i&gt; &#946; in cafe\u0301s"))
    assert record.title == "5 mg of <i>co\u00ad-factor</i> β in cafe\u0301s"


def test_every_other_field() -> None:
    record = read_one(
        article(
            attributes='Status="MEDLINE" IndexingMethod="Automated"',
            article="<Pagination><StartPage>10</StartPage><EndPage>19</EndPage></Pagination>"
            "<Language>eng</Language><Language>fre</Language>" + publication_type("Journal Article", "D016428"),
            citation="""
            <MedlineJournalInfo><Country>England</Country><MedlineTA>J Sleep</MedlineTA><NlmUniqueID>100</NlmUniqueID>
              <ISSNLinking>1234-5678</ISSNLinking></MedlineJournalInfo>
            <ChemicalList><Chemical><RegistryNumber>0</RegistryNumber>
              <NameOfSubstance UI="C1">orexin</NameOfSubstance></Chemical></ChemicalList>
            <SupplMeshList><SupplMeshName Type="Disease" UI="C2">Kleine-Levin</SupplMeshName></SupplMeshList>
            <GeneralNote Owner="NLM">SUMMARY: by a reader</GeneralNote>""",
        )
    )
    assert record.journal == Journal(None, "J Sleep", "100", ("1234-5678",), "England", None, None, "10-19")
    assert record.languages == ("eng", "fre")
    assert record.publication_types == (Term("Journal Article", "D016428"),)
    assert record.chemicals == (Chemical("orexin", "C1", "0"),)
    assert record.supplementary_concepts == (Term("Kleine-Levin", "C2"),)
    assert record.indexing_method == "Automated"
    assert record.abstract_is_summary
    assert record.source == "test.xml"


def day(tag: str, year: int, attributes: str = "") -> str:
    return f"<{tag}{attributes}><Year>{year}</Year><Month>2</Month><Day>3</Day></{tag}>"


def test_what_pubmeds_lesser_search_fields_ask_for() -> None:
    """[gr] [ir] [ps] [si] [cois] [dcom] [crdt] [mhda] [sb] [aid], and the publication status."""
    person = "<LastName>Doe</LastName><ForeName>Jane</ForeName><Initials>J</Initials>"
    record = read_one(
        article(
            article="""<DataBankList><DataBank><DataBankName>GENBANK</DataBankName><AccessionNumberList>
            <AccessionNumber>AF1</AccessionNumber><AccessionNumber>AF2</AccessionNumber></AccessionNumberList></DataBank>
            <DataBank><DataBankName>PDB</DataBankName></DataBank></DataBankList>
            <GrantList><Grant><GrantID>R01</GrantID><Acronym>HL</Acronym><Agency>NIH</Agency><Country>US</Country></Grant>
            <Grant/><Grant><Agency>A Trust</Agency></Grant></GrantList>""",
            citation=f"""{day("DateCompleted", 2001)}
            <CitationSubset>IM</CitationSubset><CitationSubset>AIM</CitationSubset>
            <PersonalNameSubjectList><PersonalNameSubject>{person}</PersonalNameSubject></PersonalNameSubjectList>
            <CoiStatement>None <i>at all</i>.</CoiStatement>
            <InvestigatorList><Investigator ValidYN="Y">{person}<AffiliationInfo><Affiliation>Here</Affiliation>
            </AffiliationInfo></Investigator><Investigator ValidYN="N">{person}</Investigator></InvestigatorList>
            <InvestigatorList ID="a"><Investigator>{person}</Investigator></InvestigatorList>""",
            data=f"""<History>{day("PubMedPubDate", 2002, " PubStatus='entrez'")}
            {day("PubMedPubDate", 2003, " PubStatus='medline'")}</History>
            <PublicationStatus>ppublish</PublicationStatus>
            <ArticleIdList><ArticleId IdType="mid">NIHMS1</ArticleId><ArticleId IdType="pii">S1</ArticleId>
            </ArticleIdList>""",
        )
    )
    assert record.grants == (Grant("R01", "HL", "NIH", "US"), Grant(agency="A Trust"))
    assert record.investigators == (Author("Doe", "Jane", "J", affiliations=("Here",)), Author("Doe", "Jane", "J"))
    assert record.personal_name_subjects == (Author("Doe", "Jane", "J"),)
    assert record.secondary_source_ids == ("GENBANK/AF1", "GENBANK/AF2", "PDB")
    assert record.conflict_of_interest == "None at all."
    assert record.completed == PartialDate(2001, 2, 3)
    assert record.created == PartialDate(2002, 2, 3)
    assert record.mesh_date == PartialDate(2003, 2, 3)
    assert record.publication_status == "ppublish"
    assert (record.pii, record.manuscript_id) == ("S1", "NIHMS1")
    assert record.citation_subsets == ("IM", "AIM")


def test_a_pii_may_stand_with_the_pages() -> None:
    places = '<ELocationID EIdType="pii" ValidYN="N">bad</ELocationID><ELocationID EIdType="pii">e12</ELocationID>'
    assert read_one(article(article=places)).pii == "e12"


def test_books_name_publisher_isbn_and_editors() -> None:
    (book,) = read(BOOK.format(pmid=2, chapter=""))
    assert isinstance(book, Article)
    assert (book.publisher, book.isbns, book.editors) == ("Somewhere", ("0123456789",), (Author("Editor"),))


def test_an_empty_set_is_no_error() -> None:
    assert read() == []


def test_a_bad_record_is_reported_and_the_rest_goes_on() -> None:
    no_article = "<PubmedArticle><MedlineCitation><PMID>6</PMID></MedlineCitation></PubmedArticle>"
    items = read(article("1"), "<PubmedArticle/>", article(""), article("12x"), no_article, article("2"))
    assert [item.id for item in items if isinstance(item, Article)] == ["1", "2"]
    assert [item for item in items if isinstance(item, RejectedRecord)] == [
        RejectedRecord("test.xml", None, "the record has no MedlineCitation element"),
        RejectedRecord("test.xml", None, "the record has no PMID"),
        RejectedRecord("test.xml", "12x", "'12x' is not a PMID"),
        RejectedRecord("test.xml", "6", "the record has no Article element"),
    ]


@pytest.mark.parametrize("tail", [b"<PubmedArticle><MedlineCit", b"<a></b></PubmedArticleSet>", b""])
def test_records_before_the_damage_are_yielded(tail: bytes) -> None:
    content = xml_set(article("1"), article("2")).replace(b"</PubmedArticleSet>", tail)
    records = iter_records(io.BytesIO(content), "some.xml")
    assert [item.id for item in (next(records), next(records)) if isinstance(item, Article)] == ["1", "2"]
    with pytest.raises(DamagedFileError, match=r"some\.xml is not well-formed XML at line \d+") as caught:
        next(records)
    assert caught.value.remedy


def test_external_entities_are_not_loaded_and_internal_ones_do_not_explode() -> None:
    secret = b'<!DOCTYPE s [<!ENTITY x SYSTEM "file:///etc/hostname">]>\n'
    content = xml_set(article(title="a &x; b")).partition(b"\n")[2]
    (item,) = iter_records(io.BytesIO(secret + content), "evil.xml")
    assert isinstance(item, Article)
    assert item.title == "a &x; b"

    entities = "".join(f'<!ENTITY a{i} "{f"&a{i - 1};" * 10}">' for i in range(1, 12))
    bomb = f'<!DOCTYPE s [<!ENTITY a0 "xxxxxxxxxx">{entities}]>\n'.encode()
    started = time.monotonic()
    with pytest.raises(DamagedFileError):
        list(iter_records(io.BytesIO(bomb + content.replace(b"&x;", b"&a11;")), "bomb.xml"))
    assert time.monotonic() - started < 5


class _Generated(io.RawIOBase):
    """``n`` copies of a record in a set, made as they are read."""

    def __init__(self, record: bytes, n: int) -> None:
        self._parts = iter([b"<PubmedArticleSet>", *[record] * n, b"</PubmedArticleSet>"])

    def read(self, size: int = -1, /) -> bytes:
        return next(self._parts, b"")


def test_memory_does_not_grow_with_the_file() -> None:
    record = article(article=abstract(f"<AbstractText>{'word ' * 10_000}</AbstractText>")).encode()
    n = 1_500  # 75 MB of text
    before = 0
    for number, _ in enumerate(iter_records(_Generated(record, n), "long.xml")):
        if number == 50:
            before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert number == n - 1
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown < 20 * 1024 * (1024 if sys.platform == "darwin" else 1)  # bytes there, kilobytes on Linux
