"""PubMed's Clinical Queries: names of filters that stand for a published search strategy.

Strategies as the PubMed User Guide prints them (April 2024, "Clinical Queries using Research Methodology
Filters"), from Haynes and colleagues. Only those whose text is at hand are here; the others are named, so that a query
with one is answered in words.
"""

from __future__ import annotations

_STRATEGIES = {
    "therapy/broad": (
        "((clinical[Title/Abstract] AND trial[Title/Abstract]) OR clinical trials as topic[MeSH Terms] "
        "OR clinical trial[Publication Type] OR random*[Title/Abstract] OR random allocation[MeSH Terms] "
        "OR therapeutic use[MeSH Subheading])"
    ),
    "therapy/narrow": (
        "(randomized controlled trial[Publication Type] OR (randomized[Title/Abstract] "
        "AND controlled[Title/Abstract] AND trial[Title/Abstract]))"
    ),
    "diagnosis/narrow": "(specificity[Title/Abstract])",
    "prognosis/broad": (
        "(incidence[MeSH:noexp] OR mortality[MeSH Terms] OR follow up studies[MeSH:noexp] "
        "OR prognos*[Text Word] OR predict*[Text Word] OR course*[Text Word])"
    ),
    "clinical prediction guides/narrow": "(validation[tiab] OR validate[tiab])",
}
_CATEGORIES = frozenset({"therapy", "diagnosis", "etiology", "prognosis", "clinical prediction guides"})
_SCOPES = frozenset({"broad", "narrow"})


def strategy(name: str) -> str | None:
    """The query that ``Therapy/Broad`` stands for; ``None`` for another name or one whose text is not at hand."""
    return _STRATEGIES.get("/".join(_parts(name)))


def is_clinical_query(name: str) -> bool:
    """Whether ``name`` is that of a Clinical Query at all."""
    category, scope = _parts(name)
    return category in _CATEGORIES and scope in _SCOPES


def _parts(name: str) -> tuple[str, str]:
    category, _, scope = name.lower().partition("/")
    return " ".join(category.split()), scope.strip()
