"""A generated library of any size with subjects, for measuring the page over it (benchmarks/page.py).

Its articles are those of benchmarks/store.py, each given to one of sixty subjects: two thirds of its sentences and
headings are its subject's own, so that its words, its headings and its vector lie near those of its like, as real
ones do. The vectors pass for MiniLM's, so that the page runs with the real encoder for queries; they are sums of a
random direction a word, the subject's word counting most, since embedding 100,000 abstracts and a million sentences
would take hours and change no time that is measured.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from benchmarks.store import Generator
from pubmed_rag.core.library import LibraryPaths
from pubmed_rag.core.models import find_model
from pubmed_rag.core.records import Article, PartialDate, Section, Term
from pubmed_rag.core.store import ArticleStore
from pubmed_rag.index.build import build_index
from pubmed_rag.index.vectors import Vectors

SUBJECTS = 60
SENTENCES, HEADINGS = 300, 12
"""Of a subject alone."""
KINDS = ("Randomized Controlled Trial", "Review", "Clinical Trial", "Case Reports", "Meta-Analysis", "Letter")
BATCH = 5_000
_DIRECTIONS = 20_000
_SUBJECT_WEIGHT = 6.0


class Subjects:
    """Articles of sixty subjects, the larger ones with sixty times as many as the smaller."""

    def __init__(self) -> None:
        self._generator = Generator()
        chance = random.Random(11)
        self.names = [heading.name for heading in chance.sample(self._generator.headings, SUBJECTS)]
        self._weights = [1 / (rank + 1) for rank in range(SUBJECTS)]
        self._sentences = [chance.sample(self._generator.sentences, SENTENCES) for _ in self.names]
        self._headings = [chance.sample(self._generator.headings, HEADINGS) for _ in self.names]

    def articles(self, pmids: Sequence[int], seed: int) -> Iterator[Article]:
        """One article for each PMID."""
        chance = random.Random(seed)
        for article in self._generator.articles(pmids, seed):
            (subject,) = chance.choices(range(SUBJECTS), self._weights)
            kinds = ("Journal Article", *((chance.choice(KINDS),) if chance.random() < 0.5 else ()))
            yield replace(
                article,
                title=self._sentence(subject, chance),
                abstract=tuple(
                    Section(" ".join(self._sentence(subject, chance) for _ in range(chance.randint(1, 3))), part.label)
                    for part in article.abstract
                ),
                mesh=(*chance.sample(self._headings[subject], 5), *article.mesh[:3]),
                publication_types=tuple(Term(kind) for kind in kinds),
                published=PartialDate(2024 - int(chance.expovariate(1 / 14)), chance.randint(1, 12)),
            )

    def _sentence(self, subject: int, chance: random.Random) -> str:
        if chance.random() < 2 / 3:
            return f"{self.names[subject]} {chance.choice(self._sentences[subject]).lower()}"
        return chance.choice(self._generator.sentences)


class PassesForMiniLM:
    """Vectors made of words, under the name of the model that the page asks with."""

    normalised = True
    dimension = 384

    def __init__(self, subjects: Sequence[str]) -> None:
        spec = find_model("minilm", "embedder")
        assert spec is not None
        self.name, self.revision = spec.name, spec.revision
        self._rows: dict[str, int] = {}
        self._subjects = frozenset(name.lower() for name in subjects)
        self._directions = np.random.default_rng(0).standard_normal((_DIRECTIONS, self.dimension)).astype(np.float32)

    def encode_passages(self, texts: Sequence[str]) -> Vectors:
        sums = np.array([self._sum(text) for text in texts], np.float32)
        return np.ascontiguousarray(sums / np.linalg.norm(sums, axis=1, keepdims=True))

    encode_queries = encode_passages

    def _sum(self, text: str) -> Vectors:
        words = text.lower().split() or [""]
        rows = [self._rows.setdefault(word, len(self._rows) % _DIRECTIONS) for word in words]
        weights = np.array([_SUBJECT_WEIGHT if word in self._subjects else 1.0 for word in words], np.float32)
        total: Vectors = weights @ self._directions[rows]
        return total


def make_library(paths: LibraryPaths, count: int) -> None:
    """Fill and index the library at ``paths``; what an interrupted run has done is not done again."""
    subjects = Subjects()
    with ArticleStore(paths, create=not paths.exists) as store:
        for start in range(store.counts().articles // BATCH * BATCH, count, BATCH):
            store.upsert(subjects.articles(range(start + 1, min(start + BATCH, count) + 1), seed=start))
        if not paths.current.exists():
            build_index(paths, store, PassesForMiniLM(subjects.names))
