"""The local E-utilities server behaves as the replies recorded from NCBI do."""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlencode

import pytest
from lxml import etree

from tests.eutils_server import EutilsServer, generate_records, load_records
from tests.ingest.xml_builder import article, xml_set

pytestmark = pytest.mark.timeout(60)

StartServer = Callable[..., EutilsServer]


def ask(server: EutilsServer, script: str, **params: object) -> tuple[int, bytes, dict[str, str]]:
    try:
        with urllib.request.urlopen(f"{server.url}{script}?{urlencode(params)}", timeout=10) as reply:
            return reply.status, reply.read(), dict(reply.headers)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read(), dict(error.headers)


def test_the_fourth_call_in_a_second_is_refused(start_server: StartServer) -> None:
    server = start_server(generate_records(3))
    replies = [ask(server, "esearch.fcgi", term="asthma") for _ in range(4)]
    assert [status for status, _, _ in replies] == [200, 200, 200, 429]
    _, body, headers = replies[-1]
    assert json.loads(body)["error"] == "API rate limit exceeded"
    assert headers["Retry-After"] == "2"


def test_the_window(start_server: StartServer) -> None:
    server = start_server(generate_records(10_050, first_pmid=1), limited=False)
    _, body, _ = ask(server, "esearch.fcgi", term="all[sb]", retmax=100_000, usehistory="y")
    search = etree.fromstring(body)
    assert search.findtext("Count") == "10050"
    assert search.findtext("RetMax") == "9999"
    assert search.findtext("WarningList/OutputMessage") == "Restrictions achieved. start and count adjusted to 0, 9999"
    history = {"WebEnv": search.findtext("WebEnv"), "query_key": search.findtext("QueryKey")}
    status, body, _ = ask(server, "efetch.fcgi", **history, retstart=9_950, retmax=50)
    assert (status, len(etree.fromstring(body))) == (200, 49)
    status, body, _ = ask(server, "efetch.fcgi", **history, retstart=9_999, retmax=1)
    assert status == 400
    assert b"cannot be larger than 9998" in body
    status, body, _ = ask(server, "esearch.fcgi", term="all[sb]", retstart=9_999, retmode="json")
    assert status == 200
    with pytest.raises(json.JSONDecodeError):
        json.loads(body)
    assert "ERROR" in json.loads(body, strict=False)["esearchresult"]


def test_fetch_by_id_leaves_out_what_is_unknown(start_server: StartServer) -> None:
    server = start_server(generate_records(3), limited=False)
    status, body, _ = ask(server, "efetch.fcgi", id="30000002,999999999")
    assert [element.findtext("MedlineCitation/PMID") for element in etree.fromstring(body)] == ["30000002"]
    status, body, _ = ask(server, "efetch.fcgi", id="0")
    assert status == 400


def test_post_and_fetch(start_server: StartServer) -> None:
    server = start_server(generate_records(5), limited=False)
    _, body, _ = ask(server, "epost.fcgi", id="30000004,30000002")
    posted = etree.fromstring(body)
    _, body, _ = ask(
        server, "efetch.fcgi", WebEnv=posted.findtext("WebEnv"), query_key=posted.findtext("QueryKey"), retmax=9
    )
    assert [element.findtext("MedlineCitation/PMID") for element in etree.fromstring(body)] == ["30000004", "30000002"]


def test_files_can_be_served(start_server: StartServer, tmp_path: Path) -> None:
    file = tmp_path / "a.xml"
    file.write_bytes(xml_set(article("5", title="On sleep."), article("6")))
    server = start_server(load_records([file]), limited=False)
    _, body, _ = ask(server, "esearch.fcgi", term="sleep[tiab] AND 5:9[uid]")
    assert [element.text for element in etree.fromstring(body).iterfind("IdList/Id")] == ["5"]


def test_by_hand() -> None:
    root = Path(__file__).parents[2]
    command = [sys.executable, "-m", "tests.eutils_server", "--generate", "3"]
    with subprocess.Popen(command, cwd=root, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        url = process.stdout.readline().strip()
        try:
            with urllib.request.urlopen(f"{url}esearch.fcgi?term=all[sb]", timeout=10) as reply:
                assert b"<Count>3</Count>" in reply.read()
        finally:
            process.terminate()
