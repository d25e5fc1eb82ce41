"""A second reading of PubMed XML, from which the golden results were made.

    python -m tests.ingest.golden.reading ../shared/data/pubmed_xml > tests/ingest/golden/records.json

It shares nothing with the parser under test: the standard library's ElementTree, the DTD's paths written out
anew, no helper of ours. Texts are kept as length and SHA-256 of their characters without white space, so
that no abstract is copied into the project and the layout of formulas plays no part. Records are chosen for
what is awkward about them, up to four for each feature; the features are the cases of the contract that
occur in the real files.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

A_FEATURE = 4
MATH = "{http://www.w3.org/1998/Math/MathML}math"
MONTHS = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split()


def words(element: Element | None) -> str:
    return "" if element is None else "".join("".join(element.itertext()).split())


def print_of(text: str) -> list[Any]:
    """Length and hash of a text without its white space."""
    bare = "".join(text.split())
    return [len(bare), hashlib.sha256(bare.encode()).hexdigest()[:16]]


def summary(rows: list[list[Any]]) -> list[Any]:
    """How many rows, the first of them, and a print of all."""
    return [len(rows), rows[0] if rows else None, *print_of(json.dumps(rows))]


def said(parent: Element | None, path: str) -> str | None:
    element = None if parent is None else parent.find(path)
    return " ".join("".join(element.itertext()).split()) or None if element is not None else None


def day(element: Element | None) -> list[int | None] | None:
    """Year, month and day where all that is given is plain; ``None`` for anything else."""
    if element is None or element.find("MedlineDate") is not None or element.find("Season") is not None:
        return None
    month = said(element, "Month")
    number = None if month is None else int(month) if month.isdigit() else MONTHS.index(month[:3].title()) + 1
    days = said(element, "Day")
    return [int(said(element, "Year") or 0), number, int(days) if days else None]


def person(element: Element) -> list[Any]:
    return [said(element, name) for name in ("LastName", "ForeName", "Initials", "Suffix")]


def accessions(article: Element) -> list[str]:
    found = []
    for bank in article.findall("DataBankList/DataBank"):
        numbers = bank.findall("AccessionNumberList/AccessionNumber")
        found += [f"{said(bank, 'DataBankName')}/{words(number)}" for number in numbers]
        if not numbers:
            found.append(said(bank, "DataBankName") or "")
    return found


def event(data: Element | None, status: str) -> list[int | None] | None:
    """The day of the first event of this kind in the record's history."""
    events = [] if data is None else data.findall("History/PubMedPubDate")
    return next((day(e) for e in events if e.get("PubStatus") == status), None)


def reading(record: Element) -> dict[str, Any]:
    """What the record says, by the second reading."""
    citation, data = record.find("MedlineCitation"), record.find("PubmedData")
    assert citation is not None
    article = citation.find("Article")
    assert article is not None
    pmid = citation.find("PMID")
    assert pmid is not None
    authors = [author for author in article.findall("AuthorList/Author") if author.get("ValidYN") != "N"]
    dois = [
        (e.text or "").strip() for e in record.findall("PubmedData/ArticleIdList/ArticleId") if e.get("IdType") == "doi"
    ] + [
        (e.text or "").strip()
        for e in article.findall("ELocationID")
        if e.get("EIdType") == "doi" and e.get("ValidYN", "Y") == "Y"
    ]
    links = citation.findall("CommentsCorrectionsList/CommentsCorrections")
    types = article.findall("PublicationTypeList/PublicationType")
    lists = data.findall("ReferenceList") if data is not None else []
    listed = [reference for top in lists for reference in top.iter("Reference")]
    own_ids = record.findall("PubmedData/ArticleIdList/ArticleId")
    by_type = any(e.get("UI") == "D016441" for e in types)
    return {
        "pmid": words(pmid),
        "version": int(pmid.get("Version", "1")),
        "status": citation.get("Status"),
        "title": print_of(words(article.find("ArticleTitle"))),
        "vernacular_title": print_of(words(article.find("VernacularTitle"))),
        "abstract": [
            [part.get("Label") or None, part.get("NlmCategory") or None, *print_of(words(part))]
            for part in article.findall("Abstract/AbstractText")
            if words(part) or part.get("Label")
        ],
        "other_abstracts": [
            [other.get("Type"), other.get("Language")]
            for other in citation.findall("OtherAbstract")
            if words(other)
        ],
        "journal": [
            said(article, "Journal/Title"),
            said(citation, "MedlineJournalInfo/MedlineTA") or said(article, "Journal/ISOAbbreviation"),
            said(citation, "MedlineJournalInfo/NlmUniqueID"),
            said(article, "Journal/JournalIssue/Volume"),
            said(article, "Journal/JournalIssue/Issue"),
        ],
        "published": day(article.find("Journal/JournalIssue/PubDate")),
        "published_electronically": day(article.find("ArticleDate")),
        "entered": day(record.find("PubmedData/History/PubMedPubDate[@PubStatus='pubmed']")),
        "revised": day(citation.find("DateRevised")),
        "authors": summary([
            [said(author, "LastName"), said(author, "ForeName"), said(author, "Suffix"), said(author, "CollectiveName"),
             sum(bool(words(a)) for a in author.findall("AffiliationInfo/Affiliation"))]
            for author in authors
        ]),
        "orcids": sum(e.get("Source") == "ORCID" for author in authors for e in author.findall("Identifier")),
        "publication_types": [[said(e, "."), e.get("UI") or None] for e in types],
        "mesh": [
            [heading.find("DescriptorName").get("UI"),  # type: ignore[union-attr]
             any(part.get("MajorTopicYN") == "Y" for part in heading),
             [part.get("UI") for part in heading.findall("QualifierName")]]
            for heading in citation.findall("MeshHeadingList/MeshHeading")
        ],
        "keywords": len({words(e) for e in citation.findall("KeywordList/Keyword") if words(e)}),
        "chemicals": [e.get("UI") for e in citation.findall("ChemicalList/Chemical/NameOfSubstance")],
        "doi": next((doi for doi in dois if doi.startswith("10.")), None),
        "pmcid": next(((e.text or "").strip() for e in own_ids if e.get("IdType") == "pmc"), None),
        "languages": [words(e) for e in article.findall("Language")],
        "corrections": [[e.get("RefType"), said(e, "PMID")] for e in links if e.get("RefType") != "Cites"],
        "references": len(listed) or sum(e.get("RefType") == "Cites" for e in links),
        "retracted": by_type or any(e.get("RefType") == "RetractionIn" for e in links),
        "grants": summary([
            [said(grant, name) for name in ("GrantID", "Acronym", "Agency", "Country")]
            for grant in article.findall("GrantList/Grant")
        ]),
        "investigators": summary([
            person(e) for e in citation.findall("InvestigatorList/Investigator") if e.get("ValidYN") != "N"
        ]),
        "personal_name_subjects": summary([
            person(e) for e in citation.findall("PersonalNameSubjectList/PersonalNameSubject")
        ]),
        "secondary_source_ids": accessions(article),
        "conflict_of_interest": print_of(words(citation.find("CoiStatement"))),
        "completed": day(citation.find("DateCompleted")),
        "created": event(data, "entrez"),
        "mesh_date": event(data, "medline"),
        "publication_status": said(data, "PublicationStatus"),
        "pii": next(
            (
                words(e)
                for kind, places in (("IdType", own_ids), ("EIdType", article.findall("ELocationID")))
                for e in places
                if e.get(kind) == "pii" and e.get("ValidYN", "Y") == "Y"
            ),
            None,
        ),
        "manuscript_id": next((words(e) for e in own_ids if e.get("IdType") == "mid"), None),
        "citation_subsets": [words(e) for e in citation.findall("CitationSubset")],
    }  # fmt: skip


Feature = Callable[[Element], bool]
ARTICLE = "MedlineCitation/Article"
LINKS = "MedlineCitation/CommentsCorrectionsList/CommentsCorrections"
FEATURES: dict[str, Feature] = {
    "labelled abstract": lambda r: r.find(f"{ARTICLE}/Abstract/AbstractText[@Label]") is not None,
    "a labelled part without text": lambda r: any(
        e.get("Label") and not words(e) for e in r.findall(f"{ARTICLE}/Abstract/AbstractText")
    ),
    "markup in the title": lambda r: len(r.find(f"{ARTICLE}/ArticleTitle") or ()) > 0,
    "markup in the abstract": lambda r: any(len(e) for e in r.findall(f"{ARTICLE}/Abstract/AbstractText")),
    "formula": lambda r: r.find(f".//{MATH}") is not None,
    "translated title in brackets": lambda r: words(r.find(f"{ARTICLE}/ArticleTitle")).startswith("["),
    "original title": lambda r: r.find(f"{ARTICLE}/VernacularTitle") is not None,
    "no title": lambda r: not words(r.find(f"{ARTICLE}/ArticleTitle")),
    "MedlineDate": lambda r: r.find(f"{ARTICLE}/Journal/JournalIssue/PubDate/MedlineDate") is not None,
    "season": lambda r: r.find(f"{ARTICLE}/Journal/JournalIssue/PubDate/Season") is not None,
    "year alone": lambda r: len(r.find(f"{ARTICLE}/Journal/JournalIssue/PubDate") or ()) == 1,
    "electronic date": lambda r: r.find(f"{ARTICLE}/ArticleDate") is not None,
    "DOI in ELocationID alone": lambda r: r.find(f"{ARTICLE}/ELocationID[@EIdType='doi']") is not None
    and r.find("PubmedData/ArticleIdList/ArticleId[@IdType='doi']") is None,
    "no DOI": lambda r: r.find(f"{ARTICLE}/ELocationID") is None
    and r.find("PubmedData/ArticleIdList/ArticleId[@IdType='doi']") is None,
    "identifiers of references beside its own": lambda r: r.find(".//Reference/ArticleIdList") is not None,
    "group author": lambda r: r.find(f"{ARTICLE}/AuthorList/Author/CollectiveName") is not None,
    "suffix": lambda r: r.find(f"{ARTICLE}/AuthorList/Author/Suffix") is not None,
    "replaced spelling of an author": lambda r: r.find(f"{ARTICLE}/AuthorList/Author[@ValidYN='N']") is not None,
    "several affiliations": lambda r: any(
        len(author.findall("AffiliationInfo")) > 1 for author in r.findall(f"{ARTICLE}/AuthorList/Author")
    ),
    "ORCID": lambda r: r.find(f"{ARTICLE}/AuthorList/Author/Identifier[@Source='ORCID']") is not None,
    "no authors": lambda r: r.find(f"{ARTICLE}/AuthorList") is None,
    "investigators": lambda r: r.find("MedlineCitation/InvestigatorList") is not None,
    "grants": lambda r: r.find(f"{ARTICLE}/GrantList") is not None,
    "data bank": lambda r: r.find(f"{ARTICLE}/DataBankList") is not None,
    "conflict of interest": lambda r: r.find("MedlineCitation/CoiStatement") is not None,
    "a person as subject": lambda r: r.find("MedlineCitation/PersonalNameSubjectList") is not None,
    "author manuscript": lambda r: r.find("PubmedData/ArticleIdList/ArticleId[@IdType='mid']") is not None,
    "no abstract": lambda r: r.find(f"{ARTICLE}/Abstract") is None,
    "another abstract": lambda r: r.find("MedlineCitation/OtherAbstract") is not None,
    "major by its qualifier alone": lambda r: any(
        h.find("DescriptorName[@MajorTopicYN='N']") is not None
        and h.find("QualifierName[@MajorTopicYN='Y']") is not None
        for h in r.findall("MedlineCitation/MeshHeadingList/MeshHeading")
    ),
    "no MeSH but keywords": lambda r: r.find("MedlineCitation/MeshHeadingList") is None
    and r.find("MedlineCitation/KeywordList") is not None,
    "chemicals": lambda r: r.find("MedlineCitation/ChemicalList") is not None,
    "later version": lambda r: (r.find("MedlineCitation/PMID") or Element("x")).get("Version", "1") != "1"
    or any(e.get("Version", "1") != "1" for e in r.findall("MedlineCitation/PMID")),
    "retracted": lambda r: r.find(f"{LINKS}[@RefType='RetractionIn']") is not None
    or r.find(f"{ARTICLE}/PublicationTypeList/PublicationType[@UI='D016441']") is not None,
    "notice of a retraction": lambda r: r.find(f"{LINKS}[@RefType='RetractionOf']") is not None,
    "erratum": lambda r: r.find(f"{LINKS}[@RefType='ErratumIn']") is not None,
    "comment": lambda r: r.find(f"{LINKS}[@RefType='CommentOn']") is not None,
    "references as Cites": lambda r: r.find(f"{LINKS}[@RefType='Cites']") is not None,
    "not in English": lambda r: words(r.find(f"{ARTICLE}/Language")) != "eng",
}  # fmt: skip


def records(folder: Path) -> Iterator[tuple[str, Element]]:
    """Journal articles of every readable file, with the file's name relative to ``folder``."""
    for path in sorted(folder.rglob("*")):
        if not path.name.endswith((".xml", ".xml.gz")) or "jabref" in path.parts:
            continue
        data = path.read_bytes()
        try:
            root = ElementTree.fromstring(gzip.decompress(data) if path.suffix == ".gz" else data)
        except ElementTree.ParseError:
            continue
        for record in root.iter("PubmedArticle"):
            yield str(path.relative_to(folder)), record


def main() -> None:
    folder = Path(sys.argv[1])
    left = dict.fromkeys(FEATURES, A_FEATURE)
    chosen: list[dict[str, Any]] = []
    seen: set[str] = set()
    for file, record in records(folder):
        pmid = words(record.find("MedlineCitation/PMID"))
        reasons = [name for name, has in FEATURES.items() if left[name] and has(record)]
        if not reasons or pmid in seen:
            continue
        seen.add(pmid)
        for name in reasons:
            left[name] -= 1
        chosen.append({"file": file, "chosen_for": reasons, **reading(record)})
    print("[\n" + ",\n".join(json.dumps(record, ensure_ascii=False) for record in chosen) + "\n]")
    print(f"{len(chosen)} records; not found: {[n for n, k in left.items() if k == A_FEATURE]}", file=sys.stderr)


if __name__ == "__main__":
    main()
