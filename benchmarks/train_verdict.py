"""Fit ``rag/verdict.json`` on PubMedQA's development questions, and say what it is worth.

    python benchmarks/train_verdict.py ../shared/data/pubmedqa/qa.jsonl [--write]

Prints accuracy and macro-F1 of ten-fold cross-validation, repeated three times, with a bootstrap interval,
beside the majority class, and how well its probabilities are calibrated.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import sentencex
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, f1_score
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from pubmed_rag.rag.verdict import CLASSES, FEATURES, LEAST_PROBABILITY, Measured, VerdictModel, features

STRENGTH = 0.03
"""Inverse of the regularisation; 0.003 to 0.1 differ by less than the interval."""

REPEATS, FOLDS, RESAMPLES = 3, 10, 2000


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    arguments.add_argument("questions", type=Path)
    arguments.add_argument("--write", action="store_true")
    options = arguments.parse_args()
    lines = options.questions.read_text(encoding="utf-8").split("\n")  # U+2028 occurs in the text
    records = [record for record in (json.loads(line) for line in lines if line) if record["split"] == "dev"]
    labels = np.array([record["answer"] for record in records])
    table = np.array([features(record["question"], _sentences(record["long_answer"])) for record in records])
    chances = [_cross_validated(table, labels, seed) for seed in range(REPEATS)]
    measured = _measure(labels, chances)
    print(json.dumps(msgspec.to_builtins(measured), indent=1))
    _print_stances(labels, chances)
    model = make_pipeline(StandardScaler(), LogisticRegression(C=STRENGTH, max_iter=3000)).fit(table, labels)
    scaler, regression = model.steps[0][1], model.steps[1][1]
    order = [list(regression.classes_).index(name) for name in CLASSES]
    fitted = VerdictModel(
        CLASSES,
        FEATURES,
        _rounded(scaler.mean_),
        _rounded(scaler.scale_),
        tuple(_rounded(regression.coef_[row]) for row in order),
        _rounded(regression.intercept_[order]),
        measured,
    )
    if options.write:
        path = Path(__file__).parents[1] / "rag" / "verdict.json"
        path.write_bytes(msgspec.json.format(msgspec.json.encode(fitted), indent=1) + b"\n")


def _sentences(text: str) -> list[str]:
    return [piece.strip() for piece in sentencex.segment("en", text) if piece.strip()]


def _cross_validated(table: Any, labels: Any, seed: int) -> Any:
    """(n, 3) probabilities in the order of CLASSES, each from a model that did not see the question."""
    folds = StratifiedKFold(FOLDS, shuffle=True, random_state=seed)
    model = make_pipeline(StandardScaler(), LogisticRegression(C=STRENGTH, max_iter=3000))
    found = cross_val_predict(model, table, labels, cv=folds, method="predict_proba")
    return found[:, [sorted(CLASSES).index(name) for name in CLASSES]]


def _measure(labels: Any, chances: list[Any]) -> Measured:
    said = [np.array(CLASSES)[found.argmax(axis=1)] for found in chances]
    right = np.mean([labels == each for each in said], axis=0)
    resample = np.random.default_rng(0).integers(0, len(labels), (RESAMPLES, len(labels)))
    low, high = np.percentile(right[resample].mean(axis=1), [2.5, 97.5])
    return Measured(
        questions=len(labels),
        accuracy=round(float(np.mean([accuracy_score(labels, each) for each in said])), 4),
        low=round(float(low), 4),
        high=round(float(high), 4),
        macro_f1=round(float(np.mean([f1_score(labels, each, average="macro") for each in said])), 4),
        majority=round(max(float((labels == name).mean()) for name in CLASSES), 4),
        calibration_error=round(float(np.mean([_calibration_error(labels, found) for found in chances])), 4),
    )


def _calibration_error(labels: Any, found: Any, bins: int = 10) -> float:
    """Expected calibration error of the likeliest class (Guo et al., ICML 2017): 0 is perfect."""
    top = found.max(axis=1)
    right = np.array(CLASSES)[found.argmax(axis=1)] == labels
    place = np.minimum((top * bins).astype(int), bins - 1)
    parts = [(place == number) for number in range(bins)]
    return float(sum(part.mean() * abs(right[part].mean() - top[part].mean()) for part in parts if part.any()))


def _print_stances(labels: Any, chances: list[Any]) -> None:
    for name in ("yes", "no"):
        column = CLASSES.index(name)
        sure = [(found.argmax(axis=1) == column) & (found.max(axis=1) >= LEAST_PROBABILITY) for found in chances]
        share = np.mean([part.mean() for part in sure])
        precision = np.mean([(labels[part] == name).mean() for part in sure if part.any()])
        print(f"stance {name}: claimed for {share:.1%} of the studies, right in {precision:.1%}")


def _rounded(values: Any) -> tuple[float, ...]:
    return tuple(round(float(value), 5) for value in values)


if __name__ == "__main__":
    main()
