"""A second reading of PubMed's rules: does an article match a tree? Over the record alone, with nothing indexed.

Written from the PubMed User Guide, sharing no code with the word index: articles are walked, words are compared.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from functools import lru_cache
from itertools import product

from pubmed_rag.core.records import Article, Author, PartialDate
from pubmed_rag.index.pubmed_ast import And, Node, Not, Nothing, Or, Range, Term
from pubmed_rag.index.thesaurus import Thesaurus

Words = list[str]

_LETTERS = str.maketrans({"\u00f8": "o", "\u0142": "l", "\u0111": "d", "\u00df": "ss", "\u00e6": "ae", "\u0153": "oe"})
"""Letters with a stroke and ligatures, which Unicode does not take apart."""


@lru_cache(50_000)
def words_of(text: str | None) -> Words:
    """Letters and digits, lower case, without accents; everything else is a blank."""
    plain = "".join(c for c in unicodedata.normalize("NFKD", text or "") if not unicodedata.combining(c))
    return re.findall(r"[^\W_]+", plain.lower().translate(_LETTERS))


def matches(article: Article, node: Node, thesaurus: Thesaurus) -> bool:
    match node:
        case And(operands):
            return all(matches(article, part, thesaurus) for part in operands)
        case Or(operands):
            return any(matches(article, part, thesaurus) for part in operands)
        case Not(kept, dropped):
            return matches(article, kept, thesaurus) and not matches(article, dropped, thesaurus)
        case Nothing():
            return False
        case Range():
            return _in_range(article, node)
        case Term():
            return _term(article, node, thesaurus)


# -- text --------------------------------------------------------------------------------------------


def _texts(article: Article, field: str) -> list[str | None]:
    title: list[str | None] = [article.title]
    abstract: list[str | None] = [
        "\n".join(f"{s.label}: {s.text}" if s.label else s.text for s in article.abstract),
        *(" ".join(s.text for s in other.sections) for other in article.other_abstracts),
    ]
    keywords: list[str | None] = list(article.keywords)
    affiliations: list[str | None] = [a for person in article.authors for a in person.affiliations]
    terms: list[str | None] = [
        *(h.name for h in article.mesh),
        *(q.name for h in article.mesh for q in h.qualifiers),
        *(t.name for t in article.publication_types),
        *(c.name for c in article.chemicals),
        *(t.name for t in article.supplementary_concepts),
        *(a.collective_name for a in article.authors),
        *article.secondary_source_ids,
        *(c.note for c in article.corrections),
    ]
    journal = article.journal
    rest: list[str | None] = [
        *(f"{a.last_name} {a.initials}" for a in article.authors if a.last_name),
        *(f"{a.last_name} {a.fore_name}" for a in article.authors if a.last_name),
        *(journal.title, journal.abbreviation, *journal.issns, journal.nlm_id, journal.volume, journal.issue),
        *(article.doi, article.pii, article.pmcid, article.vernacular_title, article.conflict_of_interest),
        *(c.registry_number for c in article.chemicals if c.registry_number != "0"),
        *(part for g in article.grants for part in (g.id, g.acronym, g.agency, g.country)),
        *article.languages,
    ]
    return {
        "TITL": title,
        "TIAB": title + abstract + keywords,
        "OTRM": keywords,
        "AFFL": affiliations,
        "WORD": title + abstract + keywords + terms,
        "ALL": title + abstract + keywords + terms + affiliations + rest,
        "": title + abstract + keywords + terms + affiliations + rest,
        "COLN": [a.collective_name for a in article.authors],
        "TT": [article.vernacular_title],
        "COIS": [article.conflict_of_interest],
        "GRNT": [part for g in article.grants for part in (g.id, g.acronym, g.agency, g.country)],
    }[field]


def _phrase(held: Words, wanted: Words, truncated: bool) -> bool:
    def fits(window: Words) -> bool:
        *before, last = wanted
        return window[:-1] == before and (window[-1].startswith(last) if truncated else window[-1] == last)

    width = len(wanted)
    return any(fits(held[at : at + width]) for at in range(len(held) - width + 1))


def _near(held: Words, wanted: Words, between: int) -> bool:
    """Each wanted word at a place of its own, and in all at most ``between`` others from the first to the last."""
    places = [[at for at, word in enumerate(held) if word == want] for want in wanted]
    return any(
        len(set(chosen)) == len(chosen) and max(chosen) - min(chosen) + 1 - len(wanted) <= between
        for chosen in product(*places)
    )


# -- terms -------------------------------------------------------------------------------------------


def _term(article: Article, term: Term, thesaurus: Thesaurus) -> bool:
    field, text = term.field, term.text
    if field in ("TITL", "TIAB", "OTRM", "AFFL", "WORD", "ALL", "", "COLN", "TT", "COIS", "GRNT"):
        wanted = words_of(text)
        held = [words_of(value) for value in _texts(article, field)]
        if term.proximity is not None and not term.truncated and len(wanted) > 1 and field in ("TITL", "TIAB", "AFFL"):
            return any(_near(value, wanted, term.proximity) for value in held)
        return bool(wanted) and any(_phrase(value, wanted, term.truncated) for value in held)
    if field in ("MESH", "MAJR"):
        return _mesh(article, term, thesaurus)
    if field == "SUBH":
        family = thesaurus.subheading_family(text) if term.explode else (text,)
        return _one_of((q.name for h in article.mesh for q in h.qualifiers), family)
    if field == "PTYP":
        family = thesaurus.publication_type_family(text) if term.explode else (text,)
        return _one_of((t.name for t in article.publication_types), family)
    if field in ("FULL", "FAUT", "LAUT"):
        people = [a for a in article.authors if a.last_name]
        chosen = {"FULL": people, "FAUT": people[:1], "LAUT": people[-1:]}[field]
        return any(_author(person, term) for person in chosen)
    if field == "UID":
        return article.pmid == text
    if field == "FILT":
        return {
            "all": True,
            "hasabstract": article.has_abstract,
            "haskeyword": bool(article.keywords),
            "medline": article.status == "MEDLINE",
            "haserratumin": any(c.ref_type == "ErratumIn" for c in article.corrections),
            "humans": any(h.name == "Humans" for h in article.mesh),
            "english": "eng" in article.languages,
        }[text]
    if field == "LANG":
        return {"eng": "eng", "english": "eng", "german": "ger", "Japanese": "jpn"}[text] in article.languages
    journal = article.journal
    wholes: dict[str, list[str | None]] = {
        "JOUR": [journal.title, journal.abbreviation, *journal.issns],
        "JID": [journal.nlm_id],
        "VOL": [journal.volume],
        "ISS": [journal.issue],
        "PAGE": [(journal.pages or "").split("-")[0]],
        "CNTY": [journal.country],
        "SUBS": [*(c.name for c in article.chemicals), *(t.name for t in article.supplementary_concepts)],
        "ECNO": [c.registry_number for c in article.chemicals if c.registry_number != "0"],
        "AID": [article.doi, article.pii, article.pmcid],
        "SI": [part for entry in article.secondary_source_ids for part in (entry, *entry.split("/"))],
    }
    wanted = words_of(text)
    if term.truncated:
        return any(" ".join(words_of(value)).startswith(" ".join(wanted)) for value in wholes[field])
    return bool(wanted) and any(words_of(value) == wanted for value in wholes[field])


def _one_of(names: Iterable[str], family: Sequence[str]) -> bool:
    return bool({name.lower() for name in names} & {name.lower() for name in family})


def _mesh(article: Article, term: Term, thesaurus: Thesaurus) -> bool:
    family = {name.lower() for name in (thesaurus.heading_family(term.text) if term.explode else (term.text,))}
    major = term.field == "MAJR"
    for heading in article.mesh:
        if term.truncated:
            if heading.name.lower().startswith(term.text.lower()) and (not major or heading.is_major):
                return True
        elif heading.name.lower() in family:
            if term.subheading is None:
                if not major or heading.is_major:
                    return True
                continue
            subs = thesaurus.subheading_family(term.subheading) if term.explode else (term.subheading,)
            for qualifier in heading.qualifiers:
                if _one_of([qualifier.name], subs) and (not major or qualifier.major or heading.major):
                    return True
    return False


def _author(person: Author, term: Term) -> bool:
    name = " ".join(words_of(f"{person.last_name} {person.initials or ''} {person.suffix or ''}"))
    wanted = " ".join(words_of(term.text))
    if term.truncated:
        return name.startswith(wanted)
    if term.quoted:
        return name == wanted
    if name == wanted or name.startswith(wanted + " "):
        return True
    # Initials are completed: "smith j" is Smith JA as well.
    last = wanted.split()[-1]
    return " " in wanted and len(last) <= 2 and name.startswith(wanted)


# -- ranges ------------------------------------------------------------------------------------------


def _day(date: PartialDate | None) -> tuple[int, int, int] | None:
    if date is None or date.year is None:
        return None
    return date.year, date.month or 1, (date.day or 1) if date.month else 1


def _in_range(article: Article, node: Range) -> bool:
    if node.field == "UID":
        return article.pmid is not None and int(node.low) <= int(article.pmid) <= int(node.high)
    low, high = (tuple(int(part) for part in end.split("/")) for end in (node.low, node.high))
    printed, electronic = _day(article.published), _day(article.published_electronically)
    if node.field == "PDAT":
        days = [printed, electronic]
        if node.single and printed and electronic and electronic > printed:
            days = [printed]
    else:
        days = [
            {
                "EPDT": electronic,
                "PPDT": printed,
                "EDAT": _day(article.entered),
                "MDAT": _day(article.revised),
                "CRDT": _day(article.created),
                "CDAT": _day(article.completed),
                "MHDA": _day(article.mesh_date),
            }[node.field]
        ]
    return any(day is not None and low <= day <= high for day in days)
