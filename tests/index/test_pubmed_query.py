"""Queries translated as PubMed translates them: the contract's tables, on a small MeSH and on the real one."""

from __future__ import annotations

import itertools
import json
import time
from collections.abc import Iterator
from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.translation import compare, leaves
from pubmed_rag.core import search_tags
from pubmed_rag.core.errors import UsageError
from pubmed_rag.core.mesh import term_key
from pubmed_rag.core.mesh_store import MeshStore, build
from pubmed_rag.index.mesh import Mesh
from pubmed_rag.index.pubmed_ast import And, Node, Not, Nothing, Or, Range, Term
from pubmed_rag.index.pubmed_parser import parse
from pubmed_rag.index.pubmed_print import to_query
from pubmed_rag.index.pubmed_query import Translation, translate
from pubmed_rag.ingest.mesh_files import read_mesh
from tests.index.mesh_vocabulary import open_vocabulary
from tests.index.pubmed_trees import trees
from tests.index.test_pubmed_parser import SCRAP_LISTS
from tests.support import shared_data

TODAY = date(2026, 11, 25)


@pytest.fixture(scope="module")
def mesh(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mesh]:
    opened = open_vocabulary(tmp_path_factory.mktemp("mesh"))
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mesh]:
    """The public tables of all of MeSH."""
    folder = shared_data("mesh")
    path = tmp_path_factory.mktemp("real") / "mesh.sqlite"
    files = (folder / "descriptors.jsonl.gz", folder / "mesh_supp_id_label_mappings.tsv.gz")
    build(path, itertools.chain.from_iterable(map(read_mesh, files)), source="public tables")
    opened = Mesh(MeshStore(path))
    yield opened
    opened.close()


def understood(query: str, mesh: Mesh | None, *, strict: bool = True) -> Translation:
    return translate(query, vocabulary=mesh, strict=strict, today=TODAY)


def same(one: str, other: str) -> bool:
    """Whether two translations are equal as sets of leaves and of groups, in whatever order."""
    return _shape(parse(one).node) == _shape(parse(other).node)


def _shape(node: Node) -> object:
    match node:
        case Term():
            text = term_key(node.text) + ("*" if node.truncated else "")
            return text, node.field or "ALL", node.explode, node.subheading, node.proximity
        case Range(low, high, field):
            return low, high, field
        case And(operands) | Or(operands):
            parts: set[object] = set()
            for part in operands:
                shape = _shape(part)
                parts |= shape if type(part) is type(node) and isinstance(shape, frozenset) else {shape}
            return frozenset({type(node).__name__, *parts})
        case Not(kept, dropped):
            return "NOT", _shape(kept), _shape(dropped)
        case Nothing(text):
            return text


AF = "[All Fields]"


@pytest.mark.parametrize(
    ("query", "translation"),
    [
        # a heading; several words: the words and the phrase beside it (contract, section 2.2)
        ("asthma", f'"asthma"[MeSH Terms] OR "asthma"{AF} OR "asthmas"{AF} OR "asthma s"{AF}'),
        (
            "child rearing",
            f'"child rearing"[MeSH Terms] OR ("child"{AF} AND "rearing"{AF}) OR "child rearing"{AF}',
        ),
        # an entry term: the heading's block, then its own
        (
            "odontalgia",
            f'"toothache"[MeSH Terms] OR "toothache"{AF} OR "odontalgia"{AF} OR "odontalgias"{AF} '
            f'OR "odontalgia s"{AF}',
        ),
        (
            "Tick borne disease",
            f'"tick-borne diseases"[MeSH Terms] OR ("tick-borne"{AF} AND "diseases"{AF}) OR "tick-borne diseases"{AF} '
            f'OR ("tick"{AF} AND "borne"{AF} AND "disease"{AF}) OR "tick borne disease"{AF}',
        ),
        (
            "Alzheimer's disease",
            f'"alzheimer disease"[MeSH Terms] OR ("alzheimer"{AF} AND "disease"{AF}) OR "alzheimer disease"{AF} '
            f'OR ("alzheimer s"{AF} AND "disease"{AF}) OR "alzheimer s disease"{AF}',
        ),
        # an inverted heading: inverted as a heading, words in its order, the phrase as one says it
        (
            "neural network",
            f'"neural networks, computer"[MeSH Terms] OR ("neural"{AF} AND "networks"{AF} AND "computer"{AF}) '
            f'OR "computer neural networks"{AF} OR ("neural"{AF} AND "network"{AF}) OR "neural network"{AF}',
        ),
        # a number or letter alone in a heading: no words beside it
        ("protein C", f'"protein c"[MeSH Terms] OR "protein c"{AF}'),
        (
            "type 2 diabetes",
            f'"diabetes mellitus, type 2"[MeSH Terms] OR "type 2 diabetes mellitus"{AF} OR "type 2 diabetes"{AF}',
        ),
        # stopwords vanish from the words and stay in the phrases
        (
            "hemorrhagic fever with renal syndrome",
            '"hemorrhagic fever with renal syndrome"[MeSH Terms] '
            f'OR ("hemorrhagic"{AF} AND "fever"{AF} AND "renal"{AF} AND "syndrome"{AF}) '
            f'OR "hemorrhagic fever with renal syndrome"{AF}',
        ),
        # two headings by one word
        (
            "zika",
            f'"zika virus"[MeSH Terms] OR ("zika"{AF} AND "virus"{AF}) OR "zika virus"{AF} '
            f'OR "zika virus infection"[MeSH Terms] OR ("zika"{AF} AND "virus"{AF} AND "infection"{AF}) '
            f'OR "zika virus infection"{AF} OR "zika"{AF} OR "zikas"{AF} OR "zika s"{AF}',
        ),
        # supplementary concepts
        (
            "WWOX",
            f'"wwox protein human"[Supplementary Concept] OR "wwox protein human"{AF} OR "wwox"{AF}',
        ),
        (
            "interleukin-22",
            f'"il-22 protein"[Supplementary Concept] OR "il-22 protein"{AF} OR "interleukin 22"{AF}',
        ),
        # a heading that is a pharmacological action too
        (
            "anti-bacterial agents",
            f'"anti-bacterial agents"[MeSH Terms] OR ("anti-bacterial"{AF} AND "agents"{AF}) '
            f'OR "anti-bacterial agents"{AF} OR "anti-bacterial agents"[Pharmacological Action] '
            f'OR ("anti"{AF} AND "bacterial"{AF} AND "agents"{AF})',
        ),
        # subheadings, by name, by synonym and beside a heading
        (
            "pathogenesis",
            f'"etiology"[MeSH Subheading] OR "etiology"{AF} OR "pathogenesis"{AF} OR "pathogeneses"{AF}',
        ),
        (
            "therapy",
            f'"therapeutics"[MeSH Terms] OR "therapeutics"{AF} OR "therapy"[MeSH Subheading] OR "therapy"{AF} '
            f'OR "therapies"{AF} OR "therapy s"{AF}',
        ),
        # publication types, with works about them and the other spelling
        (
            "clinical trial",
            f'"clinical trial"[Publication Type] OR "clinical trials as topic"[MeSH Terms] OR "clinical trial"{AF}',
        ),
        (
            "randomised controlled trials",
            '"randomized controlled trial"[Publication Type] OR "randomized controlled trials as topic"[MeSH Terms] '
            f'OR "randomised controlled trials"{AF} OR "randomized controlled trials"{AF}',
        ),
        ("case reports", f'"case reports"[Publication Type] OR "case reports"{AF}'),
        # journals
        (
            "endocrine pathology",
            f'"Endocr Pathol"[Journal] OR ("endocrine"{AF} AND "pathology"{AF}) OR "endocrine pathology"{AF}',
        ),
        ("PNAS[ta] AND 97[vi]", '"PNAS"[Journal] AND "97"[Volume]'),
        ("endocrine pathology[ta]", '"Endocr Pathol"[Journal]'),
        ("1046-3976[ta]", '"Endocr Pathol"[Journal]'),
        ('"endocrine pathology"[ta]', '"endocrine pathology"[Journal]'),
        # authors
        ("ydenberg ca", "ydenberg ca[Author]"),
        # nothing: words with their variants, joined by AND; what has no variants keeps its capitals
        ("warming", f'"warm"{AF} OR "warmed"{AF} OR "warming"{AF} OR "warming s"{AF} OR "warmings"{AF} OR "warms"{AF}'),
        ("GENCODE 2023", f'"GENCODE"{AF} AND "2023"{AF}'),
        # longest match from the left
        (
            "vitamin c common cold",
            f'("ascorbic acid"[MeSH Terms] OR ("ascorbic"{AF} AND "acid"{AF}) OR "ascorbic acid"{AF} '
            f'OR "vitamin c"{AF}) '
            f'AND ("common cold"[MeSH Terms] OR ("common"{AF} AND "cold"{AF}) OR "common cold"{AF})',
        ),
        ("the asthma of", f'"asthma"[MeSH Terms] OR "asthma"{AF} OR "asthmas"{AF} OR "asthma s"{AF}'),
        # quotes, tags and asterisks switch it off
        ('"asthma"', f'"asthma"{AF}'),
        ("asthma[tiab]", '"asthma"[Title/Abstract]'),
        ("asthma*", f'"asthma*"{AF}'),
        ("asthma[all]", f'"asthma"[MeSH Terms] OR "asthma"{AF} OR "asthmas"{AF} OR "asthma s"{AF}'),
        ('"asthma"[all]', f'"asthma"{AF}'),
        ('"momo syndrome"[tiab:~0]', '"momo syndrome"[Title/Abstract:~0]'),
        ('"[18F]FDG"[tiab]', '"18f fdg"[Title/Abstract]'),
        # headings: entry terms, one or more, subheadings, explosion, parentheses in names
        ("odontalgia[mh]", '"toothache"[MeSH Terms]'),
        ('"Asthma"[Mesh]', '"Asthma"[MeSH Terms]'),
        ("zika[mh]", '"zika virus"[MeSH Terms] OR "zika virus infection"[MeSH Terms]'),
        ('"zika"[mh]', '"zika virus"[MeSH Terms]'),
        ("tumours[majr:noexp]", '"neoplasms"[MeSH Major Topic:noexp]'),
        ("hypertension/dh[mh]", '"hypertension/diet therapy"[MeSH Terms]'),
        ("hypertension/therapy", '"hypertension/therapy"[MeSH Terms]'),
        ("benzo a pyrene[mh]", '"benzo(a)pyrene"[MeSH Terms]'),
        ("benzo[a]pyrene[mh]", '"benzo(a)pyrene"[MeSH Terms]'),
        ("th[sh]", '"therapy"[MeSH Subheading]'),
        ("statistics and numerical data[sh:noexp]", '"statistics & numerical data"[MeSH Subheading:noexp]'),
        ("wwox[nm]", '"wwox protein human"[Supplementary Concept]'),
        ("clinical trials[pt]", '"clinical trial"[Publication Type]'),
        ("antibiotics[pa]", '"anti-bacterial agents"[Pharmacological Action]'),
        (
            "asthma review[pt]",
            f'("asthma"[MeSH Terms] OR "asthma"{AF} OR "asthmas"{AF} OR "asthma s"{AF}) AND "review"[Publication Type]',
        ),
        # dates and filters
        ("2023[PDAT]", "2023/01/01:2023/12/31[Date - Publication]"),
        ('"last 5 years"[dp]', "2021/11/25:3000/12/31[Date - Publication]"),
        ("last 60 days[edat]", "2026/09/26:2026/11/25[Date - Entry]"),
        ('"last 2 months"[crdt]', "2026/09/25:2026/11/25[Date - Create]"),
        ("hasabstract AND ownernasa", '"hasabstract"[Filter] AND "ownernasa"[Filter]'),
        ("indexingmethod_curated", '"indexingmethod_curated"[Filter]'),
        ("medline[sb]", '"medline"[Filter]'),
        ("y_10[Filter]", "2016/11/25:3000/12/31[Date - Publication]"),
        ("Diagnosis/Narrow[filter]", '"specificity"[Title/Abstract]'),
        ("29440426", "29440426[UID]"),
    ],
)
def test_translation(mesh: Mesh, query: str, translation: str) -> None:
    found = understood(query, mesh)
    assert same(found.text, translation), found.text
    assert understood(query, mesh).text == found.text


def test_words_that_are_filters_without_a_tag(mesh: Mesh) -> None:
    """The list of the contract's section 7."""
    words = """
        hasabstract hasstructuredabstract hasnonenglishabstract haskeyword hascois hasdatabanklist hasnihmsid
        pubstatusaheadofprint pubstatusnihms pubstatuspmcsd pmcbook pmcbooktitle pmcbookchapter
        indexingmethod_automated indexingmethod_curated hascommentin hascommenton hascorrectedrepublishedin
        hascorrectedrepublishedfrom hasassociatedpublication hasassociateddataset haserratumin haserratumfor
        hasexpressionofconcernin hasexpressionofconcernfor hasoriginalreportin hasrepublishedin hasrepublishedfrom
        hasretractedandrepublishedin hasretractedandrepublishedfrom hasretractionin hasretractionof
        hassummaryforpatientsin hasupdatein hasupdateof ownernasa
    """.split()
    for word in words:
        assert understood(word, mesh).mapped == Term(word, "FILT")
    assert understood("hashimoto owner", mesh).mapped != And((Term("hashimoto", "FILT"), Term("owner", "FILT")))


@pytest.mark.parametrize("field", search_tags.FIELDS, ids=lambda field: field.code)
def test_every_tag_by_every_name(mesh: Mesh, field: search_tags.SearchField) -> None:
    """The contract's section 3. A word, a PMID and a year are tried, and one of them suits every field."""
    for tag in (field.name, field.code, *field.tags):
        for spelled in (tag, tag.upper(), f" {tag} "):
            text = {"UID": "123", "FILT": "medline"}.get(field.code, "2020" if field.ranges else "asthma")
            found = understood(f"{text}[{spelled}]", mesh, strict=False)
            if field.code != "ALL":
                assert {code for _, code in leaves(found.parsed)} == {field.code}
            assert field.code in {code for _, code in leaves(found.mapped)} or isinstance(found.mapped, Nothing)


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("asthma[foo]", "character 7.*no field.*"),
        ("asthma[ab]", "write \\[tiab\\] instead"),
        ("(asthma OR copd)[tiab]", "after a parenthesis"),
        ("asthma AND #3", "another session"),
        ("exp Asthma/ AND x", "Ovid"),
        ("asthma AND 2020-2024[dp]", "write 2020:2024 instead"),
        ("asthma AND etiology/wide[filter]", "no filter"),
        ("asthma AND nonsense[sb]", "no filter"),
        ("((", "nothing to search for"),
        ("", "nothing to search for"),
    ],
)
def test_mistakes_are_refused_in_strict_mode_and_told_in_faithful(mesh: Mesh, query: str, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        understood(query, mesh)
    faithful = understood(query, mesh, strict=False)
    assert any(note.severity == "error" for note in faithful.notes)


def test_faithful_does_what_pubmed_does(mesh: Mesh) -> None:
    """The live table of the contract's section 7."""

    def text(query: str) -> str:
        return understood(query, mesh, strict=False).text

    assert text("asthma[foo]") == text("asthma [tiabb]") == text("asthma")
    assert text("(asthma OR toothache)[tiab]") == text("asthma OR toothache")
    assert text("asthma[mh:~3]") == text("asthma[mh]")
    assert text('"asthma* control"[tiab:~2]') == text('"asthma control"[tiab]')
    assert text("intervent\u2217[ti]") == '"intervent"[Title]'
    assert isinstance(understood("the[tiab]", mesh, strict=False).mapped, Nothing)
    both = understood("the[tiab] AND asthma[tiab]", mesh, strict=False).mapped
    assert both == And((Nothing("the"), Term("asthma", "TIAB", quoted=True)))
    wrong = '"Atherosclerotic Cardiovascular Disease"[Mesh]'
    assert text(wrong) == wrong  # PubMed echoes what it does not find at all
    assert text(f"{wrong} OR asthma[ti]") == '"asthma"[Title]'
    journal = '"BMJ Simulation &amp; Learning"[jour]'
    assert text(journal) != text(journal.replace("&amp;", "&"))
    assert understood(journal, mesh).text == text(journal.replace("&amp;", "&"))


def test_phrases_that_the_index_does_not_know(mesh: Mesh) -> None:
    def known(field: str, phrase: str) -> bool:
        return phrase in {"heart attack", "psittacine", "flight", "flights", "psittacines"}

    def text(query: str, *, strict: bool = True) -> str:
        return translate(query, vocabulary=mesh, strict=strict, today=TODAY, phrase_known=known).text

    assert text('"heart attack"[tiab]') == '"heart attack"[Title/Abstract]'
    assert same(
        text("psittacine flight[tw]"),
        f'("psittaciformes"[MeSH Terms] OR "psittaciformes"{AF} OR "psittacine"{AF} OR "psittacines"{AF}) '
        'AND "flight"[Text Word]',
    )
    assert text('"body battery"[tiab] OR flight[ti]', strict=False) == '"flight"[Title]'
    assert text('"body battery"[tiab] OR flight[ti]') == '"body battery"[Title/Abstract] OR "flight"[Title]'
    assert text("flight") == f'"flight"{AF} OR "flights"{AF}'  # variants that no article has are left out


def test_authors_are_looked_up_where_they_can_be(mesh: Mesh) -> None:
    def known(field: str, phrase: str) -> bool:
        return (field, phrase) in {("FULL", "smith jm"), ("FAUN", "doe jane")}

    def text(query: str) -> str:
        return translate(query, vocabulary=mesh, strict=True, today=TODAY, phrase_known=known).text

    assert text("smith jm") == "smith jm[Author]"
    assert text("jones jm") == f'"jones"{AF} AND "jm"{AF}'
    assert text("jane doe") == f'"doe jane"{"[Author - Full]"}'
    assert understood("stage iv", mesh).text == f'("stage"{AF} OR "stage s"{AF} OR "stages"{AF}) AND "iv"{AF}'


def test_the_set_of_translations(mesh: Mesh) -> None:
    found = understood("odontalgia[mh] AND asthma", mesh)
    assert found.terms == (
        ("odontalgia[MeSH Terms]", '"toothache"[MeSH Terms]'),
        ("asthma", f'"asthma"[MeSH Terms] OR "asthma"{AF} OR "asthma s"{AF} OR "asthmas"{AF}'),
    )
    assert isinstance(found.parsed, And)
    assert found.query == "odontalgia[mh] AND asthma"


@pytest.mark.parametrize("scope", ["broad", "narrow"])
@pytest.mark.parametrize("category", ["Therapy", "Diagnosis", "Etiology", "Prognosis", "Clinical Prediction Guides"])
def test_every_clinical_query_stands_for_its_strategy(mesh: Mesh, category: str, scope: str) -> None:
    found = understood(f"{category}/{scope.capitalize()}[filter]", mesh)
    assert not found.notes
    assert "[Filter]" not in found.text
    assert "[" in found.text


def test_systematic_is_the_strategy_of_nlm(mesh: Mesh) -> None:
    found = understood("asthma[ti] AND systematic[sb]", mesh)
    assert not found.notes
    assert '"systematic scoping review"[Title]' in found.text
    assert '"protocols"[Title])) NOT "medline"[Filter]' in found.text
    assert found.text.endswith('OR "Systematic Review"[Publication Type])')


@pytest.mark.parametrize(
    ("query", "text", "words", "suggestion"),
    [
        ('"Bronchial Asthmatic Diseases"[mh]', '"Bronchial Asthmatic Diseases"[mh]', "no heading", None),
        ("asthmas attack[majr]", "asthmas attack[majr]", "no heading", '"Asthma"'),
        ("review[mh]", "review[mh]", "publication type", None),
        ("asthma/love[mh]", "asthma/love[mh]", "no subheading 'love'", None),
        ("love[sh]", "love[sh]", "no subheading", None),
        ("love[pt]", "love[pt]", "no publication type", None),
        ("aspirin[pa]", "aspirin[pa]", "no pharmacological action", None),
        ("the[tiab] AND asthma[mh]", "the[tiab]", "does not index this word", None),
        ("a[ti] or b[ti]", "or", "capitals", "OR"),
    ],
)
def test_warnings(mesh: Mesh, query: str, text: str, words: str, suggestion: str | None) -> None:
    (note,) = (note for note in understood(query, mesh).notes if words in note.message)
    assert query[note.start : note.end] == text
    assert note.suggestion == suggestion


def test_without_mesh_the_search_works_and_says_what_it_cannot_do() -> None:
    found = understood("randomised trial AND asthma[mh] AND dh[sh] AND hypertension/th[majr]", None)
    assert same(
        found.text,
        f'("randomise"{AF} OR "randomised"{AF} OR "randomises"{AF} OR "randomising"{AF} OR "randomize"{AF} '
        f'OR "randomized"{AF} OR "randomizes"{AF} OR "randomizing"{AF}) '
        f'AND ("trial"{AF} OR "trials"{AF} OR "trial s"{AF}) AND "asthma"[MeSH Terms] '
        'AND "diet therapy"[MeSH Subheading] AND "hypertension/therapy"[MeSH Major Topic]',
    ), found.text
    assert [note.message for note in found.notes if "ingest mesh" in note.message]
    assert understood("asthma", None).notes
    assert not understood("asthma[ti]", None).notes


# -- families --------------------------------------------------------------------------------------


def test_families(mesh: Mesh) -> None:
    assert mesh.heading_family("asthma") == ("Asthma", "Status Asthmaticus")
    assert set(mesh.heading_family("Bronchial Diseases")) == {"Bronchial Diseases", "Asthma", "Status Asthmaticus"}
    assert mesh.heading_family("no such heading") == ("no such heading",)
    assert mesh.publication_type_family("review") == ("Review", "Systematic Review")
    assert mesh.publication_type_family("Asthma") == ("Asthma",)
    assert mesh.heading_family("Review") == ("Review",)
    assert mesh.subheading_family("SU") == ("surgery", "transplantation")
    assert mesh.substances("anti-bacterial agents") == ("Penicillins",)


# -- everything at once ----------------------------------------------------------------------------


@given(st.one_of(st.text(max_size=60), SCRAP_LISTS.map(" ".join)), st.booleans(), st.booleans())
@settings(max_examples=250, deadline=None)
def test_no_text_is_too_odd(mesh: Mesh, query: str, strict: bool, with_mesh: bool) -> None:
    try:
        found = translate(
            query,
            vocabulary=mesh if with_mesh else None,
            strict=strict,
            today=TODAY,
            phrase_known=lambda field, phrase: len(phrase) % 2 == 0,
        )
    except UsageError:
        assert strict
        return
    assert all(field for _, field in leaves(found.mapped))
    for note in found.notes:
        assert 0 <= note.start <= note.end <= len(query)


@given(trees())
@settings(max_examples=100, deadline=None)
def test_a_translation_translates_to_itself(mesh: Mesh, node: Node) -> None:
    """What is printed for people can be put in as a query, and means the same."""
    try:
        first = translate(to_query(node), vocabulary=mesh, strict=False, today=TODAY)
    except UsageError:
        return
    if "Nothing(" in repr(first.mapped):
        return
    second = translate(to_query(first.mapped), vocabulary=mesh, strict=False, today=TODAY)
    assert set(leaves(second.mapped)) == set(leaves(first.mapped))


def test_real_pairs_have_their_mesh_part(real: Mesh) -> None:
    """Whatever PubMed mapped to MeSH that the public tables lead to; what else differs is named by its cause."""
    rows = (shared_data("..") / "contract" / "query_translation_pairs.jsonl").read_text().splitlines()
    compared = [compare(pair["query"], pair["translation"], real, TODAY) for pair in map(json.loads, rows)]
    unexplained = [one.query for one in compared if one.cause == "more than PubMed maps"]
    assert unexplained == []
    assert sum(one.mesh_equal for one in compared) >= 72
    assert len(compared) == 89


def test_real_queries_are_taken_and_fast(real: Mesh) -> None:
    folder = shared_data("sysrev_seed")
    slowest = 0.0
    for line in (folder / "queries.jsonl").read_text().splitlines():
        metadata = json.loads(line)["metadata"]
        for form in ("pubmed_boolean", "pubmed_boolean_edited"):
            for strict in (True, False):
                began = time.perf_counter()
                found = understood(metadata[form], real, strict=strict)
                slowest = max(slowest, time.perf_counter() - began)
                assert not isinstance(found.mapped, Nothing)
                assert not [note for note in found.notes if note.severity == "error"]
    assert slowest < 2  # milliseconds; the machine may be busy
    for line in (shared_data("clef_tar") / "queries.jsonl").read_text().splitlines():
        metadata = json.loads(line)["metadata"]
        if metadata["boolean_syntax_guess"] == "pubmed":
            assert understood(metadata["boolean_query"], real).text
        else:
            with pytest.raises(UsageError, match="Ovid"):
                understood(metadata["boolean_query"], real)


def test_many_searches_a_second(real: Mesh) -> None:
    understood("vitamin c common cold", real)
    began = time.perf_counter()
    for _ in range(20):
        understood("does aspirin prevent stroke and heart attack in elderly patients with type 2 diabetes", real)
    assert (time.perf_counter() - began) / 20 < 0.2  # 3 ms on an idle machine
