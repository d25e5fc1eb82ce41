"""A model for the browser tests: it takes its time, and quotes what it is shown."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator, Sequence

from pubmed_rag.rag.engine import Message, Sampling

_SENTENCE = re.compile(r"^\[(\d+)\]\s*(.+)$", re.M)
_PIECES = 8
_SECONDS_A_PIECE = 0.15


class SlowEngine:
    """Writes the first sentence of its evidence back, piece by piece, and then one that nothing supports."""

    name = "scripted"
    context_tokens = 4096
    obeys_grammar = True

    def count_tokens(self, text: str) -> int:
        return len(text.split())

    def generate(
        self,
        messages: Sequence[Message],
        *,
        grammar: str,
        sampling: Sampling,
        stopped: Callable[[], bool] | None = None,
    ) -> Iterator[str]:
        shown = _SENTENCE.search(messages[-1].content)
        text = f"{shown[2].rstrip('.')} [{shown[1]}]. " if shown else ""
        text += "It cured 99 of 100 patients [1]."
        size = len(text) // _PIECES + 1
        for start in range(0, len(text), size):
            if stopped and stopped():
                return
            time.sleep(_SECONDS_A_PIECE)
            yield text[start : start + size]
