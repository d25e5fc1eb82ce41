"""For whom an answer is: the language of the question, and what the model can do about it."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from pubmed_rag.core.errors import UsageError
from pubmed_rag.rag.engine import Engine
from pubmed_rag.rag.languages import ENGLISH, NAMES, detect, name_of, say
from pubmed_rag.rag.translation import to_english


@dataclass(frozen=True, slots=True)
class Reader:
    """``question`` is what is searched for. ``translates``: the answer is put into ``language`` when it is checked.

    ``speaks`` is the language of fixed sentences, which we have in more languages than a model may write.
    """

    asked: str
    question: str
    language: str = ENGLISH
    speaks: str = ENGLISH
    translates: bool = False
    notes: tuple[str, ...] = ()


def reader_of(asked: str, wanted: str, languages: tuple[str, ...], model: str, engine: Callable[[], Engine]) -> Reader:
    """Who asks, by ``wanted`` (ISO 639-1) or else by the language of the question.

    A model that was made for that language puts the question into English for searching, and later the answer into
    the language; another answers in English, and that is said. To name a language is to let any model try.
    Raises :class:`UsageError` for a code that is none.
    """
    if wanted and wanted not in NAMES:
        raise UsageError(f"unknown language '{wanted}'", remedy=f"known: {', '.join(NAMES)}")
    spoken = detect(asked)
    language = wanted or spoken
    if language == ENGLISH and spoken == ENGLISH:
        return Reader(asked, asked)
    able = wanted or spoken in languages
    if not able:
        told = say("english only", language, language=name_of(spoken, language), model=_short(model))
        return Reader(asked, asked, speaks=language, notes=(told,))
    question = asked if spoken == ENGLISH else (to_english(asked, engine()) or asked)
    notes = (say("searched", language, question=question),) if question != asked else ()
    return Reader(asked, question, language, language, language != ENGLISH, notes)


def _short(model: str) -> str:
    return re.split(r"[\\/]", model)[-1]
