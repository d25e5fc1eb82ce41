"""BioASQ's measures by hand: ROUGE-2 and SU4 over pooled references, documents, verdicts."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rouge_score.rouge_scorer import RougeScorer

from pubmed_rag.eval.bioasq_documents import geometric_mean, score_documents
from pubmed_rag.eval.rouge_bioasq import rouge_bioasq, skip_bigrams

WORDS = st.lists(st.sampled_from("gene drug heart rate of the cells grow fast".split()), min_size=2, max_size=12)


def test_skip_bigrams_by_hand() -> None:
    # Seven words: with at most four between, the first reaches the sixth and not the seventh.
    units = skip_bigrams("a b c d e f g".split())
    assert units[("a",)] == units["a", "b"] == units["a", "f"] == 1
    assert units["a", "g"] == units["b", "a"] == 0
    assert units.total() == 7 + (5 + 5 + 4 + 3 + 2 + 1)
    assert skip_bigrams(["x", "x", "x"]) == Counter({("x",): 3, ("x", "x"): 3})


def test_su4_by_hand() -> None:
    # Lin 2004, section 5: of "police killed the gunman" the other shares police, the, gunman, kill(ed) is another form,
    # which stemming makes the same; pairs in the same order are "police the", "police gunman", "the gunman",
    # and with the stem "police kill", "kill the", "kill gunman": everything.
    same = rouge_bioasq("police kill the gunman", ["police killed the gunman"])
    assert same == {"rouge2_recall": 1.0, "rouge2_f1": 1.0, "rougeSU4_recall": 1.0, "rougeSU4_f1": 1.0}
    # Reversed order of two: "the gunman kill police". Words 4 of 4; pairs in common: "the gunman" only.
    turned = rouge_bioasq("the gunman kill police", ["police killed the gunman"])
    assert turned["rougeSU4_recall"] == pytest.approx((4 + 1) / (4 + 6))
    assert turned["rougeSU4_f1"] == pytest.approx(0.5)
    assert turned["rouge2_recall"] == pytest.approx(1 / 3, abs=1e-6)


def test_references_are_pooled() -> None:
    # Bigrams: given "ab bc", first reference "ab bc cd", second "xy". Hits 2 + 0 of 3 + 1; precision 2 of 2 x 2.
    found = rouge_bioasq("a1 b1 c1", ["a1 b1 c1 d1", "x1 y1"])
    assert found["rouge2_recall"] == 2 / 4
    assert found["rouge2_f1"] == 0.5


def test_an_empty_answer_scores_nothing() -> None:
    assert set(rouge_bioasq("", ["some text"]).values()) == {0.0}
    assert set(rouge_bioasq("one", ["two"]).values()) == {0.0}


@given(WORDS, WORDS)
def test_one_reference_is_what_the_library_says(answer: list[str], reference: list[str]) -> None:
    expected = RougeScorer(["rouge2"], use_stemmer=True).score(" ".join(reference), " ".join(answer))["rouge2"]
    found = rouge_bioasq(" ".join(answer), [" ".join(reference)])
    assert found["rouge2_recall"] == pytest.approx(expected.recall, abs=1e-6)
    assert found["rouge2_f1"] == pytest.approx(expected.fmeasure, abs=1e-6)
    assert 0.0 <= found["rougeSU4_recall"] <= 1.0


def test_documents_by_hand() -> None:
    scores = score_documents(["1", "9", "2", "8"], ["1", "2", "3"])
    assert (scores.precision, scores.recall) == (2 / 4, 2 / 3)
    assert scores.f1 == pytest.approx(2 * (1 / 2) * (2 / 3) / (1 / 2 + 2 / 3))
    assert scores.average_precision == pytest.approx((1 / 1 + 2 / 3) / 3)
    # Of twenty relevant documents ten at most can be among the first ten.
    perfect = score_documents([str(n) for n in range(15)], [str(n) for n in range(20)])
    assert (perfect.average_precision, perfect.recall) == (1.0, 0.5)
    assert score_documents([], ["1"]).average_precision == 0.0
    with pytest.raises(ValueError, match="no gold"):
        score_documents(["1"], [])


def test_the_geometric_mean_survives_a_zero() -> None:
    assert geometric_mean([0.5, 0.5]) == pytest.approx(0.50001)
    assert geometric_mean([1.0, 0.0]) == pytest.approx((1.00001 * 1e-5) ** 0.5)
    assert geometric_mean([]) is None
