"""Questions into English for searching, and checked sentences into the language of the question, by the model.

Evidence is English, and so is what is checked. A translation is taken only if it has every figure, is in the language
asked for and is about as long; the English sentence always stays beside it.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from pubmed_rag.core.records import Claim
from pubmed_rag.core.text import normalise
from pubmed_rag.rag.engine import Engine, Message, Sampling
from pubmed_rag.rag.languages import ENGLISH, detect, name_of

_TO_ENGLISH = "Translate the medical question into English. Write nothing but the translated question."
_QUESTION_GRAMMAR = 'root ::= [A-Z] [^?\\n\\r]{5,300} "?"'
_TEXT_GRAMMAR = "root ::= [^\\n\\r]{5,1500}"
_NUMBER = re.compile(r"\d+(?:[.,]\d+)*")
_SHORTEST, _LONGEST = 0.5, 2.2
"""Of a translation's length, as parts of the original's."""


def to_english(question: str, engine: Engine) -> str | None:
    """``question`` in English, or ``None`` where what the model writes is no translation."""
    said = _write(_TO_ENGLISH, question, _QUESTION_GRAMMAR, 100, engine)
    if not said or detect(said) != ENGLISH or not _same_figures(question, said):
        return None
    return said


def translated(claim: Claim, language: str, engine: Engine) -> Claim:
    """``claim`` with its translation into ``language``; without one where that lost or changed something."""
    system = (
        f"Translate the medical text into {name_of(language)}. Keep every number, name and quotation mark. Write "
        "nothing but the translation."
    )
    most = 60 + len(claim.text) // 2
    said = _write(system, claim.text, _TEXT_GRAMMAR, most, engine)
    return replace(claim, translated=said) if is_translation(claim.text, said, language) else claim


def is_translation(text: str, said: str, language: str) -> bool:
    """Whether ``said`` may pass as ``text`` in ``language``: its language, its figures, its length."""
    share = len(said) / max(1, len(text))
    return (
        _SHORTEST <= share <= _LONGEST
        and said.count("“") == text.count("“")
        and detect(said) == language
        and _same_figures(text, said)
    )


def _same_figures(text: str, said: str) -> bool:
    return _figures(text) == _figures(said)


def _figures(text: str) -> Counter[str]:
    """Numbers however they are punctuated: ``1,094`` and ``1.094``, ``0.65`` and ``0,65``."""
    return Counter(re.sub(r"[.,]", "", number) for number in _NUMBER.findall(normalise(text)))


def _write(system: str, text: str, grammar: str, most: int, engine: Engine) -> str:
    messages: Sequence[Message] = [Message("system", system), Message("user", normalise(text))]
    pieces = engine.generate(messages, grammar=grammar, sampling=Sampling(max_tokens=most))
    return " ".join("".join(piece for piece in pieces if isinstance(piece, str)).split())
