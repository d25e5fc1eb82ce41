"""A second look at the first candidates of the mixture: what query and article share as it is written.

Stemmed words do not meet where a word is spelt, put together or inflected otherwise ("microarray", "micro-arrays"),
and neither words nor vectors know that ``IL-2`` and ``IL2`` are one name and ``IL-2`` and ``IL-6`` are two. So the
first candidates are compared letter by letter: pieces of four letters in the whole article and in its best sentence,
and symbols (numbers, genes, abbreviations) as they stand. Measured in docs/search.md.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt

from pubmed_rag.core.text import normalise
from pubmed_rag.index.fusion import z_scores
from pubmed_rag.index.rerank import Candidates
from pubmed_rag.index.words import Scores

DEPTH = 50
"""Candidates that are looked at, as many as the learned ranker sees."""

Matrix = npt.NDArray[np.float32]

_GREEK = {
    "α": "alpha", "β": "beta", "γ": "gamma", "δ": "delta", "ε": "epsilon", "ζ": "zeta", "η": "eta", "θ": "theta",
    "κ": "kappa", "λ": "lambda", "μ": "mu", "ν": "nu", "π": "pi", "ρ": "rho", "σ": "sigma", "τ": "tau", "φ": "phi",
    "χ": "chi", "ψ": "psi", "ω": "omega",
}  # fmt: skip
_PLAIN = str.maketrans({"-": "", **_GREEK})
_TOKEN = re.compile(r"[^\W_]+(?:-[^\W_]+)*")
_GRAM = 4
_COLUMNS = ("symbols", "letters", "best_letters")


@dataclass(frozen=True, slots=True)
class WrittenQuery:
    """A query's symbols and its distinct pieces of four letters, in order."""

    symbols: frozenset[str]
    grams: tuple[str, ...]

    @classmethod
    def of(cls, query: str) -> Self:
        tokens = _TOKEN.findall(normalise(query))
        letters = _letters(tokens)
        grams = (letters[start : start + _GRAM] for start in range(len(letters) - _GRAM + 1))
        return cls(frozenset(_symbols(tokens)), tuple(dict.fromkeys(gram for gram in grams if " " not in gram[1:-1])))


@dataclass(frozen=True, slots=True)
class Written:
    """An article's symbols, and its letters as one string, hyphens and case aside; those of its best sentence too."""

    symbols: frozenset[str]
    letters: str
    best: str

    @classmethod
    def of(cls, text: str, best: str = "") -> Self:
        """Of ``text``, which is normalised, and of the sentence nearest to the query, "" where none is known."""
        tokens = _TOKEN.findall(text)
        return cls(frozenset(_symbols(tokens)), _letters(tokens), _letters(_TOKEN.findall(normalise(best))))


class LettersReranker:
    """Adds ``weight`` times the shared letters to the first ranking's scores. Nothing is learned."""

    name = "letters"
    depth = DEPTH

    def __init__(self, weight: float) -> None:
        self._weight = np.float32(weight)

    def scores(self, candidates: Candidates) -> Scores:
        """(n,) float32: the first scores and what letters add."""
        n = len(candidates.articles)
        result: Scores = (candidates.fused[:n] + self._weight * shared_letters(candidates)).astype(np.float32)
        return result


def shared_letters(candidates: Candidates) -> Scores:
    """(n,) float32 with mean 0 over the n articles: how much of the query each holds as it is written.

    The mean of two z-scored columns, or of three where sentence vectors tell the best sentence.
    """
    result = np.zeros(len(candidates.articles), np.float32)
    # An article that is no longer in the library has no text; it stays where it is.
    rows = [row for row, article in enumerate(candidates.articles) if article.text]
    if not rows:
        return result
    texts = [_written(candidates, row) for row in rows]
    columns = letter_columns(WrittenQuery.of(candidates.query), texts)
    names = _COLUMNS if any(text.best.strip() for text in texts) else _COLUMNS[:2]
    result[rows] = np.mean([z_scores(np.asarray(columns[name], np.float32)) for name in names], axis=0)
    return result


def _written(candidates: Candidates, row: int) -> Written:
    best = best_sentence(sentences_of(candidates, row), cosines_of(candidates, row))
    return Written.of(normalise(candidates.articles[row].text), best)


def letter_columns(query: WrittenQuery, texts: Sequence[Written]) -> Mapping[str, list[float] | Matrix]:
    """Of each of n texts, from 0 to 1: ``symbols``, the share of the query's; ``letters`` and ``best_letters``, the
    share of its pieces in the text and in its best sentence, pieces that are rare among the n weighing more."""
    symbols = [len(query.symbols & text.symbols) / len(query.symbols) if query.symbols else 1.0 for text in texts]
    n = len(texts)
    if not query.grams or not n:
        return {"symbols": symbols, "letters": np.zeros(n, np.float32), "best_letters": np.zeros(n, np.float32)}
    present = np.array([[gram in text.letters for gram in query.grams] for text in texts], np.float32)
    in_best = np.array([[gram in text.best for gram in query.grams] for text in texts], np.float32)
    weight = np.log(1.0 + (n - present.sum(0) + 0.5) / (present.sum(0) + 0.5))
    return {
        "symbols": symbols,
        "letters": present @ weight / weight.sum(),
        "best_letters": in_best @ weight / weight.sum(),
    }


def sentences_of(candidates: Candidates, row: int) -> list[str]:
    """The stored sentences of the candidate at ``row``, or its whole text as one where none are stored."""
    article, block = candidates.articles[row], candidates.blocks[row]
    text = article.text
    if block is None or not len(block.spans):
        return [text]
    return [text[start:end] for start, end in block.spans.tolist()]


def cosines_of(candidates: Candidates, row: int) -> Matrix:
    """(s,) inner products of the query with the stored sentences of the candidate at ``row``; (0,) without any."""
    block = candidates.blocks[row]
    if block is None or not len(block.vectors):
        return np.zeros(0, np.float32)
    values: Matrix = block.vectors @ candidates.vector
    return values


def best_sentence(sentences: Sequence[str], cosines: Matrix) -> str:
    """The one of s sentences with the highest of ``cosines`` (s,); "" where not every sentence has one."""
    return sentences[int(cosines.argmax())] if 0 < len(cosines) == len(sentences) else ""


def _symbols(tokens: Sequence[str]) -> Iterator[str]:
    """Numbers, genes and abbreviations as written, but for hyphens and Greek letters: ``IL-2`` and ``IL2`` are one."""
    for token in tokens:
        if token.isalpha() and token.islower():
            continue  # most are: the quick way out
        if any(map(str.isdigit, token)) or sum(map(str.isupper, token)) >= 2:
            yield _plain(token)


def _plain(text: str) -> str:
    folded = text.casefold()
    return folded.replace("-", "") if folded.isascii() else folded.translate(_PLAIN)


def _letters(tokens: Sequence[str]) -> str:
    return f" {_plain(' '.join(tokens))} "
