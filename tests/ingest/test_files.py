"""Files and folders into the store."""

from __future__ import annotations

import gzip
import json
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

import pytest

from pubmed_rag.core.progress import Task
from pubmed_rag.core.records import Article, IngestReport, RejectedRecord
from pubmed_rag.core.store import ArticleStore
from pubmed_rag.ingest.files import FilesReport, ingest_files
from tests.ingest.xml_builder import article, xml_set

pytestmark = pytest.mark.timeout(60)


class Recorder:
    """A progress that remembers what it was told."""

    def __init__(self, interrupt_at: int | None = None) -> None:
        self.done = 0
        self.notes: list[str] = []
        self._interrupt_at = interrupt_at

    def advance(self, n: int = 1) -> None:
        self.done += n
        if self._interrupt_at is not None and self.done >= self._interrupt_at:
            raise KeyboardInterrupt

    def task(self, label: str, total: int | None, unit: str) -> AbstractContextManager[Task]:
        return nullcontext(self)

    def note(self, message: str) -> None:
        self.notes.append(message)


def write(path: Path, content: str | bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def counts(report: IngestReport) -> tuple[int, int, int, int, int]:
    return report.read, report.added, report.updated, report.unchanged, report.deleted


def ids(store: ArticleStore) -> list[str]:
    return [stored.article.id for stored in store.articles()]


def deletion(*pmids: str) -> str:
    return f"<DeleteCitation>{''.join(f'<PMID>{pmid}</PMID>' for pmid in pmids)}</DeleteCitation>"


def test_every_format_in_one_call(store: ArticleStore, tmp_path: Path) -> None:
    paths = [
        write(tmp_path / "a", xml_set(article("1"))),
        write(tmp_path / "b", "PMID- 2\nTI  - Two.\n"),
        write(tmp_path / "c", gzip.compress(b'{"_id": "3", "title": "Three.", "text": ""}\n')),
    ]
    report = ingest_files(paths, store, ids_are_pmids=True)
    assert report == FilesReport(read=3, added=3)
    stored = [item.article for item in store.articles()]
    assert [(record.id, record.pmid, record.source) for record in stored] == [
        ("1", "1", str(paths[0])),
        ("2", "2", str(paths[1])),
        ("3", "3", str(paths[2])),
    ]


def test_the_same_files_again_change_nothing(store: ArticleStore, tmp_path: Path) -> None:
    repeated = xml_set(article("1", title="Old."), article("2"), article("1", title="New."), article("3"))
    path = write(tmp_path / "a.xml", repeated)
    assert counts(ingest_files([path], store)) == (4, 3, 0, 1, 0)
    assert store.get("1").title == "New."
    before = store.last_sequence()
    assert counts(ingest_files([path], store)) == (4, 0, 0, 4, 0)
    assert store.last_sequence() == before


@pytest.mark.parametrize("batch_size", [1, 2, 1000])
@pytest.mark.parametrize("versions", [(1, 2), (2, 1)])
def test_the_highest_version_wins(
    store: ArticleStore, tmp_path: Path, batch_size: int, versions: tuple[int, int]
) -> None:
    records = [article("7", title=f"Version {version}.", version=version) for version in versions]
    ingest_files([write(tmp_path / "a.xml", xml_set(*records))], store, batch_size=batch_size)
    assert store.get("7").title == "Version 2."


def test_folders_are_walked_in_name_order_so_that_the_last_update_wins(store: ArticleStore, tmp_path: Path) -> None:
    write(tmp_path / "in/pubmed26n0002.xml", xml_set(article("1", title="Second."), deletion("2")))
    write(tmp_path / "in/pubmed26n0001.xml", xml_set(article("1", title="First."), article("2")))
    write(tmp_path / "in/more/pubmed26n0003.xml", xml_set(article("3")))
    write(tmp_path / "in/.hidden.xml", "junk")
    write(tmp_path / "in/.git/x.xml", "junk")
    report = ingest_files([tmp_path / "in"], store)
    assert report.rejected == ()
    assert store.get("1").title == "Second."
    assert sorted(ids(store)) == ["1", "3"]


def test_deletions_hold_at_their_place_in_the_order(store: ArticleStore, tmp_path: Path) -> None:
    content = xml_set(article("1"), deletion("1", "99"), article("1", title="Back."), article("2"), deletion("2"))
    report = ingest_files([write(tmp_path / "a.xml", content)], store)
    assert counts(report) == (3, 3, 0, 0, 2)
    assert store.get("1").title == "Back."
    assert ids(store) == ["1"]


def test_a_folder_may_hold_other_things(store: ArticleStore, tmp_path: Path) -> None:
    write(tmp_path / "in/README.md", "# Read me\n")
    write(tmp_path / "in/a.xml", xml_set(article("1")))
    recorder = Recorder()
    report = ingest_files([tmp_path / "in"], store, progress=recorder)
    assert (report.read, report.added, report.failed_files) == (1, 1, ())
    assert [(item.source, item.pmid) for item in report.rejected] == [(str(tmp_path / "in/README.md"), None)]
    assert report.rejected[0].reason.startswith("skipped: ")
    assert recorder.notes == [report.rejected[0].reason]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "No such file"),
        (b"", "is empty"),
        (b"<!DOCTYPE html><html></html>", "is an HTML page"),
        (b"# Read me\n", "is text of no known kind"),
        (gzip.compress(xml_set(article("1")))[:-9], "it is cut short"),
        (xml_set(article("1"))[:-9], "is not well-formed XML at line"),
    ],
)
def test_a_named_file_that_fails_does_not_stop_the_next(
    store: ArticleStore, tmp_path: Path, content: bytes | None, words: str
) -> None:
    bad = tmp_path / "bad.xml"
    if content is not None:
        write(bad, content)
    good = write(tmp_path / "good.xml", xml_set(article("2")))
    report = ingest_files([bad, good], store)
    assert "2" in ids(store)
    (failed,) = report.failed_files
    assert failed.source == str(bad)
    assert words in failed.reason
    assert failed in report.rejected


def test_what_a_damaged_file_still_gave_is_stored(store: ArticleStore, tmp_path: Path) -> None:
    content = xml_set(*(article(str(n)) for n in range(1, 31)))
    cut = content[: content.index(b'<PMID Version="1">26</PMID>')]
    report = ingest_files([write(tmp_path / "in/cut.xml", cut)], store, batch_size=10)
    assert (report.read, report.added, len(report.failed_files)) == (25, 25, 1)


def test_an_empty_folder_is_mentioned(store: ArticleStore, tmp_path: Path) -> None:
    recorder = Recorder()
    (tmp_path / "in").mkdir()
    assert ingest_files([tmp_path / "in"], store, progress=recorder) == FilesReport()
    assert recorder.notes == [f"{tmp_path / 'in'} holds no files"]


def test_damage_met_in_a_folder_counts_as_failure(store: ArticleStore, tmp_path: Path) -> None:
    write(tmp_path / "in/cut.xml", xml_set(article("1"))[:-5])
    assert len(ingest_files([tmp_path / "in"], store).failed_files) == 1


def test_bad_records_are_counted_as_read_and_reported(store: ArticleStore, tmp_path: Path) -> None:
    lines = [json.dumps({"_id": "a", "text": "x"}), "{bad json", json.dumps({"_id": "b", "text": "y"})]
    path = write(tmp_path / "corpus.jsonl", "\n".join(lines))
    report = ingest_files([path], store)
    assert counts(report) == (3, 2, 0, 0, 0)
    (rejected,) = report.rejected
    assert isinstance(rejected, RejectedRecord)
    assert rejected.reason.startswith("line 2: ")
    assert report.failed_files == ()


def test_an_interrupt_keeps_finished_batches(store: ArticleStore, tmp_path: Path) -> None:
    path = write(tmp_path / "a.xml", xml_set(*(article(str(n)) for n in range(1, 101))))
    with pytest.raises(KeyboardInterrupt):
        ingest_files([path], store, progress=Recorder(interrupt_at=40), batch_size=20)
    assert len(ids(store)) == 40
    assert counts(ingest_files([path], store)) == (100, 60, 0, 40, 0)


def test_progress_counts_every_record(store: ArticleStore, tmp_path: Path) -> None:
    recorder = Recorder()
    content = xml_set(article("1"), article("1"), "<PubmedArticle/>", article("2"))
    report = ingest_files([write(tmp_path / "a.xml", content)], store, progress=recorder)
    assert recorder.done == report.read == 4


def test_the_store_holds_equal_articles(store: ArticleStore, tmp_path: Path) -> None:
    ingest_files([write(tmp_path / "a.xml", xml_set(article("1", title="é &lt; β")))], store)
    assert isinstance(store.get("1"), Article)
    assert store.get("1").title == "é < β"
