"""Searching on the page, and what holds for both pages."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from pubmed_rag.core.records import Article, Journal, MeshHeading, PartialDate, Section, Term
from tests.ui.test_page import (
    ARTICLES,
    QUESTION,
    TinyLibrary,
    article,
    ask,
    button,
    markup,
    opened,
    search,
    tiny_library,
    words,
)


@pytest.fixture
def library(tmp_path: Path) -> Iterator[TinyLibrary]:
    with tiny_library(tmp_path) as made:
        yield made


def test_search_shows_ranked_hits_with_matched_words(library: TinyLibrary) -> None:
    page = search(opened(library), "carvedilol mortality")
    assert not page.exception
    shown = markup(page)
    assert "1." in shown
    assert "<mark>Carvedilol</mark> reduced <mark>mortality</mark>" in shown
    assert "<summary>Abstract</summary>" in shown
    assert "Retracted: the journal has withdrawn this paper" in shown
    assert "of 4 articles" in words(page)


def test_modes_and_filters_search_again(library: TinyLibrary) -> None:
    page = search(opened(library), "carvedilol")
    page.checkbox(key="kept.without_retracted").check().run()
    assert "withdrawn" not in markup(page)
    page.radio(key="kept.mode").set_value("bm25").run()
    assert markup(page).count('class="prag-hit"') == 1
    page.number_input(key="kept.year_from").set_value(2010).run()
    assert "Nothing found" in words(page)
    assert "Try without the filters" in words(page)
    page.number_input(key="kept.year_to").set_value(2005).run()
    assert "first year is after the last" in words(page)


def test_a_closer_look_needs_its_model_and_is_for_search_by_meaning_and_words(library: TinyLibrary) -> None:
    page = search(opened(library), "carvedilol")
    page.toggle(key="kept.closer").set_value(True).run()
    assert not page.exception
    assert "`pubmed-rag models pull smollm2-135m`" in words(page)
    page.radio(key="kept.mode").set_value("bm25").run()
    assert page.toggle(key="kept.closer").disabled
    assert markup(page).count('class="prag-hit"') == 2


def test_nothing_found_and_nothing_asked(library: TinyLibrary) -> None:
    page = search(opened(library), "")
    assert "Type something to search for first" in words(page)
    page.radio(key="kept.mode").set_value("bm25").run()
    assert "press Enter" in words(page)
    assert "Nothing found" in words(search(page, "zzzz"))


def test_an_index_behind_its_library_warns(library: TinyLibrary) -> None:
    library.store.upsert([article("15", "Bisoprolol in heart failure.", (None, "It helped."))])
    page = search(opened(library), "carvedilol")
    assert "1 change behind" in words(page).replace("\\", "")
    assert "`pubmed-rag index update`" in words(page)
    assert "1 change behind" in words(ask(opened(library), QUESTION)).replace("\\", "")


def test_an_article_deleted_under_the_page_is_no_error(library: TinyLibrary) -> None:
    page = ask(opened(library), QUESTION)
    library.store.delete(["11"])
    page.run()
    assert not page.exception
    assert "no longer in the library" in markup(page)


def test_a_hostile_record_shows_as_text(library: TinyLibrary) -> None:
    found = markup(search(opened(library), "asthma salbutamol"))
    asked = markup(ask(opened(library), "Does salbutamol relieve asthma within minutes?"))
    for shown in (found, asked):
        assert "&lt;img src=x onerror=alert(1)&gt;" in shown
        assert "<img" not in shown
        assert "<script" not in shown
        assert "&amp;lt;b&amp;gt;" in shown
    hostile = ask(opened(library), "<b onclick=alert(1)>bold</b> ![x](y)")
    assert "<b onclick" not in markup(hostile)


def test_every_input_has_a_label(library: TinyLibrary) -> None:
    asking = opened(library)
    searching = search(opened(library), "carvedilol")
    for page in (asking, searching):
        inputs = [*page.text_input, *page.slider, *page.number_input, *page.radio, *page.checkbox, *page.selectbox]
        assert inputs
        assert all(widget.label for widget in [*inputs, *page.button])


# -- the way to search -----------------------------------------------------------------------------


def test_what_was_understood_is_said_and_the_choice_wins(library: TinyLibrary) -> None:
    page = search(opened(library), QUESTION)
    assert "Understood as a question. Searched by: Meaning and words." in words(page)
    assert "Understood as keywords" in words(search(page, "carvedilol"))
    page = search(page, "carvedilol AND mortality")
    assert "Understood as a PubMed query. Searched by:" in words(page)
    page.radio(key="kept.mode").set_value("dense").run()
    assert "Searched as chosen: Meaning only." in words(page)


def test_the_translation_is_changed_and_searched_with(library: TinyLibrary) -> None:
    page = search(opened(library), "carvedilol[ti] AND mortality[ti]")
    assert markup(page).count('class="prag-hit"') == 1
    page.text_area[0].input('"carvedilol"[Title]\nOR "metoprolol"[Title]')
    page = button(page, "Search with this translation").click().run()
    assert page.text_input(key="kept.query").value == '"carvedilol"[Title] OR "metoprolol"[Title]'
    assert markup(page).count('class="prag-hit"') == 3
    assert "q" in page.query_params


def test_lists_by_pubmeds_rules_come_in_the_order_chosen(library: TinyLibrary) -> None:
    library.store.upsert([replace(ARTICLES[0], id="20", pmid="20", published=PartialDate(year=2024))])
    library.update_index()
    page = search(opened(library), "carvedilol[ti] AND 1900:2030[dp]")
    page.selectbox(key="kept.sort").set_value("date").run()
    assert re.findall(r"pubmed.ncbi.nlm.nih.gov/(\d+)/", markup(page))[0] == "20"
    assert not [found for found in search(page, "carvedilol").selectbox if found.key == "kept.sort"]


def test_side_by_side_links_the_common_and_marks_the_rest(library: TinyLibrary) -> None:
    page = opened(library)
    page.segmented_control(key="kept.page").set_value("Search").run()
    page.toggle(key="kept.both").set_value(True).run()
    page = search(page, "carvedilol")
    assert not page.exception
    left, right = (
        "".join(element.proto.body for element in column.get("html"))
        for column in page.columns
        if column.get("html") and "prag-hit" in column.get("html")[-1].proto.body
    )
    assert left.count('class="prag-hit"') == 2  # the only ones with the word
    assert right.count('class="prag-hit"') == 4
    assert left.count("on the other side") == right.count("on the other side") == 2
    assert right.count("Found on this side only") == 2
    assert "Found on this side only" not in left
    for link in re.findall(r'href="#([\w-]+)"', left):
        assert f'id="{link}"' in right
    assert "2 articles were found on both sides" in words(page)
    page.number_input(key="kept.year_from").set_value(2010).run()
    assert "Nothing found" in words(page)


def many(count: int) -> list[Article]:
    return [
        Article(
            str(100 + n),
            title=f"Aspirin in stroke, part {n}",
            abstract=(Section("Aspirin prevented stroke."),),
            pmid=str(100 + n),
            journal=Journal(title="Journal A" if n % 3 else "Journal B"),
            published=PartialDate(year=2000 + n % 5),
            publication_types=(Term("Review" if n % 2 else "Letter"),),
            mesh=(MeshHeading("Stroke"),),
            languages=("eng",),
        )
        for n in range(count)
    ]


@pytest.fixture
def larger(library: TinyLibrary) -> TinyLibrary:
    library.store.upsert(many(30))
    library.update_index()
    return library


def shown_titles(page: AppTest) -> list[str]:
    return re.findall(r"part (\d+)", re.sub(r"<[^>]+>", "", " ".join(re.findall(r"<h3.*?</h3>", markup(page)))))


def test_facets_count_the_results_and_narrow_them(larger: TinyLibrary) -> None:
    page = search(opened(larger), "aspirin stroke")
    page.radio(key="kept.mode").set_value("bm25").run()
    types = page.multiselect(key="kept.publication_types")
    assert types.options == ["Letter (15)", "Review (15)"]
    assert page.multiselect(key="kept.journals").options == ["Journal A (20)", "Journal B (10)"]
    assert page.multiselect(key="kept.languages").options == ["eng (30)"]
    types.select("Review (15)").run()
    assert "15 articles match" in words(page)
    page.multiselect(key="kept.journals").select("Journal B (5)").run()
    assert "5 articles match" in words(page)
    assert any("in use" in found.label for found in page.expander)
    button(page, "Clear all filters").click().run()
    assert "30 articles match" in words(page)
    assert page.multiselect(key="kept.publication_types").value == []


def test_a_stretch_of_years_drawn_in_the_chart_becomes_the_filter(larger: TinyLibrary) -> None:
    page = search(opened(larger), "aspirin stroke")
    page.radio(key="kept.mode").set_value("bm25").run()
    assert page.get("vega_lite_chart") or page.get("arrow_vega_lite_chart")
    page.number_input(key="kept.year_from").set_value(2002).run()
    page.number_input(key="kept.year_to").set_value(2003).run()
    assert "12 articles match" in words(page)


@pytest.mark.parametrize(
    ("ends", "years"), [([2001.6, 2003.4], (2002, 2003)), ([2001.4, 2003.6], (2001, 2004)), (None, (None, None))]
)
def test_half_a_year_belongs_to_the_nearer_bar(ends: list[float] | None, years: tuple[int | None, int | None]) -> None:
    from pubmed_rag.ui.page_filters import years_of

    assert years_of({"year": ends} if ends else {}) == years


def test_results_come_in_pages_and_a_new_search_begins_at_the_first(larger: TinyLibrary) -> None:
    page = search(opened(larger), "aspirin stroke")
    page.radio(key="kept.mode").set_value("bm25").run()
    first = shown_titles(page)
    assert len(first) == 10
    assert "Page 1 of 3" in words(page)
    assert next(found for found in page.button if found.label == "Previous").disabled
    button(page, "Next").click().run()
    second = shown_titles(page)
    button(page, "Next").click().run()
    assert sorted(map(int, [*first, *second, *shown_titles(page)])) == list(range(30))
    assert next(found for found in page.button if found.label == "Next").disabled
    assert "Page 1 of" in words(search(page, "stroke"))


def test_chosen_results_are_saved_and_all_where_none_is_chosen(larger: TinyLibrary) -> None:
    page = search(opened(larger), "aspirin stroke")
    page.radio(key="kept.mode").set_value("bm25").run()
    assert any(found.label == "Save these 30 articles" for found in page.expander)
    boxes = [found for found in page.checkbox if str(found.key).startswith("search.pick.")]
    boxes[0].check().run()
    page.checkbox(key=str(boxes[3].key)).check().run()
    assert any(found.label == "Save 2 chosen articles" for found in page.expander)
    page = search(page, "carvedilol")  # what was chosen stays chosen
    assert any(found.label == "Save 2 chosen articles" for found in page.expander)
    button(page, "Choose none").click().run()
    assert not any("chosen" in found.label for found in page.expander)


def test_the_next_search_sees_a_new_index_without_a_restart(library: TinyLibrary) -> None:
    page = search(opened(library), "bisoprolol")
    page.radio(key="kept.mode").set_value("bm25").run()
    assert "Nothing found" in words(page)
    library.store.upsert([article("15", "Bisoprolol in heart failure.", (None, "It helped."))])
    library.update_index()
    page.run()
    assert "<mark>Bisoprolol</mark>" in markup(page)


def test_a_title_of_a_megabyte_and_writing_from_the_right_stay_in_their_place(library: TinyLibrary) -> None:
    hostile = "asthma \u202e \u2066 </bdi></div><script>alert(1)</script> [a](javascript:alert(1)) " + "x" * 1_000_000
    library.store.upsert(
        [article("15", hostile, ("RESULTS\u202e", "Salbutamol \u202e relieved asthma " + "y" * 500_000))]
    )
    library.update_index()
    page = search(opened(library), "asthma salbutamol")
    assert not page.exception
    shown = markup(page)
    assert len(shown) < 200_000
    assert "<script" not in shown
    assert "\u202e" not in shown
    assert "\u2066" not in shown
    page.toggle(key="kept.both").set_value(True).run()
    assert "<script" not in markup(page)
    assert not page.exception


def test_similar_articles_take_the_place_of_the_results_and_give_it_back(larger: TinyLibrary) -> None:
    page = search(opened(larger), "carvedilol")
    page.radio(key="kept.mode").set_value("bm25").run()
    page = next(found for found in page.button if found.key == "search.like.11").click().run()
    assert not page.exception
    shown = markup(page)
    assert "Similar to" in shown
    assert "Beta blockers had been avoided" in shown
    assert shown.count('class="prag-hit"') > 5
    button(page, "Back to the results").click().run()
    assert markup(page).count('class="prag-hit"') == 2
    page = next(found for found in page.button if found.key == "search.like.11").click().run()
    assert "Similar to" not in markup(search(page, "aspirin"))
