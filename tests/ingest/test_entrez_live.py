"""PubMed searched beside a library, against the local server."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from pubmed_rag.core.errors import RemoteUnavailableError
from pubmed_rag.core.records import Filters
from pubmed_rag.core.settings import EntrezSettings
from pubmed_rag.ingest.entrez_client import EntrezClient
from pubmed_rag.ingest.entrez_live import impatient, records_live, search_live, with_filters
from tests.eutils_server import EutilsServer, generate_records


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[EutilsServer]:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with EutilsServer(generate_records(30), limited=False) as running:
        yield running


def client_of(server: EutilsServer) -> EntrezClient:
    return EntrezClient(impatient(EntrezSettings(url=server.url, email="a@b.org")), sleep=lambda _: None)


def test_the_first_pmids_the_whole_count_and_the_translation(server: EutilsServer) -> None:
    found = search_live(client_of(server), "malaria", top=5)
    assert found.count == 20
    assert found.pmids == ("30000030", "30000029", "30000027", "30000026", "30000024")
    assert found.translation == "malaria"
    assert server.calls[-1].params["sort"] == "relevance"
    assert server.complaints == []


@pytest.mark.parametrize(("sort", "sent"), [("date", "pub_date"), ("entered", None)])
def test_the_order_is_asked_for(server: EutilsServer, sort: str, sent: str | None) -> None:
    search_live(client_of(server), "malaria", top=5, sort=sort)  # type: ignore[arg-type]
    assert server.calls[-1].params.get("sort") == sent


def test_records_come_by_their_pmids_and_what_is_not_there_is_left_out(server: EutilsServer) -> None:
    found = records_live(client_of(server), ["30000001", "99", "30000002"])
    assert found.keys() == {"30000001", "30000002"}
    assert found["30000001"].title == "Trial 30000001 in asthma."


def test_nothing_found_is_an_answer(server: EutilsServer) -> None:
    found = search_live(client_of(server), "zebra", top=5)
    assert (found.count, found.pmids) == (0, ())
    assert "No items found." in " ".join(found.warnings)


def test_somebody_who_waits_is_not_kept_for_long(server: EutilsServer) -> None:
    server.order("503", times=9)
    began = time.monotonic()
    with pytest.raises(RemoteUnavailableError):
        search_live(client_of(server), "malaria", top=5)
    assert time.monotonic() - began < 5
    assert len(server.calls) == 2


@pytest.mark.parametrize(
    ("filters", "sent"),
    [
        (Filters(), "a OR b"),
        (Filters(ids=("1",)), "a OR b"),
        (Filters(year_from=2001), '(a OR b) AND ("2001"[dp] : "3000"[dp])'),
        (
            Filters(publication_types=("Review", "Meta-Analysis"), languages=("eng",)),
            '(a OR b) AND ("Review"[pt] OR "Meta-Analysis"[pt]) AND "eng"[la]',
        ),
        (Filters(mesh=('Gout" OR [x',), journals=("Lancet",)), '(a OR b) AND "Gout OR x"[mh] AND "Lancet"[ta]'),
        (
            Filters(entered_from="2020-01-02", has_abstract=True),
            '(a OR b) AND ("2020/01/02"[edat] : "3000/12/31"[edat]) AND hasabstract',
        ),
        (
            Filters(has_abstract=False, retracted=False),
            '(a OR b) NOT hasabstract NOT "retracted publication"[pt]',
        ),
        (Filters(retracted=True), '(a OR b) AND "retracted publication"[pt]'),
    ],
)
def test_filters_become_clauses(filters: Filters, sent: str) -> None:
    assert with_filters(" a OR b ", filters) == sent
