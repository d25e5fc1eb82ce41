"""Effectiveness measures, all computed by ``ir_measures`` (trec_eval underneath): nobody trusts a home-made nDCG.

MacAvaney, Macdonald and Ounis, "Streamlining Evaluation with ir-measures", ECIR 2022, arXiv:2111.13466.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from pubmed_rag.eval.collections import Collection, Qrel
from pubmed_rag.eval.runs import Rankings, trec_order
from pubmed_rag.eval.screening import RECALL, work_saved


@dataclass(frozen=True, slots=True)
class Measure:
    """``name`` is what we print, ``expression`` what ir_measures calls it, ``meaning`` one line for a reader.

    Without an expression it is computed here, because no library has it.
    """

    name: str
    expression: str
    meaning: str


NDCG_10 = Measure(
    "nDCG@10",
    "nDCG@10",
    "gain of the first ten, discounted by log2(rank + 1), over that of the best possible ten; the gain is the judged "
    "grade itself (Järvelin and Kekäläinen, TOIS 2002, as in trec_eval's ndcg_cut)",
)
RECALL_10 = Measure("recall@10", "R@10", "share of the relevant documents that are among the first ten")
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

MAP = Measure(
    "MAP",
    "AP",
    "average over all relevant documents of the precision at their rank, 0 for those not returned (trec_eval's map)",
)
WSS_95 = Measure(
    "WSS@95",
    "",
    "work saved over sampling: share of the candidates that need not be read to find 95 % of the relevant ones, less "
    "the 5 % that chance saves; what a system leaves unranked is read last, in random order (Cohen et al., JAMIA 2006)",
)
SET_P = Measure("set precision", "SetP", "share of all returned documents that is relevant, whatever their order")
SET_R = Measure("set recall", "SetR", "share of the relevant documents that was returned, whatever their order")
SET_F = Measure("set F1", "SetF", "harmonic mean of set precision and set recall, topic by topic")

MEASURES: tuple[Measure, ...] = (NDCG_10, RECALL_10, RECALL_100, MRR, MAP_100, P_10, JUDGED_10)
"""What an evaluation reports, in this order. Except for nDCG, a grade of 1 or more is relevant."""

PRIMARY = NDCG_10
"""The measure that systems are compared by. One, chosen beforehand: a choice made afterwards would find something."""

DEPTH = 100
"""Documents a system is asked for: what the deepest measure looks at."""


@dataclass(frozen=True, slots=True)
class Task:
    """How a collection is measured: which measures, which one systems compare by, how many documents are asked for."""

    name: str
    measures: tuple[Measure, ...]
    primary: Measure
    depth: int


RANKING = Task("ranking", MEASURES, PRIMARY, DEPTH)
SCREENING = Task("screening", (WSS_95, MAP, NDCG_10, P_10, RECALL_100, SET_P, SET_R, SET_F, JUDGED_10), WSS_95, 100_000)
"""All candidates are asked for: what matters is where the last of the relevant ones stand."""

BOOLEAN = Task("boolean", (SET_F, SET_P, SET_R, JUDGED_10), SET_F, 10_000)
"""Sets, as Boolean queries give them; 9,999 is as far as PubMed lists."""

TASKS: Mapping[str, Task] = {task.name: task for task in (RANKING, SCREENING, BOOLEAN)}


@dataclass(frozen=True, slots=True)
class Scores:
    """Values by measure name, each (n,) in the order of ``topic_ids``."""

    topic_ids: tuple[str, ...]
    values: Mapping[str, tuple[float, ...]]

    def mean(self, measure: str) -> float:
        """Arithmetic mean over topics. Raises ``KeyError`` for a measure that was not computed."""
        return math.fsum(self.values[measure]) / len(self.topic_ids)


def score_collection(collection: Collection, rankings: Rankings, task: Task = RANKING) -> Scores:
    """Each measure of ``task`` for each topic of ``collection``; what nobody returned counts as 0."""
    topic_ids = [topic.id for topic in collection.topics]
    known = [measure for measure in task.measures if measure.expression]
    scores = score_rankings(topic_ids, collection.qrels, rankings, known)
    values = {measure.name: scores.values.get(measure.name, ()) for measure in task.measures}
    if WSS_95 in task.measures:
        values[WSS_95.name] = _work_saved(collection, rankings)
    return Scores(scores.topic_ids, values)


def _work_saved(collection: Collection, rankings: Rankings) -> tuple[float, ...]:
    """WSS@95 by topic, over the topic's candidates: its judged documents where it names none."""
    relevant: dict[str, set[str]] = defaultdict(set)
    judged: dict[str, set[str]] = defaultdict(set)
    for qrel in collection.qrels:
        judged[qrel.topic_id].add(qrel.doc_id)
        if qrel.relevance > 0:
            relevant[qrel.topic_id].add(qrel.doc_id)
    values = []
    for topic in collection.topics:
        pool = set(topic.candidates) or judged[topic.id]
        ranked = [document.doc_id for document in trec_order(rankings.get(topic.id, ())) if document.doc_id in pool]
        saved = work_saved(ranked, frozenset(relevant[topic.id] & pool), len(pool), RECALL)
        values.append(0.0 if saved is None else saved)
    return tuple(values)


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
