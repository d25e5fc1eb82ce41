"""What the records derive: retraction, year, titles, the canonical text and its offsets, tables."""

from __future__ import annotations

import dataclasses
import inspect

import pytest
from hypothesis import given

from pubmed_rag.core import article as article_module
from pubmed_rag.core import records
from pubmed_rag.core.records import (
    Answer,
    Article,
    Author,
    Citation,
    Claim,
    Component,
    Correction,
    Filters,
    Hit,
    IngestReport,
    Journal,
    MeshHeading,
    MeshQualifier,
    PartialDate,
    Passage,
    RejectedRecord,
    SearchResult,
    Section,
    Term,
    TextSpan,
)
from tests.core.articles import articles

STRUCTURED = Article(
    "1",
    title="A trial.",
    abstract=(
        Section("We asked.", "AIM", "OBJECTIVE"),
        Section("", "METHODS", "METHODS"),
        Section("It worked: β > 0."),
    ),
)


# -- retraction --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("article", "retracted"),
    [
        (Article("1"), False),
        (Article("1", publication_types=(Term("Journal Article"), Term("Retracted Publication", "D016441"))), True),
        (Article("1", publication_types=(Term("Retracted Publication"),)), True),
        (Article("1", publication_types=(Term("Rétracté", "D016441"),)), True),
        (Article("1", corrections=(Correction("RetractionIn", "2"),)), True),
        (Article("1", corrections=(Correction("RetractionIn"),)), True),
        (Article("1", publication_types=(Term("Retraction of Publication", "D016440"),)), False),
        (Article("1", corrections=(Correction("RetractionOf", "2"),)), False),
        (Article("1", corrections=(Correction("ErratumIn", "2"), Correction("ErratumFor", "3"))), False),
        (Article("1", corrections=(Correction("ExpressionOfConcernIn", "2"),)), False),
        (Article("1", corrections=(Correction("RetractedandRepublishedIn", "2"),)), False),
        (Article("1", title="RETRACTED: a trial."), False),
    ],
)
def test_only_the_paper_itself_is_retracted(article: Article, retracted: bool) -> None:
    assert article.is_retracted is retracted


# -- dates, names, titles ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("printed", "electronic", "year"),
    [
        (PartialDate(2020), PartialDate(2019), 2020),
        (PartialDate(raw="Spring"), PartialDate(2019), 2019),
        (PartialDate(), None, None),
        (PartialDate(), PartialDate(), None),
    ],
)
def test_the_year_is_the_printed_one_if_known(
    printed: PartialDate, electronic: PartialDate | None, year: int | None
) -> None:
    assert Article("1", published=printed, published_electronically=electronic).year == year


@pytest.mark.parametrize(
    ("date", "iso"),
    [
        (PartialDate(2020, 3, 9), "2020-03-09"),
        (PartialDate(2020, 3), "2020-03"),
        (PartialDate(2020), "2020"),
        (PartialDate(2020, None, 9), "2020"),
        (PartialDate(987), "0987"),
        (PartialDate(raw="2000 Spring"), None),
    ],
)
def test_a_date_is_written_as_far_as_known(date: PartialDate, iso: str | None) -> None:
    assert date.iso() == iso


@pytest.mark.parametrize(
    ("title", "vernacular", "shown"),
    [
        ("A trial.", None, "A trial."),
        ("[A translated title].", "Un titre.", "A translated title"),
        ("[A translated title.]", None, "A translated title."),
        ("[A title [with brackets] inside].", None, "A title [with brackets] inside"),
        ("[18F]FDG in oncology.", None, "[18F]FDG in oncology."),
        ("[18F]FDG or [11C].", None, "[18F]FDG or [11C]."),
        ("[Not closed", None, "[Not closed"),
        ("", "Un titre.", "Un titre."),
        ("[]", None, "[no title]"),
        ("", None, "[no title]"),
    ],
)
def test_titles_for_people(title: str, vernacular: str | None, shown: str) -> None:
    assert Article("1", title=title, vernacular_title=vernacular).display_title() == shown


@pytest.mark.parametrize(
    ("author", "shown"),
    [
        (Author("Smith", "Jane Ann", "JA"), "Smith JA"),
        (Author("Smith", "Jane"), "Smith Jane"),
        (Author("King", "Martin", "M", "Jr"), "King M Jr"),
        (Author(collective_name="The SPRINT Group"), "The SPRINT Group"),
        (Author(), ""),
    ],
)
def test_authors_as_pubmed_prints_them(author: Author, shown: str) -> None:
    assert author.display() == shown


def test_a_journal_is_shown_by_its_title() -> None:
    assert Journal("The Lancet", "Lancet").display() == "The Lancet"
    assert Journal(abbreviation="Lancet").display() == "Lancet"
    assert Journal().display() is None


@pytest.mark.parametrize(
    ("heading", "major"),
    [
        (MeshHeading("Asthma", major=True), True),
        (MeshHeading("Asthma", qualifiers=(MeshQualifier("therapy"), MeshQualifier("genetics", major=True))), True),
        (MeshHeading("Asthma", qualifiers=(MeshQualifier("therapy"),)), False),
        (MeshHeading("Asthma"), False),
    ],
)
def test_a_heading_is_major_through_any_part(heading: MeshHeading, major: bool) -> None:
    assert heading.is_major is major


# -- canonical text ------------------------------------------------------------------------------------


def test_the_canonical_text_by_hand() -> None:
    assert STRUCTURED.text == "A trial.\nAIM: We asked.\nMETHODS: \nIt worked: β > 0."
    assert STRUCTURED.spans == (
        TextSpan("title", 0, 8),
        TextSpan("abstract", 14, 23, "AIM", "OBJECTIVE"),
        TextSpan("abstract", 34, 51),
    )


def test_an_article_without_title_keeps_its_first_line() -> None:
    article = Article("1", abstract=(Section("Text."),))
    assert article.text == "\nText."
    assert article.spans == (TextSpan("abstract", 1, 6),)
    assert Article("1").text == ""
    assert Article("1").spans == ()


@given(articles)
def test_every_span_slices_its_part(article: Article) -> None:
    parts = [(span.part, article.text[span.start : span.end], span.label) for span in article.spans]
    expected: list[tuple[str, str, str | None]] = [("title", article.title, None)] if article.title else []
    expected += [("abstract", section.text, section.label) for section in article.abstract if section.text]
    assert parts == expected


def test_has_abstract_needs_text() -> None:
    assert STRUCTURED.has_abstract
    assert not Article("1", abstract=(Section("", "METHODS"),)).has_abstract


def test_a_summary_is_marked() -> None:
    assert Article("1", notes=("SUMMARY: in our words.",)).abstract_is_summary
    assert not Article("1", notes=("See the SUMMARY: elsewhere.",)).abstract_is_summary


# -- filters, reports, tables --------------------------------------------------------------------------


def test_filters_are_active_once_anything_is_set() -> None:
    assert not Filters().active
    assert Filters(retracted=False).active
    assert Filters(year_from=0).active
    assert Filters(mesh=("Asthma",)).with_retracted(True) == Filters(mesh=("Asthma",), retracted=True)


def test_reports_add_up() -> None:
    first = IngestReport(5, 2, 1, 1, 4, (RejectedRecord("a", None, "x"),))
    second = IngestReport(1, 1, rejected=(RejectedRecord("b", "7", "y"),))
    assert first + second == IngestReport(
        6, 3, 1, 1, 4, (RejectedRecord("a", None, "x"), RejectedRecord("b", "7", "y"))
    )


def test_one_list_names_every_record() -> None:
    defined = {
        name
        for module in (records, article_module)
        for name, kind in vars(module).items()
        if inspect.isclass(kind) and kind.__module__ == module.__name__ and not name.startswith("_")
    }
    assert defined <= set(records.__all__)
    assert [name for name in records.__all__ if not hasattr(records, name)] == []


def test_records_cannot_be_changed() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        STRUCTURED.title = "Another."  # type: ignore[misc]


HITS = (
    Hit("1", "1", 1, 0.9, "One.", 2020, "J", False, (Component("dense", 1, 0.9), Component("bm25", 2, 3.5))),
    Hit("b", None, 2, 0.1, "Two.", None, None, True, (Component("dense", 2, 0.1), Component("bm25", None, None))),
)


def test_hits_as_a_table() -> None:
    frame = SearchResult("q", "hybrid", HITS, 2, 1.0).to_frame()
    assert list(frame.columns) == [
        *("rank", "id", "pmid", "score", "title", "year", "journal", "retracted"),
        *("dense", "bm25"),
    ]
    assert frame["rank"].to_list() == [1, 2]
    assert frame["dense"].to_list() == [0.9, 0.1]
    assert frame["bm25"].isna().to_list() == [False, True]
    assert SearchResult("q", "hybrid", (), 0, 1.0).to_frame().empty


def test_an_answer_as_a_table() -> None:
    evidence = (Passage("1", "1", 0, 4, "One."), Passage("1", "1", 5, 9, "Two."))
    claims = (
        Claim("First.", "supported", (Citation(1, "1", "1", evidence), Citation(2, "b", None, ())), "model"),
        Claim("Second.", "unsupported", (Citation(2, "b", None, evidence[:1]),), "quotation"),
    )
    frame = Answer("q", "answered", "First. Second.", claims, HITS, "m", 0.0, 0, 1.0).to_frame()
    assert frame["claim"].to_list() == [1, 1, 2]
    assert frame["citation"].to_list() == [1, 2, 2]
    assert frame["evidence"].to_list() == ["One. Two.", "", "One."]
    assert frame["verdict"].to_list() == ["supported", "supported", "unsupported"]
    assert frame["origin"].to_list() == ["model", "model", "quotation"]
