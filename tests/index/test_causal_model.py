"""Log-probabilities of many texts at once, and GGUF files unpacked for them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pubmed_rag.core.errors import ModelMissingError, UnknownModelError, UsageError
from pubmed_rag.core.model_store import ModelStore
from pubmed_rag.index.causal_model import CausalModel, load_causal_model, unpacked
from tests.support import model_path

WORDS = "aspirin statin lowers raises risk of stroke death in adults . claim".split()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Llama of two layers and random weights over a few words."""
    import torch
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    vocabulary = {word: number for number, word in enumerate(["[UNK]", *WORDS])}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    torch.manual_seed(4)
    config = LlamaConfig(
        vocab_size=len(vocabulary),
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        intermediate_size=64,
        max_position_embeddings=1024,
        tie_word_embeddings=True,
    )
    made = tmp_path_factory.mktemp("llama")
    LlamaForCausalLM(config).save_pretrained(made)
    fast: Any = PreTrainedTokenizerFast
    fast(tokenizer_object=tokenizer, unk_token="[UNK]").save_pretrained(made)
    return made


def one_by_one(folder: Path, before: str, text: str) -> float:
    """The mean log-probability, token by token, in float32."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    tokens: Any = AutoTokenizer.from_pretrained(folder)
    model: Any = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    read, own = tokens(before).input_ids, tokens(text).input_ids
    found = []
    for token in own:
        if read:
            with torch.inference_mode():
                found.append(float(model(torch.tensor([read])).logits[0, -1].log_softmax(-1)[token]))
        read = [*read, token]
    return float(np.mean(found)) if found else 0.0


def test_texts_together_have_the_probabilities_of_texts_alone(folder: Path) -> None:
    model = CausalModel("tiny", str(folder), "0123456789abcdef")
    assert model.name == "tiny 0123456789ab"
    pairs = [
        ("aspirin lowers risk of stroke . claim", "aspirin lowers death"),
        ("statin", "raises risk of death in adults . aspirin lowers risk"),
        ("statin raises risk in adults in adults in adults . claim", "death"),
        ("", "aspirin lowers risk"),
        ("aspirin", ""),
    ]
    expected = [one_by_one(folder, before, text) for before, text in pairs]
    assert expected[-1] == 0
    assert len(set(expected)) == len(pairs)
    assert np.allclose(model.mean_log_probabilities(pairs), expected, atol=0.02)
    assert np.allclose(model.mean_log_probabilities(pairs * 200), expected * 200, atol=0.02), "in several batches"
    assert model.mean_log_probabilities([]).shape == (0,)


def test_long_texts_are_cut(folder: Path) -> None:
    model = CausalModel("tiny", str(folder))
    long = model.mean_log_probabilities([("aspirin " * 900, "risk " * 900)])
    assert np.allclose(long, model.mean_log_probabilities([("aspirin " * 420, "risk " * 120)]), atol=1e-3)


def test_what_cannot_be_loaded(folder: Path, tmp_path: Path) -> None:
    models = ModelStore(tmp_path / "models")
    assert load_causal_model(str(folder), models).name == str(folder)
    with pytest.raises(UnknownModelError, match="cannot be loaded as a language model"):
        load_causal_model(str(tmp_path), models)
    with pytest.raises(ModelMissingError, match="pull"):
        load_causal_model("", models)
    with pytest.raises(UnknownModelError, match="unknown model 'smolm2-135m'"):
        load_causal_model("smolm2-135m", models)


def test_a_damaged_file_is_told_and_leaves_nothing_nor_does_one_that_was_killed(tmp_path: Path) -> None:
    damaged = tmp_path / "damaged.gguf"
    damaged.write_bytes(b"GGUF" + b"\x00" * 200)
    models = ModelStore(tmp_path / "models")
    killed = models.directory / ".unpacked" / "incoming-1234"
    killed.mkdir(parents=True)
    (killed / "model.safetensors").write_bytes(b"half")
    with pytest.raises(UnknownModelError, match=r"damaged\.gguf cannot be unpacked"):
        load_causal_model(str(damaged), models)
    assert [path.name for path in (models.directory / ".unpacked").iterdir()] == [".lock"]


def test_a_file_too_large_for_this_machine_is_refused(tmp_path: Path) -> None:
    large = tmp_path / "large.gguf"
    with large.open("wb") as file:
        file.truncate(1 << 42)  # no block of it is ever written
    with pytest.raises(UsageError, match="too large") as caught:
        unpacked(large, tmp_path / "unpacked")
    assert "smollm2-135m" in str(caught.value.remedy)


def test_the_embedded_model_finds_likely_what_it_has_read(tmp_path: Path) -> None:
    """Unpacked once; the second time the folder is taken as it is."""
    file = Path(model_path("smollm2-135m", "llm"))
    folder = unpacked(file, tmp_path / "unpacked")
    assert unpacked(file, folder) == folder
    assert [path.name for path in tmp_path.iterdir() if path.is_dir()] == ["unpacked"]
    model = CausalModel("smollm2-135m", str(folder))
    claim = " Aspirin prevents stroke in adults."
    near, far = model.mean_log_probabilities(
        [
            ("Aspirin lowers the risk of stroke. In 400 adults aspirin lowered it by a fifth.\n\nClaim:", claim),
            ("Growth of maize. In 400 fields nitrogen raised the yield by a fifth.\n\nClaim:", claim),
        ]
    )
    assert -4 < near < far + 2 < 0
    assert near > far + 1
