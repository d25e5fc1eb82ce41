"""The page over a large library, in a real browser: how long people wait, and what each open tab costs.

    python -m benchmarks.page [--articles 100000] [--folder DIR] [--tabs 8] [--searches 50]

Serves the page as ``pubmed-rag ui`` does, over a generated library (benchmarks/page_library.py) with the real encoder
for queries, and drives a headless Chromium through it. Times are from the click or the key to the moment when the
page shows what was asked for and Streamlit has finished. The peer of a search on the page is the same search through
the Python API, asked in turn with it by this process: what is above it is the page's own. Memory is the server's
proportional set (PSS), and of that what is its own rather than a mapped file's. Seconds of the server's processor
are given as well: they stay what they are on a machine that does other things meanwhile.
"""

from __future__ import annotations

import argparse
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.page_library import Subjects, make_library
from pubmed_rag.core.library import LibraryPaths
from pubmed_rag.ui.api import Library, open_library

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
FLAGS = ("--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--disable-background-networking")
DEPTH = 200
"""Results that the page asks for, so the peer asks for as many."""
PATIENCE = 300.0
AHEAD = 10.0
"""Seconds that somebody looks at the page before the first search."""
REST = 5.0
"""Seconds during which nothing is done, to see what open tabs cost by themselves."""
DRAWN = """() => {
  for (const host of document.querySelectorAll("*")) {
    const canvas = host.shadowRoot?.querySelector("canvas[data-drawn]");
    if (canvas && canvas.width) return true;
  }
  return false;
}"""
IDLE = "document.querySelector('[data-testid=stApp]')?.getAttribute('data-test-script-state') === 'notRunning'"


@dataclass
class Report:
    """What was measured, beside the limit it has to keep."""

    missed: list[str] = field(default_factory=list)

    def line(self, what: str, value: float, limit: float | None = None, *, unit: str = "s", note: str = "") -> None:
        """Print one figure; remember it where it is over its limit."""
        kept = "" if limit is None else f"  limit {limit:g} {unit}  {'kept' if value <= limit else 'MISSED'}"
        print(f"{what:<58}{value:9.2f} {unit:<3}{kept}  {note}".rstrip(), flush=True)
        if limit is not None and value > limit:
            self.missed.append(what)


@dataclass(frozen=True)
class Memory:
    """MB of a process."""

    whole: float
    own: float


def memory_of(process: int) -> Memory:
    """What a process holds: its proportional set, and the part of it that is no file's."""
    amounts = {}
    for text in Path(f"/proc/{process}/smaps_rollup").read_text(encoding="ascii").splitlines()[1:]:
        name, value, *_ = text.split()
        amounts[name] = int(value) / 1024
    return Memory(amounts["Pss:"], amounts["Pss_Anon:"])


def processor(process: int) -> float:
    """Seconds of processor time that a process has taken."""
    fields = Path(f"/proc/{process}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@contextmanager
def served(library: Path) -> Iterator[tuple[str, int, float]]:
    """The page as ``pubmed-rag ui`` serves it: address, process id of the server, and seconds until it answered."""
    with socket.socket() as chosen:
        chosen.bind(("127.0.0.1", 0))
        port = chosen.getsockname()[1]
    command = [sys.executable, "-m", "pubmed_rag.ui.cli", "--library", str(library)]
    started = time.perf_counter()
    with subprocess.Popen(
        [*command, "ui", "--port", str(port), "--no-browser"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as running:
        try:
            direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
            while True:
                try:
                    with direct.open(f"http://127.0.0.1:{port}/_stcore/health", timeout=2):
                        break
                except OSError:
                    if running.poll() is not None or time.perf_counter() - started > PATIENCE:
                        raise SystemExit("the page did not start") from None
                    time.sleep(0.05)
            yield f"http://localhost:{port}/", _server_of(running.pid), time.perf_counter() - started
        finally:
            running.terminate()


def _server_of(parent: int) -> int:
    """The process that serves: the command's child."""
    children = Path(f"/proc/{parent}/task/{parent}/children").read_text(encoding="ascii").split()
    return int(children[0]) if children else parent


# -- what people do -----------------------------------------------------------------------------------


def seconds(work: Callable[[], object]) -> float:
    """How long ``work`` takes."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def idle(page: Page) -> None:
    """Wait until Streamlit has finished."""
    page.wait_for_function(IDLE)


def turn_to(page: Page, name: str, there: str) -> float:
    """Seconds from the click on a page's name to the page."""

    def work() -> None:
        page.get_by_role("radio", name=name, exact=True).click()
        page.locator(there).first.wait_for()
        idle(page)

    return seconds(work)


def search(page: Page, query: str) -> float:
    """Seconds from Enter to the results of ``query``."""
    box = page.get_by_label("Question, keywords or a PubMed query")
    box.fill(query)

    def work() -> None:
        box.press("Enter")
        page.wait_for_function("query => new URL(location).searchParams.get('q') === query", arg=query)
        page.locator(".prag-hit").first.wait_for()
        idle(page)

    return seconds(work)


def see_map(page: Page) -> float:
    """Seconds from the click on Map to the points."""

    def work() -> None:
        page.get_by_role("radio", name="Map", exact=True).click()
        page.wait_for_function(DRAWN)

    return seconds(work)


def opened(browser: Browser, stack: ExitStack, url: str) -> Page:
    """A tab with a profile of its own."""
    context = browser.new_context(viewport={"width": 1280, "height": 1000})
    stack.callback(context.close)
    context.set_default_timeout(PATIENCE * 1000)
    page = context.new_page()
    page.goto(url)
    return page


def questions(count: int) -> list[str]:
    """Queries of a subject's name and two words of one of its articles."""
    subjects = Subjects()
    found = []
    for article in subjects.articles(range(1, count + 1), seed=3):
        words = article.title.rstrip(".").lower().split()
        found.append(" ".join(words[:3]))
    return found


# -- the measurements ---------------------------------------------------------------------------------


def measure(library: Path, browser: Browser, tabs: int, searches: int) -> list[str]:
    """Print every figure; returns what missed its limit."""
    report = Report()
    _ahead(report, library, browser)
    with served(library) as (url, process, start), ExitStack() as stack, open_library(library) as peer:
        report.line("the server answers after", start)
        first = seconds(lambda: _shown(opened(browser, stack, url)))
        report.line("from the command to the first page, whole", start + first, 5.0)
        page = opened(browser, stack, f"{url}?page=Search")
        _shown(page)
        asked = questions(searches + 20)
        warm, asked = asked[:3], asked[3:]
        cold = search(page, warm[0])
        report.line("the first search of all, at once: index and model are loaded", cold)
        for query in warm:
            peer.search(query, top=DEPTH)
            search(page, f"{query} again")
        _searches(report, page, peer, process, asked[:15])
        _map(report, browser, stack, page, url, process)
        _turns(report, page, process)
        _tabs(report, browser, stack, url, process, tabs, asked)
        _growth(report, page, process, asked[-searches:])
    return report.missed


def _ahead(report: Report, library: Path, browser: Browser) -> None:
    """The first search of a process that had time to load what it needs."""
    with served(library) as (url, _, _), ExitStack() as stack:
        page = opened(browser, stack, f"{url}?page=Search")
        _shown(page)
        time.sleep(AHEAD)
        report.line(f"the first search of all, {AHEAD:.0f} s after the page", search(page, questions(1)[0]))


def _shown(page: Page) -> None:
    page.get_by_text("library of").first.wait_for()
    idle(page)


def _searches(report: Report, page: Page, peer: Library, process: int, asked: list[str]) -> None:
    ours, api, taken = [], [], []
    for query in asked:
        before = processor(process)
        ours.append(search(page, query))
        taken.append(processor(process) - before)
        api.append(seconds(lambda query=query: peer.search(query, top=DEPTH)))  # type: ignore[misc]
    through, alone = statistics.median(ours), statistics.median(api)
    report.line("a search, warm, median", through, 1.0, note=f"{through / alone:.1f} x the API's {alone:.2f} s")
    report.line("a search, warm, slowest of 15", max(ours))
    report.line("a search, warm, the server's processor, median", statistics.median(taken))


def _map(report: Report, browser: Browser, stack: ExitStack, page: Page, url: str, process: int) -> None:
    page.get_by_role("radio", name="Map", exact=True).click()
    idle(page)
    draw = page.get_by_role("button", name="Draw the map")
    if draw.count():
        draw.click()
        report.line("drawing the map, once for an index", seconds(lambda: page.wait_for_function(DRAWN)))
    turn_to(page, "Search", ".prag-hit")
    before = processor(process)
    report.line("the map's first paint, results lit", see_map(page), 3.0)
    report.line("the map's first paint, the server's processor", processor(process) - before)
    fresh = seconds(lambda: opened(browser, stack, f"{url}?page=Map").wait_for_function(DRAWN))
    report.line("a new tab at the map's address, to its first paint", fresh, 3.0)


def _turns(report: Report, page: Page, process: int) -> None:
    there = {
        "Search": ".prag-hit",
        "Library": ".prag-figures",
        "Challenge": "textarea",
        "Ask": "form, [data-testid=stForm]",
    }
    taken: dict[str, list[float]] = {name: [] for name in there}
    used: dict[str, list[float]] = {name: [] for name in there}
    for _ in range(4):
        for name, sign in there.items():
            before = processor(process)
            taken[name].append(turn_to(page, name, sign))
            used[name].append(processor(process) - before)
    for name, times in taken.items():
        note = f"first {times[0]:.2f} s, the server's processor {statistics.median(used[name][1:]):.2f} s"
        report.line(f"turning to the page {name}, median", statistics.median(times[1:]), 1.0, note=note)


def _tabs(
    report: Report, browser: Browser, stack: ExitStack, url: str, process: int, tabs: int, asked: list[str]
) -> None:
    before = memory_of(process)
    for number in range(tabs):
        page = opened(browser, stack, f"{url}?page=Search")
        _shown(page)
        for query in asked[number * 2 : number * 2 + 2]:
            search(page, query)
        see_map(page)
        turn_to(page, "Library", ".prag-figures")
    after = memory_of(process)
    report.line(f"memory for each of {tabs} more tabs, own", (after.own - before.own) / tabs, 50, unit="MB")
    report.line(
        f"memory for each of {tabs} more tabs, with mapped files", (after.whole - before.whole) / tabs, unit="MB"
    )
    used = processor(process)
    time.sleep(REST)
    idle_share = 100 * (processor(process) - used) / REST
    report.line("the server's processor with all these tabs left alone", idle_share, 10, unit="%")
    report.line("memory of the server, own", after.own, unit="MB", note=f"with mapped files {after.whole:.0f} MB")


def _growth(report: Report, page: Page, process: int, asked: list[str]) -> None:
    turn_to(page, "Search", "[data-testid=stForm]")
    half = len(asked) // 2
    before = memory_of(process)
    for query in asked[:half]:
        search(page, query)
    middle = memory_of(process)
    for query in asked[half:]:
        search(page, query)
    after = memory_of(process)
    report.line(f"growth over {half} searches in one tab, own", middle.own - before.own, unit="MB")
    report.line(f"growth over the next {len(asked) - half}, own", after.own - middle.own, 10, unit="MB")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--articles", type=int, default=100_000)
    parser.add_argument("--folder", type=Path, help="keep the library here and use it again")
    parser.add_argument("--tabs", type=int, default=8)
    parser.add_argument("--searches", type=int, default=50)
    given = parser.parse_args()
    path = next((found for name in BROWSERS if (found := shutil.which(name))), None)
    if path is None:
        raise SystemExit("there is no Chromium on this machine; .ci/browser installs one where that is allowed")
    from playwright.sync_api import sync_playwright

    with tempfile.TemporaryDirectory(prefix="pubmed-rag-page-") as temporary:
        library = (given.folder or Path(temporary)) / "library"
        make_library(LibraryPaths(library), given.articles)
        print(
            f"{given.articles:,} articles; load average before {os.getloadavg()[0]:.1f} on {os.cpu_count()} processors"
        )
        with sync_playwright() as running:
            browser = running.chromium.launch(executable_path=path, headless=True, args=list(FLAGS))
            missed = measure(library, browser, given.tabs, given.searches)
            browser.close()
    if missed:
        raise SystemExit(f"over the limit: {'; '.join(missed)}")


if __name__ == "__main__":
    main()
