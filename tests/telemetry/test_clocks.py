"""Clocks that are off, drift and are set, over ways of any delay: told rightly, within what is
stated."""

from __future__ import annotations

import random
from dataclasses import dataclass
from math import inf, isinf

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pcm.telemetry.clocks import KEPT, LATE_NEWS, MAX_DRIFT, Clock

BEGIN = 1.7e9
TOLERANCE = 2e-6
"""Floats of seconds since 1970, twice."""

offsets = st.floats(-1e5, 1e5)
drifts = st.floats(-100e-6, 100e-6)
delays = st.floats(0.0, 0.2)


@dataclass
class Other:
    """A clock that shows ``offset`` at the beginning."""

    offset: float
    drift: float

    def shows(self, manager: float) -> float:
        return manager + self.offset + self.drift * (manager - BEGIN)

    def exchange(
        self, clock: Clock, sent: float, there: float, back: float, stays: float = 0.0
    ) -> None:
        arrived = sent + there
        returned = arrived + stays + back
        clock.exchange(sent, self.shows(arrived), self.shows(arrived + stays), returned)

    def wrong_by(self, clock: Clock, manager: float) -> float:
        return abs(clock.to_manager(self.shows(manager)) - manager)


@given(
    offsets,
    drifts,
    st.lists(st.tuples(st.floats(0.001, 20.0), delays, delays, delays), min_size=1, max_size=60),
    st.floats(-30.0, 300.0),
)
def test_the_stated_error_holds_whatever_the_delays_are(
    offset: float, drift: float, ways: list[tuple[float, float, float, float]], later: float
) -> None:
    other, clock, now = Other(offset, drift), Clock(), BEGIN
    for pause, there, back, stays in ways:
        now += pause
        other.exchange(clock, now, there, back, stays)
    assert clock.steps == 0
    for when in (now, now + later):
        assert other.wrong_by(clock, when) <= clock.error_seconds(other.shows(when)) + TOLERANCE


@settings(max_examples=25)
@given(offsets, drifts, st.integers(0, 2**32), st.floats(0.0, 1.0))
def test_a_loopback_is_good_to_a_tenth_of_a_millisecond(
    offset: float, drift: float, seed: int, asymmetry: float
) -> None:
    """Ways of 20 to 60 us and one in five of many milliseconds, on one side more than the other."""
    chance, other, clock = random.Random(seed), Other(offset, drift), Clock()
    for number in range(60):
        held = chance.expovariate(100) if chance.random() < 0.2 else 0.0
        there = chance.uniform(20e-6, 60e-6) + held * asymmetry
        back = chance.uniform(20e-6, 60e-6) + held * (1 - asymmetry)
        other.exchange(clock, BEGIN + number, there, back, 10e-6)
    now = BEGIN + 61
    assert other.wrong_by(clock, now) < 1e-4
    assert clock.error_seconds(other.shows(now)) < 1e-3
    assert clock.drift == pytest.approx(drift, abs=5e-6)


@given(offsets, drifts, st.floats(0.01, 1e4), st.booleans(), st.integers(1, 40))
def test_a_clock_that_is_set_is_learned_anew(
    offset: float, drift: float, step: float, forward: bool, exchanges: int
) -> None:
    other, clock = Other(offset, drift), Clock()
    for number in range(exchanges):
        other.exchange(clock, BEGIN + number, 1e-4, 2e-4)
    assert clock.steps == 0
    other.offset += step if forward else -step
    now = BEGIN + exchanges
    other.exchange(clock, now, 1e-4, 2e-4)
    assert clock.steps == 1
    assert other.wrong_by(clock, now) <= clock.error_seconds(other.shows(now)) < 1e-3
    for number in range(1, 5):
        other.exchange(clock, now + number, 1e-4, 2e-4)
    assert clock.steps == 1


def test_a_clock_that_is_set_during_an_exchange_is_not_believed() -> None:
    clock = Clock()
    assert not clock.exchange(BEGIN, BEGIN + 5, BEGIN + 4, BEGIN + 0.1)
    assert not clock.exchange(BEGIN, BEGIN + 5, BEGIN + 6, BEGIN + 0.1)
    assert not clock.exchange(BEGIN, inf, inf, BEGIN + 0.1)
    assert isinf(clock.error_seconds(BEGIN))
    assert clock.to_manager(BEGIN) == BEGIN


def test_the_error_grows_until_the_next_exchange() -> None:
    other, clock = Other(3.0, 0.0), Clock()
    other.exchange(clock, BEGIN, 1e-3, 1e-3)
    soon, late = (clock.error_seconds(other.shows(BEGIN + after)) for after in (1, 100))
    assert 1e-3 < soon < 2e-3
    assert late - soon == pytest.approx(99 * MAX_DRIFT, rel=0.1)
    other.exchange(clock, BEGIN + 100, 1e-3, 1e-3)
    assert clock.error_seconds(other.shows(BEGIN + 100)) < soon


def test_the_memory_is_bounded_and_reaches_back_minutes() -> None:
    other, clock = Other(1.0, 50e-6), Clock()
    for number in range(2000):
        other.exchange(clock, BEGIN + number / 2, 1e-4, 1e-4)
        assert len(clock._kept) <= KEPT
    assert clock._kept[-1].at_seconds - clock._kept[0].at_seconds > 200
    assert clock.exchanges == 2000


@given(offsets, drifts, st.lists(st.tuples(st.floats(0.0, 30.0), st.floats(0.0, 4.0)), min_size=1))
def test_news_bound_what_a_clock_tells(
    offset: float, drift: float, ways: list[tuple[float, float]]
) -> None:
    """Never told too early; and not later than the news with the shortest way says."""
    other, clock, now = Other(offset, drift), Clock(), BEGIN
    for pause, way in ways:
        now += pause
        clock.news(other.shows(now), now + way)
        assert isinf(clock.error_seconds(now))
        late = clock.to_manager(other.shows(now)) - now
        assert -TOLERANCE <= late <= way + TOLERANCE
    assert clock.steps == 0


def test_news_that_cannot_be_begin_anew() -> None:
    other, clock = Other(0.0, 0.0), Clock()
    other.exchange(clock, BEGIN, 1e-3, 1e-3)
    clock.news(other.shows(BEGIN + 1), BEGIN + 1.5)
    assert clock.error_seconds(BEGIN) < 1
    clock.news(other.shows(BEGIN + 2) + 60, BEGIN + 2)
    assert clock.steps == 1
    assert clock.to_manager(BEGIN + 63) == pytest.approx(BEGIN + 3, abs=0.01)


def test_news_tell_of_a_clock_that_was_set_back_when_they_all_do() -> None:
    clock = Clock()
    clock.news(BEGIN + 100, BEGIN)
    for number in range(LATE_NEWS):
        assert clock.steps == 0
        clock.news(BEGIN + number, BEGIN + number)
    assert clock.steps == 1
    assert clock.to_manager(BEGIN + 9) == pytest.approx(BEGIN + 9, abs=0.01)
