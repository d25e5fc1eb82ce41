"""A worker process without a model: the last message says what happens. Started by ``test_process_engine.py``."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator, Sequence

from pubmed_rag.core.errors import UnknownModelError
from pubmed_rag.rag.engine import Engine, Message, Sampling
from pubmed_rag.rag.wire import Load
from pubmed_rag.rag.worker import serve


class ObedientEngine:
    name = "scripted"
    context_tokens = 777
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
        wish, _, rest = messages[-1].content.partition(" ")
        os.write(1, b"a native library prints what it likes\n")
        for word in rest.split():
            if stopped and stopped():
                return
            yield word + " "
            if wish == "die":
                os.write(2, b"GGML_ASSERT failed\n")
                os.kill(os.getpid(), signal.SIGKILL)
            if wish == "break":
                raise RuntimeError("a bug in the worker")
            if wish == "slowly":
                time.sleep(0.02)
        if wish == "settings":
            yield f"{grammar} {sampling.temperature} {sampling.top_p} {sampling.seed} {sampling.max_tokens}"


def load(wanted: Load) -> Engine:
    if wanted.name == "unusable":
        raise UnknownModelError("this is no model", remedy="take another")
    if wanted.name == "deadly":
        os.kill(os.getpid(), signal.SIGSEGV)
    return ObedientEngine()


if __name__ == "__main__":
    serve(load)
