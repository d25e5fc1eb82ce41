"""A headless Chromium over the page as ``streamlit run`` serves it. Without a Chromium these tests skip."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import pytest

from pubmed_rag.core.records import Article, Journal, MeshHeading, PartialDate, Term
from pubmed_rag.ui.serve import page_options
from tests.small_challenge import small_challenge
from tests.support import REPOSITORY, article, child_environment, open_tiny

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

OUTPUT = REPOSITORY / "test-output" / "screenshots"
SECONDS = 60.0
"""The longest wait for anything."""

_BROWSERS = ("chromium", "chromium-browser", "google-chrome")
_FLAGS = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage",
)  # fmt: skip

HOSTILE = article(
    "666",
    "<script>window.harmed=1</script> asthma [a](javascript:window.harmed=1) \u202e <img src=x onerror=harmed=1>",
    ("RESULTS", "Salbutamol relieved asthma <img src=x onerror=window.harmed=1> <svg onload=window.harmed=1> " * 20),
    journal=Journal(title="<b onmouseover=window.harmed=1>Journal</b>"),
    mesh=(MeshHeading("<img src=x onerror=window.harmed=1>"),),
)

HUGE = article(
    "667",
    "A title without end \u202e\u2067<b>asthma</b> " + "salbutamol " * 90_000,
    ("RESULTS", "\u202eAsthma was relieved by salbutamol in a trial with a title of a megabyte\u202c \u200f."),
)


def library_articles() -> list[Article]:
    """Sixty trials of three subjects over thirty years, and two records that mean harm."""
    subjects = (
        ("Aspirin", "stroke", "prevented", "Stroke"),
        ("Salbutamol", "asthma", "relieved", "Asthma"),
        ("Carvedilol", "heart failure", "reduced mortality in", "Heart Failure"),
    )
    made = []
    for number in range(60):
        drug, disease, did, heading = subjects[number % 3]
        made.append(
            article(
                str(1000 + number),
                f"{drug} in {disease}: trial {number}.",
                ("BACKGROUND", f"Whether {drug} helps in {disease} was not known."),
                ("RESULTS", f"{drug} {did} {disease} in {100 + number} patients compared with placebo."),
                published=PartialDate(year=1990 + number % 30),
                journal=Journal(title="Journal of Trials" if number % 2 else "Annals of Tests"),
                publication_types=(Term("Randomized Controlled Trial" if number % 4 else "Review"),),
                mesh=(MeshHeading(heading), MeshHeading("Humans")),
                languages=("eng",),
            )
        )
    return [*made, HOSTILE, HUGE]


@dataclass(frozen=True)
class Served:
    """The page being served."""

    url: str
    library: Path


@contextmanager
def serve(library: Path, models: Path) -> Iterator[Served]:
    """The page over ``library`` with stand-ins for the models, as a process of its own."""
    models.mkdir(exist_ok=True)
    for name in ("embedder", "scripted.gguf"):
        (models / name).touch()
    with socket.socket() as chosen:
        chosen.bind(("127.0.0.1", 0))
        port = chosen.getsockname()[1]
    environment = {
        **child_environment(),
        "PYTHONPATH": os.pathsep.join(filter(None, (str(REPOSITORY), os.environ.get("PYTHONPATH")))),
        "PUBMED_RAG_LIBRARY": str(library),
        "BROWSER_TEST_MODELS": str(models),
        "OMP_NUM_THREADS": "1",
    }
    command = [sys.executable, "-m", "streamlit", "run", str(Path(__file__).with_name("app.py"))]
    command += [*page_options(port, "127.0.0.1", browser=False), "--server.fileWatcherType", "none"]
    OUTPUT.mkdir(parents=True, exist_ok=True)
    with OUTPUT.with_name("page.log").open("ab") as log:
        server = subprocess.Popen(command, env=environment, cwd=REPOSITORY, stdout=log, stderr=log)
        try:
            _wait_for(f"http://127.0.0.1:{port}/_stcore/health", server)
            yield Served(f"http://127.0.0.1:{port}/", library)
        finally:
            server.terminate()
            try:
                server.wait(10)
            except subprocess.TimeoutExpired:
                server.kill()
                server.wait(10)


def _wait_for(url: str, server: subprocess.Popen[bytes]) -> None:
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline and server.poll() is None:
        try:
            with direct.open(url, timeout=2):
                return
        except OSError:
            time.sleep(0.1)
    pytest.fail("the page did not start")


@pytest.fixture(scope="session")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """Debian's Chromium, never one that Playwright fetches."""
    path = next((found for name in _BROWSERS if (found := shutil.which(name))), None)
    if path is None:
        pytest.skip("there is no Chromium on this machine; 'make test' installs it where it is root and has apt-get")
    playwright = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed: 'make install-dev'")
    with playwright.sync_playwright() as running:
        started = running.chromium.launch(
            executable_path=path, headless=True, args=list(_FLAGS), timeout=SECONDS * 1000, env={**os.environ}
        )
        yield started
        started.close()


@pytest.fixture
def empty(browser: Browser, tmp_path: Path) -> Iterator[Served]:
    """The page where there is no library yet."""
    with serve(tmp_path / "library", tmp_path / "models") as running:
        yield running


@pytest.fixture(scope="module")
def served(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """The page over an indexed library with a finished challenge, shared by the tests of a module."""
    folder = tmp_path_factory.mktemp("served")
    open_tiny(folder / "library", library_articles()).store.close()
    small_challenge(folder / "library" / "runs")
    with serve(folder / "library", folder / "models") as running:
        yield running


Open = Callable[..., "Page"]


@pytest.fixture
def tab(browser: Browser) -> Iterator[Open]:
    """Open addresses, each in a browser profile of its own; they close with the test. Harm done fails the test."""
    with ExitStack() as stack:
        opened: list[Page] = []

        def open_tab(url: str, *, width: int = 1280, height: int = 900, **how: Any) -> Page:
            context = browser.new_context(viewport={"width": width, "height": height}, **how)
            stack.callback(context.close)
            context.set_default_timeout(SECONDS * 1000)
            page = context.new_page()
            page.on("dialog", lambda dialog: dialog.dismiss())
            page.goto(url)
            opened.append(page)
            return page

        try:
            yield open_tab
        finally:
            for number, page in enumerate(opened):  # what a failed test saw last
                OUTPUT.mkdir(parents=True, exist_ok=True)
                page.screenshot(path=OUTPUT / f"last-{number}.png")
        assert [page.evaluate("window.harmed") for page in opened] == [None] * len(opened)


def shot(page: Page, name: str) -> None:
    """Keep what the page looks like, in the output folder of the tests."""
    OUTPUT.mkdir(parents=True, exist_ok=True)
    settled(page)
    page.screenshot(path=OUTPUT / f"{name}.png")


THEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
WIDTHS = (1280, 390)


def looks(page: Page, name: str, *, height: int = 1600) -> None:
    """Keep what the page looks like at both widths in both themes. Nothing may stick out of the width."""
    for width in WIDTHS:
        for theme in THEMES:
            page.set_viewport_size({"width": width, "height": height})
            page.emulate_media(color_scheme=theme)
            shot(page, f"{name}-{width}-{theme}")
            assert page.evaluate("document.querySelector('[data-testid=stMain]').scrollWidth") <= width


def settled(page: Page) -> None:
    """Wait until Streamlit has finished drawing."""
    page.wait_for_function(
        "document.querySelector('[data-testid=stApp]')?.getAttribute('data-test-script-state') === 'notRunning'"
    )
    page.wait_for_function("!document.querySelector('[data-testid=stSkeleton]')")
    page.wait_for_timeout(250)
