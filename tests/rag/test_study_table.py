"""The table of studies: plainly stated facts with their sentence, blanks for everything else."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pubmed_rag.core.records import Article, PartialDate, Passage, Term
from pubmed_rag.rag.evidence import Evidence
from pubmed_rag.rag.prompt import build_messages
from pubmed_rag.rag.study_table import Fact, Study, study, study_table
from tests.support import article, random_articles, shared_data

TRIAL = article(
    "1",
    "Carvedilol in severe heart failure.",
    ("BACKGROUND", "In earlier trials 3991 patients with mild heart failure were studied."),
    ("METHODS", "We randomly assigned 2,289 patients with severe heart failure to carvedilol or placebo."),
    ("RESULTS", "Mortality fell (hazard ratio 0.65; 95% CI 0.52 to 0.81). Admissions fell by 20%."),
    published=PartialDate(2001),
)


def values(row: Study) -> tuple[str | None, ...]:
    facts = (row.design, row.participants, row.population, row.effect)
    return tuple(fact.value if fact else None for fact in facts)


def check_slices(row: Study, item: Article) -> None:
    for fact in (row.design, row.participants, row.population, row.effect):
        if fact is not None and fact.span is not None:
            assert item.text[fact.span.start : fact.span.end] == fact.span.text
    for fact in (row.population, row.effect):
        if fact is not None:
            assert fact.span is not None
            assert fact.value in fact.span.text
    if row.participants:
        assert row.participants.span is not None
        assert row.participants.value in row.participants.span.text.replace(",", "").replace(" ", "")


def test_a_trial() -> None:
    row = study(TRIAL, "Does carvedilol reduce mortality?")
    check_slices(row, TRIAL)
    assert (row.id, row.year) == ("1", 2001)
    assert values(row) == (
        "randomized trial",
        "2289",
        "patients with severe heart failure",
        "Mortality fell (hazard ratio 0.65; 95% CI 0.52 to 0.81).",
    )
    assert values(study(TRIAL, "Are admissions fewer?"))[3] == "Admissions fell by 20%."


@pytest.mark.parametrize(
    ("types", "text", "design"),
    [
        (("Randomized Controlled Trial",), "", "randomized trial"),
        (("Journal Article", "Meta-Analysis", "Randomized Controlled Trial"), "", "meta-analysis"),
        (("Review",), "We did a systematic review of randomised trials.", "systematic review"),
        (("Review",), "We tell what is known.", "review"),
        ((), "A meta-analysis of randomized controlled trials.", "meta-analysis"),
        ((), "Patients were randomised to zinc or placebo.", "randomized trial"),
        ((), "A prospective multicentre cohort study.", "cohort study"),
        ((), "In this case-control study we compared them.", "case-control study"),
        ((), "Charts were retrospectively reviewed.", "retrospective study"),
        ((), "Rats were randomized to zinc.", None),
        ((), "We measured zinc.", None),
    ],
)
def test_designs(types: tuple[str, ...], text: str, design: str | None) -> None:
    row = study(article("1", "T.", text, publication_types=tuple(Term(name) for name in types)))
    assert (row.design.value if row.design else None) == design


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("A total of 1 204 women were asked.", "1204"),
        ("We enrolled 200 elderly patients.", "200"),
        ("200 patients were enrolled.", "200"),
        ("A cohort (n = 8655) was followed.", "8655"),
        ("We reviewed 20 of 51 patients.", None),
        ("We studied 20 patients. Later we studied 30 patients.", None),
        ("Of all patients many were old.", None),
        ("Zinc 200 mg was given.", None),
        ("There were 444 deaths among 5273 patients on beta blockers and 624 among 4862 on placebo.", None),
        ("We randomized 1094 patients to carvedilol or placebo; 696 patients given carvedilol did better.", "1094"),
    ],
)
def test_numbers_of_participants(text: str, number: str | None) -> None:
    row = study(article("1", "T.", text))
    assert (row.participants.value if row.participants else None) == number


def test_nothing_stated_is_nothing_told() -> None:
    assert values(study(article("1", "A title.", "Zinc is a metal."))) == (None, None, None, None)
    assert study_table([]) == ()


@given(st.text(max_size=300))
def test_whatever_an_abstract_holds_its_facts_are_slices(text: str) -> None:
    item = article("1", "T.", text, ("RESULTS", f"In 20 patients with {text} it fell by 5%."))
    check_slices(study(item, text), item)


def test_facts_of_random_and_of_real_articles_are_slices() -> None:
    from pubmed_rag.ingest.formats import read_records

    found = [item for item in read_records(shared_data("pubmedqa", "corpus.jsonl.gz")) if isinstance(item, Article)]
    for item in [*random_articles(20), *found]:
        check_slices(study(item, "Does it help?"), item)
    known = sum(study(item).design is not None for item in found)
    assert 150 < known < 600, "narrow patterns: many blanks, but not nothing"


def test_the_model_is_told_year_and_design() -> None:
    span = Passage("1", "1", 0, 8, "It fell.")
    _, user = build_messages("Why?", [Evidence(span, TRIAL, 1.0, 1.0)])
    assert "[1] (2001, randomized trial) It fell." in user.content
    assert isinstance(study(TRIAL).design, Fact)
