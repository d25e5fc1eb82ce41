"""Fixtures of the tests of what people touch."""

from __future__ import annotations

import pytest

from tests.support import model_path


@pytest.fixture
def embedded_models() -> None:
    """Skips, saying how to get them, where the two models the program comes with are not on this machine."""
    model_path("minilm", "embedder")
    model_path("smollm2-135m", "llm")
