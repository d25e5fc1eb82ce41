"""Changes told apart: what is new, revised, deleted and retracted between two moments, and at what cost."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pubmed_rag.core.library import LibraryPaths
from pubmed_rag.core.records import Article, Correction, Section
from pubmed_rag.core.store import CHANGE_KINDS, ArticleStore, ChangeCounts, ChangeKind, Deletion, StoreCounts


def article(number: int, title: str = "A title.", *, retracted: bool = False, abstract: str = "") -> Article:
    return Article(
        str(number),
        title=title,
        pmid=str(number),
        abstract=(Section(abstract),) if abstract else (),
        corrections=(Correction("RetractionIn", "9"),) if retracted else (),
    )


def listed(store: ArticleStore, since: int, until: int | None = None) -> dict[ChangeKind, list[str]]:
    """Ids by kind; a kind without any is left out."""
    found = {kind: list(store.changes(kind, since, until)) for kind in CHANGE_KINDS}
    assert store.count_changes(since, until) == ChangeCounts(**{kind: len(ids) for kind, ids in found.items()})
    return {kind: ids for kind, ids in found.items() if ids}


# -- each kind -----------------------------------------------------------------------------------------


def test_changes_by_kind(store: ArticleStore) -> None:
    store.upsert([article(n) for n in range(1, 7)])
    since = store.last_sequence()
    store.upsert([article(1, "Changed."), article(2, retracted=True), article(7)])
    store.delete(["3"])
    store.upsert([article(5), article(8, retracted=True)])  # 5 is as it was
    assert listed(store, since) == {"new": ["7", "8"], "revised": ["1", "2"], "deleted": ["3"], "retracted": ["2"]}
    assert listed(store, store.last_sequence()) == {}


def test_deleted_and_back_is_revised_for_who_had_it_and_new_for_who_had_not(store: ArticleStore) -> None:
    store.upsert([article(1), article(2)])
    before = store.last_sequence()
    store.delete(["1"])
    between = store.last_sequence()
    store.upsert([article(1)])
    assert listed(store, before) == {"revised": ["1"]}
    assert listed(store, before, between) == {}
    assert listed(store, between) == {"new": ["1"]}
    assert listed(store, 0) == {"new": ["2", "1"]}


def test_what_came_and_went_in_between_was_never_held(store: ArticleStore) -> None:
    store.upsert([article(1)])
    since = store.last_sequence()
    store.upsert([article(2)])
    store.delete(["2"])
    assert listed(store, since) == {}
    store.upsert([article(2)])
    assert listed(store, since) == {"new": ["2"]}


def test_an_article_deleted_twice_is_gone_once(store: ArticleStore) -> None:
    store.upsert([article(1)])
    since = store.last_sequence()
    store.write([Deletion(("1",)), article(1), Deletion(("1",))])
    assert listed(store, since) == {"deleted": ["1"]}


def test_a_retraction_is_news_once(store: ArticleStore) -> None:
    store.upsert([article(1)])
    since = store.last_sequence()
    store.upsert([article(1, retracted=True)])
    later = store.last_sequence()
    store.upsert([article(1, "With a mark.", retracted=True)])
    assert listed(store, since) == {"revised": ["1"], "retracted": ["1"]}
    assert listed(store, later) == {"revised": ["1"]}
    store.upsert([article(1)])  # taken back
    assert listed(store, since) == {"revised": ["1"]}


def test_a_retracted_article_that_was_deleted_and_came_back_is_no_news(store: ArticleStore) -> None:
    store.upsert([article(1, retracted=True), article(2)])
    since = store.last_sequence()
    store.delete(["1", "2"])
    store.upsert([article(1, retracted=True), article(2, retracted=True)])
    assert listed(store, since) == {"revised": ["1", "2"], "retracted": ["2"]}


def test_an_earlier_update_lists_what_it_brought(store: ArticleStore) -> None:
    store.upsert([article(1), article(2), article(3)])
    first = store.last_sequence()
    store.upsert([article(1, "Changed."), article(4)])
    store.delete(["3"])
    second = store.last_sequence()
    store.upsert([article(2, "Changed."), article(4, "Changed."), article(5)])
    assert listed(store, first, second) == {"new": ["4"], "revised": ["1"], "deleted": ["3"]}
    assert listed(store, second) == {"new": ["5"], "revised": ["2", "4"]}


# -- against a model -----------------------------------------------------------------------------------


@dataclass
class Model:
    """What a reader sees: for each article its state, and at which change it became that."""

    held: dict[str, tuple[str, bool, int]] = field(default_factory=dict)
    retracted_for_good: set[str] = field(default_factory=set)
    moment: int = 0

    def put(self, number: int, title: str, retracted: bool) -> Article:
        one = str(number)
        if retracted:
            self.retracted_for_good.add(one)
        retracted = one in self.retracted_for_good
        self.moment += 1
        if one not in self.held or self.held[one][:2] != (title, retracted):
            self.held[one] = (title, retracted, self.moment)
        return article(number, title, retracted=retracted, abstract=title)

    def delete(self, number: int) -> Deletion:
        self.moment += 1
        self.held.pop(str(number), None)
        return Deletion((str(number),))

    def changes(self, then: dict[str, tuple[str, bool, int]]) -> dict[ChangeKind, set[str]]:
        """Between ``then``, an earlier ``held``, and now."""
        both = then.keys() & self.held.keys()
        return {
            "new": self.held.keys() - then.keys(),
            "revised": {one for one in both if self.held[one] != then[one]},
            "deleted": then.keys() - self.held.keys(),
            "retracted": {one for one in both if self.held[one][1] and not then[one][1]},
        }


step = st.tuples(
    st.sampled_from(["put", "put", "delete"]), st.integers(1, 4), st.sampled_from(["", "a", "b"]), st.booleans()
)


@given(st.lists(st.lists(step, max_size=6), max_size=6))
@settings(max_examples=80, deadline=None)
def test_changes_and_totals_agree_with_a_comparison_of_two_states(
    tmp_path_factory: pytest.TempPathFactory, writes: list[list[tuple[str, int, str, bool]]]
) -> None:
    model = Model()
    with ArticleStore(LibraryPaths(tmp_path_factory.mktemp("model")), create=True) as store:
        states = [(0, dict(model.held))]
        for write in writes:
            store.write([
                model.put(number, title, retracted) if kind == "put" else model.delete(number)
                for kind, number, title, retracted in write
            ])  # fmt: skip
            states.append((store.last_sequence(), dict(model.held)))
            assert store.counts() == StoreCounts(
                len(model.held),
                sum(title != "" for title, _, _ in model.held.values()),
                sum(retracted for _, retracted, _ in model.held.values()),
            )
        for sequence, then in states:
            assert {kind: set(store.changes(kind, sequence)) for kind in CHANGE_KINDS} == model.changes(then)


# -- what it costs -------------------------------------------------------------------------------------


def work(store: ArticleStore, ask: Callable[[], object]) -> int:
    """Thousands of instructions SQLite carried out, which unlike seconds are the same on every machine."""
    count = 0

    def tick() -> None:
        nonlocal count
        count += 1

    store._connection.set_progress_handler(tick, 1000)
    ask()
    store._connection.set_progress_handler(None, 0)
    return count


def test_following_a_library_costs_what_changed_not_what_it_holds(store: ArticleStore) -> None:
    store.upsert(article(n) for n in range(1, 6001))
    since = store.last_sequence()
    store.write([article(5, "Changed."), article(5500, retracted=True), Deletion(("77", "78")), article(9000)])
    assert work(store, lambda: list(store.articles())) >= 20  # the measure measures
    assert work(store, lambda: list(store.changed_since(since))) == 0
    assert work(store, lambda: list(store.changed_since(since, order="key"))) == 0
    assert work(store, lambda: [list(store.changes(kind, since)) for kind in CHANGE_KINDS]) <= 1
    assert work(store, lambda: store.count_changes(since)) <= 1
    assert work(store, store.counts) == 0
    assert work(store, lambda: store.upsert([article(7, "Changed.")])) <= 1


def test_the_sweep_of_old_editions_reads_the_library_once(store: ArticleStore) -> None:
    store.write([article(n) for n in range(1, 3001)], edition=2026)
    in_one = work(store, lambda: store.delete_editions_before(2026, batch=5000))
    store.write([article(n) for n in range(4001, 4101)], edition=2025)
    assert work(store, lambda: store.delete_editions_before(2026, batch=1)) <= in_one + 40
    assert store.editions() == {2026: 3000}
