"""PMIDs and DOIs from files become articles: what is fetched, what is not, and what is said of the rest."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import pytest

from pubmed_rag.core.errors import RemoteUnavailableError
from pubmed_rag.core.records import Article, RejectedRecord
from pubmed_rag.core.store import ArticleStore
from pubmed_rag.ingest.files import FilesReport, ingest_files
from pubmed_rag.ingest.id_lists import Named
from pubmed_rag.ingest.resolve import Resolver
from tests.ingest.test_files import Recorder
from tests.ingest.xml_builder import article as xml_article
from tests.ingest.xml_builder import xml_set
from tests.support import article


@dataclass(frozen=True)
class Found:
    uids: tuple[str, ...]


class FakePubmed:
    """A few records; searches find them by ``"doi"[aid]`` terms, as words do: without regard to case."""

    def __init__(self, *records: Article | RejectedRecord, also_found: tuple[str, ...] = ()) -> None:
        self.records = records
        self.fetched: list[list[str]] = []
        self.searched: list[str] = []
        self.broken = False
        self._also_found = also_found

    def search(self, query: str, *, uids: int = 0) -> Found:
        self.searched.append(query)
        self._fail()
        wanted = {term.removesuffix("[aid]").strip('"').casefold() for term in query.split(" OR ")}
        found = [r.pmid for r in self.records if isinstance(r, Article) and r.doi and r.doi.casefold() in wanted]
        return Found(tuple(pmid for pmid in (*found, *self._also_found) if pmid)[:uids])

    def fetch_ids(self, pmids: Iterable[str]) -> list[Article | RejectedRecord]:
        wanted = list(pmids)
        self.fetched.append(wanted)
        self._fail()
        return [record for record in reversed(self.records) if record.pmid in wanted]

    def _fail(self) -> None:
        if self.broken:
            raise RemoteUnavailableError("PubMed gave no usable answer", remedy="repeat the command later")


def by_pmid(*pmids: str) -> list[Named]:
    return [Named("list.txt", line, pmid) for line, pmid in enumerate(pmids, start=1)]


def by_doi(*dois: str) -> list[Named]:
    return [Named("list.txt", line, doi=doi) for line, doi in enumerate(dois, start=1)]


def counts(resolver: Resolver) -> tuple[int, int, int, int]:
    report = resolver.report
    return report.read, report.added, report.unchanged, len(report.rejected)


def ids(store: ArticleStore) -> set[str]:
    return {stored.article.id for stored in store.articles()}


def test_pmids_are_fetched_and_the_absent_named_with_their_line(store: ArticleStore) -> None:
    broken = RejectedRecord("entrez: PMIDs", "4", "it has no title")
    pubmed = FakePubmed(article("1"), article("2"), broken)
    recorder = Recorder()
    resolver = Resolver(store, pubmed, progress=recorder)
    resolver.run(by_pmid("1", "2", "3", "4", "1"))
    assert counts(resolver) == (5, 2, 1, 2)
    assert ids(store) == {"1", "2"}
    assert [(r.source, r.pmid, r.reason) for r in resolver.report.rejected] == [
        ("list.txt, line 3", "3", "PubMed has no record with PMID 3 (withdrawn or merged, or a wrong number)"),
        ("list.txt, line 4", "4", "it has no title"),
    ]
    assert recorder.notes == ["resolving 4 PMIDs through PubMed"]
    assert recorder.done == 5


def test_what_the_library_holds_is_not_asked_for_again_unless_wanted(store: ArticleStore) -> None:
    store.upsert([article("1", "Old")])
    pubmed = FakePubmed(article("1", "New", doi="10.1/a"), article("2", doi="10.1/b"))
    resolver = Resolver(store, pubmed)
    resolver.run(by_pmid("1", "2"))
    assert pubmed.fetched == [["2"]]
    assert counts(resolver) == (2, 1, 1, 0)
    Resolver(store, pubmed, fresh=True).run(by_pmid("1"))
    assert store.get("1").title == "New"
    pubmed.fetched.clear()
    resolver = Resolver(store, pubmed)
    resolver.run(by_doi("10.1/A", "10.1/b"))
    assert pubmed.fetched == []
    assert counts(resolver) == (2, 0, 2, 0)


def test_large_lists_go_in_pieces(store: ArticleStore) -> None:
    pubmed = FakePubmed(*(article(str(n), doi=f"10.1/{n}") for n in range(1, 451)))
    resolver = Resolver(store, pubmed)
    resolver.run(by_pmid(*map(str, range(1, 451))))
    assert [len(chunk) for chunk in pubmed.fetched] == [200, 200, 50]
    resolver.run(by_doi(*(f"10.1/{n}" for n in range(1, 121))))
    assert [query.count("[aid]") for query in pubmed.searched] == [50, 50, 20]
    assert resolver.report.rejected == ()


def test_a_doi_counts_only_if_the_record_says_so_itself(store: ArticleStore) -> None:
    """PubMed may find records that share a word with an unknown DOI: they must not come in."""
    pubmed = FakePubmed(
        article("1", doi="10.1000/ABC"), article("7", doi="10.9/other"), article("8"), also_found=("7", "8")
    )
    resolver = Resolver(store, pubmed)
    resolver.run(by_doi("10.1000/abc", "10.1000/none", "10.1000/Abc"))
    assert ids(store) == {"1"}
    assert counts(resolver) == (3, 1, 1, 1)
    assert resolver.report.rejected[0].reason == "PubMed has no record with DOI 10.1000/none"
    assert resolver.report.rejected[0].source == "list.txt, line 2"


def test_the_doi_is_tried_where_the_pmid_leads_nowhere(store: ArticleStore) -> None:
    pubmed = FakePubmed(article("2", doi="10.1/b"))
    resolver = Resolver(store, pubmed)
    resolver.run([Named("x", 1, "1", "10.1/b"), Named("x", 2, "1", "10.1/c")])
    assert ids(store) == {"2"}
    assert [r.reason for r in resolver.report.rejected] == ["PubMed has no record with DOI 10.1/c"]


@pytest.mark.parametrize("held", [False, True])
def test_a_number_of_uncertain_origin_must_lead_to_its_title(store: ArticleStore, held: bool) -> None:
    pubmed = FakePubmed(article("1", "Aspirin in stroke: a trial."), article("2", "Something else entirely"))
    if held:
        store.upsert(record for record in pubmed.records if isinstance(record, Article))
    resolver = Resolver(store, pubmed)
    resolver.run([Named("x", 1, "1", title="ASPIRIN IN STROKE - A TRIAL"), Named("x", 2, "2", title="Lead in paint")])
    assert [(r.source, r.pmid) for r in resolver.report.rejected] == [("x, line 2", "2")]
    assert "another article" in resolver.report.rejected[0].reason
    assert ids(store) == ({"1", "2"} if held else {"1"})


def test_the_highest_version_of_a_record_counts(store: ArticleStore) -> None:
    pubmed = FakePubmed(article("1", "Second", version=2), article("1", "First", version=1))
    Resolver(store, pubmed).run(by_pmid("1"))
    assert store.get("1").title == "Second"


# -- as part of `ingest files` -----------------------------------------------------------------------


def ingest(store: ArticleStore, pubmed: FakePubmed | None, *paths: Path) -> FilesReport:
    return ingest_files(paths, store, pubmed=None if pubmed is None else lambda: pubmed)


def test_lists_and_articles_in_one_command(store: ArticleStore, tmp_path: Path) -> None:
    (tmp_path / "ids.txt").write_text("2\n3\nword\n4\n5\n6\n7\n")
    (tmp_path / "refs.ris").write_text("TY  - JOUR\nDO  - 10.1000/H\nER  - \nTY  - JOUR\nTI  - T\nER  - \n")
    (tmp_path / "export.csv").write_text("pmid,title\n9,x\n")
    (tmp_path / "a.xml").write_bytes(xml_set(xml_article("1"), xml_article("2")))
    pubmed = FakePubmed(*(article(str(n)) for n in range(3, 8)), article("8", doi="10.1000/h"), article("9"))
    report = ingest(store, pubmed, *(tmp_path / name for name in ("ids.txt", "refs.ris", "export.csv", "a.xml")))
    assert ids(store) == {str(n) for n in range(1, 10)}
    assert "2" not in [pmid for chunk in pubmed.fetched for pmid in chunk], "the XML file gave it already"
    assert (report.read, report.added, report.unchanged, report.failed_files) == (12, 9, 1, ())
    assert [(Path(r.source).name, r.reason) for r in report.rejected] == [
        ("ids.txt, line 3", "'word' is neither a PMID nor a DOI"),
        ("refs.ris, line 4", "it has neither a PMID nor a DOI (T)"),
    ]


def test_the_network_is_used_for_files_given_by_name_only(store: ArticleStore, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in/ids.txt").write_text("2\n3\n")
    pubmed = FakePubmed(article("2"))
    report = ingest(store, pubmed, tmp_path / "in")
    assert (pubmed.fetched, report.read, report.failed_files) == ([], 0, ())
    assert "give it by name" in report.rejected[0].reason
    (failed,) = ingest(store, None, tmp_path / "in/ids.txt").failed_files
    assert "holds no articles" in failed.reason


def test_a_remote_failure_keeps_what_the_files_gave(store: ArticleStore, tmp_path: Path) -> None:
    (tmp_path / "ids.txt").write_text("2\n3\nword\n4\n5\n6\n7\n")
    (tmp_path / "a.xml").write_bytes(xml_set(xml_article("1")))
    pubmed = FakePubmed()
    pubmed.broken = True
    report = ingest(store, pubmed, tmp_path / "ids.txt", tmp_path / "a.xml")
    assert ids(store) == {"1"}
    assert isinstance(report.remote_error, RemoteUnavailableError)
    assert (report.read, report.added, len(report.rejected)) == (2, 1, 1)
