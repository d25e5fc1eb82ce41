"""BEIR corpora."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pubmed_rag.core.records import Article, Author, MeshHeading, MeshQualifier, PartialDate, RejectedRecord, Section
from pubmed_rag.core.text import collapse
from pubmed_rag.ingest.beir import iter_records
from pubmed_rag.ingest.items import Item


def read(*lines: str | dict[str, Any], ids_are_pmids: bool = False) -> list[Item]:
    text = "\n".join(line if isinstance(line, str) else json.dumps(line) for line in lines)
    return list(iter_records(io.BytesIO(text.encode()), "corpus.jsonl", ids_are_pmids=ids_are_pmids))


def read_metadata(metadata: dict[str, Any], text: str = "One. Two.") -> Article:
    (item,) = read({"_id": "a", "title": "T", "text": text, "metadata": metadata})
    assert isinstance(item, Article)
    return item


def test_a_document() -> None:
    assert read({"_id": "4983", "title": " A  title. ", "text": "Some\ntext."}) == [
        Article(id="4983", title="A title.", abstract=(Section("Some text."),), source="corpus.jsonl")
    ]


def test_ids_are_pmids_only_if_the_caller_says_so() -> None:
    line = {"_id": "4983", "title": "T", "text": ""}
    (as_id,) = read(line)
    (as_pmid,) = read(line, ids_are_pmids=True)
    assert isinstance(as_id, Article)
    assert isinstance(as_pmid, Article)
    assert (as_id.pmid, as_pmid.pmid, as_pmid.id) == (None, "4983", "4983")
    assert as_id.abstract == ()
    assert read({"_id": "MED-10", "text": "x"}, ids_are_pmids=True) == [
        RejectedRecord("corpus.jsonl", None, "line 1: 'MED-10' is not a PMID")
    ]


def test_metadata() -> None:
    record = read_metadata({"mesh": ["Humans", "*Asthma/drug therapy"], "year": "2011", "reviews": ["x"]})
    assert record.mesh == (
        MeshHeading("Humans"),
        MeshHeading("Asthma", major=True, qualifiers=(MeshQualifier("drug therapy"),)),
    )
    assert record.published == PartialDate(2011)


def test_metadata_of_another_form_is_left_alone() -> None:
    record = read_metadata({"mesh": "Humans", "year": None, "authors": ["x"], "sections": [1], "labels": ["A"]})
    assert record == Article(id="a", title="T", abstract=(Section("One. Two."),), source="corpus.jsonl")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Reimer, E J", Author("Reimer", "E J", "EJ")),
        ("Lindenmayer, Jean-Pierre", Author("Lindenmayer", "Jean-Pierre", "JP")),
        ("de Haan, L", Author("de Haan", "L", "L")),
        ("P Nazzaro", Author("Nazzaro", "P", "P")),
        ("D J van Veldhuisen", Author("van Veldhuisen", "D J", "DJ")),
        ("Hans-Henrik Parving", Author("Parving", "Hans-Henrik", "HH")),
        ("Effect Study Group", Author(collective_name="Effect Study Group")),
    ],
)
def test_authors(text: str, expected: Author) -> None:
    assert read_metadata({"authors": f"{text}; A B; "}).authors == (expected, Author("B", "A", "A"))


def test_sections_count_only_where_they_make_up_the_text() -> None:
    sections = {"sections": ["One.", " Two. "], "labels": ["AIM", "RESULTS"]}
    assert read_metadata(sections).abstract == (Section("One.", "AIM"), Section("Two.", "RESULTS"))
    assert read_metadata(sections, text="One. Two. Three.").abstract == (Section("One. Two. Three."),)
    assert read_metadata(sections | {"labels": ["AIM"]}).abstract == (Section("One. Two."),)


def test_a_bad_line_is_reported_by_number_and_the_rest_goes_on() -> None:
    bad: list[str | dict[str, Any]] = ["{broken", {"_id": "2"}, {"_id": " ", "text": "x"}]
    items = read({"_id": "1", "text": "x"}, "", *bad, {"_id": 3, "text": "x"})
    assert [item.id for item in items if isinstance(item, Article)] == ["1", "3"]
    reasons = [item.reason for item in items if isinstance(item, RejectedRecord)]
    assert [reason.partition(":")[0] for reason in reasons] == ["line 3", "line 4", "line 5"]
    assert "text" in reasons[1]


@given(st.text(), st.text(), st.text(min_size=1).filter(str.strip))
def test_any_text_survives(title: str, text: str, identifier: str) -> None:
    line = json.dumps({"_id": identifier, "title": title, "text": text}).encode()
    (item,) = iter_records(io.BytesIO(line), "corpus.jsonl")
    assert isinstance(item, Article)
    assert item.id == identifier.strip()
    assert item.title == collapse(title)
    assert [section.text for section in item.abstract] == ([collapse(text)] if collapse(text) else [])
