"""Why a verdict is what it is: each reason where it holds, and not where it does not."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from pubmed_rag.eval.collections import Collection, Qrel
from pubmed_rag.eval.records import Evaluation
from pubmed_rag.eval.run import evaluate
from pubmed_rag.eval.verdicts import reasons_for
from tests.eval.fakes import FakeSystem, tiny_collection


def compared(first: FakeSystem, second: FakeSystem, out: Path, collection: Collection | None = None) -> Evaluation:
    return evaluate(collection or tiny_collection(), [first, second], out)


def reasons(evaluation: Evaluation, caution: str = "") -> tuple[str, ...]:
    return reasons_for(evaluation.comparisons[0], evaluation, caution)


def test_a_shown_difference(tmp_path: Path) -> None:
    found = reasons(compared(FakeSystem("old", [3]), FakeSystem("new", [1, 1, 2]), tmp_path), "a pool")
    assert found[0] == "the interval leaves out 0 and the corrected p is below 0.001"
    assert "of the first ten, 10% were judged for new, 10% for old; the rest counts as not relevant" in found
    assert found[-1] == "how it was judged: a pool"
    assert not any("80 % chance" in reason or "returned nothing" in reason for reason in found)


def test_not_shown_is_not_equal(tmp_path: Path) -> None:
    found = reasons(compared(FakeSystem("old", [1, 2, 3, 4]), FakeSystem("new", [2, 1, 4, 3]), tmp_path))
    assert found[0].startswith("the interval holds 0")
    assert found[1].startswith("not shown is not equal: 30 topics find a true difference of 0.")
    assert "for 0.02 it would take " in found[1]


def test_few_topics_and_empty_answers(tmp_path: Path) -> None:
    base = tiny_collection()
    few = replace(base, topics=base.topics[:8])
    found = reasons(compared(FakeSystem("old", [0, 1]), FakeSystem("new", [1]), tmp_path, few))
    assert found[0] == (
        "fewer than 15 topics give no interval worth the name; the exact test, over all ways of swapping the two "
        "systems topic by topic, gives p = 0.125, corrected 0.125; with 4 topics that differ it can give 0.125 at the "
        "least"
    )
    assert "there are only 8 topics" in found
    assert not any("80 % chance" in reason for reason in found)
    assert "old returned nothing for 50% of the topics, which count as 0" in found


def test_unevenly_judged(tmp_path: Path) -> None:
    base = tiny_collection()
    also = tuple(Qrel(topic.id, f"x{n}", 0) for topic in base.topics for n in range(5))
    collection = replace(base, qrels=(*base.qrels, *also))
    # "old" shows the answer and nine fillers, five of them judged; "new" ten fillers and no answer.
    later = FakeSystem("new", [12])
    found = reasons(compared(FakeSystem("old", [1]), later, tmp_path, collection))
    assert any("so new may be better than it looks" in reason for reason in found)


def test_an_interval_without_the_corrected_p(tmp_path: Path) -> None:
    evaluation = compared(FakeSystem("old", [3]), FakeSystem("new", [1]), tmp_path)
    comparison = replace(evaluation.comparisons[0], p_holm=0.2, verdict="no difference shown", detectable=None)
    found = reasons_for(comparison, evaluation)
    assert found[0] == (
        "the interval leaves out 0, but p, corrected for all comparisons made, is 0.200 and not below 0.05"
    )
