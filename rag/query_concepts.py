"""The concepts of a question as PubMed can search for them: MeSH headings beside the words of titles and abstracts.

A searcher's way (Cochrane Handbook, chapter 4.4: "Designing search strategies"): each concept is a heading OR its
words, the concepts are joined by AND, and words that only ask are left out. The vocabulary finds the headings, the
longest run of words first, as PubMed's own term mapping does.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from pubmed_rag.core.mesh import natural_order, term_key
from pubmed_rag.core.mesh_store import TermKind
from pubmed_rag.core.text import normalise
from pubmed_rag.index.analysis import STOPWORDS
from pubmed_rag.index.pubmed_ast import Node, Term
from pubmed_rag.index.pubmed_atm import all_of, headings_of, one_of
from pubmed_rag.index.pubmed_print import to_query
from pubmed_rag.index.vocabulary import Vocabulary
from pubmed_rag.index.word_variants import american, british, number_variants, singular
from pubmed_rag.rag.query import ASKING

_LONGEST = 6
"""Words of a run that is looked up."""

_MOST_HEADINGS = 2
_SHORTEST_SUBSTANCE = 5
"""Letters of a substance's name; shorter ones are mostly words that mean something else as well."""

_PLAIN = frozenset(
    """
    able absence accurate across activity add addition additional adequate adult affect affected affecting affects after
    age ages aged all alone alter alternative alters amenable among amount another apparent appear applied apply
    approach appropriate area areas assess assessed assessment associated association associations available avoid bad
    based before beneficial benefit benefits both cause caused causes causing change changed changes choice clinical
    clinically combined common commonly comparable compare compared comparing comparison concentration concentrations
    condition conditions confer consequence consequences consider consideration considered continue contribute
    contributes contribution correlate correlated correlates correlation current currently daily damage dangerous day
    days decade decrease decreased decreases deficit deficits delay delays deliver delivers demonstrate depend depends
    detect detection determine determines differ difference differences different differs difficult disease diseases
    distinct early effect effective effectiveness effects efficacious efficacy efficient elderly's enhance enhanced
    ever evaluate evaluation evidence exhibit exist existing experience explain explains factor factors feasible find
    first focus follow following frequent general get give given gives good great group groups guide happen harmful
    health help helpful helps high higher identify impact implication implications important improve improved
    improvement improves improving include included increase increased increases increasing indicate indicated
    indication individual influence influenced influences information initial instead interest involved involvement
    issue just justified kind know known lack large last late later lead leading leads least less level levels like
    likely limited limits little local long longer look lost low lower lowers maintain make makes management manner
    many matter matters me mean means measure measured measurement measurements measures method methods modify month
    months my necessary need needed needs new normal not novel now number objective offer often old older one option
    options other others out outcome outcomes over overall parameter parameters particular patient patients pattern
    patterns per perform performance performed performing person persons play plays point position possible potential
    practice predict predicted predicting prediction predictive predictor predictors predicts prefer preferred presence
    present prevent preventing prevents previous primary problem process produce promote provide provided provides
    question quick rate rates raise raised raises ratio read really reason receive receiving recommended reduce
    reduced reduces reducing
    reduction reflect relate related relation relationship relevant reliable rely remain report reported require
    required requires respond response responses result results risk risks role routine routinely safe safety same
    second secondary
    selected sensitive separate serious setting severe severity short shorter shortly should side significance
    significant similar simple site size slow small solution some specific stage standard start starting status still
    studies study subject subjects successful suffer suggest suggested suitable superior support supports sure surface
    system take taken taking technique techniques term the them theory therapies therapy three threatening time times
    tool tools toward towards treat treated treating treatment treatments trial trials true two type types undergo
    undergoing under understand unit us use used useful uses using usual valid validity value values variation varied
    vary via want way ways week weeks well whether wide worse worst worthwhile year years yes yet you your zero
    """.split()
)
"""Words of a question that would narrow a query without naming its subject, beside those left out anyway."""

_WORD = re.compile(r"[^\W_]+(?:[-'’][^\W_]+)*")
_CANCER = re.compile(r"\b(?:cancer|carcinoma)s?\b", re.IGNORECASE)
_NOUN = re.compile(
    r"(?:tion|sion|ment|ness|ity|ism|oma|itis|osis|emia|pathy|tomy|scopy|graphy|gram|ine|ol|in|blocker)$"
)
_BREAK = re.compile(r"[^\w\s'’-]|_|--+|\s[-'’]+\s")


@dataclass(frozen=True, slots=True)
class QueryConcept:
    """Words of a question and what PubMed should search for them.

    ``headings`` are MeSH's, none where it knows the words not; ``added`` are other names, proposed by a model.
    """

    words: str
    node: Node
    headings: tuple[str, ...] = ()
    added: tuple[str, ...] = ()

    @property
    def query(self) -> str:
        """The concept alone, as a query."""
        return to_query(self.node)


def concepts_of(question: str, vocabulary: Vocabulary) -> list[QueryConcept]:
    """The concepts of ``question`` in its order, each once; none if it has nothing but words that ask."""
    found: dict[Node, QueryConcept] = {}
    for run in _runs(question):
        at = 0
        while at < len(run):
            concept, length = _longest(run, at, vocabulary)
            if concept is not None:
                found.setdefault(concept.node, concept)
            at += length
    return _without_parts(list(found.values()))


def joined(concepts: Sequence[QueryConcept]) -> str:
    """The query that asks for all of ``concepts``; empty for none."""
    return to_query(all_of([concept.node for concept in concepts])) if concepts else ""


def with_names(concept: QueryConcept, names: Sequence[str], vocabulary: Vocabulary) -> QueryConcept:
    """``concept`` with those of ``names`` that MeSH knows for it; for one without heading, that MeSH knows at all.

    So a model may propose what it likes: only names of the same heading, or a heading where there was none, come in.
    """
    added: list[str] = []
    headings = list(concept.headings)
    nodes: list[Node] = []
    for name in names:
        words = " ".join(_WORD.findall(normalise(name)))
        meant = headings_of(vocabulary, words) if words else []
        known = term_key(words)
        if not meant or known in {term_key(concept.words), *map(term_key, added)} or known in STOPWORDS | _PLAIN:
            continue
        if headings and not set(meant) & set(headings):
            continue
        if not headings:
            headings = meant[:_MOST_HEADINGS]
            nodes += [Term(heading, "MESH", quoted=True) for heading in headings]
        added.append(words)
        nodes.append(_phrase(words.lower()))
    if not added:
        return concept
    return replace(concept, node=one_of(_flat([*nodes, concept.node])), headings=tuple(headings), added=tuple(added))


def _runs(question: str) -> Iterator[list[str]]:
    """Words with no sign between that parts them."""
    for part in _BREAK.split(normalise(question)):
        run = _WORD.findall(part)
        if run:
            yield run


def _asks(word: str) -> bool:
    plain = word.casefold().replace("’", "'").removesuffix("'s")
    return plain in STOPWORDS or plain in ASKING or plain in _PLAIN or (len(plain) < 2 and not plain.isdigit())


def _longest(run: Sequence[str], at: int, vocabulary: Vocabulary) -> tuple[QueryConcept | None, int]:
    """A concept that begins at ``at``, or none, and how many words that takes."""
    for length in range(min(_LONGEST, len(run) - at), 1, -1):
        words = run[at : at + length]
        if words[0].casefold() in STOPWORDS or words[-1].casefold() in STOPWORDS:
            continue
        known = _known(words, vocabulary)  # headings may begin and end in words that ask: "risk factors"
        if known is not None:
            return known, length
    word = run[at]
    if _asks(word) or word.isdigit() or word.endswith("ly"):
        return None, 1
    return _known([word], vocabulary) or QueryConcept(word, one_of([_phrase(form) for form in _forms(word)])), 1


def _known(words: Sequence[str], vocabulary: Vocabulary) -> QueryConcept | None:
    """What MeSH has for the words: headings, else a subheading, else a substance."""
    text = " ".join(words)
    nodes: list[Node] = []
    headings = _headings(text, vocabulary)
    subheading = vocabulary.subheading(text) if len(words) == 1 and len(text) > 2 else None
    if subheading is not None and not any(term_key(heading) == term_key(text) for heading in headings):
        headings = []  # "surgery" is what is done to something, and not the speciality that has it as a synonym
        nodes.append(Term(subheading, "SUBH", quoted=True))
    nodes += [Term(heading, "MESH", quoted=True) for heading in headings]
    if not nodes:
        nodes += [Term(name, "SUBS", quoted=True) for name in _substances(text, vocabulary)]
    if not nodes:
        return None
    nodes += [_phrase(form) for form in _spellings(text.lower())]
    for heading in headings:
        said = natural_order(heading).lower()
        if not _WORD.sub("", said).strip():  # names with brackets or commas are no words of prose
            nodes.append(_phrase(said))
    return QueryConcept(text, one_of(nodes), tuple(headings))


def _headings(text: str, vocabulary: Vocabulary) -> list[str]:
    """Headings for ``text``, or for what MeSH says instead: it calls cancers neoplasms."""
    found = headings_of(vocabulary, text)
    if not found and _CANCER.search(text):
        found = headings_of(vocabulary, _CANCER.sub("neoplasms", text))
    if not found and " " in text:
        completed = vocabulary.complete_heading(text)
        found = [completed] if completed else []
    return found[:_MOST_HEADINGS]


def _substances(text: str, vocabulary: Vocabulary) -> list[str]:
    if len(text) < _SHORTEST_SUBSTANCE:
        return []
    key = term_key(text)
    found = vocabulary.meanings([key]).get(key, ())
    names = [meaning.name for meaning in found if meaning.kind in {TermKind.SUPPLEMENTARY, TermKind.SYNONYM}]
    return [name for name in dict.fromkeys(names) if '"' not in name][:_MOST_HEADINGS]


def _forms(word: str) -> list[str]:
    """Spellings of a word that no table knows; in the plural only what looks like a noun."""
    plain = word.lower().replace("’", "'").removesuffix("'s")
    forms = [plain, *filter(None, [singular(plain)])]
    if _NOUN.search(plain):
        forms += number_variants(plain)
    return list(dict.fromkeys([*forms, *map(american, forms), *map(british, forms)]))


def _spellings(text: str) -> list[str]:
    """``text`` in either number, as Britons and Americans write it; an apostrophe is left out, as PubMed has it."""
    plain = " ".join(text.replace("’", "'").split())
    forms = [plain, *(form for form in number_variants(plain) if plain[-1:].isalpha())]
    return list(dict.fromkeys([*forms, *map(american, forms), *map(british, forms)]))


def _phrase(text: str) -> Term:
    return Term(text, "TIAB", quoted=True)


def _flat(nodes: Sequence[Node]) -> list[Node]:
    return [part for node in nodes for part in (getattr(node, "operands", None) or (node,))]


def _without_parts(concepts: list[QueryConcept]) -> list[QueryConcept]:
    """Without concepts whose headings another has all of: a question may name a thing twice."""
    kept: list[QueryConcept] = []
    for concept in concepts:
        same = any(concept.headings and set(concept.headings) <= set(other.headings) for other in kept)
        if not same:
            kept.append(concept)
    return kept
