"""NCBI E-utilities on this machine: what the tests of the Entrez client talk to.

It answers as the live service was seen to answer (2022-2026): sessions, the window of 9,999 records, the
rate limit, both kinds of error, records silently left out. Faults can be ordered, and every call is
remembered with its time. It serves 127.0.0.1 only. By hand::

    python -m tests.eutils_server --port 8080 FILE.xml...      # or --generate 500
    PUBMED_RAG_EUTILS_URL=http://127.0.0.1:8080/ pubmed-rag ingest entrez "all[sb]"

Queries are a small part of PubMed's language: words and ``"phrases"`` joined by ``AND``, ``123[uid]``,
``1:99[uid]`` and ``2020/01/01:2020/12/31[edat]``. Any other field tag is ignored without a word, as PubMed does.
"""

from __future__ import annotations

import argparse
import gzip
import json
import re
import secrets
import threading
import time
from collections import deque
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Literal, Self
from urllib.parse import parse_qs, urlsplit
from xml.sax.saxutils import escape

from lxml import etree

WINDOW = 9_999
SOME_KEY = "0123456789abcdef0123456789abcdef0123"
_TOO_FAR = (
    "Search Backend failed: Exception:\n'retstart' cannot be larger than 9998. For PubMed, ESearch can only retrieve "
    "the first 9,999 records matching the query."
)
_DIAGNOSTIC = b"<html><head><title>NCBI/eutils202 - WWW Error 500 Diagnostic</title></head></html>"
_XML = '<?xml version="1.0" encoding="UTF-8" ?>\n'
_SEARCH_DOCTYPE = (
    '<!DOCTYPE eSearchResult PUBLIC "-//NLM//DTD esearch 20060628//EN" '
    '"https://eutils.ncbi.nlm.nih.gov/eutils/dtd/20060628/esearch.dtd">\n'
)
_FETCH_DOCTYPE = (
    '<!DOCTYPE PubmedArticleSet PUBLIC "-//NLM//DTD PubMedArticle, 1st January 2025//EN" '
    '"https://dtd.nlm.nih.gov/ncbi/pubmed/out/pubmed_250101.dtd">\n'
)

FaultKind = Literal["429", "429-as-200", "500", "502", "backend", "cut", "expired", "hang", "prolog", "truncated"]


@dataclass(frozen=True, slots=True)
class Record:
    """A record to serve: its element as bytes, its entry date, and its text in lower case for searching."""

    pmid: str
    entered: date
    xml: bytes
    text: str


@dataclass(frozen=True, slots=True)
class Call:
    """One request as the server saw it. ``time`` is the server's monotonic clock on arrival."""

    time: float
    method: str
    script: str
    params: dict[str, str]
    headers: dict[str, str]
    status: int


@dataclass(slots=True)
class Fault:
    """``times`` replies to ``script`` (any, if empty) go wrong, after ``after`` that go well."""

    kind: FaultKind
    times: int = 1
    script: str = ""
    after: int = 0


@dataclass(slots=True)
class _Answer:
    status: int
    body: bytes
    content_type: str = "text/xml; charset=UTF-8"
    headers: dict[str, str] = field(default_factory=dict)
    cut: bool = False


def generate_records(n: int, *, first_pmid: int = 30_000_001, start: date = date(2020, 1, 1)) -> list[Record]:
    """``n`` records with rising PMIDs entered on consecutive days: every third on asthma, the others on malaria."""
    topics = ("asthma", "malaria", "malaria")
    return [_generated(first_pmid + i, start + timedelta(days=i), topics[i % 3]) for i in range(n)]


def _generated(pmid: int, day: date, topic: str) -> Record:
    ymd = f"<Year>{day.year}</Year><Month>{day.month}</Month><Day>{day.day}</Day>"
    return _record(
        etree.fromstring(
            f'<PubmedArticle><MedlineCitation Status="MEDLINE" Owner="NLM"><PMID Version="1">{pmid}</PMID>'
            f"<DateRevised>{ymd}</DateRevised><Article><Journal><JournalIssue><PubDate>{ymd}</PubDate></JournalIssue>"
            f"<Title>Journal of {topic}</Title></Journal><ArticleTitle>Trial {pmid} in {topic}.</ArticleTitle>"
            f"<Abstract><AbstractText>Patients with {topic} were treated.</AbstractText></Abstract>"
            "<Language>eng</Language></Article></MedlineCitation><PubmedData><History>"
            f'<PubMedPubDate PubStatus="pubmed">{ymd}</PubMedPubDate></History>'
            f'<ArticleIdList><ArticleId IdType="pubmed">{pmid}</ArticleId></ArticleIdList></PubmedData></PubmedArticle>'
        )
    )


def load_records(paths: Iterable[Path]) -> list[Record]:
    """The records of PubMed XML files, plain or gzipped, in their order."""
    records = []
    for path in paths:
        data = path.read_bytes()
        root = etree.fromstring(gzip.decompress(data) if path.suffix == ".gz" else data)
        records += [_record(element) for element in root if element.tag in {"PubmedArticle", "PubmedBookArticle"}]
    return records


def _record(element: etree._Element) -> Record:
    pmid = element.findtext("MedlineCitation/PMID") or element.findtext("BookDocument/PMID") or ""
    entry = element.find(".//PubMedPubDate[@PubStatus='pubmed']")
    parts = [int(entry.findtext(name) or 1) for name in ("Year", "Month", "Day")] if entry is not None else [1900, 1, 1]
    text = " ".join(" ".join(map(str, element.itertext())).split()).lower()
    return Record(pmid, date(*parts), etree.tostring(element, encoding="utf-8", with_tail=False), text)


class EutilsServer:
    """A running server as a context manager; ``url`` is its base address.

    ``calls`` lists what came in, ``broken_limits`` the calls that were over the rate limit.
    """

    def __init__(
        self,
        records: Sequence[Record] = (),
        *,
        port: int = 0,
        keys: frozenset[str] = frozenset({SOME_KEY}),
        retry_after: int = 2,
        limited: bool = True,
    ) -> None:
        # Most recently entered first: what PubMed does when no order is asked for.
        self.records = sorted(records, key=lambda record: (record.entered, int(record.pmid)), reverse=True)
        self.calls: list[Call] = []
        self.faults: list[Fault] = []
        self.sessions: dict[str, list[list[Record]]] = {}
        self._keys = keys
        self._retry_after = retry_after
        self._limited = limited
        self._recent: dict[str, deque[float]] = {}
        self._lock = threading.Lock()
        self._closing = threading.Event()
        self._http = _HttpServer(("127.0.0.1", port), _handler_for(self))
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.05,), daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._closing.set()
        self._http.shutdown()
        self._http.server_close()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._http.server_address[1]}/entrez/eutils/"

    @property
    def broken_limits(self) -> list[Call]:
        return [call for call in self.calls if call.status == 429]

    def order(self, kind: FaultKind, *, times: int = 1, script: str = "", after: int = 0) -> None:
        """Order a fault."""
        with self._lock:
            self.faults.append(Fault(kind, times, script, after))

    def expire_sessions(self) -> None:
        """Forget every session, as NCBI does after some hours."""
        with self._lock:
            self.sessions.clear()

    def answer(self, script: str, params: dict[str, str], caller: str, arrived: float) -> _Answer:
        """The reply to a call. The key is judged first, then the rate, then ordered faults, then the call itself."""
        with self._lock:
            key = params.get("api_key")
            if key is not None and key not in self._keys:
                return _json(400, {"error": "API key invalid", "api-key": key, "type": "invalid", "status": "unknown"})
            limit = 3 if key is None else 10
            count = self._count(key or caller, arrived)
            if self._limited and count > limit:
                return self._too_many(key or caller, count, limit)
            fault = self._fault_for(script)
        if fault is not None:
            return self._failure(fault.kind, script, key or caller)
        routes = {"esearch.fcgi": self._esearch, "efetch.fcgi": self._efetch, "epost.fcgi": self._epost}
        return routes[script](params) if script in routes else _Answer(404, b"<html>404</html>", "text/html")

    def _count(self, caller: str, now: float) -> int:
        recent = self._recent.setdefault(caller, deque())
        while recent and recent[0] <= now - 1.0:
            recent.popleft()
        recent.append(now)
        return len(recent)

    def _too_many(self, caller: str, count: int, limit: int) -> _Answer:
        body = {"error": "API rate limit exceeded", "api-key": caller, "count": str(count), "limit": str(limit)}
        headers = {"Retry-After": str(self._retry_after), "X-RateLimit-Limit": str(limit), "X-RateLimit-Remaining": "0"}
        answer = _json(429, body)
        answer.headers = headers
        return answer

    def _fault_for(self, script: str) -> Fault | None:
        for fault in self.faults:
            if fault.script in {"", script} and fault.times > 0:
                if fault.after > 0:
                    fault.after -= 1
                    return None
                fault.times -= 1
                return fault
        return None

    def _failure(self, kind: FaultKind, script: str, caller: str) -> _Answer:
        cut_set = f"{_XML}{_FETCH_DOCTYPE}<PubmedArticleSet><PubmedArticle><MedlineCitation><PMID>1</PM".encode()
        whole_set = f"{_XML}{_FETCH_DOCTYPE}<PubmedArticleSet></PubmedArticleSet>".encode()
        if kind == "429":
            return self._too_many(caller, 4, 3)
        if kind == "429-as-200":
            return _json(200, {"error": "API rate limit exceeded", "count": "11"})
        if kind == "500":
            return _Answer(500, _DIAGNOSTIC, "text/html")
        if kind == "502":
            return _Answer(502, b"<html>\n<head><title>502 Bad Gateway</title></head>\n</html>", "text/html")
        if kind == "backend":
            return _error(script, "Search Backend failed: Database is not supported: pubmed", 200)
        if kind == "expired":
            return _error(script, "Unable to obtain query #1", 200 if script == "esearch.fcgi" else 400)
        if kind == "prolog":
            return _Answer(200, (_XML + _FETCH_DOCTYPE).encode())
        if kind == "truncated":
            return _Answer(200, cut_set)
        if kind == "hang":
            self._closing.wait(30)
        return _Answer(200, whole_set, cut=True)

    def _esearch(self, params: dict[str, str]) -> _Answer:
        term = params.get("term", "")
        as_json = params.get("retmode") == "json"
        start, wanted = int(params.get("retstart", 0)), int(params.get("retmax", 20))
        if not term:
            return _error("esearch.fcgi", "Empty term and query_key - nothing todo", 200, as_json)
        if term.count("((") and "))" not in term:
            return _error("esearch.fcgi", "Search Backend failed: unbalanced parentheses", 200, as_json)
        if start >= WINDOW:
            return _error("esearch.fcgi", _TOO_FAR, 200, as_json)
        clauses = [clause.strip() for clause in re.split(r"\bAND\b", term)]
        if "mindate" in params and "maxdate" in params:
            clauses.append(f"{params['mindate']}:{params['maxdate']}[Date - Entry]")
        found = [record for record in self.records if all(_matches(clause, record) for clause in clauses)]
        messages = [] if found else ["No items found."]
        if min(wanted, len(found) - start) > WINDOW - start:
            wanted = WINDOW - start
            messages.append(f"Restrictions achieved. start and count adjusted to {start}, {wanted}")
        page = [record.pmid for record in found[start : start + wanted]]
        session = self._remember(params, found) if params.get("usehistory") == "y" else None
        return (_search_json if as_json else _search_xml)(found, page, start, " AND ".join(clauses), messages, session)

    def _remember(self, params: dict[str, str], found: list[Record]) -> tuple[str, int]:
        with self._lock:
            env = params.get("WebEnv") or f"MCID_{secrets.token_hex(12)}"
            sets = self.sessions.setdefault(env, [])
            sets.append(found)
            return env, len(sets)

    def _epost(self, params: dict[str, str]) -> _Answer:
        wanted = params.get("id", "").split(",")
        if not all(pmid.isdigit() for pmid in wanted):
            return _error("epost.fcgi", "Some IDs have invalid value and were omitted.", 200)
        by_pmid = {record.pmid: record for record in self.records}
        env, key = self._remember(params, [by_pmid[pmid] for pmid in wanted if pmid in by_pmid])
        body = f"{_XML}<ePostResult><QueryKey>{key}</QueryKey><WebEnv>{env}</WebEnv></ePostResult>"
        return _Answer(200, body.encode())

    def _efetch(self, params: dict[str, str]) -> _Answer:
        if "WebEnv" in params:
            start, wanted = int(params.get("retstart", 0)), int(params.get("retmax", 20))
            sets = self.sessions.get(params["WebEnv"], [])
            key = int(params.get("query_key", 0))
            if not 1 <= key <= len(sets):
                return _error("efetch.fcgi", f"Unable to obtain query #{key}", 400)
            if start >= WINDOW:
                return _error("efetch.fcgi", _TOO_FAR, 400)
            chosen = sets[key - 1][start : min(start + wanted, WINDOW)]
            still_there = {id(record) for record in self.records}
            chosen = [record for record in chosen if id(record) in still_there]
        else:
            ids = [pmid for pmid in params.get("id", "").split(",") if pmid.isdigit() and pmid != "0"]
            if not ids:
                return _error("efetch.fcgi", "ID list is empty! Possibly it has no correct IDs.", 400)
            by_pmid = {record.pmid: record for record in self.records}
            chosen = [by_pmid[pmid] for pmid in ids if pmid in by_pmid]
        records = b"".join(record.xml for record in chosen)
        return _Answer(200, (_XML + _FETCH_DOCTYPE).encode() + b"<PubmedArticleSet>" + records + b"</PubmedArticleSet>")


def _matches(clause: str, record: Record) -> bool:
    clause = clause.strip("() ")
    days = re.fullmatch(r"(\d{4}/\d\d/\d\d):(\d{4}/\d\d/\d\d)\[(?:edat|Date - Entry)\]", clause)
    if days:
        return days[1] <= f"{record.entered:%Y/%m/%d}" <= days[2]
    uids = re.fullmatch(r"(\d+)(?::(\d+))?\[(?:uid|pmid)\]", clause, re.IGNORECASE)
    if uids:
        return int(uids[1]) <= int(record.pmid) <= int(uids[2] or uids[1])
    if clause in {"all[sb]", "all[filter]"}:
        return True
    words = re.sub(r"\[[^\]]*\]", "", clause).strip('" ').lower()
    return all(re.search(rf"\b{re.escape(word)}\b", record.text) for word in words.split())


def _search_xml(
    found: list[Record], page: list[str], start: int, query: str, messages: list[str], session: tuple[str, int] | None
) -> _Answer:
    history = f"<QueryKey>{session[1]}</QueryKey><WebEnv>{session[0]}</WebEnv>" if session else ""
    ids = "<IdList>\n" + "".join(f"<Id>{pmid}</Id>\n" for pmid in page) + "</IdList>" if page else "<IdList/>"
    warnings = "".join(f"<OutputMessage>{escape(message)}</OutputMessage>" for message in messages)
    body = (
        f"{_XML}{_SEARCH_DOCTYPE}<eSearchResult><Count>{len(found)}</Count><RetMax>{len(page)}</RetMax>"
        f"<RetStart>{start}</RetStart>{history}{ids}<TranslationSet/>"
        f"<QueryTranslation>{escape(query)}</QueryTranslation>"
        f"{f'<WarningList>{warnings}</WarningList>' if warnings else ''}</eSearchResult>\n"
    )
    return _Answer(200, body.encode())


def _search_json(
    found: list[Record], page: list[str], start: int, query: str, messages: list[str], session: tuple[str, int] | None
) -> _Answer:
    result: dict[str, object] = {"count": str(len(found)), "retmax": str(len(page)), "retstart": str(start)}
    if session:
        result |= {"querykey": str(session[1]), "webenv": session[0]}
    result |= {"idlist": page, "translationset": [], "querytranslation": query}
    if messages:
        result["warninglist"] = {"phrasesignored": [], "quotedphrasesnotfound": [], "outputmessages": messages}
    return _json(200, {"header": {"type": "esearch", "version": "0.3"}, "esearchresult": result})


def _error(script: str, message: str, status: int, as_json: bool = False) -> _Answer:
    if as_json:  # with a raw line break inside the string, as NCBI sends it: not valid JSON
        body = '{"header":{"type":"esearch","version":"0.3"},"esearchresult":{"ERROR":"' + message + '"}}'
        return _Answer(status, body.encode(), "application/json; charset=UTF-8")
    root = {"esearch.fcgi": "eSearchResult", "epost.fcgi": "ePostResult"}.get(script, "eFetchResult")
    return _Answer(status, f"{_XML}<{root}><ERROR>{escape(message)}</ERROR></{root}>".encode())


def _json(status: int, content: dict[str, object] | dict[str, str]) -> _Answer:
    return _Answer(status, json.dumps(content, separators=(",", ":")).encode(), "application/json; charset=UTF-8")


class _HttpServer(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that goes away early, as one that meets its time-out does, is no news."""


def _handler_for(server: EutilsServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        timeout = 30

        def do_GET(self) -> None:
            self._serve(urlsplit(self.path).query)

        def do_POST(self) -> None:
            length = int(self.headers.get("Content-Length", 0))
            self._serve(self.rfile.read(length).decode())

        def log_message(self, format: str, *args: object) -> None:
            pass

        def _serve(self, query: str) -> None:
            arrived = time.monotonic()
            script = urlsplit(self.path).path.rsplit("/", 1)[-1]
            params = {name: values[-1] for name, values in parse_qs(query, keep_blank_values=True).items()}
            if len(self.path) > 4_000:
                answer = _Answer(414, b"<html>414</html>", "text/html")
            else:
                answer = server.answer(script, params, self.client_address[0], arrived)
            server.calls.append(Call(arrived, self.command, script, params, dict(self.headers), answer.status))
            self._send(answer)

        def _send(self, answer: _Answer) -> None:
            body = answer.body
            self.send_response(answer.status)
            if "gzip" in self.headers.get("Accept-Encoding", "") and not answer.cut:
                body = gzip.compress(body, 1)
                self.send_header("Content-Encoding", "gzip")
            self.send_header("Content-Type", answer.content_type)
            self.send_header("Content-Length", str(len(body) + (1000 if answer.cut else 0)))
            self.send_header("Connection", "close")
            for name, value in answer.headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)
            self.close_connection = True

    return Handler


def main() -> None:
    """Serve until interrupted."""
    parser = argparse.ArgumentParser(prog="python -m tests.eutils_server", description=__doc__.partition("\n")[0])
    parser.add_argument("files", nargs="*", type=Path, help="PubMed XML files to serve")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--generate", type=int, default=0, metavar="N", help="serve N made-up records too")
    given = parser.parse_args()
    with EutilsServer([*load_records(given.files), *generate_records(given.generate)], port=given.port) as server:
        print(server.url, flush=True)
        with suppress(KeyboardInterrupt):
            threading.Event().wait()


if __name__ == "__main__":
    main()
