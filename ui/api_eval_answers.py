"""The Python door to studies of answers: how they move with temperature."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from pubmed_rag.core.library import LibraryPaths
from pubmed_rag.core.models import registry
from pubmed_rag.core.progress import SILENT, Progress
from pubmed_rag.core.settings import Settings, load_settings

if TYPE_CHECKING:
    from pubmed_rag.eval.temperature import Study
    from pubmed_rag.eval.temperature_measures import StudyMeasures


def study_temperature(
    questions: str | Path,
    *,
    split: str | None = None,
    limit: int | None = None,
    temperatures: Sequence[float] = (0.0, 0.3, 0.7, 1.0),
    seeds: int = 5,
    model: str | None = None,
    top: int | None = None,
    out: str | Path | None = None,
    settings: Settings | None = None,
    progress: Progress = SILENT,
) -> tuple[Study, StudyMeasures]:
    """Answer the questions of a file at each temperature with each seed, and write what moves to ``out``.

    ``questions`` and ``limit`` as for :func:`evaluate_answers`. ``out`` defaults to ``runs/temperature`` of the
    library.
    """
    from pubmed_rag.eval.questions import read_questions, spread
    from pubmed_rag.eval.temperature import study_temperature as study_all
    from pubmed_rag.eval.temperature_measures import measure_study
    from pubmed_rag.eval.temperature_report import write_study
    from pubmed_rag.eval.temperature_subject import LibrarySubject
    from pubmed_rag.ui.api import Library
    from pubmed_rag.ui.api_eval import answering_configuration
    from pubmed_rag.ui.engines import lazy_engine

    chosen = settings or load_settings(os.environ)
    path = Path(questions)
    name = model or chosen.models.llm
    asked = spread(read_questions(path, split), limit)
    target = Path(out) if out else LibraryPaths(chosen.library.expanduser()).runs / "temperature"
    with Library(chosen, progress=progress) as library, lazy_engine(name, chosen) as engine:
        options = library.ask_options()
        if top is not None:
            options = replace(options, top=top)
        described = answering_configuration(library, options, name)
        del described["temperature"], described["seed"]
        spec = registry().get(name)
        subject = LibrarySubject(
            library.store,
            library.searcher,
            engine,
            options,
            {**described, "top_p": str(options.top_p), "judge": chosen.models.judge or "words, figures and meaning"},
            judge=library.chosen_judge(),
            repairs=spec.repair if spec else True,
        )
        study = study_all(
            f"{path.name}{f', {split}' if split else ''}",
            asked,
            subject,
            target,
            temperatures=temperatures,
            seeds=seeds,
            progress=progress,
        )
    measures = measure_study(study)
    write_study(study, measures, target)
    return study, measures
