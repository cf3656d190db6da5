"""Caches of unequal length per head: what a rank keeps for the items that its shares serve."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch

from workers.heads.plan import Share, rows_of
from workers.inference.fairkv.budgets import Budgets
from workers.inference.fairkv.seats import Span


class Rows(Span):
    """A span with what its heads have in common. ``bias`` [places, widest budget + answer] is 0
    for what an item has and minus infinity for what it has not: heads read it from their own
    budget before the place of the answer on.

    ``rows`` are the places' numbers in the batch, None where they are all of it in its order;
    ``written`` how many tokens of its answer each place has."""

    def __init__(self, slots: range, widest: int, answer_tokens: int, like: torch.Tensor) -> None:
        super().__init__(slots)
        self.widest = widest
        self.bias = like.new_full((len(slots), widest + answer_tokens), float("-inf"))
        self.rows: torch.Tensor | None = None
        self.places = torch.arange(0, device=like.device)
        self.written = torch.arange(0, device=like.device)
        self.answer_width = 0
        self.shortest = 0
        """How much of a budget all items fill, if their answers are of one length; else 0."""
        self.longest = 0
        """How much of a budget some item fills: what is before that is nobody's."""
        self._prompts: dict[int, int] = {}

    def begin(self, slot: int, prompt_tokens: int) -> int:
        place = self.enter(slot)
        self._prompts[slot] = prompt_tokens
        self.bias[place] = float("-inf")
        self.bias[place, max(0, self.widest - prompt_tokens) : self.widest] = 0
        return place

    def end(self, slot: int) -> tuple[int, int]:
        place, last = self.leave(slot)
        if place != last:
            self.bias[place] = self.bias[last]
        return place, last

    def look(self, numbers: dict[int, int], written: dict[int, int]) -> None:
        """Before a step: by slot the item's number in the batch, and how many tokens of its answer
        were written."""
        device = self.bias.device
        rows = [numbers[slot] for slot in self.items]
        before = [written[slot] for slot in self.items]
        is_whole = rows == list(range(len(numbers)))
        self.rows = None if is_whole else torch.tensor(rows, device=device)
        self.places = torch.arange(len(rows), device=device)
        self.written = torch.tensor(before, dtype=torch.int64, device=device)
        self.answer_width = max(before, default=-1) + 1
        prompts = [self._prompts[slot] for slot in self.items]
        self.longest = max(prompts, default=0)
        self.shortest = min(prompts) if len(set(before)) == 1 else 0
        self.bias[self.places, self.widest + self.written] = 0


@dataclass
class HeadCache:
    """Of one share: ``keys`` [places, dim, budget + answer] and ``values`` [places, budget +
    answer, dim]. What is kept of a prompt ends at the budget, the answer begins there. Keys lie so
    that the product with a query reads them in order."""

    share: Share
    budget: int
    rows: Rows
    keys: torch.Tensor
    values: torch.Tensor

    def begin(self, place: int, keys: torch.Tensor, values: torch.Tensor) -> None:
        """What is kept of a prompt [tokens, dim]. The rest is 0: it is multiplied by 0, which
        undoes no infinity."""
        self.keys[place], self.values[place] = 0, 0
        start = self.budget - len(keys)
        self.keys[place, :, start : self.budget] = keys.T
        self.values[place, start : self.budget] = values

    def move(self, place: int, last: int) -> None:
        self.keys[place], self.values[place] = self.keys[last], self.values[last]


class Caches:
    """Those of a rank, by layer and share, for up to ``slots`` items with answers of up to
    ``answer_tokens``."""

    def __init__(
        self,
        shares: Sequence[Sequence[Share]],
        budgets: Budgets,
        slots: int,
        answer_tokens: int,
        like: torch.Tensor,
    ) -> None:
        """``like``: an empty tensor [dim, 0] of the keys' type, on the device."""
        self.slots, self.answer_tokens = slots, answer_tokens
        widest, dim = max(map(max, budgets)), like.shape[0]
        self.batch = Span(range(slots))
        """All items, as they are numbered in a step."""
        self._written: dict[int, int] = {}
        self._rows: dict[range, Rows] = {}
        self.layers: list[list[HeadCache]] = []
        for layer, kept in zip(shares, budgets, strict=True):
            heads = []
            for share in layer:
                served = rows_of(share, slots)
                if served not in self._rows:
                    self._rows[served] = Rows(served, widest, answer_tokens, like)
                width, budget = kept[share.head] + answer_tokens, kept[share.head]
                keys = like.new_zeros(len(served), dim, width)
                values = like.new_zeros(len(served), width, dim)
                heads.append(HeadCache(share, budget, self._rows[served], keys, values))
            self.layers.append(heads)

    @property
    def memory_bytes(self) -> int:
        heads = (head for layer in self.layers for head in layer)
        return sum(head.keys.nbytes + head.values.nbytes for head in heads)

    def enter(self, slot: int, prompt_tokens: int) -> None:
        """An item with this slot comes. Its heads' `HeadCache.begin` follows."""
        self.batch.enter(slot)
        self._written[slot] = 0
        for rows in self._serving(slot):
            rows.begin(slot, prompt_tokens)

    def serving(self, layer: int, slot: int) -> Iterator[tuple[int, HeadCache, int]]:
        """(number of the share, its cache, the item's place in it) of those that serve a slot."""
        for number, head in enumerate(self.layers[layer]):
            if slot in head.rows.slots:
                yield number, head, head.rows.items.index(slot)

    def step(self) -> None:
        """One more token of every item comes."""
        numbers = {slot: number for number, slot in enumerate(self.batch.items)}
        for rows in self._rows.values():
            rows.look(numbers, self._written)
        for slot in self.batch.items:
            self._written[slot] += 1

    def leave(self, slot: int) -> None:
        """The item of this slot goes."""
        self.batch.leave(slot)
        moves = {rows: rows.end(slot) for rows in self._serving(slot)}
        for layer in self.layers:
            for head in layer:
                place, last = moves.get(head.rows, (0, 0))
                if place != last:
                    head.move(place, last)

    def clear(self) -> None:
        """All items go."""
        for slot in list(self.batch.items):
            self.leave(slot)

    def _serving(self, slot: int) -> list[Rows]:
        return [rows for rows in self._rows.values() if slot in rows.slots]


def cache_bytes_per_slot(budgets: Budgets, answer_tokens: int, dim: int, itemsize: int) -> int:
    """Of an item in all heads, on all ranks together."""
    tokens = sum(kept + answer_tokens for layer in budgets for kept in layer)
    return 2 * tokens * dim * itemsize
