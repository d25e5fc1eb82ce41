"""A preview asks once and fetches nothing."""

from __future__ import annotations

from collections.abc import Callable

from pubmed_rag.core.settings import EntrezSettings
from pubmed_rag.ingest.entrez import EntrezClient
from pubmed_rag.ingest.entrez_preview import preview
from tests.eutils_server import EutilsServer, generate_records


def test_one_request_tells(start_server: Callable[..., EutilsServer]) -> None:
    server = start_server(generate_records(12_000, per_day=100))
    client = EntrezClient(EntrezSettings(url=server.url, email="someone@example.org"))
    found = preview("all[sb] AND trial[tii]", client)
    assert (found.count, found.parts) == (12_000, 3)
    assert found.requests == 1 + 60 + 6
    assert found.seconds >= 20
    assert [problem.suggestion for problem in found.problems] == ["[ti]"]
    assert [call.script for call in server.calls] == ["esearch.fcgi"]
    assert preview("asthma", client, maximum=100).requests == 2
