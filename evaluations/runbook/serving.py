"""Continuous batching in quarters of a second: requests wait, are read (prefill), decode in slots.

A step takes ``fixed + scale * (its computing)``; prefill stops decoding while it lasts, except
where another worker does it. All servers are simulated at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from evaluations.runbook.arrivals import Requests
from evaluations.runbook.cluster import Server
from evaluations.runbook.levers import Floats, Levers

PARTS = 4
"""Per window of a second."""
_AHEAD = 24
"""Requests that may be admitted in a quarter."""
_FRESH_SHARE = 0.4
"""Of a prompt, that no prefix in memory has."""
_FORMING_SECONDS = 1.5
"""For which a batch that is not refilled takes requests."""
_MEMORY_SHARE, _COMPUTE_SHARE = 0.65, 0.45
"""What is reached of the rates of data sheets."""


class Served(NamedTuple):
    """All of shape (windows, servers)."""

    queue: Floats
    """Requests that wait, at the end."""
    done: Floats
    active: Floats
    tokens: Floats
    prefill_tokens: Floats
    """That were read: those of kept prefixes are not."""
    admitted: Floats
    prefill_share: Floats
    decode_share: Floats
    """Of the window."""
    empty_share: Floats
    step_seconds: Floats
    """Of a step at the window's batch size."""
    compute_seconds: Floats
    """The part of a step that is computing, at normal speed."""


def step_seconds(server: Server) -> float:
    """Computing of a step with one stream: all weights are read once."""
    weights = server.model.parameters * 2
    if server.form in ("tensor", "across", "experts"):
        weights /= server.gpus  # Else each has all of them, or one stage waits for the other.
    return weights / (server.kind.memory_bytes_per_second * _MEMORY_SHARE)


def prefill_rate(server: Server) -> float:
    """Tokens of prompts per second, of which most are in a prefix that is kept."""
    gpus = server.gpus if server.form != "split" else 1
    fresh = 2 * server.model.parameters * _FRESH_SHARE
    return gpus * server.kind.operations_per_second * _COMPUTE_SHARE / fresh


def streams_per_doubling(server: Server) -> float:
    """Streams with which a step takes twice as long as with one."""
    return 96.0 * (server.gpus if server.form == "replicas" else 1)


def usual_step_seconds(server: Server) -> float:
    """Computing of a step with half of the slots in use."""
    return step_seconds(server) * (1 + 0.5 * server.slots / streams_per_doubling(server))


def capacity(server: Server, prompt: float, answer: float) -> float:
    """Requests per second that it can serve, of such lengths."""
    step = step_seconds(server) * (1 + server.slots / streams_per_doubling(server))
    read, made = prompt / prefill_rate(server), answer * step / server.slots
    return 1 / max(read, made) if server.form == "split" else 1 / (read + made)


def serve(
    servers: Sequence[Server],
    streams: Sequence[Requests],
    levers: Levers,
    scale: Floats,
    fixed: Floats,
    handoff_rate: Floats,
    chance: Generator,
) -> Served:
    """``scale``, ``fixed`` (seconds) and ``handoff_rate`` (greatest number of requests per second
    that get from prefill to decode) have shape (windows, servers)."""
    arrived = _arrived(streams, len(scale))
    luck = chance.random(arrived.shape)
    floor = _Floor(servers, streams, int(levers.slots.max()))
    out = {name: np.zeros(scale.shape) for name in Served._fields}
    for quarter in range(len(arrived)):
        t = quarter // PARTS
        may = luck[quarter] < levers.refill[t]
        limits = levers.slots[t], handoff_rate[t], levers.serving[t]
        admitted, read, waiting = floor.admit(arrived[quarter], may, scale[t], *limits)
        out["prefill_tokens"][t] += read
        reading = floor.read(levers.serving[t])
        active = floor.active()
        wide = floor.width(active, admitted, (waiting <= admitted) & (levers.refill[t] > 0.5))
        compute = floor.base * (1 + np.maximum(active, 1) / floor.doubling)
        takes = fixed[t] + scale[t] * compute
        made = floor.decode(reading, takes, levers.serving[t])
        out["done"][t] += ((floor.left <= 0) & (made > 0)).sum(1)
        out["tokens"][t] += made.sum(1)
        out["active"][t] += active / PARTS
        out["admitted"][t] += admitted
        out["prefill_share"][t] += reading
        out["decode_share"][t] += made.max(1) * takes
        empty = 1 - np.minimum(active / np.maximum(wide, 1), 1)
        out["empty_share"][t] += np.where(active > 0, empty, 0) / PARTS
        out["step_seconds"][t] += takes / PARTS
        out["compute_seconds"][t] += compute / PARTS
        out["queue"][t] = arrived[quarter] - floor.head
    return Served(**out)


def _arrived(streams: Sequence[Requests], windows: int) -> NDArray[np.int64]:
    """Requests until the end of each quarter, shape (quarters, servers)."""
    ends = np.arange(1, windows * PARTS + 1) / PARTS
    counts = [np.searchsorted(stream.at_seconds, ends) for stream in streams]
    return np.stack(counts, axis=1).astype(np.int64)


class _Floor:
    """Slots and debts of all servers, a quarter of a second after the other."""

    def __init__(self, servers: Sequence[Server], streams: Sequence[Requests], slots: int) -> None:
        count = len(servers)
        longest = max(len(stream.at_seconds) for stream in streams) + _AHEAD + 1
        self.prompts, self.answers = np.zeros((2, count, longest))
        for number, stream in enumerate(streams):
            self.prompts[number, : len(stream.prompt_tokens)] = stream.prompt_tokens
            self.answers[number, : len(stream.answer_tokens)] = stream.answer_tokens
        rates = np.array([[prefill_rate(server)] for server in servers])
        self.read_seconds = self.prompts / rates
        self.base = np.array([step_seconds(server) for server in servers])
        self.doubling = np.array([streams_per_doubling(server) for server in servers])
        self.is_split = np.array([server.form == "split" for server in servers])
        self.left = np.zeros((count, slots))
        """Tokens that each slot's answer still needs."""
        self.head = np.zeros(count, np.int64)
        """The request that is admitted next."""
        self.debt, self.wide, self.allowance, self.forming = np.zeros((4, count))
        self._rows = np.arange(count)
        self._last = longest - 1
        self._slots = np.arange(slots)[None, :]

    def active(self) -> Floats:
        return np.asarray((self.left > 0).sum(1), np.float64)

    def admit(
        self,
        arrived: NDArray[np.int64],
        may_refill: NDArray[np.bool_],
        scale: Floats,
        slots: Floats,
        handoff_rate: Floats,
        up: Floats,
    ) -> tuple[Floats, Floats, Floats]:
        """Requests admitted, tokens of theirs that are read, and requests that waited."""
        rows, ahead = self._rows[:, None], np.arange(_AHEAD)[None, :]
        busy = self.left > 0
        active = busy.sum(1)
        waiting = arrived - self.head
        self.forming = np.where(active == 0, _FORMING_SECONDS, self.forming - 1 / PARTS)
        most = np.maximum(8, handoff_rate)
        self.allowance = np.minimum(self.allowance + handoff_rate / PARTS, most)
        room = np.minimum(waiting, np.maximum(slots - active, 0))
        want = np.where((self.forming > 0) | may_refill, room, 0) * up
        want = np.minimum(want, np.floor(self.allowance))
        at = np.minimum(self.head[:, None] + ahead, self._last)
        seconds = self.read_seconds[rows, at] * scale[:, None]
        after = np.cumsum(seconds, 1)
        begins = self.debt[:, None] + after - seconds
        fits = (begins < 0.6 / PARTS) & (ahead < want[:, None])
        admitted = fits.sum(1)
        last = after[self._rows, np.maximum(admitted - 1, 0)]
        self.debt += np.where(admitted > 0, last, 0)
        self.allowance -= admitted
        read = (self.prompts[rows, at] * fits).sum(1) * _FRESH_SHARE
        free = ~busy & (self._slots < slots[:, None])
        place = np.cumsum(free, 1) - 1
        filled = free & (place < admitted[:, None])
        took = self.answers[rows, np.minimum(self.head[:, None] + place.clip(0), self._last)]
        self.left = np.where(filled, took, self.left)
        self.head += admitted
        return admitted.astype(np.float64), read, waiting.astype(np.float64)

    def read(self, up: Floats) -> Floats:
        """Seconds of the quarter that prefill takes."""
        reading: Floats = np.minimum(self.debt, 1 / PARTS) * up
        self.debt -= reading
        return reading

    def width(self, active: Floats, admitted: Floats, shrinks: NDArray[np.bool_]) -> Floats:
        """Slots of the batch: all that it ever filled, fewer where nothing waits for them."""
        wide = np.where(active == admitted, admitted, np.maximum(self.wide, active))
        self.wide = np.where(shrinks, wide + (active - wide) / PARTS, wide)
        return self.wide

    def decode(self, reading: Floats, takes: Floats, up: Floats) -> Floats:
        """Tokens made, by slot. Of a split pair, the other worker reads."""
        seconds = np.where(self.is_split, 1 / PARTS, 1 / PARTS - reading) * up
        made = np.minimum(self.left, (seconds / takes)[:, None])
        self.left = self.left - made
        return made
