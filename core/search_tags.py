"""PubMed's search fields and the tags that name them (PubMed User Guide, April 2024; EInfo of November 2025).

Tags are compared without regard to case and blanks: ``[MeSH Terms]``, ``[mesh terms]`` and ``[mh]`` are one. PubMed
drops a tag it does not know in silence and maps the term automatically, so a wrong tag shows only in the
results; hence :func:`near`.
"""

from __future__ import annotations

import difflib
import functools
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SearchField:
    """A field of PubMed's index. ``tags`` are the short forms, the preferred one first.

    ``code`` is EInfo's, and ours for the four fields EInfo does not list (AID, FAUN, FULI, JID); it is a tag too.

    ``proximity``: takes ``[ti:~3]``; ``noexp``: takes ``[mh:noexp]``; ``ranges``: takes ``2020:2024[dp]``.
    """

    code: str
    name: str
    tags: tuple[str, ...]
    proximity: bool = False
    noexp: bool = False
    ranges: bool = False


FIELDS: tuple[SearchField, ...] = (
    SearchField("AFFL", "Affiliation", ("ad",), proximity=True),
    SearchField("ALL", "All Fields", ("all",)),
    SearchField("AID", "Article Identifier", ("aid", "doi", "pii")),
    SearchField("FULL", "Author", ("au",)),
    SearchField("AUID", "Author - Identifier", ("auid",)),
    SearchField("COLN", "Author - Corporate", ("cn", "corporate author")),
    SearchField("FAUT", "Author - First", ("1au", "first author", "first author name")),
    SearchField("FAUN", "Author - Full", ("fau", "full author name")),
    SearchField("LAUT", "Author - Last", ("lastau", "last author", "last author name")),
    SearchField("BOOK", "Book", ("book",)),
    SearchField("COIS", "Conflict of Interest Statements", ("cois", "conflict of interest statement")),
    SearchField("CDAT", "Date - Completion", ("dcom", "completion date"), ranges=True),
    SearchField("CRDT", "Date - Create", ("crdt", "create date"), ranges=True),
    SearchField("EDAT", "Date - Entry", ("edat", "entrez date", "entry date"), ranges=True),
    SearchField("MHDA", "Date - MeSH", ("mhda", "mesh date"), ranges=True),
    SearchField("MDAT", "Date - Modification", ("lr", "mdat", "modification date"), ranges=True),
    SearchField(
        "PDAT", "Date - Publication", ("dp", "pdat", "publication date", "date of publication", "pubdate"), ranges=True
    ),
    SearchField("EPDT", "Date - Publication, Electronic", ("epdat", "electronic publication date"), ranges=True),
    SearchField("PPDT", "Date - Publication, Print", ("ppdat", "print publication date"), ranges=True),
    SearchField("ECNO", "EC/RN Number", ("rn", "ecno", "ec/rn")),
    SearchField("ED", "Editor", ("ed",)),
    SearchField("FILT", "Filter", ("filter", "sb", "subset")),
    SearchField("GRNT", "Grants and Funding", ("gr", "grant", "grants", "grant number")),
    SearchField("FINV", "Investigator", ("ir",)),
    SearchField("FULI", "Investigator - Full", ("fir", "full investigator name")),
    SearchField("ISBN", "ISBN", ("isbn",)),
    SearchField("ISS", "Issue", ("ip",)),
    SearchField("JOUR", "Journal", ("ta", "jour", "jo", "journal title", "so")),
    SearchField("JID", "NLM Unique ID", ("jid", "nlm id")),
    SearchField("LANG", "Language", ("la", "lang")),
    SearchField("LID", "Location ID", ("lid",)),
    SearchField("MAJR", "MeSH Major Topic", ("majr", "mj"), noexp=True),
    SearchField("SUBH", "MeSH Subheading", ("sh", "subheading"), noexp=True),
    SearchField("MESH", "MeSH Terms", ("mh", "mesh"), noexp=True),
    SearchField("OTRM", "Other Term", ("ot",)),
    SearchField("PAGE", "Pagination", ("pg", "page")),
    SearchField("PAPX", "Pharmacological Action", ("pa",)),
    SearchField("CNTY", "Place of Publication", ("pl", "country")),
    SearchField("PTYP", "Publication Type", ("pt", "ptyp"), noexp=True),
    SearchField("PUBN", "Publisher", ("pubn",)),
    SearchField("SI", "Secondary Source ID", ("si", "secondary source")),
    SearchField("PS", "Subject - Personal Name", ("ps", "personal name as subject")),
    SearchField("SUBS", "Supplementary Concept", ("nm", "substance name"), noexp=True),
    SearchField("WORD", "Text Word", ("tw", "text words", "word")),
    SearchField("TITL", "Title", ("ti", "titl"), proximity=True),
    SearchField("TIAB", "Title/Abstract", ("tiab",), proximity=True),
    SearchField("TT", "Transliterated Title", ("tt",)),
    SearchField("UID", "UID", ("pmid", "uid"), ranges=True),
    SearchField("VOL", "Volume", ("vi",)),
)


# What people write who have another service in mind, or the name of a part of the record.
_MEANT = {
    "ab": "tiab",
    "abstract": "tiab",
    "ti/ab": "tiab",
    "ti,ab": "tiab",
    "kw": "ot",
    "keyword": "ot",
    "keywords": "ot",
    "author keywords": "ot",
    "mesh heading": "mh",
    "mesh headings": "mh",
    "mesh term": "mh",
    "year": "dp",
    "date": "dp",
    "issn": "ta",
    "source": "ta",
    "author name": "au",
    "authors": "au",
    "author identifier": "auid",
    "orcid": "auid",
    "text": "tw",
}


def find(tag: str) -> SearchField | None:
    """The field that ``tag`` (without brackets and modifiers) names; ``None`` for one PubMed does not know."""
    return _by_tag().get(_normal(tag))


def near(tag: str) -> str | None:
    """The known tag or name that ``tag`` may have been meant to be."""
    if _normal(tag) in _MEANT:
        return _MEANT[_normal(tag)]
    found = difflib.get_close_matches(_normal(tag), _by_tag(), n=1, cutoff=0.6)
    return found[0] if found else None


def _normal(tag: str) -> str:
    return " ".join(tag.lower().split())


@functools.cache
def _by_tag() -> dict[str, SearchField]:
    table = {_normal(field.name): field for field in FIELDS}
    for field in FIELDS:
        for tag in (*field.tags, field.code):
            table.setdefault(_normal(tag), field)
    return table
