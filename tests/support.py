"""Shared by the tests of several rooms: stand-ins for the two models, tiny articles, and where real data lies."""

from __future__ import annotations

import hashlib
import os
import random
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pubmed_rag.core.errors import ModelMissingError
from pubmed_rag.core.library import LibraryPaths
from pubmed_rag.core.model_store import ModelStore
from pubmed_rag.core.models import ModelKind
from pubmed_rag.core.records import Article, BuildReport, Filters, SearchMode, SearchResult, Section
from pubmed_rag.core.settings import load_settings
from pubmed_rag.core.store import ArticleStore
from pubmed_rag.index.analysis import terms
from pubmed_rag.index.build import BuildOptions, build_index, update_index
from pubmed_rag.index.search import Searcher
from pubmed_rag.index.vectors import Vectors
from pubmed_rag.rag.engine import Message, Sampling

REPOSITORY = Path(__file__).parents[1]


# -- stand-ins for the models ------------------------------------------------------------------------


class FakeEmbedder:
    """A bag of stemmed words: each term has a fixed random direction, a text is the sum of its terms.

    So texts with common words are close, and a test can tell by hand which are. ``seen`` keeps every passage
    that was asked for, which shows what was embedded twice.
    """

    def __init__(self, dimension: int = 64, revision: str = "1", name: str = "fake") -> None:
        self.name = name
        self.revision = revision
        self.dimension = dimension
        self.normalised = True
        self.seen: list[str] = []
        self._directions: dict[str, Vectors] = {}

    def encode_passages(self, texts: Sequence[str]) -> Vectors:
        self.seen += texts
        return self.encode_queries(texts)

    def encode_queries(self, texts: Sequence[str]) -> Vectors:
        rows = np.zeros((len(texts), self.dimension), np.float32)
        for row, text in zip(rows, texts, strict=True):
            for term in terms(text) or ["(nothing)"]:
                row += self._direction(term)
        return np.ascontiguousarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), np.float32)

    def _direction(self, term: str) -> Vectors:
        if term not in self._directions:
            seed = int.from_bytes(hashlib.blake2b(term.encode(), digest_size=8).digest(), "big")
            self._directions[term] = np.random.default_rng(seed).standard_normal(self.dimension).astype(np.float32)
        return self._directions[term]


class ScriptedEngine:
    """A language model that writes what the test wants, word by word, and remembers what it was asked."""

    def __init__(self, *texts: str, context_tokens: int = 4096, obeys_grammar: bool = True) -> None:
        self.name = "scripted"
        self.context_tokens = context_tokens
        self.obeys_grammar = obeys_grammar
        self.messages: list[Sequence[Message]] = []
        self.grammars: list[str] = []
        self.samplings: list[Sampling] = []
        self._texts = iter(texts)

    def count_tokens(self, text: str) -> int:
        return len(text.split())

    def generate(
        self,
        messages: Sequence[Message],
        *,
        grammar: str,
        sampling: Sampling,
        stopped: Callable[[], bool] | None = None,
    ) -> Iterator[str]:
        self.messages.append(messages)
        self.grammars.append(grammar)
        self.samplings.append(sampling)
        for piece in next(self._texts, "").split(" "):
            yield piece + " "
            if stopped and stopped():
                return

    @property
    def prompt(self) -> str:
        """What the user turn of the latest question said."""
        return self.messages[-1][-1].content


# -- tiny articles and libraries ---------------------------------------------------------------------


def article(article_id: str, title: str = "", *abstract: str | tuple[str, str], **fields: Any) -> Article:
    """An article whose sections are texts, or (label, text)."""
    sections = tuple(Section(part) if isinstance(part, str) else Section(part[1], part[0]) for part in abstract)
    return Article(id=article_id, title=title, abstract=sections, **{"pmid": article_id, **fields})


WORDS = (
    "aspirin bucindolol carvedilol dapagliflozin enalapril furosemide glucagon heparin insulin ketamine lithium "
    "metformin nifedipine omeprazole penicillin quinine rituximab statin tamoxifen urea vaccine warfarin xenon yttrium "
    "zinc mortality survival relapse stroke infarction asthma pneumonia dementia fracture anaemia sepsis "
    "depression obesity migraine psoriasis children adults pregnancy surgery screening exercise "
    "radiotherapy placebo cohort trial"
).split()


def random_articles(count: int, seed: int = 0, first: int = 1) -> list[Article]:
    """Articles of few, often repeated words, so that ranks are close and the mistakes of a ranker show."""
    chance = random.Random(seed)

    def sentence(words: int) -> str:
        return " ".join(chance.choices(WORDS, k=words)).capitalize() + "."

    return [
        article(
            str(number),
            sentence(chance.randint(2, 6)),
            *(
                (label, " ".join(sentence(chance.randint(3, 12)) for _ in range(chance.randint(1, 3))))
                for label in ("BACKGROUND", "RESULTS", "CONCLUSIONS")[: chance.randint(0, 3)]
            ),
        )
        for number in range(first, first + count)
    ]


@dataclass(frozen=True)
class TinyLibrary:
    """A real library on disk over a stand-in for the embedding model."""

    paths: LibraryPaths
    store: ArticleStore
    embedder: FakeEmbedder
    searcher: Searcher

    def build(self, options: BuildOptions | None = None) -> BuildReport:
        return build_index(self.paths, self.store, self.embedder, options=options)

    def update(self, options: BuildOptions | None = None) -> BuildReport:
        return update_index(self.paths, self.store, self.embedder, options=options)

    def search(
        self, query: str, mode: SearchMode = "hybrid", top: int = 10, filters: Filters | None = None
    ) -> SearchResult:
        return self.searcher.search(query, mode=mode, top=top, filters=filters)


def open_tiny(root: Path, articles: Iterable[Article] = (), *, build: bool = True) -> TinyLibrary:
    """A library at ``root`` with ``articles`` added and, where there are any, indexed."""
    paths = LibraryPaths(root)
    store = ArticleStore(paths, create=True)
    embedder = FakeEmbedder()
    library = TinyLibrary(paths, store, embedder, Searcher(paths, store, lambda: embedder))
    if store.upsert(articles).read and build:
        library.build()
    return library


# -- the world outside -------------------------------------------------------------------------------


Opener = Callable[[Iterable[Article]], TinyLibrary]
"""The ``tiny`` fixture: an indexed library of the given articles, closed with the test."""


def child_environment() -> dict[str, str]:
    """For processes that tests start: ``tests`` importable, and no spinning threads on a shared machine."""
    return {**os.environ, "PYTHONPATH": str(REPOSITORY), "OMP_WAIT_POLICY": "PASSIVE"}


def shared_data(*parts: str) -> Path:
    """A path in the public sample data beside the checkout; skips the test, saying so, where there is none."""
    path = REPOSITORY.parent.joinpath("shared", "data", *parts)
    if not path.exists():
        pytest.skip(f"the public sample data is not beside this checkout (../shared/data/{'/'.join(parts)})")
    return path


def model_path(name: str, kind: ModelKind) -> str:
    """Where an embedded model lies on this machine; skips the test, naming the command, where it does not."""
    try:
        return ModelStore(load_settings(os.environ).models.directory).locate(name, kind)
    except ModelMissingError as error:
        pytest.skip(f"{error.message}; fetch it with 'pubmed-rag models pull'")
