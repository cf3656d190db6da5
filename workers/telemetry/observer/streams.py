"""Requests to workers and their answers, from the messages of flows that have a worker at one end.

Flows between two named parties are not requests: ranks meet there, and workers stage files.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from workers.telemetry.observer.messages import Messages
from workers.telemetry.observer.phases import Request, Stream
from workers.telemetry.observer.tally import MAX_SAMPLES

MAX_REQUESTS = 10_000
"""Told of a window; more are counted."""


@dataclass
class Answers:
    """Of one worker in one window; times in seconds."""

    arrivals: list[float] = field(default_factory=list)
    gaps: list[float] = field(default_factory=list)


class Ended(NamedTuple):
    party: int
    flow: int
    request: Request


class Streams:
    def __init__(self, party: NDArray[np.uint8]) -> None:
        """``party``: of each row's sender."""
        self._party = party
        self._streams: dict[int, Stream] = {}
        self._answers: dict[int, Answers] = {}
        self._ended: list[Ended] = []
        self.last_arrival: dict[int, float] = {}
        """By worker that was ever asked."""
        self.dropped = 0

    def add(self, messages: Messages) -> None:
        for flow, direction, first_ns, last_ns, size in zip(
            *(column.tolist() for column in messages), strict=True
        ):
            sender, target = (
                int(self._party[2 * flow + direction]),
                int(self._party[2 * flow + 1 - direction]),
            )
            if bool(sender) == bool(target):
                continue
            stream = self._streams.get(flow)
            if stream is None:
                stream = self._streams[flow] = Stream()
            worker = sender or target
            of = self._answers.setdefault(worker, Answers())
            if sender:
                gap = stream.outward(first_ns / 1e9, size)
                if gap is not None and self._has_room(of.gaps):
                    of.gaps.append(gap)
                continue
            ended, is_new = stream.inward(first_ns / 1e9, last_ns / 1e9, size)
            if is_new and self._has_room(of.arrivals):
                of.arrivals.append(first_ns / 1e9)
            self._end(worker, flow, ended)

    def forget(self, flows: NDArray[np.int64]) -> None:
        """Their places will be others'."""
        for flow in flows.tolist():
            stream = self._streams.pop(flow, None)
            if stream is not None:
                worker = int(self._party[2 * flow] or self._party[2 * flow + 1])
                self._end(worker, flow, stream.end())

    def finish(self, flows: NDArray[np.int64]) -> None:
        """The worker has closed these connections."""
        for flow in flows.tolist():
            stream = self._streams.get(flow)
            if stream is not None:
                worker = int(self._party[2 * flow] or self._party[2 * flow + 1])
                self._end(worker, flow, stream.end())

    def close(self, now: float) -> tuple[dict[int, Answers], list[Ended]]:
        """What workers were asked and answered in the window, and requests that ended."""
        for flow, stream in self._streams.items():
            worker = int(self._party[2 * flow] or self._party[2 * flow + 1])
            self._end(worker, flow, stream.end(now))
        answers, self._answers = self._answers, {}
        for of in answers.values():
            of.arrivals.sort()
        ended, self._ended = self._ended, []
        return answers, ended

    def _end(self, worker: int, flow: int, request: Request | None) -> None:
        if request is None:
            return
        if len(self._ended) < MAX_REQUESTS:
            self._ended.append(Ended(worker, flow, request))
        else:
            self.dropped += 1

    def _has_room(self, values: list[float]) -> bool:
        if len(values) < MAX_SAMPLES:
            return True
        self.dropped += 1
        return False
