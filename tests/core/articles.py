"""Articles for the core tests: small ones made in one line, and any at all for Hypothesis."""

from __future__ import annotations

from typing import TypeVar

from hypothesis import strategies as st

from pubmed_rag.core.records import (
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
)

T = TypeVar("T")


def article(number: int, text: str = "An abstract.", *, version: int = 1) -> Article:
    """A PubMed record with that PMID."""
    return Article(str(number), title=f"Title {number}.", pmid=str(number), abstract=(Section(text),), version=version)


def _maybe(text: st.SearchStrategy[str]) -> st.SearchStrategy[str | None]:
    return st.none() | text


def _few(items: st.SearchStrategy[T]) -> st.SearchStrategy[tuple[T, ...]]:
    return st.lists(items, max_size=2).map(tuple)


_text = st.text(max_size=30)
_name = _maybe(_text)
_sections = _few(st.builds(Section, _text, _name, _name))
_dates = st.builds(PartialDate, *[st.none() | st.integers(0, 9999)] * 3, _name)
_qualifiers = _few(st.builds(MeshQualifier, _text, _name, st.booleans()))

_authors = _few(st.builds(Author, _name, _name, _name, _name, _name, _name, _few(_text)))

articles: st.SearchStrategy[Article] = st.builds(
    Article,
    id=st.text(min_size=1, max_size=20),
    title=_text,
    abstract=_sections,
    pmid=_name,
    version=st.integers(1, 99),
    vernacular_title=_name,
    other_abstracts=_few(st.builds(OtherAbstract, _sections, _name, _name)),
    journal=st.builds(Journal, _name, _name, _name, _few(_text), _name, _name, _name, _name),
    published=_dates,
    published_electronically=st.none() | _dates,
    entered=st.none() | _dates,
    revised=st.none() | _dates,
    authors=_authors,
    publication_types=_few(st.builds(Term, _text, _name)),
    mesh=_few(st.builds(MeshHeading, _text, _name, st.booleans(), _qualifiers)),
    keywords=_few(_text),
    chemicals=_few(st.builds(Chemical, _text, _name, _name)),
    supplementary_concepts=_few(st.builds(Term, _text, _name)),
    doi=_name,
    pmcid=_name,
    languages=_few(_text),
    status=_name,
    indexing_method=_name,
    corrections=_few(st.builds(Correction, _text, _name, _name, _name)),
    references=_few(st.builds(Reference, _name, _name, _name)),
    notes=_few(_text),
    is_book=st.booleans(),
    grants=_few(st.builds(Grant, _name, _name, _name, _name)),
    investigators=_authors,
    personal_name_subjects=_authors,
    secondary_source_ids=_few(_text),
    conflict_of_interest=_name,
    completed=st.none() | _dates,
    created=st.none() | _dates,
    mesh_date=st.none() | _dates,
    publication_status=_name,
    pii=_name,
    manuscript_id=_name,
    citation_subsets=_few(_text),
    editors=_authors,
    publisher=_name,
    isbns=_few(_text),
    source=_text,
)
"""Every field of an article, with text that no journal would print."""
