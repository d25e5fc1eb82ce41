"""What is served is what was built: every byte of a generation is vouched for."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from pubmed_rag.core.errors import IndexCorruptError, IndexMismatchError, IndexMissingError, LibraryNotFoundError
from pubmed_rag.core.files import sha256_of
from pubmed_rag.core.library import LibraryPaths
from pubmed_rag.index.build import BuildOptions
from pubmed_rag.index.generation import (
    BLOCK,
    FORMAT,
    Generation,
    current_generation,
    current_name,
    new_generation,
    next_generation_name,
    publish,
    record_of,
)
from pubmed_rag.index.search import Searcher
from pubmed_rag.index.vector_build import build_vectors
from pubmed_rag.index.vector_factory import VectorPlan
from pubmed_rag.index.vectors import FaissIndex
from tests.support import Opener, TinyLibrary, random_articles


@pytest.fixture
def library(tiny: Opener) -> TinyLibrary:
    """Twice built upon, so that every kind of file is there, hard-linked ones too."""
    made = tiny(random_articles(40))
    made.store.upsert(random_articles(3, seed=9, first=100))
    made.update()
    return made


def fresh_searcher(library: TinyLibrary) -> Searcher:
    return Searcher(library.paths, library.store, lambda: library.embedder)


def files_of(generation: Generation) -> list[Path]:
    return sorted(
        path for path in generation.directory.rglob("*") if path.is_file() and not path.name.endswith(".lock")
    )


def test_the_manifest_says_what_there_is(library: TinyLibrary) -> None:
    generation = current_generation(library.paths)
    manifest = generation.manifest
    assert (manifest.format, manifest.generation, manifest.articles) == (FORMAT, "g000002", 43)
    assert (manifest.model, manifest.model_revision, manifest.dimension) == ("fake", "1", 64)
    assert manifest.normalised
    assert manifest.factory == "Flat"
    assert manifest.sequence == library.store.last_sequence()
    assert set(manifest.versions) == {"pubmed-rag", "faiss-cpu", "tantivy", "sentence-transformers", "torch"}
    names = {path.relative_to(generation.directory).as_posix() for path in files_of(generation)}
    assert set(manifest.files) == names - {"manifest.json"}
    assert {name.split("/")[0] for name in manifest.files} == {"vectors", "sentences", "words"}
    for name, record in manifest.files.items():
        path = generation.directory / name
        assert (path.stat().st_size, sha256_of(path)) == (record.size, record.sha256)


def test_a_flipped_byte_in_any_file_is_found(library: TinyLibrary) -> None:
    generation = current_generation(library.paths)
    assert generation.problems() == []
    flipped = 0
    for path in files_of(generation):
        content = path.read_bytes()
        if path.name == "manifest.json" or not content:
            continue
        name = path.relative_to(generation.directory).as_posix()
        path.unlink()  # the other generation's link keeps the old bytes
        path.write_bytes(bytes([content[0] ^ 1]) + content[1:])
        assert generation.problems() == [f"{name} differs from its checksum"]
        with pytest.raises(IndexCorruptError) as caught:
            fresh_searcher(library).search("aspirin", mode="bm25")
        assert name in caught.value.message
        assert "pubmed-rag index build" in str(caught.value.remedy)
        path.write_bytes(content)
        flipped += 1
    assert flipped >= 12
    assert generation.problems() == []


def test_a_flipped_byte_anywhere_in_a_file_is_found(library: TinyLibrary) -> None:
    generation = current_generation(library.paths)
    path = generation.vectors / "rows" / "000000" / "codes.faiss"
    content = path.read_bytes()
    for place in (0, 8, 80, len(content) // 2, len(content) - 1):
        flipped = bytearray(content)
        flipped[place] ^= 0x10
        path.unlink(missing_ok=True)
        path.write_bytes(flipped)
        assert generation.problems() == ["vectors/rows/000000/codes.faiss differs from its checksum"]
        with pytest.raises(IndexCorruptError, match="damaged"):
            generation.require_whole()
    path.write_bytes(content)
    generation.require_whole()


def test_of_a_large_generation_some_blocks_are_compared_at_loading(library: TinyLibrary) -> None:
    """Sizes and small files always, of large files the first and last block, and others that change each time."""
    generation = current_generation(library.paths)
    path = generation.vectors / "rows" / "large.bin"
    content = bytes(BLOCK) * 20 + b"the end"
    path.write_bytes(content)
    record = record_of(path)
    assert (record.size, len(record.blocks)) == (20 * BLOCK + 7, 21 * 16)
    assert record.sha256 == sha256_of(path)
    files = {**generation.manifest.files, "vectors/rows/large.bin": record}
    large = Generation(generation.directory, replace(generation.manifest, files=files))
    assert large.problems() == large.problems(full=0) == []
    for block in (0, 20):
        with path.open("r+b") as stream:
            stream.seek(block * BLOCK + 3)
            stream.write(b"x")
        assert large.problems(full=0) == ["vectors/rows/large.bin differs from its checksum"]
        with path.open("r+b") as stream:
            stream.seek(block * BLOCK + 3)
            stream.write(content[block * BLOCK + 3 : block * BLOCK + 4])
    with path.open("r+b") as stream:
        stream.seek(10 * BLOCK)
        stream.write(b"x")
    assert large.problems() == ["vectors/rows/large.bin differs from its checksum"], "verify compares everything"
    path.write_bytes(content)
    about = generation.vectors / "about.json"
    about.write_bytes(about.read_bytes().replace(b"Flat", b"flat"))
    assert large.problems(full=0) == ["vectors/about.json differs from its checksum"]


def test_a_flipped_byte_in_the_finer_half_of_the_rows_is_found(library: TinyLibrary) -> None:
    """Libraries of millions keep a second file of codes; without it their rows would still be read, only worse."""
    index = FaissIndex.load(current_generation(library.paths).vectors)
    keys = np.sort(np.concatenate(list(index.rows.live_keys())))
    vectors = index.rows.vectors_at(index.rows.positions_of(keys))
    manifest = current_generation(library.paths).manifest
    with new_generation(library.paths) as directory:
        shutil.copytree(current_generation(library.paths).words, directory / "words")
        build_vectors(directory / "vectors", 64, VectorPlan("Flat", "int12", False, 43), lambda: [(keys, vectors)])
        made = publish(library.paths, directory, replace(manifest, generation=next_generation_name(directory)))
    path = made.vectors / "rows" / "000000" / "finer.faiss"
    content = path.read_bytes()
    assert made.problems() == []
    for place in (0, len(content) // 2, len(content) - 1):
        path.write_bytes(content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :])
        assert made.problems() == ["vectors/rows/000000/finer.faiss differs from its checksum"]
        with pytest.raises(IndexCorruptError, match=r"finer\.faiss"):
            fresh_searcher(library).search("aspirin", mode="dense")
    path.unlink()
    assert made.problems() == ["vectors/rows/000000/finer.faiss is missing"]
    with pytest.raises(IndexCorruptError, match=r"finer\.faiss is missing"):
        fresh_searcher(library).search("aspirin", mode="dense")
    path.write_bytes(content)
    assert fresh_searcher(library).search("aspirin", mode="dense").hits


def test_damage_is_not_handed_on_by_an_update(library: TinyLibrary) -> None:
    """Linked files keep the checksums they were built with."""
    before = current_generation(library.paths)
    library.store.upsert(random_articles(2, seed=4, first=500))
    library.update()
    after = current_generation(library.paths)
    shared = [
        name
        for name, record in after.manifest.files.items()
        if before.manifest.files.get(name) == record and (after.directory / name).samefile(before.directory / name)
    ]
    assert any(name.startswith("vectors/rows/000000/") for name in shared)
    name = "vectors/rows/000000/codes.faiss"
    content = bytearray((after.directory / name).read_bytes())
    content[-1] ^= 1
    (after.directory / name).write_bytes(content)
    assert before.problems() == after.problems() == [f"{name} differs from its checksum"]


def test_missing_shortened_and_grown_files_are_found(library: TinyLibrary) -> None:
    generation = current_generation(library.paths)
    path = generation.vectors / "about.json"
    content = path.read_bytes()
    for damage, expected in (
        (content[:-1], "vectors/about.json has"),
        (content + b"x", "vectors/about.json has"),
        (None, "vectors/about.json is missing"),
    ):
        path.unlink()
        if damage is not None:
            path.write_bytes(damage)
        problems = generation.problems()
        assert len(problems) == 1
        assert problems[0].startswith(expected)
        with pytest.raises(IndexCorruptError, match=r"vectors/about\.json"):
            fresh_searcher(library).search("aspirin", mode="bm25")
        path.write_bytes(content)


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff\xfe", b'{"format": 1}'])
def test_an_unreadable_manifest(library: TinyLibrary, content: bytes) -> None:
    (current_generation(library.paths).directory / "manifest.json").write_bytes(content)
    with pytest.raises(IndexCorruptError, match="no readable manifest") as caught:
        current_generation(library.paths)
    assert "pubmed-rag index build" in str(caught.value.remedy)
    assert library.build().articles == 43, "the remedy helps"
    assert current_generation(library.paths).problems() == []


def test_a_newer_format_is_refused_in_words(library: TinyLibrary) -> None:
    path = current_generation(library.paths).directory / "manifest.json"
    manifest = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps({**manifest, "format": FORMAT + 1}), encoding="utf-8")
    with pytest.raises(IndexMismatchError, match="newer pubmed-rag") as caught:
        fresh_searcher(library).search("aspirin", mode="bm25")
    assert "pip install --upgrade pubmed-rag" in str(caught.value.remedy)


def test_a_field_of_a_later_program_is_no_trouble(library: TinyLibrary) -> None:
    path = current_generation(library.paths).directory / "manifest.json"
    manifest = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps({**manifest, "invented_later": 1}), encoding="utf-8")
    assert current_generation(library.paths).problems() == []


def test_no_current_generation(library: TinyLibrary) -> None:
    library.paths.current.unlink()
    assert current_name(library.paths) is None
    with pytest.raises(IndexMissingError, match="no index yet") as caught:
        fresh_searcher(library).search("aspirin", mode="bm25")
    assert "pubmed-rag index build" in str(caught.value.remedy)
    assert library.build().articles == 43


def test_current_names_a_generation_that_is_gone(library: TinyLibrary) -> None:
    library.paths.current.write_text("g000099\n", encoding="ascii")
    with pytest.raises(IndexCorruptError, match="g000099"):
        current_generation(library.paths)
    assert library.update().generation == "g000100"
    assert current_generation(library.paths).problems() == []


def test_no_library_at_all(tmp_path: Path) -> None:
    with pytest.raises(LibraryNotFoundError):
        current_generation(LibraryPaths(tmp_path / "nowhere"))
    assert not (tmp_path / "nowhere").exists()


def test_reading_changes_no_file_of_the_generation(library: TinyLibrary) -> None:
    generation = current_generation(library.paths)
    for mode in ("bm25", "dense", "hybrid"):
        fresh_searcher(library).search("aspirin mortality", mode=mode)
    assert generation.problems() == []
    assert set(generation.manifest.files) == {
        path.relative_to(generation.directory).as_posix() for path in files_of(generation)
    } - {"manifest.json"}


def test_no_sentences_no_folder(tiny: Opener) -> None:
    library = tiny([])
    library.store.upsert(random_articles(5))
    library.build(BuildOptions(with_sentences=False))
    generation = current_generation(library.paths)
    assert generation.manifest.sentences == 0
    assert not generation.sentences.exists()
