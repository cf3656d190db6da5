"""The least time that the arithmetic of an item takes at the measured rate of matrix products."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import torch

PRODUCT_TOKENS = 256
SECONDS = 0.5


def floor_seconds_per_item(
    model: Any, rows: Sequence[list[int]], labels: Sequence[str], tokenizer: Any, before: str
) -> float:
    """An item's own tokens and those of its labels through all layers, its predictions through the
    head, attention over all before it; the prefix itself is not counted."""
    config = model.config
    shared = len(tokenizer(before)["input_ids"])
    tree = {
        tuple(ids[:end])
        for label in labels
        for ids in [tokenizer(label, add_special_tokens=False)["input_ids"]]
        for end in range(1, len(ids))
    }
    own = sum(len(row) - shared for row in rows) / len(rows) + len(tree)
    head = config.vocab_size * config.hidden_size
    in_layers = sum(p.numel() for p in model.model.layers.parameters())
    attention = 2 * config.num_hidden_layers * config.hidden_size * (shared + own / 2)
    operations = 2 * (own * (in_layers + attention) + (1 + len(tree)) * head)
    return float(operations / matrix_rate(model))


@torch.inference_mode()
def matrix_rate(model: Any) -> float:
    """Operations per second of the model's own feed-forward products: the best of some."""
    first = model.model.layers[0].mlp
    ones = torch.ones(PRODUCT_TOKENS, first.gate_proj.in_features, dtype=model.dtype)
    operations = 2 * PRODUCT_TOKENS * 3 * first.gate_proj.weight.numel()
    best, start = float("inf"), time.perf_counter()
    while time.perf_counter() - start < SECONDS:
        once = time.perf_counter()
        first.down_proj(first.gate_proj(ones) + first.up_proj(ones))
        best = min(best, time.perf_counter() - once)
    return float(operations / best)
