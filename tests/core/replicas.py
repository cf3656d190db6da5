"""Contexts on the workers of a cluster: loaded, offloaded, brought back, given up, killed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pcm.core.commands import Evict, Load, Offload
from pcm.core.events import ReplicaChanged, ReplicaFailed
from tests.core.machine import Machine

if TYPE_CHECKING:
    from tests.core.cluster import Cluster

RETURN_SHARE = 0.1
"""A return takes this part of a load, an offload as much."""


class Replicas:
    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self.fail_on: set[str] = set()
        """Machines on which no context can be loaded."""
        self.park = False
        """Whether what is loaded can be offloaded..."""
        self.stuck: set[str] = set()
        """...except on these machines, where it is ended, and what is parked does not come back."""
        self.memory_bytes = 0

    def load(self, command: Load) -> None:
        machine = self._cluster.machines.get(command.worker)
        if machine is None:
            return
        context, seconds = command.context, machine.load_seconds
        assert context not in machine.warm | {*machine.loading}, "loaded twice"
        if context in machine.parked:
            machine.parked.discard(context)
            seconds *= RETURN_SHARE
        machine.loading[context] = seconds
        self._cluster.tell(ReplicaChanged(machine.id, context, "disk", "loading"))
        self._cluster.after(seconds, lambda: self._loaded(machine, context))

    def _loaded(self, machine: Machine, context: str) -> None:
        if not machine.alive or context not in machine.loading:
            return
        tell, seconds = self._cluster.tell, machine.loading.pop(context)
        if machine.id in self.fail_on:
            tell(ReplicaFailed(machine.id, context, "loader_error", "ValueError: no weights"))
        elif seconds < machine.load_seconds and machine.id in self.stuck:
            tell(ReplicaFailed(machine.id, context, "died", "it could not return"))
        else:
            machine.warm.add(context)
            told = (seconds, self.memory_bytes, self.park)
            tell(ReplicaChanged(machine.id, context, "gpu", "warm", *told))

    def offload(self, command: Offload) -> None:
        machine = self._cluster.machines.get(command.worker)
        if machine is None or command.context not in machine.warm:
            return
        assert self.park, "nobody said that it can be"
        assert not machine.jobs[command.context], "offloaded while it runs a batch"
        seconds = machine.load_seconds * RETURN_SHARE
        machine.warm.discard(command.context)
        machine.offloading.add(command.context)
        self._cluster.after(seconds, lambda: self._offloaded(machine, command.context, seconds))

    def _offloaded(self, machine: Machine, context: str, seconds: float) -> None:
        if not machine.alive or context not in machine.offloading:
            return
        machine.offloading.discard(context)
        if machine.id in self.stuck:
            self._cluster.tell(ReplicaChanged(machine.id, context, "absent", "draining"))
            return
        machine.parked.add(context)
        held = self.memory_bytes or machine.capacity.gpu_memory_bytes
        assert len(machine.parked) * held <= machine.capacity.memory_bytes, "the host is full"
        self._cluster.tell(
            ReplicaChanged(machine.id, context, "host", "parked", seconds, host_bytes=held)
        )

    def evict(self, command: Evict) -> None:
        machine = self._cluster.machines.get(command.worker)
        if machine is not None:
            assert not machine.jobs[command.context], "evicted while it runs a batch"
            machine.forget(command.context)
            self._cluster.tell(ReplicaChanged(machine.id, command.context, "absent", "draining"))

    def kill(self, machine: Machine, context: str, detail: str) -> None:
        cluster = self._cluster
        if context in machine.warm | machine.parked | machine.offloading:
            machine.forget(context)
            cluster.tell(ReplicaFailed(machine.id, context, "died", detail))
            first = True
            for job in list(machine.jobs[context]):
                cluster.lose(machine, job, "replica_died", started=first)
                first = False
