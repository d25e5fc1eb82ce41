"""Blind judging on the page."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from pubmed_rag.eval.append import AppendedFile
from pubmed_rag.eval.leaderboard import LEADERBOARD, Entry
from pubmed_rag.eval.qrels import read_qrels
from pubmed_rag.ui.page_challenge import SYSTEMS, judgements
from tests.ui.test_page import TinyLibrary, button, markup, opened, tiny_library, words


@pytest.fixture
def library(tmp_path: Path) -> Iterator[TinyLibrary]:
    with tiny_library(tmp_path) as made:
        yield made


def begun(library: TinyLibrary, queries: str) -> AppTest:
    page = opened(library, page="Challenge")
    page.text_area(key="kept.judge.queries").input(queries)
    return button(page, "Begin or go on").click().run()


def progress(page: AppTest) -> str:
    return str(page.get("progress")[0].proto.text)


def test_results_are_judged_blind_saved_at_once_and_gone_on_with(library: TinyLibrary) -> None:
    page = begun(library, "carvedilol mortality")
    assert not page.exception
    assert "0 of 4 judged" in progress(page)
    for name in SYSTEMS:
        assert name not in markup(page)
    page = button(page, "Relevant").click().run()
    page = button(page, "Not relevant").click().run()
    page = button(page, "Take the last one back").click().run()
    assert "1 of 4 judged" in progress(page)
    button(page, "Partly").click().run()
    path = judgements(library) / "qrels" / "judged.tsv"
    assert sorted(qrel.relevance for qrel in read_qrels(path)) == [1, 2]
    page = begun(library, "carvedilol mortality")  # another day
    assert "2 of 4 judged" in progress(page)
    page = button(page, "Later").click().run()
    for _ in range(2):
        page = button(page, "Not relevant").click().run()
    assert "Everything is judged" in page.success[0].value
    assert "eval challenge" in page.code[-1].value
    assert len(list(read_qrels(path))) == 4
    assert (judgements(library) / "challenge.toml").is_file()


def test_a_line_that_names_a_file_is_a_query(library: TinyLibrary, tmp_path: Path) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_text("carvedilol of the secret", encoding="utf-8")
    page = begun(library, str(secret))
    assert "of the secret" not in markup(page) + words(page)
    assert str(secret) in (judgements(library) / "queries.jsonl").read_text(encoding="utf-8")


def test_no_query_no_session(library: TinyLibrary) -> None:
    assert "Type a query first" in words(begun(library, "  "))
    assert not judgements(library).exists()


def test_results_of_evaluations_stand_in_a_table(library: TinyLibrary) -> None:
    page = opened(library, page="Challenge")
    assert "No evaluation of this library" in words(page)
    entry = Entry(
        dataset="<b>mine</b>",
        split="test",
        corpus="c",
        topics="t",
        qrels="q",
        system="hybrid",
        fingerprint="f",
        date="2026-05-04T12:00:00+00:00",
        commit=None,
        primary="nDCG@10",
        measures={"nDCG@10": 0.75},
        configuration={},
    )
    library.paths.runs.mkdir()
    AppendedFile(library.paths.runs / LEADERBOARD, Entry).append(entry)
    shown = markup(opened(library, page="Challenge"))
    assert "0.750" in shown
    assert "2026-05-04" in shown
    assert "&lt;b&gt;mine&lt;/b&gt;" in shown
