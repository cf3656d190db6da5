"""What was seen in a window, before it becomes readings."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workers.telemetry.observer.collectives import Meeting
from workers.telemetry.observer.flows import Flows
from workers.telemetry.observer.streams import Answers, Ended
from workers.telemetry.observer.tally import Count, Tally


@dataclass
class Sighting:
    """A window. Arrays over parties are by ``Parties``' numbers."""

    end_ns: int
    seconds: float
    sums: NDArray[np.int64]
    """From, to, ``Count``."""
    flow_bytes: NDArray[np.int64]
    """One row per flow with traffic: its two parties, its bytes."""
    round_trips: NDArray[np.int64]
    """One row per sample: from, to, nanoseconds, whether it was a small message."""
    backlog: NDArray[np.int64]
    """Bytes from a party that are not acknowledged."""
    bins: NDArray[np.int64]
    """Bytes from (0) and to (1) each party, by bin of the window."""
    interfaces: NDArray[np.uint8]
    """On which each party's packets come."""
    answers: dict[int, Answers]
    waited_since: dict[int, float]
    """The last request before the window, by worker that was ever asked."""
    ended: list[Ended]
    meetings: dict[str, list[Meeting]]
    silent_ns: dict[str, NDArray[np.int64]]
    busiest: list[dict[str, Any]] = field(default_factory=list)


def busiest_flows(tally: Tally, flows: Flows, most: int) -> list[dict[str, Any]]:
    """By bytes; each direction by itself, with when its packets came and what they were."""
    if not most:
        return []
    rows = np.argsort(-tally.rows[:, Count.BYTES], kind="stable")[:most]
    return [
        {
            "from": flows.name(row),
            "to": flows.name(row ^ 1),
            "first_seconds": int(tally.first_ns[row]) / 1e9,
            "last_seconds": int(tally.last_ns[row]) / 1e9,
            "longest_gap_seconds": int(tally.longest_gap_ns[row]) / 1e9,
            **{count.name.lower(): int(tally.rows[row, count]) for count in Count},
        }
        for row in rows[tally.rows[rows, Count.PACKETS] > 0].tolist()
    ]
