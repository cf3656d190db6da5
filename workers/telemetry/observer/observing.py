"""The observer at work: takes packets from the rings, and writes a line for all that it saw.

Every line is a JSON object with a ``kind``: ``ready`` once at the beginning; for each window
``observer`` (what it saw, what it could not see or keep, what it cost) and, for each worker,
``window`` (the readings as the protocol's Telemetry has them); ``request`` for each that is over;
``flow`` for the busiest flows, if asked for.
"""

from __future__ import annotations

import os
import select
import signal
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import msgspec

from workers.protocol import Telemetry
from workers.telemetry.observer.headers import Packets
from workers.telemetry.observer.readings import evenness, readings, telemetry
from workers.telemetry.observer.ring import FRAME_BYTES, Ring
from workers.telemetry.observer.sighting import Sighting
from workers.telemetry.observer.watch import Watch

LEAST_SECONDS, GREATEST_SECONDS = 0.002, 0.1
"""For so long packets are let come together: handling many costs hardly more than handling one. The
ring, as large as it is by default, takes 650,000 packets a second in the longer one."""
FULL_SHARE = 0.1
"""Of a ring: with more in it after that time, less is waited."""
GRACE_NS = 20_000_000
"""A window is closed so long after its end: a packet is in the ring a moment after its time."""
MAX_TURNS = 64

Write = Callable[[bytes], object]
Send = Callable[[str, Telemetry], object]
"""Takes what was seen of a worker in a window."""


class Observing:
    def __init__(
        self,
        rings: Sequence[Ring],
        watch: Watch,
        write: Write,
        line_bytes_per_second: Mapping[str, float],
        send: Send | None = None,
    ) -> None:
        self._rings = rings
        self._watch = watch
        self._write = write
        self._send = send
        self._lines = line_bytes_per_second
        self._interfaces = [ring.interface for ring in rings]
        self._told = {"packets": 0, "dropped": 0, "unnamed": 0, "evicted": 0, "samples_dropped": 0}
        self._cpu_seconds = time.process_time()

    def run(self, window_seconds: float) -> None:
        """Until a signal says so."""
        self._line("ready", interfaces=self._interfaces, ring_bytes=[r.bytes for r in self._rings])
        window_ns, interval = round(window_seconds * 1e9), GREATEST_SECONDS
        with _stop_signals() as stopped:
            poll = select.poll()
            poll.register(stopped, select.POLLIN)
            for ring in self._rings:
                poll.register(ring, select.POLLIN)
            while True:
                now = time.time_ns() - GRACE_NS
                rest = (window_ns - now % window_ns) / 1e6
                ready = [number for number, _ in poll.poll(rest + 1)]
                if stopped in ready:
                    return
                if ready:
                    time.sleep(interval)
                    faster = self._drain() > FULL_SHARE
                    interval *= 0.5 if faster else 1.5
                    interval = min(max(interval, LEAST_SECONDS), GREATEST_SECONDS)
                self._tell(self._watch.close(time.time_ns() - GRACE_NS))

    def _drain(self) -> float:
        """All that is in the rings, but so many turns at most, lest signals wait. Gives how much of
        the rings they filled together."""
        share = 0.0
        for _ in range(MAX_TURNS):
            parts: list[Packets] = [
                part for ring in self._rings if (part := ring.take()) is not None
            ]
            if not parts:
                break
            share += sum(map(len, parts)) * FRAME_BYTES / sum(ring.bytes for ring in self._rings)
            self._tell(self._watch.add(Packets.joined(parts)))
        return share

    def _tell(self, sightings: list[Sighting]) -> None:
        for sighting in sightings:
            self._tell_of_itself(sighting)
            found = readings(sighting, self._watch.parties, self._interfaces, self._lines)
            for party, worker in enumerate(self._watch.parties.names[1:], 1):
                told = telemetry(sighting, found[worker])
                if self._send is not None:
                    self._send(worker, told)
                self._line(
                    "window",
                    worker=worker,
                    **msgspec.structs.asdict(told),
                    bursts=evenness(sighting, party),
                )
            for party, flow, request in sighting.ended:
                name = [self._watch.flows.name(2 * flow), self._watch.flows.name(2 * flow + 1)]
                worker = self._watch.parties.names[party]
                self._line("request", worker=worker, flow=name, **request._asdict())
            for flow_of in sighting.busiest:
                self._line("flow", end_seconds=sighting.end_ns / 1e9, **flow_of)

    def _tell_of_itself(self, sighting: Sighting) -> None:
        for ring in self._rings:
            ring.count_drops()
        now = {
            "packets": self._watch.packets,
            "dropped": sum(ring.dropped for ring in self._rings),
            "unnamed": self._watch.unnamed,
            "evicted": self._watch.flows.evicted,
            "samples_dropped": self._watch.dropped,
        }
        cpu_seconds = time.process_time()
        self._line(
            "observer",
            end_seconds=sighting.end_ns / 1e9,
            seconds=sighting.seconds,
            **{name: value - self._told[name] for name, value in now.items()},
            flows=len(self._watch.flows),
            cpu_seconds=cpu_seconds - self._cpu_seconds,
            behind_seconds=max(0.0, time.time() - sighting.end_ns / 1e9),
        )
        self._told, self._cpu_seconds = now, cpu_seconds

    def _line(self, kind: str, **values: Any) -> None:
        self._write(msgspec.json.encode({"kind": kind, **values}) + b"\n")


@contextmanager
def _stop_signals() -> Iterator[int]:
    """A descriptor that can be read once SIGTERM or SIGINT has come."""
    readable, writable = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    before = {
        number: signal.signal(number, lambda *_: None) for number in (signal.SIGTERM, signal.SIGINT)
    }
    signal.set_wakeup_fd(writable)
    try:
        yield readable
    finally:
        signal.set_wakeup_fd(-1)
        for number, handler in before.items():
            signal.signal(number, handler)
        os.close(readable)
        os.close(writable)
