"""From a mapped PubMed query to one query of the word index.

Sets are composed inside tantivy, never in Python, so that the size of the library does not matter. No query made
here gives scores that mean anything: relevance is added in :mod:`pubmed_rag.index.pubmed_search`.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import combinations, permutations
from typing import Protocol, runtime_checkable

import tantivy

from pubmed_rag.core import search_tags
from pubmed_rag.core.errors import UsageError
from pubmed_rag.index import word_fields as fields
from pubmed_rag.index.analysis import exact_words, fold_name
from pubmed_rag.index.languages import language_code
from pubmed_rag.index.pubmed_ast import And, Node, Not, Nothing, Or, Range, Term
from pubmed_rag.index.pubmed_filters import EVERYTHING, filter_flag, filter_query
from pubmed_rag.index.thesaurus import Thesaurus

TEXT_FIELDS = {
    "TITL": ("exact_title",),
    "TIAB": ("exact_title", "exact_abstract", "exact_keywords"),
    "OTRM": ("exact_keywords",),
    "WORD": ("exact_title", "exact_abstract", "exact_keywords", "exact_terms"),
    "AFFL": ("exact_affiliation",),
    "ALL": fields.EXACT_FIELDS,
    "": fields.EXACT_FIELDS,
}
_TAGGED = {
    "COLN": fields.GROUP,
    "GRNT": fields.GRANT,
    "TT": fields.VERNACULAR,
    "COIS": fields.INTEREST,
    "PUBN": fields.PUBLISHER,
    "BOOK": fields.BOOK,
}
_NAMES = {
    "FULL": fields.AUTHOR,
    "FAUT": fields.FIRST_AUTHOR,
    "LAUT": fields.LAST_AUTHOR,
    "FINV": fields.INVESTIGATOR,
    "ED": fields.EDITOR,
    "PS": fields.PERSON,
}
_FULL_NAMES = {"FAUN": fields.FULL_AUTHOR, "FULI": fields.FULL_INVESTIGATOR}
_WHOLE = {
    "AID": fields.IDENTIFIER,
    "LID": fields.IDENTIFIER,
    "AUID": fields.ORCID,
    "CNTY": fields.COUNTRY,
    "ECNO": fields.REGISTRY,
    "ISBN": fields.ISBN,
    "ISS": fields.ISSUE,
    "JID": fields.NLM_ID,
    "JOUR": fields.JOURNAL,
    "PAGE": fields.PAGE,
    "SI": fields.SOURCE,
    "SUBS": fields.SUBSTANCE,
    "VOL": fields.VOLUME,
}
_DATES = {
    "EDAT": "entered",
    "MDAT": "revised",
    "CRDT": "created",
    "CDAT": "completed",
    "MHDA": "mesh_day",
    "EPDT": "electronic_day",
    "PPDT": "print_day",
}
_INITIALS = 2
"""Letters that the last word of an author may have to count as initials, as PubMed prints at most two."""

MOST_ARRANGEMENTS = 5_000
"""Orders and gaps that one proximity search may be spelt out in."""


@runtime_checkable
class Actions(Protocol):
    """A vocabulary that knows pharmacological actions."""

    def substances(self, action: str) -> tuple[str, ...]:
        """The substances with this action, as MeSH spells them."""


class Compiler:
    """Makes one tantivy query of a tree. Unmapped terms (no field) are searched in all fields."""

    def __init__(self, schema: tantivy.Schema, thesaurus: Thesaurus) -> None:
        self._schema = schema
        self._thesaurus = thesaurus

    def compile(self, node: Node) -> tantivy.Query:
        """The query for ``node``. Raises :class:`UsageError` for what cannot be searched."""
        return self._node(flattened(node))

    def _node(self, node: Node) -> tantivy.Query:
        match node:
            case Term():
                return self._term(node)
            case Range():
                return self._range(node)
            case And():
                return _all(map(self._node, node.operands))
            case Or():
                return _any(map(self._node, node.operands))
            case Not(kept, dropped):
                return _except(self._node(kept), self._node(dropped))
            case Nothing():
                return tantivy.Query.empty_query()

    # -- one term --------------------------------------------------------------------------------------

    def _term(self, term: Term) -> tantivy.Query:
        special: dict[str, Callable[[Term], tantivy.Query]] = {
            "MESH": self._mesh,
            "MAJR": self._mesh,
            "SUBH": self._subheading,
            "PTYP": self._publication_type,
            "PAPX": self._action,
            "LANG": self._language,
            "FILT": self._filter,
            "UID": self._uid,
        }
        code = term.field
        if code in TEXT_FIELDS:
            return self._text(term)
        if code in special:
            return special[code](term)
        if code in _TAGGED:
            words = fields.tagged_words(_TAGGED[code], exact_words(term.text)).split()
            return self._phrase("tagged", words, truncated=term.truncated)
        if code in _NAMES:
            return self._author(term, _NAMES[code])
        if code in _FULL_NAMES:
            return self._full_name(term, _FULL_NAMES[code])
        if code in _WHOLE:
            return self._whole(term, _WHOLE[code])
        if code in _DATES or code == "PDAT":
            return self._range(Range(term.text, term.text, code, single=True))
        raise UsageError(f"the field '{code}' cannot be searched", remedy="leave its tag out, or use [all]")

    def _text(self, term: Term) -> tantivy.Query:
        words = exact_words(term.text)
        near = term.proximity
        field = search_tags.find(term.field)
        if near is not None and len(words) > 1 and not term.truncated and field is not None and field.proximity:
            return _any(self._near(name, words, near) for name in TEXT_FIELDS[term.field])
        return _any(self._phrase(name, words, truncated=term.truncated) for name in TEXT_FIELDS[term.field])

    def _phrase(self, name: str, words: Sequence[str], *, truncated: bool) -> tantivy.Query:
        if not words:
            return tantivy.Query.empty_query()
        if truncated and len(words) == 1:
            return self._beginning(name, words[0])
        if truncated:
            patterns: list[str | tuple[int, str]] = [*words[:-1], f"{words[-1]}.*"]  # letters and digits
            return tantivy.Query.regex_phrase_query(self._schema, name, patterns)
        if len(words) == 1:
            return tantivy.Query.term_query(self._schema, name, words[0])
        return tantivy.Query.phrase_query(self._schema, name, list(words))

    def _near(self, name: str, words: Sequence[str], between: int) -> tantivy.Query:
        """Two different words: both at one place of the phrase, so that tantivy's slop is their distance.

        Otherwise every order of the words with every way to spread ``between`` others over the gaps, since over more
        than two words slop is no distance.
        """
        between = min(between, fields.MOST_BETWEEN)
        if len(words) == 2 and words[0] != words[1]:
            return tantivy.Query.phrase_query(self._schema, name, [(0, words[0]), (0, words[1])], slop=between + 1)
        if arrangements(words, between) > MOST_ARRANGEMENTS:
            raise UsageError(
                f'"{" ".join(words)}" within {between} words of each other is too wide a search for {len(words)} words',
                remedy="take a smaller number after ~, fewer words, or join single words with AND",
            )
        return _any(
            tantivy.Query.phrase_query(self._schema, name, list(zip(places, order, strict=True)))
            for order in sorted(set(permutations(words)))
            for places in _places(len(words), between)
        )

    def _whole(self, term: Term, kind: str) -> tantivy.Query:
        text = term.text
        if kind == fields.PAGE:
            text = fields.first_page(text)
        name = fold_name(text)
        if kind == fields.ORCID:
            name = name.removeprefix("orcid ")
        if not name:
            return tantivy.Query.empty_query()
        if term.truncated:
            return self._beginning("code", f"{kind}:{name}")
        return tantivy.Query.term_query(self._schema, "code", f"{kind}:{name}")

    def _author(self, term: Term, kind: str) -> tantivy.Query:
        """``smith`` and ``smith j`` find Smith J, JA, JA Jr; ``smith ja`` not Smith J; in quotes nothing is added."""
        name = fold_name(term.text)
        if not name or term.truncated or term.quoted:
            return self._whole(term, kind)
        words = name.split()
        if len(words) > 1 and len(words[-1]) <= _INITIALS:
            return self._beginning("code", f"{kind}:{name}")
        return self._complete(f"{kind}:{name}")

    def _full_name(self, term: Term, kind: str) -> tantivy.Query:
        name = fold_name(term.text)
        if not name or term.truncated or term.quoted:
            return self._whole(term, kind)
        return self._complete(f"{kind}:{name}")

    def _complete(self, value: str) -> tantivy.Query:
        """The value itself, or with more words after it."""
        return _any([tantivy.Query.term_query(self._schema, "code", value), self._beginning("code", f"{value} ")])

    # -- controlled vocabularies -----------------------------------------------------------------------

    def _mesh(self, term: Term) -> tantivy.Query:
        major = term.field == "MAJR"
        if term.truncated:
            if major:
                return self._beginning("code", fields.code_of(fields.MAJOR, term.text))
            return self._beginning("mesh", fields.fold(term.text))
        headings = self._thesaurus.heading_family(term.text) if term.explode else (term.text,)
        if term.subheading is not None:
            kind = fields.MAJOR_PAIR if major else fields.PAIR
            subheadings = self._subheadings(term.subheading, term.explode)
            return self._codes(fields.code_of(kind, name, sub) for name in headings for sub in subheadings)
        if major:
            return self._codes(fields.code_of(fields.MAJOR, name) for name in headings)
        return tantivy.Query.term_set_query(self._schema, "mesh", [fields.fold(name) for name in headings])

    def _subheading(self, term: Term) -> tantivy.Query:
        if term.truncated:
            return self._beginning("code", fields.code_of(fields.SUBHEADING, term.text))
        names = self._subheadings(term.text, term.explode)
        return self._codes(fields.code_of(fields.SUBHEADING, name) for name in names)

    def _subheadings(self, name: str, explode: bool) -> tuple[str, ...]:
        return self._thesaurus.subheading_family(name) if explode else (name,)

    def _publication_type(self, term: Term) -> tantivy.Query:
        if term.truncated:
            return self._beginning("publication_type", fields.fold(term.text))
        names = self._thesaurus.publication_type_family(term.text) if term.explode else (term.text,)
        return tantivy.Query.term_set_query(self._schema, "publication_type", [fields.fold(name) for name in names])

    def _action(self, term: Term) -> tantivy.Query:
        """Articles indexed with a substance of this action, where the vocabulary knows such; otherwise none."""
        names = self._thesaurus.substances(term.text) if isinstance(self._thesaurus, Actions) else ()
        headings = tantivy.Query.term_set_query(self._schema, "mesh", [fields.fold(name) for name in names])
        return _any([headings, self._codes(fields.code_of(fields.SUBSTANCE, name) for name in names)])

    def _language(self, term: Term) -> tantivy.Query:
        if term.truncated:
            return self._beginning("language", fields.fold(term.text))
        code = language_code(term.text) or fields.fold(term.text)
        return tantivy.Query.term_query(self._schema, "language", code)

    def _filter(self, term: Term) -> tantivy.Query:
        flag = filter_flag(term.text)
        if flag == EVERYTHING:
            return tantivy.Query.all_query()
        if flag is not None:
            return tantivy.Query.term_query(self._schema, "code", f"{fields.FLAG}:{flag}")
        meant = filter_query(term.text)
        return tantivy.Query.empty_query() if meant is None else self.compile(meant)

    def _uid(self, term: Term) -> tantivy.Query:
        return tantivy.Query.term_query(self._schema, "id", term.text.strip())

    # -- ranges ----------------------------------------------------------------------------------------

    def _range(self, node: Range) -> tantivy.Query:
        if node.field == "UID":
            return self._between("pmid", _number(node.low), _number(node.high))
        low, high = day(node.low, last=False), day(node.high, last=True)
        if node.field == "PDAT":
            electronic = self._between("electronic_day", low, high)
            if node.single:
                early = tantivy.Query.term_query(self._schema, "code", fields.EARLY)
                electronic = _all([electronic, early])
            return _any([self._between("print_day", low, high), electronic])
        if node.field not in _DATES:
            raise UsageError(
                f"the field '{node.field}' has no order to search a range in",
                remedy="ranges go with dates ([dp], [edat] …) and with [pmid]",
            )
        if node.field == "EDAT":  # where "entered" keeps 00 for what is missing
            low = low if low % 100 != 1 else low - (101 if low % 10_000 == 101 else 1)
        return self._between(_DATES[node.field], low, high)

    def _between(self, name: str, low: int, high: int) -> tantivy.Query:
        if low > high:
            return tantivy.Query.empty_query()
        return tantivy.Query.range_query(self._schema, name, tantivy.FieldType.Integer, low, high)

    # -- small pieces ----------------------------------------------------------------------------------

    def _beginning(self, name: str, prefix: str) -> tantivy.Query:
        return beginning(self._schema, name, prefix)

    def _codes(self, values: Iterable[str]) -> tantivy.Query:
        return tantivy.Query.term_set_query(self._schema, "code", sorted(set(values)))


def beginning(schema: tantivy.Schema, name: str, prefix: str) -> tantivy.Query:
    """Articles with a term in the field ``name`` that begins with ``prefix``.

    As a fuzzy query of distance 0: a regular expression says the same but takes a millisecond to be made.
    """
    return tantivy.Query.fuzzy_term_query(schema, name, prefix, distance=0, prefix=True)


def arrangements(words: Sequence[str], between: int) -> int:
    """In how many orders, and with how many gaps, ``words`` stand with at most ``between`` others between them."""
    orders = math.factorial(len(words)) // math.prod(math.factorial(count) for count in Counter(words).values())
    return orders * math.comb(between + len(words) - 1, len(words) - 1)


def day(date: str, *, last: bool) -> int:
    """``2020/03/15`` as 20200315; missing parts become the first or last. Raises :class:`UsageError` for no date."""
    parts = re.split(r"[/-]", date.strip())
    if not 1 <= len(parts) <= 3 or not all(re.fullmatch(r"[0-9]{1,4}", part, re.ASCII) for part in parts):
        raise UsageError(f"'{date}' is not a date", remedy="write YYYY, YYYY/MM or YYYY/MM/DD")
    year, month, of_month = (*map(int, parts), *((99, 99) if last else (1, 1)))[:3]
    return year * 10_000 + month * 100 + of_month


def _number(text: str) -> int:
    if not re.fullmatch(r"\s*[0-9]{1,18}\s*", text, re.ASCII):
        raise UsageError(f"'{text}' is not a PMID", remedy="write it in digits, as in 100:200[pmid]")
    return int(text)


def _places(words: int, between: int) -> Iterator[tuple[int, ...]]:
    """Positions of ``words`` words in a row, the first at 0 and the last at most ``words - 1 + between``."""
    for rest in combinations(range(1, words + between), words - 1):
        yield (0, *rest)


def flattened(node: Node) -> Node:
    """The same query with operands of the same kind in one list: 300 ORs are one level, not 300."""
    match node:
        case And() | Or():
            parts: list[Node] = []
            waiting = list(reversed(node.operands))
            while waiting:
                part = waiting.pop()
                if type(part) is type(node):
                    waiting += reversed(part.operands)
                else:
                    parts.append(flattened(part))
            return type(node)(tuple(parts))
        case Not(kept, dropped):
            return Not(flattened(kept), flattened(dropped))
        case _:
            return node


def _all(queries: Iterable[tantivy.Query]) -> tantivy.Query:
    return tantivy.Query.boolean_query([(tantivy.Occur.Must, query) for query in queries])


def _any(queries: Iterable[tantivy.Query]) -> tantivy.Query:
    listed = list(queries)
    if len(listed) == 1:
        return listed[0]
    return tantivy.Query.boolean_query([(tantivy.Occur.Should, query) for query in listed])


def _except(kept: tantivy.Query, dropped: tantivy.Query) -> tantivy.Query:
    return tantivy.Query.boolean_query([(tantivy.Occur.Must, kept), (tantivy.Occur.MustNot, dropped)])
