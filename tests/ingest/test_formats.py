"""Formats are told by content; damaged files give what they still hold."""

from __future__ import annotations

import bz2
import contextlib
import gzip
import io
import json
import os
import zlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pubmed_rag.core.errors import DamagedFileError, InputError, UnrecognisedFormatError
from pubmed_rag.core.records import Article
from pubmed_rag.core.store import article_digest
from pubmed_rag.ingest import beir, id_lists, medline, pubmed_xml
from pubmed_rag.ingest.content import Gunzip
from pubmed_rag.ingest.formats import FileItem, Format, read_records, recognise
from pubmed_rag.ingest.id_lists import Named
from tests.ingest.xml_builder import article, xml_set

pytestmark = pytest.mark.timeout(30)

XML = xml_set(article("1"), article("2"), article("3"))
MEDLINE = b"\nPMID- 1\nTI  - One.\n\nPMID- 2\nTI  - Two.\n\nPMID- 3\nTI  - Three.\n"
BEIR = b"".join(json.dumps({"_id": str(n), "title": "T", "text": "x"}).encode() + b"\n" for n in (1, 2, 3))
RIS = b"".join(b"TY  - JOUR\nDB  - PubMed\nAN  - %d\nER  - \n\n" % n for n in (1, 2, 3))
TABLE = b'Title,PMID\n"One, two",1\nTwo,2\nThree,3\n'
IDS = b"1\n2\n3\n"
ALL = {Format.PUBMED_XML: XML, Format.MEDLINE: MEDLINE, Format.BEIR: BEIR,
       Format.RIS: RIS, Format.TABLE: TABLE, Format.IDS: IDS}  # fmt: skip
WITH_ARTICLES = [kind for kind in ALL if not kind.names_only]


def ids(path: Path) -> list[str]:
    """Ids of the articles that a file holds, or the PMIDs of those that it names."""
    items = list(read_records(path))
    return [
        item.id if isinstance(item, Article) else str(item.pmid) for item in items if isinstance(item, Article | Named)
    ]


def collect(path: Path) -> tuple[list[FileItem], DamagedFileError]:
    """The items that come before the damage, and the damage."""
    items: list[FileItem] = []
    with pytest.raises(DamagedFileError) as caught:
        for item in read_records(path):
            items.append(item)
    return items, caught.value


@pytest.mark.parametrize("kind", ALL)
@pytest.mark.parametrize("bom", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("packed", [False, True])
def test_type_is_found_by_content_not_by_name(kind: Format, bom: bytes, packed: bool, tmp_path: Path) -> None:
    content = bom + ALL[kind]
    path = tmp_path / "download.pdf"
    path.write_bytes(gzip.compress(content) if packed else content)
    assert recognise(content, "x") is kind
    assert ids(path) == ["1", "2", "3"]


def test_several_gzip_members_and_padding(tmp_path: Path) -> None:
    path = tmp_path / "two.gz"
    path.write_bytes(gzip.compress(BEIR[:30]) + gzip.compress(BEIR[30:]) + b"\0" * 1024)
    assert ids(path) == ["1", "2", "3"]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is empty"),
        (b" \n\t\n", "is empty"),
        (gzip.compress(b""), "is empty"),
        (b"<!DOCTYPE html>\n<html><head/></html>", "is an HTML page"),
        (b"\n<HTML><body>502 Bad Gateway", "is an HTML page"),
        (
            b'<?xml version="1.0"?>\n<!-- x --><rss version="2.0"></rss>',
            r"is XML of another kind \(its root is <rss>\)",
        ),
        (b"<eFetchResult><ERROR>x</ERROR></eFetchResult>", "its root is <eFetchResult>"),
        (b'<?xml version="1.0" ?>\n<!DOCTYPE PubmedArticleSet>\n', "has no root element"),
        ("<?xml version='1.0' encoding='UTF-16'?><PubmedArticleSet/>".encode("utf-16"), "is UTF-16 text"),
        ("<PubmedArticleSet/>".encode("utf-16-le"), "is UTF-16 text"),
        ("PMID- 1\n".encode("utf-16-be"), "is UTF-16 text"),
        (b'{"title": "no id"}', 'no "_id"'),
        (b'[{"_id": "1"}]', "is a JSON array"),
        (b"1\t2\t3 trials\n4\t5\t6 trials\n", "is text of no known kind"),
        (b"Year,Deaths\n1999,12\n", "is text of no known kind"),
        (b"%PDF-1.7", "is a PDF"),
        (b"PK\x03\x04", "is a ZIP"),
        (bz2.compress(XML), "is a bzip2 file"),
        (gzip.compress(gzip.compress(XML)), "is gzip inside gzip"),
        (b"\x7fELF\0\0\0", "is a binary file"),
        (b"Dear colleague,\n", "is text of no known kind"),
    ],
)
def test_anything_else_is_refused_in_words(content: bytes, words: str, tmp_path: Path) -> None:
    path = tmp_path / "pubmed.xml"
    path.write_bytes(content)
    with pytest.raises(UnrecognisedFormatError, match=words) as caught:
        list(read_records(path))
    assert caught.value.message.startswith(str(path))
    assert "accepted are" in str(caught.value)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"nowhere\.xml cannot be read: No such file"):
        list(read_records(tmp_path / "nowhere.xml"))


@pytest.mark.parametrize("kind", WITH_ARTICLES)
def test_a_truncated_gzip_gives_whole_records_only(kind: Format, tmp_path: Path) -> None:
    many = {
        Format.PUBMED_XML: xml_set(*(article(str(n), title=f"Title {n * 7919}") for n in range(1, 400))),
        Format.MEDLINE: b"".join(b"PMID- %d\nTI  - Title %d.\n\n" % (n, n * 7919) for n in range(1, 400)),
        Format.BEIR: b"".join(b'{"_id": "%d", "text": "Title %d."}\n' % (n, n * 7919) for n in range(1, 400)),
    }[kind]
    path = tmp_path / "cut.gz"
    path.write_bytes(gzip.compress(many))
    whole = list(read_records(path))
    path.write_bytes(gzip.compress(many)[:-200])
    items, damage = collect(path)
    assert str(damage).startswith(f"{path} is a gzip file, but it is cut short")
    assert len(items) > 100
    assert items == whole[: len(items)]


def test_a_wrong_checksum_is_damage(tmp_path: Path) -> None:
    path = tmp_path / "bad.gz"
    packed = bytearray(gzip.compress(XML))
    packed[-6] ^= 1
    path.write_bytes(packed)
    assert "is damaged" in str(collect(path)[1])


def test_a_truncated_xml_gives_its_records_and_the_line(tmp_path: Path) -> None:
    path = tmp_path / "cut.xml"
    path.write_bytes(XML[: XML.index(b"<PubmedArticle>", 800)])
    items, damage = collect(path)
    assert [item.id for item in items if isinstance(item, Article)] == ["1", "2"]
    assert f"{path} is not well-formed XML at line" in str(damage)


@given(st.binary(max_size=5000), st.integers(1, 4096), st.data())
def test_gunzip_gives_a_prefix_of_what_gzip_packed(content: bytes, size: int, data: st.DataObject) -> None:
    packed = gzip.compress(content)
    cut = data.draw(st.integers(2, len(packed)))
    stream = Gunzip(io.BytesIO(packed[:cut]))
    blocks = []
    while block := stream.read(size):
        blocks.append(block)
    unpacked = b"".join(blocks)
    assert (stream.damage is None) == (cut == len(packed))
    assert content.startswith(unpacked)
    assert unpacked == zlib.decompressobj(31).decompress(packed[:cut])


@given(st.sampled_from(list(ALL)), st.integers(0), st.binary(max_size=3))
def test_no_damage_is_fatal(kind: Format, place: int, junk: bytes) -> None:
    """Whatever bytes a file holds, reading it ends or raises one of the errors a user understands."""
    content = ALL[kind]
    place %= len(content)
    content = content[:place] + junk + content[place + len(junk) :]
    with contextlib.suppress(InputError):
        recognise(content, "x")
        readers = {
            Format.PUBMED_XML: pubmed_xml.iter_records,
            Format.MEDLINE: medline.iter_records,
            Format.BEIR: beir.iter_records,
            Format.RIS: id_lists.read_ris,
            Format.TABLE: lambda stream, source: id_lists.read_table(
                stream, source, content.decode("utf-8", "replace")
            ),
            Format.IDS: id_lists.read_list,
        }
        assert len(list(readers[kind](io.BytesIO(content), "x"))) <= 6


def test_a_file_name_that_is_no_text(tmp_path: Path) -> None:
    path = Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9.xml"))
    try:
        path.write_bytes(XML)
    except OSError:
        pytest.skip("this file system takes only UTF-8 names")
    item = next(read_records(path))
    assert isinstance(item, Article)
    assert article_digest(item)
    assert item.source.endswith("/caf\ufffd.xml")
