"""The prompts of generation: their own parts, computed many in a pass, before they are decoded."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from workers.inference.cascade import Packed
from workers.inference.choose import compute, lay_out
from workers.inference.continuation import Continuation
from workers.inference.labels import LabelTree
from workers.inference.next_tokens import grow_all
from workers.inference.packing import Packing
from workers.inference.prefix import LayerState, Prefix

NEXT_TOKEN = LabelTree(("",), ((0,),))
"""Asks for what follows the prompt, and nothing behind it."""


@dataclass(frozen=True)
class Begun:
    """An item with the first token of its answer, and each layer's keys and values of its prompt's
    own part [key heads, tokens, dim]: views into those of its pass."""

    item: Continuation
    states: list[LayerState]


class Prompts:
    """The items in their order, each begun when it is asked for: with those that share its pass.

    ``in_shared_pass`` tells after an error whether it was in a pass whose size can be chosen.
    """

    def __init__(
        self, model: Any, items: Sequence[Continuation], prefix: Prefix, packing: Packing
    ) -> None:
        self.in_shared_pass = False
        self._model, self._items, self._prefix, self._packing = model, items, prefix, packing

    def __iter__(self) -> Iterator[Begun]:
        before = len(self._prefix.tokens)
        lengths = [len(item.prompt) - before for item in self._items]
        for tokens, indices in self._packing.passes_in_order(lengths, 1):
            self.in_shared_pass = tokens == self._packing.tokens
            begun = self._begin([self._items[index] for index in indices], tokens)
            self.in_shared_pass = False
            yield from begun

    @torch.inference_mode()
    def _begin(self, items: list[Continuation], tokens: int) -> list[Begun]:
        """By one pass of ``tokens`` tokens."""
        model, before = self._model, len(self._prefix.tokens)
        ordered = sorted(items, key=lambda item: len(item.prompt))
        rows = [item.prompt[before:] for item in ordered]
        layout = lay_out(rows, before, NEXT_TOKEN, self._packing, model)
        packed = Packed(self._prefix, layout.runs, keep=True)
        asked = self._packing.asked(tokens, 1, len(items))
        logits = compute(model, layout, tokens, asked, packed)
        grow_all(ordered, logits)
        begun = {}
        for item, row, last in zip(ordered, rows, layout.asked, strict=True):
            own = slice(last + 1 - len(row), last + 1)
            states = [(keys[0, :, own], values[0, :, own]) for keys, values in packed.states]
            begun[item.index] = Begun(item, states)
        return [begun[item.index] for item in items]
