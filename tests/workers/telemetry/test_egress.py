"""Results wait for a reader that stands still: a worker says so, and the runbook knows that."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from pcm.telemetry.runbook import Detector
from pcm.telemetry.signals import Reading, Window
from tests.workers.host import user_code
from tests.workers.host.driver import DEADLINE_SECONDS, Worker, define, load, run
from workers.host.__main__ import SocketUpstream
from workers.host.link import Link
from workers.host.loop import Loop
from workers.protocol import BatchEnd, ItemResult, Telemetry
from workers.telemetry.batches import BatchSignals
from workers.telemetry.counted_outlet import CountedOutlet

LARGE_BYTES = 1 << 20
"""More than a socket holds."""


class Egress:
    """An outlet over a real socket, and its reader."""

    def __init__(self) -> None:
        ours, theirs = socket.socketpair()
        self.loop, self.reader = Loop(), Link(theirs)
        self.batches = BatchSignals()
        self.upstream = SocketUpstream(self.loop, ours)
        self.outlet = CountedOutlet(self.loop, self.upstream.send, self.batches)
        self.loop.after_turn = self.outlet.flush
        self._begun = time.monotonic()
        self._seconds = 0

    def close(self) -> None:
        self.upstream.link.close()
        self.reader.close()
        self.loop.close()

    def make(self, size: int) -> None:
        self.outlet.results(1, [ItemResult(0, 0.0, bytes(size))])
        self.outlet.report(BatchEnd(1, "done"))
        self.loop.turn(0.0)

    def window(self) -> Window:
        """A second is over, whatever the clock says."""
        self._seconds += 1
        readings = [Reading(*one) for one in self.batches.read(self._begun + self._seconds)]
        # As its connection has it, of which Unix sockets tell nothing.
        backlog = 1e3 + len(self.batches._waiting) * LARGE_BYTES
        readings.append(Reading("egress.backlog_bytes", "", backlog))
        return Window("w", "k", 1e9 + self._seconds, 1.0, tuple(readings))


@pytest.fixture
def egress() -> Iterator[Egress]:
    made = Egress()
    yield made
    made.close()


def test_what_the_socket_does_not_take_has_not_left(egress: Egress) -> None:
    egress.make(100)
    assert not egress.batches._waiting
    egress.make(LARGE_BYTES)
    egress.make(100)
    assert len(egress.batches._waiting) == 2
    while egress.batches._waiting:
        egress.reader.receive()
        egress.loop.turn(DEADLINE_SECONDS)
    assert not egress.upstream.link.unsent
    assert len(egress.batches._delays) == 3


def test_the_runbook_finds_a_reader_that_stands_still(egress: Egress) -> None:
    detector = Detector()
    for _ in range(60):
        egress.make(100)
        egress.reader.receive()
        assert detector.observe([egress.window()]) == []
    found = []
    for _ in range(15):
        egress.make(LARGE_BYTES)
        found += detector.observe([egress.window()])
    assert [finding.condition for finding in found if finding.is_root][:1] == ["NS5"]
    assert found[0].evidence["egress.delay_seconds:past_ratio"] > 10


def test_a_worker_tells_how_long_its_results_waited(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PCM_TELEMETRY_SECONDS", "0.05")
    made = tmp_path / "made"
    with Worker(tmp_path) as worker:
        worker.send(
            load(user_code.constant, str(made)), define(large_results), run(1, [LARGE_BYTES] * 4)
        )
        deadline = time.monotonic() + DEADLINE_SECONDS
        while not made.exists():
            assert time.monotonic() < deadline
            time.sleep(0.01)
        stood_still_seconds = 0.2
        time.sleep(stood_still_seconds)
        worker.wait(BatchEnd, batch=1)
        delay = 0.0
        while delay < stood_still_seconds:
            delay = dict(_signals(worker.wait(Telemetry))).get("egress.delay_seconds", 0.0)


def large_results(path: str, items: list[int]) -> Iterator[bytes]:
    from pathlib import Path

    for size in items:
        yield bytes(size)
    Path(path).touch()


def _signals(window: Telemetry) -> list[tuple[str, float]]:
    return [(signal, value) for signal, _, value in window.readings]
