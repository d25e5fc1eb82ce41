"""How text becomes index terms."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pubmed_rag.index.analysis import STOPWORDS, terms


def test_pubmeds_stopwords() -> None:
    assert len(STOPWORDS) == 130
    assert terms(" ".join(sorted(STOPWORDS))) == []
    assert {"pmid", "mg", "significantly", "showed", "etc"} <= STOPWORDS
    assert not {"not", "more", "less"} & STOPWORDS


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Fractures fractured FRACTURING", ["fractur"] * 3),
        ("mortality mortalities", ["mortal", "mortal"]),
        ("β-blockers IL-6", ["β", "blocker", "il", "6"]),
        ("naïve Café", ["naiv", "cafe"]),
        ("the effect of aspirin on the heart", ["effect", "aspirin", "heart"]),
        ("", []),
        ("... !!", []),
        ("x" * 61, []),
        ("x" * 59, ["x" * 59]),
    ],
)
def test_terms(text: str, expected: list[str]) -> None:
    assert terms(text) == expected


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=80))
def test_any_text_has_terms_without_stopwords_case_or_blanks(text: str) -> None:
    found = terms(text)
    assert all(term and not term.isspace() and " " not in term for term in found)
    assert terms(text) == found
