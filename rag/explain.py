"""What an answer adds for its readers: abbreviations for all, plain words for some, figures for others.

Nothing here is a model's. Abbreviations and studies are slices of the abstracts, terms of statistics are explained in
words of our own, and terms of medicine by NLM's scope notes where the library's MeSH has them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace

from pubmed_rag.core.errors import UsageError
from pubmed_rag.core.records import Article, Claim, ExplainLevel, Explanation, Passage
from pubmed_rag.index.analysis import terms
from pubmed_rag.rag.abbreviations import unexplained
from pubmed_rag.rag.languages import ENGLISH
from pubmed_rag.rag.plain_words import plain_terms
from pubmed_rag.rag.study_table import Study, study

ScopeNotes = Callable[[Sequence[str]], Sequence[tuple[str, str]]]
"""Texts to the headings that they speak of, hardest first, each with what MeSH says it is."""

LEVELS: tuple[ExplainLevel, ...] = ("", "lay", "expert")
_EXPLAINED_ANYWAY = frozenset({"CI", "OR", "aOR", "HR", "aHR", "RR", "SD", "NNT"})
"""Abbreviations that are among the plain words."""

_MOST_TERMS = 8
_MOST_NOTES = 5


def as_level(name: str | None) -> ExplainLevel:
    """``name`` as a level; none is the plain answer. Raises :class:`UsageError` for another."""
    for level in LEVELS:
        if level == (name or ""):
            return level
    raise UsageError(f"unknown reader '{name}'", remedy="choose lay or expert")


def explanations(
    claims: Sequence[Claim],
    articles: Mapping[str, Article],
    question: str,
    level: ExplainLevel = "",
    *,
    notes: ScopeNotes | None = None,
    language: str = ENGLISH,
) -> tuple[Explanation, ...]:
    """What to add to ``claims``. ``articles`` has at least those they cite, by id."""
    found = list(_abbreviations(claims, articles))
    if level == "lay":
        found = [item for item in found if item.term not in _EXPLAINED_ANYWAY]
        found += _terms([claim.text for claim in claims], language)
        found += _noted([claim.text for claim in claims], notes)
    if level == "expert":
        found += _studies(claims, articles, question)
    return tuple(found)


def _abbreviations(claims: Sequence[Claim], articles: Mapping[str, Article]) -> Iterator[Explanation]:
    told: dict[str, set[str]] = {}
    for article_id, (number, spans) in _cited(claims).items():
        for one in unexplained(articles[article_id], spans):
            words = set(terms(one.long))
            if not words & told.get(one.short, set()):  # another wording of the same is no other meaning
                told.setdefault(one.short, set()).update(words)
                yield Explanation("abbreviation", one.short, one.long, article_id, number, (one.span,))


def _terms(texts: Sequence[str], language: str) -> Iterator[Explanation]:
    for term in plain_terms("\n".join(texts))[:_MOST_TERMS]:
        name, meaning = (form.get(language, form[ENGLISH]) for form in (term.name, term.meaning))
        yield Explanation("term", name, meaning)


def _noted(texts: Sequence[str], notes: ScopeNotes | None) -> Iterator[Explanation]:
    if notes is not None:
        for heading, note in notes(texts)[:_MOST_NOTES]:
            yield Explanation("term", heading, note, "MeSH")


def _studies(claims: Sequence[Claim], articles: Mapping[str, Article], question: str) -> Iterator[Explanation]:
    for article_id, (number, quoted) in _cited(claims).items():
        row = study(articles[article_id], question)
        if row.effect and any(span.text == row.effect.value for span in quoted):
            row = replace(row, effect=None)  # it stands in the answer
        facts = (row.design, row.participants, row.population, row.effect)
        if any(facts):
            text = "; ".join(_figures(row))
            spans = dict.fromkeys(fact.span for fact in facts if fact and fact.span)
            yield Explanation("study", f"[{number}]", text, article_id, number, tuple(spans))


def _figures(row: Study) -> Iterator[str]:
    if row.year:
        yield str(row.year)
    if row.design:
        yield row.design.value
    if row.participants:
        yield f"n = {int(row.participants.value):,}" if row.participants.value.isdigit() else row.participants.value
    if row.population:
        yield row.population.value
    if row.effect:
        yield f"“{row.effect.value}”"


def _cited(claims: Sequence[Claim]) -> dict[str, tuple[int, list[Passage]]]:
    """By article: its number in the answer, and all sentences cited from it."""
    found: dict[str, tuple[int, list[Passage]]] = {}
    for claim in claims:
        for citation in claim.citations:
            found.setdefault(citation.id, (citation.number, []))[1].extend(citation.evidence)
    return found
