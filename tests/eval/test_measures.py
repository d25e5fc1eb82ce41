"""Measures: hand-computed values, and agreement with trec_eval to 1e-6, ties included."""

from __future__ import annotations

import math
import random

import pytest
import pytrec_eval

from pubmed_rag.eval.collections import Qrel
from pubmed_rag.eval.measures import MAP, MEASURES, SET_F, SET_P, SET_R, score_rankings
from pubmed_rag.eval.runs import Ranking
from pubmed_rag.eval.systems import ScoredDoc

TREC_NAMES = {
    "nDCG@10": "ndcg_cut_10",
    "recall@10": "recall_10",
    "recall@100": "recall_100",
    "MRR": "recip_rank",
    "MAP@100": "map_cut_100",
    "P@10": "P_10",
    "MAP": "map",
    "set precision": "set_P",
    "set recall": "set_recall",
    "set F1": "set_F",
}


def ranked(*ids: str) -> Ranking:
    return tuple(ScoredDoc(doc_id, -float(rank)) for rank, doc_id in enumerate(ids))


def test_by_hand() -> None:
    qrels = [Qrel("q", "a", 2), Qrel("q", "b", 1), Qrel("q", "c", 0), Qrel("q", "d", 1)]
    scores = score_rankings(["q"], qrels, {"q": ranked("c", "b", "x", "a")})
    gain = 1 / math.log2(3) + 2 / math.log2(5)
    best = 2 / math.log2(2) + 1 / math.log2(3) + 1 / math.log2(4)
    expected = {
        "nDCG@10": gain / best,
        "recall@10": 2 / 3,
        "recall@100": 2 / 3,
        "MRR": 1 / 2,
        "MAP@100": (1 / 2 + 2 / 4) / 3,
        "P@10": 2 / 10,
        "judged@10": 3 / 4,
    }
    assert set(expected) == {measure.name for measure in MEASURES}
    for name, value in expected.items():
        assert scores.mean(name) == pytest.approx(value, abs=1e-9), name


def test_topics_without_results_count_as_zero() -> None:
    qrels = [Qrel(topic, "a", 1) for topic in ("found", "empty", "missing")] + [Qrel("hopeless", "a", 0)]
    rankings = {"found": ranked("a"), "empty": (), "hopeless": ranked("a"), "unasked": ranked("a")}
    scores = score_rankings(["missing", "found", "empty", "hopeless"], qrels, rankings)
    assert scores.values["nDCG@10"] == (0.0, 1.0, 0.0, 0.0)
    assert scores.values["judged@10"] == (0.0, 1.0, 0.0, 1.0)
    assert scores.mean("nDCG@10") == 0.25


def test_a_run_of_nothing_scores_zero() -> None:
    scores = score_rankings(["q"], [Qrel("q", "a", 1)], {})
    assert all(value == (0.0,) for value in scores.values.values())


def test_agreement_with_trec_eval_on_random_runs() -> None:
    generator = random.Random(7)
    for _ in range(1000):
        topics = [f"q{number}" for number in range(generator.randint(1, 4))]
        pool = [f"d{number}" for number in range(generator.choice([3, 15, 150]))]
        qrels = {
            topic: {
                doc: generator.choice([0, 0, 1, 2, 3])
                for doc in generator.sample(pool, generator.randint(1, len(pool)))
            }
            for topic in topics
        }
        levels = generator.choice([2, 5, 10**9])
        run = {
            topic: {
                doc: generator.randrange(levels) / levels
                for doc in generator.sample(pool, generator.randint(1, len(pool)))
            }
            for topic in topics
        }
        theirs = pytrec_eval.RelevanceEvaluator(qrels, set(TREC_NAMES.values())).evaluate(run)
        ours = score_rankings(
            topics,
            [Qrel(topic, doc, grade) for topic, grades in qrels.items() for doc, grade in grades.items()],
            {
                topic: tuple(ScoredDoc(doc, score) for doc, score in documents.items())
                for topic, documents in run.items()
            },
            [*MEASURES, MAP, SET_P, SET_R, SET_F],
        )
        for position, topic in enumerate(topics):
            for name, trec_name in TREC_NAMES.items():
                assert ours.values[name][position] == pytest.approx(theirs[topic][trec_name], abs=1e-6), (topic, name)
