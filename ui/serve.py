"""Start the Streamlit page as a process of its own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import resources
from types import FrameType

from pubmed_rag.core.settings import Settings
from pubmed_rag.ui.library_jobs import LARGEST_UPLOAD

_COLOUR = "#0f766e"
_END_SECONDS = 10.0
_ENDINGS = ("SIGTERM", "SIGHUP")
"""Signals that end this process alone; Ctrl-C in a terminal goes to the page as well."""


def serve(settings: Settings, *, port: int, address: str, browser: bool) -> int:
    """Run the page until it is stopped; returns its exit code. Nothing is sent to anybody.

    The page ends with this process, whether that is told to end from a terminal or by a service manager.
    """
    page = resources.files("pubmed_rag.ui").joinpath("app.py")
    command = [sys.executable, "-m", "streamlit", "run", str(page), *page_options(port, address, browser=browser)]
    environment = {
        "OMP_WAIT_POLICY": "PASSIVE",  # threads that wait for one another sleep: the browser needs the processors too
        **os.environ,
        "PUBMED_RAG_LIBRARY": str(settings.library.expanduser().resolve()),
    }
    with subprocess.Popen(command, env=environment) as running, _passed_on(running):
        try:
            return max(0, running.wait())
        except KeyboardInterrupt:
            _end(running)
            return 0


def page_options(port: int, address: str, *, browser: bool) -> list[str]:
    """Streamlit's options for the page."""
    return [
        *("--server.port", str(port), "--server.address", address),
        *("--server.headless", "false" if browser else "true"),
        *("--browser.gatherUsageStats", "false"),
        *("--client.toolbarMode", "minimal"),
        # One colour that white text stands out on, set for both themes: set for all, it would force the light one.
        *("--theme.light.primaryColor", _COLOUR, "--theme.dark.primaryColor", _COLOUR),
        *("--server.maxUploadSize", str(LARGEST_UPLOAD // 1_000_000)),
        # Nobody edits an installed program: watching its hundreds of files costs time at each start.
        *("--server.fileWatcherType", "none", "--server.runOnSave", "false"),
        # Streamlit would collect all garbage after every redraw of every tab, also of the part that looks for jobs each
        # second: with the encoder's libraries in memory a quarter of a second of the processor each time, during which
        # nothing else is drawn. Python's own collector comes when there is something to collect.
        *("--runner.postScriptGC", "false"),
    ]


@contextmanager
def _passed_on(running: subprocess.Popen[bytes]) -> Iterator[None]:
    """While inside, a signal that ends this process ends the page first. Only the main thread may ask for that."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def end(_number: int, _frame: FrameType | None) -> None:
        running.terminate()  # the wait that this interrupts goes on, and returns once the page has ended

    known = [getattr(signal, name) for name in _ENDINGS if hasattr(signal, name)]
    before = {number: signal.signal(number, end) for number in known}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _end(running: subprocess.Popen[bytes]) -> None:
    if running.poll() is None:
        running.terminate()
        try:
            running.wait(_END_SECONDS)
        except subprocess.TimeoutExpired:
            running.kill()
