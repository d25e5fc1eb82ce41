"""The examples of docs/python.md run, in order, as they stand."""

from __future__ import annotations

import os
import re
from dataclasses import replace
from pathlib import Path

import pytest

from pubmed_rag.core.settings import load_settings

PAGE = Path(__file__).parents[2] / "docs" / "python.md"


@pytest.mark.models
@pytest.mark.slow
@pytest.mark.usefixtures("embedded_models")
def test_the_examples_run(tmp_path: Path) -> None:
    """A page whose examples do not run is worse than none."""
    settings = load_settings(os.environ)
    blocks = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), flags=re.DOTALL)
    assert len(blocks) >= 6
    names: dict[str, object] = {
        "workspace": tmp_path,
        "settings": replace(settings, collections=tmp_path / "collections"),
    }
    for number, block in enumerate(blocks, start=1):
        exec(compile(block, f"docs/python.md, example {number}", "exec"), names)
