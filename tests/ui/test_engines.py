"""Models by the name that a user gives them: what is wrong with a file or an address shows at once, in words."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from pubmed_rag.core.errors import PubmedRagError, SettingsError, UnknownModelError
from pubmed_rag.core.settings import Settings, load_settings
from pubmed_rag.rag.endpoint import EndpointEngine
from pubmed_rag.rag.process_engine import ProcessEngine
from pubmed_rag.ui.engines import load_engine


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    found = load_settings({})
    return replace(found, models=replace(found.models, directory=tmp_path / "models", endpoint="http://localhost:1/v1"))


def test_any_gguf_file_is_taken_and_nothing_is_started_before_it_is_needed(settings: Settings, tmp_path: Path) -> None:
    path = tmp_path / "mine.gguf"
    path.write_bytes(b"GGUF and so on")
    engine = load_engine(str(path), settings)
    assert isinstance(engine, ProcessEngine)
    assert engine.process_id is None
    engine.close()


@pytest.mark.parametrize("content", [b"", b"GG", b"hello", b"<html>not found</html>", b"PK\x03\x04"])
def test_a_file_that_is_no_model_is_refused_before_anything_is_loaded(
    settings: Settings, tmp_path: Path, content: bytes
) -> None:
    path = tmp_path / "mine.gguf"
    path.write_bytes(content)
    with pytest.raises(UnknownModelError, match="no GGUF file"):
        load_engine(str(path), settings)


def test_what_is_not_there_or_cannot_be_read(settings: Settings, tmp_path: Path) -> None:
    with pytest.raises(PubmedRagError, match="no such model file"):
        load_engine(str(tmp_path / "none.gguf"), settings)
    folder = tmp_path / "folder.gguf"
    folder.mkdir()
    with pytest.raises(PubmedRagError, match=r"folder\.gguf"):
        load_engine(str(folder), settings)
    if os.geteuid():
        closed = tmp_path / "closed.gguf"
        closed.write_bytes(b"GGUF")
        closed.chmod(0)
        with pytest.raises(UnknownModelError, match="cannot be read"):
            load_engine(str(closed), settings)


def test_one_served_elsewhere(settings: Settings) -> None:
    engine = load_engine("openai:llama", settings)
    assert isinstance(engine, EndpointEngine)
    assert engine.name == "openai:llama"
    with pytest.raises(SettingsError, match="PUBMED_RAG_MODELS_ENDPOINT"):
        load_engine("openai:llama", replace(settings, models=replace(settings.models, endpoint="")))
