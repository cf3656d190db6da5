"""One worker as the engine knows it: its process, its link, and what it has said so far."""

from __future__ import annotations

from pcm.core.events import LeaveCause
from pcm.engines.local.process import WorkerProcess
from pcm.engines.local.sharing import Share
from workers.host.link import Link
from workers.host.processes import kill_members
from workers.protocol import MAX_FRAME_BYTES, ErrorReport, Order, encode


class LocalWorker:
    """State of one worker, from its start until its WorkerLeft."""

    def __init__(self, name: str, share: Share, process: WorkerProcess) -> None:
        self.name, self.share, self.process = name, share, process
        self.link = Link(process.socket)
        self.joined = False
        self.asked_to_leave = False
        self.under_notice = False
        self.goodbye = ""
        self.refusal = ""
        """Why it is refused, if it is."""
        self.replicas: dict[str, int] = {}
        """Context to the pid of the replica's process, which leads a process group."""
        self.tasks: set[str] = set()
        """Tasks that it has been told of."""
        self.outgoing: list[Order] = []

    def ship(self) -> list[Order]:
        """Send what is outgoing; gives the orders that no frame can hold."""
        orders, self.outgoing = self.outgoing, []
        body = encode(orders)
        if len(body) <= MAX_FRAME_BYTES:
            self.link.send(body)
            return []
        too_large: list[Order] = []
        for order in orders:
            single: list[Order] = [order]
            body = encode(single)
            if len(body) > MAX_FRAME_BYTES:
                too_large.append(order)
            else:
                self.link.send(body)
        return too_large

    def kill(self) -> None:
        """The supervisor, and every replica with what it may have started itself."""
        self.process.kill()
        self.kill_replicas()

    def kill_replicas(self) -> None:
        """Themselves die with the supervisor; this is for what they started."""
        for pid in self.replicas.values():
            kill_members(pid)
        self.replicas.clear()

    def leave_cause(self) -> LeaveCause:
        """Why it left, now that it has."""
        if self.refusal:
            return "refused"
        if self.asked_to_leave:
            return "retired"
        if self.goodbye == "evicted" or self.under_notice:
            return "evicted"
        return "lost"


def story(error: ErrorReport) -> str:
    """An error as one text: its traceback, and what the replica printed last."""
    traceback, log = error.traceback.strip("\n"), error.log_tail.strip("\n")
    parts = [] if str(error) in traceback else [str(error)]
    parts += [traceback] if traceback else []
    # The loader's traceback is at the end of the log already.
    log = log.removesuffix(traceback).strip("\n")
    parts += [f"-- the end of its log --\n{log}"] if log else []
    return "\n".join(parts)
