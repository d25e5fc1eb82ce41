"""Language models by the name a user gives them: a registered model, a GGUF file, or one served elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from pubmed_rag.core.errors import UnknownModelError
from pubmed_rag.core.settings import Settings

_MAGIC = b"GGUF"

if TYPE_CHECKING:
    from pubmed_rag.rag.endpoint import EndpointEngine
    from pubmed_rag.rag.engine import Engine
    from pubmed_rag.rag.process_engine import ProcessEngine


def load_engine(name: str, settings: Settings) -> ProcessEngine | EndpointEngine:
    """The engine called ``name``; close it after use. Raises what locating and loading a model raise."""
    from pubmed_rag.core.model_store import ModelStore
    from pubmed_rag.rag.endpoint import PREFIX, EndpointEngine
    from pubmed_rag.rag.process_engine import ProcessEngine

    models, ask = settings.models, settings.ask
    if name.startswith(PREFIX):
        return EndpointEngine(
            name.removeprefix(PREFIX), models.endpoint, key=models.key, context_tokens=ask.context_tokens
        )
    path = Path(ModelStore(models.directory).locate(name, "llm"))
    _check(path)
    return ProcessEngine(name, path, context_tokens=ask.context_tokens, threads=ask.threads)


def _check(path: Path) -> None:
    """Whether ``path`` is a model file at all, which costs four bytes; what else is wrong shows when it is loaded.

    Source: "GGUF", file structure, in ggml's documentation: the first four bytes.
    """
    try:
        with path.open("rb") as stream:
            begin = stream.read(len(_MAGIC))
    except OSError as error:
        raise UnknownModelError(f"{path} cannot be read ({error.strerror})") from error
    if begin != _MAGIC:
        raise UnknownModelError(
            f"{path} is no GGUF file", remedy="take a model in GGUF form, or one that 'pubmed-rag models list' shows"
        )


@contextmanager
def lazy_engine(name: str, settings: Settings) -> Iterator[Callable[[], Engine]]:
    """A function that loads the engine at its first call and gives the same afterwards; closed at the end."""
    loaded: list[ProcessEngine | EndpointEngine] = []

    def engine() -> Engine:
        if not loaded:
            loaded.append(load_engine(name, settings))
        return loaded[0]

    try:
        yield engine
    finally:
        for one in loaded:
            one.close()
