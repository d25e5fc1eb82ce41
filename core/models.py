"""The registry of models: what they are, where they come from, and how to know that they arrived intact.

The list is data (``models.json``). A model comes from a wheel of a package index, whose data files are
extracted and never imported, or from a model hub.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from pathlib import Path
from types import MappingProxyType
from typing import Literal

import msgspec

from pubmed_rag.core.errors import UnknownModelError

ModelKind = Literal["embedder", "llm"]


@dataclass(frozen=True, slots=True)
class WheelSource:
    """Files under ``folder`` (ending in ``suffix``) of a package index's wheel."""

    package: str
    version: str
    folder: str
    suffix: str = ""


@dataclass(frozen=True, slots=True)
class HubSource:
    """``files`` of a hub repository at ``revision``; all of them where none are named."""

    repository: str
    revision: str
    files: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Encoding:
    """How an embedding model wants to be used, where its own files do not say; empty and 0: as they say.

    ``similarity`` is ``cosine`` or ``dot``: vectors of a model trained for the inner product keep their length.
    ``article_tokens`` and ``query_tokens`` limit what is read; prompts stand before the text.
    """

    pooling: Literal["", "cls", "mean", "max"] = ""
    similarity: Literal["", "cosine", "dot"] = ""
    article_tokens: int = 0
    query_tokens: int = 0
    article_prompt: str = ""
    query_prompt: str = ""


@dataclass(frozen=True, slots=True)
class ModelSpec:
    """A registered model. ``load`` is the file to load inside its folder, empty for the folder itself.

    ``languages`` (ISO 639-1) are those it was made to write, by its maker's word.

    ``repair``: a second attempt at sentences that failed their check gains something with this language model.

    An embedding model may have a second encoder, for queries: from ``query_hub``, in the sub-folder ``query``.

    ``sha256`` names the files whose content is fixed here; files of a hub are checked against the hub's
    own checksums instead.
    """

    name: str
    kind: ModelKind
    title: str
    licence: str
    megabytes: int
    memory_megabytes: int
    load: str
    wheel: WheelSource | None = None
    hub: HubSource | None = None
    query_hub: HubSource | None = None
    encoding: Encoding = Encoding()
    repair: bool = True
    languages: tuple[str, ...] = ("en",)
    sha256: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))

    @property
    def origin(self) -> str:
        """Where it comes from, in words."""
        if self.wheel:
            return f"package index: {self.wheel.package} {self.wheel.version}"
        return f"model hub: {self.hub.repository}" if self.hub else "unknown"

    @property
    def revision(self) -> str:
        """What names this exact model in a manifest."""
        if self.sha256:
            return next(iter(self.sha256.values()))[:16]
        return self.hub.revision if self.hub else ""


@cache
def registry() -> Mapping[str, ModelSpec]:
    """All registered models by name, in the order of the list."""
    text = resources.files("pubmed_rag.core").joinpath("models.json").read_bytes()
    return MappingProxyType({spec.name: spec for spec in msgspec.json.decode(text, type=list[ModelSpec])})


def find_model(name: str, kind: ModelKind) -> ModelSpec | None:
    """The registered model of that name, or ``None`` if ``name`` can only be a path or a hub's id.

    Raises :class:`UnknownModelError` for a name that is none of these, with the nearest known one.
    """
    models = {spec.name: spec for spec in registry().values() if spec.kind == kind}
    if name in models:
        return models[name]
    looks_like_file = name.endswith((".gguf", ".json")) or Path(name).exists()
    looks_like_hub_id = kind == "embedder" and name.count("/") == 1 and not name.startswith((".", "/", "~"))
    if looks_like_file or looks_like_hub_id:
        return None
    near = difflib.get_close_matches(name, models, n=1)
    raise UnknownModelError(
        f"unknown model '{name}'",
        remedy=(f"did you mean '{near[0]}'? " if near else "") + f"known: {', '.join(models)}; a path works too",
    )
