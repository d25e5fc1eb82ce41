"""Spelling: for words that the library does not have, the nearest ones that it does."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator

from pubmed_rag.core.stopwords import STOPWORDS
from pubmed_rag.index.analysis import exact_words
from pubmed_rag.index.words import TantivyIndex

_FIELDS = ("exact_title", "exact_abstract")
_LETTERS = "abcdefghijklmnopqrstuvwxyz"
_TOKEN = re.compile(r"\[[^\]]*\]|[^\W_]+[*]?")
"""A tag with its brackets, which is passed over, or a word with the star of truncation."""

_SHORTEST = 4
_TWO_EDITS_FROM = 6
"""Letters that a word must have to be wrong in one place, and in two."""

_RARE = 1e-5
"""Share of articles up to which a word that is there may still be a slip: 400 of 40 million."""
_FEW = 2
"""Articles up to which it may be one in a library of any size."""
_TIMES = 100
"""How much more frequent the suggestion must be than a word that is there, and then only one edit away."""
_FEWEST = 2
_LOOKED_AT = 3_000
"""The most frequent words with the same first two letters, among which those two edits away are sought."""

_PENALTY = 2.0
"""An edit more must be made up for by e^2 times the frequency."""


def suggest(words: TantivyIndex, query: str) -> str | None:
    """``query`` with every word that the library lacks, or all but lacks, replaced by the nearest frequent one.

    ``None`` where there is nothing to replace or nothing near. Words are compared as written, not as stems. Left as
    they are: words with digits, short ones, capitals such as ``COPD``, ``AND``/``OR``/``NOT``, tags and words with
    ``*``. Near is at most one insertion, deletion, substitution or exchange of neighbours, from six letters on two;
    two only where the first two letters are right.
    """
    replaced = _TOKEN.sub(lambda match: _better(words, match[0]), query)
    return replaced if replaced != query else None


def _better(words: TantivyIndex, written: str) -> str:
    folded = exact_words(written)
    if len(folded) != 1 or written.endswith("*") or written.startswith("[") or (written.isupper() and len(written) < 7):
        return written
    word = folded[0]
    if len(word) < _SHORTEST or word in STOPWORDS or not all(letter in _LETTERS for letter in word):
        return written
    frequency = _frequency(words, word)
    if frequency > max(_FEW, _RARE * words.count()):
        return written
    least = max(_FEWEST, _TIMES * frequency)
    near = {edited: (1, _frequency(words, edited)) for edited in _one_edit(word)}
    if not frequency and len(word) >= _TWO_EDITS_FROM:
        for name in _FIELDS:
            for term, count in words.vocabulary(name, word[:2], _LOOKED_AT):
                if count >= least and term not in near and within_two(word, term):
                    near[term] = (2, _frequency(words, term))
    found = [
        (math.log(count) - _PENALTY * edits, candidate)
        for candidate, (edits, count) in near.items()
        if count >= least and candidate not in STOPWORDS
    ]
    if not found:
        return written
    best = max(found)[1]
    return best.capitalize() if written[0].isupper() else best


def _frequency(words: TantivyIndex, word: str) -> int:
    return sum(words.frequency(name, word) for name in _FIELDS)


def _one_edit(word: str) -> Iterator[str]:
    """Everything one insertion, deletion, substitution or exchange of neighbours away from ``word``."""
    for at in range(len(word) + 1):
        before, after = word[:at], word[at:]
        for letter in _LETTERS:
            yield before + letter + after
            if after and letter != after[0]:
                yield before + letter + after[1:]
        if after:
            yield before + after[1:]
        if len(after) > 1 and after[0] != after[1]:
            yield before + after[1] + after[0] + after[2:]


def within_two(first: str, second: str) -> bool:
    """Whether at most two insertions, deletions, substitutions or exchanges of neighbours lie between two words.

    The restricted Damerau-Levenshtein distance: no letter is changed twice.
    """
    if abs(len(first) - len(second)) > 2 or len(set(first) ^ set(second)) > 4:
        return False
    before: list[int] = []
    row = list(range(len(second) + 1))
    for i, letter in enumerate(first, start=1):
        before, above = row, before
        row = [i]
        for j, other in enumerate(second, start=1):
            cost = min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (letter != other))
            if i > 1 and j > 1 and letter == second[j - 2] and first[i - 2] == other:
                cost = min(cost, above[j - 2] + 1)
            row.append(cost)
        if min(row) > 2:
            return False
    return row[-1] <= 2
