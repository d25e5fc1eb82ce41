"""Fit ``rag/support.json`` on SciFact's training evidence, and draw precision against recall.

    python benchmarks/support.py ../shared/data/scifact [--write] [--plot docs/img/support.svg]

Pairs of a claim and sentences: marked as supporting it; as contradicting it; and of another claim, drawn at
random. A fourth kind is measured and not learnt from: a sentence of the same abstract that nobody marked,
which may support the claim in part. Ten-fold cross-validation by claim, three times. Abstracts are cut by the
program's own splitter; where it cuts otherwise than SciFact did, a pair is off by a sentence, which costs recall.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import random
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedGroupKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from pubmed_rag.core.model_store import ModelStore
from pubmed_rag.core.records import Article, Section
from pubmed_rag.core.settings import load_settings
from pubmed_rag.core.text import normalise
from pubmed_rag.eval.plots import Line, Panel, Point, panels_svg
from pubmed_rag.index.embedder import load_embedder
from pubmed_rag.index.passages import sentences
from pubmed_rag.rag.check import LEAST_OVERLAP, LEAST_PROBABILITY, certain_reasons, says_the_same, word_overlap
from pubmed_rag.rag.support import FEATURES, Measured, SupportModel, features

STRENGTH = 0.03
"""Inverse of the regularisation; 0.03 to 0.3 differ by less than the folds."""

REPEATS, FOLDS, RESAMPLES = 3, 10, 2000
BEFORE = 0.70, 0.75
"""The rule that was used before: least overlap and least cosine."""


@dataclass(frozen=True, slots=True)
class Pair:
    """A claim with sentences; ``kind`` is SUPPORT, CONTRADICT, SHUFFLED or NEIGHBOUR."""

    claim_id: str
    claim: str
    evidence: tuple[str, ...]
    kind: str


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    arguments.add_argument("scifact", type=Path)
    arguments.add_argument("--write", action="store_true", help="replace rag/support.json")
    arguments.add_argument("--plot", type=Path)
    options = arguments.parse_args()
    pairs = read_pairs(options.scifact)
    cosines = _cosines(pairs)
    table = np.array([features(p.claim, p.evidence, c) for p, c in zip(pairs, cosines, strict=True)])
    kinds, claims = np.array([p.kind for p in pairs]), np.array([p.claim_id for p in pairs])
    overlap = np.array([word_overlap(p.claim, p.evidence) for p in pairs])
    possible = np.array([not certain_reasons(normalise(p.claim), p.evidence) for p in pairs])
    chances = [_cross_validated(table, kinds, claims, seed) for seed in range(REPEATS)]
    nearest = np.array([max(found) for found in cosines])
    same = np.array([says_the_same(float(o), float(n)) for o, n in zip(overlap, nearest, strict=True)])
    raised = [np.where(same, np.maximum(found, LEAST_PROBABILITY), found) for found in chances]
    scores = [np.where(possible & (overlap >= LEAST_OVERLAP), found, 0.0) for found in raised]
    measured = _measure(kinds, claims, scores)
    before = np.where(possible & (overlap >= BEFORE[0]), nearest, 0.0)
    print(json.dumps(msgspec.to_builtins(measured), indent=1))
    _print_table("threshold", kinds, scores, (0.5, 0.6, 0.7, 0.75, 0.8, 0.85, 0.9))
    _print_table("cosine before", kinds, [before], (0.6, 0.7, 0.75, 0.8))
    _print_calibration(kinds, scores)
    if options.plot:
        options.plot.parent.mkdir(parents=True, exist_ok=True)
        options.plot.write_text(_plot(kinds, scores, before, measured), encoding="utf-8")
    if options.write:
        _write(table, kinds, measured)


def read_pairs(folder: Path) -> list[Pair]:
    """All pairs, neighbours last. Evidence whose numbers lie beyond the sentences found is left out."""
    lines = [json.loads(line) for line in (folder / "evidence.jsonl").read_text(encoding="utf-8").split("\n") if line]
    queries = (folder / "queries.jsonl").read_text(encoding="utf-8").split("\n")
    claims = {record["_id"]: record["text"] for record in map(json.loads, filter(None, queries))}
    wanted = {line["doc_id"] for line in lines}
    cut: dict[str, list[str]] = {}
    with gzip.open(folder / "corpus.jsonl.gz", "rt", encoding="utf-8") as stream:
        for record in map(json.loads, stream):
            if record["_id"] in wanted:
                article = Article(id=record["_id"], title=record["title"], abstract=(Section(record["text"]),))
                cut[record["_id"]] = [s.text for s in sentences(article) if s.start >= len(article.title)]
    marked: dict[tuple[str, str], set[int]] = {}
    for line in lines:
        marked.setdefault((line["claim_id"], line["doc_id"]), set()).update(line["sentences"])
    chance = random.Random(0)
    gold, neighbours = [], []
    for line in lines:
        found = cut[line["doc_id"]]
        if max(line["sentences"]) >= len(found):
            continue
        claim_id = line["claim_id"]
        texts = tuple(found[n] for n in line["sentences"])
        gold.append(Pair(claim_id, claims[claim_id], texts, line["label"]))
        if free := [n for n in range(len(found)) if n not in marked[claim_id, line["doc_id"]]]:
            neighbours.append(Pair(claim_id, claims[claim_id], (found[chance.choice(free)],), "NEIGHBOUR"))
    shuffled = [
        Pair(p.claim_id, p.claim, chance.choice([o for o in gold if o.claim_id != p.claim_id]).evidence, "SHUFFLED")
        for p in gold
    ]
    return [*gold, *shuffled, *neighbours]


def _cosines(pairs: list[Pair]) -> list[list[float]]:
    embedder = load_embedder("minilm", ModelStore(load_settings(os.environ).models.directory))
    texts = list(dict.fromkeys(normalise(text) for pair in pairs for text in (pair.claim, *pair.evidence)))
    place = {text: number for number, text in enumerate(texts)}
    vectors = embedder.encode_queries(texts)
    return [
        [float(vectors[place[normalise(text)]] @ vectors[place[normalise(pair.claim)]]) for text in pair.evidence]
        for pair in pairs
    ]


def _model() -> Any:
    return make_pipeline(StandardScaler(), LogisticRegression(C=STRENGTH, max_iter=3000))


def _cross_validated(table: Any, kinds: Any, claims: Any, seed: int) -> Any:
    """(n,) probabilities, each from a model that did not see the claim."""
    found = np.zeros(len(kinds))
    folds = StratifiedGroupKFold(FOLDS, shuffle=True, random_state=seed)
    for known, unseen in folds.split(table, kinds == "SUPPORT", claims):
        learnt = known[kinds[known] != "NEIGHBOUR"]
        found[unseen] = _model().fit(table[learnt], kinds[learnt] == "SUPPORT").predict_proba(table[unseen])[:, 1]
    return found


def _measure(kinds: Any, claims: Any, scores: list[Any]) -> Measured:
    passed = np.array([found >= LEAST_PROBABILITY for found in scores])
    named, place = np.unique(claims, return_inverse=True)
    right = _by_claim(passed & (kinds == "SUPPORT"), place, len(named))
    called = _by_claim(passed & (kinds != "NEIGHBOUR"), place, len(named))
    true = np.bincount(place, kinds == "SUPPORT", len(named))
    draws = np.random.default_rng(0).integers(0, len(named), (RESAMPLES, len(named)))
    times = np.array([np.bincount(draw, minlength=len(named)) for draw in draws])
    precision = (times @ right) / np.maximum(times @ called, 1e-9)
    recall = (times @ right) / (times @ true)
    ends = [float(value) for found in (precision, recall) for value in np.percentile(found, [2.5, 97.5])]
    shares = {kind: float(passed[:, kinds == kind].mean()) for kind in ("CONTRADICT", "SHUFFLED", "NEIGHBOUR")}
    rounded = [round(value, 4) for value in ends]
    return Measured(
        pairs=int((kinds != "NEIGHBOUR").sum()),
        supported=int((kinds == "SUPPORT").sum()),
        threshold=LEAST_PROBABILITY,
        precision=round(float(right.sum() / called.sum()), 4),
        precision_low=rounded[0],
        precision_high=rounded[1],
        recall=round(float(right.sum() / true.sum()), 4),
        recall_low=rounded[2],
        recall_high=rounded[3],
        contradicted=round(shares["CONTRADICT"], 4),
        shuffled=round(shares["SHUFFLED"], 4),
        neighbours=round(shares["NEIGHBOUR"], 4),
    )


def _by_claim(passed: Any, place: Any, count: int) -> Any:
    return np.mean([np.bincount(place, row, count) for row in passed], axis=0)


def _curve(kinds: Any, score: Any) -> list[tuple[float, float, float]]:
    """(recall, precision, threshold) from the strictest on, at each score above 0."""
    judged = kinds != "NEIGHBOUR"
    order = np.argsort(-score[judged], kind="stable")
    right, ranked = (kinds[judged] == "SUPPORT")[order], score[judged][order]
    hits = np.cumsum(right)
    return [
        (float(hits[n] / right.sum()), float(hits[n] / (n + 1)), float(ranked[n]))
        for n in range(len(ranked))
        if ranked[n] > 0 and (n + 1 == len(ranked) or ranked[n + 1] < ranked[n])
    ]


def _print_table(name: str, kinds: Any, scores: list[Any], thresholds: tuple[float, ...]) -> None:
    print(f"\n{name:>14} precision  recall  contradicting  shuffled  neighbours")
    for threshold in thresholds:
        passed = np.array([found >= threshold for found in scores])
        hits, called = passed[:, kinds == "SUPPORT"].sum(), passed[:, kinds != "NEIGHBOUR"].sum()
        shares = [passed[:, kinds == kind].mean() for kind in ("SUPPORT", "CONTRADICT", "SHUFFLED", "NEIGHBOUR")]
        print(
            f"{threshold:>14} {hits / max(1, called):9.3f} {shares[0]:7.3f}" + "".join(f"{s:12.4f}" for s in shares[1:])
        )


def _print_calibration(kinds: Any, scores: list[Any]) -> None:
    """Of what may pass at all: how often those with a probability of about p are supported."""
    print("\nprobability  pairs  supported")
    together = np.concatenate(scores)
    right = np.concatenate([kinds == "SUPPORT"] * len(scores))
    judged = np.concatenate([kinds != "NEIGHBOUR"] * len(scores)) & (together > 0)
    for low in (0.0, 0.5, 0.6, 0.7, 0.8, 0.9):
        part = judged & (together >= low) & (together < low + (0.5 if not low else 0.1))
        if part.any():
            share = right[part].mean()
            print(f"{together[part].mean():11.2f} {part.sum() / len(scores):6.0f} {share:10.2f}")


def _plot(kinds: Any, scores: list[Any], before: Any, measured: Measured) -> str:
    lines = (
        Line("regression, cross-validated by claim", _points(_curve(kinds, scores[0])), marked=False),
        Line("before: 70 % of the words, and a cosine", _points(_curve(kinds, before)), marked=False),
    )
    spot = ("operating point", Point(measured.recall, measured.precision))
    panel = Panel(
        "Precision against recall of the check on SciFact", "recall", lines,
        x_range=(0.0, 0.4), y_range=(0.5, 1.0), levels=(("wanted: 0.80", 0.8),), spots=(spot,),
    )  # fmt: skip
    return panels_svg([panel], caption="Precision against recall of the sentence check on SciFact", columns=1)


def _points(curve: list[tuple[float, float, float]]) -> tuple[Point, ...]:
    """A point each 0.4 % of recall, from ten accepted pairs on: fewer say nothing."""
    kept: dict[int, Point] = {}
    for number, (recall, precision, _) in enumerate(curve):
        if number >= 10:
            kept[int(recall * 250)] = Point(recall, precision)
    return tuple(kept.values())


def _write(table: Any, kinds: Any, measured: Measured) -> None:
    learnt = kinds != "NEIGHBOUR"
    fitted = _model().fit(table[learnt], kinds[learnt] == "SUPPORT")
    scaler, regression = fitted.steps[0][1], fitted.steps[1][1]
    model = SupportModel(
        FEATURES,
        _rounded(scaler.mean_),
        _rounded(scaler.scale_),
        _rounded(regression.coef_[0]),
        round(float(regression.intercept_[0]), 5),
        measured,
    )
    path = Path(__file__).parents[1] / "rag" / "support.json"
    path.write_bytes(msgspec.json.format(msgspec.json.encode(model), indent=1) + b"\n")


def _rounded(values: Any) -> tuple[float, ...]:
    return tuple(round(float(value), 5) for value in values)


if __name__ == "__main__":
    main()
