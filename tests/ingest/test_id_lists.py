"""Files that name articles: what is taken for an identifier, what is not, and what is said of the rest."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pubmed_rag.core.errors import DamagedFileError, UnrecognisedFormatError
from pubmed_rag.core.records import RejectedRecord
from pubmed_rag.ingest import id_lists
from pubmed_rag.ingest.formats import FileItem, Format, read_records, recognise
from pubmed_rag.ingest.id_lists import Named

SICI = "10.1002/(SICI)1097-0258(19980815/30)17:15/16<1661::AID-SIM968>3.0.CO;2-2"


def read(text: str | bytes, tmp_path: Path) -> list[FileItem]:
    path = tmp_path / "given.txt"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return list(read_records(path))


def named(items: list[FileItem]) -> list[tuple[int, str | None, str | None]]:
    return [(item.line, item.pmid, item.doi) for item in items if isinstance(item, Named)]


def refused(items: list[FileItem]) -> list[tuple[str, str]]:
    """(line, reason) of what was rejected."""
    return [(item.source.rpartition(", ")[2], item.reason) for item in items if isinstance(item, RejectedRecord)]


def pmids(text: str, tmp_path: Path) -> list[str | None]:
    items = read(text, tmp_path)
    assert refused(items) == []
    return [item.pmid for item in items if isinstance(item, Named)]


# -- plain lists -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "11\n22\n33\n",
        "11\r\n22\r\n33",
        "11\r22\r33\r",
        "11, 22, 33",
        "11,22,33,\n",
        "11 22\t33",
        "11;22; 33",
        "\ufeff11\n\n22\n33",
        '"11",\n"22",\n"33"\n',
        "PMID: 11\npmid:22\nPMID 33\n",
        "PMID: 11, PMID: 22; PubMed ID: 33",
        "# my reading list\n11  # the first\n22\n33\n",
        "https://pubmed.ncbi.nlm.nih.gov/11/\npubmed.ncbi.nlm.nih.gov/22\nhttps://www.ncbi.nlm.nih.gov/pubmed/33?x=1\n",
        "https://pubmed.ncbi.nlm.nih.gov/11/, https://pubmed.ncbi.nlm.nih.gov/22/ 33",
    ],
)
def test_pmids_however_they_are_listed(text: str, tmp_path: Path) -> None:
    assert pmids(text, tmp_path) == ["11", "22", "33"]


@pytest.mark.parametrize(
    "text",
    [
        f"10.1000/abc\n{SICI}\n10.1234/x,y\n",
        f"10.1000/abc, {SICI}, 10.1234/x,y",
        f"10.1000/abc,{SICI},10.1234/x,y",
        f"doi:10.1000/abc\nDOI: {SICI}\nhttps://doi.org/10.1234/x,y\n",
        f"http://dx.doi.org/10.1000/abc\n{SICI};\n10.1234/x,y.\n",
    ],
)
def test_dois_however_they_are_listed(text: str, tmp_path: Path) -> None:
    items = read(text, tmp_path)
    assert [item.doi for item in items if isinstance(item, Named)] == ["10.1000/abc", SICI, "10.1234/x,y"]
    assert refused(items) == []


def test_lines_are_counted_and_strangers_named(tmp_path: Path) -> None:
    items = read("# head\n\n11\n10.1000/a\n22 33\nPMC12345\n44\n0\n55\n66\n77\n88\n", tmp_path)
    assert named(items)[:4] == [(3, "11", None), (4, None, "10.1000/a"), (5, "22", None), (5, "33", None)]
    assert refused(items) == [
        ("line 6", "'PMC12345' is neither a PMID nor a DOI"),
        ("line 8", "'0' is neither a PMID nor a DOI"),
    ]


@pytest.mark.parametrize(
    "text",
    [
        "Dear colleague,\n12345678\n",
        "12345678 is the paper I mean.\n",
        "12345678\tA title\n",
        "1.5\n2.5\n",
        "2024-01-01\n2024-01-02\n",
        "123456789012\n",
        "-1\n-2\n",
        "NCT01234567\nNCT01234568\n",
        "PMC123456\nPMC123457\n",
        "word\nDOI\nword\n",
        "a, b, doi.org\n1, 2, 3\n",
        "[1, 2, 3]",
        "query-id\tcorpus-id\tscore\nq1\td1\t1\n",
        "# only a comment\n",
    ],
)
def test_other_text_is_still_refused(text: str, tmp_path: Path) -> None:
    with pytest.raises(UnrecognisedFormatError):
        read(text, tmp_path)


@given(
    st.lists(st.integers(1, 99_999_999).map(str), min_size=1, max_size=50),
    st.sampled_from(["\n", ", ", "\r\n", " ", ";"]),
)
def test_every_list_of_numbers_comes_back(numbers: list[str], separator: str) -> None:
    content = separator.join(numbers).encode()
    assert recognise(content, "x") is Format.IDS
    assert [item.pmid for item in id_lists.read_list(io.BytesIO(content), "x") if isinstance(item, Named)] == numbers


# -- RIS ---------------------------------------------------------------------------------------------


def ris(*lines: str) -> str:
    return "\n".join(("TY  - JOUR", *lines, "ER  - ", ""))


@pytest.mark.parametrize(
    ("lines", "pmid", "doi"),
    [
        (["DB  - PubMed", "AN  - 123"], "123", None),
        (["DP  - NLM", "AN  - 123", "ID  - 7", "M1  - 3"], "123", None),
        (["DB  - Ovid MEDLINE(R) ALL", "AN  - 123"], "123", None),
        (["DB  - Scopus", "C2  - 123", "AN  - 9"], "123", None),
        (["DB  - Embase", "AN  - 2012345678", "DO  - 10.1000/a"], None, "10.1000/a"),
        (["N1  - From Duplicate 1 (PMID: 123)"], "123", None),
        (["AN  - PMID: 123"], "123", None),
        (["UR  - https://pubmed.ncbi.nlm.nih.gov/123/"], "123", None),
        (["L2  - http://www.ncbi.nlm.nih.gov/pubmed/123"], "123", None),
        (["PMID - 123"], "123", None),
        (["DO  - https://doi.org/10.1000/a"], None, "10.1000/a"),
        (["DO  - 10.1000/a", "AN  - 123", "DB  - PubMed"], "123", "10.1000/a"),
        (["UR  - https://doi.org/10.1000/a"], None, "10.1000/a"),
        (["M3  - doi: 10.1000/a"], None, "10.1000/a"),
        (["C2  - PMC123", "DO  - 10.1000/a"], None, "10.1000/a"),
        (["DO  - ", "DO  - 10.1000/a"], None, "10.1000/a"),
        (["N1  - a note that goes", "on: PMID: 123"], "123", None),
    ],
)  # fmt: skip
def test_ris_fields_that_may_hold_an_identifier(
    lines: list[str], pmid: str | None, doi: str | None, tmp_path: Path
) -> None:
    assert named(read(ris("TI  - A title", *lines), tmp_path)) == [(1, pmid, doi)]


def test_a_number_of_no_named_database_needs_its_title(tmp_path: Path) -> None:
    (item,) = read(ris("TI  - A title", "AN  - 123"), tmp_path)
    assert isinstance(item, Named)
    assert (item.pmid, item.title) == ("123", "A title")
    assert refused(read(ris("AN  - 123"), tmp_path)) == [("line 1", "it has neither a PMID nor a DOI")]


@pytest.mark.parametrize(
    "line", ["AN  - 2012345678\nDB  - Embase", "ID  - 5\nDB  - CINAHL", "M1  - 12", "AB  - PMID: 5"]
)
def test_numbers_that_are_something_else(line: str, tmp_path: Path) -> None:
    items = read(ris("TI  - A title", line), tmp_path)
    assert refused(items) == [("line 1", "it has neither a PMID nor a DOI (A title)")]


def test_ris_records_are_told_apart_even_where_their_ends_are_missing(tmp_path: Path) -> None:
    text = (
        "\ufeff\nScopus\nEXPORT DATE: 1 May 2026\n\n"
        + ris("DO  - 10.1000/a")
        + "TY  - JOUR\nDO  - 10.1000/b\n"
        + ("\nTY  - BOOK\r\nTI  - Nothing\r\nER  -\r\n\r\nTY  - JOUR\r\nDO  - 10.1000/c")
    )
    items = read(text, tmp_path)
    assert named(items) == [(5, None, "10.1000/a"), (8, None, "10.1000/b"), (15, None, "10.1000/c")]
    assert refused(items) == [("line 11", "it has neither a PMID nor a DOI (Nothing)")]


# -- tables ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("head", "rows"),
    [
        ("PMID", ["123"]),
        ("pmid,doi", ["123,10.1000/a"]),
        ("PMID,Title,Authors,Citation,First Author,Journal/Book,Publication Year,Create Date,PMCID,NIHMS ID,DOI",
         ['123,"A title, with comma",X,Y,Z,J,2020,2020/01/01,,,10.1000/a']),
        ("Title;PubMed ID;DOI", ["A title;123;10.1000/a"]),
        ("title|pubmed_id|doi", ["A title|123|10.1000/a"]),
        ('"Key","Item Type","Title","DOI","Url","Extra"', ['"K","journalArticle","T","10.1000/a","","PMID: 123"']),
        ('"Authors","Title","Year","DOI","Link","PubMed ID","EID"', ['"X","T","2020","10.1000/a","l","123","2-s2"']),
        ("PT\tAU\tTI\tDI\tPM", ["J\tX\tT\t10.1000/a\t123"]),
        ("DOI,URL", ["10.1000/a,https://pubmed.ncbi.nlm.nih.gov/123/"]),
        ("Title,Accession Number,Database,DOI", ["T,123,PubMed,10.1000/a"]),
        ("sep=;\nPMID;DOI", ["123;https://doi.org/10.1000/a"]),
        ('"About the data: exported on 1 May 2026"\n"PMID","DOI"', ['"123","10.1000/a"']),
        ("PMID,Year", ["123.0,2020"]),
        (" Pmid ,x", [" 123 ,y"]),
    ],
)  # fmt: skip
@pytest.mark.parametrize("bom", ["", "\ufeff"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_tables_of_all_sorts(head: str, rows: list[str], bom: str, end: str, tmp_path: Path) -> None:
    lines = [*head.split("\n"), *rows]
    items = read(bom + end.join(lines) + end, tmp_path)
    ((line, pmid, doi),) = named(items)
    assert (line, pmid) == (len(lines), "123")
    assert doi in {"10.1000/a", None}
    assert (doi is None) == ("10.1000/a" not in rows[0])


def test_rows_with_line_breaks_keep_the_count_of_lines(tmp_path: Path) -> None:
    items = read('title,pmid\n"One\nand a half",1\nTwo,\nThree,3\n\nFour,x4\n"Five",12,345\n', tmp_path)
    assert named(items) == [(2, "1", None), (5, "3", None), (8, "12", None)]
    assert refused(items) == [
        ("line 4", "it has neither a PMID nor a DOI (Two)"),
        ("line 7", "'x4' is not a PMID (Four)"),
    ]


@pytest.mark.parametrize("cell", ['"12,345,678"', "1.2E+07", "12345678 and others", "NaN"])
def test_a_cell_that_is_no_pmid_is_not_guessed_at(cell: str, tmp_path: Path) -> None:
    items = read(f"pmid,year\n{cell},2020\n5,2020\n", tmp_path)
    assert named(items) == [(3, "5", None)]
    assert refused(items) == [("line 2", f"'{cell.strip(chr(34))}' is not a PMID")]


def test_an_accession_number_needs_a_title_or_its_database(tmp_path: Path) -> None:
    text = "Title,Accession Number,DOI\nA title,123,\nOther,456,10.1000/b\n,789,\n"
    items = read(text, tmp_path)
    assert named(items) == [(2, "123", None), (3, None, "10.1000/b")]
    assert isinstance(items[0], Named)
    assert items[0].title == "A title"
    assert refused(items) == [("line 4", "it has neither a PMID nor a DOI")]


def test_an_unclosed_quotation_mark_is_damage(tmp_path: Path) -> None:
    rest = "".join(f"x,{n}\n" for n in range(30_000))
    path = tmp_path / "cut.csv"
    path.write_text(f'title,pmid\nOne,1\n"never closed,2\n{rest}')
    items = []
    with pytest.raises(DamagedFileError, match=r"after line 3 .*field larger") as caught:
        for item in read_records(path):
            items.append(item)
    assert named(items) == [(2, "1", None)]
    assert "quotation mark" in str(caught.value)


def test_latin_1_does_not_matter(tmp_path: Path) -> None:
    assert named(read("title;pmid\nFörster;1\n".encode("latin-1"), tmp_path)) == [(2, "1", None)]
