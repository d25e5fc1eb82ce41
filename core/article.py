"""The article: a publication as its source describes it, and the parts it is made of.

Import these names from :mod:`pubmed_rag.core.records`, the one list of all records. Names and allowed
values follow the PubMed DTD of 1 January 2025 (``pubmed_250101.dtd``). A field that the source does not
state is ``None`` or an empty tuple, never a guess.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

SUMMARY_NOTE = "SUMMARY:"
"""A ``GeneralNote`` that begins so says that the abstract is somebody's summary, not the published text."""

RETRACTED_PUBLICATION_UI = "D016441"


@dataclass(frozen=True, slots=True)
class Section:
    """One part of an abstract: its printed label ("RESULTS"), NLM's category for it, and its text."""

    text: str
    label: str | None = None
    nlm_category: str | None = None


@dataclass(frozen=True, slots=True)
class OtherAbstract:
    """An abstract beside the English one: another language, a plain-language summary, another agency's."""

    sections: tuple[Section, ...]
    type: str | None = None
    language: str | None = None


@dataclass(frozen=True, slots=True)
class PartialDate:
    """A date as far as it is known, with the original text where it was not plain ("2000 Spring")."""

    year: int | None = None
    month: int | None = None
    day: int | None = None
    raw: str | None = None

    def iso(self) -> str | None:
        """``YYYY``, ``YYYY-MM`` or ``YYYY-MM-DD``, as far as known."""
        if self.year is None:
            return None
        parts = [f"{self.year:04d}"]
        if self.month is not None:
            parts.append(f"{self.month:02d}")
            if self.day is not None:
                parts.append(f"{self.day:02d}")
        return "-".join(parts)


@dataclass(frozen=True, slots=True)
class Author:
    """A person or, with ``collective_name``, a group. ``orcid`` is the bare 16-digit identifier."""

    last_name: str | None = None
    fore_name: str | None = None
    initials: str | None = None
    suffix: str | None = None
    collective_name: str | None = None
    orcid: str | None = None
    affiliations: tuple[str, ...] = ()

    def display(self) -> str:
        """``Smith JA`` or the group's name, as PubMed prints it."""
        if self.collective_name:
            return self.collective_name
        return " ".join(part for part in (self.last_name, self.initials or self.fore_name, self.suffix) if part)


@dataclass(frozen=True, slots=True)
class Journal:
    """Where an article appeared. ``abbreviation`` is the MEDLINE title abbreviation or, failing that, the ISO one."""

    title: str | None = None
    abbreviation: str | None = None
    nlm_id: str | None = None
    issns: tuple[str, ...] = ()
    country: str | None = None
    volume: str | None = None
    issue: str | None = None
    pages: str | None = None

    def display(self) -> str | None:
        """The title if known, else the abbreviation."""
        return self.title or self.abbreviation


@dataclass(frozen=True, slots=True)
class Term:
    """A name from a controlled vocabulary with its unique identifier (``D016428``), where given."""

    name: str
    ui: str | None = None


@dataclass(frozen=True, slots=True)
class MeshQualifier:
    """A subheading of a MeSH heading."""

    name: str
    ui: str | None = None
    major: bool = False


@dataclass(frozen=True, slots=True)
class MeshHeading:
    """A MeSH descriptor with its qualifiers."""

    name: str
    ui: str | None = None
    major: bool = False
    qualifiers: tuple[MeshQualifier, ...] = ()

    @property
    def is_major(self) -> bool:
        """Majorness may sit on the descriptor or on any qualifier."""
        return self.major or any(qualifier.major for qualifier in self.qualifiers)


@dataclass(frozen=True, slots=True)
class Chemical:
    """A substance with its registry number (CAS, EC or UNII; ``"0"`` where there is none)."""

    name: str
    ui: str | None = None
    registry_number: str | None = None


@dataclass(frozen=True, slots=True)
class Correction:
    """A link to a retraction, erratum, comment … ``ref_type`` is NLM's RefType, direction included."""

    ref_type: str
    pmid: str | None = None
    source: str | None = None
    note: str | None = None


@dataclass(frozen=True, slots=True)
class Reference:
    """A work the article cites."""

    citation: str | None = None
    pmid: str | None = None
    doi: str | None = None


@dataclass(frozen=True, slots=True)
class Grant:
    """Money an article acknowledges: grant number, acronym of the institute (``HL``), agency and country."""

    id: str | None = None
    acronym: str | None = None
    agency: str | None = None
    country: str | None = None


@dataclass(frozen=True, slots=True)
class TextSpan:
    """Where a part of an article stands in its canonical text: ``text[start:end]``, in characters."""

    part: Literal["title", "abstract"]
    start: int
    end: int
    label: str | None = None
    nlm_category: str | None = None


@dataclass(frozen=True, slots=True)
class Article:
    """One publication as its source describes it.

    ``id`` is the PMID for a PubMed record and the collection's own id for a test collection, whose
    ``pmid`` is then ``None``. ``source`` says where the record came from and is no part of its identity.

    What the less obvious fields hold, with PubMed's search tag: ``entered`` [edat], ``created`` [crdt],
    ``mesh_date`` [mhda], ``completed`` [dcom], ``revised`` [lr]; ``investigators`` [ir] are the members of
    group authors; ``personal_name_subjects`` [ps] are people whom a biography is about, named like authors;
    ``secondary_source_ids`` [si] are entries of data banks and trial registers, ``GENBANK/AF001892``;
    ``editors`` [ed], ``publisher`` [pubn] and ``isbns`` [isbn] belong to books; ``citation_subsets`` [sb] are
    NLM's codes (``IM``); ``publication_status`` is NLM's word for how it appeared (``ppublish``).
    """

    id: str
    title: str = ""
    abstract: tuple[Section, ...] = ()
    pmid: str | None = None
    version: int = 1
    vernacular_title: str | None = None
    other_abstracts: tuple[OtherAbstract, ...] = ()
    journal: Journal = field(default_factory=Journal)
    published: PartialDate = field(default_factory=PartialDate)
    published_electronically: PartialDate | None = None
    entered: PartialDate | None = None
    revised: PartialDate | None = None
    authors: tuple[Author, ...] = ()
    publication_types: tuple[Term, ...] = ()
    mesh: tuple[MeshHeading, ...] = ()
    keywords: tuple[str, ...] = ()
    chemicals: tuple[Chemical, ...] = ()
    supplementary_concepts: tuple[Term, ...] = ()
    doi: str | None = None
    pmcid: str | None = None
    languages: tuple[str, ...] = ()
    status: str | None = None
    indexing_method: str | None = None
    corrections: tuple[Correction, ...] = ()
    references: tuple[Reference, ...] = ()
    notes: tuple[str, ...] = ()
    is_book: bool = False
    grants: tuple[Grant, ...] = ()
    investigators: tuple[Author, ...] = ()
    personal_name_subjects: tuple[Author, ...] = ()
    secondary_source_ids: tuple[str, ...] = ()
    conflict_of_interest: str | None = None
    completed: PartialDate | None = None
    created: PartialDate | None = None
    mesh_date: PartialDate | None = None
    publication_status: str | None = None
    pii: str | None = None
    manuscript_id: str | None = None
    citation_subsets: tuple[str, ...] = ()
    editors: tuple[Author, ...] = ()
    publisher: str | None = None
    isbns: tuple[str, ...] = ()
    source: str = ""

    @property
    def is_retracted(self) -> bool:
        """True iff the paper itself was retracted: by publication type or by ``RetractionIn``.

        A notice (``RetractionOf``) or an erratum is not a retracted paper.
        """
        by_type = any(
            t.ui == RETRACTED_PUBLICATION_UI or t.name == "Retracted Publication" for t in self.publication_types
        )
        return by_type or any(c.ref_type == "RetractionIn" for c in self.corrections)

    @property
    def has_abstract(self) -> bool:
        return any(section.text for section in self.abstract)

    @property
    def abstract_is_summary(self) -> bool:
        """The abstract was written by somebody else than the publisher, and a reader must be told."""
        return any(note.startswith(SUMMARY_NOTE) for note in self.notes)

    @property
    def year(self) -> int | None:
        """Year of publication: print date first, else electronic."""
        if self.published.year is not None:
            return self.published.year
        return self.published_electronically.year if self.published_electronically else None

    @property
    def text(self) -> str:
        """The canonical text that all evidence offsets refer to: title, then one line a section.

        A labelled section reads ``LABEL: text``. The rule never changes, or stored offsets would lie.
        """
        return "\n".join(self._lines())

    @property
    def spans(self) -> tuple[TextSpan, ...]:
        """The parts of ``text`` in order, labels excluded. An empty title or section has no span."""
        spans: list[TextSpan] = []
        if self.title:
            spans.append(TextSpan("title", 0, len(self.title)))
        offset = len(self.title) + 1
        for section in self.abstract:
            prefix = len(_label_prefix(section))
            if section.text:
                start = offset + prefix
                spans.append(
                    TextSpan("abstract", start, start + len(section.text), section.label, section.nlm_category)
                )
            offset += prefix + len(section.text) + 1
        return tuple(spans)

    def _lines(self) -> list[str]:
        return [self.title, *(_label_prefix(section) + section.text for section in self.abstract)]

    def display_title(self) -> str:
        """The title for people: translated titles lose their square brackets."""
        title = self.title
        bare = title.rstrip(".")
        if bare.startswith("[") and bare.endswith("]") and _one_bracket(bare):
            title = bare[1:-1]
        return title or self.vernacular_title or "[no title]"


def _one_bracket(text: str) -> bool:
    """Whether the first bracket closes at the very end: not so in "[18F]FDG or [11C]"."""
    depth = 0
    for position, character in enumerate(text):
        depth += (character == "[") - (character == "]")
        if depth == 0:
            return position == len(text) - 1
    return False


def _label_prefix(section: Section) -> str:
    return f"{section.label}: " if section.label else ""
