"""The items are divided once, equally, among as many workers as there were; each works on its part.

When a worker goes, who comes next takes over its part; nobody else helps.
"""

from __future__ import annotations

from collections import deque

from pcm.engines.simulated.baselines.base import Baseline, Batch, Seat


class StaticShards(Baseline):
    def __init__(self, batch_items: int, shards: int) -> None:
        super().__init__(batch_items)
        self._shards: list[deque[Batch]] = [deque() for _ in range(shards)]
        self._homes: dict[tuple[str, int], int] = {}
        """By run and number of the batch: its shard."""
        self._owners: dict[str, int] = {}

    def items_added(self, run: str, number: int) -> None:
        super().items_added(run, number)
        batches, self.waiting = list(self.waiting), deque()
        shards = len(self._shards)
        for index, batch in enumerate(batches):
            home = index * shards // len(batches)
            self._homes[batch.run, batch.start // self.batch_items] = home
            self._shards[home].append(batch)

    def assign(self) -> None:
        for owner in list(self._owners):
            if owner not in self.seats or self.seats[owner].leaving:
                del self._owners[owner]
        free = self.free()
        if free:
            owned = set(self._owners.values())
            orphans = [i for i, shard in enumerate(self._shards) if shard and i not in owned]
            for seat in free:
                shard = self._shard_of(seat, orphans)
                if shard is not None:
                    self.give(seat, shard.popleft())

    def _shard_of(self, seat: Seat, orphans: list[int]) -> deque[Batch] | None:
        """Its own while anything is left of it, then one that lost its owner."""
        owned = self._owners.get(seat.id)
        if owned is not None and self._shards[owned]:
            return self._shards[owned]
        self._owners.pop(seat.id, None)
        if not orphans:
            return None
        self._owners[seat.id] = orphans.pop(0)
        return self._shards[self._owners[seat.id]]

    def give_back(self, seat: Seat, batch: Batch) -> None:
        home = self._homes[batch.run, batch.start // self.batch_items]
        self._shards[home].appendleft(batch)
