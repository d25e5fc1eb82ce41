"""The regression behind the check: what it looks at by hand, and what its file promises."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from pubmed_rag.rag.check import LEAST_PROBABILITY, check_claim
from pubmed_rag.rag.support import FEATURES, features, support_model
from tests.support import FakeEmbedder

CLAIM = "High zinc activates repair in 20 mice"
EVIDENCE = ("Low zinc deactivates repair in mice.", "It may be related to iron.")


def seen(claim: str, *evidence: str) -> dict[str, float]:
    return dict(zip(FEATURES, features(claim, evidence, [0.5] * len(evidence)), strict=True))


def test_features_by_hand() -> None:
    found = seen(CLAIM, *EVIDENCE)
    # high, zinc, activ, repair, 20, mice: three of six stand there, among seven ('may' counts for nothing).
    assert found["words of the claim"] == 3 / 6
    assert found["words of the evidence"] == 3 / 7
    assert found["pairs of words"] == 0
    assert found["opposites"] == 1, "high and low"
    assert found["turned by a prefix"] == 1, "activates and deactivates"
    assert found["has a figure"] == 1
    assert found["sentences"] == 2
    assert (found["up: claim"], found["up: claim only"]) == (1, 1)
    assert (found["hedge: claim"], found["hedge: evidence only"]) == (0, 1)


def test_a_prefix_turns_a_word_in_either_direction_but_only_a_word() -> None:
    assert seen("Unstable plaques", "Stable plaques")["turned by a prefix"] == 1
    assert seen("Stable plaques", "Unstable plaques")["turned by a prefix"] == 1
    assert seen("Stable plaques", "Stable and unstable plaques")["turned by a prefix"] == 0
    assert seen("Income rose", "Come home")["turned by a prefix"] == 1
    assert seen("Unit rose", "It rose")["turned by a prefix"] == 0, "'it' is too short to be the rest of a word"


def test_both_sides_of_a_pair_in_the_evidence_are_no_opposite() -> None:
    assert seen("High doses help", "High doses help more than low doses")["opposites"] == 0
    assert seen("High doses help", "Low doses help")["opposites"] == 1


@given(st.text(max_size=60), st.lists(st.text(max_size=60), min_size=1, max_size=3))
def test_any_text_has_a_probability(claim: str, evidence: list[str]) -> None:
    values = features(claim, evidence, [0.1] * len(evidence))
    assert len(values) == len(FEATURES)
    assert 0 <= support_model().probability(values) <= 1


def test_the_file_is_for_these_features_and_keeps_what_was_asked_of_it() -> None:
    model = support_model()
    assert model.features == FEATURES
    assert len(model.coefficients) == len(model.mean) == len(model.scale) == len(FEATURES)
    measured = model.measured
    assert measured.threshold == LEAST_PROBABILITY
    assert measured.precision >= 0.80
    assert measured.precision_low <= measured.precision <= measured.precision_high
    assert measured.recall_low <= measured.recall <= measured.recall_high
    assert measured.shuffled < 0.005


def test_nearer_in_meaning_is_never_less_likely() -> None:
    model = support_model()
    chances = [model.probability(features(CLAIM, EVIDENCE[:1], [cosine])) for cosine in (0.1, 0.5, 0.9)]
    assert chances == sorted(chances)


def test_a_sentence_that_has_the_words_and_not_the_meaning_does_not_hold() -> None:
    evidence = "Zinc shortened colds in adults, and vitamin C, honey, tea and rest were popular among them in winter."
    check = check_claim("Zinc was popular", [evidence], FakeEmbedder().encode_queries)
    assert check.verdict == "unsupported"
    assert "borne out with probability" in check.reasons[0]
