"""PubMed's query language: from text to a tree, with notes of what PubMed would pass over in silence.

Booleans work strictly from left to right, concepts side by side are joined by AND, and nothing that can be typed is
refused here except nesting beyond any sense (PubMed User Guide, April 2024; contract, sections 1 and 3 to 7).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from pubmed_rag.core import search_tags
from pubmed_rag.core.errors import UsageError
from pubmed_rag.core.query_lexer import Plain, Slip, Token, plain, tokens
from pubmed_rag.index.pubmed_ast import And, Node, Not, Nothing, Or, Range, Term
from pubmed_rag.index.pubmed_dates import as_range
from pubmed_rag.index.pubmed_leaves import Tag, leaves_of_quotation, leaves_of_words, read_tag
from pubmed_rag.index.pubmed_notes import QueryNote, Severity

_DEEPEST = 100
_REFERENCE = re.compile(r"#(\d{1,6})")
_NUMBER = re.compile(r"\d{1,9}[,;]?")
_NOT_IN_NAMES = re.compile(r"[^\w\s,'+-]|\b(?:AND|OR|NOT)\b", re.IGNORECASE)
_OTHER_WILDCARD = re.compile(r"[^\W\d_](?:\?[^\W\d_]|\$)")
_SLIPS = {
    "quotes": "typographic quotation marks are taken for plain ones",
    "asterisk": "PubMed does not take this asterisk for a wildcard",
    "entity": "a character as a web page's source writes it; PubMed would search for what stands here",
    "quote": "a quotation mark without its partner is ignored",
    "bracket": "'[' without ']'",
}
_OVID = re.compile(
    r"\.(?:ti|ab|tw|mp|kw|kf|pt|sh|fs|hw)(?:,(?:ti|ab|tw|mp|kw|kf|ot|hw|sh|rn|nm))*\.?(?=[\s)]|$)"
    r"|\badj\d*\b(?!\[)|:(?:ti|ab)(?:,(?:ti|ab|kw))*(?=[\s)]|$)|/exp\b"
    r"|\bexp \"?[A-Z][^/\[\]()]*/(?=[\s)]|$)|^\s*[A-Z][\w ,-]+/\s*$",
    re.MULTILINE,
)


@dataclass(frozen=True, slots=True)
class ParsedQuery:
    """A query as written. Untagged terms have no field yet; relative dates are still words."""

    node: Node
    notes: tuple[QueryNote, ...]


@dataclass(slots=True)
class _Level:
    """What stands between two parentheses, so far: ``operands`` joined by ``kind``."""

    opened: Token | None = None
    operands: list[Node] = field(default_factory=list)
    kind: str = ""
    operator: Token | None = None
    colon: Token | None = None
    is_mixed: bool = False

    def node(self) -> Node | None:
        if not self.operands:
            return None
        if len(self.operands) == 1:
            return self.operands[0]
        return (Or if self.kind == "OR" else And)(tuple(self.operands))


def parse(query: str, *, mend: bool = True) -> ParsedQuery:
    """The tree of ``query``. ``mend``: asterisks and ``&amp;`` that come with pasting are read as meant.

    A query of several lines in which later ones name earlier ones (``#1 OR #2``) is a search history: the tree is
    that of its last line. Raises :class:`UsageError` for more than 100 levels of nesting.
    """
    lines = query.splitlines(keepends=True)
    filled = [line for line in lines if line.strip()]
    if len(filled) > 1 and any(re.match(r"\s*\(*\s*#\d", line) for line in filled[1:]):
        return _parse_history(lines, mend)
    return _Parser(query, mend, {}).run()


def _parse_history(lines: Sequence[str], mend: bool) -> ParsedQuery:
    references: dict[int, Node] = {}
    notes: list[QueryNote] = []
    at = 0
    node: Node = Nothing()
    for line in lines:
        if line.strip():
            parsed = _Parser(line, mend, references).run()
            node = references[len(references) + 1] = parsed.node
            notes += [replace(note, start=note.start + at, end=note.end + at) for note in parsed.notes]
        at += len(line)
    _check_depth(node)
    return ParsedQuery(node, tuple(notes))


class _Parser:
    def __init__(self, query: str, mend: bool, references: Mapping[int, Node]) -> None:
        self._query = query
        self._references = references
        self._notes: list[QueryNote] = []
        self._source: Plain = plain(query, mend=mend)
        self._tokens: list[Token] = []
        slips = list(self._source.slips)
        for item in tokens(self._source):
            if isinstance(item, Token):
                self._tokens.append(item)
            else:
                slips.append(item)
        self._note_slips(slips)
        self._note_wildcards()
        self._levels = [_Level()]
        self._words: list[Token] = []
        self._boolean = any(token.kind == "tag" or (token.kind == "operator" and token.sure) for token in self._tokens)

    def run(self) -> ParsedQuery:
        ovid = _OVID.search(self._query)
        if ovid:
            self._note(
                ovid.start(), ovid.end(), "this is Ovid's or Embase's syntax; PubMed writes tags in brackets", "error"
            )
        node = _as_ids(self._tree())
        if node is None:
            self._note(0, len(self._query), "there is nothing to search for", "error")
            node = Nothing(" ".join(self._query.split()))
        _check_depth(node)
        self._notes.sort(key=lambda note: (note.start, note.end))
        return ParsedQuery(node, tuple(self._notes))

    def _tree(self) -> Node | None:
        for at, token in enumerate(self._tokens):
            match token.kind:
                case "open":
                    self._flush()
                    self._levels.append(_Level(opened=token))
                case "close":
                    self._flush()
                    self._close(token)
                case "operator":
                    self._operator(at, token)
                case "colon":
                    self._colon(token)
                case "tag":
                    self._tag(at, token)
                case "quoted":
                    self._flush()
                    following = self._at(at + 1)
                    if following is None or following.kind != "tag" or self._is_name_part(at + 1):
                        self._add_all(leaves_of_quotation(token, None, self._note))
                case "word":
                    self._word(token)
        self._flush()
        self._drop_operator("an operator with nothing after it is ignored")
        while len(self._levels) > 1:
            opened = self._levels[-1].opened
            if opened is not None:
                self._note(opened.start, opened.end, "'(' without ')': closed at the end")
            self._end_level()
        return self._levels[0].node()

    # -- tokens ------------------------------------------------------------------------------------

    def _at(self, at: int) -> Token | None:
        return self._tokens[at] if 0 <= at < len(self._tokens) else None

    def _word(self, token: Token) -> None:
        reference = _REFERENCE.fullmatch(token.text)
        if reference is None:
            if token.text.strip("*") == "" and not self._words:
                self._note(token.start, token.end, "an asterisk stands after the beginning of a word; this is ignored")
                return
            self._words.append(token)
            return
        self._flush()
        known = self._references.get(int(reference[1]))
        if known is None:
            self._note(
                token.start, token.end, "a search of another session, which is not known here: write it out", "error"
            )
            known = Nothing(token.text)
        self._add(known)

    def _operator(self, at: int, token: Token) -> None:
        before, after = self._at(at - 1), self._at(at + 1)
        is_tagged = after is not None and after.kind == "tag"
        if not token.sure and (is_tagged or not _joins(before, after)):
            if self._boolean and token.text != "AND" and not is_tagged and before and after:
                self._note(
                    token.start,
                    token.end,
                    "operators are written in capitals; between plain words PubMed ignores this one",
                    suggestion=token.text,
                )
            self._words.append(replace(token, kind="word", text=token.text.lower()))
            return
        if token.sure and is_tagged:
            self._words.append(replace(token, kind="word", text=token.text.lower()))
            return
        if not token.sure:
            self._note(
                token.start,
                token.end,
                "operators are written in capitals; between tagged terms this one is taken for an operator",
                suggestion=token.text,
            )
        self._flush()
        level = self._levels[-1]
        if not level.operands:
            self._note(token.start, token.end, f"{token.text} with nothing before it is ignored")
            return
        if level.operator is not None and (level.operator.text, token.text) != ("AND", "NOT"):
            self._note(
                level.operator.start, token.end, f"two operators side by side: the last one, {token.text}, counts"
            )
        level.operator = token
        self._mixed(level, token)

    def _mixed(self, level: _Level, token: Token) -> None:
        """AND and OR at one level, which people read otherwise than PubMed does."""
        mixed = (token.text == "AND" and level.kind == "OR") or (token.text == "OR" and level.kind in {"AND", "NOT"})
        if mixed and len(level.operands) > 1 and not level.is_mixed:
            level.is_mixed = True
            self._note(
                token.start,
                token.end,
                "AND and OR without parentheses are worked off from left to right: is that what you mean?",
            )

    def _colon(self, token: Token) -> None:
        if self._words:
            self._words.append(replace(token, kind="word"))
            return
        level = self._levels[-1]
        if level.operands and level.operator is None and isinstance(level.operands[-1], (Term, Range)):
            level.colon = token

    def _is_name_part(self, at: int) -> bool:
        """Whether a bracket belongs to a chemical name, as in ``benzo[a]pyrene``, and is no tag."""
        token, following = self._at(at), self._at(at + 1)
        return (
            token is not None
            and following is not None
            and following.kind == "word"
            and following.joined
            and read_tag(token).field is None
        )

    def _tag(self, at: int, token: Token) -> None:
        before = self._at(at - 1)
        if self._is_name_part(at):
            inside = " ".join(_NOT_IN_NAMES.sub(" ", token.text).split())
            if inside:
                self._words.append(replace(token, kind="word", text=inside))
            return
        if before is None or (before.kind in {"open", "operator", "colon"} and not self._words):
            self._note(token.start, token.end, "a tag stands after its term; here there is none before it")
            return
        if before.kind == "close":
            self._note(
                token.start,
                token.end,
                "PubMed ignores a tag after a parenthesis: give it to each term inside",
                "error",
            )
            return
        if before.kind == "tag" and not self._words:
            self._note(token.start, token.end, "a second tag for the same term is ignored")
            return
        tag = read_tag(token)
        self._note_tag(tag)
        if before.kind == "quoted":
            self._add_all(leaves_of_quotation(before, tag, self._note))
        else:
            self._flush(tag)

    def _note_tag(self, tag: Tag) -> None:
        token = tag.token
        if tag.field is None:
            near = search_tags.near(tag.name)
            what = f"PubMed knows no field [{tag.name}]; it drops the tag and searches all fields"
            if not tag.name:
                self._note(token.start, token.end, "an empty tag is ignored")
            else:
                self._note(token.start, token.end, what, "error", f"[{near}]" if near else None)
        elif tag.problem:
            self._note(token.start, token.end, tag.problem, suggestion=f"[{tag.name}]")

    def _note_slips(self, slips: Sequence[Slip]) -> None:
        said: set[str] = set()
        for slip in sorted(slips, key=lambda slip: slip.start):
            if slip.what not in said:
                said.add(slip.what)
                self._note(slip.start, slip.end, _SLIPS[slip.what], suggestion=slip.plain)

    def _note_wildcards(self) -> None:
        for token in self._tokens:
            if token.kind in {"word", "quoted"} and _OTHER_WILDCARD.search(token.text):
                self._note(token.start, token.end, "PubMed knows no wildcards but '*': '?' and '$' are blanks to it")

    def _note(
        self, start: int, end: int, message: str, severity: Severity = "warning", suggestion: str | None = None
    ) -> None:
        self._notes.append(QueryNote(message, start, end, severity, suggestion))

    # -- the tree ----------------------------------------------------------------------------------

    def _flush(self, tag: Tag | None = None) -> None:
        """The words so far become terms, the last of them with the tag."""
        words, self._words = self._words, []
        if words:
            self._add_all(leaves_of_words(words, tag, self._note))

    def _add_all(self, nodes: Sequence[Node]) -> None:
        for node in nodes:
            self._add(node)

    def _add(self, node: Node) -> None:
        level = self._levels[-1]
        operator, level.operator = (level.operator.text if level.operator else "AND"), None
        colon, level.colon = level.colon, None
        if colon is not None and level.operands:
            whole = _span(level.operands[-1], node)
            if whole is not None:
                level.operands[-1] = whole
                return
            self._note(colon.start, colon.end, "a colon makes a range of two dates; here it is ignored")
        if not level.operands:
            level.operands.append(node)
            return
        if operator == level.kind and operator != "NOT":
            level.operands.append(node)
            return
        left = level.node()
        if left is None:
            raise AssertionError("a level with operands has a node")
        level.kind = operator
        level.operands = [Not(left, node)] if operator == "NOT" else [left, node]

    def _close(self, token: Token) -> None:
        self._drop_operator("an operator with nothing after it is ignored")
        if len(self._levels) == 1:
            self._note(token.start, token.end, "')' without '(' is ignored")
            return
        level = self._levels[-1]
        if not level.operands and level.opened is not None:
            self._note(level.opened.start, token.end, "nothing between these parentheses: they are ignored")
        self._end_level()

    def _end_level(self) -> None:
        node = self._levels.pop().node()
        if node is not None:
            self._add(node)

    def _drop_operator(self, message: str) -> None:
        level = self._levels[-1]
        if level.operator is not None:
            self._note(level.operator.start, level.operator.end, message)
            level.operator = None


def _as_ids(node: Node | None) -> Node | None:
    """A query that is only numbers is one of PMIDs."""
    if not isinstance(node, Term) or node.field or node.quoted or node.truncated:
        return node
    numbers = node.text.split()
    if not all(_NUMBER.fullmatch(number) for number in numbers):
        return node
    found = tuple(Term(number.rstrip(",;"), "UID", start=node.start, end=node.end) for number in numbers)
    return found[0] if len(found) == 1 else Or(found)


def _joins(before: Token | None, after: Token | None) -> bool:
    """Whether a word in small letters between the two is meant as an operator.

    The guide says that such words are ignored. Between tagged terms and parentheses PubMed has taken them for
    operators: with the ``not`` of ``(Animals[Mesh] not (Animals[Mesh] and Humans[Mesh]))`` ignored, the queries of
    real reviews that end so could not have found the human studies that they did find.
    """
    if before is None or after is None or before.kind in {"open", "operator"} or after.kind == "close":
        return False
    return before.kind in {"tag", "close"} or after.kind == "open"


def _span(left: Node, right: Node) -> Range | None:
    """``"2020"[dp] : "2021"[dp]``, where the first tag may be missing."""
    if not isinstance(right, Range) or right.field == "UID":
        return None
    if isinstance(left, Term):
        parsed = as_range(left.text, right.field) if left.field in {"", right.field} else None
        low = parsed.low if parsed else None
    else:
        low = left.low if isinstance(left, Range) and left.field == right.field else None
    if low is None or not isinstance(left, (Term, Range)):
        return None
    return Range(low, right.high, right.field, start=left.start, end=right.end)


def _check_depth(node: Node) -> None:
    deepest = 0
    pending: list[tuple[Node, int]] = [(node, 1)]
    while pending:
        part, depth = pending.pop()
        deepest = max(deepest, depth)
        if deepest > _DEEPEST:
            raise UsageError(
                f"the query is nested more than {_DEEPEST} levels deep",
                remedy="put terms of one level side by side: 'a OR b OR c', not '((a OR b) OR c)'",
            )
        if isinstance(part, (And, Or)):
            pending += [(operand, depth + 1) for operand in part.operands]
        elif isinstance(part, Not):
            pending += [(part.kept, depth + 1), (part.dropped, depth + 1)]
