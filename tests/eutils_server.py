"""NCBI E-utilities on this machine: what the tests of the Entrez client talk to.

It answers as the live service was seen to answer (2022-2026): sessions, the window of 9,999 records, the
rate limit, both kinds of error, records silently left out. Faults can be ordered, and every call is
remembered with its time. It serves 127.0.0.1 only. By hand::

    python -m tests.eutils_server --port 8080 FILE.xml...      # or --generate 500
    PUBMED_RAG_EUTILS_URL=http://127.0.0.1:8080/ pubmed-rag ingest entrez "all[sb]"

Records and queries are in ``eutils_records`` and ``eutils_query``.
"""

from __future__ import annotations

import argparse
import gzip
import json
import random
import secrets
import threading
import time
from collections import Counter, deque
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Literal, Self, get_args
from urllib.parse import parse_qs, urlsplit
from xml.sax.saxutils import escape

from tests.eutils_query import compile_query
from tests.eutils_records import Record, generate_records, load_records

__all__ = ["SOME_KEY", "WINDOW", "EutilsServer", "FaultKind", "Record", "generate_records", "load_records"]

WINDOW = 9_999
SOME_KEY = "0123456789abcdef0123456789abcdef0123"
_TOO_FAR = (
    "Search Backend failed: Exception:\n'retstart' cannot be larger than 9998. For PubMed, ESearch can only retrieve "
    "the first 9,999 records matching the query."
)
_PARAMETERS = frozenset(
    {"db", "tool", "email", "api_key", "term", "usehistory", "WebEnv", "query_key", "retstart", "retmax", "rettype",
     "retmode", "sort", "field", "datetype", "reldate", "mindate", "maxdate", "id"}
)  # fmt: skip
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

FaultKind = Literal[
    "429", "429-as-200", "500", "502", "503", "504", "backend", "executor", "cut", "reset", "expired", "hang", "prolog",
    "truncated", "html", "empty", "other-root", "short",
]  # fmt: skip
RANDOM_FAULTS: tuple[FaultKind, ...] = tuple(kind for kind in get_args(FaultKind) if kind != "hang")


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
    reset: bool = False


class EutilsServer:
    """A running server as a context manager; ``url`` is its base address.

    ``calls`` lists what came in, ``broken_limits`` the calls that were over the rate limit, ``complaints``
    what a well-behaved client does not do, ``fetched`` how often each page of a session was served whole.
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
        self.limited = limited
        self.complaints: list[str] = []
        self.faults_made: Counter[str] = Counter()
        self.fetched: Counter[tuple[str, ...]] = Counter()
        self._fault_rate = 0.0
        self._fault_kinds: Sequence[FaultKind] = ()
        self._random = random.Random()
        self._dead: set[tuple[str, ...]] = set()
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

    def inject(self, rate: float, kinds: Sequence[FaultKind] = RANDOM_FAULTS, *, seed: int = 0) -> None:
        """From now on a share ``rate`` of all calls goes wrong in one of the ways of ``kinds``."""
        with self._lock:
            self._fault_rate, self._fault_kinds, self._random = rate, kinds, random.Random(seed)

    def replace(self, *records: Record) -> None:
        """Add records, or put them in the place of those with the same PMID."""
        with self._lock:
            fresh = {record.pmid for record in records}
            kept = [record for record in self.records if record.pmid not in fresh]
            self.records[:] = sorted([*kept, *records], key=lambda r: (r.entered, int(r.pmid)), reverse=True)

    def withdraw(self, *pmids: str) -> None:
        """Take records out, as PubMed does, without a word."""
        with self._lock:
            self.records[:] = [record for record in self.records if record.pmid not in pmids]

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
            if self.limited and count > limit:
                return self._too_many(key or caller, count, limit)
            self._examine(script, params)
            kind = self._fault_for(script, params)
            if kind is not None:
                self.faults_made[kind] += 1
        if kind == "short" and script == "efetch.fcgi":
            return self._efetch(params, left_out=3)
        if kind == "expired":
            self._dead.add(_identity(params))
            self.sessions.pop(params.get("WebEnv", ""), None)
        if kind is not None and kind != "short":
            return self._failure(kind, script, key or caller)
        return self._answered(script, params)

    def _answered(self, script: str, params: dict[str, str]) -> _Answer:
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

    def _fault_for(self, script: str, params: dict[str, str]) -> FaultKind | None:
        for fault in self.faults:
            if fault.script in {"", script} and fault.times > 0:
                if fault.after > 0:
                    fault.after -= 1
                    return None
                fault.times -= 1
                return fault.kind
        if self._random.random() < self._fault_rate:
            kind = self._random.choice(self._fault_kinds)
            return None if kind == "expired" and "WebEnv" not in params else kind
        return None

    def _examine(self, script: str, params: dict[str, str]) -> None:
        """What NCBI asks of clients, and would not tell them (contract of E-utilities, sections 1-4)."""
        wrong = [f"no {name}" for name in ("db", "tool", "email") if not params.get(name)]
        wrong += [f"unknown parameter {name}" for name in params.keys() - _PARAMETERS]
        wrong += ["mindate without maxdate"] * (("mindate" in params) != ("maxdate" in params))
        wrong += ["records beyond the window"] * (int(params.get("retstart", 0)) >= WINDOW)
        wrong += ["too many ids"] * (params.get("id", "").count(",") >= 10_000)
        wrong += ["repeated a call to an expired session"] * ("WebEnv" in params and _identity(params) in self._dead)
        self.complaints += [f"{script}: {text}" for text in wrong]

    def _failure(self, kind: FaultKind, script: str, caller: str) -> _Answer:
        cut_set = f"{_XML}{_FETCH_DOCTYPE}<PubmedArticleSet><PubmedArticle><MedlineCitation><PMID>1</PM".encode()
        whole_set = f"{_XML}{_FETCH_DOCTYPE}<PubmedArticleSet></PubmedArticleSet>".encode()
        if kind == "429":
            return self._too_many(caller, 4, 3)
        if kind == "429-as-200":
            return _json(200, {"error": "API rate limit exceeded", "count": "11"})
        if kind == "500":
            return _Answer(500, _DIAGNOSTIC, "text/html")
        if kind in {"502", "503", "504"}:
            return _Answer(int(kind), b"<html>\n<head><title>Bad Gateway</title></head>\n</html>", "text/html")
        if kind == "html":
            return _Answer(200, b"<!DOCTYPE html><html><body>Maintenance</body></html>", "text/html")
        if kind == "empty":
            return _Answer(200, b"")
        if kind == "reset":
            return _Answer(200, b"", reset=True)
        if kind == "other-root":
            return _Answer(200, f"{_XML}<eInfoResult></eInfoResult>".encode())
        if kind == "executor":
            return _error(script, "Can't run executor", 200)
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
        if start >= WINDOW:
            return _error("esearch.fcgi", _TOO_FAR, 200, as_json)
        sets = self.sessions.get(params.get("WebEnv", ""), [])
        within = int(params.get("query_key", 0))
        if within > len(sets) or (within and not sets):
            return _error("esearch.fcgi", f"Unable to obtain query #{within}", 200, as_json)
        try:
            matches = compile_query(term, [frozenset(record.pmid for record in earlier) for earlier in sets])
        except ValueError as error:
            return _error("esearch.fcgi", f"Search Backend failed: {error}", 200, as_json)
        clauses = [term]
        if "mindate" in params and "maxdate" in params:
            days = f"{params['mindate']}:{params['maxdate']}"
            clauses.append(f"{days}[Date - {'Modification' if params.get('datetype') == 'mdat' else 'Entry'}]")
        dated = compile_query(" AND ".join(clauses[1:]))
        pool = sets[within - 1] if within else list(self.records)
        found = [record for record in pool if dated(record) and matches(record)]
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

    def _efetch(self, params: dict[str, str], left_out: int = 0) -> _Answer:
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
        chosen = chosen[left_out:]
        page = (params.get("WebEnv", ""), params.get("query_key", ""), params.get("retstart", ""), params.get("id", ""))
        self.fetched[page] += 1
        records = b"".join(record.xml for record in chosen)
        return _Answer(200, (_XML + _FETCH_DOCTYPE).encode() + b"<PubmedArticleSet>" + records + b"</PubmedArticleSet>")


def _identity(params: dict[str, str]) -> tuple[str, ...]:
    return tuple(params.get(name, "") for name in ("WebEnv", "query_key", "retstart", "term"))


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
            if answer.reset:
                self.close_connection = True
                return
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
    parser.add_argument("--fault-rate", type=float, default=0.0, metavar="SHARE", help="share of calls that go wrong")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    records = [*load_records(given.files), *generate_records(given.generate, per_day=20)]
    with EutilsServer(records, port=given.port) as server:
        server.inject(given.fault_rate, seed=given.seed)
        print(server.url, flush=True)
        with suppress(KeyboardInterrupt):
            threading.Event().wait()


if __name__ == "__main__":
    main()
