"""Questions to start with."""

from __future__ import annotations

from pathlib import Path

from pubmed_rag.core.settings import Settings
from pubmed_rag.ui import page_examples
from tests.ui.test_page import ARTICLES, TinyLibrary, article


def test_examples_come_from_different_parts_and_pass_over_what_is_unfit() -> None:
    plain = [article(str(n), f"Effects of drug {n} on outcome {n} in trial {n}.", (None, "Text.")) for n in range(9)]
    assert page_examples.questions_from(plain, 3) == [
        f"What is known about effects of drug {n} on outcome {n} in trial {n}?" for n in (0, 3, 6)
    ]
    assert page_examples.questions_from([ARTICLES[2]], 3) == []
    assert page_examples.questions_from([], 3) == []
    parkinson = article("1", "Parkinson's disease and constipation in old age.", (None, "Text."))
    assert page_examples.questions_from([parkinson], 1) == [
        "What is known about Parkinson's disease and constipation in old age?"
    ]


def test_the_sample_library_brings_its_own_questions(tmp_path: Path) -> None:
    with TinyLibrary(Settings(library=tmp_path), create=True) as library:
        library.store.upsert([ARTICLES[1]])
        assert any("COX-2" in question for question in page_examples.example_questions(library.store))
