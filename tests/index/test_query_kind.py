"""What somebody typed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pubmed_rag.index.query_kind import query_kind


@pytest.mark.parametrize(
    ("query", "kind"),
    [
        ("heart failure[mh] carvedilol", "pubmed"),
        ("Smith J[Author]", "pubmed"),
        ("smith j[1AU]", "pubmed"),
        ("heart[ti:~3]", "pubmed"),
        ("aspirin AND stroke", "pubmed"),
        ("aspirin NOT stroke", "pubmed"),
        ("cardio* death", "pubmed"),
        ("Does aspirin prevent stroke", "question"),
        ("stroke?", "question"),
        ("what works against migraine in children", "question"),
        ("aspirin stroke prevention", "keywords"),
        ("salt and water", "keywords"),
        ("[18F]FDG uptake", "keywords"),
        ("is fracture", "keywords"),
        ("IL-2* p<0.05", "keywords"),
        ("", "keywords"),
    ],
)
def test_kinds(query: str, kind: str) -> None:
    assert query_kind(query) == kind


@given(st.text(max_size=300))
def test_any_text_has_a_kind(text: str) -> None:
    assert query_kind(text) in ("question", "keywords", "pubmed")
