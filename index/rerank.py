"""Re-ranking: a second, closer look at the best candidates of a first ranking."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from pubmed_rag.core.errors import UnknownModelError, reason_of
from pubmed_rag.core.native import prepare_native_libraries
from pubmed_rag.core.records import Article
from pubmed_rag.core.text import normalise
from pubmed_rag.index.ranking import Indexes, Ranking
from pubmed_rag.index.sentence_vectors import SentenceBlock
from pubmed_rag.index.vectors import Vectors
from pubmed_rag.index.words import Scores

log = logging.getLogger(__name__)


class TermStatistics(Protocol):
    """How rare terms are in the index."""

    def count(self) -> int:
        """Number of articles."""

    def frequency(self, field: str, term: str) -> int:
        """How many articles have ``term`` in ``field``; 0 where none has."""


@dataclass(frozen=True, slots=True)
class Candidates:
    """What a re-ranker is shown: the first n articles of a pool of m ≥ n candidates, best first.

    ``fused`` (m,) and each of ``components`` (m,) are the first ranking's scores of the whole pool;
    ``articles`` (n) and ``blocks`` (n, ``None`` where no sentence vectors are stored) of its first n.
    """

    query: str
    vector: Vectors
    fused: Scores
    components: Mapping[str, Scores]
    articles: Sequence[Article]
    blocks: Sequence[SentenceBlock | None]
    statistics: TermStatistics


class Reranker(Protocol):
    """Something that orders candidates anew. One object serves several threads."""

    @property
    def name(self) -> str:
        """What names it, and its exact version, in reports."""

    @property
    def depth(self) -> int:
        """How many of the best candidates it looks at; the others stay below, in their order."""

    def scores(self, candidates: Candidates) -> Scores:
        """(n,) float32, higher is better; equal scores keep the first ranking's order."""


class CrossEncoderReranker:
    """A sentence-transformers CrossEncoder on the CPU: a model that reads query and article together.

    ``blend`` is the share of its z-scores in the result; the rest is the first ranking's.
    """

    def __init__(self, name: str, location: str | None = None, *, depth: int = 50, blend: float = 1.0) -> None:
        prepare_native_libraries()
        from sentence_transformers import CrossEncoder

        place = location or name
        try:
            self._model: Any = CrossEncoder(place, device="cpu", local_files_only=Path(place).exists())
        except (OSError, ValueError) as error:
            raise UnknownModelError(
                f"'{name}' cannot be loaded as a cross-encoder ({reason_of(error)})",
                remedy="give a folder with such a model, or the name of one on a model hub that can be reached",
            ) from error
        self._name = name
        self._depth = depth
        self._blend = blend

    @property
    def name(self) -> str:
        return self._name

    @property
    def depth(self) -> int:
        return self._depth

    def scores(self, candidates: Candidates) -> Scores:
        if not candidates.articles:
            return np.empty(0, np.float32)
        pairs = [(candidates.query, normalise(article.text)) for article in candidates.articles]
        found = np.asarray(self._model.predict(pairs, batch_size=32, show_progress_bar=False), np.float32)
        own = found.reshape(len(pairs), -1)[:, -1]  # one score a pair, or the last class: "relevant"
        if self._blend >= 1.0:
            return own
        n = len(pairs)
        result: Scores = (
            np.float32(self._blend) * _standardised(own)
            + np.float32(1.0 - self._blend) * _standardised(candidates.fused[:n])
        ).astype(np.float32)
        return result


def candidates_of(
    query: str, vector: Vectors, ranking: Ranking, articles: Sequence[Article], indexes: Indexes
) -> Candidates:
    """The first candidates of the pool ``ranking``, whose ``articles`` these are."""
    shown = ranking.keys[: len(articles)]
    return Candidates(
        query=query,
        vector=vector,
        fused=ranking.scores,
        components=ranking.components,
        articles=articles,
        blocks=[indexes.sentences.of(int(key)) for key in shown],
        statistics=indexes.words,
    )


def reranked(ranking: Ranking, reranker: Reranker, candidates: Callable[[int], Candidates]) -> Ranking:
    """``ranking`` with its first ``reranker.depth`` articles in the re-ranker's order and by its scores.

    ``candidates`` gives what the re-ranker is shown, for the number of articles asked. The articles below keep
    their order; their scores are moved down, if need be, so that none is above the re-ranked.
    """
    n = min(reranker.depth, len(ranking.keys))
    if not n:
        return ranking
    scores = reranker.scores(candidates(n))
    order = np.argsort(-scores, kind="stable")
    rest = ranking.scores[n:]
    if len(rest):
        rest = rest + min(np.float32(0.0), scores.min() - rest[0])
    whole = np.concatenate([order, np.arange(n, len(ranking.keys))])
    return replace(
        ranking,
        keys=ranking.keys[whole],
        scores=np.concatenate([scores[order], rest]).astype(np.float32),
        components={name: values[whole] for name, values in ranking.components.items()},
        ranks={name: values[whole] for name, values in ranking.ranks.items()},
    )


def _standardised(scores: Scores) -> Scores:
    result: Scores = (scores - scores.mean()) / max(float(scores.std()), 1e-9)
    return result
