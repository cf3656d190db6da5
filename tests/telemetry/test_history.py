"""Readings are found where they were put, for so long, and nothing else is."""

from __future__ import annotations

import numpy as np

from pcm.telemetry.history import PLACES_PER_WORKER, SLOTS, History, slot_of
from pcm.telemetry.signals import Reading, Scope, Window


def window(end: float, *readings: Reading, worker: str = "w0", seconds: float = 1.0) -> Window:
    return Window(worker, "A10", end, seconds, readings)


def column(history: History, signal: str, windows: int, row: int = 0) -> list[float | None]:
    history.flush()
    values = history.recent(Scope.WORKER, signal, windows)
    assert values is not None
    return [None if np.isnan(value) else float(value) for value in values[:, row]]


def queue(value: float) -> Reading:
    return Reading("queue.items", "", value)


def test_the_newest_comes_last_and_a_second_without_a_reading_is_none() -> None:
    history = History()
    for end, value in ((10.0, 1.0), (11.0, 2.0), (13.0, 3.0)):
        history.add(window(end, queue(value)))
    assert column(history, "queue.items", 5) == [None, 1.0, 2.0, None, 3.0]


def test_a_window_of_many_seconds_fills_them_all() -> None:
    history = History()
    history.add(window(10.0, queue(1.0)))
    history.add(window(13.0, queue(2.0), seconds=3.0))
    assert column(history, "queue.items", 4) == [1.0, 2.0, 2.0, 2.0]


def test_a_late_window_lands_in_its_own_second() -> None:
    history = History()
    history.add(window(12.0, queue(3.0)))
    history.add(window(11.0, queue(2.0)))
    assert column(history, "queue.items", 3) == [None, 2.0, 3.0]


def test_what_is_older_than_the_memory_is_gone() -> None:
    history = History()
    history.add(window(10.0, queue(1.0)))
    history.add(window(10.0 + SLOTS, queue(2.0)))
    assert column(history, "queue.items", SLOTS) == [None] * (SLOTS - 1) + [2.0]
    history.add(window(11.0, queue(9.0)))
    assert column(history, "queue.items", SLOTS) == [None] * (SLOTS - 1) + [2.0]


def test_signals_that_nobody_knows_are_passed_over() -> None:
    history = History()
    history.add(window(10.0, Reading("queue.moods", "", 1.0)))
    history.flush()
    assert all(not places.rings for places in history.places.values())


def test_a_row_that_was_another_workers_is_empty() -> None:
    history = History()
    history.add(window(10.0, queue(1.0)))
    history.add(window(10.0, queue(5.0), worker="w1"))
    history.forget("w0")
    history.add(window(11.0, queue(7.0), worker="w2"))
    assert history.places[Scope.WORKER].rows == {(1, ""): 1, (0, ""): 0}
    assert column(history, "queue.items", 2, row=0) == [None, 7.0]
    assert column(history, "queue.items", 2, row=1) == [5.0, None]
    assert list(history.workers) == ["w1", "w2"]


def test_a_worker_cannot_have_places_without_end() -> None:
    history = History()
    readings = (Reading("gpu.busy_share", f"gpu{n}", 0.5) for n in range(2 * PLACES_PER_WORKER))
    history.add(window(10.0, *readings))
    assert len(history.places[Scope.GPU]) == PLACES_PER_WORKER


def test_more_rows_keep_what_the_first_ones_had() -> None:
    history = History()
    for number in range(200):
        history.add(window(10.0, queue(float(number)), worker=f"w{number}"))
        history.flush()
    assert [column(history, "queue.items", 1, row) for row in (0, 199)] == [[0.0], [199.0]]


def test_a_window_belongs_to_the_second_that_it_ends_nearest_to() -> None:
    assert [slot_of(seconds) for seconds in (9.6, 10.0, 10.4)] == [10, 10, 10]


def test_silent_workers_are_those_without_a_window_since() -> None:
    history = History()
    history.add(window(10.0, queue(1.0)))
    history.add(window(20.0, queue(1.0), worker="w1"))
    assert list(history.silent(15)) == ["w0"]
