"""An answer as a file, and asked again from it: the same, or what changed."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from pubmed_rag.core.errors import InputError, UsageError
from pubmed_rag.core.records import Answer, Article, Author, Correction, Filters
from pubmed_rag.rag.answer import Answerer, AskOptions
from pubmed_rag.rag.replay import Provenance, Recorded, changes, compare, read_record, record
from pubmed_rag.ui.answer_file import ANSWER_FORMATS, AnswerFormat, answer_file, as_answer_format
from pubmed_rag.ui.contract import answer_json
from tests.support import Opener, ScriptedEngine, article

QUESTION = "Does <b>carvedilol</b> reduce mortality --> in *heart failure*?"
SAID = "Carvedilol <i>reduced</i> mortality by 35% in severe heart failure."
OPTIONS = AskOptions(top=5, temperature=0.3, seed=9, filters=Filters(year_from=1990, publication_types=("Review",)))
MADE = Provenance(
    "0.1.0", "2026-01-02T03:04:05+00:00", 12, "g000001", "minilm", "53aa", "scripted", "b179", 4096, 0, OPTIONS
)


@pytest.fixture
def asked(tiny: Opener) -> tuple[Answer, dict[str, Article]]:
    library = tiny(
        [
            article("11", "Carvedilol & heart failure.", ("RESULTS", SAID), authors=(Author("Packer", "M", "M"),)),
            article(
                "12", "Carvedilol in mortality of heart failure.", "Carvedilol reduced mortality in heart failure.",
                corrections=(Correction("RetractionIn", "99"),),
            ),
        ]
    )  # fmt: skip
    engine = ScriptedEngine("")
    answer = Answerer(library.store, library.searcher, lambda: engine).ask(QUESTION)
    assert answer.status == "answered"
    return answer, library.store.get_many(["11", "12"])


@pytest.mark.parametrize("to", ANSWER_FORMATS)
def test_the_record_comes_back_from_every_format(
    asked: tuple[Answer, dict[str, Article]], tmp_path: Path, to: AnswerFormat
) -> None:
    path = tmp_path / "answer"
    path.write_text(answer_file(*asked, MADE, to), encoding="utf-8")
    assert read_record(path) == record(asked[0], MADE)


def test_json_is_the_contract_and_more(asked: tuple[Answer, dict[str, Article]]) -> None:
    content = json.loads(answer_file(*asked, MADE, "json"))
    expected = json.loads(json.dumps(answer_json(asked[0])))
    assert {key: content[key] for key in expected} == expected


@pytest.mark.parametrize("to", ["markdown", "html"])
def test_documents_say_what_a_reader_needs_and_hold_no_markup_of_others(
    asked: tuple[Answer, dict[str, Article]], to: AnswerFormat
) -> None:
    text = answer_file(*asked, MADE, to)
    body = text[: text.index("pubmed-rag answer")]
    for needed in ("minilm", "scripted", "b179", "g000001", "temperature 0.3", "seed 9", "2026-01-02", "11"):
        assert needed in body
    assert "Not used, because it was retracted" in body
    assert "<b>" not in body.replace("\\<b\\>", "")
    assert "<i>" not in body.replace("\\<i\\>", "")
    assert "Packer M" in body


@pytest.mark.parametrize("to", ["markdown", "html"])
def test_documents_say_how_the_studies_divide(tiny: Opener, to: AnswerFormat) -> None:
    library = tiny(
        [
            article("1", "Carvedilol.", ("CONCLUSIONS", "Carvedilol reduced mortality in heart failure.")),
            article(
                "2",
                "Bucindolol.",
                (
                    "CONCLUSIONS",
                    "In old heart failure patients carvedilol did not reduce mortality, without any benefit.",
                ),
            ),
        ]
    )
    engine = ScriptedEngine("")
    answer = Answerer(library.store, library.searcher, lambda: engine).ask(
        "Does carvedilol reduce mortality in heart failure?"
    )
    text = answer_file(answer, library.store.get_many(["1", "2"]), MADE, to).replace("\\", "")
    numbers = {claim.citations[0].id: claim.citations[0].number for claim in answer.claims}
    assert f"How the studies divide: yes [{numbers['1']}]; no [{numbers['2']}]." in text
    assert f"Together: {answer.verdict} (" in text


def test_a_replay_tells_what_changed(asked: tuple[Answer, dict[str, Article]]) -> None:
    answer, _ = asked
    recorded = record(answer, MADE)
    again = compare(recorded, answer, replace(MADE, made="2027-01-01T00:00:00+00:00"))
    assert (again.same, again.changes) == (True, ())
    later = replace(MADE, generation="g000002", library_changes=14, model_checksum="ffff")
    other = compare(recorded, replace(answer, claims=answer.claims[:-1]), later)
    assert not other.same
    assert len(other.changes) == 3
    assert "g000002 instead of g000001" in " ".join(other.changes)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"program": "0.2.0"}, "version 0.2.0"),
        ({"embedder": "medcpt"}, "medcpt"),
        ({"model": "llama"}, "llama"),
        ({"context_tokens": 8192}, "8,192"),
        ({"options": AskOptions()}, "settings"),
    ],
)
def test_each_making_is_compared(change: dict[str, object], words: str) -> None:
    (found,) = changes(MADE, replace(MADE, **change))  # type: ignore[arg-type]
    assert words in found


@pytest.mark.parametrize("content", ["", "{}", "[1]", '{"record": {"question": 1}}', "# A page\n", "\xff"])
def test_what_is_no_written_answer(tmp_path: Path, content: str) -> None:
    path = tmp_path / "x"
    path.write_bytes(content.encode("latin-1"))
    with pytest.raises(InputError):
        read_record(path)
    with pytest.raises(InputError):
        read_record(tmp_path / "missing")
    with pytest.raises(UsageError, match="markdown"):
        as_answer_format("pdf")


def test_an_answer_without_evidence_is_written_too(tiny: Opener) -> None:
    library = tiny([article("1", "Zinc.", "Zinc was of no use in asthma.")])
    answer = Answerer(library.store, library.searcher, ScriptedEngine).ask("Who won the football world cup?")
    for to in ANSWER_FORMATS:
        assert "no sufficient evidence" in answer_file(answer, {}, MADE, to)
    assert isinstance(record(answer, MADE), Recorded)
