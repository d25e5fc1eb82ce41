"""How our translations of PubMed queries compare with PubMed's own, as sets.

    python benchmarks/translation.py --pairs PAIRS.jsonl DESCRIPTORS SUPPLEMENTARY

Pairs are JSON lines with ``query``, ``translation`` and ``era``. A translation is compared as the set of its leaves
(text and field, without regard to case and apostrophes), and its MeSH part (headings, major topics, subheadings,
publication types, supplementary concepts) by itself. What differs is listed by cause.
"""

from __future__ import annotations

import argparse
import itertools
import json
import re
import statistics
import tempfile
import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from pubmed_rag.core.errors import UsageError
from pubmed_rag.core.mesh import term_key
from pubmed_rag.core.mesh_store import MeshStore, build
from pubmed_rag.index.mesh import Mesh
from pubmed_rag.index.pubmed_ast import And, Node, Not, Nothing, Or, Range, Term
from pubmed_rag.index.pubmed_parser import parse
from pubmed_rag.index.pubmed_query import translate
from pubmed_rag.ingest.mesh_files import read_mesh

Leaf = tuple[str, str]
CONTROLLED = frozenset({"MESH", "MAJR", "SUBH", "PTYP", "SUBS", "PAPX"})
DATE_PARAMETERS = re.compile(r"\s*\(reldate=\d+, datetype=\w+\)\s*$")


@dataclass(frozen=True, slots=True)
class Compared:
    """One pair: leaves only theirs and only ours, and the same of the MeSH part."""

    query: str
    theirs: frozenset[Leaf]
    ours: frozenset[Leaf]
    cause: str

    @property
    def mesh_equal(self) -> bool:
        return controlled(self.theirs) == controlled(self.ours)

    @property
    def overlap(self) -> float:
        """Leaves in both of all leaves."""
        return len(self.theirs & self.ours) / len(self.theirs | self.ours) if self.theirs | self.ours else 1.0


def leaves(node: Node) -> Iterable[Leaf]:
    """Text and field of every leaf, comparable between printings."""
    pending = [node]
    while pending:
        match pending.pop():
            case Term() as term:
                text = term.text if term.subheading is None else f"{term.text}/{term.subheading}"
                yield term_key(text) + ("*" if term.truncated else ""), term.field or "ALL"
            case Range(low, high, field):
                yield f"{low}:{high}", field
            case And(operands) | Or(operands):
                pending += operands
            case Not(kept, dropped):
                pending += [kept, dropped]
            case Nothing(text):
                yield term_key(text), "ALL"


def controlled(found: frozenset[Leaf]) -> frozenset[Leaf]:
    """The leaves in controlled vocabularies."""
    return frozenset(leaf for leaf in found if leaf[1] in CONTROLLED)


def compare(query: str, translation: str, mesh: Mesh, today: date) -> Compared:
    """Our translation against ``translation``."""
    asked = DATE_PARAMETERS.sub("", query)
    theirs = frozenset(leaf for leaf in leaves(parse(translation).node) if asked == query or leaf[1] != "EDAT")
    printed = {text for text, _ in theirs}

    def phrase_known(field: str, phrase: str) -> bool:
        """PubMed's phrase index, as far as its translation shows it: a tagged phrase that it printed."""
        return field not in {"FULL", "FAUN"} and (" " not in phrase or field == "ALL" or term_key(phrase) in printed)

    try:
        text = translate(asked, vocabulary=mesh, strict=False, today=today, phrase_known=phrase_known).text
        ours = frozenset(leaves(parse(text).node))
    except UsageError:
        ours = frozenset()
    return Compared(query, theirs, ours, cause(asked, theirs, ours, mesh))


def cause(query: str, theirs: frozenset[Leaf], ours: frozenset[Leaf], mesh: Mesh) -> str:
    """Why the MeSH part differs, decided from the tables alone."""
    missing, extra = controlled(theirs) - controlled(ours), controlled(ours) - controlled(theirs)
    if not missing and not extra:
        return ""
    if any(field == "JOUR" for _, field in theirs) and extra:
        return "journal (no list of journals in the tables)"
    names = {text for text, field in missing if field in {"MESH", "MAJR"}}
    if names and not all(mesh.meanings([name]) for name in names):
        return "heading of another year"
    if any(field == "SUBH" for _, field in missing) and not names:
        return "synonym of a subheading (qualifier file not in the tables)"
    if missing and not mesh.meanings([term_key(query)]):
        return "the query is no term of the tables (UMLS synonym or word variant of NLM's)"
    if missing:
        return "a second meaning, by a UMLS synonym"
    return "more than PubMed maps"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tables", nargs="+", type=Path, help="files of MeSH")
    parser.add_argument("--pairs", required=True, type=Path)
    parser.add_argument("--json", action="store_true", help="one line a pair, with what differs")
    options = parser.parse_args()
    rows = [json.loads(line) for line in options.pairs.read_text(encoding="utf-8").splitlines() if line.strip()]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "mesh.sqlite"
        began = time.perf_counter()
        info = build(path, itertools.chain.from_iterable(map(read_mesh, options.tables)), source="benchmark")
        built = time.perf_counter() - began
        mesh = Mesh(MeshStore(path))
        compared = [compare(row["query"], row["translation"], mesh, date(2026, 1, 1)) for row in rows]
        took = [_milliseconds(row["query"], mesh) for row in rows]
        held = [
            one for one in compared if not one.cause or mesh.meanings([term_key(DATE_PARAMETERS.sub("", one.query))])
        ]
        mesh.close()
    if options.json:
        for one in compared:
            print(json.dumps(_as_json(one)))
        return
    print(f"{info.counts.descriptors:,} descriptors, {info.counts.supplementary_concepts:,} supplementary concepts")
    print(
        f"MeSH built in {built:.1f} s; a translation takes {statistics.median(took):.2f} ms (most: {max(took):.1f})\n"
    )
    equal = sum(one.mesh_equal for one in compared)
    whole = sum(one.theirs == one.ours for one in compared)
    print("| pairs | MeSH part equal | all leaves equal | leaves in common, mean |\n|---|---|---|---|")
    print(f"| all {len(compared)} | {equal} | {whole} | {statistics.mean(one.overlap for one in compared):.2f} |")
    same = sum(one.mesh_equal for one in held)
    print(f"| whose MeSH part is equal or whose query is a term of the tables: {len(held)} | {same} | | |")
    print("\n| cause of a different MeSH part | pairs | which |\n|---|---|---|")
    for reason, number in Counter(one.cause for one in compared if one.cause).most_common():
        which = ", ".join(one.query for one in compared if one.cause == reason)
        print(f"| {reason} | {number} | {which} |")


def _milliseconds(query: str, mesh: Mesh) -> float:
    began = time.perf_counter()
    translate(query, vocabulary=mesh, strict=False, today=date(2026, 1, 1))
    return (time.perf_counter() - began) * 1000


def _as_json(one: Compared) -> dict[str, object]:
    return {
        "query": one.query,
        "mesh_equal": one.mesh_equal,
        "cause": one.cause,
        "only_theirs": sorted(map(list, one.theirs - one.ours)),
        "only_ours": sorted(map(list, one.ours - one.theirs)),
    }


if __name__ == "__main__":
    main()
