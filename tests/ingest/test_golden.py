"""Real records, chosen for what is awkward about them, field by field.

The expectations come from ``golden/reading.py``, a reading of the same XML that shares no code with the parser
(see there). Where the two ever disagree, the DTD decides which is to be mended.
"""

from __future__ import annotations

import hashlib
import json
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from pubmed_rag.core.records import Article, Author, PartialDate
from pubmed_rag.ingest.formats import read_records

GOLDEN: list[dict[str, Any]] = json.loads((Path(__file__).parent / "golden/records.json").read_text(encoding="utf-8"))


def print_of(text: str | None) -> list[Any]:
    bare = "".join((text or "").split())
    return [len(bare), hashlib.sha256(bare.encode()).hexdigest()[:16]]


def day(date: PartialDate | None) -> list[int | None] | None:
    return None if date is None or date.year is None or date.raw is not None else [date.year, date.month, date.day]


def summary(rows: list[list[Any]]) -> list[Any]:
    return [len(rows), rows[0] if rows else None, *print_of(json.dumps(rows))]


@cache
def parsed(path: Path) -> dict[str, Article]:
    return {item.id: item for item in read_records(path) if isinstance(item, Article)}


def as_golden(article: Article) -> dict[str, Any]:
    journal = article.journal
    return {
        "pmid": article.pmid,
        "version": article.version,
        "status": article.status,
        "title": print_of(article.title),
        "vernacular_title": print_of(article.vernacular_title),
        "abstract": [[part.label, part.nlm_category, *print_of(part.text)] for part in article.abstract],
        "other_abstracts": [[other.type, other.language] for other in article.other_abstracts],
        "journal": [journal.title, journal.abbreviation, journal.nlm_id, journal.volume, journal.issue],
        "published": day(article.published),
        "published_electronically": day(article.published_electronically),
        "entered": day(article.entered),
        "revised": day(article.revised),
        "authors": summary(
            [[a.last_name, a.fore_name, a.suffix, a.collective_name, len(a.affiliations)] for a in article.authors]
        ),
        "orcids": sum(author.orcid is not None for author in article.authors),
        "publication_types": [[term.name, term.ui] for term in article.publication_types],
        "mesh": [[h.ui, h.is_major, [qualifier.ui for qualifier in h.qualifiers]] for h in article.mesh],
        "keywords": len(article.keywords),
        "chemicals": [chemical.ui for chemical in article.chemicals],
        "doi": article.doi,
        "pmcid": article.pmcid,
        "languages": list(article.languages),
        "corrections": [[correction.ref_type, correction.pmid] for correction in article.corrections],
        "references": len(article.references),
        "retracted": article.is_retracted,
        "grants": summary([[grant.id, grant.acronym, grant.agency, grant.country] for grant in article.grants]),
        "investigators": summary([person(one) for one in article.investigators]),
        "personal_name_subjects": summary([person(one) for one in article.personal_name_subjects]),
        "secondary_source_ids": list(article.secondary_source_ids),
        "conflict_of_interest": print_of(article.conflict_of_interest),
        "completed": day(article.completed),
        "created": day(article.created),
        "mesh_date": day(article.mesh_date),
        "publication_status": article.publication_status,
        "pii": article.pii,
        "manuscript_id": article.manuscript_id,
        "citation_subsets": list(article.citation_subsets),
    }


def person(author: Author) -> list[str | None]:
    return [author.last_name, author.fore_name, author.initials, author.suffix]


def test_there_are_enough_and_each_has_a_reason() -> None:
    assert len(GOLDEN) >= 40
    assert all(record["chosen_for"] for record in GOLDEN)
    assert len({reason for record in GOLDEN for reason in record["chosen_for"]}) >= 25


@pytest.mark.parametrize("golden", GOLDEN, ids=[record["pmid"] for record in GOLDEN])
def test_golden(golden: dict[str, Any], real_data: Path) -> None:
    article = parsed(real_data / "pubmed_xml" / golden["file"])[golden["pmid"]]
    expected = {name: value for name, value in golden.items() if name not in {"file", "chosen_for"}}
    assert as_golden(article) == expected
