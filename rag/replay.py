"""What an answer was made of, kept with it, so that it can be asked again and compared."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from pubmed_rag.core.errors import InputError
from pubmed_rag.core.records import Answer
from pubmed_rag.rag.answer import AskOptions

MARK = "pubmed-rag answer"
"""Where a Markdown or HTML file says that the JSON of its record follows."""

_EMBEDDED = re.compile(MARK + r"(?: |\">)(\{[^<>]*\})(?: -->|</script>)")


@dataclass(frozen=True, slots=True)
class Provenance:
    """Everything besides the question that an answer depends on, and when it was made (ISO 8601, UTC).

    ``judge`` and ``ranking`` are settings: what checked the sentences, and how the articles were ranked. ``summarised``
    are the articles that a summary is of, in order; none for a question.

    ``library_changes`` is the sequence number of the library's latest change; revisions and checksums are
    empty where there are none to know, as for a model behind an address.
    """

    program: str
    made: str
    library_changes: int
    generation: str | None
    embedder: str
    embedder_revision: str
    model: str
    model_checksum: str
    context_tokens: int
    threads: int
    options: AskOptions
    judge: str = ""
    ranking: str = ""
    summarised: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Recorded:
    """A question with its answer, as a file keeps it. ``claims`` are texts with the ids they cite.

    ``more`` are the texts beside them: translations, explanations, the verdict.
    """

    question: str
    status: str
    claims: tuple[tuple[str, tuple[str, ...]], ...]
    provenance: Provenance
    more: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Replay:
    """An answer given again: whether it is the same, and what it was made of that is not the same any more."""

    answer: Answer
    same: bool
    changes: tuple[str, ...]


def record(answer: Answer, provenance: Provenance) -> Recorded:
    """What is needed to ask again and compare."""
    claims = tuple((claim.text, tuple(citation.id for citation in claim.citations)) for claim in answer.claims)
    translations = tuple(claim.translated for claim in answer.claims if claim.translated)
    told = tuple(f"{item.term}: {item.text}" for item in answer.explanations)
    verdict = (answer.verdict,) if answer.verdict else ()
    return Recorded(answer.question, answer.status, claims, provenance, (*translations, *told, *verdict))


def record_json(recorded: Recorded) -> dict[str, Any]:
    """The record as plain data."""
    plain: dict[str, Any] = msgspec.to_builtins(recorded)
    return plain


def embedded(recorded: Recorded) -> str:
    """The record on one line that can stand in a comment of HTML or Markdown: no ``<``, ``>``, ``--``, ``![`` in it."""
    text = json.dumps(record_json(recorded), ensure_ascii=False)
    for risky in "<>-&!":
        text = text.replace(risky, f"\\u{ord(risky):04x}")
    return text


def read_record(path: Path) -> Recorded:
    """The record in a file that ``ask --out`` wrote, in any of its formats.

    Raises :class:`InputError` where the file cannot be read or holds none.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path} cannot be read ({error})") from error
    # A document's own record stands at its end; what stands before may be anything, and so may the text of JSON.
    found = [] if text.startswith("{") else _EMBEDDED.findall(text)
    try:
        content = json.loads(found[-1] if found else text)
        return msgspec.convert(content.get("record", content), Recorded)
    except (ValueError, AttributeError, msgspec.ValidationError) as error:
        raise InputError(
            f"{path} is no answer that can be replayed",
            remedy="make one with 'pubmed-rag ask … --format json --out FILE'",
        ) from error


def compare(recorded: Recorded, answer: Answer, now: Provenance) -> Replay:
    """Whether ``answer`` says the same as the recorded one, and which of its makings differ."""
    again = record(answer, now)
    same = (again.status, again.claims) == (recorded.status, recorded.claims)
    if recorded.more:  # files of earlier versions have none
        same = same and again.more == recorded.more
    return Replay(answer, same, changes(recorded.provenance, now))


def changes(before: Provenance, now: Provenance) -> tuple[str, ...]:
    """In words, what differs. The date does not count."""
    words: Mapping[str, str] = {
        "program": "pubmed-rag is version {now} instead of {before}",
        "library_changes": "the library has changed (change {before:,} then, {now:,} now)",
        "generation": "the index is {now} instead of {before}",
        "embedder": "the embedding model is {now} instead of {before}",
        "embedder_revision": "the embedding model is another revision ({now} instead of {before})",
        "model": "the language model is {now} instead of {before}",
        "model_checksum": "the file of the language model is another one",
        "context_tokens": "the model reads {now:,} tokens instead of {before:,}",
        "threads": "the model runs on {now} threads instead of {before}",
        "options": "the settings differ",
        "judge": "sentences are checked by {now} instead of {before}",
        "ranking": "articles are ranked by {now} instead of {before}",
    }
    return tuple(
        text.format(before=getattr(before, name) or "none", now=getattr(now, name) or "none")
        for name, text in words.items()
        if getattr(before, name) != getattr(now, name)
        and not (name == "ranking" and not before.ranking)  # files of earlier versions do not say
    )
