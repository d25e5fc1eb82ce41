"""Fetch a file over HTTP so that nothing fetched is ever fetched twice and nothing half is ever used."""

from __future__ import annotations

import hashlib
import http.client
import logging
import os
import ssl
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pubmed_rag.core.errors import DownloadError
from pubmed_rag.core.files import sync_directory
from pubmed_rag.core.progress import SILENT, Progress, Task

_BLOCK = 1 << 18
_TIMEOUT_SECONDS = 60
_TRIES = 5
_NAMES = {"sha256": "SHA-256", "md5": "MD5"}

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Checksum:
    """What a file must come to: ``hex`` by ``kind``. MD5 is what NLM gives; it guards against accidents only."""

    kind: Literal["sha256", "md5"]
    hex: str

    def of(self, path: Path) -> str:
        """The hex digest of a file by this algorithm."""
        with path.open("rb") as stream:
            return hashlib.file_digest(stream, lambda: hashlib.new(self.kind, usedforsecurity=False)).hexdigest()


def download(
    url: str,
    target: Path,
    *,
    checksum: Checksum | None,
    label: str,
    progress: Progress = SILENT,
    sleep: Callable[[float], None] = time.sleep,
) -> None:
    """Bring ``url`` to ``target``; it appears there only whole and, if ``checksum`` is given, unharmed.

    What arrived before an interruption is kept as ``target.part`` and continued with an HTTP range
    request, by this call or by the next one. ``file:`` URLs are copied. Raises :class:`DownloadError`.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(target.name + ".part")
    for attempt in range(1, _TRIES + 1):
        try:
            _continue(url, part, label, progress)
        except (urllib.error.URLError, http.client.HTTPException, ConnectionError, TimeoutError, ssl.SSLError) as error:
            if attempt == _TRIES or not _worth_repeating(error):
                raise DownloadError(
                    f"could not download {label} ({error})",
                    remedy="check the network and repeat; it continues where it stopped",
                ) from error
            log.info("download of %s interrupted (%s), continuing", label, error)
            sleep(min(2.0**attempt, 20.0))
            continue
        break
    if checksum is not None and (found := checksum.of(part)) != checksum.hex:
        part.unlink()
        raise DownloadError(
            f"{label} arrived damaged: {_NAMES[checksum.kind]} {found[:12]}… instead of {checksum.hex[:12]}…",
            remedy="repeat the command",
        )
    with part.open("rb+") as stream:
        os.fsync(stream.fileno())
    part.replace(target)
    sync_directory(target.parent)


def _continue(url: str, part: Path, label: str, progress: Progress) -> None:
    have = part.stat().st_size if part.exists() else 0
    request = urllib.request.Request(url, headers={"User-Agent": "pubmed-rag"})
    if have:
        request.add_header("Range", f"bytes={have}-")
    try:
        response = urllib.request.urlopen(request, timeout=_TIMEOUT_SECONDS)
    except urllib.error.HTTPError as error:
        if error.code == http.HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
            return  # all of it is here already; the checksum decides
        raise
    with response:
        resumed = getattr(response, "status", None) == http.HTTPStatus.PARTIAL_CONTENT
        length = response.headers.get("Content-Length")
        expected = None if length is None else int(length) + (have if resumed else 0)
        with part.open("ab" if resumed else "wb") as stream, progress.task(label, expected, "bytes") as task:
            if resumed:
                task.advance(have)
            _copy(response, stream.write, task)
    if expected is not None and part.stat().st_size < expected:
        raise ConnectionError(f"{part.stat().st_size:,} of {expected:,} bytes arrived")


def _copy(response: http.client.HTTPResponse, write: Callable[[bytes], int], task: Task) -> None:
    while block := response.read(_BLOCK):
        write(block)
        task.advance(len(block))


def _worth_repeating(error: Exception) -> bool:
    if isinstance(error, urllib.error.HTTPError):
        return error.code == http.HTTPStatus.TOO_MANY_REQUESTS or error.code >= http.HTTPStatus.INTERNAL_SERVER_ERROR
    return True
