"""Columns and records that only grow, and numbers that change at moments."""

from __future__ import annotations

import struct
from array import array
from bisect import bisect_right
from typing import Any

import numpy as np
from numpy.typing import NDArray


def read(column: array[Any], stop: int | None = None) -> NDArray[Any]:
    """A copy of the first ``stop`` values, or all: one that shared the memory would forbid that
    the column grows."""
    if not column:
        return np.empty(0, column.typecode)
    return np.frombuffer(column, column.typecode, len(column) if stop is None else stop).copy()


def picked(column: array[Any], places: NDArray[np.int64]) -> NDArray[Any]:
    """The values at some places."""
    if not column:
        return np.empty(0, column.typecode)
    return np.frombuffer(column, column.typecode)[places]


Unfit = struct.error
"""A number is larger than its column can hold."""


class Records:
    """Rows of numbers, packed: appending a row is one step, whatever the number of columns.

    ``types``: the type code of each column, as of ``struct``, without gaps.
    """

    def __init__(self, types: str) -> None:
        packed = struct.Struct("<" + types)
        self._pack, self._pack_into = packed.pack, packed.pack_into
        self._unpack_from, self._size = packed.unpack_from, packed.size
        self._type = np.dtype([(f"f{place}", "<" + code) for place, code in enumerate(types)])
        self._bytes = bytearray()

    def __len__(self) -> int:
        return len(self._bytes) // self._size

    def append(self, *values: float) -> None:
        self._bytes += self._pack(*values)

    def replace(self, row: int, *values: float) -> None:
        self._pack_into(self._bytes, row * self._size, *values)

    def row(self, row: int) -> tuple[Any, ...]:
        return self._unpack_from(self._bytes, row * self._size)

    def read(self, stop: int | None = None) -> list[NDArray[Any]]:
        """The columns, copies of the first ``stop`` rows or all."""
        rows = np.frombuffer(self._bytes, self._type)[:stop]
        return [rows[name].copy() for name in self._type.names or ()]

    def picked(self, rows: NDArray[np.int64]) -> list[NDArray[Any]]:
        """The columns, of some rows."""
        some = np.frombuffer(self._bytes, self._type)[rows]
        return [some[name] for name in self._type.names or ()]


class Steps:
    """Numbers that hold from a moment until the next; all are 0 before the first.

    Times are unix seconds, and only grow. ``types``: of the numbers, as of ``Records``.
    """

    def __init__(self, types: str) -> None:
        self.times = array("d")
        self._records = Records(types)
        self._records.append(*(0 for _ in types))

    def note(self, at: float, *values: float) -> None:
        """They are so from now on."""
        times = self.times
        if times and times[-1] == at:
            self._records.replace(len(times), *values)
        else:
            times.append(at)
            self._records.append(*values)

    def at(self, at: float) -> tuple[Any, ...]:
        """All numbers at a moment."""
        return self._records.row(bisect_right(self.times, at))

    def picked(self, places: NDArray[np.int64]) -> list[NDArray[Any]]:
        """Each number from some of ``times`` on, by their places."""
        return self._records.picked(places + 1)

    def sampled(self, times: NDArray[np.float64]) -> list[NDArray[Any]]:
        """Each number at many moments, arrays of shape (times,)."""
        return self._records.picked(np.searchsorted(read(self.times), times, side="right"))
