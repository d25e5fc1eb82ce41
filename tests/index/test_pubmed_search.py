"""Boolean searches agree with a brute-force reading of PubMed's rules over the same articles."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pubmed_rag.core.errors import UsageError
from pubmed_rag.core.records import Article, Filters
from pubmed_rag.core.search_tags import FIELDS
from pubmed_rag.core.store import StoredArticle
from pubmed_rag.index.pubmed_ast import And, Node, Not, Nothing, Or, Range, Term
from pubmed_rag.index.pubmed_search import BooleanSearch
from pubmed_rag.index.thesaurus import NoThesaurus
from pubmed_rag.index.words import TantivyIndex, write_words
from tests.index.pubmed_matcher import matches
from tests.index.pubmed_world import Families, leaves, trees, world
from tests.index.test_words import ALONE, passes
from tests.support import article

TODAY = date(2021, 6, 1)
ARTICLES = dict(enumerate(world(60), start=1))
LARGER = dict(enumerate(world(400, seed=7), start=1))


def opened(directory: Path, articles: dict[int, Article], *, segments: int = 1) -> BooleanSearch:
    """The articles in ``segments`` segments, as updates leave them."""
    stored = [StoredArticle(key, item) for key, item in articles.items()]
    for part in range(segments):
        write_words(directory, stored[part::segments])
    return BooleanSearch(TantivyIndex.open(directory), Families())


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> BooleanSearch:
    return opened(tmp_path_factory.mktemp("world"), ARTICLES, segments=3)


@pytest.fixture(scope="module")
def larger(tmp_path_factory: pytest.TempPathFactory) -> BooleanSearch:
    return opened(tmp_path_factory.mktemp("larger"), LARGER)


def found(engine: BooleanSearch, tree: Node, filters: Filters | None = None) -> list[int]:
    return list(engine.keys(tree, filters or Filters()).tolist())


def expected(tree: Node, filters: Filters | None = None) -> list[int]:
    return [
        key for key, item in ARTICLES.items() if matches(item, tree, Families()) and passes(item, filters or Filters())
    ]


@settings(max_examples=600)
@given(tree=leaves)
def test_every_kind_of_term_agrees_with_the_brute_force_reading(engine: BooleanSearch, tree: Node) -> None:
    assert found(engine, tree) == expected(tree)


@settings(max_examples=300)
@given(tree=trees)
def test_trees_agree_with_set_algebra(engine: BooleanSearch, tree: Node) -> None:
    wanted = expected(tree)
    assert found(engine, tree) == wanted
    assert engine.count(tree) == len(wanted)


_filters = st.fixed_dictionaries({}, optional={name: st.sampled_from(values) for name, values in ALONE.items()})


@settings(max_examples=150)
@given(tree=trees, values=_filters, top=st.sampled_from((1, 5, 100)))
def test_filters_narrow_every_query_and_every_order(
    engine: BooleanSearch, tree: Node, values: dict[str, Any], top: int
) -> None:
    filters = Filters(**values)
    wanted = expected(tree, filters)
    assert found(engine, tree, filters) == wanted
    for sort in ("relevance", "date", "entered"):
        hits = engine.search(tree, top, filters, sort=sort, today=TODAY)
        assert hits.total == len(wanted)
        assert len(set(hits.keys.tolist())) == len(hits.keys) == min(top, len(wanted))
        assert set(hits.keys.tolist()) <= set(wanted)


@settings(max_examples=100)
@given(tree=trees, top=st.integers(1, 30))
def test_longer_lists_begin_with_shorter_ones(engine: BooleanSearch, tree: Node, top: int) -> None:
    for sort in ("relevance", "date", "entered"):
        long = engine.search(tree, 60, Filters(), sort=sort, today=TODAY)
        short = engine.search(tree, top, Filters(), sort=sort, today=TODAY)
        assert short.keys.tolist() == long.keys.tolist()[:top]
        assert short.scores.tolist() == long.scores.tolist()[:top]
        assert long.scores.tolist() == sorted(long.scores.tolist(), reverse=True)
