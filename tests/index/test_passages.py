"""Articles cut into passages: whatever the text, an offset points at what it says."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from pubmed_rag.core.records import Article, Passage, Section
from pubmed_rag.index.passages import sentences, whole
from tests.support import article


def texts(found: list[Passage]) -> list[str]:
    return [passage.text for passage in found]


def test_the_title_is_one_sentence_and_the_abstract_is_split() -> None:
    found = sentences(article("1", "Does it help? A trial. And more.", "We asked. It helped by 0.5 mg. So it does."))
    assert texts(found) == ["Does it help? A trial. And more.", "We asked.", "It helped by 0.5 mg.", "So it does."]
    assert {passage.article_id for passage in found} == {"1"}


def test_a_sentence_knows_its_section() -> None:
    found = sentences(article("1", "Title.", ("METHODS", "We asked. We looked."), ("RESULTS", "It helped.")))
    assert [(passage.section, passage.text) for passage in found] == [
        (None, "Title."),
        ("METHODS", "We asked."),
        ("METHODS", "We looked."),
        ("RESULTS", "It helped."),
    ]


def test_labels_printed_in_an_unstructured_abstract_name_sections_and_are_not_text() -> None:
    printed = "BACKGROUND: It is common. We asked why. METHODS We looked. RESULTS: It fell. CONCLUSIONS. It helps."
    found = sentences(article("1", "Title.", printed))[1:]
    assert [
        (passage.section, passage.text) for passage in found if passage.text.endswith(("why.", "fell.", "mon."))
    ] == [
        ("BACKGROUND", "It is common."),
        ("BACKGROUND", "We asked why."),
        ("RESULTS", "It fell."),
    ]
    assert ("METHODS", "We looked.") in [(passage.section, passage.text) for passage in found]


def test_words_that_only_look_like_labels_stay() -> None:
    found = sentences(article("1", "Title.", "RESULTS were good. Methods were simple. DESIGN of trials matters."))[1:]
    assert texts(found) == ["RESULTS were good.", "Methods were simple.", "DESIGN of trials matters."]
    assert {passage.section for passage in found} == {None}


def test_a_stated_label_is_believed_before_a_printed_one() -> None:
    found = sentences(article("1", "", ("OBJECTIVE", "RESULTS: They were awaited.")))
    assert [(passage.section, passage.text) for passage in found] == [("OBJECTIVE", "RESULTS: They were awaited.")]


def test_missing_parts_give_no_passages() -> None:
    assert sentences(article("1")) == []
    assert texts(sentences(article("1", "Only a title."))) == ["Only a title."]
    assert texts(sentences(article("1", "", "Only an abstract."))) == ["Only an abstract."]
    assert texts(sentences(article("1", "T.", ("METHODS", ""), ("RESULTS", "It fell.")))) == ["T.", "It fell."]
    assert whole(article("1")).text == ""


def test_unicode_offsets_count_characters() -> None:
    text = "β-Blockers ↓ mortality by 35\u202f% (𝑃 < 0.001). Naïve patients gained: 日本語。 e\u0301tude finale 👩🏽‍⚕️."
    item = article("1", "Ünïcode – ‘title’.", text)
    found = sentences(item)
    assert found[1].text.startswith("β-Blockers")
    assert all(item.text[passage.start : passage.end] == passage.text for passage in found)
    assert "".join("".join(texts(found[1:])).split()) == "".join(text.split())


_any_text = st.text(st.characters(exclude_categories=["Cs"]), max_size=120) | st.lists(
    st.sampled_from(
        ["It fell.", "RESULTS:", "METHODS", "e.g.", "0.5", "\n", " ", "  ", "?!", "A", "…", "β", "(P < .05)."]
    ),
    max_size=20,
).map(" ".join)
_sections = st.builds(Section, text=_any_text, label=st.none() | st.sampled_from(["METHODS", "Main Results", "β:"]))
_articles = st.builds(Article, id=st.just("1"), title=_any_text, abstract=st.lists(_sections, max_size=4).map(tuple))


@given(_articles)
def test_offsets_always_slice_in_order_without_overlap(item: Article) -> None:
    found = sentences(item)
    assert all(item.text[passage.start : passage.end] == passage.text for passage in found)
    assert all(left.end <= right.start for left, right in pairwise(found))
    # No passage is empty or has white space at its ends, but a title is taken as it stands.
    abstract = [passage for passage in found if passage.start > 0 or not item.title]
    assert all(passage.text == passage.text.strip() != "" for passage in abstract)
    assert whole(item).text == item.text


@given(_articles)
def test_no_word_of_an_abstract_is_lost(item: Article) -> None:
    """Only white space and printed labels stand outside the sentences."""
    covered: set[int] = set()
    for passage in sentences(item):
        covered.update(range(passage.start, passage.end))
    for span in item.spans:
        left_out = "".join(item.text[at] if at not in covered else " " for at in range(span.start, span.end))
        assert set(left_out.replace(":", " ").replace(".", " ").split()) <= {"RESULTS", "METHODS"}
