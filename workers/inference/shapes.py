"""Fixed shapes, so that an item's answer does not depend on the items beside it.

The last bits of a matrix product depend on the shapes of its factors: libraries choose their
blocking by them. Here the shape of every product that an item takes part in follows from the item
alone: it runs in a forward pass of a fixed number of rows, and of a width that is its own length
rounded up. Rows without an item are filled with dummies.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Shapes:
    """``rows`` per forward pass, and the unit of ``tokens`` to which widths are rounded up."""

    rows: int
    unit: int

    def width(self, tokens: int) -> int:
        """The padded length of an item: a function of its own length."""
        return -(-tokens // self.unit) * self.unit

    def groups(self, lengths: Sequence[int]) -> Iterator[tuple[int, list[int]]]:
        """Split items of these lengths into passes: (width, indices of at most ``rows`` items).

        With one row the passes are in the order of the items.
        """
        if self.rows == 1:
            yield from ((self.width(length), [index]) for index, length in enumerate(lengths))
            return
        by_width: dict[int, list[int]] = {}
        for index, length in enumerate(lengths):
            by_width.setdefault(self.width(length), []).append(index)
        for width, indices in sorted(by_width.items()):
            for start in range(0, len(indices), self.rows):
                yield width, indices[start : start + self.rows]


def default_shapes(device_type: str, rows: int | None = None) -> Shapes:
    """One item per pass on a CPU, many on an accelerator, unless ``rows`` says how many.

    On a CPU a pass over one item of some 30 tokens already runs at the speed of arithmetic, and
    rows without an item would cost as much as an item.
    """
    if rows is None:
        rows = 1 if device_type == "cpu" else 32
    if rows < 1:
        raise ValueError(f"rows must be at least 1, not {rows}")
    return Shapes(rows, unit=1 if rows == 1 else 16)


def default_slots(device_type: str, slots: int | None = None) -> int:
    """How many items decode together, unless ``slots`` says it: there reading the weights costs
    more than arithmetic, so that rows without an item cost little."""
    if slots is None:
        slots = 8 if device_type == "cpu" else 32
    if slots < 1:
        raise ValueError(f"slots must be at least 1, not {slots}")
    return slots
