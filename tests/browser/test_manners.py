"""Every page in both themes and widths: what axe-core says of it, what hostile records do in it, how it looks."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from tests.browser.conftest import OUTPUT, THEMES, WIDTHS, Open, Served, looks, settled, shot
from tests.support import REPOSITORY

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = [pytest.mark.browser, pytest.mark.slow]

AXE = REPOSITORY / "test-output" / "tools" / "axe.min.js"

Ready = Callable[["Page"], None]


def asked(page: Page) -> None:
    """An answer with a citation open."""
    page.get_by_role("heading", name="Sources").wait_for()
    unfold(page)
    page.locator(".prag-chip").first.click()
    page.locator(".prag-panel:popover-open").wait_for()


def searched(page: Page) -> None:
    """Results, every abstract open."""
    page.locator(".prag-hit").first.wait_for()
    settled(page)
    unfold(page)
    page.evaluate("document.querySelectorAll('.prag-hit details').forEach(one => { one.open = true; })")


def compared(page: Page) -> None:
    """Two lists beside each other."""
    page.locator(".prag-hit").first.wait_for()
    page.get_by_text("Side by side").click()
    page.get_by_text("found on both sides").first.wait_for()


def alike(page: Page) -> None:
    """One article and those most like it."""
    page.locator(".prag-hit").first.wait_for()
    settled(page)
    page.get_by_role("button", name="Similar articles").first.click()
    page.get_by_role("button", name="Back to the results").wait_for()


def listed(page: Page) -> None:
    page.locator(".prag-table").first.wait_for()
    settled(page)
    unfold(page)


def mapped(page: Page) -> None:
    """The map, once it is drawn."""
    page.get_by_role("button", name="Draw the map").click()
    page.get_by_text("Colour by").first.wait_for()


def reported(page: Page) -> None:
    """A report, the topic open whose text and documents mean harm, the whole report in its frame."""
    page.get_by_role("heading", name="Topic by topic").wait_for()
    settled(page)
    unfold(page)
    page.get_by_text("Read the whole report here").click()
    box = page.get_by_role("combobox", name="Topic")
    box.click()
    box.fill("script")
    page.get_by_role("option").filter(has_text="script").click()
    page.get_by_role("heading", name="What explains it").wait_for()
    settled(page)
    chart = page.locator("[data-testid=stVegaLiteChart] canvas").last
    chart.scroll_into_view_if_needed()
    area = chart.bounding_box()
    assert area is not None
    tip = page.locator("#vg-tooltip-element").filter(has_text="window.harmed")
    for share in range(20, 45, 2):  # over the bars, until it is the topic that means harm
        page.mouse.move(area["x"] + area["width"] * share / 100, area["y"] + area["height"] * 0.45)
        page.wait_for_timeout(60)
        if tip.is_visible():
            break
    assert tip.is_visible()
    assert tip.locator("img, script").count() == 0
    page.mouse.move(0, 0)


def judged(page: Page) -> None:
    """An article that is to be judged."""
    page.get_by_label("Queries, one a line").fill("<script>window.harmed=1</script> asthma salbutamol window")
    page.get_by_role("button", name="Begin or go on").click()
    page.locator(".prag-hit").first.wait_for()
    harmful = page.locator(".prag-hit .prag-title").filter(has_text="window.harmed=1")
    while harmful.count() == 0:  # until it is the record that means harm
        before = page.locator(".prag-hit .prag-title").first.inner_text()
        page.get_by_role("button", name="Not relevant").click()
        expect_other(page, before)


def expect_other(page: Page, title: str) -> None:
    """Wait until another article is shown."""
    page.wait_for_function("before => document.querySelector('.prag-hit .prag-title')?.innerText !== before", arg=title)
    settled(page)


STATES: dict[str, tuple[str, Ready]] = {
    "ask": ("?q=Does+salbutamol+relieve+asthma+by+svg+onload+window+harmed%3F", asked),
    "search": ("?page=Search&q=asthma+salbutamol+window", searched),
    "compared": ("?page=Search&q=asthma+salbutamol+window", compared),
    "similar": ("?page=Search&q=asthma+salbutamol+window", alike),
    "library": ("?page=Library", listed),
    "map": ("?page=Map", mapped),
    "report": ("?page=Challenge&part=reports", reported),
    "results": ("?page=Challenge&part=results", listed),
    "judging": ("?page=Challenge&part=judging", judged),
}
"""Address, and what brings the page into the state."""

HARM_SHOWS = {"ask", "search", "compared", "similar", "report", "judging"}
"""States in which the text of a record that means harm is to be seen."""


@pytest.mark.parametrize("name", STATES)
def test_a_page_in_every_look(served: Served, tab: Open, name: str) -> None:
    """It fits its width, what hostile records hold is text, and axe-core finds no serious violation."""
    address, ready = STATES[name]
    page = tab(served.url + address, height=1600)  # it checks at the end that no script of a record has run
    ready(page)
    settled(page)
    for frame in page.frames:
        assert frame.locator("img[src=x], [onerror], [onload], [onmouseover], a[href^='javascript:']").count() == 0
        assert frame.evaluate("window.harmed") is None
    if name in HARM_SHOWS:
        assert page.get_by_text("window.harmed").count() > 0
    assert "\u202e" not in page.locator("[data-testid=stMain]").inner_text()
    assert len(page.content()) < 3_000_000  # a title of a megabyte is cut wherever it shows
    looks(page, name)
    look_closely(page)


def test_the_welcome_in_every_look(empty: Served, tab: Open) -> None:
    page = tab(empty.url)
    page.get_by_role("button", name="Use the sample library").wait_for()
    looks(page, "welcome", height=1100)
    look_closely(page)


def test_a_report_is_a_page_by_itself(served: Served, tab: Open) -> None:
    page = tab((served.library / "runs" / "challenge" / "report.html").as_uri())
    assert page.get_by_text("window.harmed").count() > 0
    assert page.locator("script, img, [onerror]").count() == 0
    page.evaluate("document.querySelectorAll('details').forEach(one => { one.open = true; })")
    for width in WIDTHS:
        for theme in THEMES:
            page.set_viewport_size({"width": width, "height": 1600})
            page.emulate_media(color_scheme=theme)
            page.screenshot(path=OUTPUT / f"report-file-{width}-{theme}.png")
            assert page.evaluate("document.documentElement.scrollWidth") <= width
    if AXE.is_file():
        for theme in THEMES:
            page.emulate_media(color_scheme=theme)
            violations = serious(page)
            assert not violations, told(violations, theme)


def look_closely(page: Page) -> None:
    """What axe-core finds in both themes; the elements and what is wrong with them stand in the failure."""
    if not AXE.is_file():
        return
    for theme in THEMES:
        page.emulate_media(color_scheme=theme)
        settled(page)
        violations = serious(page)
        assert not violations, told(violations, theme)


def told(violations: dict[str, list[str]], theme: str) -> str:
    lines = [f"axe-core, {theme}:"]
    for rule, elements in violations.items():
        lines += [rule, *(f"  {element}" for element in elements)]
    return "\n".join(lines)


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
        violation["id"]: [f"{node['html'][:300]}  {node.get('failureSummary', '')}" for node in violation["nodes"]]
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
