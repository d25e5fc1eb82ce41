"""A causal language model in torch, for the likelihood of many texts at once.

llama.cpp, which writes the answers, scores one text at a time. Here short texts go through in one batch, in bfloat16
where the processor multiplies it: four times as many tokens a second. So a GGUF file's weights are unpacked once, by
the library transformers, and kept beside the models.
"""

from __future__ import annotations

import logging
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from filelock import FileLock

from pubmed_rag.core.errors import UnknownModelError, UsageError, reason_of
from pubmed_rag.core.files import sha256_of
from pubmed_rag.core.model_store import ModelStore
from pubmed_rag.core.models import find_model
from pubmed_rag.core.native import prepare_transformers
from pubmed_rag.index import fast_model
from pubmed_rag.index.embedder import has_fast_bfloat16
from pubmed_rag.index.passage_encoder import of_like_length
from pubmed_rag.index.vector_factory import half_of_memory
from pubmed_rag.index.words import Scores

log = logging.getLogger(__name__)

DEFAULT = "smollm2-135m"
"""The embedded one: small enough to read eight articles in about a second."""
_UNPACKED = ".unpacked"
_INCOMING = "incoming-"
_BEFORE, _TEXT = 420, 120
"""Tokens that are read of a pair, at most."""
_TOKENS = 4_096
"""In a batch, padding included."""
_ROOM = 6
"""So many times a GGUF file must fit half of the memory: a weight of half a byte or more takes two unpacked."""


class CausalModel:
    """How likely texts are, by the transformers model in the folder (or hub's id) ``location``."""

    def __init__(self, name: str, location: str, revision: str = "") -> None:
        prepare_transformers()
        import torch
        from transformers import AutoModelForCausalLM, AutoTokenizer

        fast = has_fast_bfloat16()
        local = Path(location).exists()
        try:
            self._tokens: Any = AutoTokenizer.from_pretrained(location, local_files_only=local)
            model: Any = AutoModelForCausalLM.from_pretrained(
                location, dtype=torch.bfloat16 if fast else torch.float32, local_files_only=local
            )
        except (OSError, ValueError, KeyError) as error:
            raise UnknownModelError(
                f"'{name}' cannot be loaded as a language model ({reason_of(error)})",
                remedy="give a registered name, a GGUF file, or a folder that transformers can load",
            ) from error
        self._model = _packed(model.eval()) if fast else model.eval()
        self._name = f"{name} {revision[:12]}".strip()

    @property
    def name(self) -> str:
        return self._name

    def mean_log_probabilities(self, pairs: Sequence[tuple[str, str]]) -> Scores:
        """(n,) float32: of each (before, text), the mean over the text's tokens of log P(token | all before it).

        0 for a text without tokens. The first 420 tokens of what stands before count, and the first 120 of the text.
        """
        import torch

        read = [
            (
                self._tokens(before).input_ids[:_BEFORE],
                self._tokens(text, add_special_tokens=False).input_ids[:_TEXT],
            )
            for before, text in pairs
        ]
        result = np.zeros(len(pairs), np.float32)
        with torch.inference_mode():
            for batch in of_like_length([len(before) + len(text) for before, text in read], _TOKENS):
                longest = max(len(read[at][0]) + len(read[at][1]) for at in batch)
                tokens = torch.zeros(len(batch), longest, dtype=torch.long)
                asked: list[tuple[int, int]] = []
                for row, at in enumerate(batch):
                    before, text = read[at]
                    tokens[row, : len(before) + len(text)] = torch.tensor(before + text)
                    # What comes first of all has nothing before it that could make it likely.
                    first = max(1, len(before))
                    asked += [(row, place - 1) for place in range(first, len(before) + len(text))]
                if not asked:
                    continue
                rows, places = torch.tensor(asked).T
                # No mask: padding stands behind, where no token looks.
                hidden = self._model.base_model(input_ids=tokens, use_cache=False).last_hidden_state[rows, places]
                scores = self._model.get_output_embeddings()(hidden).float()
                wanted = tokens[rows, places + 1]
                found = torch.log_softmax(scores, -1).gather(1, wanted[:, None])[:, 0].numpy()
                for row, at in enumerate(batch):
                    own = found[rows.numpy() == row]
                    result[at] = own.mean() if len(own) else 0.0
        return result


def load_causal_model(name: str, models: ModelStore) -> CausalModel:
    """The language model called ``name``: registered, a GGUF file, a folder or a hub's id; "" is the embedded one.

    Raises :class:`UnknownModelError`, :class:`UsageError` for one too large to be unpacked here, and what locating
    a model raises.
    """
    name = name or DEFAULT
    looks_like_hub_id = name.count("/") == 1 and not name.endswith(".gguf")
    if Path(name).is_dir() or looks_like_hub_id:
        return CausalModel(name, name)
    spec = find_model(name, "llm")
    location = Path(models.locate(name, "llm"))
    revision = spec.revision if spec else sha256_of(location)[:16]
    folder = unpacked(location, models.directory / _UNPACKED / f"{location.stem}-{revision[:16]}")
    return CausalModel(spec.name if spec else location.stem, str(folder), revision)


def unpacked(file: Path, folder: Path) -> Path:
    """``folder`` with the weights of the GGUF ``file`` as transformers keeps them; made where it is not there yet."""
    if folder.is_dir():
        return folder
    if file.stat().st_size * _ROOM > half_of_memory():
        raise UsageError(
            f"{file.name} is too large to be unpacked for the likelihood of queries",
            remedy=f"leave the name out: the embedded {DEFAULT} is made for it",
        )
    folder.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(folder.parent / ".lock"):
        if folder.is_dir():  # made meanwhile by another process
            return folder
        log.info("unpacking %s once, some twenty seconds", file.name)
        for left in folder.parent.glob(f"{_INCOMING}*"):  # by one that was killed: who holds the lock is alone here
            shutil.rmtree(left, ignore_errors=True)
        incoming = Path(tempfile.mkdtemp(prefix=_INCOMING, dir=folder.parent))
        try:
            _unpack(file, incoming)
            incoming.replace(folder)
        except BaseException:
            shutil.rmtree(incoming, ignore_errors=True)
            raise
    return folder


def _unpack(file: Path, folder: Path) -> None:
    prepare_transformers()
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    try:
        model: Any = AutoModelForCausalLM.from_pretrained(
            str(file.parent), gguf_file=file.name, dtype=torch.float32, local_files_only=True
        )
        tokens: Any = AutoTokenizer.from_pretrained(str(file.parent), gguf_file=file.name, local_files_only=True)
    except (OSError, ValueError, KeyError, NotImplementedError) as error:
        raise UnknownModelError(
            f"{file.name} cannot be unpacked ({reason_of(error)})",
            remedy="'pubmed-rag models verify' tells whether it is whole; transformers may not know its architecture",
        ) from error
    # A model that remembers its quantization refuses to be saved, so another of its shape takes its weights.
    del model.config.quantization_config
    plain: Any = AutoModelForCausalLM.from_config(  # type: ignore[no-untyped-call]
        model.config, dtype=torch.bfloat16
    )
    plain.load_state_dict(model.state_dict())
    plain.save_pretrained(folder)
    tokens.save_pretrained(folder)


def _packed(model: Any) -> Any:
    try:
        return fast_model.packed(model)
    except (AttributeError, RuntimeError) as error:
        log.info("its layers stay as they are (%s)", error)
        return model
