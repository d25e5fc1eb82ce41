"""Run files: what is written reads back the same, and bad lines are named."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pubmed_rag.core.errors import InputError
from pubmed_rag.eval.runs import read_run, trec_order, unambiguous, write_run
from pubmed_rag.eval.systems import ScoredDoc

scores = st.one_of(st.floats(-1e6, 1e6), st.sampled_from([0.0, -0.0, 1.0, 1.0 + 1e-9, 1e-45, -1e-45]))


@given(st.lists(scores, max_size=30))
def test_the_systems_order_is_what_trec_eval_sees(values: list[float]) -> None:
    documents = [ScoredDoc(f"d{number}", value) for number, value in enumerate(values)]
    ranking = unambiguous(documents)
    assert [document.doc_id for document in trec_order(ranking)] == [document.doc_id for document in documents]
    as_stored = [np.float32(document.score) for document in ranking]
    assert all(later < earlier for earlier, later in pairwise(as_stored))


def test_scores_that_fall_already_are_kept() -> None:
    assert unambiguous([ScoredDoc("a", 2.5), ScoredDoc("b", 0.25)]) == (ScoredDoc("a", 2.5), ScoredDoc("b", 0.25))


@pytest.mark.parametrize(
    ("documents", "words"),
    [
        ([ScoredDoc("a", 1.0), ScoredDoc("a", 0.5)], "returned twice"),
        ([ScoredDoc("a", float("nan"))], "has the score nan"),
        ([ScoredDoc("a b", 1.0)], "white space"),
        ([ScoredDoc("", 1.0)], "empty"),
    ],
)
def test_what_no_run_file_can_hold_is_refused(documents: list[ScoredDoc], words: str) -> None:
    with pytest.raises(InputError, match=words):
        unambiguous(documents)


def test_ties_are_ranked_by_descending_id_in_single_precision() -> None:
    documents = [ScoredDoc("a", 1.0), ScoredDoc("c", 1.0 + 1e-9), ScoredDoc("b", 1.0), ScoredDoc("z", 0.5)]
    assert [document.doc_id for document in trec_order(documents)] == ["c", "b", "a", "z"]


def test_a_run_file_is_as_the_format_says_and_reads_back(tmp_path: Path) -> None:
    rankings = {"q2": unambiguous([ScoredDoc("b", 0.1), ScoredDoc("a", 0.1)]), "q1": (ScoredDoc("x", 12.5),), "q0": ()}
    path = tmp_path / "runs" / "sys.trec"
    write_run(path, "sys", rankings)
    assert path.read_text(encoding="utf-8") == "q2 Q0 b 1 0.1 sys\nq2 Q0 a 2 0.099999994 sys\nq1 Q0 x 1 12.5 sys\n"
    assert read_run(path) == {"q2": rankings["q2"], "q1": rankings["q1"]}
    assert list(path.parent.iterdir()) == [path]


def test_a_run_of_nothing_is_a_run(tmp_path: Path) -> None:
    write_run(tmp_path / "empty.trec", "empty", {"q1": ()})
    assert read_run(tmp_path / "empty.trec") == {}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("q1 Q0 a 1 0.5\n", "line 1: 5 columns"),
        ("q1 Q0 a 1 0.5 s\n\nq1 Q0 b 2 half s\n", "line 3: the score 'half'"),
        ("q1 Q0 a 1 nan s\n", "line 1: the score 'nan'"),
        ("q1 Q0 a 1 0.5 s\nq1 Q0 a 2 0.4 s\n", "line 2: document a stands twice under topic q1"),
    ],
)
def test_a_bad_line_is_named(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "bad.trec"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InputError) as caught:
        read_run(path)
    assert f"{path}, {words}" in str(caught.value)


def test_a_missing_run_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="there is no run file"):
        read_run(tmp_path / "none.trec")
