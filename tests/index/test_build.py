"""Building and updating: the same library gives the same index, whatever happened on the way."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path

import pytest

from pubmed_rag.core.errors import IndexMissingError, LibraryBusyError, StorageError
from pubmed_rag.core.files import sha256_of
from pubmed_rag.core.library import LibraryPaths
from pubmed_rag.core.progress import Task
from pubmed_rag.core.store import ArticleStore
from pubmed_rag.core.text import normalise
from pubmed_rag.index.build import BuildOptions, build_index, update_index
from pubmed_rag.index.generation import current_generation, current_name
from pubmed_rag.index.passages import sentences
from pubmed_rag.index.search import MODES, Searcher
from pubmed_rag.index.vectors import Vectors
from tests.support import FakeEmbedder, Opener, TinyLibrary, article, child_environment, open_tiny, random_articles

QUERIES = ("aspirin mortality", "carvedilol in children with asthma", "placebo cohort trial", "zinc")

Found = dict[tuple[str, str], list[tuple[str, float]]]


def everything_found(library: TinyLibrary, top: int = 15) -> Found:
    """What searching gives, in all modes: ids and scores in order."""
    return {
        (mode, query): [(hit.id, hit.score) for hit in library.search(query, mode, top).hits]
        for mode in MODES
        for query in QUERIES
    }


def generations(paths: LibraryPaths) -> list[str]:
    return sorted(path.name for path in paths.index.iterdir() if path.is_dir())


# -- building ----------------------------------------------------------------------------------------


def test_a_build_reports_what_it_did(tiny: Opener) -> None:
    articles = random_articles(50)
    library = tiny([])
    library.store.upsert(articles)
    texts = {normalise(item.text) for item in articles}
    texts |= {normalise(passage.text) for item in articles for passage in sentences(item)}
    report = library.build()
    assert (report.generation, report.articles, report.reused) == ("g000001", 50, 0)
    assert report.embedded == len(library.embedder.seen) == len(texts)
    assert set(library.embedder.seen) == texts
    manifest = current_generation(library.paths).manifest
    assert manifest.sentences == sum(len(sentences(item)) for item in articles)


def test_building_again_embeds_nothing_and_finds_the_same(tiny: Opener) -> None:
    library = tiny(random_articles(50))
    before = everything_found(library)
    seen = len(library.embedder.seen)
    report = library.build()
    assert (report.generation, report.embedded) == ("g000002", 0)
    assert report.reused > 50
    assert len(library.embedder.seen) == seen
    assert everything_found(library) == before


def test_a_text_that_occurs_in_many_articles_is_embedded_once(tiny: Opener) -> None:
    library = tiny(article(str(number), f"Title {number}.", "Copyright by the society.") for number in range(300))
    assert library.embedder.seen.count("Copyright by the society.") == 1
    assert len(library.embedder.seen) == len(set(library.embedder.seen))


def test_another_revision_of_the_model_is_another_index(tiny: Opener) -> None:
    library = tiny(random_articles(10))
    other = FakeEmbedder(revision="2")
    report = update_index(library.paths, library.store, other)
    assert report.reused == 0
    assert current_generation(library.paths).manifest.model_revision == "2"
    assert len(list(library.paths.embeddings.iterdir())) == 2


def test_an_empty_library_has_no_index(tiny: Opener) -> None:
    library = tiny([])
    for action in (library.build, library.update):
        with pytest.raises(IndexMissingError, match="no articles") as caught:
            action()
        assert "pubmed-rag ingest" in str(caught.value.remedy)
    assert generations(library.paths) == []
    assert current_name(library.paths) is None


def test_a_library_of_empty_articles(tiny: Opener) -> None:
    library = tiny([article("1"), article("2", "Aspirin.")])
    assert {hit.id for hit in library.search("aspirin", "hybrid").hits} == {"1", "2"}
    assert [hit.id for hit in library.search("aspirin", "bm25").hits] == ["2"]


def test_a_trained_quantizer(tiny: Opener) -> None:
    library = tiny([])
    library.store.upsert(random_articles(200))
    library.build(BuildOptions(factory="IVF2,Flat"))
    assert current_generation(library.paths).manifest.factory == "IVF2,Flat"
    assert library.search("aspirin mortality", "dense").hits


class Recorder:
    """A progress that remembers what it was told."""

    def __init__(self) -> None:
        self.notes: list[str] = []
        self.done: dict[str, int] = {}
        self._label = ""

    def advance(self, n: int = 1) -> None:
        self.done[self._label] += n

    def task(self, label: str, total: int | None, unit: str) -> AbstractContextManager[Task]:
        self._label = label
        self.done[label] = -(total or 0)
        return nullcontext(self)

    def note(self, message: str) -> None:
        self.notes.append(message)


def test_progress_reaches_its_end(tiny: Opener) -> None:
    library = tiny([])
    library.store.upsert(random_articles(150))
    progress = Recorder()
    build_index(library.paths, library.store, library.embedder, progress=progress)
    assert progress.done == {"embedding": 0, "indexing": 0}


# -- updating ----------------------------------------------------------------------------------------


def test_nothing_to_do(tiny: Opener) -> None:
    library = tiny(random_articles(10))
    report = library.update()
    assert (report.generation, report.articles, report.embedded, report.reused) == ("g000001", 10, 0, 0)
    assert generations(library.paths) == ["g000001"]


def apply_changes(library: TinyLibrary, step: int) -> None:
    """Add, change, empty and delete articles, and bring a deleted one back."""
    chance = random.Random(step)
    known = [stored.article for stored in library.store.articles()]
    changed = [
        article(old.id, new.title, *[section.text for section in new.abstract])
        for old, new in zip(chance.sample(known, 6), random_articles(6, seed=50 + step), strict=True)
    ]
    library.store.upsert([*changed[:5], article(changed[5].id, "Zinc only.")])
    deleted = [item.id for item in chance.sample(known, 4)]
    library.store.delete(deleted)
    library.store.upsert(random_articles(7, seed=70 + step, first=1000 * step))
    library.store.upsert([article(deleted[0], "Aspirin came back.", "It had been deleted.")])


def test_only_additions_give_the_very_same_scores(tiny: Opener) -> None:
    library = tiny(random_articles(40))
    for step in range(1, 4):
        library.store.upsert(random_articles(10, seed=step, first=100 * step))
        library.update()
    updated = everything_found(library)
    library.build()
    assert updated == everything_found(library)


def test_after_any_change_an_update_finds_what_a_fresh_build_finds(tiny: Opener) -> None:
    library = tiny(random_articles(60))
    for step in range(1, 5):
        apply_changes(library, step)
        seen = set(library.embedder.seen)
        count = len(library.embedder.seen)
        report = library.update()
        assert report.generation == f"g{step + 1:06d}"
        assert report.articles == library.store.counts().articles
        assert report.embedded == len(library.embedder.seen) - count
        assert not seen & set(library.embedder.seen[count:]), "only what is new is embedded"
        assert report.embedded < 80
        generation = current_generation(library.paths)
        assert generation.problems() == []

        fresh = open_tiny(library.paths.root.with_name(f"fresh{step}"), build=False)
        fresh.store.upsert(stored.article for stored in library.store.articles())
        fresh.build()
        assert generation.manifest.sentences == current_generation(fresh.paths).manifest.sentences
        compare(library, fresh)
        fresh.store.close()


def compare(updated: TinyLibrary, fresh: TinyLibrary) -> None:
    assert everything_found(updated, 500) == everything_found(fresh, 500)


def test_everything_deleted(tiny: Opener) -> None:
    library = tiny(random_articles(5))
    library.store.delete([str(number) for number in range(1, 6)])
    assert library.update().articles == 0
    for mode in MODES:
        result = library.search("aspirin", mode)
        assert (result.total, result.hits) == (0, ())
    library.store.upsert([article("9", "Aspirin again.")])
    library.update()
    assert [hit.id for hit in library.search("aspirin", "hybrid").hits] == ["9"]


def test_an_update_without_an_index_builds_one_and_says_so(tiny: Opener) -> None:
    library = tiny([])
    library.store.upsert(random_articles(5))
    progress = Recorder()
    report = update_index(library.paths, library.store, library.embedder, progress=progress)
    assert report.articles == 5
    assert any("building anew" in note for note in progress.notes)


@pytest.mark.parametrize(
    ("options", "factory", "with_sentences"),
    [(BuildOptions(with_sentences=False), "Flat", False), (BuildOptions(factory="IVF2,Flat"), "IVF2,Flat", True)],
)
def test_an_update_with_other_options_builds_anew(
    tiny: Opener, options: BuildOptions, factory: str, with_sentences: bool
) -> None:
    library = tiny(random_articles(100))
    progress = Recorder()
    update_index(library.paths, library.store, library.embedder, options=options, progress=progress)
    assert any("building anew" in note for note in progress.notes)
    manifest = current_generation(library.paths).manifest
    assert (manifest.factory, bool(manifest.sentences)) == (factory, with_sentences)
    before = manifest.generation
    library.store.upsert([article("new", "Aspirin.")])
    library.update()
    manifest = current_generation(library.paths).manifest
    assert manifest.generation > before
    assert (manifest.factory, bool(manifest.sentences)) == (factory, with_sentences), "an update keeps both"


def test_an_update_of_a_damaged_index_builds_anew(tiny: Opener) -> None:
    library = tiny(random_articles(10))
    before = everything_found(library)
    codes = current_generation(library.paths).vectors / "rows" / "000000" / "codes.faiss"
    codes.write_bytes(b"\0" + codes.read_bytes()[1:])
    progress = Recorder()
    report = update_index(library.paths, library.store, library.embedder, progress=progress)
    assert (report.generation, report.embedded) == ("g000002", 0)
    assert any("codes.faiss" in note for note in progress.notes)
    assert everything_found(library) == before


def checksums(directory: Path) -> dict[str, str]:
    return {str(path.relative_to(directory)): sha256_of(path) for path in directory.rglob("*") if path.is_file()}


def test_an_update_leaves_the_generation_before_it_as_it_was(tiny: Opener) -> None:
    """Files are shared by hard links, so writing into one would change both."""
    library = tiny(random_articles(50))
    reader = Searcher(library.paths, library.store, lambda: library.embedder)
    old_hits = reader.search("aspirin", mode="bm25").hits
    old = current_generation(library.paths)
    before = {name: digest for name, digest in checksums(old.directory).items() if not name.endswith(".lock")}
    apply_changes(library, 1)
    library.update()
    new = current_generation(library.paths)
    assert new.directory != old.directory
    assert {name: checksums(old.directory)[name] for name in before} == before
    assert old.problems() == []
    shared = [
        name
        for name in before
        if (new.directory / name).is_file() and (old.directory / name).samefile(new.directory / name)
    ]
    assert any(name.startswith("sentences/000000/") for name in shared), "what did not change is not copied"
    assert old_hits


def test_two_generations_are_kept(tiny: Opener) -> None:
    library = tiny(random_articles(10))
    for step in range(5):
        library.store.upsert([article(f"a{step}", "Aspirin.")])
        library.update() if step % 2 else library.build()
    assert generations(library.paths) == ["g000005", "g000006"]
    assert current_name(library.paths) == "g000006"


def test_leftovers_of_a_killed_build_go(tiny: Opener) -> None:
    library = tiny(random_articles(10))
    for name in (".building-g000002", "g000002"):
        (library.paths.index / name).mkdir()
        (library.paths.index / name / "articles.tmp").write_bytes(b"half")
    assert library.build().generation == "g000002"
    assert generations(library.paths) == ["g000001", "g000002"]
    assert current_generation(library.paths).problems() == []


class Failing(FakeEmbedder):
    """A model that gives up after some calls, as a machine out of memory does."""

    def __init__(self, calls: int) -> None:
        super().__init__()
        self._left = calls

    def encode_passages(self, texts: Sequence[str]) -> Vectors:
        self._left -= 1
        if self._left < 0:
            raise MemoryError
        return super().encode_passages(texts)


def test_a_failed_build_keeps_what_it_embedded_and_the_old_index(tiny: Opener) -> None:
    library = tiny(random_articles(10))
    library.store.upsert(random_articles(300, first=1000))
    with pytest.raises(MemoryError):
        build_index(library.paths, library.store, Failing(2))
    assert generations(library.paths) == ["g000001"]
    assert library.search("aspirin", "hybrid").generation == "g000001"
    report = library.build()
    assert report.reused > report.embedded, "two of three groups were kept"


# -- other processes ---------------------------------------------------------------------------------

_CHILD = """
import sys, time
from pathlib import Path
from pubmed_rag.core.library import LibraryPaths
from pubmed_rag.core.store import ArticleStore
from pubmed_rag.index.build import build_index, update_index
from tests.support import FakeEmbedder, article

paths = LibraryPaths(Path(sys.argv[1]))
store = ArticleStore(paths)
"""

_HOLD_LOCK = _CHILD + 'with paths.index_lock():\n    print("ready", flush=True)\n    sys.stdin.readline()\n'

_KEEP_UPDATING = (
    _CHILD
    + """
print("ready", flush=True)
for number in range(12):
    store.upsert([article(f"new{number}", "Aspirin and mortality."), article("1", f"Aspirin changed {number}.")])
    store.delete([f"new{number - 2}"])
    update_index(paths, store, FakeEmbedder())
"""
)


@contextmanager
def child(script: str, *arguments: Path) -> Iterator[subprocess.Popen[str]]:
    """A Python process that has said it is ready; it is ended with the block."""
    command = [sys.executable, "-c", script, *map(str, arguments)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=child_environment()
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        try:
            yield process
        finally:
            process.kill()


def test_another_process_holds_the_lock(tiny: Opener) -> None:
    library = tiny(random_articles(10))
    library.store.upsert([article("50", "Aspirin.")])
    with child(_HOLD_LOCK, library.paths.root):
        for action in (library.build, library.update):
            with pytest.raises(LibraryBusyError, match="another process is building") as caught:
                action()
            assert "wait" in str(caught.value.remedy)
        assert library.search("aspirin", "bm25").hits, "reading needs no lock"
    assert library.update().articles == 11, "the system frees the lock of a killed process"


def test_readers_never_notice_switches(tiny: Opener) -> None:
    library = tiny(random_articles(30))
    seen = set()
    searches = 0
    with child(_KEEP_UPDATING, library.paths.root) as process:
        while process.poll() is None:
            for searcher in (library.searcher, Searcher(library.paths, library.store, lambda: library.embedder)):
                before = current_name(library.paths)
                result = searcher.search("aspirin mortality", mode=MODES[searches % len(MODES)])
                served = str(result.generation)
                assert str(before) <= served <= str(current_name(library.paths)), "served while it was searched"
                assert result.hits
                assert len({hit.id for hit in result.hits}) == len(result.hits)
                seen.add(result.generation)
                searches += 1
        assert process.returncode == 0
    assert searches > 10
    assert len(seen) > 1
    assert library.search("aspirin mortality").generation == "g000013"


# -- a full disk -------------------------------------------------------------------------------------


@contextmanager
def small_disk(folder: Path, kilobytes: int) -> Iterator[Path]:
    """A file system of that size at ``folder``; skips the test where mounting is not allowed."""
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={kilobytes}k", "tmpfs", str(folder)]
    try:
        done = subprocess.run(mount, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        pytest.skip("there is no mount command")
    if done.returncode != 0:
        pytest.skip(f"mounting a small tmpfs is not permitted here ({done.stderr.strip()})")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def fill(folder: Path, *, leave: int) -> Path:
    """A file that takes all but ``leave`` bytes of the disk."""
    free = os.statvfs(folder).f_bavail * os.statvfs(folder).f_frsize
    ballast = folder / "ballast"
    ballast.write_bytes(b"\0" * max(0, free - leave))
    return ballast


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="mounts a tmpfs")
@pytest.mark.parametrize("leave", [0, 40_000, 150_000, 300_000, 450_000])
def test_a_full_disk(tmp_path: Path, leave: int) -> None:
    """Wherever the space runs out, it is said in words, the old index serves and a repeat with space succeeds."""
    with small_disk(tmp_path / "disk", 16_000) as disk:
        library = open_tiny(disk / "library", random_articles(50))
        try:
            library.store.upsert(random_articles(200, seed=3, first=500))
            before = everything_found(library)
            articles = library.store.counts().articles
            ballast = fill(disk, leave=leave)
            for action in (library.build, library.update):
                with pytest.raises(StorageError) as caught:
                    action()
                assert "space" in str(caught.value.remedy)
            assert current_generation(library.paths).problems() == []
            assert everything_found(library) == before
            ballast.unlink()
            assert library.store.counts().articles == articles == 250
            assert library.update().articles == 250
            assert not list(library.paths.index.glob(".building-*"))
            assert "500" in {hit.id for hit in library.search("aspirin", "dense", 250).hits}
        finally:
            library.store.close()


def test_a_library_opened_anew_finds_the_same(tiny: Opener) -> None:
    library = tiny(random_articles(10))
    with ArticleStore(library.paths) as store:
        other = Searcher(library.paths, store, lambda: FakeEmbedder())
        assert other.search("aspirin").hits == library.search("aspirin").hits


class IngestingEmbedder(FakeEmbedder):
    """Somebody ingests while texts are being embedded."""

    def __init__(self, paths: LibraryPaths) -> None:
        super().__init__()
        self._paths = paths

    def encode_passages(self, texts: Sequence[str]) -> Vectors:
        with ThreadPoolExecutor(1) as other, ArticleStore(self._paths) as store:
            other.submit(store.upsert, [article("1", "Changed meanwhile."), article("new", "Came meanwhile.")]).result()
            other.submit(store.delete, ["2"]).result()
        return super().encode_passages(texts)


def test_ingesting_during_a_build_waits_for_the_next_update(tmp_path: Path) -> None:
    """A generation is of one moment; what came after it is counted as behind and brought in by an update."""
    library = open_tiny(tmp_path / "library", random_articles(20), build=False)
    report = build_index(library.paths, library.store, IngestingEmbedder(library.paths))
    assert report.articles == 20
    assert current_generation(library.paths).manifest.sequence == 20
    assert current_generation(library.paths).problems() == []
    assert "3 changes behind" in library.search("meanwhile").warnings[0]
    library.update()
    fresh = open_tiny(tmp_path / "fresh", [stored.article for stored in library.store.articles()])
    assert library.search("meanwhile", "bm25").hits
    assert {hit.id for hit in library.search("meanwhile", "bm25").hits} == {
        hit.id for hit in fresh.search("meanwhile", "bm25").hits
    }
