"""Quotations that name their source as far as it is known."""

from __future__ import annotations

import pytest

from pubmed_rag.core.records import Author, PartialDate, Passage
from pubmed_rag.rag.evidence import Evidence
from pubmed_rag.rag.quotation import attribution, quote
from tests.support import article

PACKER, BRISTOW, COHN = (Author(last_name=name, initials="X") for name in ("Packer", "Bristow", "Cohn"))
GROUP = Author(collective_name="BEST Investigators")
NAMELESS = Author(initials="X")


@pytest.mark.parametrize(
    ("authors", "year", "expected"),
    [
        ((PACKER, BRISTOW, COHN), 1996, "Packer et al. (1996)"),
        ((PACKER, BRISTOW), 1996, "Packer and Bristow (1996)"),
        ((PACKER,), 1996, "Packer (1996)"),
        ((PACKER,), None, "Packer"),
        ((), 1996, "A study of 1996"),
        ((), None, "A study"),
        ((GROUP,), 2001, "BEST Investigators (2001)"),
        ((PACKER, GROUP), 2001, "Packer and BEST Investigators (2001)"),
        ((PACKER, NAMELESS), 2001, "Packer et al. (2001)"),
        ((NAMELESS,), 2001, "A study of 2001"),
    ],
)
def test_attribution(authors: tuple[Author, ...], year: int | None, expected: str) -> None:
    item = article("1", "Title.", "It fell.", authors=authors, published=PartialDate(year))
    assert attribution(item) == expected
    span = Passage("1", "1", 7, 15, "It fell.")
    assert quote([Evidence(span, item, 1.0, 1.0)]) == f"{expected}: “It fell.”"


def test_a_nameless_study_is_called_by_its_design_and_one_quoted_again_is_not_named_twice() -> None:
    item = article("1", "Title.", "Patients were randomized to zinc. It fell.", published=PartialDate(1996))
    first, second = (Evidence(Passage("1", "1", 0, 0, text), item, 1.0, 1.0) for text in ("One.", "Two."))
    assert quote([first, second]) == "A randomized trial of 1996: “One.” “Two.”"
    assert quote([second], again=True) == "It also says: “Two.”"
