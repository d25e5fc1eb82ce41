"""PubMed does not stand still: records come, go and move between two runs of one search, and none is missed."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import date

import pytest

from pubmed_rag.core.errors import RemoteUnavailableError
from pubmed_rag.core.settings import EntrezSettings
from pubmed_rag.core.store import ArticleStore
from pubmed_rag.ingest.entrez import EntrezClient, EntrezSearch, ingest_entrez
from pubmed_rag.ingest.fetchers import Fetchers
from pubmed_rag.ingest.limiter import RateLimiter
from tests.eutils_records import generated
from tests.eutils_server import EutilsServer, Record, generate_records

pytestmark = pytest.mark.timeout(60)

StartServer = Callable[..., EutilsServer]
SMALL = 100  # the window of these tests


@pytest.fixture(autouse=True)
def small_window(monkeypatch: pytest.MonkeyPatch) -> None:
    """A window of 100 and pages of 20, so that a few hundred records need many parts."""
    for module in ("entrez", "entrez_client"):
        monkeypatch.setattr(f"pubmed_rag.ingest.{module}.WINDOW", SMALL)
        monkeypatch.setattr(f"pubmed_rag.ingest.{module}.PAGE", 20)


class Notes:
    """A progress that remembers its notes, and may be interrupted when all has come."""

    def __init__(self, *, interrupt: bool = False) -> None:
        self.notes: list[str] = []
        self._interrupt = interrupt

    def note(self, message: str) -> None:
        self.notes.append(message)

    def task(self, label: str, total: int | None, unit: str) -> Notes:
        return self

    def __enter__(self) -> Notes:
        return self

    def __exit__(self, *exc: object) -> None:
        if self._interrupt:
            raise KeyboardInterrupt

    def advance(self, n: int = 1) -> None:
        pass


def client_for(server: EutilsServer, tries: int = 2) -> EntrezClient:
    settings = EntrezSettings(url=server.url, email="someone@example.org", tries=tries, workers=1)
    return EntrezClient(settings, limiter=RateLimiter(1000), sleep=lambda _: None)


def stopped_after(server: EutilsServer, store: ArticleStore, pages: int, maximum: int | None = None) -> None:
    """A run that ends after so many pages."""
    server.order("502", times=10_000, script="efetch.fcgi", after=pages)
    with pytest.raises(RemoteUnavailableError):
        ingest_entrez("all[sb]", store, client_for(server), maximum=maximum)
    server.faults.clear()


def ids(store: ArticleStore) -> set[str]:
    return {stored.article.id for stored in store.articles()}


def pmids(records: list[Record]) -> set[str]:
    return {record.pmid for record in records}


def test_records_entered_under_a_day_before_1900_are_not_lost(start_server: StartServer, store: ArticleStore) -> None:
    """PubMed Central's back files: added in this century, entered under their day of publication."""
    old = generate_records(30, first_pmid=20_000_001, start=date(1852, 1, 1))
    server = start_server([*old, *generate_records(150)], limited=False)
    assert ingest_entrez("all[sb]", store, client_for(server)).added == 180
    assert pmids(old) <= ids(store)


def test_a_part_that_outgrew_the_window_between_two_runs(start_server: StartServer, store: ArticleStore) -> None:
    """Counts come from the journal, for PubMed's total is the same; the part is divided when it is searched."""
    server = start_server(generate_records(300), limited=False)
    stopped_after(server, store, pages=1)
    oldest = sorted(server.records, key=lambda record: record.entered)[:90]
    server.withdraw(*pmids(oldest[:60]))
    server.replace(*(generated(60_000_000 + i, oldest[70].entered, "asthma") for i in range(60)))
    report = ingest_entrez("all[sb]", store, client_for(server))
    assert report.rejected == ()
    assert pmids(server.records) <= ids(store)


def test_records_withdrawn_between_two_runs_hide_no_others(start_server: StartServer, store: ArticleStore) -> None:
    """By the old counts nothing would be left for the earliest part."""
    few = generate_records(5, first_pmid=10_000_001, start=date(1995, 1, 1))
    server = start_server([*few, *generate_records(300)], limited=False)
    stopped_after(server, store, pages=1)
    server.withdraw(*(record.pmid for record in server.records[150:155]))
    ingest_entrez("all[sb]", store, client_for(server))
    assert pmids(few) <= ids(store)
    assert pmids(server.records) <= ids(store)


def test_a_record_that_moves_into_a_part_already_taken_is_not_lost(
    start_server: StartServer, store: ArticleStore
) -> None:
    """The sum of the parts tells, and the division is made again."""
    server = start_server(generate_records(220), limited=False)
    client = client_for(server)
    fetch = client.fetch
    oldest = server.records[-1]

    def move_then_fetch(search: EntrezSearch, start: int, n: int) -> object:
        if oldest in server.records:
            moved = generated(int(oldest.pmid), date(2030, 1, 1), "asthma")
            server.replace(moved)
            for found in server.sessions[search.web_env]:
                found[:] = [moved if record is oldest else record for record in found]
        return fetch(search, start, n)

    client.fetch = move_then_fetch  # type: ignore[method-assign,assignment]
    ingest_entrez("all[sb]", store, client)
    assert ids(store) == pmids(server.records)


def test_a_maximum_is_reached_although_the_first_parts_have_shrunk(
    start_server: StartServer, store: ArticleStore
) -> None:
    """Stopped when all was in but not yet said so; then one of the newest is withdrawn, and one more is wanted."""
    server = start_server(generate_records(300), limited=False)
    with pytest.raises(KeyboardInterrupt):
        ingest_entrez("all[sb]", store, client_for(server), maximum=130, progress=Notes(interrupt=True))
    assert ids(store) == {record.pmid for record in server.records[:130]}
    gone = server.records[3].pmid
    server.withdraw(gone)
    ingest_entrez("all[sb]", store, client_for(server), maximum=130)
    assert ids(store) == {gone, *(record.pmid for record in server.records[:130])}


def test_a_broken_record_without_pmid_counts_once(start_server: StartServer, store: ArticleStore) -> None:
    whole = generate_records(50)
    broken = b"<PubmedArticle><MedlineCitation/></PubmedArticle>"
    nameless = Record("39999999", date(2020, 1, 9), broken, "x", date(2020, 1, 9))
    server = start_server([*whole, nameless], limited=False)
    notes = Notes()
    report = ingest_entrez("all[sb]", store, client_for(server), progress=notes)
    assert (report.added, len(report.rejected), report.read) == (50, 1, 51)
    assert notes.notes == []


def test_results_that_have_come_are_still_handed_over_after_a_failure() -> None:
    fetchers: Fetchers[str] = Fetchers(3)

    def fetch(task: int) -> str:
        if task == 0:
            raise OSError("no")
        time.sleep(0.05 if task == 1 else 5)
        return f"page {task}"

    results = []
    for task, result, error in fetchers.run([0, 1, 2, 3], fetch):
        results.append((task, result))
        if error is not None:
            fetchers.stop(wait=False)
            time.sleep(0.5)
    assert results == [(0, None), (1, "page 1")]
