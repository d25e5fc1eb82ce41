"""Systems under test, by name. Each goes through the same door as the product, so what is measured is what is used."""

from __future__ import annotations

import difflib
import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path
from typing import Any, Protocol, cast

import msgspec

from pubmed_rag.core.errors import UsageError
from pubmed_rag.core.files import sha256_of
from pubmed_rag.core.records import Filters, SearchMode, SearchResult
from pubmed_rag.eval.collections import Topic
from pubmed_rag.eval.provenance import ENGINES, ranking_code_digest, versions
from pubmed_rag.eval.pubmed_live import LiveSearch, Sort, ids_key
from pubmed_rag.eval.rewriting import REWRITINGS, Rewriter, TextGenerator
from pubmed_rag.index.generation import Manifest
from pubmed_rag.index.rerankers import is_reranker

KINDS: Mapping[str, str] = {
    "bm25": "words, ranked by BM25",
    "bm25-plain": "words of title and abstract as one field, by BM25 as papers report it: no weights, nothing tuned",
    "dense": "vectors of title and abstract",
    "hybrid": "words, vectors and sentence vectors together",
    "pubmed": "PubMed's keyword search as this program emulates it: term mapping, Boolean, then ranking",
    "pubmed-live": "PubMed itself, asked through E-utilities and recorded",
    "expert-boolean": "the Boolean query that an information specialist wrote for the topic, on the emulated PubMed",
    "recorded": "a TREC run file made elsewhere",
}
"""Kinds of systems a challenge file can declare."""


@dataclass(frozen=True, slots=True)
class ScoredDoc:
    """A document a system returned. Scores compare within one topic of one system only."""

    doc_id: str
    score: float


class System(Protocol):
    """Something that ranks documents for a topic."""

    @property
    def name(self) -> str:
        """Names its run file: letters, digits, ``.``, ``_``, ``+``, ``-``."""

    @property
    def configuration(self) -> Mapping[str, str]:
        """Everything that could change its rankings, index and code included. A cached run is reused if it is equal."""

    @property
    def remote(self) -> bool:
        """True if it asks a service elsewhere: then no question is put to it for warming up."""

    def run(self, topic: Topic, depth: int) -> list[ScoredDoc]:
        """At most ``depth`` documents, each once, best first; where scores and order disagree, the order holds.

        Where the topic has candidates, only those.
        """


class Engine(Protocol):
    """The part of :class:`pubmed_rag.index.search.Searcher` that a system needs."""

    def search(
        self, query: str, *, mode: SearchMode, top: int, filters: Filters | None = None, strict: bool = True
    ) -> SearchResult:
        """The best ``top`` articles, ranked from 1. Mode ``pubmed`` passes over mistakes unless ``strict``."""


@dataclass(frozen=True, slots=True)
class SystemSpec:
    """A system as a challenge file declares it: what kind, and how it differs from the kind's plain form.

    ``query`` is one of the rewritings; ``sort`` and ``until`` (ISO date) are PubMed's; ``encoder`` is a model
    name or folder other than the settings'; ``run`` a TREC file. ``options`` go to the search as they are, for
    what a mode offers beyond. ``collections`` are the only ones it runs on, all if empty. ``about`` is shown in
    the report.
    """

    name: str
    kind: str
    query: str = "raw"
    sort: Sort = "relevance"
    until: str | None = None
    encoder: str | None = None
    run: str | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    collections: tuple[str, ...] = ()
    about: str = ""


@dataclass(frozen=True, slots=True)
class SystemContext:
    """What systems are made from: an engine, and the manifest of the index generation it serves; neither where the
    collection has no documents.

    ``vocabulary`` says which MeSH the emulated PubMed has. ``documents`` are the collection's ids, to which live
    PubMed is limited; ``generator`` writes rewritten queries, kept in ``memory``; ``encoders`` gives engine and
    manifest of another encoder by its name. ``texts`` gives id and text of every document.
    """

    engine: Engine | None
    index: Manifest | None
    vocabulary: Mapping[str, str] = field(default_factory=dict)
    live: LiveSearch | None = None
    documents: tuple[str, ...] = ()
    generator: TextGenerator | None = None
    memory: Path | None = None
    encoders: Callable[[str], tuple[Engine, Manifest]] | None = None
    texts: Callable[[], Iterable[tuple[str, str]]] | None = None


class EngineSystem:
    """One search mode of the product over one index generation, asked what a rewriter makes of the topic."""

    remote = False

    def __init__(
        self,
        name: str,
        mode: SearchMode,
        engine: Engine,
        index: Manifest,
        *,
        rewriter: Rewriter | None = None,
        options: Mapping[str, Any] | None = None,
        facts: Mapping[str, str] | None = None,
    ) -> None:
        self._name = name
        self._mode = mode
        self._engine = cast(Any, engine)  # options are the mode's own: no protocol lists them all
        self._rewriter = rewriter or Rewriter("raw")
        self._options = dict(options or {})
        self._configuration = {
            "mode": mode,
            **{key: str(value) for key, value in self._options.items()},
            **(self._rewriter.configuration if self._rewriter.name != "raw" else {}),
            **(facts or {}),
            **_index_facts(index),
            "code": ranking_code_digest(),
            **versions(ENGINES),
        }

    @property
    def name(self) -> str:
        return self._name

    @property
    def configuration(self) -> Mapping[str, str]:
        return self._configuration

    def query_for(self, topic: Topic) -> str | None:
        """What the engine is asked; ``None`` where there is nothing to ask."""
        return self._rewriter(topic.text)

    def run(self, topic: Topic, depth: int) -> list[ScoredDoc]:
        query = self.query_for(topic)
        if query is None:
            return []
        filters = Filters(ids=topic.candidates) if topic.candidates else None
        top = min(depth, len(topic.candidates)) if topic.candidates else depth
        result: SearchResult = self._engine.search(query, mode=self._mode, top=top, filters=filters, **self._options)
        return [ScoredDoc(hit.id, hit.score) for hit in result.hits]


class ExpertBoolean(EngineSystem):
    """The topic's own Boolean query on the emulated PubMed; a topic without one gets nothing."""

    def query_for(self, topic: Topic) -> str | None:
        return topic.boolean_query


class LiveSystem:
    """PubMed itself. A position in its list is all there is, so the score falls by one from rank to rank."""

    remote = True

    def __init__(
        self,
        spec: SystemSpec,
        live: LiveSearch,
        documents: tuple[str, ...],
        rewriter: Rewriter,
    ) -> None:
        self._spec = spec
        self._live = live
        self._documents = documents
        self._rewriter = rewriter
        self._until = date.fromisoformat(spec.until) if spec.until else None

    @property
    def name(self) -> str:
        return self._spec.name

    @property
    def configuration(self) -> Mapping[str, str]:
        return {
            "kind": self._spec.kind,
            "sort": self._spec.sort,
            "until": self._spec.until or "",
            "within": ids_key(self._documents),
            **self._rewriter.configuration,
        }

    def run(self, topic: Topic, depth: int) -> list[ScoredDoc]:
        query = self._rewriter(topic.text)
        answer = self._live.search(query, self._spec.sort, self._documents, self._until)
        wanted = set(topic.candidates) or set(self._documents)
        pmids = [pmid for pmid in answer.pmids if not wanted or pmid in wanted]
        return [ScoredDoc(pmid, float(-rank)) for rank, pmid in enumerate(pmids[:depth], start=1)]


class RecordedSystem:
    """A TREC run file made elsewhere: what another program returned."""

    remote = True  # nothing to warm up

    def __init__(self, name: str, path: Path) -> None:
        from pubmed_rag.eval.runs import read_run  # which needs this module's ScoredDoc

        self._name = name
        self._rankings = read_run(path)
        self._digest = sha256_of(path)

    @property
    def name(self) -> str:
        return self._name

    @property
    def configuration(self) -> Mapping[str, str]:
        return {"kind": "recorded", "run": self._digest}

    def run(self, topic: Topic, depth: int) -> list[ScoredDoc]:
        wanted = set(topic.candidates)
        ranking = [document for document in self._rankings.get(topic.id, ()) if not wanted or document.doc_id in wanted]
        return ranking[:depth]


_NAMED: Mapping[str, SystemSpec] = {
    spec.name: spec
    for spec in (
        SystemSpec("bm25", "bm25"),
        SystemSpec("bm25-plain", "bm25-plain"),
        SystemSpec("dense", "dense"),
        SystemSpec("hybrid", "hybrid"),
        SystemSpec("hybrid-no-sentences", "hybrid", options={"sentences": False}),
        SystemSpec("rrf", "hybrid", options={"fusion": "rrf"}),
        SystemSpec("hybrid+ranker", "hybrid", options={"rerank": "learned"}),
        SystemSpec("hybrid+likelihood", "hybrid", options={"rerank": "likelihood"}),
        SystemSpec("pubmed", "pubmed", query="keywords"),
        SystemSpec("pubmed-raw", "pubmed"),
        SystemSpec("pubmed-any", "pubmed", query="any-keyword"),
        SystemSpec("pubmed-date", "pubmed", query="keywords", sort="date"),
        SystemSpec("expert-boolean", "expert-boolean"),
    )
}
"""Systems that need no file to declare them. A new one is one more entry here."""


def system_names() -> tuple[str, ...]:
    """The names that need no declaration."""
    return tuple(_NAMED)


def named_specs(names: Sequence[str]) -> tuple[SystemSpec, ...]:
    """The systems of these names, in order.

    Raises :class:`UsageError` for no name, an unknown one (with the nearest known) or one that stands twice.
    """
    if not names:
        raise UsageError("no system was named", remedy=f"choose from {', '.join(_NAMED)}")
    for name in names:
        if name not in _NAMED:
            near = difflib.get_close_matches(name, _NAMED, n=1)
            known = f"known systems: {', '.join(_NAMED)}"
            raise UsageError(f"unknown system '{name}'", remedy=f"did you mean '{near[0]}'? {known}" if near else known)
        if names.count(name) > 1:
            raise UsageError(f"system '{name}' is named twice")
    return tuple(_NAMED[name] for name in names)


def check_spec(spec: SystemSpec) -> None:
    """Raise :class:`UsageError` for a declaration that no system can be made of, before anything is built."""
    where = f"system '{spec.name}'"
    if spec.kind not in KINDS:
        near = difflib.get_close_matches(spec.kind, KINDS, n=1)
        known = f"known kinds: {', '.join(KINDS)}"
        raise UsageError(f"{where}: unknown kind '{spec.kind}'", remedy=f"did you mean '{near[0]}'?" if near else known)
    if spec.query not in REWRITINGS:
        raise UsageError(f"{where}: unknown query '{spec.query}'", remedy=f"choose from {', '.join(REWRITINGS)}")
    if (spec.kind == "recorded") != (spec.run is not None):
        raise UsageError(f"{where}: 'run' names a TREC file for the kind 'recorded', and only there")
    _check_options(spec, where)
    if spec.until is not None:
        try:
            date.fromisoformat(spec.until)
        except ValueError:
            raise UsageError(f"{where}: until = '{spec.until}' is not a date", remedy="write 2024-12-31") from None


_OPTIONS: Mapping[str, Mapping[str, Callable[[Any], bool]]] = {
    "bm25-plain": {"k1": lambda v: _is_amount(v), "b": lambda v: _is_amount(v)},
    "hybrid": {
        "fusion": lambda v: v in ("sum", "rrf"),
        "sentences": lambda v: isinstance(v, bool),
        "rerank": lambda v: isinstance(v, str) and is_reranker(v),
    },
}
"""What may stand in ``options``, by kind, and whether a value can."""


def _is_amount(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and value >= 0


def _check_options(spec: SystemSpec, where: str) -> None:
    known = _OPTIONS.get(spec.kind, {})
    for key, value in spec.options.items():
        if key not in known:
            remedy = f"known for '{spec.kind}': {', '.join(known)}" if known else f"the kind '{spec.kind}' has none"
            raise UsageError(f"{where}: unknown option '{key}'", remedy=remedy)
        if not known[key](value):
            raise UsageError(f"{where}: {value!r} cannot be the option '{key}'")


def make_system(spec: SystemSpec, context: SystemContext) -> System:
    """The system that ``spec`` declares. Raises :class:`UsageError` where the context lacks what it needs."""
    check_spec(spec)
    if spec.run is not None:
        return RecordedSystem(spec.name, Path(spec.run))
    rewriter = Rewriter(spec.query, context.generator, context.memory)
    if spec.kind == "pubmed-live":
        if context.live is None:
            raise UsageError(f"system '{spec.name}' asks PubMed itself, which is not set up here")
        return LiveSystem(spec, context.live, context.documents, rewriter)
    if spec.kind == "bm25-plain" and context.texts is not None:
        from pubmed_rag.eval.plain_bm25 import PlainBm25System  # which needs this module's ScoredDoc

        return PlainBm25System(spec.name, context.texts, rewriter, **spec.options)
    if spec.encoder is not None:
        if context.encoders is None:
            raise UsageError(f"system '{spec.name}' names an encoder, and none can be loaded here")
        engine, index = context.encoders(spec.encoder)
        context = replace(context, engine=engine, index=index)
    if context.engine is None or context.index is None:
        raise UsageError(f"system '{spec.name}' searches documents, and this collection has none")
    options = dict(spec.options)
    mode = cast(SearchMode, spec.kind)
    made, facts = EngineSystem, None
    if spec.kind in ("pubmed", "expert-boolean"):
        options = {"sort": spec.sort, "strict": False, **options}  # as PubMed takes it, mistakes and all
        mode, facts = "pubmed", context.vocabulary
        made = ExpertBoolean if spec.kind == "expert-boolean" else EngineSystem
    if rerank := options.get("rerank"):
        facts = {"reranker": cast(Any, context.engine).reranker_name(rerank)}  # which one exactly: it can be retrained
    return made(spec.name, mode, context.engine, context.index, rewriter=rewriter, options=options, facts=facts)


def make_systems(names: Sequence[str], context: SystemContext) -> tuple[System, ...]:
    """The systems of these names, in order. Raises what :func:`named_specs` raises."""
    return tuple(make_system(spec, context) for spec in named_specs(names))


def _index_facts(manifest: Manifest) -> dict[str, str]:
    """The digest of an index manifest, which has the checksums of all its files, and the main facts from it."""
    return {
        "index": hashlib.sha256(msgspec.json.encode(manifest, order="deterministic")).hexdigest()[:16],
        "generation": manifest.generation,
        "articles": str(manifest.articles),
        "sentences": str(manifest.sentences),
        "model": manifest.model,
        "model_revision": manifest.model_revision,
        "dimension": str(manifest.dimension),
        "factory": manifest.factory,
        "analyzer": manifest.analyzer,
    }
