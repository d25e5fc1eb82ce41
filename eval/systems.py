"""Systems under test, by name. Each goes through the same door as the product, so what is measured is what is used."""

from __future__ import annotations

import difflib
import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeAlias

import msgspec

from pubmed_rag.core.errors import UsageError
from pubmed_rag.core.records import Filters, SearchMode, SearchResult
from pubmed_rag.eval.collections import Topic
from pubmed_rag.eval.provenance import ENGINES, ranking_code_digest, versions
from pubmed_rag.index.generation import Manifest


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

    def search(self, query: str, *, mode: SearchMode, top: int, filters: Filters | None = None) -> SearchResult:
        """The best ``top`` articles, ranked from 1."""


@dataclass(frozen=True, slots=True)
class SystemContext:
    """What systems are made from: an engine, and the manifest of the index generation it serves."""

    engine: Engine
    index: Manifest


class EngineSystem:
    """One search mode of the product over one index generation."""

    remote = False

    def __init__(self, name: str, mode: SearchMode, context: SystemContext) -> None:
        self._name = name
        self._mode = mode
        self._engine = context.engine
        self._configuration = {
            "mode": mode,
            **_index_facts(context.index),
            "code": ranking_code_digest(),
            **versions(ENGINES),
        }

    @property
    def name(self) -> str:
        return self._name

    @property
    def configuration(self) -> Mapping[str, str]:
        return self._configuration

    def run(self, topic: Topic, depth: int) -> list[ScoredDoc]:
        filters = Filters(ids=topic.candidates) if topic.candidates else None
        result = self._engine.search(topic.text, mode=self._mode, top=depth, filters=filters)
        return [ScoredDoc(hit.id, hit.score) for hit in result.hits]


SystemFactory: TypeAlias = Callable[[SystemContext], System]


def _engine(mode: SearchMode) -> SystemFactory:
    return lambda context: EngineSystem(mode, mode, context)


_SYSTEMS: Mapping[str, SystemFactory] = {
    "bm25": _engine("bm25"),
    "dense": _engine("dense"),
    "hybrid": _engine("hybrid"),
}
"""A new kind of system (PubMed itself, a re-ranker) is one more entry here; what it needs goes into the context."""


def system_names() -> tuple[str, ...]:
    """The names :func:`make_systems` knows."""
    return tuple(_SYSTEMS)


def make_systems(names: Sequence[str], context: SystemContext) -> tuple[System, ...]:
    """The systems of these names, in order. Raises what :func:`check_system_names` raises."""
    check_system_names(names)
    return tuple(_SYSTEMS[name](context) for name in names)


def check_system_names(names: Sequence[str]) -> None:
    """Raise :class:`UsageError` for no name, an unknown one (with the nearest known) or one that stands twice."""
    if not names:
        raise UsageError("no system was named", remedy=f"choose from {', '.join(_SYSTEMS)}")
    for name in names:
        if name not in _SYSTEMS:
            near = difflib.get_close_matches(name, _SYSTEMS, n=1)
            known = f"known systems: {', '.join(_SYSTEMS)}"
            raise UsageError(f"unknown system '{name}'", remedy=f"did you mean '{near[0]}'? {known}" if near else known)
        if names.count(name) > 1:
            raise UsageError(f"system '{name}' is named twice")


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
