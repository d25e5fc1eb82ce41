"""PubMed's language parsed: every row of the contract's sections 1 and 3 to 7 that a parser decides."""

from __future__ import annotations

import contextlib
import json
import random
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pubmed_rag.core.errors import UsageError
from pubmed_rag.index.pubmed_ast import And, Node, Not, Nothing, Or, Range, Term
from pubmed_rag.index.pubmed_parser import parse
from pubmed_rag.index.pubmed_print import to_query, to_translation
from tests.index.pubmed_trees import trees
from tests.support import shared_data


def tree(query: str) -> Node:
    return parse(query).node


def said(query: str, *, mend: bool = True) -> list[tuple[str, str, str | None]]:
    """Severity, the text it is about, and the suggestion of every note."""
    return [(note.severity, query[note.start : note.end], note.suggestion) for note in parse(query, mend=mend).notes]


A, B, C = Term("a", "TITL"), Term("b", "TITL"), Term("c", "TITL")


@pytest.mark.parametrize(
    ("query", "node"),
    [
        # Booleans: left to right, no precedence, AND between neighbours
        ("a[ti] OR b[ti] AND c[ti]", And((Or((A, B)), C))),
        ("a[ti] AND b[ti] OR c[ti]", Or((And((A, B)), C))),
        ("a[ti] OR (b[ti] AND c[ti])", Or((A, And((B, C))))),
        ("a[ti] b[ti] c[ti]", And((A, B, C))),
        ("a[ti] OR b[ti] c[ti]", And((Or((A, B)), C))),
        ("a[ti] NOT b[ti] NOT c[ti]", Not(Not(A, B), C)),
        ("a[ti] AND b[ti] NOT c[ti]", Not(And((A, B)), C)),
        ("a[ti] NOT b[ti] AND c[ti]", And((Not(A, B), C))),
        ("a[ti] & b[ti] | c[ti]", Or((And((A, B)), C))),
        ("a[ti]|b[ti]", Or((A, B))),
        ("a[ti] AND NOT b[ti]", Not(A, B)),
        # operators in small letters: words between words, operators between tags and parentheses
        ("heart and lung", Term("heart and lung")),
        ("a[ti] or b[ti]", Or((A, B))),
        ("a[ti] Or (b[ti] and c[ti])", Or((A, And((B, C))))),
        ("a[ti] not (b[ti])", Not(A, B)),
        ("heart or (lung)", Or((Term("heart"), Term("lung")))),
        ("or[ti]", Term("or", "TITL")),
        # parentheses
        ("((a[ti]))", A),
        ("(a[ti] OR b[ti]", Or((A, B))),
        ("a[ti]) OR b[ti]", Or((A, B))),
        ("a[ti] AND ()", A),
        ("(a[ti] OR b[ti])*", Or((A, B))),
        ("(heart OR lung)[ti]", Or((Term("heart"), Term("lung")))),
        # tags
        ("crabs [mh]", Term("crabs", "MESH")),
        ("Crabs[ MeSH Terms ]", Term("Crabs", "MESH")),
        ("hurtle cell[tiab]", Term("hurtle cell", "TIAB")),
        ("heart[foo]", Term("heart")),
        ("heart[]", Term("heart")),
        ("[ti] heart", Term("heart")),
        ("a[ti][tiab]", A),
        ("heart a[ti", Term("heart a", "TITL")),
        ("(a[ti OR b[ti])", Or((A, B))),
        ("heart a[x", Term("heart a x")),
        ("breast[ti] feeding", And((Term("breast", "TITL"), Term("feeding")))),
        # quotes
        ('"heart attack"[tiab]', Term("heart attack", "TIAB", quoted=True)),
        ('"heart attack" aspirin[ti]', And((Term("heart attack", quoted=True), Term("aspirin", "TITL")))),
        ("\u201cheart attack\u201d", Term("heart attack", quoted=True)),
        ('Serology"[mh] OR "a b"[ti]', Or((Term("Serology", "MESH"), Term("a b", "TITL", quoted=True)))),
        ('"[18F]FDG"[tiab]', Term("[18F]FDG", "TIAB", quoted=True)),
        ("benzo[a]pyrene[mh]", Term("benzo a pyrene", "MESH")),
        # truncation
        ("infarct*", Term("infarct", truncated=True)),
        ("heart infarct* attack", And((Term("heart"), Term("infarct", truncated=True), Term("attack")))),
        ("breast feed*[tiab]", Term("breast feed", "TIAB", truncated=True)),
        ('"breast feed*"', Term("breast feed", quoted=True, truncated=True)),
        ("breast-feed*", Term("breast-feed", truncated=True)),
        ("cat*[ti]", Term("cat", "TITL")),
        ("h*moglobin[ti]", Term("h moglobin", "TITL")),
        ("*Staphylococcus[mh]", Term("Staphylococcus", "MESH")),
        # nearness
        ('"a b"[ti:~3]', Term("a b", "TITL", quoted=True, proximity=3)),
        ('"a b"[Title/Abstract:~0]', Term("a b", "TIAB", quoted=True, proximity=0)),
        ('"a b"[ad:~1000]', Term("a b", "AFFL", quoted=True, proximity=1000)),
        ('"asthma* control"[tiab:~2]', Term("asthma control", "TIAB", quoted=True)),
        ('"asthma control*"[tiab:~2]', Term("asthma control", "TIAB", quoted=True, truncated=True)),
        ("a b[ti:~3]", Term("a b", "TITL")),
        ('"asthma"[ti:~3]', Term("asthma", "TITL", quoted=True)),
        ("asthma[mh:~3]", Term("asthma", "MESH")),
        # MeSH
        ("hypertension/therapy[mh]", Term("hypertension", "MESH", subheading="therapy")),
        ("hypertension/dh[majr:noexp]", Term("hypertension", "MAJR", explode=False, subheading="dh")),
        ('"Cervix Uteri/virology" [MeSH Terms]', Term("Cervix Uteri", "MESH", quoted=True, subheading="virology")),
        ("child[MeSH:NoExp]", Term("child", "MESH", explode=False)),
        ("Humans[Mesh]/ AND a[ti]", And((Term("Humans", "MESH"), A))),
        ("therapy[sh:noexp]", Term("therapy", "SUBH", explode=False)),
        ("review[pt:noexp]", Term("review", "PTYP", explode=False)),
        ("asthma[ti:noexp]", Term("asthma", "TITL")),
        # dates and numbers
        ("2020[dp]", Range("2020/01/01", "2020/12/31", "PDAT", single=True)),
        ("2024/02[dp]", Range("2024/02/01", "2024/02/29", "PDAT", single=True)),
        ("2020/3/5[edat]", Range("2020/03/05", "2020/03/05", "EDAT", single=True)),
        ("1996:1998[dp]", Range("1996/01/01", "1998/12/31", "PDAT")),
        ("1996 : 1998[dp]", Range("1996/01/01", "1998/12/31", "PDAT")),
        ("2020/01:2020/04[edat]", Range("2020/01/01", "2020/04/30", "EDAT")),
        (
            '"2020"[Date - Publication] : "2021"[Date - Publication]',
            Range("2020/01/01", "2021/12/31", "PDAT"),
        ),
        ("2020[dp]:2021/06[dp]", Range("2020/01/01", "2021/06/30", "PDAT")),
        ('"2019"[edat]:"2020"[edat]', Range("2019/01/01", "2020/12/31", "EDAT")),
        ("2020: 2021[dp]", Range("2020/01/01", "2021/12/31", "PDAT")),
        ("2020 :2021[dp]", Range("2020/01/01", "2021/12/31", "PDAT")),
        ('"2020:2021"[dp]', Range("2020/01/01", "2021/12/31", "PDAT")),
        ('"2019/01/01" : "3000"[dp]', Range("2019/01/01", "3000/12/31", "PDAT")),
        ('"last 5 years"[dp]', Term("last 5 years", "PDAT", quoted=True)),
        ("asthma 2020[dp]", And((Term("asthma"), Range("2020/01/01", "2020/12/31", "PDAT", single=True)))),
        ("2020-01-31[dp]", Range("2020/01/31", "2020/01/31", "PDAT", single=True)),
        ("2020/13[dp]", Nothing("2020/13")),
        ("100:200[uid]", Range("100", "200", "UID")),
        ("29440426", Term("29440426", "UID")),
        ("17170002 16381840", Or((Term("17170002", "UID"), Term("16381840", "UID")))),
        ("17170002, 16381840", Or((Term("17170002", "UID"), Term("16381840", "UID")))),
        ("covid 2020", Term("covid 2020")),
        # a search history
        ("a[ti]\nb[ti]\n#1 OR #2", Or((A, B))),
        ("a[ti]\n\nb[ti]\nc[ti]\n#1 OR #2\n#3 AND #4", And((C, Or((A, B))))),
        ("a[ti] AND #3", And((A, Nothing("#3")))),
    ],
)
def test_tree(query: str, node: Node) -> None:
    assert tree(query) == node


@pytest.mark.parametrize(
    ("query", "note"),
    [
        ("a[ti] OR b[ti] AND c[ti]", ("warning", "AND", None)),
        ("a[ti] or b[ti]", ("warning", "or", "OR")),
        ("heart or lung AND x", ("warning", "or", "OR")),
        ("a OR AND b", ("warning", "OR AND", None)),
        ("OR a", ("warning", "OR", None)),
        ("a OR", ("warning", "OR", None)),
        ("(a OR b", ("warning", "(", None)),
        ("a OR b)", ("warning", ")", None)),
        ("a AND ()", ("warning", "()", None)),
        ("((", ("error", "((", None)),
        ("", ("error", "", None)),
        ("(asthma OR copd)[tiab]", ("error", "[tiab]", None)),
        ("asthma[tiabb]", ("error", "[tiabb]", "[tiab]")),
        ("asthma[ab]", ("error", "[ab]", "[tiab]")),
        ("asthma[foo]", ("error", "[foo]", None)),
        ("x[author identifier]", ("error", "[author identifier]", "[auid]")),
        ("a[ti][tiab]", ("warning", "[tiab]", None)),
        ("[ti] a", ("warning", "[ti]", None)),
        ("a[]", ("warning", "[]", None)),
        ("asthma[ti:noexp]", ("warning", "[ti:noexp]", "[ti]")),
        ("asthma[mh:~3]", ("warning", "[mh:~3]", "[mh]")),
        ("asthma[mh:big]", ("warning", "[mh:big]", "[mh]")),
        ("a b[ti:~3]", ("warning", "[ti:~3]", None)),
        ('"asthma* control"[tiab:~2]', ("warning", "[tiab:~2]", None)),
        ("cat*[ti]", ("warning", "cat*", None)),
        ("*cats[ti]", ("warning", "*cats", None)),
        ("h*moglobin[ti]", ("warning", "h*moglobin", None)),
        ("intervent\u2217[ti]", ("warning", "\u2217", "*")),
        ("Simulation &amp; Learning[ta]", ("warning", "&amp;", "&")),
        ("\u201ca b\u201d[ti]", ("warning", "\u201c", '"')),
        ('"a b', ("warning", '"', None)),
        ("a[ti OR b[ti]", ("warning", "[", None)),
        ("cholangio?pancreatogra*[ti]", ("warning", "cholangio?pancreatogra*", None)),
        ("random$[ti]", ("warning", "random$", None)),
        ("a AND #3", ("error", "#3", None)),
        ("asthma.ti,ab. AND trial", ("error", ".ti,ab.", None)),
        ("exp Asthma/ AND trial", ("error", "exp Asthma/", None)),
        ("asthma adj3 child", ("error", "adj3", None)),
        ("2020-01-31[dp]", ("warning", "2020-01-31[dp]", "2020/01/31")),
        ("2020-2024[dp]", ("error", "2020-2024[dp]", "2020:2024")),
        ("spring[dp]", ("error", "spring[dp]", None)),
        ("abc[pmid]", ("error", "abc[pmid]", None)),
        ('a "" b', ("warning", '""', None)),
    ],
)
def test_notes(query: str, note: tuple[str, str, str | None]) -> None:
    assert note in said(query)


def test_asterisk_of_another_alphabet_is_a_blank_in_pubmed() -> None:
    assert parse("intervent\u2217[ti]", mend=False).node == Term("intervent", "TITL")
    assert parse("intervent\u2217[ti]", mend=True).node == Term("intervent", "TITL", truncated=True)


def test_places_survive_what_is_mended() -> None:
    query = "x &amp; y AND z[tiabb]"
    assert ("error", "[tiabb]", "[tiab]") in said(query)
    node = parse("\u201cheart attack\u201d[ti] OR lung").node
    assert isinstance(node, Or)
    first, second = node.operands
    assert isinstance(first, Term)
    assert (first.start, first.end) == (0, 18)
    assert isinstance(second, Term)
    assert (second.start, second.end) == (22, 26)


@pytest.mark.parametrize(
    "query",
    [
        "does aspirin and exercise help or not",
        "asthma[mh] AND 2020:2024[dp] AND review[pt:noexp]",
        '"two or more"[Title/Abstract:~0]',
        'crabs [ MH ] OR "MeSH (not a tag"[tiab] OR (random*[tw] AND x[Text Word])',
        "a OR b OR c NOT d",
        "does it help?",
        'randomi* OR "18f fdg*"[tiab] OR breast feed*[tiab]',
        "statins and stroke AND review[pt]",
        "neoplasms/therapy[majr:noexp]",
        '("2020/01/01"[Date - Publication] : "3000"[Date - Publication])',
    ],
)
def test_left_in_peace(query: str) -> None:
    assert said(query) == []


@given(trees())
@settings(max_examples=300, deadline=None)
def test_a_printed_tree_parses_to_itself(node: Node) -> None:
    text = to_query(node)
    assert tree(text) == node
    assert to_query(node) == text


SCRAPS = [
    *"AND OR not ( ) [ ] \" * [ti] [mh:noexp] [tiab:~2] #1 : / & | 2020 [dp] heart &amp; - ' ~ [:] [pmid]".split(),
    *("\u201c", "\u2217", "\n", "last 5 years", "\x00", "&amp;", "amp;", "&", "#38;", "&#8727;", "lt;", ";"),
]
SCRAP_LISTS = st.lists(st.sampled_from(SCRAPS), max_size=25)


@given(st.one_of(st.text(max_size=60), SCRAP_LISTS.map(" ".join), SCRAP_LISTS.map("".join)), st.booleans())
@settings(max_examples=500, deadline=None)
def test_no_text_is_too_odd(query: str, mend: bool) -> None:
    parsed = parse(query, mend=mend)
    for note in parsed.notes:
        assert 0 <= note.start <= note.end <= len(query)
    printed = to_query(parsed.node)
    assert to_translation(parsed.node)
    if "Nothing(" not in repr(parsed.node):
        assert parse(printed, mend=mend).node == parsed.node


def test_depth_has_a_limit_and_length_has_none() -> None:
    assert tree("(" * 20_000 + "a[ti]" + ")" * 20_000) == A
    with pytest.raises(UsageError, match="levels deep"):
        parse(" ".join(f"a{n}[ti] {'OR' if n % 2 else 'AND'}" for n in range(400)) + " z[ti]")
    long = " OR ".join(f"word{n}[tiab]" for n in range(5_000))
    began = time.perf_counter()
    node = tree(long)
    assert time.perf_counter() - began < 2
    assert isinstance(node, Or)
    assert len(node.operands) == 5_000


def test_time_grows_with_length_only() -> None:
    """Quotation marks and brackets without partners must not make the lexer look ahead again and again."""
    rng = random.Random(7)
    for scrap in ('"', "[", '"[ti]', "(["):
        query = "".join(scrap + rng.choice("ab ") for _ in range(5_000))
        began = time.perf_counter()
        with contextlib.suppress(UsageError):  # some are nested too deeply
            parse(query)
        assert time.perf_counter() - began < 3


def test_reviews_parse_without_an_error() -> None:
    """The queries of 20 reviews, as published and as edited by the collection's makers."""
    for line in (shared_data("sysrev_seed") / "queries.jsonl").read_text().splitlines():
        metadata = json.loads(line)["metadata"]
        for form in ("pubmed_boolean", "pubmed_boolean_edited"):
            parsed = parse(metadata[form])
            assert [note for note in parsed.notes if note.severity == "error"] == []
            assert tree(to_query(parsed.node)) == parsed.node


def test_cochrane_queries_parse_or_name_their_syntax() -> None:
    counts = {"pubmed": 0, "ovid": 0}
    for line in (shared_data("clef_tar") / "queries.jsonl").read_text().splitlines():
        metadata = json.loads(line)["metadata"]
        if not metadata.get("boolean_query"):
            continue
        notes = parse(metadata["boolean_query"]).notes
        ovid = any("Ovid" in note.message for note in notes)
        guess = metadata["boolean_syntax_guess"]
        assert ovid == (guess != "pubmed"), (guess, metadata["boolean_query"][:300], notes)
        counts[guess] += 1
    assert counts == {"pubmed": 15, "ovid": 113}
