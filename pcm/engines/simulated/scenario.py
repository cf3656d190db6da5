"""What is simulated: workers and when they are there, contexts and what a load takes, and work."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import inf

import numpy as np
from numpy.typing import NDArray

from pcm.engines.staging import MANAGER_STREAMS, PEER_STREAMS


@dataclass(frozen=True, kw_only=True)
class WorkerClass:
    """Workers that are alike. ``speed``: reference seconds of work done per second; ``speeds``
    says otherwise for some contexts. ``load_factor`` stretches what a load takes there."""

    kind: str
    speed: float = 1.0
    speeds: Mapping[str, float] = field(default_factory=dict)
    load_factor: float = 1.0
    gpu_memory_bytes: int = 24 << 30
    host_memory_bytes: int = 0
    """0: there is none for contexts."""
    prefixes_kept: int = 8
    """Of so many runs a loaded context keeps the state of their prefix."""

    def speed_for(self, context: str) -> float:
        return self.speeds.get(context, self.speed)


@dataclass(frozen=True, kw_only=True)
class Visit:
    """A worker is there from its start to its end.

    ``notice_seconds`` before its end it is told to go; 0: it is killed without a word.
    ``fitness``: its own speed over its class's. From ``slow_from_seconds`` on (of the simulation's
    clock) it is ``slow_factor`` times slower, a straggler; the scheduler is told so where
    ``slowness_is_seen``.
    """

    kind: str
    start_seconds: float
    end_seconds: float = inf
    notice_seconds: float = 0.0
    fitness: float = 1.0
    zone: str = ""
    end_is_known: bool = False
    """Whether the scheduler is told its end when it joins, as a walltime is."""
    slow_from_seconds: float = inf
    slow_factor: float = 1.0
    slowness_is_seen: bool = False


@dataclass(frozen=True, kw_only=True)
class Model:
    """A context, and its cold start in parts.

    ``environment_seconds`` once per worker; ``weights_bytes`` through the links, once per worker;
    then from disk into the host's memory and into the GPU's, which it may leave for the host's
    while another needs the room.
    """

    environment_seconds: float = 0.0
    weights_bytes: float = 0.0
    host_seconds: float = 0.0
    gpu_seconds: float = 0.0
    memory_bytes: int = 0
    return_seconds: float = inf
    """From the host's memory into the GPU's, and as long for the way there; inf: it cannot be."""


@dataclass(frozen=True, kw_only=True)
class Links:
    """Where weights come from: the origin, or a worker that has them. Each source sends so many
    bytes per second, shared evenly by those whom it serves at the time, so many at most."""

    origin_bytes_per_second: float = 300e6
    origin_streams: int = MANAGER_STREAMS
    peer_bytes_per_second: float = 300e6
    peer_streams: int = PEER_STREAMS
    """0: workers do not send each other anything."""
    stream_bytes_per_second: float = inf
    """No stream is faster, though its source were otherwise idle."""


@dataclass(frozen=True, kw_only=True)
class Workload:
    """A run: ``costs`` is what its items take, in reference seconds; ``told`` what the scheduler is
    told of that, in any unit (None: the same)."""

    costs: NDArray[np.float64]
    told: NDArray[np.float64] | None = None
    context: str = "model"
    opened_seconds: float = 0.0
    batch_items: int | None = None
    prefix_work: float = 0.0
    """Reference seconds for the state of its items' prefix, on a worker that has not kept it."""


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """Everything that a simulation needs, but for who decides.

    ``latency_seconds``: from a command until it arrives at its worker, and of the way back.
    ``handling_seconds``: what the manager takes for each event; while it does, others wait.
    ``batch_seconds``: what each batch costs its worker besides its work.
    ``salvage_seconds``: how long before a kill an item must have ended so that its result is not
    lost; ``inf``: results come when their batch is done.
    """

    classes: Mapping[str, WorkerClass]
    visits: tuple[Visit, ...]
    models: Mapping[str, Model]
    runs: Mapping[str, Workload]
    links: Links = field(default_factory=Links)
    latency_seconds: float = 0.002
    handling_seconds: float = 0.0
    batch_seconds: float = 0.002
    salvage_seconds: float = 0.1

    def cold_seconds(self, context: str, kind: str) -> float:
        """The least a cold start can take: nobody else is being served."""
        model, links = self.models[context], self.links
        rate = links.origin_bytes_per_second
        if links.peer_streams:
            rate = max(rate, links.peer_bytes_per_second)
        rate = min(rate, links.stream_bytes_per_second)
        carried = model.weights_bytes / rate if model.weights_bytes else 0.0
        rest = model.environment_seconds + model.host_seconds + model.gpu_seconds
        return carried + rest * self.classes[kind].load_factor
