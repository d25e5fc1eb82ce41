"""Never more requests in any one-second window than the service allows, whichever threads and processes send them."""

from __future__ import annotations

import hashlib
import queue
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from functools import cache
from pathlib import Path

import platformdirs

from pubmed_rag.ingest.machine_slots import MachineSlots, clear_stale

# NBK25497: 3 requests a second, 10 with an API key.
_REQUESTS_PER_SECOND = 3
_REQUESTS_PER_SECOND_WITH_KEY = 10
_REST = 1.02  # seconds a slot rests: one, and a little, for two clocks and a scheduler never agree exactly


class RateLimiter:
    """``rate`` slots, each usable again one second after the request that held it was answered.

    Counting from the answer, not from the sending, makes the bound hold by the *server's* clock too:
    a request arrives somewhere between the two, however long it was under way. Safe for threads; with ``machine``
    other processes keep to the same rate.
    """

    def __init__(
        self,
        rate: int,
        *,
        machine: MachineSlots | None = None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._machine = machine
        self._clock = clock
        self._sleep = sleep
        self._free_at: queue.PriorityQueue[float] = queue.PriorityQueue()
        for _ in range(rate):
            self._free_at.put(float("-inf"))

    @contextmanager
    def slot(self) -> Iterator[None]:
        """Wait for a slot, and hold it for as long as the request is under way."""
        free_at = self._free_at.get()
        try:
            wait = free_at - self._clock()
            if wait > 0:
                self._sleep(wait)
            with self._machine.slot() if self._machine else nullcontext():
                yield
        finally:
            self._free_at.put(self._clock() + _REST)


@cache
def shared_limiter(url: str, with_key: bool) -> RateLimiter:
    """The limiter for a service: NCBI counts by address or key, not by client object or process."""
    rate = _REQUESTS_PER_SECOND_WITH_KEY if with_key else _REQUESTS_PER_SECOND
    places = Path(platformdirs.user_cache_dir("pubmed-rag")) / "request-rate"
    clear_stale(places)
    place = places / f"{hashlib.blake2b(url.encode(), digest_size=8).hexdigest()}-{rate}"
    return RateLimiter(rate, machine=MachineSlots(place, rate, _REST))
