"""Replicas that fail: which worker is not to load a context for a while, and when to give up.

A loader that fails is tried on one other worker, if it has never worked anywhere; if it has, the
worker is to blame and is left out with a backoff that doubles. The same goes for a worker whose
replica dies again and again without finishing an item. When there is nobody left to load on, and
nothing worked since, the runs that need the context fail with the last error.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from pcm.core.basis import Basis
from pcm.core.context import Context, Exclusion
from pcm.core.events import Capacity, ReplicaFailed, Requirements
from pcm.core.run import Run
from pcm.core.worker import Worker, suits


class Faults:
    def __init__(self, basis: Basis, fail_run: Callable[[Run, str], None]) -> None:
        """``fail_run(run, error)`` ends a run."""
        self._state, self._policy, self._alarms = basis.state, basis.policy, basis.alarms
        self._lifecycle, self._fail_run = basis.lifecycle, fail_run

    def failed(self, worker: Worker, context: Context, event: ReplicaFailed, now: float) -> None:
        """A replica that we knew of is no more."""
        replica = worker.replicas[context.id]
        status = replica.status
        self._lifecycle.replica(worker, context, "absent", now)
        if status in ("draining", "offloading", "parked"):
            return
        if replica.returning:
            context.stuck = True  # it is loaded anew, and not parked again
            return
        if status == "loading":
            how = "took too long to load" if event.kind == "load_timeout" else "could not be loaded"
            error = f"context {context.name} {how} on worker {worker.id}: {event.error}"
            self._exclude(worker, context, "loader", error, now)
            if context.loaded_at is None and self._loader_failures(context) >= (
                self._policy.loader_workers
            ):
                self._fail(context, error)
        elif context.id in worker.pardoned:
            worker.pardoned.discard(context.id)
        else:
            deaths = worker.deaths[context.id] = worker.deaths.get(context.id, 0) + 1
            if deaths >= self._policy.replica_deaths:
                del worker.deaths[context.id]
                error = (
                    f"the process that held context {context.name} on worker {worker.id} died "
                    f"{deaths} times without finishing an item: {event.error}"
                )
                self._exclude(worker, context, "died", error, now)

    def worked(self, worker: Worker, context: Context) -> None:
        """An item was finished on this replica."""
        context.has_finished = True
        worker.deaths.pop(context.id, None)
        context.exclusions.pop(worker.id, None)

    def opened(self, context: Context) -> None:
        """A first run needs the context (again): old failures are forgotten."""
        context.exclusions.clear()

    def give_up_if_hopeless(self, context: Context, now: float) -> None:
        """Fail the runs of a context that waits, is nowhere, and can come to nobody."""
        state = self._state
        if context.size_of():
            return
        offers = {
            name: elastic.offer.offers
            for name, elastic in state.elastic.items()
            if state.pool(name).active < elastic.offer.most
        }
        if any(suits(capacity, context.requirements) for capacity in offers.values()):
            return  # It will be asked for.
        if not any(state.groups.values()) and not any(p.wanted for p in state.pools.values()):
            if offers:
                self._fail(context, _shortfall(context, offers))
            return
        if not state.pools_complete():
            return
        hosts = [
            state.workers[id_]
            for group in state.groups.values()
            if suits(state.workers[next(iter(group))].capacity, context.requirements)
            for id_ in group
        ]
        if not hosts:
            first = [state.workers[next(iter(group))] for group in state.groups.values()]
            self._fail(context, _shortfall(context, {w.id: w.capacity for w in first}))
        elif context.exclusions and all(context.excluded(w.id, now) for w in hosts):
            exclusions = [context.exclusions[w.id] for w in hosts]
            if all(self._is_final(context, exclusion) for exclusion in exclusions):
                self._fail(context, max(exclusions, key=lambda e: e.since).error)

    def _is_final(self, context: Context, exclusion: Exclusion) -> bool:
        if exclusion.kind == "loader":
            return context.loaded_at is None or context.loaded_at < exclusion.since
        return not context.has_finished or exclusion.level > 1

    def _loader_failures(self, context: Context) -> int:
        return sum(exclusion.kind == "loader" for exclusion in context.exclusions.values())

    def _exclude(
        self,
        worker: Worker,
        context: Context,
        kind: Literal["loader", "died"],
        error: str,
        now: float,
    ) -> None:
        policy = self._policy
        before = context.exclusions.get(worker.id)
        level = before.level + 1 if before else 1
        wait = min(policy.backoff_seconds * 2.0 ** (level - 1), policy.backoff_seconds_max)
        context.exclusions[worker.id] = Exclusion(kind, error, now, now + wait, level)
        self._alarms.set(("look", worker.id, context.id), now + wait)

    def _fail(self, context: Context, error: str) -> None:
        for run in list(context.runs.values()):
            self._fail_run(run, error)


def _shortfall(context: Context, there: dict[str, Capacity]) -> str:
    """Why no worker or pool will do, in numbers: the best there is against what is needed."""
    needs = context.requirements
    demands: list[tuple[str, int, Callable[[Capacity], int]]] = [
        ("GPUs", needs.gpus, lambda c: c.gpus),
        ("of GPU memory", needs.gpu_memory_bytes, lambda c: c.gpu_memory_bytes),
        ("of memory", needs.memory_bytes, lambda c: c.memory_bytes),
    ]
    lacks = []
    for what, needed, offered in demands:
        alone = Requirements(
            gpus=needs.gpus if what != "of memory" else 0,
            gpu_memory_bytes=needed if what == "of GPU memory" else 0,
            memory_bytes=needed if what == "of memory" else 0,
        )
        if needed and not any(suits(capacity, alone) for capacity in there.values()):
            best = max(there, key=lambda name: offered(there[name]))
            amount = _amount(offered(there[best]))
            lack = f"{_amount(needed)} {what}, but the best worker ({best}) has {amount}"
            several = what == "GPUs" and needed > 1
            lacks.append(lack + " (with gpus_per_worker each has several)" * several)
    needed_all = " and ".join(lacks) or "more than any one worker has"
    return f"no worker can hold context {context.name}: it needs {needed_all}"


def _amount(number: int) -> str:
    return f"{number / 1e9:.2f} GB" if number >= 10_000_000 else str(number)
