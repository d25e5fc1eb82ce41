"""The library as a map."""

from __future__ import annotations

import numpy as np
import pytest

from pubmed_rag.core.errors import IndexMissingError
from pubmed_rag.core.records import Article, MeshHeading
from pubmed_rag.index.concept_map import ConceptMap, draw_map, group_names, read_map
from pubmed_rag.index.generation import current_generation
from tests.support import Opener, article

ASTHMA = [
    article(f"a{n}", f"Asthma and salbutamol in children {n}", f"Salbutamol relieved asthma {n}.") for n in range(20)
]
STROKE = [article(f"s{n}", f"Aspirin after stroke {n}", f"Aspirin prevented another stroke {n}.") for n in range(20)]


def drawn(tiny: Opener, articles: list[Article], most: int = 100) -> ConceptMap:
    library = tiny(articles)
    return draw_map(library.paths, library.store, most=most)


def test_near_articles_stand_together_and_groups_have_their_names(tiny: Opener) -> None:
    made = drawn(tiny, [*ASTHMA, *STROKE])
    places: dict[str, list[tuple[float, float]]] = {point.id[0]: [] for point in made.points}
    for point in made.points:
        places[point.id[0]].append((point.x, point.y))
        assert abs(point.x) <= 1
        assert abs(point.y) <= 1
    asthma, stroke = np.array(places["a"]), np.array(places["s"])
    between = np.linalg.norm(asthma.mean(axis=0) - stroke.mean(axis=0))
    assert between > 2 * max(asthma.std(axis=0).max(), stroke.std(axis=0).max())
    of_group = {
        group.number: {point.id[0] for point in made.points if point.group == group.number} for group in made.groups
    }
    assert all(len(kinds) == 1 for kinds in of_group.values())
    names = {next(iter(of_group[group.number])): group.name for group in made.groups}
    assert "asthma" in names["a"] or "salbutamol" in names["a"]
    assert "stroke" in names["s"] or "aspirin" in names["s"]
    assert sum(group.count for group in made.groups) == len(made.points) == made.articles == 40


def test_it_is_kept_beside_the_generation_and_the_same_each_time(tiny: Opener) -> None:
    library = tiny([*ASTHMA, *STROKE])
    assert read_map(library.paths) is None
    made = draw_map(library.paths, library.store)
    assert read_map(library.paths) == made == draw_map(library.paths, library.store)
    current_generation(library.paths).require_whole()
    library.store.upsert([article("new", "Another")])
    library.update()
    assert read_map(library.paths) == made  # of the generation before, until it is drawn anew
    (library.paths.index / "map.json").write_text("{", encoding="utf-8")
    assert read_map(library.paths) is None


def test_a_large_library_is_sampled_and_deleted_articles_are_left_out(tiny: Opener) -> None:
    assert len(drawn(tiny, [*ASTHMA, *STROKE], most=15).points) == 15
    library = tiny([*ASTHMA, *STROKE])
    library.store.delete(["a1"])
    assert len(draw_map(library.paths, library.store).points) == 39


@pytest.mark.parametrize("count", [1, 2, 3, 9, 10])
def test_few_articles_make_a_map_too(tiny: Opener, count: int) -> None:
    assert len(drawn(tiny, ASTHMA[:count]).points) == count


def test_equal_articles_make_a_map_too(tiny: Opener) -> None:
    made = drawn(tiny, [article(str(n), "The same") for n in range(12)])
    assert [group.count for group in made.groups] == [12]


def test_many_copies_among_others_make_a_map_too(tiny: Opener) -> None:
    copies = [article(f"c{n}", "The same") for n in range(40)]
    made = drawn(tiny, [*copies, *ASTHMA])
    assert len({(point.x, point.y) for point in made.points if point.id[0] == "c"}) == 1
    assert len({(point.x, point.y) for point in made.points}) == 21


def test_no_index_no_map(tiny: Opener) -> None:
    library = tiny([])
    with pytest.raises(IndexMissingError):
        draw_map(library.paths, library.store)


def test_a_group_is_named_by_what_sets_it_apart() -> None:
    def with_mesh(number: int, *names: str) -> Article:
        return article(
            str(number), "T", mesh=tuple(MeshHeading(name) for name in ("Humans", "Treatment Outcome", *names))
        )

    articles = [*(with_mesh(n, "Asthma") for n in range(5)), *(with_mesh(n, "Stroke", "Aspirin") for n in range(5, 10))]
    names = group_names(articles, [0] * 5 + [1] * 5)
    assert names[0].split(", ")[0] == "Asthma"
    assert set(names[1].split(", ")[:2]) == {"Stroke", "Aspirin"}
    assert "Humans" not in names[0] + names[1]
