"""The one door to PubMed's language: a query as typed becomes a tree that can be searched, with everything said.

Two ways to take mistakes. *Strict*, for people: what PubMed would answer with other articles than those meant is
refused, with place and remedy; the rest is warned of. *Faithful*: what PubMed does, and the notes still say it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date

from pubmed_rag.core.errors import UsageError
from pubmed_rag.index.pubmed_ast import Node, Nothing
from pubmed_rag.index.pubmed_mapping import Mapping
from pubmed_rag.index.pubmed_notes import QueryNote, short
from pubmed_rag.index.pubmed_parser import parse
from pubmed_rag.index.pubmed_print import to_query, to_translation
from pubmed_rag.index.vocabulary import Vocabulary

_WITHOUT_MESH = (
    "there is no MeSH in this library: untagged words are not mapped to headings, and headings are searched without "
    "what is below them; 'pubmed-rag ingest mesh' adds it"
)


@dataclass(frozen=True, slots=True)
class Translation:
    """What a query was understood as.

    ``parsed`` is the tree as written, ``mapped`` the one to search, in which every term has a field; ``text`` is
    ``mapped`` in PubMed's notation (QueryTranslation), ``terms`` what became of single terms (TranslationSet).
    """

    query: str
    parsed: Node
    mapped: Node
    text: str
    terms: tuple[tuple[str, str], ...]
    notes: tuple[QueryNote, ...]


def translate(
    query: str,
    *,
    vocabulary: Vocabulary | None,
    strict: bool,
    today: date,
    phrase_known: Callable[[str, str], bool] | None = None,
) -> Translation:
    """``query`` as PubMed would understand it.

    ``phrase_known(field, phrase)`` stands for PubMed's phrase index; without it every phrase is known. ``today`` is
    what relative dates count from. Raises :class:`UsageError`: in strict mode for the first mistake that changes
    what is found, and always for nesting beyond any sense.
    """
    parsed = parse(query, mend=strict)
    _refuse(query, parsed.notes, strict)
    mapping = Mapping(vocabulary, strict=strict, today=today, phrase_known=phrase_known)
    mapped = mapping.map(parsed.node)
    _refuse(query, mapping.notes, strict)
    notes = [*parsed.notes, *mapping.notes]
    if vocabulary is None and not any("no MeSH" in note.message for note in notes) and mapping.terms:
        notes.append(QueryNote(_WITHOUT_MESH, 0, len(query)))
    text = query if isinstance(mapped, Nothing) else to_translation(mapped)
    notes.sort(key=lambda note: (note.start, note.end))
    return Translation(query, parsed.node, mapped, text, tuple(mapping.terms), tuple(dict.fromkeys(notes)))


def _refuse(query: str, notes: tuple[QueryNote, ...] | list[QueryNote], strict: bool) -> None:
    first = next((note for note in notes if note.severity == "error"), None)
    if first is None or not strict:
        return
    wrong = query[first.start : first.end]
    place = f" at character {first.start + 1} ('{short(wrong)}')" if wrong.strip() else ""
    remedy = f"write {first.suggestion} instead" if first.suggestion else None
    raise UsageError(f"the query cannot be taken as written{place}: {first.message}", remedy=remedy)


__all__ = ["QueryNote", "Translation", "to_query", "to_translation", "translate"]
