"""The supervisor of a worker: orders in, reports out, and nothing left behind.

It knows neither torch nor its transport. Whoever drives it calls ``handle`` with orders, gives it
an ``Upstream`` for its reports, and tells it of an eviction (``evict``) or of the loss of the other
side (``abandon``); ``loop`` is the loop in which everything happens and where a transport watches
its own descriptors. ``loop.run()`` returns when the worker has ended.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import signal
from typing import Literal

import msgspec

from workers.host.ahead import Ahead
from workers.host.forker import Forker
from workers.host.logs import log_path, trim
from workers.host.loop import Loop
from workers.host.outlet import Upstream
from workers.host.processes import adopt_orphans, end_all_children
from workers.host.replica import Replica, Surroundings
from workers.protocol import (
    BatchEnd,
    CancelBatch,
    DefineTask,
    DropContext,
    ErrorReport,
    Goodbye,
    Leave,
    LoadContext,
    Notice,
    OffloadContext,
    Order,
    ReplicaFault,
    ReplicaState,
    RunBatch,
)
from workers.staging.assembly import Places
from workers.staging.stager import Stager
from workers.telemetry.batches import BatchSignals
from workers.telemetry.counted_outlet import CountedOutlet
from workers.telemetry.decoding import DecodeSignals
from workers.telemetry.sampling import Sampling

FLUSH_SECONDS = 0.005
"""What a running batch is given at an eviction: replicas send within a millisecond."""
LAST_SECONDS = 5.0
"""How long the end of killed processes is waited for."""
LOGS_SECONDS = 2.0
"""How often the size of logs is looked at."""


class Supervisor:
    """One per worker, in a process of its own: ``close`` ends all children that this process has.

    All methods belong to the loop's thread, which must be the main thread.
    """

    def __init__(
        self,
        worker: str,
        upstream: Upstream,
        *,
        logs: str,
        memory_bytes: int = 0,
        grace_seconds: float = 10.0,
        loop: Loop | None = None,
        cache: str = "",
        never_shared: bool = False,
    ) -> None:
        """``cache`` and ``never_shared`` as of ``workers.staging.stager.Stager``."""
        self.worker = worker
        self.loop = loop or Loop()
        self._logs = logs
        self._grace_seconds = grace_seconds
        self._batches = BatchSignals()
        self._outlet = CountedOutlet(self.loop, upstream.send, self._batches)
        self._sampling = Sampling(self.loop, self._outlet.report, self._batches)
        decoding = DecodeSignals()
        self._sampling.add(decoding)
        self.stager = Stager(self.loop, self._outlet.report, cache=cache, never_shared=never_shared)
        self._ahead = Ahead(self.stager, self._outlet.report)
        self._forker = Forker(self.loop, log_path(logs, worker, "template"), self._on_exit)
        self._tasks: dict[str, DefineTask] = {}
        self._around = Surroundings(
            self.loop, self._outlet, self._forker, self._tasks, memory_bytes, decoding
        )
        self._replicas: dict[str, Replica] = {}
        self._postponed: dict[str, list[LoadContext | RunBatch]] = {}
        self._staging: set[str] = set()
        """Those of them that wait for their files, not only for room."""
        self._serial = itertools.count(1)
        self._leaving: Literal["", "retired", "evicted"] = ""
        self._gone = False
        self.abandoned = False
        """Whether the other side went before we did."""
        self.loop.after_turn = self._outlet.flush
        self.loop.on_signal(signal.SIGCHLD, self._reap)

    def start(self, imports: tuple[str, ...] = ()) -> None:
        """Start the template, so that it is there when the first context comes, and have it import
        what contexts are expected to need.

        From now on every process that loses its parent among our descendants becomes our child.
        """
        adopt_orphans()
        self._forker.start()
        self._forker.prepare(imports)
        self._trim_logs()
        self._sampling.start()

    # -- what may happen from outside ------------------------------------------------------------

    def handle(self, orders: list[Order]) -> None:
        """Carry out orders. Orders that make no sense (any more) are answered or ignored."""
        for order in orders:
            match order:
                case RunBatch():
                    self._batches.arrived(order.batch, len(order.items))
                    self._run(order)
                case DefineTask():
                    self._tasks[order.task] = order
                case LoadContext():
                    self._load(order)
                case OffloadContext():
                    self._offload(order.context)
                case DropContext():
                    self._drop(order.context)
                case CancelBatch():
                    self._cancel(order)
                case Leave():
                    self.leave(order.grace_seconds)

    def evict(self) -> None:
        """The owner of the machine wants it back: give back what is finished, and go."""
        if self._leaving == "evicted":
            return
        first, self._leaving = not self._leaving, self._leaving or "evicted"
        if first:
            self._outlet.report(Notice(self._grace_seconds))
        self._give_back_postponed()
        self.loop.call_later(FLUSH_SECONDS, self._end_replicas)
        # A process that cannot be killed (in the kernel's hands) must not keep us.
        self.loop.call_later(max(self._grace_seconds, LAST_SECONDS), self.loop.stop)
        self._go_if_empty()

    def leave(self, grace_seconds: float) -> None:
        """We are not needed any more: finish what is running, if there is time, and go."""
        if self._leaving:
            return
        self._leaving = "retired"
        self._give_back_postponed()
        for replica in list(self._replicas.values()):
            replica.leave()
        self.loop.call_later(grace_seconds, self._end_replicas)
        self.loop.call_later(grace_seconds + LAST_SECONDS, self.loop.stop)
        self._go_if_empty()

    def abandon(self) -> None:
        """The other side is gone: nothing that is here is of use to anyone."""
        self.abandoned = True
        self.loop.stop()

    def close(self) -> None:
        """End every process that descends from this one, and wait for it."""
        self._postponed.clear()
        self.stager.close()
        self._forker.close()
        for replica in list(self._replicas.values()):
            replica.end("evicted")
        end_all_children(LAST_SECONDS)
        self._sampling.close()
        self.loop.close()

    # -- orders ----------------------------------------------------------------------------------

    def _load(self, order: LoadContext) -> None:
        if self._leaving:
            return
        replica = self._replicas.get(order.context)
        if order.context in self._postponed:
            pass  # It was ordered before.
        elif replica is not None and not replica.ending:
            self._load_again(replica, order)
        elif order.tier == "disk":
            self._forker.prepare(order.imports)
            self._ahead.bring(order)
        else:
            self._begin(self._ahead.take(order))

    def _load_again(self, replica: Replica, order: LoadContext) -> None:
        """A context that has its process already."""
        if replica.stage == "warm" or (replica.stage == "parked" and order.tier == "disk"):
            replica.report_again()
        elif order.tier == "disk":
            pass  # It has its files.
        elif replica.stage in ("parking", "parked"):
            if self._some_free_memory():
                self._postponed[order.context] = [order]
            else:
                replica.bring_back(order)

    def _offload(self, context: str) -> None:
        replica = self._replicas.get(context)
        if replica is not None and not replica.ending and context not in self._postponed:
            replica.offload()

    def _some_free_memory(self) -> bool:
        """Whether memory will be free soon that still is not: a newcomer may need it."""
        return any(replica.frees_memory for replica in self._replicas.values())

    def _begin(self, order: LoadContext) -> None:
        """Once its files are there, and the room that others still hold is free."""
        if order.trees:
            self._stage(order)
        elif self._some_free_memory():
            self._forker.prepare(order.imports)
            self._postponed[order.context] = [order]
        else:
            log = log_path(self._logs, self.worker, order.name, order.context, next(self._serial))
            replica = Replica(order, log, self._around, self._on_gone, self._begin_postponed)
            self._replicas[order.context] = replica
            replica.start()

    def _stage(self, order: LoadContext) -> None:
        context = order.context
        self._postponed[context] = [order]
        self._staging.add(context)
        self._forker.prepare(order.imports)
        self._outlet.report(ReplicaState(context, "staging"))
        self.stager.stage(
            context,
            order.trees,
            lambda places: self._on_staged(order, places),
            lambda error: self._on_not_staged(context, error),
        )

    def _on_staged(self, order: LoadContext, places: Places) -> None:
        self._staging.discard(order.context)
        waiting = self._postponed[order.context]
        waiting[0] = msgspec.structs.replace(order, trees=(), places=dict(places))
        self._begin_postponed()

    def _on_not_staged(self, context: str, error: ErrorReport) -> None:
        self._staging.discard(context)
        self._outlet.report(ReplicaFault(context, "loader_error", error))
        for order in self._postponed.pop(context):
            if isinstance(order, RunBatch):
                self._refuse(order, "replica_died", "its context could not be loaded")

    def _run(self, order: RunBatch) -> None:
        replica = self._replicas.get(order.context)
        if self._leaving:
            self._refuse(order, "evicted", "the worker is leaving")
        elif order.task not in self._tasks:
            self._refuse(order, "refused", f"task {order.task} was not defined here")
        elif order.context in self._postponed:
            self._postponed[order.context].append(order)
        elif replica is None or not replica.takes_batches:
            self._refuse(order, "refused", f"context {order.context} is not loaded here")
        else:
            replica.run(order)

    def _drop(self, context: str) -> None:
        replica = self._replicas.get(context)
        was_ahead = self._ahead.let_go(context)
        postponed = self._postponed.pop(context, [])
        for order in postponed:
            if isinstance(order, RunBatch):
                self._refuse(order, "cancelled", "the context was given up")
        if postponed:
            self._staging.discard(context)
            self.stager.release(context)
        if replica is not None:
            replica.end("dropped")
        elif postponed or was_ahead:
            self._outlet.report(ReplicaState(context, "absent"))

    def _cancel(self, order: CancelBatch) -> None:
        for orders in self._postponed.values():
            for waiting in orders:
                if isinstance(waiting, RunBatch) and waiting.batch == order.batch:
                    orders.remove(waiting)
                    self._refuse(waiting, order.reason, "")
                    return
        for replica in list(self._replicas.values()):
            if replica.cancel(order):
                return

    def _refuse(
        self,
        order: RunBatch,
        outcome: Literal["refused", "evicted", "cancelled", "deadline", "replica_died"],
        detail: str,
    ) -> None:
        self._outlet.report(BatchEnd(order.batch, outcome, started=False, detail=detail))

    # -- ends ------------------------------------------------------------------------------------

    def _trim_logs(self) -> None:
        for log in (self._forker.log, *(replica.log for replica in self._replicas.values())):
            trim(log)
        self.loop.call_later(LOGS_SECONDS, self._trim_logs)

    def _on_gone(self, replica: Replica) -> None:
        trim(replica.log)
        if self._replicas.get(replica.context) is replica:
            del self._replicas[replica.context]
            if replica.context not in self._postponed and replica.context not in self._ahead:
                self.stager.release(replica.context)
        self._begin_postponed()
        self._go_if_empty()

    def _begin_postponed(self) -> None:
        """Contexts that wait for nothing any more, and their batches."""
        if self._some_free_memory():
            return
        ready = [context for context in self._postponed if context not in self._staging]
        for orders in [self._postponed.pop(context) for context in ready]:
            self.handle(list(orders))

    def _on_exit(self, pid: int, status: int | None, peak_memory_bytes: int) -> None:
        for replica in list(self._replicas.values()):
            if replica.pid == pid:
                replica.exited(status, peak_memory_bytes)

    def _reap(self) -> None:
        """Children of ours: the template, and whatever lost its parent."""
        with contextlib.suppress(ChildProcessError):
            while True:
                pid, status, usage = os.wait4(-1, os.WNOHANG)
                if not pid:
                    return
                if pid == self._forker.pid:
                    self._forker.exited(status)
                else:
                    self._on_exit(pid, status, usage.ru_maxrss * 1024)

    def _end_replicas(self) -> None:
        for replica in list(self._replicas.values()):
            replica.end("evicted")

    def _give_back_postponed(self) -> None:
        postponed, self._postponed = self._postponed, {}
        self._staging.clear()
        self._ahead.clear()
        for context, orders in postponed.items():
            self.stager.release(context)
            for order in orders:
                if isinstance(order, RunBatch):
                    self._refuse(order, "evicted", "the worker is leaving")

    def _go_if_empty(self) -> None:
        if self._leaving and not self._replicas and not self._gone:
            self._gone = True
            self._sampling.stop()
            self._outlet.report(Goodbye(self._leaving))
            self._outlet.flush()
            self.loop.stop()
