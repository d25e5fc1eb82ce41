"""What the page owes its reader beyond the single look: nothing leaves the machine, a new index is used at once, the
map answers mouse and keys, and it ends when it is told to."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest

from tests.browser.conftest import SECONDS, Open, Served, library_articles, serve, settled, shot
from tests.support import article, child_environment, open_tiny

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = [pytest.mark.browser, pytest.mark.slow]

CANVAS = ".map canvas"


@pytest.fixture(scope="module")
def whole(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("scale")
    open_tiny(folder / "library", library_articles()).store.close()
    with serve(folder / "library", folder / "models") as running:
        yield running


def test_nothing_leaves_this_machine(whole: Served, tab: Open) -> None:
    page = tab(f"{whole.url}nothing")
    asked: list[str] = []
    page.context.on("request", lambda request: asked.append(request.url))
    page.on("websocket", lambda opened: asked.append(opened.url))
    for address in ("?q=Does+aspirin+prevent+stroke%3F", "?page=Search&q=asthma", "?page=Map", "?page=Library",
                    "?page=Challenge"):  # fmt: skip
        page.goto(whole.url + address)
        page.get_by_text("library of").first.wait_for()
        settled(page)
    assert len(asked) > 20
    away = [url for url in asked if urlsplit(url).scheme in ("http", "https", "ws", "wss")
            and urlsplit(url).hostname not in ("127.0.0.1", "localhost")]  # fmt: skip
    assert away == []
    assert any(urlsplit(url).scheme == "ws" for url in asked)


def test_an_address_that_leads_out_of_the_library_is_refused(whole: Served, tab: Open) -> None:
    outside = whole.library / "secret.json"
    outside.write_text('{"answer": "secret words"}', encoding="utf-8")
    page = tab(whole.url)
    for name in ("..%2Fsecret", "%2Fetc%2Fpasswd"):
        page.goto(f"{whole.url}?answer={name}")
        page.locator("[data-testid=stAlert]").first.wait_for()
        assert "secret words" not in page.content()
        assert "root:" not in page.content()
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    for path in ("app/static/../../library/articles.sqlite", "media/../articles.sqlite", "%2e%2e/articles.sqlite"):
        body = b""
        with suppress(OSError), direct.open(whole.url + path, timeout=5) as reply:
            body = reply.read()
        assert not body.startswith(b"SQLite format")


def test_the_next_search_uses_an_index_that_another_process_switched_to(whole: Served, tab: Open) -> None:
    page = tab(f"{whole.url}?page=Search&q=aspirin")
    page.locator(".prag-hit").first.wait_for()
    settled(page)
    assert page.get_by_text("Bisoprolol came later").count() == 0
    library = open_tiny(whole.library)
    try:
        library.store.upsert([article("later", "Bisoprolol came later.", "Bisoprolol reduced mortality.")])
        library.update()
    finally:
        library.store.close()
    box = page.get_by_label("Question, keywords or a PubMed query")
    box.fill("bisoprolol")
    box.press("Enter")
    page.get_by_text("Bisoprolol came later").first.wait_for()


def test_the_map_answers_mouse_and_keys(whole: Served, tab: Open) -> None:
    page = tab(f"{whole.url}?page=Search&q=asthma+salbutamol", height=1200)
    page.locator(".prag-hit").first.wait_for()
    page.get_by_role("radio", name="Map", exact=True).click()
    page.get_by_role("button", name="Draw the map").click()
    canvas = page.locator(CANVAS)
    canvas.wait_for()
    settled(page)
    assert ink(page) > 0.002
    page.get_by_text("Light up").first.wait_for()
    shot(page, "map-lit")

    canvas.focus()  # by key: step to an article, hear its name, open it
    page.keyboard.press("ArrowRight")
    title = page.locator(".map .tip .title").inner_text()
    assert title
    assert title in page.locator(".map .said").inner_text()
    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog")
    dialog.locator(".prag-abstract").wait_for()
    assert dialog.get_by_role("heading", level=3).first.inner_text()[:60] == title[:60]
    page.keyboard.press("Escape")
    dialog.wait_for(state="hidden")
    settled(page)

    spot = point_under(page)  # by mouse: the same point twice
    for _ in range(2):
        page.mouse.click(*spot)
        dialog.locator(".prag-abstract").wait_for()
        page.keyboard.press("Escape")
        dialog.wait_for(state="hidden")
        settled(page)

    before = canvas.screenshot()
    page.get_by_role("button", name="Zoom in").click()
    page.wait_for_timeout(200)
    assert canvas.screenshot() != before
    page.get_by_role("button", name="Show the whole map").click()
    page.get_by_text("Only what was found last").click()
    page.get_by_text("found last", exact=False).first.wait_for()
    settled(page)
    assert ink(page) > 0.002


def ink(page: Page) -> float:
    """The share of the canvas that is painted."""
    share: float = page.locator(CANVAS).evaluate(
        """canvas => {
          const data = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
          let painted = 0;
          for (let i = 3; i < data.length; i += 4) painted += data[i] > 0;
          return painted / (data.length / 4);
        }"""
    )
    return share


def point_under(page: Page) -> tuple[float, float]:
    """Where a point of the map can be clicked: found by moving until its title shows."""
    box = page.locator(CANVAS).bounding_box()
    assert box is not None
    for down in range(20, int(box["height"]) - 20, 12):
        for right in range(20, int(box["width"]) - 60, 12):
            page.mouse.move(box["x"] + right, box["y"] + down)
            if page.locator(".map .tip:not([hidden]) .title").count():
                return box["x"] + right, box["y"] + down
    pytest.fail("no point of the map shows its title")


# -- the command ---------------------------------------------------------------------------------------


def test_the_command_serves_this_machine_alone_and_ends_with_its_page(tmp_path: Path) -> None:
    open_tiny(tmp_path / "library", library_articles()[:3]).store.close()
    with socket.socket() as chosen:
        chosen.bind(("127.0.0.1", 0))
        port = chosen.getsockname()[1]
    running = subprocess.Popen(
        [sys.executable, "-m", "pubmed_rag.ui.cli", "--library", str(tmp_path / "library"), "ui", "--port", str(port),
         "--no-browser"],
        env=child_environment(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        assert answers("127.0.0.1", port, SECONDS)
        for address in other_addresses():
            assert not answers(address, port, 0.0)
        running.send_signal(signal.SIGTERM)
        assert running.wait(15) == 0
        assert not answers("127.0.0.1", port, 0.0), "the page outlived its command"
    finally:
        running.kill()


def answers(address: str, port: int, seconds: float) -> bool:
    """Whether somebody listens there within ``seconds``."""
    deadline = time.monotonic() + seconds
    while True:
        with socket.socket() as knocking:
            knocking.settimeout(2)
            if knocking.connect_ex((address, port)) == 0:
                return True
        if time.monotonic() >= deadline:
            return False
        time.sleep(0.1)


def other_addresses() -> list[str]:
    """The addresses by which other machines reach this one, as far as they can be told."""
    found: set[Any] = set()
    with suppress(OSError):
        found |= {entry[4][0] for entry in socket.getaddrinfo(socket.gethostname(), None, socket.AF_INET)}
    with suppress(OSError), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        asking.connect(("192.0.2.1", 9))  # a datagram socket sends nothing by this
        found.add(asking.getsockname()[0])
    return [address for address in found if not address.startswith("127.") and address != "0.0.0.0"]
