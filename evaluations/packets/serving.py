"""The worker protocol over the bridge: this side of it, and real supervisors on the other.

A worker here is ``python -m workers.host`` with a TCP connection for its socket. It is fed batches
by a pattern, and tells its own telemetry. One signal is measured on this side: which share of the
time the device, played by the replica, was at work (``gpu.busy_share``).
"""

from __future__ import annotations

import contextlib
import selectors
import socket
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

import cloudpickle
import msgspec

from evaluations.packets import work
from evaluations.packets.namespaces import ROOT, Fabric, entered, start
from pcm.telemetry.signals import Reading, Window
from workers.protocol import (
    LENGTH_BYTES,
    DefineTask,
    ItemResults,
    LoadContext,
    Order,
    ReplicaState,
    RunBatch,
    Telemetry,
    decode_reports,
    encode,
)

CONTEXT, TASK = "answering", "answer"
TICK_SECONDS = 0.005
SEND_BUFFER_BYTES = 1 << 13
"""Of a worker's kernel: what does not fit in there waits in the worker, and is seen to."""
KIND = "played"


@dataclass
class Feed:
    """Batches, and how they come: so many together, this long after the last ones."""

    items: int = 4
    item_seconds: float = 0.008
    item_bytes: int = 1500
    answer_bytes: int = 1500
    pause_seconds: float = 0.1
    together: int = 1

    def batch(self, number: int) -> RunBatch:
        item = {
            "seconds": self.item_seconds,
            "text": b"i" * self.item_bytes,
            "answer_bytes": self.answer_bytes,
        }
        return RunBatch(number, CONTEXT, TASK, [msgspec.msgpack.encode(item)] * self.items)


@dataclass
class Worker:
    name: str
    connection: socket.socket
    process: subprocess.Popen[str]
    feed: Feed
    due: float = 0.0
    batches: int = 0
    warm: threading.Event = field(default_factory=threading.Event)
    replica: int = 0
    """Its process."""
    received: bytearray = field(default_factory=bytearray)
    unsent: bytearray = field(default_factory=bytearray)
    busy_seconds: float = 0.0


class Serving:
    """Workers are added, then ``begin``; afterwards they change only by their ``feed``."""

    def __init__(self, fabric: Fabric, scratch: Path) -> None:
        self._fabric = fabric
        self._scratch = scratch
        self._selector = selectors.DefaultSelector()
        self._windows: list[Window] = []
        self._measured_at = time.time()
        self._fed = threading.Event()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self.workers: dict[str, Worker] = {}

    def add(self, name: str, manager: str, feed: Feed) -> None:
        """On the host of its name, connected to the host of the manager."""
        port = 9000 + len(self.workers)
        with entered(manager):
            listener = socket.create_server((self._fabric.addresses[manager], port))
        with entered(name):
            there = socket.create_connection((self._fabric.addresses[manager], port), timeout=10.0)
        here, _ = listener.accept()
        listener.close()
        there.settimeout(None)
        there.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER_BYTES)
        for end in (here, there):
            end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        here.setblocking(False)
        command = [sys.executable, "-m", "workers.host", "--fd", str(there.fileno())]
        command += ["--worker", name, "--scratch", str(self._scratch / name)]
        process = start(
            command, name, (there.fileno(),), PCM_TELEMETRY_SECONDS="1", PYTHONPATH=str(ROOT)
        )
        there.close()
        worker = self.workers[name] = Worker(name, here, process, feed)
        self._selector.register(here, selectors.EVENT_READ, worker)
        load = LoadContext(CONTEXT, CONTEXT, cloudpickle.dumps((work.load, (), {}, None)))
        self._send(worker, [load, DefineTask(TASK, TASK, cloudpickle.dumps((work.answer, {})))])

    def begin(self, patience_seconds: float) -> None:
        """Feed them, once all are warm. Raises TimeoutError."""
        self._thread.start()
        for worker in self.workers.values():
            if not worker.warm.wait(patience_seconds):
                raise TimeoutError(f"{worker.name} is not warm after {patience_seconds:g} s")
        self._fed.set()

    def take(self) -> list[Window]:
        """What workers told, and what was measured here, since the last time."""
        taken, self._windows = self._windows, []
        return taken

    def end(self) -> None:
        self._over.set()
        self._thread.join()
        for worker in self.workers.values():
            worker.connection.close()  # A worker ends with its connection.
        for worker in self.workers.values():
            worker.process.wait(10.0)
        self._selector.close()

    def _run(self) -> None:
        while not self._over.is_set():
            for key, _ in self._selector.select(TICK_SECONDS):
                self._receive(key.data)
            now = time.monotonic()
            for worker in self.workers.values():
                if self._fed.is_set() and now >= worker.due:
                    feed = worker.feed
                    numbers = range(worker.batches, worker.batches + feed.together)
                    worker.batches += feed.together
                    worker.due = now + feed.pause_seconds
                    self._send(worker, [feed.batch(number) for number in numbers])
                elif worker.unsent:
                    self._send(worker, [])
            if time.time() >= self._measured_at + 1.0:
                self._measure()

    def _send(self, worker: Worker, orders: list[Order]) -> None:
        for order in orders:
            body = encode([order])
            worker.unsent += len(body).to_bytes(LENGTH_BYTES, "big") + body
        with contextlib.suppress(BlockingIOError):
            del worker.unsent[: worker.connection.send(worker.unsent)]

    def _receive(self, worker: Worker) -> None:
        data = worker.connection.recv(1 << 18)
        if not data:
            self._selector.unregister(worker.connection)
            return
        worker.received += data
        while len(worker.received) >= LENGTH_BYTES:
            size = LENGTH_BYTES + int.from_bytes(worker.received[:LENGTH_BYTES], "big")
            if len(worker.received) < size:
                return
            for report in decode_reports(bytes(worker.received[LENGTH_BYTES:size])):
                self._hear(worker, report)
            del worker.received[:size]

    def _hear(self, worker: Worker, report: object) -> None:
        match report:
            case ReplicaState(status="warm"):
                worker.replica = report.pid
                worker.warm.set()
            case ItemResults():
                for result in report.results:
                    assert result.value is not None, result.error
                    worker.busy_seconds += result.seconds
            case Telemetry():
                readings = tuple(Reading(*reading) for reading in report.readings)
                self._windows.append(
                    Window(worker.name, KIND, report.end_seconds, report.seconds, readings)
                )

    def _measure(self) -> None:
        now = time.time()
        seconds, self._measured_at = now - self._measured_at, now
        for worker in self.workers.values():
            busy = min(1.0, worker.busy_seconds / seconds)
            worker.busy_seconds = 0.0
            readings = (Reading("gpu.busy_share", "gpu0", busy),)
            self._windows.append(Window(worker.name, KIND, now, seconds, readings))
