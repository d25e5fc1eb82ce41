"""The same question again and again: is the whole answer the same, also by a process started anew?

    python benchmarks/identity.py LIBRARY "QUESTION" [--runs 20] [--temperature 0] [--seed 0]

Compares what the model wrote and the complete answer, clocks aside. Between the runs another question is asked
twice, so that what it leaves behind in the model would show.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
from dataclasses import replace
from pathlib import Path

from pubmed_rag.core.records import Answer
from pubmed_rag.core.settings import load_settings
from pubmed_rag.ui.api import Library
from pubmed_rag.ui.contract import answer_json, to_json


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    arguments.add_argument("library", type=Path)
    arguments.add_argument("question")
    arguments.add_argument("--between", default="Do statins reduce mortality in older adults?")
    arguments.add_argument("--runs", type=int, default=20)
    arguments.add_argument("--temperature", type=float, default=0.0)
    arguments.add_argument("--seed", type=int, default=0)
    options = arguments.parse_args()
    settings = load_settings(os.environ).with_library(options.library)
    drafts: list[str] = []
    answers: list[str] = []
    written = 0

    def ask(library: Library) -> None:
        nonlocal written
        asked = replace(library.ask_options(), temperature=options.temperature, seed=options.seed)
        answer = library.ask(options.question, asked)
        written = len(answer.raw)
        drafts.append(answer.raw)
        answers.append(_digest(answer))

    with Library(settings) as library:
        for run in range(options.runs):
            if run in (options.runs // 3, 2 * options.runs // 3):
                library.ask(options.between)
            ask(library)
    with Library(settings) as library:  # its model is a new process
        ask(library)
    report = {
        "question": options.question,
        "temperature": options.temperature,
        "seed": options.seed,
        "runs": options.runs,
        "after a restart": 1,
        "characters written": written,
        "different drafts": len(set(drafts)),
        "different answers": len(set(answers)),
    }
    print(json.dumps(report, indent=1))


def _digest(answer: Answer) -> str:
    content = {k: v for k, v in answer_json(answer).items() if k not in ("took_ms", "timings_ms")}
    return hashlib.sha256(to_json(content).encode()).hexdigest()


if __name__ == "__main__":
    main()
