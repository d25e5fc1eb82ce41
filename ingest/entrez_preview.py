"""What a query would bring, before it is fetched."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from math import ceil

from pubmed_rag.ingest.entrez_client import PAGE, WINDOW, EntrezClient
from pubmed_rag.ingest.query_check import QueryProblem, check_query

_FILLED = 0.6  # how full the parts of a divided search are, on average; halving gives between a half and all
_SECONDS_A_REQUEST = 1.5  # NCBI's time for 200 records, more or less


@dataclass(frozen=True, slots=True)
class EntrezPreview:
    """What PubMed makes of a query. ``requests`` and ``seconds`` are estimates for fetching all of it."""

    query: str
    count: int
    query_translation: str
    warnings: tuple[str, ...]
    problems: tuple[QueryProblem, ...]
    parts: int
    requests: int
    seconds: float


def preview(
    query: str,
    client: EntrezClient,
    since: date | None = None,
    until: date | None = None,
    maximum: int | None = None,
) -> EntrezPreview:
    """Search without fetching. Raises what :meth:`EntrezClient.search` raises."""
    search = client.search(query, since, until)
    wanted = search.count if maximum is None else min(maximum, search.count)
    parts = 1 if search.count <= WINDOW else max(2, ceil(wanted / (WINDOW * _FILLED)))
    requests = 1 + ceil(wanted / PAGE) + (2 * parts if parts > 1 else 0)
    seconds = max(requests / client.requests_per_second, requests * _SECONDS_A_REQUEST / client.workers)
    return EntrezPreview(
        query=query,
        count=search.count,
        query_translation=search.query_translation,
        warnings=search.warnings,
        problems=check_query(query),
        parts=parts,
        requests=requests,
        seconds=seconds,
    )
