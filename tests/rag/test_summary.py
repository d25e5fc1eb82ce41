"""Summaries of one article or several: conclusions first, every article heard, everything checked."""

from __future__ import annotations

import pytest

from pubmed_rag.core.errors import UnknownArticleError, UsageError
from pubmed_rag.core.records import Answer, Correction
from pubmed_rag.rag.answer import SUMMARY, Answerer, AskOptions
from pubmed_rag.rag.summary import summary_evidence
from tests.rag.test_answer import check_structure
from tests.support import Opener, ScriptedEngine, TinyLibrary, article

ARTICLES = [
    article(
        str(number),
        f"A trial of {drug}.",
        ("BACKGROUND", f"Little is known of {drug}."),
        ("RESULTS", f"With {drug} mortality was {number} percent. Nobody on {drug} was harmed."),
        ("CONCLUSIONS", f"We found that {drug} prolongs life."),
    )
    for number, drug in enumerate(("zinc", "iron", "copper", "iodine", "cobalt", "nickel"), start=1)
]


def summarise(
    library: TinyLibrary, ids: list[str], written: str = "", **options: bool
) -> tuple[Answer, ScriptedEngine]:
    engine = ScriptedEngine(written)
    answerer = Answerer(library.store, library.searcher, lambda: engine)
    *_, answer = answerer.summarise(ids, AskOptions(**options))  # type: ignore[arg-type]
    assert isinstance(answer, Answer)
    check_structure(answer, library)
    return answer, engine


def test_every_article_is_heard_with_its_conclusion(tiny: Opener) -> None:
    answer, engine = summarise(tiny(ARTICLES), ["3", "1", "2", "4", "5", "6"])
    assert answer.question == SUMMARY
    assert [claim.citations[0].id for claim in answer.claims] == ["3", "1", "2", "4", "5", "6"]
    assert all("prolongs life" in claim.text for claim in answer.claims)
    assert "[1] We found that copper prolongs life." in engine.prompt


def test_one_article_alone_is_told_from_its_conclusion_backwards() -> None:
    texts = [item.span.text for item in summary_evidence(ARTICLES[:1]).items]
    assert texts == [
        "We found that zinc prolongs life.",
        "Nobody on zinc was harmed.",
        "With zinc mortality was 1 percent.",
        "Little is known of zinc.",
    ]


def test_the_models_own_sentences_are_checked_like_those_of_an_answer(tiny: Opener) -> None:
    answer, _ = summarise(
        tiny(ARTICLES), ["1", "2"], "We found that zinc prolongs life [1]. Iron kills 99 percent [2]."
    )
    assert [claim.origin for claim in answer.claims] == ["model", "quotation", "quotation"]
    assert "does not contain 99" in answer.unresolved[0].reason


def test_retracted_and_doubted_papers_are_announced(tiny: Opener) -> None:
    bad = article("7", "Gold.", "Gold prolongs life.", corrections=(Correction("RetractionIn", "99"),))
    odd = article("8", "Silver.", "Silver prolongs life.", corrections=(Correction("ExpressionOfConcernIn", "98"),))
    library = tiny([*ARTICLES, bad, odd])
    answer, _ = summarise(library, ["7", "8", "1"])
    assert [hit.id for hit in answer.retracted] == ["7"]
    assert [hit.id for hit in answer.concerns] == ["8"]
    assert {citation.id for claim in answer.claims for citation in claim.citations} == {"1"}
    nothing, _ = summarise(library, ["7"])
    assert nothing.status == "insufficient_evidence"
    asked_for, _ = summarise(library, ["7", "8"], include_retracted=True)
    assert {citation.id for claim in asked_for.claims for citation in claim.citations} == {"7", "8"}


def test_what_cannot_be_summarised(tiny: Opener) -> None:
    library = tiny(ARTICLES)
    with pytest.raises(UsageError, match="nothing"):
        summarise(library, [])
    with pytest.raises(UnknownArticleError):
        summarise(library, ["99"])
