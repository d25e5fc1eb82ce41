"""What a set of articles is made of."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from pubmed_rag.core.records import Article, Journal, MeshHeading, PartialDate, Term
from pubmed_rag.index.facets import CHECK_TAGS, FacetValue, facets_of, kind_of, overview
from tests.support import Opener, article, random_articles

TRIAL = article(
    "1",
    "A trial",
    published=PartialDate(year=2001),
    journal=Journal(abbreviation="J Trials"),
    publication_types=(Term("Journal Article"), Term("Randomized Controlled Trial")),
    mesh=(MeshHeading("Humans"), MeshHeading("Asthma"), MeshHeading("Asthma")),
    languages=("eng",),
)


def test_each_article_counts_once_for_a_value() -> None:
    facets = facets_of([TRIAL, TRIAL, article("2", "No facts")])
    assert facets.articles == 3
    assert facets.years == ((2001, 2),)
    assert facets.mesh == (FacetValue("Asthma", 2), FacetValue("Humans", 2))  # check tags last
    assert facets.journals == (FacetValue("J Trials", 2),)
    assert facets.languages == (FacetValue("eng", 2),)
    assert "Humans" in CHECK_TAGS


def test_the_commonest_are_kept() -> None:
    articles = [article(str(n), mesh=tuple(MeshHeading(f"H{m}") for m in range(n + 1))) for n in range(5)]
    assert facets_of(articles, most=2).mesh == (FacetValue("H0", 5), FacetValue("H1", 4))


def test_the_more_telling_kind_wins() -> None:
    assert kind_of(TRIAL) == "Randomized Controlled Trial"
    assert kind_of(article("2", publication_types=(Term("Review"), Term("Meta-Analysis")))) == "Meta-Analysis"
    assert kind_of(article("3", publication_types=(Term("Clinical Trial, Phase II"),))) == "Clinical Trial"
    assert kind_of(article("4")) == "Journal Article"


@given(st.lists(st.tuples(st.integers(1900, 2030), st.sampled_from("abc")), max_size=30))
def test_counts_add_up(rows: list[tuple[int, str]]) -> None:
    articles = [
        Article(str(n), published=PartialDate(year=year), journal=Journal(title=name))
        for n, (year, name) in enumerate(rows)
    ]
    facets = facets_of(articles)
    assert sum(count for _, count in facets.years) == sum(value.count for value in facets.journals) == len(rows)
    assert [year for year, _ in facets.years] == sorted({year for year, _ in rows})


def test_a_large_library_is_sampled_and_says_so(tiny: Opener) -> None:
    library = tiny([])
    library.store.upsert(random_articles(300))
    library.store.delete(["1", "2", "3"])
    assert overview(library.store).facets.articles == 297
    assert overview(library.store).sampled is None
    part = overview(library.store, most_read=100)
    assert part.sampled == part.facets.articles
    assert 60 < part.facets.articles < 140
    assert part == overview(library.store, most_read=100)
