"""From a question to what finds articles: a PubMed query, and an abstract such as might answer it."""

from __future__ import annotations

import re
from collections.abc import Callable

from pubmed_rag.core.text import normalise
from pubmed_rag.index.analysis import STOPWORDS
from pubmed_rag.rag.engine import Engine, Message, Sampling
from pubmed_rag.rag.query import keywords

_SYSTEM = (
    "Write the abstract of a medical article that answers the question: aim, methods, results and conclusion in three "
    "or four sentences. It is used for searching only."
)
_GRAMMAR = "root ::= [A-Z] [^\\n\\r]{80,900}"
_PLAIN = frozenset(
    "useful against taken early best safe risk role impact between difference associated association".split()
)
"""Words of a question that would narrow a PubMed query without naming its subject, beside those left out anyway."""

_WORD = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]*|[^\sA-Za-z0-9]")


def pubmed_query(question: str) -> str:
    """Words that name the subject of ``question``, joined by AND; neighbours stay together in brackets.

    PubMed maps each group to MeSH by itself, and a group too many finds nothing, so words that only ask are
    left out. Empty where nothing is left.
    """
    wanted = set(keywords(question))
    groups: list[list[str]] = [[]]
    for word in _WORD.findall(normalise(question)):
        if word in wanted and word.casefold() not in STOPWORDS | _PLAIN:
            groups[-1].append(word)
        elif groups[-1]:
            groups.append([])
    found = list(dict.fromkeys(" ".join(group) for group in groups if group))
    return " AND ".join(f"({group})" if " " in group and len(found) > 1 else group for group in found)


def hypothetical_abstract(question: str, engine: Callable[[], Engine]) -> str:
    """An invented abstract, near in meaning to real ones that answer ``question`` (Gao et al., ACL 2023, HyDE).

    For searching by meaning only: nothing in it is true.
    """
    pieces = engine().generate(
        [Message("system", _SYSTEM), Message("user", f"Question: {normalise(question)}\nAbstract:")],
        grammar=_GRAMMAR,
        sampling=Sampling(max_tokens=160),
    )
    return " ".join("".join(piece for piece in pieces if isinstance(piece, str)).split())
