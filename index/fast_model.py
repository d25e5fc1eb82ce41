"""A sentence-transformers model made ready to encode fast on processors that multiply bfloat16 in hardware.

Nothing here knows one model by name: linear layers, the activation behind one, and the attention of transformers are
replaced where they are found, and whoever uses the result compares its vectors with those of the model as it was.
"""

from __future__ import annotations

import copy
from typing import Any

_ATTENTION = "pubmed-rag-by-text"
_ACTIVATED = (("dense", "intermediate_act_fn"), ("lin1", "activation"), ("fc1", "activation_fn"))
"""How models of the library transformers call the layer that widens, and the activation that follows at once."""
_PROBE = 4.0


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


def packed_by_text(model: Any) -> Any:
    """The same, with attention computed text by text, without padding. Its scores are rounded to bfloat16."""
    changed = packed(model)
    _attend_by_text(changed)
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


def _attend_by_text(model: Any) -> None:
    """Let every part that chooses its attention by name take ours."""
    from transformers import AttentionInterface, AttentionMaskInterface, PreTrainedModel
    from transformers.masking_utils import sdpa_mask

    AttentionInterface.register(_ATTENTION, attention_by_text)
    AttentionMaskInterface.register(_ATTENTION, sdpa_mask)
    for part in model.modules():
        if isinstance(part, PreTrainedModel) and part.config._attn_implementation == "sdpa":
            part.set_attn_implementation(_ATTENTION)


def attention_by_text(
    module: Any, query: Any, key: Any, value: Any, attention_mask: Any, scaling: float | None = None, **more: Any
) -> tuple[Any, None]:
    """Attention as transformers asks for it: (b, heads, n, d) three times, and (b, n, heads, d) back.

    Text by text the scores of all heads fit the processor's cache, and what is padding is not computed. Anything
    but a mask that hides the end of a text goes to the attention of torch.
    """
    import torch

    lengths = _lengths(attention_mask, query)
    plain = query.shape == key.shape == value.shape and not any(more.get(name) is not None for name in _NOT_HERE)
    if (
        lengths is None
        or not plain
        or more.get("dropout")
        or more.get("is_causal")
        or not _FEWEST_TOKENS <= query.shape[2] <= _MOST_TOKENS
    ):
        from transformers.integrations.sdpa_attention import sdpa_attention_forward

        return sdpa_attention_forward(module, query, key, value, attention_mask, scaling=scaling, **more)
    texts, heads, tokens, width = query.shape
    found = query.new_zeros(texts, tokens, heads, width)
    factor = width**-0.5 if scaling is None else scaling
    for at, length in enumerate(lengths):
        scores = torch.bmm(query[at, :, :length] * factor, key[at, :, :length].transpose(1, 2))
        torch.softmax(scores, -1, out=scores)
        found[at, :length] = torch.bmm(scores, value[at, :, :length]).transpose(0, 1)
    return found, None


_NOT_HERE = ("position_bias", "softcap", "sliding_window", "cache", "s_aux")
_FEWEST_TOKENS, _MOST_TOKENS = 128, 512
"""Between which a text at a time is faster: shorter ones are too many, and have hardly any padding."""


def _lengths(mask: Any, query: Any) -> list[int] | None:
    """Tokens of each text, if that is all that ``mask`` (b, 1, n, n), true where attended, says; else ``None``."""
    import torch

    texts, _, tokens, _ = query.shape
    if mask is None:
        return [tokens] * texts
    if mask.dtype != torch.bool or mask.shape != (texts, 1, tokens, tokens):
        return None
    seen = mask[:, 0, 0]
    lengths = seen.sum(1)
    ends = torch.arange(tokens) < lengths[:, None]
    if not bool((lengths > 0).all()) or not torch.equal(seen, ends):
        return None
    if mask.stride(2) != 0 and not bool((mask[:, 0] == seen[:, None]).all()):
        return None
    found: list[int] = lengths.tolist()
    return found
