"""Attention in parts: over each part its output and log-sum-exp, and the parts merged exactly.

softmax over [a, b] is the mean of the softmax over a and over b, weighted by their sums of
exponentials. So many rows can attend to one copy of what they share, each to its own part, and
nothing is copied per row.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch.nn.functional import pad

Part = tuple[torch.Tensor, torch.Tensor]
"""Output [batch, heads, tokens, dim] and log-sum-exp [batch, heads, tokens] in float32."""

LEAST_QUERIES = 4
"""Fewer are filled up to so many on a CPU: with fewer, the kernel's last bits depend on where its
working memory lies, which is another place for each thread, and so on the rows beside."""

_aten = torch.ops.aten


class Inputs(NamedTuple):
    """What attention is computed from: a query [batch, heads, tokens, dim], keys and values.

    ``bias`` [batch, 1, tokens, keys] is added to the scores: 0, or minus infinity for what is not
    seen. ``causal`` asks for the usual mask of a square instead.
    """

    query: torch.Tensor
    keys: torch.Tensor
    values: torch.Tensor
    scale: float
    bias: torch.Tensor | None = None
    causal: bool = False


def attend(inputs: Inputs) -> Part:
    """Attention over keys and values of as many heads as the query has."""
    query, keys, values, scale, bias, causal = inputs
    if query.device.type == "cpu" and keys.shape[-1] == values.shape[-1]:
        tokens = query.shape[2]
        if (missing := LEAST_QUERIES - tokens) > 0:
            query = pad(query, (0, 0, 0, missing))
            if bias is not None and bias.shape[2] > 1:
                bias = pad(bias, (0, 0, 0, missing))
        out, logs = _aten._scaled_dot_product_flash_attention_for_cpu(
            query, keys, values, 0.0, causal, attn_mask=bias, scale=scale
        )
        return out[:, :, :tokens], logs[:, :, :tokens]
    if query.device.type == "cuda" and keys.shape[-1] == values.shape[-1]:
        return _attend_on_cuda(inputs)
    return attend_by_definition(inputs)


def _attend_on_cuda(inputs: Inputs) -> Part:
    query, keys, values, scale, bias, causal = inputs
    if bias is None and query.dtype != torch.float32 and query.shape[-1] <= 256:
        out, logs, *_ = _aten._scaled_dot_product_flash_attention(
            query, keys, values, 0.0, causal, scale=scale
        )
    else:
        if bias is not None:
            bias = bias.expand(*query.shape[:3], keys.shape[2])
        out, logs, *_ = _aten._scaled_dot_product_efficient_attention(
            query, keys, values, bias, True, 0.0, causal, scale=scale
        )
    return out, logs[..., : query.shape[2]]


def attend_by_definition(inputs: Inputs) -> Part:
    """The same in plain operations, for devices without a kernel that gives the log-sum-exp."""
    query, keys, values, scale, bias, causal = inputs
    scores = (query.float() @ keys.float().transpose(-1, -2)) * scale
    if causal:
        hidden = torch.ones(scores.shape[-2:], dtype=torch.bool, device=query.device).triu(1)
        scores = scores.masked_fill(hidden, float("-inf"))
    if bias is not None:
        scores = scores + bias.float()
    out = scores.softmax(-1) @ values.float()
    return out.to(query.dtype), scores.logsumexp(-1)


def merge(one: Part, other: Part) -> torch.Tensor:
    """The attention over both parts together."""
    (first, first_logs), (second, second_logs) = one, other
    share = _share(first_logs, second_logs)[..., None]
    return torch.lerp(second.float(), first.float(), share).to(second.dtype)


def _share(first_logs: torch.Tensor, second_logs: torch.Tensor) -> torch.Tensor:
    """Of the exponentials, the first's: the sigmoid of the difference.

    On a CPU it is made of operations whose bits do not depend on where a number stands. Those of
    ``sigmoid`` do: numbers at the end that fill no vector register have another routine, while
    ``exp`` loads them into one with nothing beside them.
    """
    if first_logs.device.type != "cpu":
        return (first_logs - second_logs).sigmoid()
    return (second_logs - first_logs).exp_().add_(1).reciprocal_()


def fold_heads(query: torch.Tensor, key_heads: int) -> torch.Tensor:
    """[batch, heads, tokens, dim] as [batch, key heads, heads per key head * tokens, dim]: queries
    that share keys (grouped-query attention) as one query, so that no keys are repeated."""
    batch, heads, tokens, dim = query.shape
    return query.reshape(batch, key_heads, heads // key_heads * tokens, dim)


def attend_to_shared(
    query: torch.Tensor, keys: torch.Tensor, values: torch.Tensor, scale: float
) -> Part:
    """Attention of every token of every row over one copy [1, key heads, tokens, dim]."""
    batch, heads, tokens, dim = query.shape
    as_one = query.transpose(0, 1).reshape(1, heads, batch * tokens, dim)
    out, logs = attend(Inputs(fold_heads(as_one, keys.shape[1]), keys, values, scale))
    out = out.reshape(heads, batch, tokens, -1).transpose(0, 1)
    return out, logs.reshape(heads, batch, tokens).transpose(0, 1)
