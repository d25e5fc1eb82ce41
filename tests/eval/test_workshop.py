"""A challenge over real libraries: PubMed's language, other encoders side by side, somebody's own library."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from pubmed_rag.core.errors import UsageError
from pubmed_rag.core.library import LibraryPaths
from pubmed_rag.core.records import MeshHeading
from pubmed_rag.core.settings import EntrezSettings
from pubmed_rag.core.store import ArticleStore
from pubmed_rag.eval.challenge import run_challenge
from pubmed_rag.eval.challenge_config import parse_challenge
from pubmed_rag.eval.pubmed_live import EntrezLive, LiveSearch
from pubmed_rag.eval.workshop import LibraryWorkshop, Translations, bare_records
from pubmed_rag.ingest.eutils import Eutils
from pubmed_rag.ui.api_eval import corpus_loader
from tests.eutils_server import EutilsServer, generate_records
from tests.eval.test_systems import FakeEngine
from tests.support import FakeEmbedder, article, open_tiny

SUBJECTS = ("aspirin", "insulin", "statins", "warfarin", "heparin", "lithium")

DECLARED = """
title = "t"
baseline = "pubmed"
challengers = ["hybrid"]
[[systems]]
name = "pubmed"
kind = "pubmed"
query = "keywords"
[[systems]]
name = "pubmed-date"
kind = "pubmed"
query = "keywords"
sort = "date"
[[systems]]
name = "experts"
kind = "expert-boolean"
[[systems]]
name = "hybrid"
kind = "hybrid"
[[systems]]
name = "other-encoder"
kind = "dense"
encoder = "./other/model"
[[collections]]
name = "tiny"
path = "tiny"
split = "train"
{more}
"""


@pytest.fixture
def data(tmp_path: Path) -> Path:
    folder = tmp_path / "data" / "tiny"
    (folder / "qrels").mkdir(parents=True)
    corpus = [
        {"_id": str(n), "title": f"About {s}", "text": f"We gave {s} to mice."} for n, s in enumerate(SUBJECTS, 1)
    ]
    queries = [
        {"_id": s, "text": f"Does {s} help?", "metadata": {"boolean_query": f"{s}[ti] OR nothing[ti]"}}
        for s in SUBJECTS
    ]
    for name, rows in (("corpus", corpus), ("queries", queries)):
        (folder / f"{name}.jsonl").write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    (folder / "qrels" / "train.tsv").write_text(
        "".join(f"{s}\t{n}\t1\n{s}\t{n % 6 + 1}\t0\n" for n, s in enumerate(SUBJECTS, 1)), encoding="utf-8"
    )
    return tmp_path / "data"


def workshop(root: Path, seen: list[LibraryPaths] | None = None, live: LiveSearch | None = None) -> LibraryWorkshop:
    def set_up(paths: LibraryPaths) -> Mapping[str, str]:
        if seen is not None:
            seen.append(paths)
        return {"mesh": "abc"}

    return LibraryWorkshop(
        root,
        corpus_loader(),
        FakeEmbedder(),
        record=root / "recorded",
        live=live,
        encoder=lambda name: FakeEmbedder(name=name),
        set_up=set_up,
    )


def test_every_kind_of_system_over_a_real_index(data: Path, tmp_path: Path) -> None:
    seen: list[LibraryPaths] = []
    result = run_challenge(
        parse_challenge(DECLARED.format(more=""), "c"), data, tmp_path / "out", workshop(tmp_path, seen)
    )
    (found,) = result.collections
    assert found.documents == len(SUBJECTS)
    means = found.evaluation.summary().systems
    # "help" stands in no article: all words must match, so the emulated PubMed finds nothing.
    assert means["pubmed"]["MRR"] == 0.0
    assert means["experts"]["MRR"] == 1.0
    assert means["hybrid"]["MRR"] == 1.0
    configurations = {s.name: s.run.configuration for s in found.evaluation.systems}
    assert configurations["pubmed"]["mesh"] == "abc"
    assert "mesh" not in configurations["hybrid"]
    assert configurations["hybrid"]["model"] != configurations["other-encoder"]["model"]
    assert len(list((tmp_path / "collections").iterdir())) == 2  # one library an encoder
    assert [paths.root.name for paths in seen] == [f"tiny-{found.evaluation.provenance.corpus_digest[:8]}"]
    assert "help" in " ".join(found.failures[0].reasons)
    assert any("carry no MeSH headings" in note for note in found.evaluation.left_out)
    assert any("carry no date" in note for note in found.evaluation.left_out)


def test_a_translation_is_asked_for_once(tmp_path: Path) -> None:
    path = tmp_path / "translations.jsonl"
    engine = FakeEngine()
    translations = Translations(engine, path, {"code": "1"})
    assert translations("aspirin") == translations("aspirin") == "read: aspirin"
    assert Translations(engine, path, {"code": "1"})("aspirin") == "read: aspirin"
    assert len(engine.asked) == 1
    assert engine.asked[0]["strict"] is False
    Translations(engine, path, {"code": "2"})("aspirin")
    assert len(engine.asked) == 2


def test_candidates_bound_what_screening_ranks(data: Path, tmp_path: Path) -> None:
    declared = DECLARED.format(more='task = "screening"')
    result = run_challenge(parse_challenge(declared, "c"), data, tmp_path / "out", workshop(tmp_path))
    evaluation = result.collections[0].evaluation
    assert evaluation.primary.name == "WSS@95"
    hybrid = next(s for s in evaluation.systems if s.name == "hybrid")
    # Two candidates, the relevant one first: half of the reading is saved, less 5 %.
    assert hybrid.scores.mean("WSS@95") == pytest.approx(0.45)
    assert hybrid.scores.mean("judged@10") == 1.0


def test_somebodys_own_library_is_searched_as_it_is(data: Path, tmp_path: Path) -> None:
    (data / "tiny" / "corpus.jsonl").unlink()
    own = open_tiny(
        tmp_path / "own", [article(str(n), f"About {s}", f"We gave {s}.") for n, s in enumerate(SUBJECTS, 1)]
    )
    own.store.close()
    declared = DECLARED.format(more=f'library = "{tmp_path / "own"}"\nsystems = ["hybrid", "pubmed"]')
    result = run_challenge(parse_challenge(declared, "c"), data, tmp_path / "out", workshop(tmp_path))
    assert result.collections[0].evaluation.summary().systems["hybrid"]["MRR"] == 1.0
    assert not (tmp_path / "collections").exists()
    declared = declared.replace('"hybrid", "pubmed"', '"hybrid", "pubmed", "other-encoder"')
    with pytest.raises(UsageError, match="cannot be indexed with another encoder"):
        run_challenge(parse_challenge(declared, "c"), data, tmp_path / "out", workshop(tmp_path))


def test_pubmed_itself_is_limited_to_the_corpus_and_replayed(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    more = 'pmids = true\nsystems = ["hybrid", "live"]\n[[systems]]\nname = "live"\nkind = "pubmed-live"'
    declared = parse_challenge(DECLARED.format(more=f'{more}\nquery = "any-keyword"'), "c")
    with EutilsServer(generate_records(20, first_pmid=1)) as server:
        live = EntrezLive(Eutils(EntrezSettings(url=server.url, email="a@b.org")))
        result = run_challenge(declared, data, tmp_path / "out", workshop(tmp_path, live=live))
        calls = len(server.calls)
        assert server.calls[0].params["id"] == "1,2,3,4,5,6"
        assert not server.complaints
        assert not server.broken_limits
    again = run_challenge(declared, data, tmp_path / "again", workshop(tmp_path))  # the server is gone
    assert calls == 1 + len(SUBJECTS)
    assert again.summary().collections == result.summary().collections
    assert result.collections[0].live_dates is not None
    assert "PubMed itself was asked on" in (tmp_path / "out" / "report.md").read_text(encoding="utf-8")


def test_what_records_lack_is_counted_over_all_of_them(tmp_path: Path) -> None:
    """Old records come first and have no headings; that says nothing of the rest."""
    with ArticleStore(LibraryPaths(tmp_path), create=True) as store:
        bare = [replace(article(str(number)), mesh=()) for number in range(300)]
        headed = [replace(article(str(1000 + number)), mesh=(MeshHeading("Aspirin"),)) for number in range(700)]
        store.upsert([*bare, *headed])
        (note, *_) = bare_records(store)
        assert note.startswith("300 of 1,000 documents carry no MeSH headings")
        store.delete([item.id for item in bare[:290]])
        assert not any("headings" in note for note in bare_records(store))
