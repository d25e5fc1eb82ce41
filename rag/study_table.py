"""What kind of study an abstract reports: design, year, number of participants, population, effect as stated.

Every entry is a slice of the abstract with its sentence, or a fact of the record; what is not plainly
stated stays blank. The patterns are few and narrow on purpose: a blank costs a look, a wrong entry costs trust.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from pubmed_rag.core.records import Article, Passage
from pubmed_rag.core.text import normalise
from pubmed_rag.index.analysis import terms
from pubmed_rag.index.passages import sentences


@dataclass(frozen=True, slots=True)
class Fact:
    """An entry of the table. ``span`` is the sentence that states it, ``None`` for a fact of the record."""

    value: str
    span: Passage | None = None


@dataclass(frozen=True, slots=True)
class Study:
    """One row: an article and what is known of its study."""

    id: str
    pmid: str | None
    title: str
    year: int | None
    design: Fact | None
    participants: Fact | None
    population: Fact | None
    effect: Fact | None


# NLM's publication types (MeSH, "Publication Characteristics"), the most telling first.
_DESIGN_BY_TYPE = (
    ("Meta-Analysis", "meta-analysis"),
    ("Network Meta-Analysis", "network meta-analysis"),
    ("Systematic Review", "systematic review"),
    ("Practice Guideline", "practice guideline"),
    ("Guideline", "guideline"),
    ("Randomized Controlled Trial", "randomized trial"),
    ("Controlled Clinical Trial", "controlled trial"),
    ("Clinical Trial, Phase III", "clinical trial"),
    ("Clinical Trial, Phase II", "clinical trial"),
    ("Clinical Trial", "clinical trial"),
    ("Twin Study", "twin study"),
    ("Case Reports", "case report"),
    ("Observational Study", "observational study"),
    ("Review", "review"),
)
# A review of randomized trials also says "randomized trial", so the order is from the encompassing down.
_DESIGN_BY_WORDS = (
    (r"network meta-analys[ie]s", "network meta-analysis"),
    (r"meta-analy(?:s[ie]s|tic)", "meta-analysis"),
    (r"systematic(?:ally)? review(?:ed)?", "systematic review"),
    (r"randomi[sz]ed[\w\s,-]{0,40}?\b(?:trial|study)\b|\bwere randomi[sz]ed\b|randomi[sz]ed to\b"
     r"|\brandomly (?:assigned|allocated)\b", "randomized trial"),
    (r"case[- ]control study|nested case[- ]control", "case-control study"),
    (r"cross[- ]sectional (?:study|survey|analysis)", "cross-sectional study"),
    (r"(?:prospective|retrospective)[\w\s,-]{0,30}? cohort|cohort study", "cohort study"),
    (r"retrospective(?:ly)?[\w\s,-]{0,30}?(?:study|review(?:ed)?|analy[sz]\w+)", "retrospective study"),
    (r"case series", "case series"),
    (r"case report", "case report"),
)  # fmt: skip
_DESIGNS = tuple((re.compile(rf"\b(?:{words})", re.IGNORECASE), design) for words, design in _DESIGN_BY_WORDS)

_PEOPLE = (
    r"(?:patients|participants|subjects|women|men|children|adults|infants|neonates|newborns|adolescents|persons|people"
    r"|individuals|volunteers|students|nurses|physicians|residents|cases|pregnancies|mothers|veterans)"
)
_COUNT = r"(?P<n>\d{1,3}(?:[, ]\d{3})+|\d+)"
_PARTICIPANTS = (
    re.compile(rf"\btotal of {_COUNT} (?:[A-Za-z-]+ ){{0,4}}?{_PEOPLE}\b", re.IGNORECASE),
    re.compile(
        rf"\b(?:enrolled|recruited|randomi[sz]ed|randomly assigned|included|studied|analy[sz]ed|evaluated|assessed"
        rf"|surveyed|examined|reviewed|followed|in|(?<!\d )of|among) {_COUNT} (?:[A-Za-z-]+ ){{0,4}}?{_PEOPLE}\b",
        re.IGNORECASE,
    ),
    re.compile(
        rf"^{_COUNT} (?:[A-Za-z-]+ ){{0,4}}?{_PEOPLE}\b[^.]{{0,120}}\b(?:were|was) "
        rf"(?:enrolled|recruited|randomi[sz]ed|included|studied|randomly|analy[sz]ed|evaluated|reviewed)",
        re.IGNORECASE,
    ),
    re.compile(rf"\([Nn] ?= ?{_COUNT}\)"),
)
_GROUP = re.compile(
    r",? (?:on|given|receiving|taking|(?:treated|randomi[sz]ed) (?:with|to)|(?:assigned|allocated) to"
    r"|in (?:the|each|one) [\w\s-]{0,30}(?:group|arm)|(?:each|per group|with placebo))\b",
    re.IGNORECASE,
)
_NOT_BEFORE = "of|in|the|for|with|and|all|these|those|among|from|that|to|as|by|our|most|many|some|more"
_NOT_WITHIN = (
    "to|who|were|was|are|is|may|can|when|had|have|has|did|compared|than|in|from|between|during|by|versus|vs|on"
)
_POPULATION = re.compile(
    rf"\b(?:(?!(?:{_NOT_BEFORE})\b)[A-Za-z-]+ )?{_PEOPLE} (?:aged [\w\s-]{{2,25}}? )?"
    r"(?:with|undergoing|at (?:high )?risk of|receiving|treated for|admitted)\b"
    rf"(?:(?! (?:{_NOT_WITHIN})\b)[^.,;:()\[\]]){{3,80}}",
    re.IGNORECASE,
)
_WITHOUT = re.compile(r"\b(?:with|without) (?:no|neither)\b", re.IGNORECASE)
_ANIMALS = re.compile(r"\b(?:rats?|mice|mouse|rabbits?|piglets?|pigs?|dogs?|sheep|hamsters?|in vitro)\b", re.IGNORECASE)
_EFFECT = re.compile(
    r"\b(?:hazard|odds|risk|rate|relative) (?:ratio|risk)\b|\b(?:HR|OR|RR|aOR|aHR)\b ?[=,:]? ?\d"
    r"|\b95 ?% ?(?:CI|confidence)|\b[Pp] ?[<=>≤] ?0?[.·]\d|\d(?:[.·]\d+)? ?%|\bmean difference\b",
)
_RESULT_LABEL = re.compile(r"result|finding|conclusion|interpretation", re.IGNORECASE)
_METHOD_LABEL = re.compile(
    r"method|design|setting|patient|participant|subject|population|sample|result|finding", re.IGNORECASE
)


def study(article: Article, question: str = "") -> Study:
    """The row of one article. Of several stated effects the one nearest to ``question`` by words is taken."""
    found = sentences(article)
    return Study(
        article.id,
        article.pmid,
        article.display_title(),
        article.year,
        design_of(article, found),
        _participants(found),
        _population(found),
        _effect(found, question),
    )


def study_table(articles: Iterable[Article], question: str = "") -> tuple[Study, ...]:
    """A row for each article, in their order."""
    return tuple(study(article, question) for article in articles)


def design_of(article: Article, found: Sequence[Passage] | None = None) -> Fact | None:
    """From the publication types where they tell, else from title and abstract in narrow words."""
    types = {term.name for term in article.publication_types}
    for name, design in _DESIGN_BY_TYPE:
        if name in types and design != "review":
            return Fact(design)
    if _ANIMALS.search(article.text):  # these words are meant for studies of people
        return None
    passages = sentences(article) if found is None else found
    for pattern, design in _DESIGNS:
        for passage in passages:
            if pattern.search(passage.text):
                return Fact(design, passage)
    return Fact("review") if "Review" in types else None


def _is_one_group(match: re.Match[str]) -> bool:
    """Whether the number is that of one group of a comparison: ``444 deaths among 5273 patients on beta blockers``."""
    return bool(_GROUP.match(match.string, match.end()))


def _participants(found: Sequence[Passage]) -> Fact | None:
    """The one number of people that methods or results state; blank where the first patterns that fit disagree."""
    for pattern in _PARTICIPANTS:
        matches = [
            (match["n"].replace(",", "").replace(" ", ""), passage)
            for passage in found
            if passage.section is None or _METHOD_LABEL.search(passage.section)
            for match in pattern.finditer(passage.text)
            if not _is_one_group(match)
        ]
        numbers = {number for number, _ in matches}
        if len(numbers) == 1:
            return Fact(matches[0][0], matches[0][1])
        if numbers:
            return None
    return None


def _population(found: Sequence[Passage]) -> Fact | None:
    for passage in found:
        own = passage.section is None or _METHOD_LABEL.search(passage.section)  # background speaks of others
        if own and (match := _POPULATION.search(passage.text)):
            cut = match[0][-1:].isdigit()  # as in "individuals with a 1.26 cm change"
            if not cut and not _WITHOUT.search(match[0]):
                return Fact(match[0].strip(), passage)
    return None


def _effect(found: Sequence[Passage], question: str) -> Fact | None:
    """The whole sentence: an effect without its comparison and its unit is worse than none."""
    stated = [
        passage
        for passage in found
        if (passage.section is None or _RESULT_LABEL.search(passage.section)) and _EFFECT.search(passage.text)
    ]
    if not stated:
        return None
    wanted = set(terms(normalise(question)))
    best = max(stated, key=lambda passage: len(wanted & set(terms(normalise(passage.text)))))
    return Fact(best.text, best)
