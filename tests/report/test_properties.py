"""Whatever happened, the five parts of each worker's time add up to the time it was there."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pcm.core.commands import Evict, GiveUp, Load
from pcm.core.events import (
    BatchDone,
    BatchLost,
    ItemsAdded,
    ItemsDone,
    ReplicaFailed,
    WorkerJoined,
    WorkerLeft,
)
from pcm.report.accounting import go_through
from pcm.report.tally import Tally
from tests.report.logs import (
    STARTED,
    STOPPED,
    Told,
    counted,
    dispatch,
    joined,
    logged,
    warm,
)

WORKERS = st.sampled_from(["w1", "w2"])
CONTEXTS = st.sampled_from(["c", "d"])
BATCHES = st.integers(0, 5)
SECONDS = st.floats(0, 20)
WHOLE = tuple(range(4))
COSTS = np.linspace(1.0, 2.0, 16)

WHAT: st.SearchStrategy[Any] = st.one_of(
    st.sampled_from([STARTED, STOPPED, "Unknown"]),
    WORKERS.map(joined),
    st.builds(WorkerLeft, WORKERS, st.sampled_from(["lost", "evicted"])),
    st.builds(Load, WORKERS, CONTEXTS, st.just(1)),
    st.builds(Evict, WORKERS, CONTEXTS, st.just(1)),
    st.builds(warm, WORKERS, CONTEXTS),
    st.builds(ReplicaFailed, WORKERS, CONTEXTS, st.just("died"), st.just("")),
    st.builds(
        dispatch,
        BATCHES,
        st.integers(0, 12).map(lambda start: ((start, start + 4),)),
        WORKERS,
        CONTEXTS,
    ),
    st.builds(ItemsDone, BATCHES, st.sampled_from([(0,), (1, 2), WHOLE]), st.just(())),
    st.builds(BatchDone, BATCHES, SECONDS, SECONDS),
    st.builds(ItemsAdded, st.just("run-1"), st.integers(0, 9).map(counted)),
    st.builds(GiveUp, st.just("run-1"), st.integers(0, 15), st.just("failed"), st.just(1)),
    st.builds(BatchLost, BATCHES, st.just("deadline"), st.booleans()),
)
STEPS = st.lists(st.tuples(st.floats(0, 3), WHAT), max_size=60)


@settings(max_examples=150)
@given(STEPS)
def test_the_parts_add_up(steps: list[tuple[float, Any]]) -> None:
    log: list[Told] = []
    at = 0.0
    for pause, what in steps:
        at += pause
        log.append((at, what))
    tally = Tally()
    seconds, _ = go_through(logged(log), tally, None, COSTS)
    assert tally.split.joined_seconds == pytest.approx(presence(log), abs=1e-4)
    for worker in tally.workers:
        parts = worker.split
        assert min(parts.useful_seconds, parts.loading_seconds, parts.lost_seconds) >= 0
        assert min(parts.idle_seconds, parts.no_work_seconds) >= 0
    assert 0 <= tally.bound_seconds <= seconds + 1e-9
    for part in ("useful_seconds", "loading_seconds", "lost_seconds"):
        of_contexts = sum(getattr(context.split, part) for context in tally.contexts())
        assert of_contexts == pytest.approx(getattr(tally.split, part), abs=1e-4)


def presence(log: list[Told]) -> float:
    """Worker seconds from joining to leaving, counted in the plainest way."""
    total, before = 0.0, 0.0
    here: set[str] = set()
    for at, what in log:
        if what == STARTED:
            here.clear()  # of a sitting without a stop, only the time to its last event counts
        total += len(here) * (at - before)
        before = at
        if what == STOPPED:
            here.clear()
        elif isinstance(what, WorkerJoined):
            here.add(what.worker)
        elif isinstance(what, WorkerLeft):
            here.discard(what.worker)
    return total


def test_the_plain_count_is_right() -> None:
    log: list[Told] = [(0, STARTED), (1, joined()), (4, warm()), (9, STARTED), (10, STOPPED)]
    assert presence(log) == 3.0
