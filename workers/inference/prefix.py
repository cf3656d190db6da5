"""The state of a shared beginning of prompts: computed once, used by every item that has it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import takewhile
from typing import Any

import torch
from transformers.cache_utils import DynamicCache

PROBES = ("a", "The", "Zq", "7", " b", "\n", '"', "(", ".", "\u00e9")
"""Ways in which a prompt may go on. The tokens of the prefix that are the same before all of them
are what its state covers; which these are depends on the prefix alone."""

LEAST_SHARED_TOKENS = 16
"""Shorter beginnings are not worth a state of their own."""

LayerState = tuple[torch.Tensor, torch.Tensor]


@dataclass(frozen=True, eq=False)
class Prefix:
    """Tokens, and each layer's keys and values [1, key heads, tokens, dim] after them."""

    tokens: list[int]
    layers: list[LayerState] = field(repr=False)

    @property
    def memory_bytes(self) -> int:
        return sum(part.nbytes for layer in self.layers for part in layer)

    def covers(self, tokens: list[int]) -> bool:
        """Whether a prompt of these tokens begins with the prefix and goes on after it."""
        length = len(self.tokens)
        return 0 < length < len(tokens) and tokens[:length] == self.tokens


NOTHING = Prefix([], [])


def stable_tokens(tokenizer: Any, text: str) -> list[int]:
    """The tokens at the beginning of ``text`` that do not depend on what comes after it."""
    if not text:
        return []
    return common_beginning(tokenizer([text + probe for probe in PROBES])["input_ids"])


def common_beginning(rows: Collection[list[int]]) -> list[int]:
    """The longest beginning that all of the rows have; there must be some."""
    ends = zip(min(rows), max(rows), strict=False)  # what these share, all between them share
    return [pair[0] for pair in takewhile(_same, ends)]


@torch.inference_mode()
def compute_prefix(model: Any, tokens: list[int]) -> Prefix:
    """The state of these tokens, by one forward pass; `NOTHING` without tokens."""
    if not tokens:
        return NOTHING
    cache = DynamicCache()
    ids = torch.tensor([tokens], device=model.device)
    model(ids, past_key_values=cache, use_cache=True, logits_to_keep=1)
    layers = [(layer.keys.contiguous(), layer.values.contiguous()) for layer in cache.layers]
    return Prefix(list(tokens), layers)


def shared_beginnings(rows: Mapping[int, list[int]]) -> Iterator[tuple[list[int], list[int]]]:
    """Group rows by what they begin with: (the longest beginning of all its rows, their keys).

    Rows that share less than `LEAST_SHARED_TOKENS` with any other come last, with no beginning.
    """
    groups: defaultdict[tuple[int, ...], list[int]] = defaultdict(list)
    for key, row in rows.items():
        groups[tuple(row[:LEAST_SHARED_TOKENS])].append(key)
    alone: list[int] = []
    for keys in groups.values():
        members = [rows[key][:-1] for key in keys]  # an item goes on after its prefix
        shared = common_beginning(members)
        if len(keys) > 1 and len(shared) >= LEAST_SHARED_TOKENS:
            yield shared, keys
        else:
            alone += keys
    if alone:
        yield [], sorted(alone)


def _same(column: tuple[int, ...]) -> bool:
    return len(set(column)) == 1
