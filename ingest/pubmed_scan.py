"""A ``PubmedArticle`` read from its characters by regular expressions, several times faster than from a tree.

It gives exactly what :func:`~pubmed_rag.ingest.pubmed_article.journal_article` gives, or :class:`Unsure`: it
reads element after element by strict patterns, which leave no character out, and at the first that it does not
know for certain it leaves the record to the real parser. So what is rare in PubMed is not read here at all.
"""

from __future__ import annotations

from pubmed_rag.core.records import Article, Journal, PartialDate
from pubmed_rag.ingest import pubmed_patterns as patterns
from pubmed_rag.ingest.identifiers import bare_doi, bare_pmcid, is_pmid
from pubmed_rag.ingest.pubmed_raw_text import Unsure, attributes, plain
from pubmed_rag.ingest.pubmed_scan_base import Found, children, date, match_at
from pubmed_rag.ingest.pubmed_scan_citation import IN_CITATION
from pubmed_rag.ingest.pubmed_scan_data import IN_DATA


def scan_article(text: str, source: str) -> Article:
    """The article of ``text``, which is one ``PubmedArticle`` element. Raises :class:`Unsure`.

    ``text`` must not hold ``]]>`` or characters that XML does not allow; nobody looks for them here.
    """
    opening = match_at(patterns.ARTICLE_OPENS, text, 0)
    given, version, pmid, *days = opening.groups()
    own, number = attributes(given), plain(pmid)
    if not is_pmid(number):
        raise Unsure
    found: Found = {
        "id": number,
        "pmid": number,
        "version": int(version or 1),
        "status": own.get("Status"),
        "indexing_method": own.get("IndexingMethod"),
        "title": "",
        "published": PartialDate(),
        "completed": date(*days[:3]) if days[0] is not None else None,
        "revised": date(*days[3:]) if days[3] is not None else None,
        "source": source,
    }
    at = children("MedlineCitation", IN_CITATION, text, opening.end(), found)
    if "Article" not in found:
        raise Unsure
    data = match_at(patterns.TAG, text, at)
    if data[1] == "PubmedData":
        opening = match_at(patterns.LIST_OPENS, text, data.end())
        attributes(opening[1])
        at = children("PubmedData", IN_DATA, text, opening.end(), found)
    if match_at(patterns.ARTICLE_CLOSES, text, at).end() != len(text):
        raise Unsure
    return _article(found)


def _article(found: Found) -> Article:
    """What depends on several elements, and then the article."""
    del found["Article"]
    ids: dict[str, str] = found.pop("ArticleIdList", {})
    info: tuple[str | None, ...] = found.pop("MedlineJournalInfo", (None,) * 4)
    title, abbreviation, issn, volume, issue = found.pop("Journal", (None,) * 5)
    issns = [text for text in (issn, info[3]) if text]
    found["journal"] = Journal(
        title,
        info[1] or abbreviation,
        info[2],
        tuple(dict.fromkeys(issns)),
        info[0],
        volume,
        issue,
        found.pop("Pagination", None),
    )
    doi, pii = found.pop("doi location", None), found.pop("pii location", None)
    found["doi"] = bare_doi(ids.get("doi")) or bare_doi(doi)
    found["pii"] = ids.get("pii") or pii
    found["pmcid"] = bare_pmcid(ids.get("pmc"))
    found["manuscript_id"] = ids.get("mid") or None
    cited = found.pop("Cites", ())
    if not found.get("references"):
        found["references"] = cited
    return Article(**found)
