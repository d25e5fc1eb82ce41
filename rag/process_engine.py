"""An :class:`~pubmed_rag.rag.engine.Engine` whose model lives in a process of its own.

A crash of the native code is an error in words, and the next question starts a new process. One generation
runs at a time; whoever asks meanwhile is told how many are before him.
"""

from __future__ import annotations

import itertools
import queue
import signal
import subprocess
import sys
import threading
import weakref
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO, cast

from pubmed_rag.core.errors import ModelCrashedError, UnknownModelError
from pubmed_rag.rag.engine import Message, Queued, Sampling
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
    Request,
    read_reply,
    write_frame,
)

_COMMAND = (sys.executable, "-m", "pubmed_rag.rag.worker")
_TICK_SECONDS = 0.1
"""How soon a wish to stop is noticed while nothing comes."""

_STDERR_LINES = 20
_END_SECONDS = 2.0


class ProcessEngine:
    """A GGUF model in a process that is started when first needed, and again after it crashed.

    May be used from several threads. ``command`` is what serves :mod:`pubmed_rag.rag.wire`.
    """

    def __init__(
        self,
        name: str,
        path: Path,
        *,
        context_tokens: int = 4096,
        threads: int = 0,
        command: Sequence[str] = _COMMAND,
    ) -> None:
        self._load = Load(name, str(path), context_tokens, threads)
        self._command = tuple(command)
        self._starting = threading.Lock()
        self._running: _Process | None = None
        self._line = _Line()

    @property
    def name(self) -> str:
        return self._load.name

    @property
    def context_tokens(self) -> int:
        return self._process().context_tokens

    @property
    def obeys_grammar(self) -> bool:
        return True

    @property
    def process_id(self) -> int | None:
        """Of the process that holds the model now, if there is one."""
        return self._running.process.pid if self._running else None

    def count_tokens(self, text: str) -> int:
        process = self._process()
        with process.request(lambda number: Count(number, text)) as replies:
            while True:
                reply = replies.next()
                if isinstance(reply, Counted):
                    return reply.tokens

    def generate(
        self,
        messages: Sequence[Message],
        *,
        grammar: str,
        sampling: Sampling,
        stopped: Callable[[], bool] | None = None,
    ) -> Iterator[str | Queued]:
        """Like every engine, and raises :class:`ModelCrashedError` if the process dies meanwhile."""
        stop = stopped or (lambda: False)
        with self._line.place() as place:
            yield from place.wait(stop)
            if not place.is_first or stop():
                return
            process = self._process()
            chat = [(message.role, message.content) for message in messages]
            with process.request(
                lambda number: Generate(
                    number, chat, grammar, sampling.temperature, sampling.top_p, sampling.seed, sampling.max_tokens
                )
            ) as replies:
                while not isinstance(reply := replies.next(_TICK_SECONDS), Done):
                    if isinstance(reply, Piece):
                        yield reply.text
                    if stop():
                        return

    def close(self) -> None:
        """End the process. The next question starts another."""
        with self._starting:
            if self._running is not None:
                self._running.end()
                self._running = None

    def _process(self) -> _Process:
        with self._starting:
            if self._running is None or self._running.is_over:
                if self._running is not None:
                    self._running.end()
                self._running = None
                self._running = _Process(self._command, self._load)
            return self._running


class _Process:
    """One running worker: requests go down its input, and a thread sorts its replies by request."""

    def __init__(self, command: Sequence[str], load: Load) -> None:
        self.process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,  # Ctrl-C in a terminal goes to the program alone
        )
        self._name = load.name
        self._numbers = itertools.count(1)
        self._sending = threading.Lock()
        self._open: dict[int, queue.SimpleQueue[Reply | None]] = {0: queue.SimpleQueue()}
        self._said: deque[str] = deque(maxlen=_STDERR_LINES)
        self._over = threading.Event()
        stdin, stdout, stderr = (
            cast(BinaryIO, s) for s in (self.process.stdin, self.process.stdout, self.process.stderr)
        )
        self._stdin = stdin
        self.end = weakref.finalize(self, _end, self.process)
        threading.Thread(target=_sort, args=(stdout, self._open, self._over), name="model replies", daemon=True).start()
        threading.Thread(target=_listen, args=(stderr, self._said), name="model messages", daemon=True).start()
        self._send(load)
        try:
            reply = Replies(self, 0, self._open[0]).next()
        except BaseException:
            self.end()
            raise
        self.context_tokens = cast(Loaded, reply).context_tokens

    @property
    def is_over(self) -> bool:
        """Whether the process has ended, wanted or not."""
        return self._over.is_set() or self.process.poll() is not None

    def request(self, make: Callable[[int], Request]) -> Replies:
        """Send a request under the next number."""
        number = next(self._numbers)
        inbox: queue.SimpleQueue[Reply | None] = queue.SimpleQueue()
        self._open[number] = inbox
        replies = Replies(self, number, inbox)
        if self._over.is_set():  # it may have ended before the inbox was there to be told
            inbox.put(None)
        self._send(make(number))
        return replies

    def forget(self, number: int, *, cancel: bool) -> None:
        """Whatever still comes for this request is dropped."""
        self._open.pop(number, None)
        if cancel:
            self._send(Cancel(number))

    def crash(self) -> ModelCrashedError:
        """What to say of a process that is not there any more."""
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(_END_SECONDS)
        code = self.process.returncode
        how = f"it was ended by {_signal_name(-code)}" if code is not None and code < 0 else f"exit code {code}"
        said = f"; its last words: {self._said[-1]}" if self._said else ""
        return ModelCrashedError(
            f"the process of the model {self._name} ended while it was needed ({how}{said})",
            remedy="ask again: a new one is started. If that fails too, memory may be short: take a smaller model "
            "('pubmed-rag models recommend') or set PUBMED_RAG_ASK_CONTEXT_TOKENS lower",
        )

    def _send(self, request: Request) -> None:
        with self._sending, suppress(OSError, ValueError):  # a process that is gone shows in its replies
            write_frame(self._stdin, request)


class Replies:
    """The replies to one request. Leaving the block early cancels it."""

    def __init__(self, process: _Process, number: int, inbox: queue.SimpleQueue[Reply | None]) -> None:
        self._process = process
        self._number = number
        self._inbox = inbox
        self._complete = False

    def __enter__(self) -> Replies:
        return self

    def __exit__(self, *exc: object) -> None:
        self._process.forget(self._number, cancel=not self._complete)

    def next(self, seconds: float | None = None) -> Reply | None:
        """The next reply, ``None`` if there is none within ``seconds``.

        Raises :class:`ModelCrashedError` if none will ever come, and what the worker reports.
        """
        try:
            reply = self._inbox.get(timeout=seconds)
        except queue.Empty:
            return None
        if reply is None:
            self._complete = True
            raise self._process.crash()
        self._complete = isinstance(reply, (Done, Counted, Loaded, Failed))
        if isinstance(reply, Failed):
            kind = UnknownModelError if reply.usage else ModelCrashedError
            raise kind(reply.message, remedy=reply.remedy)
        return reply


def _sort(stdout: BinaryIO, inboxes: dict[int, queue.SimpleQueue[Reply | None]], over: threading.Event) -> None:
    with suppress(OSError, ValueError):
        while (reply := read_reply(stdout)) is not None:
            inbox = inboxes.get(0 if isinstance(reply, Loaded) else reply.id)
            if inbox is not None:
                inbox.put(reply)
    over.set()
    for inbox in list(inboxes.values()):
        inbox.put(None)


def _listen(stderr: BinaryIO, said: deque[str]) -> None:
    with suppress(OSError, ValueError):
        for line in stderr:
            if text := line.decode("utf-8", "replace").strip():
                said.append(text[:300])


def _end(process: subprocess.Popen[bytes]) -> None:
    """Close the input, which ends a worker at once; be rude only to one that does not listen."""
    with suppress(OSError):
        if process.stdin:
            process.stdin.close()
    try:
        process.wait(_END_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


class _Line:
    """Who waits for the model, first come first served."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._places: deque[_Place] = deque()

    def place(self) -> _Place:
        """A place at the end of the line. Leaving its block gives it up."""
        return _Place(self._changed, self._places)


class _Place:
    def __init__(self, changed: threading.Condition, places: deque[_Place]) -> None:
        self._changed = changed
        self._places = places

    def __enter__(self) -> _Place:
        with self._changed:
            self._places.append(self)
        return self

    def __exit__(self, *exc: object) -> None:
        with self._changed:
            self._places.remove(self)
            self._changed.notify_all()

    @property
    def is_first(self) -> bool:
        with self._changed:
            return self._places[0] is self

    def wait(self, stop: Callable[[], bool]) -> Iterator[Queued]:
        """Each new position until it is 0 or ``stop()`` is true."""
        told = 0
        while not stop():
            with self._changed:
                position = self._places.index(self)
                if position == told and position > 0:
                    self._changed.wait(_TICK_SECONDS)
                    position = self._places.index(self)
            if position == 0:
                return
            if position != told:
                told = position
                yield Queued(position)
