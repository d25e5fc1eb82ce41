"""TREC's topics and qrels: both forms of topics, and errors that name file and line."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pubmed_rag.core.errors import InputError, UnrecognisedFormatError
from pubmed_rag.eval.collections import Qrel, Topic
from pubmed_rag.eval.open_collection import open_collection, trec_collection, with_corpus
from pubmed_rag.eval.qrels import read_qrels, write_qrels
from pubmed_rag.eval.trec_topics import is_trec_topics, read_trec_topics

CLASSIC = """<top>
<num> Number: 301
<title> Aspirin &amp; stroke

<desc> Description:
Does aspirin prevent
stroke?

<narr> Narrative:
Trials only.
</top>

<top>
<num>302</num>
<title>Statins</title>
</top>
"""

COVID = """<?xml version="1.0"?>
<topics task="covid">
  <topic number="1">
    <query>coronavirus origin</query>
    <question>what is the origin of COVID-19</question>
    <narrative>seeking <i>range</i> of information</narrative>
  </topic>
</topics>"""

MEDICINE = """<topics><topic number="7"><disease>melanoma</disease><gene>BRAF (V600E)</gene>
<demographic>64-year-old male</demographic></topic></topics>"""


def write(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def test_classic_topics(tmp_path: Path) -> None:
    topics = read_trec_topics(write(tmp_path / "t.txt", CLASSIC))
    assert topics[0].id == "301"
    assert topics[0].text == "Aspirin & stroke"
    assert topics[0].metadata["desc"] == "Does aspirin prevent stroke?"
    assert topics[0].metadata["narr"] == "Trials only."
    assert (topics[1].id, topics[1].text, topics[1].kind) == ("302", "Statins", "topic")


def test_the_field_can_be_chosen(tmp_path: Path) -> None:
    path = write(tmp_path / "t.xml", COVID)
    assert read_trec_topics(path) == (
        Topic(
            "1",
            "coronavirus origin",
            {
                "query": "coronavirus origin",
                "question": "what is the origin of COVID-19",
                "narrative": "seeking range of information",
            },
            kind="keywords",
        ),
    )
    chosen = read_trec_topics(path, ["question"])[0]
    assert (chosen.text, chosen.kind) == ("what is the origin of COVID-19", "question")
    with pytest.raises(InputError, match=r"topic 1 has no field 'title'. it has: query, question, narrative"):
        read_trec_topics(path, ["title"])


def test_topics_without_a_query_field_give_all_they_have(tmp_path: Path) -> None:
    (topic,) = read_trec_topics(write(tmp_path / "t.xml", MEDICINE))
    assert topic.text == "melanoma BRAF (V600E) 64-year-old male"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("<top>\n<title>x\n</top>", "line 1: this topic has no <num>"),
        ("<top>\n<num>1\n<title>x\n</top>\n<top>\n<num>1\n<title>y\n</top>", "line 5: topic 1 stands here a second"),
        ("<top>\n<num>1\n<title>\n</top>", "line 1: topic 1 has no text"),
        ("<topics>\n<topic number='1'>\n<query>x</topic></topics>", "line 3: not well-formed XML"),
        ("<topics>\n<topic><query>x</query></topic></topics>", "line 2: this topic has no number"),
        ("<topics><topic number='a b'><query>x</query></topic></topics>", "line 1: the id 'a b'"),
    ],
)
def test_a_bad_topic_is_named(tmp_path: Path, text: str, words: str) -> None:
    path = write(tmp_path / "t.xml", text)
    with pytest.raises(InputError) as caught:
        read_trec_topics(path)
    assert f"{path}, {words}" in str(caught.value)


def test_entities_are_not_resolved(tmp_path: Path) -> None:
    secret = write(tmp_path / "secret", "hidden")
    entity = f'<!DOCTYPE t [<!ENTITY e SYSTEM "{secret.as_uri()}">]>'
    text = f'{entity}<topics><topic number="1"><query>a &e;</query></topic></topics>'
    (topic,) = read_trec_topics(write(tmp_path / "t.xml", text))
    assert "hidden" not in topic.text


def test_trec_qrels(tmp_path: Path) -> None:
    path = write(tmp_path / "q.txt", "1 0 d1 2\n1 0 d2 -1\n\n2\t0\td1\t0\n")
    assert read_qrels(path) == [Qrel("1", "d1", 2), Qrel("1", "d2", 0), Qrel("2", "d1", 0)]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("1 0 d1 2\n1 0 d2\n", "line 2: 3 columns"),
        ("1 0 d1 2\n1 0 d2 yes\n", "line 2: the relevance 'yes'"),
        ("1 0 d1 2\n1 0 d1 1\n", "line 2: topic 1 and document d1 were judged differently"),
    ],
)
def test_a_bad_qrels_line_is_named(tmp_path: Path, text: str, words: str) -> None:
    path = write(tmp_path / "q.txt", text)
    with pytest.raises(InputError) as caught:
        read_qrels(path)
    assert f"{path}, {words}" in str(caught.value)


names = st.text(st.characters(codec="ascii", categories=["L", "N", "P"]), min_size=1, max_size=6)


@given(st.dictionaries(st.tuples(names, names), st.integers(0, 4), min_size=1, max_size=12))
def test_written_qrels_read_back(tmp_path_factory: pytest.TempPathFactory, grades: dict[tuple[str, str], int]) -> None:
    path = tmp_path_factory.mktemp("qrels") / "q.txt"
    qrels = [Qrel(topic, doc, grade) for (topic, doc), grade in grades.items()]
    write_qrels(path, qrels)
    assert read_qrels(path) == qrels


# -- folders ---------------------------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    root = tmp_path / "covid"
    root.mkdir()
    write(root / "topics.xml", COVID)
    write(root / "round1.txt", "1 0 d1 2\n9 0 d1 1\n")
    write(root / "docs.jsonl", '{"_id": "d1", "title": "T", "text": "x"}\n')
    return root


def test_a_trec_folder_is_known_by_its_content(folder: Path) -> None:
    assert is_trec_topics(folder / "topics.xml")
    collection = open_collection(folder, "test")
    assert (collection.name, collection.split) == ("covid", "round1")
    assert collection.corpus == (folder / "docs.jsonl",)
    assert [topic.id for topic in collection.topics] == ["1"]
    assert collection.qrels == (Qrel("1", "d1", 2),)
    assert collection.notes == ("judged topics without text: 1, such as 9",)


def test_several_qrels_are_splits(folder: Path) -> None:
    write(folder / "round2.txt", "1 0 d2 1\n")
    assert open_collection(folder, "round2").qrels == (Qrel("1", "d2", 1),)
    with pytest.raises(InputError, match="its splits are: round1, round2"):
        open_collection(folder, "test")


def test_a_collection_put_together_by_hand(folder: Path) -> None:
    collection = trec_collection(folder / "topics.xml", folder / "round1.txt", fields=["question"], name="mine")
    assert (collection.name, collection.corpus) == ("mine", ())
    whole = with_corpus(collection, [folder / "docs.jsonl"])
    assert whole.digest != collection.digest
    packed = folder / "docs2.jsonl.gz"
    packed.write_bytes(gzip.compress((folder / "docs.jsonl").read_bytes()))
    assert with_corpus(collection, [packed]).digest == whole.digest
    with pytest.raises(InputError, match="there is no file"):
        with_corpus(collection, [folder / "none"])


def test_what_is_no_collection_is_said(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="eval datasets"):
        open_collection(tmp_path / "nowhere", "test")
    with pytest.raises(UnrecognisedFormatError, match="is no collection"):
        open_collection(write(tmp_path / "x.txt", "hello"), "test")
    with pytest.raises(InputError, match=r"neither corpus.jsonl"):
        open_collection(tmp_path, "test")
