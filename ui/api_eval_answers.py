"""The Python door to studies of answers: how they move with temperature."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from pubmed_rag.core.errors import UsageError
from pubmed_rag.core.library import LibraryPaths
from pubmed_rag.core.models import registry
from pubmed_rag.core.progress import SILENT, Progress
from pubmed_rag.core.settings import Settings, load_settings

if TYPE_CHECKING:
    from pubmed_rag.eval.temperature import Study
    from pubmed_rag.eval.temperature_measures import StudyMeasures
    from pubmed_rag.rag.together import TogetherEngine


def study_temperature(
    questions: str | Path,
    *,
    split: str | None = None,
    limit: int | None = None,
    temperatures: Sequence[float] = (0.0, 0.3, 0.7, 1.0),
    seeds: int = 5,
    model: str | None = None,
    top: int | None = None,
    together: bool = False,
    verdicts_only: bool = False,
    out: str | Path | None = None,
    settings: Settings | None = None,
    progress: Progress = SILENT,
) -> tuple[Study, StudyMeasures]:
    """Answer the questions of a file at each temperature with each seed, and write what moves to ``out``.

    With ``together`` all answers to a question are written at once in this process, which is several times
    faster; of a registered model or a file only. With ``verdicts_only`` the model writes no answers, and only picks
    yes, no or maybe, which takes a fraction of the time. ``questions`` and ``limit`` as for :func:`evaluate_answers`.
    ``out`` defaults to ``runs/temperature`` of the library.
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
    plan = [(float(heat), seed) for heat in temperatures for seed in range(seeds if heat else 1)]
    engines = _together(name, plan, chosen) if together and not verdicts_only else lazy_engine(name, chosen)
    with Library(chosen, progress=progress) as library, engines as engine:
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
            {
                **described,
                "top_p": str(options.top_p),
                "judge": chosen.models.judge or "words, figures and meaning",
                "written": "verdicts only" if verdicts_only else "together" if together else "one by one",
            },
            judge=library.chosen_judge(),
            repairs=spec.repair if spec else True,
            verdicts_only=verdicts_only,
        )
        study = study_all(
            f"{path.name}{f', {split}' if split else ''}",
            asked,
            subject,
            target,
            temperatures=temperatures,
            seeds=seeds,
            verdicts_only=verdicts_only,
            progress=progress,
        )
    measures = measure_study(study)
    write_study(study, measures, target)
    return study, measures


@contextmanager
def _together(
    name: str, plan: Sequence[tuple[float, int]], settings: Settings
) -> Iterator[Callable[[], TogetherEngine]]:
    """A function that loads a model for all of ``plan`` at once, when first called."""
    from functools import cache

    from pubmed_rag.core.model_store import ModelStore
    from pubmed_rag.rag.endpoint import PREFIX
    from pubmed_rag.rag.together import TogetherEngine

    if name.startswith(PREFIX):
        raise UsageError("a model served elsewhere writes one answer at a time", remedy="leave out --together")
    path, ask = Path(ModelStore(settings.models.directory).locate(name, "llm")), settings.ask
    yield cache(lambda: TogetherEngine(name, path, plan, context_tokens=ask.context_tokens, threads=ask.threads))
