from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pcm.core.commands import Load
from pcm.core.events import BatchDone, Capacity, ItemsDone, WorkerJoined
from pcm.journal import JournalReader
from pcm.report.lanes import USES, cells, spans, within
from pcm.report.series import load_times_of, series_of
from pcm.report.story import tell
from tests.report.logs import BEGIN, STARTED, STOPPED, Told, added, dispatch, joined, warm
from tests.report.simulated import write_simulated
from tests.report.test_waterfall import told

STRETCHES = st.lists(st.tuples(st.integers(0, 30), st.integers(0, 10)), max_size=12)


@given(STRETCHES)
def test_seconds_within_intervals_are_counted_moment_by_moment(
    stretches: list[tuple[int, int]],
) -> None:
    starts = np.array([start for start, _ in stretches], float)
    stops = np.array([start + length for start, length in stretches], float)
    found = within(starts, stops, np.arange(0.0, 41.0, 2.0))
    plain = [
        sum(a <= moment < b for a, b in zip(starts, stops, strict=True)) for moment in range(40)
    ]
    assert found == pytest.approx([sum(plain[i : i + 2]) for i in range(0, 40, 2)])


def test_a_cell_is_what_most_of_it_was_and_runs_are_merged() -> None:
    starts, stops = np.array([2.0, 3.5, 8.0]), np.array([3.5, 8.0, 9.2])
    uses = np.array([USES.index(use) for use in ("loading", "useful", "lost")], np.uint8)
    row = cells(starts, stops, uses, np.arange(0.0, 12.0, 2.0))
    assert row.tolist() == [-1, 1, 0, 0, 2]
    assert list(spans(row)) == [(1, 2, 1), (2, 4, 0), (4, 5, 2)]


def two_sittings() -> list[Told]:
    """Ten seconds of work on each side of a day's pause."""
    return [
        (0, STARTED),
        (0, added(6)),
        (0, joined()),
        (0, Load("w1", "c", 1)),
        (4, warm()),
        (4, dispatch(1, ((0, 4),))),
        (10, ItemsDone(1, (0, 1, 2, 3))),
        (10, BatchDone(1, run_seconds=6.0)),
        (10, STOPPED),
        (86_400, STARTED),
        (86_400, added(6, finished=4)),
        (86_400, WorkerJoined("w2", Capacity(kind="gpu", gpus=2))),
        (86_400, warm("w2")),
        (86_402, dispatch(1, ((4, 6),), worker="w2")),
        (86_410, ItemsDone(1, (0, 1))),
        (86_410, BatchDone(1, run_seconds=8.0)),
        (86_410, STOPPED),
    ]


def test_time_between_sittings_is_left_out() -> None:
    series = series_of(told(two_sittings()), 10)
    assert series.interval_seconds == 2.0
    assert series.elapsed_seconds == [2.0 * n for n in range(1, 11)]
    assert [at - BEGIN for at in series.at] == [2, 4, 6, 8, 10, 86402, 86404, 86406, 86408, 86410]
    assert series.finished == [0, 0, 0, 0, 0, 4, 4, 4, 4, 6]
    assert series.workers == [1.0] * 10
    assert series.gpus == [0.0] * 5 + [2.0] * 5
    assert series.loading == [1.0, 1.0, *[0.0] * 8]
    assert series.useful == [0.0, 0.0, 1.0, 1.0, 1.0, 0.0, 1.0, 1.0, 1.0, 1.0]
    assert series.idle == [0.0] * 5 + [1.0] + [0.0] * 4
    assert series.batch_items_median == [None, None, 4.0, *[None] * 3, 2.0, *[None] * 3]


def test_load_times_by_class() -> None:
    (times,) = load_times_of(told(two_sittings()))
    assert (times.kind, times.count, times.quartiles) == ("cpu", 1, (4.0, 4.0, 4.0))


def test_a_run_on_which_nobody_has_worked_has_series_too() -> None:
    series = series_of(told([]), 5)
    assert series.workers == [0.0] * 5
    assert series.finished == [0] * 5


def test_the_series_agree_with_the_books(tmp_path: Path) -> None:
    write_simulated(tmp_path / "run", workers=6, items=120)
    with JournalReader(tmp_path / "run") as reader:
        story, _ = tell(reader)
    series, accounts = story.series, story.accounts
    for use in USES:
        seconds = sum(getattr(series, use)) * series.interval_seconds
        assert seconds == pytest.approx(
            getattr(accounts.split, f"{use}_seconds"), rel=0.01, abs=0.5
        )
    assert series.finished[-1] == accounts.finished == 120
    assert sum(times.count for times in story.load_times) == accounts.context_loads
    assert sum(story.events.values()) > accounts.batches
    assert story.waterfall.seconds == pytest.approx(accounts.seconds)
    assert story.waterfall.bound_seconds == pytest.approx(accounts.bound_seconds)
