"""What a library remembers about its own making, and how a record is kept."""

from __future__ import annotations

import hashlib
import multiprocessing
import os
import pickle
import signal
import sqlite3
import time
import zlib
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from importlib import resources
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pubmed_rag.core.errors import LibraryError
from pubmed_rag.core.library import LibraryPaths
from pubmed_rag.core.prepared import article_digest, prepare, unpack
from pubmed_rag.core.records import Article, Grant, Section
from pubmed_rag.core.store import ArticleStore, Deletion, JournalEntry


@pytest.fixture
def store(tmp_path: Path) -> Iterator[ArticleStore]:
    with ArticleStore(LibraryPaths(tmp_path / "library"), create=True) as opened:
        yield opened


def article(number: int, title: str = "A title.", **fields: object) -> Article:
    return Article(str(number), title=title, pmid=str(number), **fields)  # type: ignore[arg-type]


def test_a_journal_entry_goes_with_its_articles(store: ArticleStore) -> None:
    store.write([article(1)], journal=[JournalEntry("run", "page/2"), JournalEntry("run", "page/1", "x")])
    assert store.journal("run") == {"page/1": "x", "page/2": ""}
    assert store.journal("other") == {}

    def fails() -> Iterator[Article]:
        yield article(2)
        raise KeyError("reader")

    with pytest.raises(KeyError):
        store.write(fails(), journal=[JournalEntry("run", "page/3")])
    assert "page/3" not in store.journal("run")
    assert store.counts().articles == 1


def test_runs_are_listed_and_cleared(store: ArticleStore) -> None:
    store.set_journal([JournalEntry("bulk:a", "1"), JournalEntry("entrez:b", "x/1"), JournalEntry("entrez:b", "y")])
    assert store.journal_runs() == ["bulk:a", "entrez:b"]
    assert store.journal_runs("bulk:") == ["bulk:a"]
    store.clear_journal("entrez:b", "x/")
    assert store.journal("entrez:b") == {"y": ""}
    store.clear_journal("entrez:b")
    assert store.journal_runs() == ["bulk:a"]


def test_a_saved_query_ends_its_run(store: ArticleStore) -> None:
    store.set_journal([JournalEntry("entrez:b", "y")])
    began = datetime(2026, 11, 1, 12, 0, tzinfo=UTC)
    store.save_query("asthma", since=None, until="2026-01-01", maximum=5, asked=began, clear_run="entrez:b")
    (saved,) = store.saved_queries()
    assert (saved.query, saved.until, saved.maximum, saved.asked) == (
        "asthma", "2026-01-01", 5, "2026-11-01T12:00:00+00:00",
    )  # fmt: skip
    assert store.journal_runs() == []
    assert store.forget_query("asthma")
    assert not store.forget_query("asthma")
    assert store.saved_queries() == []


def test_updates_are_numbered(store: ArticleStore) -> None:
    assert store.save_update(datetime.now(UTC), 0, 5) == 1
    assert store.save_update(datetime.now(UTC), 5, 9) == 2
    assert [(update.number, update.since, update.until) for update in store.updates()] == [(1, 0, 5), (2, 5, 9)]


def test_editions_of_the_bulk_files(store: ArticleStore) -> None:
    store.upsert([article(1)])
    store.write([article(2), article(3), article(4)], edition=2025)
    report = store.write([article(2), article(3, "Changed."), article(5)], edition=2026)
    assert (report.added, report.updated, report.unchanged) == (1, 1, 1)
    assert store.editions() == {2025: 1, 2026: 3}
    assert store.delete_editions_before(2026, batch=1) == 1
    assert sorted(stored.article.id for stored in store.articles()) == ["1", "2", "3", "5"]
    assert store.delete_editions_before(2026) == 0
    assert store.write([Deletion(("1", "2", "99"), bulk_only=True)]).deleted == 1
    assert store.editions() == {2026: 2}
    assert "1" in store.get_many(["1", "2"])


def test_deletions_stand_in_order(store: ArticleStore) -> None:
    store.write([article(1), Deletion(("1",)), article(2), article(1, "Back."), Deletion(("2", "2"))])
    assert {stored.article.title for stored in store.articles()} == {"Back."}


def test_a_prepared_article_is_stored_like_any_other(tmp_path: Path) -> None:
    plain = article(1, abstract=(Section("Text with “quotes” and \u2009 spaces.", "AIM"),), source='file "a".xml')
    travelled = pickle.loads(pickle.dumps(prepare(plain)))
    with ArticleStore(LibraryPaths(tmp_path / "a"), create=True) as store:
        assert store.write([travelled]).added == 1
        assert store.get("1") == plain
        assert store.write([plain, replace(plain, source="elsewhere")]).unchanged == 2


@pytest.mark.parametrize("source", ["", "x", 'a"}', "\\", "ü", '""}'])
def test_the_source_is_kept_and_is_no_part_of_the_digest(source: str) -> None:
    one = article(1, source=source)
    assert unpack(prepare(one).record) == one
    assert prepare(one).digest == prepare(article(1)).digest


def test_records_of_the_first_program_are_read() -> None:
    assert unpack(zlib.compress(msgspec.json.encode(article(1)), 1)) == article(1)


def test_records_without_the_later_fields_have_the_digest_they_always_had() -> None:
    """Values computed before grants and the fields after it existed: a stored library must not look revised."""
    plain = Article("7", title="A title.", pmid="7", abstract=(Section("Some text."),), source="x")
    assert article_digest(plain).hex() == "2ecb612151d69abf12286996c901287e"
    assert article_digest(Article("d1")).hex() == "bb081b75fb1597a44004dee80c7d7900"
    assert article_digest(replace(plain, grants=(Grant("R01"),))) != article_digest(plain)
    assert article_digest(replace(plain, grants=(Grant("R01"),), isbns=("9",))) != article_digest(
        replace(plain, grants=(Grant("R01"),))
    )


def test_the_dictionary_is_the_one_records_were_written_with() -> None:
    content = (resources.files("pubmed_rag.core") / "data" / "record_dictionary_1.json").read_bytes()
    assert hashlib.sha256(content).hexdigest() == "48f5b02442b695cfc39338800bdba61dbc6a1ddaf1a8a9aa86f3a62759cb92c3"


@pytest.mark.parametrize("at", [0, 3, 10, -1])
def test_a_flipped_byte_in_a_record_is_found(store: ArticleStore, at: int) -> None:
    store.upsert([article(1, "A title of some length, so that there is something to damage.")])
    path = store._path
    with sqlite3.connect(path) as connection:
        (record,) = connection.execute("SELECT record FROM articles").fetchone()
        damaged = bytearray(record)
        damaged[at] ^= 0x41
        connection.execute("UPDATE articles SET record = ?", (bytes(damaged),))
    connection.close()
    with pytest.raises(LibraryError, match="damaged"):
        store.get("1")


def _write_until_killed(root: Path, ready: object) -> None:
    with ArticleStore(LibraryPaths(root), create=True) as store:
        for page in range(10_000):
            articles = [article(page * 50 + n, f"Page {page}.") for n in range(50)]
            store.write(articles, journal=[JournalEntry("run", f"{page:05d}")])


@pytest.mark.timeout(120)
def test_a_killed_writer_leaves_pages_and_journal_in_step(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    for attempt in range(4):
        root = tmp_path / str(attempt)
        process = context.Process(target=_write_until_killed, args=(root, None))
        process.start()
        while not (root / "articles.sqlite-wal").exists() or (root / "articles.sqlite-wal").stat().st_size < 200_000:
            time.sleep(0.005)
        time.sleep(0.003 * attempt)
        assert process.pid is not None
        os.kill(process.pid, signal.SIGKILL)
        process.join()
        with ArticleStore(LibraryPaths(root)) as store:
            pages = len(store.journal("run"))
            assert pages > 0
            assert store.counts().articles == pages * 50


Step = tuple[str, int, int, int]
steps = st.lists(
    st.tuples(st.sampled_from(["put", "delete"]), st.integers(1, 5), st.integers(1, 3), st.integers(0, 2)), max_size=30
)


@given(st.lists(steps, max_size=4))
@settings(max_examples=60, deadline=None)
def test_writes_agree_with_a_dictionary(tmp_path_factory: pytest.TempPathFactory, writes: list[list[Step]]) -> None:
    model: dict[str, Article] = {}
    with ArticleStore(LibraryPaths(tmp_path_factory.mktemp("model")), create=True) as store:
        for write in writes:
            changes: list[Article | Deletion] = []
            for kind, number, version, title in write:
                if kind == "delete":
                    changes.append(Deletion((str(number),)))
                    model.pop(str(number), None)
                    continue
                one = article(number, f"Title {title}.", version=version)
                changes.append(one)
                held = model.get(one.id)
                if held is None or held.version <= version:
                    model[one.id] = one
            store.write(changes)
            assert {stored.article.id: stored.article for stored in store.articles()} == model
