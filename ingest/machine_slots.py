"""A request rate kept by all processes of this machine together.

NCBI counts by address, so an update run by cron and a page in the browser share one allowance. Each of its
slots is a file: locked while a request is under way, beside it a stamp that says when it is free again. The
system takes the lock from a process that dies; the stamp then still says "busy", and the slot rests for its
second before it is used.
"""

from __future__ import annotations

import logging
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

_log = logging.getLogger(__name__)

_BUSY = "busy"
_POLL = 0.02  # seconds between looks at slots that are all taken
_STALE = 86_400.0  # seconds after which the files of another service are cleared away


class MachineSlots:
    """``rate`` slots, each usable again ``rest`` seconds after its request was answered.

    ``folder`` is the meeting place: all processes that name it share the rate. ``clock`` must be one that all
    processes see alike; ``time.monotonic`` counts from the start of the machine. A folder that cannot be
    written, or locked, is no reason not to ask PubMed: then each process keeps the rate by itself.
    """

    def __init__(
        self,
        folder: Path,
        rate: int,
        rest: float,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._folder = folder
        self._rate = rate
        self._rest = rest
        self._clock = clock
        self._sleep = sleep

    @contextmanager
    def slot(self) -> Iterator[None]:
        """Wait for a slot, and hold it for as long as the request is under way."""
        try:
            taken = self._take()
        except (OSError, NotImplementedError) as error:
            _log.info("no rate limit shared with other processes: %s", error)
            taken = None
        try:
            yield
        finally:
            if taken is not None:
                lock, stamp = taken
                with suppress(OSError):
                    stamp.write_text(repr(self._clock() + self._rest), encoding="ascii")
                lock.release()

    def _take(self) -> tuple[FileLock, Path]:
        self._folder.mkdir(parents=True, exist_ok=True)
        while True:
            soonest = _POLL
            for number in range(self._rate):
                stamp = self._folder / f"slot-{number}.stamp"
                # Not tied to the thread: a generator's clean-up may run in another one.
                lock = FileLock(stamp.with_suffix(".lock"), thread_local=False)
                try:
                    lock.acquire(timeout=0)
                except Timeout:
                    continue
                try:
                    wait = self._wait(stamp)
                    if wait <= 0:
                        stamp.write_text(_BUSY, encoding="ascii")
                        return lock, stamp
                except BaseException:
                    lock.release()
                    raise
                lock.release()
                soonest = max(min(soonest, wait), 0.001)
            self._sleep(soonest)

    def _wait(self, stamp: Path) -> float:
        """Seconds until a slot whose lock we hold may be used."""
        try:
            text = stamp.read_text(encoding="ascii")
        except FileNotFoundError:
            return 0.0
        wait = float("inf")
        with suppress(ValueError):
            wait = float(text) - self._clock()
        if not wait <= self._rest:  # its holder died, or the machine was restarted and its clock with it
            stamp.write_text(repr(self._clock() + self._rest), encoding="ascii")
            wait = self._rest
        return wait


def clear_stale(folder: Path, *, now: Callable[[], float] = time.time) -> None:
    """Remove the meeting places in ``folder`` that nobody has used for a day."""
    with suppress(OSError):
        for place in folder.iterdir():
            used = max((file.stat().st_mtime for file in place.iterdir()), default=place.stat().st_mtime)
            if now() - used > _STALE:
                shutil.rmtree(place, ignore_errors=True)
