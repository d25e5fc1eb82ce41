"""The rate limit, on a clock that the test moves."""

from __future__ import annotations

import threading
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pubmed_rag.ingest.limiter import RateLimiter, shared_limiter


class Clock:
    """A clock that only sleeping and working move."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


@given(
    st.integers(1, 10),
    st.lists(st.tuples(st.floats(0, 3), st.floats(0, 3)), max_size=60),
    st.floats(0, 1),
)
def test_no_window_of_one_second_holds_more_than_the_rate(
    rate: int, steps: list[tuple[float, float]], arrival: float
) -> None:
    """Wherever between sending and answer a request arrives at the server."""
    clock = Clock()
    limiter = RateLimiter(rate, clock=clock, sleep=clock.sleep)
    arrivals = []
    for idle, duration in steps:
        clock.now += idle
        with limiter.slot():
            arrivals.append(clock.now + arrival * duration)
            clock.now += duration
    for first, later in zip(arrivals, arrivals[rate:], strict=False):
        assert later - first >= 1.0


def test_a_burst_up_to_the_rate_does_not_wait() -> None:
    clock = Clock()
    limiter = RateLimiter(3, clock=clock, sleep=clock.sleep)
    for _ in range(3):
        with limiter.slot():
            pass
    assert clock.now == 100.0


def test_a_failing_request_gives_its_slot_back() -> None:
    clock = Clock()
    limiter = RateLimiter(1, clock=clock, sleep=clock.sleep)
    for _ in range(3):
        with pytest.raises(OSError, match="x"), limiter.slot():
            raise OSError("x")
    assert clock.now > 102


@pytest.mark.timeout(30)
def test_threads_share_the_rate() -> None:
    limiter = RateLimiter(5)
    times: list[float] = []

    def work() -> None:
        for _ in range(2):
            with limiter.slot():
                times.append(time.monotonic())

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    times.sort()
    assert len(times) == 12
    assert all(later - first >= 1.0 for first, later in zip(times, times[5:], strict=False))


def test_clients_of_one_service_share_a_limiter() -> None:
    assert shared_limiter("http://a/", False) is shared_limiter("http://a/", False)
    assert shared_limiter("http://a/", False) is not shared_limiter("http://a/", True)
    assert shared_limiter("http://a/", False) is not shared_limiter("http://b/", False)
