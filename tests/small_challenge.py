"""A finished challenge as its command leaves it, made in a moment with systems that need no index; some of what it
holds means harm. For tests of what shows it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pubmed_rag.eval.challenge import run_challenge
from pubmed_rag.eval.challenge_config import CollectionSpec, parse_challenge
from pubmed_rag.eval.collections import Collection
from pubmed_rag.eval.leaderboard import LEADERBOARD, Leaderboard
from pubmed_rag.eval.systems import System, SystemSpec
from pubmed_rag.eval.workshop import Bench
from tests.eval.fakes import FakeSystem

HARM = "<script>window.harmed=1</script><img src=x onerror=window.harmed=1> [a](javascript:window.harmed=1) \u202e"
TOPICS = 24

_DECLARED = """
title = "Which is better? <img src=x onerror=window.harmed=1>"
baseline = "words"
challengers = ["both", "vectors"]
about = "What is asked.\\n\\n<script>window.harmed=1</script> A second paragraph."

[[systems]]
name = "words"
kind = "bm25"

[[systems]]
name = "vectors"
kind = "dense"

[[systems]]
name = "both"
kind = "hybrid"

[[collections]]
name = "claims"
path = "tiny"
split = "train"
kind = "claim"
caution = "made up <b onmouseover=window.harmed=1>by hand</b>"

[[collections]]
name = "questions"
path = "tiny"
split = "train"
kind = "question"

[[collections]]
name = "absent"
path = "nowhere"
"""

_PLACES = {"words": [4, 0, 4, 1, 2, 3], "vectors": [1, 2, 1, 5, 1, 0], "both": [1, 1, 2, 1]}


class _Workshop:
    @contextmanager
    def open(self, collection: Collection, spec: CollectionSpec) -> Iterator[Bench]:
        yield Bench(
            make=_make,
            texts=lambda ids: {doc: (_title(doc), f"{_title(doc)} It holds drug.") for doc in ids},
            translate=lambda text: f"{text} {HARM}",
            mesh_match=lambda text: text.endswith(("1", "2", "3")),
            documents=1234,
            left_out=("one record was lost",),
        )


def _make(spec: SystemSpec) -> System:
    return FakeSystem(spec.name, _PLACES[spec.name])


def _title(doc_id: str) -> str:
    """Of harm, of a megabyte, or plain."""
    return {"d0": HARM, "d1": "long " * 200_000}.get(doc_id, f"Title of {doc_id}")


def small_challenge(runs: Path, name: str = "challenge") -> Path:
    """The folder ``runs/name`` of a finished challenge, its results on the leaderboard in ``runs``."""
    data = runs.parent / "data"
    (data / "tiny" / "qrels").mkdir(parents=True, exist_ok=True)
    texts = [f"{HARM if number == 0 else ''} Does it help to take drug {number}" for number in range(TOPICS)]
    lines = [json.dumps({"_id": f"q{number}", "text": text}) for number, text in enumerate(texts)]
    (data / "tiny" / "queries.jsonl").write_text("\n".join(lines), encoding="utf-8")
    (data / "tiny" / "corpus.jsonl").write_text('{"_id": "d1", "title": "T", "text": "x"}\n', encoding="utf-8")
    judged = "".join(f"q{number}\td{number}\t1\nq{number}\tx1\t0\n" for number in range(TOPICS))
    (data / "tiny" / "qrels" / "train.tsv").write_text(judged, encoding="utf-8")
    result = run_challenge(parse_challenge(_DECLARED, "declared"), data, runs / name, _Workshop())
    board = Leaderboard(runs / LEADERBOARD)
    for found in result.collections:
        board.add(found.evaluation)
    return runs / name
