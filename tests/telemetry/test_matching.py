"""Events that two sides saw, matched without numbers: right to a fraction of a millisecond, and not
matched where they could be matched in several ways."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pcm.telemetry.matching import Matched, match

BEGIN = 1.7e9
SPAN_SECONDS = 60.0


def seen(
    seed: int,
    offset: float,
    drift: float,
    *,
    events: int = 300,
    jitter: float = 0.3e-3,
    lost: float = 0.1,
    extra: float = 0.1,
) -> tuple[list[float], list[float]]:
    """Theirs and ours, shuffled; one in twenty was seen very late by one side."""
    chance = random.Random(seed)
    times = sorted(chance.uniform(0, SPAN_SECONDS) for _ in range(events))
    theirs, ours = [], []
    for time in times:
        late = chance.expovariate(50) if chance.random() < 0.05 else 0.0
        if chance.random() >= lost:
            theirs.append(BEGIN + time + offset + drift * time + chance.gauss(0, jitter) + late)
        if chance.random() >= lost:
            ours.append(BEGIN + time + chance.gauss(0, jitter))
    for side, ahead in ((theirs, offset), (ours, 0.0)):
        side += [
            BEGIN + ahead + chance.uniform(0, SPAN_SECONDS) for _ in range(int(extra * events))
        ]
        chance.shuffle(side)
    return theirs, ours


def wrong_by(matched: Matched, offset: float, drift: float) -> float:
    """The worst within the time of the events."""
    return max(
        abs(matched.to_ours(BEGIN + time + offset + drift * time) - (BEGIN + time))
        for time in (0.0, SPAN_SECONDS / 2, SPAN_SECONDS)
    )


@settings(max_examples=15)
@given(st.integers(0, 2**32), st.floats(-55, 55), st.floats(-100e-6, 100e-6))
def test_offset_and_drift_are_found_though_events_are_lost_and_others_come(
    seed: int, offset: float, drift: float
) -> None:
    matched = match(*seen(seed, offset, drift), jitter_seconds=1e-3)
    assert matched is not None
    wrong = wrong_by(matched, offset, drift)
    assert wrong < 5e-4
    assert wrong < 2 * matched.error_seconds
    assert matched.residual_seconds == pytest.approx(0.3e-3 * 2**0.5, rel=0.35)
    assert 200 <= matched.pairs <= 300


def test_half_of_the_events_may_be_missing_on_each_side() -> None:
    theirs, ours = seen(3, 5.0, 50e-6, events=600, lost=0.3, extra=0.0)
    matched = match(theirs, ours)
    assert matched is not None
    assert wrong_by(matched, 5.0, 50e-6) < 5e-4


def test_sides_that_saw_different_whiles_are_matched_where_both_looked() -> None:
    theirs, ours = seen(4, -7.0, 20e-6)
    until = BEGIN + SPAN_SECONDS * 2 / 3
    since = BEGIN + SPAN_SECONDS / 3
    matched = match([t for t in theirs if t + 7 > since], [t for t in ours if t < until])
    assert matched is not None
    assert wrong_by(matched, -7.0, 20e-6) < 1e-3


def test_a_long_while_with_few_events() -> None:
    """Twenty minutes: a drift moves the offset by many times the jitter."""
    chance = random.Random(5)
    times = sorted(chance.uniform(0, 1200) for _ in range(400))
    theirs = [BEGIN + 2 + time * (1 - 80e-6) + chance.gauss(0, 3e-4) for time in times]
    matched = match(theirs, [BEGIN + time for time in times])
    assert matched is not None
    assert matched.drift == pytest.approx(-80e-6, abs=1e-6)
    assert matched.to_ours(BEGIN + 2 + 600 * (1 - 80e-6)) == pytest.approx(BEGIN + 600, abs=1e-4)


def test_many_events_are_matched_by_the_last() -> None:
    theirs, ours = seen(6, 1.0, 10e-6, events=3000)
    matched = match(theirs, ours, jitter_seconds=0.5e-3, within_seconds=5.0)
    assert matched is not None
    late = matched.to_ours(BEGIN + SPAN_SECONDS + 1.0 + SPAN_SECONDS * 10e-6)
    assert late == pytest.approx(BEGIN + SPAN_SECONDS, abs=3e-4)


def test_where_to_look_may_be_told() -> None:
    theirs, ours = seen(7, 3000.0, 0.0)
    assert match(theirs, ours) is None
    matched = match(theirs, ours, about_seconds=3001.0, within_seconds=2.0)
    assert matched is not None
    assert wrong_by(matched, 3000.0, 0.0) < 3e-4


def test_a_regular_rhythm_is_not_matched() -> None:
    rhythm = [BEGIN + number * 0.25 for number in range(400)]
    assert match([time + 5 for time in rhythm], rhythm) is None


@settings(max_examples=10)
@given(st.integers(0, 2**32))
def test_events_that_have_nothing_to_do_with_each_other_are_not_matched(seed: int) -> None:
    theirs, ours = seen(seed, 0.0, 0.0)[0], seen(seed + 1, 0.0, 0.0)[1]
    assert match(theirs, ours) is None


def test_dense_events_that_meet_by_chance_are_not_matched() -> None:
    """Where one offset only is looked for, no other offset tells that it is chance."""
    theirs, ours = (seen(seed, 0.0, 0.0, events=1500)[side] for seed, side in ((8, 0), (9, 1)))
    assert match(theirs, ours, within_seconds=0.002) is None


def test_few_events_tell_nothing() -> None:
    assert match([BEGIN + 1.0] * 3, [BEGIN] * 3) is None
    assert match([], []) is None
