"""Finished challenges read back from their folders: what they say is what was measured."""

from __future__ import annotations

import os
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from pubmed_rag.core.errors import DamagedFileError
from pubmed_rag.eval.challenge_report import answer_of
from pubmed_rag.eval.finished import (
    FinishedChallenge,
    explain_topic,
    list_challenges,
    read_challenge_folder,
    topic_differences,
)
from pubmed_rag.eval.leaderboard import LEADERBOARD, Leaderboard
from pubmed_rag.eval.topic_files import TITLES, TOPICS, read_topics
from tests.small_challenge import TOPICS as COUNT
from tests.small_challenge import small_challenge

PAIR = ("words", "vectors")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_challenge(tmp_path_factory.mktemp("finished") / "runs")


@pytest.fixture(scope="module")
def challenge(folder: Path) -> FinishedChallenge:
    return read_challenge_folder(folder)


def test_what_is_read_is_what_was_reported(folder: Path, challenge: FinishedChallenge) -> None:
    report = (folder / "report.md").read_text(encoding="utf-8")
    for sentence in answer_of((found.name, comparison) for found, comparison in challenge.headlines()):
        assert sentence in report
    claims = challenge.collections[0]
    assert [system.name for system in claims.systems] == ["words", "vectors", "both"]
    assert (claims.documents, claims.topics, claims.judgements) == (1234, COUNT, 2 * COUNT)
    assert claims.headlines == (("words", "both"), ("words", "vectors"))
    assert claims.left_out[0] == "one record was lost"
    assert any("there are only 24 topics" in reason for reason in claims.reasons[PAIR])
    assert challenge.not_run == ("absent: there is no nowhere in the data folder",)


def test_the_differences_of_topics_are_that_of_the_means(challenge: FinishedChallenge) -> None:
    for collection in challenge.collections:
        for comparison in collection.comparisons:
            found = topic_differences(collection, (comparison.baseline, comparison.system))
            values = [topic.difference for topic in found]
            assert values == sorted(values, reverse=True)
            assert sum(values) / len(values) == pytest.approx(comparison.difference, abs=2e-6)
            assert sum(value > 1e-9 for value in values) == comparison.wins
            assert sum(value < -1e-9 for value in values) == comparison.losses


def test_any_topic_of_any_two_systems_is_explained(challenge: FinishedChallenge) -> None:
    collection = challenge.collections[0]
    seen = {topic.topic_id: topic for topic in topic_differences(collection, PAIR)}
    shown = explain_topic(collection, PAIR, seen["q7"])
    assert shown is not None
    assert shown.text == "Does it help to take drug 7"
    assert shown.baseline_top == ()
    assert [(document.doc_id, document.grade) for document in shown.system_top[:3]] == [
        ("x0", None),
        ("d7", 1),
        ("x1", 0),
    ]
    assert shown.reasons[0] == "words returned nothing"
    assert shown.reasons[1] == "relevant document d7: words does not return it, vectors at 2, both at 1"
    assert shown.reasons[2] == "words of the query that d7 does not hold: help, take, 7"
    assert shown.reasons[3].startswith("read by the emulated PubMed as: help take drug 7")


def test_topics_survive_without_their_notes(folder: Path, tmp_path: Path) -> None:
    shutil.copytree(folder, tmp_path / "old")
    for path in (tmp_path / "old").glob(f"*/{TOPICS}"):
        path.unlink()
    collection = read_challenge_folder(tmp_path / "old").collections[0]
    assert read_topics(collection.folder) is None
    topic = topic_differences(collection, PAIR)[0]
    assert topic.text == ""
    assert explain_topic(collection, PAIR, topic) is None


def test_a_long_title_is_cut_where_it_is_kept(folder: Path) -> None:
    kept = read_topics(folder / "claims")
    assert kept is not None
    assert max(map(len, kept[1].values())) == 300
    assert (folder / "claims" / TITLES).stat().st_size < 5_000
    assert (folder / "report.html").stat().st_size < 200_000


@pytest.mark.parametrize("name", ["claims/manifest.json", "claims/metrics.csv", "comparisons.csv"])
def test_what_is_not_whole_is_named_with_its_remedy(folder: Path, tmp_path: Path, name: str) -> None:
    broken = tmp_path / "broken"
    shutil.copytree(folder, broken)
    (broken / name).unlink()
    with pytest.raises(DamagedFileError, match=r"the result in broken is not whole.*again"):
        read_challenge_folder(broken)
    (broken / name).write_text("system\nwords\n", encoding="utf-8")
    with pytest.raises(DamagedFileError):
        read_challenge_folder(broken)


def test_a_manifest_cannot_lead_elsewhere(folder: Path, tmp_path: Path) -> None:
    path = tmp_path / "runs" / "led" / "manifest.json"
    shutil.copytree(folder, path.parent)
    text = path.read_text(encoding="utf-8").replace('"name": "claims"', '"name": "../../etc"')
    path.write_text(text, encoding="utf-8")
    with pytest.raises(DamagedFileError, match="names no collection"):
        read_challenge_folder(path.parent)
    (listed,) = list_challenges(tmp_path / "runs")
    assert listed.state == "damaged"


def test_the_list_of_challenges(folder: Path, tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    assert list_challenges(runs) == ()
    for name in ("first", "second", "begun"):
        shutil.copytree(folder, runs / name)
    (runs / "begun" / "manifest.json").unlink()
    (runs / "something").mkdir()
    shutil.copytree(folder / "claims", runs / "of eval run")  # has a manifest of its own
    late = runs / "second" / "manifest.json"
    late.write_text(late.read_text(encoding="utf-8").replace('"date": "2', '"date": "3'), encoding="utf-8")
    now = datetime.now(UTC)
    later = (now + timedelta(seconds=2)).timestamp()  # than the second in which the challenge ended
    for path in (runs / "begun").glob("*/runs/*.trec"):
        os.utime(path, (later, later))
    assert [(item.folder.name, item.state) for item in list_challenges(runs, now=now)] == [
        ("second", "finished"),
        ("begun", "running"),
        ("first", "finished"),
    ]
    states = {item.folder.name: item.state for item in list_challenges(runs, now=now + timedelta(minutes=10))}
    assert states["begun"] == "stopped"


def test_the_leaderboard_keeps_intervals(folder: Path, challenge: FinishedChallenge) -> None:
    (rows,) = Leaderboard(folder.parent / LEADERBOARD).tables().values()
    interval = challenge.collections[0].systems[0].interval
    assert interval is not None
    words = next(row.entry for row in rows if row.entry.system == "words")
    assert (words.low, words.high) == pytest.approx((interval.low, interval.high), abs=1e-6)
