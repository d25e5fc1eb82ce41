"""PubMed searched as it is today, beside a library: what it finds, in its own order, under the same filters."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Literal

from pubmed_rag.core.records import Article, Filters
from pubmed_rag.core.settings import EntrezSettings
from pubmed_rag.ingest.entrez_client import EntrezClient

LiveSort = Literal["relevance", "date", "entered"]

_SORTS: dict[LiveSort, str] = {"relevance": "relevance", "date": "pub_date", "entered": ""}
"""Without ``sort`` ESearch lists the most recently added first; ``relevance`` is Best Match (NBK25499)."""

_IMPATIENT_SECONDS = 10.0
_IMPATIENT_TRIES = 2
_NOT_A_NAME = str.maketrans('"[]', "   ")


@dataclass(frozen=True, slots=True)
class LiveFound:
    """What PubMed found: the first PMIDs in its order, how many match in all, and how it read the ``query`` sent."""

    query: str
    count: int
    translation: str
    warnings: tuple[str, ...]
    pmids: tuple[str, ...]


def impatient(settings: EntrezSettings) -> EntrezSettings:
    """``settings`` for somebody who waits at a page: a service that does not answer is given up soon."""
    return replace(
        settings,
        tries=min(settings.tries, _IMPATIENT_TRIES),
        timeout_seconds=min(settings.timeout_seconds, _IMPATIENT_SECONDS),
    )


def search_live(
    client: EntrezClient, query: str, *, top: int, sort: LiveSort = "relevance", filters: Filters | None = None
) -> LiveFound:
    """One ESearch for the first ``top`` of what PubMed finds. Raises what :meth:`EntrezClient.search` raises."""
    sent = with_filters(query, filters or Filters())
    found = client.search(sent, uids=top, sort=_SORTS[sort])
    return LiveFound(sent, found.count, found.query_translation, found.warnings, found.uids)


def records_live(client: EntrezClient, pmids: Iterable[str]) -> dict[str, Article]:
    """The records of ``pmids`` by PMID; what PubMed does not hold, or cannot be read, is not among them."""
    return {item.pmid: item for item in client.fetch_ids(pmids) if isinstance(item, Article) and item.pmid}


def with_filters(query: str, filters: Filters) -> str:
    """``query`` in PubMed's language, narrowed as ``filters`` narrow a search of the library.

    Articles given by id, which PubMed cannot know, narrow nothing.
    """
    clauses = [
        _any(filters.publication_types, "pt"),
        _any(filters.mesh, "mh"),
        _any(filters.journals, "ta"),
        _any(filters.languages, "la"),
        _range(filters.year_from, filters.year_to, "1000", "3000", "dp"),
        _range(filters.entered_from, filters.entered_to, "1000/01/01", "3000/12/31", "edat"),
        "hasabstract" if filters.has_abstract else "",
        '"retracted publication"[pt]' if filters.retracted else "",
    ]
    narrowed = " AND ".join([f"({query.strip()})", *(clause for clause in clauses if clause)])
    if filters.has_abstract is False:
        narrowed += " NOT hasabstract"
    if filters.retracted is False:
        narrowed += ' NOT "retracted publication"[pt]'
    return narrowed if narrowed != f"({query.strip()})" else query.strip()


def _any(names: tuple[str, ...], tag: str) -> str:
    terms = [f'"{" ".join(name.translate(_NOT_A_NAME).split())}"[{tag}]' for name in names]
    return f"({' OR '.join(terms)})" if len(terms) > 1 else "".join(terms)


def _range(first: object, last: object, earliest: str, latest: str, tag: str) -> str:
    if first is None and last is None:
        return ""
    return f'("{_day(first, earliest)}"[{tag}] : "{_day(last, latest)}"[{tag}])'


def _day(given: object, otherwise: str) -> str:
    return otherwise if given is None else str(given).replace("-", "/")
