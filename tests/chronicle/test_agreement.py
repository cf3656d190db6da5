"""At the end of a log the chronicle tells what the books say, whatever happened."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from pcm.chronicle import Chronicle
from pcm.core.commands import Evict, GiveUp, Load
from pcm.core.events import (
    BatchDone,
    BatchLost,
    ItemsAdded,
    ItemsDone,
    ItemsReopened,
    ReplicaFailed,
    RunPaused,
    RunUnpaused,
    WorkerLeft,
)
from pcm.dashboard.answers.efficiency import bound_of
from pcm.journal import LoggedEvent
from pcm.report.accounting import go_through
from pcm.report.tally import Tally
from tests.chronicle.simulated import evicted, log_of, scenario, steady
from tests.report.logs import STARTED, STOPPED, Told, counted, dispatch, joined, logged, warm

ITEMS = 40
COSTS = np.linspace(1.0, 2.0, ITEMS)
PARTS = ("useful", "loading", "lost", "idle", "no_work")

WORKERS = st.sampled_from(["w1", "w2"])
CONTEXTS = st.sampled_from(["c", "d"])
BATCHES = st.integers(0, 7)
SECONDS = st.floats(0, 20)
POSITIONS = st.sampled_from([(0,), (1, 2), (3, 1), (0, 1, 2, 3)])
RANGES = st.one_of(
    st.integers(0, ITEMS - 4).map(lambda start: ((start, start + 4),)),
    st.tuples(st.integers(0, 15), st.integers(20, ITEMS - 2)).map(
        lambda two: ((two[0], two[0] + 2), (two[1], two[1] + 2))
    ),
)
SENT = "sent"
"""A batch of a new number: the log has none twice."""

WHAT: st.SearchStrategy[Any] = st.one_of(
    st.sampled_from([STARTED, STOPPED, "Unknown"]),
    WORKERS.map(joined),
    WORKERS.map(joined),
    st.builds(WorkerLeft, WORKERS, st.sampled_from(["lost", "evicted", "retired", "refused"])),
    st.builds(Load, WORKERS, CONTEXTS, st.just(1)),
    st.builds(Evict, WORKERS, CONTEXTS, st.just(1)),
    st.builds(warm, WORKERS, CONTEXTS),
    st.builds(ReplicaFailed, WORKERS, CONTEXTS, st.just("died"), st.just("")),
    st.tuples(st.just(SENT), RANGES, WORKERS, CONTEXTS),
    st.tuples(st.just(SENT), RANGES, WORKERS, CONTEXTS),
    st.builds(ItemsDone, BATCHES, POSITIONS, st.just(())),
    st.builds(ItemsDone, BATCHES, st.just((0, 1)), st.just((2,))),
    st.builds(BatchDone, BATCHES, SECONDS, SECONDS),
    st.builds(BatchLost, BATCHES, st.just("deadline"), st.booleans()),
    st.builds(ItemsAdded, st.just("run-1"), st.integers(0, 9).map(counted)),
    st.builds(GiveUp, st.just("run-1"), st.integers(0, ITEMS - 1), st.just("failed"), st.just(1)),
    st.builds(
        ItemsReopened, st.just("run-1"), st.integers(0, ITEMS - 3).map(lambda n: ((n, n + 3),))
    ),
    st.sampled_from([RunPaused("run-1"), RunUnpaused("run-1")]),
)
STEPS = st.lists(st.tuples(st.floats(0.01, 3), WHAT), max_size=60)


def chronicle_of(log: list[LoggedEvent], costs: NDArray[np.float64] | None = None) -> Chronicle:
    chronicle = Chronicle(costs)
    for entry in log:
        chronicle.take(entry)
    return chronicle


def must_agree(log: list[LoggedEvent], costs: NDArray[np.float64]) -> None:
    chronicle, tally = chronicle_of(log, costs), Tally()
    seconds, sittings = go_through(log, tally, None, costs)
    at = chronicle.last_at
    split, books = chronicle.split(at), tally.split
    for part in PARTS:
        expected = pytest.approx(getattr(books, f"{part}_seconds"), abs=1e-3)
        assert getattr(split, part) == expected, part
    assert chronicle.worked_seconds(at) == pytest.approx(seconds, abs=1e-6)
    assert len(chronicle.sittings) == sittings
    counts = chronicle.counts(at)
    assert counts.batches == tally.batches
    assert counts.retries == tally.retries
    assert counts.lost_batches == sum(worker.lost_batches for worker in tally.workers)
    loads = chronicle.loads(at)
    assert int((loads.ok == 1).sum()) == tally.context_loads
    assert bound_of(chronicle, at) == pytest.approx(tally.bound_seconds, rel=1e-3, abs=1e-3)


def log_with_numbers(steps: list[tuple[float, Any]]) -> list[Told]:
    """Of steps with the pauses before them, where batches have no numbers yet."""
    log: list[Told] = [(0.0, STARTED)]
    number = 0
    for pause, what in steps:
        at = log[-1][0] + pause
        if isinstance(what, tuple):
            log.append((at, dispatch(number, *what[1:])))
            number += 1
        else:
            log.append((at, what))
    return log


@settings(max_examples=200)
@given(STEPS)
def test_whatever_is_told(steps: list[tuple[float, Any]]) -> None:
    log = log_with_numbers(steps)
    log.append((log[-1][0] + 1.0, STOPPED))
    must_agree(list(logged(log)), COSTS)


@pytest.mark.parametrize("seed", range(3))
def test_simulated_runs(seed: int) -> None:
    rng = np.random.default_rng(seed)
    visits = evicted(8, rng, 60.0) if seed else steady(5)
    what = scenario(visits, 600, rng, spread=0.7, salvage=seed > 1)
    log = log_of(what)
    must_agree(log, what.runs["run"].costs)
    chronicle = chronicle_of(log, what.runs["run"].costs)
    counts = chronicle.counts(chronicle.last_at)
    # A simulation is over when the work is done: of its last batch the manager hears no more.
    assert counts.items == counts.finished + counts.waiting + counts.in_flight == 600
    assert counts.finished > 550
    if seed:
        assert counts.evictions > 0


@settings(max_examples=60)
@given(STEPS, st.floats(0, 1))
def test_the_parts_add_up_at_any_moment(steps: list[tuple[float, Any]], share: float) -> None:
    chronicle = chronicle_of(list(logged(log_with_numbers(steps))), COSTS)
    moment = chronicle.began_at + share * (chronicle.last_at - chronicle.began_at)
    there = sum(
        min(moment, lane.left_at if lane.left_at is not None else moment) - lane.joined_at
        for lane in chronicle.lanes_at(moment)
    )
    assert sum(chronicle.split(moment)) == pytest.approx(there, abs=1e-3)
    for lane in chronicle.lanes:
        pieces = chronicle.pieces(lane, moment)
        assert (pieces.start[1:] >= pieces.stop[:-1]).all()
        assert (pieces.stop > pieces.start).all()
