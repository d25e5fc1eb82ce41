"""Support judged by hand cases: what must pass, and each way of not being supported."""

from __future__ import annotations

import pytest

from pubmed_rag.rag.check import LEAST_OVERLAP, LEAST_PROBABILITY, check_claim
from tests.support import FakeEmbedder

EVIDENCE = "Carvedilol reduced all-cause mortality by 35% (P < 0.001) in 2,289 patients with severe heart failure."


def verdict(claim: str, *evidence: str) -> tuple[str, str]:
    check = check_claim(claim, evidence or [EVIDENCE], FakeEmbedder().encode_queries)
    assert 0 <= check.score <= 1
    assert (check.verdict == "supported") == (not check.reasons)
    return check.verdict, "; ".join(check.reasons)


@pytest.mark.parametrize(
    "claim",
    [
        EVIDENCE,
        EVIDENCE.upper(),
        "Carvedilol reduced all-cause mortality by 35% in patients with severe heart failure",
        "In severe heart failure, carvedilol reduces all-cause mortality by 35%",
        "All\u2010cause mortality was reduced by carvedilol in severe heart failure patients",
    ],
)
def test_copies_and_close_paraphrases_are_supported(claim: str) -> None:
    assert verdict(claim) == ("supported", "")


@pytest.mark.parametrize(
    ("claim", "reason"),
    [
        ("Carvedilol reduced all-cause mortality by 53% in patients with severe heart failure", "does not contain 53"),
        ("Carvedilol reduced all-cause mortality by 35% in 2,290 patients with severe heart failure", "2,290"),
        ("Carvedilol reduced all-cause mortality by 3.5% in patients with severe heart failure", "3.5"),
        ("Carvedilol did not reduce all-cause mortality in patients with severe heart failure", "negated"),
        ("Carvedilol increased all-cause mortality in patients with severe heart failure", "an increase"),
        ("Metformin lowers glucose in children with diabetes and obesity", "words stand in the evidence"),
        ("Carvedilol is a treatment that many physicians prescribe for heart failure", "words stand in the evidence"),
        ("", "words stand in the evidence"),
        ("The and of", "words stand in the evidence"),
    ],
)
def test_each_way_of_not_being_supported(claim: str, reason: str) -> None:
    found, reasons = verdict(claim)
    assert found == "unsupported"
    assert reason in reasons


def test_negation_works_both_ways() -> None:
    negated = "Bucindolol did not reduce mortality in patients with advanced heart failure."
    assert verdict("Bucindolol did not reduce mortality in advanced heart failure", negated)[0] == "supported"
    assert "negated" in verdict("Bucindolol reduced mortality in patients with advanced heart failure", negated)[1]
    for word in ("without", "failed to", "never", "lack of", "couldn't"):
        assert "negated" in verdict(f"Carvedilol {word} reduced mortality in severe heart failure patients")[1]


def test_several_sentences_support_together() -> None:
    parts = ["Carvedilol reduced mortality by 35%.", "Hospital admissions fell by 20%."]
    both = "Carvedilol reduced mortality by 35% and hospital admissions fell by 20%"
    assert "20" in verdict(both, parts[0])[1]
    assert not any(word in verdict(both, *parts)[1] for word in ("20", "words stand"))


def test_direction_is_judged_only_where_it_is_claimed() -> None:
    evidence = "Mortality was higher with placebo than with carvedilol."
    assert "a decrease" in verdict("Mortality was lower with carvedilol than with placebo", evidence)[1]
    assert "decrease" not in verdict("Mortality was higher with placebo than with carvedilol", evidence)[1]


def test_far_meaning_is_unsupported_though_the_words_are_there() -> None:
    """The last gate: the words occur, but in a long text about something else."""
    long = f"{EVIDENCE} " + " ".join(f"Unrelated finding {word} was described." for word in "abcdefghij" * 3)
    found, reasons = verdict("Carvedilol reduced severe failure", long)
    assert found == "unsupported"
    assert "too far" in reasons


def test_nothing_is_encoded_where_the_words_already_decide() -> None:
    def encode(texts: object) -> object:
        raise AssertionError("encoded for nothing")

    check = check_claim("Carvedilol raised mortality by 99%", [EVIDENCE], encode)  # type: ignore[arg-type]
    assert check.verdict == "unsupported"
    assert check.score == 0


def test_thresholds_leave_room_on_both_sides() -> None:
    assert 0.4 < LEAST_OVERLAP < 1
    assert 0.5 < LEAST_PROBABILITY < 1


def test_vectors_that_keep_their_lengths_are_judged_alike() -> None:
    """As MedCPT's do: what counts is the angle between claim and evidence."""
    encode = FakeEmbedder().encode_queries
    claim, evidence = "Zinc reduced mortality.", ["Zinc reduced mortality in asthma.", "Iron was given."]
    longer = check_claim(claim, evidence, lambda texts: encode(texts) * 30)
    assert longer == check_claim(claim, evidence, encode)
