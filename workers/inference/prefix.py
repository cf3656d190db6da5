"""The state of a shared beginning of prompts: computed once, used by every item that has it."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from itertools import takewhile
from typing import Any

import torch
from transformers.cache_utils import DynamicCache, DynamicLayer

PROBES = ("a", "The", "Zq", "7", " b", "\n", '"', "(", ".", "\u00e9")
"""Ways in which a prompt may go on. The tokens of the prefix that are the same before all of them
are what its state covers; which these are depends on the prefix alone."""

LayerState = tuple[torch.Tensor, torch.Tensor]


@dataclass(frozen=True)
class Prefix:
    """Tokens, and each layer's keys and values [1, heads, tokens, dim] after them."""

    tokens: list[int]
    layers: list[LayerState]

    def covers(self, tokens: list[int]) -> bool:
        """Whether a prompt of these tokens begins with the prefix and goes on after it."""
        length = len(self.tokens)
        return 0 < length < len(tokens) and tokens[:length] == self.tokens

    def cache(self, rows: int) -> DynamicCache:
        """A cache in which every row begins with the prefix, whose own state stays as it is."""
        cache = DynamicCache()
        for keys, values in self.layers:
            layer = DynamicLayer()
            layer.lazy_initialization(keys, values)
            layer.keys = keys.expand(rows, -1, -1, -1)
            layer.values = values.expand(rows, -1, -1, -1)
            cache.layers.append(layer)
        return cache


NOTHING = Prefix([], [])


class PrefixStore:
    """Keeps the states of the prefixes used last."""

    def __init__(self, model: Any, tokenizer: Any, capacity: int = 4) -> None:
        self._model, self._tokenizer, self._capacity = model, tokenizer, capacity
        self._kept: OrderedDict[str, Prefix] = OrderedDict()

    def get(self, text: str) -> Prefix:
        """The prefix of this text, computed if it is not kept; `NOTHING` for an empty text."""
        if not text:
            return NOTHING
        if text in self._kept:
            self._kept.move_to_end(text)
            return self._kept[text]
        while len(self._kept) >= self._capacity:
            self._kept.popitem(last=False)
        prefix = self._kept[text] = compute_prefix(self._model, self.stable_tokens(text))
        return prefix

    def stable_tokens(self, text: str) -> list[int]:
        """The tokens at the beginning of ``text`` that do not depend on what comes after it."""
        continued = self._tokenizer([text + probe for probe in PROBES])["input_ids"]
        return [column[0] for column in takewhile(_same, zip(*continued, strict=False))]


@torch.inference_mode()
def compute_prefix(model: Any, tokens: list[int]) -> Prefix:
    """The state of these tokens, by one forward pass; `NOTHING` without tokens."""
    if not tokens:
        return NOTHING
    cache = DynamicCache()
    ids = torch.tensor([tokens], device=model.device)
    model(ids, past_key_values=cache, use_cache=True, logits_to_keep=1)
    return Prefix(tokens, [(layer.keys, layer.values) for layer in cache.layers])


def _same(column: tuple[int, ...]) -> bool:
    return len(set(column)) == 1
