"""A small cluster, drawn for a seed: kinds of workers, the models they serve, and how they are
joined in groups. Figures of kinds are rounded from data sheets; shares of them that are reached in
practice are in the formulae that use them."""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np
from numpy.random import Generator

Form = Literal["single", "tensor", "replicas", "across", "experts", "pipeline", "split"]
"""One worker with one GPU; tensor-parallel GPUs of one worker; GPUs of one worker that serve apart;
tensor-parallel workers; expert-parallel workers; a pipeline; prefill apart from decode."""


class Kind(NamedTuple):
    name: str
    memory_bytes_per_second: float
    operations_per_second: float
    pcie_bytes_per_second: float
    peer_seconds_per_gigabyte: float
    line_bytes_per_second: float
    fabric_bytes_per_second: float
    usual_throttle: float
    """Share of time with clocks held down that is normal for it."""


class Model(NamedTuple):
    name: str
    parameters: float
    layers: int
    hidden: int


class Server(NamedTuple):
    """What serves one stream of requests: one worker, or a group."""

    form: Form
    kind: Kind
    model: Model
    slots: int
    workers: tuple[int, ...]
    """The first takes the requests; the last of a split pair decodes."""
    gpus_per_worker: int
    group: str
    """Name of its ranks' group, or nothing where there are no ranks."""

    @property
    def gpus(self) -> int:
        return len(self.workers) * self.gpus_per_worker


class Cluster(NamedTuple):
    servers: tuple[Server, ...]
    kinds: tuple[Kind, ...]
    """By worker."""

    @property
    def workers(self) -> int:
        return len(self.kinds)


KINDS = (
    Kind("V100", 0.9e12, 1.1e14, 1.2e10, 0.11, 1.25e9, 1.2e10, 0.01),
    Kind("A10", 0.6e12, 1.25e14, 2.2e10, 0.08, 1.25e9, 3.1e9, 0.12),
    Kind("A100", 1.9e12, 3.1e14, 2.4e10, 0.03, 3.1e9, 1.2e10, 0.01),
    Kind("H100", 3.2e12, 8.0e14, 5.0e10, 0.02, 1.2e10, 4.8e10, 0.02),
)

_MODELS = (
    Model("1.5B", 1.5e9, 28, 1536),
    Model("3B", 3e9, 36, 2048),
    Model("8B", 8e9, 32, 4096),
    Model("14B", 1.4e10, 40, 5120),
    Model("32B", 3.2e10, 64, 5120),
)
_FAST_BYTES_PER_SECOND = 1.5e12
"""Kinds with faster memory are given larger models."""


def draw(chance: Generator) -> Cluster:
    """12 to 16 workers of one to three kinds, with one group of each form and some single ones."""
    kinds = [KINDS[i] for i in chance.permutation(len(KINDS))[: chance.integers(1, 4)]]
    servers: list[Server] = []
    by_worker: list[Kind] = []

    def add(form: Form, count: int, gpus: int, smallest: int, group: str) -> None:
        kind = kinds[chance.integers(len(kinds))]
        first = len(by_worker)
        by_worker.extend([kind] * count)
        size = smallest + int(kind.memory_bytes_per_second > _FAST_BYTES_PER_SECOND)
        model = _MODELS[size + int(chance.integers(2))]
        slots = int(chance.choice((16, 32, 64)))
        workers = tuple(range(first, first + count))
        servers.append(Server(form, kind, model, slots, workers, gpus, group))

    add("tensor", 1, int(chance.choice((2, 4))), 1, "tp0")
    add("replicas", 1, int(chance.choice((2, 4))), 0, "")
    add("across", int(chance.integers(2, 4)), 1, 2, "tp1")
    add("experts", int(chance.integers(3, 5)), 1, 2, "ep0")
    add("pipeline", int(chance.integers(2, 4)), 1, 2, "pp0")
    add("split", 2, 1, 0, "")
    for _ in range(max(2, 12 - len(by_worker))):
        add("single", 1, 1, 0, "")
    return Cluster(tuple(servers), tuple(by_worker))


class Layout:
    """Indices that tie what is simulated together: GPUs, ranks and links, each by its number."""

    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster
        self.server_of_worker = np.zeros(cluster.workers, np.int64)
        self.gpus: list[tuple[int, int, int]] = []
        """Worker, its index there, server."""
        self.ranks: list[tuple[int, int, int, int]] = []
        """Worker, GPU's number, server, rank."""
        self.links: list[tuple[int, int, int]] = []
        """From worker, to worker, server."""
        for number, server in enumerate(cluster.servers):
            self._add(number, server)
        self.gpu_worker = np.array([gpu[0] for gpu in self.gpus])
        self.gpu_server = np.array([gpu[2] for gpu in self.gpus])
        self.rank_gpu = np.array([rank[1] for rank in self.ranks])
        self.rank_server = np.array([rank[2] for rank in self.ranks])
        self.link_server = np.array([link[2] for link in self.links])
        self.heads = np.array([server.workers[0] for server in cluster.servers])
        self.tails = np.array(
            [server.workers[-1 if server.form == "split" else 0] for server in cluster.servers]
        )

    def _add(self, number: int, server: Server) -> None:
        for worker in server.workers:
            self.server_of_worker[worker] = number
            for index in range(server.gpus_per_worker):
                if server.group:
                    rank = sum(1 for found in self.ranks if found[2] == number)
                    self.ranks.append((worker, len(self.gpus), number, rank))
                self.gpus.append((worker, index, number))
        links = [
            (source, target, number)
            for source in server.workers
            for target in server.workers
            if source != target
        ]
        if server.form == "split":
            links = links[:1]
        if server.form == "pipeline":
            links = [link for link in links if abs(link[0] - link[1]) == 1]
        self.links += links

    def worker_name(self, worker: int) -> str:
        return f"w{worker}"

    def rank_place(self, rank: int) -> str:
        _, _, server, number = self.ranks[rank]
        return f"{self.cluster.servers[server].group}:{number}"

    def link_place(self, link: int) -> str:
        return f"ib0>{self.worker_name(self.links[link][1])}"

    def gpu_place(self, gpu: int) -> str:
        return f"gpu{self.gpus[gpu][1]}"
