"""Steps over many short sequences at once: the packets of each flow among those of all.

Values lie sorted by group, and within a group in the order of time. What an earlier batch left of a
group is carried in as a value per group.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

T = TypeVar("T", bound=np.generic)
APART = 1 << 34
"""Further than two positions of one sequence can be: they fit 32 bits and a sign."""


@dataclass
class Groups:
    rows: NDArray[np.int64]
    """The group's number in the caller's tables, one per group."""
    starts: NDArray[np.int64]
    """Where it begins."""
    of: NDArray[np.int64]
    """The group of each value: an index into ``rows``."""

    @classmethod
    def of_sorted(cls, rows: NDArray[Any]) -> Groups:
        """From each value's row, in which equal ones lie together."""
        is_start = np.empty(len(rows), bool)
        is_start[:1] = True
        np.not_equal(rows[1:], rows[:-1], out=is_start[1:])
        starts = np.flatnonzero(is_start)
        return cls(rows[starts].astype(np.int64), starts, np.cumsum(is_start) - 1)

    @property
    def ends(self) -> NDArray[np.int64]:
        """The last value of each."""
        return np.append(self.starts[1:], len(self.of)) - 1 if len(self.of) else self.starts

    def before(self, values: NDArray[T], carried: NDArray[T]) -> NDArray[T]:
        """Of each value the one before it in its group; of the first what was carried in."""
        previous = np.empty_like(values)
        previous[1:] = values[:-1]
        previous[self.starts] = carried
        return previous

    def greatest(self, values: NDArray[np.int64], carried: int = 0) -> NDArray[np.int64]:
        """Of each value the greatest of its group up to it, at least ``carried``. Values are less
        than APART / 2 from 0."""
        shift = self.of * APART
        raised = np.maximum(values, carried) + shift
        result: NDArray[np.int64] = np.maximum.accumulate(raised) - shift
        return result

    def sums(self, values: NDArray[Any]) -> NDArray[Any]:
        """One per group."""
        result: NDArray[Any] = np.add.reduceat(values, self.starts) if len(values) else values[:0]
        return result


def order_by(rows: NDArray[Any]) -> NDArray[np.int64]:
    """Indices that sort them and keep the order of equals; quick, for they fit 16 bits."""
    return np.argsort(rows.astype(np.uint16), kind="stable")


def distance(there: NDArray[np.uint32], here: NDArray[np.uint32]) -> NDArray[np.int64]:
    """How far ``there`` is beyond ``here`` in a space of 32 bits that wraps around."""
    return (there - here).astype(np.int32).astype(np.int64)
