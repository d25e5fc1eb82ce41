"""NLM's bulk files from a small mirror: order, accidents, kills, and the new year."""

from __future__ import annotations

import gzip
import hashlib
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pubmed_rag.core.errors import DamagedFileError, DownloadError, InputError, UsageError
from pubmed_rag.core.library import LibraryPaths
from pubmed_rag.core.records import Article
from pubmed_rag.core.store import ArticleStore, article_digest
from pubmed_rag.ingest import bulk
from pubmed_rag.ingest.bulk import BulkReport, ingest_bulk
from pubmed_rag.ingest.bulk_source import BulkSource
from pubmed_rag.ingest.subset import Subset
from tests.core.file_server import FileServer
from tests.ingest.xml_builder import article, xml_set

pytestmark = pytest.mark.timeout(120)

Ingest = Callable[..., BulkReport]


class Mirror:
    """A folder laid out like NLM's."""

    def __init__(self, root: Path) -> None:
        self.root = root
        root.mkdir(parents=True, exist_ok=True)

    def put(self, name: str, *records: str, folder: str = "baseline", md5: bool = True, cut: int = 0) -> Path:
        path = self.root / folder / f"{name}.xml.gz"
        path.parent.mkdir(exist_ok=True)
        packed = gzip.compress(xml_set(*records))
        path.write_bytes(packed[: len(packed) - cut])
        if md5:
            digest = hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest()
            path.with_name(f"{path.name}.md5").write_text(f"MD5({path.name})= {digest}\n")
        return path

    def update(self, name: str, *records: str, cut: int = 0) -> Path:
        return self.put(name, *records, folder="updatefiles", cut=cut)

    def deleted(self, *pmids: int) -> None:
        (self.root / "deleted.pmids.gz").write_bytes(gzip.compress("".join(f"{pmid}\n" for pmid in pmids).encode()))

    def served(self) -> dict[str, bytes]:
        """The same as files of a server, with directory pages like NLM's."""
        files = {f"/pubmed/{path.relative_to(self.root)}": path.read_bytes() for path in self.root.rglob("*.*")}
        for folder in ("", "baseline/", "updatefiles/"):
            prefix = f"/pubmed/{folder}"
            inside = {name.removeprefix(prefix).partition("/")[0] for name in files if name.startswith(prefix)}
            links = "".join(f'<a href="{name}">{name}</a>  2026-01-30 12:00  20M\n' for name in sorted(inside))
            page = f'<html><body><pre><a href="/">Parent Directory</a>\n{links}</pre></body></html>'
            files[f"/pubmed/{folder}"] = page.encode()
        return files


def titled(pmid: int, title: str, **options: object) -> str:
    return article(str(pmid), title=title, **options)  # type: ignore[arg-type]


def removed(*pmids: int) -> str:
    return f"<DeleteCitation>{''.join(f'<PMID>{pmid}</PMID>' for pmid in pmids)}</DeleteCitation>"


def titles(store: ArticleStore) -> dict[str, str]:
    return {stored.article.id: stored.article.title for stored in store.articles()}


@pytest.fixture
def mirror(tmp_path: Path) -> Mirror:
    """Two baseline files and two update files."""
    made = Mirror(tmp_path / "mirror")
    made.put("pubmed26n0001", titled(1, "One."), titled(2, "Two."), titled(3, "Three."))
    made.put("pubmed26n0002", titled(4, "Four."), titled(5, "Five."))
    made.update("pubmed26n0003", titled(2, "Two, revised."), titled(6, "Six."), removed(3))
    made.update(
        "pubmed26n0004", titled(2, "Two, revised again."), titled(6, "Six at first."), titled(6, "Six at last.")
    )
    return made


EXPECTED = {"1": "One.", "2": "Two, revised again.", "4": "Four.", "5": "Five.", "6": "Six at last."}


@pytest.fixture
def ingest(store: ArticleStore, tmp_path: Path) -> Ingest:
    """``ingest_bulk`` into ``store`` in this process, unless told otherwise."""

    def call(source: object, **options: object) -> BulkReport:
        options = {"downloads": tmp_path / "downloads", "jobs": 1, **options}
        return ingest_bulk(str(source), store, **options)  # type: ignore[arg-type]

    return call


def test_files_are_applied_in_order(mirror: Mirror, store: ArticleStore, ingest: Ingest) -> None:
    report = ingest(mirror.root)
    assert titles(store) == EXPECTED
    assert (report.files, report.edition, report.read, report.deleted) == (4, 2026, 10, 1)
    assert (report.added, report.updated, report.unchanged, report.rejected) == (6, 4, 0, ())
    assert store.editions() == {2026: 5}


def test_several_processes_give_the_same(mirror: Mirror, store: ArticleStore, ingest: Ingest) -> None:
    report = ingest(mirror.root, jobs=2)
    assert titles(store) == EXPECTED
    assert report.read == 10


def test_a_second_run_reads_no_file(mirror: Mirror, store: ArticleStore, ingest: Ingest) -> None:
    ingest(mirror.root)
    sequence = store.last_sequence()
    for path in mirror.root.rglob("*.xml.gz"):
        path.write_bytes(b"no longer what it was")
    assert ingest(mirror.root) == BulkReport(edition=2026)
    assert store.last_sequence() == sequence


def test_a_new_update_file_is_all_that_is_read(mirror: Mirror, store: ArticleStore, ingest: Ingest) -> None:
    ingest(mirror.root)
    mirror.update("pubmed26n0005", removed(1, 77))
    report = ingest(mirror.root)
    assert (report.files, report.read, report.deleted) == (1, 0, 1)
    assert "1" not in titles(store)


def test_the_list_of_deleted_pmids(mirror: Mirror, store: ArticleStore, ingest: Ingest) -> None:
    mirror.deleted(4, 999)
    assert ingest(mirror.root).deleted == 2
    assert "4" not in titles(store)
    store.upsert([Article("4", pmid="4")])  # somebody brought it back: an unchanged list is not applied again
    assert ingest(mirror.root).deleted == 0
    mirror.deleted(4, 5)
    assert ingest(mirror.root).deleted == 2


def test_a_broken_record_does_not_stop_its_file(mirror: Mirror, store: ArticleStore, ingest: Ingest) -> None:
    broken = "<PubmedArticle><MedlineCitation><PMID>x</PMID></MedlineCitation></PubmedArticle>"
    path = mirror.update("pubmed26n0005", broken, titled(7, "Seven."))
    report = ingest(mirror.root)
    (rejected,) = report.rejected
    assert rejected.source == str(path)
    assert titles(store)["7"] == "Seven."


def test_the_highest_version_is_kept(tmp_path: Path, store: ArticleStore, ingest: Ingest) -> None:
    made = Mirror(tmp_path / "versions")
    second = titled(1, "Second version.").replace("<PMID", '<PMID Version="2"', 1).replace('Version="1"', "", 1)
    made.put("pubmed26n0001", second, titled(1, "First version."))
    made.update("pubmed26n0002", titled(1, "First version, late."))
    ingest(made.root)
    assert titles(store) == {"1": "Second version."}


@pytest.mark.parametrize("jobs", [1, 2])
def test_a_file_that_differs_from_its_checksum_stops_there(
    mirror: Mirror, store: ArticleStore, ingest: Ingest, jobs: int
) -> None:
    path = mirror.root / "baseline/pubmed26n0002.xml.gz"
    good = path.read_bytes()
    path.write_bytes(good[:-3] + b"xyz")
    with pytest.raises(DamagedFileError, match=r"pubmed26n0002\.xml\.gz differs from its checksum") as caught:
        ingest(mirror.root, jobs=jobs)
    assert caught.value.exit_code == 3
    assert set(titles(store)) <= {"1", "2", "3"}
    path.write_bytes(good)
    ingest(mirror.root)
    assert titles(store) == EXPECTED


@pytest.mark.parametrize("jobs", [1, 2])
def test_a_truncated_file_stops_there_and_is_read_again(
    mirror: Mirror, store: ArticleStore, ingest: Ingest, jobs: int
) -> None:
    mirror.update("pubmed26n0003", titled(2, "Two, revised."), titled(6, "Six."), removed(3), cut=12)
    with pytest.raises(DamagedFileError, match="pubmed26n0003"):
        ingest(mirror.root, jobs=jobs)
    assert {"1", "2", "4", "5"} <= set(titles(store))
    mirror.update("pubmed26n0003", titled(2, "Two, revised."), titled(6, "Six."), removed(3))
    ingest(mirror.root, jobs=jobs)
    assert titles(store) == EXPECTED


def test_a_missing_update_file_stops_before_the_next(mirror: Mirror, store: ArticleStore, ingest: Ingest) -> None:
    late = mirror.update("pubmed26n0006", titled(1, "Too early."))
    with pytest.raises(InputError, match=r"not pubmed26n0005\.xml\.gz"):
        ingest(mirror.root)
    assert titles(store) == EXPECTED
    with pytest.raises(InputError, match=r"not pubmed26n0005\.xml\.gz"):
        ingest(mirror.root)
    mirror.update("pubmed26n0005", titled(1, "In between."))
    ingest(mirror.root)
    assert titles(store)["1"] == "Too early."
    assert late.exists()


def test_a_part_of_the_baseline_will_do(tmp_path: Path, store: ArticleStore, ingest: Ingest) -> None:
    made = Mirror(tmp_path / "part")
    made.put("pubmed26n0007", titled(1, "One."), folder="")
    made.put("pubmed26n0009", titled(2, "Two."), folder="", md5=False)
    assert ingest(made.root).files == 2
    assert set(titles(store)) == {"1", "2"}


@pytest.mark.parametrize("content", [None, {}, {"readme.txt": b"x"}])
def test_a_folder_without_bulk_files(tmp_path: Path, ingest: Ingest, content: dict[str, bytes] | None) -> None:
    folder = tmp_path / "folder"
    if content is not None:
        folder.mkdir()
        for name, data in content.items():
            (folder / name).write_bytes(data)
    with pytest.raises(InputError, match="folder"):
        ingest(folder)
    with pytest.raises(UsageError, match="neither"):
        ingest("ftp://somewhere/")


# -- the new year ----------------------------------------------------------------------------------


def new_year(mirror: Mirror) -> None:
    mirror.put("pubmed27n0001", titled(1, "One."), titled(2, "Two of the new year."))
    mirror.put("pubmed27n0002", titled(5, "Five."), titled(8, "Eight."))
    mirror.update("pubmed27n0003", titled(9, "Nine."))


def test_a_new_edition_replaces_the_old_one_and_nothing_else(
    mirror: Mirror, store: ArticleStore, ingest: Ingest
) -> None:
    ingest(mirror.root)
    store.upsert([Article("777", pmid="777", title="By a query."), Article("beir-1", title="Of a collection.")])
    since = store.last_sequence()
    new_year(mirror)
    report = ingest(mirror.root)
    assert (report.edition, report.files) == (2027, 3)
    assert titles(store) == {
        "1": "One.", "2": "Two of the new year.", "5": "Five.", "8": "Eight.", "9": "Nine.",
        "777": "By a query.", "beir-1": "Of a collection.",
    }  # fmt: skip
    assert set(store.changes("deleted", since)) == {"4", "6"}
    assert store.editions() == {2027: 5}
    assert ingest(mirror.root) == BulkReport(edition=2027)


def test_the_library_is_never_empty_meanwhile(
    mirror: Mirror, store: ArticleStore, ingest: Ingest, monkeypatch: pytest.MonkeyPatch
) -> None:
    ingest(mirror.root)
    new_year(mirror)
    seen: list[set[str]] = []

    class Watching(ArticleStore):
        def write(self, *args: object, **options: object) -> object:  # type: ignore[override]
            report = ArticleStore.write(self, *args, **options)  # type: ignore[arg-type]
            seen.append(set(titles(self)))
            return report

    with Watching(LibraryPaths(store._path.parent)) as watched:
        ingest_bulk(str(mirror.root), watched, downloads=mirror.root, jobs=1)
    assert len(seen) >= 3
    assert all({"1", "2", "4", "5", "6"} <= ids for ids in seen)
    assert "4" not in titles(store)


def test_a_new_edition_stopped_half_way_deletes_nothing(mirror: Mirror, store: ArticleStore, ingest: Ingest) -> None:
    ingest(mirror.root)
    new_year(mirror)
    path = mirror.root / "baseline/pubmed27n0002.xml.gz"
    good = path.read_bytes()
    path.write_bytes(b"damaged")
    with pytest.raises(DamagedFileError):
        ingest(mirror.root)
    assert set(EXPECTED) <= set(titles(store))
    path.write_bytes(good)
    ingest(mirror.root)
    assert set(titles(store)) == {"1", "2", "5", "8", "9"}


@pytest.mark.parametrize(
    "names", [["pubmed27n0001"], ["pubmed27n0001", "pubmed27n0003"], ["pubmed27n0002", "pubmed27n0003"]]
)
def test_an_edition_that_is_still_being_put_up_waits(
    mirror: Mirror, store: ArticleStore, ingest: Ingest, names: list[str]
) -> None:
    ingest(mirror.root)
    for name in names:
        mirror.put(name, titled(1, "New."))
    mirror.update("pubmed26n0005", titled(1, "Old, revised."))
    report = ingest(mirror.root)
    assert (report.edition, report.files) == (2026, 1)
    assert titles(store) == {**EXPECTED, "1": "Old, revised."}


# -- subsets ---------------------------------------------------------------------------------------


def test_a_subset_is_kept_and_remembered(mirror: Mirror, store: ArticleStore, ingest: Ingest) -> None:
    with_abstract = "<Abstract><AbstractText>Words.</AbstractText></Abstract>"
    mirror.update("pubmed26n0005", titled(1, "One.", article=with_abstract), titled(7, "Seven.", article=with_abstract))
    report = ingest(mirror.root, subset=Subset(has_abstract=True))
    assert set(titles(store)) == {"1", "7"}
    assert report.filtered == 10
    mirror.update("pubmed26n0006", titled(7, "Seven without."), titled(8, "Eight.", article=with_abstract))
    ingest(mirror.root)
    assert set(titles(store)) == {"1", "8"}
    with pytest.raises(UsageError, match="another subset"):
        ingest(mirror.root, subset=Subset(year_from=2000))
    ingest(mirror.root, again=True)
    assert set(titles(store)) == {*EXPECTED, "7", "8"}


def test_what_a_query_brought_is_no_business_of_the_subset(mirror: Mirror, store: ArticleStore, ingest: Ingest) -> None:
    store.upsert([Article("4", pmid="4", title="By a query.")])
    ingest(mirror.root, subset=Subset(has_abstract=True))
    assert titles(store) == {"4": "By a query."}


# -- from an address -------------------------------------------------------------------------------


@pytest.fixture
def server(mirror: Mirror, monkeypatch: pytest.MonkeyPatch) -> Iterator[FileServer]:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    mirror.deleted(5)
    with FileServer(mirror.served()) as started:
        yield started


def test_from_an_address(server: FileServer, store: ArticleStore, ingest: Ingest, tmp_path: Path) -> None:
    report = ingest(f"{server.url}/pubmed/")
    assert titles(store) == {pmid: title for pmid, title in EXPECTED.items() if pmid != "5"}
    assert report.files == 4
    assert list((tmp_path / "downloads").iterdir()) == []
    before = len(server.requests)
    ingest(f"{server.url}/pubmed")
    assert not [request for request in server.requests[before:] if request.path.endswith(".xml.gz")]


def test_a_download_that_breaks_off_is_continued(mirror: Mirror, tmp_path: Path) -> None:
    original = mirror.root / "baseline/pubmed26n0002.xml.gz"
    original.with_name(f"{original.name}.md5").unlink()  # so that the download is the first request to be cut
    with FileServer(mirror.served()) as server:
        source = BulkSource(f"{server.url}/pubmed/")
        (file,) = [file for file in source.listing().files if file.number == 2]
        server.cuts = 1
        path = source.fetch(file, tmp_path / "downloads")
        starts = [request.start for request in server.requests if request.path.endswith("n0002.xml.gz")]
    assert path.read_bytes() == original.read_bytes()
    assert len(starts) == 2
    assert starts[1]


def test_pages_and_checksums_that_break_off_are_asked_for_again(
    server: FileServer, store: ArticleStore, ingest: Ingest
) -> None:
    server.cuts = 2
    ingest(f"{server.url}/pubmed/", keep_files=True)
    assert len(titles(store)) == 4


def test_a_file_that_always_arrives_damaged(server: FileServer, store: ArticleStore, ingest: Ingest) -> None:
    name = "/pubmed/updatefiles/pubmed26n0003.xml.gz"
    good = server.files[name]
    server.files = {**server.files, name: good[:-1] + b"?"}
    with pytest.raises(DownloadError, match=r"pubmed26n0003\.xml\.gz arrived damaged") as caught:
        ingest(f"{server.url}/pubmed/")
    assert caught.value.exit_code == 4
    assert set(titles(store)) == {"1", "2", "3", "4", "5"}
    server.files = {**server.files, name: good}
    ingest(f"{server.url}/pubmed/")
    assert len(titles(store)) == 4


# -- kills -----------------------------------------------------------------------------------------

_RUN = """
import sys
from pathlib import Path
from pubmed_rag.core.library import LibraryPaths
from pubmed_rag.core.store import ArticleStore
from pubmed_rag.ingest.bulk import ingest_bulk
if __name__ == "__main__":
    print("ready", flush=True)
    with ArticleStore(LibraryPaths(Path(sys.argv[1])), create=True) as store:
        ingest_bulk(sys.argv[2], store, downloads=Path(sys.argv[1]) / "downloads", jobs=int(sys.argv[3]))
"""


def digests(library: Path) -> dict[str, bytes]:
    with ArticleStore(LibraryPaths(library)) as store:
        return {stored.article.id: article_digest(stored.article) for stored in store.articles()}


@pytest.fixture
def large(tmp_path: Path) -> Mirror:
    """Four files of some hundred records, the last one revising and deleting."""
    made = Mirror(tmp_path / "large")
    text = "<Abstract><AbstractText>{}</AbstractText></Abstract>"
    for number in range(1, 4):
        records = [titled(number * 1000 + n, f"T {n}.", article=text.format(f"word{n} " * 80)) for n in range(600)]
        made.put(f"pubmed26n{number:04d}", *records)
    made.update("pubmed26n0004", *[titled(1000 + n, "Revised.") for n in range(300)], removed(*range(2000, 2100)))
    return made


@pytest.mark.parametrize("signal_number", [signal.SIGKILL, signal.SIGINT])
def test_stopped_at_random_moments(tmp_path: Path, large: Mirror, signal_number: signal.Signals) -> None:
    with ArticleStore(LibraryPaths(tmp_path / "undisturbed"), create=True) as store:
        ingest_bulk(str(large.root), store, downloads=tmp_path / "d", jobs=1)
    script = tmp_path / "run.py"
    script.write_text(_RUN)
    moments = random.Random(11)
    stopped = 0
    for attempt in range(5):
        command = [sys.executable, str(script), str(tmp_path / "library"), str(large.root), str(1 + attempt % 2)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
            assert process.stdout is not None
            process.stdout.readline()
            time.sleep(moments.uniform(0.05, 0.9))
            process.send_signal(signal_number)
            stopped += process.wait() != 0
    assert stopped > 0
    with ArticleStore(LibraryPaths(tmp_path / "library")) as store:
        ingest_bulk(str(large.root), store, downloads=tmp_path / "d", jobs=1)
    assert digests(tmp_path / "library") == digests(tmp_path / "undisturbed")


def test_a_killed_worker_is_an_error_in_words(
    large: Mirror, store: ArticleStore, ingest: Ingest, monkeypatch: pytest.MonkeyPatch
) -> None:
    apply = bulk._apply
    children = Path(f"/proc/{os.getpid()}/task/{os.getpid()}/children")
    if not children.exists():
        pytest.skip("this system does not list the children of a process")

    def kill_first(*args: object) -> BulkReport:
        for pid in children.read_text().split():
            if b"spawn_main" in Path(f"/proc/{pid}/cmdline").read_bytes():
                os.kill(int(pid), signal.SIGKILL)
        return apply(*args)  # type: ignore[arg-type]

    monkeypatch.setattr(bulk, "_apply", kill_first)
    with pytest.raises(InputError, match="was killed"):
        ingest(large.root, jobs=2)
    monkeypatch.setattr(bulk, "_apply", apply)
    ingest(large.root, jobs=2)
    assert store.counts().articles == 1700
