"""A small made-up world for tests of PubMed queries: its vocabulary, its articles, and trees over them."""

from __future__ import annotations

import random

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
    Section,
)
from pubmed_rag.core.records import Term as Name
from pubmed_rag.index.pubmed_ast import And, Node, Not, Nothing, Or, Range, Term

WORDS = ("heart", "failure", "the", "of", "na\u00efve", "beta-blocker", "cell", "cells", "18F", "Alzheimer's", "\u03b2")
HEADINGS = ("Heart Diseases", "Heart Failure", "Cardiomyopathy, Dilated", "Humans", "Benzo(a)pyrene", "Rats")
SUBHEADINGS = ("therapy", "drug therapy", "surgery", "epidemiology")
TYPES = ("Clinical Trial", "Randomized Controlled Trial", "Review", "Journal Article")
SUBSTANCES = ("Insulin", "WWOX protein, human", "beta-Endorphin")
NAMES = (
    ("Smith", "J"),
    ("Smith", "JA"),
    ("Smithers", "J"),
    ("O'Brien", "K"),
    ("van der Berg", "A"),
    ("M\u00fcller", ""),
)
JOURNALS = (
    Journal("The Lancet", "Lancet", "123", ("0140-6736",), "England", "12", "3", "77-9"),
    Journal("Proceedings of Hearts", "Proc. Hearts", "55", (), "United States", "12A", None, "e5"),
    Journal(),
)


class Families:
    """One small tree for each kind of name, as the protocol ``Thesaurus`` wants it."""

    def heading_family(self, name: str) -> tuple[str, ...]:
        below = {
            "heart diseases": ("Heart Diseases", "Heart Failure", "Cardiomyopathy, Dilated"),
            "heart failure": ("Heart Failure", "Cardiomyopathy, Dilated"),
        }
        return below.get(name.lower(), (name,))

    def subheading_family(self, name: str) -> tuple[str, ...]:
        return {"therapy": ("therapy", "drug therapy", "surgery")}.get(name.lower(), (name.lower(),))

    def publication_type_family(self, name: str) -> tuple[str, ...]:
        return {"clinical trial": ("Clinical Trial", "Randomized Controlled Trial")}.get(name.lower(), (name,))


def world(count: int, seed: int = 0) -> list[Article]:
    """Articles with few words in every field that PubMed searches, so that most queries match some of them."""
    chance = random.Random(seed)

    def text(most: int) -> str:
        return chance.choice((" ", " ", ", ")).join(chance.choices(WORDS, k=chance.randint(1, most)))

    def date() -> PartialDate:
        return PartialDate(
            chance.randint(2018, 2021), chance.choice((None, 1, 6, 12)), chance.choice((None, 1, 15, 31))
        )

    def person() -> Author:
        last, initials = chance.choice(NAMES)
        places = tuple(f"University of {text(3)}" for _ in range(chance.randint(0, 2)))
        suffix = chance.choice((None, None, "Jr"))
        return Author(last, f"{initials}ohn" if initials else None, initials or None, suffix, affiliations=places)

    def heading() -> MeshHeading:
        qualifiers = [
            MeshQualifier(name, major=chance.random() < 0.3)
            for name in chance.sample(SUBHEADINGS, k=chance.choice((0, 0, 1, 2)))
        ]
        return MeshHeading(chance.choice(HEADINGS), major=chance.random() < 0.3, qualifiers=tuple(qualifiers))

    def some(most: int) -> range:
        return range(chance.randint(0, most))

    return [
        Article(
            id=str(number),
            pmid=str(number),
            title=text(5),
            abstract=tuple(Section(text(8), chance.choice((None, "HEART"))) for _ in some(2)),
            other_abstracts=tuple(OtherAbstract((Section(text(3)),), language="ger") for _ in some(1)),
            vernacular_title=chance.choice((None, text(3))),
            journal=chance.choice(JOURNALS),
            published=chance.choice((PartialDate(), date())),
            published_electronically=chance.choice((None, date())),
            entered=chance.choice((None, date())),
            revised=chance.choice((None, date())),
            created=chance.choice((None, date())),
            completed=chance.choice((None, date())),
            mesh_date=chance.choice((None, date())),
            authors=(*(person() for _ in some(3)), *(Author(collective_name=text(3)) for _ in some(1))),
            publication_types=tuple(Name(name) for name in chance.sample(TYPES, k=chance.randint(0, 2))),
            mesh=tuple({made.name: made for made in (heading() for _ in some(3))}.values()),
            keywords=tuple(text(2) for _ in some(3)),
            chemicals=tuple(
                Chemical(name, registry_number=chance.choice(("0", "50-78-2", "EC 1.1.1.1")))
                for name in chance.sample(SUBSTANCES, k=chance.randint(0, 2))
            ),
            supplementary_concepts=tuple(Name(name) for name in chance.sample(SUBSTANCES, k=chance.randint(0, 1))),
            doi=chance.choice((None, f"10.5555/h.{number}")),
            pii=chance.choice((None, f"S0140-{number}")),
            pmcid=chance.choice((None, f"PMC{number}")),
            languages=tuple(chance.sample(("eng", "ger", "jpn"), k=chance.randint(0, 2))),
            status=chance.choice((None, "MEDLINE", "Publisher")),
            corrections=tuple(Correction(chance.choice(("ErratumIn", "CommentOn")), note=text(2)) for _ in some(1)),
            grants=tuple(Grant("R01 HL123", "HL", "NHLBI NIH HHS", "United States") for _ in some(1)),
            conflict_of_interest=chance.choice((None, text(4))),
            secondary_source_ids=tuple(chance.sample(("GENBANK/AF001892", "ClinicalTrials.gov/NCT001"), k=1)),
        )
        for number in range(1, count + 1)
    ]


# -- trees -------------------------------------------------------------------------------------------

_word = st.sampled_from((*WORDS, "naive", "hear", "cel", "BETA", "absent", "alzheimer s"))
_phrase = st.lists(_word, min_size=1, max_size=3).map(" ".join)
_text_field = st.sampled_from(("TITL", "TIAB", "OTRM", "AFFL", "WORD", "ALL", "", "COLN", "TT", "COIS", "GRNT"))
_text = st.builds(Term, _phrase, _text_field, truncated=st.booleans())
_near = st.builds(
    Term,
    st.lists(
        st.sampled_from(("heart", "failure", "the", "cell", "beta-blocker")), min_size=1, max_size=3, unique=True
    ).map(" ".join),
    st.sampled_from(("TITL", "TIAB", "AFFL", "WORD")),
    proximity=st.integers(0, 3),
)
_mesh = st.builds(
    Term,
    st.sampled_from((*HEADINGS, "heart failure", "Heart")),
    st.sampled_from(("MESH", "MAJR")),
    explode=st.booleans(),
    truncated=st.sampled_from((False, False, False, True)),
    subheading=st.sampled_from((None, None, *SUBHEADINGS)),
)
_names = st.one_of(
    st.builds(Term, st.sampled_from(SUBHEADINGS), st.just("SUBH"), explode=st.booleans()),
    st.builds(Term, st.sampled_from((*TYPES, "clinical trial")), st.just("PTYP"), explode=st.booleans()),
    st.builds(
        Term,
        st.sampled_from(
            (
                "smith",
                "smith j",
                "Smith JA",
                "smith ja jr",
                "smi",
                "o'brien k",
                "obrien k",
                "van der berg",
                "muller",
                "j",
            )
        ),
        st.sampled_from(("FULL", "FAUT", "LAUT")),
        quoted=st.booleans(),
        truncated=st.sampled_from((False, False, True)),
    ),
    st.builds(Term, st.integers(0, 60).map(str), st.just("UID")),
    st.builds(
        Term,
        st.sampled_from(("all", "hasabstract", "haskeyword", "medline", "haserratumin", "humans", "english")),
        st.just("FILT"),
    ),
    st.builds(Term, st.sampled_from(("eng", "english", "german", "Japanese")), st.just("LANG")),
    st.builds(
        Term,
        st.sampled_from(
            ("lancet", "the lancet", "proc hearts", "0140-6736", "123", "12", "12A", "3", "77", "77-9", "e5", "england")
        ),
        st.sampled_from(("JOUR", "JID", "VOL", "ISS", "CNTY")),
        truncated=st.booleans(),
    ),
    st.builds(Term, st.sampled_from(("77", "e5", "77-9")).map(lambda page: page.split("-")[0]), st.just("PAGE")),
    st.builds(
        Term,
        st.sampled_from((*SUBSTANCES, "wwox protein human", "50-78-2", "ec 1.1.1.1", "0", "genbank", "AF001892")),
        st.sampled_from(("SUBS", "ECNO", "SI", "AID")),
    ),
)
_end = st.builds(
    "{:04d}/{:02d}/{:02d}".format, st.integers(2017, 2022), st.integers(1, 12), st.sampled_from((1, 15, 28, 31))
)
_ranges = st.one_of(
    st.builds(
        Range,
        _end,
        _end,
        st.sampled_from(("PDAT", "EPDT", "PPDT", "EDAT", "MDAT", "CRDT", "CDAT", "MHDA")),
        single=st.booleans(),
    ),
    st.integers(2018, 2021).map(lambda year: Range(f"{year}/01/01", f"{year}/12/31", "PDAT", single=True)),
    st.builds(Range, st.integers(0, 60).map(str), st.integers(0, 60).map(str), st.just("UID")),
)
leaves: st.SearchStrategy[Node] = st.one_of(_text, _text, _near, _mesh, _names, _ranges, st.just(Nothing("gone")))


def _branches(parts: st.SearchStrategy[Node]) -> st.SearchStrategy[Node]:
    several = st.lists(parts, min_size=2, max_size=4).map(tuple)
    return st.one_of(st.builds(And, several), st.builds(Or, several), st.builds(Not, parts, parts))


trees: st.SearchStrategy[Node] = st.recursive(leaves, _branches, max_leaves=12)
