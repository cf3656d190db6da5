"""The bound of runs whose best end can be told by hand; items of cost 1, 2, 3... as in the journal
of the tests, where item n costs 1 + n."""

from __future__ import annotations

from math import inf
from pathlib import Path

import pytest

from pcm.core.commands import GiveUp, Load
from pcm.core.events import (
    BatchDone,
    Capacity,
    ItemsDone,
    LeaveCause,
    Requirements,
    RunOpened,
    WorkerJoined,
    WorkerLeft,
)
from pcm.report.bound import Stay, bound_seconds
from tests.report.logs import STARTED, STOPPED, Told, accounts_of, added, dispatch, joined, warm


def stay(
    start: float = 0.0, *, speed: float = 1.0, load: float | None = 0.0, **also: float
) -> Stay:
    busy = also.pop("busy", 10.0)
    end, dearest = also.pop("end", inf), also.pop("dearest", 0.0)
    return Stay("cpu", start, end, speed * busy, busy, dearest, load)


def test_one_worker_needs_its_load_and_its_work() -> None:
    assert bound_seconds([stay(2.0, load=3.0)], 10.0, 100.0) == pytest.approx(15.0)


def test_work_goes_where_it_ends_together() -> None:
    both = [stay(speed=1.0), stay(4.0, speed=2.0)]
    assert bound_seconds(both, 10.0, 100.0) == pytest.approx(6.0)


def test_a_load_that_took_long_by_chance_is_held_to_be_like_its_kind() -> None:
    three = [stay(load=1.0), stay(load=1.0), stay(load=31.0)]
    assert bound_seconds(three, 30.0, 100.0) == pytest.approx(11.0)


def test_who_finished_nothing_counts_like_its_kind() -> None:
    idle = Stay("cpu", 0.0, inf, 0.0, 0.0, 0.0, None)
    assert bound_seconds([stay(speed=2.0, load=1.0), idle], 20.0, 100.0) == pytest.approx(6.0)
    other = idle._replace(kind="other")
    assert bound_seconds([stay(speed=2.0, load=1.0), other], 20.0, 100.0) == pytest.approx(6.0)


def test_the_dearest_item_is_not_divided() -> None:
    two = [stay(speed=1.0, dearest=8.0), stay(speed=1.0)]
    assert bound_seconds(two, 10.0, 100.0) == pytest.approx(8.0)


def test_the_unit_of_cost_does_not_matter() -> None:
    for unit in (1e-6, 1.0, 1e6):
        some = [stay(speed=2.0 * unit), stay(speed=unit, end=3.0)]
        assert bound_seconds(some, 13.0 * unit, 100.0) == pytest.approx(5.0)


def test_what_was_done_in_a_time_can_be_done_in_it() -> None:
    assert bound_seconds([stay(load=3.0)], 10.0, 12.5) == 12.5
    assert bound_seconds([stay(end=5.0)], 10.0, 12.5) == 12.5


def test_nothing_done_has_no_bound() -> None:
    assert bound_seconds([stay()], 0.0, 10.0) == 0.0
    assert bound_seconds([], 5.0, 10.0) == 0.0


def log_of(*told: Told, requirements: Requirements | None = None) -> list[Told]:
    opened = RunOpened("run-1", "c", requirements=requirements or Requirements())
    return [(0, STARTED), (0, opened), (0, added(20)), *told]


def batch(number: int, start: float, stop: float, worker: str = "w1", items: int = 4) -> list[Told]:
    """Of items 0 to 3, whose costs are 10 together, or the first of them."""
    return [
        (start, dispatch(number, ((0, items),), worker)),
        (stop, ItemsDone(number, tuple(range(items)))),
        (stop, BatchDone(number, run_seconds=stop - start)),
    ]


def test_a_run_that_waited_for_no_reason(tmp_path: Path) -> None:
    log = log_of(
        (1, joined()),
        (1, Load("w1", "c", 1)),
        (3, warm()),
        *batch(1, 5, 10),
        (12, STOPPED),
    )
    accounts = accounts_of(tmp_path, log)
    assert accounts.bound_seconds == pytest.approx(8.0)  # it joins, 2 s of loading, 5 s of work
    assert accounts.efficiency == pytest.approx(8.0 / 12.0)
    assert accounts.split.idle_seconds == pytest.approx(4.0)  # there were 16 more items
    assert accounts.split.no_work_seconds == 0.0


@pytest.mark.parametrize(
    ("cause", "expected"), [("retired", 2.5), ("refused", 5.0), ("lost", 4.0), ("evicted", 4.0)]
)
def test_only_what_was_taken_away_could_not_have_stayed(
    tmp_path: Path, cause: LeaveCause, expected: float
) -> None:
    log = log_of(
        (0, joined("w1")),
        (0, joined("w2")),
        (0, warm("w1")),
        (0, warm("w2")),
        (1, WorkerLeft("w2", cause)),
        *batch(1, 5, 10),
        (10, STOPPED),
    )
    assert accounts_of(tmp_path, log).bound_seconds == pytest.approx(expected)


def test_workers_on_which_the_context_has_no_room_do_not_count(tmp_path: Path) -> None:
    gpu = WorkerJoined("w1", Capacity(kind="gpu", gpus=1, gpu_memory_bytes=8 << 30))
    log = log_of(
        (0, gpu),
        (0, joined("w2")),
        (0, warm("w1")),
        *batch(1, 0, 5),
        (5, STOPPED),
        requirements=Requirements(gpus=1),
    )
    assert accounts_of(tmp_path, log).bound_seconds == pytest.approx(5.0)


def test_work_that_was_salvaged_tells_the_speed(tmp_path: Path) -> None:
    log = log_of(
        (0, joined()),
        (0, warm()),
        (0, dispatch(1, ((0, 8),))),
        (5, ItemsDone(1, (0, 1, 2, 3))),
        (7, WorkerLeft("w1", "lost")),
        (8, STOPPED),
    )
    assert accounts_of(tmp_path, log).bound_seconds == pytest.approx(5.0)


def test_an_item_that_was_alone_tells_what_it_takes(tmp_path: Path) -> None:
    log = log_of(
        (0, joined("w1")),
        (0, joined("w2")),
        (0, warm("w1")),
        (0, warm("w2")),
        (0, dispatch(1, ((7, 8),), "w1")),
        (4, ItemsDone(1, (0,))),
        (4, BatchDone(1, run_seconds=4.0)),
        (6, STOPPED),
    )
    assert accounts_of(tmp_path, log).bound_seconds == pytest.approx(4.0)


def test_final_failures_are_work_and_repeated_ones_are_not(tmp_path: Path) -> None:
    log = log_of((0, joined()), (0, warm()))
    for attempt in range(3):
        log += [
            (2 * attempt, dispatch(attempt, ((0, 1),))),
            (2 * attempt + 2, ItemsDone(attempt, (), (0,))),
            (2 * attempt + 2, BatchDone(attempt, run_seconds=2.0)),
        ]
    log += [(6, GiveUp("run-1", 0, "failed", 0)), (6, STOPPED)]
    accounts = accounts_of(tmp_path, log)
    assert accounts.bound_seconds == pytest.approx(2.0)
    assert accounts.efficiency == pytest.approx(1 / 3)


def test_every_sitting_has_its_own(tmp_path: Path) -> None:
    opened = RunOpened("run-1", "c")
    log: list[Told] = [
        *log_of((0, joined()), (0, warm()), (0, dispatch(1, ((0, 4),))), (2, ItemsDone(1, (0, 1)))),
        (100, STARTED),
        (100, opened),
        (100, added(20, finished=2)),
        (100, joined()),
        (100, warm()),
        *[(at + 101, what) for at, what in batch(1, 0, 5)],
        (107, STOPPED),
    ]
    accounts = accounts_of(tmp_path, log)
    # Two items of 3 in 2 s; then the other two, of 7, at 10 in 5 s.
    assert accounts.bound_seconds == pytest.approx(2.0 + 3.5)
    assert accounts.seconds == pytest.approx(9.0)
