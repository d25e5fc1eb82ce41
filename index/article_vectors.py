"""From articles to their vectors in the cache: the long half of a build, done group by group."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from pubmed_rag.core.errors import IndexMismatchError
from pubmed_rag.core.progress import Progress
from pubmed_rag.core.store import StoredArticle
from pubmed_rag.core.text import normalise
from pubmed_rag.index.cache import EmbeddingCache, text_hash
from pubmed_rag.index.embedder import Embedder
from pubmed_rag.index.passages import sentences, whole
from pubmed_rag.index.sentence_vectors import SentenceBlock

if TYPE_CHECKING:
    from pubmed_rag.index.vectors import Vectors
    from pubmed_rag.index.words import Keys

Articles = Callable[[], Iterable[StoredArticle]]

_GROUP = 128
"""Articles embedded and committed together. Fixed and counted from the first article, so that a
resumed run encodes the very same batches as an undisturbed one."""
_BATCH = 4096
_ENTRY = np.dtype([("key", "<i8"), ("hash", "V16")])


@dataclass(frozen=True, slots=True)
class Embedded:
    """What embedding a set of articles came to. ``articles`` have a vector, ``without`` have none."""

    embedded: int
    reused: int
    articles: int
    without: int
    with_sentences: bool
    list_file: Path

    def batches(self, cache: EmbeddingCache) -> Iterator[tuple[Keys, Vectors]]:
        """Rising keys (n,) of the articles with their vectors (n, d), a few thousand at a time."""
        entries: npt.NDArray[Any] = np.fromfile(self.list_file, _ENTRY)
        for start in range(0, len(entries), _BATCH):
            piece = entries[start : start + _BATCH]
            yield piece["key"].astype(np.int64), cache.get([bytes(item) for item in piece["hash"]])


def embed_articles(
    articles: Articles,
    total: int,
    embedder: Embedder,
    cache: EmbeddingCache,
    list_file: Path,
    progress: Progress,
    *,
    with_sentences: bool,
) -> Embedded:
    """Give every text of ``articles`` its vector in the cache.

    What has a vector already is not embedded again. Writes to ``list_file`` which article has which text.
    """
    embedded = reused = count = 0
    with progress.task("embedding", total, "articles") as task, list_file.open("wb") as entries:
        for group in groups(articles(), _GROUP):
            texts = {text_hash(text): text for stored in group for text in texts_of(stored, with_sentences)}
            missing = cache.missing(list(texts))
            if missing:
                # Neighbours of like length waste least on padding.
                ordered = sorted(missing, key=lambda item: (len(texts[item]), item))
                cache.put(ordered, embedder.encode_passages([texts[item] for item in ordered]))
            embedded += len(missing)
            reused += len(texts) - len(missing)
            entries.write(_entries(group).tobytes())
            count += len(group)
            task.advance(len(group))
    return Embedded(embedded, reused, count, 0, with_sentences, list_file)


def find_embedded(
    articles: Articles,
    total: int,
    cache: EmbeddingCache,
    list_file: Path,
    progress: Progress,
    *,
    with_sentences: bool | None,
) -> Embedded:
    """The same without a model: only vectors that are there already are used.

    Articles may lack one where article vectors were imported; otherwise every text must have its own.
    ``with_sentences=None`` takes sentences if all of them have vectors.
    Raises :class:`IndexMismatchError` saying how many texts lack a vector.
    """
    texts = lacking = reused = count = 0
    sentences_reused = sentences_lacking = 0
    with progress.task("looking up vectors", total, "articles") as task, list_file.open("wb") as entries:
        for group in groups(articles(), _GROUP):
            listed = _entries(group)
            absent = set(cache.missing([bytes(item) for item in listed["hash"]]))
            present = np.array([bytes(item) not in absent for item in listed["hash"]], np.bool_)
            entries.write(listed[present].tobytes())
            count += int(present.sum())
            texts += len(group)
            lacking += int((~present).sum())
            reused += len(set(map(bytes, listed["hash"]))) - len(absent)
            if with_sentences is not False and (with_sentences or not sentences_lacking):
                own = {text_hash(text) for stored in group for text in islice(texts_of(stored, True), 1, None)}
                own -= set(map(bytes, listed["hash"]))
                without = len(cache.missing(list(own)))
                sentences_lacking += without
                sentences_reused += len(own) - without
            task.advance(len(group))
    if (lacking and not cache.imported) or not count or (with_sentences and sentences_lacking):
        raise IndexMismatchError(
            f"{lacking:,} of {texts:,} articles"
            + (f" and {sentences_lacking:,} sentences" if with_sentences and sentences_lacking else "")
            + " have no vector of this model yet",
            remedy="embed them by 'pubmed-rag index build' without --from-embeddings"
            + (", or leave the sentences out with --no-sentences" if with_sentences and sentences_lacking else "")
            + (", or bring vectors in with 'pubmed-rag index import-embeddings'" if lacking else ""),
        )
    taken = with_sentences is not False and not sentences_lacking
    if with_sentences is None and sentences_lacking:
        progress.note("sentences have no vectors here, so the index does without them")
    return Embedded(0, reused + (sentences_reused if taken else 0), count, lacking, taken, list_file)


def sentence_blocks(articles: Iterable[StoredArticle], cache: EmbeddingCache) -> Iterator[SentenceBlock]:
    """The sentences of each article with their vectors, in the order of ``articles``."""
    for group in groups(articles, _GROUP):
        passages = [(stored.key, sentences(stored.article)) for stored in group]
        vectors = cache.get([text_hash(normalise(s.text)) for _, found in passages for s in found])
        first = 0
        for key, found in passages:
            spans = np.array([(s.start, s.end) for s in found], np.int32).reshape(-1, 2)
            yield SentenceBlock(key, spans, vectors[first : first + len(found)])
            first += len(found)


def text_of(stored: StoredArticle) -> str:
    """What an article's vector is made of."""
    return normalise(whole(stored.article).text)


def texts_of(stored: StoredArticle, with_sentences: bool) -> Iterator[str]:
    """The article's text, and then its sentences if wanted."""
    yield text_of(stored)
    if with_sentences:
        for sentence in sentences(stored.article):
            yield normalise(sentence.text)


def groups(items: Iterable[StoredArticle], size: int) -> Iterator[list[StoredArticle]]:
    """``items`` in lists of ``size``, the last one shorter."""
    iterator = iter(items)
    while group := list(islice(iterator, size)):
        yield group


def _entries(group: list[StoredArticle]) -> npt.NDArray[Any]:
    entries = np.empty(len(group), _ENTRY)
    entries["key"] = [stored.key for stored in group]
    entries["hash"] = np.frombuffer(b"".join(text_hash(text_of(stored)) for stored in group), "V16")
    return entries
