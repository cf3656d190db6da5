"""Real TCP over a wire with real faults: each is seen where, and as, it happened."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial

import numpy as np

from tests.workers.telemetry.observer.packets import A, B
from tests.workers.telemetry.observer.wire import PATIENCE_SECONDS, Wire, is_data, marked
from workers.telemetry.observer.parties import Parties, Rank
from workers.telemetry.observer.readings import readings
from workers.telemetry.observer.ring import Ring
from workers.telemetry.observer.sighting import Sighting
from workers.telemetry.observer.tally import Count
from workers.telemetry.observer.watch import Watch

FROM_A, FROM_B = (1, 2), (2, 1)
LONG_AFTER_NS = 3_600_000_000_000


class Watching:
    """A port, and what was seen there."""

    def __init__(self, ring: Ring, parties: Parties | None = None) -> None:
        self._ring = ring
        self._parties = parties or Parties({"w1": [A], "w2": [B]}, {})
        # One window for all, however long the test takes.
        self.watch = Watch(self._parties, window_seconds=3600.0)

    def look(self) -> None:
        """At what has come until now."""
        while (packets := self._ring.take()) is not None:
            assert self.watch.add(packets) == []

    def until(self, true: Callable[[], bool]) -> None:
        """Looks until it is true."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not true():
            assert time.monotonic() < deadline
            self.look()
            time.sleep(0.005)

    def count(self, which: Count, pair: tuple[int, int]) -> int:
        """So far, of what goes from one to the other."""
        self.look()
        tally = self.watch._tally
        rows = np.arange(len(tally.party))
        chosen = (tally.party == pair[0]) & (tally.party[rows ^ 1] == pair[1])
        return int(tally.rows[chosen, which].sum())

    def end(self) -> Sighting:
        self.look()
        self._ring.count_drops()
        assert self._ring.dropped == 0
        return self.watch.close(time.time_ns() + LONG_AFTER_NS)[0]

    def values(self, worker: str) -> dict[tuple[str, str], float]:
        found = readings(self.end(), self._parties, ["pa"], {})
        return {(signal, place): value for signal, place, value in found[worker]}


class Fates:
    """All frames pass but a chosen one of host ``a`` with payload, by its number from 0."""

    def __init__(self, chosen: int, what: str) -> None:
        self._chosen, self._what = chosen, what
        self._number = -1
        self._held: bytes | None = None
        self.befell = threading.Event()

    def __call__(self, frame: bytes, host: str) -> list[bytes]:
        if host != "a" or not is_data(frame):
            return [frame]
        self._number += 1
        if self._held is not None:
            held, self._held = self._held, None
            self.befell.set()
            return [frame, held]
        if self._number != self._chosen:
            return [frame]
        if self._what == "overtaken":
            self._held = frame
            return []
        self.befell.set()
        return {"lost": [], "doubled": [frame, frame], "marked": [marked(frame)]}[self._what]


def send(wire: Wire, count: int = 8, size: int = 1000) -> None:
    """Messages from ``a`` to ``b``, of a segment each, and all of them arrive."""
    at_a, at_b = wire.connected()
    for _ in range(count):
        at_a.sendall(b"s" * size)
    left = count * size
    while left:
        left -= len(at_b.recv(left))


def counts(watching: Watching) -> dict[Count, int]:
    watched = (Count.RETRANSMITS, Count.OUT_OF_ORDER, Count.DUPLICATES, Count.MARKS)
    return {which: watching.count(which, FROM_A) for which in watched}


def enough(watching: Watching) -> bool:
    """All that ``send`` sends."""
    return watching.count(Count.PAYLOAD, FROM_A) >= 8000


def observed(what: str) -> tuple[dict[Count, int], dict[Count, int]]:
    """Counts ahead of where it happened, and behind."""
    fates = Fates(3, what)
    with Wire(fates) as wire:
        ahead, behind = Watching(wire.ring("pa")), Watching(wire.ring("pb"))
        send(wire)
        assert fates.befell.wait(PATIENCE_SECONDS)
        for one in (ahead, behind):
            one.until(partial(enough, one))
            assert one.count(Count.RETRANSMITS, FROM_B) == 0
        return counts(ahead), counts(behind)


def test_a_lost_segment_is_sent_again_whether_it_was_seen_before_or_not() -> None:
    for seen in observed("lost"):
        assert seen[Count.RETRANSMITS] >= 1
        assert seen[Count.OUT_OF_ORDER] == seen[Count.DUPLICATES] == 0


def test_what_the_network_doubles_is_no_retransmission() -> None:
    ahead, behind = observed("doubled")
    assert set(ahead.values()) == {0}
    assert behind[Count.DUPLICATES] == 1
    assert behind[Count.OUT_OF_ORDER] == behind[Count.RETRANSMITS] == 0


def test_what_was_overtaken_is_out_of_order_behind_and_not_ahead() -> None:
    ahead, behind = observed("overtaken")
    assert behind[Count.OUT_OF_ORDER] == 1
    assert ahead[Count.OUT_OF_ORDER] == ahead[Count.DUPLICATES] == 0


def test_marks_of_congestion_are_counted_behind_where_they_were_made() -> None:
    ahead, behind = observed("marked")
    assert ahead[Count.MARKS] == 0
    assert behind[Count.MARKS] == 1


def test_a_queue_that_is_too_short_loses_and_all_of_it_is_sent_again() -> None:
    with Wire(lambda frame, host: [frame]) as wire:
        # Losses happen at ``a`` itself, ahead of all that is seen here.
        wire.a.run("tc qdisc add dev eth0 root tbf rate 20mbit burst 4k limit 6k")
        seen = Watching(wire.ring("pa"))
        at_a, at_b = wire.connected()
        sender = threading.Thread(target=at_a.sendall, args=(b"s" * 500_000,))
        sender.start()
        left = 500_000
        while left:
            left -= len(at_b.recv(left))
        sender.join()
        seen.until(lambda: seen.count(Count.PAYLOAD, FROM_A) >= 500_000)
        assert seen.count(Count.RETRANSMITS, FROM_A) > 0
        assert seen.values("w1")["fabric.naks_per_second", "pa>w2"] > 0


def test_a_receiver_that_does_not_read_closes_its_window() -> None:
    with Wire() as wire:
        seen = Watching(wire.ring("pa"))
        at_a, at_b = wire.connected()
        at_a.settimeout(0.0)

        def closed() -> bool:
            with suppress(BlockingIOError):
                at_a.send(b"s" * 65536)
            return seen.count(Count.CLOSED, FROM_A) > 0

        seen.until(closed)
        at_b.setblocking(False)

        def opened() -> bool:
            with suppress(BlockingIOError):
                at_b.recv(1 << 20)
            return seen.count(Count.CLOSED_NS, FROM_A) > 0

        seen.until(opened)
        assert seen.values("w1")["fabric.stall_share", "pa>w2"] > 0


def test_what_is_not_acknowledged_is_backlog_and_no_payload_was_ever_seen() -> None:
    secret = b"no observer may see this " * 40
    deaf = threading.Event()
    with Wire(lambda frame, host: [] if host == "b" and deaf.is_set() else [frame]) as wire:
        ring = wire.ring("pa")
        seen = Watching(ring)
        at_a, at_b = wire.connected()
        deaf.set()
        at_a.sendall(secret)
        assert at_b.recv(1) == secret[:1]
        seen.until(lambda: seen.count(Count.PAYLOAD, FROM_A) >= len(secret))
        assert secret[:25] not in ring._memory[:]
        found = seen.values("w1")
        assert found["egress.backlog_bytes", ""] == len(secret)
        deaf.clear()


def test_a_slow_way_back_is_in_the_round_trip() -> None:
    """A lower bound: how busy the machine is can only add to it."""
    slow_seconds = 0.05

    def late(frame: bytes, host: str) -> list[bytes]:
        if host == "b":
            time.sleep(slow_seconds)
        return [frame]

    with Wire(late) as wire:
        seen = Watching(wire.ring("pa"))
        send(wire, count=2)
        at_a, _ = wire.connected()
        at_a.sendall(b"s")
        seen.until(lambda: seen.watch._round_trips._count >= 3)
        assert seen.values("w1")["fabric.latency_seconds", "pa>w2"] >= slow_seconds


def test_datagrams_with_marks_are_seen_and_requests_of_strangers_too() -> None:
    with Wire() as wire:
        seen = Watching(wire.ring("pb"))
        datagrams = wire.a.within(lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        with datagrams:
            datagrams.setsockopt(socket.IPPROTO_IP, socket.IP_TOS, 3)
            for _ in range(5):
                datagrams.sendto(b"u" * 100, (B, 9))
        seen.until(lambda: seen.count(Count.MARKS, FROM_A) == 5)
        assert seen.count(Count.PAYLOAD, FROM_A) == 500


def test_a_rank_that_comes_late_to_every_exchange_is_named() -> None:
    work_seconds, late_seconds, exchanges = 0.01, 0.03, 12
    parties = Parties({}, {Rank("tp0", 0): A, Rank("tp0", 1): B})
    with Wire() as wire:
        seen = Watching(wire.ring("pa"), parties)
        at_a, at_b = wire.connected()

        def exchange(mine: socket.socket, work: float) -> None:
            for _ in range(exchanges):
                time.sleep(work)
                mine.sendall(b"t" * 2000)
                left = 2000
                while left:
                    left -= len(mine.recv(left))

        other = threading.Thread(target=exchange, args=(at_b, work_seconds + late_seconds))
        other.start()
        exchange(at_a, work_seconds)
        other.join()
        seen.until(lambda: seen.count(Count.PAYLOAD, FROM_B) >= 2000 * exchanges)
        sighting = seen.end()
        found = {
            (signal, place): value
            for rank in ("tp0:0", "tp0:1")
            for signal, place, value in readings(sighting, parties, ["pa"], {})[rank]
        }
    assert found["collective.last_share", "tp0:1"] > 0.8
    assert found["collective.late_seconds", "tp0:1"] > late_seconds / 2
    assert found["collective.late_seconds", "tp0:0"] == 0
