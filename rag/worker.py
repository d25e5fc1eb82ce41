"""The process that holds the language model, so that nothing it does can take the program with it.

    python -m pubmed_rag.rag.worker

speaks :mod:`pubmed_rag.rag.wire` over its standard input and output, and ends when its input does: with the
process that started it, however that one ended.
"""

from __future__ import annotations

import os
import queue
import signal
import sys
import threading
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from pubmed_rag.core.errors import PubmedRagError, UsageError
from pubmed_rag.rag.engine import Engine, LlamaEngine, Message, Sampling
from pubmed_rag.rag.wire import (
    Cancel,
    Count,
    Counted,
    Done,
    Failed,
    Generate,
    Load,
    Loaded,
    Piece,
    Reply,
    read_request,
    write_frame,
)


def main() -> None:
    """Serve a Llama."""
    serve(
        lambda wanted: LlamaEngine(
            wanted.name, Path(wanted.path), context_tokens=wanted.context_tokens, threads=wanted.threads
        )
    )


def serve(load: Callable[[Load], Engine]) -> None:
    """Load what the first request names and answer requests until they end; then the process ends at once."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the program, which tells us what to stop
    # Native libraries print to file descriptor 1 as they please; the replies get a descriptor of their own.
    replies = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    _Server(load, sys.stdin.buffer, replies).run()


class _Server:
    def __init__(self, load: Callable[[Load], Engine], requests: BinaryIO, replies: BinaryIO) -> None:
        self._load = load
        self._requests = requests
        self._replies = replies
        self._writing = threading.Lock()
        self._waiting: queue.SimpleQueue[Generate] = queue.SimpleQueue()
        self._cancelled: set[int] = set()

    def run(self) -> None:
        first = read_request(self._requests)
        if not isinstance(first, Load):
            return
        try:
            engine = self._load(first)
            self._reply(Loaded(engine.context_tokens))
        except PubmedRagError as error:
            self._fail(0, error)
            return
        threading.Thread(target=self._read, args=(engine,), name="requests", daemon=True).start()
        try:
            while True:
                self._generate(engine, self._waiting.get())
        except Exception:
            traceback.print_exc()  # the program reads the last line of it
            sys.stderr.flush()
            os._exit(1)  # the other thread sits in a read, which an orderly exit would stumble over

    def _read(self, engine: Engine) -> None:
        """What need not wait for the model is done here, while it generates."""
        while (request := read_request(self._requests)) is not None:
            if isinstance(request, Generate):
                self._waiting.put(request)
            elif isinstance(request, Cancel):
                self._cancelled.add(request.id)
            elif isinstance(request, Count):
                self._reply(Counted(request.id, engine.count_tokens(request.text)))
        os._exit(0)  # nobody listens any more; a decoding in the other thread cannot be waited for

    def _generate(self, engine: Engine, request: Generate) -> None:
        try:
            pieces = engine.generate(
                [Message(role, content) for role, content in request.messages],
                grammar=request.grammar,
                sampling=Sampling(request.temperature, request.top_p, request.seed, request.max_tokens),
                stopped=lambda: request.id in self._cancelled,
            )
            if request.id not in self._cancelled:
                for piece in pieces:
                    if isinstance(piece, str):
                        self._reply(Piece(request.id, piece))
            self._reply(Done(request.id))
        except PubmedRagError as error:
            self._fail(request.id, error)
        self._cancelled.discard(request.id)

    def _fail(self, request: int, error: PubmedRagError) -> None:
        self._reply(Failed(request, error.message, error.remedy, isinstance(error, UsageError)))

    def _reply(self, reply: Reply) -> None:
        with self._writing:
            write_frame(self._replies, reply)


if __name__ == "__main__":
    main()
