"""Files of MeSH in every form they come in, and as NLM's server has them."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

from pubmed_rag.core.errors import DamagedFileError, DownloadError, InputError, UnrecognisedFormatError
from pubmed_rag.core.library import LibraryPaths
from pubmed_rag.core.mesh import (
    DescriptorKind,
    MeshDescriptor,
    MeshRecord,
    PharmacologicalAction,
    Subheading,
    SupplementaryConcept,
)
from pubmed_rag.core.mesh_store import MeshStore
from pubmed_rag.ingest.mesh_files import read_mesh
from pubmed_rag.ingest.mesh_ingest import ingest_mesh
from tests.core.file_server import FileServer
from tests.support import shared_data

TERM = "<Term><TermUI>T1</TermUI><String>{}</String>{}</Term>"
DESCRIPTORS = f"""<?xml version="1.0"?>
<!DOCTYPE DescriptorRecordSet SYSTEM "https://www.nlm.nih.gov/databases/dtd/nlmdescriptorrecordset_20260101.dtd">
<DescriptorRecordSet LanguageCode="eng">
<DescriptorRecord DescriptorClass="1"><DescriptorUI>D1</DescriptorUI>
 <DescriptorName><String>Heart Failure</String></DescriptorName>
 <PharmacologicalActionList><PharmacologicalAction><DescriptorReferredTo><DescriptorUI>D9</DescriptorUI>
  <DescriptorName><String>Odd Action</String></DescriptorName></DescriptorReferredTo></PharmacologicalAction>
 </PharmacologicalActionList>
 <TreeNumberList><TreeNumber>C14.1</TreeNumber><TreeNumber>C23.2</TreeNumber></TreeNumberList>
 <ConceptList><Concept PreferredConceptYN="N"><ScopeNote>Another concept's.</ScopeNote></Concept>
 <Concept PreferredConceptYN="Y"><ScopeNote>The heart cannot pump
   enough blood.
 </ScopeNote><TermList>{TERM.format("Heart Failure", "")}{TERM.format("Cardiac Failure &amp; Co", "")}
 </TermList></Concept></ConceptList></DescriptorRecord>
<DescriptorRecord DescriptorClass="2"><DescriptorUI>D2</DescriptorUI>
 <DescriptorName><String>Review</String></DescriptorName></DescriptorRecord>
</DescriptorRecordSet>"""
SUPPLEMENTARY = f"""<?xml version="1.0"?>
<SupplementalRecordSet LanguageCode="eng">
<SupplementalRecord SCRClass="1"><SupplementalRecordUI>C1</SupplementalRecordUI>
 <SupplementalRecordName><String>red yeast rice</String></SupplementalRecordName>
 <HeadingMappedToList><HeadingMappedTo><DescriptorReferredTo><DescriptorUI>*D1</DescriptorUI>
 <DescriptorName><String>Heart Failure</String></DescriptorName></DescriptorReferredTo></HeadingMappedTo>
 </HeadingMappedToList>
 <ConceptList><Concept><TermList>{TERM.format("red yeast rice", "")}{TERM.format("Cholestin", "")}</TermList></Concept>
 </ConceptList></SupplementalRecord></SupplementalRecordSet>"""
QUALIFIERS = f"""<?xml version="1.0"?>
<QualifierRecordSet LanguageCode="eng"><QualifierRecord><QualifierUI>Q1</QualifierUI>
 <QualifierName><String>therapy</String></QualifierName>
 <TreeNumberList><TreeNumber>Y01</TreeNumber></TreeNumberList>
 <ConceptList><Concept><TermList>{TERM.format("therapy", "<Abbreviation>TH</Abbreviation>")}
 {TERM.format("treatment", "")}</TermList></Concept></ConceptList></QualifierRecord></QualifierRecordSet>"""
ACTIONS = """<?xml version="1.0"?>
<PharmacologicalActionSet><PharmacologicalAction><DescriptorReferredTo><DescriptorUI>D9</DescriptorUI>
 <DescriptorName><String>Odd Action</String></DescriptorName></DescriptorReferredTo>
 <PharmacologicalActionSubstanceList><Substance><RecordUI>D5</RecordUI><RecordName><String>Aspirin</String></RecordName>
 </Substance></PharmacologicalActionSubstanceList></PharmacologicalAction></PharmacologicalActionSet>"""
HEART = MeshDescriptor(
    "D1",
    "Heart Failure",
    ("Cardiac Failure & Co",),
    ("C14.1", "C23.2"),
    DescriptorKind.TOPIC,
    ("Odd Action",),
    "The heart cannot pump enough blood.",
)
REVIEW = MeshDescriptor("D2", "Review", kind=DescriptorKind.PUBLICATION_TYPE)
RICE = SupplementaryConcept("C1", "red yeast rice", ("Cholestin",), ("D1",))
THERAPY = Subheading("Q1", "therapy", "TH", ("treatment",), ("Y01",))
ACTION = PharmacologicalAction("D9", "Odd Action", ("Aspirin",))

ASCII_D = """*NEWRECORD
RECTYPE = D
MH = Heart Failure
AQ = BL CF
PRINT ENTRY = Cardiac Failure|T047|NON|EQV|NLM (1994)|930624|abcdef
ENTRY = Failure, Heart
MN = C14.1
MN = C23.2
PA = Odd Action
MS = The heart fails.
DC = 1
UI = D1

*NEWRECORD
RECTYPE = D
MH = Review
DC = 2
UI = D2
"""
ASCII_C = """*NEWRECORD
RECTYPE = C
NM = red yeast rice
SY = Cholestin|T109|T121|TRD|NRW|NLM (1999)|990225|abbcdef
HM = *Biological Products/chemistry
UI = C1
"""
ASCII_Q = """*NEWRECORD
RECTYPE = Q
SH = therapy
QA = TH
QX = treatment|EQV
UI = Q1
"""
TABLE = json.dumps({"ui": "D1", "name": "Heart", "entry_terms": ["Hearts"], "tree_numbers": ["A07"], "extra": None})
TYPES = json.dumps({"ui": "D2", "name": "Review", "entry_terms": [], "tree_numbers": ["V02", "V03"]})


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize(
    ("content", "records"),
    [
        (DESCRIPTORS, [HEART, REVIEW]),
        (SUPPLEMENTARY, [RICE]),
        (QUALIFIERS, [THERAPY]),
        (ACTIONS, [ACTION]),
        (
            ASCII_D,
            [
                MeshDescriptor(
                    "D1",
                    "Heart Failure",
                    ("Cardiac Failure", "Failure, Heart"),
                    ("C14.1", "C23.2"),
                    DescriptorKind.TOPIC,
                    ("Odd Action",),
                    "The heart fails.",
                ),
                REVIEW,
            ],
        ),
        (ASCII_C, [SupplementaryConcept("C1", "red yeast rice", ("Cholestin",), ("Biological Products",))]),
        (ASCII_Q, [Subheading("Q1", "therapy", "TH", ("treatment",))]),
        (
            f"{TABLE}\n\n{TYPES}\n",
            [
                MeshDescriptor("D1", "Heart", ("Hearts",), ("A07",)),
                MeshDescriptor("D2", "Review", (), ("V02", "V03"), DescriptorKind.PUBLICATION_TYPE),
            ],
        ),
        (
            "C1\tbevonium\tone|two\tD1,D2\nC2\tother\t\t\n",
            [SupplementaryConcept("C1", "bevonium", ("one", "two"), ("D1", "D2")), SupplementaryConcept("C2", "other")],
        ),
    ],
)
def test_forms(tmp_path: Path, content: str, records: list[MeshRecord], packed: bool) -> None:
    path = tmp_path / "whatever"
    data = content.encode()
    path.write_bytes(gzip.compress(data) if packed else data)
    assert list(read_mesh(path)) == records


@pytest.mark.parametrize("content", [b"", b"hello", b"<html></html>", b'{"a": 1}', b"1\t2\n", b"PMID- 1\n"])
def test_what_is_no_mesh_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "file"
    path.write_bytes(content)
    with pytest.raises(UnrecognisedFormatError, match="no MeSH file"):
        list(read_mesh(path))


@pytest.mark.parametrize(
    "content",
    [
        DESCRIPTORS[:900].encode(),
        gzip.compress(DESCRIPTORS.encode())[:-20],
        f'{TABLE}\n{{"ui": 1, "tree_numbers": []}}\n'.encode(),
        f"{TABLE}\nnonsense\n".encode(),
        b"C1\tname\t\t\nC2\n",
        b"*NEWRECORD\nRECTYPE = D\nMH = \xff\xfe\nUI = D1\n",
    ],
)
def test_what_is_broken_is_refused_and_changes_nothing(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "file"
    path.write_bytes(content)
    paths = LibraryPaths(tmp_path / "library")
    with pytest.raises(DamagedFileError):
        ingest_mesh([path], paths, today=date(2026, 1, 1))
    assert not paths.mesh.exists()


def test_a_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="folder"):
        ingest_mesh([tmp_path], LibraryPaths(tmp_path / "library"), today=date(2026, 1, 1))


# -- NLM's server ----------------------------------------------------------------------------------


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[FileServer]:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    files = {
        "/mesh/desc2026.gz": gzip.compress(DESCRIPTORS.encode()),
        "/mesh/supp2026.gz": gzip.compress(SUPPLEMENTARY.encode()),
        "/mesh/qual2026.xml": QUALIFIERS.encode(),
        "/mesh/pa2026.xml": ACTIONS.encode(),
    }
    with FileServer(files) as running:
        yield running


def test_this_year_is_fetched_and_the_files_are_not_kept(server: FileServer, tmp_path: Path) -> None:
    paths = LibraryPaths(tmp_path / "library")
    info = ingest_mesh([], paths, today=date(2026, 5, 1), address=f"{server.url}/mesh/")
    assert info.source == "desc2026.gz, supp2026.gz, qual2026.xml, pa2026.xml"
    counts = info.counts
    assert (counts.descriptors, counts.supplementary_concepts, counts.subheadings) == (2, 1, 1)
    assert counts.pharmacological_actions == 2  # Heart Failure by its own record, Aspirin by the list
    assert not (paths.downloads / "mesh").exists()


def test_last_year_where_this_year_is_not_out_yet(server: FileServer, tmp_path: Path) -> None:
    info = ingest_mesh([], LibraryPaths(tmp_path), today=date(2027, 1, 1), address=f"{server.url}/mesh")
    assert info.source.startswith("desc2026")


def test_nothing_there(server: FileServer, tmp_path: Path) -> None:
    with pytest.raises(DownloadError, match="no MeSH of 2031 or 2030"):
        ingest_mesh([], LibraryPaths(tmp_path), today=date(2031, 1, 1), address=f"{server.url}/mesh")
    server.files = {path: data for path, data in server.files.items() if "qual" not in path}
    with pytest.raises(DownloadError, match="qual2026 is missing"):
        ingest_mesh([], LibraryPaths(tmp_path), today=date(2026, 1, 1), address=f"{server.url}/mesh")


def test_a_broken_transfer_is_continued(server: FileServer, tmp_path: Path) -> None:
    server.cuts = 1
    info = ingest_mesh([], LibraryPaths(tmp_path), today=date(2026, 1, 1), address=f"{server.url}/mesh")
    assert info.counts.descriptors == 2
    first, second = server.fetches("desc2026.gz")
    assert first.start is None
    assert second.start


# -- real files ------------------------------------------------------------------------------------


def test_samples_of_nlm() -> None:
    folder = shared_data("mesh") / "samples"
    found = {path.name: list(read_mesh(path)) for path in sorted(folder.iterdir())}
    assert {name: len(records) for name, records in found.items()} == {
        "mesh_desc_sample.xml": 5,
        "mesh_pa_sample.xml": 2,
        "mesh_qual_sample.xml": 2,
        "mesh_supp_sample.xml": 1,
    }
    calcimycin = found["mesh_desc_sample.xml"][0]
    assert isinstance(calcimycin, MeshDescriptor)
    assert calcimycin.terms == ("A-23187", "A 23187", "A23187", "Antibiotic A23187", "A23187, Antibiotic")
    assert calcimycin.actions == ("Anti-Bacterial Agents", "Calcium Ionophores")
    inhibitors = found["mesh_qual_sample.xml"][0]
    assert isinstance(inhibitors, Subheading)
    assert (inhibitors.code, inhibitors.tree_numbers) == ("AI", ("Y03.030", "Y07.040"))


def test_table_of_all_descriptors(tmp_path: Path) -> None:
    """Its own README: 30,764 descriptors, 137,409 entry terms, 64,457 tree numbers."""
    paths = LibraryPaths(tmp_path)
    info = ingest_mesh([shared_data("mesh") / "descriptors.jsonl.gz"], paths, today=date(2026, 1, 1))
    assert (info.counts.descriptors, info.counts.entry_terms, info.counts.tree_numbers) == (30_764, 137_409, 64_457)
    with MeshStore(paths.mesh) as store:
        (asthma,) = store.meanings(["asthma"])["asthma"]
        assert "Status Asthmaticus" in store.below(asthma.ui)
