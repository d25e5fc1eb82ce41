"""A tiny collection and systems that need no index."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pubmed_rag.eval.collections import Collection, Qrel, Topic
from pubmed_rag.eval.systems import ScoredDoc

TOPICS = 30


def tiny_collection(*, text: str = "topic") -> Collection:
    """30 topics, document ``d<n>`` relevant to topic ``q<n>``."""
    return Collection(
        name="tiny",
        split="train",
        corpus=(Path("corpus.jsonl"),),
        topics=tuple(Topic(f"q{number}", f"{text} {number}") for number in range(TOPICS)),
        qrels=tuple(Qrel(f"q{number}", f"d{number}", 1) for number in range(TOPICS)),
        digest="c0ffee" * 10,
    )


@dataclass
class FakeSystem:
    """Puts the relevant document at a rank that ``places`` gives per topic, in turn; 0 returns nothing."""

    name: str
    places: Sequence[int]
    configuration: Mapping[str, str] = field(default_factory=dict)
    fails_at: str | None = None
    asked: list[str] = field(default_factory=list)
    remote: bool = False

    def run(self, topic: Topic, depth: int) -> list[ScoredDoc]:
        topic_text = topic.text
        if self.fails_at is not None and topic_text.endswith(self.fails_at):
            raise KeyboardInterrupt
        self.asked.append(topic_text)
        number = int(topic_text.rsplit(" ", 1)[1])
        place = self.places[number % len(self.places)]
        if place == 0:
            return []
        ids = [f"x{filler}" for filler in range(12)]
        ids.insert(place - 1, f"d{number}")
        return [ScoredDoc(doc_id, 1.0) for doc_id in ids]
