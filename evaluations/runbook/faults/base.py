"""What a fault is: where it may happen, and what it changes."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from numpy.random import Generator

from evaluations.runbook.arrivals import Requests
from evaluations.runbook.cluster import Form, Layout, Server
from evaluations.runbook.habits import Habits
from evaluations.runbook.levers import Levers
from evaluations.runbook.serving import usual_step_seconds
from evaluations.runbook.truth import INTENSITIES, Intensity

EVERY: tuple[Form, ...] = (
    "single",
    "tensor",
    "replicas",
    "across",
    "experts",
    "pipeline",
    "split",
)


class Scene(NamedTuple):
    """What a fault changes, and where and when."""

    layout: Layout
    levers: Levers
    habits: Habits
    streams: list[Requests]
    number: int
    """Of the server."""
    intensity: Intensity
    span: slice
    """Windows."""
    chance: Generator

    @property
    def server(self) -> Server:
        return self.layout.cluster.servers[self.number]

    def pick(self, weak: float, moderate: float, strong: float) -> float:
        """The value for the intensity, give or take a tenth."""
        value = (weak, moderate, strong)[INTENSITIES.index(self.intensity)]
        return float(value * self.chance.uniform(0.9, 1.1))

    @property
    def step_factor(self) -> float:
        """Times that a step takes longer."""
        return 1 + self.pick(0.2, 0.75, 2.0)

    @property
    def usual_step_seconds(self) -> float:
        """At half of the slots."""
        return usual_step_seconds(self.server)


class Site(NamedTuple):
    """Where it was done; ``also`` as in ``Truth``."""

    worker: int
    place: str = ""
    also: frozenset[int] = frozenset()


class Fault(NamedTuple):
    forms: tuple[Form, ...]
    """Of servers to which it can happen."""
    do: Callable[[Scene], Site]
    conversation: bool = False
    """Whether it takes answers of some length."""
    load: float = 0.0
    """Least share of its capacity that the server's requests come to; 0: as it comes, and any
    server will do, even one that has far less to do than it could."""
    per_second: float = 0.0
    """Requests that the server needs for it to matter, if it can serve as many."""
