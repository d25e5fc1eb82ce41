"""What a challenge file declares: collections, systems, and which comparisons matter. Chosen before the figures."""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from importlib import resources
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from pubmed_rag.core.errors import InputError, UsageError
from pubmed_rag.eval.datasets import DATASETS
from pubmed_rag.eval.measures import TASKS
from pubmed_rag.eval.systems import SystemSpec, check_spec

T = TypeVar("T")

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]*")


@dataclass(frozen=True, slots=True)
class CollectionSpec:
    """One collection of a challenge. ``path`` is relative to the data folder.

    ``task`` is how it is measured; ``kind`` says what its topics are written as; ``sentences`` builds sentence
    vectors too; ``pmids`` says that its ids are PMIDs, so that PubMed itself can be asked; ``queries`` names
    another file of topics of the same folder; ``topics`` takes only so many, spread evenly over all. Where the
    collection has no documents, ``corpus`` names files with
    them, or ``library`` a library that holds them, indexed. ``systems`` are the only ones to run, all if empty;
    ``baseline`` is the one the others are compared with, where it is not the challenge's. ``caution`` is what a
    reader must know of how it was judged.
    """

    name: str
    path: str
    split: str = "test"
    task: str = "ranking"
    kind: str = ""
    sentences: bool = True
    pmids: bool = False
    queries: str = "queries"
    topics: int | None = None
    corpus: tuple[str, ...] = ()
    library: str = ""
    systems: tuple[str, ...] = ()
    baseline: str | None = None
    caution: str = ""


@dataclass(frozen=True, slots=True)
class ChallengeConfig:
    """A whole challenge. ``challengers`` are the systems that the question is about; the first is the headline.

    ``rivals`` are other forms of the baseline that the challengers must beat as well, so that the answer does not
    hang on one way of asking. ``comparisons`` of (baseline, system) are made beside these and those of the baseline
    with every other system. ``mesh``
    names files of MeSH in the data folder, for the emulation of PubMed.
    """

    title: str
    baseline: str
    challengers: tuple[str, ...]
    collections: tuple[CollectionSpec, ...]
    systems: tuple[SystemSpec, ...]
    about: str = ""
    seed: int = 0
    rivals: tuple[str, ...] = ()
    comparisons: tuple[tuple[str, str], ...] = ()
    mesh: tuple[str, ...] = ()
    source: str = ""

    def systems_for(self, collection: CollectionSpec) -> tuple[SystemSpec, ...]:
        """The systems to run on ``collection``, in the order declared."""
        return tuple(
            spec
            for spec in self.systems
            if (spec.name in collection.systems or not collection.systems)
            and (collection.name in spec.collections or not spec.collections)
        )

    def headline_pairs(self, collection: CollectionSpec) -> tuple[tuple[str, str], ...]:
        """What the question is about: each challenger against the baseline and against each rival."""
        baselines = dict.fromkeys((collection.baseline or self.baseline, *self.rivals))
        return tuple((old, new) for new in self.challengers for old in baselines if old != new)

    def pairs_for(self, collection: CollectionSpec, present: tuple[str, ...]) -> tuple[tuple[str, str], ...]:
        """The comparisons that matter on ``collection``, of systems that are present."""
        baseline = collection.baseline or self.baseline
        wanted = [(baseline, name) for name in present if name != baseline]
        wanted += [*self.headline_pairs(collection), *self.comparisons]
        return tuple(dict.fromkeys(pair for pair in wanted if pair[0] in present and pair[1] in present))


@dataclass(frozen=True, slots=True)
class _File:
    title: str
    baseline: str
    challengers: tuple[str, ...]
    collections: list[dict[str, Any]]
    systems: list[dict[str, Any]]
    about: str = ""
    seed: int = 0
    rivals: tuple[str, ...] = ()
    comparisons: tuple[tuple[str, str], ...] = ()
    mesh: tuple[str, ...] = ()


def read_challenge(path: Path | None) -> ChallengeConfig:
    """The challenge that ``path`` declares, or the one that comes with the program.

    Raises :class:`InputError` for a file that is no TOML, :class:`UsageError` for anything in it that is not
    known, with the nearest known word.
    """
    if path is None:
        text = resources.files("pubmed_rag.eval").joinpath("data/challenge.toml").read_text(encoding="utf-8")
        source = "the shipped challenge"
    else:
        source = str(path)
        try:
            text = path.read_text(encoding="utf-8")
        except FileNotFoundError as error:
            raise InputError(f"there is no file {path}", remedy="leave it out to run the shipped challenge") from error
        except UnicodeDecodeError as error:
            raise InputError(f"{path} is not UTF-8 text") from error
    return parse_challenge(text, source)


def parse_challenge(text: str, source: str) -> ChallengeConfig:
    """As :func:`read_challenge`, of TOML text that came from ``source``."""
    try:
        values = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"{source} is not valid TOML: {error}") from error
    file = _convert(values, _File, source)
    config = ChallengeConfig(
        title=file.title,
        baseline=file.baseline,
        challengers=file.challengers,
        collections=tuple(_collection(item, source) for item in file.collections),
        systems=tuple(_convert(item, SystemSpec, _where("system", item, source)) for item in file.systems),
        about=file.about.strip(),
        seed=file.seed,
        rivals=file.rivals,
        comparisons=file.comparisons,
        mesh=file.mesh,
        source=source,
    )
    _check(config, source)
    return config


def _collection(item: dict[str, Any], source: str) -> CollectionSpec:
    spec = _convert(item, CollectionSpec, _where("collection", item, source))
    if spec.caution:
        return spec
    known = {entry.folder: entry.caution for entry in DATASETS}
    return replace(spec, caution=known.get(Path(spec.path).name, ""))


def _where(what: str, item: Mapping[str, Any], source: str) -> str:
    """ "system 'dense' of FILE", so that a mistake is found among many tables."""
    name = item.get("name")
    return f"{what} '{name}' of {source}" if isinstance(name, str) else f"a {what} of {source}"


def _check(config: ChallengeConfig, source: str) -> None:
    names = [spec.name for spec in config.systems]
    collections = [spec.name for spec in config.collections]
    for what, given in (("system", names), ("collection", collections)):
        if not given:
            raise UsageError(f"{source} names no {what}", remedy=f"add a [[{what}s]] table")
        for name in given:
            if given.count(name) > 1:
                raise UsageError(f"{source}: {what} '{name}' stands twice")
            if not _NAME.fullmatch(name):
                raise UsageError(
                    f"{source}: '{name}' cannot name a {what}", remedy="use letters, digits, '.', '_', '+' and '-'"
                )
    if config.seed < 0:
        raise UsageError(f"{source}: seed = {config.seed} is negative", remedy="choose one from 0 on")
    for spec in config.systems:
        check_spec(spec)
    mentioned = [
        config.baseline,
        *config.challengers,
        *config.rivals,
        *(name for pair in config.comparisons for name in pair),
    ]
    mentioned += [name for spec in config.collections for name in (*spec.systems, *filter(None, [spec.baseline]))]
    for name in mentioned:
        _known(name, names, "system", source)
    for spec in config.systems:
        for name in spec.collections:
            _known(name, collections, "collection", source)
    for collection in config.collections:
        _known(collection.task, list(TASKS), "task", source)
        if collection.topics is not None and collection.topics < 1:
            raise UsageError(f"{source}: '{collection.name}' has no topics", remedy="leave 'topics' out for all")


def _known(name: str, names: list[str], what: str, source: str) -> None:
    if name not in names:
        near = difflib.get_close_matches(name, names, n=1)
        remedy = f"did you mean '{near[0]}'?" if near else f"known: {', '.join(names)}"
        raise UsageError(f"{source} mentions an unknown {what} '{name}'", remedy=remedy)


def _convert(values: Mapping[str, Any], cls: type[T], where: str) -> T:
    known = [item.name for item in fields(cls)]  # type: ignore[arg-type]
    for key in values:
        if key not in known:
            near = difflib.get_close_matches(key, known, n=1)
            remedy = f"did you mean '{near[0]}'?" if near else f"known here: {', '.join(known)}"
            raise UsageError(f"unknown setting '{key}' in {where}", remedy=remedy)
    try:
        return msgspec.convert(values, cls)
    except msgspec.ValidationError as error:
        raise UsageError(f"unusable setting in {where}: {error}") from error
