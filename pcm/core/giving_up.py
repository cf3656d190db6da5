"""Which contexts a worker gives up so that another fits: those that are cheapest to do without.

What no run needs goes first, then what nothing waits for; what work waits for goes only where its
share is claimed. Among equals the cheapest goes: the time until it would be back, times how often
runs have asked for it, per byte that it frees (GreedyDual-Size with frequency: Cherkasova 1998).
What was not asked for while others were loses against them by and by: each that is given up raises
the level that the worth of those used from then on starts from.
"""

from __future__ import annotations

from pcm.core.basis import Basis
from pcm.core.context import Context
from pcm.core.worker import Worker


class GivingUp:
    def __init__(self, basis: Basis) -> None:
        self._state, self._policy, self._estimates = basis.state, basis.policy, basis.estimates
        self._level = 0.0

    def used(self, context: Context) -> None:
        """A run has asked for it."""
        context.uses += 1
        context.level = self._level

    def victims(self, worker: Worker, context: Context, *, claim: bool) -> list[Context] | None:
        """The contexts to give up so that this one fits; None if it cannot be. One with waiting
        work goes only to a ``claim``."""
        if not worker.memory_bytes:
            return []
        missing = self.missing_bytes(worker, context)
        if missing <= 0:
            return []
        candidates = []
        for id_, replica in worker.replicas.items():
            other = self._state.contexts[id_]
            wanted = any(run.has_demand for run in other.runs.values())
            idle = replica.status in ("warm", "parked") and id_ not in worker.queues
            if idle and other is not context and replica.memory_bytes and (claim or not wanted):
                worth = self._worth_per_byte(other, worker, replica.memory_bytes)
                rank = (bool(other.runs), wanted, worth, other.order)
                candidates.append((rank, other, replica.memory_bytes))
        candidates.sort(key=lambda candidate: candidate[0])
        chosen = []
        for candidate in candidates:
            if missing > 0:
                chosen.append(candidate)
                missing -= candidate[2]
        if missing > 0:
            return None
        for candidate in reversed(chosen):  # One that came later may have been enough.
            if missing + candidate[2] <= 0:
                chosen.remove(candidate)
                missing += candidate[2]
        return [other for _, other, _ in chosen]

    def missing_bytes(self, worker: Worker, context: Context) -> int:
        """What it needs there beyond what is free, and what it has while it is parked."""
        needed = min(context.needs_on(worker.capacity), worker.memory_bytes)
        here = worker.replicas.get(context.id)
        return needed - worker.free_memory_bytes() - (here.memory_bytes if here else 0)

    def worth(self, worker: Worker, victims: list[Context]) -> tuple[float, int]:
        """What is lost with them all: seconds of loads, by how often they are asked for; and their
        number."""
        total = 0.0
        for victim in victims:
            memory_bytes = worker.replicas[victim.id].memory_bytes
            total += memory_bytes * self._worth_per_byte(victim, worker, memory_bytes)
        return total, len(victims)

    def why(self, worker: Worker, context: Context) -> str:
        """The terms of its worth."""
        seconds = self._estimates.load_seconds(context, worker.capacity.kind)
        gigabytes = worker.replicas[context.id].memory_bytes / 1e9
        asked = f"runs asked {context.uses} times"
        return f"it loads in {seconds:.1f} s, takes {gigabytes:.1f} GB, {asked}"

    def gave_up(self, worker: Worker, context: Context) -> None:
        """It was chosen: what is used from now on is worth more than it was."""
        memory_bytes = worker.replicas[context.id].memory_bytes
        self._level = max(self._level, self._worth_per_byte(context, worker, memory_bytes))

    def _worth_per_byte(self, context: Context, worker: Worker, memory_bytes: int) -> float:
        if not self._policy.give_up_by_cost:
            return 0.0
        estimates = self._estimates
        parks = self._policy.offload and context.can_park and worker.is_warm(context.id)
        back_seconds = estimates.return_seconds if parks else estimates.load_seconds
        seconds = back_seconds(context, worker.capacity.kind)
        return context.level + context.uses * seconds / max(memory_bytes, 1)
