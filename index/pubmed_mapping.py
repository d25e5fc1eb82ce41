"""From a query as written to one in which every term has a field: PubMed's translation (contract, sections 2 to 7)."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import date

from pubmed_rag.core import subheadings
from pubmed_rag.core.mesh import term_key
from pubmed_rag.core.mesh_store import TermKind
from pubmed_rag.core.stopwords import STOPWORDS
from pubmed_rag.index import clinical_queries
from pubmed_rag.index.pubmed_ast import And, Node, Not, Nothing, Or, Range, Term
from pubmed_rag.index.pubmed_atm import PhraseKnown, TermMapper, all_of, headings_of, one_of, related_keys
from pubmed_rag.index.pubmed_dates import DATE_FIELDS, relative_range
from pubmed_rag.index.pubmed_filters import is_filter
from pubmed_rag.index.pubmed_notes import QueryNote, Severity
from pubmed_rag.index.pubmed_parser import parse
from pubmed_rag.index.pubmed_print import field_name, to_query, to_translation
from pubmed_rag.index.vocabulary import Vocabulary

_RUNNING_TEXT = frozenset({"TITL", "TIAB", "WORD", "OTRM", "ALL", "AFFL", "TT"})
_YEARS = re.compile(r"y_(\d{1,3})", re.IGNORECASE)  # the side bar's filter by age of publication
_SIGNS = re.compile(r"[!#$%+\-.,;<>=?\\^_{}~*&|:/()\[\]\"]+")


class Mapping:
    """One translation. ``terms`` and ``notes`` fill while :meth:`map` works."""

    def __init__(
        self, vocabulary: Vocabulary | None, *, strict: bool, today: date, phrase_known: PhraseKnown | None
    ) -> None:
        self._vocabulary = vocabulary
        self._strict = strict
        self._today = today
        self._phrase_known = phrase_known
        self._mapper = TermMapper(vocabulary, phrase_known)
        self.terms: list[tuple[str, str]] = []
        self.notes: list[QueryNote] = []

    def map(self, node: Node) -> Node:
        """``node`` with a field in every term."""
        match node:
            case Term():
                return self._term(node)
            case And(operands):
                return And(tuple(self.map(part) for part in operands))
            case Or(operands):
                return self._any([self.map(part) for part in operands])
            case Not(kept, dropped):
                left, right = self.map(kept), self.map(dropped)
                return left if isinstance(right, Nothing) else Not(left, right)
            case Range() | Nothing():
                return node

    def _any(self, parts: Sequence[Node]) -> Node:
        """PubMed drops from an OR what it does not find in its index."""
        kept = [part for part in parts if not isinstance(part, Nothing)]
        if not kept:
            return parts[0]
        return kept[0] if len(kept) == 1 else Or(tuple(kept))

    def _term(self, term: Term) -> Node:
        if term.field in {"", "ALL"}:
            return self._untagged(term)
        if term.field in DATE_FIELDS:
            return self._relative(term)
        mapped = {
            "MESH": self._heading,
            "MAJR": self._heading,
            "SUBH": self._subheading,
            "PTYP": self._publication_type,
            "SUBS": self._substance,
            "PAPX": self._action,
            "JOUR": self._journal,
            "FILT": self._filter,
        }.get(term.field)
        if mapped is not None:
            return term if term.truncated else mapped(term)
        if term.field in _RUNNING_TEXT:
            return self._words(term)
        return replace(term, text=" ".join(term.text.split()))

    # -- words -------------------------------------------------------------------------------------

    def _untagged(self, term: Term) -> Node:
        if term.quoted or term.truncated:
            return self._words(replace(term, field="ALL"))
        concepts = self._mapper.map(term.text)
        if not concepts:
            self._note(term, "PubMed ignores these words: they are too common to search for")
            return Nothing(term.text)
        for concept in concepts:
            self._translated(concept.text, concept.node)
        node = all_of([concept.node for concept in concepts])
        return replace(node, start=term.start, end=term.end) if isinstance(node, (Term, Range)) else node

    def _words(self, term: Term) -> Node:
        """A word or phrase in a field of running text: signs are blanks, and it must be in the index."""
        text = " ".join(_SIGNS.sub(" ", term.text).lower().split())
        if not text.replace("'", "").strip():
            self._note(term, "there is no word in this term")
            return Nothing(term.text)
        cleaned = replace(term, text=text, quoted=True)
        if text in STOPWORDS and not term.truncated and term.field != "AFFL":
            self._note(term, "PubMed does not index this word; alone under a tag it finds nothing")
            return Nothing(text)
        if term.truncated or term.proximity is not None or self._phrase_known is None or " " not in text:
            return cleaned
        if self._phrase_known(term.field, text):
            return cleaned
        return self._unknown_phrase(term, cleaned)

    def _unknown_phrase(self, term: Term, cleaned: Term) -> Node:
        words = term.text.split()
        if term.quoted or len(words) == 1:
            self._note(
                term,
                "no article here has this phrase; where PubMed does not know one, it leaves it out of an OR, and "
                "finds nothing in an AND",
            )
            return cleaned if self._strict else Nothing(term.text)
        *others, last = words
        self._note(
            term,
            f"this phrase is not in the index: as PubMed would, the tag is taken for '{last}' only; "
            "to look for all words in the field, tag each",
            suggestion=f'"{term.text}"[{field_name(term.field)}]',
        )
        rest = self._untagged(Term(" ".join(others), start=term.start, end=term.end))
        tagged = self._words(replace(term, text=last))
        return all_of([part for part in (rest, tagged) if not isinstance(part, Nothing)] or [Nothing(term.text)])

    def _relative(self, term: Term) -> Node:
        found = relative_range(term.text, term.field, self._today)
        if found is None:
            self._note(term, "this is no date: write 2020, 2020/03, 2020/03/15 or 2020:2024", severity="error")
            return Nothing(term.text)
        return replace(found, start=term.start, end=term.end)

    # -- controlled vocabularies -------------------------------------------------------------------

    def _heading(self, term: Term) -> Node:
        subheading = term.subheading
        if subheading is not None:
            known = self._known_subheading(subheading)
            if known is None:
                self._note(term, f"MeSH has no subheading '{subheading}'")
                if not self._strict:
                    return Nothing(f"{term.text}/{subheading}")
            subheading = known or subheading.lower()
        if self._vocabulary is None:
            self._without_mesh(term)
            return replace(term, text=" ".join(term.text.split()), subheading=subheading)
        names = headings_of(self._vocabulary, term.text)
        if not names:
            vocabulary = self._vocabulary
            broken = None if term.quoted else self._broken(term, lambda end: bool(headings_of(vocabulary, end)))
            return broken or self._no_heading(term, subheading)
        if term.quoted:
            names = names[:1]
        node = one_of([replace(term, text=name, subheading=subheading) for name in names])
        if [term_key(name) for name in names] != [term_key(term.text)]:
            self._translated(to_query(term), node)
        return node

    def _no_heading(self, term: Term, subheading: str | None) -> Node:
        meant = self._vocabulary.suggest_heading(term.text) if self._vocabulary else None
        near = f'"{meant}"' if meant else None
        key = term_key(term.text)
        types = self._vocabulary.meanings([key]).get(key, ()) if self._vocabulary else ()
        if any(meaning.is_type for meaning in types):
            self._note(term, "this is a publication type and no heading: its tag is [pt]")
        else:
            self._note(term, f"MeSH has no heading '{term.text}'", suggestion=near)
        return replace(term, subheading=subheading) if self._strict else Nothing(term.text)

    def _known_subheading(self, text: str) -> str | None:
        if self._vocabulary is not None:
            return self._vocabulary.subheading(text)
        return subheadings.find(text)

    def _subheading(self, term: Term) -> Node:
        known = self._known_subheading(term.text)
        if known is not None:
            return replace(term, text=known)
        self._note(term, f"MeSH has no subheading '{term.text}'")
        return term if self._strict else Nothing(term.text)

    def _publication_type(self, term: Term) -> Node:
        if self._vocabulary is None:
            return replace(term, text=" ".join(term.text.split()))
        names = self._types(term.text)
        if names:
            return one_of([replace(term, text=name) for name in names])
        broken = None if term.quoted else self._broken(term, lambda end: bool(self._types(end)))
        if broken is not None:
            return broken
        self._note(term, f"PubMed has no publication type '{term.text}'")
        return term if self._strict else Nothing(term.text)

    def _types(self, text: str) -> list[str]:
        """The publication types that ``text`` names, in either number and spelling."""
        key = term_key(text)
        forms = (key, *related_keys(key))
        found = self._vocabulary.meanings(forms) if self._vocabulary else {}
        for form in forms:
            names = [meaning.name for meaning in found.get(form, ()) if meaning.is_type]
            if names:
                return list(dict.fromkeys(names))
        return []

    def _broken(self, term: Term, known: Callable[[str], bool]) -> Node | None:
        """``asthma review[pt]``: the tag stays with the longest end that the table has, the rest has none."""
        words = term.text.split()
        for cut in range(1, len(words)):
            end = " ".join(words[cut:])
            if known(end):
                self._note(
                    term,
                    f"as PubMed would, the tag is taken for '{end}' only: there is no '{term.text}' in this field",
                )
                rest = self._untagged(Term(" ".join(words[:cut]), start=term.start, end=term.end))
                tagged = self._term(replace(term, text=end))
                return tagged if isinstance(rest, Nothing) else all_of([rest, tagged])
        return None

    def _substance(self, term: Term) -> Node:
        if self._vocabulary is None:
            self._without_mesh(term)
            return term
        key = term_key(term.text)
        meant = self._vocabulary.meanings([key]).get(key, ())
        names = list(dict.fromkeys(m.name for m in meant if m.kind is not TermKind.SUBHEADING and not m.is_type))
        if not names:
            return term
        node = one_of([replace(term, text=name) for name in (names[:1] if term.quoted else names)])
        if [term_key(name) for name in names] != [key]:
            self._translated(to_query(term), node)
        return node

    def _action(self, term: Term) -> Node:
        if self._vocabulary is None:
            self._without_mesh(term)
            return term
        names = headings_of(self._vocabulary, term.text)
        node = one_of([replace(term, text=name) for name in names]) if names else term
        actions = [name for name in names if self._vocabulary.is_action(name)]
        if not actions:
            self._note(
                term,
                "no pharmacological action of this name is known here; NLM's desc or pa file brings them: "
                "'pubmed-rag ingest mesh'",
            )
        return node

    def _journal(self, term: Term) -> Node:
        if term.quoted or self._vocabulary is None:
            return term
        journal = self._vocabulary.journal(term.text)
        name = (journal.abbreviation or journal.title) if journal else None
        if not name:
            return term
        node = replace(term, text=name, quoted=True)
        if term_key(name) != term_key(term.text):
            self._translated(to_query(term), node)
        return node

    def _filter(self, term: Term) -> Node:
        strategy = clinical_queries.strategy(term.text)
        if strategy is not None:
            said = len(self.notes)
            node = self.map(parse(strategy).node)
            del self.notes[said:]  # of words that nobody typed
            self._translated(to_query(term), node)
            return node
        years = _YEARS.fullmatch(term.text.strip())
        if years:
            return self._relative(replace(term, text=f"last {years[1]} years", field="PDAT"))
        if not is_filter(term.text):
            self._note(term, f"there is no filter '{term.text}' here", severity="error")
            return Nothing(term.text)
        return replace(term, text=" ".join(term.text.split()))

    # -- reports -----------------------------------------------------------------------------------

    def _without_mesh(self, term: Term) -> None:
        if not any("no MeSH" in note.message for note in self.notes):
            self._note(
                term,
                "there is no MeSH in this library: headings are searched as written, without what is below them; "
                "'pubmed-rag ingest mesh' adds it",
            )

    def _translated(self, typed: str, node: Node) -> None:
        pair = (typed, to_translation(node))
        if pair not in self.terms:
            self.terms.append(pair)

    def _note(self, term: Term, message: str, severity: Severity = "warning", suggestion: str | None = None) -> None:
        self.notes.append(QueryNote(message, term.start, term.end, severity, suggestion))
