"""What PubMed's [filter] and [sb] words mean (PubMed User Guide, April 2024, "Filters" and "Subsets").

Facts of the record (``hasabstract``, ``medline``) are flags of the word index. The others are short for a query, with
the names that PubMed's own side bar writes (``english[Filter]``, ``ffrft[Filter]``). Two are approximations, since the
links they stand for are not in the records: ``free full text`` is a PMC id, ``full text`` a PMC id or DOI. Subject
subsets, which are long queries of NLM's, and filters relative to today are not known here.
"""

from __future__ import annotations

import re

from pubmed_rag.index.languages import language_code
from pubmed_rag.index.pubmed_ast import Node, Not, Or, Term

EVERYTHING = "all"

_FLAGS = re.compile(
    r"medline|inprocess|publisher|pubmednotmedline|oldmedline|pubmedpmc|pubmedbooks|fulltext"
    r"|has(abstract|structuredabstract|nonenglishabstract|keyword|cois|databanklist|nihmsid)"
    r"|has(commentin|commenton|correctedrepublishedin|correctedrepublishedfrom|associatedpublication|associateddataset"
    r"|erratumin|erratumfor|expressionofconcernin|expressionofconcernfor|originalreportin|republishedin|republishedfrom"
    r"|retractedandrepublishedin|retractedandrepublishedfrom|retractionin|retractionof|summaryforpatientsin|updatein"
    r"|updateof|cites|ddcin|partialretractionin|partialretractionof|reprintin|reprintof)"
    r"|pubstatus(aheadofprint|ppublish|epublish|nihms|pmcsd)|indexingmethod_(automated|curated)|jsubset[a-z]+"
)
_SAME = {
    "ffrft": "pubmedpmc",
    "freefulltext": "pubmedpmc",
    "pmcbook": "pubmedbooks",
    "booksdocs": "pubmedbooks",
    "fft": "fulltext",
    "loall": "fulltext",
    "fha": "hasabstract",
    "data": "hasdatabanklist",
    "aim": "jsubsetaim",
    "dentistry": "jsubsetd",
    "nursing": "jsubsetn",
    "nursingjournals": "jsubsetn",
}
_HEADINGS: dict[str, tuple[tuple[str, bool], ...]] = {  # heading, exploded
    "humans": (("Humans", True),),
    "animals": (("Animals", False),),
    "animal": (("Animals", False),),
    "human": (("Humans", True),),
    "female": (("Female", True),),
    "male": (("Male", True),),
    "newborn": (("Infant, Newborn", True),),
    "infant": (("Infant", False),),
    "allinfant": (("Infant", True),),
    "preschoolchild": (("Child, Preschool", True),),
    "child": (("Child", False),),
    "adolescent": (("Adolescent", True),),
    "allchild": (("Infant", True), ("Child", True), ("Adolescent", True)),
    "alladult": (("Adult", True),),
    "youngadult": (("Young Adult", True),),
    "adult": (("Adult", False),),
    "middleaged": (("Middle Aged", True),),
    "middleagedaged": (("Middle Aged", True), ("Aged", True)),
    "aged": (("Aged", True),),
    "80andover": (("Aged, 80 and over", True),),
}
_PUBLICATION_TYPES = (
    "Address, Autobiography, Bibliography, Biography, Case Reports, Classical Article, Clinical Conference, "
    "Clinical Study, Clinical Trial, Clinical Trial Protocol, Comment, Comparative Study, Congress, Controlled "
    "Clinical Trial, Corrected and Republished Article, Dataset, Directory, Duplicate Publication, Editorial, "
    "Electronic Supplementary Materials, English Abstract, Evaluation Study, Expression of Concern, Festschrift, "
    "Government Publication, Guideline, Historical Article, Interactive Tutorial, Interview, Introductory Journal "
    "Article, Journal Article, Lecture, Legal Case, Legislation, Letter, Meta-Analysis, Multicenter Study, News, "
    "Newspaper Article, Observational Study, Patient Education Handout, Periodical Index, Personal Narrative, "
    "Portrait, Practice Guideline, Preprint, Pragmatic Clinical Trial, Published Erratum, Randomized Controlled "
    "Trial, Retracted Publication, Retraction of Publication, Review, Scientific Integrity Review, Scoping "
    "Review, Systematic Review, Technical Report, Twin Study, Validation Study, Video-Audio Media, Webcast"
).split(", ")
_TYPES = {re.sub(r"[^a-z0-9]", "", name.lower()): name for name in _PUBLICATION_TYPES}
_PHASES = {f"clinicaltrialphase{roman}": f"Clinical Trial, Phase {roman.upper()}" for roman in ("i", "ii", "iii", "iv")}


def filter_flag(name: str) -> str | None:
    """The flag of the word index that the filter ``name`` asks for, ``all`` included; ``None`` if it is none."""
    squeezed = _squeezed(name)
    squeezed = _SAME.get(squeezed, squeezed)
    return squeezed if squeezed == EVERYTHING or _FLAGS.fullmatch(squeezed) else None


def filter_query(name: str) -> Node | None:
    """The query that the filter ``name`` is short for; ``None`` if it is none."""
    squeezed = _squeezed(name)
    if squeezed in _HEADINGS:
        parts = tuple(Term(heading, "MESH", explode=explode) for heading, explode in _HEADINGS[squeezed])
        return parts[0] if len(parts) == 1 else Or(parts)
    code = language_code(name)
    if code:
        return Term(code, "LANG")
    if squeezed == "excludepreprints":
        return Not(Term(EVERYTHING, "FILT"), Term("Preprint", "PTYP"))
    plain = squeezed.replace("-", "")
    named = _TYPES.get(plain) or _PHASES.get(plain)
    return Term(named, "PTYP") if named else None


def is_filter(name: str) -> bool:
    """Whether [filter] knows ``name``."""
    return filter_flag(name) is not None or filter_query(name) is not None


def _squeezed(name: str) -> str:
    return re.sub(r"[\s\"]+", "", name.lower())
