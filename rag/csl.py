"""Articles as CSL-JSON items, and as formatted references through a CSL processor (``citeproc-py``).

CSL-JSON: citeproc-js documentation, "CSL-JSON/items"; variables: CSL 1.0.2 specification, appendix IV.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator
from importlib import resources
from pathlib import Path
from typing import Any

from pubmed_rag.core.errors import InputError, UsageError
from pubmed_rag.core.records import Article, Author, PartialDate

STYLES = ("vancouver", "apa")
"""Styles that come with the program; the file of any other CSL style works too."""

RETRACTED = "RETRACTED PUBLICATION"

_UNKNOWN_TO_PROCESSOR = ("custom", "keyword")


def csl_item(article: Article) -> dict[str, Any]:
    """One CSL-JSON item. What the record lacks is left out; ``custom.retracted`` stands only where true."""
    journal = article.journal
    item: dict[str, Any] = {
        "id": article.id,
        "type": "book" if article.is_book else "article-journal",
        "title": article.display_title(),
        "author": [_name(author) for author in article.authors],
        "container-title": journal.display(),
        "container-title-short": journal.abbreviation,
        "issued": _date(article.published) or _date(article.published_electronically),
        "volume": journal.volume,
        "issue": journal.issue,
        "page": journal.pages,
        "ISSN": ", ".join(journal.issns),
        "DOI": article.doi,
        "PMID": article.pmid,
        "PMCID": article.pmcid,
        "language": article.languages[0] if article.languages else None,
        "abstract": abstract_text(article),
        "keyword": ", ".join(article.keywords),
        "source": "PubMed" if article.pmid else None,
    }
    item["note"] = ". ".join(remarks(article))
    if article.is_retracted:
        item["custom"] = {"retracted": True}
    return {key: value for key, value in item.items() if value}


def remarks(article: Article) -> tuple[str, ...]:
    """What a reader must be told wherever the article goes: that it was retracted, that its abstract is not its own."""
    found = (
        (article.is_retracted, RETRACTED),
        (article.abstract_is_summary, "The abstract is a summary, not the published abstract"),
    )
    return tuple(text for holds, text in found if holds)


def abstract_text(article: Article) -> str:
    """The abstract on one line, a section as ``LABEL: text``."""
    parts = (f"{part.label}: {part.text}" if part.label else part.text for part in article.abstract)
    return " ".join(" ".join(parts).split())


def load_style(name: str) -> Any:
    """A CSL style by the name of one that comes with the program, or from a ``.csl`` file.

    Raises :class:`UsageError` for an unknown name and :class:`InputError` for a file that is no CSL style.
    """
    from citeproc import CitationStylesStyle

    if name in STYLES:
        source: str = str(resources.files("pubmed_rag.rag").joinpath("styles", f"{name}.csl"))
    elif Path(name).is_file():
        source = name
    else:
        raise UsageError(f"unknown style '{name}'", remedy=f"known: {', '.join(STYLES)}; a .csl file works too")
    try:
        return CitationStylesStyle(source, validate=False)
    except Exception as error:  # the processor meets bad XML and missing parts with errors of many kinds
        raise InputError(f"{name} cannot be read as a CSL style ({error})") from error


def references(articles: Iterable[Article], style: str = "vancouver") -> Iterator[str]:
    """A formatted reference an article, in their order, as plain text without a number before it."""
    from citeproc import Citation, CitationItem, CitationStylesBibliography, formatter
    from citeproc.source.json import CiteProcJSON

    loaded = load_style(style)
    for article in articles:
        item = {key: value for key, value in csl_item(article).items() if key not in _UNKNOWN_TO_PROCESSOR}
        item["title"] = str(item["title"]).rstrip(".")  # a style puts its own full stop
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            bibliography = CitationStylesBibliography(loaded, CiteProcJSON([item]), formatter.plain)
            bibliography.register(Citation([CitationItem(str(item["id"]))]))
            (text,) = (str(entry) for entry in bibliography.bibliography())
        yield " ".join(text.split())


def _name(author: Author) -> dict[str, str]:
    if author.collective_name or not author.last_name:
        return {"literal": author.collective_name or author.display()}
    name = {"family": author.last_name, "given": author.fore_name or author.initials, "suffix": author.suffix}
    return {key: value for key, value in name.items() if value}


def _date(date: PartialDate | None) -> dict[str, Any] | None:
    if date is None or date.year is None:
        return {"literal": date.raw} if date and date.raw else None
    parts = [date.year]
    if date.month is not None:
        parts += [date.month] if date.day is None else [date.month, date.day]
    return {"date-parts": [parts]}
