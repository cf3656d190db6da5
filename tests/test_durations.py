from __future__ import annotations

import pytest

from pcm.durations import counted, duration, rate


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.04, "0.0 s"),
        (9.94, "9.9 s"),
        (59.4, "59 s"),
        (59.6, "1 min 0 s"),
        (200, "3 min 20 s"),
        (7260, "2 h 1 min"),
        (2 * 86400 + 4 * 3600 + 59, "2 d 4 h"),
    ],
)
def test_durations(seconds: float, text: str) -> None:
    assert duration(seconds) == text


@pytest.mark.parametrize(
    ("per_second", "text"),
    [
        (12345.6, "12,346/s"),
        (1.25, "1.2/s"),
        (0.5, "30.0/min"),
        (0.001, "3.6/h"),
        (0.00001, "0.0/h"),
    ],
)
def test_rates(per_second: float, text: str) -> None:
    assert rate(per_second) == text


def test_counts() -> None:
    assert counted(1, "item") == "1 item"
    assert counted(1200, "item") == "1,200 items"
