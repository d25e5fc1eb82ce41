"""Vectors computed elsewhere: they serve as if they had been computed here."""

from __future__ import annotations

import json
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

import numpy as np
import pytest

from pubmed_rag.core.errors import DamagedFileError, IndexMismatchError, InputError, ModelMissingError, UsageError
from pubmed_rag.core.progress import SILENT, Progress, Task
from pubmed_rag.index.build import BuildOptions, build_index, update_index
from pubmed_rag.index.cache import CachedModel, cached_model
from pubmed_rag.index.generation import current_generation
from pubmed_rag.index.import_embeddings import ImportedEmbeddings, import_embeddings
from pubmed_rag.index.search import Searcher
from pubmed_rag.index.vectors import Vectors
from tests.support import FakeEmbedder, Opener, TinyLibrary, article, random_articles

DIMENSION = 24


def vector_of(pmid: int, length: float = 1.0) -> Vectors:
    vector = np.random.default_rng(pmid).standard_normal(DIMENSION)
    found: Vectors = (vector / np.linalg.norm(vector) * length).astype(np.float32)
    return found


def write_chunk(folder: Path, number: int, pmids: list[int], kind: type = np.float32, *, text: bool = True) -> None:
    vectors = np.stack([vector_of(pmid, 1 + pmid % 3) for pmid in pmids])
    np.save(folder / f"embeds_chunk_{number}.npy", vectors.astype(kind))
    (folder / f"pmids_chunk_{number}.json").write_text(
        json.dumps([str(pmid) if text else pmid for pmid in pmids]), encoding="utf-8"
    )
    (folder / f"pubmed_chunk_{number}.json").write_text("{}", encoding="utf-8")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two files with the vectors of PMIDs 1 to 80, less each tenth; and of some that no library here holds."""
    made = tmp_path / "published"
    made.mkdir()
    pmids = [pmid for pmid in range(1, 81) if pmid % 10]
    write_chunk(made, 0, [*pmids[:40], 900_001])
    write_chunk(made, 11, [*pmids[40:], 900_002, 900_003], np.float16, text=False)
    return made


def take(library: TinyLibrary, folder: Path, progress: Progress = SILENT) -> ImportedEmbeddings:
    return import_embeddings(
        library.paths, library.store, folder, name="published", revision="r1", normalised=False, progress=progress
    )


@pytest.fixture
def library(tiny: Opener) -> TinyLibrary:
    made = tiny([])
    made.store.upsert(random_articles(80))
    return made


class Queries(FakeEmbedder):
    """The model's query side: a query is the PMID whose vector it wants."""

    def __init__(self) -> None:
        super().__init__(DIMENSION, "r1", "published")
        self.normalised = False

    def encode_queries(self, texts: object) -> Vectors:
        found: Vectors = np.stack([vector_of(int(text)) for text in texts])  # type: ignore[attr-defined]
        return found

    def encode_passages(self, texts: object) -> Vectors:
        raise AssertionError("nothing is embedded")


def test_all_the_way_to_a_search(library: TinyLibrary, folder: Path) -> None:
    report = take(library, folder)
    assert report == ImportedEmbeddings(75, 72, 0, 3, 2, DIMENSION)
    model = cached_model(library.paths.embeddings, "published")
    assert model == CachedModel("published", "r1", DIMENSION, normalised=False)
    built = build_index(library.paths, library.store, model, options=BuildOptions(from_embeddings=True))
    assert (built.articles, built.embedded, built.reused) == (80, 0, 72)
    manifest = current_generation(library.paths).manifest
    assert manifest.vectors is not None
    assert (manifest.articles, manifest.vectors.vectors, manifest.sentences) == (80, 72, 0)
    assert (manifest.model, manifest.dimension, manifest.normalised) == ("published", DIMENSION, False)

    searcher = Searcher(library.paths, library.store, Queries)
    best = searcher.search("33", mode="dense", top=1).hits[0]
    products = {pmid: float(vector_of(33) @ vector_of(pmid, 1 + pmid % 3)) for pmid in range(1, 81) if pmid % 10}
    assert best.id == str(max(products, key=lambda pmid: products[pmid])), "long vectors come before near ones"
    assert best.score == pytest.approx(max(products.values()), abs=0.01)
    assert {hit.id for hit in searcher.search("33", mode="dense", top=80).hits} == {
        str(pmid) for pmid in range(1, 81) if pmid % 10
    }
    assert "10" in {hit.id for hit in searcher.search(library.store.get("10").title, mode="bm25", top=80).hits}


def test_an_update_goes_on_with_what_there_is(library: TinyLibrary, folder: Path) -> None:
    take(library, folder)
    model = cached_model(library.paths.embeddings, "published")
    options = BuildOptions(from_embeddings=True)
    build_index(library.paths, library.store, model, options=options)
    library.store.upsert([article("7", "Another text than the vector was made of."), article("900001", "New.")])
    report = take(library, folder)
    assert (report.stored, report.skipped) == (2, 2), "the new article and the changed one get theirs"
    update_index(library.paths, library.store, model, options=options)
    manifest = current_generation(library.paths).manifest
    assert manifest.vectors is not None
    assert (manifest.articles, manifest.vectors.vectors) == (81, 73)
    hits = Searcher(library.paths, library.store, Queries).search("900001", mode="dense", top=1).hits
    assert [hit.id for hit in hits] == ["900001"]


def test_repeating_costs_nothing_and_continues(library: TinyLibrary, folder: Path) -> None:
    write_chunk(folder, 11, [71, 72, 73])
    (folder / "pmids_chunk_11.json").write_text('["71", "72"]', encoding="utf-8")
    with pytest.raises(InputError, match=r"embeds_chunk_11\.npy holds 3 vectors"):
        take(library, folder)
    write_chunk(folder, 11, [71, 72, 73])
    assert take(library, folder) == ImportedEmbeddings(3, 3, 0, 0, 1, DIMENSION), "the first file was done"
    assert take(library, folder) == ImportedEmbeddings(0, 0, 0, 0, 0, DIMENSION)


class Interrupting:
    """Ctrl-C after some pieces of work."""

    def __init__(self, after: int) -> None:
        self._left = after

    def advance(self, n: int = 1) -> None:
        self._left -= n > 0
        if self._left < 0:
            raise KeyboardInterrupt

    def task(self, label: str, total: int | None, unit: str) -> AbstractContextManager[Task]:
        return nullcontext(self)

    def note(self, message: str) -> None:
        pass


def test_an_interrupted_import_continues_within_a_file(tiny: Opener, tmp_path: Path) -> None:
    library = tiny([])
    library.store.upsert(article(str(pmid), f"Title {pmid}.") for pmid in range(1, 5_001))
    folder = tmp_path / "large"
    folder.mkdir()
    write_chunk(folder, 0, list(range(1, 5_001)))
    with pytest.raises(KeyboardInterrupt):
        take(library, folder, progress=Interrupting(1))
    report = take(library, folder)
    assert 0 < report.read < 5_000
    assert report.stored == report.read
    model = cached_model(library.paths.embeddings, "published")
    built = build_index(library.paths, library.store, model, options=BuildOptions(from_embeddings=True))
    assert built.reused == 5_000


# -- what goes wrong ---------------------------------------------------------------------------------


def damage(folder: Path, what: str) -> None:
    vectors, pmids = folder / "embeds_chunk_0.npy", folder / "pmids_chunk_0.json"
    if what == "truncated":
        vectors.write_bytes(vectors.read_bytes()[:-100])
    elif what == "no array":
        vectors.write_bytes(b"<html>404</html>")
    elif what == "pickle":
        np.save(vectors, np.array([{"a": 1}], object), allow_pickle=True)
    elif what == "integers":
        np.save(vectors, np.zeros((41, DIMENSION), np.int32))
    elif what == "one dimension":
        np.save(vectors, np.zeros(41, np.float32))
    elif what == "not finite":
        array = np.load(vectors)
        array[3, 3] = np.nan
        np.save(vectors, array)
    elif what == "no pmids":
        pmids.unlink()
    elif what == "pmids are no list":
        pmids.write_text('{"1": 2}', encoding="utf-8")
    elif what == "pmids cut":
        pmids.write_bytes(pmids.read_bytes()[:-3])
    elif what == "other ids":
        pmids.write_text(json.dumps(["PMC1"] * 41), encoding="utf-8")
    elif what == "too few":
        pmids.write_text('["1"]', encoding="utf-8")


@pytest.mark.parametrize(
    ("what", "file", "error"),
    [
        ("truncated", "embeds_chunk_0.npy", DamagedFileError),
        ("no array", "embeds_chunk_0.npy", DamagedFileError),
        ("pickle", "embeds_chunk_0.npy", DamagedFileError),
        ("integers", "embeds_chunk_0.npy", InputError),
        ("one dimension", "embeds_chunk_0.npy", InputError),
        ("not finite", "embeds_chunk_0.npy", DamagedFileError),
        ("no pmids", "pmids_chunk_0.json", InputError),
        ("pmids are no list", "pmids_chunk_0.json", DamagedFileError),
        ("pmids cut", "pmids_chunk_0.json", DamagedFileError),
        ("other ids", "pmids_chunk_0.json", InputError),
        ("too few", "pmids_chunk_0.json", InputError),
    ],
)
def test_a_malformed_file_is_named(
    library: TinyLibrary, folder: Path, what: str, file: str, error: type[Exception]
) -> None:
    damage(folder, what)
    with pytest.raises(error, match=file.replace(".", r"\.")) as caught:
        take(library, folder)
    assert getattr(caught.value, "remedy", None)


def test_numbers_that_do_not_fit(library: TinyLibrary, folder: Path) -> None:
    np.save(folder / "embeds_chunk_0.npy", np.full((41, DIMENSION), 1e6, np.float32))
    with pytest.raises(UsageError, match="embeds_chunk_0"):
        take(library, folder)


def test_a_folder_without_vectors(library: TinyLibrary, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such folder"):
        take(library, tmp_path / "nowhere")
    with pytest.raises(InputError, match="embeds_chunk_N") as caught:
        take(library, tmp_path)
    assert "MedCPT" in str(caught.value.remedy)


# -- building from what is there ---------------------------------------------------------------------


def test_building_without_a_model_from_what_was_embedded_here(tiny: Opener) -> None:
    library = tiny(random_articles(30))
    model = cached_model(library.paths.embeddings, "fake")
    report = build_index(library.paths, library.store, model, options=BuildOptions(from_embeddings=True))
    assert (report.articles, report.embedded) == (30, 0)
    assert current_generation(library.paths).manifest.sentences > 30, "sentences have vectors too"
    library.store.upsert([article("new", "Nobody embedded this.", "Nor this sentence.")])
    for action in (build_index, update_index):
        with pytest.raises(IndexMismatchError, match=r"1 of \d+ articles") as caught:
            action(library.paths, library.store, model, options=BuildOptions(from_embeddings=True))
        assert "--from-embeddings" in str(caught.value.remedy)
    with pytest.raises(ModelMissingError, match="no vector of fake"):
        build_index(library.paths, library.store, model)


def test_sentences_that_were_never_embedded_are_left_out_or_named(tiny: Opener) -> None:
    library = tiny([])
    library.store.upsert(random_articles(30))
    library.build(BuildOptions(with_sentences=False))
    model = cached_model(library.paths.embeddings, "fake")
    build_index(library.paths, library.store, model, options=BuildOptions(from_embeddings=True))
    assert current_generation(library.paths).manifest.sentences == 0
    with pytest.raises(IndexMismatchError, match="sentences") as caught:
        options = BuildOptions(from_embeddings=True, with_sentences=True)
        build_index(library.paths, library.store, model, options=options)
    assert "--no-sentences" in str(caught.value.remedy)


def test_no_vectors_of_that_model(tiny: Opener) -> None:
    library = tiny(random_articles(3))
    with pytest.raises(ModelMissingError, match="vectors of: fake") as caught:
        cached_model(library.paths.embeddings, "other")
    assert "import-embeddings" in str(caught.value.remedy)
