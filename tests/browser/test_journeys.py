"""The ways people take through the page, in a real browser."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.browser.conftest import Open, Served, looks, settled, shot

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = [pytest.mark.browser, pytest.mark.slow]

MEDLINE = b"""
PMID- 31
TI  - Bisoprolol in heart failure.
AB  - Bisoprolol reduced mortality in heart failure.
DP  - 1999 Jan
"""


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
    looks(page, "journey-citation", height=900)
    page.keyboard.press("Escape")
    panel.wait_for(state="hidden")
    assert "q=Do+beta" in page.url


def test_searches_are_compared_side_by_side(served: Served, tab: Open) -> None:
    page = tab(search(served, "asthma placebo"))
    page.locator(".prag-hit").first.wait_for()
    page.get_by_text("Side by side").click()
    page.get_by_text("found on both sides").first.wait_for()
    settled(page)
    link = page.locator(".prag-mark a").first
    target = link.get_attribute("href")
    assert target
    link.click()
    assert page.locator(target).evaluate("element => element.matches(':target')")
    looks(page, "journey-side-by-side", height=1000)


def test_years_are_brushed(served: Served, tab: Open) -> None:
    page = tab(search(served, "asthma salbutamol"), height=1400)
    page.locator(".prag-hit").first.wait_for()
    page.get_by_text("Filters", exact=True).click()
    chart = page.locator("[data-testid=stVegaLiteChart] canvas, [data-testid=stVegaLiteChart] svg").first
    chart.wait_for()
    settled(page)
    box = chart.bounding_box()
    assert box is not None
    first = page.get_by_label("From year")
    for _ in range(3):  # on a busy machine the picture may be drawn anew under the pointer
        page.mouse.move(box["x"] + box["width"] * 0.3, box["y"] + box["height"] * 0.4)
        page.mouse.down()
        page.mouse.move(box["x"] + box["width"] * 0.6, box["y"] + box["height"] * 0.5, steps=8)
        page.mouse.up()
        page.wait_for_timeout(1500)
        settled(page)
        if first.input_value():
            break
    settled(page)
    years = int(first.input_value()), int(page.get_by_label("To year").input_value())
    assert 1990 < years[0] <= years[1] < 2019
    shown = page.locator(".prag-about").all_inner_texts()
    found = [int(year) for text in shown for year in re.findall(r"\b(?:19|20)\d\d\b", text)]
    assert found
    assert all(years[0] <= year <= years[1] for year in found)
    looks(page, "journey-years", height=1400)


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
    asking.get_by_text("library of 63 articles").first.wait_for()  # without being reloaded
    found = tab(search(served, "bisoprolol"))
    found.get_by_text("Bisoprolol in heart failure").first.wait_for()
    looks(adding, "journey-uploaded", height=1000)


def test_results_leave_as_ris_that_a_parser_reads(served: Served, tab: Open, tmp_path: Path) -> None:
    import rispy

    page = tab(search(served, "carvedilol heart failure"))
    page.locator(".prag-hit").first.wait_for()
    for number in (1, 2, 3):
        page.locator("[data-testid=stCheckbox]").filter(has_text=f"Choose result {number}").first.click()
        settled(page)
    page.get_by_text("Save 3 chosen articles").click()
    button = page.get_by_role("button", name="Save 3 as a file")
    button.wait_for()
    settled(page)
    with page.expect_download() as download:
        button.click()
    assert download.value.suggested_filename == "pubmed-rag.ris"
    download.value.save_as(tmp_path / "saved.ris")
    entries = rispy.loads((tmp_path / "saved.ris").read_text(encoding="utf-8"))
    titles = [entry.get("title") or entry.get("primary_title") or "" for entry in entries]
    shown = page.locator(".prag-title").all_inner_texts()[:3]
    assert [title in found for title, found in zip(titles, shown, strict=True)] == [True, True, True]
    assert all("Carvedilol" in title for title in titles)
    assert all(re.fullmatch(r"(19|20)\d\d.*", entry["year"]) for entry in entries)
    assert all("mortality" in entry["abstract"] for entry in entries)
    looks(page, "journey-ris", height=1200)


def test_a_bar_of_a_report_opens_its_topic(served: Served, tab: Open) -> None:
    page = tab(f"{served.url}?page=Challenge", height=2600)
    page.get_by_text("both wins 18 topics").first.wait_for()
    settled(page)
    chart = page.locator("[data-testid=stVegaLiteChart] canvas").last
    chart.scroll_into_view_if_needed()
    box = chart.bounding_box()
    assert box is not None
    page.mouse.click(box["x"] + box["width"] * 0.15, box["y"] + box["height"] * 0.35)
    page.get_by_role("heading", name="What explains it").wait_for()
    assert page.locator(".prag-relevant").count() >= 1
    looks(page, "journey-topic", height=2600)


def test_ten_results_are_judged_by_keys_and_become_qrels(served: Served, tab: Open) -> None:
    page = tab(f"{served.url}?page=Challenge&part=judging", height=1300)
    page.get_by_label("Queries, one a line").fill("asthma relieved\naspirin stroke")
    page.get_by_role("button", name="Begin or go on").click()
    page.locator(".prag-hit").first.wait_for()
    settled(page)
    assert not page.get_by_text(re.compile(r"\b(bm25|dense|hybrid|pubmed-any)\b")).count()  # blind
    page.get_by_role("heading", name="Judge what is found").click()  # out of the text box, where keys are text
    qrels = served.library / "runs" / "judgements" / "qrels" / "judged.tsv"
    given: list[tuple[str, str]] = []
    for number, key in enumerate("2102U22101212", start=1):
        title = page.locator(".prag-hit .prag-title").first.inner_text()
        page.keyboard.press(key)
        if key == "U":
            given.pop()
        else:
            given.append((title, key))
        page.get_by_text(re.compile(rf"^{len(given)} of \d+ judged$")).first.wait_for()
        settled(page)
        if number == 3:
            looks(page, "journey-judging", height=1300)
            page.set_viewport_size({"width": 1280, "height": 1300})
        if len(given) == 10:
            break
    lines = [line.split("\t") for line in qrels.read_text(encoding="utf-8").splitlines()]
    assert lines[0] == ["query-id", "corpus-id", "score"]
    assert [line[2] for line in lines[1:]] == [key for _, key in given]
    assert len({(line[0], line[1]) for line in lines[1:]}) == 10
    page.get_by_text("Your judgements (10)").click()
    row = page.get_by_role("row").filter(has_text=given[-1][0]).first
    assert {"2": "Relevant", "1": "Partly", "0": "Not relevant"}[given[-1][1]] in row.inner_text()
    settled(page)
    with page.expect_download() as download:
        page.get_by_role("button", name="Save the judgements").click()
    assert Path(download.value.path()).read_bytes() == qrels.read_bytes()
    page.get_by_role("button", name="Measure the systems").click()
    page.get_by_text(re.compile("on your judgements: ")).first.wait_for()
    looks(page, "journey-judged", height=1900)
    later = tab(f"{served.url}?page=Challenge&part=judging")  # and another day it goes on there
    later.get_by_role("button", name="Begin or go on").click()
    later.get_by_text(re.compile(r"^10 of \d+ judged$")).first.wait_for()


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
    page.get_by_text("Colour by").first.wait_for()
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
