"""Baseline-like PubMed XML in any number, from a seed: for benchmarks, and for tests that need many records.

    records = generate_xml(30_000, seed=1)              # an iterator of PubmedArticle elements, as bytes
    write_baseline_file(path / "pubmed26n0001.xml.gz", records)      # with its .md5 beside it

A record averages some 20 kB, three quarters of it references, like recent ones: authors with affiliations,
abstracts with labels and markup, MeSH with qualifiers, chemicals, keywords, grants, history, identifiers.
One in eight has no abstract, one in ten a MedlineDate, one in twenty a later version, one in a hundred is
retracted. The words are made up.
"""

from __future__ import annotations

import gzip
import hashlib
import random
from collections.abc import Iterable, Iterator
from pathlib import Path

_STEMS = ("cardi", "neur", "hepat", "derm", "gastr", "nephr", "psych", "onc", "immun", "haem", "oste", "pulmon")
_ENDS = ("itis", "osis", "oma", "ology", "opathy", "al", "ic", "ated", "ation", "in", "ase", "ectomy")
_WORDS = tuple(stem + end for stem in _STEMS for end in _ENDS)
_LABELS = ("BACKGROUND", "METHODS", "RESULTS", "CONCLUSIONS")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_TYPES = (("D016428", "Journal Article"), ("D016449", "Randomized Controlled Trial"), ("D016454", "Review"))
_DOCTYPE = (
    '<!DOCTYPE PubmedArticleSet PUBLIC "-//NLM//DTD PubMedArticle, 1st January 2025//EN" '
    '"https://dtd.nlm.nih.gov/ncbi/pubmed/out/pubmed_250101.dtd">'
)


def generate_xml(n: int, *, seed: int = 0, first_pmid: int = 1) -> Iterator[bytes]:
    """``n`` records with rising PMIDs. The same arguments give the same bytes."""
    chance = random.Random(seed)
    sentences = [_sentence(chance) for _ in range(2_000)]
    references = [_reference(chance, at) for at in range(4_000)]
    authors = [_author(chance) for _ in range(1_500)]
    headings = [_heading(chance, at) for at in range(1_000)]
    for pmid in range(first_pmid, first_pmid + n):
        yield _record(chance, pmid, sentences, references, authors, headings).encode()


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


def _record(
    chance: random.Random,
    pmid: int,
    sentences: list[str],
    references: list[str],
    authors: list[str],
    headings: list[str],
) -> str:
    year, month, day = 1990 + pmid % 36, 1 + pmid % 12, 1 + pmid % 28
    date = f"<Year>{year}</Year>\n<Month>{_MONTHS[month - 1]}</Month>\n"
    if pmid % 10 == 0:
        date = f"<MedlineDate>{year} Nov-Dec</MedlineDate>\n"
    abstract = ""
    if pmid % 8:
        labelled = pmid % 3 == 0
        parts = "".join(
            f"""<AbstractText{f' Label="{label}" NlmCategory="{label}"' if labelled else ""}>"""
            f"{' '.join(chance.choices(sentences, k=3))}</AbstractText>\n"
            for label in (_LABELS if labelled else _LABELS[:1])
        )
        abstract = f"<Abstract>\n{parts}</Abstract>\n"
    retracted = pmid % 100 == 0
    types = "".join(f'<PublicationType UI="{ui}">{name}</PublicationType>\n' for ui, name in _TYPES[: 1 + pmid % 3])
    if retracted:
        types += '<PublicationType UI="D016441">Retracted Publication</PublicationType>\n'
    corrections = (
        '<CommentsCorrectionsList>\n<CommentsCorrections RefType="RetractionIn">\n'
        "<RefSource>J Gen. 2025;1:1</RefSource>\n</CommentsCorrections>\n</CommentsCorrectionsList>\n"
        if retracted
        else ""
    )
    cited = "".join(chance.choices(references, k=chance.choice((0, 20, 30, 45, 60, 90))))
    keywords = "".join(f'<Keyword MajorTopicYN="N">{word}</Keyword>\n' for word in chance.choices(_WORDS, k=pmid % 6))
    keyword_list = f'<KeywordList Owner="NOTNLM">\n{keywords}</KeywordList>\n' if keywords else ""
    electronic = _day("ArticleDate", year, month, day, ' DateType="Electronic"')
    chemicals = "".join(
        f'<Chemical>\n<RegistryNumber>0</RegistryNumber>\n<NameOfSubstance UI="D{number:06d}">{_WORDS[number % 144]}'
        "</NameOfSubstance>\n</Chemical>\n"
        for number in range(pmid % 5)
    )
    history = "".join(
        _day("PubMedPubDate", year, month, day, f' PubStatus="{status}"')
        for status in ("received", "pubmed", "medline")
    )
    return (
        f'  <PubmedArticle>\n    <MedlineCitation Status="MEDLINE" IndexingMethod="Automated" Owner="NLM">\n'
        f'<PMID Version="{2 if pmid % 20 == 0 else 1}">{pmid}</PMID>\n{_day("DateRevised", year + 1, month, day)}'
        '<Article PubModel="Print-Electronic">\n<Journal>\n'
        f'<ISSN IssnType="Electronic">1234-{pmid % 9000 + 1000}</ISSN>\n'
        f'<JournalIssue CitedMedium="Internet">\n<Volume>{pmid % 90}</Volume>\n<Issue>{month}</Issue>\n'
        f"<PubDate>\n{date}</PubDate>\n</JournalIssue>\n<Title>Journal of {_WORDS[pmid % 144]}</Title>\n"
        f"<ISOAbbreviation>J {_WORDS[pmid % 144]}</ISOAbbreviation>\n</Journal>\n"
        f"<ArticleTitle>{chance.choice(sentences)}</ArticleTitle>\n<Pagination>\n<StartPage>{pmid % 900}</StartPage>\n"
        f"<MedlinePgn>{pmid % 900}-{pmid % 900 + 9}</MedlinePgn>\n</Pagination>\n"
        f'<ELocationID EIdType="doi" ValidYN="Y">10.5555/{pmid}</ELocationID>\n{abstract}'
        f'<AuthorList CompleteYN="Y">\n{"".join(chance.choices(authors, k=1 + pmid % 11))}</AuthorList>\n'
        f'<Language>eng</Language>\n<GrantList CompleteYN="Y">\n<Grant>\n<GrantID>R01 {pmid}</GrantID>\n'
        "<Agency>NIH HHS</Agency>\n<Country>United States</Country>\n</Grant>\n</GrantList>\n"
        f"<PublicationTypeList>\n{types}</PublicationTypeList>\n"
        f"{electronic}</Article>\n"
        f"<MedlineJournalInfo>\n<Country>United States</Country>\n<MedlineTA>J {_WORDS[pmid % 144]}</MedlineTA>\n"
        f"<NlmUniqueID>{100_000 + pmid % 144}</NlmUniqueID>\n<ISSNLinking>1234-5678</ISSNLinking>\n"
        "</MedlineJournalInfo>\n"
        f"{f'<ChemicalList>{chr(10)}{chemicals}</ChemicalList>{chr(10)}' if chemicals else ''}"
        f"<CitationSubset>IM</CitationSubset>\n{corrections}"
        f"<MeshHeadingList>\n{''.join(chance.choices(headings, k=1 + pmid % 14))}</MeshHeadingList>\n"
        f"{keyword_list}"
        f"</MedlineCitation>\n<PubmedData>\n<History>\n{history}</History>\n"
        "<PublicationStatus>ppublish</PublicationStatus>\n"
        f'<ArticleIdList>\n<ArticleId IdType="pubmed">{pmid}</ArticleId>\n'
        f'<ArticleId IdType="doi">10.5555/{pmid}</ArticleId>\n'
        f"</ArticleIdList>\n{f'      <ReferenceList>{chr(10)}{cited}      </ReferenceList>{chr(10)}' if cited else ''}"
        "    </PubmedData>\n  </PubmedArticle>\n"
    )
