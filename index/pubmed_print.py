"""Trees of queries as text: as a query that parses to the same tree, and in PubMed's own notation."""

from __future__ import annotations

import re

from pubmed_rag.core import search_tags
from pubmed_rag.index.pubmed_ast import And, Node, Not, Nothing, Or, Range, Term

_BARE = frozenset({"FULL", "FAUT", "LAUT", "FINV", "UID"})  # quotes have a meaning here, or none are printed
_AS_IS = frozenset({"JOUR", "AUID", "AID"})
_NAMES = frozenset({"MESH", "MAJR", "SUBH", "SUBS", "PTYP", "PAPX"})  # printed in small letters unless typed in quotes
_NEEDS_QUOTES = re.compile(r"[()\[\]|]")  # as in names of chemicals; typed words have none


def to_query(node: Node) -> str:
    """``node`` as a query. Every tree that the parser makes comes back from it the same, except :class:`Nothing`."""
    return _print(node, translation=False)


def to_translation(node: Node) -> str:
    """``node`` as PubMed prints its QueryTranslation: phrases in quotes, fields by name, days in ranges.

    The order of clauses is ours: compare translations as sets.
    """
    return _print(node, translation=True)


def field_name(code: str) -> str:
    """What PubMed calls the field with this code."""
    field = search_tags.find(code)
    return field.name if field else code


def _print(node: Node, *, translation: bool) -> str:
    match node:
        case Term():
            return _term(node, translation)
        case Range():
            return _range(node, translation)
        case And(operands):
            return " AND ".join(_operand(part, translation) for part in operands)
        case Or(operands):
            return " OR ".join(_operand(part, translation) for part in operands)
        case Not(kept, dropped):
            return f"{_operand(kept, translation)} NOT {_operand(dropped, translation)}"
        case Nothing(text):
            return f'"{text.replace(chr(34), "")}"'


def _operand(node: Node, translation: bool) -> str:
    text = _print(node, translation=translation)
    return f"({text})" if isinstance(node, (And, Or, Not)) else text


def _term(term: Term, translation: bool) -> str:
    text = term.text if not term.subheading else f"{term.text}/{term.subheading}"
    if translation and term.field not in _AS_IS:
        text = " ".join(text.replace("'", " ").split())
        if term.field in _NAMES and not term.quoted:
            text = text.lower()
    if term.truncated:
        text += "*"
    if term.quoted or (translation and term.field not in _BARE) or _NEEDS_QUOTES.search(text.rstrip("*")):
        text = f'"{text}"'
    if not term.field:
        return text
    modifier = "" if term.explode else ":noexp"
    if term.proximity is not None:
        modifier = f":~{term.proximity}"
    return f"{text}[{field_name(term.field)}{modifier}]"


def _range(node: Range, translation: bool) -> str:
    name = field_name(node.field)
    if node.single and not translation:
        return f"{_partial(node)}[{name}]"
    return f"{node.low}:{node.high}[{name}]"


def _partial(node: Range) -> str:
    """The year, month or day that a range of one date was made from."""
    if node.low == node.high:
        return node.low
    if re.fullmatch(r"\d{4}/01/01", node.low) and node.high == f"{node.low[:4]}/12/31":
        return node.low[:4]
    return node.low[:7]
