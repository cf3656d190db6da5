from __future__ import annotations

import time

import pytest

from workers import walltime
from workers.walltime import LEAVES_AT_VARIABLE, leaves_in_seconds


@pytest.mark.parametrize(
    ("told", "seconds"),
    [
        ("1600.5", 600.5),
        ("999", walltime.SHORTEST_SECONDS),
        ("0", walltime.SHORTEST_SECONDS),
        ("", 0.0),
        ("soon", 0.0),
        ("inf", 0.0),
        ("nan", 0.0),
    ],
)
def test_until_it_is_told_to_leave(
    monkeypatch: pytest.MonkeyPatch, told: str, seconds: float
) -> None:
    monkeypatch.setattr(time, "time", lambda: 1000.0)
    monkeypatch.setenv(LEAVES_AT_VARIABLE, told)
    assert leaves_in_seconds() == seconds


def test_nobody_may_know(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(LEAVES_AT_VARIABLE, raising=False)
    assert leaves_in_seconds() == 0.0
