"""PubMed itself as a system: ESearch, limited to a collection's articles and to a snapshot date, and recorded.

PubMed's answers change from day to day. So each is written down as it comes, with its date, and a report can be
made again from the record without the network.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Literal, Protocol

from lxml import etree

from pubmed_rag.core.errors import InputError, UsageError
from pubmed_rag.eval.append import AppendedFile
from pubmed_rag.ingest.eutils import Eutils, Params
from pubmed_rag.ingest.replies import HistoryExpiredError, TransientReplyError
from pubmed_rag.ingest.xml_text import PARSER_OPTIONS, element_text

Sort = Literal["relevance", "date"]

WINDOW = 9_999
"""No search of PubMed lists more than this (E-utilities, NBK25499)."""

POST = 5_000
"""PMIDs one EPost may hold with room to spare; PubMed takes 10,000."""

_SESSIONS = 3


@dataclass(frozen=True, slots=True)
class LiveAnswer:
    """What PubMed said: ``pmids`` in its order, how many matched, how it read the query, and what it warned of."""

    pmids: tuple[str, ...]
    count: int
    translation: str
    warnings: tuple[str, ...]


class LiveSearch(Protocol):
    """Something that searches PubMed within ``pmids`` (all of PubMed if empty), entered no later than ``until``."""

    def search(self, query: str, sort: Sort, pmids: Sequence[str], until: date | None) -> LiveAnswer:
        """At most :data:`WINDOW` PMIDs."""


class EntrezLive:
    """PubMed by E-utilities. The articles are posted once to NCBI's history, and every search is within those."""

    def __init__(self, eutils: Eutils, *, post: int = POST) -> None:
        self._eutils = eutils
        self._post = post
        self._posted: dict[str, tuple[str, str]] = {}

    def search(self, query: str, sort: Sort, pmids: Sequence[str], until: date | None) -> LiveAnswer:
        """One ESearch, and before the first within these ``pmids`` an EPost of them. Raises ``RemoteError``.

        ``sort=relevance`` is Best Match, as on the web; without it ESearch lists the most recently added first.
        """
        for session in range(_SESSIONS):
            params: Params = {"db": "pubmed", "term": query, "retmax": WINDOW, "retmode": "xml"}
            if sort == "relevance":
                params["sort"] = "relevance"
            if until is not None:  # mindate and maxdate count only together (NBK25499)
                params |= {"datetype": "edat", "mindate": "1000/01/01", "maxdate": f"{until:%Y/%m/%d}"}
            try:
                if pmids:
                    params["WebEnv"], params["query_key"] = self._session(pmids)
                return self._eutils.call("esearch.fcgi", params, "eSearchResult", _read_search)
            except HistoryExpiredError:
                self._posted.clear()
                if session == _SESSIONS - 1:
                    raise
        raise AssertionError("the last session returns or raises")

    def _session(self, pmids: Sequence[str]) -> tuple[str, str]:
        """WebEnv and query key of the history entry that holds ``pmids``, posted if they are not there yet."""
        digest = ids_key(pmids)
        if digest not in self._posted:
            web_env, keys = "", []
            for start in range(0, len(pmids), self._post):
                params: Params = {"db": "pubmed", "id": ",".join(pmids[start : start + self._post])}
                if web_env:
                    params["WebEnv"] = web_env
                web_env, key = self._eutils.call("epost.fcgi", params, "ePostResult", _read_post)
                keys.append(key)
            if len(keys) > 1:
                union: Params = {"db": "pubmed", "term": " OR ".join(f"#{key}" for key in keys), "usehistory": "y"}
                union |= {"WebEnv": web_env, "retmax": 0, "retmode": "xml"}
                web_env, key = self._eutils.call("esearch.fcgi", union, "eSearchResult", _read_post)
            self._posted[digest] = (web_env, key)
        return self._posted[digest]


@dataclass(frozen=True, slots=True)
class _Recorded:
    """One question and PubMed's answer; a line of the record. ``asked`` is ISO UTC."""

    key: str
    query: str
    sort: Sort
    until: str | None
    within: str
    asked: str
    answer: LiveAnswer


class RecordedLive:
    """A live search whose answers are kept in ``path``. Without ``live`` it only repeats what is there."""

    def __init__(
        self,
        path: Path,
        live: LiveSearch | None,
        *,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._file = AppendedFile(path, _Recorded)
        self._live = live
        self._now = now
        self._known = {item.key: item for item in self._file.read()}

    def search(self, query: str, sort: Sort, pmids: Sequence[str], until: date | None) -> LiveAnswer:
        """The recorded answer, or PubMed's, which is recorded. Raises :class:`UsageError` for an unrecorded
        question where PubMed may not be asked."""
        within, day = ids_key(pmids), until.isoformat() if until else None
        key = hashlib.sha256("\0".join((query, sort, day or "", within)).encode()).hexdigest()[:24]
        if key not in self._known:
            if self._live is None:
                raise UsageError(
                    f"PubMed's answer to '{query}' ({sort}) is not in {self._file.path}",
                    remedy="repeat the command without --offline",
                )
            answer = self._live.search(query, sort, pmids, until)
            asked = self._now().isoformat(timespec="seconds")
            self._known[key] = _Recorded(key, query, sort, day, within, asked, answer)
            self._file.append(self._known[key])
        return self._known[key].answer

    def dates(self) -> tuple[str, str] | None:
        """When the first and the last recorded question were asked (ISO UTC)."""
        asked = sorted(item.asked for item in self._known.values())
        return (asked[0], asked[-1]) if asked else None


def ids_key(pmids: Sequence[str]) -> str:
    """16 hex digits that name a set of PMIDs; empty for all of PubMed."""
    return hashlib.sha256(",".join(sorted(pmids)).encode()).hexdigest()[:16] if pmids else ""


def require_pmids(ids: Mapping[str, object] | Sequence[str], collection: str) -> None:
    """Raise :class:`InputError` if ids are not PMIDs, which PubMed would take for other articles' numbers."""
    odd = next((doc_id for doc_id in ids if not doc_id.isdigit()), None)
    if odd is not None:
        raise InputError(
            f"'{odd}' of {collection} is not a PMID, so PubMed cannot be asked for it",
            remedy="leave pubmed-live out for this collection",
        )


def _read_search(body: bytes) -> LiveAnswer:
    root = _parsed(body)
    count = root.findtext("Count") or ""
    if not count.isdigit():
        raise TransientReplyError("the search reply has no count")
    pmids = tuple(element.text or "" for element in root.iterfind("IdList/Id"))
    if len(pmids) < min(WINDOW, int(count)):
        raise TransientReplyError(f"the search reply lists {len(pmids)} of {min(WINDOW, int(count))} records")
    warnings = tuple(
        f"{element.tag}: {element_text(element)}"
        for element in (*root.iterfind("ErrorList/*"), *root.iterfind("WarningList/*"))
    )
    return LiveAnswer(pmids, int(count), root.findtext("QueryTranslation") or "", warnings)


def _read_post(body: bytes) -> tuple[str, str]:
    root = _parsed(body)
    web_env, key = root.findtext("WebEnv"), root.findtext("QueryKey")
    if not web_env or not key:
        raise TransientReplyError("the reply to the posted PMIDs has no session")
    return web_env, key


def _parsed(body: bytes) -> etree._Element:
    try:
        return etree.fromstring(body, etree.XMLParser(**PARSER_OPTIONS))
    except etree.XMLSyntaxError as error:
        raise TransientReplyError(f"the reply broke off ({error.msg})") from None
