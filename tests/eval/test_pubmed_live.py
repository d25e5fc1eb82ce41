"""PubMed itself as a system, against the local E-utilities server: limits kept, recorded, replayed without network."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from pubmed_rag.core.errors import InputError, RemoteError, UsageError
from pubmed_rag.core.settings import EntrezSettings
from pubmed_rag.eval.collections import Collection, Qrel, Topic
from pubmed_rag.eval.pubmed_live import EntrezLive, RecordedLive, require_pmids
from pubmed_rag.eval.records import Evaluation
from pubmed_rag.eval.rewriting import Rewriter
from pubmed_rag.eval.run import evaluate
from pubmed_rag.eval.systems import LiveSystem, SystemSpec
from pubmed_rag.ingest.eutils import Eutils
from tests.eutils_server import EutilsServer, Record, generate_records

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def records() -> list[Record]:
    """60 records; those whose number is divisible by three are about warfarin as well."""
    made = []
    for position, record in enumerate(generate_records(60)):
        words = f"{record.text} subject{position}" + (" warfarin" if position % 3 == 0 else "")
        made.append(replace(record, text=words))
    return made


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[EutilsServer]:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with EutilsServer(records()) as running:
        yield running


def live(server: EutilsServer, tries: int = 4) -> EntrezLive:
    return EntrezLive(Eutils(EntrezSettings(url=server.url, email="a@b.org", tries=tries), sleep=lambda _: None))


def collection(server: EutilsServer) -> Collection:
    """Six topics; the relevant article is the one about that subject."""
    by_subject = {int(record.text.split("subject")[1].split()[0]): record.pmid for record in server.records}
    chosen = [0, 3, 6, 9, 10, 30]
    return Collection(
        name="tiny",
        split="test",
        corpus=(),
        topics=tuple(Topic(f"q{number}", f"Does warfarin help with subject{number}?") for number in chosen),
        qrels=tuple(Qrel(f"q{number}", by_subject[number], 1) for number in chosen),
        digest="0" * 64,
    )


def system(search: RecordedLive, documents: tuple[str, ...], **changes: str) -> LiveSystem:
    spec = SystemSpec("pubmed-live", "pubmed-live", **{"query": "keywords", **changes})  # type: ignore[arg-type]
    return LiveSystem(spec, search, documents, Rewriter("any-keyword" if not changes else spec.query))


def test_searches_within_the_collection_in_both_orders(server: EutilsServer) -> None:
    wanted = [record.pmid for record in server.records[:30]]
    search = live(server)
    answer = search.search("warfarin", "relevance", wanted, None)
    assert answer.count == len(answer.pmids) == 10
    assert set(answer.pmids) <= set(wanted)
    assert "warfarin" in answer.translation
    by_date = search.search("warfarin", "date", wanted, None)
    assert list(by_date.pmids) == [pmid for pmid in wanted if pmid in answer.pmids]
    scripts = [call.script for call in server.calls]
    assert scripts == ["epost.fcgi", "esearch.fcgi", "esearch.fcgi"]  # the articles are posted once
    assert [call.params.get("sort") for call in server.calls] == [None, "relevance", None]
    assert not server.complaints


def test_more_articles_than_one_post_holds(server: EutilsServer) -> None:
    wanted = [record.pmid for record in server.records[:30]]
    whole = live(server).search("warfarin", "date", wanted, None)
    search = EntrezLive(Eutils(EntrezSettings(url=server.url, email="a@b.org")), post=7)
    assert search.search("warfarin", "date", wanted, None).pmids == whole.pmids
    assert [call.script for call in server.calls].count("epost.fcgi") == 1 + 5


def test_a_snapshot_date_limits_what_was_entered_later(server: EutilsServer) -> None:
    days = sorted(record.entered for record in server.records)
    until = days[20]
    answer = live(server).search("warfarin", "date", (), until)
    entered = {record.pmid: record.entered for record in server.records}
    assert 0 < answer.count < 20
    assert all(entered[pmid] <= until for pmid in answer.pmids)
    assert live(server).search("warfarin", "date", (), date(1990, 1, 1)).pmids == ()


def test_a_session_that_ended_is_begun_again(server: EutilsServer) -> None:
    wanted = [record.pmid for record in server.records]
    search = live(server)
    first = search.search("warfarin", "date", wanted, None)
    server.expire_sessions()
    assert search.search("warfarin", "date", wanted, None) == first
    assert [call.script for call in server.calls].count("epost.fcgi") == 2
    assert not server.complaints


def measured(server: EutilsServer, search: RecordedLive, out: Path) -> Evaluation:
    documents = tuple(record.pmid for record in server.records)
    return evaluate(collection(server), [system(search, documents)], out)


def test_recorded_and_replayed_offline_to_the_same_figures(server: EutilsServer, tmp_path: Path) -> None:
    record = tmp_path / "record.jsonl"
    asked = measured(server, RecordedLive(record, live(server), now=lambda: NOON), tmp_path / "live")
    questions = sum(call.script == "esearch.fcgi" and call.status == 200 for call in server.calls)
    assert questions == len(asked.topics)
    assert asked.summary().systems["pubmed-live"]["recall@100"] == 1.0
    before = len(server.calls)
    replayed = measured(server, RecordedLive(record, None), tmp_path / "offline")
    assert len(server.calls) == before
    assert replayed.summary().systems == asked.summary().systems
    runs = [(tmp_path / name / "runs" / "pubmed-live.trec").read_bytes() for name in ("live", "offline")]
    assert runs[0] == runs[1]
    assert RecordedLive(record, None).dates() == (NOON.isoformat(), NOON.isoformat())


def test_the_rate_limit_is_kept(server: EutilsServer, tmp_path: Path) -> None:
    measured(server, RecordedLive(tmp_path / "r.jsonl", live(server)), tmp_path / "out")
    assert len(server.calls) >= 7
    assert not server.broken_limits
    times = [call.time for call in server.calls]
    assert all(later - earlier > 1.0 for earlier, later in zip(times, times[3:], strict=False))


def test_a_run_that_failed_halfway_goes_on_where_it_was(server: EutilsServer, tmp_path: Path) -> None:
    server.order("500", times=50, script="esearch.fcgi", after=3)
    record = tmp_path / "r.jsonl"
    with pytest.raises(RemoteError):
        measured(server, RecordedLive(record, live(server, tries=2)), tmp_path / "out")
    server.faults.clear()
    done = sum(call.script == "esearch.fcgi" and call.status == 200 for call in server.calls)
    assert done == 3
    measured(server, RecordedLive(record, live(server)), tmp_path / "out")
    assert sum(call.script == "esearch.fcgi" and call.status == 200 for call in server.calls) == 6


def test_faults_that_pass_change_nothing(server: EutilsServer, tmp_path: Path) -> None:
    calm = measured(server, RecordedLive(tmp_path / "a.jsonl", live(server)), tmp_path / "calm")
    server.inject(0.3, ("502", "backend", "cut", "html", "429-as-200", "expired"), seed=4)
    rough = measured(server, RecordedLive(tmp_path / "b.jsonl", live(server, tries=9)), tmp_path / "rough")
    assert rough.summary().systems == calm.summary().systems
    assert server.faults_made.total() > 0


def test_what_was_not_recorded_cannot_be_replayed(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"is not in .*repeat the command without --offline"):
        RecordedLive(tmp_path / "r.jsonl", None).search("warfarin", "date", (), None)


def test_another_order_or_date_is_another_question(server: EutilsServer, tmp_path: Path) -> None:
    search = RecordedLive(tmp_path / "r.jsonl", live(server), now=lambda: NOON)
    for _ in range(2):
        search.search("warfarin", "date", (), None)
        search.search("warfarin", "relevance", (), None)
        search.search("warfarin", "date", (), date(2030, 1, 1))
        search.search("warfarin", "date", ("1",), None)
    assert sum(call.script == "esearch.fcgi" for call in server.calls) == 4


def test_ids_that_are_no_pmids_are_refused() -> None:
    require_pmids(["1", "22"], "set")
    with pytest.raises(InputError, match="'MED-10' of set is not a PMID"):
        require_pmids(["1", "MED-10"], "set")
