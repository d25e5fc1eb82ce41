"""MEDLINE (NBIB) text."""

from __future__ import annotations

import io
from dataclasses import replace

import pytest

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
    RejectedRecord,
    Section,
    Term,
)
from pubmed_rag.ingest.items import Item
from pubmed_rag.ingest.medline import iter_records

RECORD = """\
PMID- 101
OWN - NLM
STAT- MEDLINE
LR  - 20041117
IS  - 1467-5463 (Print)
IS  - 1477-4054 (Electronic)
VI  - 3
IP  - 3
DP  - 2002 Spring
TI  - [A title that
      goes on].
PG  - 296-302
LID - 10.1093/bib/3.3.296 [doi]
AB  - BACKGROUND: First.
\x20\x20\x20\x20\x20\x20
      RESULTS: Second.
OAB - Publisher: Resumen.
OABL- spa
FAU - Mangalam, Harry J
AU  - Mangalam HJ
AUID- ORCID: 0000-0002-1825-0097
AD  - Here,
      in one town.
CN  - The Bio Group
LA  - eng
PT  - Journal Article
PT  - Retracted Publication
DEP - 20020901
PL  - England
TA  - Brief Bioinform
JT  - Briefings in bioinformatics
JID - 100912837
RN  - 9007-49-2 (DNA)
NM  - a supplementary concept
MH  - *Computational Biology/history/
      *methods
MH  - Humans
OT  - *toolkits
OT  - a very long keyword that is
      continued
RIN - J Irrepro. 2005 Jan;1(1):1. doi: 10.1/r. PMID:
      555
EIN - No number here. 2003
GN  - SUMMARY: by a reader
TT  - Un titre.
EDAT- 2002/09/17 10:00
CRDT- 2002/09/16 08:00
MHDA- 2002/11/01 04:00
DCOM- 20021031
PST - ppublish
SB  - IM
SB  - AIM
SI  - GENBANK/AF001892
SI  - ClinicalTrials.gov/NCT00000001
GR  - R01 HL1/HL/NHLBI NIH HHS/United States
GR  - /076053/Z/04/Z/Wellcome Trust/United Kingdom
GR  - Some Foundation/France
FPS - Darwin, Charles R
PS  - Darwin CR
FIR - Doe, Jane
IR  - Doe J
COIS- The authors declare
      none.
MID - NIHMS9
PMC - PMC12345
AID - S1 [pii]
AID - 10.1093/bib/3.3.296 [doi]
SO  - Brief Bioinform. 2002 Sep;3(3):296-302.
"""

EXPECTED = Article(
    id="101",
    pmid="101",
    title="[A title that goes on].",
    vernacular_title="Un titre.",
    abstract=(Section("BACKGROUND: First. RESULTS: Second."),),
    other_abstracts=(OtherAbstract((Section("Resumen."),), "Publisher", "spa"),),
    journal=Journal(
        title="Briefings in bioinformatics",
        abbreviation="Brief Bioinform",
        nlm_id="100912837",
        issns=("1467-5463", "1477-4054"),
        country="England",
        volume="3",
        issue="3",
        pages="296-302",
    ),
    published=PartialDate(2002, 4, None, "2002 Spring"),
    published_electronically=PartialDate(2002, 9, 1),
    entered=PartialDate(2002, 9, 17),
    revised=PartialDate(2004, 11, 17),
    authors=(
        Author("Mangalam", "Harry J", "HJ", orcid="0000-0002-1825-0097", affiliations=("Here, in one town.",)),
        Author(collective_name="The Bio Group"),
    ),
    publication_types=(Term("Journal Article"), Term("Retracted Publication")),
    mesh=(
        MeshHeading(
            "Computational Biology",
            major=True,
            qualifiers=(MeshQualifier("history"), MeshQualifier("methods", major=True)),
        ),
        MeshHeading("Humans"),
    ),
    keywords=("toolkits", "a very long keyword that is continued"),
    chemicals=(Chemical("DNA", registry_number="9007-49-2"),),
    supplementary_concepts=(Term("a supplementary concept"),),
    doi="10.1093/bib/3.3.296",
    pmcid="PMC12345",
    languages=("eng",),
    status="MEDLINE",
    corrections=(
        Correction("ErratumIn", source="No number here. 2003"),
        Correction("RetractionIn", "555", "J Irrepro. 2005 Jan;1(1):1. doi: 10.1/r."),
    ),
    notes=("SUMMARY: by a reader",),
    grants=(
        Grant("R01 HL1", "HL", "NHLBI NIH HHS", "United States"),
        Grant("076053/Z/04/Z", None, "Wellcome Trust", "United Kingdom"),
        Grant(agency="Some Foundation", country="France"),
    ),
    investigators=(Author("Doe", "Jane", "J"),),
    personal_name_subjects=(Author("Darwin", "Charles R", "CR"),),
    secondary_source_ids=("GENBANK/AF001892", "ClinicalTrials.gov/NCT00000001"),
    conflict_of_interest="The authors declare none.",
    completed=PartialDate(2002, 10, 31),
    created=PartialDate(2002, 9, 16),
    mesh_date=PartialDate(2002, 11, 1),
    publication_status="ppublish",
    pii="S1",
    manuscript_id="NIHMS9",
    citation_subsets=("IM", "AIM"),
    source="some.nbib",
)


def read(text: str | bytes) -> list[Item]:
    content = text if isinstance(text, bytes) else text.encode()
    return list(iter_records(io.BytesIO(content), "some.nbib"))


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_every_field(end: str) -> None:
    assert read(RECORD.replace("\n", end)) == [EXPECTED]


def test_records_are_divided_by_blank_lines_or_by_the_next_pmid() -> None:
    other = "PMID- 102\nTI  - Other.\n"
    second = Article(id="102", pmid="102", title="Other.", source="some.nbib")
    assert read("\n\n" + RECORD + "\n\n" + other) == [EXPECTED, second]
    assert read(RECORD + other) == [EXPECTED, second]


def test_several_authors_share_no_affiliation() -> None:
    (item,) = read("PMID- 1\nFAU - Doe, Jane\nAU  - Doe J\nAD  - Here.\nFAU - Roe, Richard\nAU  - Roe R\n")
    assert isinstance(item, Article)
    assert item.authors == (Author("Doe", "Jane", "J"), Author("Roe", "Richard", "R"))


def test_short_names_where_there_are_no_full_ones() -> None:
    (item,) = read("PMID- 1\nAU  - van der Berg AB\n")
    assert isinstance(item, Article)
    assert item.authors == (Author("van der Berg", None, "AB"),)


def test_a_chapter_appeared_in_its_book() -> None:
    book = "BTI - Sleep Medicine\nFED - Roe, Ann\nED  - Roe A\nPB  - Some Press\nISBN- 978-3-86680-192-9 (print)\n"
    (item,) = read(f"PMID- 1\nTI  - Insomnia\n{book}")
    assert isinstance(item, Article)
    assert (item.title, item.journal.title, item.is_book) == ("Insomnia", "Sleep Medicine", True)
    assert (item.editors, item.publisher, item.isbns) == (
        (Author("Roe", "Ann", "A"),),
        "Some Press",
        ("978-3-86680-192-9",),
    )


@pytest.mark.parametrize(
    ("bad", "pmid", "reason"),
    [
        ("PMID- 7\nSO  no hyphen\n", None, "record at line 1: line 2 is not 'TAG - value'"),
        # Bio.Medline alone would read this as PMID 2664220.
        ("PMID-22664220\n", None, "record at line 1: line 1 is not 'TAG - value'"),
        ("      continued from nothing\n", None, "record at line 1: line 1 is not 'TAG - value'"),
        ("TI  - No number.\n", None, "record at line 1: it has no PMID"),
        ("PMID- x1\n", "x1", "record at line 1: 'x1' is not a PMID"),
    ],
)
def test_a_bad_record_is_reported_and_the_rest_goes_on(bad: str, pmid: str | None, reason: str) -> None:
    assert read(f"{bad}\n{RECORD}") == [RejectedRecord("some.nbib", pmid, reason), EXPECTED]


def test_bytes_that_are_no_utf8_cost_one_record() -> None:
    rejected, kept = read(b"PMID- 7\nTI  - caf\xe9\n\n" + RECORD.encode())
    assert rejected == RejectedRecord("some.nbib", None, "record at line 1: line 2 is not UTF-8")
    assert kept == replace(EXPECTED)
