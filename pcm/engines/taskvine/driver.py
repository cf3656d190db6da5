"""``python -m pcm.engines.taskvine.driver``: the process that owns TaskVine's manager.

One thread, one wait: for the engine, or for any of TaskVine's own sockets. It decides nothing: it
makes the calls it is asked for, brings their answers, and says which workers are there. A process
of its own because TaskVine holds the interpreter while it works, can be held up by a worker that
does not answer, and ends the process in places.

It ends when the engine does. Standard error is for people.
"""

from __future__ import annotations

import argparse
import os
import select
import signal
import socket
import sys
import time
from pathlib import Path

from pcm.engines.taskvine import guards
from pcm.engines.taskvine.keepalive import keep_alive
from pcm.engines.taskvine.messages import (
    Answered,
    Failed,
    FetchFile,
    ForgetFile,
    FromDriver,
    Joined,
    Kill,
    Left,
    Listening,
    NotStaged,
    PublishFile,
    SendPiece,
    Stop,
    Submit,
    Trouble,
    decode_to_driver,
    encode,
)
from pcm.engines.taskvine.pieces import ChangedError, read_piece
from pcm.engines.taskvine.vine import Done, Vine, sockets
from workers import carriage
from workers.host.link import Link
from workers.host.processes import set_parent_death_signal

TICK_SECONDS = 1.0
"""TaskVine's own timers have whole seconds."""
CENSUS_SECONDS = 0.02
"""Between two looks at who is there: each costs time in proportion to the workers."""


class Call:
    """A call that TaskVine has not given back yet."""

    __slots__ = ("call", "made_at", "stages", "worker")

    def __init__(self, worker: str, call: int, *, stages: bool = False) -> None:
        """``stages``: whether it is about a file. It may fail without harm to its worker."""
        self.worker, self.call, self.stages = worker, call, stages
        self.made_at = time.monotonic()

    def failed(self, why: str) -> FromDriver:
        if self.stages:
            return NotStaged(self.worker, self.call, why)
        return Failed(self.worker, self.call, why)


class Driver:
    """Between the engine's link and TaskVine."""

    def __init__(self, link: Link, vine: Vine) -> None:
        self._link, self._vine = link, vine
        self._out: list[FromDriver] = []
        self._calls: dict[int, Call] = {}
        self._of_worker: dict[str, set[int]] = {}
        self._addresses: dict[str, str] = {}
        self._strangers: set[str] = set()
        self._seen = (0, 0)
        self._census_due = False
        self._census_at = 0.0
        self._tick_at = 0.0
        self._poll = select.poll()
        self._watched: set[int] = set()
        self._listeners = sockets(link.fileno())
        for descriptor in self._listeners:
            keep_alive(descriptor)
        self._stopping = False

    def run(self) -> None:
        """Until the engine says so, or is gone."""
        self._out.append(Listening(self._vine.port, self._vine.version))
        self._ship()
        self._watch()
        while not self._stopping:
            ready = self._poll.poll(self._patience_seconds() * 1000)
            changed = False
            for descriptor, events in ready:
                if descriptor == self._link.fileno():
                    self._receive(events)
                elif descriptor in self._listeners or events & ~select.POLLIN:
                    changed = True  # A connection has come, or one is closed already.
            now = time.monotonic()
            tick = now >= self._tick_at
            if ready or tick:
                self._work(changed=changed or tick)
                self._census_due = True
            if tick:
                self._tick_at = now + TICK_SECONDS
                self._vine.mend()
                self._find_stuck(now)
            if self._census_due and now >= self._census_at:
                self._census_due, self._census_at = False, now + CENSUS_SECONDS
                self._census()
            self._ship()

    # -- the engine ------------------------------------------------------------------------------

    def _receive(self, events: int) -> None:
        if events & select.POLLOUT:
            self._link.flush()
        if not events & ~select.POLLOUT:
            return
        for frame in self._link.receive():
            for message in decode_to_driver(frame):
                match message:
                    case Submit():
                        self._submit(message)
                    case SendPiece() | PublishFile() | FetchFile():
                        self._stage(message)
                    case ForgetFile():
                        for number in self._vine.forget(message.digest):
                            self._take(Done(number, b"", "its sources are gone"))
                    case Kill():
                        self._kill(message.worker)
                    case Stop():
                        self._stopping = True
        if self._link.ended:
            self._stopping = True

    def _submit(self, order: Submit) -> None:
        if order.worker not in self._addresses:
            return  # Its Left is on the way.
        number = self._vine.submit(order.worker, order.frame)
        self._note(number, Call(order.worker, order.call))

    def _stage(self, order: SendPiece | PublishFile | FetchFile) -> None:
        worker = order.worker
        if worker not in self._addresses:
            return
        number: int | None = None
        why, changed = "nobody has published it", False
        match order:
            case SendPiece():
                call = carriage.Staging("piece", order.digest, order.offset)
                try:
                    number = self._vine.send_piece(worker, call, read_piece(order))
                except ChangedError as error:
                    why, changed = str(error), True
                except OSError as error:
                    why = f"no room for a piece: {error}"
            case PublishFile():
                number = self._vine.publish(worker, carriage.Staging("publish", order.digest))
            case FetchFile():
                number = self._vine.fetch(worker, carriage.Staging("fetch", order.digest))
        if number is None:
            self._out.append(NotStaged(worker, order.call, why, changed))
        else:
            self._note(number, Call(worker, order.call, stages=True))

    def _note(self, number: int, call: Call) -> None:
        self._calls[number] = call
        self._of_worker.setdefault(call.worker, set()).add(number)

    def _kill(self, worker: str) -> None:
        """Its calls are cancelled when it is gone."""
        address = self._addresses.get(worker)
        if address is not None:
            self._vine.kill_library(address)

    def _ship(self) -> None:
        if self._out:
            out, self._out = self._out, []
            self._link.send(encode(out))
        wanted = select.POLLIN | (select.POLLOUT if self._link.unsent else 0)
        self._poll.register(self._link.fileno(), wanted)

    # -- TaskVine --------------------------------------------------------------------------------

    def _work(self, *, changed: bool) -> None:
        """Turns until nothing more comes: what TaskVine has read already shows on no socket.

        ``changed``: there may be other sockets than before.
        """
        while True:
            done = self._vine.turn()
            for one in done:
                self._take(one)
            new = changed and self._watch()
            if not done and not new:
                return

    def _watch(self) -> bool:
        """Wait for all of TaskVine's sockets; whether there is one that was not there before."""
        present = sockets(self._link.fileno())
        gone, new = self._watched - present, present - self._watched
        for descriptor in gone:
            self._poll.unregister(descriptor)
        for descriptor in new:
            self._poll.register(descriptor, select.POLLIN)
        self._watched = present
        return bool(new)

    def _take(self, done: Done) -> None:
        call = self._calls.pop(done.task, None)
        if call is None:
            return  # It was cancelled.
        self._of_worker[call.worker].discard(done.task)
        if done.result == "ok":
            self._out.append(Answered(call.worker, call.call, done.output))
        else:
            self._out.append(call.failed(done.result))

    def _census(self) -> None:
        seen = self._vine.comings_and_goings()
        if seen == self._seen:
            return
        self._seen = seen
        present: dict[str, str] = {}
        for worker in self._vine.workers():
            address = worker["addrport"]
            identity = carriage.identity(worker["arch"])
            if identity is None:
                if address not in self._strangers:
                    self._strangers.add(address)
                    self._out.append(Joined("", worker["hostname"], address))
                continue
            present[identity.worker] = address
            if identity.worker not in self._addresses:
                self._out.append(Joined(worker["arch"], worker["hostname"], address))
        for name in self._addresses.keys() - present.keys():
            self._left(name)
        self._addresses = present

    def _left(self, worker: str) -> None:
        for number in self._of_worker.pop(worker, set()):
            self._calls.pop(number, None)
            self._vine.cancel(number)
        self._out.append(Left(worker))

    def _find_stuck(self, now: float) -> None:
        """See ``guards.STUCK_SECONDS``."""
        late = [
            number
            for number, call in self._calls.items()
            if now - call.made_at > guards.STUCK_SECONDS and self._vine.is_ready(number)
        ]
        for number in late:
            call = self._calls.pop(number)
            self._of_worker[call.worker].discard(number)
            again = self._vine.submit_again(number, call.worker)
            self._note(again, Call(call.worker, call.call, stages=call.stages))

    def _patience_seconds(self) -> float:
        now = time.monotonic()
        due = self._census_at if self._census_due else self._tick_at
        return max(0.0, due - now)


def main() -> None:
    options = _options()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    set_parent_death_signal(signal.SIGUSR2)

    def on_parent_death(number: int, frame: object) -> None:
        # The signal comes when a *thread* of the parent ends; the parent may live on.
        if os.getppid() != options.parent_pid:
            os._exit(1)

    signal.signal(signal.SIGUSR2, on_parent_death)
    on_parent_death(0, None)
    link = Link(socket.socket(fileno=options.fd))
    link.socket.set_inheritable(False)
    key: bool | tuple[str, str] = bool(options.ssl)
    if options.ssl_key:
        key = options.ssl_key, options.ssl_certificate
    try:
        vine = Vine(
            Path(options.directory),
            port=options.port,
            password_file=Path(options.password_file),
            ssl=key,
            kit=Path(options.kit),
            archive=Path(options.environment) if options.environment else None,
            transfers_per_source=options.transfers_per_source,
            keep_logs=options.keep_logs,
        )
    except OSError as error:
        trouble: list[FromDriver] = [Trouble(str(error))]
        link.send(encode(trouble))
        link.flush_within(5.0)
        sys.exit(1)
    try:
        Driver(link, vine).run()
    finally:
        vine.close()


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m pcm.engines.taskvine.driver")
    parser.add_argument("--fd", type=int, required=True, help="the socket to the engine")
    parser.add_argument("--parent-pid", type=int, required=True)
    parser.add_argument("--directory", required=True, help="private to this driver")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--password-file", required=True)
    parser.add_argument("--kit", required=True)
    parser.add_argument("--environment", default="", help="an archive with workers' Python")
    parser.add_argument("--transfers-per-source", type=int, required=True)
    parser.add_argument("--ssl", action="store_true")
    parser.add_argument("--ssl-key", default="")
    parser.add_argument("--ssl-certificate", default="")
    parser.add_argument("--keep-logs", action="store_true")
    return parser.parse_args()


if __name__ == "__main__":
    main()
