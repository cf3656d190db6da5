"""The evaluation of clocks: it runs, and knows by itself how far what is told is off."""

from __future__ import annotations

import pytest

from evaluations.clocks.skewed import Skewed
from tests.evaluations import program


def test_it_prints_its_figures() -> None:
    printed = program.quick("clocks", timeout_seconds=100)
    exchanged, seen = printed["figures"]["exchanges"], printed["figures"]["matched_events"]
    assert exchanged["checks"] > 0
    # Off by nothing like the offset of seconds: what is compared is the right thing.
    assert 0 < exchanged["off_milliseconds"]["median"] < 1000
    assert exchanged["within_stated_share"] == 1.0
    assert 0 < seen["seen"] < seen["events"]
    assert 0 < seen["off_milliseconds"] < 1000
    program.assert_complete(printed["targets"], 3)


def test_a_skewed_clock() -> None:
    clock = Skewed(5.0, 50e-6, since=1000.0)
    assert clock.shows(1000.0) == 1005.0
    assert clock.shows(2000.0) == pytest.approx(2005.05)
