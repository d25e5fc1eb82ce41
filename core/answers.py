"""Answers given before, kept beside the articles: one JSON file each, found by words, read back as they were."""

from __future__ import annotations

import hashlib
import logging
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from pubmed_rag.core.errors import InputError
from pubmed_rag.core.files import atomic_writer
from pubmed_rag.core.records import Answer

log = logging.getLogger(__name__)

_NAME = re.compile(r"\d{8}T\d{12}-[0-9a-f]{8}")
"""Moment (UTC, microseconds) and hash of the question: names in order are answers in order."""


@dataclass(frozen=True, slots=True)
class KeptAnswer:
    """An answer with its ``name`` on the shelf and when it was ``given`` (UTC, ISO)."""

    name: str
    given: str
    answer: Answer


class AnswerShelf:
    """The answers kept in ``directory``. Nothing is made there before the first answer is."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def keep(self, answer: Answer, *, now: datetime | None = None) -> str:
        """Write ``answer`` down; returns its name."""
        moment = (now or datetime.now(UTC)).astimezone(UTC)
        digest = hashlib.blake2b(answer.question.encode("utf-8", "replace"), digest_size=4).hexdigest()
        name = f"{moment:%Y%m%dT%H%M%S%f}-{digest}"
        kept = KeptAnswer(name, moment.isoformat(timespec="seconds"), answer)
        with atomic_writer(self._path(name)) as stream:
            stream.write(msgspec.json.encode(kept))
        return name

    def get(self, name: str) -> KeptAnswer:
        """The answer of that name. Raises :class:`InputError` where there is none, or for a name that is none."""
        try:
            return msgspec.json.decode(self._path(name).read_bytes(), type=KeptAnswer)
        except FileNotFoundError as error:
            raise InputError("this answer is not kept here any more", remedy="ask the question again") from error
        except msgspec.DecodeError as error:
            raise InputError(f"the answer kept as {name} cannot be read ({error})", remedy="ask again") from error

    def find(self, words: str = "", *, most: int = 20) -> list[KeptAnswer]:
        """The latest answers whose question or text holds all of ``words`` (any case), newest first."""
        wanted = words.casefold().split()
        found: list[KeptAnswer] = []
        for name in self._names():
            if len(found) == most:
                break
            try:
                kept = self.get(name)
            except InputError as error:
                log.warning("%s", error)
                continue
            text = f"{kept.answer.question} {kept.answer.answer}".casefold()
            if all(word in text for word in wanted):
                found.append(kept)
        return found

    def forget(self, name: str) -> None:
        """Delete an answer; one that is not there is no error."""
        self._path(name).unlink(missing_ok=True)

    def _names(self) -> Iterator[str]:
        if self._directory.is_dir():
            for path in sorted(self._directory.glob("*.json"), reverse=True):
                if _NAME.fullmatch(path.stem):
                    yield path.stem

    def _path(self, name: str) -> Path:
        if not _NAME.fullmatch(name):  # it may come from an address, and must not lead out of the folder
            raise InputError(f"{name[:40]!r} names no kept answer")
        return self._directory / f"{name}.json"
