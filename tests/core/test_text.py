"""The stored form and the indexed form of text."""

from __future__ import annotations

import re
import sys
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pubmed_rag.core.text import collapse, normalise

SOFT_HYPHEN = "\u00ad"
THIN_SPACE = "\u2009"
COMBINING_ACUTE = "\u0301"


def test_white_space_is_what_the_regular_expression_calls_so() -> None:
    """Readers of the rule know ``\\s``; ``str.split`` must mean the same characters."""
    characters = [chr(code) for code in range(sys.maxunicode + 1)]
    assert [c for c in characters if collapse(f"a{c}b") == "a b"] == [c for c in characters if re.match(r"\s", c)]


@given(st.text(alphabet=st.sampled_from("ab \t\r\n\x1c\x85\u00a0\u2009\u3000")))
def test_collapse_is_one_regular_expression(text: str) -> None:
    assert collapse(text) == re.sub(r"\s+", " ", text).strip()


@pytest.mark.parametrize(
    ("stored", "indexed"),
    [
        (f"e{COMBINING_ACUTE}tude", "étude"),
        ("ﬁbrosis", "fibrosis"),
        ("IL‑6", "IL-6"),
        ("COVID–19", "COVID-19"),
        ("a—b", "a-b"),
        ("−5 °C", "-5 °C"),
        (f"hyper{SOFT_HYPHEN}tension", "hypertension"),
        ("zero\u200bwidth\ufeff", "zerowidth"),
        (f"5{THIN_SPACE}mg", "5 mg"),
        ("10\u00a0 \n mg ", "10 mg"),
        ("CO₂ and x²", "CO2 and x2"),
        ("Ångström Å", "Ångström Å"),
        ("TNF-α β-blocker", "TNF-α β-blocker"),
        ("", ""),
    ],
)
def test_the_indexed_form(stored: str, indexed: str) -> None:
    assert normalise(stored) == unicodedata.normalize("NFC", indexed)


def test_an_invisible_character_does_not_keep_a_letter_from_its_accent() -> None:
    assert normalise(f"e{SOFT_HYPHEN}{COMBINING_ACUTE}tude") == "étude"


awkward = st.text(
    alphabet=st.one_of(
        st.characters(codec="utf-8"),
        st.sampled_from(["e", COMBINING_ACUTE, SOFT_HYPHEN, "\u200b", "\u2060", "\u2011", "\u2212", THIN_SPACE, " "]),
    )
)


@given(awkward)
def test_the_indexed_form_is_a_fixed_point(text: str) -> None:
    """A query typed in the indexed form finds what was stored in any other."""
    once = normalise(text)
    assert normalise(once) == once
    assert unicodedata.is_normalized("NFKC", once)
    assert once == collapse(once)


@given(awkward)
def test_composition_makes_no_difference(text: str) -> None:
    assert normalise(unicodedata.normalize("NFD", text)) == normalise(text)
