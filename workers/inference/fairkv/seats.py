"""Which slot an item takes, and where its rows stand in the buffers of those that serve it."""

from __future__ import annotations


class Seats:
    """Slots 0 to ``count`` - 1. They are given out so that any number of items lies evenly among
    them: every part of the slots then has its part of the items, as copies of a head do."""

    def __init__(self, count: int) -> None:
        self._order = spread(count)
        self._taken: set[int] = set()

    @property
    def free(self) -> int:
        return len(self._order) - len(self._taken)

    def take(self) -> int:
        """The first in order that is free. Raises StopIteration without one."""
        slot = next(slot for slot in self._order if slot not in self._taken)
        self._taken.add(slot)
        return slot

    def give_back(self, slot: int) -> None:
        self._taken.remove(slot)


def spread(count: int) -> list[int]:
    """0 to ``count`` - 1 so ordered that every beginning lies evenly among all: by the bits of a
    number in reverse (van der Corput's sequence)."""
    bits = max(1, (count - 1).bit_length())
    reverse = (int(f"{number:0{bits}b}"[::-1], 2) for number in range(1 << bits))
    return [slot for slot in reverse if slot < count]


class Span:
    """Neighbouring slots that a share serves. Their items stand at the first places of its buffers
    without a gap: the last moves where one leaves."""

    def __init__(self, slots: range) -> None:
        self.slots = slots
        self.items: list[int] = []
        """The slot of each place."""

    def __len__(self) -> int:
        return len(self.items)

    def enter(self, slot: int) -> int:
        """The place that the item of this slot gets."""
        self.items.append(slot)
        return len(self.items) - 1

    def leave(self, slot: int) -> tuple[int, int]:
        """The place that becomes free, and that of the item that is to move there: they are the
        same for the last."""
        place, last = self.items.index(slot), len(self.items) - 1
        self.items[place] = self.items[last]
        self.items.pop()
        return place, last
