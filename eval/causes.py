"""Why two systems differ, counted over all topics on which they do: what the failure explorer says of single ones."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from pubmed_rag.eval.failures import SHOWN, TopicNote
from pubmed_rag.eval.runs import Rankings, trec_order

LARGE = 0.1
"""The difference of the primary measure, on one topic, from which on its causes are counted."""

NOTHING = "the other returned nothing"
LACKING = "every relevant document lacks a word"
COMPLETE = "a relevant document has every word"
ABSENT = "no relevant document in the corpus"
CAUSES = (NOTHING, LACKING, COMPLETE, ABSENT)
"""What can be said of a topic. The first holds beside one of the others, of which exactly one holds."""

FOUND_BY = ("by words alone", "by vectors alone", "by both", "by neither")
"""Which component has a relevant document in its first ten; exactly one holds."""


@dataclass(frozen=True, slots=True)
class CauseCounts:
    """The topics on which ``better`` is ahead of ``other`` by :data:`LARGE` or more.

    ``causes`` counts :data:`CAUSES`; ``found`` counts :data:`FOUND_BY`, and is empty where words and vectors did not
    both run by themselves.
    """

    better: str
    other: str
    topics: int
    causes: Mapping[str, int]
    found: Mapping[str, int] = field(default_factory=dict)


def count_causes(
    notes: Mapping[str, TopicNote],
    pairs: Sequence[tuple[str, str]],
    values: Mapping[str, Sequence[float]],
    rankings: Mapping[str, Rankings],
    components: tuple[str, str] | None = None,
) -> tuple[CauseCounts, ...]:
    """Both directions of each pair of (baseline, system), where there is a topic.

    ``values``: by system, in the order of ``notes``. ``components`` are the systems that rank by words alone and by
    vectors alone.
    """
    counted = []
    for baseline, system in pairs:
        for better, other in ((system, baseline), (baseline, system)):
            apart = [
                note
                for note, high, low in zip(notes.values(), values[better], values[other], strict=True)
                if high - low >= LARGE - 1e-9
            ]
            if not apart:
                continue
            causes = Counter(cause for note in apart for cause in _causes(note, rankings[other]))
            found = Counter(_found(note, rankings, components) for note in apart) if components else Counter()
            counted.append(
                CauseCounts(
                    better,
                    other,
                    len(apart),
                    {name: causes[name] for name in CAUSES},
                    {name: found[name] for name in FOUND_BY} if components else {},
                )
            )
    return tuple(counted)


def _causes(note: TopicNote, other: Rankings) -> list[str]:
    causes = [] if other.get(note.topic_id) else [NOTHING]
    held = [missing for missing in note.missing.values() if missing is not None]
    if not held:
        return [*causes, ABSENT]
    return [*causes, LACKING if all(held) else COMPLETE]


def _found(note: TopicNote, rankings: Mapping[str, Rankings], components: tuple[str, str]) -> str:
    by_words, by_vectors = (
        any(doc.doc_id in note.missing for doc in trec_order(rankings[name].get(note.topic_id, ()))[:SHOWN])
        for name in components
    )
    if by_words and by_vectors:
        return FOUND_BY[2]
    return FOUND_BY[0] if by_words else FOUND_BY[1] if by_vectors else FOUND_BY[3]
