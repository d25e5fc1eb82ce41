"""How text becomes the terms of the word index, for articles and queries alike.

Two ways: ``terms`` for ranking, stemmed and without stopwords; ``exact_words`` for PubMed's own queries, where
``cells`` is not ``cell`` and phrases and proximity count every word.
"""

from __future__ import annotations

from functools import cache, lru_cache

import tantivy

from pubmed_rag.core.stopwords import STOPWORDS
from pubmed_rag.core.text import normalise

__all__ = [
    "ANALYZER",
    "EXACT",
    "STOPWORDS",
    "analyzer",
    "exact_analyzer",
    "exact_words",
    "fold_name",
    "register",
    "terms",
]

ANALYZER = "english"
"""Name under which the analyzer is registered with every index that uses it."""

EXACT = "exact"
"""Name of the analyzer for exact searching."""

_LONGEST_TERM = 60


@cache
def analyzer() -> tantivy.TextAnalyzer:
    """Split at non-alphanumerics, lower-case, fold accents, drop stopwords, stem (Snowball English)."""
    builder = tantivy.TextAnalyzerBuilder(tantivy.Tokenizer.simple())
    for step in (
        tantivy.Filter.remove_long(_LONGEST_TERM),
        tantivy.Filter.lowercase(),
        tantivy.Filter.ascii_fold(),
        tantivy.Filter.custom_stopword(sorted(STOPWORDS)),
        tantivy.Filter.stemmer("english"),
    ):
        builder = builder.filter(step)
    return builder.build()


@cache
def exact_analyzer() -> tantivy.TextAnalyzer:
    """Split at non-alphanumerics (PubMed turns punctuation to blanks), lower-case, fold accents; nothing is dropped."""
    builder = tantivy.TextAnalyzerBuilder(tantivy.Tokenizer.simple())
    for step in (tantivy.Filter.remove_long(_LONGEST_TERM), tantivy.Filter.lowercase(), tantivy.Filter.ascii_fold()):
        builder = builder.filter(step)
    return builder.build()


def register(index: tantivy.Index) -> None:
    """Make both analyzers known to ``index``."""
    index.register_tokenizer(ANALYZER, analyzer())
    index.register_tokenizer(EXACT, exact_analyzer())


def terms(text: str) -> list[str]:
    """The index terms of ``text`` in order, repetitions kept."""
    return list(analyzer().analyze(text))


def exact_words(text: str) -> list[str]:
    """The words of ``text`` in order as the exact fields hold them, repetitions kept."""
    return list(exact_analyzer().analyze(normalise(text)))


@lru_cache(maxsize=100_000)
def fold_name(name: str) -> str:
    """A name or number that is compared as a whole: its exact words with single blanks between."""
    return " ".join(exact_words(name))
