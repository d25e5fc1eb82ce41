"""The library as a map."""

from __future__ import annotations

import numpy as np
import pytest

from pubmed_rag.core.errors import IndexMissingError
from pubmed_rag.core.records import Article, MeshHeading
from pubmed_rag.index.concept_map import ConceptMap, draw_map, map_of, read_map
from pubmed_rag.index.generation import current_generation
from pubmed_rag.index.map_names import group_terms
from pubmed_rag.index.map_places import MapPlaces
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
    names = {next(iter(of_group[group.number])): group.terms for group in made.groups}
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
    terms = group_terms(articles, [0] * 5 + [1] * 5)
    assert terms[0] == ("Asthma",)
    assert set(terms[1]) == {"Stroke", "Aspirin"}


def test_what_says_the_same_and_what_all_have_names_no_group() -> None:
    articles = [
        *(article(f"a{n}", "T", mesh=(MeshHeading("Asthma"), MeshHeading("Anti-Asthma Agents"))) for n in range(5)),
        *(article(f"b{n}", "T", mesh=(MeshHeading("Lung"),)) for n in range(5)),
    ]
    assert group_terms(articles, [0] * 5 + [1] * 5)[0] in (("Asthma",), ("Anti-Asthma Agents",))
    assert group_terms([article(str(n), "Gene") for n in range(8)], [0] * 4 + [1] * 4) == {0: (), 1: ()}


def test_a_map_of_some_articles_alone(tiny: Opener) -> None:
    library = tiny([*ASTHMA, *STROKE])
    made = map_of(library.paths, library.store, [*(f"s{n}" for n in range(12)), "gone"])
    assert {point.id for point in made.points} == {f"s{n}" for n in range(12)}
    assert made.articles == 40
    assert read_map(library.paths) is None
    with pytest.raises(IndexMissingError):
        map_of(library.paths, library.store, ["gone"])


def test_an_article_left_out_of_a_map_stands_among_its_like(tiny: Opener) -> None:
    library = tiny([*ASTHMA, *STROKE])
    made = draw_map(library.paths, library.store, most=20)
    drawn = {point.id: point for point in made.points}
    places = MapPlaces(library.paths, library.store, made)
    ids = [one.id for one in (*ASTHMA, *STROKE)]
    placed = places.of([*ids, "gone", ids[0]])
    assert [point.id for point in placed] == [article_id for article_id in ids if article_id not in drawn]
    for point in placed:
        assert {other.id[0] for other in made.points if other.group == point.group} == {point.id[0]}
        like = np.array([(other.x, other.y) for other in made.points if other.id[0] == point.id[0]])
        assert (like.min(axis=0) - 1e-4 <= (point.x, point.y)).all()
        assert ((point.x, point.y) <= like.max(axis=0) + 1e-4).all()
    assert places.of([]) == ()


def test_places_on_a_map_of_articles_that_have_gone(tiny: Opener) -> None:
    library = tiny(ASTHMA[:3])
    made = draw_map(library.paths, library.store)
    library.store.upsert(STROKE[:2])
    library.store.delete([one.id for one in ASTHMA[:3]])
    library.update()
    assert MapPlaces(library.paths, library.store, made).of(["s0"]) == ()
