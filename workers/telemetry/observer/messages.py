"""Packets made into messages: what one side sends without pause and without answer.

A message ends when the other side sends payload, or after a quiet time. Of many flows at once, and
the same however the packets are cut into batches.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from workers.telemetry.observer.grouping import Groups

QUIET_NS = 2_000_000


class Messages(NamedTuple):
    """Columns, in the order of their beginnings for each flow."""

    flow: NDArray[np.int64]
    direction: NDArray[np.int64]
    """0 or 1, as its packets'."""
    first_ns: NDArray[np.int64]
    last_ns: NDArray[np.int64]
    bytes: NDArray[np.int64]

    def select(self, which: NDArray[np.bool_] | NDArray[np.int64]) -> Messages:
        return Messages(*(column[which] for column in self))


class Assembly:
    """The open message of each of so many flows."""

    def __init__(self, flows: int, quiet_ns: int = QUIET_NS) -> None:
        self._quiet_ns = quiet_ns
        self._direction = np.zeros(flows, np.int64)
        self._first_ns = np.zeros(flows, np.int64)
        self._last_ns = np.zeros(flows, np.int64)
        self._bytes = np.zeros(flows, np.int64)  # 0: there is none

    def add(
        self,
        flow: NDArray[np.int64],
        direction: NDArray[np.int64],
        time_ns: NDArray[np.int64],
        payload_bytes: NDArray[np.int64],
    ) -> tuple[Messages, NDArray[np.bool_]]:
        """Packets with payload, sorted by flow and time. Gives the messages that are complete now,
        and which of these packets begin one."""
        groups = Groups.of_sorted(flow)
        flows = groups.rows
        previous_ns = groups.before(time_ns, self._last_ns[flows])
        turned = direction != groups.before(direction, self._direction[flows])
        begins = turned | (time_ns - previous_ns > self._quiet_ns)
        nothing = self._bytes[flows] == 0
        begins[groups.starts[nothing]] = True
        # Cut where one begins, and where another flow's packets do.
        cuts = begins.copy()
        cuts[groups.starts] = True
        at = np.flatnonzero(cuts)
        if not len(at):
            return _NONE, begins
        until = np.append(at[1:], len(flow)) - 1
        parts = Messages(
            flow[at], direction[at], time_ns[at], time_ns[until], np.add.reduceat(payload_bytes, at)
        )
        goes_on = ~begins[at]
        old = parts.flow[goes_on]
        parts.first_ns[goes_on] = self._first_ns[old]
        parts.bytes[goes_on] += self._bytes[old]
        left = flows[begins[groups.starts] & ~nothing]
        ended = self._open(left)
        is_last = np.append(parts.flow[1:] != parts.flow[:-1], True)
        self._keep(parts.select(is_last))
        return _joined(ended, parts.select(~is_last)), begins

    def quiet(self, now_ns: int) -> Messages:
        """Messages that nothing has followed for the quiet time."""
        flows = np.flatnonzero((self._bytes > 0) & (now_ns - self._last_ns > self._quiet_ns))
        ended = self._open(flows)
        self._bytes[flows] = 0
        return ended

    def going_on(self, more_than_bytes: int) -> Messages:
        """Open messages that are longer already."""
        return self._open(np.flatnonzero(self._bytes > more_than_bytes))

    def forget(self, flows: NDArray[np.int64]) -> Messages:
        """These rows will be others'; gives what was open there."""
        flows = flows[self._bytes[flows] > 0]
        ended = self._open(flows)
        self._bytes[flows] = 0
        return ended

    def _open(self, flows: NDArray[np.int64]) -> Messages:
        columns = (self._direction, self._first_ns, self._last_ns, self._bytes)
        return Messages(flows, *(column[flows] for column in columns))

    def _keep(self, messages: Messages) -> None:
        flow, self._direction[flow], self._first_ns[flow] = messages[0], messages[1], messages[2]
        self._last_ns[flow], self._bytes[flow] = messages.last_ns, messages.bytes


_NONE = Messages(*(np.zeros(0, np.int64) for _ in range(5)))


def _joined(one: Messages, other: Messages) -> Messages:
    return Messages(*(np.concatenate(pair) for pair in zip(one, other, strict=True)))
