"""Text files line by line, each with its number, so that an error can name it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from pubmed_rag.core.errors import InputError
from pubmed_rag.eval.collections import open_unpacked


def numbered_lines(path: Path) -> Iterator[tuple[int, str]]:
    """Lines that are not empty, numbered from 1, without their ends. Unpacks gzip; raises for other than UTF-8."""
    with open_unpacked(path) as stream:
        for number, line in enumerate(stream, start=1):
            try:
                text = line.decode("utf-8-sig" if number == 1 else "utf-8").rstrip("\r\n")
            except UnicodeDecodeError as error:
                raise InputError(f"{path}, line {number}: not UTF-8 ({error.reason})") from error
            if text.strip():
                yield number, text


def checked_id(text: str, where: str) -> str:
    """``text`` if it can be an id in a TREC file, whose columns are separated by white space."""
    if len(text.split()) != 1 or text != text.strip():
        raise InputError(f"{where}: the id '{text}' is empty or has white space in it")
    return text
