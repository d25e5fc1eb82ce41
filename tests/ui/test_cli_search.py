"""``pubmed-rag search`` as a process: PubMed's language, pages, similar articles, spelling. No model is needed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from pubmed_rag.core.mesh import MeshDescriptor
from pubmed_rag.core.mesh_store import build as build_mesh
from pubmed_rag.core.records import PartialDate
from tests.support import article, open_tiny
from tests.ui.test_cli import failed_with, run


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Thirty indexed articles on two subjects."""
    root = tmp_path_factory.mktemp("searched") / "library"
    subjects = ("Carvedilol in heart failure", "Screening for asthma in children")
    made = open_tiny(
        root,
        [
            article(
                str(number),
                f"{subjects[number % 2]}, study {number}.",
                f"The {number} patients were followed. Nothing else was found.",
                published=PartialDate(1990 + number),
            )
            for number in range(1, 31)
        ],
    )
    yield root
    made.store.close()


def test_a_pubmed_query_is_translated_and_counted_by_clause(library: Path) -> None:
    query = "carvedilol[ti] AND 2000:2010[dp]"
    shown = run("search", query, "--mode", "pubmed", "--explain", "--sort", "date", library=library)
    assert shown.returncode == 0, shown.stderr
    assert 'Understood as: "carvedilol"[Title] AND 2000/01/01:2010/12/31[Date - Publication]' in shown.stdout
    assert '15    "carvedilol"[Title]' in shown.stdout
    assert "6 of 6 articles" in shown.stdout
    printed = json.loads(run("search", query, "--mode", "pubmed", "--sort", "date", "--json", library=library).stdout)
    assert [hit["pmid"] for hit in printed["hits"]] == ["20", "18", "16", "14", "12", "10"]
    assert printed["translation"] == '"carvedilol"[Title] AND 2000/01/01:2010/12/31[Date - Publication]'
    assert printed["total"] == 6
    assert printed["clauses"] == []


def test_a_mistake_is_refused_with_its_place_unless_pubmed_itself_is_wanted(library: Path) -> None:
    query = "carvedilol[tiabb]"
    failed_with(run("search", query, "--mode", "pubmed", library=library), 2, "at character 11", "[tiab]")
    faithful = run("search", query, "--mode", "pubmed", "--faithful", library=library)
    assert faithful.returncode == 0
    assert "note: at character 11, '[tiabb]'" in faithful.stderr
    assert "of 15 articles" in faithful.stdout


def test_pages_go_on_where_the_one_before_ended(library: Path) -> None:
    def page(skip: int) -> list[int]:
        done = run("search", "carvedilol", "--mode", "bm25", "--top", 5, "--skip", skip, "--json", library=library)
        return [hit["rank"] for hit in json.loads(done.stdout)["hits"]]

    assert [page(skip) for skip in (0, 5, 10, 15)] == [[1, 2, 3, 4, 5], [6, 7, 8, 9, 10], [11, 12, 13, 14, 15], []]
    second = run("search", "carvedilol", "--mode", "bm25", "--top", 5, "--skip", 5, library=library)
    assert "6 to 10 of 15 articles" in second.stdout


def test_articles_like_one(library: Path) -> None:
    done = run("search", "--like", "7", "--top", 5, "--json", library=library)
    hits = json.loads(done.stdout)["hits"]
    assert len(hits) == 5
    assert all("asthma" in hit["title"] for hit in hits)
    assert "7" not in [hit["pmid"] for hit in hits]
    failed_with(run("search", "--like", "999", library=library), 3, "999")
    failed_with(run("search", "--like", "7", "--mode", "bm25", library=library), 2, "--mode")
    failed_with(run("search", "words", "--like", "7", library=library), 2, "give a query or --like")
    failed_with(run("search", library=library), 2, "give a query or --like")


def test_a_misspelt_word_is_answered_with_the_nearest(library: Path) -> None:
    done = run("search", "carvedillol failure", "--mode", "bm25", library=library)
    assert "Did you mean: carvedilol failure" in done.stdout


def test_orders_and_modes_are_named_where_they_are_wrong(library: Path) -> None:
    failed_with(run("search", "asthma", "--mode", "pubmed", "--sort", "newest", library=library), 2, "relevance, date")
    failed_with(run("search", "asthma", "--mode", "bm25", "--sort", "date", library=library), 2, "--mode pubmed")
    failed_with(run("search", "asthma", "--mode", "semantic", library=library), 2, "pubmed, bm25, dense, hybrid")


def test_a_pubmed_query_in_another_mode_is_noticed(library: Path) -> None:
    done = run("search", "carvedilol[ti]", "--mode", "bm25", library=library)
    assert done.returncode == 0
    assert "--mode pubmed" in done.stderr
    assert "--mode pubmed" not in run("search", "carvedilol", "--mode", "bm25", library=library).stderr


def test_nothing_found_says_what_to_try(library: Path) -> None:
    done = run("search", "asthma AND carvedilol", "--mode", "pubmed", library=library)
    assert done.returncode == 0
    assert "leave some out" in done.stdout


def test_doctor_tells_of_mesh(library: Path) -> None:
    def mesh(root: Path) -> dict[str, str]:
        done = run("doctor", "--json", library=root, PUBMED_RAG_EUTILS_URL="http://127.0.0.1:9/")
        found: list[dict[str, str]] = json.loads(done.stdout)
        return next(item for item in found if item["name"] == "MeSH")

    missing = mesh(library)
    assert (missing["state"], missing["remedy"]) == ("missing", "pubmed-rag ingest mesh")
    path = library / "mesh.sqlite"
    build_mesh(path, [MeshDescriptor("D001249", "Asthma", (), ("C08.127.108",))], source="made here")
    assert mesh(library)["detail"].startswith("1 headings")
    path.write_bytes(path.read_bytes()[:-100])
    assert mesh(library)["state"] == "broken"
    path.unlink()


def test_an_earlier_index_is_listed_and_switched_to(tmp_path: Path) -> None:
    made = open_tiny(tmp_path / "library", [article("1", "Aspirin in stroke.")])
    made.store.upsert([article("2", "Quercetin in gout.")])
    made.update()
    made.store.close()
    listed = json.loads(run("index", "list", "--json", library=tmp_path / "library").stdout)
    assert [(row["generation"], row["in_use"], row["articles"], row["behind"]) for row in listed] == [
        ("g000002", True, 2, 0),
        ("g000001", False, 1, 1),
    ]
    assert all(row["size"] > 0 and row["model"] == "fake" for row in listed)
    switched = run("index", "switch", "g000001", library=tmp_path / "library")
    assert "g000001 is in use; articles: 1" in switched.stdout
    assert "that it lacks: 1" in switched.stderr
    assert "g000001, in use" in run("index", "list", library=tmp_path / "library").stdout
    found = run("search", "quercetin", "--mode", "bm25", "--json", library=tmp_path / "library")
    assert json.loads(found.stdout)["hits"] == []
    failed_with(run("index", "switch", "g000007", library=tmp_path / "library"), 2, "g000002, g000001")
