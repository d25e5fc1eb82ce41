"""Effectiveness measures, all computed by ``ir_measures`` (trec_eval underneath): nobody trusts a home-made nDCG.

MacAvaney, Macdonald and Ounis, "Streamlining Evaluation with ir-measures", ECIR 2022, arXiv:2111.13466.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from pubmed_rag.eval.collections import Qrel
from pubmed_rag.eval.runs import Rankings, trec_order


@dataclass(frozen=True, slots=True)
class Measure:
    """``name`` is what we print, ``expression`` what ir_measures calls it, ``meaning`` one line for a reader."""

    name: str
    expression: str
    meaning: str


NDCG_10 = Measure(
    "nDCG@10",
    "nDCG@10",
    "gain of the first ten, discounted by log2(rank + 1), over that of the best possible ten; the gain is the judged "
    "grade itself (Järvelin and Kekäläinen, TOIS 2002, as in trec_eval's ndcg_cut)",
)
RECALL_100 = Measure("recall@100", "R@100", "share of the relevant documents that are among the first hundred")
MRR = Measure(
    "MRR", "RR", "1 over the rank of the first relevant document, 0 if none was returned (Voorhees, TREC-8, 1999)"
)
MAP_100 = Measure(
    "MAP@100",
    "AP@100",
    "average over all relevant documents of the precision at their rank, 0 for those beyond 100 (trec_eval's map_cut)",
)
P_10 = Measure("P@10", "P@10", "share of the first ten that is relevant; ten even where fewer were returned")
JUDGED_10 = Measure(
    "judged@10", "Judged@10", "share of the first ten that anyone judged; the rest counts as not relevant"
)

MEASURES: tuple[Measure, ...] = (NDCG_10, RECALL_100, MRR, MAP_100, P_10, JUDGED_10)
"""What an evaluation reports, in this order. Except for nDCG, a grade of 1 or more is relevant."""

PRIMARY = NDCG_10
"""The measure that systems are compared by. One, chosen beforehand: a choice made afterwards would find something."""

DEPTH = 100
"""Documents a system is asked for: what the deepest measure looks at."""


@dataclass(frozen=True, slots=True)
class Scores:
    """Values by measure name, each (n,) in the order of ``topic_ids``."""

    topic_ids: tuple[str, ...]
    values: Mapping[str, tuple[float, ...]]

    def mean(self, measure: str) -> float:
        """Arithmetic mean over topics. Raises ``KeyError`` for a measure that was not computed."""
        return math.fsum(self.values[measure]) / len(self.topic_ids)


def score_rankings(
    topic_ids: Sequence[str], qrels: Iterable[Qrel], rankings: Rankings, measures: Sequence[Measure] = MEASURES
) -> Scores:
    """Each measure for each topic of ``topic_ids``. A topic for which nothing was returned counts as 0.

    Equal scores are ranked as trec_eval does, for every measure: ir_measures hands some of them to other
    code, which breaks ties the other way. Topics only in ``rankings`` are ignored.
    """
    import ir_measures

    parsed = {ir_measures.parse_measure(measure.expression): measure.name for measure in measures}
    asked = set(topic_ids)
    judgements = [ir_measures.Qrel(q.topic_id, q.doc_id, q.relevance) for q in qrels if q.topic_id in asked]
    documents = [
        ir_measures.ScoredDoc(topic_id, document.doc_id, float(-rank))
        for topic_id, ranking in rankings.items()
        if topic_id in asked
        for rank, document in enumerate(trec_order(ranking))
    ]
    found: dict[str, dict[str, float]] = {measure.name: {} for measure in measures}
    for metric in ir_measures.iter_calc(list(parsed), judgements, documents):
        found[parsed[metric.measure]][metric.query_id] = float(metric.value)
    values = {name: tuple(by_topic.get(topic_id, 0.0) for topic_id in topic_ids) for name, by_topic in found.items()}
    return Scores(tuple(topic_ids), values)
