"""The challenge page: finished reports, every result so far, and the way to the parts of the page."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from pubmed_rag.eval.append import AppendedFile
from pubmed_rag.eval.leaderboard import LEADERBOARD, Entry
from tests.small_challenge import HARM, small_challenge
from tests.ui.test_page import TinyLibrary, button, markup, opened, tiny_library, words


@pytest.fixture
def library(tmp_path: Path) -> Iterator[TinyLibrary]:
    with tiny_library(tmp_path) as made:
        yield made


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of runs with one finished challenge and its leaderboard."""
    return small_challenge(tmp_path_factory.mktemp("challenge") / "runs").parent


@pytest.fixture
def reported(library: TinyLibrary, finished: Path) -> TinyLibrary:
    shutil.copytree(finished, library.paths.runs)
    return library


def part(library: TinyLibrary, name: str) -> AppTest:
    return opened(library, page="Challenge", part=name)


# -- reports ---------------------------------------------------------------------------------------


def test_without_a_report_the_command_is_named(library: TinyLibrary) -> None:
    page = part(library, "reports")
    assert not page.exception
    assert "`pubmed-rag eval challenge --data DIR`" in words(page)


def test_a_report_says_its_verdicts_first(reported: TinyLibrary) -> None:
    page = opened(reported, page="Challenge")  # where there is a report, it is what one sees first
    assert not page.exception
    shown = markup(page)
    assert "both against words: better on claims, questions." in shown
    assert "vectors against words: no difference shown on claims, questions." in shown
    assert shown.index("vectors against words") < shown.index("recall@10")
    assert "claims: both is better than words: +0." in shown
    assert "not shown is not equal" in shown
    assert "the interval leaves out 0" in shown
    assert "What is asked." in shown
    assert len(page.get("vega_lite_chart")) == 4  # headlines, systems, differences, topics


def test_nothing_of_a_report_is_markup(reported: TinyLibrary) -> None:
    page = part(reported, "reports")
    page.selectbox(key="kept.topics.topic").set_value("q0").run()
    shown = markup(page)
    assert not page.exception
    assert "<script>window" not in shown
    assert "<img" not in shown
    assert "&lt;script&gt;window.harmed=1&lt;/script&gt;" in shown
    assert "\u202e" not in shown
    assert "<b onmouseover" not in shown


def test_collections_are_chosen_one_by_one(reported: TinyLibrary) -> None:
    page = part(reported, "reports")
    assert "Systems on claims" in markup(page)
    assert "1,234 documents" in words(page).replace("\\", "")
    page.selectbox(key="kept.challenge.collection").set_value("questions").run()
    shown = markup(page)
    assert "Systems on questions" in shown
    assert "Systems on claims" not in shown
    assert "one record was lost" in shown
    assert "there is no nowhere in the data folder" in shown


def test_a_topic_shows_both_rankings_and_why(reported: TinyLibrary) -> None:
    page = part(reported, "reports")
    page.selectbox(key="kept.topics.system").set_value("vectors").run()
    assert "vectors wins 16 topics, loses 8, and 0 are tied" in words(page).replace("\\", "")
    box = page.selectbox(key="kept.topics.topic")
    assert box.value is None
    box.set_value("q7").run()  # words: nowhere, vectors: at 2
    shown = markup(page)
    assert "Nothing was returned." in shown
    assert 'class="prag-relevant"' in shown
    assert "Title of d7" in shown
    assert "d7 · relevant" in shown
    assert "x1 · not relevant" in shown
    assert "x0 · not judged" in shown
    assert "words returned nothing" in shown
    assert "relevant document d7: words does not return it, vectors at 2, both at 1" in shown
    page.selectbox(key="kept.topics.baseline").set_value("both").run()
    assert "relevant document d7: both at 1, vectors at 2, words does not return it" in markup(page)
    page.selectbox(key="kept.topics.system").set_value("both").run()
    assert "Choose two different systems" in words(page)


def test_a_report_is_compared_with_another(reported: TinyLibrary) -> None:
    runs = reported.paths.runs
    shutil.copytree(runs / "challenge", runs / "before")
    path = runs / "before" / "claims" / "per_query.csv"
    path.write_text(path.read_text(encoding="utf-8").replace("1.000000", "0.900000"), encoding="utf-8")
    page = part(reported, "reports")
    page.selectbox(key="kept.challenge.report").set_value(str(runs / "challenge")).run()
    page.selectbox(key="kept.challenge.since").set_value(str(runs / "before")).run()
    shown = markup(page)
    assert not page.exception
    assert "What changed from that report to this one" in shown
    assert "claims, nDCG@10" in shown
    assert "+0.075" in shown  # three quarters of the topics of "both" had a value of 1


def test_a_report_of_an_earlier_version_says_what_it_lacks(reported: TinyLibrary) -> None:
    for path in (reported.paths.runs / "challenge").glob("*/topics.jsonl"):
        path.unlink()
    page = part(reported, "reports")
    page.selectbox(key="kept.topics.topic").set_value("q7").run()
    assert not page.exception
    assert "made by an earlier version" in words(page)


def test_the_whole_report_is_shown_in_a_frame_where_no_script_runs(reported: TinyLibrary) -> None:
    page = part(reported, "reports")
    page.toggle(key="challenge.whole").set_value(True).run()
    assert not page.exception
    (frame,) = page.get("iframe")
    assert frame.proto.srcdoc.startswith('<!doctype html><meta http-equiv="Content-Security-Policy"')
    assert "script-src" not in frame.proto.srcdoc
    assert "How this was made" in frame.proto.srcdoc


@pytest.mark.parametrize("damage", ["manifest", "table", "name", "topics"])
def test_a_broken_report_is_explained_and_the_others_stay(reported: TinyLibrary, damage: str) -> None:
    broken = reported.paths.runs / "broken"
    shutil.copytree(reported.paths.runs / "challenge", broken)
    manifest = broken / "manifest.json"
    text = manifest.read_text(encoding="utf-8")
    if damage == "manifest":
        manifest.write_text(text[:200], encoding="utf-8")
    elif damage == "table":
        (broken / "comparisons.csv").unlink()
    elif damage == "name":
        manifest.write_text(text.replace('"name": "claims"', '"name": "../../claims"'), encoding="utf-8")
    else:
        (broken / "claims" / "topics.jsonl").write_text("{", encoding="utf-8")
    page = part(reported, "reports")
    box = page.selectbox(key="kept.challenge.report")
    if str(broken) in box.options or damage in ("table", "topics"):
        box.set_value(str(broken)).run()
    assert not page.exception
    assert page.error
    assert "again" in page.error[0].value
    page.selectbox(key="kept.challenge.report").set_value(str(reported.paths.runs / "challenge")).run()
    assert "vectors against words" in markup(page)


def test_a_challenge_at_work_and_one_broken_off(library: TinyLibrary, finished: Path) -> None:
    folder = library.paths.runs / "challenge"
    shutil.copytree(finished / "challenge", folder)
    (folder / "manifest.json").unlink()
    for path in folder.glob("*/runs/*.trec"):
        path.touch()
    page = part(library, "reports")
    assert "A challenge is at work in runs/challenge" in words(page).replace("\\", "")
    for path in folder.glob("*/runs/*"):
        os.utime(path, (1_700_000_000, 1_700_000_000))
    page = part(library, "reports")
    told = words(page).replace("\\", "")
    assert "was broken off (last written 2023-11-14" in told
    assert "eval challenge" in told


# -- all results -----------------------------------------------------------------------------------


def entry(**changes: object) -> Entry:
    values: dict[str, object] = {
        "dataset": "<b>mine</b>",
        "split": "test",
        "corpus": "c",
        "topics": "t",
        "qrels": "q",
        "system": "hybrid",
        "fingerprint": "f",
        "date": "2026-05-04T12:00:00+00:00",
        "commit": None,
        "primary": "nDCG@10",
        "measures": {"nDCG@10": 0.75},
        "configuration": {"weight": "0.5"},
    }
    return Entry(**{**values, **changes})  # type: ignore[arg-type]


def test_results_of_evaluations_stand_in_a_table_and_say_what_changed(library: TinyLibrary) -> None:
    page = part(library, "results")
    assert "No evaluation of this library" in words(page)
    file = AppendedFile(library.paths.runs / LEADERBOARD, Entry)
    file.append(entry())
    later: dict[str, object] = {"fingerprint": "g", "date": "2026-06-01T12:00:00+00:00", "low": 0.6, "high": 0.9}
    later |= {"measures": {"nDCG@10": 0.8}, "configuration": {"weight": "<i>0.7</i>"}}
    file.append(entry(**later))
    page = part(library, "results")
    shown = markup(page)
    assert not page.exception
    assert "0.750" in shown
    assert "2026-05-04" in shown
    assert "0.600 … 0.900" in shown
    assert "+0.050" in shown
    assert "weight: 0.5 → &lt;i&gt;0.7&lt;/i&gt;" in shown
    assert "&lt;b&gt;mine&lt;/b&gt;" in shown
    assert len(page.get("vega_lite_chart")) == 1


def test_older_results_have_no_interval(library: TinyLibrary) -> None:
    AppendedFile(library.paths.runs / LEADERBOARD, Entry).append(entry())
    assert "kept without their interval" in words(part(library, "results"))


# -- the way between -------------------------------------------------------------------------------


def test_the_part_stands_in_the_address_and_is_kept(reported: TinyLibrary) -> None:
    page = part(reported, "results")
    page.segmented_control(key="kept.challenge.part").set_value("judging").run()
    assert page.query_params["part"] == "judging"
    assert button(page, "Begin or go on")
    page.segmented_control(key="kept.page").set_value("Library").run()
    page.segmented_control(key="kept.page").set_value("Challenge").run()
    assert button(page, "Begin or go on")


def test_the_page_speaks_portuguese(reported: TinyLibrary) -> None:
    page = part(reported, "reports")
    page.selectbox(key="kept.language").set_value("pt").run()
    assert not page.exception
    assert "Com que certeza?" in [found.label for found in page.expander]
    assert "nenhuma diferença demonstrada" in markup(page)
    page.segmented_control(key="kept.challenge.part").set_value("results").run()
    assert not page.exception
    assert "Intervalo de 95 %" in markup(page)


def test_harm_is_in_the_challenge_at_all(finished: Path) -> None:
    kept = (finished / "challenge" / "claims" / "topics.jsonl").read_text(encoding="utf-8")
    assert HARM[:30] in kept
    titles = (finished / "challenge" / "claims" / "titles.json").read_text(encoding="utf-8")
    assert len(titles) < 10_000  # a title of a megabyte is cut
