"""The fields of the word index, and how an article fills them.

Four kinds. *Ranked* text (``text``, ``title``, ``headings``) is stemmed, for BM25. *Exact* text is not, keeps
stopwords and positions, and stands for several of PubMed's fields at once: a query for [tiab] or [all] asks several
fields rather than one that repeats the text. ``code`` holds what is compared as a whole, each value with its kind in
front (``au:smith ja``); ``tagged`` holds small texts whose words are searched, each word with its kind in front.
*Numbers* are dates as ``YYYYMMDD`` and keys to sort by.

The raw fields ``mesh``, ``publication_type``, ``journal``, ``language`` and ``id`` serve filters and queries alike.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

import tantivy

from pubmed_rag.core.records import Article, Author, PartialDate
from pubmed_rag.core.store import StoredArticle
from pubmed_rag.core.text import normalise
from pubmed_rag.index.analysis import ANALYZER, EXACT, exact_words, fold_name

EXACT_FIELDS = ("exact_title", "exact_abstract", "exact_keywords", "exact_terms", "exact_affiliation", "exact_rest")
DATE_FIELDS = ("entered", "print_day", "electronic_day", "revised", "created", "completed", "mesh_day")
EARLY = "early"
"""Code of articles whose electronic date is not later than print, or that have no print date."""

PAIR, MAJOR_PAIR, MAJOR, SUBHEADING, FLAG = "pair", "majorpair", "major", "sub", "flag"
AUTHOR, FIRST_AUTHOR, LAST_AUTHOR, FULL_AUTHOR = "au", "1au", "lastau", "fau"
INVESTIGATOR, FULL_INVESTIGATOR, EDITOR, PERSON = "ir", "fir", "ed", "ps"
JOURNAL, NLM_ID, SUBSTANCE, REGISTRY, IDENTIFIER = "ta", "jid", "nm", "rn", "aid"
VOLUME, ISSUE, PAGE, COUNTRY, SOURCE, ORCID, ISBN = "vi", "ip", "pg", "pl", "si", "auid", "isbn"
GROUP, GRANT, VERNACULAR, INTEREST, PUBLISHER, BOOK = "cn", "gr", "tt", "cois", "pubn", "book"

MOST_BETWEEN = 1000
"""PubMed's largest N of a proximity search."""

DAY_STEP = 10**10
"""``by_date`` is the day times this plus the PMID, which has ten digits at most."""

# One token so far on that no proximity search reaches from one value of a field into the next.
_GAP = tantivy.PreTokenizedString("\x1f", [tantivy.Token("\x1f", MOST_BETWEEN + 200, 0)])


def schema() -> tantivy.Schema:
    """The schema of every word index."""
    builder = tantivy.SchemaBuilder()
    builder.add_unsigned_field("key", indexed=True, fast=True)
    for name in ("text", "title", "headings"):
        builder.add_text_field(name, tokenizer_name=ANALYZER, index_option="freq")
    for name in ("id", "publication_type", "mesh", "journal", "language", "code"):
        builder.add_text_field(name, tokenizer_name="raw", index_option="basic")
    for name in EXACT_FIELDS:
        builder.add_text_field(name, tokenizer_name=EXACT)
    builder.add_text_field("tagged", tokenizer_name="whitespace")
    for name in ("year", "pmid", *DATE_FIELDS):
        builder.add_integer_field(name, indexed=True, fast=True)
    for name in ("by_date", "by_entered"):
        builder.add_unsigned_field(name, fast=True)
    for name in ("has_abstract", "retracted"):
        builder.add_boolean_field(name, indexed=True)
    return builder.build()


def document(stored: StoredArticle) -> tantivy.Document:
    """What is indexed of an article."""
    article = stored.article
    made = tantivy.Document()
    made.add_unsigned("key", stored.key)
    made.add_boolean("has_abstract", article.has_abstract)
    made.add_boolean("retracted", article.is_retracted)
    title, abstract = normalise(article.title), normalise(article.text[len(article.title) + 1 :])
    made.add_text("text", f"{title} {abstract}")
    made.add_text("title", title)
    made.add_text("headings", normalise(" ; ".join(_headings(article))))
    _add_names(made, article)
    _add_exact(made, article, title, abstract)
    _add_numbers(made, stored)
    for code in dict.fromkeys(_codes(article)):
        made.add_text("code", code)
    for kind, text in _tagged(article):
        made.add_text("tagged", tagged_words(kind, exact_words(text)))
    return made


def fold(value: str) -> str:
    """How the raw fields compare: without regard to case, punctuation kept."""
    return normalise(value).casefold()


def code_of(kind: str, *names: str) -> str:
    """A value of ``code``: kind and folded names; of a heading with subheading, both."""
    return f"{kind}:{'/'.join(map(fold_name, names))}"


def tagged_words(kind: str, words: Iterable[str]) -> str:
    """Words as ``tagged`` holds them."""
    return " ".join(f"{kind}:{word}" for word in words)


def author_name(author: Author) -> str:
    """``Smith JA Jr``: how PubMed's author index writes a person, before folding; empty for a group."""
    if not author.last_name:
        return ""
    initials = author.initials or "".join(word[0] for word in exact_words(author.fore_name or ""))
    return " ".join(part for part in (author.last_name, initials, author.suffix) if part)


def first_page(pages: str) -> str:
    """``123`` of ``123-9; discussion 130``."""
    return re.split(r"[-,;\u2010-\u2015]", pages, maxsplit=1)[0].strip()


def day_number(date: PartialDate | None) -> int | None:
    """``YYYYMMDD``; a missing month is January and a missing day the first (PubMed User Guide, "Publication Date")."""
    if date is None or date.year is None:
        return None
    return date.year * 10_000 + (date.month or 1) * 100 + ((date.day if date.month else None) or 1)


def _headings(article: Article) -> list[str]:
    return [
        *(heading.name for heading in article.mesh),
        *article.keywords,
        *(chemical.name for chemical in article.chemicals),
        *(concept.name for concept in article.supplementary_concepts),
    ]


def _add_names(made: tantivy.Document, article: Article) -> None:
    made.add_text("id", article.id)
    for name, values in (
        ("publication_type", [term.name for term in article.publication_types]),
        ("mesh", [heading.name for heading in article.mesh]),
        ("journal", [name for name in (article.journal.title, article.journal.abbreviation) if name]),
        ("language", list(article.languages)),
    ):
        for value in values:
            made.add_text(name, fold(value))


def _add_exact(made: tantivy.Document, article: Article, title: str, abstract: str) -> None:
    others = [normalise(" ".join(section.text for section in other.sections)) for other in article.other_abstracts]
    people = (*article.authors, *article.investigators)
    affiliations = [place for person in people for place in person.affiliations]
    for name, values in (
        ("exact_title", [title]),
        ("exact_abstract", [abstract, *others]),
        ("exact_keywords", [normalise(keyword) for keyword in article.keywords]),
        ("exact_affiliation", [normalise(place) for place in dict.fromkeys(affiliations)]),
    ):
        for number, value in enumerate(text for text in values if text):
            if number:
                made.add_pre_tokenized_text(name, _GAP)
            made.add_text(name, value)
    for name, texts in (("exact_terms", _term_texts(article)), ("exact_rest", _other_texts(article))):
        for text in dict.fromkeys(texts):
            if text:
                made.add_text(name, normalise(text))


def _add_numbers(made: tantivy.Document, stored: StoredArticle) -> None:
    article = stored.article
    printed, electronic = day_number(article.published), day_number(article.published_electronically)
    entered = _entered(article.entered)
    pmid = int(article.id) if re.fullmatch(r"[0-9]{1,10}", article.id, re.ASCII) else None
    for name, value in (
        ("year", article.year),
        ("pmid", pmid),
        ("entered", entered),
        ("print_day", printed),
        ("electronic_day", electronic),
        ("revised", day_number(article.revised)),
        ("created", day_number(article.created)),
        ("completed", day_number(article.completed)),
        ("mesh_day", day_number(article.mesh_date)),
    ):
        if value is not None:
            made.add_integer(name, value)
    last = (pmid if pmid is not None else stored.key) % DAY_STEP
    earliest = min((day for day in (printed, electronic) if day is not None), default=0)
    made.add_unsigned("by_date", earliest * DAY_STEP + last)
    made.add_unsigned("by_entered", (entered or 0) * DAY_STEP + last)


def _entered(date: PartialDate | None) -> int | None:
    """As filters compare it: what is missing counts as before the first day."""
    if date is None or date.year is None:
        return None
    return date.year * 10_000 + (date.month or 0) * 100 + ((date.day if date.month else None) or 0)


def _codes(article: Article) -> Iterator[str]:
    for heading in article.mesh:
        if heading.is_major:
            yield code_of(MAJOR, heading.name)
        for qualifier in heading.qualifiers:
            yield code_of(SUBHEADING, qualifier.name)
            yield code_of(PAIR, heading.name, qualifier.name)
            if heading.major or qualifier.major:
                yield code_of(MAJOR_PAIR, heading.name, qualifier.name)
    for kind, value in (*_person_codes(article), *_source_codes(article)):
        name = fold_name(value) if value else ""
        if name:
            yield f"{kind}:{name}"
    for flag in _flags(article):
        yield f"{FLAG}:{flag}"
    printed, electronic = day_number(article.published), day_number(article.published_electronically)
    if electronic is not None and (printed is None or electronic <= printed):
        yield EARLY


def _person_codes(article: Article) -> Iterator[tuple[str, str | None]]:
    people = [author for author in article.authors if author.last_name]
    for kind, full, persons in (
        (AUTHOR, FULL_AUTHOR, people),
        (INVESTIGATOR, FULL_INVESTIGATOR, article.investigators),
        (EDITOR, None, article.editors),
        (PERSON, None, article.personal_name_subjects),
    ):
        for person in persons:
            yield kind, author_name(person)
            if full and person.fore_name:
                yield full, f"{person.last_name or ''} {person.fore_name}"
                yield full, f"{person.fore_name} {person.last_name or ''}"
    if people:
        yield FIRST_AUTHOR, author_name(people[0])
        yield LAST_AUTHOR, author_name(people[-1])
    for author in article.authors:
        yield ORCID, author.orcid


def _source_codes(article: Article) -> Iterator[tuple[str, str | None]]:
    journal = article.journal
    for name in (journal.title, journal.abbreviation, *journal.issns):
        yield JOURNAL, name
    yield NLM_ID, journal.nlm_id
    yield COUNTRY, journal.country
    yield VOLUME, journal.volume
    yield ISSUE, journal.issue
    yield PAGE, first_page(journal.pages or "")
    for identifier in (article.doi, article.pii, article.pmcid, article.manuscript_id):
        yield IDENTIFIER, identifier
    for chemical in article.chemicals:
        yield SUBSTANCE, chemical.name
        if chemical.registry_number != "0":
            yield REGISTRY, chemical.registry_number
    for concept in article.supplementary_concepts:
        yield SUBSTANCE, concept.name
    for entry in article.secondary_source_ids:
        for part in (entry, *entry.split("/", 1)):
            yield SOURCE, part
    for isbn in article.isbns:
        yield ISBN, isbn


_STATUS = {
    "medline": "medline",
    "completed": "inprocess",
    "in-process": "inprocess",
    "in-data-review": "inprocess",
    "publisher": "publisher",
    "pubmed-not-medline": "pubmednotmedline",
    "oldmedline": "oldmedline",
}


def _flags(article: Article) -> Iterator[str]:
    """PubMed's filter words that hold of the record (contract of [sb]; PubMed User Guide, "Filters")."""
    status = _STATUS.get((article.status or "").lower())
    for flag, holds in (
        (status or "", bool(status)),
        ("hasabstract", article.has_abstract),
        ("hasstructuredabstract", any(section.label for section in article.abstract)),
        ("hasnonenglishabstract", any((o.language or "eng").lower() != "eng" for o in article.other_abstracts)),
        ("haskeyword", bool(article.keywords)),
        ("hascois", bool(article.conflict_of_interest)),
        ("hasdatabanklist", bool(article.secondary_source_ids)),
        ("hasnihmsid", bool(article.manuscript_id)),
        ("pubmedpmc", bool(article.pmcid)),
        ("pubmedbooks", article.is_book),
        ("fulltext", bool(article.pmcid or article.doi)),
        (f"indexingmethod_{(article.indexing_method or '').lower()}", bool(article.indexing_method)),
        (f"pubstatus{(article.publication_status or '').lower()}", bool(article.publication_status)),
    ):
        if holds:
            yield flag
    for subset in article.citation_subsets:
        yield f"jsubset{subset.lower()}"
    for correction in article.corrections:
        yield f"has{correction.ref_type.lower()}"


def _tagged(article: Article) -> Iterator[tuple[str, str]]:
    for person in (*article.authors, *article.investigators):
        if person.collective_name:
            yield GROUP, person.collective_name
    for grant in article.grants:
        for part in (grant.id, grant.acronym, grant.agency, grant.country):
            if part:
                yield GRANT, part
    for kind, text in (
        (VERNACULAR, article.vernacular_title),
        (INTEREST, article.conflict_of_interest),
        (PUBLISHER, article.publisher),
        (BOOK, article.journal.title if article.is_book else None),
    ):
        if text:
            yield kind, text


def _term_texts(article: Article) -> Iterator[str]:
    """What [tw] searches beside title, abstracts and keywords."""
    for heading in article.mesh:
        yield heading.name
        for qualifier in heading.qualifiers:
            yield qualifier.name
    for term in (*article.publication_types, *article.supplementary_concepts):
        yield term.name
    for chemical in article.chemicals:
        yield chemical.name
    for person in article.personal_name_subjects:
        yield person.display()
    for person in article.authors:
        yield person.collective_name or ""
    yield from article.secondary_source_ids
    for correction in article.corrections:
        yield correction.note or ""


def _other_texts(article: Article) -> Iterator[str]:
    """What [all] searches beside the text words and affiliations. No country of publication and no dates."""
    for person in (*article.authors, *article.investigators, *article.editors):
        yield author_name(person)
        yield f"{person.last_name or ''} {person.fore_name}" if person.fore_name else ""
        yield person.orcid or ""
    for person in article.investigators:
        yield person.collective_name or ""
    journal = article.journal
    for text in (journal.title, journal.abbreviation, *journal.issns, journal.nlm_id, journal.volume, journal.issue):
        yield text or ""
    yield first_page(journal.pages or "")
    for text in (article.doi, article.pii, article.pmcid, article.manuscript_id, article.vernacular_title):
        yield text or ""
    yield article.conflict_of_interest or ""
    yield article.publisher or ""
    yield from article.isbns
    yield from article.languages
    yield from article.notes
    for chemical in article.chemicals:
        if chemical.registry_number != "0":
            yield chemical.registry_number or ""
    for grant in article.grants:
        for part in (grant.id, grant.acronym, grant.agency, grant.country):
            yield part or ""
