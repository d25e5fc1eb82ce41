"""The article store: what is stored, in which order it changed, and for whom."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable
from dataclasses import fields, replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pubmed_rag.core.errors import LibraryNotFoundError, LibraryTooNewError, UnknownArticleError
from pubmed_rag.core.library import LibraryPaths
from pubmed_rag.core.migrations import SCHEMA_VERSION
from pubmed_rag.core.records import Article, Correction, IngestReport
from pubmed_rag.core.store import ArticleStore, StoreCounts, article_digest
from tests.core.articles import article, articles


def counts(report: IngestReport) -> tuple[int, int, int, int]:
    return report.read, report.added, report.updated, report.unchanged


def ids(store: ArticleStore) -> list[str]:
    return [stored.article.id for stored in store.articles()]


def changed(store: ArticleStore, sequence: int) -> list[str]:
    return [stored.article.id for stored in store.changed_since(sequence)]


# -- upsert --------------------------------------------------------------------------------------------


def test_added_updated_unchanged(store: ArticleStore) -> None:
    assert counts(store.upsert([article(1), article(2)])) == (2, 2, 0, 0)
    assert counts(store.upsert([article(1), article(2, "New."), article(3)])) == (3, 1, 1, 1)
    assert store.get("2") == article(2, "New.")
    assert counts(store.upsert([])) == (0, 0, 0, 0)


def test_the_same_again_costs_no_sequence_number(store: ArticleStore) -> None:
    store.upsert([article(1), article(2)])
    assert store.last_sequence() == 2
    store.upsert([article(2), article(1)])
    assert store.last_sequence() == 2
    assert changed(store, 2) == []


def test_where_a_record_came_from_is_no_change(store: ArticleStore) -> None:
    store.upsert([Article("1", title="Same.", source="a.xml")])
    assert counts(store.upsert([Article("1", title="Same.", source="b.xml")])) == (1, 0, 0, 1)
    assert store.get("1").source == "a.xml"


def test_a_lower_version_never_replaces_a_higher(store: ArticleStore) -> None:
    store.upsert([article(1, "Second.", version=2)])
    assert counts(store.upsert([article(1, "First.", version=1)])) == (1, 0, 0, 1)
    assert store.get("1") == article(1, "Second.", version=2)
    assert store.last_sequence() == 1
    assert counts(store.upsert([article(1, "Second, revised.", version=2)])) == (1, 0, 1, 0)
    assert counts(store.upsert([article(1, "Third.", version=3)])) == (1, 0, 1, 0)


def test_the_last_of_a_batch_wins(store: ArticleStore) -> None:
    report = store.upsert([article(1, "a"), article(1, "b"), article(1, "c"), article(1, "old", version=0)])
    assert counts(report) == (4, 1, 2, 1)
    assert store.get("1") == article(1, "c")
    assert changed(store, 0) == ["1"]


def test_a_batch_is_stored_whole_or_not_at_all(store: ArticleStore) -> None:
    store.upsert([article(1)])

    def failing() -> list[Article]:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        store.upsert(a for batch in ([article(2)], [article(1, "New.")]) for a in batch if a.id != "1" or failing())
    assert ids(store) == ["1"]
    assert store.get("1") == article(1)
    assert store.last_sequence() == 1
    store.upsert([article(3)])
    assert ids(store) == ["1", "3"]


# -- delete and the change sequence --------------------------------------------------------------------


def test_a_deleted_article_that_returns_has_a_new_key(store: ArticleStore) -> None:
    store.upsert([article(1), article(2)])
    old = store.keys_of(["1", "2"])
    assert store.delete(["2", "99"]) == 1
    assert ids(store) == ["1"]
    assert store.delete(["2"]) == 0
    store.upsert([article(2)])
    new = store.keys_of(["1", "2"])
    assert new["1"] == old["1"]
    assert new["2"] not in old.values()
    assert store.get_by_keys([old["2"], new["2"]]) == {new["2"]: article(2)}


def test_what_changed_since(store: ArticleStore) -> None:
    store.upsert([article(1), article(2), article(3)])
    seen = store.last_sequence()
    keys = store.keys_of(["1", "2", "3"])
    store.upsert([article(4), article(1, "New.")])
    store.delete(["3"])
    store.upsert([article(4, "Newer.")])

    assert changed(store, seen) == ["1", "4"]
    assert [s.key for s in store.changed_since(seen, order="key")] == sorted(store.keys_of(["1", "4"]).values())
    assert [s.article for s in store.changed_since(seen)] == [article(1, "New."), article(4, "Newer.")]
    assert store.count_changed_since(seen) == 2
    assert store.deleted_since(seen) == [keys["3"]]
    assert store.last_sequence() == seen + 4
    assert changed(store, store.last_sequence()) == []
    assert store.deleted_since(store.last_sequence()) == []
    assert ids(store) == ["1", "2", "4"]


def test_deleting_the_latest_change_is_itself_a_change(store: ArticleStore) -> None:
    store.upsert([article(1), article(2)])
    store.delete(["2"])
    assert store.last_sequence() == 3
    store.upsert([article(3)])
    assert changed(store, 3) == ["3"]


@given(st.lists(st.tuples(st.sampled_from(["put", "delete"]), st.integers(1, 4), st.integers(0, 2)), max_size=12))
def test_an_index_that_follows_the_sequence_always_agrees(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[str, int, int]]
) -> None:
    """Whatever happens, and however rarely it looks, a follower ends with the store's keys and contents."""
    with ArticleStore(LibraryPaths(tmp_path_factory.mktemp("library")), create=True) as store:
        follower: dict[int, Article] = {}
        seen = 0
        for number, (what, pmid, text) in enumerate(steps):
            if what == "put":
                store.upsert([article(pmid, str(text))])
            else:
                store.delete([str(pmid)])
            if number % 3 == 2 or number == len(steps) - 1:
                for key in store.deleted_since(seen):
                    follower.pop(key, None)
                follower |= {stored.key: stored.article for stored in store.changed_since(seen)}
                seen = store.last_sequence()
        assert follower == {stored.key: stored.article for stored in store.articles()}


# -- reading -------------------------------------------------------------------------------------------


def test_reading_by_id_and_by_key(store: ArticleStore) -> None:
    many = [article(n) for n in range(1, 1203)]
    store.upsert(many)
    wanted = [a.id for a in many] + ["unknown"]
    assert store.get_many(wanted) == {a.id: a for a in many}
    keys = store.keys_of(wanted)
    assert len(keys) == len(many)
    assert store.get_by_keys([*keys.values(), 10**9]) == {keys[a.id]: a for a in many}
    assert store.get_many([]) == {}
    with pytest.raises(UnknownArticleError, match="no article unknown"):
        store.get("unknown")


def test_totals(store: ArticleStore) -> None:
    assert store.counts() == StoreCounts(0, 0, 0)
    store.upsert([article(1), Article("2"), Article("3", corrections=(Correction("RetractionIn"),))])
    assert store.counts() == StoreCounts(articles=3, with_abstract=1, retracted=1)
    store.upsert([article(3, "No longer retracted.")])
    store.delete(["2"])
    assert store.counts() == StoreCounts(articles=2, with_abstract=2, retracted=0)


def test_queries_are_remembered(store: ArticleStore) -> None:
    assert store.saved_queries() == []
    store.save_query("b", since=None, until=None, maximum=None)
    store.save_query("a", since="2020-01-01", until="2021-01-01", maximum=5)
    store.save_query("b", since=None, until=None, maximum=10)
    first, second = store.saved_queries()
    assert (first.query, first.since, first.until, first.maximum) == ("a", "2020-01-01", "2021-01-01", 5)
    assert (second.query, second.since, second.until, second.maximum) == ("b", None, None, 10)
    assert first.asked.endswith("+00:00")


def test_facts_are_remembered(store: ArticleStore) -> None:
    assert store.fact("source") is None
    store.set_fact("source", "sample")
    store.set_fact("source", "scifact")
    assert store.fact("source") == "scifact"


def test_everything_is_there_after_closing(paths: LibraryPaths) -> None:
    with ArticleStore(paths, create=True) as store:
        store.upsert([article(1)])
        store.set_fact("a", "b")
    with ArticleStore(paths) as store:
        assert (ids(store), store.fact("a"), store.last_sequence()) == (["1"], "b", 1)


@given(st.lists(articles, max_size=3, unique_by=lambda a: a.id))
def test_any_article_round_trips(tmp_path_factory: pytest.TempPathFactory, some: list[Article]) -> None:
    with ArticleStore(LibraryPaths(tmp_path_factory.mktemp("library")), create=True) as store:
        store.upsert(some)
        assert [stored.article for stored in store.articles()] == some
        assert counts(store.upsert(some)) == (len(some), 0, 0, len(some))
        for stored in store.articles():
            for span in stored.article.spans:
                assert stored.article.text[span.start : span.end] in {
                    stored.article.title,
                    *(section.text for section in stored.article.abstract),
                }


@given(articles, articles, st.sampled_from([field.name for field in fields(Article)]))
def test_a_change_in_any_field_changes_the_digest_but_for_the_source(one: Article, other: Article, field: str) -> None:
    changed = replace(one, **{field: getattr(other, field)})
    assert (article_digest(changed) == article_digest(one)) == (changed == one or field == "source")


# -- opening -------------------------------------------------------------------------------------------


def test_there_must_be_a_library_to_open(paths: LibraryPaths) -> None:
    with pytest.raises(LibraryNotFoundError):
        ArticleStore(paths)
    assert not paths.root.exists()


def test_a_relative_path_will_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with ArticleStore(LibraryPaths(Path("100% of #1? lib")), create=True) as store:
        store.upsert([article(1)])
    assert (tmp_path / "100% of #1? lib/articles.sqlite").is_file()


def set_version(paths: LibraryPaths, version: int) -> None:
    with sqlite3.connect(paths.store) as connection:
        connection.execute(f"PRAGMA user_version = {version}")
    connection.close()


@pytest.mark.parametrize("create", [False, True])
def test_a_library_of_a_later_program_is_refused_unchanged(paths: LibraryPaths, create: bool) -> None:
    with ArticleStore(paths, create=True) as store:
        store.upsert([article(1)])
    set_version(paths, SCHEMA_VERSION + 1)
    before = paths.store.read_bytes()
    with pytest.raises(LibraryTooNewError) as caught:
        ArticleStore(paths, create=create)
    assert str(paths.store) in caught.value.message
    assert f"schema {SCHEMA_VERSION + 1}" in caught.value.message
    assert "upgrade" in str(caught.value.remedy)
    assert caught.value.exit_code == 5
    assert paths.store.read_bytes() == before
    assert list(paths.root.iterdir()) == [paths.store]


# -- threads -------------------------------------------------------------------------------------------


def in_threads(work: Callable[[int], object], count: int) -> list[BaseException]:
    failures: list[BaseException] = []

    def guarded(number: int) -> None:
        try:
            work(number)
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=guarded, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return failures


def test_threads_write_and_read_one_store(store: ArticleStore) -> None:
    def work(number: int) -> None:
        for step in range(10):
            store.upsert([article(number * 100 + step), article(1, f"{number} {step}")])
            assert str(number * 100 + step) in ids(store)

    assert in_threads(work, 4) == []
    assert store.counts().articles == 4 * 10 + (1 not in {n * 100 + s for n in range(4) for s in range(10)})
    assert changed(store, store.last_sequence() - 1) == ["1"]


def test_a_reader_sees_a_state_that_existed(store: ArticleStore) -> None:
    """A stream begun before a change shows nothing of it, or an index would be torn."""
    store.upsert([article(n) for n in range(1, 50)])
    stream = store.articles()
    first = next(stream)
    assert in_threads(lambda _: store.upsert([article(49, "New.")]), 1) == []
    assert [first, *stream][-1].article == article(49)
    assert store.get("49") == article(49, "New.")


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="counts open files where the system lists them")
def test_a_thread_that_ended_keeps_no_file_open(store: ArticleStore) -> None:
    """The page starts a thread for every redraw; it must not run out of files."""
    store.upsert([article(1)])
    before = open_files()
    for _ in range(20):
        assert in_threads(lambda _: store.counts(), 1) == []
    assert open_files() - before < 10
    assert ids(store) == ["1"]


def test_a_snapshot_holds_still(store: ArticleStore) -> None:
    """An index is built by several passes over the store, which must all see the same articles."""
    store.upsert([article(1), article(2)])
    with store.snapshot():
        assert in_threads(lambda _: store.upsert([article(2, "New."), article(3)]), 1) == []
        assert in_threads(lambda _: store.delete(["1"]) and None, 1) == []
        assert ids(store) == ["1", "2"]
        assert store.get("2") == article(2)
        assert (store.last_sequence(), store.deleted_since(0)) == (2, [])
    assert ids(store) == ["2", "3"]
    assert store.last_sequence() == 5
