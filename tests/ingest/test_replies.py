"""What a reply means, whatever its HTTP status says."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pubmed_rag.core.errors import RemoteRefusedError
from pubmed_rag.ingest.replies import HistoryExpiredError, Reply, TransientReplyError, check_reply

SEARCH = b'<?xml version="1.0"?><eSearchResult><Count>1</Count></eSearchResult>'


def search_error(text: str) -> bytes:
    return f"<eSearchResult><ERROR>{text}</ERROR></eSearchResult>".encode()


def test_a_good_reply() -> None:
    check_reply(Reply(200, SEARCH), "eSearchResult")


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (429, b'{"error":"API rate limit exceeded","api-key":"192.0.2.1","count":"4","limit":"3"}'),
        (200, b'{"error":"API rate limit exceeded","count":"11"}'),
        (500, b"<html><head><title>NCBI/eutils202 - WWW Error 500 Diagnostic</title></head></html>"),
        (502, b"<html>\n<head><title>502 Bad Gateway</title></head>"),
        (503, b""),
        (200, b"<html><body>Down for maintenance</body></html>"),
        (200, b""),
        (200, b'<?xml version="1.0" ?>\n<!DOCTYPE PubmedArticleSet PUBLIC "x" "y">\n'),
        (200, search_error("Search Backend failed: Database is not supported: pubmed")),
        (200, search_error("Search Backend failed: Exception: 502 Proxy Error")),
        (200, search_error("Can't run executor")),
        (200, search_error("TXCLIENT::readAll EOF")),
        (200, b'{"header":{},"esearchresult":{"ERROR":"Search Backend failed: Database is not supported: pubmed"}}'),
    ],
)
def test_what_may_pass(status: int, body: bytes) -> None:
    with pytest.raises(TransientReplyError):
        check_reply(Reply(status, body), "eSearchResult")


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (400, b'{"error":"API key invalid","api-key":"abc123","type":"invalid","status":"unknown"}'),
        (400, b"<eFetchResult><ERROR>ID list is empty! Possibly it has no correct IDs.</ERROR></eFetchResult>"),
        (200, search_error("Invalid db name specified: fleegle")),
        (200, search_error("Empty term and query_key - nothing todo")),
        (200, search_error("Search Backend failed: Exception:\n'retstart' cannot be larger than 9998. For PubMed, …")),
        (200, b'{"esearchresult":{"ERROR":"Search Backend failed: Exception:\n\'retstart\' cannot be larger"}}'),
        (200, search_error("Position 15000 is out of acceptable range [9999,9998]")),
        (414, b"<html>414 Request-URI Too Large</html>"),
        (404, b""),
    ],
)
def test_what_will_never_succeed(status: int, body: bytes) -> None:
    with pytest.raises(RemoteRefusedError) as caught:
        check_reply(Reply(status, body), "eSearchResult")
    assert "abc123" not in str(caught.value)


@pytest.mark.parametrize("status", [200, 400])
@pytest.mark.parametrize(
    "body",
    [
        b"<eFetchResult><ERROR>Unable to obtain query #1</ERROR></eFetchResult>",
        b"<eSearchResult><ERROR>WebEnv not found</ERROR></eSearchResult>",
        b'{"esearchresult":{"ERROR":"Unable to obtain query #1"}}',
    ],
)
def test_an_expired_session(status: int, body: bytes) -> None:
    with pytest.raises(HistoryExpiredError):
        check_reply(Reply(status, body), "PubmedArticleSet")


def test_the_pause_asked_for_is_kept() -> None:
    with pytest.raises(TransientReplyError) as caught:
        check_reply(Reply(429, b'{"error":"API rate limit exceeded"}', retry_after=2.0), "eSearchResult")
    assert caught.value.retry_after == 2.0


def test_bodies_recorded_from_the_live_service(real_data: Path) -> None:
    folder = real_data / "eutils_responses/live_bodies"
    expected: dict[str, type[Exception] | None] = {
        "429_nokey.json": TransientReplyError,
        "429_legacy.json": TransientReplyError,
        "400_bad_key.json": RemoteRefusedError,
        "esearch_retstart_too_big.json": RemoteRefusedError,
        "esearch_retstart_too_big.xml": RemoteRefusedError,
        "esearch_2022_position.json": RemoteRefusedError,
        "esearch_outage.json": TransientReplyError,
        "esearch_empty_term.xml": RemoteRefusedError,
        "esearch_expired_webenv.json": HistoryExpiredError,
        "efetch_expired_webenv.xml": HistoryExpiredError,
        "efetch_id0.xml": RemoteRefusedError,
        "efetch_nonexistent.xml": None,
        "efetch_prolog_only.xml": TransientReplyError,
        "502.html": TransientReplyError,
        "500_diag.html": TransientReplyError,
        "esearch_valid_zero.xml": None,
        "esearch_nonsense_zero.xml": None,
    }
    index = {entry["file"]: entry for entry in json.loads((folder / "index.json").read_text(encoding="utf-8"))}
    for name, error in expected.items():
        reply = Reply(index[name]["status"], (folder / name).read_bytes())
        root = "PubmedArticleSet" if name.startswith("efetch") else "eSearchResult"
        if error is None:
            check_reply(reply, root)
        else:
            with pytest.raises(error):
                check_reply(reply, root)
