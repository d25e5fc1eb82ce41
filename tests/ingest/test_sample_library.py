"""The sample library must be honest: real facts, own words, no number from nowhere.

The first half reads the shipped file only. The second half holds every record against the
source data the facts were taken from, and is skipped where that data is not at hand.
"""

from __future__ import annotations

import functools
import gzip
import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from lxml import etree

PROJECT = Path(__file__).parents[2]
SAMPLE = PROJECT / "ingest" / "data" / "sample_library.xml"
SOURCE_FILES = (
    "cohen2006/corpus.jsonl.gz",
    "pubmedqa/corpus.jsonl.gz",
    "pubtator/beir/corpus.jsonl",
)

MAX_SHARED_RUN = 7
"""Longest run of words a summary may share with the published abstract."""

SMALLEST_CHECKED_WORD_NUMBER = 11
"""Spelled-out numbers below this are ordinary prose ("one drug or the other")."""


@dataclass(frozen=True)
class Record:
    """What one sample record states, as read by this test and by nothing else."""

    pmid: str
    title: str
    sections: tuple[tuple[str, str], ...]
    authors: tuple[str, ...]
    headings: tuple[str, ...]
    keywords: tuple[str, ...]
    notes: tuple[str, ...]
    journal: str
    year: str
    volume: str
    pages: str

    @property
    def summary(self) -> str:
        """All sections as one text, which is what the comparisons need."""
        return " ".join(text for _, text in self.sections)


@dataclass(frozen=True)
class Source:
    """The same study in the source data; ``None`` where the set does not hold the fact."""

    title: str
    text: str
    authors: tuple[str, ...] | None
    headings: tuple[str, ...] | None
    year: str | None


def _strings(node: etree._Element, path: str) -> tuple[str, ...]:
    return tuple("".join(map(str, found.itertext())).strip() for found in node.findall(path))


def _author(node: etree._Element) -> str:
    return f"{node.findtext('LastName')}, {node.findtext('ForeName')}"


@functools.cache
def _root() -> etree._Element:
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False)
    return etree.parse(str(SAMPLE), parser).getroot()


@functools.cache
def _records() -> tuple[Record, ...]:
    found = []
    for article in _root().findall("PubmedArticle"):
        sections = tuple(
            (part.get("Label") or "", "".join(map(str, part.itertext())).strip())
            for part in article.findall(".//Abstract/AbstractText")
        )
        found.append(
            Record(
                pmid=article.findtext("MedlineCitation/PMID") or "",
                title="".join(_strings(article, ".//ArticleTitle")),
                sections=sections,
                authors=tuple(map(_author, article.findall(".//AuthorList/Author"))),
                headings=_strings(article, ".//MeshHeading/DescriptorName"),
                keywords=_strings(article, ".//Keyword"),
                notes=_strings(article, "MedlineCitation/GeneralNote"),
                journal=article.findtext(".//Journal/ISOAbbreviation") or "",
                year=article.findtext(".//Journal//PubDate/Year") or "",
                volume=article.findtext(".//JournalIssue/Volume") or "",
                pages=article.findtext(".//MedlinePgn") or "",
            )
        )
    return tuple(found)


def _source_dir() -> Path:
    """The source data beside the project, or a skip that says what is missing."""
    folder = PROJECT.parent / "shared" / "data"
    missing = [name for name in SOURCE_FILES if not (folder / name).is_file()]
    if missing:
        pytest.skip(f"source data not found in ../shared/data: {', '.join(missing)}")
    return folder


def _lines(path: Path) -> Iterator[Mapping[str, Any]]:
    if path.suffix == ".gz":
        with gzip.open(path, "rt", encoding="utf-8") as stream:
            yield from map(json.loads, stream)
    else:
        with path.open(encoding="utf-8") as stream:
            yield from map(json.loads, stream)


@functools.cache
def _sources(folder: Path) -> Mapping[str, Source]:
    wanted = {record.pmid for record in _records()}
    found: dict[str, Source] = {}
    for name in SOURCE_FILES:
        for row in _lines(folder / name):
            pmid = str(row["_id"])
            if pmid not in wanted or pmid in found:
                continue
            meta = row["metadata"]
            names = meta.get("authors")
            mesh = meta.get("mesh")
            found[pmid] = Source(
                title=row["title"],
                text=row["text"],
                authors=None if names is None else tuple(n for n in names.split("; ") if n),
                headings=None if mesh is None else tuple(mesh),
                year=meta.get("year"),
            )
    return found


@pytest.fixture
def sources() -> Mapping[str, Source]:
    """The studies as the source data has them; absent data skips the test."""
    return _sources(_source_dir())


# --- measures of likeness -----------------------------------------------------------------


def _words(text: str) -> list[str]:
    return re.findall(r"[^\W\d_]+|\d+(?:[.,]\d+)*", text.lower())


def _longest_shared_run(left: Sequence[str], right: Sequence[str]) -> int:
    """Length of the longest run of consecutive words that both texts hold."""
    best = 0
    above = [0] * (len(right) + 1)
    for word in left:
        row = [0] * (len(right) + 1)
        for column, other in enumerate(right, start=1):
            if word == other:
                row[column] = above[column - 1] + 1
                best = max(best, row[column])
        above = row
    return best


_UNITS = {
    word: value
    for value, word in enumerate(
        [
            "zero",
            "one",
            "two",
            "three",
            "four",
            "five",
            "six",
            "seven",
            "eight",
            "nine",
            "ten",
            "eleven",
            "twelve",
            "thirteen",
            "fourteen",
            "fifteen",
            "sixteen",
            "seventeen",
            "eighteen",
            "nineteen",
        ]
    )
}
_TENS = {
    word: 10 * value
    for value, word in enumerate(
        ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"], start=2
    )
}


def _spelled_numbers(text: str) -> set[Decimal]:
    """Values of spelled-out whole numbers, so that "Seventy-six patients" counts as 76."""
    values: set[Decimal] = set()
    total: int | None = None
    words = [*re.findall(r"[^\W\d_]+", text.lower()), ""]
    for place, word in enumerate(words):
        if word in _UNITS or word in _TENS:
            total = (total or 0) + (_UNITS[word] if word in _UNITS else _TENS[word])
        elif word == "hundred" and total is not None:
            total *= 100
        elif word == "and" and place and words[place - 1] == "hundred" and total is not None:
            continue
        elif total is not None:
            values.add(Decimal(total))
            total = None
    return values


def _digit_numbers(text: str) -> set[Decimal]:
    found = re.findall(r"\d+(?:,\d{3})+(?:\.\d+)?|\d*\.\d+|\d+", text)
    return {Decimal(number.replace(",", "")) for number in found}


def _stated_numbers(summary: str) -> set[Decimal]:
    spelled = {n for n in _spelled_numbers(summary) if n >= SMALLEST_CHECKED_WORD_NUMBER}
    return _digit_numbers(re.sub(r"(?<=\d) (?=\d{3}\b)", "", summary)) | spelled


def _known_numbers(source: str) -> set[Decimal]:
    """Every value the source could be read to state, oddly spaced numbers joined too."""
    joined = re.sub(r"(?<=\d\.) (?=\d)", "", source)
    grouped = re.sub(r"(?<=\d) (?=\d{3}\b)", "", source)
    return _digit_numbers(source) | _digit_numbers(joined) | _digit_numbers(grouped) | _spelled_numbers(source)


def _sentences(text: str) -> list[str]:
    return [part for part in re.split(r"(?<=[.?!])\s+(?=[A-Z])", text) if len(part.split()) > 3]


# --- the file by itself -------------------------------------------------------------------


def test_file_is_one_pubmed_article_set() -> None:
    """A reader of real PubMed files must be able to take this one as it is."""
    assert _root().tag == "PubmedArticleSet"
    assert _root().getroottree().docinfo.public_id == ("-//NLM//DTD PubMedArticle, 1st January 2025//EN")
    assert 50 <= len(_records()) <= 75


def test_pmids_are_distinct_and_agree_with_the_article_ids() -> None:
    """A PMID is the key of a record, so it may neither repeat nor differ within one."""
    counts = Counter(record.pmid for record in _records())
    assert [pmid for pmid, count in counts.items() if count > 1] == []
    assert all(pmid.isdigit() for pmid in counts)
    ids = _strings(_root(), ".//ArticleId[@IdType='pubmed']")
    assert ids == tuple(record.pmid for record in _records())


def test_each_record_has_a_title_and_a_labelled_abstract() -> None:
    """Cited answers need sentences to cite, and the labels say which part they come from."""
    for record in _records():
        assert record.title, record.pmid
        assert 2 <= len(record.sections) <= 4, record.pmid
        assert all(label and text for label, text in record.sections), record.pmid
        assert len(_sentences(record.summary)) >= 4, record.pmid
        assert len(record.summary.split()) >= 80, record.pmid


def test_label_and_category_are_nlm_categories() -> None:
    """The labels are ours, so they can be the plain NLM ones throughout."""
    allowed = {"BACKGROUND", "OBJECTIVE", "METHODS", "RESULTS", "CONCLUSIONS"}
    for part in _root().iterfind(".//AbstractText"):
        assert part.get("Label") in allowed
        assert part.get("NlmCategory") == part.get("Label")


def test_most_records_are_indexed() -> None:
    """Filters by MeSH term need headings to show anything."""
    indexed = [record for record in _records() if record.headings or record.keywords]
    assert len(indexed) >= 0.9 * len(_records())


def test_each_record_says_that_its_abstract_is_a_summary() -> None:
    """No reader may take these texts for the published abstracts."""
    for record in _records():
        assert any(note.startswith("SUMMARY: ") for note in record.notes), record.pmid
        assert any("not the published abstract" in note for note in record.notes), record.pmid


# --- the file against its sources ---------------------------------------------------------


def test_each_study_is_in_the_source_data(sources: Mapping[str, Source]) -> None:
    """Only studies whose facts can be shown belong in the library."""
    assert sorted({record.pmid for record in _records()} - set(sources)) == []


def test_titles_authors_and_headings_are_those_of_the_source(
    sources: Mapping[str, Source],
) -> None:
    """Bibliographic facts are copied; where the source is silent the record is too."""
    for record in _records():
        source = sources[record.pmid]
        assert record.title == source.title, record.pmid
        assert record.authors == (source.authors or ()), record.pmid
        assert record.headings == (source.headings or ()), record.pmid


def test_journal_and_year_are_stated_only_where_the_source_states_them(
    sources: Mapping[str, Source],
) -> None:
    """A journal or year from memory would look as sure as a copied one."""
    for record in _records():
        source = sources[record.pmid]
        if record.journal or record.volume or record.pages:
            citation = f"{record.journal}. {record.year};{record.volume}:{record.pages}"
            assert source.text.endswith(citation), record.pmid
        elif record.year:
            assert record.year == source.year, record.pmid


def test_no_summary_copies_the_published_abstract(sources: Mapping[str, Source]) -> None:
    """The published abstracts are not ours to ship; the summaries must be new text."""
    copied = {}
    for record in _records():
        published = _words(sources[record.pmid].text)
        run = max(_longest_shared_run(_words(text), published) for _, text in record.sections)
        if run > MAX_SHARED_RUN:
            copied[record.pmid] = run
    assert copied == {}


def test_every_number_in_a_summary_is_in_the_source(sources: Mapping[str, Source]) -> None:
    """A wrong number in a sample would teach readers to distrust every cited answer."""
    unknown = {}
    for record in _records():
        source = sources[record.pmid]
        extra = _stated_numbers(record.summary) - _known_numbers(f"{source.title} {source.text}")
        if extra:
            unknown[record.pmid] = sorted(extra)
    assert unknown == {}


# --- the measures themselves --------------------------------------------------------------


def test_shared_run_counts_consecutive_words() -> None:
    """A measure that missed copied text would make the check above worthless."""
    left = _words("Ulcers were seen in 4.1% of the patients.")
    assert _longest_shared_run(left, _words("ulcers WERE seen, in 4.1 percent of the")) == 5
    assert _longest_shared_run(left, _words("nothing alike")) == 0


def test_numbers_are_compared_by_value() -> None:
    """Sources write .046, "9. 6%", 10 135 and "Seventy-six" for what a summary writes plainly."""
    known = _known_numbers("Six hundred forty-one of 10 135 or 11,008; P = .046; 9. 6%; Seventy-six")
    assert {Decimal(n) for n in ("641", "10135", "11008", "0.046", "9.6", "76")} <= known
    assert _stated_numbers("one of 12 and sixteen") == {Decimal(12), Decimal(16)}
