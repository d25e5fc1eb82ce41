"""An answer in the making, beside the page: it goes on while the page is redrawn, and can be stopped."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from pubmed_rag.core.records import Answer, Claim
from pubmed_rag.rag.answer import AnswerEvent, Stage

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Standing:
    """How far a job has come. It is finished once there is an ``answer`` or an ``error``."""

    stage: str
    claims: tuple[Claim, ...]
    answer: Answer | None
    error: Exception | None
    seconds: float

    @property
    def finished(self) -> bool:
        return self.answer is not None or self.error is not None


@dataclass(frozen=True, slots=True)
class AskedAs:
    """How a question is asked that needed the one before it to be understood."""

    question: str


class AnswerJob:
    """Runs one stream of answer events in a thread of its own and keeps what came. ``typed`` is what the reader wrote;
    ``question`` is what is asked, which the stream may put otherwise by an :class:`AskedAs`.

    ``events`` gets a function that tells whether to stop. A page that is interrupted, or whose reader
    looks at another page meanwhile, finds the job where it is. ``keep`` gets the complete answer, whether
    anybody still looks or not.
    """

    def __init__(
        self,
        question: str,
        events: Callable[[Callable[[], bool]], Iterator[AnswerEvent | AskedAs]],
        *,
        keep: Callable[[Answer], object] | None = None,
    ) -> None:
        self.typed = self.question = question
        self._events = events
        self._keep = keep
        self._changed = threading.Condition()
        self._stop = threading.Event()
        self._started = time.monotonic()
        self._ended: float | None = None
        self._stage = "starting"
        self._claims: list[Claim] = []
        self._answer: Answer | None = None
        self._error: Exception | None = None
        threading.Thread(target=self._run, name="answer", daemon=True).start()

    def stop(self) -> None:
        """Ask the model to stop; what stands then is completed to an answer."""
        self._stop.set()

    @property
    def stopped(self) -> bool:
        """Whether :meth:`stop` was called."""
        return self._stop.is_set()

    def standing(self) -> Standing:
        """What there is now."""
        with self._changed:
            end = time.monotonic() if self._ended is None else self._ended
            return Standing(self._stage, tuple(self._claims), self._answer, self._error, end - self._started)

    def wait(self, seconds: float) -> None:
        """Return after the next event, when the job is over, or after ``seconds``."""
        with self._changed:
            if self._ended is None:
                self._changed.wait(seconds)

    def _run(self) -> None:
        try:
            for event in self._events(self._stop.is_set):
                if isinstance(event, Answer):
                    self._put_away(event)
                self._take(event)
            if self._answer is None:
                raise RuntimeError("the stream ended without its answer")
        except Exception as error:  # the page shows it: this thread has nobody to raise to
            self._error = error
        finally:
            with self._changed:
                self._ended = time.monotonic()
                self._changed.notify_all()

    def _put_away(self, answer: Answer) -> None:
        if self._keep is not None:
            try:
                self._keep(answer)
            except Exception as error:  # a library that cannot be written still answers
                log.warning("the answer could not be kept: %s", error)

    def _take(self, event: AnswerEvent | AskedAs) -> None:
        with self._changed:
            if isinstance(event, Stage):
                self._stage = event.name
            elif isinstance(event, AskedAs):
                self.question = event.question
            elif isinstance(event, Claim):
                self._claims.append(event)
            else:
                self._answer = event
            self._changed.notify_all()


def finished_job(answer: Answer) -> AnswerJob:
    """A job that is over: an answer given earlier."""
    job = AnswerJob(answer.question, lambda _: iter((*answer.claims, answer)))
    while not job.standing().finished:
        job.wait(0.05)
    return job
