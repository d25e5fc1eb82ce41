"""``eval qa`` over a small library with the two embedded models: the whole way from questions to figures."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pubmed_rag.core.settings import load_settings
from pubmed_rag.ui.api import Library, evaluate_answers
from pubmed_rag.ui.api_eval_answers import study_temperature
from tests.support import article, model_path

pytestmark = pytest.mark.models


def test_two_questions(tmp_path: Path) -> None:
    model_path("minilm", "embedder")
    model_path("smollm2-135m", "llm")
    settings = load_settings(os.environ).with_library(tmp_path / "library")
    settings = replace(settings, ask=replace(settings.ask, threads=2))
    with Library(settings, create=True) as library:
        library.store.upsert(
            [
                article("1", "Aspirin and stroke", "Aspirin reduced the risk of ischaemic stroke in 900 adults."),
                article("2", "Statins and muscle", "Statins caused muscle pain in some of the patients treated."),
                article("3", "Zinc for colds", "Zinc lozenges shortened the common cold by one day."),
            ]
        )
        library.build_index()
    lines = [
        {"_id": "q1", "question": "Does aspirin reduce the risk of stroke?", "answer": "yes", "pmid": "1"},
        {"_id": "q2", "question": "Do statins cause muscle pain?", "answer": "yes", "pmid": "2", "long_answer": "Yes."},
    ]
    path = tmp_path / "qa.jsonl"
    path.write_text("\n".join(map(json.dumps, lines)), encoding="utf-8")
    report = evaluate_answers(path, out=tmp_path / "out", settings=settings)
    found = {measure.name: measure.value for measure in report.measures}
    assert found["gold found"] == 1.0
    assert found["citation recall"] == 1.0
    assert found["support rate"] == 1.0
    assert report.configuration["articles"] == "3"
    again = evaluate_answers(path, out=tmp_path / "out", settings=settings)
    assert again.results == report.results
    heat: dict[str, Any] = {"temperatures": (0, 1), "seeds": 2, "out": tmp_path / "heat", "settings": settings}
    study, measures = study_temperature(path, limit=1, together=True, **heat)
    assert [(run.temperature, run.seed) for run in study.runs] == [(0.0, 0), (1.0, 0), (1.0, 1)]
    assert study.runs[0].written is not None
    assert study.runs[0].cited == ("1",)
    assert len({run.raw for run in study.runs}) == 3, "the seeds differ"
    assert {run.verdict for run in study.runs} <= {"yes", "no", "maybe"}
    assert (tmp_path / "heat" / "temperature.svg").is_file()
    assert measures.trend("verdict accuracy") is not None
