"""Which sentences an answer may rest on, and whether they are enough."""

from __future__ import annotations

import numpy as np
import pytest

from pubmed_rag.core.records import Article, Component, Hit, SearchResult
from pubmed_rag.core.text import normalise
from pubmed_rag.index.passages import sentences
from pubmed_rag.rag.cosine import unit
from pubmed_rag.rag.evidence import EvidenceSet, choose_evidence
from pubmed_rag.rag.query import keywords
from pubmed_rag.rag.sufficiency import suffices, sufficiency
from tests.support import Opener, TinyLibrary, article, random_articles

QUESTION = "Does carvedilol reduce mortality in heart failure?"


def choose(library: TinyLibrary, *ids: str, question: str = QUESTION, limit: int = 8) -> EvidenceSet:
    return choose_evidence(question, ids, library.store, library.searcher, limit=limit)


def texts(found: EvidenceSet) -> list[str]:
    return [item.span.text for item in found.items]


def test_at_most_two_sentences_an_article_and_three_where_there_are_few(tiny: Opener) -> None:
    said = [
        f"Carvedilol reduced mortality in heart failure of {kind} patients."
        for kind in ("old", "young", "frail", "obese", "diabetic")
    ]
    others = [
        article(str(number), "T.", f"Carvedilol in heart failure of {kind}: mortality fell.")
        for number, kind in enumerate(("men", "women"), start=2)
    ]
    library = tiny([article("1", "T.", " ".join(said)), *others])
    assert sorted(item.article.id for item in choose(library, "1", "2", "3").items) == ["1", "1", "2", "3"]
    assert sorted(item.article.id for item in choose(library, "1", "2").items) == ["1", "1", "1", "2"]


def test_an_article_far_from_the_nearest_gives_no_evidence(tiny: Opener) -> None:
    near = article("1", "T.", "Carvedilol reduced mortality in heart failure.")
    beside = article("2", "T.", "Bucindolol did not reduce mortality in heart failure.")
    far = article("3", "T.", "Mortality of asthma fell with zinc.")
    found = choose(tiny([near, beside, far]), "3", "2", "1")
    assert [item.article.id for item in found.items] == ["1", "2"]


def test_an_article_comes_in_by_its_aim_and_is_quoted_for_what_it_found(tiny: Opener) -> None:
    library = tiny(
        [
            article(
                "1", "T.",
                ("OBJECTIVE", "To learn whether carvedilol can reduce mortality in heart failure."),
                ("METHODS", "Carvedilol or placebo was given in heart failure."),
                ("RESULTS", "CONCLUSION: Deaths were fewer with the drug. Nobody stopped it for side effects there."),
            ),
            article("2", "T.", ("RESULTS", "Carvedilol helped.")),
        ]
    )  # fmt: skip
    found = choose(library, "1", "2")
    assert {(item.article.id, item.span.text) for item in found.items} == {
        ("1", "Deaths were fewer with the drug."),
        ("1", "Nobody stopped it for side effects there."),
    }
    assert all(item.article.text[item.span.start : item.span.end] == item.span.text for item in found.items)


def test_vectors_of_any_length_are_compared_by_direction(tiny: Opener) -> None:
    """As MedCPT's: what counts is where a vector points, not how long it is."""
    rows = np.array([[3.0, 4.0], [0.0, 0.0], [0.0, 0.001]], np.float32)
    assert unit(rows).tolist() == [pytest.approx([0.6, 0.8]), [0.0, 0.0], pytest.approx([0.0, 1.0])]
    items = one_item(tiny).items
    assert sufficiency(EvidenceSet(items, 0.3, 0.3), result(64.0)) == sufficiency(
        EvidenceSet(items, 0.3, 0.3), result(0.3)
    )


def test_spans_slice_the_article_and_the_limit_holds(tiny: Opener) -> None:
    articles = random_articles(40, seed=5)
    library = tiny(articles)
    question = "aspirin mortality in children with asthma"
    ids = [hit.id for hit in library.search(question, top=20).hits]
    for limit in (1, 3, 8):
        found = choose(library, *ids, question=question, limit=limit)
        assert 0 < len(found.items) <= limit
        for item in found.items:
            assert item.article == library.store.get(item.span.article_id)
            assert item.article.text[item.span.start : item.span.end] == item.span.text
            assert item.span.pmid == item.article.pmid
        scores = [item.score for item in found.items]
        assert scores == sorted(scores, reverse=True)


def test_results_and_conclusions_come_before_background_and_methods(tiny: Opener) -> None:
    same = "carvedilol and mortality in {} heart failure patients of this study."
    labels = ("BACKGROUND", "OBJECTIVE", "METHODS", "RESULTS", "CONCLUSIONS")
    library = tiny(
        article(str(number), "T.", (label, f"{label.capitalize()} on " + same.format(word)))
        for number, (label, word) in enumerate(zip(labels, ("acute", "mild", "chronic", "severe", "late"), strict=True))
    )
    found = choose(library, *map(str, range(5)))
    assert {item.span.section for item in found.items[:2]} == {"CONCLUSIONS", "RESULTS"}
    assert {item.span.section for item in found.items[2:]} == {"BACKGROUND", "OBJECTIVE", "METHODS"}


def test_what_was_asked_comes_after_what_was_found(tiny: Opener) -> None:
    library = tiny(
        [
            article("1", "T.", "The aim of this study was whether carvedilol can reduce mortality in heart failure."),
            article("2", "T.", "We found that carvedilol can reduce mortality in heart failure of any kind."),
        ]
    )
    assert [item.article.id for item in choose(library, "1", "2").items] == ["2", "1"]


def test_a_title_counts_only_where_there_is_no_abstract(tiny: Opener) -> None:
    title = "Carvedilol reduces mortality in heart failure."
    library = tiny([article("1", title, "Metformin was studied in mice."), article("2", title)])
    found = choose(library, "1", "2")
    assert [(item.article.id, item.span.text) for item in found.items] == [("2", title)]
    assert texts(choose(library, "1")) == ["Metformin was studied in mice."]


def test_what_is_said_twice_is_offered_once(tiny: Opener) -> None:
    said = "Carvedilol reduced mortality in severe heart failure."
    library = tiny([article("1", "T.", said), article("2", "T.", said + " It was safe in everyone.")])
    assert texts(choose(library, "1", "2")).count(said) == 1


def test_an_article_changed_since_indexing_is_read_afresh(tiny: Opener) -> None:
    library = tiny([article("1", "T.", "Zinc was given. Zinc helped.")])
    changed = article("1", "T.", "Carvedilol reduced mortality in heart failure by one third.", "It was safe for all.")
    library.store.upsert([changed])
    asked = len(library.embedder.seen)
    found = choose(library, "1")
    assert texts(found)[0] == "Carvedilol reduced mortality in heart failure by one third."
    assert library.embedder.seen[asked:] == [normalise(p.text) for p in sentences(changed)[1:]]
    assert all(changed.text[item.span.start : item.span.end] == item.span.text for item in found.items)


def test_stored_vectors_are_used_where_they_fit(tiny: Opener) -> None:
    library = tiny(random_articles(10))
    asked = len(library.embedder.seen)
    choose(library, *[str(number) for number in range(1, 11)], question="aspirin mortality")
    assert library.embedder.seen[asked:] == []


def test_articles_gone_or_empty_give_nothing(tiny: Opener) -> None:
    library = tiny([article("1"), article("2", "Carvedilol.")])
    assert choose(library).items == ()
    assert choose(library, "1", "nobody").items == ()
    assert [item.article.id for item in choose(library, "1", "nobody", "2").items] == ["2"]


def test_a_sentence_without_end_is_not_quotable(tiny: Opener) -> None:
    """Tables without full stops come as one sentence of many thousand characters."""
    table = "carvedilol mortality heart failure " * 3000
    library = tiny(
        [
            article("1", "Carvedilol in heart failure.", table),
            article("2", "T.", f"{table}. Carvedilol halved mortality in heart failure."),
        ]
    )
    assert {(item.article.id, item.span.text) for item in choose(library, "1", "2").items} == {
        ("1", "Carvedilol in heart failure."),
        ("2", "Carvedilol halved mortality in heart failure."),
    }


def test_order_does_not_depend_on_anything_but_the_input(tiny: Opener) -> None:
    articles = random_articles(30, seed=8)
    found = [choose(tiny(articles), *[str(n) for n in range(1, 31)], question="aspirin asthma").items for _ in range(2)]
    assert found[0] == found[1]


# -- sufficiency -------------------------------------------------------------------------------------


def result(*cosines: float | None) -> SearchResult:
    hits = tuple(
        Hit(str(n), str(n), n, 1.0, "T", None, None, False, (Component("bm25", 1, 9.0), Component("dense", 1, cosine)))
        for n, cosine in enumerate(cosines, start=1)
    )
    return SearchResult("q", "hybrid", hits, len(hits), 1.0)


def one_item(tiny: Opener) -> EvidenceSet:
    return choose(tiny([article("1", "T.", "Carvedilol reduced mortality in heart failure.")]), "1")


def test_sufficiency_rises_with_each_sign(tiny: Opener) -> None:
    items = one_item(tiny).items

    def probability(similarity: float, coverage: float, cosine: float) -> float:
        return sufficiency(EvidenceSet(items, similarity, coverage), result(0.1, cosine, None))

    weak = probability(0.3, 0.3, 0.3)
    assert 0 < weak < 0.05
    for stronger in (probability(0.6, 0.3, 0.3), probability(0.3, 0.6, 0.3), probability(0.3, 0.3, 0.6)):
        assert stronger > weak
    assert probability(0.9, 1.0, 0.9) > 0.99
    assert suffices(EvidenceSet(items, 0.9, 1.0), result(0.9))
    assert not suffices(EvidenceSet(items, 0.3, 0.3), result(0.3))


def test_no_sentence_is_never_enough() -> None:
    assert sufficiency(EvidenceSet((), 1.0, 1.0), result(1.0)) == 0.0


def test_coverage_and_similarity_are_the_best_of_any_article(tiny: Opener) -> None:
    items: list[Article] = [
        article("1", "Zinc.", "Zinc was given."),
        article("2", "Carvedilol.", "Does carvedilol reduce mortality in heart failure?"),
    ]
    found = choose(tiny(items), "1", "2")
    assert found.coverage == 1.0
    assert found.best_similarity == pytest.approx(1.0, abs=0.01)


def test_keywords_of_a_question() -> None:
    asked = "Does carvedilol or metoprolol reduce mortality in patients with heart failure, and is IL-6 better?"
    assert keywords(asked) == ["carvedilol", "metoprolol", "mortality", "heart", "failure", "IL-6"]
    assert keywords("") == []
