"""Mistakes PubMed would not mention are found, and real queries are left in peace."""

from __future__ import annotations

import json

import pytest

from pubmed_rag.core import search_tags
from pubmed_rag.ingest.query_check import check_query
from tests.support import shared_data


@pytest.mark.parametrize(
    ("query", "text", "words", "suggestion"),
    [
        ("asthma[tiabb]", "[tiabb]", "no such field", "[tiab]"),
        ("asthma [foo]", "[foo]", "no such field", None),
        ("x [author identifier]", "[author identifier]", "no such field", "[author - identifier]"),
        ("[ti] asthma", "[ti]", "none before", None),
        ("asthma AND [ti]", "[ti]", "none before", None),
        ("(asthma OR copd)[tiab]", "[tiab]", "after a parenthesis", None),
        ("asthma[ti][tiab]", "[tiab]", "second tag", None),
        ("asthma[]", "[]", "empty", None),
        ("asthma[ti:noexp]", "[ti:noexp]", "not exploded", "[ti]"),
        ("asthma[mh:~3]", "[mh:~3]", "nearness", "[mh]"),
        ("asthma[ti:~3]", "[ti:~3]", "two or more words", None),
        ('"asthma* control"[tiab:~2]', "[tiab:~2]", "asterisk", None),
        ("asthma[mh:big]", "[mh:big]", "no modifier", "[mh]"),
        ("(asthma", "(", "without ')'", None),
        ("asthma)", ")", "without '('", None),
        ('"asthma', '"', "partner", None),
        ("asthma[ti] and copd[ti]", "and", "capitals", "AND"),
        ("ast*", "ast*", "4 letters", None),
        ("\u201casthma attack\u201d", "\u201c", "typographic", '"'),
        ("a AND b OR c", "OR", "left to right", None),
    ],
)
def test_found(query: str, text: str, words: str, suggestion: str | None) -> None:
    problem = next(problem for problem in check_query(query) if problem.text == text)
    assert query[problem.start : problem.end] == text
    assert words in problem.message
    assert problem.suggestion == suggestion


@pytest.mark.parametrize(
    "query",
    [
        "",
        "does aspirin and exercise help or not",
        "asthma[mh] AND 2020:2024[dp] AND review[pt:noexp]",
        '"two or more"[Title/Abstract:~0]',
        'crabs [ MH ] OR "MeSH (not a tag"[tiab] OR (random*[tw] AND x[Text Word])',
        "a OR b OR c NOT d",
        "a AND (b OR c) AND d",
        "neoplasms/therapy[majr:noexp]",
        '("2020/01/01"[Date - Publication] : "3000"[Date - Publication])',
    ],
)
def test_left_in_peace(query: str) -> None:
    assert check_query(query) == ()


def test_no_two_fields_share_a_tag() -> None:
    tags = [tag for field in search_tags.FIELDS for tag in {*field.tags, field.name.lower()}]
    assert len(tags) == len(set(tags))
    assert all(search_tags.find(tag.upper()) is not None for tag in tags)


def test_translations_of_pubmed_itself_have_no_unknown_field() -> None:
    path = shared_data().parent / "contract" / "query_translation_pairs.jsonl"
    pairs = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
    texts = [value for pair in pairs for key, value in pair.items() if "translation" in key and isinstance(value, str)]
    assert len(texts) > 80
    unknown = {problem.text for text in texts for problem in check_query(text) if "no such field" in problem.message}
    assert unknown <= {"[Subheading]", "[All]"}
