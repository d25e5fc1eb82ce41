"""Which articles a subset keeps, and how a person says so."""

from __future__ import annotations

from pathlib import Path

import pytest

from pubmed_rag.core.errors import InputError, UsageError
from pubmed_rag.core.records import Article, Journal, MeshHeading, PartialDate, Section
from pubmed_rag.ingest.subset import Subset, parse_subset

ARTICLE = Article(
    "1",
    abstract=(Section("Words."),),
    journal=Journal("The Lancet", "Lancet", "2985213R", ("0140-6736",)),
    published=PartialDate(2019),
    mesh=(MeshHeading("Asthma", "D001249"), MeshHeading("Child", "D002648")),
    languages=("eng",),
)


@pytest.mark.parametrize(
    ("conditions", "kept"),
    [
        ([], True),
        (["years=2019"], True),
        (["years=2015-2024"], True),
        (["years=2020-"], False),
        (["years=-2018"], False),
        (["language=ENG,fre"], True),
        (["language=fre"], False),
        (["mesh=asthma"], True),
        (["mesh=d001249"], True),
        (["mesh=Diabetes Mellitus, Type 2", "mesh=Child"], True),
        (["mesh=Diabetes Mellitus, Type 2"], False),
        (["journal=lancet"], True),
        (["journal=0140-6736"], True),
        (["journal=2985213r"], True),
        (["journal=BMJ"], False),
        (["abstract", "years=2019", "language=eng", "mesh=Asthma", "journal=The Lancet"], True),
        (["abstract", "language=fre"], False),
    ],
)
def test_conditions(conditions: list[str], kept: bool) -> None:
    assert parse_subset(conditions).matches(ARTICLE) is kept


def test_what_is_not_stated_is_not_matched() -> None:
    bare = Article("2")
    assert Subset().matches(bare)
    for conditions in (["years=1900-"], ["language=eng"], ["mesh=Asthma"], ["journal=Lancet"], ["abstract"]):
        assert not parse_subset(conditions).matches(bare)


def test_a_list_from_a_file(tmp_path: Path) -> None:
    path = tmp_path / "journals.txt"
    path.write_text("\ufeffBMJ\n\nLancet \n", encoding="utf-8")
    assert parse_subset([f"journal=@{path}"]).journals == ("BMJ", "Lancet")
    with pytest.raises(InputError, match="cannot read"):
        parse_subset([f"journal=@{tmp_path / 'none.txt'}"])


@pytest.mark.parametrize(
    "text", ["", "year=2019", "years=", "years=abc", "years=20-30", "years=-", "mesh=", "colour=red"]
)
def test_what_is_no_condition(text: str) -> None:
    with pytest.raises(UsageError, match="years"):
        parse_subset([text])


def test_years_in_the_wrong_order() -> None:
    with pytest.raises(UsageError, match="ends before"):
        parse_subset(["years=2024-2015"])


def test_it_survives_the_journal() -> None:
    subset = parse_subset(["years=2015-", "mesh=Asthma", "abstract"])
    assert Subset.from_json(subset.to_json()) == subset
    assert subset.describe() == "years 2015-, MeSH Asthma, with abstract"
