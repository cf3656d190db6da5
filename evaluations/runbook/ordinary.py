"""What happens on healthy clusters and must not be found: loads of models, other batch sizes,
workers that come and go, a host that stands still for a moment, load that changes."""

from __future__ import annotations

import numpy as np
from numpy.random import Generator

from evaluations.runbook.cluster import Layout
from evaluations.runbook.levers import Levers


def happen(layout: Layout, levers: Levers, chance: Generator, spared: frozenset[int]) -> None:
    """``spared``: servers that nothing lasting happens to, since a fault will."""
    windows = len(levers.slots)
    servers = layout.cluster.servers
    _pauses(levers, chance)
    _wander(levers, chance)
    free = [n for n in range(len(servers)) if n not in spared]
    for number in free:
        at = int(chance.integers(20, windows - 40))
        if chance.random() < 0.12:
            _load(layout, levers, number, at, chance)
        elif chance.random() < 0.15:
            levers.slots[at:, number] = np.maximum(
                4, levers.slots[at:, number] * chance.choice((0.5, 2))
            )
        elif chance.random() < 0.12 and servers[number].form == "single":
            _leave_or_join(layout, levers, number, at, chance)
        elif chance.random() < 0.05 and servers[number].form in ("across", "experts"):
            _lose_a_rank(layout, levers, number, at, chance)


def _pauses(levers: Levers, chance: Generator) -> None:
    """Every two minutes or so, for 0.2 to 0.6 seconds."""
    hits = chance.random(levers.hiccup_seconds.shape) < 1 / 120
    levers.hiccup_seconds += np.where(hits, chance.uniform(0.2, 0.6, hits.shape), 0)


def _wander(levers: Levers, chance: Generator) -> None:
    """Other tenants, temperatures and queues of switches change slowly, within what is healthy."""
    t = np.arange(len(levers.slots))[:, None]

    def waves(things: int, height: float) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
        phase, period = chance.random(things), chance.uniform(60, 600, things)
        return 1 + height * np.sin(2 * np.pi * (t / period + phase))

    levers.cores_wanted *= waves(levers.cores_wanted.shape[1], 0.3)
    levers.line_others *= waves(levers.line_others.shape[1], 0.5)
    levers.bus_others *= waves(levers.bus_others.shape[1], 0.5)
    levers.clock -= 0.02 * (waves(levers.clock.shape[1], 1.0) - 1).clip(0)
    levers.throttled *= waves(levers.throttled.shape[1], 0.5)
    links = levers.congestion.shape
    levers.congestion += 0.05 * waves(links[1], 0.8)
    spikes = chance.random(links) < 1 / 200
    levers.congestion += np.where(spikes, chance.uniform(0.05, 0.3, links), 0)


def _load(layout: Layout, levers: Levers, number: int, at: int, chance: Generator) -> None:
    """Another model comes: nothing is served until its weights are there. Requests go elsewhere."""
    server = layout.cluster.servers[number]
    kind = server.kind
    weights = server.model.parameters * 2 / len(server.workers)
    rate = min(kind.line_bytes_per_second * chance.uniform(0.5, 0.85), 3e9)
    ends = min(len(levers.slots), at + int(np.ceil(weights / rate)))
    if ends - at > 30:  # From a disk of its own, not over the line.
        ends, rate = at + int(chance.integers(10, 30)), 0.0
    levers.serving[at:ends, number] = 0
    workers = list(server.workers)
    levers.weights_per_second[at:ends, workers] = max(rate, 1.0)
    gpus = np.flatnonzero(layout.gpu_server == number)
    into = max(2, int(weights / server.gpus_per_worker / (0.6 * kind.pcie_bytes_per_second)))
    levers.bus_load[max(at, ends - into) : ends, gpus] += 0.6


def _leave_or_join(layout: Layout, levers: Levers, number: int, at: int, chance: Generator) -> None:
    gone = slice(at, None) if chance.random() < 0.5 else slice(0, at)
    levers.serving[gone, number] = 0
    levers.present[gone, list(layout.cluster.servers[number].workers)] = 0


def _lose_a_rank(layout: Layout, levers: Levers, number: int, at: int, chance: Generator) -> None:
    """A worker of a group is killed and comes back: the group stands still meanwhile."""
    workers = layout.cluster.servers[number].workers
    worker = workers[1 + int(chance.integers(len(workers) - 1))]
    away = slice(at, at + int(chance.integers(10, 30)))
    levers.serving[away, number] = 0
    levers.present[away, worker] = 0
    levers.observed[away, worker] = 1
