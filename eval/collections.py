"""Judged collections: the nouns that every reader gives and everything else in this room takes."""

from __future__ import annotations

import gzip
import hashlib
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, TypeAlias, cast

import msgspec

from pubmed_rag.core.errors import DamagedFileError
from pubmed_rag.core.records import IngestReport
from pubmed_rag.core.store import ArticleStore

_GZIP_MAGIC = b"\x1f\x8b"
_BLOCK = 1 << 20


@dataclass(frozen=True, slots=True)
class Topic:
    """One information need. ``id`` has no white space, so that it can stand in a TREC file.

    ``boolean_query`` is an expert's query in PubMed's language, where the collection has one. ``candidates``
    are the only documents a system may return for it, as in screening, where a search came before; empty
    means all of the corpus. ``kind`` is what it is written as: ``claim``, ``question``, ``keywords`` or
    ``topic``; empty where the reader does not know.
    """

    id: str
    text: str
    metadata: Mapping[str, Any] = field(default_factory=dict)
    boolean_query: str | None = None
    candidates: tuple[str, ...] = ()
    kind: str = ""


@dataclass(frozen=True, slots=True)
class Qrel:
    """One judgement: above 0 is relevant, and more is better; 0 was looked at and is not. Unjudged has no qrel."""

    topic_id: str
    doc_id: str
    relevance: int


@dataclass(frozen=True, slots=True)
class Collection:
    """Documents, topics and judgements of one split.

    ``topics`` are those with judgements, in file order. ``digest`` is the hex SHA-256 of the unpacked
    ``corpus`` files and names the corpus whatever its folder is called. ``notes`` say in words what the
    reader left out; they reach the report. A collection that has judgements only has no ``corpus``, and
    ``digest`` is then that of its document ids.
    """

    name: str
    split: str
    corpus: tuple[Path, ...]
    topics: tuple[Topic, ...]
    qrels: tuple[Qrel, ...]
    digest: str
    notes: tuple[str, ...] = ()

    @property
    def topics_digest(self) -> str:
        """Hex SHA-256 of what systems are asked, in order: ids, texts, Boolean queries, candidates."""
        return _digest_of(
            (topic.id, topic.text, topic.boolean_query, topic.candidates)
            if topic.boolean_query or topic.candidates
            else (topic.id, topic.text)
            for topic in self.topics
        )

    @property
    def qrels_digest(self) -> str:
        """Hex SHA-256 of the judgements, whatever their order."""
        return _digest_of(sorted((qrel.topic_id, qrel.doc_id, qrel.relevance) for qrel in self.qrels))


CorpusLoader: TypeAlias = Callable[[Collection, ArticleStore], IngestReport]
"""Puts a collection's documents into a store under the ids its qrels use; repeating it must be harmless.

This room may not read articles itself (only live PubMed), so ``ui`` hands in the way to do it:
``lambda collection, store: ingest_files(collection.corpus, store, progress=progress)``.
"""


@contextmanager
def open_unpacked(path: Path) -> Iterator[IO[bytes]]:
    """``path`` for reading, unpacked if its first bytes say gzip. Damage raises :class:`DamagedFileError`."""
    try:
        with path.open("rb") as plain:
            packed = plain.read(len(_GZIP_MAGIC)) == _GZIP_MAGIC
            plain.seek(0)
            if packed:
                with gzip.GzipFile(fileobj=plain) as unpacked:
                    yield cast(IO[bytes], unpacked)
            else:
                yield plain
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise DamagedFileError(f"{path} is a damaged gzip file ({error})", remedy="fetch the file again") from error


def corpus_digest(paths: Iterable[Path]) -> str:
    """Hex SHA-256 of the files' unpacked content, in the order given."""
    digest = hashlib.sha256()
    for path in paths:
        with open_unpacked(path) as stream:
            while block := stream.read(_BLOCK):
                digest.update(block)
    return digest.hexdigest()


def ids_digest(doc_ids: Iterable[str]) -> str:
    """Hex SHA-256 of the distinct document ids: what names a corpus that came without its texts."""
    return _digest_of(sorted(set(doc_ids)))


def _digest_of(items: Iterable[object]) -> str:
    return hashlib.sha256(msgspec.json.encode(list(items))).hexdigest()
