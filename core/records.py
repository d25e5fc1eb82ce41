"""The frozen records that rooms exchange: ``Article → Passage → Hit → Answer``.

Names and allowed values follow the PubMed DTD of 1 January 2025 (``pubmed_250101.dtd``).
A field that the source does not state is ``None`` or an empty tuple, never a guess.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from pubmed_rag.core.article import (
    RETRACTED_PUBLICATION_UI,
    SUMMARY_NOTE,
    Article,
    Author,
    Chemical,
    Correction,
    Grant,
    Journal,
    MeshHeading,
    MeshQualifier,
    OtherAbstract,
    PartialDate,
    Reference,
    Section,
    Term,
    TextSpan,
)

if TYPE_CHECKING:
    import pandas as pd

SearchMode = Literal["pubmed", "bm25", "dense", "hybrid"]
Verdict = Literal["supported", "unsupported"]
YesNoMaybe = Literal["yes", "no", "maybe"]
StanceKind = Literal["yes", "no", "unclear"]
AnswerStatus = Literal["answered", "insufficient_evidence"]
ClaimOrigin = Literal["model", "quotation"]
ExplainLevel = Literal["", "lay", "expert"]
ExplanationKind = Literal["abbreviation", "term", "study"]

__all__ = [
    "RETRACTED_PUBLICATION_UI",
    "SUMMARY_NOTE",
    "Answer",
    "AnswerStatus",
    "Article",
    "Author",
    "BuildReport",
    "Check",
    "Chemical",
    "Citation",
    "Claim",
    "ClaimOrigin",
    "ClauseCount",
    "Component",
    "Correction",
    "ExplainLevel",
    "Explanation",
    "ExplanationKind",
    "Filters",
    "Grant",
    "Hit",
    "IngestReport",
    "Journal",
    "MeshHeading",
    "MeshQualifier",
    "Mixture",
    "OtherAbstract",
    "PartialDate",
    "Passage",
    "Reference",
    "RejectedRecord",
    "SearchMode",
    "SearchResult",
    "Section",
    "Stance",
    "StanceKind",
    "Term",
    "TextSpan",
    "Unresolved",
    "Verdict",
    "YesNoMaybe",
]


@dataclass(frozen=True, slots=True)
class Passage:
    """A stretch of an article's canonical text: ``article.text[start:end] == text``.

    The whole article, a sentence, or a sentence that is evidence for a claim.
    """

    article_id: str
    pmid: str | None
    start: int
    end: int
    text: str
    section: str | None = None


@dataclass(frozen=True, slots=True)
class Filters:
    """What a search may return. ``None`` or empty means "any"; all conditions hold together.

    ``retracted=False`` leaves retracted papers out, ``True`` returns only those. Within one tuple any
    value may match (``OR``); between fields all must (``AND``). Names compare without regard to case.
    """

    year_from: int | None = None
    year_to: int | None = None
    entered_from: str | None = None
    entered_to: str | None = None
    publication_types: tuple[str, ...] = ()
    mesh: tuple[str, ...] = ()
    journals: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()
    has_abstract: bool | None = None
    retracted: bool | None = None
    ids: tuple[str, ...] = ()

    @property
    def active(self) -> bool:
        """True if any condition is set."""
        return self != Filters()

    def with_retracted(self, retracted: bool | None) -> Filters:
        """The same filter with another rule for retracted papers."""
        return replace(self, retracted=retracted)


@dataclass(frozen=True, slots=True)
class Component:
    """What one part of a system said of a hit. ``rank`` counts from 1; ``None`` if it did not return it."""

    name: str
    rank: int | None
    score: float | None


@dataclass(frozen=True, slots=True)
class Hit:
    """An article found, at ``rank`` (from 1), with what is needed to show it in a list."""

    id: str
    pmid: str | None
    rank: int
    score: float
    title: str
    year: int | None
    journal: str | None
    retracted: bool
    components: tuple[Component, ...] = ()


@dataclass(frozen=True, slots=True)
class ClauseCount:
    """How many articles one clause of a PubMed query matches, in PubMed's notation. ``depth`` 0 is the whole query."""

    text: str
    count: int
    depth: int


@dataclass(frozen=True, slots=True)
class Mixture:
    """How components became one score: ``sum`` (of z-scores) or ``rrf``, and on what the weights were chosen."""

    method: str
    weights: Mapping[str, float]
    chosen_on: str


@dataclass(frozen=True, slots=True)
class SearchResult:
    """What a search gave. ``total`` counts the matching articles; for ``dense`` every article matches.

    ``translation`` is how a PubMed query was understood, in PubMed's notation; ``clauses`` what each part of it
    matches, where that was asked for. ``suggestion`` is the query with its words spelt as the library spells them.
    ``mixture`` is how ``hybrid`` mixed words and meaning.
    """

    query: str
    mode: SearchMode
    hits: tuple[Hit, ...]
    total: int
    took_ms: float
    translation: str | None = None
    warnings: tuple[str, ...] = ()
    generation: str | None = None
    clauses: tuple[ClauseCount, ...] = ()
    suggestion: str | None = None
    mixture: Mixture | None = None

    def to_frame(self) -> pd.DataFrame:
        """One row a hit, one column a component's score."""
        import pandas as pd

        rows = [
            {
                "rank": hit.rank,
                "id": hit.id,
                "pmid": hit.pmid,
                "score": hit.score,
                "title": hit.title,
                "year": hit.year,
                "journal": hit.journal,
                "retracted": hit.retracted,
                **{component.name: component.score for component in hit.components},
            }
            for hit in self.hits
        ]
        return pd.DataFrame(rows)


@dataclass(frozen=True, slots=True)
class Citation:
    """An article cited by a claim under its printed ``number``, with the sentences that support the claim."""

    number: int
    id: str
    pmid: str | None
    evidence: tuple[Passage, ...]


@dataclass(frozen=True, slots=True)
class Check:
    """Why a claim was judged supported or not. Scores are in 0…1."""

    verdict: Verdict
    score: float
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Claim:
    """One sentence of an answer. ``origin`` tells the model's own words from a quotation of the evidence.

    ``translated``: the same in the language of the question, by the model. What was checked is ``text``.
    """

    text: str
    verdict: Verdict
    citations: tuple[Citation, ...]
    origin: ClaimOrigin
    check: Check | None = None
    translated: str = ""


@dataclass(frozen=True, slots=True)
class Explanation:
    """What helps to read an answer: an abbreviation written out, a term in plain words, a study in figures.

    ``source`` says where it comes from: an article's id, ``MeSH``, or nothing for words of our own. ``evidence`` are
    the sentences of the article that state it; ``number`` is the article's in the answer.
    """

    kind: ExplanationKind
    term: str
    text: str
    source: str = ""
    number: int | None = None
    evidence: tuple[Passage, ...] = ()


@dataclass(frozen=True, slots=True)
class Unresolved:
    """Something the model wrote that is not part of the answer, and why it was left out."""

    text: str
    reason: str


@dataclass(frozen=True, slots=True)
class Stance:
    """What a cited study says to a yes/no question, in the sentences ``evidence``.

    ``probability`` is that of the stance, or ``None`` where the study states no conclusion.
    """

    id: str
    pmid: str | None
    stance: StanceKind
    probability: float | None
    evidence: tuple[Passage, ...]


@dataclass(frozen=True, slots=True)
class Answer:
    """A cited answer. ``claims`` are in reading order; ``answer`` is the text a person reads.

    ``language`` (ISO 639-1) is that of the text; ``searched`` the question as it was searched for, where that is
    not as it was asked. ``explain`` is for whom the answer was made, and ``explanations`` what it adds for them.
    """

    question: str
    status: AnswerStatus
    answer: str
    claims: tuple[Claim, ...]
    hits: tuple[Hit, ...]
    model: str
    temperature: float
    seed: int
    took_ms: float
    verdict: YesNoMaybe | None = None
    unresolved: tuple[Unresolved, ...] = ()
    retracted: tuple[Hit, ...] = ()
    raw: str = ""
    generation: str | None = None
    notes: tuple[str, ...] = ()
    timings_ms: tuple[tuple[str, float], ...] = ()
    verdict_probabilities: tuple[tuple[YesNoMaybe, float], ...] = ()
    stances: tuple[Stance, ...] = ()
    concerns: tuple[Hit, ...] = ()
    language: str = "en"
    searched: str = ""
    explain: ExplainLevel = ""
    explanations: tuple[Explanation, ...] = ()

    def to_frame(self) -> pd.DataFrame:
        """One row a citation of a claim, with its evidence sentence."""
        import pandas as pd

        rows = [
            {
                "claim": number,
                "text": claim.text,
                "origin": claim.origin,
                "verdict": claim.verdict,
                "citation": citation.number,
                "id": citation.id,
                "pmid": citation.pmid,
                "evidence": " ".join(span.text for span in citation.evidence),
            }
            for number, claim in enumerate(self.claims, start=1)
            for citation in claim.citations
        ]
        return pd.DataFrame(rows)


@dataclass(frozen=True, slots=True)
class RejectedRecord:
    """A record or file that could not be ingested, and why."""

    source: str
    pmid: str | None
    reason: str


@dataclass(frozen=True, slots=True)
class IngestReport:
    """What an ingestion did. ``read`` counts records met, rejected ones included."""

    read: int = 0
    added: int = 0
    updated: int = 0
    unchanged: int = 0
    deleted: int = 0
    rejected: tuple[RejectedRecord, ...] = ()

    def __add__(self, other: IngestReport) -> IngestReport:
        return IngestReport(
            self.read + other.read,
            self.added + other.added,
            self.updated + other.updated,
            self.unchanged + other.unchanged,
            self.deleted + other.deleted,
            self.rejected + other.rejected,
        )


@dataclass(frozen=True, slots=True)
class BuildReport:
    """What an index build or update did. ``embedded`` and ``reused`` count texts, sentences included."""

    generation: str
    articles: int
    embedded: int
    reused: int
    seconds: float
