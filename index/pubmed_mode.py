"""Mode ``pubmed``: a query in PubMed's language, translated, run as a set, and put in order."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date

from pubmed_rag.core.article import Journal
from pubmed_rag.core.mesh_store import MeshStore
from pubmed_rag.core.records import ClauseCount, Filters
from pubmed_rag.index.mesh import Mesh
from pubmed_rag.index.pubmed_ast import And, Node, Not, Nothing, Or, Range, Term
from pubmed_rag.index.pubmed_notes import QueryNote, short
from pubmed_rag.index.pubmed_print import to_translation
from pubmed_rag.index.pubmed_query import translate
from pubmed_rag.index.pubmed_search import BooleanSearch, Sort
from pubmed_rag.index.thesaurus import NoThesaurus
from pubmed_rag.index.vocabulary import Vocabulary
from pubmed_rag.index.words import TantivyIndex, WordHits


@dataclass(frozen=True, slots=True)
class PubmedFound:
    """What a query found, how it was read, and what is to be said about it."""

    hits: WordHits
    translation: str
    clauses: tuple[ClauseCount, ...]
    warnings: tuple[str, ...]


class LibraryMesh(Mesh):
    """A library's MeSH, with the journals its articles appeared in: ``find`` gives one by a name or ISSN."""

    def __init__(self, store: MeshStore, find: Callable[[str], Journal | None]) -> None:
        super().__init__(store)
        self._find = find

    def journal(self, text: str) -> Journal | None:
        return self._find(text)


def search_pubmed(
    query: str,
    words: TantivyIndex,
    vocabulary: Vocabulary | None,
    wanted: int,
    filters: Filters,
    *,
    sort: Sort,
    strict: bool,
    explain: bool,
    today: date,
) -> PubmedFound:
    """The first ``wanted`` articles of the set that ``query`` means, and with ``explain`` what each clause matches.

    Where term mapping leads to nothing, the words are searched in all fields instead, as PubMed does
    (contract, section 1: "Schema: all"). Raises :class:`UsageError` for what ``strict`` refuses.
    """
    boolean = BooleanSearch(words, vocabulary or NoThesaurus())
    translated = translate(query, vocabulary=vocabulary, strict=strict, today=today, phrase_known=boolean.phrase_known)
    tree, text = translated.mapped, translated.text
    warnings = [_sentence(note, query) for note in translated.notes]
    hits = boolean.search(tree, wanted, filters, sort=sort, today=today)
    if not hits.total and not filters.active:
        plain = in_all_fields(translated.parsed)
        if plain not in (tree, translated.parsed):
            again = boolean.search(plain, wanted, filters, sort=sort, today=today)
            if again.total:
                tree, text, hits = plain, to_translation(plain), again
                warnings.append("the mapped terms found nothing, so the words were searched in all fields")
    clauses = boolean.counts(tree) if explain else ()
    return PubmedFound(hits, text, clauses, tuple(dict.fromkeys(warnings)))


def in_all_fields(node: Node) -> Node:
    """``node`` with every untagged term as its words in All Fields, none of them mapped."""
    match node:
        case Term(field="", quoted=False, truncated=False, text=text):
            words = tuple(Term(word, "ALL", start=node.start, end=node.end) for word in text.split())
            return And(words) if len(words) > 1 else words[0] if words else Nothing(text)
        case Term(field=""):
            return Term(node.text, "ALL", node.quoted, node.truncated, start=node.start, end=node.end)
        case And(operands):
            return And(tuple(map(in_all_fields, operands)))
        case Or(operands):
            return Or(tuple(map(in_all_fields, operands)))
        case Not(kept, dropped):
            return Not(in_all_fields(kept), in_all_fields(dropped))
        case Term() | Range() | Nothing():
            return node


def _sentence(note: QueryNote, query: str) -> str:
    """A note as one line: where in the query, what about it, and what to write instead."""
    place = query[note.start : note.end].strip()
    where = f"at character {note.start + 1}, '{short(place)}': " if place else ""
    instead = f"; did you mean '{note.suggestion}'?" if note.suggestion else ""
    return f"{where}{note.message}{instead}"
