"""A server on this machine that stands in for a package index and for a model hub, and can misbehave."""

from __future__ import annotations

import base64
import hashlib
import io
import re
import threading
import time
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Self

_BLOCK = 1 << 13


@dataclass(frozen=True)
class Request:
    """What a client asked for; ``start`` is where its range began, ``None`` for the whole file."""

    method: str
    path: str
    start: int | None


@dataclass
class FileServer:
    """Serves ``files`` by path, with ranges, and remembers every request.

    ``cuts``: how many answers break off half way. ``damaged``: one byte of each body is wrong.
    ``bytes_per_second``: how fast bodies are sent. ``ranges``: whether ranges are honoured.
    """

    files: Mapping[str, bytes] = field(default_factory=dict)
    headers: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    cuts: int = 0
    damaged: bool = False
    bytes_per_second: float | None = None
    ranges: bool = True
    failures: list[HTTPStatus] = field(default_factory=list)
    requests: list[Request] = field(default_factory=list)

    def __enter__(self) -> Self:
        owner: FileServer = self

        class Handler(_Handler):
            server_of_files = owner

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05})
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    @property
    def url(self) -> str:
        """Without a slash at its end."""
        return f"http://127.0.0.1:{self._server.server_port}"

    def fetches(self, ending: str) -> list[Request]:
        """The requests for content of paths with that ending."""
        return [request for request in self.requests if request.path.endswith(ending) and request.method == "GET"]


class _Handler(BaseHTTPRequestHandler):
    server_of_files: FileServer

    def do_GET(self) -> None:
        self._answer()

    def do_HEAD(self) -> None:
        self._answer()

    def _answer(self) -> None:
        files = self.server_of_files
        path = self.path.partition("?")[0]
        asked = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
        start = int(asked[1]) if asked and files.ranges else None
        files.requests.append(Request(self.command, path, int(asked[1]) if asked else None))
        content = files.files.get(path)
        if content is None:
            self.send_error(HTTPStatus.NOT_FOUND)
            return
        if files.failures:
            self.send_error(files.failures.pop(0))
            return
        if start is not None and start >= len(content):
            self.send_error(HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE)
            return
        end = int(asked[2]) + 1 if asked and files.ranges and asked[2] else len(content)
        body = content[start or 0 : end]
        self.send_response(HTTPStatus.OK if start is None else HTTPStatus.PARTIAL_CONTENT)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Content-Type", "text/html" if path.endswith("/") else "application/octet-stream")
        if start is not None:
            self.send_header("Content-Range", f"bytes {start}-{end - 1}/{len(content)}")
        for name, value in files.headers.get(path, {}).items():
            self.send_header(name, value)
        self.end_headers()
        if self.command == "GET":
            self._send(body)

    def _send(self, body: bytes) -> None:
        files = self.server_of_files
        if files.damaged:
            middle = len(body) // 2
            body = body[:middle] + bytes([body[middle] ^ 1]) + body[middle + 1 :]
        if files.cuts:
            files.cuts -= 1
            body = body[: len(body) // 2]
        try:
            for start in range(0, len(body), _BLOCK):
                self.wfile.write(body[start : start + _BLOCK])
                if files.bytes_per_second:
                    time.sleep(_BLOCK / files.bytes_per_second)
        except (BrokenPipeError, ConnectionResetError):
            pass  # the client was killed, which is what some tests are about

    def log_message(self, format: str, *args: object) -> None:
        """Nothing: a test's output is its result."""


def build_wheel(package: str, version: str, content: Mapping[str, bytes]) -> tuple[str, bytes]:
    """Name and bytes of a wheel with these files, its metadata and its record."""
    name = f"{package.replace('-', '_')}-{version}"
    files = {
        **content,
        f"{name}.dist-info/METADATA": metadata(package, version),
        f"{name}.dist-info/WHEEL": b"Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = "".join(
        f"{path},sha256={base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b'=').decode()},{len(data)}\n"
        for path, data in files.items()
    )
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for path, data in files.items():
            archive.writestr(zipfile.ZipInfo(path), data)
        archive.writestr(zipfile.ZipInfo(f"{name}.dist-info/RECORD"), f"{record}{name}.dist-info/RECORD,,\n")
    return f"{name}-py3-none-any.whl", packed.getvalue()


def metadata(package: str, version: str) -> bytes:
    return f"Metadata-Version: 2.1\nName: {package}\nVersion: {version}\n".encode()


def index_files(package: str, version: str, content: Mapping[str, bytes]) -> dict[str, bytes]:
    """What a package index serves of one wheel: its page (PEP 503), the wheel, its metadata (PEP 658)."""
    name, wheel = build_wheel(package, version, content)
    about = metadata(package, version)
    page = (
        f'<!DOCTYPE html><html><body><a href="/files/{name}#sha256={hashlib.sha256(wheel).hexdigest()}" '
        f'data-core-metadata="sha256={hashlib.sha256(about).hexdigest()}">{name}</a></body></html>'
    )
    return {f"/simple/{package}/": page.encode(), f"/files/{name}": wheel, f"/files/{name}.metadata": about}
