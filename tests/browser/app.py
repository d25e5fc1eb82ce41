"""The page as ``streamlit run`` sees it, over a library whose models are stand-ins: for the browser tests."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import streamlit as st

from pubmed_rag.core.settings import ModelSettings, Settings, load_settings
from pubmed_rag.index.embedder import Embedder
from pubmed_rag.rag.engine import Engine
from pubmed_rag.ui.api import Library
from pubmed_rag.ui.jobs import JobRunner
from pubmed_rag.ui.page_frame import render
from tests.browser.stand_ins import SlowEngine
from tests.support import FakeEmbedder


class StandInLibrary(Library):
    """A real library on disk with stand-ins for the two models."""

    _fake = FakeEmbedder()

    @property
    def embedder(self) -> Embedder:
        return self._fake

    def _engine(self, name: str) -> Engine:
        return SlowEngine()


@st.cache_resource
def jobs() -> JobRunner:
    return JobRunner()


@st.cache_resource
def settings() -> Settings:
    given = load_settings(os.environ)
    folder = Path(os.environ["BROWSER_TEST_MODELS"])
    return replace(given, models=ModelSettings(folder, str(folder / "embedder"), str(folder / "scripted.gguf")))


@st.cache_resource(validate=lambda library: library.paths.exists)
def opened() -> Library:
    return StandInLibrary(settings(), progress=jobs())


def source(*, create: bool = False) -> Library:
    if create:
        StandInLibrary(settings(), create=True).close()
    return opened()


st.set_page_config(page_title="pubmed-rag", layout="wide")
render(source, jobs())
