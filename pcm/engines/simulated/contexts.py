"""Contexts on simulated workers: their cold start in its parts, and what makes room for others."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import isinf

from pcm.core.events import Event, ReplicaChanged, Tier
from pcm.engines.simulated.clock import Clock
from pcm.engines.simulated.ledger import Ledger
from pcm.engines.simulated.scenario import Model
from pcm.engines.simulated.transfers import Transfers
from pcm.engines.simulated.worker import SimulatedWorker


class Contexts:
    def __init__(
        self,
        models: Mapping[str, Model],
        clock: Clock,
        ledger: Ledger,
        transfers: Transfers,
        report: Callable[[SimulatedWorker, Event], None],
    ) -> None:
        """``report``: a worker's word."""
        self._models, self._clock, self._ledger = models, clock, ledger
        self._transfers, self._report = transfers, report

    def load(self, worker: SimulatedWorker, context: str, tier: Tier) -> None:
        model = self._models[context]
        if context in worker.parked:
            self._bring_back(worker, context, model)
            return
        is_on_its_way = context in worker.fetching
        if tier == "disk":
            worker.fetching.add(context)
        else:
            worker.loading[context] = self._clock.now
            worker.fetching.discard(context)
        if tier != "disk" and model.weights_bytes and context not in worker.has_weights:
            self._report(worker, ReplicaChanged(worker.id, context, "disk", "staging"))
        if is_on_its_way:
            return
        environment = 0.0 if worker.has_environment else model.environment_seconds
        self._clock.after(
            environment * worker.cls.load_factor,
            lambda: self._has_environment(worker, context, model),
        )

    def _has_environment(self, worker: SimulatedWorker, context: str, model: Model) -> None:
        if not worker.alive or context not in (worker.loading.keys() | worker.fetching):
            return
        worker.has_environment = True
        if model.weights_bytes:
            self._transfers.need(
                worker.id,
                context,
                model.weights_bytes,
                lambda: self._has_weights(worker, context, model),
                has=context in worker.has_weights,
            )
        else:
            self._has_weights(worker, context, model)

    def _has_weights(self, worker: SimulatedWorker, context: str, model: Model) -> None:
        worker.has_weights.add(context)
        if context in worker.fetching and worker.alive:
            worker.fetching.discard(context)
            self._report(worker, ReplicaChanged(worker.id, context, "disk", "warm"))
        if not worker.alive or context not in worker.loading:
            return
        if model.weights_bytes:
            self._report(worker, ReplicaChanged(worker.id, context, "disk", "loading"))
        seconds = (model.host_seconds + model.gpu_seconds) * worker.cls.load_factor
        self._clock.after(seconds, lambda: self._loaded(worker, context, model))

    def _loaded(self, worker: SimulatedWorker, context: str, model: Model) -> None:
        took = self._arrive(worker, context, worker.loading, worker.warm)
        if took is None:
            return
        self._ledger.counts["loads"] += 1
        size, parks = model.memory_bytes, not isinf(model.return_seconds)
        warm = ReplicaChanged(worker.id, context, "gpu", "warm", took, size, parks)
        self._report(worker, warm)

    def offload(self, worker: SimulatedWorker, context: str) -> None:
        """It takes as long as the way back."""
        if context not in worker.warm:
            return
        worker.warm.discard(context)
        worker.offloading[context] = self._clock.now
        seconds = self._models[context].return_seconds
        self._clock.after(seconds, lambda: self._offloaded(worker, context))

    def _offloaded(self, worker: SimulatedWorker, context: str) -> None:
        took = self._arrive(worker, context, worker.offloading, worker.parked)
        if took is None:
            return
        self._ledger.counts["offloads"] += 1
        size = self._models[context].memory_bytes
        parked = ReplicaChanged(worker.id, context, "host", "parked", took, host_bytes=size)
        self._report(worker, parked)

    def _arrive(
        self, worker: SimulatedWorker, context: str, coming: dict[str, float], there: set[str]
    ) -> float | None:
        """How long its way took; None if that was ended before."""
        if not worker.alive or context not in coming:
            return None
        before = worker.state
        took = self._clock.now - coming.pop(context)
        there.add(context)
        self._ledger.change(before, worker.state)
        return took

    def _bring_back(self, worker: SimulatedWorker, context: str, model: Model) -> None:
        worker.parked.discard(context)
        worker.loading[context] = self._clock.now
        self._clock.after(model.return_seconds, lambda: self._loaded(worker, context, model))

    def evict(self, worker: SimulatedWorker, context: str) -> None:
        worker.forget(context)
        self._transfers.released(worker.id, context)
        self._report(worker, ReplicaChanged(worker.id, context, "absent", "draining"))
