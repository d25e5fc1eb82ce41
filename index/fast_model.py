"""A sentence-transformers model made ready to encode fast on processors that multiply bfloat16 in hardware.

Nothing here knows one model by name: linear layers, the activation behind one, and the attention of transformers are
replaced where they are found, and whoever uses the result compares its vectors with those of the model as it was.
"""

from __future__ import annotations

import copy
import itertools
from typing import Any

_ATTENTION = "pubmed-rag-without-padding"
_ACTIVATED = (("dense", "intermediate_act_fn"), ("lin1", "activation"), ("fc1", "activation_fn"))
"""How models of the library transformers call the layer that widens, and the activation that follows at once."""
_PROBE = 4.0
_CELLS = 1_000_000
"""Attention scores worked on at once: what fits a core's cache."""


def in_bfloat16(model: Any) -> Any:
    """A copy of ``model`` with bfloat16 weights and nothing else changed."""
    import torch

    return copy.deepcopy(model).to(torch.bfloat16)


def packed(model: Any) -> Any:
    """A bfloat16 copy of ``model`` whose linear layers keep their weights as the processor reads them.

    Laid out once, where oneDNN would do so at each call; an activation is applied while its layer's result is still
    at hand. Raises :class:`AttributeError` or :class:`RuntimeError` where this torch cannot do that.
    """
    changed = in_bfloat16(model)
    _pack_layers(changed)
    return changed


def packed_without_padding(model: Any) -> Any:
    """The same, with the texts of a batch laid end to end: no layer works on padding, and attention stays in a text.

    Attention scores are rounded to bfloat16.
    """
    changed = packed(model)
    _attend_without_padding(changed)
    _lay_end_to_end(changed)
    return changed


def sharing_weights(model: Any) -> Any:
    """A copy of ``model`` for another thread: with its own tokenizer, which is not for two at once, and no weights."""
    shared = [*model.parameters(), *model.buffers()]
    shared += [part.packed for part in model.modules() if hasattr(part, "packed")]
    return copy.deepcopy(model, {id(tensor): tensor for tensor in shared})


def _pack_layers(model: Any) -> None:
    from torch import nn

    packed = _packed_layer()
    for part in list(model.modules()):
        for layer, activation in _ACTIVATED:
            linear, function = getattr(part, layer, None), getattr(part, activation, None)
            if type(linear) is nn.Linear and (kind := _gelu_kind(function)) is not None:
                setattr(part, layer, packed(linear, "gelu", kind))
                setattr(part, activation, nn.Identity())
    for part in list(model.modules()):
        for name, child in list(part.named_children()):
            if type(child) is nn.Linear:
                setattr(part, name, packed(child, "none", ""))


def _gelu_kind(function: Any) -> str | None:
    """Which GELU ``function`` computes: ``none`` (exact) or ``tanh``; ``None`` if it is another function."""
    import torch

    if not callable(function):
        return None
    points = torch.linspace(-_PROBE, _PROBE, 101)
    found = function(points)
    for kind in ("none", "tanh"):
        if torch.allclose(found, torch.nn.functional.gelu(points, approximate=kind), atol=1e-6):
            return kind
    return None


def _packed_layer() -> Any:
    import torch

    class Packed(torch.nn.Module):
        """A linear layer whose weights lie as oneDNN wants them, with an activation where it has one."""

        def __init__(self, linear: Any, activation: str, kind: str) -> None:
            super().__init__()
            self.in_features, self.out_features = linear.in_features, linear.out_features
            self.packed = torch.ops.mkldnn._reorder_linear_weight(linear.weight.detach())
            self.bias = linear.bias
            self.activation, self.kind = activation, kind

        def forward(self, inputs: Any) -> Any:
            return torch.ops.mkldnn._linear_pointwise(inputs, self.packed, self.bias, self.activation, [], self.kind)

    return Packed


def _attend_without_padding(model: Any) -> None:
    """Let every part that chooses its attention by name take ours."""
    from transformers import AttentionInterface, AttentionMaskInterface, PreTrainedModel
    from transformers.masking_utils import sdpa_mask

    AttentionInterface.register(_ATTENTION, attention_without_padding)
    AttentionMaskInterface.register(_ATTENTION, sdpa_mask)
    for part in model.modules():
        if isinstance(part, PreTrainedModel) and part.config._attn_implementation == "sdpa":
            part.set_attn_implementation(_ATTENTION)


def _lay_end_to_end(model: Any) -> None:
    """Have the tokens of a batch flattened, as sentence-transformers does for FlashAttention on a GPU."""
    from transformers import DataCollatorWithFlattening

    first = model[0]
    first.data_collator = DataCollatorWithFlattening(  # type: ignore[no-untyped-call]
        return_seq_idx=True, return_flash_attn_kwargs=True, return_position_ids=True
    )
    if first.model_forward_params is not None:
        first.model_forward_params = {*first.model_forward_params, *_BOUNDS}
    first._flatten_position_offset = first._infer_flatten_position_offset()
    first.can_flatten_inputs = True


def attention_without_padding(
    module: Any,
    query: Any,
    key: Any,
    value: Any,
    attention_mask: Any,
    scaling: float | None = None,
    cu_seq_lens_q: Any = None,
    cells: int = _CELLS,
    **more: Any,
) -> tuple[Any, None]:
    """Attention as transformers asks for it, of b texts laid end to end: (1, heads, n, d) three times, (1, n, heads, d)
    back. ``cu_seq_lens_q`` (b + 1,) says where each text starts and the last one ends; padded texts, which come without
    it, go to the attention of torch.

    A text at a time, short ones of equal length together, so that no more than ``cells`` scores are worked on at once.
    Raises :class:`ValueError` for attention of another kind, which only a mask could tell.
    """
    import torch

    if cu_seq_lens_q is None:
        from transformers.integrations.sdpa_attention import sdpa_attention_forward

        return sdpa_attention_forward(module, query, key, value, attention_mask, scaling=scaling, **more)
    if (
        attention_mask is not None
        or not query.shape == key.shape == value.shape
        or getattr(module, "is_causal", False)
        or more.get("dropout")
        or any(more.get(name) is not None for name in _NOT_HERE)
    ):
        raise ValueError("this kind of attention needs a mask")
    _, heads, tokens, width = query.shape
    query = query[0] * (width**-0.5 if scaling is None else scaling)
    key, value = key[0], value[0]
    found = query.new_empty(tokens, heads, width)
    for length, starts in _of_equal_length(cu_seq_lens_q.tolist()).items():
        together = max(1, cells // (heads * length * length))
        for at in range(0, len(starts), together):
            some = starts[at : at + together]
            if len(some) == 1:
                own = slice(some[0], some[0] + length)
                found[own] = _attention(query[:, own], key[:, own], value[:, own], cells).transpose(0, 1)
                continue
            rows = (torch.tensor(some)[:, None] + torch.arange(length)).view(-1)
            shape = (len(some) * heads, length, width)
            texts = [
                part.transpose(0, 1)[rows].view(len(some), length, heads, width).transpose(1, 2).reshape(shape)
                for part in (query, key, value)
            ]
            attended = _attention(texts[0], texts[1], texts[2], cells).view(len(some), heads, length, width)
            found[rows] = attended.transpose(1, 2).reshape(len(rows), heads, width)
    return found[None], None


_BOUNDS = ("cu_seq_lens_q", "cu_seq_lens_k", "max_length_q", "max_length_k", "seq_idx")
"""What flattening says of a batch, and layers hand on to their attention."""
_NOT_HERE = ("position_bias", "softcap", "sliding_window", "cache", "s_aux")
_LEAST, _MOST = 1e-35, 1e37
"""Between which a row of exponentials is summed without loss, in float32 as in bfloat16."""


def _of_equal_length(ends: list[int]) -> dict[int, list[int]]:
    """Starts of the texts, by their number of tokens."""
    found: dict[int, list[int]] = {}
    for start, end in itertools.pairwise(ends):
        found.setdefault(end - start, []).append(start)
    return found


def _attention(query: Any, key: Any, value: Any, cells: int) -> Any:
    """softmax(query · key) · value, all (g, n, d)."""
    import torch

    _, length, _ = query.shape
    rows = max(1, cells // (len(query) * length))
    if rows < length:
        return torch.cat([_attention_rows(part, key, value) for part in query.split(rows, 1)], 1)
    return _attention_rows(query, key, value)


def _attention_rows(query: Any, key: Any, value: Any) -> Any:
    """The same for some of the queries (g, r, d).

    Softmax first takes the largest score off each row lest its exponential overflow, which takes longer than all the
    rest. Scores are hardly ever so large: so it is done only where the sums tell that it was needed.
    """
    import torch

    weights = torch.bmm(query, key.transpose(1, 2)).exp_()
    sums = weights.sum(-1, keepdim=True)
    least, most = torch.aminmax(sums)
    if float(least) > _LEAST and float(most) < _MOST:
        return torch.bmm(weights, value).div_(sums)
    scores = torch.bmm(query, key.transpose(1, 2))
    return torch.bmm(torch.softmax(scores, -1), value)
