"""A ranker learned from judgements."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pubmed_rag.core.errors import IndexCorruptError, IndexMismatchError, IndexMissingError, InputError
from pubmed_rag.eval.collections import Qrel
from pubmed_rag.eval.measures import score_rankings
from pubmed_rag.eval.systems import ScoredDoc
from pubmed_rag.index.ranker import DEPTH, Example, LearnedRanker, Training, folds, ndcg10, read_manifest, save, train
from pubmed_rag.index.ranker_features import feature_names
from pubmed_rag.index.search import Searcher
from pubmed_rag.ui.training import train_ranker
from tests.support import FakeEmbedder, TinyLibrary, article, open_tiny, random_articles

TRAINING = Training("made up", "train", "t", "q", "c", "fake", "1")
COMPONENTS = ("bm25", "dense", "sentence")
TELLING = "sentence_cover"


def examples(count: int, seed: int, telling: bool = True) -> list[Example]:
    """Topics whose relevant article is not the first, but high in one feature if ``telling``."""
    chance = np.random.default_rng(seed)
    made = []
    for number in range(count):
        rows = chance.standard_normal((DEPTH, len(feature_names()))).astype(np.float32)
        fused = np.sort(chance.standard_normal(DEPTH))[::-1].astype(np.float32)
        grades = np.zeros(DEPTH, np.int64)
        place = int(chance.integers(0, 12))
        grades[place] = 1
        if telling:
            rows[place, feature_names().index(TELLING)] += 3.0
        made.append(Example(str(number), rows, fused, grades, {f"d{number}": 1}, COMPONENTS))
    return made


@pytest.fixture(scope="module")
def trained() -> tuple[LearnedRanker, str]:
    return train(examples(120, 0), TRAINING)


def test_what_can_be_learned_is(trained: tuple[LearnedRanker, str]) -> None:
    gain = trained[0].manifest.gain
    assert gain.topics == 120
    assert gain.difference > 0.1
    assert gain.p < 0.01
    assert gain.wins > gain.losses
    unseen = examples(60, 1)
    before = [ndcg10(each.grades, each.relevant) for each in unseen]
    after = [
        ndcg10(each.grades[np.argsort(-trained[0].score_rows(each.rows, each.fused), kind="stable")], each.relevant)
        for each in unseen
    ]
    assert np.mean(after) - np.mean(before) == pytest.approx(gain.difference, abs=0.1)


def test_noise_is_not_sold_as_gain() -> None:
    gain = train(examples(100, 2, telling=False), TRAINING)[0].manifest.gain
    assert gain.difference < 0.05
    assert gain.p > 0.01


def test_equal_input_gives_an_equal_file(trained: tuple[LearnedRanker, str]) -> None:
    again, model = train(examples(120, 0), TRAINING)
    assert model == trained[1]
    assert again.manifest.sha256 == trained[0].manifest.sha256
    assert again.name == trained[0].name


def test_a_saved_ranker_scores_alike(trained: tuple[LearnedRanker, str], tmp_path: Path) -> None:
    ranker, model = trained
    save(tmp_path, ranker, model)
    loaded = LearnedRanker.load(tmp_path)
    each = examples(1, 9)[0]
    assert loaded.score_rows(each.rows, each.fused).tolist() == ranker.score_rows(each.rows, each.fused).tolist()
    assert loaded.manifest == ranker.manifest == read_manifest(tmp_path)
    assert loaded.manifest.features == feature_names()
    assert loaded.manifest.components == COMPONENTS
    other, text = train(examples(60, 3), TRAINING)
    save(tmp_path, other, text)
    assert LearnedRanker.load(tmp_path).name == other.name
    assert len(list(tmp_path.iterdir())) == 2, "the one before is gone"


def test_a_damaged_or_foreign_ranker_is_refused(trained: tuple[LearnedRanker, str], tmp_path: Path) -> None:
    with pytest.raises(IndexMissingError, match="no trained ranker") as caught:
        LearnedRanker.load(tmp_path)
    assert "index train-ranker" in str(caught.value.remedy)
    save(tmp_path, *trained)
    manifest = tmp_path / "ranker.json"
    whole = manifest.read_text(encoding="utf-8")
    model = tmp_path / trained[0].manifest.model
    model.write_text(trained[1].replace("1", "2", 1), encoding="utf-8")
    with pytest.raises(IndexCorruptError, match="checksum"):
        LearnedRanker.load(tmp_path)
    model.unlink()
    with pytest.raises(IndexCorruptError, match="cannot be read"):
        LearnedRanker.load(tmp_path)
    save(tmp_path, *trained)
    for change, words in (({"features_version": 0}, "other features"), ({"format": 99}, "newer pubmed-rag")):
        manifest.write_text(json.dumps({**json.loads(whole), **change}), encoding="utf-8")
        with pytest.raises(IndexMismatchError, match=words):
            LearnedRanker.load(tmp_path)
    manifest.write_text("{", encoding="utf-8")
    with pytest.raises(IndexCorruptError, match=r"ranker\.json cannot be read"):
        LearnedRanker.load(tmp_path)


def test_too_little_to_learn_from() -> None:
    with pytest.raises(InputError, match="only 7 of 7 topics"):
        train(examples(7, 0), TRAINING)


@given(st.lists(st.lists(st.sampled_from("abcdefgh"), max_size=3, unique=True), min_size=1, max_size=30))
@settings(max_examples=60)
def test_topics_that_share_a_relevant_article_share_a_fold(found: list[list[str]]) -> None:
    nothing = np.empty((0, len(feature_names())), np.float32)
    made = [
        Example(str(n), nothing, np.empty(0, np.float32), np.empty(0, np.int64), dict.fromkeys(ids, 1), COMPONENTS)
        for n, ids in enumerate(found)
    ]
    place = folds(made, 5, 0)
    assert set(place.tolist()) <= set(range(5))
    for first, one in zip(place, found, strict=True):
        for second, other in zip(place, found, strict=True):
            if set(one) & set(other):
                assert first == second


@given(st.lists(st.integers(0, 2), min_size=1, max_size=15), st.integers(0, 3))
@settings(max_examples=60)
def test_ndcg_is_the_field_s(grades: list[int], lost: int) -> None:
    relevant = {f"d{n}": grade for n, grade in enumerate(grades) if grade} | {f"lost{n}": 1 for n in range(lost)}
    if not relevant:
        assert ndcg10(np.array(grades), relevant) == 0
        return
    ranking = tuple(ScoredDoc(f"d{n}", float(-n)) for n in range(len(grades)))
    qrels = [Qrel("q", name, grade) for name, grade in relevant.items()]
    expected = score_rankings(["q"], qrels, {"q": ranking}).values["nDCG@10"][0]
    assert ndcg10(np.array(grades), relevant) == pytest.approx(expected, abs=1e-6)


# -- from a collection to a library ------------------------------------------------------------------


@pytest.fixture(scope="module")
def collection(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Thirty topics in BEIR's form, each a few words of the article that is relevant to it."""
    folder = tmp_path_factory.mktemp("beir") / "tiny"
    (folder / "qrels").mkdir(parents=True)
    articles = random_articles(80, seed=6)
    corpus = [{"_id": a.id, "title": a.title, "text": " ".join(s.text for s in a.abstract)} for a in articles]
    (folder / "corpus.jsonl").write_text("\n".join(map(json.dumps, corpus)), encoding="utf-8")
    topics = [{"_id": f"q{a.id}", "text": " ".join(a.text.split()[:4])} for a in articles[:30]]
    (folder / "queries.jsonl").write_text("\n".join(map(json.dumps, topics)), encoding="utf-8")
    lines = [f"q{a.id}\t{a.id}\t1" for a in articles[:30]]
    (folder / "qrels" / "train.tsv").write_text("\n".join(lines), encoding="utf-8")
    return folder


def test_trained_on_a_collection_of_its_own_and_used_by_searches(
    collection: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    root = tmp_path_factory.mktemp("work")
    library = open_tiny(root / "library", random_articles(30, seed=8, first=500))
    embedder = FakeEmbedder()
    with pytest.raises(IndexMissingError, match="no trained ranker"):
        library.searcher.search("aspirin", rerank="learned")
    trained = train_ranker(library.paths, collection, "train", lambda: embedder, collections=root / "collections")
    assert trained.learned_on.parent.parent == root / "collections"
    assert library.paths.ranker in trained.saved_in
    assert trained.learned_on / "ranker" in trained.saved_in
    assert trained.manifest.training.collection == "tiny"
    assert trained.manifest.topics == 30
    hits = library.searcher.search("aspirin mortality", top=30, rerank="learned").hits
    assert {hit.id for hit in hits} == {str(number) for number in range(500, 530)}
    assert [hit.score for hit in hits] == sorted((hit.score for hit in hits), reverse=True)
    assert library.searcher.reranker_name("learned") == f"learned {trained.manifest.sha256[:12]}"


def test_trained_on_the_library_that_holds_the_articles(
    collection: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    root = tmp_path_factory.mktemp("own")
    library = open_tiny(root / "library", random_articles(80, seed=6))
    embedder = FakeEmbedder()
    first = train_ranker(library.paths, collection, "train", lambda: embedder, collections=root / "collections")
    assert first.learned_on == library.paths.root
    assert not (root / "collections" / "collections" / "tiny" / "articles.sqlite").exists()
    again = train_ranker(library.paths, collection, "train", lambda: embedder, collections=root / "collections")
    assert again.manifest.sha256 == first.manifest.sha256


def test_a_ranker_of_another_model_or_other_components_is_refused(
    collection: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    root = tmp_path_factory.mktemp("other")
    library = open_tiny(root / "library", random_articles(80, seed=6))
    train_ranker(library.paths, collection, "train", lambda: library.embedder, collections=root / "collections")
    with pytest.raises(IndexMismatchError, match="this search ranks by bm25, dense") as caught:
        library.searcher.search("aspirin", rerank="learned", sentences=False)
    assert "train-ranker" in str(caught.value.remedy)
    other = TinyLibrary(library.paths, library.store, FakeEmbedder(revision="2"), library.searcher)
    other.build()
    searcher = Searcher(library.paths, library.store, lambda: other.embedder)
    with pytest.raises(IndexMismatchError, match=r"trained on vectors of fake \(1\)"):
        searcher.search("aspirin", rerank="learned")


def test_a_split_without_relevant_articles(collection: Path, tmp_path: Path) -> None:
    (collection / "qrels" / "none.tsv").write_text("q1\t1\t0\n", encoding="utf-8")
    library = open_tiny(tmp_path / "library", [article("1", "One.")])
    with pytest.raises(InputError, match="no relevant article to learn from"):
        train_ranker(library.paths, collection, "none", lambda: library.embedder, collections=tmp_path / "c")
