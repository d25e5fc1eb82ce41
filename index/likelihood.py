"""A second look by a language model: how likely it finds the query after reading the best of an article.

Ponte & Croft (SIGIR 1998) ranked by the likelihood of the query under a model of the document; Sachan et al. (EMNLP
2022) asked a neural language model for it. Here it is one more voice beside the mixture, measured in docs/search.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np

from pubmed_rag.core.records import Article
from pubmed_rag.core.text import normalise
from pubmed_rag.index.fusion import z_scores
from pubmed_rag.index.letters import Written, WrittenQuery, cosines_of, letter_columns, sentences_of
from pubmed_rag.index.passages import sentences
from pubmed_rag.index.rerank import Candidates
from pubmed_rag.index.words import Scores

DEPTH = 8
"""Candidates that are read. Twelve gained no more, four half as much."""
WEIGHT = 0.2
"""Gains were within error of each other from 0.1 to 0.3; five folds chose 0.25."""
_SENTENCES = 2
_END = "\n\nClaim:"
"""What stands between an article and the query."""
_STOPS = (".", "?", "!")


class LanguageModel(Protocol):
    """Something that knows how likely a text is after another."""

    @property
    def name(self) -> str:
        """What names it, and its exact weights, in reports."""

    def mean_log_probabilities(self, pairs: Sequence[tuple[str, str]]) -> Scores:
        """(n,) float32: of each (before, text), the mean over the text's tokens of log P(token | all before it).

        0 for a text without tokens.
        """


class LikelihoodReranker:
    """Adds ``weight`` times the z-scored likelihood of the query to the first ranking's scores. Nothing is learned."""

    depth = DEPTH

    def __init__(self, model: LanguageModel, weight: float = WEIGHT) -> None:
        self._model = model
        self._weight = np.float32(weight)

    @property
    def name(self) -> str:
        return f"likelihood {self._model.name}"

    def scores(self, candidates: Candidates) -> Scores:
        """(n,) float32: the first scores and what the language model adds."""
        result = candidates.fused[: len(candidates.articles)].astype(np.float32)
        # An article that is no longer in the library has no text; it stays where it is.
        rows = [row for row, article in enumerate(candidates.articles) if article.text]
        if rows:
            query = f" {normalise(candidates.query).strip()}"
            found = self._model.mean_log_probabilities([(read(candidates, row) + _END, query) for row in rows])
            result[rows] += self._weight * z_scores(found)
        return result


def read(candidates: Candidates, row: int) -> str:
    """What the model reads of a candidate: its title and its two best sentences, in the order of the text.

    The best are those nearest to the query by their vectors; without sentence vectors, those that share most of
    its letters.
    """
    article = candidates.articles[row]
    parts, values = sentences_of(candidates, row), cosines_of(candidates, row)
    if not 0 < len(values) == len(parts):
        parts = [passage.text for passage in sentences(article)]
        query = WrittenQuery.of(candidates.query)
        texts = [Written.of(normalise(part)) for part in parts]
        values = np.asarray(letter_columns(query, texts)["letters"], np.float32)
    title = article.title.strip()
    best = [place for place in np.argsort(-values, kind="stable") if parts[place].strip() != title][:_SENTENCES]
    return " ".join([_whole(article), *(parts[place].strip() for place in sorted(best))]).strip()


def _whole(article: Article) -> str:
    """The title as a sentence."""
    title = article.title.strip()
    return title if not title or title.endswith(_STOPS) else f"{title}."
