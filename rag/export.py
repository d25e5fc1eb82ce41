"""Articles written for other programs: RIS, BibTeX, CSL-JSON, NBIB, CSV, and Markdown with formatted references.

Whether a paper was retracted is visible in every format.
"""

from __future__ import annotations

import csv
import io
import json
import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Literal, get_args

from pubmed_rag.core.errors import UsageError
from pubmed_rag.core.records import Article, Author
from pubmed_rag.rag.csl import RETRACTED, abstract_text, csl_item, references, remarks
from pubmed_rag.rag.nbib import nbib

ExportFormat = Literal["ris", "bibtex", "csl-json", "nbib", "csv", "markdown"]
FORMATS: tuple[ExportFormat, ...] = get_args(ExportFormat)

PUBMED = "https://pubmed.ncbi.nlm.nih.gov"

_CSV_COLUMNS = (
    "id", "pmid", "title", "authors", "journal", "year", "volume", "issue", "pages", "doi", "pmcid",
    "publication_types", "retracted", "abstract",
)  # fmt: skip
_MARKDOWN = re.compile(r"([\\`*_\[\]<>#|~])")


def as_format(name: str) -> ExportFormat:
    """``name`` as a format. Raises :class:`UsageError` with the known ones."""
    for known in FORMATS:
        if known == name:
            return known
    raise UsageError(f"unknown format '{name}'", remedy=f"choose one of {', '.join(FORMATS)}")


@dataclass(frozen=True, slots=True)
class Export:
    """The text of an export, how many articles it holds, and the ids of those its format has no place for."""

    text: str
    articles: int
    left_out: tuple[str, ...] = ()


def export_articles(articles: Iterable[Article], to: ExportFormat, *, style: str = "vancouver") -> Export:
    """``articles`` in their order. ``style`` is for Markdown only.

    NBIB leaves out what has no PMID: that format knows no other identity. Raises what loading a style raises.
    """
    writers: dict[ExportFormat, Callable[[Iterable[Article]], Iterator[str]]] = {
        "ris": _ris,
        "bibtex": _bibtex,
        "csl-json": _csl_json,
        "nbib": lambda found: map(nbib, found),
        "csv": _csv,
        "markdown": lambda found: markdown_references(found, style),
    }
    everything = list(articles)
    kept = [article for article in everything if to != "nbib" or article.pmid]
    left_out = tuple(article.id for article in everything if to == "nbib" and not article.pmid)
    return Export("".join(writers[to](kept)), len(kept), left_out)


def markdown_references(articles: Iterable[Article], style: str = "vancouver") -> Iterator[str]:
    """A numbered list of references, each linked; retracted papers are marked in bold."""
    kept = list(articles)
    for number, (article, text) in enumerate(zip(kept, references(kept, style), strict=True), start=1):
        mark = f" **{RETRACTED}**" if article.is_retracted else ""
        link = f" [PubMed]({PUBMED}/{article.pmid}/)" if article.pmid else ""
        yield f"{number}. {escape_markdown(text)}{mark}{link}\n"


def escape_markdown(text: str) -> str:
    """``text`` on one line of Markdown, shown as it is."""
    return _MARKDOWN.sub(r"\\\1", " ".join(text.split()))


# -- RIS ---------------------------------------------------------------------------------------------


def _ris(articles: Iterable[Article]) -> Iterator[str]:
    import rispy

    for article in articles:
        # rispy numbers the records of one call; one record a call, without its number
        text = rispy.dumps([_ris_entry(article)])
        yield text[text.index("TY  - ") :].rstrip() + "\n\n"


def _ris_entry(article: Article) -> dict[str, Any]:
    """Fields by rispy's names. A value is one line: the format has no way to escape a line break."""
    journal = article.journal
    first, last = _pages(journal.pages)
    entry: dict[str, Any] = {
        "type_of_reference": "BOOK" if article.is_book else "JOUR",
        "authors": [_last_first(author) for author in article.authors],
        "title": article.display_title(),
        "secondary_title": journal.title,
        "alternate_title1": journal.abbreviation,
        "year": str(article.year) if article.year else None,
        "date": (article.published.iso() or "").replace("-", "/"),
        "volume": journal.volume,
        "number": journal.issue,
        "start_page": first,
        "end_page": last,
        "issn": journal.issns[0] if journal.issns else None,
        "doi": article.doi,
        "accession_number": article.pmid or article.id,
        "name_of_database": "PubMed" if article.pmid else None,
        "custom2": article.pmcid,
        "urls": [f"{PUBMED}/{article.pmid}/"] if article.pmid else [],
        "language": ", ".join(article.languages),
        "keywords": list(article.keywords or (heading.name for heading in article.mesh)),
        "abstract": abstract_text(article),
        "type_of_work": "Retracted Publication" if article.is_retracted else None,
        "notes": list(remarks(article)),
    }
    return {key: _one_line(value) for key, value in entry.items() if value}


def _one_line(value: str | list[str]) -> str | list[str]:
    return " ".join(value.split()) if isinstance(value, str) else [" ".join(part.split()) for part in value]


def _last_first(author: Author) -> str:
    if author.collective_name or not author.last_name:
        return author.collective_name or author.display()
    return ", ".join(part for part in (author.last_name, author.fore_name or author.initials, author.suffix) if part)


def _pages(pages: str | None) -> tuple[str | None, str | None]:
    """First and last page, the last in full: ``1651-8`` is 1651 and 1658."""
    match = re.fullmatch(r"(\w+)-(\w+)", pages or "")
    if match is None:
        return pages, None
    first, last = match.groups()
    return first, first[: max(0, len(first) - len(last))] + last if last.isdigit() else last


# -- BibTeX ------------------------------------------------------------------------------------------


def _bibtex(articles: Iterable[Article]) -> Iterator[str]:
    from bibtexparser.entrypoint import write_string
    from bibtexparser.library import Library
    from bibtexparser.model import Entry, Field

    encode = _latex()
    for article in articles:
        fields = [Field(name, value) for name, value in _bibtex_fields(article, encode) if value]
        kind = "book" if article.is_book else "article"
        yield write_string(Library([Entry(kind, _bibtex_key(article), fields)])).rstrip() + "\n\n"


def _bibtex_fields(article: Article, encode: Callable[[str], str]) -> Iterator[tuple[str, str]]:
    journal = article.journal
    # The second pair of braces keeps BibTeX from changing the case of letters.
    yield "title", "{" + encode(article.display_title()) + "}"
    yield "author", " and ".join(_bibtex_name(author, encode) for author in article.authors)
    yield "journal", encode(journal.display() or "")
    yield "year", str(article.year or "")
    yield "month", str(article.published.month or "")
    yield "volume", encode(journal.volume or "")
    yield "number", encode(journal.issue or "")
    yield "pages", "--".join(encode(page) for page in _pages(journal.pages) if page)
    yield "issn", encode(journal.issns[0] if journal.issns else "")
    yield "doi", _verbatim(article.doi or "")
    yield "pmid", article.pmid or ""
    yield "pmcid", article.pmcid or ""
    yield "url", f"{PUBMED}/{article.pmid}/" if article.pmid else ""
    yield "keywords", ", ".join(encode(keyword) for keyword in article.keywords)
    yield "abstract", encode(abstract_text(article))
    yield "note", ". ".join(remarks(article))


def _bibtex_key(article: Article) -> str:
    """``packer2001_11386263``: readable, and unique because the id is."""
    name = next((a.last_name or a.collective_name or "" for a in article.authors), "")
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().casefold()
    identity = re.sub(r"[^A-Za-z0-9:.+/-]", "-", article.id)
    return re.sub(r"[^a-z]", "", plain.split(" ")[0]) + f"{article.year or ''}_{identity}"


def _bibtex_name(author: Author, encode: Callable[[str], str]) -> str:
    """``Last, Jr, First``; the parts in braces, so that no "and" or comma inside one divides it."""
    if author.collective_name or not author.last_name:
        return "{" + encode(author.collective_name or author.display()) + "}"
    parts = (author.last_name, author.suffix, author.fore_name or author.initials)
    return ", ".join(_guarded(encode(part)) for part in parts if part)


def _guarded(part: str) -> str:
    return "{" + part + "}" if "," in part or re.search(r"\band\b", part) else part


def _verbatim(identifier: str) -> str:
    """A DOI as it is, since LaTeX's packages read it unchanged; only braces, which BibTeX counts, are coded."""
    return identifier.replace("{", "%7B").replace("}", "%7D")


def _latex() -> Callable[[str], str]:
    """Text to LaTeX: special characters and accents as commands; letters that have none stay Unicode.

    Braces become commands: BibTeX counts them even behind a backslash, and an odd one ends the file early.
    """
    from pylatexenc.latexencode import UnicodeToLatexEncoder

    encoder = UnicodeToLatexEncoder(
        replacement_latex_protection="braces-all", unknown_char_policy="keep", unknown_char_warning=False
    )
    braces = {"{": r"{\textbraceleft}", "}": r"{\textbraceright}"}

    def encode(text: str) -> str:
        pieces = re.split(r"([{}])", " ".join(text.split()))
        return "".join(braces.get(piece) or str(encoder.unicode_to_latex(piece)) for piece in pieces)

    return encode


# -- CSL-JSON and CSV --------------------------------------------------------------------------------


def _csl_json(articles: Iterable[Article]) -> Iterator[str]:
    between = "[\n"
    for article in articles:
        yield between + json.dumps(csl_item(article), ensure_ascii=False, indent=2)
        between = ",\n"
    yield "\n]\n" if between != "[\n" else "[]\n"


def _csv(articles: Iterable[Article]) -> Iterator[str]:
    """RFC 4180, as UTF-8 with a header; several values of one field are divided by "; "."""
    yield _csv_row(_CSV_COLUMNS)
    for article in articles:
        yield _csv_row(
            (
                article.id,
                article.pmid,
                article.display_title(),
                "; ".join(author.display() for author in article.authors),
                article.journal.display(),
                article.year,
                article.journal.volume,
                article.journal.issue,
                article.journal.pages,
                article.doi,
                article.pmcid,
                "; ".join(term.name for term in article.publication_types),
                "yes" if article.is_retracted else "no",
                abstract_text(article),
            )
        )


def _csv_row(values: Iterable[object]) -> str:
    stream = io.StringIO()
    csv.writer(stream).writerow(["" if value is None else value for value in values])
    return stream.getvalue()
