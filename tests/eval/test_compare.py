"""Two results against each other, floors under a result, and the leaderboard."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from pubmed_rag.core.errors import DamagedFileError, InputError, UsageError
from pubmed_rag.eval.compare import (
    BelowFloorError,
    Floor,
    check_floors,
    compare_folders,
    compare_runs,
    parse_floor,
)
from pubmed_rag.eval.leaderboard import Leaderboard
from pubmed_rag.eval.qrels import write_qrels
from pubmed_rag.eval.run import evaluate
from tests.eval.fakes import TOPICS, FakeSystem, tiny_collection


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A: one system at rank 2; B: the same at rank 1, and one that A lacks."""
    root = tmp_path_factory.mktemp("results")
    a, b = root / "a", root / "b"
    evaluate(tiny_collection(), [FakeSystem("same", [1]), FakeSystem("mine", [2, 3, 2])], a)
    evaluate(tiny_collection(), [FakeSystem("same", [1]), FakeSystem("mine", [1]), FakeSystem("new", [1])], b)
    return a, b


def test_two_folders(results: tuple[Path, Path]) -> None:
    same, mine = compare_folders(*results)
    assert (same.system, same.measure, same.before, same.after) == ("same", "nDCG@10", 1.0, 1.0)
    assert same.comparison is not None
    assert same.comparison.verdict == "no difference shown"
    assert mine.comparison is not None
    assert (mine.system, mine.comparison.verdict, mine.comparison.wins) == ("mine", "better", TOPICS)
    assert mine.comparison.p_holm == pytest.approx(2 * mine.comparison.p)
    assert {d.measure for d in compare_folders(*results, ["MRR", "P@10"])} == {"MRR", "P@10"}


def test_two_runs(results: tuple[Path, Path], tmp_path: Path) -> None:
    qrels = tmp_path / "qrels.txt"
    write_qrels(qrels, tiny_collection().qrels)
    runs = [folder / "runs" / "mine.trec" for folder in results]
    (difference,) = compare_runs(runs[0], runs[1], qrels, measures=["MRR"])
    assert difference.before == pytest.approx((1 / 2 + 1 / 3 + 1 / 2) / 3)
    assert difference.after == 1.0
    with pytest.raises(UsageError, match="unknown measure 'MPR'"):
        compare_runs(runs[0], runs[1], qrels, measures=["MPR"])


def test_what_cannot_be_compared(results: tuple[Path, Path], tmp_path: Path) -> None:
    with pytest.raises(InputError, match="holds no finished results"):
        compare_folders(results[0], tmp_path)
    other = tmp_path / "other"
    evaluate(tiny_collection(), [FakeSystem("stranger", [1])], other)
    with pytest.raises(InputError, match="in common"):
        compare_folders(results[0], other)
    with pytest.raises(UsageError, match=r"no measure 'nDGC'.* it has: MAP@100, MRR"):
        compare_folders(*results, ["nDGC"])


def test_results_that_are_not_whole(results: tuple[Path, Path], tmp_path: Path) -> None:
    for number, text in enumerate(("{", "[]", "{}", '{"measures": ["nDCG@10"]}')):
        broken = tmp_path / str(number)
        broken.mkdir()
        (broken / "manifest.json").write_text(text, encoding="utf-8")
        with pytest.raises(DamagedFileError, match="are not whole"):
            compare_folders(results[0], broken)


# -- floors -----------------------------------------------------------------------------------------

MEANS = {"bm25": {"nDCG@10": 0.69, "MRR": 0.7}, "hybrid": {"nDCG@10": 0.75, "MRR": 0.8}}


def test_floors_are_read() -> None:
    assert parse_floor("nDCG@10=0.65") == Floor("nDCG@10", 0.65)
    assert parse_floor(" hybrid:set F1=.5 ") == Floor("set F1", 0.5, "hybrid")
    assert parse_floor("WSS@95=-0.1").value == -0.1
    for text in ("nDCG@10", "nDCG@10>0.5", "=0.5", "nDCG@10=high"):
        with pytest.raises(UsageError, match="is not MEASURE=VALUE"):
            parse_floor(text)


def test_floors_hold_or_not() -> None:
    check_floors([Floor("nDCG@10", 0.69), Floor("MRR", 0.8, "hybrid")], MEANS)
    with pytest.raises(BelowFloorError, match=r"scifact/bm25: nDCG@10 0\.6900 is below 0\.7$") as caught:
        check_floors([Floor("nDCG@10", 0.7)], MEANS, "scifact/")
    assert caught.value.exit_code == 3


def test_a_floor_under_nothing_does_not_pass() -> None:
    with pytest.raises(UsageError, match="'dense', which did not run"):
        check_floors([Floor("nDCG@10", 0.1, "dense")], MEANS)
    with pytest.raises(UsageError, match="'MAP', which was not measured"):
        check_floors([Floor("MAP", 0.1)], MEANS)


# -- the leaderboard --------------------------------------------------------------------------------


def test_the_leaderboard_shows_what_changed(tmp_path: Path) -> None:
    board = Leaderboard(tmp_path / "leaderboard.jsonl")
    old = FakeSystem("mine", [2, 3, 2], {"weights": "0.3", "model": "minilm"})
    new = FakeSystem("mine", [1], {"weights": "0.5", "model": "minilm", "sentences": "yes"})
    first = evaluate(tiny_collection(), [old, FakeSystem("other", [4])], tmp_path / "a")
    assert board.add(first) == 2
    assert board.add(first) == 0
    second = evaluate(tiny_collection(), [new], tmp_path / "b")
    # A second may not have passed: the date tells the order.
    later = replace(second.systems[0].run, made="2999-01-01T00:00:00+00:00")
    assert board.add(replace(second, systems=(replace(second.systems[0], run=later),))) == 1
    (rows,) = Leaderboard(board.path).tables().values()
    assert (rows[0].entry.system, rows[0].entry.value) == ("mine", 1.0)
    assert rows[0].changed == ("weights: 0.3 → 0.5", "sentences: none → yes")
    assert rows[0].change == pytest.approx(1.0 - rows[1].entry.value)
    assert rows[1].change is None
    assert rows[2].entry.system == "other"


def test_another_collection_is_another_table(tmp_path: Path) -> None:
    board = Leaderboard(tmp_path / "leaderboard.jsonl")
    board.add(evaluate(tiny_collection(), [FakeSystem("mine", [1])], tmp_path / "a"))
    board.add(evaluate(replace(tiny_collection(), split="test"), [FakeSystem("mine", [1])], tmp_path / "b"))
    assert len(board.tables()) == 2
