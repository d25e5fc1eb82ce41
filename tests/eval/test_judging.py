"""One's own judgements: pools shuffled and blind, saved at once, undone, gone on with."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pubmed_rag.core.errors import UsageError
from pubmed_rag.eval.challenge_config import read_challenge
from pubmed_rag.eval.collections import Qrel, Topic
from pubmed_rag.eval.judging import JudgingSession, make_pools, read_queries, write_challenge_file
from pubmed_rag.eval.open_collection import open_collection
from pubmed_rag.eval.systems import named_specs
from tests.eval.fakes import FakeSystem

TOPICS = (Topic("qa", "topic 1"), Topic("qb", "topic 2"))


def systems() -> list[FakeSystem]:
    return [FakeSystem("one", [1]), FakeSystem("two", [4])]


def test_queries_from_files_and_as_they_are(tmp_path: Path) -> None:
    file = tmp_path / "queries.txt"
    file.write_text("first  query\n\nsecond query\n", encoding="utf-8")
    topics = read_queries([str(file), "third query", "first query"])
    assert [topic.text for topic in topics] == ["first query", "second query", "third query"]
    assert topics[0].id == read_queries(["first query"])[0].id
    with pytest.raises(UsageError, match="no query"):
        read_queries([" "])


def test_a_pool_holds_what_any_system_found_in_an_order_that_tells_nothing(tmp_path: Path) -> None:
    pools = make_pools(TOPICS, systems(), tmp_path, depth=5)
    # The relevant document and x0 to x3 of one, x0 to x3 of the other.
    assert sorted(pools["qa"]) == ["d1", "x0", "x1", "x2", "x3"]
    assert sorted(pools["qb"]) == ["d2", "x0", "x1", "x2", "x3"]
    other = make_pools(TOPICS, systems()[::-1], tmp_path / "other", depth=5)
    assert other == pools
    assert make_pools(TOPICS, systems(), tmp_path / "seed", depth=5, seed=1) != pools
    assert "one" not in (tmp_path / "pool.jsonl").read_text(encoding="utf-8")


def test_pools_are_kept_and_grow_at_their_end(tmp_path: Path) -> None:
    pools = make_pools(TOPICS, systems(), tmp_path, depth=5)
    asked = systems()
    assert make_pools(TOPICS, asked, tmp_path, depth=5) == pools
    assert asked[0].asked == []
    deeper = make_pools(TOPICS, asked, tmp_path, depth=8)
    assert deeper["qa"][: len(pools["qa"])] == pools["qa"]
    assert len(deeper["qa"]) == 8


def session(folder: Path) -> JudgingSession:
    return JudgingSession(folder, TOPICS, make_pools(TOPICS, systems(), folder, depth=3))


def saved(folder: Path) -> list[str]:
    return (folder / "qrels" / "judged.tsv").read_text(encoding="utf-8").splitlines()[1:]


def test_every_judgement_is_saved_at_once_and_a_session_goes_on(tmp_path: Path) -> None:
    first = session(tmp_path)
    assert first.total == 8  # d, x0, x1, x2 each
    item = first.current
    assert item is not None
    first.judge(2)
    assert saved(tmp_path) == [f"{item.topic.id}\t{item.doc_id}\t2"]
    first.judge(0)
    again = session(tmp_path)
    assert (again.judged, again.total) == (2, 8)
    assert again.current == first.current
    while again.current is not None:
        again.judge(1)
    assert len(saved(tmp_path)) == 8
    assert session(tmp_path).current is None
    with pytest.raises(UsageError, match="everything is judged"):
        again.judge(1)


def test_skipped_comes_again_and_undone_is_asked_anew(tmp_path: Path) -> None:
    judging = session(tmp_path)
    first = judging.current
    judging.skip()
    second = judging.current
    assert second != first
    judging.judge(2)
    judging.judge(1)
    assert judging.undo()
    assert judging.undo()
    assert saved(tmp_path) == []
    assert judging.current == second
    assert not judging.undo()
    while judging.current != first:
        judging.judge(0)
    assert judging.judged == judging.total - 1
    with pytest.raises(UsageError, match="unknown grade 3"):
        judging.judge(3)


def test_a_line_that_was_cut_off_is_judged_again(tmp_path: Path) -> None:
    judging = session(tmp_path)
    judging.judge(2)
    judging.judge(1)
    path = tmp_path / "qrels" / "judged.tsv"
    path.write_bytes(path.read_bytes()[:-3])
    again = session(tmp_path)
    assert again.judged == 1
    again.judge(1)
    assert len(saved(tmp_path)) == 2


@given(st.lists(st.sampled_from(["0", "1", "2", "skip", "undo"]), max_size=25))
def test_any_order_of_keys_leaves_what_was_last_said(tmp_path_factory: pytest.TempPathFactory, keys: list[str]) -> None:
    folder = tmp_path_factory.mktemp("judging")
    judging = session(folder)
    said: list[tuple[str, str, int]] = []
    for key in keys:
        item = judging.current
        if key == "undo":
            assert judging.undo() == bool(said)
            said = said[:-1]
        elif item is None:
            break
        elif key == "skip":
            judging.skip()
        else:
            judging.judge(int(key))
            said.append((item.topic.id, item.doc_id, int(key)))
    if said:
        qrels = open_collection(folder, "judged").qrels
        assert sorted(qrels, key=str) == sorted((Qrel(*each) for each in said), key=str)


def test_judgements_are_a_collection_with_a_challenge(tmp_path: Path) -> None:
    judging = session(tmp_path)
    while judging.current is not None:
        judging.judge(2 if judging.current.doc_id.startswith("d") else 0)
    collection = open_collection(tmp_path, "judged")
    assert [topic.text for topic in collection.topics] == ["topic 1", "topic 2"]
    config = read_challenge(write_challenge_file(tmp_path, tmp_path / "lib", named_specs(["pubmed-any", "hybrid"])))
    assert config.baseline == "pubmed-any"
    assert config.systems[0].query == "any-keyword"
    assert config.collections[0].library == str((tmp_path / "lib").resolve())


def test_queries_of_earlier_sessions_are_kept(tmp_path: Path) -> None:
    judging = session(tmp_path)
    judging.judge(1)
    judged = saved(tmp_path)[0].split("\t")[0]
    other = (Topic("qz", "topic 9"),)
    JudgingSession(tmp_path, other, make_pools(other, systems(), tmp_path, depth=3)).judge(2)
    assert {topic.id for topic in open_collection(tmp_path, "judged").topics} == {judged, "qz"}
