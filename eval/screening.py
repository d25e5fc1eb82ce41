"""Screening: every candidate has a label, and the question is how much reading a ranking saves."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace

from pubmed_rag.core.errors import InputError
from pubmed_rag.eval.collections import Collection

RECALL = 0.95
"""The recall at which work is compared: Cohen and others' choice."""


def as_screening(collection: Collection) -> Collection:
    """``collection`` with each topic's judged documents as its only candidates: what a reviewer has to read.

    Raises :class:`InputError` where nothing was ever judged not relevant: then there is nothing to screen out.
    """
    judged: dict[str, list[str]] = defaultdict(list)
    for qrel in collection.qrels:
        judged[qrel.topic_id].append(qrel.doc_id)
    if all(qrel.relevance > 0 for qrel in collection.qrels):
        raise InputError(
            f"{collection.name}, {collection.split} has no document that was judged and is not relevant",
            remedy="it cannot be used for screening; use it for ranking",
        )
    topics = tuple(replace(topic, candidates=tuple(sorted(judged[topic.id]))) for topic in collection.topics)
    return replace(collection, topics=topics)


def work_saved(
    ranked: Sequence[str], relevant: frozenset[str], candidates: int, recall: float = RECALL
) -> float | None:
    """WSS@95: the share of ``candidates`` that need not be read to find ``recall`` of the relevant ones, less
    the 1 - ``recall`` that reading in random order would save too. ``None`` without a relevant document.

    Cohen, Hersh, Peterson and Yen, JAMIA 13 (2006) 206: WSS = (TN + FN)/N - (1 - recall), so 0 is chance and
    at most 0.95. They had full rankings. A system that stops earlier leaves candidates unranked: those are
    taken to be read afterwards in random order, and the expected reading counts, which is k(n + 1)/(m + 1) for
    k of m relevant among n. A system that returns nothing thereby scores about 0, a full ranking exactly
    Cohen's figure.
    """
    if not relevant or not candidates:
        return None
    wanted = math.ceil(recall * len(relevant) - 1e-9)
    found = 0
    for position, doc_id in enumerate(ranked, start=1):
        found += doc_id in relevant
        if found == wanted:
            return (candidates - position) / candidates - (1.0 - recall)
    unranked = candidates - len(ranked)
    expected = (wanted - found) * (unranked + 1) / (len(relevant) - found + 1)
    return (candidates - len(ranked) - expected) / candidates - (1.0 - recall)
