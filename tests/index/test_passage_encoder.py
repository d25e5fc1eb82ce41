"""Encoding side by side and in bfloat16 gives what the model as it is gives."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pubmed_rag.index import fast_model
from pubmed_rag.index.passage_encoder import PassageEncoder, of_like_length
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


@pytest.mark.parametrize("way", [fast_model.packed_without_padding, fast_model.packed, fast_model.in_bfloat16])
def test_faster_layers_say_the_same(model: Any, way: Any) -> None:
    fast = way(model)
    expected = model.encode(TEXTS, show_progress_bar=False)
    found = fast.encode(TEXTS, show_progress_bar=False, convert_to_tensor=True).float().numpy()
    assert same_direction(found, expected) > 0.999
    packed = [part for part in fast.modules() if hasattr(part, "packed")]
    assert len(packed) == (0 if way is fast_model.in_bfloat16 else 2 * 6 + 1)  # and the pooler
    assert sum(part.activation == "gelu" for part in packed) == (2 if packed else 0)


def attended(lengths: list[int], *, cells: int, larger: float = 1.0, **more: Any) -> tuple[Any, Any]:
    """Texts laid end to end: what our attention gives, and that of torch, text by text."""
    import torch
    from torch.nn.functional import scaled_dot_product_attention as reference

    torch.manual_seed(0)
    layer: Any = torch.nn.Module()
    layer.is_causal = False  # as in every encoder
    query, key, value = torch.randn(3, 1, 2, sum(lengths), 8)
    query = query * larger
    ends = torch.tensor([0, *lengths]).cumsum(0).int()
    found, weights = fast_model.attention_without_padding(
        layer, query, key, value, None, cu_seq_lens_q=ends, cells=cells, **more
    )
    assert weights is None
    each = [reference(query[:, :, a:b], key[:, :, a:b], value[:, :, a:b]) for a, b in itertools.pairwise(ends.tolist())]
    return found, torch.cat(each, 2).transpose(1, 2)


@pytest.mark.parametrize("larger", [1.0, 60.0])
@pytest.mark.parametrize("cells", [1, 500, 5_000, 1_000_000])
def test_attention_stays_within_a_text(cells: int, larger: float) -> None:
    """However many scores are worked on at once, and where scores are too large for their exponentials too."""
    import torch

    found, expected = attended([9, 130, 9, 1, 64, 9, 1], cells=cells, larger=larger)
    assert found.shape == expected.shape
    assert torch.allclose(found, expected, atol=2e-5)


def test_attention_of_another_kind_is_refused() -> None:
    """Then a slower way, in which a mask tells, is taken."""
    import torch

    for more in ({"sliding_window": 4}, {"dropout": 0.1}):
        with pytest.raises(ValueError, match="mask"):
            attended([3, 4], cells=100, **more)
    layer: Any = torch.nn.Module()
    layer.is_causal = True
    query, key, value = torch.randn(3, 1, 2, 7, 8)
    with pytest.raises(ValueError, match="mask"):
        fast_model.attention_without_padding(layer, query, key, value, None, cu_seq_lens_q=torch.tensor([0, 7]))


def test_padded_texts_go_to_the_attention_of_torch() -> None:
    import torch
    from torch.nn.functional import scaled_dot_product_attention as reference

    layer: Any = torch.nn.Module()
    layer.is_causal = False
    query, key, value = torch.randn(3, 4, 2, 9, 8)
    mask = (torch.arange(9) < torch.tensor([9, 1, 4, 7])[:, None])[:, None, None, :].expand(4, 1, 9, 9)
    found, _ = fast_model.attention_without_padding(layer, query, key, value, mask)
    assert torch.allclose(found, reference(query, key, value, attn_mask=mask).transpose(1, 2), atol=1e-5)


def test_batches_hold_all_texts_once_and_no_more_than_fits() -> None:
    lengths = [5, 100, 3, 40, 41, 0, 100, 7]
    found = list(of_like_length(lengths, 100))
    assert sorted(at for batch in found for at in batch) == list(range(len(lengths)))
    assert all(len(batch) == 1 or len(batch) * max(lengths[at] for at in batch) <= 100 for batch in found)
    assert [lengths[at] for batch in found for at in batch] == sorted(lengths)
