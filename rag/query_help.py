"""From a question to what finds articles: a PubMed query, and an abstract such as might answer it."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from pubmed_rag.core.text import normalise
from pubmed_rag.index.analysis import STOPWORDS
from pubmed_rag.index.vocabulary import Vocabulary
from pubmed_rag.rag.engine import Engine, Message, Sampling
from pubmed_rag.rag.query import keywords
from pubmed_rag.rag.query_concepts import QueryConcept, concepts_of, joined, with_names

Count = Callable[[str], int]
"""How many articles a PubMed query finds."""

_SYSTEM = (
    "Write the abstract of a medical article that answers the question: aim, methods, results and conclusion in three "
    "or four sentences. It is used for searching only."
)
_GRAMMAR = "root ::= [A-Z] [^\\n\\r]{80,900}"
_PLAIN = frozenset(
    "useful against taken early best safe risk role impact between difference associated association".split()
)
"""Words of a question that would narrow a PubMed query without naming its subject, beside those left out anyway."""

_NAMES_SYSTEM = (
    "You help a librarian to search PubMed. For each numbered term write other names of the same thing as medical "
    "articles use them: one or two, separated by semicolons."
)
_NAME = "[A-Za-z] [A-Za-z0-9 -]{2,40}"
_MOST_NAMED = 6

_WORD = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]*|[^\sA-Za-z0-9]")


@dataclass(frozen=True, slots=True)
class QueryHelp:
    """A PubMed query to begin with, and how it came about.

    ``hits``: how many articles it finds where that was counted. ``left_out`` are concepts without which it finds
    more than nothing, each with what it finds alone; ``strict`` is the query with them.
    """

    question: str
    query: str
    concepts: tuple[QueryConcept, ...] = ()
    hits: int | None = None
    left_out: tuple[tuple[str, int], ...] = ()
    strict: str = ""
    has_mesh: bool = False


def help_with_query(
    question: str,
    vocabulary: Vocabulary | None = None,
    *,
    count: Count | None = None,
    engine: Callable[[], Engine] | None = None,
) -> QueryHelp:
    """A query for ``question``: of headings and words where there is a vocabulary, else of words that PubMed maps.

    With ``engine`` the model proposes other names; those that MeSH knows for the same concept come in. With
    ``count`` a query that finds nothing is made wider, and says how.
    """
    concepts = concepts_of(question, vocabulary) if vocabulary is not None else []
    if vocabulary is None or not concepts:
        query = pubmed_query(question)
        hits = count(query) if count is not None and query else None
        return QueryHelp(question, query, hits=hits, strict=query, has_mesh=vocabulary is not None)
    if engine is not None:
        names = _other_names(concepts, engine())
        concepts = [with_names(concept, names.get(at, ()), vocabulary) for at, concept in enumerate(concepts)]
    strict = joined(concepts)
    if count is None:
        return QueryHelp(question, strict, tuple(concepts), strict=strict, has_mesh=True)
    kept, left_out, hits = _widened(concepts, count)
    return QueryHelp(question, joined(kept), tuple(kept), hits, tuple(left_out), strict, has_mesh=True)


def _widened(concepts: Sequence[QueryConcept], count: Count) -> tuple[list[QueryConcept], list[tuple[str, int]], int]:
    """Leave concepts out, one after the other, until something is found.

    First those that nothing here matches; then those that say least, which most articles have, so that what is rare
    and was meant stays; of two alike mere words before headings.
    """
    kept = list(concepts)
    left_out: list[tuple[str, int]] = []
    hits = count(joined(kept))
    if hits:
        return kept, left_out, hits
    alone = {concept.query: count(concept.query) for concept in kept}
    while not hits and len(kept) > 1:
        empty = [concept for concept in kept if not alone[concept.query]]
        least = empty[0] if empty else max(kept, key=lambda one: (alone[one.query], not one.headings))
        kept.remove(least)
        left_out.append((least.words, alone[least.query]))
        hits = count(joined(kept))
    return kept, left_out, hits


def _other_names(concepts: Sequence[QueryConcept], engine: Engine) -> dict[int, list[str]]:
    """What the model calls the concepts, by their place; nothing of it is checked yet."""
    asked = concepts[:_MOST_NAMED]
    lines = [f"{number}. {concept.words}" for number, concept in enumerate(asked, start=1)]
    rows = ' "\\n" '.join(f'"{number}. " name ("; " name)?' for number in range(1, len(asked) + 1))
    pieces = engine.generate(
        [Message("system", _NAMES_SYSTEM), Message("user", "\n".join(lines))],
        grammar=f"root ::= {rows}\nname ::= {_NAME}",
        sampling=Sampling(max_tokens=24 * len(asked)),
    )
    found: dict[int, list[str]] = {}
    for line in "".join(piece for piece in pieces if isinstance(piece, str)).splitlines():
        number, dot, names = line.strip().partition(". ")
        if dot and number.isdigit() and 1 <= int(number) <= len(asked):
            found.setdefault(int(number) - 1, []).extend(part.strip() for part in names.split(";") if part.strip())
    return found


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
