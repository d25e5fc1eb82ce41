"""What an E-utilities reply means. NCBI's HTTP status alone decides nothing.

A reply is judged by status, first byte, root element and ``ERROR`` text: an outage, a bad query and an
expired session all come as HTTP 200 (``Search Backend failed``, ``Unable to obtain query #1``), and the
rate limit comes as JSON whatever was asked for (observed replies of 2022-2026).
"""

from __future__ import annotations

import json
from dataclasses import dataclass

from lxml import etree

from pubmed_rag.core.errors import RemoteRefusedError, RemoteUnavailableError
from pubmed_rag.core.text import collapse
from pubmed_rag.ingest.xml_text import PARSER_OPTIONS, root_name

_HEAD = 1 << 16
_TRANSIENT_STATUS = frozenset({408, 425, 429})
_ERROR_ROOTS = frozenset({"eSearchResult", "eFetchResult", "eEfetchResult", "ePostResult", "eInfoResult"})

_WINDOW = ("retstart", "out of acceptable range")
_EXPIRED = ("unable to obtain query", "webenv")
_PASSING = (
    "rate limit",
    "search backend failed",
    "database is not supported",
    "can't run executor",
    "txclient",
    "readall eof",
)


@dataclass(frozen=True, slots=True)
class Reply:
    """An HTTP reply, whole. ``retry_after`` is in seconds, where the server asked for a pause."""

    status: int
    body: bytes
    retry_after: float | None = None


class TransientReplyError(Exception):
    """The same request may well succeed later. Never leaves this room."""

    def __init__(self, reason: str, *, retry_after: float | None = None) -> None:
        super().__init__(reason)
        self.retry_after = retry_after


class HistoryExpiredError(RemoteUnavailableError):
    """The search session (WebEnv) is gone: search again, do not repeat the call."""


def check_reply(reply: Reply, expected_root: str) -> None:
    """Return if ``reply`` is the XML document that was asked for.

    Raises :class:`TransientReplyError`, :class:`HistoryExpiredError` or :class:`RemoteRefusedError`.
    """
    root = root_name(reply.body[:_HEAD])
    message = _error_message(reply.body, root)
    if message is not None:
        _raise_for(message, reply)
    if reply.status in _TRANSIENT_STATUS or reply.status >= 500:
        raise TransientReplyError(f"HTTP status {reply.status}", retry_after=reply.retry_after)
    if reply.status >= 300:
        raise RemoteRefusedError(f"PubMed refused the request (HTTP status {reply.status})")
    if root != expected_root:
        what = f"<{root}>" if root else "no document"
        raise TransientReplyError(f"{what} came where <{expected_root}> was expected")


def _raise_for(message: str, reply: Reply) -> None:
    text = message.lower()
    if "api key invalid" in text:
        raise RemoteRefusedError("PubMed does not accept the API key", remedy="correct NCBI_API_KEY, or unset it")
    if any(part in text for part in _WINDOW):
        raise RemoteRefusedError(f"PubMed refused the request: {message}")
    if any(part in text for part in _EXPIRED):
        raise HistoryExpiredError(f"the search session at PubMed has expired: {message}", remedy="repeat the command")
    if any(part in text for part in _PASSING) or reply.status >= 500:
        raise TransientReplyError(message, retry_after=reply.retry_after)
    raise RemoteRefusedError(f"PubMed refused the request: {message}", remedy="check the query")


def _error_message(body: bytes, root: str | None) -> str | None:
    """The ``ERROR`` of an XML reply or the error of a JSON one; ``None`` if it reports none."""
    start = body.lstrip()[:1]
    if start == b"{":
        return _json_error(body)
    if root not in _ERROR_ROOTS:
        return None
    try:
        document = etree.fromstring(body, etree.XMLParser(**PARSER_OPTIONS))
    except etree.XMLSyntaxError:
        return None  # cut short: the reader of the reply will say so
    errors = [collapse(str(element.text or "")) for element in document.iterfind("ERROR")]
    return "; ".join(errors) or None


def _json_error(body: bytes) -> str | None:
    try:
        reply = json.loads(body, strict=False)  # NCBI puts raw line breaks into its messages
    except ValueError:
        return None
    if not isinstance(reply, dict):
        return None
    inner = reply.get("esearchresult")
    error = inner.get("ERROR") if isinstance(inner, dict) else reply.get("error")
    return collapse(str(error)) if error else None
