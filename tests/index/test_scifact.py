"""The measured promise of hybrid search, on SciFact's training claims with the real embedding model."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from pubmed_rag.core.settings import load_settings
from pubmed_rag.ui.api import evaluate
from tests.support import model_path, shared_data

pytestmark = [pytest.mark.models, pytest.mark.slow, pytest.mark.timeout(1800)]

NDCG = "nDCG@10"


def test_hybrid_beats_words_and_vectors_on_scifact(tmp_path: Path) -> None:
    scifact = shared_data("scifact")
    model_path("minilm", "embedder")
    settings = load_settings(os.environ)
    settings = replace(
        settings, collections=tmp_path / "collections", models=replace(settings.models, embedder="minilm")
    )
    evaluation = evaluate(
        scifact, split="train", systems=("bm25", "dense", "hybrid"), out=tmp_path / "out", settings=settings
    )
    mean = {system.name: system.scores.mean(NDCG) for system in evaluation.systems}
    print({name: round(value, 4) for name, value in mean.items()})
    assert len(evaluation.topics) == 809
    assert 0.645 <= mean["dense"] <= 0.675
    assert mean["bm25"] >= 0.69
    assert mean["hybrid"] >= max(mean["dense"], mean["bm25"]) + 0.03
