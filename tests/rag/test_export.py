"""What leaves for other programs can be read there: every format is read again by another program's parser."""

from __future__ import annotations

import csv
import io
import json
import re
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pubmed_rag.core.errors import InputError, UsageError
from pubmed_rag.core.records import (
    Article,
    Author,
    Chemical,
    Correction,
    Journal,
    MeshHeading,
    MeshQualifier,
    PartialDate,
    Section,
    Term,
)
from pubmed_rag.ingest.formats import read_records
from pubmed_rag.ingest.medline import iter_records
from pubmed_rag.rag.csl import STYLES, abstract_text, csl_item, references
from pubmed_rag.rag.export import FORMATS, as_format, export_articles
from pubmed_rag.rag.nbib import nbib
from tests.support import article, shared_data

FULL = Article(
    id="11386263",
    pmid="11386263",
    title="Effect of β-blockers & 50% less {death} in C:\\heart_failure: $5 ~ #1.",
    abstract=(Section("We asked “why”.", "BACKGROUND"), Section("Mortality fell by 35% (P < 0.001).", "RESULTS")),
    journal=Journal(
        "The New England journal of medicine", "N Engl J Med", "0255562", ("0028-4793",), "United States", "344",
        "22", "1651-8",
    ),
    published=PartialDate(2001, 5, 31),
    published_electronically=PartialDate(2001, 5, 30),
    entered=PartialDate(2001, 6, 1),
    revised=PartialDate(2016, 11, 24),
    authors=(
        Author("Packer", "Milton", "M"),
        Author("O'Connor-Müller", "Jane A", "JA"),
        Author(collective_name="Prevention and Survival, Study Group"),
    ),
    publication_types=(Term("Journal Article"), Term("Randomized Controlled Trial")),
    mesh=(MeshHeading("Heart Failure", qualifiers=(MeshQualifier("drug therapy", major=True),)),),
    keywords=("carvedilol", "heart failure"),
    chemicals=(Chemical("Carvedilol", registry_number="0K47UL67F2"),),
    doi="10.1056/nejm200105313442201",
    pmcid="PMC1234567",
    languages=("eng",),
    status="MEDLINE",
)  # fmt: skip
RETRACTED = replace(FULL, id="2", pmid="2", corrections=(Correction("RetractionIn", "99", "Some J. 2002"),))


def text_of(to: str, *articles: Article) -> str:
    return export_articles(articles, as_format(to)).text


def test_csl_json_has_the_contracts_keys() -> None:
    first, second = json.loads(text_of("csl-json", FULL, RETRACTED))
    assert first == csl_item(FULL)
    assert (first["id"], first["PMID"], first["DOI"]) == ("11386263", "11386263", "10.1056/nejm200105313442201")
    assert first["title"] == FULL.title
    assert first["abstract"] == "BACKGROUND: We asked “why”. RESULTS: Mortality fell by 35% (P < 0.001)."
    assert first["author"][0] == {"family": "Packer", "given": "Milton"}
    assert first["author"][2] == {"literal": "Prevention and Survival, Study Group"}
    assert first["container-title"] == "The New England journal of medicine"
    assert first["issued"] == {"date-parts": [[2001, 5, 31]]}
    assert "custom" not in first
    assert second["custom"] == {"retracted": True}


def test_ris_is_read_by_our_own_reader_and_by_rispy(tmp_path: Path) -> None:
    import rispy

    path = tmp_path / "export.ris"
    path.write_text(text_of("ris", FULL, RETRACTED), encoding="utf-8")
    assert [getattr(item, "pmid", None) for item in read_records(path)] == ["11386263", "2"]
    first, second = rispy.loads(path.read_text(encoding="utf-8"))
    assert first["title"] == FULL.title
    assert first["authors"] == ["Packer, Milton", "O'Connor-Müller, Jane A", "Prevention and Survival, Study Group"]
    assert (first["start_page"], first["end_page"]) == ("1651", "1658")
    assert "notes" not in first
    assert second["notes"] == ["RETRACTED PUBLICATION"]
    assert second["type_of_work"] == "Retracted Publication"


def plain(latex: str) -> str:
    """LaTeX as a person sees it."""
    from pylatexenc.latex2text import LatexNodes2Text

    for command, brace in ((r"{\textbraceleft}", r"\{"), (r"{\textbraceright}", r"\}")):  # unknown to this reader
        latex = latex.replace(command, brace)
    return str(LatexNodes2Text().latex_to_text(latex))


def test_bibtex_is_read_by_pybtex() -> None:
    from pybtex.database import parse_string

    entries = parse_string(text_of("bibtex", FULL, RETRACTED), "bibtex").entries
    first, second = entries["packer2001_11386263"], entries["packer2001_2"]
    assert plain(first.fields["title"]) == FULL.title
    assert plain(first.fields["abstract"]).replace("''", "”").replace("``", "“") == (
        "BACKGROUND: We asked “why”. RESULTS: Mortality fell by 35% (P < 0.001)."
    )
    people = first.persons["author"]
    assert [plain(" ".join(person.last_names)) for person in people] == [
        "Packer", "O'Connor-Müller", "Prevention and Survival, Study Group",
    ]  # fmt: skip
    assert first.fields["doi"] == FULL.doi
    assert first.fields["pages"] == "1651--1658"
    assert "note" not in first.fields
    assert second.fields["note"] == "RETRACTED PUBLICATION"


@given(
    st.text(
        alphabet=st.characters(blacklist_categories=("Cs", "Cc")) | st.sampled_from("{}\\%&$#_~^\"'@,"), max_size=60
    )
)
def test_no_title_breaks_a_file_of_bibtex_or_ris(title: str) -> None:
    import rispy
    from pybtex.database import parse_string

    hostile, after = replace(FULL, title=title), replace(FULL, id="7", pmid="7", title="After it.")
    entries = parse_string(text_of("bibtex", hostile, after), "bibtex").entries
    assert list(entries) == ["packer2001_11386263", "packer2001_7"]
    assert entries["packer2001_7"].fields["title"] == "{After it.}"
    records = rispy.loads(text_of("ris", hostile, after))
    assert len(records) == 2
    assert records[0]["title"] == " ".join(hostile.display_title().split())


def test_nbib_comes_back_as_it_went() -> None:
    (read,) = iter_records(io.BytesIO(nbib(FULL).encode()), "x")
    assert isinstance(read, Article)
    expected = replace(
        FULL, abstract=(Section("BACKGROUND: We asked “why”. RESULTS: Mortality fell by 35% (P < 0.001)."),)
    )
    assert read == replace(expected, source="x")


def test_nbib_keeps_retractions_and_leaves_out_what_has_no_pmid() -> None:
    (read,) = iter_records(io.BytesIO(text_of("nbib", RETRACTED).encode()), "x")
    assert isinstance(read, Article)
    assert read.is_retracted
    assert read.corrections == RETRACTED.corrections
    export = export_articles([article("s2", "Other.", pmid=None), FULL], "nbib")
    assert (export.articles, export.left_out) == (1, ("s2",))


def test_real_medline_files_survive_writing_and_reading() -> None:
    """What our reader gets from real files, it gets again from what we write: field by field."""
    folder = shared_data("pubmed_xml")
    compared = 0
    for path in sorted(folder.rglob("*")):
        if not path.is_file() or not re.search(rb"^PMID- ", path.read_bytes()[:20_000], re.MULTILINE):
            continue
        with path.open("rb") as stream:
            found = [item for item in iter_records(stream, "x") if isinstance(item, Article)]
        again = list(iter_records(io.BytesIO("".join(map(nbib, found)).encode()), "x"))
        for before, after in zip(found, again, strict=True):
            assert isinstance(after, Article)
            assert after == before, before.pmid
            compared += 1
    assert compared >= 5


def test_real_xml_records_keep_what_matters_in_nbib() -> None:
    compared = 0
    for path in sorted(shared_data("pubmed_xml").rglob("*.xml")):
        try:
            found = [item for item in read_records(path) if isinstance(item, Article) and item.pmid]
        except InputError:  # files made to be refused
            continue
        again = list(iter_records(io.BytesIO("".join(map(nbib, found)).encode()), "x"))
        for before, after in zip(found, again, strict=True):
            assert isinstance(after, Article), (before.pmid, after)
            assert (after.pmid, after.doi, after.year) == (before.pmid, before.doi, before.year)
            assert after.title == " ".join(before.title.split())
            assert [item.text for item in after.abstract] == [abstract_text(before)] * before.has_abstract
            assert [heading.name for heading in after.mesh] == [heading.name for heading in before.mesh]
            assert len(after.authors) == len(before.authors), before.pmid
            assert after.is_retracted == before.is_retracted
            compared += 1
    assert compared > 20


def test_csv_is_read_by_pandas() -> None:
    import pandas as pd

    text = text_of("csv", FULL, RETRACTED)
    frame = pd.read_csv(io.StringIO(text), dtype=str)
    assert list(frame["retracted"]) == ["no", "yes"]
    assert frame.loc[0, "title"] == FULL.title
    assert frame.loc[0, "authors"] == "Packer M; O'Connor-Müller JA; Prevention and Survival, Study Group"
    assert [row["pmid"] for row in csv.DictReader(io.StringIO(text))] == ["11386263", "2"]


def test_references_as_pubmed_prints_them_and_by_author_and_year() -> None:
    (vancouver,) = references([FULL], "vancouver")
    assert vancouver == (
        "Packer M, O'Connor-Müller JA, Prevention and Survival, Study Group. Effect of β-blockers & 50% less {death} "
        "in C:\\heart_failure: $5 ~ #1. N Engl J Med. 2001 May 31;344(22):1651–8. doi: 10.1056/nejm200105313442201. "
        "PMID: 11386263."
    )
    (apa,) = references([replace(FULL, authors=FULL.authors[:2])], "apa")
    assert apa.startswith("Packer, M., & O'Connor-Müller, J. A. (2001). Effect of")
    assert apa.endswith(
        "The New England journal of medicine, 344(22), 1651–8. https://doi.org/10.1056/nejm200105313442201"
    )


@pytest.mark.parametrize("style", STYLES)
def test_a_record_with_nothing_but_a_title_has_a_reference(style: str) -> None:
    (text,) = references([article("1", "A title.")], style)
    assert "A title." in text
    assert not re.search(r"[,;:]\s*[.,;:]|\.\s+\.|^[^\w(]", text), text


def test_seven_authors_end_in_et_al() -> None:
    many = replace(FULL, authors=tuple(Author(f"Name{letter}", "A", "A") for letter in "abcdefgh"))
    (text,) = references([many])
    assert text.startswith("Namea A, Nameb A, Namec A, Named A, Namee A, Namef A, et al. Effect")


def test_markdown_shows_titles_as_they_are_and_marks_retractions() -> None:
    hostile = replace(RETRACTED, title="# *Bold* [link](http://x) <script>alert(1)</script>")
    first, second = text_of("markdown", FULL, hostile).splitlines()
    assert first.startswith("1. Packer M")
    assert "RETRACTED" not in first
    assert "**RETRACTED PUBLICATION**" in second
    assert r"\# \*Bold\* \[link\](http://x) \<script\>" in second


@pytest.mark.parametrize("to", FORMATS)
def test_a_retraction_is_visible_in_every_format_and_nothing_is_a_format_too(to: str) -> None:
    assert "retract" not in re.sub(r'retracted",|,retracted,', "", text_of(to, FULL)).casefold()
    assert re.search("retract|RIN -|,yes,", text_of(to, RETRACTED), re.IGNORECASE)
    assert export_articles([], as_format(to)).articles == 0


def test_an_abstract_that_is_a_summary_says_so() -> None:
    summary = replace(FULL, notes=("SUMMARY: written for a sample.",))
    for to in ("ris", "bibtex", "csl-json", "nbib"):
        assert "summary" in text_of(to, summary).casefold()


def test_unknown_formats_and_styles(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="csl-json"):
        as_format("endnote")
    with pytest.raises(UsageError, match="vancouver"):
        export_articles([FULL], "markdown", style="chicago")
    broken = tmp_path / "broken.csl"
    broken.write_text("<style>", encoding="utf-8")
    with pytest.raises(InputError, match="CSL"):
        export_articles([FULL], "markdown", style=str(broken))
