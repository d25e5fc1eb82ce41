"""The yardstick BM25: by hand, against the word index of the product, and through the door of a system."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pubmed_rag.core.errors import UsageError
from pubmed_rag.eval.collections import Topic
from pubmed_rag.eval.measures import score_collection
from pubmed_rag.eval.open_collection import open_collection
from pubmed_rag.eval.plain_bm25 import PlainBm25
from pubmed_rag.eval.systems import SystemContext, SystemSpec, check_spec, make_system

DOCUMENTS = (("d3", "Aspirin"), ("d1", "aspirin aspirin and stroke"), ("d2", "stroke mortality in patients"))
SCIFACT = Path("../shared/data/scifact")


def test_scores_by_hand() -> None:
    found = PlainBm25(DOCUMENTS, k1=0.9, b=0.4).search("Does aspirin prevent stroke?", 10)
    # Lengths without stopwords are 3, 3 and 1; both words stand in two of three documents.
    idf = math.log(1 + (3 - 2 + 0.5) / (2 + 0.5))
    mean = 7 / 3
    long, short = 0.9 * (0.6 + 0.4 * 3 / mean), 0.9 * (0.6 + 0.4 * 1 / mean)
    assert [doc.doc_id for doc in found] == ["d1", "d3", "d2"]
    assert [doc.score for doc in found] == pytest.approx(
        [idf * 2 / (2 + long) + idf * 1 / (1 + long), idf * 1 / (1 + short), idf * 1 / (1 + long)]
    )


def test_only_candidates_and_only_documents_that_hold_a_word() -> None:
    index = PlainBm25(DOCUMENTS)
    assert [doc.doc_id for doc in index.search("aspirin stroke", 10, frozenset({"d2", "d3"}))] == ["d3", "d2"]
    assert [doc.doc_id for doc in index.search("aspirin stroke", 1)] == ["d1"]
    assert index.search("unheard", 10) == []
    assert PlainBm25(()).search("aspirin", 10) == []


def test_a_declared_system() -> None:
    context = SystemContext(None, None, texts=lambda: DOCUMENTS)
    system = make_system(SystemSpec("mine", "bm25-plain", query="keywords", options={"k1": 1.2, "b": 0.75}), context)
    assert [doc.doc_id for doc in system.run(Topic("q", "Does aspirin work?"), 5)] == ["d3", "d1"]
    assert (system.configuration["k1"], system.configuration["b"]) == ("1.2", "0.75")
    assert system.configuration["query"] == "keywords"


@pytest.mark.parametrize(
    ("options", "words"), [({"k2": 1}, "unknown option 'k2'"), ({"b": "x"}, "'x' cannot be the option 'b'")]
)
def test_options_that_are_none(options: dict[str, Any], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        check_spec(SystemSpec("mine", "bm25-plain", options=options))


@pytest.mark.skipif(not SCIFACT.is_dir(), reason="no SciFact beside the project")
def test_on_real_claims_it_is_where_published_figures_are() -> None:
    import gzip
    import json

    whole = open_collection(SCIFACT, "train")
    some = replace(whole, topics=whole.topics[::4])
    with gzip.open(SCIFACT / "corpus.jsonl.gz", "rt", encoding="utf-8") as stream:
        lines = [json.loads(line) for line in stream]
    index = PlainBm25((str(line["_id"]), f"{line['title']} {line['text']}") for line in lines)
    scores = score_collection(some, {topic.id: tuple(index.search(topic.text, 100)) for topic in some.topics})
    assert 0.66 <= scores.mean("nDCG@10") <= 0.74  # 0.699 over all 809 training claims
