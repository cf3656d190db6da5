"""Prefill and decode of requests, from the pattern of transfers alone.

A request comes in; then it is quiet while the prompt is computed (prefill); then small messages go
out at a steady pace, one per token or few (decode), until the next request or a long quiet. What
goes out at once to say that the request was taken (a header) is told from the first token by coming
so soon, and by the pause behind it, which is long beside the time until it came. An answer in one
piece has a first and a last message that are the same: how much of the time was prefill cannot be
seen then. Nor can requests be told apart that one connection carries at the same time, nor from
bulk that one connection carries both ways at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np

from workers.telemetry.observer.messages import QUIET_NS, Assembly

MIN_REQUEST_BYTES = 64
"""Smaller messages inward while an answer goes on are not requests: HTTP/2 sends such to say that
there is room."""
IDLE_SECONDS = 30.0
HEADER_SECONDS = 0.01
"""Since the request had arrived. What comes later has been computed."""
LONG_PAUSE = 4.0
"""Times what a header took to come. What follows says nothing: decoding rests while the prompts of
others are computed, and few messages have no pace."""
_LEADING = 3
_KEPT = _LEADING + 1


class Request(NamedTuple):
    """Times in seconds, by the clock of what was given."""

    arrives: float
    arrived: float
    """Its first and its last packet. Prefill begins at ``arrived``."""
    first_token: float
    """Prefill ends, decode begins."""
    last_token: float
    request_bytes: int
    answer_bytes: int
    messages: int
    """Of the answer, from the first token on."""


@dataclass
class Stream:
    """One connection to a worker, message by message."""

    idle_seconds: float = IDLE_SECONDS
    _arrives: float = 0.0
    _arrived: float = 0.0
    _request_bytes: int = 0
    _answer_bytes: int = 0
    _count: int = 0
    _first: list[float] = field(default_factory=list)
    """When the first messages of the answer were complete."""
    last: float = 0.0

    @property
    def waits(self) -> bool:
        """For an answer."""
        return self._request_bytes > 0 and not self._count

    def inward(self, first: float, last: float, size: int) -> tuple[Request | None, bool]:
        """The request that this one ends, if any, and whether it is a request itself."""
        if self._count and size < MIN_REQUEST_BYTES and first - self.last < self.idle_seconds:
            return None, False
        ended = self.end()
        is_new = not self._request_bytes
        if is_new:
            self._arrives = first
        self._arrived = last
        self._request_bytes += size
        return ended, is_new

    def outward(self, first: float, size: int) -> float | None:
        """The gap since the message before it of the same answer, if there was one."""
        if not self._request_bytes:
            return None  # It began before we did.
        gap = first - self.last if self._count else None
        self._count += 1
        self._answer_bytes += size
        if len(self._first) < _KEPT:
            self._first.append(first)
        self.last = first
        return gap

    def end(self, now: float | None = None) -> Request | None:
        """The request with its answer, if that is over: at once, or if it was idle for long."""
        if not self._count:
            return None
        if now is not None and now - self.last < self.idle_seconds:
            return None
        leading = leading_messages(self._arrived, self._first)
        request = Request(
            self._arrives,
            self._arrived,
            self._first[leading],
            self.last,
            self._request_bytes,
            self._answer_bytes,
            self._count - leading,
        )
        self._request_bytes = self._answer_bytes = self._count = 0
        self._first = []
        return request


def leading_messages(arrived: float, times: Sequence[float]) -> int:
    """How many of an answer's first messages come before its first token."""
    leading = 0
    for number, (came, after) in enumerate(pairwise(times[: _LEADING + 1]), 1):
        delay = came - arrived
        if delay < HEADER_SECONDS and after - came > LONG_PAUSE * delay:
            leading = number
    return leading


def phases(
    times: Sequence[float] | Any,
    sizes: Sequence[int] | Any,
    outward: Sequence[bool] | Any,
    *,
    quiet_seconds: float = QUIET_NS / 1e9,
    idle_seconds: float = IDLE_SECONDS,
) -> list[Request]:
    """The requests of one connection, from its packets with payload in the order of time: when they
    were seen (seconds), their payload (bytes), and whether they came from the worker."""
    ns = np.round(np.asarray(times, np.float64) * 1e9).astype(np.int64)
    away = np.asarray(outward, bool).astype(np.int64)
    assembly = Assembly(1, round(quiet_seconds * 1e9))
    flow = np.zeros(len(ns), np.int64)
    complete, _ = assembly.add(flow, away, ns, np.asarray(sizes, np.int64))
    stream, found = Stream(idle_seconds), []
    for messages in (complete, assembly.forget(np.zeros(1, np.int64))):
        for direction, first, last, size in zip(
            *(column.tolist() for column in messages[1:]), strict=True
        ):
            if direction:
                stream.outward(first / 1e9, size)
            elif (ended := stream.inward(first / 1e9, last / 1e9, size)[0]) is not None:
                found.append(ended)
    if (ended := stream.end()) is not None:
        found.append(ended)
    return found
