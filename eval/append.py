"""A file that only grows: one JSON line an entry, on disk before anything else happens."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Generic, TypeVar

import msgspec

from pubmed_rag.core.errors import DamagedFileError

T = TypeVar("T")


class AppendedFile(Generic[T]):
    """Entries of one record type in a file of JSON lines; each survives a kill right after :meth:`append`."""

    def __init__(self, path: Path, kind: type[T]) -> None:
        self.path = path
        self._decoder = msgspec.json.Decoder(kind)

    def read(self) -> list[T]:
        """All entries in order. A last line without its end was cut off by a kill and is not read.

        Raises :class:`DamagedFileError` naming the line for any other that cannot be read.
        """
        try:
            lines = self.path.read_bytes().split(b"\n")
        except FileNotFoundError:
            return []
        found = []
        for number, line in enumerate(lines[:-1], start=1):
            if not line.strip():
                continue
            try:
                found.append(self._decoder.decode(line))
            except msgspec.DecodeError as error:
                raise DamagedFileError(
                    f"{self.path}, line {number}: {error}", remedy="remove the line; what it held is made again"
                ) from error
        return found

    def append(self, entry: T) -> None:
        """Add an entry; it is on disk when this returns."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.open("r+b" if self.path.exists() else "wb") as stream:
            _drop_cut_line(stream.fileno())
            stream.seek(0, os.SEEK_END)
            stream.write(msgspec.json.encode(entry) + b"\n")
            stream.flush()
            os.fsync(stream.fileno())


def _drop_cut_line(descriptor: int) -> None:
    """Shorten the file to its last line end, so that a new entry does not continue one that was cut off."""
    size = os.fstat(descriptor).st_size
    end = size
    while end > 0:
        start = max(0, end - 4096)
        block = os.pread(descriptor, end - start, start)
        position = block.rfind(b"\n")
        if position >= 0:
            end = start + position + 1
            break
        end = start
    if end != size:
        os.ftruncate(descriptor, end)
