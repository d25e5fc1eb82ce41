"""What somebody typed: a question, keywords, or a query in PubMed's language. A guess, for choosing how to search."""

from __future__ import annotations

import re
from typing import Literal

from pubmed_rag.core.search_tags import FIELDS

QueryKind = Literal["question", "keywords", "pubmed"]

_TAGS = frozenset(tag.casefold() for field in FIELDS for tag in (field.code, field.name, *field.tags))
_TAG = re.compile(r"\[([^\[\]]{1,60})\]")
_OPERATOR = re.compile(r"(?<=\s)(?:AND|OR|NOT)(?=\s)")
_TRUNCATED = re.compile(r"\w{4,}\*(?!\w)")
_ASKING = re.compile(
    r"(?:what|which|who|when|where|why|how|do|does|did|is|are|was|were|can|could|should|will|would|has|have)\b", re.I
)
_FEWEST_WORDS_ASKING = 4


def query_kind(query: str) -> QueryKind:
    """The kind of ``query``.

    PubMed's language shows itself by a field tag (``[mh]``), an operator in capitals between words, or a
    truncated word (PubMed User Guide: "Boolean operators … must be entered in uppercase letters"). A
    question ends in a question mark, or begins like one and goes on for some words.
    """
    text = query.strip()
    tags = (match[1].split(":")[0].strip().casefold() for match in _TAG.finditer(text))
    if any(tag in _TAGS for tag in tags) or _OPERATOR.search(text) or _TRUNCATED.search(text):
        return "pubmed"
    if text.endswith("?") or (_ASKING.match(text) and len(text.split()) >= _FEWEST_WORDS_ASKING):
        return "question"
    return "keywords"
