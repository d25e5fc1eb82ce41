"""Updates: saved queries and bulk sources asked again, and what is said of the difference."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import NoReturn

import pytest

from pubmed_rag.core.errors import DamagedFileError, RemoteUnavailableError, StorageError, UsageError
from pubmed_rag.core.records import IngestReport
from pubmed_rag.core.settings import EntrezSettings
from pubmed_rag.core.store import ArticleStore, ChangeCounts, ChangeKind
from pubmed_rag.ingest.bulk import ingest_bulk
from pubmed_rag.ingest.entrez import EntrezClient, ingest_entrez
from pubmed_rag.ingest.limiter import RateLimiter
from pubmed_rag.ingest.update import UpdateReport, bulk_sources, changed_articles, forget, update
from tests.eutils_records import generated
from tests.eutils_server import EutilsServer, generate_records
from tests.ingest.test_files import Recorder, deletion
from tests.ingest.xml_builder import article, xml_set

pytestmark = pytest.mark.timeout(60)

RETRACTED = '<CommentsCorrectionsList><CommentsCorrections RefType="RetractionIn"/></CommentsCorrectionsList>'


def today() -> date:
    return datetime.now(UTC).date()


@dataclass
class Place:
    """A library, a PubMed, and a folder for bulk files."""

    store: ArticleStore
    server: EutilsServer
    folder: Path

    def client(self) -> EntrezClient:
        settings = EntrezSettings(self.server.url, "someone@example.org", timeout_seconds=5.0, tries=2, workers=1)
        return EntrezClient(settings, limiter=RateLimiter(1000), sleep=lambda _: None)

    def ask(self, query: str, maximum: int | None = None, asked_days_ago: int = 0) -> IngestReport:
        """Ingest a query; the library remembers it as asked some days ago."""
        report = ingest_entrez(query, self.store, self.client(), maximum=maximum)
        moment = datetime.now(UTC) - timedelta(days=asked_days_ago)
        self.store.save_query(query, since=None, until=None, maximum=maximum, asked=moment)
        return report

    def update(self, progress: Recorder | None = None) -> UpdateReport:
        return update(self.store, self.client, downloads=self.folder / "downloads", progress=progress or Recorder())

    def bulk(self, name: str, *elements: str) -> None:
        path = self.folder / "bulk" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(xml_set(*elements))

    def listed(self, report: UpdateReport, kind: ChangeKind) -> list[tuple[str, str]]:
        return [(a.id, a.title) for a in changed_articles(self.store, kind, report.since, report.until)]


@pytest.fixture
def place(store: ArticleStore, start_server: Callable[..., EutilsServer], tmp_path: Path) -> Place:
    """PubMed has 30 old records, every third on asthma; no rate limit."""
    return Place(store, start_server(generate_records(30), limited=False), tmp_path)


def test_a_library_of_files_has_nothing_to_ask_again(place: Place) -> None:
    report = place.update()
    assert report == UpdateReport()
    assert report.number is None
    assert place.server.calls == []
    assert place.store.updates() == []


def test_nothing_new(place: Place) -> None:
    place.ask("asthma")
    report = place.update()
    assert (report.number, report.changes, report.errors) == (1, ChangeCounts(), ())
    assert report.since == report.until == 10
    (step,) = report.queries
    assert (step.name, step.report.read) == ("asthma", 0)
    assert place.update().number == 2


def test_new_revised_and_retracted_are_told_apart_and_listed(place: Place) -> None:
    place.ask("asthma", asked_days_ago=7)
    fetched_before = len(place.server.calls)
    place.server.replace(
        generated(50_000_001, today(), "asthma", title="Brand new asthma."),
        generated(50_000_002, today(), "malaria", title="Of no interest."),
        generated(50_000_003, today(), "asthma", title="New and retracted already.", retracted=True),
        generated(30_000_001, date(2020, 1, 1), "asthma", title="Corrected title in asthma.", modified=today()),
        generated(30_000_004, date(2020, 1, 4), "asthma", title="It did not hold.", modified=today(), retracted=True),
    )
    recorder = Recorder()
    report = place.update(recorder)
    assert (report.read, report.added, report.updated, report.rejected) == (4, 2, 2, ())
    assert report.changes == ChangeCounts(new=2, revised=2, deleted=0, retracted=1)
    assert [(a.id, a.pmid, a.title) for a in report.newly_retracted] == [("30000004", "30000004", "It did not hold.")]
    assert {title for _, title in place.listed(report, "new")} == {"Brand new asthma.", "New and retracted already."}
    assert ("30000001", "Corrected title in asthma.") in place.listed(report, "revised")
    assert place.listed(report, "retracted") == [("30000004", "It did not hold.")]
    assert len(place.server.calls) - fetched_before <= 4, "only what changed is fetched"
    assert recorder.notes == ["asking PubMed again: asthma"]
    assert datetime.fromisoformat(place.store.saved_queries()[0].asked).date() == today()
    assert place.update().changes == ChangeCounts(), "told once"


def test_what_a_maximum_left_out_stays_out(place: Place) -> None:
    """New records come in, and revisions of what is held; an old record beyond the maximum does not."""
    place.ask("asthma", maximum=3, asked_days_ago=7)
    held = {stored.article.id for stored in place.store.articles()}
    outside = next(r for r in place.server.records if r.pmid not in held and "asthma" in r.text)
    inside = next(r for r in place.server.records if r.pmid in held)
    place.server.replace(
        generated(int(outside.pmid), outside.entered, "asthma", title="Outside, revised.", modified=today()),
        generated(int(inside.pmid), inside.entered, "asthma", title="Inside, revised.", modified=today()),
        *(generated(50_000_000 + n, today(), "asthma") for n in range(1, 6)),
    )
    report = place.update()
    assert report.changes == ChangeCounts(new=5, revised=1)
    assert place.store.get(inside.pmid).title == "Inside, revised."
    assert outside.pmid not in place.store.get_many([outside.pmid])
    (saved,) = place.store.saved_queries()
    assert saved.maximum == 3


def test_entry_dates_of_the_query_still_hold(place: Place) -> None:
    ingest_entrez("asthma", place.store, place.client(), until=date(2020, 1, 10))
    before = place.store.counts().articles
    place.server.replace(generated(50_000_001, today(), "asthma"))
    assert place.update().changes == ChangeCounts()
    assert place.store.counts().articles == before
    assert place.store.saved_queries()[0].until == "2020-01-10"


def test_bulk_sources_are_asked_too(place: Place) -> None:
    place.bulk("baseline/pubmed26n0001.xml", article("1", title="One."), article("2"), article("3", title="Three."))
    ingest_bulk(str(place.folder / "bulk"), place.store, downloads=place.folder / "downloads", jobs=1)
    assert bulk_sources(place.store) == (str(place.folder / "bulk"),)
    assert place.update().changes == ChangeCounts()
    place.bulk(
        "updatefiles/pubmed26n0002.xml",
        article("1", title="One, revised."), article("3", title="Three.", citation=RETRACTED), article("4"),
        deletion("2"),
    )  # fmt: skip
    report = place.update()
    assert report.changes == ChangeCounts(new=1, revised=2, deleted=1, retracted=1)
    assert (report.added, report.updated, report.deleted) == (1, 2, 1)
    assert [a.title for a in report.newly_retracted] == ["Three."]
    (gone,) = changed_articles(place.store, "deleted", report.since, report.until)
    assert (gone.id, gone.pmid, gone.title) == ("2", "2", "")
    assert [(step.name, step.report.read) for step in report.sources] == [(str(place.folder / "bulk"), 3)]


def test_a_source_that_fails_does_not_stop_the_others(place: Place) -> None:
    place.bulk("pubmed26n0001.xml", article("1"))
    ingest_bulk(str(place.folder / "bulk"), place.store, downloads=place.folder / "downloads", jobs=1)
    place.ask("asthma", asked_days_ago=2)
    place.ask("malaria", asked_days_ago=2)
    place.server.replace(generated(50_000_001, today(), "asthma"), generated(50_000_002, today(), "malaria"))
    place.server.order("500", times=2)
    place.bulk("pubmed26n0002.xml", article("2"))
    (place.folder / "bulk/pubmed26n0002.xml").write_bytes(xml_set(article("2"))[:-40])
    report = place.update()
    unavailable, damaged = report.errors
    assert isinstance(unavailable, RemoteUnavailableError)
    assert isinstance(damaged, DamagedFileError)
    assert [(step.name, step.error is None) for step in report.queries] == [("asthma", False), ("malaria", True)]
    assert report.changes.new == 1 + (0 if "2" not in place.store.get_many(["2"]) else 1)
    assert "50000002" in place.store.get_many(["50000002"])
    again = place.update()
    assert "50000001" in place.store.get_many(["50000001"])
    assert [step.error is None for step in again.queries] == [True, True]


def test_an_interrupted_update_continues_and_reports_both_halves(place: Place) -> None:
    place.ask("asthma", asked_days_ago=7)
    place.ask("malaria", asked_days_ago=7)
    place.server.replace(generated(50_000_001, today(), "asthma"), generated(50_000_002, today(), "malaria"))
    with pytest.raises(KeyboardInterrupt):
        place.update(Interrupting("malaria"))
    assert "50000001" in place.store.get_many(["50000001"])
    assert place.store.updates() == []
    report = place.update()
    assert (report.number, report.changes.new, report.added) == (1, 2, 1)
    assert place.store.journal("update") == {}


class Interrupting(Recorder):
    """Somebody presses Ctrl-C when a certain note appears."""

    def __init__(self, word: str) -> None:
        super().__init__()
        self._word = word

    def note(self, message: str) -> None:
        if self._word in message:
            raise KeyboardInterrupt


class FullDisk(EntrezClient):
    """The disk is full as soon as something comes."""

    def search(self, *args: object, **kwargs: object) -> NoReturn:
        raise StorageError("the disk is full")


def test_what_concerns_the_whole_library_ends_the_update(place: Place) -> None:
    place.ask("asthma")
    place.ask("malaria")
    with pytest.raises(StorageError):
        update(place.store, lambda: FullDisk(EntrezSettings(place.server.url)), downloads=place.folder)
    assert place.store.updates() == []


def test_forgetting(place: Place) -> None:
    place.bulk("pubmed26n0001.xml", article("1"))
    ingest_bulk(str(place.folder / "bulk"), place.store, downloads=place.folder / "downloads", jobs=1)
    place.ask("asthma")
    place.ask("malaria")
    held = place.store.counts().articles
    with pytest.raises(UsageError, match="'4' is no saved query"):
        forget(place.store, "4")
    assert forget(place.store, "1") == "asthma"
    assert forget(place.store, "malaria") == "malaria"
    assert forget(place.store, "1") == str(place.folder / "bulk")
    assert (place.store.saved_queries(), bulk_sources(place.store)) == ([], ())
    assert place.store.counts().articles == held
