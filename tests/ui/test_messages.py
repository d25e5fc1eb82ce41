"""The page in two languages."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from pubmed_rag.ui.messages import language, language_of_browser, number, say, say_count, use_language
from pubmed_rag.ui.messages_pt import PORTUGUESE

ROOM = Path(__file__).parents[2] / "ui"
_TAKES = {"say": 1, "word": 1, "say_count": 2}


def said() -> set[str]:
    """Every text the page says, as far as it is written as a literal."""
    texts: set[str] = set()
    for path in ROOM.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in _TAKES:
                for argument in node.args[: _TAKES[node.func.id]]:
                    if isinstance(argument, ast.Constant) and isinstance(argument.value, str):
                        texts.add(argument.value)
    return texts


def test_every_text_has_its_translation_and_no_other_has() -> None:
    assert said() - PORTUGUESE.keys() == set()
    assert PORTUGUESE.keys() - said() == set()


@pytest.mark.parametrize("text", sorted(PORTUGUESE))
def test_a_translation_has_the_same_places_to_fill(text: str) -> None:
    def places(words: str) -> list[str]:
        return sorted(re.findall(r"\{\w*\}", words))

    assert places(PORTUGUESE[text]) == places(text)
    assert PORTUGUESE[text].strip()


def test_numbers_and_counts_follow_the_language() -> None:
    use_language("pt")
    try:
        assert language() == "pt"
        assert number(1234567) == "1.234.567"
        assert say_count("{count} article", "{count} articles", 1) == "1 artigo"
        assert say_count("{count} article", "{count} articles", 2000) == "2.000 artigos"
        assert say("a text nobody translated {n}", n=1) == "a text nobody translated 1"
    finally:
        use_language("en")
    assert say_count("{count} article", "{count} articles", 2000) == "2,000 articles"


@pytest.mark.parametrize(
    ("locale", "code"),
    [("pt-BR", "pt"), ("pt_PT", "pt"), ("PT", "pt"), ("en-US", "en"), ("de-DE", "en"), (None, "en"), ("", "en")],
)
def test_the_browser_chooses(locale: str | None, code: str) -> None:
    assert language_of_browser(locale) == code


def test_an_unknown_language_is_english() -> None:
    use_language("xx")
    assert language() == "en"
