from __future__ import annotations

from math import inf, nan

import pytest

from pcm.telemetry.signals import Reading
from pcm.telemetry.windows import window_of
from workers.protocol import MAX_READINGS, Telemetry

PRESSURE = ("host.cpu_pressure", "", 0.5)


def sent(*readings: tuple[str, str, float], seconds: float = 1.0) -> Telemetry:
    return Telemetry(10.0, seconds, list(readings))


def test_a_window_has_what_the_catalogue_knows() -> None:
    window = window_of("w1", "cpu", sent(PRESSURE, ("gpu.clock_share", "gpu0", 0.9)), 12.0)
    assert window is not None
    assert (window.worker, window.kind, window.end_seconds, window.seconds) == ("w1", "cpu", 12, 1)
    assert window.readings == (Reading(*PRESSURE), Reading("gpu.clock_share", "gpu0", 0.9))


@pytest.mark.parametrize(
    "reading",
    [
        ("host.no_such_thing", "", 1.0),
        ("host.cpu_pressure", "", nan),
        ("host.cpu_pressure", "", inf),
        ("host.cpu_pressure", "", -1.0),
        ("host.cpu_pressure", "gpu0", 0.5),
        ("gpu.clock_share", "", 0.5),
        ("gpu.clock_share", "g" * 65, 0.5),
    ],
)
def test_what_cannot_be_is_left_out(reading: tuple[str, str, float]) -> None:
    assert window_of("w1", "cpu", sent(reading), 12.0) is None
    window = window_of("w1", "cpu", sent(reading, PRESSURE), 12.0)
    assert window is not None
    assert window.readings == (Reading(*PRESSURE),)


@pytest.mark.parametrize("seconds", [0.0, -1.0, nan, 1e9])
def test_a_window_of_an_impossible_length_is_none(seconds: float) -> None:
    assert window_of("w1", "cpu", sent(PRESSURE, seconds=seconds), 12.0) is None


def test_there_is_a_limit_to_readings() -> None:
    window = window_of("w1", "cpu", sent(*[PRESSURE] * (MAX_READINGS + 5)), 12.0)
    assert window is not None
    assert len(window.readings) == MAX_READINGS
