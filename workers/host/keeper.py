"""The keeper of a replica's ranks: to each of them it stands for the supervisor, and to the
supervisor it is the replica."""

from __future__ import annotations

import faulthandler
import os
import signal
import socket
from functools import partial

import msgspec

from workers import probe
from workers.host.in_step import InStep
from workers.host.link import FrameError, Link
from workers.host.loop import READ, WRITE, Loop
from workers.host.processes import STACK_SIGNAL, describe_death
from workers.host.rank_output import RankOutput
from workers.protocol import (
    BatchEnd,
    Decoded,
    ErrorReport,
    ItemResults,
    LoadContext,
    OffloadContext,
    ReplicaFault,
    ReplicaState,
    Report,
    RunBatch,
    decode_orders,
    decode_reports,
    encode,
)

CAUSE_SECONDS = 0.5
"""What goes wrong in one rank may come of the death of another, of which it hears sooner than we:
for so long a death that shows is taken for the cause."""
STACKS_SECONDS = 0.2
"""How long ranks have to write their stacks, which then stand in the log one after the other."""


class Rank:
    """One of them, as its keeper sees it."""

    def __init__(
        self, number: int, pid: int, link: Link, steps: socket.socket, output: RankOutput
    ) -> None:
        """Its pid, and our ends of what leads to it."""
        self.number, self.pid = number, pid
        self.link, self.steps, self.output = link, steps, output
        self.warm: ReplicaState | None = None
        self.has_failed = False
        """Whether it told of a fault: it ends then."""
        self.end: BatchEnd | None = None
        """Of the batch that ran last."""

    def close(self) -> None:
        """Our ends."""
        self.link.close()
        self.steps.close()
        os.close(self.output.descriptor)


class Keeper:
    """What it is ordered it orders all ranks, and it reports what rank 0 says, once all have said
    the like. It computes nothing, so it sees at once that a rank has died while the others wait for
    it in a collective, which they would for ever. When one cannot go on, it tells why, and ends."""

    def __init__(self, upstream: socket.socket, ranks: list[Rank], *, shares_memory: bool) -> None:
        """``shares_memory``: they have no GPUs of their own, and so what they hold adds up."""
        self._upstream = Link(upstream)
        self._ranks = ranks
        self._shares_memory = shares_memory
        self._context = ""
        self._fault: ReplicaFault | None = None
        """Why the replica ends, as far as is known."""
        self._gathering = self._ended = False
        self._loop = Loop()
        steps = [rank.steps for rank in ranks]
        self._in_step = InStep(self._loop, steps, lambda story: self._fail(_death(story)))

    def keep(self) -> None:
        """Until one of them cannot go on, or the supervisor is gone."""
        faulthandler.unregister(STACK_SIGNAL)
        loop = self._loop
        loop.on_signal(STACK_SIGNAL, self._gather_stacks)
        loop.on_signal(signal.SIGCHLD, self._reap)
        loop.watch(self._upstream, self._on_orders)
        for rank in self._ranks:
            self._watch(rank)
            loop.watch(rank.output.descriptor, partial(self._on_output, rank))
        self._reap()
        loop.run()

    # -- orders and reports ----------------------------------------------------------------------

    def _on_orders(self, _: int) -> None:
        for frame in self._upstream.receive():
            for order in decode_orders(frame):
                match order:
                    case LoadContext():
                        self._context = order.context
                    case RunBatch():
                        self._in_step.begin()
                    case OffloadContext():
                        self._loop.stop()  # What was promised is that they do not park.
                        return
            for rank in self._ranks:
                rank.link.send(frame)
                self._watch(rank)
        if self._upstream.ended:
            self._loop.stop()

    def _on_rank(self, rank: Rank, events: int) -> None:
        if events & WRITE:
            self._watch(rank)
        if events & READ:
            self._receive(rank)

    def _watch(self, rank: Rank) -> None:
        if rank.link.ended:
            return
        wanted = READ if rank.link.flush() else READ | WRITE
        self._loop.watch(rank.link, lambda events: self._on_rank(rank, events), wanted)

    def _receive(self, rank: Rank, *, drain: bool = False) -> None:
        link = rank.link
        try:
            for frame in link.receive(drain=drain):
                for report in decode_reports(frame):
                    self._take(rank, report)
        except (FrameError, msgspec.MsgspecError):
            # User code wrote to a descriptor that is not its own.
            link.ended = True
        if link.ended and not drain:
            self._loop.unwatch(link)
            # It is dead, and its exit status comes by another way; or it lives on in vain.
            self._fail(_death(f"{self._name(rank)} closed its link"))

    def _take(self, rank: Rank, report: Report) -> None:
        match report:
            case ItemResults():
                self._in_step.results(rank.number, report.results)
                self._tell_if_first(rank, report)
            case Decoded():
                self._tell_if_first(rank, report)
            case ReplicaState(status="warm"):
                rank.warm = report
                self._report_warm()
            case BatchEnd():
                rank.end = report
                if self._in_step.end(rank.number) and self._ranks[0].end is not None:
                    self._tell(self._ranks[0].end)
            case ReplicaFault():
                rank.has_failed = True
                message = f"{self._name(rank)}: {report.error.message}"
                error = msgspec.structs.replace(report.error, message=message)
                self._fail(ReplicaFault(report.context, report.kind, error))

    def _report_warm(self) -> None:
        states = [rank.warm for rank in self._ranks if rank.warm is not None]
        if len(states) == len(self._ranks):
            held = [state.memory_bytes for state in states]
            memory_bytes = sum(held) if self._shares_memory else max(held)
            self._tell(ReplicaState(self._context, "warm", memory_bytes=memory_bytes))

    def _tell_if_first(self, rank: Rank, report: Report) -> None:
        """What the others make is the same, and of no use."""
        if rank is self._ranks[0]:
            self._tell(report)

    def _tell(self, report: Report) -> None:
        """Blocks while the supervisor does not keep up, and so do the ranks then."""
        self._upstream.send(encode([report]))
        while self._upstream.unsent:
            self._upstream.flush_within(60.0)

    # -- the end ---------------------------------------------------------------------------------

    def _reap(self) -> None:
        for rank in self._ranks:
            pid, status, usage = os.wait4(rank.pid, os.WNOHANG) if rank.pid else (0, 0, None)
            if pid and usage is not None:
                rank.pid = 0
                self._receive(rank, drain=True)
                if not rank.has_failed:
                    # ru_maxrss is in units of 1024 bytes.
                    death = describe_death(status, usage.ru_maxrss * 1024, probe.memory_bytes())
                    self._fault = _death(f"{self._name(rank)}: {death}")
                    self._end()

    def _fail(self, fault: ReplicaFault) -> None:
        """The first trouble is the cause of those that follow, unless a rank is found dead."""
        if self._fault is None:
            self._fault = fault
            self._loop.call_later(CAUSE_SECONDS, self._end)

    def _end(self) -> None:
        if self._ended or self._fault is None:
            return
        self._ended = True
        fault = msgspec.structs.replace(self._fault, context=self._context)
        for rank in self._ranks:
            rank.output.read()
            self._log(rank.output.lines(to_the_end=True))
        self._log(f"{fault.error.message}\n".encode())
        self._tell(fault)
        self._loop.stop()

    def _name(self, rank: Rank) -> str:
        return f"rank {rank.number} of {len(self._ranks)}"

    # -- what they print -------------------------------------------------------------------------

    def _on_output(self, rank: Rank, _: int) -> None:
        if not rank.output.read():
            self._loop.unwatch(rank.output.descriptor)
        if not self._gathering:
            self._log(rank.output.lines())

    def _gather_stacks(self) -> None:
        self._gathering = True
        for rank in self._ranks:
            if rank.pid:
                os.kill(rank.pid, STACK_SIGNAL)
        self._loop.call_later(STACKS_SECONDS, self._log_stacks)

    def _log_stacks(self) -> None:
        self._gathering = False
        for rank in self._ranks:
            rank.output.read()
        self._log(b"".join(rank.output.lines() for rank in self._ranks))

    def _log(self, lines: bytes) -> None:
        while lines:
            lines = lines[os.write(2, lines) :]


def _death(story: str) -> ReplicaFault:
    return ReplicaFault("", "died", ErrorReport("RankDied", story))
