from __future__ import annotations

import pytest

from pcm.telemetry.batch_times import RATED, REMEMBERED, BatchTimes


def observe(times: BatchTimes, worker: str, *seconds: float, began: float = 0.0) -> None:
    for number, value in enumerate(seconds):
        times.observe("run", "cpu", worker, value, 1.0, began + number)


def test_a_worker_without_fellows_is_as_fast_as_its_class() -> None:
    times = BatchTimes()
    observe(times, "w1", 1.0)
    observe(times, "w2", 9.0)
    assert times.ratio("w2") == (1.0, 0)


def test_the_ratio_is_to_the_median_of_the_class() -> None:
    times = BatchTimes()
    for worker in ("w1", "w2", "w3", "w4"):
        observe(times, worker, *[1.0] * RATED)
    observe(times, "slow", *[3.0] * RATED)
    assert times.ratio("slow") == (pytest.approx(3.0), RATED)
    assert times.ratio("w4")[0] == pytest.approx(1.0)


def test_cost_is_taken_out() -> None:
    times = BatchTimes()
    for worker, cost in (("w1", 1.0), ("w2", 10.0), ("w3", 100.0)):
        times.observe("run", "cpu", worker, 2.0 * cost, cost, 0.0)
    assert times.ratio("w3") == (pytest.approx(1.0), 1)


def test_other_kinds_and_other_runs_are_no_fellows() -> None:
    times = BatchTimes()
    for worker in ("w1", "w2", "w3"):
        times.observe("run", "big", worker, 1.0, 1.0, 0.0)
        times.observe("other", "cpu", worker, 1.0, 1.0, 0.0)
    times.observe("run", "cpu", "w4", 50.0, 1.0, 0.0)
    assert times.ratio("w4") == (1.0, 0)


def test_what_began_before_and_what_since_are_told_apart() -> None:
    times = BatchTimes()
    for worker in ("w2", "w3", "w4"):
        observe(times, worker, *[1.0] * REMEMBERED)
    observe(times, "w1", 1.0, 1.0, 1.0, 2.0, 2.0, 2.0, 2.0)
    assert times.grown_since("w1", 3.0) == pytest.approx(2.0, rel=0.2)
    assert times.grown_since("w1", 100.0) == 1.0
    assert times.grown_since("unknown", 3.0) == 1.0


def test_who_has_left_is_forgotten() -> None:
    times = BatchTimes()
    for worker in ("w1", "w2", "w3"):
        observe(times, worker, 1.0, 1.0)
    times.forget("w3")
    assert times.ratio("w3") == (1.0, 0)
    times.forget_run("run")
    observe(times, "w4", 1.0)
    assert times.ratio("w4") == (1.0, 0)
