"""The fast reading of PubMed XML against the parser's: the same records, and the same words where a file is damaged."""

from __future__ import annotations

import gzip
import io
import random
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pubmed_rag.core.errors import DamagedFileError
from pubmed_rag.core.records import Article, RejectedRecord
from pubmed_rag.ingest.items import Deleted, Item
from pubmed_rag.ingest.pubmed_raw_text import Unsure
from pubmed_rag.ingest.pubmed_scan import scan_article
from pubmed_rag.ingest.pubmed_tree import iter_tree
from pubmed_rag.ingest.pubmed_xml import iter_records
from tests.generate import generate_xml
from tests.ingest.test_dtd import Trickle, as_file, records
from tests.ingest.xml_builder import article, xml_set

RECORDS = [record.decode() for record in generate_xml(12, seed=5)]
TURNS = (
    b"<", b">", b"&", b"&amp;", b"&#7;", b"&#x3b2;", b"&none;", b"]]>", b"\x00", b"\x0b", b"\xff", b"\xef\xbf\xbf",
    b'"', b" ", b"/", b"<i>", b"</i>", b"<i/>", b"<b></b>", b"<!-- x -->", b"<!--</PubmedArticle>-->",
    b"<![CDATA[<b>]]>", b"<?pi?>", b"\r", b"\xc2\xa0", b"</PubmedArticle>", b"<PubmedArticle>", b"</PubmedArticleSet>",
    b"<a b='1' b='2'/>", b"<Country/>", b' UI="x"', b' xmlns="y"', b"<Year>2000</Year>", b"</Reference>",
    b"<Citation>x</Citation>", b"1",
)  # fmt: skip

STARTED_OVER = re.compile("no element found|Start tag expected|Extra content|invalid element name, line [12],")


def outcome(items: Iterator[Item]) -> tuple[list[Item], str]:
    """What was read, and with what words reading ended."""
    found: list[Item] = []
    try:
        found.extend(items)
    except DamagedFileError as error:
        return found, error.message
    return found, ""


def same(data: bytes, at_once: int = 1 << 20) -> tuple[list[Item], str]:
    """What both readers make of ``data``, which is the same.

    After some errors (an undefined entity, a root element that ends too early) lxml starts over and may complain
    of what follows instead, which depends on where its portions of the file end. Those words may differ.
    """
    fast = outcome(iter_records(Trickle(data, at_once), "some.xml"))
    slow = outcome(iter_tree(io.BytesIO(data), "some.xml"))
    assert fast[0] == slow[0]
    assert bool(fast[1]) == bool(slow[1])
    if not any(STARTED_OVER.search(words) for _, words in (fast, slow)):
        assert fast[1] == slow[1]
    return fast


def scanned(text: str) -> bool:
    try:
        scan_article(text, "some.xml")
    except Unsure:
        return False
    return True


@given(st.lists(records(), max_size=3), st.integers(20, 5000))
@settings(max_examples=40)
def test_any_records_the_dtd_allows(drawn: list[tuple[str, Article]], at_once: int) -> None:
    same(as_file([xml for xml, _ in drawn]), at_once)


@given(st.data())
@settings(max_examples=300)
def test_damage_of_any_kind_anywhere(data: st.DataObject) -> None:
    """A stretch is replaced by something that has a meaning in XML, or has none and should have."""
    whole = xml_set(*data.draw(st.lists(st.sampled_from(RECORDS), min_size=1, max_size=3)))
    start = data.draw(st.integers(0, len(whole)))
    length = data.draw(st.sampled_from([0, 0, 0, 1, 5, 200]))
    same(whole[:start] + data.draw(st.sampled_from(TURNS)) + whole[start + length :])


@given(st.data())
@settings(max_examples=100)
def test_a_file_cut_anywhere(data: st.DataObject) -> None:
    whole = xml_set(*RECORDS[:3])
    same(whole[: data.draw(st.integers(0, len(whole)))], data.draw(st.integers(200, 100_000)))


@given(st.data())
@settings(max_examples=200)
def test_a_tag_of_any_record_left_out_or_twice(data: st.DataObject) -> None:
    whole = xml_set(*RECORDS[:2])
    tags = [at for at in range(len(whole)) if whole[at : at + 1] == b"<"]
    start = data.draw(st.sampled_from(tags))
    end = whole.index(b">", start) + 1
    same(whole[:start] + whole[start:end] * data.draw(st.sampled_from([0, 2])) + whole[end:])


def test_most_records_need_no_parser() -> None:
    records = generate_text(400)
    assert sum(scanned(record.strip()) for record in records) >= 390  # the others have a formula


@pytest.mark.parametrize(
    "inside",
    [
        "<Reference><Citation>A & B</Citation></Reference>",
        "<Reference><Citation>A <i>B</Citation></Reference>",
        "<Reference><Citation><i><b>A</i></b></Citation></Reference>",
        "<Reference><Citation>A ]]> B</Citation></Reference>",
        "<Reference><Citation>A</Reference>",
        '<Reference><Citation>A</Citation><ArticleIdList><ArticleId IdType="pmc">&none;</ArticleId></ArticleIdList>'
        "</Reference>",
    ],
)
def test_a_reference_list_that_is_not_well_formed(inside: str) -> None:
    good, bad = article("1"), article("2", data=f"<ReferenceList>{inside}</ReferenceList>")
    found, words = same(xml_set(good, bad, article("3")))
    assert [item.id for item in found if isinstance(item, Article)] == ["1"]
    assert "some.xml is not well-formed XML" in words


def test_the_line_is_named_deep_in_a_long_file() -> None:
    records = [*RECORDS, *generate_text(80), "<PubmedArticle><oops></PubmedArticle>"]
    _, words = same(xml_set(*records))
    line = xml_set(*records).partition(b"<oops>")[0].count(b"\n") + 1
    assert f"at line {line}:" in words


def generate_text(n: int) -> list[str]:
    return [record.decode() for record in generate_xml(n, seed=6, first_pmid=100)]


def test_a_bad_record_among_good_ones() -> None:
    found, words = same(xml_set(RECORDS[0], article("x"), RECORDS[1], "<PubmedArticle/>", RECORDS[2]))
    assert [type(item) for item in found] == [Article, RejectedRecord, Article, RejectedRecord, Article]
    assert not words


def test_deletions_between_and_after_records() -> None:
    gone = "<DeleteCitation><PMID Version='1'>8</PMID><!-- x --><PMID>9</PMID></DeleteCitation>"
    found, words = same(xml_set(RECORDS[0], gone, RECORDS[1], gone))
    assert [type(item) for item in found] == [Article, Deleted, Article, Deleted]
    assert not words


@pytest.mark.parametrize(
    "head",
    [
        '<?xml version="1.0" encoding="ISO-8859-1"?><PubmedArticleSet>',
        "<?xml version='1.0'?><PubmedArticleSet>",
        '<PubmedArticleSet xmlns="http://example.org/">',
        "<!-- first --><PubmedArticleSet>",
        '<!DOCTYPE PubmedArticleSet [<!ENTITY beta "b">]><PubmedArticleSet>',
        '<!DOCTYPE PubmedArticleSet SYSTEM "x.dtd"><PubmedArticleSet>',
        "<Other><PubmedArticleSet>",
        "",
        "text",
        "  \n<?xml version='1.0'?><PubmedArticleSet>",
    ],
)
def test_whatever_a_file_begins_with(head: str) -> None:
    for title in ("plain", "a &beta; b", "caf\xe9"):
        for tail in (
            "</PubmedArticleSet>",
            "</PubmedArticleSet>\n<!-- last -->",
            "</PubmedArticleSet>x",
            "",
            "</Other>",
        ):
            same((head + article("1", title=title) + tail).encode("latin-1"))


def test_every_real_file(real_data: Path) -> None:
    count = fast = 0
    for path in sorted((real_data / "pubmed_xml").rglob("*")):
        if not path.name.endswith((".xml", ".xml.gz")):
            continue
        data = path.read_bytes()
        data = gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data
        found, _ = same(data)
        count += sum(isinstance(item, Article) for item in found)
        for record in data.split(b"<PubmedArticle>")[1:]:
            body, closing, _ = record.partition(b"</PubmedArticle>")
            fast += scanned((b"<PubmedArticle>" + body + closing).decode("utf-8", "replace"))
    assert count > 200
    assert fast > 0.9 * count  # the others are read by the parser


def test_damaged_real_files(real_data: Path) -> None:
    chance = random.Random(7)
    paths = [path for path in sorted((real_data / "pubmed_xml").rglob("*.xml")) if path.stat().st_size < 60_000]
    for path in chance.sample(paths, 100):
        data = path.read_bytes()
        at = chance.randrange(len(data))
        same(data[:at] + chance.choice(TURNS) + data[at + chance.choice((0, 1, 30)) :])
