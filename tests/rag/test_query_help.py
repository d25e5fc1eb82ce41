"""From a question to a PubMed query: headings and words by concept, valid as written, wider where it finds nothing."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pubmed_rag.core.mesh import MeshDescriptor, MeshRecord, Subheading, SupplementaryConcept
from pubmed_rag.core.mesh_store import MeshStore, build
from pubmed_rag.index.mesh import Mesh
from pubmed_rag.index.pubmed_parser import parse
from pubmed_rag.index.pubmed_query import translate
from pubmed_rag.ingest.mesh_files import read_mesh
from pubmed_rag.rag.query_concepts import concepts_of, joined, with_names
from pubmed_rag.rag.query_help import help_with_query
from tests.support import REPOSITORY, ScriptedEngine

RECORDS: tuple[MeshRecord, ...] = (
    MeshDescriptor("D1", "Heart Failure", ("Cardiac Failure", "Congestive Heart Failure"), ("C14.1",)),
    MeshDescriptor("D2", "Adrenergic beta-Antagonists", ("beta-Blockers, Adrenergic",), ("D27.1",)),
    MeshDescriptor("D3", "Mortality", ("Death Rate",), ("E05.1",)),
    MeshDescriptor("D4", "Breast Neoplasms", ("Breast Neoplasm",), ("C04.1",)),
    MeshDescriptor("D5", "Diabetes Mellitus, Type 2", ("Type 2 Diabetes",), ("C18.1",)),
    MeshDescriptor("D6", "General Surgery", ("Surgery",), ("H02.1",)),
    MeshDescriptor("D7", "Risk Factors", (), ("E05.2",)),
    MeshDescriptor("D8", "Review", (), ("V02.1",)),
    MeshDescriptor("D9", "Heart", (), ("A07.1",)),
    Subheading("Q1", "surgery", "SU"),
    SupplementaryConcept("C1", "bucindolol"),
)


@pytest.fixture(scope="module")
def mesh(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mesh]:
    path = tmp_path_factory.mktemp("mesh") / "mesh.sqlite"
    build(path, RECORDS, source="test")
    opened = Mesh(MeshStore(path))
    yield opened
    opened.close()


@pytest.mark.parametrize(
    ("question", "headings"),
    [
        (
            "Do beta blockers reduce mortality in chronic heart failure?",
            {"beta blockers": ("Adrenergic beta-Antagonists",), "mortality": ("Mortality",), "chronic": (),
             "heart failure": ("Heart Failure",)},
        ),
        ("Is obesity among the risk factors for breast cancer?",
         {"obesity": (), "risk factors": ("Risk Factors",), "breast cancer": ("Breast Neoplasms",)}),
        ("Does bucindolol help in type 2 diabetes?",
         {"bucindolol": (), "type 2 diabetes": ("Diabetes Mellitus, Type 2",)}),
        ("Cardiac failure--is surgery useful in heart failure?",
         {"Cardiac failure": ("Heart Failure",), "surgery": ()}),
        ("Why?", {}),
        ("", {}),
    ],
)  # fmt: skip
def test_the_longest_run_of_words_that_mesh_knows_is_a_concept(
    mesh: Mesh, question: str, headings: dict[str, tuple[str, ...]]
) -> None:
    assert {concept.words: concept.headings for concept in concepts_of(question, mesh)} == headings


def test_a_concept_is_its_headings_or_its_words(mesh: Mesh) -> None:
    assert joined(concepts_of("Is surgery for breast cancer safe in anaemia after bucindolol?", mesh)) == (
        '("surgery"[MeSH Subheading] OR "surgery"[Title/Abstract] OR "surgeries"[Title/Abstract]) AND '
        '("Breast Neoplasms"[MeSH Terms] OR "breast cancer"[Title/Abstract] OR "breast cancers"[Title/Abstract] OR '
        '"breast neoplasms"[Title/Abstract]) AND '
        '("anaemia"[Title/Abstract] OR "anaemias"[Title/Abstract] OR "anemia"[Title/Abstract] OR '
        '"anemias"[Title/Abstract]) AND '
        '("bucindolol"[Supplementary Concept] OR "bucindolol"[Title/Abstract] OR "bucindolols"[Title/Abstract])'
    )


WORDS = st.lists(
    st.sampled_from(
        [
            "heart failure", "beta-blockers", "(breast", "cancer)", "AND", "OR", "NOT", "[mh]", '"', "type 2 diabetes",
            "5-HT", "naïve", "Crohn’s", "risk factors", "*", "2001:2009", "bucindolol", "surgery", "%", "--", "x",
        ]
    )
)  # fmt: skip


@given(st.one_of(st.text(max_size=120), WORDS.map(" ".join)))
def test_whatever_is_asked_the_query_is_valid_as_written(mesh: Mesh, question: str) -> None:
    query = help_with_query(question, mesh).query
    if not query:
        return
    assert not [note for note in parse(query, mend=False).notes if note.severity == "error"]
    translated = translate(query, vocabulary=mesh, strict=True, today=date(2026, 1, 1))
    assert not [note for note in translated.notes if note.severity == "error"]


def test_without_mesh_pubmed_maps_the_words(mesh: Mesh) -> None:
    asked = "Do beta blockers reduce mortality in heart failure?"
    assert help_with_query(asked).query == "(beta blockers) AND mortality AND (heart failure)"
    assert not help_with_query(asked).has_mesh
    assert help_with_query(asked, mesh).has_mesh


def test_what_finds_nothing_is_made_wider_until_something_is_found(mesh: Mesh) -> None:
    asked = "Do beta blockers reduce mortality in chronic heart failure?"

    alone = {"beta": 4, "mortality": 90, "chronic": 50, "heart": 30}

    def count(query: str) -> int:
        parts = [size for word, size in alone.items() if word in query]
        return parts[0] if len(parts) == 1 else 3 if len(parts) == 2 else 0

    found = help_with_query(asked, mesh, count=count)
    assert found.left_out == (("mortality", 90), ("chronic", 50)), "what most articles have says least"
    assert found.hits == 3
    assert "chronic" in found.strict
    assert "chronic" not in found.query
    assert '"Heart Failure"[MeSH Terms]' in found.query
    alone["beta"] = 0
    assert help_with_query(asked, mesh, count=count).left_out[0] == ("beta blockers", 0)
    nothing = help_with_query(asked, mesh, count=lambda _: 0)
    assert (nothing.hits, len(nothing.concepts)) == (0, 1)
    assert help_with_query(asked, mesh, count=lambda _: 4).left_out == ()


def test_of_the_names_a_model_proposes_those_come_in_that_mesh_knows_for_it(mesh: Mesh) -> None:
    engine = ScriptedEngine("1. cardiac failure; heart attack\n2. breast neoplasms; death\n9. nothing")
    found = help_with_query("Heart failure and mammary tumours?", mesh, engine=lambda: engine)
    heart, tumour = found.concepts[0], found.concepts[1]
    assert heart.added == ("cardiac failure",)
    assert (tumour.words, tumour.headings) == ("mammary", ("Breast Neoplasms",))
    assert '"cardiac failure"[Title/Abstract]' in found.query
    assert "heart attack" not in found.query
    assert engine.prompt == "1. Heart failure\n2. mammary\n3. tumours"


@given(st.lists(st.text(max_size=30), max_size=3))
def test_a_proposed_name_never_breaks_the_query(mesh: Mesh, names: list[str]) -> None:
    (concept,) = concepts_of("heart failure", mesh)
    query = with_names(concept, names, mesh).query
    assert not [note for note in parse(query, mend=False).notes if note.severity == "error"]


def test_questions_as_people_ask_them_with_the_whole_of_mesh(tmp_path: Path) -> None:
    data = REPOSITORY.parent / "shared" / "data"
    if not (data / "mesh" / "descriptors.jsonl.gz").is_file() or not (data / "pubmedqa" / "qa.jsonl").is_file():
        pytest.skip("needs shared/data/mesh and shared/data/pubmedqa")
    build(tmp_path / "mesh.sqlite", read_mesh(data / "mesh" / "descriptors.jsonl.gz"), source="test")
    with (data / "pubmedqa" / "qa.jsonl").open(encoding="utf-8") as lines:
        questions = [row["question"] for row in map(json.loads, lines) if row["split"] == "dev"][:200]
    with MeshStore(tmp_path / "mesh.sqlite") as store:
        vocabulary = Mesh(store)
        found = [help_with_query(question, vocabulary) for question in questions]
        for one in found:
            translate(one.query, vocabulary=vocabulary, strict=True, today=date(2026, 1, 1))
    with_heading = sum(any(concept.headings for concept in one.concepts) for one in found)
    assert with_heading >= 0.9 * len(found)
    assert all(len(one.concepts) >= 1 for one in found)
