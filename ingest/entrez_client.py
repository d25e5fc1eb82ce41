"""PubMed by E-utilities: searches held by the history server, and the records they found."""

from __future__ import annotations

import io
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date

from lxml import etree

from pubmed_rag.core.errors import DamagedFileError, UsageError
from pubmed_rag.core.records import Article, RejectedRecord
from pubmed_rag.core.settings import EntrezSettings
from pubmed_rag.ingest import pubmed_xml
from pubmed_rag.ingest.eutils import Eutils, Params, Transport
from pubmed_rag.ingest.items import Deleted
from pubmed_rag.ingest.limiter import RateLimiter
from pubmed_rag.ingest.replies import HistoryExpiredError, TransientReplyError
from pubmed_rag.ingest.xml_text import PARSER_OPTIONS, child_text, element_text

WINDOW = 9_999
"""PubMed serves no more records than this of one search; NBK25499 says 10,000, the servers disagree."""

PAGE = 200
"""Records of one EFetch: some megabytes, a second or two of NCBI's time."""

_EARLIEST, _LATEST = date(1000, 1, 1), date(3000, 12, 31)
_WORKERS, _WORKERS_WITH_KEY = 3, 8
_SESSIONS = 4  # one lasts hours; so many that end at once are another failure
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
    ``within`` is the earlier search of which this one is a part. ``uids`` are the first of the PMIDs
    found, as many as were asked for.
    """

    query: str
    count: int
    query_translation: str
    warnings: tuple[str, ...]
    web_env: str
    query_key: str
    since: date | None = None
    until: date | None = None
    within: EntrezSearch | None = None
    uids: tuple[str, ...] = ()


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
        self.requests_per_second = 10 if settings.api_key else 3
        self.workers = settings.workers or (_WORKERS_WITH_KEY if settings.api_key else _WORKERS)
        self._eutils = Eutils(settings, transport=transport, limiter=limiter, sleep=sleep)

    def search(
        self,
        query: str,
        since: date | None = None,
        until: date | None = None,
        *,
        within: EntrezSearch | None = None,
        uids: int = 0,
        sort: str = "",
    ) -> EntrezSearch:
        """Search PubMed; ``since`` and ``until`` (both included) limit the entry date ([edat]).

        ``within`` searches only what an earlier search found, whatever its query was made of. ``uids``
        is how many PMIDs to return (at most :data:`WINDOW`), in the order ``sort`` (``relevance``, ``pub_date``;
        empty: most recently added first). Raises :class:`UsageError` for a question that cannot be asked, and the
        errors of :meth:`Eutils.call <pubmed_rag.ingest.eutils.Eutils.call>`, among them
        :class:`HistoryExpiredError` when the session of ``within`` has ended.
        """
        if not query.strip():
            raise UsageError("the query is empty")
        if since and until and since > until:
            raise UsageError(f"--since {since} is later than --until {until}")
        wanted = min(uids, WINDOW)
        params: Params = {"db": "pubmed", "term": query, "usehistory": "y", "retmax": wanted, "retmode": "xml"}
        if sort:
            params["sort"] = sort
        if since or until:  # mindate and maxdate count only together (NBK25499)
            params |= {
                "datetype": "edat",
                "mindate": f"{since or _EARLIEST:%Y/%m/%d}",
                "maxdate": f"{until or _LATEST:%Y/%m/%d}",
            }
        if within is not None:
            params |= {"WebEnv": within.web_env, "query_key": within.query_key}

        def read(body: bytes) -> EntrezSearch:
            return _read_search(body, query, since, until, within, wanted)

        return self._eutils.call("esearch.fcgi", params, "eSearchResult", read)

    def narrow(self, within: EntrezSearch, query: str) -> EntrezSearch:
        """Search what ``within`` found; should its session have ended, in a new one."""
        for _ in range(_SESSIONS - 1):
            try:
                return self.search(query, within=within, uids=WINDOW)
            except HistoryExpiredError:
                within = self.again(within)
        return self.search(query, within=within, uids=WINDOW)

    def again(self, search: EntrezSearch) -> EntrezSearch:
        """The same search in a new session: what to do when one has expired. Never the call that failed."""
        if search.within is None:
            return self.search(search.query, search.since, search.until, uids=WINDOW if search.uids else 0)
        return self.narrow(self.again(search.within), search.query)

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
        return self._fetch(params, f"entrez: {search.query}")

    def fetch_ids(self, pmids: Iterable[str]) -> list[Article | RejectedRecord]:
        """Records by PMID, in no promised order. What PubMed does not hold, or has merged, is simply not among them."""
        wanted = list(dict.fromkeys(pmids))
        found: list[Article | RejectedRecord] = []
        for start in range(0, len(wanted), PAGE):
            params: Params = {"db": "pubmed", "id": ",".join(wanted[start : start + PAGE]), "retmode": "xml"}
            found += self._fetch(params, "entrez: PMIDs")
        return found

    def _fetch(self, params: Params, source: str) -> list[Article | RejectedRecord]:
        return self._eutils.call("efetch.fcgi", params, "PubmedArticleSet", lambda body: _read_articles(body, source))


def _read_search(
    body: bytes, query: str, since: date | None, until: date | None, within: EntrezSearch | None, wanted: int
) -> EntrezSearch:
    try:
        document = etree.fromstring(body, etree.XMLParser(**PARSER_OPTIONS))
    except etree.XMLSyntaxError as error:
        raise TransientReplyError(f"the reply broke off ({error.msg})") from None
    count = child_text(document, "Count")
    web_env, query_key = child_text(document, "WebEnv"), child_text(document, "QueryKey")
    if count is None or not count.isdigit() or (count != "0" and not (web_env and query_key)):
        raise TransientReplyError("the search reply has no count or no session")
    uids = tuple(element.text or "" for element in document.iterfind("IdList/Id"))
    if len(uids) < min(wanted, int(count)):
        raise TransientReplyError(f"the search reply lists {len(uids)} of {min(wanted, int(count))} records")
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
        within=within,
        uids=uids,
    )


def _read_articles(body: bytes, source: str) -> list[Article | RejectedRecord]:
    try:
        items = list(pubmed_xml.iter_records(io.BytesIO(body), source))
    except DamagedFileError as error:
        raise TransientReplyError(f"the reply broke off ({error.message})") from None
    return [item for item in items if not isinstance(item, Deleted)]
