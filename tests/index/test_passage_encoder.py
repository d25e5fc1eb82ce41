"""Encoding side by side and in bfloat16 gives what the model as it is gives."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pubmed_rag.index import fast_model
from pubmed_rag.index.passage_encoder import PassageEncoder, _batches
from tests.index.test_embedder import WORDS, make_bert, same_direction

TEXTS = [" ".join(WORDS[(at * 7 + step) % len(WORDS)] for step in range(1 + at % 40)) for at in range(120)]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Any:
    from sentence_transformers import SentenceTransformer

    folder: Path = make_bert(tmp_path_factory.mktemp("model"), seed=3)
    model = SentenceTransformer(str(folder), device="cpu")
    for parameter in model.parameters():
        parameter.data *= 0.3 if parameter.ndim == 2 else 1.0  # as trained weights are, not the widest of random ones
    return model


@pytest.fixture
def threads() -> Iterator[Any]:
    import torch

    before = torch.get_num_threads()
    yield torch.set_num_threads
    torch.set_num_threads(before)


@pytest.mark.parametrize("count", [1, 2, 5])
def test_side_by_side_is_as_one_after_the_other(model: Any, threads: Any, count: int) -> None:
    import torch

    expected = model.encode(TEXTS, show_progress_bar=False)
    threads(count)
    encoder = PassageEncoder(model)
    assert np.allclose(encoder.encode(TEXTS), expected, atol=1e-4)
    assert np.allclose(encoder.encode(TEXTS[:1]), expected[:1], atol=1e-4)
    assert encoder.encode([]).shape == (0, 32)
    assert torch.get_num_threads() == count


def test_what_fails_in_a_thread_is_raised(model: Any, threads: Any) -> None:
    threads(2)
    with pytest.raises((TypeError, ValueError, AttributeError)):
        PassageEncoder(model).encode([*TEXTS[:50], None])  # type: ignore[list-item]
    assert len(PassageEncoder(model).encode(TEXTS[:3])) == 3


@pytest.mark.parametrize("way", [fast_model.packed_by_text, fast_model.packed, fast_model.in_bfloat16])
def test_faster_layers_say_the_same(model: Any, way: Any) -> None:
    fast = way(model)
    expected = model.encode(TEXTS, show_progress_bar=False)
    found = fast.encode(TEXTS, show_progress_bar=False, convert_to_tensor=True).float().numpy()
    assert same_direction(found, expected) > 0.999
    packed = [part for part in fast.modules() if hasattr(part, "packed")]
    assert len(packed) == (0 if way is fast_model.in_bfloat16 else 2 * 6 + 1)  # and the pooler
    assert sum(part.activation == "gelu" for part in packed) == (2 if packed else 0)


@pytest.mark.parametrize("n", [9, 130])
def test_attention_by_text_is_attention(n: int) -> None:
    """Short texts go to the attention of torch, long ones are worked on one at a time."""
    import torch
    from torch.nn.functional import scaled_dot_product_attention as reference

    torch.manual_seed(0)
    layer: Any = torch.nn.Module()
    layer.is_causal = False  # as in every encoder
    query, key, value = torch.randn(3, 4, 2, n, 8)
    whole = torch.ones(4, n, dtype=torch.bool)
    ends = torch.arange(n) < torch.tensor([n, 1, n // 2, n - 2])[:, None]
    hidden_ends = ends[:, None, None, :].expand(4, 1, n, n)
    causal = torch.ones(n, n, dtype=torch.bool).tril().expand(4, 1, n, n)
    cases = ((None, whole), (hidden_ends, ends), (hidden_ends.contiguous(), ends), (causal, whole))
    for mask, counts in (*cases, (hidden_ends.flip(-1), whole)):
        found, weights = fast_model.attention_by_text(layer, query, key, value, mask)
        expected = reference(query, key, value, attn_mask=mask).transpose(1, 2)
        assert weights is None
        assert torch.allclose(found[counts], expected[counts], atol=1e-5)


def test_batches_hold_all_texts_once_and_no_more_than_fits() -> None:
    lengths = [5, 100, 3, 40, 41, 0, 100, 7]
    found = list(_batches(lengths, 100))
    assert sorted(at for batch in found for at in batch) == list(range(len(lengths)))
    assert all(len(batch) == 1 or len(batch) * max(lengths[at] for at in batch) <= 100 for batch in found)
    assert [lengths[at] for batch in found for at in batch] == sorted(lengths)
