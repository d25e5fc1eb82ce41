"""ROUGE-2 and ROUGE-SU4 as BioASQ reports them for ideal answers: recall and F1, over all reference answers together.

Lin, "ROUGE", Text Summarization Branches Out, 2004. SU4: pairs of words in order with at most four words between, and
single words. Several references count as ROUGE 1.5.5's default has it: their units are pooled, so recall is all
matches over all units of all references. Words are those of ``rouge-score``, stemmed by Porter. BioASQ does not state
its options, so hold these beside its published figures with care.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from typing import TypeAlias

SKIP = 4
"""Words that may stand between the two of a pair."""

_DIGITS = 6

Units: TypeAlias = Counter[tuple[str, ...]]


def rouge_bioasq(answer: str, references: Sequence[str]) -> Mapping[str, float]:
    """``rouge2_recall``, ``rouge2_f1``, ``rougeSU4_recall``, ``rougeSU4_f1``; all 0 for an empty answer."""
    from rouge_score.tokenizers import DefaultTokenizer

    tokenize = DefaultTokenizer(use_stemmer=True).tokenize
    given, wanted = tokenize(answer), [tokenize(reference) for reference in references]
    found: dict[str, float] = {}
    for name, units in (("rouge2", bigrams), ("rougeSU4", skip_bigrams)):
        recall, f1 = _pooled(given, wanted, units)
        found |= {f"{name}_recall": round(recall, _DIGITS), f"{name}_f1": round(f1, _DIGITS)}
    return found


def bigrams(words: Sequence[str]) -> Units:
    """Pairs of neighbours."""
    return Counter(pairwise(words))


def skip_bigrams(words: Sequence[str]) -> Units:
    """Pairs of words in order with at most :data:`SKIP` words between, and every word by itself."""
    units: Units = Counter((word,) for word in words)
    for position, word in enumerate(words):
        units.update((word, later) for later in words[position + 1 : position + 2 + SKIP])
    return units


def _pooled(
    given: Sequence[str], wanted: Sequence[Sequence[str]], units: Callable[[Sequence[str]], Units]
) -> tuple[float, float]:
    """Recall and F1. Each reference's units are matched by themselves, then all are summed."""
    mine = units(given)
    theirs = [units(reference) for reference in wanted]
    hits = sum((mine & one).total() for one in theirs)
    recall = hits / max(1, sum(one.total() for one in theirs))
    precision = hits / max(1, mine.total() * len(theirs))
    return recall, 2 * recall * precision / (recall + precision) if hits else 0.0
