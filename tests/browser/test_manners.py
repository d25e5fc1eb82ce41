"""Every page in both themes and widths: what axe-core says of it, what hostile records do in it, how it looks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import pytest

from tests.browser.conftest import Open, Served, settled, shot
from tests.support import REPOSITORY

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = [pytest.mark.browser, pytest.mark.slow]

AXE = REPOSITORY / "test-output" / "tools" / "axe.min.js"

PAGES = {
    "ask": ("?q=Does+salbutamol+relieve+asthma+compared+with+placebo%3F", ".prag-chip"),
    "search": ("?page=Search&q=asthma+salbutamol+window", ".prag-hit"),
    "library": ("?page=Library", ".prag-table"),
    "map": ("?page=Map", "text=Map"),
    "challenge": ("?page=Challenge", "textarea"),
}
"""Address and what is there once the page is drawn."""

THEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
HEIGHT = 1600


@pytest.mark.parametrize("name", PAGES)
def test_a_page_in_every_look(served: Served, tab: Open, name: str) -> None:
    """It fits its width, what hostile records hold is text, and axe-core finds no serious violation."""
    address, there = PAGES[name]
    page = tab(served.url + address, height=HEIGHT)  # it checks at the end that no script of a record has run
    page.locator(there).first.wait_for()
    settled(page)
    if name == "challenge":
        page.get_by_label("Queries, one a line").fill("asthma salbutamol window")
        page.get_by_role("button", name="Begin or go on").click()
        page.locator(".prag-hit").first.wait_for()
        settled(page)
    if name == "map":
        page.get_by_role("button", name="Draw the map").click()
        page.get_by_text("Colour by").wait_for()
        settled(page)
    assert page.locator("img[src=x], [onerror], [onload], a[href^='javascript:']").count() == 0
    if name == "search":
        assert page.get_by_text("window.harmed").count() > 0
    for width in (1280, 390):
        for theme in THEMES:
            page.set_viewport_size({"width": width, "height": HEIGHT})
            page.emulate_media(color_scheme=theme)
            shot(page, f"{name}-{width}-{theme}")
            assert page.evaluate("document.querySelector('[data-testid=stMain]').scrollWidth") <= width
    unfold(page)
    for theme in THEMES:
        page.emulate_media(color_scheme=theme)
        settled(page)
        if AXE.is_file():
            assert serious(page) == {}, theme


def unfold(page: Page) -> None:
    """Open everything that can be opened."""
    for summary in page.locator("[data-testid=stExpander] summary").all():
        summary.click()
    settled(page)


def serious(page: Page) -> dict[str, list[str]]:
    """Serious violations that axe-core finds: the elements by rule."""
    page.evaluate(AXE.read_text(encoding="utf-8"))
    report = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    return {
        violation["id"]: [node["html"][:300] for node in violation["nodes"]]
        for violation in report["violations"]
        if violation["impact"] in ("serious", "critical")
    }


def test_axe_is_here() -> None:
    if not AXE.is_file():
        pytest.skip(
            "axe-core is not here, so pages were not checked with it; 'make test' fetches it where there is npm"
        )


def test_the_browser_chooses_the_language(served: Served, tab: Open) -> None:
    page = tab(served.url, locale="pt-BR")
    page.get_by_text("Nada sai desta máquina").first.wait_for()
    shot(page, "ask-portuguese")
