"""A model of Llama's kind, of which a rank keeps its heads by a plan and its part of the rest.

Attention's projections have the rows of the heads that the plan gives to the rank, in every layer;
the inner columns of the feed-forward layers and the vocabulary are dealt evenly. Every layer ends
attention and feed-forward with a sum over the ranks, and the logits are gathered: they are the same
bits on every rank, so the ranks go on with the same tokens.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import torch
from torch import nn
from torch.nn.functional import linear

from workers.heads.plan import HeadPlan, Share
from workers.inference.fairkv.collectives import side_by_side, summed
from workers.inference.ranks import here

MODEL_TYPES = ("llama", "mistral", "qwen2", "qwen3")
NOTHING = Share(0, 0.0, 0.0)
"""What a rank without a head in a layer has: a head that serves no row."""

Shares = list[list[Share]]
"""Of one rank, by layer."""


class Summed(nn.Module):
    """A linear layer whose inputs are dealt to the ranks; the bias is added to the sum."""

    def __init__(self, weight: torch.Tensor, bias: torch.Tensor | None) -> None:
        super().__init__()
        self.weight = nn.Parameter(weight, requires_grad=False)
        self.bias = None if bias is None else nn.Parameter(bias, requires_grad=False)

    def forward(self, part: torch.Tensor) -> torch.Tensor:
        whole = summed(linear(part, self.weight))
        return whole if self.bias is None else whole + self.bias


class Gathered(nn.Module):
    """A linear layer whose outputs are dealt to the ranks."""

    def __init__(self, weight: torch.Tensor, bias: torch.Tensor | None, widths: list[int]) -> None:
        super().__init__()
        self.weight = nn.Parameter(weight, requires_grad=False)
        self.bias = None if bias is None else nn.Parameter(bias, requires_grad=False)
        self._widths = widths

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        return side_by_side(linear(inputs, self.weight, self.bias), self._widths)


def shares_of(plan: HeadPlan, rank: int) -> Shares:
    """At least one per layer."""
    return [list(layer[rank]) or [NOTHING] for layer in plan.layers]


def head_shape(config: Any) -> tuple[int, int, int]:
    """(KV heads, query heads per KV head, dim)."""
    heads, key_heads = config.num_attention_heads, config.num_key_value_heads
    dim = getattr(config, "head_dim", None) or config.hidden_size // heads
    return key_heads, heads // key_heads, dim


def head_bytes(model: Any) -> int:
    """The weights of one KV head of one layer with its query heads, which a copy takes."""
    _, each, dim = head_shape(model.config)
    return int(2 * (each + 1) * dim * model.config.hidden_size * model.dtype.itemsize)


def check_model(model: Any) -> None:
    """Raise ValueError for a model whose layers cannot be dealt so."""
    kind = model.config.model_type
    if kind not in MODEL_TYPES:
        raise ValueError(
            f"heads of a {kind} model cannot be dealt to ranks; those of {', '.join(MODEL_TYPES)} "
            "can: load this one with workers.inference.load"
        )


def check_plan(model: Any, plan: HeadPlan) -> None:
    """Raise ValueError if the plan is of another model or of another number of ranks."""
    heads, layers, count = head_shape(model.config)[0], len(model.model.layers), here().count
    if (plan.heads, len(plan.layers), plan.ranks) != (heads, layers, count):
        raise ValueError(
            f"the plan is for {len(plan.layers)} layers of {plan.heads} KV heads on {plan.ranks} "
            f"ranks, the model has {layers} of {heads} and runs on {count}; make it by pcm plan"
        )


def shard(model: Any, plan: HeadPlan) -> None:
    """Let this rank keep its part of a whole model, in place. Raises ValueError: see `check_model`
    and `check_plan`."""
    check_model(model)
    check_plan(model, plan)
    ranks = here()
    _, each, dim = head_shape(model.config)
    for layer, shares in zip(model.model.layers, shares_of(plan, ranks.rank), strict=True):
        attention, feed = layer.self_attn, layer.mlp
        _take_heads(attention, shares, each, dim)
        inner = _even(feed.down_proj.in_features, ranks.count)[ranks.rank]
        for projection in (feed.gate_proj, feed.up_proj):
            _take_rows(projection, torch.arange(inner.start, inner.stop))
        columns = feed.down_proj.weight[:, inner.start : inner.stop]
        feed.down_proj = Summed(columns.detach().clone(), _copy(feed.down_proj.bias))
    words = _even(model.lm_head.out_features, ranks.count)
    mine = slice(words[ranks.rank].start, words[ranks.rank].stop)
    head = model.lm_head
    bias = None if head.bias is None else head.bias[mine].detach().clone()
    # Tied to the embedding it is a view of it, and takes no memory of its own.
    is_tied = head.weight.data_ptr() == model.model.embed_tokens.weight.data_ptr()
    weight = head.weight.detach()[mine]
    weight = weight if is_tied else weight.clone()
    model.lm_head = Gathered(weight, bias, [len(part) for part in words])


def deal_anew(model: Any, before: HeadPlan, plan: HeadPlan) -> None:
    """Go from one plan to another: each layer's projections are put together from the ranks that
    have them, and dealt anew. Every rank has to call it. Raises ValueError: see `check_plan`."""
    check_plan(model, plan)
    rank = here().rank
    heads, each, dim = head_shape(model.config)
    for number, layer in enumerate(model.model.layers):
        attention = layer.self_attn
        had = before.layers[number]
        others = {share.head for shares in had[:rank] for share in shares}
        local = [share.head for share in had[rank]]
        mine = [(at, head) for at, head in enumerate(local) if head not in others]
        for name, wide in _projections(each, dim):
            whole = _whole(getattr(attention, name), mine, heads, wide)
            setattr(attention, name, whole)
        columns = attention.o_proj.weight
        output = columns.new_zeros(columns.shape[0], heads * each * dim)
        for at, head in mine:
            output[:, _of(head, each * dim)] = columns[:, _of(at, each * dim)]
        attention.o_proj.weight = nn.Parameter(summed(output), requires_grad=False)
        _take_heads(attention, list(plan.layers[number][rank]) or [NOTHING], each, dim)


def _take_heads(attention: Any, shares: Sequence[Share], each: int, dim: int) -> None:
    heads = [share.head for share in shares]
    for name, wide in _projections(each, dim):
        _take_rows(getattr(attention, name), _rows(heads, wide))
    output = attention.o_proj
    columns = output.weight[:, _rows(heads, each * dim).to(output.weight.device)]
    attention.o_proj = Summed(columns.detach().clone(), _copy(output.bias))


def _projections(each: int, dim: int) -> tuple[tuple[str, int], ...]:
    """Names, and the rows per KV head."""
    return ("q_proj", each * dim), ("k_proj", dim), ("v_proj", dim)


def _take_rows(projection: nn.Linear, rows: torch.Tensor) -> None:
    """Let a linear layer have these outputs only."""
    rows = rows.to(projection.weight.device)
    projection.out_features = len(rows)
    projection.weight = nn.Parameter(projection.weight.detach()[rows], requires_grad=False)
    if projection.bias is not None:
        projection.bias = nn.Parameter(projection.bias.detach()[rows], requires_grad=False)


def _whole(
    projection: nn.Linear, mine: Sequence[tuple[int, int]], heads: int, wide: int
) -> nn.Linear:
    """All heads' rows, put together from the ranks; ``mine``: (place here, head)."""
    for name in ("weight", "bias"):
        part = getattr(projection, name)
        if part is None:
            continue
        rows = part.new_zeros(heads * wide, *part.shape[1:])
        for at, head in mine:
            rows[_of(head, wide)] = part[_of(at, wide)]
        setattr(projection, name, nn.Parameter(summed(rows), requires_grad=False))
    return projection


def _of(head: int, wide: int) -> slice:
    return slice(head * wide, (head + 1) * wide)


def _rows(heads: Sequence[int], wide: int) -> torch.Tensor:
    return torch.cat([torch.arange(head * wide, (head + 1) * wide) for head in heads])


def _copy(bias: torch.Tensor | None) -> torch.Tensor | None:
    return None if bias is None else bias.detach().clone()


def _even(size: int, count: int) -> list[range]:
    """Of about equal length, the longer ones first."""
    short, longer = divmod(size, count)
    borders = [rank * short + min(rank, longer) for rank in range(count + 1)]
    return [range(start, end) for start, end in pairwise(borders)]
