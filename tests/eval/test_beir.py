"""BEIR folders: what is read, what is refused and in which words."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from pubmed_rag.core.errors import DamagedFileError, InputError
from pubmed_rag.eval.beir import read_beir
from pubmed_rag.eval.collections import Qrel, Topic

SHARED = Path(__file__).parents[2].parent / "shared" / "data"

CORPUS = '{"_id": "d1", "title": "T", "text": "one"}\n{"_id": "d2", "title": "T", "text": "two"}\n'
QUERIES = '{"_id": "q1", "text": " first  topic ", "metadata": {"kind": "claim"}}\n{"_id": 2, "text": "second"}\n'
QRELS = "query-id\tcorpus-id\tscore\n2\td2\t0\nq1\td1\t2\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    root = tmp_path / "tiny"
    (root / "qrels").mkdir(parents=True)
    (root / "corpus.jsonl").write_text(CORPUS, encoding="utf-8")
    (root / "queries.jsonl").write_text(QUERIES, encoding="utf-8")
    (root / "qrels" / "train.tsv").write_text(QRELS, encoding="utf-8")
    return root


def write_qrels(folder: Path, text: str) -> None:
    (folder / "qrels" / "train.tsv").write_text(text, encoding="utf-8")


def test_a_folder_is_read(folder: Path) -> None:
    collection = read_beir(folder, "train")
    assert collection.name == "tiny"
    assert collection.split == "train"
    assert collection.topics == (Topic("q1", "first topic", {"kind": "claim"}), Topic("2", "second"))
    assert collection.qrels == (Qrel("2", "d2", 0), Qrel("q1", "d1", 2))
    assert collection.corpus == (folder / "corpus.jsonl",)
    assert collection.notes == ()


def test_only_judged_topics_are_run(folder: Path) -> None:
    write_qrels(folder, "query-id\tcorpus-id\tscore\nq1\td1\t1\n")
    assert [topic.id for topic in read_beir(folder, "train").topics] == ["q1"]


def test_qrels_without_a_header_lose_no_line(folder: Path) -> None:
    write_qrels(folder, "q1\td1\t1\n2\td2\t1\n")
    assert len(read_beir(folder, "train").qrels) == 2


def test_the_digest_is_that_of_the_content(folder: Path) -> None:
    plain = read_beir(folder, "train")
    (folder / "corpus.jsonl").unlink()
    (folder / "corpus.jsonl.gz").write_bytes(gzip.compress(CORPUS.encode()))
    packed = read_beir(folder, "train")
    assert packed.corpus == (folder / "corpus.jsonl.gz",)
    assert packed.digest == plain.digest
    (folder / "corpus.jsonl.gz").write_bytes(gzip.compress(CORPUS.encode() + b" "))
    assert read_beir(folder, "train").digest != plain.digest


def test_the_qrels_digest_ignores_order(folder: Path) -> None:
    before = read_beir(folder, "train").qrels_digest
    write_qrels(folder, "q1\td1\t2\n2\td2\t0\n")
    assert read_beir(folder, "train").qrels_digest == before
    write_qrels(folder, "q1\td1\t2\n2\td2\t1\n")
    assert read_beir(folder, "train").qrels_digest != before


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("query-id\tcorpus-id\tscore\nq1\td1\n", "line 2: 2 fields"),
        ("q1 d1 1\n", "line 1: 1 fields"),
        ("qid\tdocid\trel\nq1\td1\t1\n", "line 1: the relevance 'rel'"),
        ("q1\td1\t1\n\nq1\td2\t1.5\n", "line 3: the relevance '1.5'"),
        ("q1\td1\t1\nq1\td1\t0\n", "line 2: topic q1 and document d1 were judged differently"),
        ("q1\ta b\t1\n", "line 1: the id 'a b'"),
        ("\td1\t1\n", "line 1: the id ''"),
    ],
)
def test_a_bad_qrels_line_is_named(folder: Path, text: str, words: str) -> None:
    write_qrels(folder, text)
    with pytest.raises(InputError) as caught:
        read_beir(folder, "train")
    assert f"{folder / 'qrels' / 'train.tsv'}, {words}" in str(caught.value)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ('{"_id": "q1", "text": "first"', "line 1: "),
        ('{"_id": "q1"}', "line 1: "),
        ('{"_id": "q1", "text": "  "}', "line 1: topic q1 has no text"),
        ('{"_id": "q1", "text": "a"}\n{"_id": "q1", "text": "b"}', "line 2: topic q1 stands here a second time"),
        ('{"_id": "q 1", "text": "a"}', "line 1: the id 'q 1'"),
    ],
)
def test_a_bad_query_line_is_named(folder: Path, line: str, words: str) -> None:
    path = folder / "queries.jsonl"
    path.write_text(line + "\n", encoding="utf-8")
    with pytest.raises(InputError) as caught:
        read_beir(folder, "train")
    assert f"{path}, {words}" in str(caught.value)


def test_bytes_that_are_not_utf8_are_named(folder: Path) -> None:
    (folder / "queries.jsonl").write_bytes(QUERIES.encode() + b'{"_id": "q3", "text": "\xff"}\n')
    with pytest.raises(InputError, match="line 3: not UTF-8"):
        read_beir(folder, "train")


def test_a_missing_split_lists_those_that_exist(folder: Path) -> None:
    (folder / "qrels" / "dev.tsv").write_text(QRELS, encoding="utf-8")
    with pytest.raises(InputError, match=r"no split 'test'.*dev, train"):
        read_beir(folder, "test")


def test_a_split_is_a_name_and_no_path(folder: Path) -> None:
    with pytest.raises(InputError, match="no split"):
        read_beir(folder, "../qrels/train")


@pytest.mark.parametrize("name", ["corpus.jsonl", "queries.jsonl"])
def test_a_missing_file_is_named(folder: Path, name: str) -> None:
    (folder / name).unlink()
    with pytest.raises(InputError, match=f"neither {name} nor {name}.gz"):
        read_beir(folder, "train")


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="there is no folder"):
        read_beir(tmp_path / "nowhere", "train")


def test_a_cut_gzip_file_is_named(folder: Path) -> None:
    (folder / "corpus.jsonl").unlink()
    (folder / "corpus.jsonl.gz").write_bytes(gzip.compress(CORPUS.encode())[:-9])
    with pytest.raises(DamagedFileError, match=r"corpus\.jsonl\.gz is a damaged gzip file"):
        read_beir(folder, "train")


def test_judged_topics_without_text_are_noted(folder: Path) -> None:
    write_qrels(folder, "q1\td1\t1\nq9\td1\t1\n")
    collection = read_beir(folder, "train")
    assert len(collection.qrels) == 1
    assert collection.notes == ("judged topics without text in queries.jsonl: 1, such as q9",)


def test_qrels_of_another_collection_are_refused(folder: Path) -> None:
    write_qrels(folder, "x\td1\t1\n")
    with pytest.raises(InputError, match="no topic of"):
        read_beir(folder, "train")


@pytest.mark.parametrize(
    ("name", "split", "topics", "qrels"),
    [("scifact", "train", 809, 919), ("cohen2006", "train", 7, 7607), ("pubmedqa", "dev", 500, 500)],
)
def test_real_collections(name: str, split: str, topics: int, qrels: int) -> None:
    if not (SHARED / name).is_dir():
        pytest.skip(f"needs {name} in ../shared/data")
    collection = read_beir(SHARED / name, split)
    assert (len(collection.topics), len(collection.qrels)) == (topics, qrels)
    assert collection.notes == ()
