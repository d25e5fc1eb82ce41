"""Mistakes PubMed would not mention are found, and real queries are left in peace."""

from __future__ import annotations

import json

import pytest
from lxml import etree

from pubmed_rag.core import search_tags
from pubmed_rag.ingest.query_check import check_query
from tests.support import shared_data


@pytest.mark.parametrize(
    ("query", "text", "words", "suggestion"),
    [
        ("asthma[tiabb]", "[tiabb]", "no such field", "[tiab]"),
        ("asthma [foo]", "[foo]", "no such field", None),
        ("x [author identifier]", "[author identifier]", "no such field", "[auid]"),
        ("x[abstract]", "[abstract]", "no such field", "[tiab]"),
        ("x[keywords]", "[keywords]", "no such field", "[ot]"),
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
        ("(bile duct or biliary) AND stent", "or", "capitals", "OR"),
        ("ast*", "ast*", "4 letters", None),
        ("*asthma[ti]", "*asthma", "after the beginning", None),
        ("h*moglobin", "h*moglobin", "within", None),
        ("intervent\u2217[ti]", "\u2217", "wildcard", "*"),
        ("Simulation &amp; Learning[ta]", "&amp;", "web page", "&"),
        ("the[tiab] AND asthma[tiab]", "the", "not index", None),
        ("(asthma[tiab]) AND #3", "#3", "another session", None),
        ("asthma.ti,ab. AND trial", ".ti,ab.", "Ovid", None),
        ("exp Asthma/ AND trial", "exp ", "Ovid", None),
        ("asthma adj3 child", "adj3", "Ovid", None),
        ("asthma AND 2020-2024[dp]", "2020-2024", "2020:2024", None),
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
        'randomi* OR "18f fdg*"[tiab] OR breast feed*[tiab]',
        "role of the heart[tiab] AND vitamin e.g. tocopherol",
        "statins and stroke AND review[pt]",
        '"ready or not"[ti] AND is it so[tw]',
        "the who[au] AND j exp med[ta]",
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
    assert all(search_tags.find(field.code) is field for field in search_tags.FIELDS)


def test_translations_of_pubmed_itself_have_no_unknown_field() -> None:
    path = shared_data().parent / "contract" / "query_translation_pairs.jsonl"
    pairs = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
    texts = [value for pair in pairs for key, value in pair.items() if "translation" in key and isinstance(value, str)]
    assert len(texts) > 80
    unknown = {problem.text for text in texts for problem in check_query(text) if "no such field" in problem.message}
    assert unknown <= {"[Subheading]", "[All]"}


def reviewed_queries() -> list[str]:
    """PubMed queries of 20 systematic reviews, as they were run."""
    path = shared_data() / "sysrev_seed" / "queries.jsonl"
    lines = path.read_text(encoding="utf-8").splitlines()
    return [json.loads(line)["metadata"]["pubmed_boolean_edited"] for line in lines]


def test_of_queries_that_were_run_only_real_oddities_are_flagged() -> None:
    """Hundreds of terms each, by information specialists. What is flagged was looked at one by one."""
    flagged = [problem.text for query in reviewed_queries() for problem in check_query(query)]
    assert sorted(set(flagged)) == ["*Staphylococcus", "and", "not", "\u201c"]
    assert sum(bool(check_query(query)) for query in reviewed_queries()) == 9


def test_queries_that_people_type_are_not_flagged() -> None:
    path = shared_data().parent / "contract" / "query_translation_pairs.jsonl"
    queries = [json.loads(line)["query"] for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
    assert len(queries) > 80
    assert [query for query in queries if check_query(query)] == []


def test_every_field_that_pubmed_lists_is_known() -> None:
    path = shared_data() / "eutils_responses" / "raw" / "biopython" / "einfo2.xml"
    fields = list(etree.parse(path).iter("Field"))
    shown = [field for field in fields if field.findtext("IsHidden") == "N"]
    assert len(shown) > 40
    for field in shown:
        known = search_tags.find(field.findtext("FullName") or "")
        assert known is not None
        assert known.code == field.findtext("Name")
        assert known.ranges == (field.findtext("IsDate") == "Y")
    explodes = {field.findtext("Name") for field in shown if field.findtext("Hierarchy") == "Y"}
    assert explodes <= {field.code for field in search_tags.FIELDS if field.noexp}
