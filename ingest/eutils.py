"""Calls to NCBI E-utilities: rate limit, time-outs, retries, and a key that shows nowhere.

Of ``Bio.Entrez`` this uses the request builder alone. Its public functions have a fixed base address,
no time-out, retries that do not wait, a rate limiter that is not safe for threads, and settings that
are global to the process; replacing its ``urlopen`` from outside would repair only the first, for every
other user of the module too. ``_build_request`` carries what is worth having: parameter and id-list
encoding, and the rule when GET must become POST. A test pins what we rely on.
"""

from __future__ import annotations

import logging
import time
import warnings
import zlib
from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http.client import HTTPException, HTTPResponse, IncompleteRead
from typing import Protocol, TypeVar
from urllib.error import HTTPError, URLError
from urllib.request import Request, build_opener

from Bio import Entrez
from tenacity import RetryCallState, Retrying, retry_if_exception_type, stop_after_attempt, wait_exponential_jitter

from pubmed_rag.core.errors import RemoteError, RemoteRefusedError, RemoteUnavailableError
from pubmed_rag.core.settings import EntrezSettings
from pubmed_rag.ingest.limiter import RateLimiter, shared_limiter
from pubmed_rag.ingest.replies import HistoryExpiredError, Reply, TransientReplyError, check_reply

_log = logging.getLogger(__name__)

TOOL = "pubmed-rag"
_LONGEST_PAUSE = 120.0  # seconds: a server that asks for more is taken to be out of service
_WHOLE_REPLY = 10  # a reply may take this many times the time-out of a single read
_LATER = "what had come before is kept; repeat the command later"
_BLOCK = 1 << 16
_BACK_OFF = wait_exponential_jitter(initial=1.0, max=30.0)

T = TypeVar("T")
Params = dict[str, str | int | None]


class Transport(Protocol):
    """The network: one method, so that a test passes a fake."""

    def send(self, request: Request, timeout: float) -> Reply:
        """The reply, whatever its status. Raises ``OSError`` or ``HTTPException`` if none came whole."""


class UrllibTransport:
    """The standard library's HTTP client, with gzip and a bound on the time of a whole reply."""

    def __init__(self) -> None:
        self._opener = build_opener()

    def send(self, request: Request, timeout: float) -> Reply:
        request.add_header("Accept-Encoding", "gzip")
        request.add_header("User-Agent", TOOL)
        deadline = time.monotonic() + _WHOLE_REPLY * timeout
        response: HTTPResponse | HTTPError
        try:
            response = self._opener.open(request, timeout=timeout)
        except HTTPError as error:
            response = error
        with response:
            body = _read(response, deadline)
            if response.headers.get("Content-Encoding") == "gzip":
                body = _gunzip(body)
            status = response.status if isinstance(response, HTTPResponse) else response.code
            return Reply(status, body, _seconds(response.headers.get("Retry-After")))


class Eutils:
    """E-utilities at ``settings.url``. One object may be used from several threads."""

    def __init__(
        self,
        settings: EntrezSettings,
        *,
        transport: Transport | None = None,
        limiter: RateLimiter | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._settings = settings
        self._transport = transport or UrllibTransport()
        self._limiter = limiter or shared_limiter(settings.url, bool(settings.api_key))
        self._sleep = sleep

    def call(self, script: str, params: Params, root: str, read: Callable[[bytes], T]) -> T:
        """``read`` applied to the reply of ``script`` (``"esearch.fcgi"``), whose root element is ``root``.

        ``read`` raises :class:`TransientReplyError` for a reply that is not whole, which is asked for
        again. Raises :class:`RemoteRefusedError`, :class:`HistoryExpiredError`, and
        :class:`RemoteUnavailableError` when ``settings.tries`` tries gave nothing usable.
        """
        retrying = Retrying(
            stop=stop_after_attempt(max(1, self._settings.tries)),
            wait=_pause,
            retry=retry_if_exception_type(TransientReplyError),
            before_sleep=self._report,
            sleep=self._sleep,
            reraise=True,
        )
        failure: RemoteError
        try:
            result: T = retrying(self._attempt, script, params, root, read)
        except TransientReplyError as error:
            failure = RemoteUnavailableError(
                f"PubMed gave no usable answer to {script}: {self._redact(str(error))}", remedy=_LATER
            )
        except (RemoteRefusedError, HistoryExpiredError) as error:
            failure = type(error)(self._redact(error.message), remedy=error.remedy)
        else:
            return result
        raise failure  # outside the handlers: the original errors, which may hold the key, are not chained

    def _attempt(self, script: str, params: Params, root: str, read: Callable[[bytes], T]) -> T:
        reply, trouble = None, ""
        with self._limiter.slot():
            try:
                reply = self._transport.send(self._request(script, params), self._settings.timeout_seconds)
            except (OSError, HTTPException) as error:
                trouble = _describe(error)
        if reply is None:  # raised here, outside the handler: the chain of the cause may hold the address
            raise TransientReplyError(trouble)
        if (reply.retry_after or 0.0) > _LONGEST_PAUSE:
            raise RemoteUnavailableError(f"PubMed asks for a pause of {reply.retry_after:.0f} s", remedy=_LATER)
        check_reply(reply, root)
        return read(reply.body)

    def _request(self, script: str, params: Params) -> Request:
        settings = self._settings
        identity: Params = {"tool": TOOL, "email": settings.email or None, "api_key": settings.api_key or None}
        with warnings.catch_warnings():  # Biopython warns of a missing address on every call; the client says it once
            warnings.simplefilter("ignore")
            request: Request = Entrez._build_request(  # type: ignore[no-untyped-call]
                f"{settings.url.rstrip('/')}/{script}",
                {**params, **identity},
                post=True if settings.api_key else None,  # an address is logged by servers and proxies, a body is not
            )
        return request

    def _report(self, state: RetryCallState) -> None:
        error = state.outcome.exception() if state.outcome else None
        pause = state.next_action.sleep if state.next_action else 0.0
        _log.info("try %d failed (%s); again in %.1f s", state.attempt_number, self._redact(str(error)), pause)

    def _redact(self, text: str) -> str:
        key = self._settings.api_key
        return text.replace(key, "[API key]") if key else text


def _pause(state: RetryCallState) -> float:
    """Back-off with jitter, or what the server asked for in ``Retry-After`` if that is longer."""
    error = state.outcome.exception() if state.outcome else None
    asked = error.retry_after or 0.0 if isinstance(error, TransientReplyError) else 0.0
    return max(_BACK_OFF(state), asked)


def _read(response: HTTPResponse | HTTPError, deadline: float) -> bytes:
    """The whole body. ``read1`` gives control back after every packet, so that a trickle meets the deadline."""
    blocks: list[bytes] = []
    while block := response.read1(_BLOCK):
        blocks.append(block)
        if time.monotonic() > deadline:
            raise TimeoutError("the reply did not come to an end")
    body = b"".join(blocks)
    announced = response.headers.get("Content-Length")
    if announced and announced.isdigit() and len(body) < int(announced):
        raise IncompleteRead(body)
    return body


def _gunzip(body: bytes) -> bytes:
    inflate = zlib.decompressobj(31)
    try:
        data = inflate.decompress(body)
    except zlib.error as error:
        raise HTTPException(f"the compressed reply is damaged ({error})") from error
    if not inflate.eof:
        raise IncompleteRead(data)
    return data


def _seconds(retry_after: str | None) -> float | None:
    """``Retry-After`` in seconds, given so or as a date (RFC 9110, section 10.2.3)."""
    if not retry_after:
        return None
    if retry_after.strip().isdigit():
        return float(retry_after)
    try:
        return max(0.0, (parsedate_to_datetime(retry_after) - datetime.now(UTC)).total_seconds())
    except (TypeError, ValueError):
        return None


def _describe(error: Exception) -> str:
    reason = error.reason if isinstance(error, URLError) else error
    if isinstance(reason, TimeoutError):
        return "no answer in time"
    if isinstance(reason, IncompleteRead):
        return "the reply broke off"
    return f"no connection ({str(reason) or type(reason).__name__})"
