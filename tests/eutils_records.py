"""Records of the local E-utilities server: generated ones, and those of PubMed XML files."""

from __future__ import annotations

import gzip
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property
from pathlib import Path

from lxml import etree

RETRACTION = (
    '<CommentsCorrectionsList><CommentsCorrections RefType="RetractionIn">'
    "<RefSource>J Gen. 2026;1:1</RefSource></CommentsCorrections></CommentsCorrectionsList>"
)


@dataclass(frozen=True)
class Record:
    """A record to serve: its element as bytes, the days it was entered and last modified, its text in lower case."""

    pmid: str
    entered: date
    xml: bytes
    text: str
    modified: date
    doi: str = ""

    @cached_property
    def words(self) -> frozenset[str]:
        return frozenset(re.findall(r"\w+", self.text))

    def day(self, kind: str) -> str:
        return f"{self.modified if kind == 'modified' else self.entered:%Y/%m/%d}"


def generate_records(
    n: int, *, first_pmid: int = 30_000_001, start: date = date(2020, 1, 1), per_day: int = 1
) -> list[Record]:
    """``n`` records with rising PMIDs, ``per_day`` entered a day: every third on asthma, the others on malaria."""
    topics = ("asthma", "malaria", "malaria")
    return [generated(first_pmid + i, start + timedelta(days=i // per_day), topics[i % 3], number=i) for i in range(n)]


def generated(
    pmid: int,
    day: date,
    topic: str,
    *,
    number: int = 0,
    title: str = "",
    modified: date | None = None,
    retracted: bool = False,
) -> Record:
    """One record. ``title`` replaces the usual one; ``retracted`` adds ``RetractionIn``."""
    title = title or f"Trial {pmid} in {topic}."
    abstract = f"Patients with {topic} were treated in ward {number % 97}."
    doi = f"10.5555/{topic}.{pmid}"
    xml = (
        f'<PubmedArticle><MedlineCitation Status="MEDLINE" Owner="NLM"><PMID Version="1">{pmid}</PMID>'
        f"<DateRevised>{_ymd(modified or day)}</DateRevised><Article><Journal><JournalIssue><PubDate>{_ymd(day)}"
        f"</PubDate></JournalIssue><Title>Journal of {topic}</Title></Journal><ArticleTitle>{title}</ArticleTitle>"
        f"<Abstract><AbstractText>{abstract}</AbstractText></Abstract><Language>eng</Language></Article>"
        f"{RETRACTION if retracted else ''}</MedlineCitation><PubmedData><History>"
        f'<PubMedPubDate PubStatus="pubmed">{_ymd(day)}</PubMedPubDate></History><ArticleIdList>'
        f'<ArticleId IdType="pubmed">{pmid}</ArticleId><ArticleId IdType="doi">{doi}</ArticleId></ArticleIdList>'
        "</PubmedData></PubmedArticle>"
    )
    text = f"{pmid} {title} journal of {topic} {abstract}".lower()
    return Record(str(pmid), day, xml.encode(), text, modified or day, doi.lower())


def load_records(paths: Iterable[Path]) -> list[Record]:
    """The records of PubMed XML files, plain or gzipped, in their order."""
    records = []
    for path in paths:
        data = path.read_bytes()
        root = etree.fromstring(gzip.decompress(data) if path.suffix == ".gz" else data)
        records += [_loaded(element) for element in root if element.tag in {"PubmedArticle", "PubmedBookArticle"}]
    return records


def _loaded(element: etree._Element) -> Record:
    pmid = element.findtext("MedlineCitation/PMID") or element.findtext("BookDocument/PMID") or ""
    entered = _day(element.find(".//PubMedPubDate[@PubStatus='pubmed']"))
    revised = element.find("MedlineCitation/DateRevised")
    text = " ".join(" ".join(map(str, element.itertext())).split()).lower()
    doi = (element.findtext("PubmedData/ArticleIdList/ArticleId[@IdType='doi']") or "").lower()
    xml = etree.tostring(element, encoding="utf-8", with_tail=False)
    return Record(pmid, entered, xml, text, _day(revised) if revised is not None else entered, doi)


def _day(element: etree._Element | None) -> date:
    if element is None:
        return date(1900, 1, 1)
    return date(*(int(element.findtext(name) or 1) for name in ("Year", "Month", "Day")))


def _ymd(day: date) -> str:
    return f"<Year>{day.year}</Year><Month>{day.month}</Month><Day>{day.day}</Day>"
