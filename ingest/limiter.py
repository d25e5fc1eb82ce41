"""Never more requests in any one-second window than the service allows, whichever threads send them."""

from __future__ import annotations

import queue
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache

# NBK25497: 3 requests a second, 10 with an API key.
_REQUESTS_PER_SECOND = 3
_REQUESTS_PER_SECOND_WITH_KEY = 10
_MARGIN = 0.02  # seconds: two clocks and a scheduler never agree exactly


class RateLimiter:
    """``rate`` slots, each usable again one second after the request that held it was answered.

    Counting from the answer, not from the sending, makes the bound hold by the *server's* clock too:
    a request arrives somewhere between the two, however long it was under way. Safe for threads.
    """

    def __init__(
        self,
        rate: int,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
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
            yield
        finally:
            self._free_at.put(self._clock() + 1.0 + _MARGIN)


@cache
def shared_limiter(url: str, with_key: bool) -> RateLimiter:  # noqa: ARG001  (part of the cache key)
    """The limiter of this process for a service: NCBI counts by address or key, not by client object."""
    return RateLimiter(_REQUESTS_PER_SECOND_WITH_KEY if with_key else _REQUESTS_PER_SECOND)
