"""Native threads are told to sleep while they wait, unless the user has said otherwise."""

from __future__ import annotations

import os

import pytest

from pubmed_rag.core.native import prepare_native_libraries


def test_threads_sleep_while_they_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_WAIT_POLICY", "")  # so that it is as before after the test
    monkeypatch.delenv("OMP_WAIT_POLICY")
    prepare_native_libraries()
    assert os.environ["OMP_WAIT_POLICY"] == "PASSIVE"


def test_the_users_word_stands(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_WAIT_POLICY", "ACTIVE")
    prepare_native_libraries()
    assert os.environ["OMP_WAIT_POLICY"] == "ACTIVE"
