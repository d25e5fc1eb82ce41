"""Asking on, PubMed itself beside the library, and an index that is switched under an open page, in a real browser."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from datetime import date
from typing import TYPE_CHECKING

import pytest

from tests.browser.conftest import Open, Served, library_articles, serve, settled, shot
from tests.eutils_records import generated
from tests.eutils_server import EutilsServer
from tests.support import article, open_tiny

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Locator

pytestmark = [pytest.mark.browser, pytest.mark.slow]


@pytest.fixture(scope="module")
def beside(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """The page over a library with two index generations, and a PubMed that holds three articles more."""
    folder = tmp_path_factory.mktemp("beside")
    library = open_tiny(folder / "library", library_articles())
    library.store.upsert([article("778", "Budesonide in asthma.", ("RESULTS", "Budesonide relieved asthma."))])
    library.build()
    library.store.close()
    later = [generated(5000 + n, date(2024, 1, 1 + n), "asthma", title=f"Salbutamol later {n}.") for n in range(3)]
    with pytest.MonkeyPatch.context() as patch, EutilsServer(later, limited=False) as pubmed:
        patch.setenv("no_proxy", "127.0.0.1")
        patch.setenv("PUBMED_RAG_EUTILS_URL", pubmed.url)
        patch.setenv("NCBI_EMAIL", "a@b.org")
        with serve(folder / "library", folder / "models") as running:
            yield running


def test_a_follow_up_is_asked_by_keyboard_and_the_answer_before_stays(beside: Served, tab: Open) -> None:
    page = tab(f"{beside.url}?q=Does+salbutamol+relieve+asthma+compared+with+placebo%3F")
    box = page.get_by_role("textbox", name="Ask a follow-up")
    box.fill("And in children?")
    box.press("Enter")
    page.get_by_text("Asked as:").first.wait_for()
    page.get_by_role("heading", name="Sources").last.wait_for()
    assert page.locator(".prag-question").count() == 2
    box.wait_for()
    assert box.input_value() == ""
    assert "And+in+children" in page.url
    first = page.locator(".prag-chip").first
    first.focus()
    page.keyboard.press("Enter")
    page.locator(".prag-panel:popover-open").wait_for()
    page.keyboard.press("Escape")
    shot(page, "asking-on")
    page.get_by_role("button", name="New question").click()
    page.locator(".prag-question").first.wait_for(state="detached")
    assert page.get_by_role("textbox", name="Your question").input_value() == ""


def test_pubmed_itself_is_a_third_list(beside: Served, tab: Open) -> None:
    page = tab(f"{beside.url}?page=Search&q=salbutamol")
    page.locator(".prag-hit").first.wait_for()
    page.get_by_text("Nothing leaves this machine").first.wait_for()
    page.get_by_text("Side by side").click()
    page.get_by_text("found on both sides").first.wait_for()
    page.get_by_text("PubMed too").click()
    page.locator(".prag-outside").nth(2).wait_for()
    page.get_by_text("Only what you search for leaves this machine").first.wait_for()
    assert page.get_by_role("heading", name="PubMed itself, today").is_visible()
    titles = page.locator(".prag-hit:has(.prag-outside) h3").all_inner_texts()
    assert sorted(title.partition(".")[2].strip() for title in titles) == [f"Salbutamol later {n}." for n in range(3)]
    for width in (1280, 390):
        page.set_viewport_size({"width": width, "height": 1400})
        shot(page, f"pubmed-too-{width}")
        assert page.evaluate("document.querySelector('[data-testid=stMain]').scrollWidth") <= width


def press(button: Locator, outcome: Locator) -> None:
    """Press until ``outcome`` shows: a click in the moment in which Streamlit draws a button anew is lost."""
    from playwright.sync_api import TimeoutError as WaitedTooLongError

    button.wait_for()
    for _ in range(3):
        if button.is_visible():  # and not gone, because its work has begun
            button.click()
        with contextlib.suppress(WaitedTooLongError):
            outcome.first.wait_for(timeout=8_000)
            return
    outcome.first.wait_for()


def test_an_open_search_follows_the_index_that_is_switched(beside: Served, tab: Open) -> None:
    searching = tab(f"{beside.url}?page=Search&q=budesonide%5Bti%5D")
    searching.get_by_text("1 article matches").first.wait_for()
    library = tab(f"{beside.url}?page=Library")
    library.get_by_text("Generations kept (2)").first.wait_for()
    settled(library)
    library.get_by_text("Generations kept (2)").click()
    press(library.get_by_role("button", name="Switch …"), library.get_by_text("1 later change of the library cannot"))
    shot(library, "switching")
    done = library.get_by_text("Searches are in generation g000001 from now on")
    press(library.get_by_role("button", name="Switch to g000001"), done)
    searching.get_by_text("Nothing found").first.wait_for()  # the tab redraws when work ends, without being touched
    settled(searching)
