"""Questions with gold answers: BioASQ's golden files and PubMedQA's lines, made small here, and the real ones."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from pubmed_rag.core.errors import InputError
from pubmed_rag.eval.bioasq import read_bioasq, read_bioasq_questions
from pubmed_rag.eval.collections import Qrel
from pubmed_rag.eval.open_collection import open_collection
from pubmed_rag.eval.questions import read_jsonl_questions
from tests.support import shared_data

GOLDEN: list[dict[str, Any]] = [
    {
        "id": "a1",
        "body": "Does aspirin  help?",
        "type": "yesno",
        "documents": ["http://www.ncbi.nlm.nih.gov/pubmed/11", "http://www.ncbi.nlm.nih.gov/pubmed/12"],
        "snippets": [{"document": "http://www.ncbi.nlm.nih.gov/pubmed/11", "text": "It does."}],
        "ideal_answer": ["Yes, it does."],
        "exact_answer": "Yes",
    },
    {
        "id": "a2",
        "body": "Which gene?",
        "type": "factoid",
        "documents": ["http://www.ncbi.nlm.nih.gov/pubmed/13"],
        "ideal_answer": "BRAF.",
        "exact_answer": ["BRAF", "B-Raf"],
    },
    {
        "id": "a3",
        "body": "Which drugs?",
        "type": "list",
        "documents": [],
        "ideal_answer": [],
        "exact_answer": [["aspirin", "ASA"], ["heparin"]],
    },
    {
        "id": "a4",
        "body": "What is it?",
        "type": "summary",
        "documents": ["http://x/pubmed/14/"],
        "ideal_answer": ["It."],
    },
]


def golden(path: Path, questions: list[dict[str, Any]]) -> Path:
    path.write_text(json.dumps({"questions": questions}), encoding="utf-8")
    return path


def test_golden_questions(tmp_path: Path) -> None:
    yes, factoid, listed, summary = read_bioasq_questions(golden(tmp_path / "11B1_golden.json", GOLDEN))
    assert (yes.text, yes.verdict, yes.gold, yes.ideal) == (
        "Does aspirin help?",
        "yes",
        ("11", "12"),
        ("Yes, it does.",),
    )
    assert yes.snippets == (("11", "It does."),)
    assert (factoid.exact, factoid.ideal) == ((("BRAF",), ("B-Raf",)), ("BRAF.",))
    assert listed.exact == (("aspirin", "ASA"), ("heparin",))
    assert (summary.kind, summary.verdict, summary.exact) == ("summary", None, ())


def test_golden_files_as_a_collection(tmp_path: Path) -> None:
    golden(tmp_path / "11B1_golden.json", GOLDEN[:2])
    (tmp_path / "11B2_golden.json.gz").write_bytes(gzip.compress(json.dumps({"questions": GOLDEN[2:]}).encode()))
    golden(tmp_path / "9B1_golden.json", [])
    collection = open_collection(tmp_path, "11B")
    assert (collection.name, collection.split, collection.corpus) == ("bioasq", "11B", ())
    assert [topic.id for topic in collection.topics] == ["a1", "a2", "a4"]
    assert Qrel("a4", "14", 1) in collection.qrels
    assert collection.notes == ("questions without a gold document: 1",)
    assert open_collection(tmp_path / "11B1_golden.json", "all").topics == collection.topics[:2]
    with pytest.raises(InputError, match="its splits are: 11B, 9B, all"):
        read_bioasq(tmp_path, "12B")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"documents": ["http://x/pubmed/none"]}, "question 1: 'http://x/pubmed/none' does not end in a PMID"),
        ({"type": "riddle"}, "question 1: unknown type 'riddle'"),
        ({"body": " "}, "question 1: it has no text"),
        ({"id": "a b"}, "question 1: the id 'a b'"),
    ],
)
def test_a_bad_question_is_named(tmp_path: Path, change: dict[str, Any], words: str) -> None:
    path = golden(tmp_path / "g.json", [{**GOLDEN[0], **change}])
    with pytest.raises(InputError) as caught:
        read_bioasq_questions(path)
    assert f"{path}, {words}" in str(caught.value)


def test_broken_json_is_named_by_line(tmp_path: Path) -> None:
    path = tmp_path / "g.json"
    path.write_text('{"questions": [\n{"id": "a",\n"body": oops}]}', encoding="utf-8")
    with pytest.raises(InputError, match=r"g\.json, line 3: not a golden file"):
        read_bioasq_questions(path)


def test_question_lines(tmp_path: Path) -> None:
    path = tmp_path / "qa.jsonl"
    path.write_text(
        '{"_id": "q1", "pmid": 11, "split": "dev", "question": "Is it?", "answer": "maybe", "long_answer": "Some."}\n'
        '{"_id": "q2", "split": "test", "question": "Why?"}\n',
        encoding="utf-8",
    )
    first, second = read_jsonl_questions(path)
    assert (first.kind, first.verdict, first.gold, first.ideal) == ("yesno", "maybe", ("11",), ("Some.",))
    assert (second.kind, second.verdict, second.gold) == ("summary", None, ())
    assert [question.id for question in read_jsonl_questions(path, "test")] == ["q2"]
    with pytest.raises(InputError, match="its splits: dev, test"):
        read_jsonl_questions(path, "train")


@pytest.mark.parametrize(
    ("line", "words"),
    [('{"_id": "q1"}', "line 1: "), ('{"_id": "q1", "question": "a", "answer": "perhaps"}', "line 1: ")],
)
def test_a_bad_question_line_is_named(tmp_path: Path, line: str, words: str) -> None:
    path = tmp_path / "qa.jsonl"
    path.write_text(line, encoding="utf-8")
    with pytest.raises(InputError) as caught:
        read_jsonl_questions(path)
    assert f"{path}, {words}" in str(caught.value)


def test_real_question_sets() -> None:
    questions = read_bioasq_questions(shared_data("bioasq"))
    assert len(questions) == 2310
    assert {question.kind for question in questions} == {"yesno", "factoid", "list", "summary"}
    assert all(question.verdict for question in questions if question.kind == "yesno")
    verdicts = [question.verdict for question in read_jsonl_questions(shared_data("pubmedqa", "qa.jsonl"), "dev")]
    assert [verdicts.count(word) for word in ("yes", "no", "maybe")] == [276, 169, 55]


@pytest.mark.parametrize(
    ("name", "split", "topics", "boolean"), [("clef_tar", "test", 128, 15), ("sysrev_seed", "train", 20, 20)]
)
def test_real_collections_with_boolean_queries(name: str, split: str, topics: int, boolean: int) -> None:
    collection = open_collection(shared_data(name), split)
    assert collection.corpus == ()
    assert len(collection.topics) == topics
    assert sum(topic.boolean_query is not None for topic in collection.topics) == boolean
