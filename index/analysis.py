"""How text becomes the terms of the word index, for articles and queries alike."""

from __future__ import annotations

from functools import cache

import tantivy

from pubmed_rag.core.stopwords import STOPWORDS

__all__ = ["ANALYZER", "STOPWORDS", "analyzer", "terms"]

ANALYZER = "english"
"""Name under which the analyzer is registered with every index that uses it."""

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


def terms(text: str) -> list[str]:
    """The index terms of ``text`` in order, repetitions kept."""
    return list(analyzer().analyze(text))
