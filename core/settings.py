"""Settings: built-in defaults, then a TOML file, then environment variables, then the command line.

The environment is read only when :func:`load_settings` is called, and only through its argument.
"""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, is_dataclass, replace
from pathlib import Path
from typing import Any, get_type_hints

import msgspec
import platformdirs

from pubmed_rag.core.errors import SettingsError

PREFIX = "PUBMED_RAG_"


@dataclass(frozen=True, slots=True)
class EntrezSettings:
    """NCBI E-utilities. ``url`` is the base of every call; ``email`` and ``api_key`` identify the caller.

    ``tries`` is how often a request is sent before giving up. ``workers`` is how many requests may be under
    way at once, within NCBI's rate; 0 means 3, and 8 with a key.
    """

    url: str = "https://eutils.ncbi.nlm.nih.gov/entrez/eutils/"
    email: str = ""
    api_key: str = field(default="", repr=False)
    timeout_seconds: float = 30.0
    tries: int = 6
    workers: int = 0


@dataclass(frozen=True, slots=True)
class ModelSettings:
    """``directory`` holds fetched models; ``embedder`` and ``llm`` are registry names, hub ids or paths.

    ``judge`` is a cross-encoder for entailment that checks the sentences of answers (a folder or hub id); empty:
    they are checked by words, figures and meaning.
    ``endpoint`` is the base address of an OpenAI-compatible server, for models named ``openai:NAME``;
    ``key`` is sent to it, and is read from the environment only.
    """

    directory: Path = field(default_factory=lambda: Path(platformdirs.user_data_dir("pubmed-rag")) / "models")
    embedder: str = "minilm"
    llm: str = "smollm2-135m"
    judge: str = ""
    endpoint: str = ""
    key: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class SearchSettings:
    """What ``search`` uses when not told otherwise.

    ``fusion`` (``sum`` or ``rrf``) and ``rerank`` (``likelihood``, ``learned``, ``cross:NAME``, or nothing) are
    ``hybrid``'s.
    """

    mode: str = "hybrid"
    top: int = 10
    fusion: str = "sum"
    rerank: str = ""


@dataclass(frozen=True, slots=True)
class AskSettings:
    """``threads = 0`` means one per physical core; ``context_tokens`` is capped by what the model was trained for."""

    top: int = 8
    temperature: float = 0.0
    top_p: float = 1.0
    seed: int = 0
    threads: int = 0
    context_tokens: int = 4096


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything that can be set, in sections named like the tables of the TOML file.

    ``collections`` holds the indexed libraries of test collections, which can be made again at any time.
    """

    library: Path = field(default_factory=lambda: Path(platformdirs.user_data_dir("pubmed-rag")) / "library")
    collections: Path = field(default_factory=lambda: Path(platformdirs.user_cache_dir("pubmed-rag")) / "collections")
    entrez: EntrezSettings = field(default_factory=EntrezSettings)
    models: ModelSettings = field(default_factory=ModelSettings)
    search: SearchSettings = field(default_factory=SearchSettings)
    ask: AskSettings = field(default_factory=AskSettings)

    def with_library(self, library: Path) -> Settings:
        """The same settings for another library."""
        return replace(self, library=library)


# Names that other programs, or the published contract, use for the same thing.
_ALIASES = {
    "PUBMED_RAG_EUTILS_URL": ("entrez", "url"),
    "NCBI_API_KEY": ("entrez", "api_key"),
    "NCBI_EMAIL": ("entrez", "email"),
}
_OWN_PURPOSE = {"PUBMED_RAG_CONFIG"}


def default_config_path(environ: Mapping[str, str]) -> Path:
    """``$PUBMED_RAG_CONFIG``, else ``config.toml`` in the platform's configuration directory."""
    named = environ.get("PUBMED_RAG_CONFIG")
    return Path(named) if named else Path(platformdirs.user_config_dir("pubmed-rag")) / "config.toml"


def load_settings(environ: Mapping[str, str]) -> Settings:
    """Settings from the defaults, the TOML file and ``environ``, in rising priority.

    Raises :class:`SettingsError` for an unknown key (with the nearest known one) or an unusable value.
    """
    path = default_config_path(environ)
    values: dict[str, Any] = {}
    if path.is_file():
        try:
            values = tomllib.loads(path.read_text(encoding="utf-8"))
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise SettingsError(f"{path} is not valid TOML: {error}") from error
        _refuse_unknown(values, Settings, str(path))
        if values.get("models", {}).get("key"):
            raise SettingsError(
                f"{path} holds a key for the model server", remedy="keep it in the environment: PUBMED_RAG_MODELS_KEY"
            )
    elif "PUBMED_RAG_CONFIG" in environ:
        raise SettingsError(f"PUBMED_RAG_CONFIG names {path}, which does not exist")
    _merge_environment(values, environ)
    try:
        return msgspec.convert(values, Settings, strict=False, dec_hook=_decode)
    except msgspec.ValidationError as error:
        raise SettingsError(
            f"unusable setting: {error}", remedy=f"look at {path} and the PUBMED_RAG_ variables"
        ) from error


def _decode(kind: type, value: Any) -> Any:
    if kind is Path:
        try:
            return Path(value).expanduser()
        except RuntimeError as error:  # "~somebody" who has no home here
            raise ValueError(str(error)) from error
    raise NotImplementedError(kind)


def _merge_environment(values: dict[str, Any], environ: Mapping[str, str]) -> None:
    hints = get_type_hints(Settings)
    for name, value in environ.items():
        if name in _ALIASES:
            section, key = _ALIASES[name]
            values.setdefault(section, {})[key] = value
            continue
        if not name.startswith(PREFIX) or name in _OWN_PURPOSE:
            continue
        first, _, rest = name.removeprefix(PREFIX).lower().partition("_")
        if first in hints and is_dataclass(hints[first]) and rest:
            _refuse_unknown({first: {rest: value}}, Settings, name)
            values.setdefault(first, {})[rest] = value
        else:
            key = name.removeprefix(PREFIX).lower()
            _refuse_unknown({key: value}, Settings, name)
            values[key] = value


def _refuse_unknown(values: Mapping[str, Any], cls: Any, where: str, prefix: str = "") -> None:
    known = {f.name for f in fields(cls)}
    hints = get_type_hints(cls)
    for key, value in values.items():
        if key not in known:
            near = difflib.get_close_matches(key, known, n=1)
            raise SettingsError(
                f"unknown setting '{prefix}{key}' in {where}",
                remedy=f"did you mean '{prefix}{near[0]}'?" if near else f"known here: {', '.join(sorted(known))}",
            )
        if is_dataclass(hints[key]):
            if not isinstance(value, Mapping):
                raise SettingsError(f"'{prefix}{key}' in {where} must be a table")
            _refuse_unknown(value, hints[key], where, f"{prefix}{key}.")
