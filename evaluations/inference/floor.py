"""The least time that work takes on this machine, by the rates that are measured on it.

Arithmetic: the operations that must be done, at the best rate of the model's own matrix products.
Reading: all weights once for every token of the longest answer, at the best rate of the memory.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch

SECONDS = 0.5
"""For how long each rate is measured; the best time counts."""

READ_NUMBERS = 1 << 26
"""Of four bytes: 256 MiB, more than any cache holds."""


@dataclass(frozen=True)
class Span:
    """Some tokens of one text: of these ``tokens``, the first of which has ``before`` others before
    it, ``asked`` are asked for what comes next."""

    tokens: int
    before: int
    asked: int


def operations(model: Any, spans: Sequence[Span]) -> float:
    """Of the tokens through all layers, attention over all before them, and those that are asked
    through the head."""
    config = model.config
    in_layers = sum(int(p.numel()) for p in model.model.layers.parameters())
    per_seen = 2 * config.num_hidden_layers * config.hidden_size
    head = config.vocab_size * config.hidden_size
    products = sum(
        span.tokens * (in_layers + per_seen * (span.before + span.tokens / 2)) + span.asked * head
        for span in spans
    )
    return 2.0 * float(products)


@torch.inference_mode()
def matrix_rate(model: Any, tokens: int) -> float:
    """Operations per second of the model's own feed-forward products of so many tokens."""
    first = model.model.layers[0].mlp
    ones = torch.ones(tokens, first.gate_proj.in_features, dtype=model.dtype)
    done = 2.0 * tokens * 3 * int(first.gate_proj.weight.numel())
    return done / _best_seconds(
        lambda: first.down_proj(first.gate_proj(ones) + first.up_proj(ones))
    )


@torch.inference_mode()
def memory_rate() -> float:
    """Bytes per second when memory is read from end to end."""
    numbers = torch.ones(READ_NUMBERS)
    return numbers.nbytes / _best_seconds(numbers.sum)


def weight_bytes(model: Any) -> int:
    """Of all weights, each counted once."""
    return sum(weight.nbytes for weight in model.parameters())


def _best_seconds(do: Callable[[], Any]) -> float:
    best, start = float("inf"), time.perf_counter()
    while time.perf_counter() - start < SECONDS:
        once = time.perf_counter()
        do()
        best = min(best, time.perf_counter() - once)
    return best
