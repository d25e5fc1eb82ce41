"""Automatic Term Mapping: untagged words as PubMed understands them (contract, section 2).

Longest match from the left, breaking from the right; the tables in PubMed's order: subjects (headings, entry terms,
subheadings, publication types, supplementary concepts), journals, authors; what none knows is a word, with its
variants. Each concept becomes one node, and they are joined by AND.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from pubmed_rag.core import subheadings
from pubmed_rag.core.mesh import natural_order, term_key
from pubmed_rag.core.mesh_store import Meaning, TermKind
from pubmed_rag.core.stopwords import STOPWORDS
from pubmed_rag.index.pubmed_ast import And, Node, Nothing, Or, Term
from pubmed_rag.index.vocabulary import Vocabulary
from pubmed_rag.index.word_variants import american, british, number_variants, singular, variants

PhraseKnown = Callable[[str, str], bool]

_LONGEST = 12  # words of a phrase that is looked up; the longest heading has 13
_LONGEST_ACRONYM = 8  # longer ones are rather words somebody shouts
_UNIT = re.compile(r"[^\s!#$%+,;<>=?\\^_{}~|&:/()\[\]\"]+")
_EDGES = ".-'`"
_FLAG = re.compile(
    r"has(?:abstract|structuredabstract|nonenglishabstract|keyword|cois|databanklist|nihmsid)"
    r"|has(?:commentin|commenton|correctedrepublishedin|correctedrepublishedfrom|associatedpublication|associateddataset"
    r"|erratumin|erratumfor|expressionofconcernin|expressionofconcernfor|originalreportin|republishedin|republishedfrom"
    r"|retractedandrepublishedin|retractedandrepublishedfrom|retractionin|retractionof|summaryforpatientsin|updatein"
    r"|updateof)|pubstatus(?:aheadofprint|nihms|pmcsd)|pmcbook(?:title|chapter)?|indexingmethod_(?:automated|curated)"
    r"|owner[a-z]{2,10}"
)
"""Words that are filters without a tag (PubMed User Guide, April 2024; contract, section 7)."""
_INITIALS = re.compile(r"[a-z]{1,2}")
_ROMAN = re.compile(r"[ivx]{1,2}")
_SURNAME = re.compile(r"[^\W\d_]{2,}(?:['-][^\W\d_]+)*")


@dataclass(frozen=True, slots=True)
class Concept:
    """Words that were mapped together, ``text`` as typed, and what they became. ``known``: a table has them."""

    text: str
    node: Node
    known: bool


class TermMapper:
    """Maps words. Without a vocabulary they get their variants only.

    ``phrase_known(field, phrase)`` asks the index; without it authors are told by their looks, and all forms of a
    word are searched.
    """

    def __init__(self, vocabulary: Vocabulary | None, phrase_known: PhraseKnown | None = None) -> None:
        self._vocabulary = vocabulary
        self._phrase_known = phrase_known

    def map(self, text: str) -> list[Concept]:
        """The concepts of ``text``, in its order; none if it has nothing but stopwords."""
        whole = self._with_subheading(text)
        if whole is not None:
            return [whole]
        units = _units(text)
        meanings = self._look_up(units)
        concepts: list[Concept] = []
        at = 0
        while at < len(units):
            concept, length = self._longest(units, at, meanings)
            if concept is not None:
                concepts.append(concept)
            at += length
        return concepts

    def _longest(
        self, units: Sequence[str], at: int, meanings: Mapping[str, Sequence[Meaning]]
    ) -> tuple[Concept | None, int]:
        for length in range(min(len(units) - at, _LONGEST), 0, -1):
            words = units[at : at + length]
            text = " ".join(words)
            if length == 1 and words[0].lower() in STOPWORDS:
                return None, 1
            found = meanings.get(term_key(text), ())
            node = self._subject(words, found) or self._journal(words) or self._author(words)
            if node is not None:
                return Concept(text, node, known=True), length
        word = units[at]
        return Concept(word, self._word(word), known=False), 1

    def _look_up(self, units: Sequence[str]) -> Mapping[str, Sequence[Meaning]]:
        """What every run of words means; where it means nothing, what it would in the other number or spelling."""
        if self._vocabulary is None:
            return {}
        keys = [
            term_key(" ".join(units[start : start + length]))
            for start in range(len(units))
            for length in range(1, min(len(units) - start, _LONGEST) + 1)
        ]
        keys = [key for key in dict.fromkeys(keys) if key and key not in STOPWORDS]
        found = dict(self._vocabulary.meanings(keys))
        other = {key: related_keys(key) for key in keys if key not in found}
        related = self._vocabulary.meanings(list(dict.fromkeys(form for forms in other.values() for form in forms)))
        for key, forms in other.items():
            meant = [meaning for form in forms for meaning in related.get(form, ())]
            if meant:
                found[key] = meant
        return found

    def _with_subheading(self, text: str) -> Concept | None:
        """``hypertension/therapy``, for which PubMed needs no tag."""
        heading, slash, after = text.rpartition("/")
        if self._vocabulary is None or not slash:
            return None
        subheading = self._vocabulary.subheading(after)
        names = headings_of(self._vocabulary, heading) if subheading else []
        if not names:
            return None
        return Concept(text, one_of([Term(name, "MESH", subheading=subheading) for name in names]), known=True)

    # -- tables ------------------------------------------------------------------------------------

    def _subject(self, words: Sequence[str], meanings: Sequence[Meaning]) -> Node | None:
        text = " ".join(words)
        flag = _filter(text)
        if flag is not None:
            return flag
        groups: dict[Node, None] = {}
        is_type = any(meaning.is_type for meaning in meanings)
        has_heading = False
        for meaning in meanings:
            if meaning.kind in {TermKind.HEADING, TermKind.ENTRY}:
                if meaning.is_type:
                    groups |= dict.fromkeys(self._publication_type(meaning.name))
                else:
                    has_heading = True
                    groups |= dict.fromkeys(self._heading(meaning.name, alone=is_type))
            elif meaning.kind is TermKind.SUBHEADING:
                groups |= dict.fromkeys(_subheading(meaning.name))
            else:
                groups[Term(meaning.name, "SUBS")] = None
                groups[_phrase(" ".join(_heading_words(meaning.name)))] = None
        known = _named_subheading(text) if self._vocabulary is not None else None
        if known is not None:
            groups |= dict.fromkeys(_subheading(known))
        if not groups:
            return None
        for alias in self._alias(words, as_words=has_heading and not is_type, spellings=is_type):
            groups[alias] = None
        return one_of(list(groups))

    def _heading(self, name: str, *, alone: bool) -> list[Node]:
        """The heading, its words, and its natural order; alone beside a publication type."""
        parts: list[Node] = [Term(name, "MESH")]
        if alone:
            return parts
        words = _heading_words(name)
        joined = _joined(words)
        if joined is not None:
            parts.append(joined)
        parts.append(_phrase(" ".join(_heading_words(natural_order(name)))))
        if self._vocabulary is not None and self._vocabulary.is_action(name):
            parts.append(Term(name, "PAPX"))
        return parts

    def _publication_type(self, name: str) -> list[Node]:
        """The type, and the heading for works about it."""
        parts: list[Node] = [Term(name, "PTYP")]
        if self._vocabulary is None:
            return parts
        lower = name.lower()
        if singular(lower.rpartition(" ")[2]):  # PubMed does not go from Case Reports to Case Reports as Topic
            return parts
        forms = (lower, *number_variants(lower))
        keys = [term_key(f"{form}{middle} as topic") for form in forms for middle in ("", " literature")]
        found = self._vocabulary.meanings(keys)
        for key in keys:
            parts += [Term(m.name, "MESH") for m in found.get(key, ()) if m.kind is TermKind.HEADING and not m.is_type]
        return parts

    def _alias(self, words: Sequence[str], *, as_words: bool, spellings: bool) -> list[Node]:
        """The words as typed: one with its variants, several as words and as a phrase."""
        plain = [word.lower() for word in words]
        if len(plain) == 1 and "-" not in plain[0]:
            return [_phrase(plain[0])] if _is_acronym(words[0]) else self._forms(plain[0])
        plain = [part for word in plain for part in word.split("-") if part]
        text = " ".join(plain)
        parts: list[Node] = []
        joined = _joined(plain) if as_words else None
        if joined is not None:
            parts.append(joined)
        parts.append(_phrase(text))
        if spellings:
            parts += [_phrase(other) for other in (american(text), british(text)) if other != text]
        return parts

    def _journal(self, words: Sequence[str]) -> Node | None:
        text = " ".join(words)
        journal = self._vocabulary.journal(text) if self._vocabulary is not None else None
        if journal is None:
            return None
        name = journal.abbreviation or journal.title or text
        parts: list[Node] = [Term(name, "JOUR", quoted=True)]
        plain = [word.lower() for word in words]
        joined = _joined(plain)
        if joined is not None:
            parts.append(joined)
        parts.append(_phrase(" ".join(plain)))
        return one_of(parts)

    def _author(self, words: Sequence[str]) -> Node | None:
        """``surname initials``, which are looked up where there is an index to ask; only for more than one word."""
        if len(words) < 2:
            return None
        *surname, last = (word.lower().rstrip(".") for word in words)
        if not all(_SURNAME.fullmatch(part) for part in surname) or any(part in STOPWORDS for part in surname):
            return None
        name = " ".join([*surname, last])
        if _INITIALS.fullmatch(last) and last not in STOPWORDS and not _ROMAN.fullmatch(last):
            if self._phrase_known is not None:
                return Term(name, "FULL") if self._phrase_known("FULL", name) else None
            if len(surname) == 1 and not self._means_something(surname[0]):
                return Term(name, "FULL")
        elif self._phrase_known is not None and len(words) <= 3 and _SURNAME.fullmatch(last) and last not in STOPWORDS:
            for full in (name, " ".join([last, *surname])):
                if self._phrase_known("FAUN", full):
                    return Term(full, "FAUN")
        return None

    def _means_something(self, word: str) -> bool:
        if self._vocabulary is None:
            return False
        keys = (term_key(word), *related_keys(term_key(word)))
        return bool(self._vocabulary.meanings(keys))

    # -- words -------------------------------------------------------------------------------------

    def _word(self, word: str) -> Node:
        """A word that no table knows; its capitals stay where it has no variants either."""
        lower = word.lower()
        if "-" in word or not lower.isalpha():
            return _phrase(" ".join(word.replace("-", " ").replace(".", " ").split()))
        forms = [] if _is_acronym(word) else self._forms(lower)
        return one_of(forms) if len(forms) > 1 else _phrase(word)

    def _forms(self, word: str) -> list[Node]:
        forms = variants(word)
        if self._phrase_known is not None:
            forms = tuple(form for form in forms if form == word or self._phrase_known("ALL", form))
        return [_phrase(form) for form in forms]


def headings_of(vocabulary: Vocabulary, text: str) -> list[str]:
    """The headings that ``text`` names, itself or by entry term, in either number and spelling."""
    key = term_key(text)
    found = vocabulary.meanings([key, *related_keys(key)])
    for form in (key, *related_keys(key)):
        meant = [m for m in found.get(form, ()) if m.kind in {TermKind.HEADING, TermKind.ENTRY} and not m.is_type]
        if meant:
            exact = [m.name for m in meant if m.kind is TermKind.HEADING]
            return list(dict.fromkeys(exact or [m.name for m in meant]))
    return []


def related_keys(key: str) -> tuple[str, ...]:
    """The key in the other number, in American spelling, and in both."""
    spelled = american(key)
    forms = dict.fromkeys((*number_variants(key), spelled, *number_variants(spelled)))
    return tuple(form for form in forms if form != key)


def one_of(nodes: Sequence[Node]) -> Node:
    """Any of ``nodes``, each once."""
    different = tuple(dict.fromkeys(nodes))
    if not different:
        return Nothing()
    return different[0] if len(different) == 1 else Or(different)


def all_of(nodes: Sequence[Node]) -> Node:
    """All of ``nodes``."""
    if not nodes:
        return Nothing()
    return nodes[0] if len(nodes) == 1 else And(tuple(nodes))


def _is_acronym(word: str) -> bool:
    """Whether a word is written as an acronym is, which has no variants."""
    return word.isupper() and 1 < len(word) <= _LONGEST_ACRONYM


def _units(text: str) -> list[str]:
    """The words of ``text``, hyphens and apostrophes inside kept; filter words keep their underscore."""
    units: list[str] = []
    for part in text.split():
        if _filter(part) is not None:
            units.append(part)
            continue
        for unit in _UNIT.findall(part):
            stripped = unit.strip(_EDGES)
            if stripped:
                units.append(stripped)
    return units


def _filter(text: str) -> Term | None:
    """``hasabstract`` and the other words that are filters without a tag."""
    lower = text.lower()
    return Term(lower, "FILT") if _FLAG.fullmatch(lower) else None


def _subheading(name: str) -> list[Node]:
    return [Term(name, "SUBH"), _phrase(name.replace(" & ", " and "))]


def _named_subheading(text: str) -> str | None:
    """The subheading that ``text`` names, in either number; codes are no words."""
    if len(text) <= 2:
        return None
    forms = (text, *number_variants(text.lower()))
    return next((found for found in map(subheadings.find, forms) if found), None)


def _heading_words(name: str) -> list[str]:
    """The words of a heading, lower case, as PubMed prints them: hyphens stay, other signs are blanks."""
    words = re.split(r"[^\w'-]+", name.lower().replace("_", " "))
    return [word.strip("-") for word in words if word.strip("-'")]


def _joined(words: Sequence[str]) -> Node | None:
    """``words`` one by one, without stopwords; ``None`` where one is a number or a letter alone (Protein C)."""
    if any(len(word) == 1 or word.isdigit() for word in words if word not in STOPWORDS or len(words) < 3):
        return None
    kept = [word for word in words if word not in STOPWORDS]
    return And(tuple(_phrase(word) for word in kept)) if len(kept) > 1 else None


def _phrase(text: str) -> Term:
    return Term(text, "ALL", quoted=True)
