"""MeSH in the library: whole or not there, verified, and asked by key."""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from pubmed_rag.core import mesh_store, subheadings
from pubmed_rag.core.errors import LibraryError, LibraryNotFoundError, StorageError
from pubmed_rag.core.mesh import (
    DescriptorKind,
    MeshDescriptor,
    MeshRecord,
    PharmacologicalAction,
    Subheading,
    SupplementaryConcept,
    natural_order,
    term_key,
)
from pubmed_rag.core.mesh_store import MeshCounts, MeshStore, TermKind, build, verify

HEART = MeshDescriptor("D1", "Heart Diseases", ("Cardiac Diseases", "Heart Disease"), ("C14.280", "C23.1"))
FAILURE = MeshDescriptor("D2", "Heart Failure", ("Cardiac Failure",), ("C14.280.434",), note="The heart fails.")
ODD = MeshDescriptor("D3", "Other", (), ("C14.2801",))
TRIAL = MeshDescriptor("D4", "Clinical Trial", (), ("V03.1",), DescriptorKind.PUBLICATION_TYPE)
NETS = MeshDescriptor("D5", "Neural Networks, Computer", ("Neural Network (Computer)", "Model (Theoretical)"))
ASPIRIN = MeshDescriptor("D6", "Aspirin", ("Acetylsalicylic Acid",), ("D02.1",), actions=("Anti-Inflammatory Agents",))
WWOX = SupplementaryConcept("C1", "WWOX protein, human", ("WWOX",), ("D1",))
AI = Subheading("Q1", "antagonists & inhibitors", "AI", ("inhibitors",), ("Y03.030", "Y07.040"))
AGENTS = PharmacologicalAction("D7", "Anti-Inflammatory Agents", ("Ibuprofen",))
ALL: list[MeshRecord] = [HEART, FAILURE, ODD, TRIAL, NETS, ASPIRIN, WWOX, AI, AGENTS]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "library" / "mesh.sqlite"


@pytest.fixture
def store(path: Path) -> Iterator[MeshStore]:
    build(path, ALL, source="a test")
    with MeshStore(path) as opened:
        yield opened


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("Tick-Borne Diseases", "tick borne diseases"),
        ("Alzheimer's Disease", "alzheimer s disease"),
        ("Sjögren's Syndrome", "sjogren s syndrome"),
        ("Influenza, Human", "influenza human"),
        ("  N(4)-(2-acetamido)  ", "n 4 2 acetamido"),
        ("snake_case", "snake case"),
        ("β-Lactams", "β lactams"),
        ("...", ""),
    ],
)
def test_spellings_that_are_one(text: str, key: str) -> None:
    assert term_key(text) == key


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("Neural Networks, Computer", "Computer Neural Networks"),
        ("Pulmonary Disease, Chronic Obstructive", "Chronic Obstructive Pulmonary Disease"),
        ("Neoplasms", "Neoplasms"),
        ("1,2-Dipalmitoylphosphatidylcholine", "1,2-Dipalmitoylphosphatidylcholine"),
    ],
)
def test_natural_order(name: str, said: str) -> None:
    assert natural_order(name) == said


def test_counts(store: MeshStore) -> None:
    assert store.info.source == "a test"
    assert store.info.counts == MeshCounts(
        descriptors=6,
        entry_terms=6,
        tree_numbers=6,
        publication_types=1,
        subheadings=1,
        supplementary_concepts=1,
        synonyms=1,
        pharmacological_actions=2,
    )


def test_meanings(store: MeshStore) -> None:
    keys = [
        "heart disease",
        "wwox",
        "clinical trial",
        "inhibitors",
        "antagonists and inhibitors",
        "nothing",
        "heart failure",
    ]
    found = {key: [(m.kind, m.name, m.is_type) for m in meanings] for key, meanings in store.meanings(keys).items()}
    assert found == {
        "heart disease": [(TermKind.ENTRY, "Heart Diseases", False)],
        "wwox": [(TermKind.SYNONYM, "WWOX protein, human", False)],
        "clinical trial": [(TermKind.HEADING, "Clinical Trial", True)],
        "inhibitors": [(TermKind.SUBHEADING, "antagonists & inhibitors", False)],
        "antagonists and inhibitors": [(TermKind.SUBHEADING, "antagonists & inhibitors", False)],
        "heart failure": [(TermKind.HEADING, "Heart Failure", False)],
    }


def test_the_sense_in_parentheses_may_be_left_out_of_several_words(store: MeshStore) -> None:
    found = store.meanings(["neural network", "neural network computer", "model"])
    assert sorted(found) == ["neural network", "neural network computer"]


def test_below_goes_by_every_tree_number_and_stops_at_the_dot(store: MeshStore) -> None:
    assert store.below("D1") == ["Heart Diseases", "Heart Failure"]  # C14.2801 is not below C14.280
    assert store.below("D3") == ["Other"]
    assert store.below("D99") == []


def test_actions_come_from_substances_and_from_the_list_of_actions(store: MeshStore) -> None:
    assert store.is_action("anti-inflammatory agents")
    assert not store.is_action("Aspirin")
    assert sorted(store.substances("Anti-Inflammatory Agents")) == ["Aspirin", "Ibuprofen"]


def test_more_keys_than_one_statement_holds(store: MeshStore) -> None:
    keys = [f"nothing {n}" for n in range(2_000)] + ["aspirin"]
    assert list(store.meanings(keys)) == ["aspirin"]


def test_a_kind_replaces_what_was_there_of_it_and_nothing_else(path: Path) -> None:
    build(path, ALL, source="first")
    info = build(path, [SupplementaryConcept("C2", "other", ("another",))], source="second")
    assert info.source == "second; first"
    assert info.counts.supplementary_concepts == 1
    assert info.counts.entry_terms == 6
    with MeshStore(path) as store:
        assert sorted(store.meanings(["wwox", "another", "heart failure", "inhibitors"])) == [
            "another",
            "heart failure",
            "inhibitors",
        ]
        assert store.substances("Anti-Inflammatory Agents")


def test_scope_notes_by_heading(store: MeshStore) -> None:
    assert store.scope_note("heart failure") == "The heart fails."
    assert store.scope_note("Cardiac Failure") == store.scope_note("Aspirin") == store.scope_note("nothing") == ""


def test_notes_stay_where_other_files_come_in_and_a_file_made_before_there_were_notes_has_none(path: Path) -> None:
    build(path, ALL, source="first")
    build(path, [WWOX], source="second")
    with MeshStore(path) as store:
        assert store.scope_note("Heart Failure") == "The heart fails."
    connection = sqlite3.connect(path)
    connection.execute("DROP TABLE note")
    connection.commit()
    connection.close()
    mesh_store._seal(path)  # as if it had been made so
    with MeshStore(path) as store:
        assert store.scope_note("Heart Failure") == ""
    build(path, [AI], source="third")
    with MeshStore(path) as store:
        assert store.scope_note("Heart Failure") == ""
        assert store.meanings(["heart failure"])


def test_terms_that_begin_with_others(store: MeshStore) -> None:
    assert store.terms_beginning("cardiac") == [
        ("cardiac diseases", "Heart Diseases"),
        ("cardiac failure", "Heart Failure"),
    ]
    assert store.terms_beginning("clinical") == [], "publication types are no headings"
    assert store.terms_beginning("card") == []


def test_a_failure_leaves_what_was_there(path: Path) -> None:
    build(path, ALL, source="first")
    before = path.read_bytes()

    def breaking() -> Iterator[MeshRecord]:
        yield HEART
        raise StorageError("the disk is full")

    with pytest.raises(StorageError):
        build(path, breaking(), source="second")
    assert path.read_bytes() == before
    assert [file.name for file in path.parent.iterdir()] == ["mesh.sqlite"]


def test_what_a_killed_process_left_is_removed_in_time(path: Path) -> None:
    path.parent.mkdir()
    old, new = path.parent / ".mesh.sqlite.1.1.tmp", path.parent / ".mesh.sqlite.2.2.tmp"
    old.touch()
    new.touch()
    os.utime(old, (0, 0))
    build(path, ALL, source="a test")
    assert not old.exists()
    assert new.exists()


def test_a_reader_keeps_its_file_while_another_is_made(path: Path, store: MeshStore) -> None:
    build(path, [MeshDescriptor("D8", "New")], source="second")
    assert list(store.meanings(["heart failure"])) == ["heart failure"]
    with MeshStore(path) as fresh:
        assert list(fresh.meanings(["heart failure", "new"])) == ["new"]


def test_any_changed_byte_is_found(path: Path) -> None:
    build(path, ALL, source="a test")
    verify(path)
    whole = path.read_bytes()
    for at in range(0, len(whole), max(1, len(whole) // 61)):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
        with pytest.raises(LibraryError, match="ingest mesh"):
            MeshStore(path)
    path.write_bytes(whole[:-1])
    with pytest.raises(LibraryError, match="damaged"):
        verify(path)
    path.write_bytes(b"")
    with pytest.raises(LibraryError, match="not the MeSH"):
        MeshStore(path)


def test_a_damaged_file_is_replaced(path: Path) -> None:
    build(path, ALL, source="a test")
    path.write_bytes(path.read_bytes()[:-1])
    assert build(path, [HEART], source="again").source == "again"


def test_none_there(path: Path) -> None:
    with pytest.raises(LibraryNotFoundError, match="ingest mesh"):
        MeshStore(path)


def test_several_threads(store: MeshStore) -> None:
    right: list[bool] = []

    def ask() -> None:
        answers = (store.below("D1") == ["Heart Diseases", "Heart Failure"] for _ in range(100))
        right.append(all(answers) and bool(store.meanings(["aspirin"])))

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert right == [True] * 4


# -- the subheadings that are always known ---------------------------------------------------------


def test_subheadings_have_76_codes_and_known_families() -> None:
    assert len(subheadings.CODES) == 76
    names = set(subheadings.CODES.values())
    assert set(subheadings.BELOW) <= names
    assert all(set(below) <= names for below in subheadings.BELOW.values())


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("DH", "diet therapy"),
        ("th", "therapy"),
        ("Statistics and Numerical Data", "statistics & numerical data"),
        ("prevention & control", "prevention & control"),
        ("xx", None),
        ("love", None),
    ],
)
def test_subheadings_by_name_or_code(text: str, name: str | None) -> None:
    assert subheadings.find(text) == name


def test_subheading_families_go_all_the_way_down() -> None:
    assert subheadings.family("adverse effects") == ("adverse effects", "poisoning", "toxicity")
    assert "transplantation" in subheadings.family("therapy")
    assert "toxicity" in subheadings.family("pharmacology")
    assert subheadings.family("veterinary") == ("veterinary",)
