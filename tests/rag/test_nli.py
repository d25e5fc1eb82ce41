"""The cross-encoder judge, with a tiny random model made here: what it says is chance, how it is used is not."""

from __future__ import annotations

import importlib
import json
from pathlib import Path
from typing import Any

import pytest

from pubmed_rag.core.errors import UnknownModelError
from pubmed_rag.rag.nli import NliJudge

WORDS = (
    "[PAD]",
    "[UNK]",
    "[CLS]",
    "[SEP]",
    "[MASK]",
    "carvedilol",
    "zinc",
    "reduced",
    "mortality",
    "by",
    "35",
    "%",
    ".",
)


def tiny_model(folder: Path, labels: tuple[str, ...]) -> Path:
    import torch

    transformers: Any = importlib.import_module("transformers")  # its types do not know what it holds
    torch.manual_seed(0)
    folder.mkdir()
    (folder / "vocab.txt").write_text("\n".join(WORDS), encoding="utf-8")
    transformers.BertTokenizerFast(str(folder / "vocab.txt")).save_pretrained(folder)
    config = transformers.BertConfig(
        vocab_size=len(WORDS), hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16,
        num_labels=len(labels), id2label=dict(enumerate(labels)),
        label2id={name: number for number, name in enumerate(labels)},
    )  # fmt: skip
    transformers.BertForSequenceClassification(config).save_pretrained(folder)
    return folder


def test_probabilities_decide_and_figures_are_compared_beside(tmp_path: Path) -> None:
    folder = tiny_model(tmp_path / "nli", ("contradiction", "entailment", "neutral"))
    claim, evidence = "Carvedilol reduced mortality by 35%.", ["Carvedilol reduced mortality.", "By 35%."]
    easy = NliJudge(str(folder), least=0.0)(claim, evidence)
    assert easy.verdict == "supported"
    assert 0 < easy.score < 1
    hard = NliJudge(str(folder), least=1.0)(claim, evidence)
    assert hard.verdict == "unsupported"
    assert "does not entail it" in hard.reasons[0]
    assert hard.score == easy.score
    figures = NliJudge(str(folder), least=0.0)("It fell by 99%.", evidence)
    assert figures.verdict == "unsupported"
    assert "99" in figures.reasons[0]


def test_a_model_that_is_no_judge(tmp_path: Path) -> None:
    with pytest.raises(UnknownModelError, match="no label for entailment"):
        NliJudge(str(tiny_model(tmp_path / "sentiment", ("bad", "good"))))
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty" / "config.json").write_text(json.dumps({"model_type": "nothing"}), encoding="utf-8")
    with pytest.raises(UnknownModelError, match="cannot be loaded"):
        NliJudge(str(tmp_path / "empty"))
