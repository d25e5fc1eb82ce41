"""Names of filters that stand for a search strategy of NLM's: Clinical Queries, and systematic reviews.

Clinical Queries as the PubMed User Guide printed all ten of them ("Clinical Queries Filters", NBK3827), from Haynes
and colleagues; systematic reviews as NLM published its strategy in December 2018. Phrases stand in quotes here, which
means the same to PubMed: one that no article has is left out.
"""

from __future__ import annotations

_SYSTEMATIC_TITLES = (
    "review, literature review, scoping review, narrative review, qualitative review, evidence review, "
    "quantitative review, meta-review, critical review, mixed studies review, mapping review, cochrane review, "
    "search and review, integrative review"
).split(", ")
_TITLES = " OR ".join(f'"systematic {title}"[ti]' for title in _SYSTEMATIC_TITLES)
_SYSTEMATIC = (
    f"((({_TITLES}) NOT comment[pt] NOT (protocol[ti] OR protocols[ti])) NOT medline[sb]) "
    'OR ("Cochrane Database Syst Rev"[ta] AND review[pt]) OR "systematic review"[pt]'
)
_STRATEGIES = {
    "systematic/": _SYSTEMATIC,
    "therapy/broad": (
        "((clinical[Title/Abstract] AND trial[Title/Abstract]) OR clinical trials as topic[MeSH Terms] "
        "OR clinical trial[Publication Type] OR random*[Title/Abstract] OR random allocation[MeSH Terms] "
        "OR therapeutic use[MeSH Subheading])"
    ),
    "therapy/narrow": (
        "(randomized controlled trial[Publication Type] OR (randomized[Title/Abstract] "
        "AND controlled[Title/Abstract] AND trial[Title/Abstract]))"
    ),
    "diagnosis/broad": (
        "(sensitiv*[Title/Abstract] OR sensitivity and specificity[MeSH Terms] OR diagnose[Title/Abstract] "
        "OR diagnosed[Title/Abstract] OR diagnoses[Title/Abstract] OR diagnosing[Title/Abstract] "
        "OR diagnosis[Title/Abstract] OR diagnostic[Title/Abstract] OR diagnosis[MeSH:noexp] "
        "OR diagnostic*[MeSH:noexp] OR diagnosis, differential[MeSH:noexp] OR diagnosis[Subheading:noexp])"
    ),
    "diagnosis/narrow": "(specificity[Title/Abstract])",
    "etiology/broad": (
        "(risk*[Title/Abstract] OR risk*[MeSH:noexp] OR cohort studies[MeSH Terms] OR group[Text Word] "
        "OR groups[Text Word] OR grouped[Text Word])"
    ),
    "etiology/narrow": (
        '((relative[Title/Abstract] AND risk*[Title/Abstract]) OR "relative risk"[Text Word] OR risks[Text Word] '
        "OR cohort studies[MeSH:noexp] OR (cohort[Title/Abstract] AND study[Title/Abstract]) "
        "OR (cohort[Title/Abstract] AND studies[Title/Abstract]))"
    ),
    "prognosis/broad": (
        "(incidence[MeSH:noexp] OR mortality[MeSH Terms] OR follow up studies[MeSH:noexp] "
        "OR prognos*[Text Word] OR predict*[Text Word] OR course*[Text Word])"
    ),
    "prognosis/narrow": (
        "(prognos*[Title/Abstract] OR (first[Title/Abstract] AND episode[Title/Abstract]) OR cohort[Title/Abstract])"
    ),
    "clinical prediction guides/broad": (
        '(predict*[tiab] OR predictive value of tests[mh] OR score[tiab] OR scores[tiab] OR "scoring system"[tiab] '
        'OR "scoring systems"[tiab] OR observ*[tiab] OR observer variation[mh])'
    ),
    "clinical prediction guides/narrow": "(validation[tiab] OR validate[tiab])",
}


def strategy(name: str) -> str | None:
    """The query that ``Therapy/Broad`` or ``systematic`` stands for; ``None`` for another name."""
    return _STRATEGIES.get("/".join(_parts(name)))


def _parts(name: str) -> tuple[str, str]:
    category, _, scope = name.lower().partition("/")
    return " ".join(category.split()), scope.strip()
