"""Searches of 25,000 records: parts, faults at five in a hundred requests, kills at any moment."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

import pytest

from pubmed_rag.core.errors import RemoteUnavailableError
from pubmed_rag.core.library import LibraryPaths
from pubmed_rag.core.records import Article
from pubmed_rag.core.settings import EntrezSettings
from pubmed_rag.core.store import ArticleStore, article_digest
from pubmed_rag.ingest.entrez import WINDOW, EntrezClient, ingest_entrez
from pubmed_rag.ingest.limiter import RateLimiter
from tests.eutils_records import generated
from tests.eutils_server import RANDOM_FAULTS, SOME_KEY, EutilsServer, FaultKind, Record, generate_records

pytestmark = pytest.mark.timeout(300)

StartServer = Callable[..., EutilsServer]
MANY = 25_000


@pytest.fixture(scope="module")
def many() -> list[Record]:
    """25,000 records, 10,500 of them entered on one day: more than PubMed hands out of a search."""
    crowd = generate_records(10_500, first_pmid=20_000_001, start=date(2019, 6, 1), per_day=20_000)
    return crowd + generate_records(MANY - len(crowd), per_day=20)


def client_for(server: EutilsServer, *, pauses: float = 0.0, tries: int = 12, **changes: object) -> EntrezClient:
    """A client whose pauses between tries are shortened, and whose rate is unlimited unless ``server`` counts it."""
    settings = EntrezSettings(
        url=server.url,
        email="someone@example.org",
        timeout_seconds=5.0,
        tries=tries,
        **changes,  # type: ignore[arg-type]
    )
    limiter = None if server.limited else RateLimiter(1000)
    return EntrezClient(settings, limiter=limiter, sleep=lambda seconds: time.sleep(min(seconds, pauses)))


def digests(store: ArticleStore) -> dict[str, bytes]:
    return {stored.article.id: article_digest(stored.article) for stored in store.articles()}


def opened(tmp_path: Path, name: str) -> ArticleStore:
    return ArticleStore(LibraryPaths(tmp_path / name), create=True)


def busiest_second(server: EutilsServer) -> int:
    """The most requests that arrived within any one second, by the server's clock."""
    times = sorted(call.time for call in server.calls)
    return max(sum(first <= later < first + 1.0 for later in times[at:]) for at, first in enumerate(times))


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory, many: list[Record]) -> tuple[EutilsServer, dict[str, bytes]]:
    """What a run without accidents stores, and the server as it left it."""
    with EutilsServer(many, limited=False) as server, opened(tmp_path_factory.mktemp("calm"), "library") as store:
        report = ingest_entrez("all[sb]", store, client_for(server))
        assert (report.read, report.added, report.rejected) == (MANY, MANY, ())
        return server, digests(store)


def test_far_more_than_the_window(undisturbed: tuple[EutilsServer, dict[str, bytes]], many: list[Record]) -> None:
    server, stored = undisturbed
    assert set(stored) == {record.pmid for record in many}
    assert server.complaints == []
    assert set(server.fetched.values()) == {1}
    assert sum(call.script == "esearch.fcgi" for call in server.calls) < 60


def test_the_most_recently_entered_come_first(start_server: StartServer, tmp_path: Path, many: list[Record]) -> None:
    server = start_server(many, limited=False)
    with opened(tmp_path, "library") as store:
        report = ingest_entrez("all[sb]", store, client_for(server), maximum=WINDOW + 300)
        assert report.added == WINDOW + 300
        assert set(digests(store)) == {record.pmid for record in server.records[: WINDOW + 300]}


@pytest.mark.parametrize("kind", RANDOM_FAULTS)
def test_each_fault_at_one_request_in_four(
    start_server: StartServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: FaultKind
) -> None:
    monkeypatch.setattr("pubmed_rag.ingest.entrez.PAGE", 20)
    server = start_server(generate_records(600), limited=False)
    server.inject(0.25, [kind], seed=3)
    with opened(tmp_path, "library") as store:
        report = ingest_entrez("all[sb]", store, client_for(server))
        assert report.read == 600
        assert set(digests(store)) == {record.pmid for record in server.records}
    assert server.complaints == []


def test_all_faults_at_one_in_twenty_and_never_too_fast(
    start_server: StartServer,
    tmp_path: Path,
    many: list[Record],
    undisturbed: tuple[EutilsServer, dict[str, bytes]],
) -> None:
    server = start_server(many)
    server.inject(0.05, seed=1)
    with opened(tmp_path, "library") as store:
        report = ingest_entrez("all[sb]", store, client_for(server, pauses=0.05, api_key=SOME_KEY))
        assert report.read == MANY
        assert digests(store) == undisturbed[1]
    assert sum(server.faults_made.values()) >= 5
    assert server.complaints == []
    assert busiest_second(server) <= 10


def test_three_a_second_without_a_key(start_server: StartServer, tmp_path: Path) -> None:
    server = start_server(generate_records(2_400))
    with opened(tmp_path, "library") as store:
        assert ingest_entrez("all[sb]", store, client_for(server)).added == 2_400
    assert busiest_second(server) == 3


def test_a_lasting_fault_keeps_what_came_and_is_continued(
    start_server: StartServer, tmp_path: Path, many: list[Record]
) -> None:
    some = many[-11_000:]
    server = start_server(some, limited=False)
    server.order("502", times=10_000, script="efetch.fcgi", after=30)
    with opened(tmp_path, "library") as store:
        with pytest.raises(RemoteUnavailableError) as caught:
            ingest_entrez("all[sb]", store, client_for(server, tries=3))
        assert caught.value.exit_code == 4
        assert "repeat the command" in str(caught.value)
        assert store.counts().articles >= 27 * 200
        assert store.saved_queries() == []
        server.faults.clear()
        ingest_entrez("all[sb]", store, client_for(server))
        assert store.counts().articles == len(some)
        assert store.journal_runs("entrez:") == []
    assert max(server.fetched.values()) == 1


def test_a_part_that_changed_between_two_runs_is_fetched_anew(start_server: StartServer, tmp_path: Path) -> None:
    server = start_server(generate_records(900), limited=False)
    server.order("502", times=10_000, script="efetch.fcgi", after=2)
    with opened(tmp_path, "library") as store:
        with pytest.raises(RemoteUnavailableError):
            ingest_entrez("all[sb]", store, client_for(server, tries=2, workers=1))
        server.faults.clear()
        newcomer = generated(40_000_001, date(2020, 1, 1) + timedelta(days=2000), "asthma")
        server.replace(newcomer)  # now the first of the list: all offsets have moved
        ingest_entrez("all[sb]", store, client_for(server))
        assert set(digests(store)) == {record.pmid for record in server.records}


def test_changed_since_brings_the_new_and_the_revised(start_server: StartServer, tmp_path: Path) -> None:
    server = start_server(generate_records(300), limited=False)
    today = date(2026, 11, 20)
    with opened(tmp_path, "library") as store:
        ingest_entrez("asthma", store, client_for(server))
        server.replace(
            generated(30_000_001, date(2020, 1, 1), "asthma", title="Corrected title.", modified=today),
            generated(50_000_001, today, "asthma"),
            generated(50_000_002, today, "malaria"),
        )
        report = ingest_entrez("asthma", store, client_for(server), changed_since=today)
        assert (report.read, report.added, report.updated) == (2, 1, 1)
        assert store.get("30000001").title == "Corrected title."
        report = ingest_entrez(
            "asthma", store, client_for(server), changed_since=today, keep=lambda article: article.id == "50000001"
        )
        assert report.read == 1


def test_more_changed_than_the_window_holds(
    start_server: StartServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in ("entrez", "entrez_client"):
        monkeypatch.setattr(f"pubmed_rag.ingest.{module}.WINDOW", 100)
    server = start_server(generate_records(450), limited=False)
    with opened(tmp_path, "library") as store:
        report = ingest_entrez("all[sb]", store, client_for(server), changed_since=date(2020, 2, 1))
        assert report.added == 450 - 31
    assert server.complaints == []


def test_an_interruption_stops_the_threads_and_keeps_the_pages(start_server: StartServer, tmp_path: Path) -> None:
    server = start_server(generate_records(2_000), limited=False)
    seen: list[Article] = []

    def interrupt(article: Article) -> bool:
        seen.append(article)
        if len(seen) == 900:
            raise KeyboardInterrupt
        return True

    with opened(tmp_path, "library") as store:
        with pytest.raises(KeyboardInterrupt):
            ingest_entrez("all[sb]", store, client_for(server), keep=interrupt)
        assert store.counts().articles == 800
        asked = len(server.calls)
        time.sleep(0.3)
        assert len(server.calls) <= asked + 3
        assert not [t for t in threading.enumerate() if t.name.startswith("fetcher") and not t.daemon]
        ingest_entrez("all[sb]", store, client_for(server))
        assert store.counts().articles == 2_000


_RUN = """
import sys
from pathlib import Path
from pubmed_rag.core.library import LibraryPaths
from pubmed_rag.core.settings import EntrezSettings
from pubmed_rag.core.store import ArticleStore
from pubmed_rag.ingest.entrez import EntrezClient, ingest_entrez
from pubmed_rag.ingest.limiter import RateLimiter
settings = EntrezSettings(url=sys.argv[2], email="someone@example.org", tries=6)
with ArticleStore(LibraryPaths(Path(sys.argv[1])), create=True) as store:
    print("ready", flush=True)
    ingest_entrez("all[sb]", store, EntrezClient(settings, limiter=RateLimiter(1000)))
"""


def start_run(library: Path, server: EutilsServer) -> subprocess.Popen[bytes]:
    environment = {**os.environ, "no_proxy": "127.0.0.1"}
    process = subprocess.Popen(
        [sys.executable, "-c", _RUN, str(library), server.url], stdout=subprocess.PIPE, env=environment
    )
    assert process.stdout is not None
    process.stdout.readline()
    return process


@pytest.mark.slow
def test_twenty_five_kills_of_one_long_run(
    start_server: StartServer,
    tmp_path: Path,
    many: list[Record],
    undisturbed: tuple[EutilsServer, dict[str, bytes]],
) -> None:
    server = start_server(many, limited=False)
    moments = random.Random(5)
    kills = 0
    while kills < 25:
        before = sum(server.fetched.values())
        process = start_run(tmp_path / "library", server)
        goal = before + moments.randint(1, 4)  # pages, so that 25 kills fit into one run on any machine
        while sum(server.fetched.values()) < goal and process.poll() is None:
            time.sleep(0.002)
        time.sleep(moments.uniform(0, 0.05))
        if process.poll() is not None:
            break
        process.send_signal(signal.SIGKILL)
        process.wait()
        kills += 1
    assert kills == 25
    with start_run(tmp_path / "library", server) as process:
        assert process.wait() == 0
    with opened(tmp_path, "library") as store:
        assert digests(store) == undisturbed[1]
        assert store.journal_runs() == []
    twice = sum(server.fetched.values()) - sum(undisturbed[0].fetched.values())
    assert twice <= 25 * 3  # only what was under way when a run was killed
