"""What an answer adds for lay people and experts: taken from abstracts or written beforehand, never invented."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pubmed_rag.core.errors import UsageError
from pubmed_rag.core.records import Answer, Author, ExplainLevel, PartialDate
from pubmed_rag.rag.abbreviations import abbreviations
from pubmed_rag.rag.answer import Answerer, AskOptions
from pubmed_rag.rag.explain import as_level
from pubmed_rag.rag.plain_words import PLAIN_TERMS, plain_terms
from tests.rag.test_answer import check_structure
from tests.support import Opener, ScriptedEngine, TinyLibrary, article

QUESTION = "Does carvedilol reduce mortality in heart failure?"
FIGURES = "Carvedilol did reduce mortality in HF or heart failure (HR 0.65)."
PLAIN = "Carvedilol does reduce mortality in heart failure, people living longer everywhere."
TRIAL = article(
    "11",
    "Carvedilol and mortality in heart failure.",
    ("BACKGROUND", "Mortality is high in chronic heart failure (HF)."),
    ("METHODS", "A total of 2289 patients were randomized to carvedilol or placebo."),
    ("RESULTS", FIGURES),
    ("CONCLUSIONS", PLAIN),
    authors=(Author("Packer"), Author("Fowler"), Author("Katus")),
    published=PartialDate(2001),
)


@pytest.fixture
def library(tiny: Opener) -> TinyLibrary:
    return tiny([TRIAL, article("14", "Zinc in asthma.", "Zinc was of no use in asthma.")])


def ask(
    library: TinyLibrary, level: ExplainLevel, *, written: str = "", **more: object
) -> tuple[Answer, ScriptedEngine]:
    engine = ScriptedEngine(written)
    answerer = Answerer(library.store, library.searcher, lambda: engine, **more)  # type: ignore[arg-type]
    answer = answerer.ask(QUESTION, AskOptions(explain=level))
    check_structure(answer, library)
    for item in answer.explanations:
        for span in item.evidence:
            assert library.store.get(span.article_id).text[span.start : span.end] == span.text
    return answer, engine


def told(answer: Answer, kind: str) -> dict[str, str]:
    return {item.term: item.text for item in answer.explanations if item.kind == kind}


def test_abbreviations_are_written_out_for_everyone(library: TinyLibrary) -> None:
    answer, _ = ask(library, "")
    assert told(answer, "abbreviation") == {"HF": "heart failure"}
    assert told(answer, "term") == told(answer, "study") == {}
    (one,) = answer.explanations
    assert (one.source, one.number, one.evidence[0].text) == ("11", 1, "heart failure (HF)")


def test_lay_people_get_conclusions_first_the_kind_of_study_and_the_meaning_of_terms(library: TinyLibrary) -> None:
    answer, engine = ask(library, "lay")
    assert answer.explain == "lay"
    assert answer.claims[0].text.startswith("A randomized trial with 2,289 participants (Packer et al., 2001): “")
    assert engine.prompt.index(PLAIN) < engine.prompt.index(FIGURES)
    assert "everyday words" in engine.messages[0][0].content
    terms = told(answer, "term")
    assert {"hazard ratio (HR)", "randomized"} <= set(terms)
    assert told(answer, "abbreviation") == {"HF": "heart failure"}
    assert all(not item.source and not item.evidence for item in answer.explanations if item.kind == "term")


def test_experts_get_figures_first_and_each_study_by_design_and_size(library: TinyLibrary) -> None:
    answer, engine = ask(library, "expert")
    assert answer.claims[0].text.startswith("Packer et al. (2001; randomized trial, n = 2,289): “")
    assert engine.prompt.index(FIGURES) < engine.prompt.index(PLAIN)
    assert "effect" in engine.messages[0][0].content
    (study,) = [item for item in answer.explanations if item.kind == "study"]
    assert study.term == "[1]"
    assert study.text == "2001; randomized trial; n = 2,289"
    assert FIGURES not in study.text, "what stands in the answer is not told twice"
    assert [span.text for span in study.evidence] == [
        "A total of 2289 patients were randomized to carvedilol or placebo."
    ]


def test_what_a_model_writes_in_plain_words_is_checked_all_the_same(library: TinyLibrary) -> None:
    answer, _ = ask(library, "lay", written="The heart pill keeps everybody alive forever [1].")
    assert {claim.origin for claim in answer.claims} == {"quotation"}
    assert answer.unresolved[0].text == "The heart pill keeps everybody alive forever"


def test_terms_of_medicine_come_from_the_notes_that_are_given(library: TinyLibrary) -> None:
    asked: list[list[str]] = []

    def notes(texts: object) -> list[tuple[str, str]]:
        asked.append(list(texts))  # type: ignore[call-overload]
        return [("Heart Failure", "The heart cannot pump enough blood.")]

    answer, _ = ask(library, "lay", notes=notes)
    assert told(answer, "term")["Heart Failure"] == "The heart cannot pump enough blood."
    assert [item.source for item in answer.explanations if item.term == "Heart Failure"] == ["MeSH"]
    ask(library, "expert", notes=notes)
    assert len(asked) == 1


def test_an_unknown_reader_is_refused() -> None:
    assert [as_level(None), as_level("lay"), as_level("expert")] == ["", "lay", "expert"]
    with pytest.raises(UsageError, match="lay or expert"):
        as_level("child")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Left ventricular ejection fraction (LVEF) rose.", {"LVEF": "Left ventricular ejection fraction"}),
        ("the Beta-Blocker Evaluation of Survival Trial (BEST)", {"BEST": "Beta-Blocker Evaluation of Survival Trial"}),
        ("activated partial thromboplastin time (APTT; P < 0.05)", {"APTT": "activated partial thromboplastin time"}),
        ("He took nothing (ZZZ) of it (2 mg) in all (n = 20).", {}),
        ("tumour necrosis factor-alpha (TNF-alpha) fell", {"TNF-alpha": "tumour necrosis factor-alpha"}),
        ("the ossification of the longitudinal ligament (OLL)", {"OLL": "ossification of the longitudinal ligament"}),
        ("odds ratio (OR), 95% confidence interval (CI)", {"OR": "odds ratio", "CI": "confidence interval"}),
    ],
)
def test_abbreviations(text: str, expected: dict[str, str]) -> None:
    assert {one.short: one.long for one in abbreviations(article("1", "T.", text))} == expected


@given(st.text(alphabet="abcdeABCDE ()-.,;12é", max_size=120))
def test_an_abbreviation_is_a_slice_that_holds_its_letters_in_order(text: str) -> None:
    one_article = article("1", "T.", text)
    for one in abbreviations(one_article):
        assert one_article.text[one.span.start : one.span.end] == one.span.text
        assert one.span.text.startswith(one.long)
        letters = iter(one.long.casefold())
        assert all(letter in letters for letter in one.short.casefold() if letter.isalnum())


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("It fell (p<0.05).", ["p value"]),
        ("The difference was not statistically significant (P = .09).", ["not significant", "p value"]),
        ("OR 1.26, 95% CI 1.07 to 1.48", ["odds ratio (OR)", "confidence interval (CI)"]),
        ("one or 2 of them, in the operating room OR theatre", []),
        ("Sensitivity was 90% and specificity 80%.", ["sensitivity", "specificity"]),
        ("sensitivity to light", []),
    ],
)
def test_which_terms_a_text_uses(text: str, names: list[str]) -> None:
    assert [term.name["en"] for term in plain_terms(text)] == names


def test_every_term_is_explained_in_both_languages() -> None:
    for term in PLAIN_TERMS:
        for form in (term.name, term.meaning):
            assert set(form) == {"en", "pt"}
            assert all(form.values())
    assert len({term.name["en"] for term in PLAIN_TERMS}) == len(PLAIN_TERMS)
