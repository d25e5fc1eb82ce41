"""Readers of what stands in ``PubmedData`` (see :mod:`pubmed_rag.ingest.pubmed_scan`)."""

from __future__ import annotations

from pubmed_rag.core.records import Reference
from pubmed_rag.ingest import pubmed_patterns as patterns
from pubmed_rag.ingest.identifiers import bare_doi
from pubmed_rag.ingest.pubmed_raw_text import Unsure, plain, plain_all, plain_or_none
from pubmed_rag.ingest.pubmed_scan_base import Found, Reader, date, match_at, rows_of

_HISTORY = {"pubmed": "entered", "entrez": "created", "medline": "mesh_date"}


def _history(text: str, at: int, found: Found) -> int:
    rows, at = rows_of(patterns.EVENT, "History", text, at)
    for number, status in enumerate(rows[1::5]):
        field = _HISTORY.get(status)
        if field and field not in found:
            found[field] = date(*rows[5 * number + 2 : 5 * number + 5])
    return at


def _ids(text: str, at: int, found: Found) -> int:
    rows, at = rows_of(patterns.ARTICLE_ID, "ArticleIdList", text, at)
    ids: dict[str, str] = {}
    for kind, value in zip(rows[1::3], rows[2::3], strict=True):
        ids.setdefault(kind, plain(value))
    found["ArticleIdList"] = ids
    return at


def _status(text: str, at: int, found: Found) -> int:
    match = match_at(patterns.TEXT["PublicationStatus"], text, at)
    found["publication_status"] = plain_or_none(match[1])
    return match.end()


def _references(text: str, at: int, found: Found) -> int:
    start = match_at(patterns.LIST_OPENS, text, at + len("<ReferenceList"))
    if start[1]:
        raise Unsure
    stop = text.find("</ReferenceList>", start.end())
    if stop < 0:
        raise Unsure
    title = patterns.REFERENCE_LIST_TITLE.match(text, start.end())
    listed = text[title.end() if title else start.end() : stop]
    found["references"] = found.get("references", ()) + (
        usual if (usual := _usual(listed)) is not None else _unusual(listed)
    )
    return stop + len("</ReferenceList>")


def _usual(listed: str) -> tuple[Reference, ...] | None:
    parts = patterns.REFERENCE.split(listed)
    if any(parts[::4]):
        return None
    citations = plain_all(parts[1::4])
    if "" in citations:
        return None
    return tuple(map(Reference, citations, parts[3::4], parts[2::4]))


def _unusual(listed: str) -> tuple[Reference, ...]:
    """References with markup, or with identifiers in another order or dress."""
    parts = patterns.LOOSE_REFERENCE.split(listed)
    if any(parts[::3]):
        raise Unsure
    references = []
    for citation, identifiers in zip(parts[1::3], parts[2::3], strict=True):
        ids: dict[str, str] = {}
        for kind, value in patterns.ARTICLE_ID.findall(identifiers or ""):
            ids.setdefault(kind, plain(value))
        references.append(Reference(plain(citation) or None, ids.get("pubmed") or None, bare_doi(ids.get("doi"))))
    return tuple(references)


IN_DATA: dict[str, Reader] = {
    "History": _history,
    "PublicationStatus": _status,
    "ArticleIdList": _ids,
    "ReferenceList": _references,
}
