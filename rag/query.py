"""From a question in plain words to words for PubMed."""

from __future__ import annotations

import re

from pubmed_rag.index.analysis import STOPWORDS

_WORD = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]*")
ASKING = frozenset(
    """
    who why whose whom many much better best worse effective effect effects affect cause causes help helps
    reduce reduces increase increases improve improves prevent prevents compared versus vs fewer or not less
    more traditional patients
    """.split()
)
"""Words of questions that narrow a keyword search without saying what it is about."""


def keywords(question: str) -> list[str]:
    """The words of ``question`` that name its subject, in order, each once."""
    words = _WORD.findall(question)
    return list(dict.fromkeys(word for word in words if word.casefold() not in STOPWORDS | ASKING))
