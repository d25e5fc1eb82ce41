"""Encoding speed beside plain ``SentenceTransformer.encode`` on the same texts, in turn, in the same process.

    python benchmarks/embed.py [--texts 256] [--rounds 3] [--corpus CORPUS.jsonl(.gz)] [--model minilm]

Whole abstracts (about 200 words), sentences, and abstracts with all their sentences, as an index with sentence vectors
is made of them. Prints texts a second by the clock (best round of each) and by processor time, which other work on the
machine disturbs less, their ratios, and the lowest cosine between the two vectors of a text. Without ``--corpus``
(BEIR's layout) abstracts are made of the words below.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import random
import time
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from pubmed_rag.core.model_store import ModelStore
from pubmed_rag.core.settings import load_settings
from pubmed_rag.index.embedder import has_fast_bfloat16, load_embedder

WORDS = (
    "patients treatment randomized controlled trial mortality cardiovascular infarction expression receptor cells "
    "significant increase compared placebo therapy clinical outcomes disease risk factors analysis protein kinase "
    "inhibitor tumor growth survival months median confidence interval hazard ratio the of in and with was were "
    "between after during associated results suggest that these findings may be used to predict response"
).split()


def made(count: int) -> list[str]:
    """Abstracts of 120 to 280 words in sentences of 10 to 35."""
    chance = random.Random(0)
    abstracts = []
    for _ in range(count):
        left, sentences = chance.randint(120, 280), []
        while left > 0:
            words = chance.choices(WORDS, k=min(left, chance.randint(10, 35)))
            sentences.append(" ".join(words).capitalize() + ".")
            left -= len(words)
        abstracts.append(" ".join(sentences))
    return abstracts


def read(corpus: Path, count: int) -> list[str]:
    """Title and text of the first articles of a BEIR corpus."""
    opener: Any = gzip.open if corpus.suffix == ".gz" else open
    with opener(corpus, "rt", encoding="utf-8") as lines:
        records: Iterable[dict[str, str]] = map(json.loads, lines)
        return [f"{record['title']} {record['text']}" for record, _ in zip(records, range(count), strict=False)]


def measured(action: Callable[[], Any]) -> tuple[Any, float, float]:
    wall, processor = time.perf_counter(), time.process_time()
    result = action()
    return result, time.perf_counter() - wall, time.process_time() - processor


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--texts", type=int, default=256)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--corpus", type=Path)
    parser.add_argument("--model", default="minilm")
    arguments = parser.parse_args()
    settings = load_settings(os.environ)
    models = ModelStore(settings.models.directory)
    embedder = load_embedder(arguments.model, models)
    embedder.encode_passages(["warm up"])
    from sentence_transformers import SentenceTransformer

    plain = SentenceTransformer(models.locate(arguments.model, "embedder"), device="cpu")
    abstracts = read(arguments.corpus, arguments.texts) if arguments.corpus else made(arguments.texts)
    sentences = [part for text in abstracts for part in text.split(". ")][: 4 * arguments.texts]
    print(f"bfloat16 in hardware: {has_fast_bfloat16()}")
    half = abstracts[: arguments.texts // 2]
    whole = [*half, *(part for text in half for part in text.split(". "))]
    for kind, texts in (("abstracts", abstracts), ("sentences", sentences), ("abstracts and their sentences", whole)):
        ways: dict[str, Callable[[], Any]] = {
            "plain": partial(plain.encode, texts, show_progress_bar=False, normalize_embeddings=True),
            "ours": partial(embedder.encode_passages, texts),
        }
        vectors: dict[str, Any] = {}
        clock, processor = dict.fromkeys(ways, np.inf), dict.fromkeys(ways, np.inf)
        for _ in range(arguments.rounds):
            for name, way in ways.items():
                vectors[name], wall, own = measured(way)
                clock[name], processor[name] = min(clock[name], wall), min(processor[name], own)
        words = np.mean([len(text.split()) for text in texts])
        cosine = float((vectors["plain"] * vectors["ours"]).sum(axis=1).min())
        print(f"{len(texts)} {kind} of {words:.0f} words on average; lowest cosine {cosine:.6f}")
        for title, times in (("by the clock", clock), ("by processor time", processor)):
            print(
                f"  {title}: plain {len(texts) / times['plain']:.1f}/s, ours {len(texts) / times['ours']:.1f}/s, "
                f"{times['plain'] / times['ours']:.2f} times"
            )


if __name__ == "__main__":
    main()
