"""An evaluation end to end with systems that need no index: files, figures, resuming, reports."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import msgspec
import pandas as pd
import pytest

from pubmed_rag.core.errors import UsageError
from pubmed_rag.eval.collections import Collection, Qrel, Topic
from pubmed_rag.eval.records import Evaluation
from pubmed_rag.eval.report import latency_note, report_markdown
from pubmed_rag.eval.report_html import report_html
from pubmed_rag.eval.run import evaluate
from pubmed_rag.eval.runs import read_run
from tests.eval.fakes import TOPICS, FakeSystem, tiny_collection

FILES = ["manifest.json", "metrics.csv", "per_query.csv", "report.html", "report.md", "runs"]


def good() -> FakeSystem:
    return FakeSystem("good", [1, 1, 2])


def poor() -> FakeSystem:
    return FakeSystem("poor", [2, 4, 0])


def contents(out: Path) -> dict[str, bytes]:
    return {str(path.relative_to(out)): path.read_bytes() for path in sorted(out.rglob("*")) if path.is_file()}


@pytest.fixture
def evaluation(tmp_path: Path) -> Evaluation:
    return evaluate(tiny_collection(), [poor(), good()], tmp_path / "out", left_out=["two <records> were lost"])


def test_figures_by_hand(evaluation: Evaluation) -> None:
    means = evaluation.summary().systems
    assert list(means) == ["poor", "good"]
    assert means["good"]["MRR"] == pytest.approx((1 + 1 + 1 / 2) / 3, abs=1e-6)
    assert means["poor"]["MRR"] == pytest.approx((1 / 2 + 1 / 4) / 3, abs=1e-6)
    assert means["poor"]["recall@100"] == pytest.approx(2 / 3, abs=1e-6)
    assert [system.without_results for system in evaluation.systems] == [TOPICS // 3, 0]
    (comparison,) = evaluation.comparisons
    assert (comparison.system, comparison.baseline, comparison.verdict) == ("good", "poor", "better")
    assert (comparison.wins, comparison.ties, comparison.losses) == (TOPICS, 0, 0)


def test_the_contract_files_are_there(evaluation: Evaluation) -> None:
    out = evaluation.out
    assert sorted(path.name for path in out.iterdir()) == FILES
    assert sorted(path.name for path in (out / "runs").iterdir()) == [
        "good.json",
        "good.trec",
        "poor.json",
        "poor.trec",
    ]
    metrics = pd.read_csv(out / "metrics.csv")
    assert list(metrics["system"]) == ["poor", "good"]
    assert {"nDCG@10", "recall@100", "MRR", "nDCG@10 low", "median_ms"} <= set(metrics.columns)
    per_query = pd.read_csv(out / "per_query.csv")
    assert len(per_query) == 2 * TOPICS
    by_system = per_query.groupby("system")["nDCG@10"].mean()
    assert by_system["good"] == pytest.approx(evaluation.summary().systems["good"]["nDCG@10"], abs=1e-6)


def test_the_contract_json(evaluation: Evaluation) -> None:
    found = json.loads(msgspec.json.encode(evaluation.summary()))
    assert {"dataset", "split", "systems", "comparisons"} <= found.keys()
    assert (found["dataset"], found["split"]) == ("tiny", "train")
    assert set(found["systems"]["good"]) == {
        "nDCG@10",
        "recall@100",
        "MRR",
        "MAP@100",
        "P@10",
        "judged@10",
        "recall@10",
    }
    assert found["comparisons"][0]["verdict"] == "better"


def test_the_manifest_says_what_a_figure_needs(evaluation: Evaluation) -> None:
    manifest = json.loads((evaluation.out / "manifest.json").read_text(encoding="utf-8"))
    assert manifest["provenance"]["seed"] == 0
    assert manifest["provenance"]["corpus_digest"] == tiny_collection().digest
    assert "ir-measures" in manifest["provenance"]["versions"]
    assert (manifest["topics"], manifest["qrels"]) == (TOPICS, TOPICS)
    assert manifest["left_out"][0] == "two <records> were lost"
    assert [system["name"] for system in manifest["systems"]] == ["poor", "good"]


def test_a_repeat_asks_nothing_and_changes_no_byte(evaluation: Evaluation) -> None:
    before = contents(evaluation.out)
    again = [poor(), good()]
    repeated = evaluate(tiny_collection(), again, evaluation.out, left_out=["two <records> were lost"])
    assert [system.asked for system in again] == [[], []]
    assert contents(evaluation.out) == before
    assert repeated == evaluation


def test_killed_and_continued(tmp_path: Path) -> None:
    out = tmp_path / "out"
    with pytest.raises(KeyboardInterrupt):
        evaluate(tiny_collection(), [good(), FakeSystem("poor", [2, 4, 0], fails_at=" 17")], out)
    assert sorted(path.name for path in out.rglob("*.*")) == ["good.json", "good.trec", "poor.partial"]
    systems = [good(), poor()]
    evaluate(tiny_collection(), systems, out)
    assert systems[0].asked == []
    rest = [f"topic {number}" for number in range(17, TOPICS)]
    assert systems[1].asked == ["topic 17", *rest]  # the first of them once more, to warm up
    assert sorted(path.name for path in out.iterdir()) == FILES
    assert not list(out.rglob("*.partial"))
    undisturbed = evaluate(tiny_collection(), [good(), poor()], tmp_path / "undisturbed")
    assert (out / "runs" / "poor.trec").read_bytes() == (undisturbed.out / "runs" / "poor.trec").read_bytes()


def test_a_journal_line_that_was_cut_off_is_done_again(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        evaluate(tiny_collection(), [FakeSystem("poor", [2, 4, 0], fails_at=" 3")], tmp_path)
    journal = tmp_path / "runs" / "poor.partial"
    journal.write_bytes(journal.read_bytes()[:-9])
    system = poor()
    evaluate(tiny_collection(), [system], tmp_path)
    assert system.asked[:3] == ["topic 2", "topic 2", "topic 3"]


def test_a_journal_of_another_run_does_not_count(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        evaluate(tiny_collection(), [FakeSystem("poor", [2, 4, 0], fails_at=" 17")], tmp_path)
    system = FakeSystem("poor", [2, 4, 0], {"index": "another"})
    evaluate(tiny_collection(), [system], tmp_path)
    assert len(system.asked) == TOPICS + 1


def test_a_remote_system_is_asked_once_a_topic(tmp_path: Path) -> None:
    system = FakeSystem("live", [1], remote=True)
    evaluate(tiny_collection(), [system], tmp_path)
    assert len(system.asked) == TOPICS


def test_new_qrels_need_no_new_run(evaluation: Evaluation) -> None:
    collection = replace(tiny_collection(), qrels=(Qrel("q0", "x0", 1), *tiny_collection().qrels))
    system = good()
    evaluate(collection, [system], evaluation.out)
    assert system.asked == []


@pytest.mark.parametrize("change", ["configuration", "topics", "corpus", "file", "facts"])
def test_whatever_changes_a_run_makes_it_anew(evaluation: Evaluation, change: str) -> None:
    collection, system = tiny_collection(), good()
    if change == "configuration":
        system = FakeSystem("good", [1, 1, 2], {"index": "another"})
    elif change == "topics":
        collection = tiny_collection(text="other words")
    elif change == "corpus":
        collection = replace(collection, digest="beef" * 16)
    elif change == "file":
        path = evaluation.out / "runs" / "good.trec"
        path.write_text(path.read_text(encoding="utf-8").replace("d5", "d6", 1), encoding="utf-8")
    else:
        (evaluation.out / "runs" / "good.json").write_text("{", encoding="utf-8")
    evaluate(collection, [system], evaluation.out)
    assert len(system.asked) == TOPICS + 1


def test_the_order_of_tied_documents_is_the_systems(evaluation: Evaluation) -> None:
    ranking = read_run(evaluation.out / "runs" / "good.trec")["q2"]
    assert [document.doc_id for document in ranking[:3]] == ["x0", "d2", "x1"]


@pytest.mark.parametrize("name", ["", "../up", "a b", "-x"])
def test_a_name_that_cannot_name_a_file_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(UsageError, match="cannot name a run file"):
        evaluate(tiny_collection(), [FakeSystem(name, [1])], tmp_path)


def test_no_system_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no system"):
        evaluate(tiny_collection(), [], tmp_path)


def test_reservations(tmp_path: Path) -> None:
    base = tiny_collection()
    collection = replace(base, topics=base.topics[:6], qrels=(Qrel("q0", "d0", 0), *base.qrels[1:6]), notes=("a note",))
    notes = evaluate(collection, [good()], tmp_path).left_out
    assert notes[0] == "a note"
    assert "topics without a relevant document, on which all score 0: 1 of 6" in notes
    assert any("only 6 topics" in note for note in notes)
    assert any("of the first ten documents were judged" in note for note in notes)


# -- reports --------------------------------------------------------------------------------------


class _Tags(HTMLParser):
    """Collects start tags, and checks that elements are closed in order."""

    VOID = frozenset({"meta"})

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[str] = []
        self.open: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append(tag)
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def parse(html: str) -> _Tags:
    tags = _Tags()
    tags.feed(html)
    assert tags.open == []
    return tags


def hostile(collection: Collection) -> Collection:
    topics = tuple(Topic(topic.id, f"<script>alert(1)</script> | *a* & {topic.text}") for topic in collection.topics)
    return replace(collection, name="<b>set</b>", topics=topics)


def test_both_reports_say_what_was_found(evaluation: Evaluation) -> None:
    html, markdown = parse(report_html(evaluation)).text, report_markdown(evaluation)
    for text in (html, markdown.replace("\\", "")):
        assert "poor and good on tiny, train" in text
        assert re.search(r"good is better than poor: \+0\.\d{3} nDCG@10 \[\+0\.\d{3}, \+0\.\d{3}\]", text)
        assert f"({TOPICS} topics won, 0 tied, 0 lost)" in text
        assert "Holm-corrected" in text
        assert tiny_collection().digest in text
        assert "q2" in text


def test_the_html_is_self_contained(evaluation: Evaluation) -> None:
    html = report_html(evaluation)
    tags = parse(html)
    assert tags.seen.count("svg") == 2
    assert not {"script", "link", "img", "iframe"} & set(tags.seen)
    assert not re.search(r"https?://|src=|url\(|@import", html)
    assert "prefers-color-scheme: dark" in html


def test_everything_from_data_is_escaped(tmp_path: Path) -> None:
    evaluation = evaluate(hostile(tiny_collection()), [poor(), good()], tmp_path, left_out=["two <records> were lost"])
    tags = parse(report_html(evaluation))
    assert not {"script", "b", "records"} & set(tags.seen)
    assert "<script>alert(1)</script> | *a* & topic" in tags.text
    assert "two <records> were lost" in tags.text
    markdown = report_markdown(evaluation)
    assert "<" not in markdown
    assert "\\| \\*a\\*" in markdown


def test_one_system_has_nothing_to_compare(tmp_path: Path) -> None:
    evaluation = evaluate(tiny_collection(), [good()], tmp_path)
    tags = parse(report_html(evaluation))
    assert tags.seen.count("svg") == 1
    assert "nothing to compare" in tags.text


def test_no_difference_is_called_that(tmp_path: Path) -> None:
    evaluation = evaluate(tiny_collection(), [good(), FakeSystem("twin", [1, 1, 2])], tmp_path)
    text = parse(report_html(evaluation)).text
    assert "No difference shown between twin and good: 0.000 nDCG@10 [0.000, 0.000], p_Holm = 1.000" in text


def test_a_latency_names_its_machine(tmp_path: Path) -> None:
    evaluation = evaluate(tiny_collection(), [FakeSystem("old", [3])], tmp_path)
    facts = evaluation.systems[0].run
    assert re.search(r", \d+ cores?$", facts.machine)
    assert facts.machine in (tmp_path / "report.md").read_text(encoding="utf-8").replace("\\", "")
    older = replace(evaluation.systems[0], run=replace(facts, machine="", load=(None, None)))
    assert "was not recorded" in latency_note(replace(evaluation, systems=(older,)))
