"""The ways people take through the page, in a real browser."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.browser.conftest import Open, Served, serve, settled, shot

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = [pytest.mark.browser, pytest.mark.slow]

MEDLINE = b"""
PMID- 31
TI  - Bisoprolol in heart failure.
AB  - Bisoprolol reduced mortality in heart failure.
DP  - 1999 Jan
"""


@pytest.fixture
def empty(browser: Browser, tmp_path: Path) -> Iterator[Served]:
    with serve(tmp_path / "library", tmp_path / "models") as running:
        yield running


def search(served: Served, query: str) -> str:
    return f"{served.url}?page=Search&q={query.replace(' ', '+')}"


def test_from_nothing_over_the_sample_to_a_citation(empty: Served, tab: Open) -> None:
    page = tab(empty.url)
    page.get_by_role("button", name="Use the sample library").click()
    question = page.get_by_role("button", name="Do beta blockers reduce mortality")
    question.wait_for()
    shot(page, "journey-sample-is-ready")
    question.click()
    page.get_by_role("heading", name="Sources").wait_for()
    chip = page.locator(".prag-chip").first
    chip.focus()
    page.keyboard.press("Enter")
    panel = page.locator(".prag-panel:popover-open")
    panel.wait_for()
    assert panel.locator("mark").count() >= 1
    link = panel.get_by_role("link", name=re.compile("PubMed")).get_attribute("href")
    assert link
    assert link.startswith("https://pubmed.ncbi.nlm.nih.gov/")
    shot(page, "journey-citation")
    page.keyboard.press("Escape")
    panel.wait_for(state="hidden")
    assert "q=Do+beta" in page.url


def test_searches_are_compared_side_by_side(served: Served, tab: Open) -> None:
    page = tab(search(served, "asthma placebo"))
    page.locator(".prag-hit").first.wait_for()
    page.get_by_text("Side by side").click()
    page.get_by_text("found on both sides").wait_for()
    settled(page)
    link = page.locator(".prag-mark a").first
    target = link.get_attribute("href")
    assert target
    link.click()
    assert page.locator(target).evaluate("element => element.matches(':target')")
    shot(page, "journey-side-by-side")


def test_years_are_brushed(served: Served, tab: Open) -> None:
    page = tab(search(served, "asthma salbutamol"), height=1400)
    page.locator(".prag-hit").first.wait_for()
    page.get_by_text("Filters", exact=True).click()
    chart = page.locator("[data-testid=stVegaLiteChart] canvas, [data-testid=stVegaLiteChart] svg").first
    chart.wait_for()
    settled(page)
    box = chart.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] * 0.3, box["y"] + box["height"] * 0.4)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.6, box["y"] + box["height"] * 0.5, steps=8)
    page.mouse.up()
    first = page.get_by_label("From year")
    page.wait_for_function("document.querySelector('input[aria-label=\"From year\"]').value !== ''")
    settled(page)
    years = int(first.input_value()), int(page.get_by_label("To year").input_value())
    assert 1990 < years[0] <= years[1] < 2019
    shown = page.locator(".prag-about").all_inner_texts()
    found = [int(year) for text in shown for year in re.findall(r"\b(?:19|20)\d\d\b", text)]
    assert found
    assert all(years[0] <= year <= years[1] for year in found)
    shot(page, "journey-years")


def test_a_file_is_uploaded_while_another_tab_asks(served: Served, tab: Open) -> None:
    asking = tab(f"{served.url}?q=Does+aspirin+prevent+stroke+compared+with+placebo%3F")
    adding = tab(f"{served.url}?page=Library")
    adding.locator("input[type=file]").set_input_files(
        {"name": "../new.nbib", "mimeType": "text/plain", "buffer": MEDLINE}
    )
    adding.get_by_text("new.nbib").first.wait_for()
    adding.get_by_role("button", name="Add these files").click()
    adding.get_by_text("1 new, 0 revised").first.wait_for()
    asking.get_by_role("heading", name="Sources").wait_for()
    asking.get_by_text("library of 62 articles").wait_for()  # without being reloaded
    found = tab(search(served, "bisoprolol"))
    found.get_by_text("Bisoprolol in heart failure").first.wait_for()
    shot(adding, "journey-uploaded")


def test_results_leave_as_ris_that_a_parser_reads(served: Served, tab: Open, tmp_path: Path) -> None:
    import rispy

    page = tab(search(served, "carvedilol"))
    page.locator(".prag-hit").first.wait_for()
    page.get_by_text(re.compile("Save these .* articles")).click()
    with page.expect_download() as download:
        page.get_by_role("button", name=re.compile("Save .* as a file")).click()
    download.value.save_as(tmp_path / "saved.ris")
    entries = rispy.loads((tmp_path / "saved.ris").read_text(encoding="utf-8"))
    assert len(entries) > 10
    assert any("Carvedilol" in entry.get("title", entry.get("primary_title", "")) for entry in entries)


def test_each_of_several_tabs_gets_its_own_answer(served: Served, tab: Open) -> None:
    subjects = {"aspirin": "stroke", "salbutamol": "asthma", "carvedilol": "heart failure"}
    pages: dict[str, Page] = {
        drug: tab(f"{served.url}?q=Is+{drug}+compared+with+placebo+in+patients+with+{disease.replace(' ', '+')}%3F")
        for drug, disease in subjects.items()
    }
    for drug, page in pages.items():
        page.get_by_role("heading", name="Sources").wait_for()
        assert drug in page.locator(".prag-claim").first.inner_text().casefold()


def test_the_map_opens_an_article_by_keyboard(served: Served, tab: Open) -> None:
    page = tab(f"{served.url}?page=Map", height=1300)
    page.get_by_role("button", name="Draw the map").click()
    page.get_by_text("Colour by").wait_for()
    settled(page)
    shot(page, "journey-map")
    box = page.get_by_role("combobox", name="Group")
    box.click()
    page.get_by_role("option").first.click()
    settled(page)
    button = page.get_by_role("button", name=re.compile("trial")).first
    button.focus()
    page.keyboard.press("Enter")
    page.locator(".prag-hit .prag-abstract").wait_for()
