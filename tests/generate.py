"""Baseline-like PubMed XML in any number, from a seed: for benchmarks, and for tests that need many records.

    records = generate_xml(30_000, seed=1)              # an iterator of PubmedArticle elements, as bytes
    write_baseline_file(path / "pubmed26n0001.xml.gz", records)      # with its .md5 beside it

The default is a mixture as in a baseline file drawn from all of PubMed, whose records are shorter the older they
are. How many of each time there are follows from NLM's totals: 16.9 million records in the baseline of 2008, 26.8
million in January 2017, 40 million now. What they hold follows from 241 real records (mean length by entry date:
5 kB before 1990, 6 kB before 2010, 14 kB before 2020, 30 kB since; reference lists in none, none, 1 in 4 and 2 in 3;
43 and, in the middle, 51 references each). A generated record averages 14 kB and 18
references, packed 1.8 kB.

``recent=True`` gives only records as they are since 2017, and all of them with references: 32 kB and 60 references,
packed 4.7 kB. That is heavier than any file NLM has: in the newest of the 2022 baseline (numbers 1091 to 1113, of
30,000 records each) a record takes 2.0 to 2.4 kB packed.

All have authors, MeSH with qualifiers, chemicals, history, identifiers; newer ones affiliations, keywords, grants.
One in ten has a MedlineDate, one in twenty a later version, one in a hundred is retracted. As in the real
records, one in fifty has a second abstract and one in two hundred a formula. The words are made up.
"""

from __future__ import annotations

import gzip
import hashlib
import itertools
import random
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

_STEMS = ("cardi", "neur", "hepat", "derm", "gastr", "nephr", "psych", "onc", "immun", "haem", "oste", "pulmon")
_ENDS = ("itis", "osis", "oma", "ology", "opathy", "al", "ic", "ated", "ation", "in", "ase", "ectomy")
_WORDS = tuple(stem + end for stem in _STEMS for end in _ENDS)
_LABELS = ("BACKGROUND", "METHODS", "RESULTS", "CONCLUSIONS")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_TYPES = (("D016428", "Journal Article"), ("D016449", "Randomized Controlled Trial"), ("D016454", "Review"))
_FORMULA = (
    '<mml:math xmlns:mml="http://www.w3.org/1998/Math/MathML"><mml:mi>x</mml:mi><mml:mo>=</mml:mo><mml:mn>1</mml:mn>'
    "</mml:math>"
)
_DOCTYPE = (
    '<!DOCTYPE PubmedArticleSet PUBLIC "-//NLM//DTD PubMedArticle, 1st January 2025//EN" '
    '"https://dtd.nlm.nih.gov/ncbi/pubmed/out/pubmed_250101.dtd">'
)


@dataclass(frozen=True, slots=True)
class _Era:
    """What records of a time are like: ``share`` of all, chances (0…1), ``authors`` and ``headings`` at most."""

    share: float
    first_year: int
    years: int
    authors: int
    headings: int
    abstract: float
    references: float
    modern: bool
    """Affiliations for all authors, keywords, grants, electronic dates and statements of interest."""


_ERAS = (
    _Era(0.17, 1950, 40, 4, 14, 0.4, 0.0, modern=False),
    _Era(0.25, 1990, 18, 8, 18, 0.8, 0.0, modern=False),
    _Era(0.25, 2008, 9, 11, 14, 0.87, 0.25, modern=True),
    _Era(0.33, 2017, 9, 13, 12, 0.87, 0.68, modern=True),
)
_RECENT = (_Era(1.0, 2017, 9, 13, 12, 0.87, 1.0, modern=True),)
_REFERENCES = (15, 30, 45, 60, 90, 120)


@dataclass(frozen=True, slots=True)
class _Stock:
    """Parts that records are put together from."""

    sentences: list[str]
    references: list[str]
    authors: list[str]
    headings: list[str]
    heading_weights: list[float]
    """Cumulated: the n-th heading is used 1/n as often as the first, roughly as in MeSH."""


def generate_xml(n: int, *, seed: int = 0, first_pmid: int = 1, recent: bool = False) -> Iterator[bytes]:
    """``n`` records with rising PMIDs. The same arguments give the same bytes."""
    chance = random.Random(seed)
    stock = _Stock(
        [_sentence(chance) for _ in range(2_000)],
        [_reference(chance, at) for at in range(4_000)],
        [_author(chance) for _ in range(3_000)],
        [_heading(chance, at) for at in range(8_000)],
        list(itertools.accumulate(1 / rank for rank in range(1, 8_001))),
    )
    eras = _RECENT if recent else _ERAS
    shares = list(itertools.accumulate(era.share for era in eras))
    for pmid in range(first_pmid, first_pmid + n):
        (era,) = chance.choices(eras, cum_weights=shares)
        yield _record(chance, pmid, era, stock).encode()


def write_baseline_file(path: Path, records: Iterable[bytes], *, delete: Iterable[int] = ()) -> int:
    """A gzip file of ``records`` with its checksum in NLM's form beside it. Returns how many there were."""
    count = 0
    with gzip.open(path, "wb", compresslevel=6) as stream:
        stream.write(f'<?xml version="1.0" encoding="utf-8"?>\n{_DOCTYPE}\n<PubmedArticleSet>\n'.encode())
        for record in records:
            stream.write(record)
            count += 1
        gone = "".join(f"<PMID Version='1'>{pmid}</PMID>" for pmid in delete)
        stream.write(f"{f'<DeleteCitation>{gone}</DeleteCitation>' if gone else ''}</PubmedArticleSet>\n".encode())
    with path.open("rb") as packed:
        digest = hashlib.file_digest(packed, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
    path.with_name(f"{path.name}.md5").write_text(f"MD5({path.name})= {digest}\n")
    return count


def _sentence(chance: random.Random) -> str:
    words = chance.choices(_WORDS, k=chance.randint(10, 28))
    if chance.random() < 0.1:
        words[3] = f"<i>{words[3]}</i>"
    if chance.random() < 0.2:
        words.append(chance.choice(("(P &lt; 0.05)", "95% CI 1.2\u20133.4", "&amp; others", "37\u2009\u00b0C")))
    return " ".join(words).capitalize() + "."


def _reference(chance: random.Random, at: int) -> str:
    journal = " ".join(word.capitalize() for word in chance.choices(_WORDS, k=3))
    names = ", ".join(f"{word.capitalize()} {word[0].upper()}" for word in chance.choices(_WORDS, k=4))
    title = " ".join(chance.choices(_WORDS, k=9))
    citation = f"{names}, et al. {title.capitalize()}. {journal}. 2{at % 20:03d};{at % 90}({at % 12}):{at}-{at + 9}."
    kinds = chance.choice(((), ("pubmed",), ("doi", "pubmed"), ("doi", "pmc", "pubmed")))
    values = {"pubmed": str(9_000_000 + at), "doi": f"10.5555/ref.{at}", "pmc": f"PMC{at}"}
    ids = "".join(f'            <ArticleId IdType="{kind}">{values[kind]}</ArticleId>\n' for kind in kinds)
    listed = f"          <ArticleIdList>\n{ids}          </ArticleIdList>\n" if ids else ""
    return f"        <Reference>\n          <Citation>{citation}</Citation>\n{listed}        </Reference>\n"


def _author(chance: random.Random) -> str:
    last, fore = (word.capitalize() for word in chance.choices(_WORDS, k=2))
    places = "".join(
        "            <AffiliationInfo>\n              <Affiliation>Department of "
        f"{chance.choice(_WORDS).capitalize()}, University of {chance.choice(_WORDS).capitalize()}, Somewhere, 12345."
        "</Affiliation>\n            </AffiliationInfo>\n"
        for _ in range(chance.choice((0, 1, 1, 2)))
    )
    orcid = '            <Identifier Source="ORCID">0000-0002-1825-0097</Identifier>\n' if chance.random() < 0.3 else ""
    return (
        f'          <Author ValidYN="Y">\n            <LastName>{last}</LastName>\n'
        f"            <ForeName>{fore} A</ForeName>\n            <Initials>{fore[0]}A</Initials>\n"
        f"{orcid}{places}          </Author>\n"
    )


def _heading(chance: random.Random, at: int) -> str:
    qualifiers = "".join(
        f'          <QualifierName UI="Q{at % 999:06d}" MajorTopicYN="{chance.choice("YN")}">{chance.choice(_WORDS)}'
        "</QualifierName>\n"
        for _ in range(chance.choice((0, 0, 1, 2)))
    )
    name = f"{chance.choice(_WORDS).capitalize()} {at}"
    return (
        f'        <MeshHeading>\n          <DescriptorName UI="D{at:06d}" MajorTopicYN="N">{name}</DescriptorName>\n'
        f"{qualifiers}        </MeshHeading>\n"
    )


def _day(tag: str, year: int, month: int, day: int, attributes: str = "") -> str:
    parts = f"<Year>{year}</Year>\n<Month>{month:02d}</Month>\n<Day>{day:02d}</Day>\n"
    return f"<{tag}{attributes}>\n{parts}</{tag}>\n"


def _abstract(chance: random.Random, labelled: bool, stock: _Stock) -> str:
    parts = "".join(
        f"""<AbstractText{f' Label="{label}" NlmCategory="{label}"' if labelled else ""}>"""
        f"{' '.join(chance.choices(stock.sentences, k=2 if labelled else 6))}</AbstractText>\n"
        for label in (_LABELS if labelled else _LABELS[:1])
    )
    return f"<Abstract>\n{parts}</Abstract>\n"


def _listed(tag: str, items: str, attributes: str = "") -> str:
    return f"<{tag}{attributes}>\n{items}</{tag}>\n" if items else ""


def _bare(author: str) -> str:
    """An author as they were given before affiliations and ORCIDs."""
    lines = author.splitlines(keepends=True)
    return "".join(lines[:4]) + lines[-1]


def _record(chance: random.Random, pmid: int, era: _Era, stock: _Stock) -> str:
    year, month, day = era.first_year + pmid % era.years, 1 + pmid % 12, 1 + pmid % 28
    date = f"<Year>{year}</Year>\n<Month>{_MONTHS[month - 1]}</Month>\n"
    if pmid % 10 == 0:
        date = f"<MedlineDate>{year} Nov-Dec</MedlineDate>\n"
    labelled = era.modern and pmid % 3 == 0
    abstract = _abstract(chance, labelled, stock) if chance.random() < era.abstract else ""
    other = '<OtherAbstract Type="Publisher" Language="spa"><AbstractText>Otro.</AbstractText></OtherAbstract>\n'
    types = "".join(f'<PublicationType UI="{ui}">{name}</PublicationType>\n' for ui, name in _TYPES[: 1 + pmid % 3])
    corrections = ""
    if pmid % 100 == 0:
        types += '<PublicationType UI="D016441">Retracted Publication</PublicationType>\n'
        corrections = (
            '<CommentsCorrections RefType="RetractionIn">\n<RefSource>J Gen. 2025;1:1</RefSource>\n'
            "</CommentsCorrections>\n"
        )
    cited = ""
    if chance.random() < era.references:
        cited = "".join(chance.choices(stock.references, k=chance.choice(_REFERENCES)))
    authors = chance.choices(stock.authors, k=1 + pmid % era.authors)
    keywords = "".join(
        f'<Keyword MajorTopicYN="N">{word}</Keyword>\n' for word in chance.choices(_WORDS, k=pmid % 8 * era.modern)
    )
    chemicals = "".join(
        f'<Chemical>\n<RegistryNumber>0</RegistryNumber>\n<NameOfSubstance UI="D{number:06d}">{_WORDS[number % 144]}'
        "</NameOfSubstance>\n</Chemical>\n"
        for number in range(pmid % 5)
    )
    grants = "".join(
        f"<Grant>\n<GrantID>R01 {pmid + number}</GrantID>\n<Acronym>HL</Acronym>\n<Agency>NHLBI NIH HHS</Agency>\n"
        "<Country>United States</Country>\n</Grant>\n"
        for number in range(pmid % 4 * era.modern)
    )
    history = "".join(
        _day("PubMedPubDate", year, month, day, f' PubStatus="{status}"')
        for status in (*(("received", "accepted") if era.modern else ()), "entrez", "pubmed", "medline")
    )
    headings = chance.choices(stock.headings, cum_weights=stock.heading_weights, k=1 + pmid % era.headings)
    ids = "".join(
        f'<ArticleId IdType="{kind}">{value}</ArticleId>\n'
        for kind, value in (("pubmed", pmid), ("pmc", f"PMC{pmid}"), ("doi", f"10.5555/{pmid}"), ("pii", f"S{pmid}"))
        if kind == "pubmed" or era.modern
    )
    doi = f'<ELocationID EIdType="doi" ValidYN="Y">10.5555/{pmid}</ELocationID>\n'
    author_list = "".join(authors if era.modern else map(_bare, authors))
    complete, owner = ' CompleteYN="Y"', ' Owner="NOTNLM"'
    electronic = _day("ArticleDate", year, month, day, ' DateType="Electronic"')
    interest = "<CoiStatement>The authors declare no conflict of interest.</CoiStatement>\n"
    return (
        f'  <PubmedArticle>\n    <MedlineCitation Status="MEDLINE" IndexingMethod="Automated" Owner="NLM">\n'
        f'<PMID Version="{2 if pmid % 20 == 0 else 1}">{pmid}</PMID>\n{_day("DateCompleted", year, month, day)}'
        f'{_day("DateRevised", year + 1, month, day)}<Article PubModel="Print-Electronic">\n<Journal>\n'
        f'<ISSN IssnType="Electronic">1234-{pmid % 9000 + 1000}</ISSN>\n'
        f'<JournalIssue CitedMedium="Internet">\n<Volume>{pmid % 90}</Volume>\n<Issue>{month}</Issue>\n'
        f"<PubDate>\n{date}</PubDate>\n</JournalIssue>\n<Title>Journal of {_WORDS[pmid % 144]}</Title>\n"
        f"<ISOAbbreviation>J {_WORDS[pmid % 144]}</ISOAbbreviation>\n</Journal>\n"
        f"<ArticleTitle>{chance.choice(stock.sentences)}</ArticleTitle>\n<Pagination>\n"
        f"<StartPage>{pmid % 900}</StartPage>\n<MedlinePgn>{pmid % 900}-{pmid % 900 + 9}</MedlinePgn>\n</Pagination>\n"
        f"{doi if era.modern else ''}{abstract}{_listed('AuthorList', author_list, complete)}"
        f"<Language>eng</Language>\n{_listed('GrantList', grants, complete)}"
        f"<PublicationTypeList>\n{types}</PublicationTypeList>\n"
        f"{electronic if era.modern else ''}</Article>\n"
        f"<MedlineJournalInfo>\n<Country>United States</Country>\n<MedlineTA>J {_WORDS[pmid % 144]}</MedlineTA>\n"
        f"<NlmUniqueID>{100_000 + pmid % 144}</NlmUniqueID>\n<ISSNLinking>1234-5678</ISSNLinking>\n"
        f"</MedlineJournalInfo>\n{_listed('ChemicalList', chemicals)}<CitationSubset>IM</CitationSubset>\n"
        f"{_listed('CommentsCorrectionsList', corrections)}{_listed('MeshHeadingList', ''.join(headings))}"
        f"{'' if pmid % 50 else other}{_listed('KeywordList', keywords, owner)}"
        f"{interest if era.modern else ''}</MedlineCitation>\n<PubmedData>\n<History>\n{history}</History>\n"
        f"<PublicationStatus>ppublish</PublicationStatus>\n<ArticleIdList>\n{ids}</ArticleIdList>\n"
        f"{f'      <ReferenceList>{chr(10)}{cited}      </ReferenceList>{chr(10)}' if cited else ''}"
        "    </PubmedData>\n  </PubmedArticle>\n"
    )
