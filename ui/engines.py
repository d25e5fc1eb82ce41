"""Language models by the name a user gives them: a registered model, a GGUF file, or one served elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from pubmed_rag.core.settings import Settings

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
    return ProcessEngine(name, path, context_tokens=ask.context_tokens, threads=ask.threads)


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
