"""Regular expressions for the parts of a ``PubmedArticle`` (pubmed_250101.dtd), as NLM writes them.

Each is strict: it takes every character between two tags, so a stretch that patterns cover without gaps is
well-formed. NLM's files are written by programs and vary little; what they do not write (single quotation
marks, blanks inside tags, comments, CDATA, other namespaces) matches nothing here.
"""

from __future__ import annotations

import re
from typing import Final

_W = r"[\t\r\n]*+ *+"  # such white space as between tags; other is read by the parser
_T = r"[^<]*+"
_SKIPPED = r"[^<&]*+"  # text that nobody looks at again: a reference to a character in it might be wrong
_M = r"[^<]*+(?:</?(?:i|b|u|sup|sub)>[^<]*+)*+"  # inline markup; whether it nests is looked at later
_VALUE = r'"[^"<&\t\r\n]*+"'  # a reference to a character in one is rare
_ANY_ATTRIBUTES = rf"(?: [A-Za-z]++={_VALUE})*+"
_UI = r'(?: UI="([^"<&\t\r\n]*+)")?'


def _element(tag: str, content: str = _T) -> str:
    return rf"<{tag}>({content})</{tag}>{_W}"


def _maybe(pattern: str) -> str:
    return rf"(?:{pattern})?+"


def _inside(tag: str, content: str, attributes: str = "") -> str:
    return rf"<{tag}{attributes}>{_W}{content}</{tag}>{_W}"


_YMD = "".join(_element(tag, _SKIPPED) for tag in ("Year", "Month", "Day"))
_IDENTIFIERS = rf"(?:<Identifier Source={_VALUE}>{_SKIPPED}</Identifier>{_W})*+"

TAG: Final = re.compile(r"[ \t\r\n]*+<(/?[A-Za-z]++)")
"""The name of the tag that comes next, a slash before it where it closes."""

ARTICLE_OPENS: Final = re.compile(
    rf"<PubmedArticle>{_W}<MedlineCitation({_ANY_ATTRIBUTES})>{_W}"
    rf'<PMID(?: Version="([0-9]{{1,9}})")?>({_T})</PMID>{_W}'
    + "".join(_maybe(_inside(tag, _YMD)) for tag in ("DateCompleted", "DateRevised"))
)
"""As far as the first element that needs a reader of its own."""
ARTICLE_CLOSES: Final = re.compile(rf"{_W}</PubmedArticle>")
CLOSES: Final = {tag: re.compile(rf"{_W}</{tag}>") for tag in ("Article", "MedlineCitation", "PubmedData")}

ARTICLE: Final = re.compile(rf'<Article(?: PubModel="[A-Za-z-]++")?>{_W}')
JOURNAL: Final = re.compile(
    _inside(
        "Journal",
        _maybe(rf'<ISSN(?: IssnType="[A-Za-z]++")?>({_T})</ISSN>{_W}')
        + _inside(
            "JournalIssue",
            _maybe(_element("Volume"))
            + _maybe(_element("Issue"))
            + _inside(
                "PubDate",
                "(?:"
                + _element("Year")
                + _maybe(_element("Month") + _maybe(_element("Day")) + "|" + _element("Season"))
                + "|"
                + _element("MedlineDate")
                + ")",
            ),
            r'(?: CitedMedium="[A-Za-z]++")?',
        )
        + _maybe(_element("Title"))
        + _maybe(_element("ISOAbbreviation")),
    )
    + _element("ArticleTitle", _M)
    + _maybe(_inside("Pagination", "".join(_maybe(_element(tag)) for tag in ("StartPage", "EndPage", "MedlinePgn"))))
)
"""The journal, and what always follows: title and, in most records, pages."""
TITLE: Final = {tag: re.compile(_element(tag, _M)) for tag in ("VernacularTitle", "CoiStatement")}
LOCATION: Final = re.compile(rf'<ELocationID EIdType="(doi|pii)"(?: ValidYN="([YN])")?>({_T})</ELocationID>')
TEXT: Final = {tag: re.compile(_element(tag)) for tag in ("Language", "CitationSubset", "PublicationStatus")}
NOTE: Final = re.compile(rf"<GeneralNote(?: Owner={_VALUE})?>({_T})</GeneralNote>{_W}")
PASSED_OVER: Final = re.compile(
    rf"<NumberOfReferences>{_SKIPPED}</NumberOfReferences>|<OtherID Source={_VALUE}>{_SKIPPED}</OtherID>"
)
ARTICLE_DATE: Final = re.compile(_inside("ArticleDate", _YMD, r'(?: DateType="([A-Za-z]++)")?'))
JOURNAL_INFO: Final = re.compile(
    _inside(
        "MedlineJournalInfo",
        "".join(_maybe(_element(tag)) for tag in ("Country", "MedlineTA", "NlmUniqueID", "ISSNLinking")),
    )
)

# Items of lists. The number of groups must be known where the list is split by them.
ABSTRACT_TEXT: Final = re.compile(
    r'<AbstractText(?: Label="([^"<\t\r\n]*+)")?(?: NlmCategory="([A-Za-z]*+)")?>' + rf"({_M})</AbstractText>{_W}"
)
COPYRIGHT: Final = re.compile(rf"<CopyrightInformation>({_T})</CopyrightInformation>{_W}")
# Not with ValidYN="N", an old spelling that is left out: nobody would look whether markup in it nests.
PERSON: Final = {
    tag: re.compile(
        _inside(
            tag,
            "(?:"
            + _element("LastName")
            + _maybe(_element("ForeName"))
            + _maybe(_element("Initials"))
            + _maybe(_element("Suffix", _M))
            + "|"
            + _element("CollectiveName", _M)
            + ")"
            + f"({_IDENTIFIERS})"
            + _maybe(_inside("AffiliationInfo", rf"<Affiliation>({_M})</Affiliation>{_W}{_IDENTIFIERS}"))
            + f"((?:{_inside('AffiliationInfo', rf'<Affiliation>{_M}</Affiliation>{_W}{_IDENTIFIERS}')})*+)",
            r'(?: ValidYN="Y")?(?: EqualContrib="[YN]")?',
        )
    )
    for tag in ("Author", "Investigator", "PersonalNameSubject")
}
AFFILIATION: Final = re.compile(rf"<Affiliation>({_M})</Affiliation>")
ORCID: Final = re.compile(rf'<Identifier Source="ORCID">({_SKIPPED})<')
BANK: Final = re.compile(
    _inside(
        "DataBank",
        _element("DataBankName")
        + _maybe(_inside("AccessionNumberList", rf"((?:<AccessionNumber>{_T}</AccessionNumber>{_W})*+)")),
    )
)
ACCESSION: Final = re.compile(rf"<AccessionNumber>({_T})<")
GRANT: Final = re.compile(
    _inside(
        "Grant",
        "".join(_maybe(f"{_element(tag)}|<{tag}/>{_W}") for tag in ("GrantID", "Acronym", "Agency", "Country")),
    )
)
PUBLICATION_TYPE: Final = re.compile(rf"<PublicationType{_UI}>({_T})</PublicationType>{_W}")
CHEMICAL: Final = re.compile(
    _inside("Chemical", _maybe(_element("RegistryNumber")) + rf"<NameOfSubstance{_UI}>({_T})</NameOfSubstance>{_W}")
)
SUPPLEMENTARY: Final = re.compile(rf'<SupplMeshName(?: Type="[A-Za-z]++")?{_UI}>({_T})</SupplMeshName>{_W}')
CORRECTION: Final = re.compile(
    _inside(
        "CommentsCorrections",
        _element("RefSource") + _maybe(rf'<PMID(?: Version="[0-9]++")?>({_T})</PMID>{_W}') + _maybe(_element("Note")),
        r' RefType="([A-Za-z]++)"',
    )
)
GENE: Final = re.compile(_element("GeneSymbol", _SKIPPED))
MESH_HEADING: Final = re.compile(
    _inside(
        "MeshHeading",
        rf"<DescriptorName({_ANY_ATTRIBUTES})>({_T})</DescriptorName>{_W}"
        + rf"((?:<QualifierName{_ANY_ATTRIBUTES}>{_T}</QualifierName>{_W})*+)",
    )
)
UI_AND_MAJORNESS: Final = re.compile(r' UI="([^"]*+)" MajorTopicYN="([YN])"')
QUALIFIER: Final = re.compile(rf"<QualifierName({_ANY_ATTRIBUTES})>({_T})<")
KEYWORD: Final = re.compile(rf"<Keyword(?: MajorTopicYN=\"[YN]\")?>({_M})</Keyword>{_W}")
EVENT: Final = re.compile(
    _inside(
        "PubMedPubDate",
        _YMD + "".join(_maybe(rf"<{tag}>{_SKIPPED}</{tag}>{_W}") for tag in ("Hour", "Minute", "Second")),
        ' PubStatus="([a-z-]++)"',
    )
)
ARTICLE_ID: Final = re.compile(rf'<ArticleId IdType="([a-z]++)">({_T})</ArticleId>{_W}')
REFERENCE: Final = re.compile(
    _inside(
        "Reference",
        rf"<Citation>((?![ \t\r\n])[^<]*+(?<![ \t\r\n]))</Citation>{_W}"
        + _maybe(
            _inside(
                "ArticleIdList",
                _maybe(rf'<ArticleId IdType="doi">(10\.[^<&\s]++)</ArticleId>{_W}')
                + _maybe(rf'<ArticleId IdType="pmc">{_SKIPPED}</ArticleId>{_W}')
                + _maybe(rf'<ArticleId IdType="pubmed">([0-9]++)</ArticleId>{_W}'),
            )
        ),
    )
)
"""As most are: no markup, identifiers bare and in alphabetical order. Others are read with :data:`LOOSE_REFERENCE`."""
LOOSE_REFERENCE: Final = re.compile(
    _inside(
        "Reference",
        _element("Citation", _M)
        + _maybe(_inside("ArticleIdList", rf'((?:<ArticleId IdType="[a-z]++">{_T}</ArticleId>{_W})*+)')),
    )
)
REFERENCE_LIST_TITLE: Final = re.compile(rf"<Title>{_SKIPPED}</Title>{_W}")
LIST_OPENS: Final = re.compile(rf"({_ANY_ATTRIBUTES})>{_W}")
"""The rest of a list's start tag, after its name."""
