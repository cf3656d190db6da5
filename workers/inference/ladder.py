"""Numbers of rows that decode together and give the same bits."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True)
class Ladder:
    """``rungs``, from the most rows to the fewest: an item's bits are the same on each."""

    rungs: tuple[int, ...]

    @property
    def most(self) -> int:
        return self.rungs[0]

    def least(self, count: int) -> int:
        """The fewest rows that hold ``count`` items, of which there are at most `most`."""
        return min(rung for rung in self.rungs if rung >= count)

    def within(self, most: int) -> Ladder:
        """The rungs of at most so many rows. If there are none: just so many, at least one, whose
        bits may be others."""
        rungs = tuple(rung for rung in self.rungs if rung <= most)
        return Ladder(rungs or (max(1, most),))

    def halving(self) -> Ladder:
        """Those of the rungs of which each is at most half of the one before."""
        rungs = [self.most]
        for rung in self.rungs:
            if rung <= rungs[-1] // 2:
                rungs.append(rung)
        return Ladder(tuple(rungs))


def fewer_rows(rows: int) -> Iterator[int]:
    """What may be rungs below ``rows``: three quarters, halves, three quarters of these, and so
    on down to two. Libraries have another routine for one, and half precision may hide that."""
    while (half := rows // 2) > 1:
        if rows * 3 // 4 > half:
            yield rows * 3 // 4
        yield half
        rows = half
