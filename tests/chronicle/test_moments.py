"""What a chronicle says of moments: as the log told it then, and live as in replay."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest

from pcm.chronicle import USES, Chronicle
from pcm.core.commands import Finish, GiveUp, Load
from pcm.core.events import (
    BatchDone,
    ItemsDone,
    ItemsReopened,
    ReplicaChanged,
    RunOpened,
    RunPaused,
    RunUnpaused,
    SkewChanged,
    WorkerLeft,
    WorkerNotice,
)
from pcm.journal import LoggedEvent
from pcm.journal.entries import FileCame
from tests.chronicle.simulated import evicted, log_of, scenario
from tests.report.logs import BEGIN, STARTED, STOPPED, Told, added, dispatch, joined, logged, warm

WHOM = ("manager", "worker")
QUIET: list[Told] = [
    (0, STARTED),
    (0, RunOpened("run-1.1", "c", context_name="verifier")),
    (0, added(10)),
    (1, joined()),
    (1, Load("w1", "c", 1)),
    (3, ReplicaChanged("w1", "c", "disk", "loading", 2.0)),
    (6, warm()),
    (6, dispatch(1, ((0, 4),))),
    (6.5, dispatch(2, ((4, 10),))),
    (8.1, ItemsDone(1, (0, 1, 2, 3))),
    (8.1, BatchDone(1, run_seconds=2.0)),
    (11.2, ItemsDone(2, (0, 1, 2, 3, 4, 5))),
    (11.2, BatchDone(2, run_seconds=3.0, queue_seconds=1.5)),
    (11.2, Finish("run-1.1", "completed", 1)),
    (12, STOPPED),
]


def told(log: list[Told]) -> Chronicle:
    chronicle = Chronicle()
    for entry in logged(log):
        chronicle.take(entry)
    return chronicle


def test_a_worker_through_its_states() -> None:
    chronicle = told(QUIET)
    (lane,) = chronicle.lanes
    found = [lane.state(BEGIN + at) for at in (0.5, 1, 6, 11, 11.5, 12)]
    assert found == [None, "loading", "working", "working", "warm", "gone"]
    assert chronicle.crew(BEGIN + 2)._asdict()["loading"] == 1
    assert chronicle.crew(BEGIN + 7).working == chronicle.crew(BEGIN + 7).workers == 1
    assert lane.left == ""
    running = [chronicle.running(lane, BEGIN + at) for at in (5, 7, 9, 11.5)]
    assert running == [None, 0, 1, None]
    assert chronicle.order(1)[:3] == (2, 6, 1)


def test_bytes_of_contexts_by_whom_they_came_from() -> None:
    came: list[Told] = [
        (2, FileCame("w1", "c", "manager", 7)),
        (2, FileCame("w1", "c", "manager", 5)),
        (4, FileCame("w2", "c", "worker", 12)),
    ]
    chronicle = told([*QUIET[:5], *came])
    moved = [[chronicle.moved_bytes(0, who, BEGIN + at) for at in (1, 3, 5)] for who in WHOM]
    assert moved == [[0, 12, 12], [0, 0, 12]]


def test_counts_are_those_of_the_moment() -> None:
    chronicle = told(QUIET)
    counts = [chronicle.counts(BEGIN + at) for at in (0, 7, 9, 12)]
    seen = [(c.finished, c.in_flight, c.waiting, c.batches) for c in counts]
    assert seen == [(0, 0, 10, 0), (0, 10, 0, 2), (4, 6, 0, 2), (10, 0, 0, 2)]
    assert [chronicle.entries_at(BEGIN + at) for at in (-1, 0, 7, 99)] == [0, 3, 9, 15]


def test_what_goes_on_is_shown_before_it_ends() -> None:
    chronicle = told(QUIET[:9])
    (lane,) = chronicle.lanes
    pieces = chronicle.pieces(lane, BEGIN + 7.5)
    assert [USES[use] for use in pieces.use] == ["loading", "useful"]
    assert (pieces.start - BEGIN).tolist() == [1, 6]
    assert (pieces.stop - BEGIN).tolist() == pytest.approx([6, 7.5])
    split = chronicle.split(BEGIN + 7.5)
    assert (split.loading, split.useful) == pytest.approx((5.0, 1.5))


def test_what_is_held_where() -> None:
    chronicle = told(QUIET)
    (lane,) = chronicle.lanes
    ((held),) = lane.held(BEGIN + 4)
    assert (held.status, held.tier, held.at) == ("loading", "disk", BEGIN + 3)
    ((held),) = lane.held(BEGIN + 7)
    assert (held.status, held.tier, held.at) == ("warm", "gpu", BEGIN + 6)
    assert chronicle.contexts == ["c"]
    assert chronicle.context_names == {"c": "verifier"}


def test_pauses_leaving_and_ends() -> None:
    chronicle = told(
        [
            *QUIET[:6],
            (6, warm()),
            (7, RunPaused("run-1.1")),
            (9, RunUnpaused("run-1.1")),
            (10, WorkerNotice("w1", 5.0)),
            (11, SkewChanged("w1", 1.5, 2.0)),
            (12, WorkerLeft("w1", "evicted")),
            (13, STOPPED),
        ]
    )
    states = [chronicle.state(BEGIN + at) for at in (0, 7, 9, 13)]
    assert states == ["running", "paused", "running", "interrupted"]
    (lane,) = chronicle.lanes
    assert lane.state(BEGIN + 10) == "leaving"
    assert [chronicle.skew("w1", BEGIN + at) for at in (10, 11, 12)] == [1.0, 2.0, 1.0]
    split = chronicle.split(BEGIN + 13)
    assert (split.idle, split.no_work) == pytest.approx((4.0, 2.0))
    assert chronicle.counts(BEGIN + 13).evictions == 1
    assert told(QUIET).state(BEGIN + 12) == "completed"


def test_failed_items_wait_again_when_they_are_reopened() -> None:
    log: list[Told] = [
        *QUIET[:8],
        (8, ItemsDone(1, (0, 1, 2), (3,))),
        (8, BatchDone(1, run_seconds=2.0)),
        (8, GiveUp("run-1.1", 3, "failed", 1)),
        (9, ItemsReopened("run-1.1", ((3, 4),))),
        (10, dispatch(3, ((3, 4),))),
        (11, ItemsDone(3, (0,))),
        (11, BatchDone(3, run_seconds=1.0)),
    ]
    chronicle = told(log)
    seen = [
        (c.finished, c.failed, c.waiting)
        for c in map(chronicle.counts, (BEGIN + 8.5, BEGIN + 9.5, BEGIN + 11))
    ]
    assert seen == [(4, 1, 6), (3, 0, 7), (4, 0, 6)]


def test_another_sitting_goes_on_with_what_is_done() -> None:
    again: list[Told] = [
        (100, STARTED),
        (100, RunOpened("run-1.2", "c", context_name="verifier")),
        (100, added(10, finished=4)),
        (101, joined()),
        (101, warm()),
        (102, dispatch(1, ((4, 10),))),
        (104, ItemsDone(1, tuple(range(6)))),
        (104, BatchDone(1, run_seconds=2.0)),
        (105, Finish("run-1.2", "completed", 1)),
        (105, STOPPED),
    ]
    chronicle = told([*QUIET[:11], *again])  # the first one crashed
    assert chronicle.sittings == [(BEGIN, BEGIN + 8.1), (BEGIN + 100, BEGIN + 105)]
    assert chronicle.worked_seconds(BEGIN + 50) == pytest.approx(8.1)
    assert chronicle.worked_seconds(BEGIN + 105) == pytest.approx(13.1)
    assert [lane.worker for lane in chronicle.lanes] == ["w1", "w1"]
    assert chronicle.crew(BEGIN + 50).workers == 0
    assert [chronicle.counts(BEGIN + at).finished for at in (9, 100, 105)] == [4, 4, 10]


def test_a_resumed_run_may_try_again_what_had_failed() -> None:
    first: list[Told] = [
        *QUIET[:8],
        (8, ItemsDone(1, (0, 1, 2), (3,))),
        (8, BatchDone(1, run_seconds=2.0)),
        (8, GiveUp("run-1.1", 3, "failed", 1)),
        (9, STOPPED),
        (20, STARTED),
        (20, RunOpened("run-1.2", "c")),
    ]
    kept = told([*first, (20, added(10, finished=4))])
    again = told([*first, (20, added(10, finished=3))])
    seen = [
        (c.finished, c.failed, c.waiting) for c in (x.counts(BEGIN + 20) for x in (kept, again))
    ]
    assert seen == [(4, 1, 6), (3, 0, 7)]
    left = [x._fold.progress.steps.at(BEGIN + 20)[3] for x in (kept, again)]
    assert left == [6.0, 7.0]


def test_a_moment_is_told_alike_live_and_in_replay() -> None:
    rng = np.random.default_rng(3)
    what = scenario(evicted(6, rng, 60.0), 400, rng, spread=0.5)
    log = log_of(what)
    costs = what.runs["run"].costs
    live, replayed = Chronicle(costs), Chronicle(costs)
    for entry in log:
        replayed.take(entry)
    steps = len(log) // 7
    for number, entry in enumerate(log, 1):
        live.take(entry)
        last_of_its_moment = number == len(log) or log[number].at > entry.at
        if number % steps < 3 and last_of_its_moment:
            at = entry.at
            assert live.counts(at) == replayed.counts(at)
            assert live.crew(at) == replayed.crew(at)
            assert live.state(at) == replayed.state(at)
            assert live.eta(at) == replayed.eta(at)
            assert live.items_per_second(at) == replayed.items_per_second(at)
            assert sum(live.split(at)) == pytest.approx(sum(replayed.split(at)))


def test_entries_that_cannot_be_read_are_passed_over() -> None:
    chronicle = Chronicle()
    for entry in logged(QUIET):
        chronicle.take(entry._replace(body=b"{"))
        chronicle.take(entry)
    assert chronicle.counts(chronicle.last_at).finished == 10
    assert chronicle.passed_over == 13
    body = msgspec.json.encode({"event": "BatchDone", "batch": 77, "run_seconds": 1.0})
    chronicle.take(LoggedEvent(99, BEGIN + 20, "BatchDone", body))
    chronicle.take(LoggedEvent(100, BEGIN + 21, "OfAnotherVersion", b"\xff"))
    assert chronicle.last_seq == 100


def test_entries_that_cannot_be_so_are_passed_over() -> None:
    chronicle = told(QUIET[:8])
    before = chronicle.counts(chronicle.last_at)
    for seq, event in enumerate(
        (
            ItemsDone(1, (3, 77)),
            dispatch(2**70, ((0, 4),)),
            ItemsReopened("run-1.1", ((-(2**70), 4),)),
            ItemsDone(9, (1,)),
        ),
        100,
    ):
        kind, body = type(event).__name__, msgspec.json.encode(event)
        chronicle.take(LoggedEvent(seq, BEGIN + 7, kind, body))
    assert chronicle.passed_over >= 3
    assert chronicle.counts(BEGIN + 7).items == before.items


def test_an_empty_chronicle_answers() -> None:
    chronicle = Chronicle()
    assert chronicle.counts(BEGIN).items == 0
    assert chronicle.eta(BEGIN) is None
    assert sum(chronicle.split(BEGIN)) == 0.0
    assert chronicle.troubles(BEGIN, "running") == []
    assert len(chronicle.curves(BEGIN, 10).at) == 10
