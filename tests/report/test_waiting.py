"""Counting by arrays comes to the same as counting one by one."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pcm.report.waiting import Waiting, WaitingTime

ITEMS = 8
BATCHES = st.integers(0, 3)
SOME = st.sets(st.integers(0, ITEMS - 1), min_size=1)
STEPS = st.lists(
    st.tuples(
        st.integers(1, 5),
        st.one_of(
            st.tuples(st.just("take"), SOME),
            st.tuples(st.just("return"), BATCHES),
            st.tuples(st.just("decide"), SOME),
            st.tuples(st.just("reopen"), SOME),
            st.tuples(st.just("pause"), st.booleans()),
        ),
    ),
    max_size=30,
)


@given(STEPS)
def test_waiting_is_what_has_no_result_and_is_in_no_batch(
    steps: list[tuple[int, tuple[str, set[int] | int | bool]]],
) -> None:
    waiting = Waiting()
    waiting.added(ITEMS, 0.0)
    batches: list[set[int]] = []
    done: set[int] = set()
    at, seconds = 0, 0
    waits, rests = True, False
    for pause, (what, which) in steps:
        at += pause
        seconds += pause * waits
        if isinstance(which, bool):
            rests = which
            waiting.paused(at, rests=rests)
        elif isinstance(which, int):
            if which < len(batches):
                waiting.returned(np.array(sorted(batches.pop(which))), at)
        elif what == "take":
            batches.append(which)
            waiting.taken(np.array(sorted(which)), ITEMS, at)
        elif what == "reopen":
            waiting.reopened(np.array(sorted(which & done), int), at)
            done -= which
        else:
            done |= which
            waiting.decided(np.array(sorted(which)), at)
        waits = not rests and len(done | set().union(*batches)) < ITEMS
        assert waiting.time.within(0, at) == seconds
    assert waiting.time.within(at, at + 7) == 7 * waits


def test_any_two_times_may_be_asked_for() -> None:
    time = WaitingTime()
    for at, waits in ((2.0, True), (3.0, True), (5.0, False), (9.0, True)):
        time.changed(at, waits=waits)
    assert time.within(0.0, 1.0) == 0.0
    assert time.within(1.0, 4.0) == pytest.approx(2.0)
    assert time.within(4.0, 10.0) == pytest.approx(2.0)


def test_room_is_made_for_any_item() -> None:
    waiting = Waiting()
    waiting.added(5000, 0.0)
    waiting.taken(np.arange(5000), 5000, 1.0)
    waiting.decided(np.arange(5000), 2.0)
    waiting.returned(np.arange(5000), 2.0)
    assert waiting.time.within(0.0, 3.0) == 1.0
    waiting.added(20_000, 3.0)
    for item in range(5000, 25_000):
        waiting.gave_up(item, 4.0)
    assert waiting.time.within(3.0, 5.0) == 1.0
