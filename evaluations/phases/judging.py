"""What was told of requests, set against what the engine wrote down. Times in seconds."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from evaluations.base import spread

IDLE, PREFILL, DECODE = range(3)
PHASES = ("idle", "prefill", "decode")
WINDOW_SECONDS = 0.01
CLOSE_SECONDS, CLOSE_SHARE = 0.005, 0.05
"""A boundary is close that is off by no more than one of both: that much time, which is less than
a step of decoding takes, or that share of the phase that it ends."""


class Span(NamedTuple):
    """A request on its connection. Prefill is from ``arrived`` to ``first_token``, and decode from
    there to ``last_token``."""

    connection: str
    arrived: float
    first_token: float
    last_token: float


def by_connection(spans: Iterable[Span]) -> dict[str, list[Span]]:
    """In the order of time."""
    found: defaultdict[str, list[Span]] = defaultdict(list)
    for span in sorted(spans, key=lambda one: one.arrived):
        found[span.connection].append(span)
    return found


def matched(made: Sequence[Span], told: Sequence[Span]) -> list[tuple[Span, Span]]:
    """Pairs of a request that was made and what was told of it. A connection has one request after
    the other: what is told to have arrived between the end of one and the end of the next is told
    of the next. Of each one only the first is taken."""
    pairs = []
    others = by_connection(told)
    for connection, requests in by_connection(made).items():
        before = float("-inf")
        for request in requests:
            candidates = (
                one
                for one in others.get(connection, [])
                if before < one.arrived <= request.last_token
            )
            if (first := next(candidates, None)) is not None:
                pairs.append((request, first))
            before = request.last_token
    return pairs


def phases_at(spans: Iterable[Span], times: NDArray[np.float64]) -> NDArray[np.int64]:
    """Of one connection, at each time (rising)."""
    found = np.full(len(times), IDLE)
    for span in spans:
        arrived, first, last = np.searchsorted(times, span[1:])
        found[arrived:first] = PREFILL
        found[first:last] = DECODE
    return found


def errors(pairs: Sequence[tuple[Span, Span]]) -> dict[str, dict[str, float]]:
    """By boundary, in milliseconds without sign, and which share of them is close. Of at least one
    pair."""
    found = {}
    made, told = (np.array([span[1:] for span in side]) for side in zip(*pairs, strict=True))
    for at, name in enumerate(Span._fields[1:]):
        off = abs(told[:, at] - made[:, at])
        phase = made[:, at] - made[:, max(0, at - 1)]
        close = off <= np.maximum(CLOSE_SECONDS, CLOSE_SHARE * phase)
        found[name] = {
            **spread((off * 1e3).tolist()),
            "90th_percentile": float(np.quantile(off, 0.9)) * 1e3,
            "close_share": float(close.mean()),
        }
    return found


def phase_shares(
    made: Sequence[Span], told: Sequence[Span], begin: float, end: float
) -> dict[str, Any]:
    """Of windows of all connections: how many are told right, by phase too; and how many would be
    by who always says the most frequent phase."""
    times = np.arange(begin, end, WINDOW_SECONDS)
    counts = np.zeros((3, 3), np.int64)
    others = by_connection(told)
    for connection, requests in by_connection(made).items():
        right = phases_at(requests, times)
        np.add.at(counts, (right, phases_at(others.get(connection, []), times)), 1)
    of_phase = counts.sum(axis=1)
    return {
        "right": float(np.trace(counts) / counts.sum()),
        "right_by_phase": {
            name: float(counts[phase, phase] / max(1, of_phase[phase]))
            for phase, name in enumerate(PHASES)
        },
        "most_frequent": float(of_phase.max() / counts.sum()),
    }


def judged(made: Sequence[Span], told: Sequence[Span], begin: float, end: float) -> dict[str, Any]:
    """All figures of one condition. Raises ValueError if nothing was made."""
    if not made:
        raise ValueError("the engine was asked nothing")
    pairs = matched(made, told)
    return {
        "requests": len(made),
        "detected_share": len(pairs) / len(made),
        "told_falsely": len(told) - len(pairs),
        "error_milliseconds": errors(pairs) if pairs else {},
        "windows": phase_shares(made, told, begin, end),
    }
