"""Tokens a second and time to the first token: the model through our door beside the bare engine.

    python benchmarks/answer.py [--model smollm2-135m] [--tokens 120] [--rounds 3]

The same prompt, grammar and sampling, once through llama-cpp-python in this process and once through the
worker process with its queue. Rounds alternate, and the medians are compared: on a shared machine single
figures mean little.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from pubmed_rag.core.model_store import ModelStore
from pubmed_rag.core.records import Article, Passage, Section
from pubmed_rag.core.settings import load_settings
from pubmed_rag.rag.engine import LlamaEngine, Queued, Sampling
from pubmed_rag.rag.evidence import Evidence
from pubmed_rag.rag.process_engine import ProcessEngine
from pubmed_rag.rag.prompt import build_messages

SENTENCES = (
    "Carvedilol reduced mortality by 35% in patients with severe chronic heart failure.",
    "Bucindolol did not reduce mortality in advanced heart failure.",
    "Metoprolol lowered the rate of sudden death compared with placebo (P < 0.001).",
    "Patients with low blood pressure tolerated the drugs as well as others did.",
)
GRAMMAR = "root ::= [a-z ]+"
"""Never ends of itself, so that both write the same number of tokens."""


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    arguments.add_argument("--model", default="smollm2-135m")
    arguments.add_argument("--tokens", type=int, default=120)
    arguments.add_argument("--rounds", type=int, default=3)
    options = arguments.parse_args()
    path = Path(ModelStore(load_settings(os.environ).models.directory).locate(options.model, "llm"))
    chat = build_messages("Do beta blockers reduce mortality?", [_evidence(text) for text in SENTENCES])
    sampling = Sampling(max_tokens=options.tokens)
    bare, ours = LlamaEngine(options.model, path), ProcessEngine(options.model, path)
    engines = {"bare": bare, "ours": ours}
    seen: dict[str, list[tuple[float, float]]] = {name: [] for name in engines}
    for number in range(options.rounds + 1):
        for name, engine in engines.items():
            timed = _timed(lambda engine=engine: engine.generate(chat, grammar=GRAMMAR, sampling=sampling))  # type: ignore[misc]
            if number:  # the first round loads and warms
                seen[name].append(timed)
    ours.close()
    report = {
        name: {
            "first_token_s": round(statistics.median(first for first, _ in found), 3),
            "tokens_per_s": round(statistics.median(rate for _, rate in found), 1),
        }
        for name, found in seen.items()
    }
    ratio = report["ours"]["tokens_per_s"] / report["bare"]["tokens_per_s"]
    print(
        json.dumps({**report, "ratio": round(ratio, 3), "rounds": options.rounds, "tokens": options.tokens}, indent=1)
    )


def _timed(generate: Callable[[], Iterator[str | Queued]]) -> tuple[float, float]:
    """Seconds to the first piece, and pieces a second after it."""
    started = time.perf_counter()
    moments = [time.perf_counter() for piece in generate() if isinstance(piece, str)]
    return moments[0] - started, (len(moments) - 1) / (moments[-1] - moments[0])


def _evidence(text: str) -> Evidence:
    article = Article(id="1", pmid="1", abstract=(Section(text),))
    return Evidence(Passage("1", "1", 1, 1 + len(text), text), article, 1.0, 1.0)


if __name__ == "__main__":
    main()
