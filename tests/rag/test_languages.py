"""Questions in other languages: recognised, put into English where the model can, and answered honestly."""

from __future__ import annotations

import gzip
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pubmed_rag.core.errors import UsageError
from pubmed_rag.core.models import registry
from pubmed_rag.core.records import Answer
from pubmed_rag.rag.answer import Answerer, AskOptions
from pubmed_rag.rag.languages import detect, say
from pubmed_rag.rag.reader import reader_of
from pubmed_rag.rag.translation import is_translation
from tests.support import REPOSITORY, Opener, ScriptedEngine, TinyLibrary, article

ASKED = "O carvedilol reduz a mortalidade na insuficiência cardíaca?"
ENGLISH = "Does carvedilol reduce mortality in heart failure?"
SAID = "Carvedilol reduced mortality in heart failure by 35 percent."
QUOTED = f"A study: “{SAID}”"
TRANSLATED = "Um estudo: “O carvedilol reduziu a mortalidade na insuficiência cardíaca em 35 por cento.”"


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (ASKED, "pt"),
        ("Os betabloqueadores são seguros?", "pt"),
        ("E nas crianças?", "pt"),
        ("¿La metformina reduce la mortalidad?", "es"),
        ("Senken Betablocker die Mortalität?", "de"),
        ("Quel est l'effet du carvédilol?", "fr"),
        ("La metformina è sicura?", "it"),
        ("βブロッカーは死亡率を下げますか", "ja"),
        ("Снижают ли бета-блокаторы смертность?", "ru"),
        (ENGLISH, "en"),
        ("Is eculizumab effective for Guillain-Barré syndrome?", "en"),
        ("carvedilol mortality", "en"),
        ("In vitro fertilisation and ovarian cancer", "en"),
        ("Celecoxib?", "en"),
        ("???", "en"),
        ("", "en"),
    ],
)
def test_the_language_of_a_question(text: str, code: str) -> None:
    assert detect(text) == code


def test_questions_of_researchers_are_not_taken_for_another_language() -> None:
    data = REPOSITORY.parent / "shared" / "data"
    path = data / "bioasq" / "10B1_golden.json.gz"
    if not path.is_file() or not (data / "pubmedqa" / "qa.jsonl").is_file():
        pytest.skip("needs shared/data/bioasq and shared/data/pubmedqa")
    with gzip.open(path, "rt", encoding="utf-8") as stream:
        questions = [question["body"] for question in json.load(stream)["questions"]]
    with (data / "pubmedqa" / "qa.jsonl").open(encoding="utf-8") as lines:
        questions += [json.loads(line)["question"] for line in lines]
    assert [question for question in questions if detect(question) != "en"] == []


@given(st.text(max_size=60))
def test_any_text_has_a_language(text: str) -> None:
    assert detect(text)


@pytest.fixture
def library(tiny: Opener) -> TinyLibrary:
    return tiny([article("1", "Carvedilol.", ("RESULTS", SAID))])


def ask(
    library: TinyLibrary, *written: str, languages: tuple[str, ...] = ("en",), question: str = ASKED, language: str = ""
) -> tuple[Answer, ScriptedEngine]:
    engine = ScriptedEngine(*written)
    answerer = Answerer(library.store, library.searcher, lambda: engine, languages=languages, model="models/small.gguf")
    return answerer.ask(question, AskOptions(language=language)), engine


def test_a_model_of_that_language_translates_the_question_and_what_was_checked(library: TinyLibrary) -> None:
    answer, engine = ask(library, ENGLISH, "", TRANSLATED, languages=("en", "pt"))
    assert (answer.question, answer.searched, answer.language) == (ASKED, ENGLISH, "pt")
    assert answer.answer == f"{TRANSLATED} [1]"
    (claim,) = answer.claims
    assert (claim.text, claim.translated) == (QUOTED, TRANSLATED)
    assert claim.citations[0].evidence[0].text == SAID
    assert any(ENGLISH in note for note in answer.notes)
    assert any("traduzido pelo modelo" in note for note in answer.notes)
    assert engine.messages[1][-1].content.endswith(f"Question: {ENGLISH}\nAnswer:")
    assert answer.verdict is None
    assert [stance.id for stance in answer.stances] == ["1"], "the English question asks for yes or no"


@pytest.mark.parametrize(
    "wrong",
    [
        TRANSLATED.replace("35", "53"),
        "A study: “Carvedilol reduced mortality in heart failure by 35 percent indeed.”",
        "Um estudo de 35.",
        TRANSLATED.replace("“", "").replace("”", ""),
        "",
    ],
)
def test_a_translation_that_loses_or_changes_something_is_not_shown(library: TinyLibrary, wrong: str) -> None:
    answer, _ = ask(library, ENGLISH, "", wrong, languages=("en", "pt"))
    assert answer.claims[0].translated == ""
    assert answer.answer == f"{QUOTED} [1]"
    assert any("1 de 1" in note for note in answer.notes)


def test_a_model_that_writes_english_only_says_so_and_answers_in_english(library: TinyLibrary) -> None:
    answer, engine = ask(library, question=f"{ASKED} {ENGLISH.split()[1]} mortality heart failure")
    assert (answer.language, answer.searched) == ("en", "")
    assert "português" in answer.notes[0]
    assert "small.gguf" in answer.notes[0]
    assert not any("Translate" in message.content for messages in engine.messages for message in messages)


def test_what_is_not_there_is_said_in_the_language_of_the_question(library: TinyLibrary) -> None:
    answer, _ = ask(library, question="A vitamina D previne fraturas em idosos?")
    assert answer.status == "insufficient_evidence"
    assert answer.answer.startswith("A biblioteca não tem evidência suficiente")
    english, _ = ask(library, question="Does vitamin D prevent fractures?")
    assert english.answer.startswith("The library holds no sufficient evidence")


def test_a_question_whose_translation_fails_is_searched_as_it_is(library: TinyLibrary) -> None:
    answer, _ = ask(library, "Não sei.", languages=("en", "pt"))
    assert answer.searched == ""
    assert answer.language == "pt"


def test_a_language_that_is_named_is_tried_with_any_model(library: TinyLibrary) -> None:
    answer, _ = ask(library, "", TRANSLATED, question=ENGLISH, language="pt")
    assert answer.claims[0].translated == TRANSLATED
    english, _ = ask(library, ENGLISH, "", question=ASKED, language="en")
    assert (english.language, english.searched) == ("en", ENGLISH)
    assert english.claims[0].translated == ""
    with pytest.raises(UsageError, match="xx"):
        ask(library, language="xx")


def test_english_questions_ask_no_model_anything() -> None:
    def never() -> ScriptedEngine:
        raise AssertionError

    assert reader_of(ENGLISH, "", ("en",), "m", never).question == ENGLISH


def test_figures_may_be_punctuated_as_the_language_does() -> None:
    english = "Of 1,094 patients 0.65 did well after the treatment."
    assert is_translation(english, "Dos 1.094 pacientes, 0,65 ficaram bem depois do tratamento.", "pt")
    assert not is_translation(english, "Dos 1.094 pacientes, 0,66 ficaram bem depois do tratamento.", "pt")


def test_fixed_sentences_fall_back_to_english_and_the_registry_says_who_writes_what() -> None:
    assert say("insufficient", "de") == say("insufficient", "en")
    assert registry()["smollm2-135m"].languages == ("en",)
    assert {"en", "pt", "de"} <= set(registry()["llama-3.2-3b"].languages)
