"""Follow-up questions: made to stand alone before they are searched for, and shown as they are asked."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from pubmed_rag.core.text import normalise
from pubmed_rag.index.analysis import terms
from pubmed_rag.rag.engine import Engine, Message, Sampling

_LEANS = re.compile(
    r"^(?:and|but|or|so|then|also|what about|how about|why|in|for|with|among|does that|is that)\b"
    r"|\b(?:it|its|they|them|their|this|that|these|those|he|she|him|her|such|instead|otherwise)\b"
    r"|\bthe (?:drugs?|treatments?|therapy|same|effects?|others?|latter|former|disease|study|studies)\b",
    re.IGNORECASE,
)
_FEWEST_TERMS = 3
"""A question with fewer names too little to be searched for alone."""

_SYSTEM = (
    "Rewrite the last question so that it can be understood without the earlier one. Use only words of the two "
    "questions. Write nothing but the question."
)
_GRAMMAR = 'root ::= [A-Z] [^?\\n\\r]{5,240} "?"'


@dataclass(frozen=True, slots=True)
class StandAlone:
    """``question`` as it is searched for; ``how`` it came from what was asked."""

    question: str
    how: Literal["as asked", "joined", "rewritten"]


def leans(question: str) -> bool:
    """Whether a question needs another before it to be understood."""
    asked = normalise(question).strip()
    return bool(_LEANS.search(asked)) or len(set(terms(asked))) < _FEWEST_TERMS


def stand_alone(question: str, before: str, engine: Callable[[], Engine] | None = None) -> StandAlone:
    """``question``, asked after ``before``, so that it can be searched for alone.

    The engine rewrites it; its text is taken only if it invents no word and loses none of the question's.
    Otherwise, or without engine, the two questions are joined, which loses nothing either.
    """
    asked = " ".join(question.split())
    if not before.strip() or not leans(asked):
        return StandAlone(asked, "as asked")
    earlier = " ".join(before.split())
    if engine is not None:
        text = "".join(
            piece
            for piece in engine().generate(
                [
                    Message("system", _SYSTEM),
                    Message("user", f"Earlier question: {earlier}\nLast question: {asked}\nRewritten:"),
                ],
                grammar=_GRAMMAR,
                sampling=Sampling(max_tokens=80),
            )
            if isinstance(piece, str)
        )
        rewritten = " ".join(text.split())
        if _faithful(rewritten, asked, earlier):
            return StandAlone(rewritten, "rewritten")
    return StandAlone(f"{earlier.rstrip(' .?!')}? {asked}", "joined")


def _faithful(rewritten: str, asked: str, before: str) -> bool:
    said, new, old = (set(terms(normalise(text))) for text in (rewritten, asked, before))
    own = {term for term in new if not _LEANS.search(term)}
    return said <= new | old and own <= said and bool(said & old) and not leans(rewritten)
