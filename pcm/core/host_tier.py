"""Which contexts leave the accelerator for the host's memory, where coming back costs little, and
which are given up altogether, when another context needs the room.

A context whose loaded object can be offloaded is, if what that frees is enough and if the host has
memory for it; for one that is dear a cheaper one is let go that is parked there.
"""

from __future__ import annotations

from typing import NamedTuple

from pcm.core.basis import Basis
from pcm.core.context import Context
from pcm.core.worker import Worker


class Parting(NamedTuple):
    """What becomes of contexts that make room."""

    parked: list[Context]
    """They go to the host's memory."""
    dropped: list[Context]


class HostTier:
    def __init__(self, basis: Basis) -> None:
        self._state, self._policy = basis.state, basis.policy
        self._estimates = basis.estimates

    def part(
        self, worker: Worker, victims: list[Context], context: Context, missing_bytes: int
    ) -> Parting:
        """Divide those that make room for a context; all of them together free enough."""
        dearest_first = sorted(victims, key=lambda v: -self._worth(worker, v))
        parting = Parting([], [])
        for victim in dearest_first:
            others = self._displaced(worker, victim, context, parting)
            if others is None:
                parting.dropped.append(victim)
            else:
                parting.parked.append(victim)
                parting.dropped.extend(others)
        while parting.parked and self._freed_bytes(worker, parting) < missing_bytes:
            parting.dropped.append(parting.parked.pop())
        return parting

    def _displaced(
        self, worker: Worker, victim: Context, context: Context, so_far: Parting
    ) -> list[Context] | None:
        """The parked contexts that have to go so that it can be parked; None if it cannot be."""
        if not (self._policy.offload and victim.can_park and worker.is_warm(victim.id)):
            return None
        missing = self._host_bytes(worker, victim) - self._free_host_bytes(worker, so_far)
        if missing <= 0:
            return []
        worth = self._worth(worker, victim)
        spared = [context, *so_far.dropped]
        parked = [
            other
            for id_, replica in worker.replicas.items()
            if replica.status == "parked" and (other := self._state.contexts[id_]) not in spared
        ]
        chosen: list[Context] = []
        for other in sorted(parked, key=lambda c: self._worth(worker, c)):
            if missing <= 0 or self._worth(worker, other) >= worth:
                break
            chosen.append(other)
            missing -= worker.replicas[other.id].host_bytes
        return chosen if missing <= 0 else None

    def _worth(self, worker: Worker, context: Context) -> float:
        """Seconds of loads that its being there saves, by how often runs asked for it."""
        seconds = self._estimates.load_seconds(context, worker.capacity.kind)
        return (bool(context.runs) + context.uses) * seconds

    def _free_host_bytes(self, worker: Worker, so_far: Parting) -> int:
        taken = sum(
            replica.host_bytes
            for id_, replica in worker.replicas.items()
            if self._state.contexts[id_] not in so_far.dropped
        )
        coming = sum(self._host_bytes(worker, context) for context in so_far.parked)
        return int(worker.capacity.memory_bytes * self._policy.host_share) - taken - coming

    @staticmethod
    def _host_bytes(worker: Worker, context: Context) -> int:
        """What it will take beside an accelerator, less what it takes already: as seen, else as
        much as on the accelerator. Where there is none its memory is the host's already."""
        if not worker.capacity.gpus:
            return 0
        replica = worker.replicas[context.id]
        return (context.host_bytes or replica.memory_bytes) - replica.host_bytes

    @staticmethod
    def _freed_bytes(worker: Worker, parting: Parting) -> int:
        parked = sum(worker.replicas[c.id].memory_bytes - c.parked_bytes for c in parting.parked)
        return parked + sum(worker.replicas[c.id].memory_bytes for c in parting.dropped)
