"""pcm with one of its policies switched off, each in turn."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from math import inf
from typing import Any

import msgspec

from pcm.core.commands import Command
from pcm.core.events import Event, ReplicaChanged, WorkerJoined, WorkerLeft
from pcm.core.policy import Policy
from pcm.core.scheduler import Scheduler
from pcm.engines.simulated import Decider, Scenario


class Misinformed:
    """A scheduler that is told something else than what happened."""

    def __init__(self, told: Callable[[Event], Event]) -> None:
        self._scheduler, self._told = Scheduler(), told

    def handle(self, event: Event, now: float) -> list[Command]:
        return self._scheduler.handle(self._told(event), now)

    def next_deadline(self) -> float | None:
        return self._scheduler.next_deadline()


@dataclass(frozen=True)
class Variant:
    """``without``: what is missing. The scheduler's constants, what it is told, or the cluster
    that it commands are changed."""

    without: str
    policy: dict[str, Any] = field(default_factory=dict)
    told: Callable[[Event], Event] | None = None
    cluster: Callable[[Scenario], Scenario] | None = None

    def decider(self) -> Decider:
        if self.told is not None:
            return Misinformed(self.told)
        return Scheduler(Policy(**self.policy))

    def scenario(self, scenario: Scenario) -> Scenario:
        return scenario if self.cluster is None else self.cluster(scenario)


def _of_one_kind(event: Event) -> Event:
    if isinstance(event, WorkerJoined):
        capacity = msgspec.structs.replace(event.capacity, kind="any")
        return msgspec.structs.replace(event, capacity=capacity)
    return event


def _of_one_zone(event: Event) -> Event:
    if isinstance(event, WorkerJoined):
        capacity = msgspec.structs.replace(event.capacity, zone="")
        return msgspec.structs.replace(event, capacity=capacity)
    return event


def _loads_are_free(event: Event) -> Event:
    if isinstance(event, ReplicaChanged):
        return msgspec.structs.replace(event, seconds=0.0)
    return event


def _nobody_is_evicted(event: Event) -> Event:
    return WorkerLeft(event.worker, "retired") if isinstance(event, WorkerLeft) else event


def _no_peers(scenario: Scenario) -> Scenario:
    return replace(scenario, links=replace(scenario.links, peer_streams=0))


VARIANTS = (
    Variant("batches that shrink towards the end", policy={"tail_share": 1e9}),
    Variant("the dearest items first", policy={"dearest_first": False}),
    Variant("late batches run twice", policy={"speculate": False}),
    Variant("a second batch queued", policy={"prefetch_below_seconds": 0.0}),
    Variant("speeds by kind", told=_of_one_kind),
    Variant("zones as told", told=_of_one_zone),
    Variant("load times as measured", told=_loads_are_free),
    Variant("eviction rates as measured", told=_nobody_is_evicted),
    Variant("turns that last", policy={"turn_seconds": 0.0, "turn_loads": 0.0}),
    Variant("files brought ahead", policy={"stage_ahead": False}),
    Variant("giving up by cost", policy={"give_up_by_cost": False}),
    Variant("the host's memory", policy={"offload": False}),
    Variant("prefixes heeded", policy={"heed_prefixes": False}),
    Variant("known ends heeded", policy={"heed_ends": False}),
    Variant("dear items kept from where evictions are frequent", policy={"risk_max": inf}),
    Variant("salvage of finished items", cluster=lambda s: replace(s, salvage_seconds=inf)),
    Variant("workers as sources of weights", cluster=_no_peers),
)

BATCH_SECONDS = (0.25, 1.0, 4.0, 15.0, 60.0)
"""A sweep of fixed lengths, which the square-root rule is compared with."""

SWEEP = tuple(
    Variant(
        f"{seconds:g} s per batch",
        policy={"batch_seconds_min": seconds, "batch_seconds_max": seconds},
    )
    for seconds in BATCH_SECONDS
)
