from __future__ import annotations

import math
import threading
from collections.abc import Callable
from pathlib import Path
from typing import ClassVar

import pytest

from pcm.telemetry.signals import SIGNALS
from tests.workers.telemetry.catalogue import checked
from workers.host.loop import Loop
from workers.protocol import MAX_READINGS, Telemetry
from workers.telemetry import prometheus, sources, tcp_info
from workers.telemetry.background import BackgroundSampler
from workers.telemetry.base import Reading, Sampler
from workers.telemetry.batches import BatchSignals
from workers.telemetry.host import Host
from workers.telemetry.mlx5 import Mlx5
from workers.telemetry.net import Net
from workers.telemetry.null import Null
from workers.telemetry.nvml import Nvml
from workers.telemetry.pressure import Pressure
from workers.telemetry.replay import Replay
from workers.telemetry.sampling import PERIOD_SECONDS, Sampling, period

PERIOD = 0.001
SAMPLERS: tuple[type[Sampler], ...] = (
    BatchSignals,
    Host,
    Mlx5,
    Net,
    Null,
    Nvml,
    Pressure,
    prometheus.Prometheus,
    tcp_info.TcpInfo,
)


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_all_that_a_sampler_may_give_is_in_the_catalogue(sampler: type[Sampler]) -> None:
    assert sampler.signals <= SIGNALS.keys()


class Told(Sampler):
    """Gives what it was told, or raises it."""

    signals: ClassVar[frozenset[str]] = frozenset(("a", "b"))

    def __init__(self, *says: list[Reading] | Exception) -> None:
        self.says = list(says)
        self.closed = 0

    def read(self, now_seconds: float) -> list[Reading]:
        says = self.says.pop(0) if len(self.says) > 1 else self.says[0]
        if isinstance(says, Exception):
            raise says
        return says

    def close(self) -> None:
        self.closed += 1


def windows(count: int, *own: Sampler, find: list[Sampler] | None = None) -> list[Telemetry]:
    """The first ones that are reported."""
    loop = Loop()
    reported: list[Telemetry] = []

    def report(window: Telemetry) -> None:
        reported.append(window)
        if len(reported) == count:
            loop.stop()

    sampling = Sampling(loop, report, *own, period_seconds=PERIOD, find=lambda _: find or [])
    sampling.start()
    loop.run()
    sampling.close()
    sampling.close()
    loop.close()
    return reported


def test_samplers_are_read_once_a_period() -> None:
    first, second = Told([("a", "", 1.0)]), Told([("a", "", 9.0), ("b", "x", 2.0)])
    found = windows(3, first, find=[second])
    assert len(found) == 3
    for window in found:
        assert window.readings == [
            ("a", "", 1.0),
            ("b", "x", 2.0),
        ]  # The first that gives it counts.
        assert window.seconds > 0
    assert found[0].end_seconds < found[1].end_seconds < found[2].end_seconds
    assert first.closed == second.closed == 1


def test_one_that_fails_ends_alone_and_is_told_once(capfd: pytest.CaptureFixture[str]) -> None:
    failing = Told([("a", "", 1.0)], OSError("gone"))
    found = windows(3, failing, Told([("b", "", 2.0)]))
    assert [len(window.readings) for window in found] == [2, 1, 1]
    assert capfd.readouterr().err.count("gone") == 1
    assert failing.closed == 1


def test_only_finite_values_and_not_too_many() -> None:
    many: list[Reading] = [("a", f"gpu{number}", 1.0) for number in range(MAX_READINGS + 5)]
    (window,) = windows(1, Told([("a", "", math.nan), ("b", "", math.inf), *many]))
    assert len(window.readings) == MAX_READINGS
    assert ("a", "", math.nan) not in window.readings
    assert {place for _, place, _ in window.readings} <= {place for _, place, _ in many}


def test_nothing_to_tell_is_not_told() -> None:
    (window,) = windows(1, Told([], [], [("a", "", 1.0)]))
    assert window.readings == [("a", "", 1.0)]


def test_none_that_can_be_found_leaves_the_own(capfd: pytest.CaptureFixture[str]) -> None:
    loop = Loop()
    reported: list[Telemetry] = []

    def find(period_seconds: float) -> list[Sampler]:
        raise RuntimeError("a broken driver")

    sampling = Sampling(
        loop,
        lambda window: (reported.append(window), loop.stop())[0],
        Told([("a", "", 1.0)]),
        period_seconds=PERIOD,
        find=find,
    )
    sampling.add(Told([("b", "", 2.0)]))
    sampling.start()
    loop.run()
    sampling.close()
    loop.close()
    assert reported[0].readings == [("a", "", 1.0), ("b", "", 2.0)]
    assert "a broken driver" in capfd.readouterr().err


def test_turned_off_or_stopped_it_does_nothing() -> None:
    for seconds in (0.0, PERIOD):
        loop = Loop()
        told: list[Telemetry] = []
        own = Told([("a", "", 1.0)])
        sampling = Sampling(loop, told.append, own, period_seconds=seconds, find=lambda _: [])
        sampling.start()
        if seconds:
            sampling.stop()
        loop.call_later(20 * PERIOD, loop.stop)
        loop.run()
        sampling.close()
        loop.close()
        assert told == []
        assert own.closed == 1


def test_the_period(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    monkeypatch.delenv("PCM_TELEMETRY_SECONDS", raising=False)
    assert period() == PERIOD_SECONDS
    monkeypatch.setenv("PCM_TELEMETRY_SECONDS", "2.5")
    assert period() == 2.5
    assert period("0") == 0.0
    assert capfd.readouterr().err == ""
    for nonsense in ("often", "-1", "nan", "inf"):
        assert period(nonsense) == PERIOD_SECONDS
        assert nonsense in capfd.readouterr().err


def test_windows_are_recorded_and_can_be_replayed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "windows.jsonl"
    monkeypatch.setenv("PCM_TELEMETRY_RECORD", str(path))
    windows(2, Told([("a", "", 1.0)], [("a", "", 2.0)]))
    (replay,) = sources.found(1.0, {"PCM_TELEMETRY_REPLAY": str(path)})
    assert replay.read(0.0) == [("a", "", 1.0)]
    assert replay.read(10.0) == [("a", "", 2.0)]


def test_a_recording_that_cannot_be_read(capfd: pytest.CaptureFixture[str]) -> None:
    (sampler,) = sources.found(1.0, {"PCM_TELEMETRY_REPLAY": "/nowhere"})
    assert isinstance(sampler, Null)
    assert sampler.read(0.0) == []
    assert "/nowhere" in capfd.readouterr().err


def test_this_machine() -> None:
    samplers = sources.found(1.0, {})
    plain = [sampler for sampler in samplers if not isinstance(sampler, BackgroundSampler | Replay)]
    assert any(isinstance(sampler, Host) for sampler in plain)
    for sampler in plain:
        sampler.read(0.0)
    for sampler in plain:
        checked(sampler, sampler.read(1.0))
    for sampler in samplers:
        sampler.close()


def test_exporters_are_asked_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = threading.Event()

    def fetch(url: str) -> str:
        asked.set()
        return 'DCGM_FI_DEV_GPU_UTIL{gpu="0"} 50\n'

    monkeypatch.setattr(prometheus, "fetched", fetch)
    environment = {"PCM_TELEMETRY_URLS": " http://127.0.0.1:1/metrics, "}
    samplers = sources.found(0.001, environment)
    assert asked.wait(10)
    (apart,) = (each for each in samplers if isinstance(each, BackgroundSampler))
    for sampler in samplers:
        sampler.close()
    assert apart.read(0.0) == [("gpu.busy_share", "gpu0", 0.5)]
    assert apart.read(0.0) == []


def test_a_slow_sampler_is_never_waited_for() -> None:
    begun, go_on = threading.Event(), threading.Event()

    class Slow(Sampler):
        signals: ClassVar[frozenset[str]] = frozenset()

        def read(self, now_seconds: float) -> list[Reading]:
            begun.set()
            go_on.wait(10)
            return [("a", "", 1.0)]

    slow = BackgroundSampler("slow", Slow, PERIOD)
    assert begun.wait(10)
    assert slow.read(0.0) == []
    go_on.set()
    slow.close()
    assert slow.read(0.0) == [("a", "", 1.0)]


@pytest.mark.parametrize("find", [lambda: None, lambda: Told(OSError("gone"))])
def test_one_apart_that_is_absent_or_fails(find: Callable[[], Sampler | None]) -> None:
    apart = BackgroundSampler("absent", find, PERIOD)
    apart._thread.join(10)
    if find() is None:
        assert apart.read(0.0) == []
    else:
        with pytest.raises(OSError, match="gone"):
            apart.read(0.0)
    apart.close()
