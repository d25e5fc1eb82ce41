"""Suggestions are words of the library, near the one typed, and leave alone what is no slip."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pubmed_rag.core.store import StoredArticle
from pubmed_rag.index.spelling import suggest, within_two
from pubmed_rag.index.words import TantivyIndex, write_words
from tests.support import article

TEXTS = (
    ("Metformin in diabetes mellitus.", "Diabetes and its treatments were studied in studies of metformin."),
    ("Aspirin after myocardial infarction.", "Infarctions treated with aspirin; the diabetes group too."),
    ("Diabetes in children.", "Children with diabetes and COPD took metformin and p53."),
    ("Myocardial infarction.", "Studies of aspirin; treatments of infarction."),
    ("Sj\u00f6gren's disease", "A word that is here once: fibrosis."),
)


@pytest.fixture(scope="module")
def words(tmp_path_factory: pytest.TempPathFactory) -> TantivyIndex:
    directory: Path = tmp_path_factory.mktemp("spelling")
    write_words(directory, [StoredArticle(key, article(str(key), *text)) for key, text in enumerate(TEXTS, start=1)])
    return TantivyIndex.open(directory)


@pytest.mark.parametrize(
    ("query", "better"),
    [
        ("diabtes", "diabetes"),
        ("diebetis", "diabetes"),
        ("dibaetes", "diabetes"),
        ("Diabetis melitus and metfromin", "Diabetes melitus and metformin"),  # "mellitus" stands in one article only
        ("myocardail infraction", "myocardial infarction"),
        ('"asprin"[tiab] AND childern[mh]', '"aspirin"[tiab] AND children[mh]'),
        ("treatmens", "treatments"),  # as written, not its stem "treatment"
        ("ASPRINE", "Aspirin"),
    ],
)
def test_slips_are_mended(words: TantivyIndex, query: str, better: str) -> None:
    assert suggest(words, query) == better


@pytest.mark.parametrize(
    "query",
    [
        "diabetes in children",
        "aspirn*",
        "p54 and 2diabetes",
        "CPD",
        "asprn OR",  # two edits in a word of five letters
        "nothing[asprin]",
        "the wiht",
        "",
        "???",
        "unheardofword",
        "xdiabetesx y",  # two edits, but not the first letters
        "\u03b2 \u00fcber",
    ],
)
def test_what_is_no_slip_stays(words: TantivyIndex, query: str) -> None:
    assert suggest(words, query) is None


def test_a_word_that_stands_in_an_article_is_a_slip_only_beside_a_far_more_frequent_one(tmp_path: Path) -> None:
    items = [article(str(key), "Fibrillation.", "Carvedilol.") for key in range(1, 150)]
    items += [article("150", "Fibrilation."), article("151", "Carvedilole in fibrosis."), article("152", "Fibrosiss.")]
    write_words(tmp_path, [StoredArticle(key, item) for key, item in enumerate(items, start=1)])
    index = TantivyIndex.open(tmp_path)
    assert suggest(index, "fibrilation") == "fibrillation"
    assert suggest(index, "fibrosiss") is None


@given(query=st.text(max_size=40))
def test_any_text_is_taken(words: TantivyIndex, query: str) -> None:
    better = suggest(words, query)
    assert better is None or better != query


_short = st.text(alphabet="abc", max_size=6)


@given(first=_short, second=_short)
def test_distance_is_what_the_definition_says(first: str, second: str) -> None:
    def distance(a: str, b: str) -> int:
        if not a or not b:
            return len(a) + len(b)
        best = min(distance(a[1:], b) + 1, distance(a, b[1:]) + 1, distance(a[1:], b[1:]) + (a[0] != b[0]))
        if len(a) > 1 and len(b) > 1 and a[0] == b[1] and a[1] == b[0]:
            best = min(best, distance(a[2:], b[2:]) + 1)
        return best

    assert within_two(first, second) == (distance(first, second) <= 2)


def test_a_suggestion_takes_no_time_to_speak_of(words: TantivyIndex) -> None:
    started = time.perf_counter()
    suggest(words, "diabtes melitus myocardail infraction childern")
    assert time.perf_counter() - started < 0.5
