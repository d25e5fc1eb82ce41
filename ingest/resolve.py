"""Articles that a file only names, by PMID or DOI, fetched from PubMed."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Protocol

from pubmed_rag.core.progress import SILENT, Progress, Task
from pubmed_rag.core.records import Article, IngestReport, RejectedRecord
from pubmed_rag.core.store import ArticleStore
from pubmed_rag.ingest.id_lists import Named

_PMIDS_AT_ONCE = 200
_DOIS_AT_ONCE = 50
_MOST_FOUND = 1_000  # of one search for DOIs: some stand in two records, and PubMed may split an unknown one into words
_DOI_FIELD = "aid"  # PubMed User Guide, "Article Identifier": the field that holds DOIs
_SAME_TITLE = 0.8  # share of words in common: exports differ in markup, subtitles and final dots

Fetched = Article | RejectedRecord


class Found(Protocol):
    """The result of a search."""

    @property
    def uids(self) -> tuple[str, ...]:
        """The PMIDs found, as many as were asked for."""


class Pubmed(Protocol):
    """What this needs of :class:`~pubmed_rag.ingest.entrez_client.EntrezClient`."""

    def search(self, query: str, *, uids: int = 0) -> Found:
        """Search, and list the first ``uids`` PMIDs."""

    def fetch_ids(self, pmids: Iterable[str]) -> list[Fetched]:
        """Records by PMID; those that PubMed does not hold are left out."""


class Resolver:
    """Fetches named articles into ``store``. ``report`` is right at any moment, so a failure loses nothing.

    Articles that the library holds are not fetched again, unless ``fresh``. Every name is counted once:
    as what became of its article, or as rejected with file, line and reason.
    """

    def __init__(
        self, store: ArticleStore, pubmed: Pubmed, *, fresh: bool = False, progress: Progress = SILENT
    ) -> None:
        self._kept = IngestReport()
        self._unchanged = 0
        self._rejected: list[RejectedRecord] = []
        self._store = store
        self._pubmed = pubmed
        self._fresh = fresh
        self._progress = progress

    @property
    def report(self) -> IngestReport:
        """What has come of the names so far."""
        unchanged, rejected = self._unchanged, tuple(self._rejected)
        return self._kept + IngestReport(read=unchanged + len(rejected), unchanged=unchanged, rejected=rejected)

    def run(self, names: Sequence[Named]) -> IngestReport:
        """Bring in what ``names`` stand for. Raises what the client raises; ``report`` says what came before."""
        by_pmid = _grouped(names, lambda name: name.pmid)
        only_doi = [name for name in names if name.pmid is None]
        dois = len(_grouped(only_doi, _doi_key))
        amounts = [_counted(len(by_pmid), "PMID")] * bool(by_pmid) + [_counted(dois, "DOI")] * bool(dois)
        if amounts:
            self._progress.note(f"resolving {' and '.join(amounts)} through PubMed")
        with self._progress.task("fetching from PubMed", total=len(names), unit="records") as task:
            without_record = self._by_pmid(by_pmid, task)
            self._by_doi([*only_doi, *without_record], task)
        return self.report

    def _by_pmid(self, names: dict[str, list[Named]], task: Task) -> list[Named]:
        """Settle all names whose PMID leads somewhere; returns the others that have a DOI to try."""
        left: list[Named] = []
        for chunk in _chunks(list(names), _PMIDS_AT_ONCE):
            held = {} if self._fresh else self._store.get_many(chunk)
            absent = [pmid for pmid in chunk if pmid not in held]
            fetched = self._fetch(absent) if absent else {}
            wanted: list[Article] = []
            for pmid in chunk:
                item = held.get(pmid) or fetched.get(pmid)
                left += self._settle(names[pmid], item, wanted if pmid in fetched else None, task)
            self._keep(wanted)
        return left

    def _settle(
        self, names: list[Named], item: Fetched | None, wanted: list[Article] | None, task: Task
    ) -> Iterator[Named]:
        """Count ``names`` of one PMID, whose record is ``item``. ``wanted`` collects it if it is to be stored."""
        met = False
        for name in names:
            if isinstance(item, Article) and (name.title is None or _same_title(name.title, item.title)):
                if met or wanted is None:
                    self._unchanged += 1
                else:
                    wanted.append(item)
                met = True
            elif isinstance(item, RejectedRecord):
                self._reject(name, item.reason)
            elif name.doi is not None:
                yield name
                continue
            elif item is None:
                self._reject(
                    name, f"PubMed has no record with PMID {name.pmid} (withdrawn or merged, or a wrong number)"
                )
            else:
                self._reject(
                    name, f"it has neither a PMID nor a DOI (its number {name.pmid} is another article in PubMed)"
                )
            task.advance()

    def _by_doi(self, names: list[Named], task: Task) -> None:
        by_doi = _grouped(names, _doi_key)
        for chunk in _chunks(list(by_doi), _DOIS_AT_ONCE):
            # A quotation mark cannot stand inside a quoted term, and no DOI in PubMed has one.
            query = " OR ".join(f'"{doi.replace(chr(34), "")}"[{_DOI_FIELD}]' for doi in chunk)
            uids = self._pubmed.search(query, uids=_MOST_FOUND).uids
            held = {} if self._fresh else self._store.get_many(uids)
            absent = [pmid for pmid in uids if pmid not in held]
            fetched = self._fetch(absent) if absent else {}
            # The record's own DOI decides: what PubMed found may only have a word in common with it.
            old = {key for article in held.values() if (key := _key(article.doi)) in by_doi}
            new: dict[str, list[Article]] = {}
            for item in fetched.values():
                if isinstance(item, Article) and (key := _key(item.doi)) in chunk:
                    new.setdefault(key, []).append(item)
            self._keep([article for key in chunk for article in new.get(key, [])])
            for key in chunk:
                for position, name in enumerate(by_doi[key]):
                    if key not in old and key not in new:
                        self._reject(name, f"PubMed has no record with DOI {name.doi}")
                    elif key not in new or position > 0:
                        self._unchanged += 1
                    task.advance()

    def _fetch(self, pmids: Sequence[str]) -> dict[str, Fetched]:
        """Records by PMID. Of a record sent in several versions the highest counts."""
        found: dict[str, Fetched] = {}
        for item in self._pubmed.fetch_ids(pmids):
            known = found.get(item.pmid) if item.pmid else None
            older = isinstance(known, Article) and (isinstance(item, RejectedRecord) or item.version < known.version)
            if item.pmid and not older:
                found[item.pmid] = item
        return found

    def _keep(self, articles: list[Article]) -> None:
        if articles:
            self._kept += self._store.upsert(articles)

    def _reject(self, name: Named, reason: str) -> None:
        self._rejected.append(RejectedRecord(name.place, name.pmid, reason))


def _grouped(names: Iterable[Named], key: Callable[[Named], str | None]) -> dict[str, list[Named]]:
    """Names by ``key``, in their order; those without it are left out."""
    groups: dict[str, list[Named]] = {}
    for name in names:
        value = key(name)
        if value is not None:
            groups.setdefault(value, []).append(name)
    return groups


def _doi_key(name: Named) -> str | None:
    return _key(name.doi) or None


def _key(doi: str | None) -> str:
    """DOIs compare without regard to case (DOI Handbook, 2.4)."""
    return doi.casefold() if doi else ""


def _chunks(values: Sequence[str], size: int) -> Iterator[Sequence[str]]:
    return (values[start : start + size] for start in range(0, len(values), size))


def _same_title(one: str, other: str) -> bool:
    left, right = (set(re.findall(r"\w+", text.casefold())) for text in (one, other))
    return bool(left and right) and len(left & right) >= _SAME_TITLE * max(len(left), len(right))


def _counted(n: int, what: str) -> str:
    return f"{n:,} {what}{'' if n == 1 else 's'}"
