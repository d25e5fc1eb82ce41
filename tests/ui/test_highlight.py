"""What comes from a record shows as text, whatever it contains."""

from __future__ import annotations

import html
from dataclasses import replace
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from pubmed_rag.core.records import (
    Answer,
    Article,
    Citation,
    Claim,
    Explanation,
    Hit,
    Journal,
    Passage,
    Section,
    Unresolved,
)
from pubmed_rag.ui import page_article
from pubmed_rag.ui.highlight import (
    Html,
    clean,
    clip,
    escape,
    join,
    literal,
    marked,
    record_text,
    tag,
    with_commands,
    within,
    word_spans,
)
from pubmed_rag.ui.page_explained import explained

HOSTILE = [
    "<script>alert(1)</script>",
    '<img src=x onerror="alert(1)">',
    "\"><svg onload='alert(1)'>",
    "</bdi></div><iframe src=//example.org>",
    "[click](javascript:alert(1)) ![x](https://example.org/x.png)",
    "<https://example.org> https://example.org www.example.org a@example.org",
    "$\\href{https://example.org}{x}$ and $$x^2$$",
    ":red[danger] :material/delete: :smile: -> **bold** _em_ `code` ~~x~~",
    "# heading\n\n- item\n\n| a | b |\n|---|---|\n",
    "abc\u202edcba\u2066x\u2069 \u200f\u200e",
    "nul\x00 bell\x07 lone \ud800",
    "&lt;script&gt; &amp; &#60;b&#62;",
]

MARKUP = {
    "a",
    "bdi",
    "blockquote",
    "br",
    "button",
    "details",
    "dd",
    "div",
    "dl",
    "dt",
    "h3",
    "li",
    "mark",
    "p",
    "small",
}
MARKUP |= {"small", "span", "strong", "summary", "ul"}
ATTRIBUTES = {"aria-haspopup", "aria-label", "class", "href", "id", "lang", "rel", "role", "target", "title", "type"}
ATTRIBUTES |= {"popover", "popovertarget", "popovertargetaction"}


class _Seen(HTMLParser):
    """The elements and attributes of a piece of markup, and its text."""

    def __init__(self, markup: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.links: list[str] = []
        self.text = ""
        self.marks: list[str] = []
        self._in_mark = False
        self.feed(markup)
        self.close()

    def handle_starttag(self, name: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags.add(name)
        self.attributes |= {key for key, _ in attributes}
        self.links += [value or "" for key, value in attributes if key in ("href", "src")]
        if name == "mark":
            self.marks.append("")
            self._in_mark = True

    def handle_endtag(self, name: str) -> None:
        if name == "mark":
            self._in_mark = False

    def handle_data(self, data: str) -> None:
        self.text += data
        if self._in_mark:
            self.marks[-1] += data


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_becomes_no_markup(text: str) -> None:
    seen = _Seen(tag("p", text, record_text(text), marked(text, [(0, 3)]), title=text))
    assert seen.tags == {"p", "bdi", "mark"}
    assert seen.attributes == {"title"}
    assert clean(text) in seen.text


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_records_become_no_markup_in_any_view(text: str) -> None:
    article = Article(
        text,
        title=f"Title {text}",
        abstract=(Section(f"Finding {text}", label=f"RESULTS {text}"), Section(text)),
        pmid=text,
        doi=f"10.1/{text}",
        journal=Journal(title=text),
        notes=("SUMMARY: yes",),
    )
    part = article.spans[1]
    span = Passage(text, text, part.start, part.end, article.text[part.start : part.end])
    claim = Claim(f"Claim {text}", "supported", (Citation(1, text, text, (span,)),), "model")
    told = replace(
        Answer(text, "answered", text, (claim,), (), text, 0.0, 0, 1.0),
        explanations=(Explanation("term", text, text, text), Explanation("study", text, text, text, 1, (span,))),
    )
    hit = Hit(text, text, 1, 1.0, text, 2000, text, retracted=True)
    views = join(
        [
            page_article.claim_card(claim, {text: article}, "0"),
            page_article.claim_card(claim, {}, "1"),
            page_article.claim_card(replace(claim, translated=f"Frase {text}"), {}, "2"),
            explained(told),
            page_article.hit_card(hit, article, marked(text, []), [(0, 9)]),
            page_article.hit_card(hit, None, Html()),
            page_article.unused_list([hit], [hit]),
            page_article.unresolved_list([Unresolved(text, text)]),
        ]
    )
    seen = _Seen(views)
    assert seen.tags <= MARKUP
    assert not any(name.startswith("on") for name in seen.attributes)
    assert seen.attributes <= ATTRIBUTES
    assert all(link.startswith("https://doi.org/10.1/") for link in seen.links)
    assert not any(character in link for link in seen.links for character in "<>\"' \u202e")


def test_markup_passes_once_and_text_is_escaped_once() -> None:
    assert escape("a < b") == "a &lt; b"
    assert escape(escape("a < b")) == "a &lt; b"
    assert tag("p", tag("b", "x & y"), " & z") == "<p><b>x &amp; y</b> &amp; z</p>"
    assert tag("div", popover=True, id="a", title=None, hidden=False) == '<div popover id="a"></div>'


def test_marks_stand_at_the_offsets() -> None:
    text = "Carvedilol lowered mortality in heart failure."
    seen = _Seen(marked(text, [(11, 28), (0, 10), (20, 31)]))
    assert seen.marks == ["Carvedilol", "lowered mortality in"]
    assert seen.text == text


@given(st.text(max_size=60), st.lists(st.tuples(st.integers(-5, 70), st.integers(-5, 70)), max_size=6))
def test_marking_never_changes_the_text(text: str, spans: list[tuple[int, int]]) -> None:
    markup = marked(text, spans)
    plain = html.unescape(markup.replace("<mark>", "").replace("</mark>", "")[len("<bdi>") : -len("</bdi>")])
    assert plain == html.unescape(html.escape(clean(text)))


def test_a_megabyte_is_shortened_and_what_is_marked_is_seen() -> None:
    text = "x" * 1_000_000 + " the finding " + "y" * 1_000_000
    markup = marked(text, [(1_000_001, 1_000_012)])
    assert len(markup) < 30_000
    assert "<mark>the finding</mark>" in markup
    assert len(clip("t" * 1_000_000)) == 601
    huge = Article("1", title="t" * 1_000_000, abstract=(Section("The finding."),))
    hit = Hit("1", None, 1, 1.0, huge.title, None, None, retracted=False)
    assert len(page_article.hit_card(hit, huge, Html())) < 3_000
    assert marked("word " * 10_000, [(n, n + 4) for n in range(0, 50_000, 5)]).count("<mark>") == 500


def test_spans_are_cut_to_a_section() -> None:
    assert within([(0, 5), (8, 12), (30, 40)], 10, 20) == [(0, 2)]


def _stems(word: str) -> list[str]:
    return [word.rstrip("s").removesuffix("e").removesuffix("ed")]


def test_words_match_by_their_index_term() -> None:
    text = "Beta-blockers reduce deaths; the blocker reduced mortality."
    found = word_spans(
        text, frozenset({"blocker", "reduc"}), lambda word: [word.rstrip("s").removesuffix("e").removesuffix("ed")]
    )
    assert [text[a:b] for a, b in found] == ["blockers", "reduce", "blocker", "reduced"]
    assert word_spans(text, frozenset(), str.split) == []


@pytest.mark.parametrize("text", HOSTILE)
def test_markdown_of_hostile_text_is_one_plain_line(text: str) -> None:
    rendered = MarkdownIt("commonmark", {"linkify": False}).enable(["table", "strikethrough"]).render(literal(text))
    seen = _Seen(rendered)
    assert seen.tags <= {"p"}
    assert seen.text.strip().replace("\u2060", "") == " ".join(clean(text).split())
    assert ":smile:" not in seen.text
    assert ":material/delete:" not in seen.text


def test_commands_are_set_as_code_and_nothing_else() -> None:
    shown = with_commands("no *index* yet; run 'pubmed-rag index build', or 'rm -rf'")
    assert shown == r"no \*index\* yet\; run `pubmed-rag index build`\, or \'rm \-rf\'"


def test_links_only_for_what_looks_like_an_identifier() -> None:
    good = Article("1", pmid="123", doi="10.1000/a b(c)")
    assert _Seen(page_article.links(good)).links == [
        "https://pubmed.ncbi.nlm.nih.gov/123/",
        "https://doi.org/10.1000/a%20b(c)",
    ]
    assert page_article.links(Article("MED-10", doi="javascript:alert(1)")) == ""
