"""The physical state of a cluster over time, which the simulation reads: what ordinary events and
faults change. Each is an array of shape (windows, things), and nobody sets a reading itself."""

from __future__ import annotations

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from evaluations.runbook.cluster import Cluster, Layout

Floats = NDArray[np.float64]


class Levers:
    def __init__(self, layout: Layout, windows: int, chance: Generator) -> None:
        cluster = layout.cluster

        self._windows = windows
        self._chance = chance
        self._of_servers(cluster)
        self._of_workers(cluster.workers)
        self._of_gpus(layout)
        self._of_ranks(len(layout.ranks))
        self._of_links(len(layout.links))

    def _over(self, things: int, value: float | Floats = 0.0) -> Floats:
        return np.full((self._windows, things), value, np.float64)

    def _of_servers(self, cluster: Cluster) -> None:
        over, servers = self._over, len(cluster.servers)
        self.slots = over(servers, np.array([s.slots for s in cluster.servers], np.float64))
        self.refill = over(servers, 1.0)
        """Chance per quarter second that empty slots are filled while others decode."""
        self.serving = over(servers, 1.0)

    def _of_workers(self, workers: int) -> None:
        over, chance = self._over, self._chance
        self.present = over(workers, 1.0)
        """Whether the worker is there."""
        self.observed = over(workers)
        """Whether a worker that is not there is still watched from outside."""
        self.cores_wanted = over(workers, chance.uniform(0.1, 0.4, workers))
        """By everything on the machine but what serves, as a share of the worker's cores."""
        self.steal = over(workers, chance.uniform(0, 0.004, workers))
        self.input_seconds = over(workers, chance.uniform(1e-4, 4e-4, workers))
        """To have a step's input ready, beyond its copy."""
        self.hiccup_seconds = over(workers)
        """For which the host stands still (a collection of garbage, a page cache flush)."""
        self.send_jitter = over(workers)
        """Spread of the time at which the sender gets to a token, in steps."""
        self.receiver_share = over(workers, np.inf)
        """What the receiver takes, as a share of what results come to."""
        self.ingress_loss = over(workers, 3e-5)
        self.ingress_overrun = over(workers)
        """Share of what comes in that finds no buffer."""
        self.egress_loss = over(workers, 3e-5)
        self.line_others = over(workers, chance.uniform(0.01, 0.15, workers))
        """Share of the line that others on the machine take."""
        self.weights_per_second = over(workers)
        """Bytes of weights that come over the line."""

    def _of_gpus(self, layout: Layout) -> None:
        over, chance, gpus = self._over, self._chance, len(layout.gpus)
        self.slow = over(gpus, 1.0)
        """Times that computing takes longer."""
        self.clock = over(gpus, chance.uniform(0.9, 1.0, gpus))
        usual = np.array(
            [layout.cluster.kinds[worker].usual_throttle for worker in layout.gpu_worker]
        )
        self.throttled = over(gpus, usual)
        self.part = over(gpus, 1 + chance.normal(0, 0.02, gpus))
        """Its part of the work and of the bytes, 1 if evenly shared."""
        self.output_seconds = over(gpus)
        """By which a step's output is late on the host, beyond its copy."""
        self.peer_slow = over(gpus, 1.0)
        """Times that copies between GPUs take longer."""
        self.launch_seconds = over(gpus, chance.uniform(3e-6, 5e-6, gpus))
        self.launch_jitter = over(gpus, chance.uniform(0.4, 0.7, gpus))
        self.chunk_bytes = over(gpus, chance.choice((1e6, 2e6, 4e6), gpus))
        self.mappings_per_step = over(gpus)
        self.bus_others = over(gpus, chance.uniform(0, 0.0006, gpus))
        """Share of its PCIe link that other copies to it take."""
        self.bus_load = over(gpus)
        """Share of its PCIe link that loads of weights to it want."""
        self.width = over(gpus, np.where(chance.random(gpus) < 0.07, 0.5, 1.0))
        self.bounced = over(gpus)
        self.early = over(gpus)
        """Share of steps in which its streams have ended and its peers' have not."""

    def _of_ranks(self, ranks: int) -> None:
        over, chance = self._over, self._chance
        self.silent_share = over(ranks)
        """Of the window, in which the rank says nothing and the others wait."""
        self.silent_seconds = over(ranks)
        """For which it has been silent when the window ends."""
        self.heat = over(ranks, chance.normal(1, 0.05, ranks).clip(0.85, 1.15))
        """Experts: how much goes to the rank, 1 on average."""
        self.layers = over(ranks, chance.normal(1, 0.03, ranks))
        """Pipelines: its part of the layers, 1 if even."""

    def _of_links(self, links: int) -> None:
        over, chance = self._over, self._chance
        self.link_loss = over(links, 2e-8)
        self.cable_errors = over(links)
        """Symbol errors per second."""
        self.congestion = over(links)
        """How full the switch's queue is, 0 to 1."""
        self.bulk_share = over(links, chance.uniform(0, 0.02, links))
        """Share of the link that large messages of others take, before small ones."""
        self.bulk_bytes = over(links, 4e6)
        """Size of such a message."""
        self.no_credits = over(links)
        """Share of the time for which the receiver has no buffers posted."""
        self.state_share = over(links, 1.0)
        """Share of the link's rate that hand-offs of state reach."""
