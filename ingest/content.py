"""Bytes of a file, unpacked if they are gzip, with every byte that can be recovered from a damaged one."""

from __future__ import annotations

import io
from typing import BinaryIO

try:
    from zlib_ng import zlib_ng as zlib  # the same, at twice the speed; not built for every kind of machine
except ImportError:
    import zlib  # type: ignore[no-redef]

GZIP_MAGIC = b"\x1f\x8b"
_BLOCK = 1 << 18
_DAMAGED: type[Exception] = zlib.error  # type: ignore[assignment]  # the stubs make it an instance
_WITH_GZIP_HEADER = 31  # zlib's wbits for the gzip format


class Gunzip(io.RawIOBase):
    """Unpacks gzip (RFC 1952, several members allowed) and never raises for damage.

    A file that is cut short or fails its checksum ends where it stops being readable and leaves the
    reason in ``damage``. ``gzip.GzipFile`` would raise instead and take along what one read had already
    unpacked.
    """

    def __init__(self, packed: BinaryIO) -> None:
        super().__init__()
        self.damage: str | None = None
        self._packed = packed
        self._inflate = zlib.decompressobj(_WITH_GZIP_HEADER)
        self._pending = b""
        self._done = False

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        while not self._done:
            block = self._pending or self._packed.read(_BLOCK)
            try:
                data = self._inflate.decompress(block, len(buffer))
            except _DAMAGED as error:
                self._stop(f"its compressed data is damaged ({error})")
                break
            self._pending = self._inflate.unconsumed_tail
            if self._inflate.eof:
                self._next_member(self._inflate.unused_data)
            elif not block and not data:
                self._stop("it is cut short")
            if data:
                buffer[: len(data)] = data
                return len(data)
        return 0

    def _next_member(self, rest: bytes) -> None:
        while not (rest := rest.lstrip(b"\0")):  # tapes and some tools pad with zero bytes
            rest = self._packed.read(_BLOCK)
            if not rest:
                self._done = True
                return
        if rest.startswith(GZIP_MAGIC[:1]):
            self._inflate = zlib.decompressobj(_WITH_GZIP_HEADER)
            self._pending = rest
        else:
            self._stop("something that is not gzip follows its compressed data")

    def _stop(self, damage: str) -> None:
        self.damage = damage
        self._done = True
