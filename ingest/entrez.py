"""PubMed searches through E-utilities into the article store."""

from __future__ import annotations

import io
import logging
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date

from lxml import etree

from pubmed_rag.core.errors import DamagedFileError, UsageError
from pubmed_rag.core.progress import SILENT, Progress, Task
from pubmed_rag.core.records import Article, IngestReport, RejectedRecord
from pubmed_rag.core.settings import EntrezSettings
from pubmed_rag.core.store import ArticleStore
from pubmed_rag.ingest import pubmed_xml
from pubmed_rag.ingest.eutils import Eutils, Params, Transport
from pubmed_rag.ingest.items import Deleted
from pubmed_rag.ingest.limiter import RateLimiter
from pubmed_rag.ingest.replies import HistoryExpiredError, TransientReplyError
from pubmed_rag.ingest.xml_text import PARSER_OPTIONS, child_text, element_text

_log = logging.getLogger(__name__)

WINDOW = 9_999
"""PubMed serves no more records than this of one search; NBK25499 says 10,000, the servers disagree."""

PAGE = 200
_MOST_EXPIRIES = 3  # a session lasts hours; more than this within one search is another kind of failure
_EARLIEST, _LATEST = date(1800, 1, 1), date(3000, 12, 31)
_WARNINGS = {
    "PhraseNotFound": "phrase not found",
    "FieldNotFound": "unknown field",
    "PhraseIgnored": "phrase ignored",
    "QuotedPhraseNotFound": "quoted phrase not found",
    "OutputMessage": "",
}


@dataclass(frozen=True, slots=True)
class EntrezSearch:
    """A search held by NCBI's history server, most recently entered record first.

    ``count`` is the true number of matches, of which ``min(count, WINDOW)`` can be fetched.
    ``query_translation`` is what PubMed made of the query. ``since`` and ``until`` limit the entry date.
    """

    query: str
    count: int
    query_translation: str
    warnings: tuple[str, ...]
    web_env: str
    query_key: str
    since: date | None = None
    until: date | None = None


class EntrezClient:
    """PubMed by E-utilities. One object may be used from several threads; all share one rate limit."""

    def __init__(
        self,
        settings: EntrezSettings,
        *,
        transport: Transport | None = None,
        limiter: RateLimiter | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.has_email = bool(settings.email)
        self._eutils = Eutils(settings, transport=transport, limiter=limiter, sleep=sleep)

    def search(self, query: str, since: date | None = None, until: date | None = None) -> EntrezSearch:
        """Search PubMed; ``since`` and ``until`` (both included) limit the entry date ([edat]).

        Raises :class:`UsageError` for a question that cannot be asked, and the errors of
        :meth:`Eutils.call <pubmed_rag.ingest.eutils.Eutils.call>`.
        """
        if not query.strip():
            raise UsageError("the query is empty")
        if since and until and since > until:
            raise UsageError(f"--since {since} is later than --until {until}")
        params: Params = {"db": "pubmed", "term": query, "usehistory": "y", "retmax": 0, "retmode": "xml"}
        if since or until:  # mindate and maxdate count only together (NBK25499)
            params |= {
                "datetype": "edat",
                "mindate": f"{since or _EARLIEST:%Y/%m/%d}",
                "maxdate": f"{until or _LATEST:%Y/%m/%d}",
            }
        return self._eutils.call(
            "esearch.fcgi", params, "eSearchResult", lambda body: _read_search(body, query, since, until)
        )

    def fetch(self, search: EntrezSearch, start: int, n: int) -> list[Article | RejectedRecord]:
        """Records ``start`` (from 0) to ``start + n`` of a search, as far as PubMed still has them.

        Fewer than ``n`` may come: PubMed leaves out records withdrawn since the search without a word.
        Raises :class:`HistoryExpiredError` when the session of the search has ended.
        """
        params: Params = {
            "db": "pubmed",
            "WebEnv": search.web_env,
            "query_key": search.query_key,
            "retstart": start,
            "retmax": n,
            "retmode": "xml",
        }
        return self._eutils.call(
            "efetch.fcgi", params, "PubmedArticleSet", lambda body: _read_articles(body, f"entrez: {search.query}")
        )


def ingest_entrez(
    query: str,
    store: ArticleStore,
    client: EntrezClient,
    *,
    maximum: int | None = None,
    since: date | None = None,
    until: date | None = None,
    progress: Progress = SILENT,
) -> IngestReport:
    """Bring in the records that match ``query``, the most recently entered first, and remember the query.

    Every page is stored as it comes, so what a stopped run had received is kept; the query is
    remembered only when all of it has come. Raises what :class:`EntrezClient` raises.
    """
    if maximum is not None and maximum < 1:
        raise UsageError(f"--max must be at least 1, not {maximum}")
    if not client.has_email:
        progress.note("NCBI asks callers for an e-mail address: give one with --email or NCBI_EMAIL")
    report = IngestReport()
    for search, limit in _parts(client, query, since, until, maximum, progress):
        with progress.task("fetching from PubMed", total=min(search.count, limit), unit="records") as task:
            report += _bring_in(search, limit, store, client, progress, task)
    store.save_query(
        query,
        since=since.isoformat() if since else None,
        until=until.isoformat() if until else None,
        maximum=maximum,
    )
    return report


def _parts(
    client: EntrezClient,
    query: str,
    since: date | None,
    until: date | None,
    maximum: int | None,
    progress: Progress,
) -> Iterator[tuple[EntrezSearch, int]]:
    """Searches that together hold what was asked for, each with the most records to take from it.

    For now this is one search, cut at :data:`WINDOW`. Searching disjoint ranges of the entry date, of
    which every record has exactly one, is what reaches the rest.
    """
    search = client.search(query, since, until)
    for warning in search.warnings:
        progress.note(f"PubMed: {warning}")
    asked = search.count if maximum is None else min(maximum, search.count)
    if asked > WINDOW:
        progress.note(
            f"PubMed hands out only the {WINDOW:,} most recent of these {search.count:,} records; "
            f"{asked - WINDOW:,} are left out: bring them in with narrower --since and --until dates"
        )
    yield search, min(maximum or WINDOW, WINDOW)


def _bring_in(
    search: EntrezSearch, limit: int, store: ArticleStore, client: EntrezClient, progress: Progress, task: Task
) -> IngestReport:
    """Fetch and store page by page. Pages go by the offset asked for, not by the number received."""
    report = IngestReport()
    wanted = min(search.count, limit)
    start, received, expiries = 0, 0, 0
    while start < wanted:
        n = min(PAGE, wanted - start)
        try:
            items = client.fetch(search, start, n)
        except HistoryExpiredError:
            expiries += 1
            if expiries > _MOST_EXPIRIES:
                raise
            fresh = client.search(search.query, search.since, search.until)
            if fresh.count != search.count:  # records have moved to other places in the list: begin again
                start, received, wanted = 0, 0, min(fresh.count, limit)
            _log.info("search session expired; searched again, going on at record %d", start)
            search = fresh
            continue
        rejected = tuple(item for item in items if isinstance(item, RejectedRecord))
        report += store.upsert(item for item in items if isinstance(item, Article))
        report += IngestReport(read=len(rejected), rejected=rejected)
        received += len(items)
        start += n
        task.advance(n)
    if received < wanted:
        progress.note(f"PubMed announced {wanted:,} records and sent {received:,}: the others are withdrawn or merged")
    return report


def _read_search(body: bytes, query: str, since: date | None, until: date | None) -> EntrezSearch:
    try:
        document = etree.fromstring(body, etree.XMLParser(**PARSER_OPTIONS))
    except etree.XMLSyntaxError as error:
        raise TransientReplyError(f"the reply broke off ({error.msg})") from None
    count = child_text(document, "Count")
    web_env, query_key = child_text(document, "WebEnv"), child_text(document, "QueryKey")
    if count is None or not count.isdigit() or (count != "0" and not (web_env and query_key)):
        raise TransientReplyError("the search reply has no count or no session")
    warnings = []
    for element in (*document.iterfind("ErrorList/*"), *document.iterfind("WarningList/*")):
        label = _WARNINGS.get(str(element.tag), str(element.tag))
        warnings.append(f"{label}: {element_text(element)}" if label else element_text(element))
    return EntrezSearch(
        query=query,
        count=int(count),
        query_translation=child_text(document, "QueryTranslation") or "",
        warnings=tuple(warnings),
        web_env=web_env or "",
        query_key=query_key or "",
        since=since,
        until=until,
    )


def _read_articles(body: bytes, source: str) -> list[Article | RejectedRecord]:
    try:
        items = list(pubmed_xml.iter_records(io.BytesIO(body), source))
    except DamagedFileError as error:
        raise TransientReplyError(f"the reply broke off ({error.message})") from None
    return [item for item in items if not isinstance(item, Deleted)]
