"""``pubmed-rag eval`` commands that need no model: exit codes, streams, JSON."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest

from pubmed_rag.eval.qrels import write_qrels
from pubmed_rag.eval.run import evaluate
from pubmed_rag.ui.cli import run
from tests.eval.fakes import FakeSystem, tiny_collection
from tests.support import open_tiny, random_articles


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    root = tmp_path_factory.mktemp("results")
    for name, place in (("a", 2), ("b", 1)):
        evaluate(tiny_collection(), [FakeSystem("mine", [place])], root / name)
    return root / "a", root / "b"


def test_compare(results: tuple[Path, Path], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["eval", "compare", *map(str, results), "--json"]) == 0
    (difference,) = json.loads(capsys.readouterr().out)["differences"]
    assert (difference["system"], difference["after"]) == ("mine", 1.0)
    assert difference["comparison"]["verdict"] == "better"
    assert run(["eval", "compare", *map(str, results)]) == 0
    assert "mine nDCG@10 0.631 → 1.000, better: +0.369" in capsys.readouterr().out


def test_fail_below_is_an_exit_code(results: tuple[Path, Path], capsys: pytest.CaptureFixture[str]) -> None:
    command = ["eval", "compare", *map(str, results), "--fail-below"]
    assert run([*command, "nDCG@10=0.9"]) == 0
    back = ["eval", "compare", str(results[1]), str(results[0]), "--fail-below"]
    assert run([*back, "mine:nDCG@10=0.9"]) == 3
    assert "mine: nDCG@10 0.6309 is below 0.9" in capsys.readouterr().err
    assert run([*command, "nDCG@10"]) == 2
    assert run([*command, "other:nDCG@10=0.1"]) == 2


def test_two_run_files(results: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    runs = [str(folder / "runs" / "mine.trec") for folder in results]
    assert run(["eval", "compare", *runs]) == 2
    assert "name them with --qrels" in capsys.readouterr().err
    write_qrels(tmp_path / "qrels.txt", tiny_collection().qrels)
    assert run(["eval", "compare", *runs, "--qrels", str(tmp_path / "qrels.txt"), "--measure", "MRR", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["differences"][0]["before"] == 0.5


def test_datasets(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "scifact").mkdir()
    assert run(["eval", "datasets", "--data", str(tmp_path), "--json"]) == 0
    entries = {entry["name"]: entry for entry in json.loads(capsys.readouterr().out)["datasets"]}
    assert entries["scifact"]["here"]
    assert not entries["bioasq"]["here"]
    assert run(["eval", "datasets", "--data", str(tmp_path)]) == 0
    shown = capsys.readouterr().out
    assert "scifact (here)" in shown
    assert "licence: MIT" in shown
    assert run(["eval", "datasets", "--get", "bioasq"]) == 2
    assert "by hand: registration" in capsys.readouterr().err


def test_an_empty_leaderboard(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--library", str(tmp_path), "eval", "leaderboard"]) == 0
    assert "nothing yet" in capsys.readouterr().out
    assert run(["--library", str(tmp_path), "eval", "leaderboard", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"boards": []}


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["eval", "challenge", "none.toml"], 3, "there is no file none.toml"),
        (["eval", "run", "--dataset", "nowhere"], 3, "there is no nowhere"),
        (["eval", "run", "--dataset", "nowhere", "--task", "sorting"], 2, "unknown task 'sorting'"),
        (["eval", "run", "--dataset", "nowhere", "--fail-below", "nDCG=0.7"], 2, "names 'nDCG', which is not measured"),
        (["eval", "run", "--dataset", "nowhere", "--fail-below", "bm26:MRR=0"], 2, "'bm26', which is not run"),
        (["eval", "challenge", "--model", "no-model"], 2, "unknown model 'no-model'"),
        (["eval", "judge", " "], 2, "no query to judge for"),
        (["eval", "judge", "aspirin", "--systems", "bm26"], 2, "did you mean 'bm25'"),
        (["eval", "qa", "nowhere"], 3, "there is no nowhere"),
    ],
)
def test_what_cannot_be_done_is_one_line(
    arguments: list[str], code: int, words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["--library", str(tmp_path), *arguments]) == code
    captured = capsys.readouterr()
    assert captured.out == ""
    assert words in captured.err


def test_judging_by_keys(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    library, out = tmp_path / "library", tmp_path / "judged"
    open_tiny(library, random_articles(20)).store.close()
    command = ["--library", str(library), "eval", "judge", "aspirin", "--systems", "bm25", "--depth", "3"]
    monkeypatch.setattr("sys.stdin", io.StringIO("r\nn\nu\np\nq\n"))
    assert run([*command, "--out", str(out)]) == 0
    captured = capsys.readouterr()
    assert "2 of 3 judged" in captured.err
    assert "bm25" not in captured.out  # blind
    lines = (out / "qrels" / "judged.tsv").read_text(encoding="utf-8").splitlines()
    assert [line.rsplit("\t", 1)[1] for line in lines[1:]] == ["2", "1"]
    monkeypatch.setattr("sys.stdin", io.StringIO("n"))
    assert run([*command, "--out", str(out)]) == 0
    assert "3 of 3 judged" in capsys.readouterr().err
    assert (out / "challenge.toml").is_file()
