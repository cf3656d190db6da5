"""Keeps the states of prefixes within a memory budget; the least valuable goes first."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch

from workers.inference.prefix import NOTHING, Prefix


@dataclass
class Kept:
    """A prefix, how many items have used it, and its value when it was used last."""

    prefix: Prefix
    uses: int = 0
    value: float = 0.0


class PrefixStore:
    """Computes a prefix when it is first asked for, and keeps it while it is worth its memory.

    Value is tokens saved per byte: uses x tokens / bytes, on top of the value of what was last
    given up (greedy dual, size, frequency: Cherkasova 1998), so that what was once of use and is
    asked for no more goes in the end. A prefix larger than the whole budget is used and not kept.
    """

    def __init__(self, compute: Callable[[list[int]], Prefix], budget_bytes: int) -> None:
        self.budget_bytes = budget_bytes
        self.computed = 0
        self._compute = compute
        self._kept: dict[tuple[int, ...], Kept] = {}
        self._used: set[tuple[int, ...]] = set()
        self._floor = 0.0

    @property
    def memory_bytes(self) -> int:
        return sum(kept.prefix.memory_bytes for kept in self._kept.values())

    @property
    def tensors(self) -> list[torch.Tensor]:
        """Those that hold the states that are kept."""
        prefixes = (kept.prefix for kept in self._kept.values())
        return [part for prefix in prefixes for layer in prefix.layers for part in layer]

    def get(self, tokens: list[int], uses: int = 1) -> Prefix:
        """The state after these tokens, for so many items; `NOTHING` for no tokens."""
        if not tokens:
            return NOTHING
        key = tuple(tokens)
        self._used.add(key)
        kept = self._kept.get(key)
        if kept is None:
            kept = Kept(self._compute(tokens))
            self.computed += 1
            if not self._make_room(kept.prefix.memory_bytes):
                return kept.prefix
            self._kept[key] = kept
        kept.uses += uses
        kept.value = self._floor + kept.uses * len(tokens) / max(1, kept.prefix.memory_bytes)
        return kept.prefix

    def kept_states(self) -> tuple[set[tuple[int, ...]], set[tuple[int, ...]]]:
        """The tokens of those used since this was last asked, and of those that are kept now."""
        used, self._used = self._used, set()
        return used, set(self._kept)

    def clear(self) -> None:
        """Give up all states."""
        self._kept.clear()

    def _make_room(self, needed_bytes: int) -> bool:
        if needed_bytes > self.budget_bytes:
            return False
        while self.memory_bytes + needed_bytes > self.budget_bytes:
            key = min(self._kept, key=lambda one: self._kept[one].value)
            self._floor = self._kept.pop(key).value
        return True
