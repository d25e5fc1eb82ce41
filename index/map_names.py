"""What the groups of a map are called: the headings, or else words of titles, that set each apart from the others."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Sequence

from pubmed_rag.core.records import Article
from pubmed_rag.core.stopwords import STOPWORDS
from pubmed_rag.index.facets import CHECK_TAGS

NAME_TERMS = 3
"""So many terms name a group."""

HOW_STUDIED = frozenset(
    (
        "Treatment Outcome|Time Factors|Risk Factors|Follow-Up Studies|Prospective Studies|Retrospective Studies|"
        "Double-Blind Method|Single-Blind Method|Cross-Over Studies|Random Allocation|Dose-Response Relationship, Drug|"
        "Drug Administration Schedule|Drug Therapy, Combination|Cohort Studies|Case-Control Studies|"
        "Cross-Sectional Studies|Pilot Projects|Surveys and Questionnaires|Reproducibility of Results|"
        "Sensitivity and Specificity|Predictive Value of Tests|Severity of Illness Index|Statistics as Topic|"
        "Clinical Trials as Topic|Randomized Controlled Trials as Topic|Multicenter Studies as Topic|"
        "Models, Biological|Models, Statistical|Logistic Models|Prognosis|Incidence|Prevalence|United States"
    ).split("|")
)
"""Headings that say how something was studied, which is no name for what was."""

_WORD = re.compile(r"[^\W\d_]{4,}")
_COMMON = STOPWORDS | {"study", "studies", "effect", "effects", "patients", "trial", "trials", "analysis", "using"}
_MOST_TERMS = 40
"""The best so many are looked through for a few that do not repeat one another."""


def group_terms(articles: Sequence[Article], groups: Sequence[int]) -> dict[int, tuple[str, ...]]:
    """For each group what its articles have more often than the others, the most telling first; up to three.

    A term counts by how much larger its share inside is than outside, times the root of its share inside, so
    that neither what all groups have nor what one article has alone names a group. A group whose articles
    have nothing in common that others lack has no terms.
    """
    inside: dict[int, Counter[str]] = {}
    sizes: Counter[int] = Counter(groups)
    total: Counter[str] = Counter()
    for article, group in zip(articles, groups, strict=True):
        found = _terms(article)
        inside.setdefault(group, Counter()).update(found)
        total.update(found)
    named: dict[int, tuple[str, ...]] = {}
    for group, counts in inside.items():
        size, others = sizes[group], max(1, len(articles) - sizes[group])

        def worth(term: str, counts: Counter[str] = counts, size: int = size, others: int = others) -> float:
            share = counts[term] / size
            return (share - (total[term] - counts[term]) / others) * math.sqrt(share)

        fewest = 2 if size > 3 else 1
        ordered = sorted((term for term in counts if counts[term] >= fewest), key=lambda term: (-worth(term), term))
        named[group] = tuple(_apart([term for term in ordered[:_MOST_TERMS] if worth(term) > 0 or len(inside) == 1]))
    return named


def _terms(article: Article) -> set[str]:
    headings = {heading.name for heading in article.mesh} - CHECK_TAGS - HOW_STUDIED
    if headings:
        return headings
    return {word for word in _WORD.findall(article.title.casefold()) if word not in _COMMON}


def _apart(ordered: Sequence[str]) -> list[str]:
    """The first few terms that do not repeat one another, as "Asthma" and "Anti-Asthmatic Agents" do not."""
    chosen: list[str] = []
    for term in ordered:
        if not any(term.casefold() in known.casefold() or known.casefold() in term.casefold() for known in chosen):
            chosen.append(term)
        if len(chosen) == NAME_TERMS:
            break
    return chosen
