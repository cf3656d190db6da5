"""The supervisor's side of one replica: its process, and how that begins, works and ends."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable
from typing import Literal, NamedTuple

import msgspec

from workers.host.batches import Batches
from workers.host.forker import Forker
from workers.host.hanging import ask_for_stack
from workers.host.link import FrameError, Link
from workers.host.logs import head, tail
from workers.host.loop import READ, WRITE, Loop
from workers.host.outlet import Outlet
from workers.host.processes import describe_death, has_members, kill_group, kill_members
from workers.protocol import (
    BatchEnd,
    CancelBatch,
    Decoded,
    DefineTask,
    ErrorReport,
    ItemResults,
    LoadContext,
    Message,
    OffloadContext,
    ReplicaFault,
    ReplicaState,
    Report,
    RunBatch,
    decode_reports,
    encode,
)
from workers.telemetry.decoding import DecodeSignals

STATUS_PATIENCE_SECONDS = 1.0
"""How long to wait for the exit status of a process whose link ended."""
MEMBERS_PATIENCE_SECONDS = 5.0
"""How long for the end of what was killed with it..."""
MEMBERS_POLL_SECONDS = 0.01
"""...and how often that is looked for."""

Ending = Literal[
    "", "died", "failed", "timeout", "dropped", "unparked", "cancelled", "deadline", "evicted"
]
"""Why a replica ends; empty while it shall live. ``died`` was not our doing; at ``failed`` and
``timeout`` the fault has been reported already; ``unparked``: it could not be offloaded."""

Stage = Literal["loading", "warm", "parking", "parked", "returning"]
"""loading -> warm -> parking -> parked -> returning -> warm; the end may come at any of them."""


class Surroundings(NamedTuple):
    """What the replicas of one supervisor share."""

    loop: Loop
    outlet: Outlet
    forker: Forker
    tasks: dict[str, DefineTask]
    memory_bytes: int
    decoding: DecodeSignals


class Replica:
    """Loads a context, then runs one batch after the other, and may leave the accelerator between
    them: ``on_parked``. Ends by ``on_gone``, always, and only when its process is dead and all that
    it sent has been read."""

    def __init__(
        self,
        order: LoadContext,
        log: str,
        around: Surroundings,
        on_gone: Callable[[Replica], None],
        on_parked: Callable[[], None],
    ) -> None:
        self.context, self.imports, self.log = order.context, order.imports, log
        self.ranks = order.ranks
        self.pid = 0
        self.stage: Stage = "loading"
        self.ending: Ending = ""
        self._order = order
        self._around = around
        self._on_gone = on_gone
        self._on_parked = on_parked
        self._begun = time.monotonic()
        self._link: Link | None = None
        self._batches = Batches(around.outlet)
        self._defined: set[str] = set()
        self._leaving = False
        self._gone = False
        self._story = ""
        """How it ended, once that is known."""
        self._exited_at = 0.0
        self._reached = ReplicaState(order.context, "loading")
        """What was reported last of where it is."""
        self._timeout = around.loop.call_later(order.timeout_seconds, self._on_timeout)
        self._application = 0

    @property
    def frees_memory(self) -> bool:
        """Whether it is about to give back memory that it still holds."""
        return bool(self.ending) or self.stage == "parking"

    @property
    def takes_batches(self) -> bool:
        """Whether it runs them, or will as soon as it is warm."""
        return not self.ending and self.stage not in ("parking", "parked")

    def start(self) -> None:
        """Ask for a process. If there can be none, the replica is gone when this returns."""
        self._application = self._around.forker.apply(self)

    # -- orders ----------------------------------------------------------------------------------

    def run(self, order: RunBatch) -> None:
        """Run a batch behind those that came before."""
        self._batches.add(order)
        self._run_next()

    def cancel(self, order: CancelBatch) -> bool:
        """Give a batch back; False if it is not here. A running one takes the process along."""
        if self._batches.is_running(order.batch):
            self.end(order.reason)
            return True
        return self._batches.give_back_one(order.batch, order.reason)

    def offload(self) -> None:
        """Leave the accelerator, if it is warm and has no batch; else say again where it is."""
        if self.stage == "warm" and self._batches.empty:
            self._begin("parking", OffloadContext(self.context))
        elif self.stage in ("warm", "parked"):
            self.report_again()

    def bring_back(self, order: LoadContext) -> None:
        """To the accelerator, where it was before it was parked."""
        self._order = order
        self._begin("returning", msgspec.structs.replace(order, payload=b""))
        self._report_state("loading")

    def _begin(self, stage: Stage, order: Message) -> None:
        """Something that may take as long as the load."""
        self.stage = stage
        self._begun = time.monotonic()
        self._timeout = self._around.loop.call_later(self._order.timeout_seconds, self._on_timeout)
        self._send(order)

    def leave(self) -> None:
        """End when the running batch is done; the others are given back now."""
        self._leaving = True
        self._batches.give_back_waiting("evicted")
        if self._batches.idle:
            self.end("evicted")

    def end(self, ending: Ending) -> None:
        """Kill the process; what it has sent is still read before its batches end."""
        if self.ending:
            return
        self.ending = ending
        if self.pid:
            kill_group(self.pid)
        else:
            self._around.forker.withdraw(self._application)
            self._finish("")

    def report_again(self) -> None:
        """What was reported last of where it is."""
        self._around.outlet.report(self._reached)

    def _report_state(
        self,
        status: Literal["loading", "warm", "parked", "absent"],
        *,
        memory_bytes: int = 0,
        host_bytes: int = 0,
        parks: bool = False,
    ) -> None:
        """``seconds`` are counted from the order that led here."""
        seconds = 0.0 if status == "absent" else time.monotonic() - self._begun
        self._reached = ReplicaState(
            self.context, status, seconds, memory_bytes, self.pid, parks, host_bytes
        )
        self.report_again()

    # -- the process -----------------------------------------------------------------------------

    def forked(self, sock: socket.socket, pid: int) -> None:
        self.pid = pid
        self._link = Link(sock)
        self._around.loop.watch(sock, self._on_ready)
        self._report_state("loading")
        self._send(self._order)

    def not_forked(self, error: ErrorReport) -> None:
        self.ending = "failed"
        self._report_fault("loader_error", error)
        self._finish("")

    def exited(self, status: int | None, peak_memory_bytes: int) -> None:
        """The process is dead; ``status`` as of wait(2), None if it could not be learnt."""
        if self._gone or self._exited_at:
            return
        self._exited_at = time.monotonic()
        self._receive(drain=True)
        self._disconnect()
        self.ending = self.ending or self._own_end()
        if not self._story:
            self._story = describe_death(status, peak_memory_bytes, self._around.memory_bytes)
        self._await_members()

    def _await_members(self) -> None:
        """Its ranks, and what it started itself, may hold memory a little longer than itself."""
        kill_members(self.pid)
        waited_seconds = time.monotonic() - self._exited_at
        if has_members(self.pid) and waited_seconds < MEMBERS_PATIENCE_SECONDS:
            self._around.loop.call_later(MEMBERS_POLL_SECONDS, self._await_members)
        else:
            self._finish(self._story)

    def _on_ready(self, events: int) -> None:
        if events & WRITE:
            self._watch()
        if events & READ:
            self._receive()

    def _receive(self, *, drain: bool = False) -> None:
        link = self._link
        if link is None:
            return
        try:
            for frame in link.receive(drain=drain):
                for report in decode_reports(frame):
                    self._take(report)
        except (FrameError, msgspec.MsgspecError):
            # User code wrote to a descriptor that is not its own.
            link.ended = True
        if link.ended and not drain:
            self._disconnect()
            # If the process lives on, it is of no use. Its exit status comes by another way.
            self.ending = self.ending or self._own_end()
            kill_group(self.pid)
            self._around.loop.call_later(STATUS_PATIENCE_SECONDS, lambda: self.exited(None, 0))

    def _take(self, report: Report) -> None:
        match report:
            case ItemResults():
                self._around.outlet.results(report.batch, report.results, report.made_seconds)
            case Decoded():
                self._around.decoding.told(self.context, report)
            case BatchEnd():
                self._batches.done(report.run_seconds, report.kept)
                if self._leaving:
                    self.end("evicted")
                self._run_next()
            case ReplicaState() if not self.ending:
                self._arrived(report)
            case ReplicaFault(kind="died") if not self.ending and self.stage != "returning":
                self._story = report.error.message  # Of one of its ranks: all end with it.
            case ReplicaFault() if not self.ending:
                self.ending = "failed"
                self._report_fault(report.kind, report.error)

    def _arrived(self, report: ReplicaState) -> None:
        self._timeout.cancel()
        if self.stage == "parking":
            self.stage = "parked"
            self._report_state(
                "parked", memory_bytes=report.memory_bytes, host_bytes=report.host_bytes
            )
            self._on_parked()
        else:
            self.stage = "warm"
            self._report_state("warm", memory_bytes=report.memory_bytes, parks=report.parks)
            self._run_next()

    def _run_next(self) -> None:
        if self.stage != "warm" or self.ending:
            return
        order = self._batches.start_next()
        if order is None:
            return
        if order.task not in self._defined:
            self._defined.add(order.task)
            self._send(self._around.tasks[order.task])
        self._send(order)

    def _send(self, order: Message) -> None:
        """Alone in its frame, which holds it since it came in one."""
        if self._link is not None:
            self._link.send(encode([order]))
            if self._link.unsent:
                self._watch()

    def _watch(self) -> None:
        if self._link is not None:
            events = READ if self._link.flush() else READ | WRITE
            self._around.loop.watch(self._link.socket, self._on_ready, events)

    def _disconnect(self) -> None:
        if self._link is not None:
            self._around.loop.unwatch(self._link.socket)
            self._link.close()
            self._link = None

    # -- the end ---------------------------------------------------------------------------------

    def _own_end(self) -> Ending:
        """Of a process that ended by itself. While it was to free its memory, that is done."""
        return "unparked" if self.stage == "parking" else "died"

    def _finish(self, story: str) -> None:
        """The process is gone: say what became of the batches and of the replica."""
        self._gone = True
        self._timeout.cancel()
        self._disconnect()
        batches = self._batches
        match self.ending:
            case "" | "died":
                log = tail(self.log)
                batches.give_back_running("replica_died", f"{story}\n{log}".rstrip("\n"))
                batches.give_back_waiting("replica_died", story)
                self._report_fault("died", ErrorReport("ReplicaDied", story, "", log))
            case "failed" | "timeout":
                batches.give_back_waiting("replica_died", "its context could not be loaded")
            case "evicted":
                batches.give_back_running("evicted")
                batches.give_back_waiting("evicted")
            case "dropped" | "unparked":
                self._report_state("absent")
                batches.give_back_running("cancelled")
                batches.give_back_waiting("cancelled")
            case "cancelled" | "deadline":
                self._report_state("absent")
                batches.give_back_running(self.ending)
                batches.give_back_waiting("cancelled")
        self._on_gone(self)

    def _report_fault(
        self, kind: Literal["loader_error", "load_timeout", "died"], error: ErrorReport
    ) -> None:
        self._timeout.cancel()
        if not error.log_tail:
            error = msgspec.structs.replace(error, log_tail=tail(self.log))
        seconds = time.monotonic() - self._begun
        self._around.outlet.report(ReplicaFault(self.context, kind, error, seconds))

    def _on_timeout(self) -> None:
        if self.ending:
            return
        self.ending = "unparked" if self.stage == "parking" else "timeout"
        loop, forker = self._around.loop, self._around.forker
        if self.pid:
            ask_for_stack(loop, self.pid, self.log, self._end_slow)
        elif forker.pid is not None and forker.is_serving(self._application):
            ask_for_stack(loop, forker.pid, forker.log, self._end_slow_import)
        else:
            self._report_slow("waiting for the imports of other contexts")
            forker.withdraw(self._application)
            self._finish("")

    def _end_slow(self, stack_at: int) -> None:
        if self._gone:
            return
        if self.ending == "timeout":
            what = "return_to_device()" if self.stage == "returning" else "its loader"
            self._report_slow(what, self.log, stack_at)
        kill_group(self.pid)

    def _end_slow_import(self, stack_at: int) -> None:
        if self._gone:
            return
        forker = self._around.forker
        names = ", ".join(self.imports) or "what other contexts need"
        self._report_slow(f"importing {names}", forker.log, stack_at)
        if self.pid:
            kill_group(self.pid)
            return
        if forker.is_serving(self._application):
            forker.kill()
        forker.withdraw(self._application)
        self._finish("")

    def _report_slow(self, what: str, log: str = "", stack_at: int = 0) -> None:
        message = f"not ready after {self._order.timeout_seconds:g} s: {what} took too long"
        stack = head(log, start=stack_at) if log else ""
        before = tail(log, end=stack_at) if log else ""
        self._report_fault("load_timeout", ErrorReport("LoadTimeout", message, stack, before))
