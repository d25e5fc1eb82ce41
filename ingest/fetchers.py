"""A few threads that fetch, and one consumer that takes what they bring, as it comes."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Generic, TypeVar

T = TypeVar("T")


class Fetchers(Generic[T]):
    """``workers`` daemon threads. No more results wait than there are threads, so memory stays bounded.

    Daemon threads, because a person who presses Ctrl-C does not want to wait for a slow server: the
    program may end while they are still in a request.
    """

    def __init__(self, workers: int) -> None:
        self._workers = workers
        self._stopped = threading.Event()
        self._waits = True

    def run(self, tasks: Sequence[int], fetch: Callable[[int], T]) -> Iterator[tuple[int, T | None, Exception | None]]:
        """``(task, result, error)`` of every task, in the order in which they end.

        After :meth:`stop` no others are begun, and those under way are still yielded.
        """
        todo = iter(tasks)
        results: queue.SimpleQueue[tuple[int, T | None, Exception | None]] = queue.SimpleQueue()
        waiting: queue.SimpleQueue[int | None] = queue.SimpleQueue()

        def work() -> None:
            while (task := waiting.get()) is not None:
                try:
                    results.put((task, fetch(task), None))
                except Exception as error:  # handed to the consumer, who decides
                    results.put((task, None, error))

        threads = min(self._workers, len(tasks))
        for number in range(threads):
            threading.Thread(target=work, name=f"fetcher-{number}", daemon=True).start()
        under_way = 0
        try:
            while True:
                while under_way < threads and not self._stopped.is_set():
                    task = next(todo, None)
                    if task is None:
                        break
                    waiting.put(task)
                    under_way += 1
                if not under_way:
                    return
                try:
                    result = results.get(block=self._waits)
                except queue.Empty:
                    return
                under_way -= 1
                yield result
        finally:
            for _ in range(threads):
                waiting.put(None)

    def stop(self, *, wait: bool = True) -> None:
        """Begin no further task. Without ``wait`` only results that are there already are still yielded."""
        self._stopped.set()
        self._waits = wait

    def close(self) -> None:
        self.stop()
