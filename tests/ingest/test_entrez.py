"""The Entrez client against a local E-utilities server that fails in every way the real one was seen to fail."""

from __future__ import annotations

import inspect
import logging
import threading
import time
import traceback
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from urllib.parse import parse_qs

import pytest
from Bio import Entrez

from pubmed_rag.core.errors import RemoteRefusedError, RemoteUnavailableError, UsageError
from pubmed_rag.core.records import Article
from pubmed_rag.core.settings import EntrezSettings
from pubmed_rag.core.store import ArticleStore
from pubmed_rag.ingest import entrez
from pubmed_rag.ingest.entrez import EntrezClient, ingest_entrez
from pubmed_rag.ingest.limiter import RateLimiter
from tests.eutils_server import SOME_KEY, EutilsServer, FaultKind, generate_records

pytestmark = pytest.mark.timeout(60)

StartServer = Callable[..., EutilsServer]
TRANSIENT: list[FaultKind] = ["429", "429-as-200", "500", "502", "backend", "cut", "prolog", "truncated"]


class Notes:
    """A progress that remembers its notes."""

    def __init__(self) -> None:
        self.notes: list[str] = []

    def task(self, label: str, total: int | None, unit: str) -> Notes:
        return self

    def __enter__(self) -> Notes:
        return self

    def __exit__(self, *exc: object) -> None:
        pass

    def advance(self, n: int = 1) -> None:
        pass

    def note(self, message: str) -> None:
        self.notes.append(message)


def settings_for(server: EutilsServer, **changes: object) -> EntrezSettings:
    settings = EntrezSettings(url=server.url, email="someone@example.org", timeout_seconds=5.0, tries=4, workers=1)
    return replace(settings, **changes)  # type: ignore[arg-type]


def impatient(server: EutilsServer, pauses: list[float] | None = None, **changes: object) -> EntrezClient:
    """A client that notes pauses instead of making them, for a server without a rate limit."""
    sleep = (pauses if pauses is not None else []).append
    return EntrezClient(settings_for(server, **changes), limiter=RateLimiter(1000, sleep=sleep), sleep=sleep)


@pytest.fixture
def server(start_server: StartServer) -> EutilsServer:
    """450 records, no rate limit."""
    return start_server(generate_records(450), limited=False)


def ids(store: ArticleStore) -> list[str]:
    return sorted(stored.article.id for stored in store.articles())


def everything(server: EutilsServer) -> list[str]:
    return sorted(record.pmid for record in server.records)


def test_search_and_fetch(server: EutilsServer) -> None:
    client = impatient(server)
    found = client.search("asthma AND trial[foo]")
    assert found.count == 150
    assert found.query_translation == "asthma AND trial[foo]"
    assert found.web_env.startswith("MCID_")
    assert found.warnings == ()
    first, second = client.fetch(found, 0, 2)
    assert isinstance(first, Article)
    assert isinstance(second, Article)
    assert (first.id, second.id) == ("30000448", "30000445")  # most recently entered first
    assert first.source == "entrez: asthma AND trial[foo]"


def test_nothing_found(server: EutilsServer, store: ArticleStore) -> None:
    notes = Notes()
    assert ingest_entrez("qzxw", store, impatient(server), progress=notes).read == 0
    assert notes.notes == ["PubMed: No items found."]


def test_pages_by_offset_and_remembers_the_query(server: EutilsServer, store: ArticleStore) -> None:
    report = ingest_entrez("all[sb]", store, impatient(server))
    assert (report.read, report.added, report.rejected) == (450, 450, ())
    assert ids(store) == everything(server)
    pages = [(c.params["retstart"], c.params["retmax"]) for c in server.calls if c.script == "efetch.fcgi"]
    assert pages == [("0", "200"), ("200", "200"), ("400", "50")]
    (saved,) = store.saved_queries()
    assert (saved.query, saved.since, saved.until, saved.maximum) == ("all[sb]", None, None, None)
    assert ingest_entrez("all[sb]", store, impatient(server)).unchanged == 450


def test_every_call_says_who_calls(server: EutilsServer, store: ArticleStore) -> None:
    ingest_entrez("asthma", store, impatient(server))
    for call in server.calls:
        assert call.params["tool"] == "pubmed-rag"
        assert call.params["email"] == "someone@example.org"
        assert call.params["db"] == "pubmed"
        assert "api_key" not in call.params  # an empty one would be refused


@pytest.mark.filterwarnings("error")
def test_a_missing_address_is_said_once_and_not_sent(server: EutilsServer, store: ArticleStore) -> None:
    notes = Notes()
    ingest_entrez("asthma", store, impatient(server, email=""), progress=notes)
    assert len(notes.notes) == 1
    assert "NCBI_EMAIL" in notes.notes[0]
    assert all("email" not in call.params for call in server.calls)


def test_maximum_takes_the_most_recent(server: EutilsServer, store: ArticleStore) -> None:
    assert ingest_entrez("all[sb]", store, impatient(server), maximum=7).added == 7
    assert ids(store) == everything(server)[-7:]
    assert store.saved_queries()[0].maximum == 7


@pytest.mark.parametrize(
    ("since", "until", "expected"),
    [
        (date(2020, 1, 10), date(2020, 1, 12), ["30000010", "30000011", "30000012"]),
        (None, date(2020, 1, 2), ["30000001", "30000002"]),
        (date(2021, 3, 24), None, ["30000449", "30000450"]),
    ],
)
def test_dates_limit_the_entry_date_and_go_in_pairs(
    server: EutilsServer, store: ArticleStore, since: date | None, until: date | None, expected: list[str]
) -> None:
    ingest_entrez("all[sb]", store, impatient(server), since=since, until=until)
    assert ids(store) == expected
    search = server.calls[0].params
    assert search["datetype"] == "edat"
    assert search["mindate"]
    assert search["maxdate"]


@pytest.mark.parametrize(
    "ask",
    [
        lambda client: client.search("  "),
        lambda client: client.search("x", date(2020, 1, 2), date(2020, 1, 1)),
    ],
)
def test_a_question_that_makes_no_sense_is_not_sent(
    server: EutilsServer, ask: Callable[[EntrezClient], object]
) -> None:
    with pytest.raises(UsageError):
        ask(impatient(server))
    assert server.calls == []


def test_a_maximum_of_nothing_is_refused(server: EutilsServer, store: ArticleStore) -> None:
    with pytest.raises(UsageError):
        ingest_entrez("x", store, impatient(server), maximum=0)


def test_long_queries_go_by_post(server: EutilsServer) -> None:
    client = impatient(server)
    query = " AND ".join(["asthma"] * 500)
    assert client.search(query).count == 150
    assert client.search("asthma").count == 150
    assert [call.method for call in server.calls] == ["POST", "GET"]


@pytest.mark.parametrize("script", ["esearch.fcgi", "efetch.fcgi"])
@pytest.mark.parametrize("kind", TRANSIENT)
def test_a_passing_fault_is_waited_out(server: EutilsServer, store: ArticleStore, kind: FaultKind, script: str) -> None:
    server.order(kind, times=2, script=script)
    pauses: list[float] = []
    report = ingest_entrez("all[sb]", store, impatient(server, pauses))
    assert report.added == 450
    assert ids(store) == everything(server)
    assert len(pauses) == 2
    assert 1.0 <= pauses[0] <= 3.0  # 1 s and up to 1 s of jitter, or Retry-After: 2
    assert 2.0 <= pauses[1] <= 3.0


@pytest.mark.parametrize("kind", TRANSIENT)
def test_a_lasting_fault_ends_in_words_and_keeps_what_had_come(
    server: EutilsServer, store: ArticleStore, kind: FaultKind
) -> None:
    server.order(kind, times=1000, script="efetch.fcgi", after=1)
    pauses: list[float] = []
    with pytest.raises(RemoteUnavailableError) as caught:
        ingest_entrez("all[sb]", store, impatient(server, pauses))
    assert caught.value.exit_code == 4
    assert "efetch.fcgi" in str(caught.value)
    assert len(pauses) == 3  # four tries
    assert ids(store) == everything(server)[-200:]
    assert store.saved_queries() == []
    server.faults.clear()
    report = ingest_entrez("all[sb]", store, impatient(server))
    assert (report.read, report.added) == (250, 250)  # continued: what is in is not fetched again


def test_retry_after_is_honoured(start_server: StartServer) -> None:
    server = start_server(generate_records(3), retry_after=17, limited=False)
    server.order("429")
    pauses: list[float] = []
    impatient(server, pauses).search("all[sb]")
    assert pauses == [17.0]


def test_retry_after_is_honoured_in_real_time(start_server: StartServer) -> None:
    server = start_server(generate_records(3), retry_after=2)
    server.order("429")
    EntrezClient(settings_for(server)).search("all[sb]")
    first, second = server.calls
    assert second.time - first.time >= 2.0


def test_a_pause_beyond_patience_is_not_made(start_server: StartServer) -> None:
    server = start_server(generate_records(3), retry_after=3600)
    server.order("429")
    with pytest.raises(RemoteUnavailableError, match="pause of 3600 s"):
        impatient(server).search("all[sb]")


def test_a_server_that_does_not_answer_meets_the_time_out(server: EutilsServer) -> None:
    server.order("hang", times=2)
    started = time.monotonic()
    with pytest.raises(RemoteUnavailableError, match="no answer in time"):
        impatient(server, timeout_seconds=0.3, tries=2).search("all[sb]")
    assert time.monotonic() - started < 5


def test_no_server_at_all() -> None:
    settings = EntrezSettings(url="http://127.0.0.1:9/", tries=2, timeout_seconds=2.0)
    with pytest.raises(RemoteUnavailableError, match="no connection"):
        EntrezClient(settings, sleep=lambda _: None).search("x")


def test_an_expired_session_is_searched_again(server: EutilsServer, store: ArticleStore) -> None:
    server.order("expired", script="efetch.fcgi", after=1)
    report = ingest_entrez("all[sb]", store, impatient(server))
    assert (report.read, report.added) == (450, 450)
    assert [call.script for call in server.calls].count("esearch.fcgi") == 2
    fetched = [call.params["retstart"] for call in server.calls if call.script == "efetch.fcgi" and call.status == 200]
    assert fetched == ["0", "200", "400"]


@pytest.mark.parametrize("maximum", [None, 300])
@pytest.mark.parametrize("change", ["withdrawn", "new"])
def test_after_an_expiry_with_another_count_all_pages_are_fetched_again(
    start_server: StartServer, store: ArticleStore, change: str, maximum: int | None
) -> None:
    """Starting again at the same offset would skip records, for all have moved up or down the list."""
    more, fewer = generate_records(460)[::-1], generate_records(450)[::-1]
    before, after = (more, fewer) if change == "withdrawn" else (fewer, more)
    server = start_server(before, limited=False)
    client = impatient(server)
    fetch = client.fetch

    def fetch_while_pubmed_changes(search: entrez.EntrezSearch, start: int, n: int) -> object:
        if start == 200 and len(server.records) == len(before):
            server.records[:] = after
            server.expire_sessions()
        return fetch(search, start, n)

    client.fetch = fetch_while_pubmed_changes  # type: ignore[method-assign,assignment]
    ingest_entrez("all[sb]", store, client, maximum=maximum)
    wanted = [record.pmid for record in after][: maximum or len(after)]
    assert set(wanted) <= set(ids(store))


def test_sessions_that_always_expire_end_in_words(server: EutilsServer, store: ArticleStore) -> None:
    server.order("expired", times=1000, script="efetch.fcgi")
    with pytest.raises(RemoteUnavailableError, match="session"):
        ingest_entrez("all[sb]", store, impatient(server))
    assert len(server.calls) < 20


def test_a_refused_request_is_not_repeated(server: EutilsServer) -> None:
    client = impatient(server)
    with pytest.raises(RemoteRefusedError, match="larger than 9998"):
        client.fetch(client.search("asthma"), 9_999, 10)
    assert [call.status for call in server.calls if call.script == "efetch.fcgi"] == [400]


def test_records_withdrawn_since_the_search_are_mentioned(server: EutilsServer, store: ArticleStore) -> None:
    client, notes = impatient(server), Notes()
    search = client.search

    def search_then_withdraw(*args: object, **options: object) -> object:
        found = search(*args, **options)  # type: ignore[arg-type]
        del server.records[100:103]
        return found

    client.search = search_then_withdraw  # type: ignore[method-assign,assignment]
    report = ingest_entrez("all[sb]", store, client, progress=notes)
    assert report.read == 447
    assert ids(store) == everything(server)
    assert "450" in notes.notes[-1]
    assert "447" in notes.notes[-1]


def in_threads(client: EntrezClient, n: int, each: int) -> None:
    threads = [threading.Thread(target=lambda: [client.search("asthma") for _ in range(each)]) for _ in range(n)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def test_three_a_second_are_never_exceeded_by_the_servers_clock(start_server: StartServer) -> None:
    server = start_server(generate_records(3))
    in_threads(EntrezClient(settings_for(server)), n=5, each=2)
    times = sorted(call.time for call in server.calls)
    assert len(times) == 10
    assert [call.status for call in server.calls] == [200] * 10
    assert all(later - first >= 1.0 for first, later in zip(times, times[3:], strict=False))


def test_ten_a_second_with_a_key(start_server: StartServer) -> None:
    server = start_server(generate_records(3))
    in_threads(EntrezClient(settings_for(server, api_key=SOME_KEY)), n=6, each=4)
    times = sorted(call.time for call in server.calls)
    assert [call.status for call in server.calls] == [200] * 24
    assert all(later - first >= 1.0 for first, later in zip(times, times[10:], strict=False))
    assert times[-1] - times[0] < 8.0


@pytest.mark.parametrize("kind", [*TRANSIENT, "expired"])
def test_the_key_shows_nowhere(
    server: EutilsServer, kind: FaultKind, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    server.order(kind, times=1000)
    client = impatient(server, api_key=SOME_KEY)
    with pytest.raises(RemoteUnavailableError) as caught:
        client.search(f"asthma {SOME_KEY}")
    shown = [caplog.text, *capfd.readouterr(), repr(client), repr(settings_for(server, api_key=SOME_KEY))]
    error: BaseException | None = caught.value
    while error is not None:
        shown += [str(error), repr(error), *traceback.format_exception(error)]
        error = error.__cause__ or error.__context__
    assert all(SOME_KEY not in text for text in shown)
    assert {call.params["api_key"] for call in server.calls} == {SOME_KEY}
    assert {call.method for call in server.calls} == {"POST"}  # never in an address


def test_a_refused_key_is_reported_without_the_key(server: EutilsServer) -> None:
    key = "not-a-key-" + "9876"
    with pytest.raises(RemoteRefusedError, match="NCBI_API_KEY") as caught:
        impatient(server, api_key=key).search("asthma")
    assert key not in "".join(traceback.format_exception(caught.value))
    assert len(server.calls) == 1


def test_the_part_of_biopython_we_rely_on() -> None:
    build = Entrez._build_request
    assert list(inspect.signature(build).parameters)[:3] == ["cgi", "params", "post"]
    params = {"tool": "t", "email": "e", "api_key": None, "id": ["1", "2"], "retmax": 0}
    short = build("http://host/efetch.fcgi", dict(params))  # type: ignore[no-untyped-call]
    assert short.get_method() == "GET"
    assert short.full_url == "http://host/efetch.fcgi?tool=t&email=e&id=1%2C2&retmax=0"
    posted = build("http://host/efetch.fcgi", dict(params), post=True)  # type: ignore[no-untyped-call]
    assert posted.get_method() == "POST"
    assert parse_qs(posted.data.decode())["id"] == ["1,2"]
