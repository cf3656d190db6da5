"""The stage: hosts on a bridge, their traffic, and the observer. Nothing is wrong on it by itself.

Scenes stand side by side and are a fleet each: workers that serve (w), sessions with one (s),
transfers from one host to several (h, b), transfers through a cable that can congest (f), and two
ranks of a group (tp0) on hosts of their own (t).
"""

from __future__ import annotations

import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from evaluations.packets import shaping
from evaluations.packets.namespaces import FREE_RATE, Fabric, port_of
from evaluations.packets.observing import Observing
from evaluations.packets.programs import Program, Told
from evaluations.packets.serving import KIND, Feed, Serving
from pcm.telemetry.signals import Window

PATIENCE_SECONDS = 60.0
RANK_PORT = 9900
DEVICE_SECONDS = 0.003
QUIET_SECONDS = DEVICE_SECONDS / 2
"""Between collectives, as who knows the model can say. What the observer learns here is the pause
between a segment and the next, and so it takes the two halves of a late collective for two."""
SESSIONS = 8
LINE_RATE, FAST_RATE = 20_000_000, 100_000_000
"""Bits per second of the links to b9 and b5."""
SCENES = {
    "serving": ("w0", "w1", "w2", "w4", "w5", "w6", "w7"),
    "sessions": ("s3",),
    "transfers": ("h", "b6", "b7"),
    "queue": ("h5", "b5"),
    "link": ("b9",),
    "ecn": ("f0", "f2", "f3"),
    "ranks": ("tp0:0", "tp0:1"),
}
PEERS = ("m", "s3", "h", "b5", "b6", "b7", "b9")
"""Hosts with plain traffic, beside h5 and those that can congest."""
SMALL_BUFFER_BYTES = 1 << 15
SMALL_MESSAGES = {"bytes_per_second": 100_000, "message_bytes": 4_000}
"""For the host that has them: a reader who is late by a moment closes no window."""
MANAGERS = {"w5": "m5", "w7": "m7"}
"""Who speaks with which worker; else m does."""
LONG = ("w0", "w6")
"""They are given batches whose results come one by one for half a second."""
ABOUT_BATCHES = ("requests.", "queue.", "egress.gap", "egress.delay")
SESSION = {"do": "ask", "per_second": 10.0, "bytes": 500, "answer_bytes": 500}
TRANSFER = {"do": "send", "bytes_per_second": 300_000, "message_bytes": 30_000}


class Stage:
    """Context manager: everything is there and goes on."""

    def __init__(self) -> None:
        self._stack = ExitStack()
        self._peers: dict[str, Program] = {}
        self._own: set[tuple[str, str]] = set()
        self._seen: set[tuple[str, str]] = set()
        """Signals by worker: whose own count, and that the observer tells."""
        self.ranks: list[Program] = []
        self.steps = (Told(), Told())
        """What each rank told."""

    def __enter__(self) -> Stage:
        try:
            self._build()
        except BaseException:
            self._stack.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def take(self) -> list[Window]:
        """Since the last time. Where a worker and the observer tell of the same signal, the
        worker's own counts of what is about batches, and the observer's of packets."""
        told = self.serving.take()
        seen = self.observing.take()
        batches = [(window.worker, r.signal) for window in told for r in window.readings]
        self._own.update(key for key in batches if key[1].startswith(ABOUT_BATCHES))
        self._seen.update((window.worker, r.signal) for window in seen for r in window.readings)
        windows = [_without(window, self._own) for window in seen]
        windows += [_without(window, self._seen - self._own) for window in told]
        return sorted(windows, key=lambda window: window.end_seconds)

    # -- levers ----------------------------------------------------------------------------------

    def ask(self, name: str, target: str, origin: str = "m", **changed: float) -> None:
        """A session of that name with the target."""
        self._do(origin, target, {**SESSION, "name": name, **changed})

    def send(self, target: str, origin: str = "h", **changed: float) -> None:
        """A transfer to the target."""
        usual = {**TRANSFER, **SMALL_MESSAGES} if target == "b7" else TRANSFER
        self._do(origin, target, {**usual, "name": f"to-{target}", **changed})

    def read(self, host: str, pause_seconds: float) -> None:
        """That host takes what it is sent with such pauses."""
        self._peers[host].say({"do": "read", "pause_seconds": pause_seconds})

    def rank(self, number: int, **changed: float) -> None:
        self.ranks[number].say(changed)

    def cable_rate(self, bits_per_second: int) -> None:
        """Of the cable that can congest."""
        self._cable.say(bits_per_second)

    # -- building --------------------------------------------------------------------------------

    def _build(self) -> None:
        fabric = self._fabric = Fabric()
        for host in ("m", "m5", "m7", *SCENES["serving"], *PEERS[1:], "h5", "t0", "t1"):
            fabric.host(host)
        fabric.host("f0", cable=False)
        self._cable = self._program("evaluations.packets.congested_cable", "f0", port_of("f0"))
        self._cable.ready()
        fabric.connect("f0")
        fabric.host("f2")
        fabric.host("f3")
        self.cable_rate(FREE_RATE)
        for number in (0, 1):
            arguments = (str(number), fabric.addresses["t0"], str(RANK_PORT), str(DEVICE_SECONDS))
            self.ranks.append(
                self._program("evaluations.packets.rank", *arguments, namespace=f"t{number}")
            )
        for host in (*PEERS, "h5", *SCENES["ecn"]):
            buffer = (str(SMALL_BUFFER_BYTES),) if host == "b7" else ()
            self._peers[host] = self._program("evaluations.packets.peer", *buffer, namespace=host)
        for peer in self._peers.values():
            peer.ready()
        self._serve()
        # What is compared with the past has one while others are still on their way.
        self._observe()
        self._speak()
        self.serving.begin(PATIENCE_SECONDS)
        for rank, steps in zip(self.ranks, self.steps, strict=True):
            rank.ready(steps.hear)

    def _serve(self) -> None:
        scratch = Path(self._stack.enter_context(tempfile.TemporaryDirectory(prefix="pcm-stage-")))
        self.serving = Serving(self._fabric, scratch)
        self._stack.callback(self.serving.end)
        for worker in SCENES["serving"]:
            feed = Feed()
            if worker in LONG:
                feed = Feed(items=20, item_seconds=0.02, pause_seconds=0.5)
            self.serving.add(worker, MANAGERS.get(worker, "m"), feed)

    def _observe(self) -> None:
        addresses = self._fabric.addresses
        workers = {
            name: addresses[name]
            for scene, names in SCENES.items()
            for name in names
            if scene != "ranks"
        }
        ranks = {f"tp0:{number}": addresses[f"t{number}"] for number in (0, 1)}
        rates = {port_of("b9"): LINE_RATE}
        self.observing = Observing(self._fabric.ports, workers, ranks, rates, KIND, QUIET_SECONDS)
        self._stack.callback(self.observing.end)

    def _speak(self) -> None:
        shaping.limit(port_of("b9"), LINE_RATE)
        shaping.limit(port_of("b5"), FAST_RATE, queue_bytes=4 << 20)
        for number in range(SESSIONS):
            self.ask(f"s3-{number}", "s3")
        self.send("b9", "m")
        for origin, target in (("h5", "b5"), ("h", "b6"), ("h", "b7")):
            self.send(target, origin)
            self.ask(f"with-{target}", target, origin, per_second=50.0)
        for target in ("f2", "f3"):
            self.send(target, "f0")
            self.ask("with-f0", "f0", target, per_second=50.0)

    def _program(self, module: str, *arguments: str, namespace: str | None = None) -> Program:
        program = Program(module, *arguments, namespace=namespace)
        self._stack.callback(program.end)
        return program

    def _do(self, origin: str, target: str, order: dict[str, Any]) -> None:
        self._peers[origin].say({**order, "to": self._fabric.addresses[target]})


def _without(window: Window, signals: set[tuple[str, str]]) -> Window:
    kept = (r for r in window.readings if (window.worker, r.signal) not in signals)
    return window._replace(readings=tuple(kept))
