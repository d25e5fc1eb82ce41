"""A challenge end to end over a small judged collection and a real index, with an embedder of hashes."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from pubmed_rag.core.errors import InputError, UsageError
from pubmed_rag.eval.causes import COMPLETE, LACKING, NOTHING
from pubmed_rag.eval.challenge import run_challenge
from pubmed_rag.eval.challenge_config import ChallengeConfig, CollectionSpec, parse_challenge, read_challenge
from pubmed_rag.eval.challenge_html import challenge_html
from pubmed_rag.eval.challenge_records import ChallengeResult
from pubmed_rag.eval.challenge_report import challenge_markdown
from pubmed_rag.eval.collections import Collection
from pubmed_rag.eval.measures import TASKS
from pubmed_rag.eval.report import signed
from pubmed_rag.eval.systems import System, SystemSpec
from pubmed_rag.eval.workshop import Bench
from tests.eval.fakes import FakeSystem
from tests.eval.test_run import contents, parse

DECLARED = """
title = "Which is <better>?"
baseline = "old"
challengers = ["new"]
about = "A first paragraph.\\n\\nA second."

[[systems]]
name = "old"
kind = "bm25"

[[systems]]
name = "new"
kind = "dense"

[[systems]]
name = "experts"
kind = "expert-boolean"

[[systems]]
name = "live"
kind = "pubmed-live"

[[collections]]
name = "tiny"
path = "tiny"
split = "train"
kind = "claim"
caution = "made up"

[[collections]]
name = "absent"
path = "nowhere"
"""

TOPICS = 40


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A BEIR folder: topic n asks for document n; those that are odd are written as long questions."""
    root = tmp_path_factory.mktemp("data")
    folder = root / "tiny"
    (folder / "qrels").mkdir(parents=True)
    texts = [f"drug {n}" if n % 2 else f"Does it really help the many people who took drug {n}" for n in range(TOPICS)]
    lines = [json.dumps({"_id": f"q{n}", "text": text}) for n, text in enumerate(texts)]
    (folder / "queries.jsonl").write_text("\n".join(lines), encoding="utf-8")
    (folder / "corpus.jsonl").write_text('{"_id": "d1", "title": "T", "text": "x"}\n', encoding="utf-8")
    (folder / "qrels" / "train.tsv").write_text("".join(f"q{n}\td{n}\t1\n" for n in range(TOPICS)), encoding="utf-8")
    return root


class FakeWorkshop:
    """Systems that know where the answer is: old puts it at 4 or nowhere, new at 1 or 2."""

    def __init__(self, fails_at: str | None = None) -> None:
        self.made: list[FakeSystem] = []
        self._fails_at = fails_at

    @contextmanager
    def open(self, collection: Collection, spec: CollectionSpec) -> Iterator[Bench]:
        yield Bench(
            make=self._make,
            texts=lambda ids: {doc: (f"Title of {doc}", f"Title of {doc}. It holds drug.") for doc in ids},
            translate=lambda text: f"translated <{text}>",
            mesh_match=lambda text: text.endswith(("1", "2", "3", "4")),
            documents=1234,
            left_out=("one record was lost",),
        )

    def _make(self, spec: SystemSpec) -> System:
        places = {"old": [4, 0, 4, 1], "new": [1, 2, 1]}[spec.name]
        system = FakeSystem(spec.name, places, fails_at=self._fails_at if spec.name == "new" else None)
        self.made.append(system)
        return system


def config() -> ChallengeConfig:
    return parse_challenge(DECLARED, "c.toml")


@pytest.fixture(scope="module")
def result(data: Path, tmp_path_factory: pytest.TempPathFactory) -> ChallengeResult:
    return run_challenge(config(), data, tmp_path_factory.mktemp("challenge") / "out", FakeWorkshop())


def test_files_of_a_challenge(result: ChallengeResult) -> None:
    assert sorted(path.name for path in result.out.iterdir()) == [
        "comparisons.csv",
        "manifest.json",
        "metrics.csv",
        "per_query.csv",
        "report.html",
        "report.md",
        "tiny",
    ]
    per_query = pd.read_csv(result.out / "per_query.csv")
    assert len(per_query) == 2 * TOPICS
    assert set(per_query["length"]) == {"up to 5 words", "6 to 12 words"}
    assert set(per_query["written as"]) == {"claim"}
    manifest = json.loads((result.out / "manifest.json").read_text(encoding="utf-8"))
    assert manifest["collections"][0]["provenance"]["seed"] == 0
    assert manifest["collections"][0]["sha256"]


def test_what_did_not_run_is_said(result: ChallengeResult) -> None:
    assert [str(missing) for missing in result.missing] == [
        "experts on tiny: none of its topics has a Boolean query",
        "live on tiny: its ids are not known to be PMIDs",
        "absent: there is no nowhere in the data folder",
    ]


def test_the_answer_and_its_reasons(result: ChallengeResult) -> None:
    text = parse(challenge_html(result)).text
    markdown = challenge_markdown(result)
    for shown in (text, markdown.replace("\\", "")):
        assert "new against old: better on tiny." in shown
        assert "On tiny (40 topics): new is better than old: +0." in shown
        assert "old returned nothing for 25% of the topics" in shown
        assert "how it was judged: made up" in shown
        assert "one record was lost" in shown
        assert "absent: there is no nowhere" in shown
        assert "A second." in shown
    assert "1,234 documents, 40 topics" in text


def test_kinds_of_queries_show_where_a_system_wins(result: ChallengeResult) -> None:
    groups = {(r.dimension, r.group): r for r in result.collections[0].group_results}
    assert groups["length", "up to 5 words"].topics == TOPICS // 2
    assert ("written as", "claim") not in groups  # all of them: no group
    assert groups["MeSH", "with a MeSH term"].topics == 16
    short, long = groups["length", "up to 5 words"], groups["length", "6 to 12 words"]
    # Odd topics: old finds it at rank 1 or not at all; even ones: always at rank 4.
    assert short.baseline_mean == pytest.approx(0.5)
    assert long.baseline_mean == pytest.approx(0.4307, abs=1e-4)
    whole = result.collections[0].evaluation.systems[0].scores.mean("nDCG@10")
    assert (short.baseline_mean + long.baseline_mean) / 2 == pytest.approx(whole)


def test_failures_are_explained(result: ChallengeResult) -> None:
    shown = result.collections[0].failures
    differences = [failure.system_value - failure.baseline_value for failure in shown]
    assert differences[0] == min(differences) < 0
    assert max(differences) == differences[3] == 1.0
    first = shown[3]
    assert first.reasons[0] == "old returned nothing"
    assert "old does not return it, new at 1" in first.reasons[1]
    assert "words of the query that" in first.reasons[2]
    assert "translated <" in first.reasons[-1]
    assert first.system_top[0].grade == 1
    assert first.system_top[1].grade is None
    html = challenge_html(result)
    assert html.count("<details>") == len(shown)
    assert "Title of x0 [unjudged]" in parse(html).text


def test_a_repeat_asks_nothing_and_changes_no_byte(result: ChallengeResult, data: Path) -> None:
    before = contents(result.out)
    workshop = FakeWorkshop()
    run_challenge(config(), data, result.out, workshop)
    assert [system.asked for system in workshop.made] == [[], []]
    assert contents(result.out) == before


def test_killed_halfway_and_repeated(result: ChallengeResult, data: Path, tmp_path: Path) -> None:
    out = tmp_path / "killed"
    with pytest.raises(KeyboardInterrupt):
        run_challenge(config(), data, out, FakeWorkshop(fails_at="drug 25"))
    assert not (out / "manifest.json").exists()
    workshop = FakeWorkshop()
    again = run_challenge(config(), data, out, workshop)
    assert workshop.made[0].asked == []
    assert len(workshop.made[1].asked) == 1 + TOPICS - 25
    assert again.summary().collections == result.summary().collections
    assert [c.p_holm for c in again.collections[0].evaluation.comparisons] == [
        c.p_holm for c in result.collections[0].evaluation.comparisons
    ]
    trec = "tiny/runs/new.trec"
    assert (out / trec).read_bytes() == (result.out / trec).read_bytes()


def test_the_page_is_self_contained_and_escapes_what_comes_from_data(result: ChallengeResult) -> None:
    html = challenge_html(result)
    tags = parse(html)
    assert not {"script", "link", "img", "iframe", "better"} & set(tags.seen)
    assert "https://" not in html
    assert tags.seen.count("svg") == 4
    assert "Which is <better>?" in tags.text


def test_p_is_corrected_over_all_collections(data: Path, tmp_path: Path) -> None:
    two = config()
    spec = two.collections[0]
    two = replace(two, collections=(spec, replace(spec, name="again")))
    result = run_challenge(two, data, tmp_path / "two", FakeWorkshop())
    comparisons = [c for found in result.collections for c in found.evaluation.comparisons]
    assert len(comparisons) == 2
    assert all(c.p_holm == pytest.approx(2 * c.p) for c in comparisons)


def test_no_collection_at_all(data: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"none of the collections of c\.toml .* --data"):
        run_challenge(config(), tmp_path / "elsewhere", tmp_path / "out", FakeWorkshop())


# -- the file ---------------------------------------------------------------------------------------


def test_the_shipped_challenge_is_sound() -> None:
    shipped = read_challenge(None)
    assert shipped.baseline == "pubmed"
    assert {spec.name for spec in shipped.collections} >= {"scifact", "pubmedqa", "cohen-screening"}
    assert all(spec.caution for spec in shipped.collections)
    sysrev = next(spec for spec in shipped.collections if spec.task == "boolean")
    assert "expert-boolean-recorded" in [spec.name for spec in shipped.systems_for(sysrev)]
    scifact = shipped.collections[0]
    assert "expert-boolean-recorded" not in [spec.name for spec in shipped.systems_for(scifact)]


def test_pairs_that_matter() -> None:
    chosen = replace(config(), comparisons=(("experts", "new"), ("old", "new")))
    present = ("old", "new", "experts")
    assert chosen.pairs_for(chosen.collections[0], present) == (("old", "new"), ("old", "experts"), ("experts", "new"))
    assert chosen.pairs_for(chosen.collections[0], ("old", "new")) == (("old", "new"),)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (('kind = "bm25"', 'knid = "bm25"'), "unknown setting 'knid' .* did you mean 'kind'"),
        (('kind = "bm25"', 'kind = "bm52"'), "unknown kind 'bm52'"),
        (('baseline = "old"', 'baseline = "odl"'), "unknown system 'odl'. did you mean 'old'"),
        (('name = "new"', 'name = "old"'), "system 'old' stands twice"),
        (('split = "train"', "split = 3"), "unusable setting"),
        (('caution = "made up"', 'task = "rank"'), "unknown task 'rank'"),
        (('name = "absent"', 'name = "../up"'), "cannot name a collection"),
        (
            ('kind = "bm25"', 'kind = "bm25"\noptions = {foo = 1}'),
            "'old': unknown option 'foo'. the kind 'bm25' has none",
        ),
        (('kind = "bm25"', 'kind = "hybrid"\noptions = {fusion = "sm"}'), "'sm' cannot be the option 'fusion'"),
        (('kind = "bm25"', 'kind = "bm25"\nsort = "dat"'), "unusable setting in system 'old' of c.toml"),
        (('about = "', 'seed = -1\nabout = "'), "seed = -1 is negative"),
    ],
)
def test_a_mistake_in_the_file_is_named(change: tuple[str, str], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        parse_challenge(DECLARED.replace(*change), "c.toml")


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="there is no file"):
        read_challenge(tmp_path / "none.toml")
    with pytest.raises(InputError, match="is not valid TOML"):
        parse_challenge("title = ", "c.toml")


def test_a_part_of_the_topics_is_spread_over_all(data: Path, tmp_path: Path) -> None:
    declared = DECLARED.replace('kind = "claim"', 'kind = "claim"\ntopics = 8')
    result = run_challenge(parse_challenge(declared, "c.toml"), data, tmp_path / "out", FakeWorkshop())
    evaluation = result.collections[0].evaluation
    assert [topic.id for topic in evaluation.topics] == ["q0", "q5", "q10", "q15", "q20", "q25", "q30", "q35"]
    assert result.collections[0].judgements == 8
    assert "8 of its 40 topics were asked, spread evenly over all" in evaluation.left_out
    comparison = evaluation.comparisons[0]
    assert comparison.interval is None
    report = (tmp_path / "out" / "report.md").read_text(encoding="utf-8")
    assert comparison.lowest is not None
    assert f"(topics {signed(comparison.lowest)} to " in report
    assert "and the single topics as strokes: 8 are too few" in (tmp_path / "out" / "report.html").read_text("utf-8")
    with pytest.raises(UsageError, match="'tiny' has no topics"):
        parse_challenge(declared.replace("topics = 8", "topics = 0"), "c.toml")


def test_causes_are_counted_over_all_topics(result: ChallengeResult) -> None:
    (ahead, behind) = result.collections[0].causes
    differences = {
        f"q{n}": new - old
        for n, (old, new) in enumerate(
            zip(*(s.scores.values["nDCG@10"] for s in result.collections[0].evaluation.systems), strict=True)
        )
    }
    assert (ahead.better, ahead.other) == ("new", "old")
    assert ahead.topics == sum(difference >= 0.1 for difference in differences.values())
    assert behind.topics == sum(difference <= -0.1 for difference in differences.values())
    # Old returns nothing for every fourth topic; no document holds the topic's number.
    assert ahead.causes[NOTHING] == TOPICS // 4
    assert ahead.causes[LACKING] == ahead.topics
    assert ahead.causes[COMPLETE] == 0
    assert sum(ahead.found.values()) == ahead.topics
    assert "new before old" in challenge_markdown(result)
    assert "new before old" in parse(challenge_html(result)).text


def test_a_report_without_texts_has_the_counts_only(result: ChallengeResult) -> None:
    bare = replace(result, with_texts=False)
    for shown in (challenge_markdown(bare), parse(challenge_html(bare)).text):
        assert "Title of" not in shown
        assert "drug 3" not in shown
        assert "new before old" in shown
    assert "Title of" in challenge_markdown(result)


def test_a_run_file_that_is_not_there_is_told_before_anything_runs(data: Path, tmp_path: Path) -> None:
    declared = DECLARED.replace('kind = "dense"', 'kind = "recorded"\nrun = "none.trec"')
    workshop = FakeWorkshop()
    with pytest.raises(InputError, match=r"system 'new': there is no run file .*none\.trec"):
        run_challenge(parse_challenge(declared, "c.toml"), data, tmp_path / "out", workshop)
    assert workshop.made == []


def test_the_head_of_the_challenges_page_names_what_the_shipped_challenge_has() -> None:
    """``benchmarks/challenge_doc.py`` fills it from the results; a name that is gone would only show after hours."""
    head = Path(__file__).parents[2] / "benchmarks" / "challenge_head.md"
    fields = re.findall(r"\{\{([^{}]+)\}\}", head.read_text(encoding="utf-8"))
    shipped = read_challenge(None)
    collections = {spec.name: spec for spec in shipped.collections}
    assert len(fields) > 20
    for field in fields:
        kind, collection, *systems = field.split()
        if kind == "mean":
            *systems, measure = systems
            assert measure.replace("_", " ") in [m.name for m in TASKS[collections[collection].task].measures], field
        assert set(systems) <= {spec.name for spec in shipped.systems_for(collections[collection])}, field
        if kind in ("difference", "won", "p", "detectable"):
            present = tuple(spec.name for spec in shipped.systems_for(collections[collection]))
            assert tuple(systems) in shipped.pairs_for(collections[collection], present), field
