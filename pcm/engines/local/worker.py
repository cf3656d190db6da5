"""One worker as the local engine knows it: also its process, its link, its share."""

from __future__ import annotations

from pcm.core.events import Capacity
from pcm.engines.local.process import WorkerProcess
from pcm.engines.local.sharing import Share
from pcm.engines.orders import size_bytes
from pcm.engines.worker import Worker
from workers.host.link import Link
from workers.host.processes import kill_members
from workers.protocol import MAX_FRAME_BYTES, Machine, Order, encode


class LocalWorker(Worker):
    """State of one worker, from its start until its WorkerLeft."""

    def __init__(self, name: str, share: Share, process: WorkerProcess) -> None:
        super().__init__(name)
        self.share, self.process = share, process
        self.link = Link(process.socket)

    def capacity(self, machine: Machine) -> Capacity:
        """Cores and main memory are the worker's share of the machine, GPUs are its own."""
        return Capacity(
            kind=machine.kind,
            gpus=len(machine.gpus),
            gpu_memory_bytes=min((gpu.memory_bytes for gpu in machine.gpus), default=0),
            memory_bytes=self.share.memory_bytes,
            cores=self.share.threads,
            host=machine.host,
            pool="local",
            zone=machine.zone,
        )

    def ship(self) -> None:
        """Send what is outgoing, as one frame where it can hold all."""
        orders, self.outgoing = self.outgoing, []
        if sum(map(size_bytes, orders)) <= MAX_FRAME_BYTES:
            self.link.send(encode(orders))
            return
        for order in orders:
            single: list[Order] = [order]
            self.link.send(encode(single))

    def kill(self) -> None:
        """The supervisor, and every replica with what it may have started itself."""
        self.process.kill()
        self.kill_replicas()

    def kill_replicas(self) -> None:
        """Themselves die with the supervisor; this is for what they started."""
        for pid in self.replicas.values():
            kill_members(pid)
        self.replicas.clear()
