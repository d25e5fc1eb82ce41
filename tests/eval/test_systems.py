"""What systems ask the engine: rewritten queries, candidates, Boolean queries, other encoders; and what is refused."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pubmed_rag.core.errors import DamagedFileError, UsageError
from pubmed_rag.core.records import Filters, Hit, SearchMode, SearchResult
from pubmed_rag.core.stopwords import STOPWORDS
from pubmed_rag.eval.append import AppendedFile
from pubmed_rag.eval.collections import Topic
from pubmed_rag.eval.rewriting import Rewriter, keywords
from pubmed_rag.eval.systems import SystemContext, SystemSpec, make_system, named_specs, system_names
from pubmed_rag.index.generation import Manifest

MANIFEST = Manifest(2, "g000001", "2026", 3, 0, 3, "fake", "1", 8, True, "Flat", "a", {})


@dataclass
class FakeEngine:
    """Returns three articles for whatever it is asked, and remembers how it was asked."""

    asked: list[dict[str, Any]] = field(default_factory=list)

    def search(
        self, query: str, *, mode: SearchMode, top: int, filters: Filters | None = None, **more: Any
    ) -> SearchResult:
        self.asked.append({"query": query, "mode": mode, "top": top, "filters": filters, **more})
        hits = tuple(Hit(str(n), str(n), n, 1.0 / n, "T", 2020, None, False) for n in (1, 2, 3))
        return SearchResult(query, mode, hits[:top], 3, 0.1, translation=f"read: {query}")

    def reranker_name(self, rerank: str) -> str:
        return f"{rerank} 1"


@dataclass
class FakeGenerator:
    """Writes the same text each time."""

    text: str
    name: str = "fake-llm"
    weights: str = "sha256 abc"
    prompts: list[str] = field(default_factory=list)

    def write(self, prompt: str, grammar: str, most_tokens: int) -> str:
        self.prompts.append(prompt)
        return self.text


def context(engine: FakeEngine | None = None, **more: Any) -> SystemContext:
    return SystemContext(engine or FakeEngine(), MANIFEST, **more)


def ask(spec: SystemSpec, topic: Topic, **more: Any) -> dict[str, Any]:
    engine = FakeEngine()
    make_system(spec, context(engine, **more)).run(topic, 10)
    return engine.asked[0]


def test_the_emulation_is_asked_in_the_declared_order() -> None:
    assert ask(SystemSpec("p", "pubmed"), Topic("1", "a b?")) == {
        "query": "a b?",
        "mode": "pubmed",
        "top": 10,
        "filters": None,
        "sort": "relevance",
        "strict": False,
    }
    assert ask(SystemSpec("p", "pubmed", sort="date"), Topic("1", "a"))["sort"] == "date"
    assert "sort" not in ask(SystemSpec("b", "bm25"), Topic("1", "a"))


def test_options_go_through_and_are_part_of_the_configuration() -> None:
    spec = SystemSpec("h", "hybrid", options={"fusion": "rrf"})
    assert ask(spec, Topic("1", "a"))["fusion"] == "rrf"
    assert make_system(spec, context()).configuration["fusion"] == "rrf"


def test_candidates_become_a_filter_and_bound_the_depth() -> None:
    asked = ask(SystemSpec("b", "bm25"), Topic("1", "a", candidates=("3", "1")))
    assert (asked["filters"], asked["top"]) == (Filters(ids=("3", "1")), 2)


def test_an_expert_is_asked_for_his_own_query() -> None:
    system = make_system(SystemSpec("e", "expert-boolean"), context(engine := FakeEngine()))
    assert len(system.run(Topic("1", "title", boolean_query="a[ti] AND b"), 10)) == 3
    assert system.run(Topic("2", "title"), 10) == []
    assert [asked["query"] for asked in engine.asked] == ["a[ti] AND b"]


def test_another_encoder_has_its_own_engine() -> None:
    other, named = FakeEngine(), []

    def encoders(name: str) -> tuple[FakeEngine, Manifest]:
        named.append(name)
        return other, MANIFEST

    system = make_system(SystemSpec("d", "dense", encoder="./tuned"), context(encoders=encoders))
    system.run(Topic("1", "a"), 5)
    assert named == ["./tuned"]
    assert len(other.asked) == 1
    with pytest.raises(UsageError, match="names an encoder"):
        make_system(SystemSpec("d", "dense", encoder="./tuned"), context())


def test_a_run_made_elsewhere(tmp_path: Path) -> None:
    run = tmp_path / "r.trec"
    run.write_text("q1 Q0 a 1 2.0 x\nq1 Q0 b 2 1.0 x\n", encoding="utf-8")
    system = make_system(SystemSpec("theirs", "recorded", run=str(run)), context())
    assert [document.doc_id for document in system.run(Topic("q1", "t"), 10)] == ["a", "b"]
    assert [document.doc_id for document in system.run(Topic("q1", "t", candidates=("b",)), 10)] == ["b"]
    assert system.run(Topic("q2", "t"), 10) == []


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        (SystemSpec("x", "denes"), "unknown kind 'denes'. did you mean 'dense'"),
        (SystemSpec("x", "bm25", query="keyword"), "unknown query 'keyword'"),
        (SystemSpec("x", "recorded"), "'run' names a TREC file"),
        (SystemSpec("x", "pubmed-live", until="2024-13-01"), "is not a date"),
        (SystemSpec("x", "pubmed-live"), "not set up here"),
        (SystemSpec("x", "dense", query="model-abstract"), "needs a language model"),
    ],
)
def test_what_cannot_be_made_is_refused(spec: SystemSpec, words: str) -> None:
    with pytest.raises(UsageError, match=words.replace("(", r"\(")):
        make_system(spec, context())


def test_every_named_system_can_be_made() -> None:
    for spec in named_specs(system_names()):
        assert make_system(spec, context()).name == spec.name


# -- rewriting --------------------------------------------------------------------------------------


def test_keywords_by_hand() -> None:
    assert keywords("Does low-dose aspirin reduce the risk of Stroke, or stroke mortality?") == (
        "low-dose",
        "aspirin",
        "reduce",
        "risk",
        "Stroke",
        "mortality",
    )
    assert keywords("What is it?") == ("What", "is", "it")


@given(st.text(max_size=80))
def test_keywords_hold_no_stopword_and_nothing_twice(text: str) -> None:
    words = [word.lower() for word in keywords(text)]
    assert len(set(words)) == len(words)
    if any(word not in STOPWORDS for word in words):
        assert not set(words) & STOPWORDS


def test_rewritings_by_rule() -> None:
    text = "Is aspirin safe?"
    assert Rewriter("raw")(text) == text
    assert Rewriter("keywords")(text) == "aspirin safe"
    assert Rewriter("any-keyword")(text) == "aspirin OR safe"


def test_a_models_query_is_cut_to_its_whole_groups_and_asked_once(tmp_path: Path) -> None:
    generator = FakeGenerator('("a b" OR "c") AND ("d") AND ("e" OR "f')
    memory = tmp_path / "memory.jsonl"
    rewriter = Rewriter("model-query", generator, memory)
    assert rewriter("Is it safe?") == '("a b" OR "c") AND ("d")'
    assert rewriter("Is it safe?") == Rewriter("model-query", generator, memory)("Is it safe?")
    assert len(generator.prompts) == 1
    assert "Is it safe?" in generator.prompts[0]
    assert Rewriter("model-query", FakeGenerator("nonsense"))("Is aspirin safe?") == "aspirin safe"


def test_systems_that_ask_the_same_share_what_was_written(tmp_path: Path) -> None:
    generator = FakeGenerator("We found that it is.")
    one, two = (Rewriter("model-abstract", generator, tmp_path / "memory.jsonl") for _ in range(2))
    assert one("Is it?") == two("Is it?")
    assert len(generator.prompts) == 1


def test_a_made_up_abstract_follows_the_question() -> None:
    rewriter = Rewriter("model-abstract", FakeGenerator("We found\nthat it is."))
    assert rewriter("Is it?") == "Is it? We found that it is."
    configuration: Mapping[str, str] = rewriter.configuration
    assert configuration["generator"] == "fake-llm"
    assert configuration["prompt"] != Rewriter("model-query", FakeGenerator("")).configuration["prompt"]


# -- the memory -------------------------------------------------------------------------------------


@given(st.lists(st.text(max_size=20), max_size=6), st.integers(0, 40))
def test_an_appended_file_survives_a_cut(tmp_path_factory: pytest.TempPathFactory, texts: list[str], cut: int) -> None:
    path = tmp_path_factory.mktemp("append") / "f.jsonl"
    file = AppendedFile(path, str)
    for text in texts:
        file.append(text)
    assert file.read() == texts
    if texts:
        path.write_bytes(path.read_bytes()[: -cut or None])
        kept = file.read()
        assert kept == texts[: len(kept)]
        file.append("new")
        assert file.read() == [*kept, "new"]


def test_a_damaged_line_is_named(tmp_path: Path) -> None:
    path = tmp_path / "f.jsonl"
    path.write_text('"a"\n{\n"b"\n', encoding="utf-8")
    with pytest.raises(DamagedFileError, match=r"f\.jsonl, line 2"):
        AppendedFile(path, str).read()
