"""Real PubMed records, read from beside the checkout; skipped, saying so, where they are not there."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import pytest

from pubmed_rag.core.records import Article, Correction, PartialDate, RejectedRecord
from pubmed_rag.core.store import ArticleStore
from pubmed_rag.ingest.files import FilesReport, ingest_files
from pubmed_rag.ingest.formats import read_records
from pubmed_rag.ingest.items import Deleted

pytestmark = pytest.mark.timeout(120)

BROKEN_ON_PURPOSE = {"MedlineImporterTestMalformedEntry.xml", "MedlinePlainImporterTestInvalidFormat.xml"}
EMPTY_ON_PURPOSE = {"MedlineImporterTestMinimalEntry.xml"}


def article(path: Path, pmid: str) -> Article:
    found = [item for item in read_records(path) if isinstance(item, Article) and item.pmid == pmid]
    assert found, f"{path} holds no record {pmid}"
    return found[-1]


def xml_files(real_data: Path) -> list[Path]:
    folder = real_data / "pubmed_xml"
    return sorted(path for path in folder.rglob("*") if path.name.endswith((".xml", ".xml.gz")))


def test_every_xml_file_is_read_but_those_broken_on_purpose(real_data: Path, store: ArticleStore) -> None:
    files = xml_files(real_data)
    report = ingest_files(files, store)
    assert {Path(failed.source).name for failed in report.failed_files} == BROKEN_ON_PURPOSE
    assert {Path(item.source).name for item in report.rejected} == BROKEN_ON_PURPOSE | EMPTY_ON_PURPOSE
    assert report.read > 200
    assert report.read == report.added + report.updated + report.unchanged + 1


def test_each_file_ingested_again_changes_nothing(real_data: Path, store: ArticleStore) -> None:
    for path in xml_files(real_data):
        if path.name in BROKEN_ON_PURPOSE or any(isinstance(item, Deleted) for item in read_records(path)):
            continue
        ingest_files([path], store)
        before = store.last_sequence()
        again = ingest_files([path], store)
        assert (again.added, again.updated, again.unchanged) == (0, 0, again.read - len(again.rejected)), path
        assert store.last_sequence() == before


def test_the_public_list_of_retracted_papers_agrees_wherever_it_overlaps(real_data: Path, store: ArticleStore) -> None:
    """No record here is on the list of July 2024, so none may count as retracted unless it was revised later."""
    folder = real_data / "retractions" / "raw"
    with gzip.open(folder / "pubmed_retractions.tsv.gz", "rt", encoding="utf-8") as stream:
        listed = {line.strip() for line in stream if line.strip().isdigit()}
    assert len(listed) > 19_000
    ingest_files(xml_files(real_data), store)
    held = [stored.article for stored in store.articles()]
    assert len(held) > 200
    wrong = {
        article.id: article.is_retracted
        for article in held
        if article.is_retracted != (article.id in listed)
        and not (article.is_retracted and article.revised and (article.revised.iso() or "") >= "2024-07")
    }
    assert wrong == {}


# Read off the files by eye; each shows one of the awkward cases of PubMed XML.
GOLDEN: list[tuple[str, str, dict[str, Any]]] = [
    (
        "metapub/38048813.xml",
        "38048813",
        {
            "title": "[A Broader Scope - Bio-Psycho-Social Medicine In Global Focus].",
            "vernacular_title": "A Broader Scope \N{EN DASH} Bio-psycho-soziale Medizin im globalen Fokus.",
            "languages": ("ger",),
            "doi": "10.1055/a-2189-0166",
            "published": PartialDate(2023, 12),
            "published_electronically": PartialDate(2023, 12, 4),
            "entered": PartialDate(2023, 12, 5),
            "revised": PartialDate(2024, 7, 26),
            "indexing_method": "Curated",
            "abstract": (),
        },
    ),
    (
        "metapub/38962805.xml",
        "38962805",
        {"is_retracted": False},
    ),
    ("metapub/37868702.xml", "37868702", {"published": PartialDate(2023, 7, None, "2023 Jul-Oct")}),
    ("metapub/39364306.xml", "39364306", {"published": PartialDate(2024, 1, None, "2024 Winter-Spring")}),
    ("biopython/pubmed1.xml", "12091962", {"published": PartialDate(1990, 4, None, "1990 Spring"), "doi": None}),
    ("pubmed2db/pubmed25n0004.xml", "28972331", {"title": "[Not Available]."}),
    (
        "jabref/MedlineImporterTestMathML.xml",
        "32759406",
        {"doi": "10.1515/jib-2020-0021", "pmcid": "PMC7756617", "indexing_method": "Automated"},
    ),
    (
        "klortho/efetch.pubmedbook.xml",
        "20301295",
        {"title": "GeneReviews™", "is_book": True, "authors": (), "published": PartialDate(1993)},
    ),
    (
        "jabref/MedlineImporterTestBookArticleSet.xml",
        "21413195",
        {"title": "", "is_book": True, "revised": PartialDate(2014, 10, 11)},
    ),
    ("pubmed2db/pubmed25n0002.xml", "1001", {"version": 2, "doi": "10.1038/example1001", "pmcid": "PMC7654321"}),
]


@pytest.mark.parametrize(("file", "pmid", "expected"), GOLDEN, ids=[pmid for _, pmid, _ in GOLDEN])
def test_golden_records(real_data: Path, file: str, pmid: str, expected: dict[str, Any]) -> None:
    record = article(real_data / "pubmed_xml" / file, pmid)
    assert {name: getattr(record, name) for name in expected} == expected


def test_an_erratum_points_at_what_it_corrects(real_data: Path) -> None:
    record = article(real_data / "pubmed_xml/metapub/38962805.xml", "38962805")
    (correction,) = record.corrections
    assert isinstance(correction, Correction)
    assert (correction.ref_type, correction.pmid) == ("ErratumFor", "38446048")


def test_real_deletions(real_data: Path) -> None:
    items = list(read_records(real_data / "pubmed_xml/tipplerow_pubmed/pubmed20n1203.xml.gz"))
    deletions = [item for item in items if isinstance(item, Deleted)]
    assert [len(deletion.pmids) for deletion in deletions] == [23]
    assert items[-1] is deletions[0]


def test_medline_text(real_data: Path) -> None:
    folder = real_data / "pubmed_xml/biopython"
    records = [item for item in read_records(folder / "pubmed_result2.txt") if isinstance(item, Article)]
    assert [record.pmid for record in records] == ["16403221", "16377612", "14871861", "14630660"]
    assert records[0].title == "A high level interface to SCOP and ASTRAL implemented in python."
    assert [author.display() for author in records[0].authors] == ["Casbon JA", "Crooks GE", "Saqi MA"]
    record = article(folder / "pubmed_result3.txt", "23039619")
    assert record.doi == "10.1118/1.4748329"
    assert record.published == PartialDate(2012, 10)
    assert record.journal.issns == ("0094-2405",)


def test_medline_text_that_is_malformed_is_rejected_record_by_record(real_data: Path) -> None:
    items = list(read_records(real_data / "pubmed_xml/jabref/MedlinePlainImporterStringOutOfBounds.txt"))
    assert [type(item) for item in items] == [RejectedRecord, RejectedRecord]


@pytest.mark.parametrize(
    ("file", "count"),
    [
        ("scifact/corpus.jsonl.gz", 5183),
        ("cohen2006/corpus.jsonl.gz", 13938),
        ("pubmedqa/corpus.jsonl.gz", 1000),
        ("pubtator/beir/corpus.jsonl", 3859),
    ],
)
def test_beir_corpora(real_data: Path, file: str, count: int) -> None:
    items = list(read_records(real_data / file))
    assert len(items) == count
    assert all(isinstance(item, Article) for item in items)


def test_pubmedqa_keeps_its_sections(real_data: Path, store: ArticleStore) -> None:
    report = ingest_files([real_data / "pubmedqa/corpus.jsonl.gz"], store, ids_are_pmids=True)
    assert report == FilesReport(read=1000, added=1000)
    record = store.get("21645374")
    assert [section.label for section in record.abstract] == ["BACKGROUND", "RESULTS"]
    assert record.published == PartialDate(2011)
    assert [heading.name for heading in record.mesh][:2] == ["Alismataceae", "Apoptosis"]
    assert record.pmid == "21645374"
