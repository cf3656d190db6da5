from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings

from pcm.core.commands import Evict, Load, Retire
from pcm.core.events import (
    BatchDone,
    ItemsDone,
    RunOpened,
    RunPaused,
    RunUnpaused,
    WorkerJoined,
    WorkerLeft,
)
from pcm.report.accounting import go_through
from pcm.report.history import History
from pcm.report.lanes import DEEDS
from pcm.report.waterfall import LOSSES, Waterfall, together
from tests.report.logs import STARTED, STOPPED, Told, added, dispatch, joined, logged, warm
from tests.report.test_properties import COSTS, STEPS

ONES = np.ones(100)


def told(log: list[Told], costs: Any = ONES) -> History:
    history = History()
    go_through(history.watch(logged(log)), history, None, costs)
    return history


def lost(log: list[Told]) -> tuple[Waterfall, dict[str, float], dict[str, float]]:
    """And by part: seconds of the run, and worker seconds."""
    fall = together(told(log).waterfalls)
    return (
        fall,
        {loss.name: loss.seconds for loss in fall.losses if loss.seconds},
        {loss.name: loss.worker_seconds for loss in fall.losses if loss.worker_seconds},
    )


def opened(items: int = 10) -> list[Told]:
    return [(0, STARTED), (0, RunOpened("run-1", "c")), (0, added(items))]


@settings(max_examples=150)
@given(STEPS)
def test_the_parts_add_up_whatever_happened(steps: list[tuple[float, Any]]) -> None:
    log: list[Told] = []
    at = 0.0
    for pause, what in steps:
        at += pause
        log.append((at, what))
    history = told(log, COSTS)
    for fall in [*history.waterfalls, together(history.waterfalls)]:
        assert [loss.name for loss in fall.losses] == list(LOSSES)
        assert fall.bound_seconds + sum(loss.seconds for loss in fall.losses) == pytest.approx(
            fall.seconds, abs=1e-4
        )
        assert min(loss.seconds for loss in fall.losses) >= -1e-6
        assert min(loss.worker_seconds for loss in fall.losses) >= -1e-4
    fall = together(history.waterfalls)
    spent = fall.useful_worker_seconds + fall.bound_loading_worker_seconds
    spent += sum(loss.worker_seconds for loss in fall.losses if loss.name != "let_go")
    assert spent == pytest.approx(history.split.joined_seconds, abs=1e-4)
    assert fall.bound_seconds == pytest.approx(history.bound_seconds)


@settings(max_examples=100)
@given(STEPS)
def test_lanes_have_no_gaps_and_agree_with_the_books(steps: list[tuple[float, Any]]) -> None:
    log: list[Told] = []
    at = 0.0
    for pause, what in steps:
        at += pause
        log.append((at, what))
    history = told(log, COSTS)
    for lane in history.lanes:
        if len(lane.starts):
            assert lane.starts[0] == lane.joined_at
            assert lane.stops[-1] == lane.left_at
            assert np.array_equal(lane.starts[1:], lane.stops[:-1])
    by_deed = sum((lane.seconds() for lane in history.lanes), np.zeros(len(DEEDS)))
    found = dict(zip(DEEDS, by_deed.tolist(), strict=True))
    split = history.split
    assert found["useful"] == pytest.approx(split.useful_seconds, abs=1e-4)
    assert found["taken"] + found["again"] == pytest.approx(split.lost_seconds, abs=1e-4)
    assert found["loading"] + found["cut_load"] == pytest.approx(split.loading_seconds, abs=1e-4)
    assert found["idle"] + found["between"] == pytest.approx(split.idle_seconds, abs=1e-4)


def test_each_part_gets_its_seconds() -> None:
    fall, seconds, worker_seconds = lost(
        [
            *opened(),
            (0, joined()),
            (2, Load("w1", "c", 1)),  # ramp: 2
            (6, warm()),  # the bound loads too: 4
            (9, dispatch(1, ((0, 10),))),  # idle: 3
            (20, ItemsDone(1, tuple(range(10)))),
            (20, BatchDone(1, run_seconds=10.0)),  # overhead: 1
            (25, STOPPED),  # tail: 5
        ]
    )
    assert worker_seconds == pytest.approx({"ramp": 2.0, "idle": 3.0, "overhead": 1.0, "tail": 5.0})
    assert seconds == pytest.approx(worker_seconds)  # of one worker a second is a second
    assert fall.bound_seconds == pytest.approx(14.0)
    assert fall.useful_worker_seconds == pytest.approx(10.0)
    assert fall.bound_loading_worker_seconds == pytest.approx(4.0)


def test_loading_counts_beyond_the_bounds_own() -> None:
    _, seconds, worker_seconds = lost(
        [
            *opened(),
            (0, joined()),
            (0, Load("w1", "c", 1)),
            (4, warm()),
            (4, dispatch(1, ((0, 5),))),
            (9, ItemsDone(1, tuple(range(5)))),
            (9, BatchDone(1, run_seconds=5.0)),
            (9, Evict("w1", "c", 1)),
            (9, Load("w1", "c", 1)),
            (15, warm()),
            (15, dispatch(2, ((5, 10),))),
            (20, ItemsDone(2, tuple(range(5)))),
            (20, BatchDone(2, run_seconds=5.0)),
            (20, STOPPED),
        ]
    )
    assert worker_seconds == pytest.approx({"loading": 6.0})
    assert seconds == pytest.approx({"loading": 6.0})


def test_what_was_lost_with_a_worker_is_evictions_and_the_rest_is_repeats() -> None:
    _, _, worker_seconds = lost(
        [
            *opened(),
            (0, joined("w1")),
            (0, joined("w2")),
            (0, warm("w1")),
            (0, warm("w2")),
            (0, dispatch(1, ((0, 4),), worker="w1")),
            (0, dispatch(2, ((4, 8),), worker="w2")),
            (3, ItemsDone(2, (0, 1), failed=(2, 3))),
            (4, BatchDone(2, run_seconds=4.0)),
            (4, dispatch(3, ((8, 10),), worker="w2")),
            (6, WorkerLeft("w1", "evicted")),
            (6, ItemsDone(3, (0, 1))),
            (6, BatchDone(3, run_seconds=2.0)),
            (6, STOPPED),
        ]
    )
    assert worker_seconds == pytest.approx({"eviction": 6.0, "repeats": 2.0})


def test_a_load_that_is_cut_by_an_eviction_is_lost_to_that() -> None:
    _, _, worker_seconds = lost(
        [
            *opened(),
            (0, joined()),
            (0, Load("w1", "c", 1)),
            (7, WorkerLeft("w1", "lost")),
            (7, STOPPED),
        ]
    )
    assert worker_seconds == pytest.approx({"eviction": 7.0})


def test_a_second_of_a_quick_worker_weighs_more() -> None:
    """w1 does 2 items a second and waits for 2 s at the end, w2 does one and waits for 4."""
    log: list[Told] = [
        *opened(24),
        (0, joined("w1")),
        (0, joined("w2")),
        (0, warm("w1")),
        (0, warm("w2")),
        (0, dispatch(1, ((0, 16),), worker="w1")),
        (0, dispatch(2, ((16, 22),), worker="w2")),
        (6, ItemsDone(2, tuple(range(6)))),
        (6, BatchDone(2, run_seconds=6.0)),
        (6, dispatch(3, ((22, 24),), worker="w2")),
        (8, ItemsDone(1, tuple(range(16)))),
        (8, BatchDone(1, run_seconds=8.0)),
        (8, ItemsDone(3, (0, 1))),
        (8, BatchDone(3, run_seconds=2.0)),
        (10, STOPPED),
    ]
    fall, seconds, worker_seconds = lost(log)
    assert fall.bound_seconds == pytest.approx(8.0)
    assert worker_seconds == pytest.approx({"tail": 4.0})
    assert seconds == pytest.approx({"tail": 2.0})


def test_whom_the_manager_let_go_could_have_stayed() -> None:
    log: list[Told] = [
        *opened(20),
        (0, joined("w1")),
        (0, joined("w2")),
        (0, warm("w1")),
        (0, warm("w2")),
        (0, dispatch(1, ((0, 5),), worker="w1")),
        (0, dispatch(2, ((5, 20),), worker="w2")),
        (5, ItemsDone(1, tuple(range(5)))),
        (5, BatchDone(1, run_seconds=5.0)),
        (5, Retire("w1", 1, "idle")),
        (5, WorkerLeft("w1", "retired")),
        (15, ItemsDone(2, tuple(range(15)))),
        (15, BatchDone(2, run_seconds=15.0)),
        (15, STOPPED),
    ]
    fall, seconds, worker_seconds = lost(log)
    assert fall.bound_seconds == pytest.approx(10.0)
    assert seconds == pytest.approx({"let_go": 5.0})
    assert worker_seconds == pytest.approx({"let_go": 10.0})


def test_without_workers_all_is_other() -> None:
    _, seconds, worker_seconds = lost([*opened(), (5, STOPPED)])
    assert seconds == {"other": 5.0}
    assert worker_seconds == {}


def test_workers_that_cannot_run_the_task_are_other() -> None:
    _, seconds, worker_seconds = lost(
        [*opened(), (0, joined()), (5, WorkerLeft("w1", "refused")), (5, STOPPED)]
    )
    assert seconds == {"other": 5.0}
    assert worker_seconds == {"other": 5.0}


def test_sittings_are_summed() -> None:
    first: list[Told] = [*opened(), (0, joined()), (4, STOPPED)]
    second = [(at + 100, what) for at, what in first]
    fall, seconds, _ = lost([*first, *second])
    assert fall.seconds == pytest.approx(8.0)
    assert seconds == pytest.approx({"idle": 8.0})
    assert isinstance(first[3][1], WorkerJoined)


def test_a_pause_is_nobodys_fault() -> None:
    fall, seconds, worker_seconds = lost(
        [
            *opened(),
            (0, joined()),
            (0, warm()),
            (0, dispatch(1, ((0, 5),))),
            (3, RunPaused("run-1")),
            (5, ItemsDone(1, tuple(range(5)))),
            (5, BatchDone(1, run_seconds=5.0)),
            (12, RunUnpaused("run-1")),
            (12, dispatch(2, ((5, 10),))),
            (17, ItemsDone(2, tuple(range(5)))),
            (17, BatchDone(2, run_seconds=5.0)),
            (17, STOPPED),
        ]
    )
    assert fall.bound_seconds == pytest.approx(10.0)
    assert worker_seconds == seconds == pytest.approx({"paused": 7.0})
