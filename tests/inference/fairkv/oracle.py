"""The same logits by plain transformers: one pass over prompt and answer, in which the answer's
tokens see of the prompt what the rule keeps of it, by masks for each head."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from transformers import AttentionInterface

from workers.inference.fairkv.budgets import Budgets, Rule


@torch.inference_mode()
def logits(
    model: Any, prompt: Sequence[int], answer: Sequence[int], budgets: Budgets, rule: Rule
) -> torch.Tensor:
    """[tokens of the answer, vocabulary], by which each of these was picked."""

    def attention(
        module: Any, query: Any, key: Any, value: Any, mask: Any, scaling: float, **_: Any
    ) -> Any:
        each = query.shape[1] // key.shape[1]
        out = torch.zeros_like(query)
        total = query.shape[2]
        for head in range(query.shape[1]):
            own, layer = head // each, module.layer_idx
            group = query[0, own * each : (own + 1) * each, : len(prompt)]
            kept = _kept(group, key[0, own, : len(prompt)], scaling, budgets[layer][own], rule)
            seen = torch.ones(total, total, dtype=torch.bool).tril()
            seen[len(prompt) :, [at for at in range(len(prompt)) if at not in kept]] = False
            scores = query[0, head] @ key[0, own].T * scaling
            weights = scores.masked_fill(~seen, float("-inf")).softmax(-1)
            out[0, head] = weights @ value[0, own]
        return out.transpose(1, 2).contiguous(), None

    AttentionInterface.register("fair_oracle", attention)
    before = model.config._attn_implementation
    model.config._attn_implementation = "fair_oracle"
    try:
        ids = torch.tensor([[*prompt, *answer]])
        nothing = torch.zeros(1, 1, 1, 1)
        found: torch.Tensor = model(ids, attention_mask=nothing, use_cache=False).logits
    finally:
        model.config._attn_implementation = before
    return found[0, len(prompt) - 1 : -1]


def _kept(
    queries: torch.Tensor, keys: torch.Tensor, scale: float, budget: int, rule: Rule
) -> set[int]:
    """Of one head's keys [tokens, dim], asked by queries [heads, tokens, dim]."""
    tokens = len(keys)
    window = min(rule.window_tokens, tokens)
    before = tokens - window
    sums = [0.0] * before
    for query in queries:
        for at in range(before, tokens):
            weights = (query[at] @ keys[: at + 1].T * scale).softmax(-1)
            sums = [total + weights[i].item() for i, total in enumerate(sums)]
    reach = rule.pool_tokens // 2
    pooled = [max(sums[max(0, at - reach) : at + reach + 1]) for at in range(before)]
    last = range(tokens - min(window, budget), tokens)
    best = sorted(range(before), key=lambda at: (-pooled[at], at))
    return {*last, *best[: max(0, budget - rule.window_tokens)]}
